"""Results that another one replaces wait here, until somebody has been told what became of them."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..base.files import write_if_changed
from ..judging.result import read_result, write_result
from .keys import file_name

__all__ = ["BEFORE", "forget_told", "set_aside", "tell"]

# Where results wait that were replaced, in the folder of an exercise's results.
BEFORE = "before"
# Among them, the names of those that have been listed.
TOLD = ".told"


def set_aside(path: Path, key: str) -> bool:
    """True when the result in `path` has another key: it is kept in `before/`, for a list of what has changed.

    A copy that is there stays: it is older, and nobody has been told yet what became of it. The result of somebody
    else, whose file was put there, is none.
    """
    known = read_result(path)
    if known is None or known.failed or known.key == key or not path.name.startswith(f"{file_name(known.student)}--"):
        return False
    copy = path.parent / BEFORE / path.name
    if not copy.exists():
        write_result(known, copy)
    return True


def tell(folder: Path, names: Sequence[str]) -> None:
    """Take these results out of `before/`, all or none: somebody has been told what became of them."""
    if not names:
        return
    write_if_changed(json.dumps(sorted(names)).encode(), folder / BEFORE / TOLD)
    forget_told(folder)


def forget_told(folder: Path) -> None:
    """Go on where `tell` was cut off."""
    note = folder / BEFORE / TOLD
    try:
        names = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return
    for name in names:
        (folder / BEFORE / name).unlink(missing_ok=True)
    note.unlink(missing_ok=True)
    with suppress(OSError):
        (folder / BEFORE).rmdir()
