"""A graded class: who handed in what and when, what each hand-in earned, and which one counts.

Results stay on disk: a class of thousands is a list of small summaries, and `Attempt.read` brings one whole result.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from exercise_code.common.exercise import Exercise
from exercise_code.common.reasons import Reason

from ..base.errors import AutograderError
from ..classroom.roster import Student
from ..judging.result import Result, read_result

__all__ = ["Attempt", "GradedClass", "Marking", "Standing", "attempt_from"]


@dataclass(frozen=True)
class Attempt:
    """One hand-in and the summary of its result; times are aware datetimes, scores are automatic points.

    `look_at` are files that would have been graded, but for what is said there: a person should look at them.
    `beside` are files of the student's that are no part of a hand-in: an answer may stand in one.
    `late_mark` says that the system which took it calls it late while nobody knows when it came: nothing is lost by
    that before a person has found out, and `seconds_late` is 0. `how_late` is None then: nobody knows.
    """

    file: str
    path: Path
    fingerprint: str
    result: Path
    submitted: datetime | None = None
    seconds_late: float = 0.0
    late_mark: bool = False
    score: float = 0.0
    max_score: float = 0.0
    points: dict[str, float] = field(default_factory=dict)
    failed_tests: tuple[str, ...] = ()
    refused: str = ""
    failed: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    public_metrics: dict[str, float] = field(default_factory=dict)
    private_metrics: dict[str, float] = field(default_factory=dict)
    parameters: int | None = None
    hidden_parameters: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    memory_mb: float = 0.0
    look_at: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def how_late(self) -> float | None:
        """Seconds late, None where that is not known."""
        return None if self.late_mark else self.seconds_late

    def read(self) -> Result:
        """The whole result, from its file."""
        found = read_result(self.result)
        if found is None:
            raise AutograderError(f"expected a result in {self.result}, found none: grade the class again")
        return found


@dataclass(frozen=True)
class Marking:
    """What a person gave for a graded cell in the gradebook, and said of it; `points` None while it waits.

    Of a cell that tests decide, whose `written` is False, the points are what a person added to them or took away.
    """

    grade_id: str
    points: float | None
    comment: str = ""
    written: bool = True
    max_points: float = 0.0
    heading: str = ""

    @property
    def name(self) -> str:
        """What people call the cell."""
        return self.heading or self.grade_id


@dataclass(frozen=True)
class Standing:
    """One student's hand-ins in the order they came, and what they are worth.

    `attempts` is empty for a student who handed in nothing. `written` are the points that people gave in the
    gradebook, None while an answer waits to be marked; `markings` are the same by cell, with what was said. `known` is
    False when the roster lacks the student.
    """

    student: Student
    attempts: tuple[Attempt, ...] = ()
    known: bool = True
    written: float | None = None
    penalty: float = 0.0
    deadline: datetime | None = None
    markings: tuple[Marking, ...] = ()

    @property
    def marked(self) -> Attempt | None:
        """The hand-in that gives the mark: the last one."""
        return self.attempts[-1] if self.attempts else None

    @property
    def late_unknown(self) -> bool:
        """True where the hand-in that counts is late, and nobody knows by how much: a person finds out."""
        return self.marked is not None and self.marked.late_mark

    @property
    def points(self) -> float:
        """Automatic points of the last hand-in and points given by hand, less what lateness costs."""
        if not self.attempts:
            return 0.0
        return max(0.0, self.attempts[-1].score + (self.written or 0.0) - self.penalty)


@dataclass(frozen=True)
class GradedClass:
    """What the pages and exports are made from.

    `standings` has every student of the roster, then those whom the roster lacks, each group sorted by id.
    `problems` are files that could not be given to anybody, each with the reason.
    `max_score` are the automatic points, `max_written` those of written answers; they sum to 100.
    """

    exercise: Exercise
    standings: tuple[Standing, ...]
    max_score: float
    max_written: float
    problems: tuple[tuple[str, str], ...] = ()
    due: datetime | None = None
    demo_secret: bool = False
    data: str = "embedded"
    wall_seconds: float = 0.0

    @property
    def attempts(self) -> list[tuple[Student, Attempt]]:
        """Every hand-in with whose it is."""
        return [(s.student, a) for s in self.standings for a in s.attempts]


def attempt_from(
    result: Result,
    *,
    file: str,
    path: Path,
    fingerprint: str,
    where: Path,
    submitted: datetime | None,
    late: float,
    late_mark: bool = False,
    beside: tuple[str, ...] = (),
    owner: Student | None = None,
) -> Attempt:
    """The summary of a result; `owner` is whose hand-in it is."""
    return Attempt(
        file=file,
        path=path,
        fingerprint=fingerprint,
        result=where,
        submitted=submitted,
        seconds_late=late,
        late_mark=late_mark,
        score=result.score,
        max_score=result.max_score,
        points={c.grade_id: c.points for c in result.cells},
        failed_tests=tuple(t.name for t in result.lost),
        refused=result.refused,
        failed=result.failed,
        metrics=result.metrics,
        public_metrics=result.public_metrics,
        private_metrics=result.private_metrics,
        parameters=result.model.get("parameters"),
        hidden_parameters=result.model.get("hidden", 0),
        cpu_seconds=result.cpu_seconds,
        wall_seconds=result.wall_seconds,
        memory_mb=result.memory_mb,
        look_at=(*_other_owner(result, owner), *(n.text for n in result.notes if n.code is Reason.NOT_TAKEN)),
        beside=beside,
    )


def _other_owner(result: Result, owner: Student | None) -> tuple[str, ...]:
    """A line where a hand-in answers the numbers of somebody else than its owner, by any name that the roster has."""
    if owner is None or not result.named:
        return ()
    names = {owner.id, owner.alias, owner.email, owner.email.partition("@")[0]}
    if result.named in {name.lower() for name in names}:
        return ()
    return (f"has the numbers of {result.named}: it was scored with these",)
