"""MNIST with few labels: handwritten digits, of which a hundred have a label; embedded, drawn digits."""

import gzip
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from ..archives.unpack import read_member
from ..errors import CourseError
from ..progress import Report, silent
from .dataset import Arrays, Dataset, SampleSet
from .embedded import SEEDS
from .generators.sampling import sample_generator

__all__ = ["DATASET", "NO_LABEL", "DigitSet", "redraw"]

NO_LABEL = -1
_SIZE = 28
_CLASSES = 10
_PER_CLASS = 10
_LABELLED = _CLASSES * _PER_CLASS
# The first four bytes of an idx file: bytes, in one or three dimensions.
_VECTOR, _CUBE = 0x801, 0x803
_MAX_UNPACKED = 100_000_000
_SEED = 8


@dataclass(frozen=True, eq=False)
class DigitSet(SampleSet):
    """Digits: `images` uint8 (N, 28, 28), white on black, and `labels` int64 (N,), 0 to 9, or -1 where nobody says.

    In "train" the first 100 have a label, ten of each digit in mixed order, and the rest have none; in "val" (ten of
    each digit) and "test" all have one. `dataset[i]` is (image, label).
    """

    images: npt.NDArray[np.uint8] = field(repr=False)
    labels: npt.NDArray[np.int64] = field(repr=False)

    @property
    def num_labelled(self) -> int:
        """How many have a label: they come first."""
        return int(np.count_nonzero(self.labels != NO_LABEL))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], int]:
        return self.images[index], int(self.labels[index])


def _generate(n: int, seed: int, start: int) -> Arrays:
    from .generators.handwriting.digits import make_digits

    images, labels = make_digits(n, seed, start)
    if seed == SEEDS["train"]:
        labels[np.arange(start, start + n) >= _LABELLED] = NO_LABEL
    return {"images": images, "labels": labels}


def redraw(path: Path, seed: int) -> Arrays:
    """The training split of a real file with labels for another hundred: what a score owes to the luck of a draw."""
    return _mnist_idx(path, "train", silent, seed)


def _mnist_idx(path: Path, split: str, report: Report, seed: int = _SEED) -> Arrays:
    """A file of pictures and, beside it, the file of their labels.

    Of the training pictures ten a digit keep their label, and ten others a digit are for validation.
    """
    images = _read_idx(path, _CUBE, report)
    labels = _read_idx(path.with_name(path.name.replace("images-idx3", "labels-idx1")), _VECTOR, report)
    if len(images) != len(labels):
        raise CourseError(_bad(path, f"{len(labels):,} pictures, as many as labels,", f"{len(images):,}"))
    if len(labels) and labels.max() >= _CLASSES:
        raise CourseError(_bad(path, "labels from 0 to 9", str(labels.max())))
    digits = labels.astype(np.int64)
    if split == "test":
        if not len(digits):
            raise CourseError(_bad(path, "pictures", "none"))
        return {"images": images, "labels": digits}
    train, val = _draw(path, digits, seed)
    if split == "val":
        return {"images": images[val], "labels": digits[val]}
    unlabelled = np.setdiff1d(np.arange(len(digits)), np.concatenate([train, val]))
    return {
        "images": images[np.concatenate([train, unlabelled])],
        "labels": np.concatenate([digits[train], np.full(len(unlabelled), NO_LABEL)]),
    }


def _draw(path: Path, digits: npt.NDArray[np.int64], seed: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The places of those with a label for training, and of those for validation: the same ones for the same seed."""
    chosen = []
    for digit in range(_CLASSES):
        places = np.flatnonzero(digits == digit)
        if len(places) < 2 * _PER_CLASS:
            raise CourseError(_bad(path, f"{2 * _PER_CLASS} pictures of each digit", f"{len(places)} of {digit}"))
        chosen.append(sample_generator(seed, digit).permutation(places)[: 2 * _PER_CLASS])
    drawn = np.stack(chosen)
    return np.sort(drawn[:, :_PER_CLASS], axis=None), np.sort(drawn[:, _PER_CLASS:], axis=None)


def _read_idx(path: Path, magic: int, report: Report) -> npt.NDArray[np.uint8]:
    """The array of bytes in a packed idx file: its kind, its sizes, all big-endian, and the values."""
    if not path.is_file():
        raise CourseError(f"expected {path.name} in {path.parent}, found none: put it there")
    try:
        with path.open("rb") as packed, gzip.open(packed) as stream:
            data = read_member(cast(IO[bytes], stream), path.name, _MAX_UNPACKED)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise CourseError(f"{path.name} is damaged ({error}): delete it and get it again") from error
    report(len(data))
    num_sizes = 3 if magic == _CUBE else 1
    head = np.frombuffer(data[: 4 * (1 + num_sizes)].ljust(16, b"\0"), dtype=">u4")
    if head[0] != magic:
        raise CourseError(_bad(path, f"an idx file that begins with {magic:#010x}", f"{int(head[0]):#010x}"))
    sizes = [int(size) for size in head[1 : 1 + num_sizes]]
    expected = int(np.prod(sizes, dtype=object))
    values = np.frombuffer(data, dtype=np.uint8)[4 * (1 + num_sizes) :]
    if values.size != expected:
        raise CourseError(_bad(path, f"{expected:,} bytes after its sizes", f"{values.size:,}"))
    if magic == _CUBE and sizes[1:] != [_SIZE, _SIZE]:
        raise CourseError(_bad(path, "pictures of 28x28", f"{sizes[1]}x{sizes[2]}"))
    return values.reshape(sizes)


def _bad(path: Path, expected: str, got: str) -> str:
    return f"expected {expected} in {path.name}, got {got}: delete it and get it again"


DATASET = Dataset(
    name="mnist",
    splits={"train": 3000, "val": _LABELLED, "test": 1000},
    samples=DigitSet,
    generate=_generate,
    parsers={"mnist_idx": _mnist_idx},
)
