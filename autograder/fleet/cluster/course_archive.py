"""The course as one archive for machines that have none: code, the exercise, its private room."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from exercise_code.common.archives.zips import zip_bytes
from exercise_code.common.datasets.places import registry_file
from exercise_code.common.exercise import Exercise

from ...sources.exercise import sources

__all__ = ["CourseArchive", "make_archive"]

_LEFT_OUT = ("__pycache__", "models-real", ".ipynb_checkpoints")
# The earliest that zips know, so that equal files make equal archives.


@dataclass(frozen=True)
class CourseArchive:
    """A zip and its SHA-256: the same files give the same one."""

    content: bytes = field(repr=False)
    digest: str


def make_archive(exercise: Exercise) -> CourseArchive:
    """What judging the exercise takes, besides Python and its packages, in the project's own layout.

    Of the private sources only this exercise's and those of the earlier ones that it builds on are in it.
    """
    content = zip_bytes({name: path.read_bytes() for name, path in _files(exercise)}, level=6)
    return CourseArchive(content, hashlib.sha256(content).hexdigest())


def _files(exercise: Exercise) -> Iterator[tuple[str, Path]]:
    own = Path(__file__).resolve().parent.parent.parent
    for path in own.rglob("*.py"):
        if not path.is_relative_to(own / "course") and not _is_left_out(path):
            yield f"autograder/{path.relative_to(own).as_posix()}", path
    source = sources(exercise)
    exercises = (exercise.id, *exercise.earlier)
    package = exercise.folder.parent
    folders = {f"exercise_code/{name}": package / name for name in ("common", *exercises)}
    folders |= {f"autograder/course/{name}": source.course.parent / name for name in exercises}
    folders[f"exercises/{exercise.id}"] = source.notebooks
    for prefix, folder in folders.items():
        for path in folder.rglob("*"):
            if path.is_file() and not _is_left_out(path):
                yield f"{prefix}/{path.relative_to(folder).as_posix()}", path
    yield "exercise_code/__init__.py", package / "__init__.py"
    if (registry := registry_file()) is not None:
        yield "datasets/registry.toml", registry


def _is_left_out(path: Path) -> bool:
    return any(part in _LEFT_OUT for part in path.parts)
