"""The embedded data sets: how many samples each split has, and how they are drawn."""

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exercise_code.common.embedded.faces import make_faces
from exercise_code.common.embedded.objects import make_objects
from exercise_code.common.progress import Report

__all__ = ["SPLIT_SIZES", "generator_version", "make_split"]

SPLIT_SIZES: Mapping[str, Mapping[str, int]] = {
    "cifar10": {"train": 1200, "val": 300, "test": 300},
    "facial_keypoints": {"train": 2000, "val": 400, "test": 400},
}
_SEEDS = {"train": 1, "val": 2, "test": 3}
_GENERATORS: Mapping[str, tuple[Callable[[int, int, int], tuple[npt.NDArray[Any], ...]], tuple[str, str]]] = {
    "cifar10": (make_objects, ("images", "labels")),
    "facial_keypoints": (make_faces, ("images", "keypoints")),
}
_CHUNK = 50


def make_split(name: str, split: str, report: Report) -> dict[str, npt.NDArray[Any]]:
    """The arrays of one split: images, and labels or keypoints. `report` gets the number of samples drawn."""
    generate, columns = _GENERATORS[name]
    size = SPLIT_SIZES[name][split]
    parts = []
    for start in range(0, size, _CHUNK):
        count = min(_CHUNK, size - start)
        parts.append(generate(count, _SEEDS[split], start))
        report(count)
    return {column: np.concatenate([part[k] for part in parts]) for k, column in enumerate(columns)}


@lru_cache(maxsize=1)
def generator_version() -> str:
    """Twelve hex digits that change when any generator's code does, so that no cache outlives its generator."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:12]
