"""A judge for hand-ins that the project made itself: forked children, the same tests, no sandbox."""

import importlib
import os
import pickle
import resource
import shutil
import sys
import types
import warnings
from dataclasses import replace
from pathlib import Path

from autograder.proof.verify import Verdict
from autograder.sources.exercise import Sources
from exercise_code.common.probing.cases import load_cases, test_seed
from exercise_code.common.probing.in_process import Code, InProcess
from exercise_code.common.probing.running import run_case


class InProcessJudge:
    """Grades hand-ins of one exercise; a child that overdraws its CPU time fails the test it was at."""

    def __init__(self, src: Sources, points: dict[str, float], cpu_seconds: int = 10, key: str = "visible") -> None:
        self.src, self.points, self.cpu_seconds, self.key = src, points, cpu_seconds, key
        exercise = src.exercise
        for name in exercise.imports:
            importlib.import_module(name)
        hidden = load_cases(src.course / "test_hidden.py", f"_hidden_{src.id}", False, exercise.model)
        self.cases = load_cases(exercise.visible_tests, f"_visible_{src.id}", model=exercise.model) + hidden
        unknown = {case.grade.grade_id for case in self.cases} - set(points)
        assert not unknown, f"no points are given for {unknown}"

    def __call__(self, handins, *, first_failure):
        for handin in handins:
            yield handin, self._verdict(self._outcomes(handin, first_failure))

    def _verdict(self, outcomes: dict[str, str | None]) -> Verdict:
        cells = {}
        for grade_id, maximum in self.points.items():
            own = {case.name: case.grade.weight for case in self.cases if case.grade.grade_id == grade_id}
            passed = [weight for name, weight in own.items() if outcomes.get(name, "") is None]
            cells[grade_id] = (maximum * sum(passed) / sum(own.values()), maximum)
        return Verdict(cells, {name: reason for name, reason in outcomes.items() if reason is not None})

    def _outcomes(self, handin: Path, first_failure: bool) -> dict[str, str | None]:
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns of forks beside threads; the only thread here draws a progress bar.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "wb", buffering=0) as out:
                try:
                    self._child(handin, first_failure, out)
                finally:
                    os._exit(0)
        os.close(writing)
        outcomes = {}
        with os.fdopen(reading, "rb") as answers:
            while True:
                try:
                    name, reason = pickle.load(answers)
                except EOFError:
                    break
                outcomes[name] = reason
        os.waitpid(child, 0)
        missing = [case.name for case in self.cases if case.name not in outcomes]
        if missing and not (first_failure and any(reason is not None for reason in outcomes.values())):
            outcomes.update(dict.fromkeys(missing, "the code did not come to an end"))
        return outcomes

    def _child(self, handin: Path, first_failure: bool, out) -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu_seconds, self.cpu_seconds))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(1)
        exercise = self.src.exercise
        if exercise.personal:
            # Given code looks for the student's id beside itself.
            own = handin / "exercise_code" / self.src.id
            for path in exercise.folder.glob("*.py"):
                if not (own / path.name).exists():
                    shutil.copyfile(path, own / path.name)
        code = Code(
            _package(exercise.package, handin / "exercise_code" / self.src.id, exercise.folder),
            handin / "models",
        )
        solved = Code(_package("_reference", self.src.solution, exercise.folder), self.src.solution / "models")
        for case in self.cases:
            key = "visible" if case.visible else self.key
            reference = InProcess(solved, self.src.solution, test_seed(case.name, key), case.grade.writable)
            own = replace(exercise, folder=handin / "exercise_code" / self.src.id) if exercise.personal else exercise
            outcome = run_case(case, code, own, key=key, reference=reference)
            out.write(pickle.dumps((case.name, None if outcome.passed else outcome.reason)))
            if first_failure and not outcome.passed:
                return


def _package(name: str, *folders: Path) -> str:
    """The name of a fresh package whose modules come from the first folder that has them."""
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
    package = types.ModuleType(name)
    package.__path__ = [str(folder) for folder in folders]
    sys.modules[name] = package
    return name
