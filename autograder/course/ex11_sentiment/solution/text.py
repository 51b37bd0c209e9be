"""Exercise 11: from a text to words, and from words to numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

# The first two numbers of every vocabulary: what fills up short reviews, and every word that is not in the list.
PADDING, UNKNOWN = 0, 1


def tokenize(text: str) -> list[str]:
    r"""The words of a text in lower case, in their order, a list of strings.

    A word is a run of letters and digits. Single apostrophes inside it belong to it: "didn't" is one word. Everything
    else, punctuation, underscores and line breaks such as "<br />", "<br/>" and "<br>" included, stands between words.

    Args:
        text: any text, also an empty one.

    Hints:
        - `re.sub(pattern, " ", text)` replaces what matches a pattern, `re.findall(pattern, text)` lists it.
        - In a pattern, `[^\W_]` is a letter or digit, `+` means once or more, `*` any number of times, `?` once or not
          at all, and `(?:...)` groups what belongs together.
    """
    ### TASK text_tokens
    ### BEGIN SOLUTION
    plain = re.sub(r"<br\s*/?>", " ", text.lower())
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", plain)
    ### END SOLUTION


class Vocabulary:
    """A list of words, each of which has a number.

    0 stands for padding and 1 for any word that is not in the list. The first word has the number 2, the second one
    the number 3, and so on. `len(vocabulary)` counts all numbers, 0 and 1 included.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """A vocabulary of these words, in this order."""
        self.words = list(words)
        self.numbers = {word: number for number, word in enumerate(self.words, start=2)}

    def __len__(self) -> int:
        return len(self.words) + 2

    @classmethod
    def build(cls, reviews: Iterable[list[str]], min_count: int = 1, max_words: int | None = None) -> Vocabulary:
        """The vocabulary of the words that occur in these reviews, the most frequent word first.

        Words that occur equally often are in alphabetical order.

        Args:
            reviews: lists of words, such as `tokenize` gives.
            min_count: words that occur less often in all reviews together are left out.
            max_words: at most this many words are kept, the most frequent ones; None keeps all.

        Hints:
            - `Counter` counts: `counts.update(words)` adds the words of a list, `counts.items()` has pairs.
            - `sorted(pairs, key=...)` sorts by what the function `key` makes of each pair. A tuple such as
              `(-count, word)` sorts by decreasing count first, then by word.
            - The class makes a vocabulary of a list of words: `cls(words)`.
        """
        ### TASK text_vocabulary
        ### BEGIN SOLUTION
        counts: Counter[str] = Counter()
        for words in reviews:
            counts.update(words)
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return cls([word for word, count in ranked if count >= min_count][:max_words])
        ### END SOLUTION

    def encode(self, words: Sequence[str]) -> list[int]:
        """The numbers of these words, a list of ints; 1 for each word that the vocabulary does not have.

        Hints:
            - `self.numbers` is a dict from words to numbers. `dict.get` takes a value for what is not there.
        """
        ### TASK text_vocabulary
        ### BEGIN SOLUTION
        return [self.numbers.get(word, UNKNOWN) for word in words]
        ### END SOLUTION

    def decode(self, numbers: Sequence[int]) -> list[str]:
        """The words of these numbers, with "…" for padding and "?" for unknown words."""
        return [("…", "?", *self.words)[number] for number in numbers]
