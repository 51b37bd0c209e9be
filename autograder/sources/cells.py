"""The sources of an exercise, read without importing anything heavy: its graded cells, points and tests.

A notebook's source is a script in jupytext's percent format. The judge asks for points here, so all of it
takes milliseconds; what turns a script into a notebook is in `build`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .layout import course_folder, fault, notebook_sources, short

__all__ = [
    "BEGIN_GUIDE",
    "BEGIN_SOLUTION",
    "END_GUIDE",
    "END_SOLUTION",
    "FULL_POINTS",
    "ROLES",
    "GradedCell",
    "Header",
    "Role",
    "grade_ids",
    "graded_cells",
    "points_of",
    "read_headers",
    "regions",
    "task_names",
]
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_GUIDE, END_GUIDE = "### BEGIN MARKING GUIDE", "### END MARKING GUIDE"
FULL_POINTS = 100
_GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEADER = re.compile(r"# ?%%(?P<rest>.*)")
_OPTION = re.compile(r"(?P<name>[\w-]+)=(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"']+)")

Kind = Literal["checks", "written"]


@dataclass(frozen=True)
class Role:
    """What a cell's role means to nbgrader; `cell_type` None allows both code and Markdown."""

    cell_type: str | None
    grade: bool
    solution: bool
    locked: bool


ROLES = {
    "solution": Role("code", grade=False, solution=True, locked=False),
    "checks": Role("code", grade=True, solution=False, locked=True),
    "written": Role("markdown", grade=True, solution=True, locked=False),
    "readonly": Role(None, grade=False, solution=False, locked=True),
}

_GRADED = {name for name, role in ROLES.items() if role.grade}
_TASK = re.compile(r"# #+ +(Task \d+: .*?)(?: *\((?:[\d.]+ points?|not graded)\))?\s*$")


@dataclass(frozen=True)
class GradedCell:
    """A cell that earns points: by tests (`checks`) or by a marker's judgement (`written`).

    `heading` is that of a written cell, without its marks and points; empty where it has none.
    """

    grade_id: str
    kind: Kind
    points: float
    notebook: str
    heading: str = ""


@dataclass(frozen=True)
class Header:
    """A cell's first line in a percent script: where it stands and the options it gives, as text."""

    path: Path
    line: int
    options: dict[str, str]

    def __str__(self) -> str:
        name = self.options.get("grade_id") or self.options.get("role")
        return f"{short(self.path)}, line {self.line}" + (f" ({name})" if name else "")


def read_headers(path: Path) -> list[Header]:
    """The first lines of a script's cells."""
    headers = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if match := _HEADER.fullmatch(line.rstrip()):
            options = {m["name"]: m["value"].strip("\"'") for m in _OPTION.finditer(match["rest"])}
            headers.append(Header(path, number, options))
    return headers


def graded_cells(exercise: str, course: Path | None = None) -> list[GradedCell]:
    """The exercise's graded cells, in the order of its notebooks."""
    cells: list[GradedCell] = []
    places: dict[str, Header] = {}
    for path in notebook_sources(exercise, course or course_folder()):
        for header in read_headers(path):
            role = ROLES.get(header.options.get("role", ""))
            if role is not None and role.grade:
                cells.append(_graded_cell(header))
            if grade_id := header.options.get("grade_id"):
                if grade_id in places:
                    advice = "grade ids are unique within an exercise"
                    fault(header, "a grade_id of its own", f"that of {places[grade_id]}", advice)
                places[grade_id] = header
    return cells


def task_names(exercise: str, course: Path | None = None) -> dict[str, str]:
    """What tasks are called, such as `Task 2: a sample`, by their graded cells' ids; only those that have a name.

    A task is called what its heading says, the last one above the cell or in it.
    """
    found: dict[str, str] = {}
    for path in notebook_sources(exercise, course or course_folder()):
        lines, name = path.read_text(encoding="utf-8").splitlines(), ""
        graded = {h.line: h.options["grade_id"] for h in read_headers(path) if h.options.get("role") in _GRADED}
        for number, line in enumerate(lines, 1):
            if heading := _TASK.match(line):
                name = heading[1]
                if (last := max((n for n in graded if n < number), default=0)) and _is_written(lines[last - 1]):
                    found.setdefault(graded[last], name)
            if number in graded and name and not _is_written(line):
                found[graded[number]] = name
    return found


def _is_written(header: str) -> bool:
    return 'role="written"' in header


def grade_ids(exercise: str, course: Path | None = None) -> dict[str, set[str]]:
    """The ids of the graded cells of each notebook that has some."""
    found: dict[str, set[str]] = {}
    for cell in graded_cells(exercise, course):
        found.setdefault(cell.notebook, set()).add(cell.grade_id)
    return found


def points_of(exercise: str, course: Path | None = None) -> dict[str, float]:
    """Points of each graded cell, by grade id."""
    return {cell.grade_id: cell.points for cell in graded_cells(exercise, course)}


def _graded_cell(header: Header) -> GradedCell:
    grade_id, points = header.options.get("grade_id", ""), header.options.get("points", "")
    if not _GRADE_ID.fullmatch(grade_id):
        fault(header, "a grade_id of 1 to 64 letters, digits, - and _", repr(grade_id), "name the cell")
    try:
        number = float(points)
    except ValueError:
        number = 0.0
    if not 0 < number <= FULL_POINTS:
        fault(header, "points=NUMBER above 0", points or "none", "every graded cell needs points")
    kind: Kind = "checks" if header.options["role"] == "checks" else "written"
    heading = _heading(header) if kind == "written" else ""
    return GradedCell(grade_id, kind, int(number) if number == int(number) else number, header.path.stem, heading)


def _heading(header: Header) -> str:
    for line in header.path.read_text(encoding="utf-8").split("\n")[header.line :]:
        if found := re.match(r"# #+ +(.*?)(?: *\([\d.]+ points?\))?\s*$", line):
            return found[1]
        if line.strip() not in ("", "#"):
            break
    return ""


def regions(text: str, begin: str, end: str, where: object) -> list[str]:
    """The texts between the markers; an error for a marker that is misspelt, nested or alone."""
    found: list[str] = []
    inside: list[str] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        bare, place = line.strip(), f"{where}, line {number} of the text"
        for marker in (begin, end):
            if marker.removeprefix("### ") in bare and bare != marker:
                fault(place, f"the line '{marker}'", f"'{bare[:60]}'", "write it like this, alone")
        if bare == begin:
            if inside is not None:
                fault(place, f"'{end}'", f"a second '{begin}'", "blocks do not nest")
            inside = []
        elif bare == end:
            if inside is None:
                fault(place, f"'{begin}' before it", f"'{end}'", "add the beginning")
            found.append("\n".join(inside))
            inside = None
        elif inside is not None:
            inside.append(line)
    if inside is not None:
        fault(where, f"'{end}' after '{begin}'", "none", "add the end")
    return found
