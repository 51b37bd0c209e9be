"""The sources of an exercise, read without importing anything heavy: its graded cells, points and tests.

A notebook's source is a script in jupytext's percent format. The judge asks for points here, so all of it
takes milliseconds; what turns a script into a notebook is in `build`.
"""

import ast
import difflib
import os
import re
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from autograder.base.errors import AutograderError
from exercise_code.common.exercise import Exercise, load_exercise

__all__ = [
    "BEGIN_GUIDE",
    "BEGIN_SOLUTION",
    "END_GUIDE",
    "END_SOLUTION",
    "ROLES",
    "ROOT",
    "STUB_MARK",
    "GradedCell",
    "Header",
    "Role",
    "course_folder",
    "course_ids",
    "fault",
    "given_modules",
    "grade_ids",
    "graded_cells",
    "notebook_sources",
    "points_of",
    "read_headers",
    "regions",
    "short",
    "solution_sources",
    "tests_in",
    "validate",
]

ROOT = Path(__file__).resolve().parent.parent.parent
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_GUIDE, END_GUIDE = "### BEGIN MARKING GUIDE", "### END MARKING GUIDE"
# nbgrader's ClearSolutions writes it for each block it takes out.
STUB_MARK = "# YOUR CODE HERE"
FULL_POINTS = 100

_EXERCISE_ID = re.compile(r"ex\d\d_[a-z0-9_]+")
_NOTEBOOK_NAME = re.compile(r"\d_[a-z0-9_]+")
_GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEADER = re.compile(r"# ?%%(?P<rest>.*)")
_OPTION = re.compile(r"(?P<name>[\w-]+)=(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"']+)")
# Two threads that parse at once can end in a SystemError: older CPythons (3.11.7 is one) count depth in one place.
_PARSING = threading.Lock()

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


def fault(where: object, expected: str, got: str, advice: str) -> NoReturn:
    """Nothing: raises the `AutograderError` that says where a source is wrong, in one line."""
    raise AutograderError(f"{where}: expected {expected}, got {got}: {advice}") from None


def short(path: Path) -> str:
    """The path as a person would write it: from the project's root where it lies there."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def course_folder() -> Path:
    """The folder with the sources: `AUTOGRADER_COURSE` where it is set, else the one in this package."""
    named = os.environ.get("AUTOGRADER_COURSE")
    folder = Path(named).expanduser().resolve() if named else ROOT / "autograder" / "course"
    if named and not folder.is_dir():
        fault("AUTOGRADER_COURSE", "a folder", named, "name an existing one, or unset it")
    return folder


def course_ids(course: Path | None = None) -> list[str]:
    """Ids of the exercises that have sources, in order."""
    course = course or course_folder()
    names = [path.parent.name for path in course.glob("*/*.py")]
    return sorted({name for name in names if _EXERCISE_ID.fullmatch(name)})


def notebook_sources(exercise: str, course: Path) -> list[Path]:
    """The exercise's percent scripts, in order."""
    known = course_ids(course)
    if exercise not in known:
        close = difflib.get_close_matches(exercise, known, n=1, cutoff=0.4)
        advice = f"did you mean {close[0]}?" if close else f"known are {', '.join(known) or 'none'}"
        fault(short(course), "the id of an exercise with sources", repr(exercise), advice)
    return sorted(path for path in (course / exercise).glob("*.py") if _NOTEBOOK_NAME.fullmatch(path.stem))


def solution_sources(exercise: str, course: Path) -> list[Path]:
    """The exercise's solved modules, in order."""
    folder = course / exercise / "solution"
    return sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")


def given_modules(package: Path, solved: Collection[str]) -> list[Path]:
    """The modules of an exercise's package that students import and do not write, in order."""
    ours = ("__init__", "test_visible")
    # A stub without a twin is not given code but an orphan, which `build.check` names.
    return sorted(
        path
        for path in package.glob("*.py")
        if path.stem not in (*ours, *solved) and STUB_MARK not in path.read_text(encoding="utf-8", errors="replace")
    )


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


def validate(exercise: str, course: Path, root: Path) -> Exercise:
    """What `exercise.toml` says; an error where it, the sources and the tests do not fit together."""
    config = load_exercise(exercise, root / "exercise_code")
    folder = course / exercise
    toml = f"exercise_code/{exercise}/exercise.toml"
    scripts = [path.stem for path in notebook_sources(exercise, course)]
    solved = [path.stem for path in solution_sources(exercise, course)]
    _expect_names(f"{toml}, notebooks and optional", config.all_notebooks, scripts, short(folder))
    _expect_names(f"{toml}, modules", config.modules, solved, f"{short(folder)}/solution")
    given = [path.stem for path in given_modules(config.folder, solved)]
    _expect_names(f"{toml}, given", config.given, given, f"exercise_code/{exercise}")
    cells = graded_cells(exercise, course)
    total = sum(cell.points for cell in cells)
    if abs(total - FULL_POINTS) > 1e-9:
        each = ", ".join(f"{cell.grade_id} {cell.points:g}" for cell in cells)
        fault(short(folder), f"points that sum to {FULL_POINTS}", f"{total:g}", f"there are {each or 'none'}")
    _validate_tests(config, cells, folder)
    return config


def _expect_names(what: str, got: Sequence[str], want: Sequence[str], source: str) -> None:
    if sorted(got) != sorted(want):
        advice = f"list the files in {source}, neither more nor fewer"
        fault(what, ", ".join(sorted(want)) or "nothing", ", ".join(sorted(got)) or "nothing", advice)


def _validate_tests(config: Exercise, cells: Sequence[GradedCell], folder: Path) -> None:
    checked = sorted(cell.grade_id for cell in cells if cell.kind == "checks")
    an_id = f"the grade_id of a checks cell ({', '.join(checked)})"
    tested: set[str] = set()
    places: dict[str, str] = {}
    for path in (config.visible_tests, folder / "test_hidden.py"):
        for name, grade_id, line in tests_in(path):
            where = f"{short(path)}, line {line} ({name})"
            if name in places:
                fault(where, "a name of its own", f"that of {places[name]}", "rename one of the two tests")
            if grade_id not in checked:
                fault(where, an_id, repr(grade_id), "no cell would get the test's points")
            places[name] = where
            tested.add(grade_id)
    if untested := [grade_id for grade_id in checked if grade_id not in tested]:
        advice = f'write one with @grade("{untested[0]}")'
        fault(short(folder), "a test for every checks cell", f"none for {', '.join(untested)}", advice)
    if config.model is not None and config.model.grade_id not in checked:
        where = f"exercise_code/{config.id}/exercise.toml, [model] grade_id"
        fault(where, an_id, repr(config.model.grade_id), "name the cell that the score counts for")


def tests_in(path: Path) -> Iterator[tuple[str, str, int]]:
    """Name, grade id and line of each test in a file, read without importing it; nothing without a file."""
    if not path.is_file():
        return
    try:
        with _PARSING:
            tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        fault(f"{short(path)}, line {error.lineno}", "Python", f"'{error.msg}'", "mend it")
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        ids = [
            call.args[0].value
            for call in node.decorator_list
            if isinstance(call, ast.Call)
            and ast.unparse(call.func).split(".")[-1] == "grade"
            and call.args
            and isinstance(call.args[0], ast.Constant)
        ]
        if len(ids) != 1 or not isinstance(ids[0], str):
            where, got = f"{short(path)}, line {node.lineno} ({node.name})", f"{len(ids)} of them"
            fault(where, '@grade("grade_id") with a literal id', got, "a test counts for one cell")
        yield node.name, ids[0], node.lineno
