"""Where the private course and what students see of it lie."""

import difflib
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import NoReturn

from ..base.errors import AutograderError

__all__ = [
    "ROOT",
    "STUB_MARK",
    "course_folder",
    "course_ids",
    "fault",
    "given_modules",
    "is_exercise_id",
    "notebook_sources",
    "short",
    "solution_sources",
]

ROOT = Path(__file__).resolve().parent.parent.parent

_EXERCISE_ID = re.compile(r"ex\d\d_[a-z0-9_]+")
_NOTEBOOK_NAME = re.compile(r"\d_[a-z0-9_]+")


def course_folder() -> Path:
    """The folder with the sources: `AUTOGRADER_COURSE` where it is set, else the one in this package."""
    named = os.environ.get("AUTOGRADER_COURSE")
    folder = Path(named).expanduser().resolve() if named else ROOT / "autograder" / "course"
    if named and not folder.is_dir():
        fault("AUTOGRADER_COURSE", "a folder", named, "name an existing one, or unset it")
    return folder


def is_exercise_id(text: str) -> bool:
    """True for what may be the id of an exercise, such as `ex03_dataloader`."""
    return _EXERCISE_ID.fullmatch(text) is not None


def course_ids(course: Path | None = None) -> list[str]:
    """Ids of the exercises that have sources, in order."""
    course = course or course_folder()
    names = [path.parent.name for path in course.glob("*/*.py")]
    return sorted({name for name in names if _EXERCISE_ID.fullmatch(name)})


def notebook_sources(exercise: str, course: Path) -> list[Path]:
    """The exercise's percent scripts, in order."""
    known = course_ids(course)
    if exercise not in known:
        close = difflib.get_close_matches(exercise, known, n=1, cutoff=0.4)
        advice = f"did you mean {close[0]}?" if close else f"known are {', '.join(known) or 'none'}"
        fault(short(course), "the id of an exercise with sources", repr(exercise), advice)
    return sorted(path for path in (course / exercise).glob("*.py") if _NOTEBOOK_NAME.fullmatch(path.stem))


def solution_sources(exercise: str, course: Path) -> list[Path]:
    """The exercise's solved modules, in order."""
    folder = course / exercise / "solution"
    return sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")


def given_modules(package: Path, solved: Collection[str]) -> list[Path]:
    """The modules of an exercise's package that students import and do not write, in order."""
    ours = ("__init__", "test_visible")
    # A stub without a twin is not given code but an orphan, which `build.check` names.
    return sorted(
        path
        for path in package.glob("*.py")
        if path.stem not in (*ours, *solved) and STUB_MARK not in path.read_text(encoding="utf-8", errors="replace")
    )


# nbgrader's ClearSolutions writes it for each block it takes out.
STUB_MARK = "# YOUR CODE HERE"


def fault(where: object, expected: str, got: str, advice: str) -> NoReturn:
    """Nothing: raises the `AutograderError` that says where a source is wrong, in one line."""
    raise AutograderError(f"{where}: expected {expected}, got {got}: {advice}") from None


def short(path: Path) -> str:
    """The path as a person would write it: from the project's root where it lies there."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
