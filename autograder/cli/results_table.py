"""The results of a run as a table on the terminal."""

from collections.abc import Iterable, Mapping

from rich.markup import escape
from rich.table import Table

from ..judging.result import Result
from .console import plain, short

__all__ = ["LARGEST_TABLE", "results_table"]

LARGEST_TABLE = 60


def results_table(
    results: Iterable[Result],
    title: str,
    about: Mapping[str, str] | None = None,
    penalties: Mapping[str, float] | None = None,
) -> Table:
    """A table with a line for each hand-in: who, how many points, what was lost and why.

    `about` says in words what each student handed in, where that is known; `penalties` what lateness costs, by the
    result's key.
    """
    table = Table(title=title, title_justify="left", pad_edge=False)
    table.add_column("student", no_wrap=True)
    if about is not None:
        table.add_column("what was handed in", overflow="fold", ratio=2)
    table.add_column("points", justify="right", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("lost, and why", overflow="fold", ratio=3)
    table.add_column("s", justify="right", no_wrap=True)
    for result in results:
        metric = ", ".join(_score(value) for value in result.metrics.values())
        less = (penalties or {}).get(result.key, 0.0)
        score = max(0.0, result.score - less)
        points = f"{score:.4g}/{result.max_score:.4g}"
        style = "red" if result.failed else "green" if score == result.max_score else ""
        lost = [f"handed in late: {less:.4g} points less"] if less else []
        lost += [text] if (text := _lost(result)) else []
        who = [escape(plain(result.student))]
        if about is not None:
            who.append(escape(about.get(result.student, "")))
        table.add_row(*who, points, metric, escape("; ".join(lost)), f"{result.wall_seconds:.2f}", style=style)
    return table


def _score(value: float) -> str:
    # An accuracy lies between 0 and 1, where one digit says nothing.
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _lost(result: Result) -> str:
    if result.failed:
        return f"GRADING FAILED: {result.failed}"
    if result.refused:
        return f"refused: {plain(result.refused)}"
    if not result.lost:
        return ""
    # One example says most in a table, and a visible test says more than a hidden one; the JSON holds all.
    example = next((t for t in result.lost if t.visible), result.lost[0])
    total = sum(len(cell.tests) for cell in result.cells)
    name = example.name.removeprefix("test_").replace("_", " ")
    return f"{len(result.lost)} of {total} tests; {name}: {short(plain(example.reason))}"
