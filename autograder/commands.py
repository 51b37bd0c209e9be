"""What the command line's verbs do; each answers an exit code."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from exercise_code.common.exercise import load_exercise

from .errors import AutograderError
from .grading import Grading, default_jobs, grade_folder
from .results import Result
from .settings import Settings, settings_from_environment

__all__ = [
    "bundle_command",
    "doctor_command",
    "grade_command",
    "grade_with_progress",
    "results_table",
    "train_command",
    "verify_command",
]

LARGEST_TABLE = 60


def grade_command(
    exercise: str, submissions: Path, out: Path, jobs: int | None, data: str, device: str, unsafe: bool
) -> int:
    """Grade hand-ins with progress and a table; 1 when grading itself failed for any of them."""
    console = Console()
    load_exercise(exercise)
    settings = settings_from_environment(data=data, device=device, unsafe=unsafe)
    start = time.perf_counter()
    gradings = grade_with_progress(console, exercise, submissions, out, jobs, settings)
    seconds = time.perf_counter() - start
    results = sorted((g.result for g in gradings), key=lambda r: (r.student, r.hand_in))
    if len(results) <= LARGEST_TABLE:
        console.print(results_table(results, exercise))
    return _summary(console, gradings, out, seconds, settings)


def grade_with_progress(
    console: Console, exercise: str, submissions: Path, out: Path, jobs: int | None, settings: Settings
) -> list[Grading]:
    """All gradings of a run, with a bar, an ETA, and what Ctrl-C leaves behind said in words."""
    gradings: list[Grading] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(f"grading {exercise}", total=None)

            def begin(found: int, left: int) -> None:
                progress.update(task, total=left, description=f"grading {left} of {found} hand-ins of {exercise}")

            for grading in grade_folder(exercise, submissions, out, settings, jobs, begin):
                gradings.append(grading)
                if grading.fresh:
                    progress.advance(task)
    except KeyboardInterrupt:
        console.print(
            f"interrupted: {len(gradings)} results are in {out}; the same command goes on from here",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        raise SystemExit(130) from None
    return gradings


def results_table(results: Iterable[Result], title: str, about: Mapping[str, str] | None = None) -> Table:
    """A table with a line for each hand-in: who, how many points, what was lost and why.

    `about` says in words what each student handed in, where that is known.
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
        metric = ", ".join(f"{value:.1f}" for value in result.metrics.values())
        points = f"{result.score:.4g}/{result.max_score:.4g}"
        style = "red" if result.failed else "green" if result.score == result.max_score else ""
        who = [escape(_plain(result.student))]
        if about is not None:
            who.append(escape(about.get(result.student, "")))
        table.add_row(*who, points, metric, escape(_lost(result)), f"{result.wall_seconds:.2f}", style=style)
    return table


def _lost(result: Result) -> str:
    if result.failed:
        return f"GRADING FAILED: {result.failed}"
    if result.refused:
        return f"refused: {_plain(result.refused)}"
    if not result.lost:
        return ""
    # One example says most in a table, and a visible test says more than a hidden one; the JSON holds all.
    example = next((t for t in result.lost if t.visible), result.lost[0])
    total = sum(len(cell.tests) for cell in result.cells)
    name = example.name.removeprefix("test_").replace("_", " ")
    return f"{len(result.lost)} of {total} tests; {name}: {_short(_plain(example.reason))}"


def _short(text: str, limit: int = 100) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _plain(text: str) -> str:
    # Names and messages come from students: no control characters reach the terminal.
    return "".join(c if c.isprintable() else "?" for c in text)


def _summary(console: Console, gradings: list[Grading], out: Path, seconds: float, settings: Settings) -> int:
    fresh = sum(g.fresh for g in gradings)
    failed = [g for g in gradings if g.result.failed]
    refused = sum(bool(g.result.refused) for g in gradings)
    text = f"{len(gradings)} hand-ins: {fresh} graded now in {seconds:.1f} s, {len(gradings) - fresh} known from before"
    if refused:
        text += f", {refused} refused"
    console.print(f"{text}; results are in {out}", highlight=False, markup=False, soft_wrap=True)
    if settings.demo_secret:
        text = "the public demo secret was used: set AUTOGRADER_SECRET for a real class"
        console.print(text, highlight=False, soft_wrap=True)
    if settings.unsafe:
        console.print("--unsafe: the hand-ins ran without walls", highlight=False)
    if failed:
        console.print(f"grading itself failed for {len(failed)} hand-ins; run the command again to retry them")
    return 1 if failed else 0


def verify_command(exercises: list[str], jobs: int | None, mutants: bool) -> int:
    """Verify exercises; 1 when one of them does not hold."""
    from .build import course_ids
    from .verify import print_report, verify

    console = Console()
    ids = exercises or course_ids()
    for exercise in ids:
        load_exercise(exercise)
    ok = True
    for exercise in ids:
        report = verify(exercise, mutants=mutants, jobs=jobs or default_jobs(), console=console)
        print_report(report, console)
        ok = ok and report.ok
    return 0 if ok else 1


def doctor_command() -> int:
    """Print what the machine offers; 1 when the sandbox's walls do not stand."""
    from .doctor import examine

    console = Console()
    table = Table(show_header=False, box=None, pad_edge=False)
    found = examine()
    for finding in found:
        mark = {True: "[green]ok[/]", False: "[red]no[/]", None: ""}[finding.ok]
        advice = f" ({finding.advice})" if finding.advice and finding.ok is not True else ""
        table.add_row(escape(finding.what), mark, escape(finding.value + advice))
    console.print(table)
    return 1 if any(f.ok is False for f in found) else 0


def train_command(exercise: str, data: str, device: str, seed: int, out: Path | None) -> int:
    """Train the reference model of an exercise and print its score."""
    from .train import train_reference

    if load_exercise(exercise).model is None:
        raise AutograderError(f"expected an exercise with a model to train, got {exercise}: none is handed in there")
    if data not in ("embedded", "real"):
        raise AutograderError(f"expected --data embedded or real, got {data!r}")
    found = train_reference(exercise, data=data, device=device, seed=seed, out=out)
    Console().print({k: v for k, v in found.items() if isinstance(v, str | int | float | Path)})
    return 0


def bundle_command(exercise: str, out: Path, solutions: list[str]) -> int:
    """Write the students' zip and say where it is."""
    from .bundle import bundle

    load_exercise(exercise)
    path = bundle(exercise, out, with_solutions_of=tuple(solutions))
    Console().print(f"{path}: {path.stat().st_size / 1000:,.0f} kB", highlight=False, markup=False, soft_wrap=True)
    return 0
