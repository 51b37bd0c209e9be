"""The rows of one assignment in nbgrader's database: read once, compared, and written where they differ.

nbgrader's own classes commit after every cell and ask the database for each one: minutes for a class. The tables are
nbgrader's (0.9), and one of ours, which remembers from what each submission was written.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..prepare import Answer

__all__ = ["Ledger", "Noted", "Wanted", "connect", "read_interval", "read_time", "transaction", "write_time"]

# As SQLAlchemy writes times; spans are counted from 1970.
TIME = "%Y-%m-%d %H:%M:%S.%f"
_EPOCH = datetime(1970, 1, 1)
_OURS = (
    "CREATE TABLE IF NOT EXISTS autograder_noted (assignment TEXT, student TEXT, key TEXT, placed TEXT, answers TEXT,"
    " PRIMARY KEY (assignment, student))",
    # nbgrader has none, and goes through the grades of the whole class for each of its notebooks.
    "CREATE INDEX IF NOT EXISTS autograder_grade ON grade (notebook_id)",
    "CREATE INDEX IF NOT EXISTS autograder_comment ON comment (notebook_id)",
    "CREATE INDEX IF NOT EXISTS autograder_submitted_notebook ON submitted_notebook (assignment_id)",
)
_INSIDE = "FROM submitted_notebook n JOIN submitted_assignment s ON s.id = n.assignment_id"
_STUDENT = ("first_name", "last_name", "email", "lms_user_id")


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """The database at `path`; one that somebody else is writing is waited for."""
    # Not `mode=ro`: such a connection cannot undo what a killed process has left half written, and fails.
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=60, isolation_level=None)
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block's changes, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def write_time(when: datetime | None) -> str | None:
    """A time as nbgrader's columns hold it: in UTC, without a zone."""
    return None if when is None else when.astimezone(UTC).strftime(TIME)


def read_time(text: str | None) -> datetime | None:
    """The time in a column, in UTC."""
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def write_interval(span: timedelta) -> str | None:
    """A span of time as nbgrader's columns hold it; None for none."""
    return (_EPOCH + span).strftime(TIME) if span else None


def read_interval(text: str | None) -> timedelta:
    """The span of time in a column."""
    return datetime.fromisoformat(text) - _EPOCH if text else timedelta()


@dataclass(frozen=True)
class Noted:
    """What a submission was written from: `key` of the hand-in, `placed` of the copy in `submitted`, the answers."""

    key: str
    placed: str
    answers: dict[str, Answer]


@dataclass(frozen=True)
class Wanted:
    """How a student's submission is to be. `again` are answers that are not those which a person may have marked."""

    student: str
    timestamp: str | None
    extension: str | None
    noted: Noted
    again: frozenset[str] = frozenset()


@dataclass
class _Submission:
    """The rows of a submission by notebook and cell: ids, automatic scores and comments."""

    id: str
    timestamp: str | None = None
    extension: str | None = None
    notebooks: dict[str, str] = field(default_factory=dict)
    grades: dict[tuple[str, str], tuple[str, float | None]] = field(default_factory=dict)
    comments: dict[tuple[str, str], tuple[str, str | None]] = field(default_factory=dict)


class Ledger:
    """One assignment's cells and submissions. Columns that people fill are neither read nor written."""

    def __init__(self, connection: sqlite3.Connection, exercise_id: str) -> None:
        self.connection, self.exercise_id = connection, exercise_id
        for statement in _OURS:
            connection.execute(statement)
        ((self.assignment,),) = connection.execute("SELECT id FROM assignment WHERE name = ?", (exercise_id,))
        # Notebook, cell, name, and nbgrader's class of each cell that gets a grade or a comment.
        self.cells: list[tuple[str, str, str, str]] = connection.execute(
            "SELECT n.id, b.id, b.name, b.type FROM notebook n JOIN base_cell b ON b.notebook_id = n.id"
            " WHERE n.assignment_id = ? ORDER BY n.name, b.rowid",
            (self.assignment,),
        ).fetchall()
        query = "SELECT student, key, placed, answers FROM autograder_noted WHERE assignment = ?"
        self.noted = {
            student: Noted(key, placed, {name: Answer(**one) for name, one in json.loads(answers).items()})
            for student, key, placed, answers in connection.execute(query, (exercise_id,))
        }
        self.submissions = self._read()

    def _read(self) -> dict[str, _Submission]:
        ask, of = self.connection.execute, (self.assignment,)
        query = "SELECT student_id, id, timestamp, extension FROM submitted_assignment WHERE assignment_id = ?"
        found = {student: _Submission(*row) for student, *row in ask(query, of)}
        by_id = {submission.id: submission for submission in found.values()}
        of_all = f"{_INSIDE} %s WHERE s.assignment_id = ?"
        for id_, notebook, row in ask(f"SELECT s.id, n.notebook_id, n.id {of_all % ''}", of):
            by_id[id_].notebooks[notebook] = row
        query = f"SELECT s.id, n.notebook_id, g.cell_id, g.id, g.auto_score {of_all}"
        for id_, notebook, cell, row, score in ask(query % "JOIN grade g ON g.notebook_id = n.id", of):
            by_id[id_].grades[notebook, cell] = row, score
        query = f"SELECT s.id, n.notebook_id, c.cell_id, c.id, c.auto_comment {of_all}"
        for id_, notebook, cell, row, comment in ask(query % "JOIN comment c ON c.notebook_id = n.id", of):
            by_id[id_].comments[notebook, cell] = row, comment
        return found

    def enter_students(self, students: Iterable[tuple[str, dict[str, str]]]) -> None:
        """Write names and addresses by student id; what is empty stays as the gradebook has it."""
        query = f"SELECT id, {', '.join(_STUDENT)} FROM student"
        known = {id_: dict(zip(_STUDENT, row, strict=True)) for id_, *row in self.connection.execute(query)}
        rows = []
        for student, about in students:
            wanted = {name: value for name, value in about.items() if value}
            before = known.get(student)
            if before is None or any(before[name] != value for name, value in wanted.items()):
                rows.append({"id": student, **dict.fromkeys(_STUDENT), **(before or {}), **wanted})
        columns, places = ", ".join(_STUDENT), ", ".join(f":{name}" for name in _STUDENT)
        changes = ", ".join(f"{name} = excluded.{name}" for name in _STUDENT)
        query = f"INSERT INTO student (id, {columns}) VALUES (:id, {places}) ON CONFLICT (id) DO UPDATE SET {changes}"
        if rows:
            with transaction(self.connection):
                self.connection.executemany(query, rows)

    def write(self, batch: Sequence[Wanted]) -> set[str]:
        """The students whose submissions had to be written, all in one transaction."""
        todo = [wanted for wanted in batch if self._differs(wanted)]
        # Nothing is locked for a class in which nothing changed.
        with transaction(self.connection) if todo else nullcontext():
            for wanted in todo:
                self._write(wanted)
        return {wanted.student for wanted in todo}

    def _differs(self, wanted: Wanted) -> bool:
        submission = self.submissions.get(wanted.student)
        if submission is None or self.noted.get(wanted.student) != wanted.noted:
            return True
        if (submission.timestamp, submission.extension) != (wanted.timestamp, wanted.extension):
            return True
        absent = ("", "nothing")
        for notebook, cell, name, kind in self.cells:
            answer = wanted.noted.answers.get(name, Answer())
            if kind != "SolutionCell" and submission.grades.get((notebook, cell), absent)[1] != answer.score:
                return True
            if kind != "GradeCell" and submission.comments.get((notebook, cell), absent)[1] != answer.comment:
                return True
        return False

    def _write(self, wanted: Wanted) -> None:
        do = self.connection.execute
        submission = self._with_all_rows(wanted.student)
        query = "UPDATE submitted_assignment SET timestamp = ?, extension = ? WHERE id = ?"
        do(query, (wanted.timestamp, wanted.extension, submission.id))
        for notebook, cell, name, kind in self.cells:
            answer = wanted.noted.answers.get(name, Answer())
            if kind != "SolutionCell":
                row, before = submission.grades[notebook, cell]
                # An answer's automatic score says no more than whether somebody has to read it.
                again = name in wanted.again if answer.digest else answer.score != before
                # A person's score stays; it is asked for again only where it was given for something else.
                do(
                    "UPDATE grade SET auto_score = ?1, needs_manual_grade = CASE WHEN manual_score IS NULL"
                    " THEN ?1 IS NULL ELSE MAX(needs_manual_grade, ?2) END WHERE id = ?3",
                    (answer.score, again, row),
                )
            if kind != "GradeCell":
                row, _ = submission.comments[notebook, cell]
                do("UPDATE comment SET auto_comment = ? WHERE id = ?", (answer.comment, row))
        noted = wanted.noted
        text = json.dumps({name: asdict(answer) for name, answer in noted.answers.items()})
        query = "INSERT OR REPLACE INTO autograder_noted VALUES (?, ?, ?, ?, ?)"
        do(query, (self.exercise_id, wanted.student, noted.key, noted.placed, text))

    def _with_all_rows(self, student: str) -> _Submission:
        """The student's submission, with a row for every notebook and cell, made where there was none."""
        submission = self.submissions.get(student)
        if submission is None:
            row = self._insert("submitted_assignment", assignment_id=self.assignment, student_id=student)
            submission = self.submissions[student] = _Submission(row)
        for notebook, cell, _, kind in self.cells:
            inside = submission.notebooks.get(notebook)
            if inside is None:
                inside = self._insert(
                    "submitted_notebook", assignment_id=submission.id, notebook_id=notebook, flagged=0
                )
                submission.notebooks[notebook] = inside
            if kind != "SolutionCell" and (notebook, cell) not in submission.grades:
                row = self._insert("grade", notebook_id=inside, cell_id=cell, needs_manual_grade=1)
                submission.grades[notebook, cell] = row, None
            if kind != "GradeCell" and (notebook, cell) not in submission.comments:
                row = self._insert("comment", notebook_id=inside, cell_id=cell)
                submission.comments[notebook, cell] = row, None
        return submission

    def _insert(self, table: str, **columns: str | int) -> str:
        id_ = uuid.uuid4().hex
        places = ", ".join("?" * (len(columns) + 1))
        query = f"INSERT INTO {table} (id, {', '.join(columns)}) VALUES ({places})"
        self.connection.execute(query, (id_, *columns.values()))
        return id_
