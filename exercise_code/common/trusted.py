"""`check` under nbgrader's own execution: hidden tests in this process, earned points as the cell's result.

For comparison with the sandboxed grader only: the student's code runs beside the answers here. Environment:
`AUTOGRADER_TRUSTED_HIDDEN` names the file of hidden tests, `AUTOGRADER_TRUSTED_SOLUTION` the folder of solved
modules, `AUTOGRADER_TRUSTED_POINTS` a JSON object of points by grade id.
"""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from .checks.shares import share_of
from .course_tree import assignment_folder
from .errors import CourseError, expect_asserts
from .exercise import Exercise
from .reloading import fresh_code
from .reporting import Report, say
from .testing import Case, InProcess, Outcome, discover, load_cases, test_seed

__all__ = ["active", "points", "refuse_silence"]


def active() -> bool:
    """True when nbgrader's autograde step runs the notebook and hidden tests have been named."""
    return os.environ.get("NBGRADER_EXECUTION") == "autograde" and "AUTOGRADER_TRUSTED_HIDDEN" in os.environ


def refuse_silence(report: Report) -> None:
    """Nothing, outside nbgrader and when it validates a cell that passes; else a `CourseError`.

    To nbgrader a graded cell without an error or a number has earned everything.
    """
    mode = os.environ.get("NBGRADER_EXECUTION")
    if mode == "validate" and not report.passed:
        raise CourseError(report.summary)
    if mode == "autograde":
        raise CourseError(
            "expected the grader's preprocessor in place of nbgrader's Execute, or hidden tests named in "
            "AUTOGRADER_TRUSTED_HIDDEN, got neither: see nbgrader_config.py"
        )


def points(exercise: Exercise, report: Report, run_tests: Callable[..., tuple[list[Outcome], str]]) -> float:
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
