"""The command line: `autograder grade` and what goes with it."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

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

Source = Literal["embedded", "real"]

ExerciseArgument = Annotated[str, typer.Argument(help="The exercise, such as ex03_dataloader.")]
DataOption = Annotated[Source, typer.Option(help="Generated data, or the real ones.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
JobsOption = Annotated[int | None, typer.Option(help="Judges at a time; as many as fit when not given.")]
SubmissionsArgument = Annotated[
    Path | None,
    typer.Argument(
        help="A zip, a hand-in's folder, or a folder of many, added to those of before; `submitted` at first."
    ),
]
OutOption = Annotated[Path | None, typer.Option(help="The folder for results; the course folder's `results`.")]
CourseOption = Annotated[
    Path | None, typer.Option(help="The course folder, with class.toml; the current one if it has that.")
]
WorksheetOption = Annotated[
    Path | None, typer.Option(help="Moodle's grading worksheet: times, and the file that comes back filled in.")
]
ClassDataOption = Annotated[Source | None, typer.Option(help="embedded (generated) or real data; the class's own.")]
FinalOption = Annotated[bool, typer.Option("--final", help="Rank by the other half of the hidden set.")]
ClusterOption = Annotated[str, typer.Option(help="A Dask scheduler, such as tls://host:8786, or slurm.")]
CertificatesOption = Annotated[
    Path | None, typer.Option(help="The folder that `autograder certificates` made; for --cluster.")
]
InsecureOption = Annotated[bool, typer.Option("--no-tls", help="Let --cluster go without certificates.")]
SlurmOption = Annotated[
    list[str] | None, typer.Option(help="An option of sbatch for --cluster slurm, such as --partition=teaching.")
]
DemoSecretOption = Annotated[
    bool, typer.Option("--demo-secret", help="Go on without a secret of your own, exports included.")
]
EarlierOption = Annotated[
    Literal["reference", "student"] | None,
    typer.Option(help="Whose modules of the exercises that it builds on; the class's own choice."),
]
TimesOption = Annotated[
    Path | None,
    typer.Option(help="A CSV file of times that only you know: columns id (or file) and time, with its zone."),
]
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
    submissions: SubmissionsArgument = None,
    out: OutOption = None,
    course: CourseOption = None,
    worksheet: WorksheetOption = None,
    jobs: JobsOption = None,
    data: ClassDataOption = None,
    device: DeviceOption = "auto",
    unsafe: UnsafeOption = False,
    pages: Annotated[bool, typer.Option(help="Also make the gradebook, pages and exports.")] = True,
    final: FinalOption = False,
    cluster: ClusterOption = "",
    certificates: CertificatesOption = None,
    insecure: InsecureOption = False,
    slurm_option: SlurmOption = None,
    demo_secret: DemoSecretOption = False,
    earlier: EarlierOption = None,
    times: TimesOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Begin the class anew with these hand-ins; the others are set aside.")
    ] = False,
) -> None:
    """Add hand-ins to the class, grade what is new or changed, and make what leaves the class."""
    from .cli.grade import grade_command
    from .cli.options import GradeOptions

    options = GradeOptions(
        exercise, submissions, out, course, worksheet, jobs, data, device, unsafe, pages, final,
        cluster, certificates, insecure, tuple(slurm_option or ()), demo_secret=demo_secret, earlier=earlier,
        times=times, replace=replace,
    )  # fmt: skip
    raise typer.Exit(grade_command(options))


@app.command()
def regrade(
    exercise: ExerciseArgument,
    submissions: SubmissionsArgument = None,
    out: OutOption = None,
    course: CourseOption = None,
    worksheet: WorksheetOption = None,
    jobs: JobsOption = None,
    data: ClassDataOption = None,
    device: DeviceOption = "auto",
    unsafe: UnsafeOption = False,
    final: FinalOption = False,
    cluster: ClusterOption = "",
    certificates: CertificatesOption = None,
    insecure: InsecureOption = False,
    slurm_option: SlurmOption = None,
    demo_secret: DemoSecretOption = False,
    earlier: EarlierOption = None,
) -> None:
    """Grade again after a test was fixed; list whose score changed, and why.

    Hand-ins are all that were ever graded, worksheet and data those of the last run; give its other options again.
    """
    from .cli.options import GradeOptions
    from .cli.regrade import regrade_command

    options = GradeOptions(
        exercise, submissions, out, course, worksheet, jobs, data, device, unsafe, True, final,
        cluster, certificates, insecure, tuple(slurm_option or ()), demo_secret=demo_secret, earlier=earlier,
    )  # fmt: skip
    raise typer.Exit(regrade_command(options))


@app.command()
def appeal(
    exercise: ExerciseArgument,
    student: Annotated[str, typer.Argument(help="The student's id.")],
    submissions: SubmissionsArgument = None,
    out: OutOption = None,
    course: CourseOption = None,
    worksheet: WorksheetOption = None,
    data: ClassDataOption = None,
    device: DeviceOption = "auto",
    unsafe: UnsafeOption = False,
    demo_secret: DemoSecretOption = False,
    earlier: EarlierOption = None,
    keep: Annotated[bool, typer.Option("--keep", help="Put the new result in the stored one's place.")] = False,
) -> None:
    """Grade one student's hand-in again, with the full log for the instructor."""
    from .cli.options import GradeOptions
    from .cli.regrade import appeal_command

    options = GradeOptions(
        exercise, submissions, out, course, worksheet, data=data, device=device, unsafe=unsafe,
        demo_secret=demo_secret, earlier=earlier,
    )  # fmt: skip
    raise typer.Exit(appeal_command(options, student, keep))


@app.command()
def course(
    folder: Annotated[Path, typer.Argument(help="The course folder to make or to bring up to date.")],
    exercises: Annotated[list[str] | None, typer.Argument(help="Exercises; all when none is named.")] = None,
) -> None:
    """Make a course folder for nbgrader: roster, due dates, secret, source notebooks."""
    from .cli.commands import course_command

    raise typer.Exit(course_command(folder, exercises))


@app.command()
def certificates(
    folder: Annotated[Path, typer.Argument(help="The folder for the certificates.")] = Path("certificates"),
    host: Annotated[list[str] | None, typer.Option(help="Names or addresses of the scheduler's machine.")] = None,
) -> None:
    """Make the certificates with which a cluster's machines know each other."""
    from .fleet.cluster.certificates import certificates_command

    raise typer.Exit(certificates_command(folder, host or []))


@app.command()
def verify(
    exercises: Annotated[list[str] | None, typer.Argument(help="Exercises; all when none is named.")] = None,
    jobs: JobsOption = None,
    mutants: Annotated[bool, typer.Option(help="Also grade mutants of the solution.")] = True,
) -> None:
    """Prove exercises: reference, untouched stubs, right and wrong answers, given code, mutants."""
    from .cli.commands import verify_command

    raise typer.Exit(verify_command(exercises or [], jobs, mutants))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The folder for results.")] = Path("results/demo"),
    jobs: JobsOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Grade about 25 hand-ins of two exercises on embedded data."""
    from .cli.demo import demo_command

    raise typer.Exit(demo_command(out, jobs, device))


@app.command()
def doctor() -> None:
    """Say what this machine offers, and which walls of the sandbox stand here."""
    from .cli.commands import doctor_command

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
    from .cli.commands import train_command

    raise typer.Exit(train_command(exercise, data, device, seed, out))


@app.command()
def new(
    exercise: Annotated[str, typer.Argument(help="The id of the new exercise, such as ex90_relu.")],
    title: Annotated[str, typer.Option(help="Its title; the topic of the id when not given.")] = "",
    model: Annotated[bool, typer.Option("--model", help="A trained model is handed in, too.")] = False,
) -> None:
    """Write a new exercise, small and complete, for you to replace its content."""
    from .authoring.new import new_command

    raise typer.Exit(new_command(exercise, title, model))


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit 1 if a file is out of step.")] = False,
) -> None:
    """Build notebooks and stubs from the course's sources."""
    from .authoring.build import build_command

    raise typer.Exit(build_command(check))


@app.command()
def notebooks(
    exercises: Annotated[list[str] | None, typer.Argument(help="Exercises; all when none is named.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for the executed notebooks and their pages.")] = None,
) -> None:
    """Run every notebook in full length, with the reference solution in place."""
    from .authoring.run_notebooks import notebooks_command

    raise typer.Exit(notebooks_command(exercises or [], out))


@app.command()
def data(
    names: Annotated[list[str] | None, typer.Argument(help="Data sets; all when none is named.")] = None,
    source: Annotated[Source, typer.Option(help="Real data, or generated ones.")] = "real",
) -> None:
    """Fetch or make data sets, and say what is there."""
    from exercise_code.common.datasets.prepare import main as data_main

    raise typer.Exit(data_main([*(names or []), "--source", source]))


@app.command()
def bundle(
    exercise: ExerciseArgument,
    out: Annotated[Path, typer.Option(help="The folder for the zip.")] = Path("dist"),
    earlier: Annotated[
        Literal["stubs", "solution"], typer.Option(help="How modules of the exercises that it builds on come.")
    ] = "stubs",
) -> None:
    """Make the students' zip of an exercise."""
    from .cli.commands import bundle_command

    raise typer.Exit(bundle_command(exercise, out, earlier))


if __name__ == "__main__":
    main()
