"""What the command line's verbs do; each answers an exit code."""

from collections import Counter
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from exercise_code.common.exercise import load_exercise

from ..base.errors import AutograderError
from ..grading import default_jobs
from .console import grade_with_progress
from .grade import grade_command
from .options import GradeOptions
from .results_table import results_table
from .run import Run, open_run

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


def verify_command(exercises: list[str], jobs: int | None, mutants: bool) -> int:
    """Verify exercises; 1 when one of them does not hold."""
    from ..proof.verify import print_report, verify
    from ..sources.layout import course_ids

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
    from ..authoring.train import train_reference

    if load_exercise(exercise).model is None:
        raise AutograderError(f"expected an exercise with a model to train, got {exercise}: none is handed in there")
    found = train_reference(exercise, data=data, device=device, seed=seed, out=out)
    Console().print({k: v for k, v in found.items() if isinstance(v, str | int | float | Path)})
    return 0


def bundle_command(exercise: str, out: Path, earlier: Literal["stubs", "solution"]) -> int:
    """Write the students' zip and say where it is."""
    from ..authoring.bundle import bundle

    load_exercise(exercise)
    path = bundle(exercise, out, earlier)
    Console().print(f"{path}: {path.stat().st_size / 1000:,.0f} kB", highlight=False, markup=False, soft_wrap=True)
    return 0


def course_command(folder: Path, exercises: list[str] | None) -> int:
    """Make the course folder, and say what was made and what comes next."""
    from ..nbgrader_bridge.class_folder import make_course

    for exercise in exercises or []:
        load_exercise(exercise)
    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    # A shell leaves ~ alone where it stands in quotes, as in the Makefile.
    folder = folder.expanduser()
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
