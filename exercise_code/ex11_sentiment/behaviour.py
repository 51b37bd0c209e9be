"""Given: small reviews made for one question each, and what a model makes of them.

They use words and forms of the made-up reviews, and plain English, so that they fit both kinds of data.
"""

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["CASES", "answers_of", "show_table", "table_of", "word_effects"]

PRAISE = ("great", "wonderful", "brilliant", "charming", "funny", "perfect")
BLAME = ("dull", "boring", "awful", "terrible", "silly", "tedious")
PARTS = ("plot", "music", "ending")
NAMES = ("Ada Stone", "Bruno Falk", "Mary Smith", "Yuki Tanaka")


def _with(form: str, flipped: bool = False) -> list[tuple[str, int]]:
    """One review for each word of opinion; `flipped`, the form turns its opinion round."""
    found = []
    for label, words in enumerate((BLAME, PRAISE)):
        for i, word in enumerate(words):
            text = form.format(part=PARTS[i % len(PARTS)], word=word)
            found.append((text, 1 - label if flipped else label))
    return found


def _contrasted() -> list[tuple[str, int]]:
    """The main clause counts, wherever it stands."""
    found = []
    for good, bad in zip(PRAISE, BLAME, strict=True):
        found += [
            (f"The plot was {good}, but the songs were {bad}.", 0),
            (f"The plot was {bad}, but the songs were {good}.", 1),
            (f"Although the plot was {good}, the songs were {bad}.", 0),
            (f"Although the plot was {bad}, the songs were {good}.", 1),
            (f"The songs were {bad}, although the plot was {good}.", 0),
            (f"The songs were {good}, although the plot was {bad}.", 1),
        ]
    return found


# What each kind of review asks, and its reviews with their labels.
CASES: dict[str, list[tuple[str, int]]] = {
    "plain": _with("The {part} was {word}."),
    "negation": _with("The {part} was not {word}.", flipped=True) + _with("The {part} was never {word}.", flipped=True),
    "contrast": _contrasted(),
    # Who played in it is no opinion.
    "names swapped": [case for name in NAMES for case in _with(name + " was {word}.")],
}


def answers_of(predict: Callable[[Sequence[str]], Any]) -> dict[str, list[int]]:
    """For each kind the label that a model answers for each of its reviews; `predict` gives logits (N, 2)."""
    found = {}
    for kind, cases in CASES.items():
        logits = predict([text for text, _ in cases])
        found[kind] = [int(row[1] > row[0]) for row in logits]
    return found


def table_of(answers: dict[str, list[int]]) -> dict[str, tuple[int, int, str]]:
    """For each kind how many answers are right, of how many, and the first review that was misread, if any."""
    found = {}
    for kind, cases in CASES.items():
        wrong = [text for (text, label), answer in zip(cases, answers[kind], strict=True) if answer != label]
        found[kind] = len(cases) - len(wrong), len(cases), wrong[0] if wrong else ""
    return found


def show_table(models: dict[str, Callable[[Sequence[str]], Any]]) -> None:
    """Print for each kind of review how many each model reads correctly, and one that the last model misreads."""
    tables = {name: table_of(answers_of(predict)) for name, predict in models.items()}
    width = max(map(len, CASES)) + 2
    print(" " * width + "".join(f"{name:>16}" for name in tables))
    for kind in CASES:
        print(f"{kind:{width}}" + "".join(f"{table[kind][0]:>10} of {table[kind][1]:2}" for table in tables.values()))
    name, table = list(tables.items())[-1]
    for kind, (_, _, example) in table.items():
        if example:
            print(f"{kind}: {name} misread {example!r}")


def word_effects(predict_words: Callable[[Sequence[list[str]]], Any], words: list[str]) -> tuple[float, list[float]]:
    """How much more a model leans to praise than to blame, and how much less it does when each word is hidden.

    `predict_words` gives logits (N, 2) for N lists of words. In the place of a hidden word stands one that no
    vocabulary has.
    """
    rows = [words, *([*words[:i], "", *words[i + 1 :]] for i in range(len(words)))]
    leaning = [float(row[1] - row[0]) for row in predict_words(rows)]
    return leaning[0], [leaning[0] - without for without in leaning[1:]]
