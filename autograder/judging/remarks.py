"""What is said of a hand-in beside its tests, and of what failed while it was graded."""

import errno
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from exercise_code.common.hand_ins.hand_in import VERSIONS, HandIn, Note
from exercise_code.common.reasons import Reason

from .result import TestResult

__all__ = ["remarks_on", "trouble", "version_gap"]

# What code meets in a version that lacks a form, a name or a module.
_TELLING = frozenset(("SyntaxError", "IndentationError", "ImportError", "ModuleNotFoundError", "AttributeError"))


def version_gap(folder: Path, tests: Iterable[TestResult], ours: Mapping[str, str]) -> list[str]:
    """A note when a test failed as another version would make it fail, and the versions differ; else nothing.

    `folder` is the hand-in's; `ours` are the grader's versions by name. Python's minor version counts, and the major
    one of each library. What the hand-in says of itself is a stranger's text: only plain numbers are repeated.
    """
    failed = [test for test in tests if not test.passed]
    if not any(test.raised in _TELLING or test.code is Reason.UNREADABLE for test in failed):
        return []
    theirs = _theirs(folder / VERSIONS)
    gaps = []
    for name in sorted(set(theirs) & set(ours)):
        parts = 2 if name == "python" else 1
        if _number(theirs[name], parts) and _number(theirs[name], parts) != _number(ours[name], parts):
            shown = "Python" if name == "python" else name
            gaps.append(f"with {shown} {_shown(theirs[name])}, graded with {_shown(ours[name])}")
    if not gaps:
        return []
    return [f"written {'; '.join(gaps)}: a failure that names a missing form, name or module may come from that"]


def _theirs(path: Path) -> dict[str, str]:
    try:
        table: Any = json.loads(path.read_bytes())
        packages = table.get("packages", {})
        return {str(k): str(v) for k, v in {**packages, "python": table.get("python", "")}.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _number(version: str, parts: int) -> tuple[int, ...]:
    """The first parts of a version; empty where it is none."""
    pieces = version.split(".")[:parts]
    plain = len(pieces) == parts and all(p.isascii() and p.isdigit() and len(p) < 5 for p in pieces)
    return tuple(int(p) for p in pieces) if plain else ()


def _shown(version: str) -> str:
    return ".".join(map(str, _number(version, 2) or _number(version, 1)))


# A disk that is full, or a share of it.
FULL = (errno.ENOSPC, errno.EDQUOT)
# Of each kind; a hand-in may hold thousands of files.
MOST_NOTES = 20
# What nbgrader puts beside what it collects is not the student's.
_NBGRADERS = ("timestamp.txt", "submission_secret.txt")


def trouble(error: Exception) -> str:
    """What failed while a hand-in was graded, in words."""
    if not isinstance(error, OSError):
        return str(error)
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in FULL:
        return f"the folder for temporary files is full ({reason}): make room, or name another one in TMPDIR"
    return f"the judge could not go on ({reason}): run the command again"


def remarks_on(hand_in: HandIn) -> list[Note]:
    # A file that was not taken is missing as well, and is named once.
    told = {note.name for note in hand_in.notes if note.code is Reason.NOT_TAKEN}
    notes = [Note(Reason.MISSING, f"{name} is missing", name) for name in hand_in.missing if name not in told]
    for code, what in (
        (Reason.NOT_TAKEN, "files are not taken"),
        (Reason.MOVED, "files were taken from another place"),
        (Reason.IGNORED, "files were ignored"),
    ):
        of = [note for note in hand_in.notes if note.code is code and note.name not in _NBGRADERS]
        notes += of[:MOST_NOTES]
        if len(of) > MOST_NOTES:
            notes.append(Note(code, f"{len(of) - MOST_NOTES} more {what}"))
    return notes
