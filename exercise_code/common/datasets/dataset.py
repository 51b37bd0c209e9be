"""What a data set is: the value `DATASET` of its file, which holds all that is known of this set and no other."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ..progress import Report

__all__ = ["SPLITS", "Arrays", "Dataset", "Parser", "SampleSet"]

SPLITS = ("train", "val", "test")
Arrays = Mapping[str, npt.NDArray[Any]]
# A file of real data, the name of a split, and who is told how many bytes have been read.
Parser = Callable[[Path, str, Report], Arrays]


@dataclass(frozen=True, eq=False)
class SampleSet(ABC):
    """One split, as `load_dataset` gives it. A data set's own class adds its arrays as fields.

    `source` is "real" or "embedded"; `variant` says which file of the registry it came from, or "drawn"; `folder`
    holds the arrays.
    """

    name: str
    split: str
    source: str
    variant: str
    folder: Path = field(repr=False)

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Any: ...

    @property
    def place(self) -> Path:
        """Where a person finds its files; writes those that are missing."""
        return self.folder


@dataclass(frozen=True)
class Dataset:
    """A data set. Its file assigns one of these to `DATASET`, `known.py` lists the file: docs/new_dataset.md.

    Attributes:
        name: what `load_dataset` is told, and the name of its table in `datasets/registry.toml`.
        splits: how many embedded samples "train", "val" and "test" have.
        samples: its subclass of `SampleSet`, whose fields have the names of the arrays. Its docstring says their
            shapes, types and ranges; real and embedded ones are alike.
        generate: `generate(n, seed, start)` draws the embedded samples `start` to `start + n` of a seed, as arrays by
            name. Sample i of a seed never depends on n or start (`generators.sampling.sample_generator`). What it
            draws with is imported when it is called: most loads find a cache.
        parsers: by the names in the registry, `parser(path, split, report)` makes the same arrays from a real file,
            and a `CourseError` of one line from a wrong one.
        ragged: arrays that hold samples of different lengths one after the other, each with the array of these lengths;
            the first index of every other array is the sample.
        parser_version: part of the name of a real cache; raised when a parser gives other arrays for the same file.
    """

    name: str
    splits: Mapping[str, int]
    samples: Callable[..., SampleSet]
    generate: Callable[[int, int, int], Arrays]
    parsers: Mapping[str, Parser]
    ragged: Mapping[str, str] = field(default_factory=dict)
    parser_version: int = 1
