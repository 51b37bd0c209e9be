"""`autograder grade`: a folder of hand-ins becomes a folder of results, where it was left off."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol

from exercise_code.common.exercise import Exercise, load_exercise

from ..base.errors import AutograderError
from ..build import graded_cells
from ..classroom import Classroom
from ..fleet import Fleet
from ..intake import Found, Intake, find_hand_ins, fingerprint
from ..judge import Job
from ..machine import plan_judges, this_machine
from ..results import Result, read_result, write_result
from ..roster import Student, make_aliases
from ..settings import Settings
from ..standing import Attempt, GradedClass, Standing, attempt_from
from ..variants import sources
from .aside import forget_told, set_aside
from .keys import course_hash, result_key, result_path
from .turns import in_turn, left_out, newest, slow_students

__all__ = [
    "Fleets",
    "Grading",
    "default_jobs",
    "grade_class",
    "grade_folder",
    "grade_found",
    "local_fleets",
    "with_penalty",
]


class FleetLike(Protocol):
    """Judges, wherever they are: a context manager that grades jobs and gives each with its result."""

    def __enter__(self) -> "FleetLike": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def grade(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Each job with its result, as they are done."""
        ...


# Makes judges for so many hand-ins.
Fleets = Callable[[int], FleetLike]


@dataclass(frozen=True)
class Grading:
    """One step of a run: a hand-in's result, and whether it was graded now or found from an earlier run."""

    job: Job
    result: Result
    path: Path
    fresh: bool
    found: Found
    fingerprint: str


@dataclass(frozen=True)
class _Planned:
    """One result to make or to find; `found` are the hand-ins that it is for: a student may send the same twice."""

    job: Job
    fingerprint: str
    path: Path
    key: str
    found: tuple[Found, ...]

    def known(self) -> Result | None:
        result = read_result(self.path)
        return result if result is not None and result.key == self.key and not result.failed else None

    def gradings(self, result: Result, fresh: bool) -> Iterator[Grading]:
        for found in self.found:
            yield Grading(self.job, result, self.path, fresh, found, self.fingerprint)


def default_jobs(device: str = "cpu") -> int:
    """As many judges as this machine has cores, memory and GPUs for."""
    return len(plan_judges(device, None, this_machine(gpus=device == "cuda")))


def grade_folder(
    exercise_id: str,
    submissions: Path,
    out: Path,
    settings: Settings,
    jobs: int | None = None,
    begin: Callable[[int, int], None] | None = None,
) -> Iterator[Grading]:
    """Each hand-in's result, written to `out` as it is done; results that are there already are not made again.

    `begin` is called once with the number of hand-ins and of those still to grade.
    """
    exercise = load_exercise(exercise_id)
    fleets = local_fleets(exercise_id, settings, jobs)
    intake = find_hand_ins(submissions, exercise, out=out)
    if not intake.found:
        raise nothing_found(submissions, exercise, intake)
    yield from grade_found(exercise, intake.found, out, settings, fleets, begin)


def local_fleets(exercise_id: str, settings: Settings, jobs: int | None) -> Fleets:
    """A function that makes a fleet for so many hand-ins, of processes on this machine."""
    size = default_jobs(settings.device) if jobs is None else jobs
    if size < 1:
        raise AutograderError(f"expected one judge or more, got --jobs {size}")
    return lambda todo: Fleet(exercise_id, settings, min(size, max(1, todo)))


def nothing_found(submissions: Path, exercise: Exercise, intake: Intake) -> AutograderError:
    """The error of a folder in which nothing is anybody's."""
    name, reason = intake.problems[0]
    return AutograderError(
        f"expected zips, or folders named after students, in {submissions}, found none of {exercise.id}: "
        f"{name}: {reason}" + (f" (and {len(intake.problems) - 1} more)" if len(intake.problems) > 1 else "")
    )


def grade_found(
    exercise: Exercise,
    found: Sequence[Found],
    out: Path,
    settings: Settings,
    fleets: Fleets,
    begin: Callable[[int, int], None] | None = None,
) -> Iterator[Grading]:
    """Each hand-in's result: first those that are known, then the others as they are done.

    Of a student who sent more than `settings.hand_ins`, the newest ones are graded.
    """
    _expect_writable(out)
    forget_told(out / exercise.id)
    planned = newest(_plan(exercise, found, out, settings), settings.hand_ins)
    # Those that were graded with other tests or settings tell as well who takes long.
    slow = slow_students(read_result(plan.path) for plan in planned)
    todo = {plan.job: plan for plan in planned if plan.known() is None}
    if begin is not None:
        begin(sum(len(plan.found) for plan in planned), sum(len(plan.found) for plan in todo.values()))
    for plan in planned:
        if plan.job not in todo:
            if (known := plan.known()) is not None:
                yield from plan.gradings(known, fresh=False)
            else:
                todo[plan.job] = plan
    if not todo:
        return
    with fleets(len(todo)) as fleet:
        for job, result in fleet.grade(in_turn(list(todo), slow)):
            plan = todo[job]
            result = result.model_copy(update={"key": plan.key})
            set_aside(plan.path, plan.key)
            write_result(result, plan.path)
            yield from plan.gradings(result, fresh=True)


def grade_class(
    exercise_id: str,
    submissions: Path,
    out: Path,
    settings: Settings,
    *,
    classroom: Classroom | None = None,
    worksheet: Path | None = None,
    fleets: Fleets | None = None,
    begin: Callable[[int, int], None] | None = None,
    step: Callable[[Grading], None] | None = None,
) -> GradedClass:
    """The class with every hand-in graded. Written answers are marked elsewhere, and not counted in here."""
    start = time.monotonic()
    exercise = load_exercise(exercise_id)
    classroom = classroom or Classroom()
    due = classroom.due.get(exercise.id)
    intake = find_hand_ins(
        submissions,
        exercise,
        roster=classroom.roster,
        worksheet=worksheet,
        # A download that is still one zip is unpacked there.
        scratch=out / exercise.id / "cache",
        # Moodle's worksheet names no time zone; the due date has one.
        zone=due.tzinfo if due is not None else None,
        out=out,
    )
    if not intake.found and not intake.missing:
        raise nothing_found(submissions, exercise, intake)
    fleets = fleets or local_fleets(exercise_id, settings, None)
    order = {found: i for i, found in enumerate(intake.found)}
    students: dict[str, Student] = {s.id: s for s in classroom.roster.students} if classroom.roster else {}
    attempts: dict[str, list[tuple[int, Attempt]]] = {}
    graded: set[Found] = set()
    for grading in grade_found(exercise, intake.found, out, settings, fleets, begin):
        found = grading.found
        graded.add(found)
        student = students.get(found.student, Student(found.student))
        late = classroom.seconds_late(exercise.id, student, found.submitted)
        attempt = attempt_from(
            grading.result,
            file=found.file,
            path=found.path,
            fingerprint=grading.fingerprint,
            where=grading.path,
            submitted=found.submitted,
            late=late,
            # The system that took it says so, and does not say by how much: no row of the table is for that.
            late_mark=found.late_mark and found.submitted is None,
        )
        attempts.setdefault(found.student, []).append((order[found], attempt))
        if step is not None:
            step(grading)
    unknown = sorted(set(attempts) - set(students))
    if classroom.roster is None:
        aliases = make_aliases([Student(name) for name in unknown], settings.secret)
        students = {name: Student(name, alias=aliases[name]) for name in unknown}
        unknown = []
    standings = []
    for name in [*sorted(students), *unknown]:
        student = students.get(name, Student(name))
        of = tuple(a for _, a in sorted(attempts.get(name, []), key=lambda pair: pair[0]))
        standing = Standing(student, of, known=name in students, deadline=classroom.deadline(exercise.id, student))
        standings.append(with_penalty(standing, classroom))
    cells = graded_cells(exercise.id, sources(exercise).course.parent)
    return GradedClass(
        exercise=exercise,
        standings=tuple(standings),
        max_score=float(sum(c.points for c in cells if c.kind == "checks")),
        max_written=float(sum(c.points for c in cells if c.kind == "written")),
        problems=(*intake.problems, *left_out(intake.found, graded, settings.hand_ins)),
        due=due,
        demo_secret=settings.demo_secret,
        data=settings.data,
        wall_seconds=time.monotonic() - start,
    )


def with_penalty(standing: Standing, classroom: Classroom) -> Standing:
    """The standing with what lateness costs its last hand-in, written points counted in."""
    if standing.marked is None:
        return standing
    earned = standing.marked.score + (standing.written or 0.0)
    return replace(standing, penalty=classroom.penalty(earned, standing.marked.seconds_late))


def _plan(exercise: Exercise, found: Sequence[Found], out: Path, settings: Settings) -> list[_Planned]:
    course = course_hash(exercise)
    same: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        same.setdefault((one.student, fingerprint(one.path)), []).append(one)
    return [
        _Planned(
            Job(student, of[0].path, of[0].file),
            print_,
            result_path(out, exercise.id, student, print_),
            result_key(student, print_, course, settings),
            tuple(of),
        )
        for (student, print_), of in same.items()
    ]


def _expect_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.write_bytes(b"")
        # Another run may have made the same one, and removed it.
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise AutograderError(
            f"expected a writable folder for results at {out}: {error.strerror}: name another --out"
        ) from None
