"""A class: its roster, due dates and late policy, as `class.toml` in the course folder says."""

import difflib
import tomllib
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from exercise_code.common.exercise import exercise_ids

from ..base.errors import AutograderError
from ..base.settings import DEMO_SECRET, MOST_HAND_INS, Settings
from ..base.validation import in_words
from .lateness import LateRow, StrictModel, parse_extension
from .roster import Roster, Student, read_roster

__all__ = ["FILE", "Classroom", "Limits", "open_classroom"]

FILE = "class.toml"


class ExerciseDates(StrictModel):
    """What differs from exercise to exercise."""

    due: AwareDatetime


class Limits(StrictModel):
    """What one student may cost: hand-ins that are graded, the newest, and seconds on the wall that one may take."""

    hand_ins: int = Field(default=MOST_HAND_INS, ge=1)
    hand_in_seconds: float | None = Field(default=None, ge=10)


class _File(StrictModel):
    course_id: str = "deep_learning"
    roster: str = "roster.csv"
    data: Literal["embedded", "real"] = "embedded"
    late: tuple[LateRow, ...] = ()
    exercises: dict[str, ExerciseDates] = Field(default_factory=dict)
    limits: Limits = Limits()
    earlier: Literal["reference", "student"] = "reference"

    @model_validator(mode="after")
    def _rows_rise(self) -> "_File":
        hours = [row.hours for row in self.late]
        if hours != sorted(set(hours)):
            raise ValueError(f"expected the [[late]] rows with rising hours, got {hours}")
        return self


@dataclass(frozen=True)
class Classroom:
    """A class's folder and its rules; the default one has no folder, no roster and no due dates."""

    folder: Path | None = None
    course_id: str = "deep_learning"
    data: Literal["embedded", "real"] = "embedded"
    roster: Roster | None = None
    late: tuple[LateRow, ...] = ()
    due: dict[str, datetime] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    earlier: Literal["reference", "student"] = "reference"

    def applied_to(self, settings: Settings) -> Settings:
        """The settings with what this class lets one student cost, and whose earlier work counts."""
        limits = self.limits
        return replace(settings, hand_ins=limits.hand_ins, hand_in_seconds=limits.hand_in_seconds, earlier=self.earlier)

    def deadline(self, exercise: str, student: Student) -> datetime | None:
        """When this student's hand-in is due, the extension counted in; None where there is no due date."""
        due = self.due.get(exercise)
        if due is None or not student.extension:
            return due
        own = parse_extension(student.extension)
        return max(due, own) if isinstance(own, datetime) else due + own

    def seconds_late(self, exercise: str, student: Student, submitted: datetime | None) -> float:
        """How late a hand-in came; 0 where there is no due date or nobody knows when it came."""
        deadline = self.deadline(exercise, student)
        if deadline is None or submitted is None:
            return 0.0
        return max(0.0, (submitted - deadline).total_seconds())

    def penalty(self, points: float, seconds_late: float) -> float:
        """The points that lateness costs: the first row of the table that covers it, everything past the last."""
        if seconds_late <= 0 or not self.late:
            return 0.0
        for row in self.late:
            if seconds_late <= row.hours * 3600:
                return points * row.lose / 100
        return points


def open_classroom(folder: Path, secret: bytes = DEMO_SECRET) -> Classroom:
    """The class whose `class.toml` lies in `folder`."""
    path = folder / FILE
    try:
        # Windows' Notepad begins files with a mark.
        found = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise AutograderError(f"could not read {path}: {error.strerror}: `make course` makes a course folder") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AutograderError(f"expected TOML in {path}, got {error}: correct the file") from None
    except ValidationError as error:
        raise AutograderError(f"{path}: {in_words(error, _File)}") from None
    _expect_exercises(path, found)
    roster = folder / found.roster
    # Without the roster that it asks for, a class would be whoever a file's name says.
    named = "roster" in found.model_fields_set
    return Classroom(
        folder=folder,
        course_id=found.course_id,
        data=found.data,
        roster=read_roster(roster, secret) if named or roster.exists() else None,
        late=found.late,
        due={name: dates.due for name, dates in found.exercises.items()},
        limits=found.limits,
        earlier=found.earlier,
    )


def _expect_exercises(path: Path, found: _File) -> None:
    # A due date under a name that is misspelt would make nobody late.
    known = exercise_ids()
    for name in found.exercises:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            advice = f"did you mean {close[0]}?" if close else f"known are {', '.join(known) or 'none'}"
            raise AutograderError(f"{path}: exercises.{name}: expected the id of an exercise: {advice}")
