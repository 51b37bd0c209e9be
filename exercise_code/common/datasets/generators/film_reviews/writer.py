"""Made-up film reviews, praise or blame: short English texts in which single words do not tell which.

Of each ten reviews four say plainly what they think. Three say it in clauses of which half are negated ("the plot was
not dull"): there a model has to see which words stand together. Three set two such clauses against each other, and the
main clause counts ("although the plot was not dull, I hated the songs"): there it has to see the order. All sentences
of opinion in a review agree; the others tell of the film and judge nothing.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..sampling import chance, sample_generator
from .words import (
    ADJECTIVES,
    FEELINGS,
    HELD_OUT,
    RELATIVES,
    TRAINING,
    VERBS,
    VERDICTS,
    WEEKDAYS,
    Cast,
)

__all__ = ["NEGATIVE", "POSITIVE", "make_reviews"]

NEGATIVE, POSITIVE = 0, 1
_BLOCK = 10
_OPENERS = ("For me, ", "On the whole, ", "In the end, ", "To be honest, ", "This time, ", "As I see it, ")
_T = TypeVar("_T")
_DEGREES = ("really", "truly", "quite", "simply", "utterly")
_NEGATED_DEGREES = ("really", "exactly", "particularly")


def make_reviews(n: int, seed: int, start: int = 0, training: bool = True) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Texts (n of them) and labels int64 (n,), 0 for blame and 1 for praise: the samples from `start` on of a seed.

    Each ten reviews in a row hold both labels five times. Names and nouns are those of training, or the held-out ones.
    Sample i of a seed is the same whatever n is.

    >>> texts, labels = make_reviews(10, seed=0)
    >>> len(texts), labels.sum()
    (10, np.int64(5))
    """
    texts: list[str] = []
    labels = np.empty(n, dtype=np.int64)
    cast = TRAINING if training else HELD_OUT
    order = np.empty(0, dtype=np.int64)
    for i in range(n):
        block, place = divmod(start + i, _BLOCK)
        if i == 0 or place == 0:
            # Blocks draw from a stream that no sample uses.
            order = sample_generator(seed, 2**32 + block).permutation(_BLOCK) % 2
        labels[i] = order[place]
        texts.append(_Writer(sample_generator(seed, start + i), cast).review(int(labels[i])))
    return texts, labels


class _Writer:
    """Writes one review about one film."""

    def __init__(self, rng: np.random.Generator, cast: Cast) -> None:
        self.rng, self.cast = rng, cast
        self.actor, self.director = self._person(), self._person()
        self.job, self.animal = self.pick(cast.jobs), self.pick(cast.animals)
        self.thing, self.place = self.pick(cast.things), self.pick(cast.places)
        self.title = f"The {self.pick(cast.title_adjectives)} {self.pick(cast.title_nouns)}"

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of them."""
        return choices[int(self.rng.integers(len(choices)))]

    def _person(self) -> str:
        return f"{self.pick(self.cast.first_names)} {self.pick(self.cast.last_names)}"

    def review(self, label: int) -> str:
        """One to six sentences, of which one or two judge the film."""
        kind = self.rng.random()
        speak = self._plain if kind < 0.4 else self._half_negated if kind < 0.7 else self._contrasted
        opinions = [speak(label) for _ in range(2 if chance(self.rng, 0.3) else 1)]
        facts = self._facts(int(self.rng.integers(0, 7 - len(opinions))))
        # The order of the facts stays: they tell of the film from its beginning.
        sentences = list(facts)
        for opinion in opinions:
            sentences.insert(int(self.rng.integers(len(sentences) + 1)), opinion)
        return " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)

    def _facts(self, count: int) -> list[str]:
        chosen = sorted(self.rng.permutation(len(_FACTS))[:count].tolist())
        return [_FACTS[k](self) for k in chosen]

    def _plain(self, label: int) -> str:
        return f"{self._opener()}{self._clause(label, False, self._subject())}."

    def _half_negated(self, label: int) -> str:
        return f"{self._opener()}{self._clause(label, chance(self.rng, 0.5), self._subject())}."

    def _contrasted(self, label: int) -> str:
        subject, other = self._subject(), self._subject()
        while other == subject:
            other = self._subject()
        aside = self._clause(1 - label, chance(self.rng, 0.5), subject)
        main = self._clause(label, chance(self.rng, 0.5), other)
        match int(self.rng.integers(10)):
            case 0 | 1 | 2:
                return f"{aside}, but {main}."
            case 3:
                return f"{aside}, yet {main}."
            case 4 | 5:
                return f"although {aside}, {main}."
            case 6:
                return f"even though {aside}, {main}."
            case 7 | 8:
                return f"{main}, although {aside}."
            case _:
                return f"{main}, even though {aside}."

    def _opener(self) -> str:
        return self.pick(_OPENERS) if chance(self.rng, 0.25) else ""

    def _subject(self) -> tuple[str, bool]:
        """What is judged, and whether it is several."""
        match int(self.rng.integers(10)):
            case 0 | 1 | 2 | 3:
                return f"the {self.pick(self.cast.part)}", False
            case 4 | 5:
                return f"the {self.pick(self.cast.parts)}", True
            case 6:
                return self.title, False
            case 7:
                return self.pick((self.actor, self.director)), False
            case 8:
                return f"the {self.pick((self.job, self.animal))}", False
            case _:
                return self.pick(("the film", "the whole thing", "the first half", "the second half")), False

    def _clause(self, side: int, negated: bool, about: tuple[str, bool]) -> str:
        """A clause that praises (1) or blames (0); negated, it says so with the other side's words."""
        # The tables name praise first.
        words = 1 - side if not negated else side
        subject, several = about
        be = "were" if several else "was"
        match int(self.rng.integers(10)):
            case 0 | 1 | 2 | 3 | 4:
                return f"{subject} {self._be(be, negated)} {self.pick(ADJECTIVES[words])}"
            case 5 | 6:
                past, plain = self.pick(VERBS[words])
                return f"{subject} {self._do(past, plain, negated)}"
            case 7:
                past, plain = self.pick(FEELINGS[words])
                return f"I {self._do(past, plain, negated)} {subject}"
            case _:
                noun = self.pick(VERDICTS[words])
                if not negated:
                    return f"{subject} {be} a {noun}"
                return f"{subject} {be} {self.pick(('no', 'no', 'not a', 'hardly a'))} {noun}"

    def _be(self, be: str, negated: bool) -> str:
        # A word between "not" and what it negates hides the pair of the two.
        degree = f" {self.pick(_NEGATED_DEGREES if negated else _DEGREES)}" if chance(self.rng, 0.07) else ""
        if not negated:
            return f"{be}{degree}"
        rare = (f"{be} hardly", f"{be} far from", f"{be} by no means")
        form = self.pick((f"{be} not", f"{be} not", f"{be} not", f"{be}n't", f"{be} never", f"{be} never", *rare))
        return form if form.endswith(("hardly", "from", "means")) else f"{form}{degree}"

    def _do(self, past: str, plain: str, negated: bool) -> str:
        # "I did enjoy it": were it only in denials, the form of a verb would tell that it is denied.
        if not negated:
            return f"did {plain}" if chance(self.rng, 0.12) else past
        return self.pick((f"did not {plain}", f"did not {plain}", f"didn't {plain}", f"never {past}", f"never {past}"))


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _minutes(w: _Writer) -> str:
    return w.pick(("eighty", "ninety", "a hundred", "a hundred and ten", "two hundred"))


_FACTS: tuple[Callable[[_Writer], str], ...] = (
    lambda w: f"I saw {w.title} on a {w.pick(WEEKDAYS)} with my {w.pick(RELATIVES)}.",
    lambda w: f"My {w.pick(RELATIVES)} had two tickets for {w.title}.",
    lambda w: f"We went to {w.title} because it was raining.",
    lambda w: f"It is the {w.pick(('first', 'second', 'third', 'ninth'))} film by {w.director}.",
    lambda w: f"{w.director} shot it in {w.place} with a crew of {w.pick(('six', 'nine', 'forty', 'three hundred'))}.",
    lambda w: f"{w.actor} plays {_a(w.job)} in {w.place}.",
    lambda w: f"{w.actor} is {_a(w.job)} who finds {_a(w.thing)} in the attic.",
    lambda w: f"{_a(w.job)} and {_a(w.animal)} share a room above a bank.",
    lambda w: f"It begins with {_a(w.thing)} that falls from a roof.",
    lambda w: f"The {w.job} inherits {_a(w.animal)} and has to live in {w.place}.",
    lambda w: f"It takes place in {w.place}, most of it at night.",
    lambda w: f"Somebody has stolen the {w.thing}, and the {w.job} is the only witness.",
    lambda w: f"Halfway through, {_a(w.animal)} eats the map.",
    lambda w: f"There is a scene with {_a(w.animal)} and {_a(w.thing)} that nobody explains.",
    lambda w: f"The {w.animal} never speaks, but it sings twice.",
    lambda w: f"The {w.job} does not know that the {w.animal} can read.",
    lambda w: f"{w.actor} is on screen for {_minutes(w)} minutes and says eleven words.",
    lambda w: f"They say that {w.actor} learned to play the {w.thing} for the role.",
    lambda w: f"The role of the {w.animal} was written for {w.actor}.",
    lambda w: f"My {w.pick(RELATIVES)} slept from the {w.thing} to the credits.",
    lambda w: f"Behind us sat {_a(w.job)} who knew every line.",
    lambda w: f"The {w.animal} is not in the book.",
    lambda w: f"It runs for {_minutes(w)} minutes, with a break for the projector.",
    lambda w: f"In the last scene the {w.job} drives to {w.place} with the {w.thing} on the roof.",
    lambda w: f"The {w.animal} gets the {w.thing}, and the {w.job} gets the {w.animal}.",
    lambda w: f"After the credits the {w.animal} comes back for its hat.",
    lambda w: f"My {w.pick(RELATIVES)} could not find the exit afterwards.",
    lambda w: f"On the way home we talked about {w.pick(('the rent', 'the weather', 'supper', 'trains', 'tax'))}.",
    lambda w: f"{w.director} has not said whether there will be a sequel.",
)
