"""A run: what the options of a command mean in this folder, and what the last run had."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from exercise_code.common.exercise import Exercise, load_exercise

from ..base.errors import AutograderError
from ..base.files import write_if_changed
from ..base.stamps import read_notes
from ..classroom import FILE, Classroom, open_classroom
from ..intake import Found, find_hand_ins
from ..settings import Settings
from .options import GradeOptions

__all__ = ["LAST_RUN", "Run", "note_run", "open_run"]

# Where the last run found its hand-ins, in the folder of an exercise's results.
LAST_RUN = ".last_run"


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
        classroom.applied_to(replace(settings, data=data or classroom.data)),
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
    noted = read_notes(folder / LAST_RUN)
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


def note_run(run: Run) -> None:
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
