"""Moodle's grading worksheet: whose the numbers in file names are, when they handed in, and their marks filled in."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..base.errors import AutograderError
from ..base.spreadsheets import quoted
from ..classroom.roster import Roster, Student

__all__ = ["COLUMNS", "Worksheet", "WorksheetRow", "read_worksheet"]

# Moodle's English names, in the order in which mod/assign/gradingtable.php writes them.
COLUMNS = (
    "Identifier",
    "Full name",
    "Email address",
    "Status",
    "Grade",
    "Maximum grade",
    "Grade can be changed",
    "Last modified (submission)",
    "Last modified (grade)",
    "Feedback comments",
)
# Without them Moodle refuses to import a worksheet (mod/assign/feedback/offline/importgradeslib.php).
NEEDED = ("Identifier", "Grade", "Last modified (grade)")


@dataclass(frozen=True)
class WorksheetRow:
    """One participant: the number that stands in the names of downloaded files, and what Moodle says of them."""

    line: int
    number: str
    name: str = ""
    email: str = ""
    id_number: str = ""
    modified: str = ""
    max_grade: str = ""
    can_change: bool = True


@dataclass(frozen=True)
class Worksheet:
    """A worksheet as it was downloaded; `cells` are the spans of all its cells in `text`, row by row."""

    path: Path
    text: str
    cells: tuple[tuple[tuple[int, int], ...], ...]

    @cached_property
    def rows(self) -> tuple[WorksheetRow, ...]:
        """The participants, in the worksheet's order."""
        return tuple(self._rows())

    @cached_property
    def by_number(self) -> dict[str, WorksheetRow]:
        """The participants by the number in their files' names."""
        return {row.number: row for row in self.rows}

    def owners(self, roster: Roster) -> dict[str, Student]:
        """Who of the roster has which number: by ID number, then e-mail address, then name, then Moodle number.

        A participant who is only called as a student of the roster is that student where nobody else is.
        """
        found: dict[str, Student] = {}
        named: dict[str, Student] = {}
        for row in self.rows:
            if student := roster.by_label(row.id_number) or roster.by_label(row.email):
                found[row.number] = student
            elif student := roster.by_name(row.name) or roster.by_moodle(row.number):
                named[row.number] = student
        rows = Counter(student.id for student in (*found.values(), *named.values()))
        return found | {number: student for number, student in named.items() if rows[student.id] == 1}

    def filled(self, marks: Mapping[str, tuple[str, str]]) -> str:
        """The worksheet with a grade and a comment for each number in `marks`; no other cell changes by a byte."""
        grade = self._columns["grade"]
        comments = self._columns.get("feedback comments")
        edits: list[tuple[tuple[int, int], str]] = []
        for row, spans in self._participants():
            if row.number not in marks or not row.can_change:
                continue
            for column, value in zip((grade, comments), marks[row.number], strict=True):
                if column is not None and column < len(spans):
                    edits.append((spans[column], quoted(value)))
        text = self.text
        for (start, end), value in sorted(edits, reverse=True):
            text = text[:start] + value + text[end:]
        return text

    @cached_property
    def _columns(self) -> dict[str, int]:
        titles = [_cell(self.text[start:end]).strip() for start, end in self.cells[0]] if self.cells else []
        # Older Moodles write "Maximum Grade".
        columns = {title.casefold(): i for i, title in reversed(list(enumerate(titles)))}
        if missing := [name for name in NEEDED if name.casefold() not in columns]:
            raise AutograderError(
                f"expected the column {missing[0]} in {self.path}, got {', '.join(titles)[:120] or 'none'}: download "
                "the grading worksheet again, with Moodle's language set to English"
            )
        return columns

    def _rows(self) -> Iterator[WorksheetRow]:
        yield from (row for row, _ in self._participants())

    def _participants(self) -> Iterator[tuple[WorksheetRow, tuple[tuple[int, int], ...]]]:
        columns = self._columns
        for line, spans in enumerate(self.cells[1:], start=2):
            values = [_cell(self.text[start:end]).strip() for start, end in spans]

            def get(name: str, values: list[str] = values) -> str:
                i = columns.get(name.casefold())
                return values[i] if i is not None and i < len(values) else ""

            number = re.search(r"\d+$", get("Identifier"))
            if number is None:
                continue
            yield (
                WorksheetRow(
                    line=line,
                    number=number[0],
                    name=get("Full name"),
                    email=get("Email address"),
                    id_number=get("ID number"),
                    modified=get("Last modified (submission)"),
                    max_grade=get("Maximum grade"),
                    can_change=get("Grade can be changed").casefold() != "no",
                ),
                spans,
            )


def read_worksheet(path: Path) -> Worksheet:
    """The worksheet in a CSV file."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise AutograderError(f"could not read {path}: {error.strerror}: check the path of the worksheet") from None
    except UnicodeDecodeError:
        raise AutograderError(f"expected UTF-8 in {path}, got another encoding: download the worksheet again") from None
    worksheet = Worksheet(path, text, tuple(_spans(text)))
    numbers: dict[str, int] = {}
    for row in worksheet.rows:
        if row.number in numbers:
            raise AutograderError(
                f"{path}, row {row.line}: got the number {row.number} again, it stands in row {numbers[row.number]}: "
                "download the worksheet again"
            )
        numbers[row.number] = row.line
    return worksheet


def _spans(text: str) -> Iterator[tuple[tuple[int, int], ...]]:
    """Where each cell lies in a CSV text, quotes included, row by row; empty rows are left out."""
    i = 1 if text.startswith("\ufeff") else 0
    # Moodle lets whoever imports choose the separator; the one that it writes is a comma.
    separator = max(",;\t", key=text.partition("\n")[0].count)
    cell = re.compile(rf'"(?:[^"]|"")*+"[^{separator}\r\n]*|[^{separator}\r\n]*')
    row: list[tuple[int, int]] = []
    while i < len(text):
        found = cell.match(text, i)
        end = found.end() if found else i
        row.append((i, end))
        if text[end : end + 1] == separator:
            i = end + 1
            if i == len(text):
                row.append((i, i))
            continue
        if row != [(i, i)]:
            yield tuple(row)
        row = []
        i = end + (2 if text[end : end + 2] == "\r\n" else 1)
    if row:
        yield tuple(row)


def _cell(raw: str) -> str:
    return raw[1:-1].replace('""', '"') if len(raw) > 1 and raw[0] == raw[-1] == '"' else raw
