"""Which hand-ins a path holds, and whose they are."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from exercise_code.common.exercise import Exercise

from .errors import AutograderError
from .judge import Job

__all__ = ["find_hand_ins", "fingerprint"]

ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz")
CHUNK = 1 << 20


def find_hand_ins(path: Path, exercise: Exercise) -> list[Job]:
    """The hand-ins of an exercise at `path`, by student: a zip, a hand-in's folder, or a folder of many.

    A folder of many holds zips named after students, folders named after students, or nbgrader's
    `submitted/<student>/<exercise>`.
    """
    if not path.exists():
        raise AutograderError(f"expected hand-ins at {path}, found nothing there: check the path")
    if path.is_file():
        return [Job(path.stem, path)]
    try:
        if _is_hand_in(path, exercise):
            return [Job(path.resolve().name, path)]
        jobs = [job for child in sorted(path.iterdir()) for job in _of(child, exercise)]
    except PermissionError as error:
        raise AutograderError(f"could not read {error.filename}: {error.strerror}: check its permissions") from None
    if not jobs:
        raise AutograderError(
            f"expected zips, or folders named after students, in {path}, found none of {exercise.id}: check the path"
        )
    return jobs


def _of(child: Path, exercise: Exercise) -> Iterator[Job]:
    if child.name.startswith((".", "__")):
        return
    if child.is_symlink() or not child.is_dir():
        if child.name.lower().endswith(ARCHIVES):
            yield Job(child.name.split(".")[0] or child.name, child)
        return
    inner = child / exercise.id
    if inner.is_dir():
        yield Job(child.name, inner)
    elif _is_hand_in(child, exercise):
        yield Job(child.name, child)
    else:
        for archive in sorted(child.glob("*.zip")):
            yield Job(child.name, archive)


def _is_hand_in(folder: Path, exercise: Exercise) -> bool:
    names = [f"{n}.ipynb" for n in exercise.all_notebooks]
    return (folder / "exercise_code").is_dir() or any((folder / n).is_file() for n in names)


def fingerprint(path: Path) -> str:
    """A SHA-256 of a hand-in's bytes: of the zip, or of a folder's names and files (links are not followed)."""
    digest = hashlib.sha256()
    files = [path] if not path.is_dir() else sorted(_files(path))
    for file in files:
        if file != path:
            digest.update(os.fsencode(file.relative_to(path)) + b"\0")
        if file.is_symlink() or not file.is_file():
            continue
        digest.update(f"{file.stat().st_size}:".encode())
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder, followlinks=False):
        yield from (Path(root, name) for name in names)
