"""What the command line's verbs do; each answers an exit code."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import Exercise, load_exercise

from .base.errors import AutograderError
from .base.files import read_stamps, write_if_changed
from .classroom import FILE, Classroom, open_classroom
from .grading import BEFORE, Fleets, Grading, default_jobs, grade_class, local_fleets
from .intake import Found, find_hand_ins
from .publish import Part, publish
from .results import Result
from .settings import Settings, settings_from_environment
from .standing import GradedClass

__all__ = [
    "GradeOptions",
    "Run",
    "bundle_command",
    "course_command",
    "doctor_command",
    "grade_command",
    "grade_with_progress",
    "open_run",
    "results_table",
    "train_command",
    "verify_command",
]

LARGEST_TABLE = 60
# Where the last run found its hand-ins, in the folder of an exercise's results.
LAST_RUN = ".last_run"
LINE_SECONDS = 30.0


@dataclass(frozen=True)
class GradeOptions:
    """What `autograder grade` is asked for."""

    exercise: str
    submissions: Path | None = None
    out: Path | None = None
    course: Path | None = None
    worksheet: Path | None = None
    jobs: int | None = None
    data: Literal["embedded", "real"] | None = None
    device: str = "auto"
    unsafe: bool = False
    pages: bool = True
    final: bool = False
    cluster: str = ""
    certificates: Path | None = None
    insecure: bool = False
    slurm_options: tuple[str, ...] = ()
    table: bool = True

    def settings(self, folder: Path | None) -> Settings:
        """The run's settings; the secret may lie in the course folder."""
        data = self.data or "embedded"
        return settings_from_environment(
            data=data, device=self.device, unsafe=self.unsafe, folder=folder, here=not self.cluster
        )

    def fleets(self, settings: Settings, say: Callable[[str], None]) -> Fleets:
        """Judges on this machine, or on the cluster that was named."""
        if not self.cluster:
            return local_fleets(self.exercise, settings, self.jobs)
        from .cluster import ClusterSettings, DaskFleet

        cluster = ClusterSettings(
            self.cluster,
            self.certificates,
            insecure=self.insecure,
            workers=self.jobs,
            slurm_options=self.slurm_options,
        )
        cluster.check()
        return lambda _: DaskFleet(self.exercise, settings, cluster, say)


@dataclass(frozen=True)
class Run:
    """What the options of a command mean here; `again` says that the hand-ins are those of the last run."""

    exercise: Exercise
    settings: Settings
    classroom: Classroom
    submissions: Path
    out: Path
    worksheet: Path | None
    again: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the exercise's results."""
        return self.out / self.exercise.id

    @property
    def found(self) -> tuple[Found, ...]:
        """All hand-ins, read anew."""
        roster, due = self.classroom.roster, self.classroom.due.get(self.exercise.id)
        return find_hand_ins(
            self.submissions,
            self.exercise,
            roster=roster,
            worksheet=self.worksheet,
            scratch=self.folder / "cache",
            zone=due.tzinfo if due is not None else None,
            out=self.out,
        ).found


def open_run(options: GradeOptions) -> Run:
    """The run that the options ask for; an `AutograderError` says what is missing."""
    exercise = load_exercise(options.exercise)
    folder = options.course or (Path() if Path(FILE).is_file() else None)
    settings = options.settings(folder)
    classroom = open_classroom(folder, settings.secret) if folder is not None else Classroom()
    out = options.out or (folder or Path()) / "results"
    submissions, worksheet, data = options.submissions, options.worksheet, options.data
    if submissions is None and (last := _last_run(out / exercise.id)):
        # What grading copies into `submitted` is not all: strangers, earlier and refused hand-ins are not there.
        submissions, worksheet, data = last[0], worksheet or last[1], data or last[2]
    again = submissions is not None and options.submissions is None
    if submissions is None and folder is not None:
        submissions = folder / "submitted"
    if submissions is not None and (submissions / FILE).is_file():
        raise AutograderError(
            f"expected a folder of hand-ins, got {submissions}, a course folder: name {submissions / 'submitted'}, or "
            "give it with --course"
        )
    if submissions is None:
        raise AutograderError(
            "expected the hand-ins: name a zip, a folder of many, or a course folder with --course, which has them"
        )
    return Run(
        exercise,
        replace(settings, data=data or classroom.data),
        classroom,
        submissions,
        out,
        worksheet,
        again,
    )


def _last_run(folder: Path) -> tuple[Path, Path | None, Literal["embedded", "real"] | None] | None:
    """Hand-ins, worksheet and data of the last run that wrote into `folder`; None where there was none.

    The data only where they were not the class's own: on others every score would be another one.
    """
    noted = read_stamps(folder / LAST_RUN)
    names = [name for name in ("hand_ins", "worksheet") if isinstance(noted.get(name), str)]
    found = {name: Path(os.path.normpath(folder / noted[name])) for name in names}
    for name, path in found.items():
        if not path.exists():
            raise AutograderError(
                f"expected the {name.replace('_', '-')} of the last run in {path}, found nothing there: "
                f"name the hand-ins, as in `autograder grade {folder.name} HAND_INS`"
            )
    sources: tuple[Literal["embedded", "real"], ...] = ("embedded", "real")
    data = next((source for source in sources if source == noted.get("data")), None)
    return (found["hand_ins"], found.get("worksheet"), data) if "hand_ins" in found else None


def _note_run(run: Run) -> None:
    """Note where the hand-ins lie: what a course folder holds by its way there, so that it can be moved."""
    home = run.out.absolute().parent

    def place(path: Path) -> str:
        path = path.absolute()
        return os.path.relpath(path, run.folder.absolute()) if path.is_relative_to(home) else str(path)

    noted = {"hand_ins": run.submissions} | ({"worksheet": run.worksheet} if run.worksheet else {})
    text = json.dumps(
        {name: place(path) for name, path in noted.items()}
        | ({"data": run.settings.data} if run.settings.data != run.classroom.data else {}),
        indent=0,
    )
    write_if_changed(text.encode(), run.folder / LAST_RUN)


def grade_command(options: GradeOptions) -> int:
    """Grade hand-ins, make what leaves the class, print a table; 1 when grading itself failed for any of them."""
    from .fleet import lock_results

    console = Console()
    run = open_run(options)
    settings, classroom, out = run.settings, run.classroom, run.out

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    if run.again:
        say(f"hand-ins: {run.submissions}, as in the last run")
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
            options.fleets(settings, say),
            classroom=classroom,
            worksheet=run.worksheet,
            keep=keep,
        )
        _note_run(run)
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
        say(f"{again} were graded again with other tests or settings: `autograder regrade` lists what changed")
    return _summary(console, graded, fresh, parts, out, time.perf_counter() - start, settings)


def grade_with_progress(
    console: Console,
    exercise: str,
    submissions: Path,
    out: Path,
    settings: Settings,
    fleets: Fleets,
    classroom: Classroom | None = None,
    worksheet: Path | None = None,
    keep: Callable[[Grading], None] = lambda _: None,
) -> tuple[GradedClass, int]:
    """The graded class and how many hand-ins were graded now; a bar, an ETA, and each hand-in's time as it is done.

    What Ctrl-C leaves behind is said in words.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[last]}[/]"),
    )
    steps = fresh = 0
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task(exercise, total=None, last="")
            told = time.monotonic()

            def begin(found: int, left: int) -> None:
                progress.update(task, total=left)
                if not console.is_terminal and left:
                    _say(console, f"grading {left} of {found} hand-ins of {exercise}")

            def step(grading: Grading) -> None:
                nonlocal steps, fresh, told
                steps += 1
                keep(grading)
                if grading.fresh:
                    fresh += 1
                    last = f"{_short(_plain(grading.result.student), 20)} {grading.result.wall_seconds:.2f} s"
                    progress.update(task, advance=1, last=escape(last))
                    # A file or a log has no bar: a line now and then says how far it is.
                    if not console.is_terminal and time.monotonic() - told >= LINE_SECONDS:
                        told = time.monotonic()
                        _say(console, _progress_line(progress.tasks[0]))

            try:
                graded = grade_class(
                    exercise,
                    submissions,
                    out,
                    settings,
                    classroom=classroom,
                    worksheet=worksheet,
                    fleets=fleets,
                    begin=begin,
                    step=step,
                )
            except CourseError:
                # Before anything was graded a bar above the error says nothing.
                progress.update(task, visible=progress.tasks[0].total is not None)
                raise
    except KeyboardInterrupt:
        _say(console, f"interrupted: {steps} results are in {out}; the same command goes on from here")
        raise SystemExit(130) from None
    return graded, fresh


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _progress_line(task: Task) -> str:
    left = task.time_remaining
    return f"{task.completed:.0f} of {task.total or 0:.0f} graded" + (
        f", {timedelta(seconds=left)} left" if left is not None else ""
    )


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
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def _summary(
    console: Console, graded: GradedClass, fresh: int, parts: list[Part], out: Path, seconds: float, settings: Settings
) -> int:
    from .marks import WAITING, mark_of

    def say(text: str) -> None:
        _say(console, text)

    attempts = [attempt for _, attempt in graded.attempts]
    failed = sum(bool(a.failed) for a in attempts)
    refused = sum(bool(a.refused) for a in attempts)
    text = f"{len(attempts)} hand-ins: {fresh} graded now in {graded.wall_seconds:.1f} s"
    text += f", {len(attempts) - fresh} known from before"
    if refused:
        text += f", {refused} refused"
    say(f"{text}; results are in {out}")
    for count, what in (
        (sum(not s.known for s in graded.standings), "of nobody on the roster"),
        (sum(s.known and not s.attempts for s in graded.standings), "without a hand-in"),
        (len(graded.problems), "files to look at"),
    ):
        if count:
            say(f"{count} {what}: see the instructor's report")
    timeless = sum(a.submitted is None and not a.seconds_late for a in attempts)
    if graded.due is not None and timeless:
        say(f"{timeless} hand-ins carry no time and count as in time; Moodle's times are in its --worksheet")
    if parts:
        table = Table(show_header=False, box=None, pad_edge=False)
        for part in parts:
            new = f"{part.changed} new" if part.changed else "as before"
            table.add_row(part.name, Text(part.place), new, f"{part.seconds:.1f} s")
        console.print(table)
        say(f"{seconds:.1f} s in all")
        if waiting := sum(mark_of(graded, s).status == WAITING for s in graded.standings):
            advice = (
                "mark them in formgrader (`jupyter lab` in the course folder), then run this again"
                if parts[0].name == "gradebook"
                else "people mark them in a course folder, which `autograder course` makes"
            )
            say(f"{waiting} without a total, because their written answers are not marked: {advice}")
    if settings.demo_secret:
        say("the public demo secret was used: set AUTOGRADER_SECRET for a real class")
    if settings.unsafe:
        say("--unsafe: the hand-ins ran without walls")
    if failed:
        say(f"grading itself failed for {failed} hand-ins; run the command again to retry them")
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


def course_command(folder: Path, exercises: list[str] | None) -> int:
    """Make the course folder, and say what was made and what comes next."""
    from .course_folder import make_course

    for exercise in exercises or []:
        load_exercise(exercise)
    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    made = make_course(folder, exercises or None)
    counts = Counter(Path(*path.relative_to(folder).parts[:2]) for path in made)
    for place, count in counts.items():
        say(f"made {folder / place}" + (f": {count} files" if count > 1 else ""))
    if not made:
        say(f"{folder} is up to date")
    say(f"""
What comes next, in {folder}:
  roster.csv    your students: id, name; an alias where you want to choose it
  class.toml    due dates, and what lateness costs
  nbgrader generate_assignment EXERCISE        the students' folder in release/
  autograder grade EXERCISE HAND_INS           scores, gradebook, feedback, leaderboard, exports
  jupyter lab                                  formgrader, to mark written answers""")
    return 0
