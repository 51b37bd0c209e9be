"""Copies of all that was handed in, so that a class can be graded again when the folders it came from are gone."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..base.errors import AutograderError
from ..intake.digest import HUGE, fingerprint

__all__ = ["KEPT", "keep", "kept_copy"]

KEPT = "kept"
_BEGUN = ".copying-"


def kept_copy(home: Path, digest: str) -> Path | None:
    """The copy of the hand-in with this digest, None where there is none."""
    folder = home / KEPT / digest[:32]
    try:
        return next(iter(sorted(folder.iterdir())), None)
    except OSError:
        return None


def keep(home: Path, hand_ins: Iterable[tuple[str, Path]]) -> None:
    """Copy the hand-ins that have no copy yet, each whole or not at all: their digests and where they lie.

    There is no copy of what can hardly be copied: files too large for any exercise, which are refused anyway, and
    folders in which something cannot be read or is no file. An `AutograderError` says when there is no room.
    """
    root = home / KEPT
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in root.glob(f"{_BEGUN}*"):
            # Of a run that was killed.
            shutil.rmtree(left, ignore_errors=True)
        for digest, place in hand_ins:
            target = root / digest[:32]
            if target.is_dir() or not _is_plain(place):
                continue
            begun = Path(tempfile.mkdtemp(dir=root, prefix=_BEGUN))
            copy = begun / place.name
            _copy(place, copy)
            # Whoever wrote into it meanwhile made another hand-in of it, which the next run finds.
            if fingerprint(copy) == digest:
                begun.rename(target)
            else:
                shutil.rmtree(begun)
    except OSError as error:
        raise AutograderError(
            f"could not copy a hand-in into {root}: {error.strerror}: make room, or name another --out"
        ) from None


def _is_plain(path: Path) -> bool:
    if not path.is_dir():
        return path.is_file() and os.access(path, os.R_OK) and path.stat().st_size <= HUGE
    return all(
        file.is_symlink() or (file.is_file() and os.access(file, os.R_OK) and file.stat().st_size <= HUGE)
        for file in _below(path)
    )


def _copy(path: Path, to: Path) -> None:
    if not path.is_dir():
        shutil.copyfile(path, to)
        return
    to.mkdir()
    for file in _below(path):
        copy = to / file.relative_to(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy, follow_symlinks=False)


def _below(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder, followlinks=False):
        yield from (Path(root, name) for name in names)
