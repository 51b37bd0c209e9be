"""A graded class without any grading: results made from an exercise's tests and dice, for the pages and exports."""

import hashlib
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from autograder.classroom.roster import Student
from autograder.grading.standing import Attempt, GradedClass, Marking, Standing, attempt_from
from autograder.judging.result import CellResult, Result, TestResult, pack_samples, write_result
from autograder.sources.cells import graded_cells
from autograder.sources.exercise import known_tests, sources
from exercise_code.common.exercise import Exercise, load_exercise
from exercise_code.common.hand_ins.notes import Note
from exercise_code.common.probing.cases import Grade, discover, load_cases
from exercise_code.common.reasons import Reason

DUE = datetime(2026, 11, 20, 22, 59, tzinfo=UTC)
# Whoever writes these reaches a page or a spreadsheet with them; none may do more than be read.
HOSTILE_NAMES = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    '=HYPERLINK("http://127.0.0.1/","click")',
    "Ada \u202egnp.exe",
    "@SUM(1+1)*cmd|'/C calc'!A0",
    'O\'Brien, "Q"; \u00c5se & S\u00f8nner',
    "-1+1",
    "]]></style></script><b>bold",
)
# Nobody's name, so that a page which shows somebody else's is told apart.
HOSTILE_WORDS = (
    "<script>document.title='commented'</script>",
    '=HYPERLINK("http://127.0.0.1/","a word")',
    "<img src=x onerror=\"document.title='commented'\">",
    "@SUM(2+2)*cmd|'/C calc'!A1",
    "Look \u202eagain; -1+2",
)


def sample_class(
    folder: Path, exercise: str = "ex09_keypoints", students: int = 30, seed: int = 0, hostile: bool = True
) -> GradedClass:
    """A class whose results lie in `folder`: good and weak students, late, double, missing and refused hand-ins."""
    dice = random.Random(f"{exercise} {seed}")
    found = load_exercise(exercise)
    standings = []
    for i in range(students):
        name = HOSTILE_NAMES[i] if hostile and i < len(HOSTILE_NAMES) else f"Name{i:04} Family{i * 7 % 97:02}"
        student = Student(
            id=f"s{10_000 + i * 37}",
            name=name,
            alias=f"u{(i * 611 + 42) % 10_000:04}",
            group="AB"[i % 2],
            email=f"s{i}@example.org",
            moodle=str(70_000 + i),
            canvas=str(900 + i),
        )
        if i % 13 == 12:
            standings.append(Standing(student, deadline=DUE))
            continue
        attempts = tuple(
            _attempt(folder, found, student, dice, n, refused=i % 11 == 10) for n in range(2 if i % 5 == 4 else 1)
        )
        last = attempts[-1]
        written = None if i % 3 == 0 else float(dice.randrange(0, 11))
        said = HOSTILE_WORDS[i % len(HOSTILE_WORDS)] if hostile else "Say why, too."
        standings.append(
            Standing(
                student,
                attempts,
                known=i % 17 != 16,
                written=written,
                markings=_markings(exercise, written, said),
                penalty=last.score * 0.1 if last.seconds_late else 0.0,
                deadline=DUE,
            )
        )
    standings.sort(key=lambda s: (not s.known, s.student.id))
    cells = graded_cells(exercise, sources(exercise).course.parent)
    return GradedClass(
        exercise=found,
        standings=tuple(standings),
        max_score=float(sum(c.points for c in cells if c.kind == "checks")),
        max_written=float(sum(c.points for c in cells if c.kind == "written")),
        problems=(("notes.txt", "expected a zip, got a text file"), ("<b>x</b>.rar", "nobody's name is on it")),
        due=DUE,
        demo_secret=True,
        wall_seconds=12.5,
    )


def _markings(exercise: str, written: float | None, said: str) -> tuple[Marking, ...]:
    """As a person marks: the first answer is marked in any case, with a word; the second may wait."""
    cells = graded_cells(exercise, sources(exercise).course.parent)
    one, two = (cell for cell in cells if cell.kind == "written")
    first = 4.0 if written is None else min(5.0, written)
    second = None if written is None else written - first
    return (
        Marking(one.grade_id, first, f"{said}\nAnd mind the spelling.", max_points=5.0, heading=one.heading),
        Marking(two.grade_id, second, max_points=5.0, heading=two.heading),
    )


def _attempt(folder: Path, exercise: Exercise, student: Student, dice: random.Random, n: int, refused: bool) -> Attempt:
    skill = dice.random()
    src = sources(exercise)
    tests = known_tests(src)
    marks, score = _marks(exercise.id), 40 + 300 * skill
    cells = []
    for cell in graded_cells(exercise.id, src.course.parent):
        if cell.kind != "checks":
            continue
        of = []
        for test in tests.values():
            if test.grade_id != cell.grade_id:
                continue
            passed = not refused and dice.random() < 0.35 + 0.75 * skill
            if test.name in marks and exercise.model is not None:
                passed = not refused and exercise.model.reaches(score, "embedded", marks[test.name].step)
            of.append(_test(test.name, test.visible, passed, refused, marks))
        points = cell.points * sum(t.weight for t in of if t.passed) / sum(t.weight for t in of)
        cells.append(CellResult(grade_id=cell.grade_id, points=points, max_points=cell.points, tests=of))
    metrics = {} if exercise.model is None or refused else {exercise.model.metric: score + dice.random()}
    packed = ""
    if metrics:
        packed = pack_samples(np.random.default_rng(n).uniform(-0.7, 0.7, (6, 30)).astype(np.float32))
    fingerprint = hashlib.sha256(f"{student.id} {n}".encode()).hexdigest()
    file = f"{student.name[:20].replace('/', '_')}_{n}.zip"
    luck = random.Random(fingerprint)
    parameters = int(10 ** (4 + 1.1 * skill + 1.5 * luck.random()))
    hours = dice.uniform(-60, 8)
    # Most come shortly before the end.
    submitted = DUE + timedelta(hours=hours if hours > 0 else -hours * hours / 60, minutes=n)
    result = Result(
        student=student.id,
        exercise=exercise.id,
        hand_in=file,
        digest=fingerprint[:16],
        key="k",
        score=round(sum(c.points for c in cells), 6),
        max_score=sum(c.max_points for c in cells),
        cells=cells,
        metrics=metrics,
        public_metrics={k: v * 1.02 for k, v in metrics.items()},
        private_metrics={k: v * luck.uniform(0.9, 1.1) for k, v in metrics.items()},
        samples=packed,
        model={"parameters": parameters, "size_mb": 4e-6 * parameters, "problems": []} if metrics else {},
        notes=[Note(Reason.IGNORED, "models/<i>x</i>.pt was ignored: not part of the exercise")] if n else [],
        refused="the zip is damaged (Bad CRC-32): upload it again" if refused else "",
        data="embedded",
        device="cpu",
        demo_secret=True,
        cpu_seconds=round(dice.uniform(0.1, 3), 3),
        wall_seconds=round(dice.uniform(0.2, 4), 3),
        memory_mb=round(dice.uniform(50, 300), 1),
    )
    where = folder / exercise.id / f"{student.id}--{fingerprint[:12]}.json"
    write_result(result, where)
    late = max(0.0, (submitted - DUE).total_seconds())
    return attempt_from(
        result,
        file=file,
        path=folder / "submissions" / file,
        fingerprint=fingerprint,
        where=where,
        submitted=submitted,
        late=late,
    )


@cache
def _marks(exercise: str) -> dict[str, Grade]:
    """The marks of the tests of a model's score; other tests weigh the same here."""
    src = sources(exercise)
    if src.exercise.model is None:
        return {}
    hidden = load_cases(src.course / "test_hidden.py", f"sample_{src.id}", False, src.exercise.model)
    return {case.name: case.grade for case in [*discover(src.exercise), *hidden] if case.grade.step}


def _test(name: str, visible: bool, passed: bool, refused: bool, marks: dict[str, Grade]) -> TestResult:
    found = _result_of(name, visible, passed, refused)
    if (mark := marks.get(name)) is not None:
        return found.model_copy(update={"weight": mark.weight, "step": mark.step})
    return found


def _result_of(name: str, visible: bool, passed: bool, refused: bool) -> TestResult:
    title = name.removeprefix("test_").replace("_", " ").capitalize() + "."
    if passed:
        return TestResult(name=name, title=title, visible=visible, passed=True, seconds=0.01)
    if refused:
        return TestResult(name=name, title=title, visible=visible, passed=False, reason="the hand-in was refused")
    if not visible:
        return TestResult(
            name=name,
            title=title,
            visible=False,
            passed=False,
            code=Reason.GENERIC,
            reason="the result is not as expected",
            log="want [3, 4] | got [1, 2] SECRETLOG",
        )
    return TestResult(
        name=name,
        title=title,
        visible=True,
        passed=False,
        reason="the values differ",
        want="[0.0, 0.5, 1.0]",
        got="<script>document.title='owned'</script> [1.0, 0.5]",
        hint="look at the axis of the mean",
        log="full log",
    )
