"""What a file or folder looks like: a hand-in, a class of hand-ins, or neither."""

import os
import re
from pathlib import Path

from exercise_code.common.archives.entries import Limits, is_archive, open_entries
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import Exercise
from exercise_code.common.hand_ins.hand_in import MAX_ARCHIVE

from .downloads import canvas_upload, is_junk, moodle_upload, without_ending
from .gradescope_metadata import METADATA

__all__ = [
    "PARTS",
    "children_of",
    "folders_of",
    "holds_code",
    "holds_no_code",
    "is_hand_in",
    "is_one_of",
    "is_others",
    "layout_of",
    "parts_below",
]

# What a student's folder may hold before it is taken as one hand-in, which the judge then refuses.
MAX_FILES, MAX_DEPTH = 5000, 8
# Folders of a hand-in that was unpacked among the others.
PARTS = ("exercise_code", "models", "exercises")


def layout_of(children: list[Path], exercise: Exercise) -> str:
    """The name of the layout that a folder with these children has."""
    if any(child.name == METADATA and child.is_file() for child in children):
        return "gradescope"
    if any(moodle_upload(child.name) for child in children):
        return "moodle"
    files = [child for child in children if not child.is_dir()]
    if files and 2 * sum(canvas_upload(file.name) is not None for file in files) > len(files):
        return "canvas"
    if any((folder / exercise.id).is_dir() for folder in folders_of(children)):
        return "nbgrader"
    return "students" if any(child.is_dir() for child in children) else "zips"


def is_hand_in(folder: Path, exercise: Exercise) -> bool:
    """True for an unpacked hand-in of the exercise."""
    if (folder / "exercise_code").is_dir():
        return True
    names = [f"{n}.ipynb" for n in exercise.all_notebooks]
    if not any((folder / n).is_file() for n in names):
        return False
    # Some hand in a notebook, and beside it everything once more.
    return not any(holds_code(c) for c in children_of(folder) if not is_junk(c.name))


def parts_below(children: list[Path], exercise: Exercise) -> tuple[list[Path], list[Path]]:
    """Archives and unpacked hand-ins below a student's folder, and all other files."""
    parts: list[Path] = []
    rest: list[Path] = []
    pending = [(child, 1) for child in reversed(children)]
    count = 0
    while pending:
        path, depth = pending.pop()
        if (count := count + 1) > MAX_FILES:
            return [], [path]
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            rest.append(path)
        elif path.is_file():
            (parts if without_ending(path.name)[1] else rest).append(path)
        elif is_hand_in(path, exercise):
            parts.append(path)
        elif depth < MAX_DEPTH:
            pending += [(c, depth + 1) for c in reversed(children_of(path)) if not is_junk(c.name)]
        else:
            rest.append(path)
    return parts, rest


def is_others(name: str, exercise: Exercise) -> bool:
    """True for `ex04_cnn` and `ex04_cnn (1).zip` where another exercise is graded."""
    said, own = (re.match(r"ex([0-9]{1,4})_", text, re.I) for text in (name, exercise.id))
    return said is not None and own is not None and int(said[1]) != int(own[1])


def children_of(folder: Path) -> list[Path]:
    """What is in a folder, in order."""
    return sorted(folder.iterdir())


def folders_of(children: list[Path]) -> list[Path]:
    """Folders that may be students' and can be read."""
    found = [c for c in children if c.name not in PARTS and c.is_dir() and not c.is_symlink()]
    return [c for c in found if os.access(c, os.R_OK | os.X_OK)]


def is_one_of(path: Path, others: list[Path]) -> bool:
    """True where one of the others is the same file or folder."""
    return any(path.exists() and other.exists() and path.samefile(other) for other in others)


def holds_code(path: Path) -> bool:
    """True for a zip or a folder with an `exercise_code` in it, at its top or in one folder there."""
    if path.is_symlink() or not (path.is_dir() or without_ending(path.name)[1]):
        return False
    if path.is_dir():
        return os.access(path, os.R_OK | os.X_OK) and (path / "exercise_code").is_dir()
    return any("exercise_code" in parts[:2] for parts in _zipped(path) or ())


def holds_no_code(path: Path) -> bool:
    """True for a zip that can be read and has no file of a hand-in in it."""
    names = _zipped(path) if path.is_file() else None
    return names is not None and not any(
        parts[-1].lower().endswith((".ipynb", ".py", ".safetensors")) or is_archive(parts[-1]) for parts in names
    )


def _zipped(path: Path) -> list[tuple[str, ...]] | None:
    """The names of the files in a zip; None for what is none, or is refused."""
    try:
        with open_entries(path, Limits(MAX_ARCHIVE)) as entries:
            return [entry.parts for entry in entries]
    except CourseError:
        return None
