"""What the commands say on a terminal, and while they grade."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, Task, TextColumn

from exercise_code.common.errors import CourseError

from ..base.progress import progress_bar
from ..base.settings import Settings
from ..classroom.class_file import Classroom
from ..grading import Fleets, Grading, grade_class
from ..grading.register import Register
from ..grading.standing import GradedClass

__all__ = ["grade_with_progress", "plain", "say", "short"]

LINE_SECONDS = 30.0


def say(console: Console, text: str) -> None:
    """Print a line as it is, however long."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def short(text: str, limit: int = 100) -> str:
    """The text, cut where it is longer."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def plain(text: str) -> str:
    """The text in one line that can be shown."""
    # Names and messages come from students: no control characters reach the terminal.
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def grade_with_progress(
    console: Console,
    exercise: str,
    submissions: Path | None,
    out: Path,
    settings: Settings,
    fleets: Fleets,
    classroom: Classroom | None = None,
    worksheet: Path | None = None,
    times: Path | None = None,
    anew: bool = False,
    begin_with: Register | None = None,
    keep: Callable[[Grading], None] = lambda _: None,
) -> tuple[GradedClass, int]:
    """The graded class and how many hand-ins were graded now; a bar, an ETA, and each hand-in's time as it is done.

    What Ctrl-C leaves behind is said in words.
    """
    told: _Told | None = None
    try:
        with progress_bar(console, TextColumn("[dim]{task.fields[last]}[/]")) as progress:
            told = _Told(console, exercise, progress, keep)
            try:
                graded = grade_class(
                    exercise,
                    submissions,
                    out,
                    settings,
                    classroom=classroom,
                    worksheet=worksheet,
                    times=times,
                    anew=anew,
                    begin_with=begin_with,
                    fleets=fleets,
                    begin=told.begin,
                    step=told.step,
                    told=lambda text: say(console, text),
                )
            except CourseError:
                # Before anything was graded a bar above the error says nothing.
                progress.update(told.task, visible=progress.tasks[0].total is not None)
                raise
    except KeyboardInterrupt:
        say(
            console,
            f"interrupted: {told.steps if told else 0} results are in {out}; the same command goes on from here",
        )
        raise SystemExit(130) from None
    return graded, told.fresh


class _Told:
    """What is said while a class is graded: a bar, or a line now and then."""

    def __init__(self, console: Console, exercise: str, progress: Progress, keep: Callable[[Grading], None]) -> None:
        self.console, self.exercise, self.progress, self.keep = console, exercise, progress, keep
        self.task = progress.add_task(exercise, total=None, last="")
        self.steps = self.fresh = 0
        self.last_line = time.monotonic()

    def begin(self, found: int, left: int) -> None:
        self.progress.update(self.task, total=left)
        if not self.console.is_terminal and left:
            say(self.console, f"grading {left} of {found} hand-ins of {self.exercise}")

    def step(self, grading: Grading) -> None:
        self.steps += 1
        self.keep(grading)
        if not grading.fresh:
            return
        self.fresh += 1
        last = f"{short(plain(grading.result.student), 20)} {grading.result.wall_seconds:.2f} s"
        self.progress.update(self.task, advance=1, last=escape(last))
        # A file or a log has no bar: a line now and then says how far it is.
        if not self.console.is_terminal and time.monotonic() - self.last_line >= LINE_SECONDS:
            self.last_line = time.monotonic()
            say(self.console, _progress_line(self.progress.tasks[0]))


def _progress_line(task: Task) -> str:
    left = task.time_remaining
    return f"{task.completed:.0f} of {task.total or 0:.0f} graded" + (
        f", {timedelta(seconds=left)} left" if left is not None else ""
    )
