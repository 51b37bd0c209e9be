"""`autograder grade`: hand-ins graded, what leaves the class made, and what there is to know said."""

import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..base.locks import lock_results
from ..base.settings import Settings
from ..base.text import how_many
from ..exports.lms import expect_scale, moodle_lacks
from ..grading import BEFORE, Grading
from ..grading.marks import WAITING, mark_of
from ..grading.register import read_register
from ..grading.standing import GradedClass
from ..intake.worksheet import read_worksheet
from ..judging.result import Result
from ..sources.cells import graded_cells
from ..sources.exercise import sources
from ..sources.known_answers import wrong_answers
from .console import grade_with_progress, say
from .options import GradeOptions
from .publish import Part, publish
from .results_table import LARGEST_TABLE, results_table
from .run import Run, note_run, open_run

__all__ = ["grade_command"]


def grade_command(options: GradeOptions) -> int:
    """Grade hand-ins, make what leaves the class, print a table; 1 when grading itself failed for any of them."""
    console = Console()
    run = open_run(options)
    settings, classroom, out = run.settings, run.classroom, run.out
    if options.pages:
        _expect_what_pages_need(run, exports=options.demo_secret or not settings.demo_secret)

    def tell(text: str) -> None:
        say(console, text)

    if run.submissions is None:
        tell(f"hand-ins: {run.places}, as before")
    start = time.perf_counter()
    shown: dict[Path, Result] = {}
    # A class of thousands is too long for a table, and too large to be held.

    def keep(grading: Grading) -> None:
        if len(shown) <= LARGEST_TABLE:
            shown[grading.path] = grading.result

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
            times=options.times,
            anew=options.replace,
            begin_with=None if options.replace else run.register,
            keep=keep,
        )
        note_run(run)
        worksheet = read_register(run.folder).worksheet
        parts: list[Part] = []
        if options.pages:
            with console.status("") as status:
                graded, parts = publish(
                    graded,
                    out,
                    classroom,
                    worksheet=worksheet,
                    gradebook=run.of_class,
                    final=options.final,
                    demo_secret=options.demo_secret,
                    begin=lambda name: status.update(f"making the {name}"),
                )
    if any(part.name == "exports" for part in parts) and (lack := moodle_lacks(graded, worksheet)):
        tell(lack)
    if options.table and len(shown) <= LARGEST_TABLE:
        console.print(_table(graded, shown, options.exercise))
    if options.table and (run.folder / BEFORE).is_dir():
        again = len(list((run.folder / BEFORE).glob("*.json")))
        tell(f"{again} were graded again with other tests or settings: `autograder regrade` lists what changed")
    return _summary(console, graded, fresh, parts, out, time.perf_counter() - start, settings)


def _table(graded: GradedClass, shown: dict[Path, Result], exercise: str) -> Table:
    """The results by student, with what lateness costs."""
    late = {s.marked.result: s.penalty for s in graded.standings if s.marked is not None and s.penalty}
    lines = sorted(shown.items(), key=lambda pair: (pair[1].student, pair[1].hand_in))
    penalties = {result.key: late[path] for path, result in lines if path in late}
    return results_table([result for _, result in lines], exercise, penalties=penalties)


def _expect_what_pages_need(run: Run, *, exports: bool) -> None:
    """Nothing; an `AutograderError` for what report and exports would come upon after hours of grading."""
    wrong_answers(run.exercise)
    sheet = run.worksheet or run.register.worksheet
    if exports and sheet is not None and sheet.is_file():
        cells = graded_cells(run.exercise.id, sources(run.exercise).course.parent)
        expect_scale(read_worksheet(sheet), float(sum(cell.points for cell in cells)))


def _summary(
    console: Console, graded: GradedClass, fresh: int, parts: list[Part], out: Path, seconds: float, settings: Settings
) -> int:
    attempts = [attempt for _, attempt in graded.attempts]
    failed = sum(bool(a.failed) for a in attempts)
    refused = sum(bool(a.refused) for a in attempts)
    text = f"{how_many(len(attempts), 'hand-ins')}: {fresh} graded now in {graded.wall_seconds:.1f} s"
    text += f", {len(attempts) - fresh} known from before"
    if refused:
        text += f", {refused} refused"
    say(console, f"{text}; results are in {out}")
    for what in _to_look_at(graded):
        say(console, what)
    if parts:
        table = Table(show_header=False, box=None, pad_edge=False)
        for part in parts:
            new = f"{part.changed} new" if part.changed else "as before"
            table.add_row(part.name, Text(part.place), new, f"{part.seconds:.1f} s")
        console.print(table)
        say(console, f"{seconds:.1f} s in all")
        if waiting := sum(mark_of(graded, s).status == WAITING for s in graded.standings):
            advice = (
                "mark them in formgrader (`jupyter lab` in the course folder), then run this again"
                if parts[0].name == "gradebook"
                else "people mark them in a course folder, which `autograder course` makes"
            )
            say(
                console,
                f"{how_many(waiting, 'students')} without a total, because their written answers are not marked: "
                f"{advice}",
            )
    if settings.demo_secret:
        exported = any(part.name == "exports" for part in parts)
        none = "" if exported or not parts else ", so there are no exports (--demo-secret insists on them)"
        say(
            console,
            f"the public demo secret was used, whose hidden inputs anybody can make{none}: grade in a course "
            "folder, or set AUTOGRADER_SECRET, for a real class",
        )
    if settings.unsafe:
        say(console, "--unsafe: the hand-ins ran without walls")
    if failed:
        say(console, f"grading itself failed for {how_many(failed, 'hand-ins')}; run the command again to retry")
    return 1 if failed else 0


def _to_look_at(graded: GradedClass) -> Iterator[str]:
    """What a person has to look at, a line each."""
    for count, noun, what in (
        (sum(not s.known for s in graded.standings), "students", "not on the roster"),
        (sum(s.known and not s.attempts for s in graded.standings), "students", "without a hand-in"),
        (len(graded.problems), "files", "to look at"),
        (sum(s.late_unknown for s in graded.standings), "students", "late, nobody knows by how much"),
    ):
        if count:
            yield f"{how_many(count, noun)} {what}: see the instructor's report"
    timeless = sum(a.submitted is None and not a.late_mark for _, a in graded.attempts)
    if graded.due is not None and timeless:
        yield (
            f"{how_many(timeless, 'hand-ins')} without a time, taken for in time: Moodle's times are in its "
            "--worksheet, others can be given with --times"
        )
