"""`check` under nbgrader's own execution: hidden tests in this process, earned points as the cell's result.

For comparison with the sandboxed grader only: the student's code runs beside the answers here. `execute_trusted` puts
this module into its own copy of the students' package. Environment: `AUTOGRADER_TRUSTED_HIDDEN` names the file of
hidden tests, `AUTOGRADER_TRUSTED_SOLUTION` the folder of solved modules, `AUTOGRADER_TRUSTED_POINTS` a JSON object of
points by grade id.
"""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from exercise_code.common.checks.check import examined, run_tests
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.checks.report import Report, say
from exercise_code.common.checks.shares import share_of
from exercise_code.common.course_tree import assignment_folder
from exercise_code.common.errors import CourseError, expect_asserts
from exercise_code.common.exercise import Exercise
from exercise_code.common.probing.cases import Case, Outcome, discover, load_cases, test_seed
from exercise_code.common.probing.in_process import InProcess

__all__ = ["check", "points"]


def check(grade_id: str, exercise: str | None = None) -> float:
    """The points of a graded cell, its visible and its hidden tests together; the report is shown."""
    found, report = examined(grade_id, exercise)
    return points(found, report)


def points(exercise: Exercise, report: Report) -> float:
    """The points that the visible tests of `report` and the hidden ones of its grade id earn together.

    nbgrader reads the number from the cell's last expression. The shown report says of a hidden test only its
    sentence and whether it passed.
    """
    expect_asserts()
    cases = load_cases(Path(_setting("AUTOGRADER_TRUSTED_HIDDEN")), f"{exercise.id}_hidden", False, exercise.model)
    cases = [case for case in cases if case.grade.grade_id == report.grade_id]
    solution = Path(_setting("AUTOGRADER_TRUSTED_SOLUTION"))
    hidden: list[Outcome] = []
    with fresh_code(exercise, assignment_folder(exercise) / "models") as code:
        for case in cases:
            reference = _reference(exercise, solution, case)
            outcomes, _ = run_tests([case], code, exercise, reference=reference)
            hidden += outcomes
    shown = [_without_details(outcome) for outcome in hidden]
    say(replace(report, outcomes=report.outcomes + tuple(shown)))
    every = [*report.outcomes, *hidden]
    weights = {case.name: case.grade.weight for case in [*discover(exercise), *cases]}
    earned = (weights[outcome.name] for outcome in every if outcome.passed)
    return _maximum(report.grade_id) * share_of(earned, (weights[outcome.name] for outcome in every))


def _reference(exercise: Exercise, solution: Path, case: Case) -> Callable[..., Any]:
    def reference(probe: Callable[..., Any], *inputs: Any) -> Any:
        with fresh_code(exercise, solution / "models", solution) as code:
            return InProcess(code, solution, test_seed(case.name), case.grade.writable)(probe, *inputs)

    return reference


def _without_details(outcome: Outcome) -> Outcome:
    reason = "" if outcome.passed else "a hidden check fails"
    return replace(outcome, reason=reason, want="", got="", hint="")


def _maximum(grade_id: str) -> float:
    try:
        return float(json.loads(_setting("AUTOGRADER_TRUSTED_POINTS"))[grade_id])
    except (ValueError, KeyError, TypeError):
        raise CourseError(
            f"expected a JSON object with the points of {grade_id} in AUTOGRADER_TRUSTED_POINTS: correct it"
        ) from None


def _setting(name: str) -> str:
    if value := os.environ.get(name):
        return value
    raise CourseError(f"expected the environment variable {name} beside AUTOGRADER_TRUSTED_HIDDEN: set it")
