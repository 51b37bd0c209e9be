"""Gradescope's results.json: what a student may see of a hand-in, and nothing else."""

import json
import math
from collections.abc import Iterator
from typing import Any

from ..base.text import clean_text, line, short
from ..grading.marks import comment, mark_of
from ..grading.standing import Attempt, GradedClass, Standing
from ..judging.result import CellResult, Result, TestResult

__all__ = ["gradescope_json"]


def gradescope_json(graded: GradedClass, standing: Standing, attempt: Attempt, result: Result) -> str:
    """The results.json of a student's hand-in, by https://gradescope-autograders.readthedocs.io/en/latest/specs/.

    Hidden tests are there with their title and reason, and students see them once the grades are published. The
    score is the mark; while answers wait to be marked it is the automatic points less what lateness costs, and the
    text on top says so.
    """
    shown = result.for_student()
    mark = mark_of(graded, standing)
    if mark.total is not None:
        score, text = mark.total, comment(graded, standing)
    else:
        score = max(0.0, attempt.score - standing.penalty)
        text = "Grading failed; it will be repeated." if attempt.failed else _waiting(graded, standing, attempt)
    tests = [test for cell in shown.cells for test in _cell(cell)]
    tests += _by_hand(graded, standing)
    for i, test in enumerate(tests, start=1):
        test["number"] = str(i)
    found: dict[str, Any] = {
        "score": round(score, 5),
        "output": clean_text(text),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {
            "exercise": result.exercise,
            "alias": clean_text(standing.student.alias),
            "hand_in": clean_text(attempt.file),
            "fingerprint": attempt.fingerprint,
            "submitted": attempt.submitted.isoformat() if attempt.submitted else None,
            "seconds_late": None if attempt.how_late is None else round(attempt.how_late, 3),
            "penalty": round(standing.penalty, 5),
            "notes": [line(note.text) for note in shown.notes],
        },
    }
    if shown.public_metrics:
        found["leaderboard"] = [{"name": name, "value": value} for name, value in sorted(shown.public_metrics.items())]
        if attempt.parameters is not None:
            found["leaderboard"].append({"name": "parameters", "value": attempt.parameters, "order": "asc"})
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _waiting(graded: GradedClass, standing: Standing, attempt: Attempt) -> str:
    late = f", {short(standing.penalty)} less for lateness" if standing.penalty else ""
    late += ", late: nobody knows yet by how much" if standing.late_unknown else ""
    return (
        f"{short(attempt.score)} of {short(graded.max_score)} points for the tests{late}. The written answers "
        f"({short(graded.max_written)} points) are not marked yet and not counted in."
    )


def _cell(cell: CellResult) -> Iterator[dict[str, Any]]:
    """The tests of a cell, with points where they make up those of the cell; else one more line has them."""
    of = [test.weight for test in cell.tests]
    points = [cell.max_points * weight / (sum(of) or 1.0) for weight in of]
    earned = sum(p for p, test in zip(points, cell.tests, strict=True) if test.passed)
    split = bool(sum(of)) and math.isclose(earned, cell.points, abs_tol=1e-6)
    if not split:
        yield {
            **_entry(cell.grade_id, cell),
            "score": round(cell.points, 5),
            "max_score": round(cell.max_points, 5),
            "visibility": "visible",
        }
    for most, test in zip(points, cell.tests, strict=True):
        scores = {"score": round(most * test.passed, 5), "max_score": round(most, 5)} if split else {}
        yield {
            **_entry(test.title or test.name, cell),
            **scores,
            "status": "passed" if test.passed else "failed",
            "output": clean_text(_output(test)),
            "visibility": "visible" if test.visible else "after_published",
        }


def _entry(name: str, cell: CellResult) -> dict[str, Any]:
    return {"name": line(name), "name_format": "text", "output_format": "text", "tags": [cell.grade_id]}


def _output(test: TestResult) -> str:
    if test.passed:
        return ""
    # Of a hidden test a student reads the condition, which is its name, and the reason.
    parts = [("", test.reason)]
    if test.visible:
        parts += [("call: ", test.made_call), ("wanted: ", test.want), ("got: ", test.got), ("hint: ", test.hint)]
    return "\n".join(f"{label}{text}" for label, text in parts if text)


def _by_hand(graded: GradedClass, standing: Standing) -> Iterator[dict[str, Any]]:
    """What people gave, a test for each cell; one for all where nobody knows which points are whose."""
    if not standing.markings:
        if graded.max_written and standing.written is not None:
            yield _marked("Written answers", "written", standing.written, graded.max_written, "")
        return
    for marking in standing.markings:
        if marking.points is not None:
            name = marking.name if marking.written else f"{marking.name}, changed by a person"
            most = marking.max_points if marking.written else 0.0
            yield _marked(name, marking.grade_id, marking.points, most, marking.comment)


def _marked(name: str, tag: str, points: float, most: float, said: str) -> dict[str, Any]:
    return {
        "name": line(name),
        "name_format": "text",
        "score": round(points, 5),
        "max_score": round(most, 5),
        "output": clean_text(said),
        "output_format": "text",
        "tags": [tag],
        "visibility": "visible",
    }
