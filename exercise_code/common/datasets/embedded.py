"""Embedded splits: how one is drawn, and the code on which its cache hangs."""

import hashlib
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..progress import Report
from .dataset import Dataset

__all__ = ["SEEDS", "draw_split", "generator_files", "generator_version"]

SEEDS = {"train": 1, "val": 2, "test": 3}
_CHUNK = 50
_IMPORT = re.compile(r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)", re.MULTILINE)


def draw_split(dataset: Dataset, split: str, report: Report) -> dict[str, npt.NDArray[Any]]:
    """The arrays of one split, each split from a seed of its own. `report` gets the number of samples drawn."""
    size = dataset.splits[split]
    parts = []
    for start in range(0, size, _CHUNK):
        count = min(_CHUNK, size - start)
        parts.append(dataset.generate(count, SEEDS[split], start))
        report(count)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def generator_version(dataset: Dataset) -> str:
    """Twelve hex digits that change when the code does that draws the set, so that no cache outlives its generator."""
    return _version(dataset.generate.__module__)


@cache
def _version(module: str) -> str:
    digest = hashlib.sha256()
    for path in generator_files(module):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:12]


def generator_files(module: str) -> list[Path]:
    """This file, a data set's own, and all of this room that it imports, at its top or in a function.

    Found in the text: to import a generator takes a tenth of a second, and where there is a cache nobody needs it.
    """
    found: dict[str, Path] = {}
    pending = [__name__, module]
    while pending:
        name = pending.pop()
        path = _path(name)
        if name in found or path is None:
            continue
        found[name] = path
        for source, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
            base = importlib.util.resolve_name(source, name.rpartition(".")[0])
            # `from . import a` may name a module or something in one.
            pending += [base, *(f"{base}.{part}" for part in re.findall(r"\w+", names))]
    return [found[name] for name in sorted(found)]


def _path(module: str) -> Path | None:
    room = f"{__package__}."
    if not module.startswith(room):
        return None
    path = Path(__file__).parent.joinpath(*module.removeprefix(room).split(".")).with_suffix(".py")
    return path if path.is_file() else None
