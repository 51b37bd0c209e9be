"""Whose a hand-in is, by the name of its file."""

import re
from dataclasses import dataclass

from exercise_code.common.archive import printable

from .roster import Roster, Student
from .uploads import Upload, attempt_of
from .worksheet import Worksheet

__all__ = ["Owners"]


@dataclass(frozen=True)
class Owners:
    """The students whom names on files may mean; without a roster everybody is known."""

    exercise: str
    roster: Roster | None = None
    sheet: Worksheet | None = None

    def plain(self, stem: str) -> str:
        """The stem without the exercise's id, where something else is left."""
        found = re.fullmatch(rf"{self.exercise}[ _-]+(.+)|(.+?)[ _-]+{self.exercise}", stem, re.I | re.S)
        return stem if found is None else found[1] or found[2]

    def attempt(self, stem: str, stems: frozenset[str]) -> tuple[str, int]:
        """The student's part of a file's name, and which of the student's hand-ins it is."""
        found = attempt_of(stem)
        if found is None or self._lookup(stem) is not None:
            return stem, 1
        base, number, sure = found
        base = self.plain(base)
        return (base, number) if sure or base in stems or self._lookup(base) is not None else (stem, 1)

    def _lookup(self, label: str) -> Student | None:
        return (self.roster.by_label(label) or self.roster.by_name(label)) if self.roster else None

    def labelled(self, label: str) -> tuple[str, bool]:
        """The student whom a name on a file means, and whether the roster knows them."""
        student = self._lookup(label)
        return (student.id, True) if student is not None else self._stranger(label)

    def _stranger(self, label: str) -> tuple[str, bool]:
        name = printable(label)
        if self.roster is None:
            return name, True
        # A name that only looks like somebody's id is not theirs.
        return (f"{name} (not on the roster)" if self.roster.get(name) else name), False

    def whose(self, upload: Upload, layout: str) -> tuple[str, bool, str]:
        """The student of a downloaded file, whether the roster knows them, and what speaks against it."""
        roster = self.roster
        student: Student | None = None
        if roster is not None and layout == "canvas":
            student = roster.by_canvas(upload.number)
            if student is None and (named := roster.by_name(upload.name)) is not None and not named.canvas:
                # Whose Canvas number is known is not found by name: people can choose their names.
                student = named
        elif roster is not None:
            row = self.sheet.by_number.get(upload.number) if self.sheet else None
            student = self.sheet.student(row, roster) if self.sheet and row else None
            if student is None:
                named, numbered = roster.by_name(upload.name), roster.by_moodle(upload.number)
                if named and numbered and named != numbered:
                    reason = f"the number is that of {numbered.id}, the name that of {named.id}"
                    return "", False, f"{reason}: give Moodle's grading worksheet, which says whose it is"
                student = numbered or named
        if student is not None:
            return student.id, True, ""
        return *self._stranger(upload.who), ""
