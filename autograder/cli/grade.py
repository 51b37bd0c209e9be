"""`autograder grade`: hand-ins graded, what leaves the class made, and what there is to know said."""

import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..fleet import lock_results
from ..grading import BEFORE, Grading
from ..publish import Part, publish
from ..results import Result
from ..settings import Settings
from ..standing import GradedClass
from .console import grade_with_progress, say
from .options import GradeOptions
from .results_table import LARGEST_TABLE, results_table
from .run import note_run, open_run

__all__ = ["grade_command"]


def grade_command(options: GradeOptions) -> int:
    """Grade hand-ins, make what leaves the class, print a table; 1 when grading itself failed for any of them."""
    console = Console()
    run = open_run(options)
    settings, classroom, out = run.settings, run.classroom, run.out

    def tell(text: str) -> None:
        say(console, text)

    if run.again:
        tell(f"hand-ins: {run.submissions}, as in the last run")
    start = time.perf_counter()
    shown: list[Result] = []
    # A class of thousands is too long for a table, and too large to be held.

    def keep(grading: Grading) -> None:
        if len(shown) <= LARGEST_TABLE:
            shown.append(grading.result)

    with lock_results(run.folder):
        graded, fresh = grade_with_progress(
            console,
            options.exercise,
            run.submissions,
            out,
            settings,
            options.fleets(settings, tell),
            classroom=classroom,
            worksheet=run.worksheet,
            keep=keep,
        )
        note_run(run)
        parts: list[Part] = []
        if options.pages:
            with console.status("") as status:
                graded, parts = publish(
                    graded,
                    out,
                    classroom,
                    worksheet=run.worksheet,
                    final=options.final,
                    begin=lambda name: status.update(f"making the {name}"),
                )
    if options.table and len(shown) <= LARGEST_TABLE:
        shown.sort(key=lambda r: (r.student, r.hand_in))
        console.print(results_table(shown, options.exercise))
    if options.table and (run.folder / BEFORE).is_dir():
        again = len(list((run.folder / BEFORE).glob("*.json")))
        tell(f"{again} were graded again with other tests or settings: `autograder regrade` lists what changed")
    return _summary(console, graded, fresh, parts, out, time.perf_counter() - start, settings)


def _summary(
    console: Console, graded: GradedClass, fresh: int, parts: list[Part], out: Path, seconds: float, settings: Settings
) -> int:
    from ..marks import WAITING, mark_of

    def tell(text: str) -> None:
        say(console, text)

    attempts = [attempt for _, attempt in graded.attempts]
    failed = sum(bool(a.failed) for a in attempts)
    refused = sum(bool(a.refused) for a in attempts)
    text = f"{len(attempts)} hand-ins: {fresh} graded now in {graded.wall_seconds:.1f} s"
    text += f", {len(attempts) - fresh} known from before"
    if refused:
        text += f", {refused} refused"
    tell(f"{text}; results are in {out}")
    for count, what in (
        (sum(not s.known for s in graded.standings), "of nobody on the roster"),
        (sum(s.known and not s.attempts for s in graded.standings), "without a hand-in"),
        (len(graded.problems), "files to look at"),
    ):
        if count:
            tell(f"{count} {what}: see the instructor's report")
    timeless = sum(a.submitted is None and not a.seconds_late for a in attempts)
    if graded.due is not None and timeless:
        tell(f"{timeless} hand-ins carry no time and count as in time; Moodle's times are in its --worksheet")
    if parts:
        table = Table(show_header=False, box=None, pad_edge=False)
        for part in parts:
            new = f"{part.changed} new" if part.changed else "as before"
            table.add_row(part.name, Text(part.place), new, f"{part.seconds:.1f} s")
        console.print(table)
        tell(f"{seconds:.1f} s in all")
        if waiting := sum(mark_of(graded, s).status == WAITING for s in graded.standings):
            advice = (
                "mark them in formgrader (`jupyter lab` in the course folder), then run this again"
                if parts[0].name == "gradebook"
                else "people mark them in a course folder, which `autograder course` makes"
            )
            tell(f"{waiting} without a total, because their written answers are not marked: {advice}")
    if settings.demo_secret:
        tell("the public demo secret was used: set AUTOGRADER_SECRET for a real class")
    if settings.unsafe:
        tell("--unsafe: the hand-ins ran without walls")
    if failed:
        tell(f"grading itself failed for {failed} hand-ins; run the command again to retry them")
    return 1 if failed else 0
