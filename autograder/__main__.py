"""The command line: `autograder grade`, `verify`, `train`, `bundle`, `doctor`, `demo`, `build`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from exercise_code.common.errors import CourseError

__all__ = ["app", "main"]

app = typer.Typer(
    name="autograder",
    help="Build the course, prove it, and grade what is handed in.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ExerciseArgument = Annotated[str, typer.Argument(help="The exercise, such as ex03_dataloader.")]
DataOption = Annotated[str, typer.Option(help="embedded (generated) or real data.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
JobsOption = Annotated[int | None, typer.Option(help="Judges at a time; as many as fit when not given.")]
UnsafeOption = Annotated[bool, typer.Option("--unsafe", help="Grade without walls: only for code you trust.")]


def main() -> None:
    """Run the command line; a known error is one line on stderr and the exit code 1."""
    try:
        app()
    except CourseError as error:
        _stop(str(error), 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _stop(f"{error.filename or 'the system'}: {error.strerror or error}", 1)


def _stop(message: str, code: int) -> None:
    Console(stderr=True, soft_wrap=True).print(f"error: {message}", markup=False, highlight=False)
    sys.exit(code)


@app.command()
def grade(
    exercise: ExerciseArgument,
    submissions: Annotated[Path, typer.Argument(help="A zip, a hand-in's folder, or a folder of many.")],
    out: Annotated[Path, typer.Option(help="The folder for results.")] = Path("results"),
    jobs: JobsOption = None,
    data: DataOption = "embedded",
    device: DeviceOption = "auto",
    unsafe: UnsafeOption = False,
) -> None:
    """Grade hand-ins; a re-run grades only what is new or changed."""
    from .commands import grade_command

    raise typer.Exit(grade_command(exercise, submissions, out, jobs, data, device, unsafe))


@app.command()
def verify(
    exercises: Annotated[list[str] | None, typer.Argument(help="Exercises; all when none is named.")] = None,
    jobs: JobsOption = None,
    mutants: Annotated[bool, typer.Option(help="Also grade mutants of the solution.")] = True,
) -> None:
    """Prove exercises: reference, untouched stubs, known wrong answers, mutants."""
    from .commands import verify_command

    raise typer.Exit(verify_command(exercises or [], jobs, mutants))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The folder for results.")] = Path("results/demo"),
    jobs: JobsOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Grade about 25 hand-ins of two exercises on embedded data."""
    from .demo import demo_command

    raise typer.Exit(demo_command(out, jobs, device))


@app.command()
def doctor() -> None:
    """Say what this machine offers, and which walls of the sandbox stand here."""
    from .commands import doctor_command

    raise typer.Exit(doctor_command())


@app.command()
def train(
    exercise: ExerciseArgument,
    data: DataOption = "embedded",
    device: DeviceOption = "auto",
    seed: Annotated[int, typer.Option(help="The random seed.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The folder for the model; the course's own if not given.")] = None,
) -> None:
    """Train an exercise's reference model."""
    from .commands import train_command

    raise typer.Exit(train_command(exercise, data, device, seed, out))


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit 1 if a file is out of step.")] = False,
) -> None:
    """Build notebooks and stubs from the course's sources."""
    from .build import build_command

    raise typer.Exit(build_command(check))


@app.command()
def notebooks(
    exercises: Annotated[list[str] | None, typer.Argument(help="Exercises; all when none is named.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for the executed notebooks and their pages.")] = None,
) -> None:
    """Run every notebook in full length, with the reference solution in place."""
    from .notebooks import notebooks_command

    raise typer.Exit(notebooks_command(exercises or [], out))


@app.command()
def data(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets; all when none is named.")] = None,
    source: Annotated[str, typer.Option(help="real or embedded.")] = "real",
) -> None:
    """Fetch or make data sets, and say what is there."""
    from exercise_code.common.data import main as data_main

    raise typer.Exit(data_main([*(names or []), "--source", source]))


@app.command()
def bundle(
    exercise: ExerciseArgument,
    out: Annotated[Path, typer.Option(help="The folder for the zip.")] = Path("dist"),
    solutions: Annotated[
        list[str] | None, typer.Option("--with-solutions-of", help="Earlier exercises to solve in the zip.")
    ] = None,
) -> None:
    """Make the students' zip of an exercise."""
    from .commands import bundle_command

    raise typer.Exit(bundle_command(exercise, out, solutions or []))


if __name__ == "__main__":
    main()
