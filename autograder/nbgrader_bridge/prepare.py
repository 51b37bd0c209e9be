"""The notebooks that formgrader opens: a hand-in's own, put right and with the outputs of its result.

They are those that `nbgrader autograde` makes with our preprocessor, without what takes nbgrader seconds a hand-in:
its converter, a database session for each step, files between two steps.
"""

import hashlib
import json
import multiprocessing
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import Exercise, load_exercise
from exercise_code.common.hand_ins.hand_in import HandInError, open_handin

from ..base.errors import AutograderError
from ..base.files import write_whole
from ..judging.result import Result, read_result
from ..sources.cells import grade_ids
from ..sources.exercise import sources
from .notebooks.fixed import Template, add_notes, fix, notes_of, read_template
from .notebooks.handed_in import NO_FILE, REFUSED, HandedIn, read_hand_in, what_was_taken
from .notebooks.outputs import points_in, put_scores

__all__ = ["SECRET", "TIMESTAMP", "Answer", "Prepared", "Preparing", "prepare_all", "read_secret", "released_notebooks"]

TIMESTAMP = "timestamp.txt"
# What `nbgrader submit` puts into a hand-in: who knows it finds the feedback in the exchange.
SECRET = "submission_secret.txt"
MAX_SECRET = 1000
# Where a copy of a hand-in names what it lacks.
NOT_READ = "not_read.txt"
# Below so many hand-ins another process costs more than it helps.
SHARE = 50
NO_RESPONSE = "No response."


@dataclass(frozen=True)
class Preparing:
    """One hand-in whose notebooks are to be made; `place` says that nbgrader's `submitted` is to get a copy of it.

    `unplace` removes an earlier copy of ours. `compare` asks whether answers are those of the earlier notebooks.
    `beside` are the student's files that lie beside the hand-in.
    """

    student: str
    path: Path
    result: Path
    refused: bool
    timestamp: str
    place: bool = False
    unplace: bool = False
    compare: bool = False
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What nbgrader notes of a cell: `score` None for an answer that a person has to mark; `digest` is of its text."""

    score: float | None = None
    comment: str | None = None
    digest: str = ""


@dataclass(frozen=True)
class Prepared:
    """A hand-in whose notebooks lie in `autograded`, with what nbgrader notes of each cell, by its grade id.

    `unchanged` are answers that stood in the notebooks that were there before; `placed` says that `submitted` has a
    copy now.
    """

    student: str
    answers: dict[str, Answer] = field(default_factory=dict)
    unchanged: frozenset[str] = frozenset()
    placed: bool = False


def released_notebooks(folder: Path, exercise: Exercise) -> dict[str, Path]:
    """The notebooks as students got them: of the course folder's `release`, where it has them, or of the build."""
    for place in (folder / "release" / exercise.id, sources(exercise).notebooks):
        paths = {name: place / f"{name}.ipynb" for name in exercise.all_notebooks}
        if all(path.is_file() for path in paths.values()):
            return paths
    raise AutograderError(f"expected the notebooks of {exercise.id} in {place}, found some missing: run `make build`")


def read_secret(path: Path) -> bytes:
    """What ties a hand-in to its feedback in nbgrader's exchange; nothing where it did not come through that."""
    try:
        file = path / SECRET
        if file.is_symlink() or not file.is_file():
            return b""
        with file.open("rb") as stream:
            found = stream.read(MAX_SECRET + 1)
    except OSError:
        return b""
    # nbgrader's are hexadecimal; one that a student wrote must not stop the feedback of the others.
    return found if len(found) <= MAX_SECRET and found.isascii() and found.strip().isalnum() else b""


def prepare_all(tasks: Sequence[Preparing], folder: Path, exercise: Exercise, staging: Path) -> Iterator[Prepared]:
    """Each hand-in, its notebooks written, in the order of the tasks; in several processes where there are many."""
    if not tasks:
        return
    from ..grading import default_jobs

    size = min(default_jobs(), len(tasks) // SHARE)
    if size < 2:
        yield from map(_Desk(folder, exercise.id, staging).prepare, tasks)
        return
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(size, context, _ignore_interrupts) as pool:
            yield from pool.map(partial(_prepare, folder, exercise.id, staging), tasks, chunksize=4)
    except BrokenProcessPool:
        raise AutograderError(
            "a process that made notebooks for the gradebook ended, maybe for want of memory: run the command again"
        ) from None


def _ignore_interrupts() -> None:
    # Ctrl-C reaches the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _prepare(folder: Path, exercise_id: str, staging: Path, task: Preparing) -> Prepared:
    return _Desk(folder, exercise_id, staging).prepare(task)


class _Desk:
    """Where one process makes notebooks: what it needs of the exercise."""

    def __init__(self, folder: Path, exercise_id: str, staging: Path) -> None:
        self.folder, self.staging = folder, staging
        self.exercise = load_exercise(exercise_id)
        self.released = released_notebooks(folder, self.exercise)
        source = sources(self.exercise)
        self.twins = tuple(sorted(Path(name).stem for name in source.twins))
        self.grade_ids = grade_ids(self.exercise.id, source.course.parent)

    def prepare(self, task: Preparing) -> Prepared:
        """The hand-in's notebooks, written into `autograded`, and what is to be noted of them."""
        result = read_result(task.result)
        if result is None:
            raise AutograderError(f"expected a result in {task.result}, found none: grade the class again")
        submitted = self.folder / "submitted" / task.student / self.exercise.id
        target = self.folder / "autograded" / task.student / self.exercise.id
        answers: dict[str, Answer] = {}
        unchanged: set[str] = set()
        with tempfile.TemporaryDirectory(prefix="notebooks-", dir=self.staging) as name:
            tree = Path(name) / "hand-in"
            # What nbgrader would read itself is read as it reads it.
            at_home = _same(task.path, submitted)
            found = read_hand_in(submitted, self.exercise, task.beside) if at_home else self._unpack(task, tree)
            for number, (notebook_id, path) in enumerate(self.released.items()):
                template = read_template(path)
                handed_in = found.notebooks.get(notebook_id)
                notebook = _notebook(handed_in, template, path, result, found.unread, first=number == 0)
                mine = _answers(notebook, template, result)
                file = target / f"{notebook_id}.ipynb"
                if task.compare:
                    before = _digests(file)
                    unchanged |= {key for key, answer in mine.items() if before.get(key) == answer.digest}
                answers |= mine
                _replace(file, _serialise(notebook), self.staging)
            stamps = {
                TIMESTAMP: f"{task.timestamp}\n".encode() if task.timestamp else b"",
                SECRET: read_secret(task.path),
            }
            for file_name, data in stamps.items():
                if data:
                    _replace(target / file_name, data, self.staging)
                else:
                    _remove(target / file_name)
            if task.place or task.unplace:
                self._put_away(submitted)
            if task.place:
                _explain(tree, found)
                _place(tree, submitted, stamps)
        return Prepared(task.student, answers, frozenset(unchanged), task.place)

    def _unpack(self, task: Preparing, tree: Path) -> HandedIn:
        """What a zip or a folder elsewhere holds; no notebooks of a refused hand-in, which nobody has read."""
        if task.refused:
            return HandedIn({}, REFUSED)
        try:
            hand_in = open_handin(task.path, self.exercise, tree, self.twins, self.grade_ids)
        except HandInError as error:
            raise AutograderError(f"{task.path.name} changed since it was graded: {error}: grade again") from None
        except CourseError as error:
            raise AutograderError(f"could not read {task.path} again: {error}") from None
        return what_was_taken(hand_in, self.exercise, task.beside)

    def _put_away(self, submitted: Path) -> None:
        """Move an earlier copy out of the way, with one step: a folder that is half there is worse than none."""
        if submitted.exists():
            submitted.rename(Path(tempfile.mkdtemp(prefix="earlier-", dir=self.staging)) / submitted.name)


def _same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve()


def _notebook(
    handed_in: bytes | str | None, template: Template, released: Path, result: Result, unread: str, first: bool
) -> dict[str, Any]:
    """The notebook with its outputs; without anything handed in the released one."""
    notebook = fix(released.read_bytes() if handed_in is None else handed_in, template, unread)
    put_scores(notebook, result)
    if first:
        add_notes(notebook, notes_of(result))
    return notebook


def _answers(notebook: dict[str, Any], template: Template, result: Result) -> dict[str, Answer]:
    """What nbgrader's own steps would note: `fix` has seen to it that every graded cell is there once."""
    points = {cell.grade_id: points_in(cell) for cell in result.cells}
    blank = {_role(cell).get("grade_id"): cell["source"] for cell in template.cells}
    answers = {}
    for cell in notebook["cells"]:
        role = _role(cell)
        if not (role.get("grade") or role.get("solution")):
            continue
        name, untouched = role["grade_id"], cell["source"] == blank[role["grade_id"]]
        score = points.get(name)
        if role.get("grade") and role.get("solution"):
            score = 0.0 if untouched else None
        comment = None
        if role.get("solution") and untouched:
            comment = NO_RESPONSE
        answers[name] = Answer(score, comment, _digest(cell["source"]) if role.get("solution") else "")
    return answers


def _role(cell: Mapping[str, Any]) -> dict[str, Any]:
    role: dict[str, Any] = cell.get("metadata", {}).get("nbgrader", {})
    return role


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _digests(path: Path) -> dict[str, str]:
    """Of what stands in a notebook's cells, by grade id; nothing where there is none, or none that can be read."""
    try:
        named = [(_role(cell), cell) for cell in json.loads(path.read_bytes())["cells"]]
        return {role["grade_id"]: _digest("".join(cell["source"])) for role, cell in named if role.get("grade_id")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _serialise(notebook: Mapping[str, Any]) -> bytes:
    """The notebook as nbformat writes it, text split into lines; nbformat itself takes seconds to load."""
    cells = [dict(cell) for cell in notebook["cells"]]
    for cell in cells:
        cell["source"] = cell["source"].splitlines(keepends=True)
        if "outputs" in cell:
            cell["outputs"] = [_with_lines(output) for output in cell["outputs"]]
    text = json.dumps({**notebook, "cells": cells}, ensure_ascii=False, indent=1, sort_keys=True)
    return (text + "\n").encode("utf-8", "replace")


def _with_lines(output: Mapping[str, Any]) -> dict[str, Any]:
    return {**output, "data": {kind: text.splitlines(keepends=True) for kind, text in output["data"].items()}}


def _explain(tree: Path, found: HandedIn) -> None:
    """Say in the place of what was not taken why: whoever grades the copy lets a person decide as well."""
    for name, reason in found.notebooks.items():
        if isinstance(reason, str) and reason != NO_FILE:
            text = f"{name}.ipynb {reason}.\n"
            (tree / f"{name}.ipynb").write_text(text, encoding="utf-8", errors="replace")
    if found.unread:
        text = f"Not in this copy, and not read by the grader: {found.unread}.\n"
        (tree / NOT_READ).write_text(text, encoding="utf-8", errors="replace")


def _place(tree: Path, submitted: Path, stamps: Mapping[str, bytes]) -> None:
    for name, data in stamps.items():
        if data:
            (tree / name).write_bytes(data)
    submitted.parent.mkdir(parents=True, exist_ok=True)
    tree.rename(submitted)


def _replace(path: Path, data: bytes, staging: Path) -> None:
    """Write a file in one step, read-only as nbgrader leaves it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    write_whole(data, path, 0o444, staging=staging)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
