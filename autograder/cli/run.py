"""A run: what the options of a command mean in this folder, and what earlier runs had."""

from dataclasses import dataclass, replace
from pathlib import Path

from exercise_code.common.exercise import Exercise, load_exercise

from ..base.errors import AutograderError
from ..base.settings import Settings
from ..classroom.class_file import FILE, Classroom, open_classroom
from ..grading.collection import HandIn, collect
from ..grading.register import REGISTER, Register, read_register, write_register
from .options import GradeOptions

__all__ = ["Run", "note_run", "open_run"]


@dataclass(frozen=True)
class Run:
    """What the options of a command mean here.

    `submissions` is what is named, None where the class has all its hand-ins. `register` holds those of earlier runs.
    `of_class` is False where the results lie elsewhere than a course folder's own: then the class is left as it is.
    """

    exercise: Exercise
    settings: Settings
    classroom: Classroom
    submissions: Path | None
    out: Path
    worksheet: Path | None
    register: Register
    of_class: bool = True

    @property
    def folder(self) -> Path:
        """The folder of the exercise's results."""
        return self.out / self.exercise.id

    @property
    def hand_ins(self) -> tuple[HandIn, ...]:
        """All hand-ins, read anew."""
        found = collect(
            self.exercise, self.out, self.classroom, self.submissions, worksheet=self.worksheet, begin=self.register
        )
        return found.hand_ins

    @property
    def places(self) -> str:
        """Where the hand-ins come from, in words."""
        sources = [*self.register.sources]
        if self.submissions is not None and self.submissions.absolute() not in sources:
            sources.append(self.submissions)
        return ", ".join(map(str, sources))


def open_run(options: GradeOptions) -> Run:
    """The run that the options ask for; an `AutograderError` says what is missing."""
    exercise = load_exercise(options.exercise)
    folder = options.course or (Path() if Path(FILE).is_file() else None)
    settings = options.settings(folder)
    classroom = open_classroom(folder, settings.secret) if folder is not None else Classroom()
    own = (folder or Path()) / "results"
    out = options.out or own
    of_class = folder is None or out.resolve() == own.resolve()
    register = Register(out / exercise.id) if options.replace else read_register(out / exercise.id)
    if not of_class and not options.replace and not register.entries and (own / exercise.id / REGISTER).is_file():
        # A trial of the whole class, whose register stays as it is.
        register = read_register(own / exercise.id)
    submissions = options.submissions
    if options.replace and submissions is None:
        raise AutograderError(
            f"expected the hand-ins that --replace begins anew with, got none: "
            f"`autograder grade {exercise.id} HAND_INS --replace`"
        )
    if submissions is None and not register.sources and folder is not None:
        submissions = folder / "submitted"
    if submissions is not None and (submissions / FILE).is_file():
        raise AutograderError(
            f"expected a folder of hand-ins, got {submissions}, a course folder: name {submissions / 'submitted'}, or "
            "give it with --course"
        )
    if submissions is None and not register.sources:
        raise AutograderError(
            "expected the hand-ins: name a zip, a folder of many, or a course folder with --course, which has them"
        )
    data = options.data or register.data or classroom.data
    return Run(
        exercise,
        _settings(options, classroom.applied_to(replace(settings, data=data))),
        classroom,
        submissions,
        out,
        options.worksheet,
        register,
        of_class,
    )


def _settings(options: GradeOptions, settings: Settings) -> Settings:
    """The class's settings, with what this command asks for in their place."""
    if options.earlier is not None:
        settings = replace(settings, earlier=options.earlier)
    if options.cluster and settings.earlier == "student" and load_exercise(options.exercise).earlier:
        raise AutograderError(
            "expected --earlier reference on a cluster, got student: hand-ins travel alone; grade on this machine"
        )
    return settings


def note_run(run: Run) -> None:
    """Note the data of a run, where they are not the class's own: on others every score would be another one."""
    data = run.settings.data if run.settings.data != run.classroom.data else None
    write_register(replace(read_register(run.folder), data=data))
