"""Scores as outputs of a notebook's cells."""

import html
from typing import Any

from ...base.errors import AutograderError
from ...base.text import clean_text
from ...judging.result import CellResult, Result, TestResult
from .changed_cells import way_on

__all__ = ["points_in", "put_scores"]


def put_scores(notebook: Any, result: Result) -> None:
    """Give every graded code cell its outputs: what was tested, and the points as the number nbgrader reads.

    To nbgrader a cell without an output has earned everything, one with anything on stderr nothing, and where the value
    of its last line is a number, that is its score. A cell that the result does not know, or whose points differ, is an
    `AutograderError`: the gradebook and the course are out of step.
    """
    if result.failed:
        raise AutograderError(f"grading itself failed: {result.failed}: run the command again")
    cells = {cell.grade_id: cell for cell in result.for_student().cells}
    for cell in notebook["cells"]:
        role = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] != "code" or not role.get("grade"):
            continue
        scored = cells.get(role["grade_id"])
        if scored is None or float(role["points"]) != scored.max_points:
            has = "no such cell" if scored is None else f"{scored.max_points:g} points"
            renew = f"run `autograder course .` and `nbgrader generate_assignment {result.exercise} --force`"
            raise AutograderError(
                f"{role['grade_id']} is worth {role['points']} points in the gradebook, the course has {has}: "
                + (way_on(result.exercise) if scored is None else f"in the course folder, {renew}")
            )
        cell["outputs"] = _outputs(scored, result)
        cell["execution_count"] = None


def points_in(scored: CellResult) -> float:
    """The cell's points as nbgrader takes them: between none and all, or it refuses the number."""
    return min(max(0.0, scored.points), scored.max_points)


def _outputs(scored: CellResult, result: Result) -> list[dict[str, Any]]:
    points = points_in(scored)
    said = f"{points:.4g} of {scored.max_points:g} points"
    refused = f"The hand-in was refused: {result.refused}" if result.refused else ""
    shown = {"text/html": _html(scored, refused), "text/plain": _plain_text(scored, refused)}
    number = {"text/html": f"<strong>{said}</strong>", "text/plain": repr(points)}
    return [
        {"output_type": "display_data", "data": shown, "metadata": {}},
        {"output_type": "execute_result", "execution_count": None, "data": number, "metadata": {}},
    ]


def _details(test: TestResult) -> list[tuple[str, str]]:
    """What a student may read about a failed test, each piece with its label: of a hidden one the reason alone."""
    if test.passed:
        return []
    pairs = [("", test.reason)]
    if test.visible:
        pairs += [("call", test.made_call), ("expected", test.want), ("got", test.got), ("hint", test.hint)]
    return [(label, clean_text(text)) for label, text in pairs if text]


def _html(scored: CellResult, refused: str) -> str:
    def cell(test: TestResult) -> str:
        lines = [html.escape(clean_text(test.title or test.name))]
        for label, text in _details(test):
            shown = html.escape(text)
            if label in ("call", "expected", "got"):
                shown = f"<code>{shown}</code>"
            lines.append(f"{label}: {shown}" if label else f"<em>{shown}</em>")
        return "<br>".join(lines)

    rows = [
        f'<tr><td class="text-{"success" if test.passed else "danger"}">{"✓" if test.passed else "✗"}</td>'
        f"<td>{cell(test)}</td></tr>"
        for test in scored.tests
    ]
    first = f"<p><strong>{html.escape(clean_text(refused))}</strong></p>" if refused else ""
    return f'{first}<table class="table table-condensed"><tbody>{"".join(rows)}</tbody></table>'


def _plain_text(scored: CellResult, refused: str) -> str:
    lines = [clean_text(refused)] if refused else []
    for test in scored.tests:
        lines.append(f"{'passed' if test.passed else 'failed'}: {clean_text(test.title or test.name)}")
        lines += [f"    {label}: {text}" if label else f"    {text}" for label, text in _details(test)]
    return "\n".join(lines)
