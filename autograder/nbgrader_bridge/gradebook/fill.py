"""nbgrader's gradebook of a course folder: automatic scores written into it.

Scores, notebooks and penalties are left as `nbgrader autograde` leaves them. What people enter in formgrader (scores,
extra credit, comments) is theirs and never written over.
"""

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from exercise_code.common.exercise import Exercise

from ...base.errors import AutograderError
from ...base.locks import lock_results
from ...base.stamps import code_hash, hash_of
from ...base.text import clean_text
from ...classroom.class_file import FILE, Classroom
from ...classroom.roster import Student
from ...grading.standing import Attempt, GradedClass, Standing
from ...intake.times import nbgrader_time
from ..prepare import TIMESTAMP, Answer, Prepared, Preparing, prepare_all, read_secret, released_notebooks
from .assignment import enter_assignment
from .markings import DATABASE, EARNED, OF_SUBMISSIONS
from .rows import Ledger, Noted, Wanted, connect, read_interval, read_time, transaction, write_interval, write_time

__all__ = ["enter_dates", "fill_gradebook", "refresh_penalties"]

# A lock, and files on their way: on the disk of the folders that they are moved to.
STAGING = ".gradebook"
BATCH = 50


def fill_gradebook(graded: GradedClass, classroom: Classroom) -> int:
    """The number of submissions that were written into the class's gradebook; what it has already is left as it is.

    Of each student on the roster the last hand-in counts. Students whom the roster lacks stay out, and so do
    hand-ins whose grading failed; whoever handed in nothing keeps what the gradebook has.
    """
    if classroom.folder is None:
        raise AutograderError("expected a course folder with class.toml, got none: make one with `autograder course`")
    folder = classroom.folder.resolve()
    standings = [standing for standing in graded.standings if standing.known]
    _expect_plain_ids(standings)
    with lock_results(folder / STAGING):
        staging = folder / STAGING / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            return _fill(standings, graded.exercise, classroom, folder, staging)
        except sqlite3.Error as error:
            raise AutograderError(
                f"could not write {folder / DATABASE}: {error}: close what else uses it, or run `nbgrader db upgrade`"
            ) from None
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _fill(standings: list[Standing], exercise: Exercise, classroom: Classroom, folder: Path, staging: Path) -> int:
    released = {name: path.read_bytes() for name, path in released_notebooks(folder, exercise).items()}
    enter_assignment(folder / DATABASE, exercise.id, classroom.course_id, released, staging)
    stamp, due = _stamp(released), classroom.due.get(exercise.id)
    with closing(connect(folder / DATABASE)) as connection:
        ledger = Ledger(connection, exercise.id)
        ledger.enter_students((s.student.id, _about(s.student)) for s in standings)
        if due is not None:
            _enter_due(connection, exercise.id, due)
        elif classroom.late:
            _expect_no_due(connection, exercise.id, folder)
        entries = [
            _entry(s, ledger.noted.get(s.student.id), folder, exercise, stamp, due)
            for s in standings
            if s.marked is not None and not s.marked.failed
        ]
        written = ledger.write([entry.wanted(None) for entry in entries if entry.is_done])
        todo = {entry.student: entry for entry in entries if not entry.is_done}
        batch: list[Wanted] = []
        for prepared in prepare_all([entry.task for entry in todo.values()], folder, exercise, staging):
            batch.append(todo[prepared.student].wanted(prepared))
            if len(batch) == BATCH:
                written |= ledger.write(batch)
                batch = []
        written |= ledger.write(batch)
    refresh_penalties(folder / DATABASE, classroom, exercise.id)
    return len(written)


def enter_dates(classroom: Classroom, exercise_id: str, student_id: str, came: datetime | None) -> None:
    """Write due date, extension and when the hand-in came, before nbgrader computes a penalty on its own.

    nbgrader keeps the last two with a submission, so that there is nothing to write before there is a submission. Of a
    hand-in without a date it would keep that of the one before.
    """
    due = classroom.due.get(exercise_id)
    if classroom.folder is None or due is None:
        return
    student = classroom.roster.get(student_id) if classroom.roster is not None else None
    deadline = due if student is None else classroom.deadline(exercise_id, student)
    with closing(connect(classroom.folder / DATABASE)) as connection, transaction(connection):
        _enter_due(connection, exercise_id, due)
        connection.execute(
            "UPDATE submitted_assignment SET extension = ?1, timestamp = ?2 WHERE student_id = ?3"
            " AND (extension IS NOT ?1 OR timestamp IS NOT ?2)"
            " AND assignment_id = (SELECT id FROM assignment WHERE name = ?4)",
            (_extension(due, deadline), write_time(came), student_id, exercise_id),
        )


def _enter_due(connection: sqlite3.Connection, exercise_id: str, due: datetime) -> None:
    query = "UPDATE assignment SET duedate = ?1 WHERE name = ?2 AND duedate IS NOT ?1"
    connection.execute(query, (write_time(due), exercise_id))


def _expect_no_due(connection: sqlite3.Connection, exercise_id: str, folder: Path) -> None:
    """An `AutograderError` where formgrader knows a date that `class.toml` does not: other hand-ins would be late."""
    for (date,) in connection.execute("SELECT duedate FROM assignment WHERE name = ?", (exercise_id,)):
        if date is not None:
            raise AutograderError(
                f"expected the due date of {exercise_id} in {folder / FILE}, found {date[:16]} UTC in the gradebook "
                "alone: write it there, under its exercise, or remove it in formgrader's list of assignments"
            )


def _extension(due: datetime | None, deadline: datetime | None) -> str | None:
    return None if due is None or deadline is None else write_interval(max(deadline - due, timedelta()))


def refresh_penalties(database: Path, classroom: Classroom, exercise_id: str | None = None) -> int:
    """How many late penalties changed; each is what the table takes from the points that the notebook has now.

    Without an id the penalties of all exercises are computed.
    """
    query = f"""SELECT n.id, n.late_submission_penalty, s.timestamp, a.duedate, s.extension,
     COALESCE(SUM({EARNED}), 0.0) {OF_SUBMISSIONS} LEFT JOIN grade g ON g.notebook_id = n.id
     WHERE ?1 IS NULL OR a.name = ?1 GROUP BY n.id"""
    with closing(connect(database)) as connection:
        # Read before anything is locked: mostly there is nothing to write.
        if not _changed_penalties(connection, query, classroom, exercise_id):
            return 0
        with transaction(connection):
            changed = _changed_penalties(connection, query, classroom, exercise_id)
            connection.executemany("UPDATE submitted_notebook SET late_submission_penalty = ? WHERE id = ?", changed)
    return len(changed)


def _changed_penalties(
    connection: sqlite3.Connection, query: str, classroom: Classroom, exercise_id: str | None
) -> list[tuple[float | None, str]]:
    changed = []
    for row, known, timestamp, due, extension, score in connection.execute(query, (exercise_id,)):
        penalty = _penalty(classroom, score, _seconds_late(timestamp, due, extension))
        if penalty != known:
            changed.append((penalty, row))
    return changed


def _penalty(classroom: Classroom, score: float, late: float) -> float | None:
    """What nbgrader notes: nothing for a notebook in time, else between zero and the notebook's points."""
    if late <= 0 or not classroom.late:
        return None
    return max(0.0, min(classroom.penalty(score, late), score))


def _seconds_late(timestamp: str | None, due: str | None, extension: str | None) -> float:
    came, until = read_time(timestamp), read_time(due)
    return 0.0 if came is None or until is None else (came - until - read_interval(extension)).total_seconds()


def _expect_plain_ids(standings: Iterable[Standing]) -> None:
    # They name folders, and nbgrader's pages show them as they are.
    for standing in standings:
        name = standing.student.id
        if not re.fullmatch(r"[^\W_][\w .@+,=()-]{0,99}", name):
            raise AutograderError(
                f"expected ids of letters, digits and .@+-_ for nbgrader's folders, got {name[:100]!r}: fix the roster"
            )


@dataclass(frozen=True)
class _Entry:
    """What the gradebook and its folders are to hold of one student's last hand-in; `noted` is what they were given."""

    student: str
    attempt: Attempt
    timestamp: datetime | None
    extension: str | None
    key: str
    autograded: Path
    submitted: Path
    notebooks: tuple[str, ...]
    noted: Noted | None

    @property
    def is_done(self) -> bool:
        """True when notebooks and copy are there, made from this hand-in."""
        if self.noted is None or self.noted.key != self.key:
            return False
        if not (self._is_at_home or self.attempt.refused or self.submitted.is_dir()):
            return False
        return all((self.autograded / f"{name}.ipynb").is_file() for name in self.notebooks)

    @property
    def _is_at_home(self) -> bool:
        # A zip that lies in `submitted` itself needs no copy there either: the two would be two hand-ins.
        return self.attempt.path.resolve().is_relative_to(self.submitted.parents[1].resolve())

    @property
    def _place_key(self) -> str:
        return f"{self.attempt.fingerprint} {self._stamped}"

    @property
    def _stamped(self) -> str:
        return f"{write_time(self.timestamp)} UTC" if self.timestamp is not None else ""

    @property
    def _has_our_copy(self) -> bool:
        """True when what lies in `submitted` is what we put there, as far as its date tells."""
        if self.noted is None or not self.noted.placed:
            return False
        there = _read_timestamp(self.submitted)
        return self.noted.placed.partition(" ")[2] == ("" if there is None else f"{write_time(there)} UTC")

    @property
    def _to_place(self) -> bool:
        """True when `submitted` lacks this hand-in, and has nothing newer or of unknown date from anybody else."""
        if self._is_at_home or self.attempt.refused:
            return False
        if not self.submitted.is_dir():
            return True
        if self._has_our_copy:
            return self.noted is not None and self.noted.placed != self._place_key
        there = _read_timestamp(self.submitted)
        return there is not None and self.timestamp is not None and there < self.timestamp

    @property
    def task(self) -> Preparing:
        """The work that makes the notebooks."""
        return Preparing(
            student=self.student,
            path=self.attempt.path,
            result=self.attempt.result,
            refused=bool(self.attempt.refused),
            timestamp=self._stamped,
            place=self._to_place,
            unplace=bool(self.attempt.refused) and self._has_our_copy,
            compare=self.noted is None,
            beside=self.attempt.beside,
        )

    def wanted(self, prepared: Prepared | None) -> Wanted:
        """The rows that the ledger is to have; without `prepared` the notebooks stay as they were noted."""
        before = self.noted.answers if self.noted is not None else {}
        if prepared is None:
            placed = self.noted.placed if self.noted is not None else ""
            answers, again = before, frozenset[str]()
        else:
            placed = self._place_key if prepared.placed else self._still_placed
            answers = prepared.answers
            known = prepared.unchanged if self.noted is None else frozenset(
                name for name, answer in answers.items() if before.get(name, Answer()).digest == answer.digest
            )  # fmt: skip
            again = frozenset(answers) - known
        noted = Noted(self.key, placed, answers)
        return Wanted(self.student, write_time(self.timestamp), self.extension, noted, again)

    @property
    def _still_placed(self) -> str:
        return self.noted.placed if self.noted is not None and self._has_our_copy else ""


def _entry(
    standing: Standing, noted: Noted | None, folder: Path, exercise: Exercise, stamp: str, due: datetime | None
) -> _Entry:
    attempt, student = standing.attempts[-1], standing.student.id
    timestamp = attempt.submitted
    try:
        found = attempt.result.stat()
    except OSError:
        raise AutograderError(f"expected a result in {attempt.result}, found none: grade the class again") from None
    came = [str(timestamp), read_secret(attempt.path).hex(), *attempt.beside]
    parts = [stamp, attempt.fingerprint, *came, found.st_mtime_ns, found.st_size]
    return _Entry(
        student=student,
        attempt=attempt,
        timestamp=timestamp,
        extension=_extension(due, standing.deadline),
        key=hashlib.sha256(json.dumps(parts).encode()).hexdigest(),
        autograded=folder / "autograded" / student / exercise.id,
        submitted=folder / "submitted" / student / exercise.id,
        notebooks=exercise.all_notebooks,
        noted=noted,
    )


def _read_timestamp(submitted: Path) -> datetime | None:
    try:
        return nbgrader_time((submitted / TIMESTAMP).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None


def _stamp(released: Mapping[str, bytes]) -> str:
    """A hash of what the notebooks are made with besides the hand-in."""
    contents = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(released.items())}
    return hash_of(contents, code_hash(__name__))


def _about(student: Student) -> dict[str, str]:
    """A student's columns, from a name such as `Given Family` or `Family, Given`."""
    name = _plain(student.name)
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.rpartition(" ")
    return {
        "first_name": first.strip(),
        "last_name": last.strip(),
        "email": _plain(student.email),
        "lms_user_id": _plain(student.canvas or student.moodle),
    }


def _plain(text: str) -> str:
    # nbgrader's pages show names as they are: what could be markup becomes signs that look like it.
    return clean_text(" ".join(text.split())).translate(str.maketrans("<>&\"'", "‹›+”’"))[:128]
