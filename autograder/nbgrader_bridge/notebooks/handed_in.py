"""What a student's folder or archive holds for the gradebook: the notebooks, and what nobody could read."""

import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from exercise_code.common.archives.entries import MEGABYTE
from exercise_code.common.exercise import Exercise
from exercise_code.common.hand_ins.hand_in import MAX_NOTEBOOK, HandIn, HandInError, Note, read_handin
from exercise_code.common.reasons import Reason

from ...sources.cells import grade_ids
from ...sources.exercise import sources

__all__ = ["NO_FILE", "REFUSED", "HandedIn", "read_hand_in", "read_raw", "what_was_taken"]

NO_FILE = "was not handed in"
REFUSED = "the hand-in that was refused"


@dataclass(frozen=True)
class HandedIn:
    """The notebooks by name, each as its bytes or as the reason why there are none; `unread` may hold answers too."""

    notebooks: dict[str, bytes | str]
    unread: str = ""


def read_hand_in(path: Path, exercise: Exercise, beside: Collection[str] = ()) -> HandedIn:
    """What the hand-in at `path` holds; `beside` are files of the student's that lie beside it.

    In a folder a notebook of the right name is read as nbgrader reads it, in any state. Others are found by the rules
    of hand-ins.
    """
    names = exercise.all_notebooks
    source = sources(exercise)
    twins = tuple(sorted(Path(name).stem for name in source.twins))
    ids = grade_ids(exercise.id, source.course.parent)
    try:
        found = read_handin(path, exercise, twins, ("notebook",), ids)
    except HandInError:
        notebooks = {name: read_raw(path, name) if path.is_dir() else NO_FILE for name in names}
        return HandedIn(notebooks, REFUSED)
    raw = {f"{name}.ipynb": read_raw(path, name) for name in names if (path / f"{name}.ipynb").exists()}
    return _handed_in(exercise, {**found.files, **raw}, found.notes, beside)


def what_was_taken(hand_in: HandIn, exercise: Exercise, beside: Collection[str] = ()) -> HandedIn:
    """What a hand-in holds that was opened by the rules of hand-ins."""
    files = {f"{name}.ipynb": read_raw(hand_in.folder, name) for name in hand_in.notebooks}
    return _handed_in(exercise, files, hand_in.notes, beside)


def _handed_in(
    exercise: Exercise, files: Mapping[str, bytes | str], notes: Iterable[Note], beside: Collection[str]
) -> HandedIn:
    left = {note.name: note.reason for note in notes if note.code is Reason.NOT_TAKEN}
    notebooks: dict[str, bytes | str] = {}
    for name in exercise.all_notebooks:
        file = f"{name}.ipynb"
        notebooks[name] = files.get(file) or (f"was not taken: {left[file]}" if file in left else NO_FILE)
    # Of a notebook that could not be read its own answers wait, whatever else is there.
    unread = sorted({name[:80] for name in left if name.removesuffix(".ipynb") not in notebooks} | {*beside})
    more = f" or {len(unread) - 3} more files" if len(unread) > 3 else ""
    return HandedIn(notebooks, ", ".join(unread[:3]) + more)


def read_raw(folder: Path, name: str) -> bytes | str:
    """The bytes of a notebook, or why there are none."""
    path = folder / f"{name}.ipynb"
    try:
        found = path.lstat()
    except OSError:
        return NO_FILE
    if not stat.S_ISREG(found.st_mode):
        return "is not a plain file"
    if found.st_size > MAX_NOTEBOOK:
        return f"is over {MAX_NOTEBOOK // MEGABYTE} MB"
    try:
        return path.read_bytes()
    except OSError as error:
        return f"could not be read ({error.strerror})"
