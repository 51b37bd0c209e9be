"""Exercises whose numbers differ from student to student: the id that they are drawn from, and how."""

import hashlib
import os
import re
from pathlib import Path

import numpy as np

from ..errors import CourseError
from ..exercise import Exercise, exercise_ids, load_exercise

__all__ = ["ID_FILE", "MAX_ID", "fault_of", "numbers_of", "parse_id", "read_id", "student_id"]

ID_FILE = "student_id.txt"
MAX_ID = 200
_ID = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


def parse_id(data: bytes) -> str | None:
    """The id in a file's bytes, in small letters; None where there is none."""
    try:
        text = data[: MAX_ID + 1].decode("utf-8-sig").strip().lower()
    except UnicodeDecodeError:
        return None
    return text if len(data) <= MAX_ID and _ID.fullmatch(text) else None


def fault_of(data: bytes) -> str:
    """What is wrong with the file that names a student, "" where nothing is."""
    return "" if parse_id(data) else "expected one id of letters, digits and . _ - + @ in it, such as u0042"


def read_id(package: Path) -> str | None:
    """The student that the file in an exercise's `package` folder names; None where there is none."""
    try:
        return parse_id((package / ID_FILE).read_bytes())
    except OSError:
        return None


def numbers_of(exercise: str, student: str) -> np.random.Generator:
    """A generator for the numbers of one student in one exercise: the same everywhere, another for everybody else."""
    digest = hashlib.sha256(f"numbers of {student.lower()} in {exercise}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def student_id(new: str | None = None, exercise: str | None = None) -> str:
    """Whose numbers an exercise shows: the id in its `student_id.txt`, which is handed in with it.

    `new` writes the file: once, with the id that the course knows you by. On a hub it is the user name. A `CourseError`
    says so where nobody has told it yet, or where the file names somebody else.
    """
    found = _exercise(exercise)
    known = read_id(found.folder)
    if new is None:
        new = known or os.environ.get("JUPYTERHUB_USER")
    if new is None:
        raise CourseError('expected your id, which this exercise draws its numbers from: call student_id("...") once')
    wanted = parse_id(str(new).encode())
    if wanted is None:
        raise CourseError(f"expected an id of letters, digits and . _ - + @, such as u0042, got {new!r}")
    if known is not None and known != wanted:
        raise CourseError(
            f"expected {known!r}, whose numbers this copy of the exercise has, got {wanted!r}: "
            f"to begin anew with others, delete {found.folder / ID_FILE}"
        )
    if known is None:
        try:
            (found.folder / ID_FILE).write_text(f"{wanted}\n", encoding="utf-8")
        except OSError as error:
            raise CourseError(f"could not write {found.folder / ID_FILE}: {error.strerror or error}") from None
    return wanted


def _exercise(exercise: str | None) -> Exercise:
    from ..course_tree import exercise_here

    found = load_exercise(exercise) if exercise is not None else exercise_here()
    if found is None:
        personal = [name for name in exercise_ids() if load_exercise(name).personal]
        raise CourseError(f"expected to be in an exercise's folder: name one, exercise={(personal or ['...'])[0]!r}")
    return found
