"""What a search for hand-ins finds."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..classroom.roster import Student

__all__ = ["Found", "Intake", "Piece"]

_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Found:
    """One hand-in: whose it is, where it lies, what it is called in the folder, and when it came (UTC).

    `student` is the roster's id where the roster knows them, else the name on the file. `late_mark` says that the
    system it comes from calls it late, and not by how much. `beside` are files of theirs that are no part of any
    hand-in: an answer may stand in one.
    """

    student: str
    path: Path
    file: str
    submitted: datetime | None = None
    known: bool = True
    late_mark: bool = False
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Intake:
    """What a path holds: the hand-ins by student and in the order they came, and all that is none.

    `missing` are the students of the roster without a hand-in. `problems` are the files that are not graded, each
    with the reason; what systems leave behind (`.DS_Store`, `__MACOSX`) is not among them.
    """

    layout: str
    found: tuple[Found, ...]
    missing: tuple[Student, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Piece:
    """A file or folder of a student. `whole` is False for what can hardly be a hand-in: a picture, a text."""

    student: str
    known: bool
    path: Path
    whole: bool
    order: int = 1
    submitted: datetime | None = None
    late: bool = False
    # The name that a file of a flat download had when it was uploaded.
    upload: str = ""

    @property
    def place(self) -> tuple[object, ...]:
        """Where it stands among the student's hand-ins."""
        numbers = re.sub(r"[0-9]+", lambda digits: digits[0].zfill(20), str(self.path))
        return self.student, self.order, self.submitted or _EARLIEST, numbers, str(self.path)
