"""nbgrader's autograde step: a judge of ours scores what is handed in."""

import atexit
import sys
import threading
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.preprocessors import NbGraderPreprocessor

from exercise_code.common.exercise import exercise_ids, load_exercise

from ..base.errors import AutograderError
from ..base.settings import Settings, settings_from_environment
from ..fleet.local import Fleet
from ..grading import course_hash, grade_found, result_key, result_path
from ..grading.earlier import EarlierHandIns
from ..intake.digest import fingerprint
from ..intake.search import Found
from ..judging.job import Job
from ..judging.result import Result, read_result
from .exporter import classroom_of, submitted_file, timestamp_of
from .gradebook.fill import enter_dates
from .notebooks.fixed import add_notes, notes_of
from .notebooks.outputs import put_scores

__all__ = ["Scores", "result_of"]
# A judge that nobody has asked for so long ends: formgrader's server may run for weeks.
IDLE_SECONDS = 600


class Scores(NbGraderPreprocessor):  # type: ignore[misc]
    """In the place of nbgrader's `Execute`: gives each graded code cell the outputs that our result asks for."""

    def preprocess(self, nb: Any, resources: Any) -> Any:
        """The notebook with outputs, and resources."""
        ids = resources["nbgrader"]
        exercise, student = ids["assignment"], ids["student"]
        if exercise not in exercise_ids():
            raise AutograderError(
                f"expected an exercise of the course, got {exercise!r}: nbgrader would give full points for cells "
                "that nobody ran; grade it in a folder without our nbgrader_config.py"
            )
        coursedir = self.parent.parent.coursedir
        path = submitted_file(coursedir, exercise, student)
        result = result_of(Path(coursedir.root), exercise, student, path)
        put_scores(nb, result)
        if ids["notebook"] == load_exercise(exercise).all_notebooks[0]:
            add_notes(nb, notes_of(result))
            # `AssignLatePenalties`, a later step, reads dates from the gradebook.
            came = timestamp_of(coursedir, str(path))
            came = came.replace(tzinfo=UTC) if came is not None else None
            enter_dates(classroom_of(Path(coursedir.root)), exercise, student, came)
        return nbformat.from_dict(nb), resources  # type: ignore[no-untyped-call]


@dataclass
class _Session:
    """What one process keeps between hand-ins: the settings, the judge, and the result it gave last."""

    exercise: str
    settings: Settings
    course: str
    fleet: Fleet
    last: tuple[tuple[str, str], Result] | None = None
    timer: threading.Timer | None = None


_sessions: dict[Path, _Session] = {}
_lock = threading.RLock()


def result_of(folder: Path, exercise: str, student: str, path: Path) -> Result:
    """The result of a student's hand-in at `path`: the one in `results/`, or one that is made now and put there."""
    with _lock:
        session = _session(folder, exercise)
        print_ = fingerprint(path)
        if session.last is None or session.last[0] != (student, print_):
            out = folder / "results"
            known = read_result(result_path(out, exercise, student, print_))
            earlier = EarlierHandIns(load_exercise(exercise), session.settings, out, folder)
            key = result_key(student, print_, session.course, session.settings, earlier.of(student))
            if known is None or known.key != key or known.failed:
                known = _grade(folder, session, Found(student, path, path.name), earlier)
            session.last = (student, print_), known
        return session.last[1]


def _grade(folder: Path, session: _Session, found: Found, earlier: EarlierHandIns) -> Result:
    if session.timer is not None:
        session.timer.cancel()
    exercise = load_exercise(session.exercise)
    try:
        kept = _Kept(session.fleet)
        out = folder / "results"
        [grading] = grade_found(exercise, [found], out, session.settings, lambda _: kept, earlier=earlier)
    except BaseException:
        # Nobody knows what the judge is busy with.
        _end(folder)
        raise
    session.timer = threading.Timer(IDLE_SECONDS, _end, [folder])
    session.timer.daemon = True
    session.timer.start()
    return grading.result


class _Kept:
    """A fleet that outlives the run it is used in."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def __enter__(self) -> "_Kept":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def grade(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Each job with its result, as they are done."""
        with _plain_main():
            yield from self._fleet.grade(jobs)


@contextmanager
def _plain_main() -> Iterator[None]:
    """Let processes start without importing this one's main module: nbgrader and Jupyter take seconds."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _session(folder: Path, exercise: str) -> _Session:
    settings = settings_from_environment(folder=folder)
    classroom = classroom_of(folder)
    settings = classroom.applied_to(replace(settings, data=classroom.data))
    course = course_hash(load_exercise(exercise))
    known = _sessions.get(folder)
    if known is not None and (known.exercise, known.settings, known.course) == (exercise, settings, course):
        return known
    # A judge is a process with tests in its memory: after a change in the course it must be another one.
    _end(folder)
    _sessions[folder] = _Session(exercise, settings, course, Fleet(exercise, settings, 1))
    return _sessions[folder]


def _end(folder: Path) -> None:
    with _lock:
        session = _sessions.pop(folder, None)
        if session is not None:
            if session.timer is not None:
                session.timer.cancel()
            session.fleet.close()


@atexit.register
def end_all() -> None:
    for folder in list(_sessions):
        with suppress(OSError):
            _end(folder)
