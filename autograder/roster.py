"""Who is in the class: a CSV of students."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Roster", "Student", "read_roster"]


@dataclass(frozen=True)
class Student:
    """One line of the roster; `id` is the university's, `alias` is what classmates may see.

    `extension` is empty, hours or days such as `48h` or `2d`, or a date and time of the student's own.
    `moodle` and `canvas` are the numbers that those systems write into file names, where they are known.
    """

    id: str
    name: str = ""
    alias: str = ""
    group: str = ""
    extension: str = ""
    email: str = ""
    moodle: str = ""
    canvas: str = ""


@dataclass(frozen=True)
class Roster:
    """The students of a class, by id."""

    students: tuple[Student, ...] = ()


def read_roster(path: Path, secret: bytes) -> Roster:
    """The roster in a CSV file; aliases that are empty are made from the secret."""
    raise NotImplementedError
