"""A class whose hand-ins are known: their code lies on disk, their results are what the gates prove of such code."""

import hashlib
import random
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from answers_ex03 import copies_of, honest_answers

from autograder.analysis.known_mistakes import edited_modules
from autograder.classroom.roster import Student
from autograder.grading.standing import Attempt, GradedClass, Standing, attempt_from
from autograder.judging.result import CellResult, Result, TestResult, write_result
from autograder.sources import variants
from autograder.sources.cells import graded_cells
from autograder.sources.exercise import known_tests, sources
from autograder.sources.known_answers import wrong_answers
from exercise_code.common.exercise import load_exercise
from exercise_code.common.reasons import Reason

EXERCISE = "ex03_dataloader"
DUE = datetime(2026, 11, 20, 22, 59, tzinfo=UTC)
# Tests that nobody's known mistake fails together.
UNHEARD_OF = ("test_len_reads_no_sample", "test_normalize_random_images", "test_combine_random_samples")


class KnownClass:
    """Hand-ins are added one by one; `graded` is the class that they make."""

    def __init__(self, folder: Path, exercise: str = EXERCISE) -> None:
        self.folder = folder
        self.src = sources(exercise)
        self.tests = known_tests(self.src)
        self.cells = [c for c in graded_cells(self.src.id, self.src.course.parent) if c.kind == "checks"]
        self.solution = {
            p.name: variants.strip_markers(p.read_text(encoding="utf-8")) for p in self.src.solution.glob("*.py")
        }
        self.stubs = {name: (self.src.exercise.folder / name).read_text(encoding="utf-8") for name in self.solution}
        self.standings: list[Standing] = []

    def add(
        self,
        modules: Mapping[str, str] | None,
        failed: Collection[str] = (),
        *,
        unwritten: Collection[str] = (),
        code: Reason = Reason.GENERIC,
        raised: str = "",
        refused: str = "",
        name: str = "",
        cpu_seconds: float = 0.3,
    ) -> Attempt | None:
        """A student with this hand-in, or with none; the tests in `failed` and `unwritten` are lost."""
        number = len(self.standings)
        student = Student(f"u{number:04}", name=name or f"Student {number:04}", alias=f"a{number:04}")
        if modules is None:
            self.standings.append(Standing(student, deadline=DUE))
            return None
        path = self.folder / "submissions" / student.id
        path.parent.mkdir(parents=True, exist_ok=True)
        for file, text in modules.items():
            target = path / "exercise_code" / self.src.id / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        cells = [self._cell(c.grade_id, c.points, failed, unwritten, (code, raised), refused) for c in self.cells]
        result = Result(
            student=student.id,
            exercise=self.src.id,
            hand_in=student.id,
            score=0.0 if refused else round(sum(c.points for c in cells), 6),
            max_score=sum(c.max_points for c in cells),
            cells=cells,
            refused=refused,
            model={"parameters": 1000, "size_mb": 0.004, "problems": []} if self.src.exercise.model else {},
            cpu_seconds=cpu_seconds,
            wall_seconds=cpu_seconds,
            memory_mb=80.0,
        )
        fingerprint = hashlib.sha256(f"{student.id} {sorted(modules.items())}".encode()).hexdigest()
        where = self.folder / "results" / f"{student.id}.json"
        write_result(result, where)
        attempt = attempt_from(
            result,
            file=f"{student.id}.zip",
            path=path,
            fingerprint=fingerprint,
            where=where,
            submitted=DUE - timedelta(hours=number + 1),
            late=0.0,
        )
        self.standings.append(Standing(student, (attempt,), deadline=DUE, written=8.0))
        return attempt

    def add_wrong(self, *names: str) -> Attempt | None:
        """A student who made these known mistakes."""
        answers = {wrong.name: wrong for wrong in wrong_answers(self.src)}
        modules, failed = dict(self.solution), set()
        for name in names:
            failed |= set(answers[name].fails)
            for edit in answers[name].edit:
                modules[edit.file] = modules[edit.file].replace(edit.find, edit.replace)
        if len(names) == 1:
            modules |= edited_modules(self.src, answers[names[0]])
        return self.add(modules, failed)

    def graded(self) -> GradedClass:
        """The class as it stands."""
        return GradedClass(
            exercise=load_exercise(self.src.id),
            standings=tuple(self.standings),
            max_score=float(sum(c.points for c in self.cells)),
            max_written=10.0,
            due=DUE,
            wall_seconds=42.0,
        )

    def _cell(
        self,
        grade_id: str,
        points: float,
        failed: Collection[str],
        unwritten: Collection[str],
        kind: tuple[Reason, str],
        refused: str,
    ) -> CellResult:
        tests = []
        for test in self.tests.values():
            if test.grade_id == grade_id:
                passed = not refused and test.name not in failed and test.name not in unwritten
                why = Reason.REFUSED if refused else Reason.NOT_WRITTEN if test.name in unwritten else kind[0]
                title = test.name.removeprefix("test_").replace("_", " ").capitalize() + "."
                tests.append(
                    TestResult(
                        name=test.name,
                        title=title,
                        visible=test.visible,
                        passed=passed,
                        code=None if passed else why,
                        reason="" if passed else f"in words: {why}",
                        raised="" if passed else kind[1],
                    )
                )
        earned = points * sum(t.passed for t in tests) / len(tests)
        return CellResult(grade_id=grade_id, points=earned, max_points=points, tests=tests)


def a_class(folder: Path, students: int = 80, seed: int = 0) -> GradedClass:
    """A class of ex03 as it comes: right, wrong in known and unknown ways, unfinished, copied, missing."""
    dice = random.Random(seed)
    known = KnownClass(folder)
    names = [wrong.name for wrong in wrong_answers(known.src)]
    popular = dice.sample(names, 12)
    loader = [t.name for t in known.tests.values() if t.grade_id.startswith("dataloader")]
    honest = honest_answers()
    for modules in honest.values():
        known.add(modules)
    known.add(copies_of(honest["u0005"])["all of it"])
    known.add(copies_of(honest["u0002"])["renamed"])
    broken = {name: f"{text}\n)" for name, text in known.solution.items()}
    known.add(broken, known.tests, code=Reason.UNREADABLE)
    known.add(known.solution, refused="the zip is damaged: upload it again")
    for _ in range(3):
        known.add(known.solution, UNHEARD_OF)
        known.add(known.stubs, unwritten=known.tests)
        known.add({**known.solution, "dataloader.py": known.stubs["dataloader.py"]}, unwritten=loader)
        known.add(None)
    while len(known.standings) < students:
        kind = dice.random()
        if kind < 0.35:
            known.add(known.solution, cpu_seconds=dice.uniform(0.2, 0.5))
        elif kind < 0.85:
            known.add_wrong(dice.choices(popular, [1 / (i + 1) for i in range(12)])[0])
        else:
            known.add_wrong("len_counts_classes", dice.choice(["variance_for_std", "lists_for_arrays"]))
    return known.graded()
