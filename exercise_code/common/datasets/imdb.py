"""IMDb: film reviews, positive or negative; embedded, made-up reviews of films that never were."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from ..archives.unpack import open_tar, read_member
from ..errors import CourseError
from ..progress import Report
from .dataset import Arrays, Dataset, SampleSet
from .embedded import SEEDS

__all__ = ["DATASET", "ReviewSet", "Texts"]

_MAX_REVIEW = 100_000
_MEMBER = re.compile(r"(?:^|/)(train|val|test)/(pos|neg)/(\d{1,6})_(\d{1,2})\.txt$", re.ASCII)
_SIDES = ("neg", "pos")
# Stars of a negative and of a positive review.
_STARS = (range(1, 5), range(7, 11))
# Upstream has no validation split. Reviews of one film stand side by side: they stay together.
_UPSTREAM_TRAIN, _UPSTREAM_VAL = range(10_000), range(10_000, 12_500)


class Texts(Sequence[str]):
    """The texts of `ReviewSet`: `texts[i]` is decoded when it is asked for."""

    def __init__(self, utf8: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int64]) -> None:
        self._utf8 = utf8
        self._ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        return self._utf8[self._ends[place] : self._ends[place + 1]].tobytes().decode("utf-8")

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"{len(self):,} texts"


@dataclass(frozen=True, eq=False)
class ReviewSet(SampleSet):
    """Film reviews: `texts`, N strings, and `labels` int64 (N,), 0 for a negative review and 1 for a positive one.

    `dataset[i]` is (text, label). The texts lie on disk as `utf8` uint8 (B,), all their bytes one after the other, and
    `lengths` int64 (N,), how many bytes each has.
    """

    utf8: npt.NDArray[np.uint8] = field(repr=False)
    lengths: npt.NDArray[np.int64] = field(repr=False)
    labels: npt.NDArray[np.int64] = field(repr=False)

    @cached_property
    def texts(self) -> Texts:
        """The reviews, as a sequence of strings."""
        return Texts(self.utf8, self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> tuple[str, int]:
        return self.texts[index], int(self.labels[index])


def _generate(n: int, seed: int, start: int) -> Arrays:
    from .generators.film_reviews.writer import make_reviews

    # Names and nouns of training stand in no other split, whatever its seed.
    texts, labels = make_reviews(n, seed, start, training=seed == SEEDS["train"])
    return _arrays([text.encode() for text in texts], labels)


def _arrays(texts: list[bytes], labels: npt.NDArray[np.int64]) -> Arrays:
    return {
        "utf8": np.frombuffer(b"".join(texts), dtype=np.uint8),
        "lengths": np.array([len(text) for text in texts], dtype=np.int64),
        "labels": labels,
    }


def _imdb_tar(path: Path, split: str, report: Report) -> Arrays:
    """The homepage's archive: of each label in train the last fifth of the numbers is for validation."""
    folder, numbers = {
        "train": ("train", _UPSTREAM_TRAIN),
        "val": ("train", _UPSTREAM_VAL),
        "test": ("test", range(12_500)),
    }[split]
    return _read_tar(path, folder, numbers, report)


def _imdb_tar_splits(path: Path, split: str, report: Report) -> Arrays:
    """An archive in the same form with a folder for each split."""
    return _read_tar(path, split, range(1_000_000), report)


def _read_tar(path: Path, folder: str, numbers: range, report: Report) -> Arrays:
    """The reviews of a folder with these numbers, by number, the negative one before the positive one."""
    found: dict[tuple[int, int], bytes] = {}
    with open_tar(path) as files:
        for name, stream in files:
            member = _MEMBER.search(name)
            if member is None or member[1] != folder or int(member[3]) not in numbers:
                continue
            text = read_member(stream, name, _MAX_REVIEW)
            report(len(text))
            label = _SIDES.index(member[2])
            if int(member[4]) not in _STARS[label]:
                raise CourseError(_bad(path, f"{_STARS[label][0]} to {_STARS[label][-1]} stars", f"{name!r}"))
            key = int(member[3]), label
            if key in found:
                raise CourseError(_bad(path, "one review a number", f"a second one, {name!r}"))
            found[key] = _checked(text, name, path)
    if missing := [side for label, side in enumerate(_SIDES) if all(key[1] != label for key in found)]:
        raise CourseError(
            f"expected reviews {folder}/{missing[0]}/NUMBER_STARS.txt in {path.name}, found none: "
            "delete the archive and get it again"
        )
    order = sorted(found)
    return _arrays([found[key] for key in order], np.array([label for _, label in order], dtype=np.int64))


def _checked(text: bytes, name: str, path: Path) -> bytes:
    try:
        words = text.decode("utf-8")
    except UnicodeDecodeError:
        raise CourseError(_bad(path, "UTF-8 text", f"other bytes in {name!r}")) from None
    if not words.strip():
        raise CourseError(_bad(path, "a review in each file", f"none in {name!r}"))
    return text


def _bad(path: Path, expected: str, got: str) -> str:
    return f"expected {expected} in {path.name}, got {got}: delete the archive and get it again"


DATASET = Dataset(
    name="imdb",
    splits={"train": 8000, "val": 1000, "test": 1000},
    samples=ReviewSet,
    generate=_generate,
    parsers={"imdb_tar": _imdb_tar, "imdb_tar_splits": _imdb_tar_splits},
    ragged={"utf8": "lengths"},
)
