"""`autograder grade`: a folder of hand-ins becomes a folder of results, where it was left off."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from exercise_code.common.exercise import Exercise, load_exercise

from ..base.errors import AutograderError
from ..base.settings import Settings
from ..classroom.class_file import Classroom
from ..classroom.roster import Student, make_aliases
from ..fleet.fleets import Fleets, local_fleets
from ..intake.digest import fingerprint
from ..intake.search import Found, find_hand_ins
from ..judging.job import Job
from ..judging.result import Result, read_result, write_result
from ..sources.cells import graded_cells
from ..sources.exercise import sources
from .aside import forget_told, set_aside
from .collection import Collection, HandIn, collect, collect_anew
from .earlier import EarlierHandIns
from .keys import course_hash, result_key, result_path
from .register import Register
from .standing import Attempt, GradedClass, Standing, attempt_from
from .turns import in_turn, left_out, newest, slow_students

__all__ = ["Grading", "grade_class", "grade_folder", "grade_found", "with_penalty"]


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
        raise nothing_found(submissions, exercise, intake.problems)
    yield from grade_found(exercise, intake.found, out, settings, fleets, begin)


def nothing_found(submissions: Path, exercise: Exercise, problems: Sequence[tuple[str, str]]) -> AutograderError:
    """The error of a folder in which nothing is anybody's."""
    name, reason = problems[0]
    return AutograderError(
        f"expected zips, or folders named after students, in {submissions}, found none of {exercise.id}: "
        f"{name}: {reason}" + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")
    )


def grade_found(
    exercise: Exercise,
    found: Sequence[Found],
    out: Path,
    settings: Settings,
    fleets: Fleets,
    begin: Callable[[int, int], None] | None = None,
    digests: Mapping[Path, str] | None = None,
    earlier: EarlierHandIns | None = None,
) -> Iterator[Grading]:
    """Each hand-in's result: first those that are known, then the others as they are done.

    `digests` are the hashes of the hand-ins' bytes, where they are known. Of a student who sent more than
    `settings.hand_ins`, the newest ones are graded.
    """
    _expect_writable(out)
    forget_told(out / exercise.id)
    earlier = earlier or EarlierHandIns(exercise, settings, out)
    planned = newest(_plan(exercise, found, out, settings, digests or {}, earlier), settings.hand_ins)
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
    submissions: Path | None,
    out: Path,
    settings: Settings,
    *,
    classroom: Classroom | None = None,
    worksheet: Path | None = None,
    times: Path | None = None,
    anew: bool = False,
    begin_with: Register | None = None,
    fleets: Fleets | None = None,
    begin: Callable[[int, int], None] | None = None,
    step: Callable[[Grading], None] | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> GradedClass:
    """The class with every hand-in graded: those of earlier runs, and what `submissions` holds.

    `anew` makes these the whole class, and sets the others aside. Written answers are marked elsewhere, and not
    counted in here. `told` is called with what a person should know before anything is graded.
    """
    start = time.monotonic()
    exercise = load_exercise(exercise_id)
    classroom = classroom or Classroom()
    fleets = fleets or local_fleets(exercise_id, settings, None)
    if anew:
        if submissions is None:
            raise AutograderError("expected the hand-ins of the new start: name the folder that holds them")
        found = collect_anew(exercise, out, classroom, submissions, worksheet=worksheet, times=times)
    else:
        found = collect(exercise, out, classroom, submissions, worksheet=worksheet, times=times, begin=begin_with)
    if not found.register.sources:
        raise AutograderError("expected the hand-ins, got none: name a zip, or a folder of many")
    if not found.hand_ins and submissions is not None and not classroom.roster:
        raise nothing_found(submissions, exercise, found.problems)
    found = found.expect_exercise()
    _expect_writable(out)
    if (aside := found.save()) is not None:
        told(f"what was there before is set aside in {aside}")
    elif found.new and len(found.hand_ins) > len(found.new):
        told(f"{len(found.new)} new, added to the {len(found.hand_ins) - len(found.new)} from before")
    attempts, stale = _attempts(exercise, found, out, settings, classroom, fleets, begin, step)
    cells = graded_cells(exercise.id, sources(exercise).course.parent)
    return GradedClass(
        exercise=exercise,
        standings=tuple(_standings(exercise, classroom, settings, attempts)),
        max_score=float(sum(c.points for c in cells if c.kind == "checks")),
        max_written=float(sum(c.points for c in cells if c.kind == "written")),
        problems=tuple(sorted({*found.problems, *stale})),
        due=classroom.due.get(exercise.id),
        demo_secret=settings.demo_secret,
        data=settings.data,
        wall_seconds=time.monotonic() - start,
    )


def _attempts(
    exercise: Exercise,
    found: Collection,
    out: Path,
    settings: Settings,
    classroom: Classroom,
    fleets: Fleets,
    begin: Callable[[int, int], None] | None,
    step: Callable[[Grading], None] | None,
) -> tuple[dict[str, list[Attempt]], list[tuple[str, str]]]:
    """Each student's hand-ins in their order, graded; and those that are gone, graded with other tests or never."""
    students = {s.id: s for s in classroom.roster.students} if classroom.roster else {}
    order = {(one.found.student, one.digest): i for i, one in enumerate(found.hand_ins)}
    graded: dict[int, tuple[Attempt, str]] = {}
    stale: list[tuple[str, str]] = []
    there = [one.found for one in found.hand_ins if not one.gone]
    digests = {one.found.path: one.digest for one in found.hand_ins}
    earlier = EarlierHandIns(exercise, settings, out, classroom.folder)
    steps = grade_found(exercise, there, out, settings, fleets, begin, digests, earlier)
    left = _left(exercise, [one for one in found.hand_ins if one.gone], out, settings, earlier, stale)
    for grading in chain(steps, left):
        one = grading.found
        owner = students.get(one.student, Student(one.student))
        attempt = attempt_from(
            grading.result,
            file=one.file,
            path=one.path,
            fingerprint=grading.fingerprint,
            where=grading.path,
            submitted=one.submitted,
            late=classroom.seconds_late(exercise.id, owner, one.submitted),
            # The system that took it says so, and does not say by how much: no row of the table is for that.
            late_mark=one.late_mark and one.submitted is None,
            beside=one.beside,
            owner=owner,
        )
        graded[order[one.student, grading.fingerprint]] = attempt, grading.result.digest
        if step is not None:
            step(grading)
    others = [one.found for i, one in enumerate(found.hand_ins) if not one.gone and i not in graded]
    stale += left_out(others, settings.hand_ins)
    attempts: dict[str, list[Attempt]] = {}
    for i, hand_in in enumerate(found.hand_ins):
        if i in graded:
            attempts.setdefault(hand_in.found.student, []).append(graded[i][0])
    if classroom.folder is not None:
        taken = {graded[i][0].path: graded[i][1] for i in graded}
        place = classroom.folder / "submitted"
        for student, of in attempts.items():
            attempts[student] = _without_our_copy(of, place / student / exercise.id, taken)
    return attempts, stale


def _left(
    exercise: Exercise,
    gone: Sequence[HandIn],
    out: Path,
    settings: Settings,
    earlier: EarlierHandIns,
    stale: list[tuple[str, str]],
) -> Iterator[Grading]:
    """The results of hand-ins that can be read nowhere, whatever they were made with."""
    course = course_hash(exercise) if gone else ""
    for one in gone:
        student, file = one.found.student, one.found.file
        path = result_path(out, exercise.id, student, one.digest)
        result = read_result(path)
        if result is None:
            stale.append((file, f"is gone, and has no result: it counts as none of the hand-ins of {student}"))
            continue
        if result.key != result_key(student, one.digest, course, settings, earlier.of(student)):
            stale.append((file, "is gone, and its result was made with other tests or settings"))
        yield Grading(Job(student, one.found.path, file), result, path, False, one.found, one.digest)


def _without_our_copy(attempts: list[Attempt], place: Path, taken: Mapping[Path, str]) -> list[Attempt]:
    """The hand-ins without the one that lies in nbgrader's `submitted` and is a copy of another one."""
    ours = [a for a in attempts if a.path.absolute() == place.absolute()]
    others = {taken[a.path] for a in attempts if a not in ours} - {""}
    return [a for a in attempts if a not in ours or taken[a.path] not in others]


def _standings(
    exercise: Exercise, classroom: Classroom, settings: Settings, attempts: Mapping[str, Sequence[Attempt]]
) -> Iterator[Standing]:
    """Every student of the roster, then those whom it lacks; without a roster everybody is known, by an alias."""
    if classroom.roster is None:
        aliases = make_aliases([Student(name) for name in sorted(attempts)], settings.secret)
        students = {name: Student(name, alias=aliases[name]) for name in attempts}
    else:
        students = {student.id: student for student in classroom.roster.students}
    for name in [*sorted(students), *sorted(set(attempts) - set(students))]:
        student = students.get(name, Student(name))
        deadline = classroom.deadline(exercise.id, student)
        standing = Standing(student, tuple(attempts.get(name, ())), known=name in students, deadline=deadline)
        yield with_penalty(standing, classroom)


def with_penalty(standing: Standing, classroom: Classroom) -> Standing:
    """The standing with what lateness costs its last hand-in, written points counted in."""
    if standing.marked is None:
        return standing
    earned = standing.marked.score + (standing.written or 0.0)
    return replace(standing, penalty=classroom.penalty(earned, standing.marked.seconds_late))


def _plan(
    exercise: Exercise,
    found: Sequence[Found],
    out: Path,
    settings: Settings,
    digests: Mapping[Path, str],
    earlier: EarlierHandIns,
) -> list[_Planned]:
    course = course_hash(exercise)
    same: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        same.setdefault((one.student, digests.get(one.path) or fingerprint(one.path)), []).append(one)
    return [
        _Planned(
            Job(student, of[0].path, of[0].file, earlier.of(student)),
            print_,
            result_path(out, exercise.id, student, print_),
            result_key(student, print_, course, settings, earlier.of(student)),
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
