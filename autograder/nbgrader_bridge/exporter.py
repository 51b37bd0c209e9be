"""A hand-in as nbgrader takes it to grade."""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache, partial
from glob import escape
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from exercise_code.common.exercise import Exercise, exercise_ids, load_exercise

from ..base.errors import AutograderError
from ..classroom.class_file import FILE, Classroom, open_classroom
from ..intake.search import Found, find_hand_ins
from ..intake.times import nbgrader_time
from .notebooks.fixed import fix, read_template
from .notebooks.handed_in import read_hand_in
from .prepare import SECRET, TIMESTAMP, released_notebooks

__all__ = ["HandInExporter", "classroom_of", "submitted_file", "timestamp_of"]
_MARKUP = frozenset("<>&\"'`")
# Links and the like in one hand-in; nbgrader compares every file of the class with each.
MOST_STRANGE = 20


def classroom_of(folder: Path) -> Classroom:
    """The class of a folder; read again when its settings or its roster have changed."""
    if not (folder / FILE).is_file():
        return Classroom(folder)
    times = (path.stat().st_mtime_ns for path in sorted([folder / FILE, *folder.glob("*.csv")]))
    return _read_classroom(folder, tuple(times))


@lru_cache(maxsize=4)
def _read_classroom(folder: Path, _changed: tuple[int, ...]) -> Classroom:
    return open_classroom(folder)


class HandInExporter(NotebookExporter):
    """Reads a handed-in notebook, whatever its state, as one that has every graded cell of the released one."""

    def __init__(self, config: Any = None, **options: Any) -> None:
        super().__init__(config=config, **options)  # type: ignore[no-untyped-call]
        if isinstance(self.parent, Autograde) and self.parent.coursedir.assignment_id in exercise_ids():
            _complete(self.parent)

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> Any:
        """The notebook at `filename` as text, and resources."""
        ids = (resources or {}).get("nbgrader", {})
        exercise, student = ids.get("assignment", ""), ids.get("student", "")
        path, converter = Path(filename), self.parent
        if exercise not in exercise_ids() or not isinstance(converter, Autograde):
            return super().from_filename(filename, resources=resources, **options)
        if path.parent != submitted_file(converter.coursedir, exercise, student):
            return super().from_filename(filename, resources=resources, **options)
        released = released_notebooks(Path(converter.coursedir.root), load_exercise(exercise))
        template = read_template(released[path.stem])
        found = read_hand_in(path.parent, load_exercise(exercise))
        fixed = fix(found.notebooks[path.stem], template, found.unread)
        notebook = nbformat.from_dict(fixed)  # type: ignore[no-untyped-call]
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        return self.from_notebook_node(notebook, resources, **options)  # type: ignore[no-untyped-call]


def submitted_file(coursedir: Any, exercise: str, student: str) -> Path:
    return Path(coursedir.format_path(coursedir.submitted_directory, student, exercise))


def _complete(converter: Any) -> None:
    """Let nbgrader go through every notebook of the exercise, handed in or not: its tests are about modules.

    To nbgrader each cell of a notebook that is not there has 0 points; `HandInExporter` puts the released one there.

    And keep it from what would stop it, lead it out of a hand-in's folder, or give another mark than ours.
    """
    coursedir = converter.coursedir
    exercise = load_exercise(coursedir.assignment_id)
    root = Path(coursedir.root)
    submitted = root / coursedir.submitted_directory
    released = released_notebooks(root, exercise)
    names = [f"{name}.ipynb" for name in released if fnmatch(name, coursedir.notebook_id)]
    for folder in sorted(submitted.glob(f"*/{exercise.id}")):
        student = folder.parent.name
        if not folder.is_dir() or not (fnmatch(student, coursedir.student_id) or student == coursedir.student_id):
            continue
        key = str(submitted_file(coursedir, exercise.id, student))
        converter.assignments[key] = [str(Path(key) / name) for name in names]
    places = _places(root / coursedir.source_directory / exercise.id, released)
    try:
        counting = _counting_hand_ins(submitted, exercise, classroom_of(root))
    except AutograderError as error:
        converter.log.error("%s", error)
        raise NbGraderException(str(error)) from error
    strange: list[str] = []
    for key in list(converter.assignments):
        student, found = Path(key).parent.name, list(_strange_files(Path(key), places))
        # nbgrader's expressions stop at a line break, and its pages show names as they are.
        if not student.isprintable() or _MARKUP.intersection(student):
            reason = "expected a name without markup: rename the folder"
        elif len(found) > MOST_STRANGE:
            reason = f"its hand-in has more than {MOST_STRANGE} links and odd files"
        else:
            reason = _why_not(Path(key), counting)
        if reason:
            converter.log.warning("%r is passed over: %s", student, reason)
            del converter.assignments[key]
            continue
        strange += found
        graded = Path(coursedir.format_path(coursedir.autograded_directory, student, exercise.id))
        if coursedir.notebook_id == "*" and graded.is_dir() and not all(map(_is_scored, _within(graded, released))):
            # nbgrader takes any folder for a student who is done, also one that a killed run left behind.
            converter.log.warning("an earlier run ended within %r: the hand-in is graded again", student)
            shutil.rmtree(graded)
    if not converter.assignments:
        converter.log.error("expected a hand-in of %s, found none that nbgrader can grade", exercise.id)
        raise NbGraderException("no hand-in to grade")
    # nbgrader would follow a link to whatever it names, and copy that to where students get their feedback.
    coursedir.ignore = [*(rule for rule in coursedir.ignore if not rule.startswith(os.sep)), *map(escape, strange)]
    coursedir.get_existing_timestamp = partial(timestamp_of, coursedir)


def _counting_hand_ins(submitted: Path, exercise: Exercise, classroom: Classroom) -> dict[Path, Found]:
    """By each hand-in's own path the one that gives its student's mark, as `autograder grade` would find it."""
    found = find_hand_ins(submitted, exercise, classroom.roster).found
    last = {one.student: one for one in found}
    return {one.path.resolve(): last[one.student] for one in found}


def _why_not(folder: Path, counting: Mapping[Path, Found]) -> str:
    """Why nbgrader is not to grade a student's folder; nothing where it is the hand-in that gives the mark."""
    mine = folder.resolve()
    other = counting.get(mine)
    if other is not None and other.path.resolve() == mine:
        return ""
    other = other or next((counts for path, counts in counting.items() if path.is_relative_to(mine)), None)
    if other is None:
        return f"there is no hand-in in {folder}"
    return f"the hand-in that counts is {other.file}: use `autograder grade`, or put its files into {folder}"


def _within(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    return (folder / f"{name}.ipynb" for name in names)


def _is_scored(path: Path) -> bool:
    """True when every graded code cell of a notebook has an output."""
    try:
        return all(cell["outputs"] for cell in read_template(path).graded if cell["cell_type"] == "code")
    except (AutograderError, KeyError):
        return False


@dataclass(frozen=True)
class _Places:
    """Names in a hand-in at which nbgrader needs a file of its own, or none, and those at which it needs a folder."""

    files: frozenset[str]
    folders: frozenset[str]
    pages: frozenset[str]


def _places(source: Path, released: Iterable[str]) -> _Places:
    given = {path.relative_to(source) for path in source.rglob("*") if path.is_file() and path.suffix != ".ipynb"}
    folders = {parent.as_posix() for path in given for parent in path.parents}
    pages = frozenset(f"{name}.html" for name in released)
    return _Places(frozenset({TIMESTAMP, SECRET, *(path.as_posix() for path in given)}), frozenset(folders), pages)


def _strange_files(folder: Path, places: _Places) -> Iterator[str]:
    """Paths in a hand-in that nbgrader must not copy: links, pipes, and what is in the way of its own files."""
    for place, folders, names in os.walk(folder):
        inside = Path(place).relative_to(folder)
        for name in list(folders):
            if (inside / name).as_posix() in places.files | places.pages:
                folders.remove(name)
                yield os.path.join(place, name)  # noqa: PTH118 - nbgrader compares with what it has joined
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118
            in_the_way = (inside / name).as_posix() in places.folders | places.pages
            if in_the_way or not stat.S_ISREG(os.lstat(path).st_mode):
                yield path


def timestamp_of(coursedir: Any, folder: str) -> Any:
    """When a hand-in came, by its `timestamp.txt`, in UTC without a zone; None where that is no time.

    nbgrader's own reading ends at such a file, waits at a pipe, and opens files that are named as time zones.
    """
    path = Path(folder) / TIMESTAMP
    if not path.exists() and not path.is_symlink():
        return None
    try:
        if path.is_symlink() or not path.is_file():
            raise ValueError
        with path.open("rb") as file:
            when = nbgrader_time(file.read(200).decode("utf-8").strip())
    except (OSError, ValueError):
        coursedir.log.warning("expected a time in %s: the hand-in counts as in time", path)
        return None
    return None if when is None else when.replace(tzinfo=None)
