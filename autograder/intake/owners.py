"""Whose a hand-in is, by the name of its file."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from exercise_code.common.archives.entries import printable

from ..classroom.roster import Roster, Student
from .downloads import Upload, attempt_of
from .worksheet import Worksheet

__all__ = ["Owners"]

WORKSHEET = "give Moodle's grading worksheet, which says whose it is"


@dataclass(frozen=True)
class Owners:
    """The students whom names on files may mean; without a roster everybody is known."""

    exercise: str
    roster: Roster | None = None
    sheet: Worksheet | None = None
    namesakes: frozenset[str] = frozenset()

    def plain(self, stem: str) -> str:
        """The stem without the exercise's id, where something else is left."""
        # macOS writes an accent as a character of its own.
        stem = unicodedata.normalize("NFC", stem)
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

    def among(self, uploads: Iterable[Upload], layout: str) -> "Owners":
        """These owners, who know which of the uploads are of people that are only called as the same student."""
        numbers: dict[str, dict[str, bool]] = {}
        for upload in uploads:
            student, sure, _ = self._match(upload, layout)
            if student is not None:
                numbers.setdefault(student.id, {})[upload.number] = sure
        shared = {number for of in numbers.values() if len(of) > 1 for number, sure in of.items() if not sure}
        return replace(self, namesakes=frozenset(shared))

    def whose(self, upload: Upload, layout: str) -> tuple[str, bool, str]:
        """The student of a downloaded file, whether the roster knows them, and what speaks against it."""
        student, sure, conflict = self._match(upload, layout)
        if student is not None and not sure and upload.number in self.namesakes:
            advice = "write Canvas's numbers into the roster" if layout == "canvas" else WORKSHEET
            conflict = f"somebody else is called as {student.id} is, too: {advice}"
        if conflict:
            return "", False, conflict
        if student is not None:
            return student.id, True, ""
        return *self._stranger(upload.who), ""

    def _match(self, upload: Upload, layout: str) -> tuple[Student | None, bool, str]:
        """The student of the roster, whether more than a name says so, and what speaks against it."""
        roster = self.roster
        if roster is None:
            return None, False, ""
        if layout == "canvas":
            student = roster.by_canvas(upload.number)
            named = roster.by_name(upload.name)
            # Whose Canvas number is known is not found by name: people can choose their names.
            return student or (None if named and named.canvas else named), student is not None, ""
        row = self.sheet.by_number.get(upload.number) if self.sheet else None
        if row is not None:
            if student := self._numbered.get(upload.number):
                # The worksheet has all participants: nobody else has the name.
                return student, True, ""
            if student := roster.by_name(row.name):
                reason = f"somebody else in the worksheet is called as {student.id} is, too"
                return None, False, f"{reason}: write the worksheet's ID numbers or e-mail addresses into the roster"
        named, numbered = roster.by_name(upload.name), roster.by_moodle(upload.number)
        if named and numbered and named != numbered:
            return None, False, f"the number is that of {numbered.id}, the name that of {named.id}: {WORKSHEET}"
        return numbered or named, numbered is not None, ""

    @cached_property
    def _numbered(self) -> dict[str, Student]:
        return self.sheet.owners(self.roster) if self.sheet and self.roster else {}
