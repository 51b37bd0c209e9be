"""From the course's sources to what students get: notebooks without solutions, and stub modules.

One direction, and deterministic: `autograder/course/exNN_topic/N_name.py` (jupytext's percent format) becomes
`exercises/exNN_topic/N_name.ipynb`, and each `solution/*.py` becomes the stub of the same name in
`exercise_code/exNN_topic/`. The committed files are refused by `check` when they are not byte for byte what
`build` gives.

nbgrader and jupytext are imported only where something is really built: they take seconds.
"""

import ast
import copy
import difflib
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from autograder.sources.course import (
    BEGIN_GUIDE,
    BEGIN_SOLUTION,
    END_GUIDE,
    END_SOLUTION,
    ROLES,
    ROOT,
    STUB_MARK,
    GradedCell,
    Header,
    course_folder,
    course_ids,
    fault,
    given_modules,
    graded_cells,
    notebook_sources,
    points_of,
    read_headers,
    regions,
    short,
    solution_sources,
    validate,
)
from exercise_code.common.errors import CourseError
from exercise_code.common.handing_in.notebooks import ANSWER_PROMPT

from ..base.files import write_whole
from ..base.stamps import code_hash, hash_of

__all__ = [
    "BuiltFile",
    "GradedCell",
    "build",
    "build_command",
    "check",
    "course_folder",
    "course_ids",
    "graded_cells",
    "make_stub",
    "orphans",
    "points_of",
    "serialise",
    "solved_notebook",
    "write",
]


_OPTIONS = ("role", "grade_id", "points", "tags")
# What jupytext notes for its own way back to a script.
_JUPYTEXT_NOTES = ("lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker")


@dataclass(frozen=True)
class BuiltFile:
    """A derived file: its path within the project, with forward slashes, and its content."""

    path: str
    content: bytes
    exercise: str


def build(
    course: Path, root: Path, exercises: Iterable[str] | None = None, *, cache: Path | None = None
) -> list[BuiltFile]:
    """The derived files of the exercises (all by default), in memory, sorted by path.

    `cache` names a folder that remembers what was built from which bytes: nbgrader's import alone takes
    longer than a person wants to wait for "nothing to do".
    """
    built: list[BuiltFile] = []
    for exercise in course_ids(course) if exercises is None else exercises:
        key = _key(exercise, course, root)
        files = _recall(cache, exercise, key)
        if files is None:
            files = _build_exercise(exercise, course, root)
            _remember(cache, exercise, key, files)
        built += files
    return sorted(built, key=lambda file: file.path)


def _build_exercise(exercise: str, course: Path, root: Path) -> list[BuiltFile]:
    validate(exercise, course, root)
    files = []
    for path in notebook_sources(exercise, course):
        content = serialise(_release(_read(path)))
        files.append(BuiltFile(f"exercises/{exercise}/{path.stem}.ipynb", content, exercise))
    for path in solution_sources(exercise, course):
        text = make_stub(path.read_text(encoding="utf-8"), short(path))
        files.append(BuiltFile(f"exercise_code/{exercise}/{path.name}", text.encode(), exercise))
    return files


def solved_notebook(exercise: str, name: str, course: Path | None = None) -> Any:
    """The notebook with its solutions, model answers and marking guides: what nbgrader takes as a source."""
    paths = {path.stem: path for path in notebook_sources(exercise, course or course_folder())}
    if name not in paths:
        fault(exercise, f"a notebook of {', '.join(paths)}", repr(name), "name one of them")
    solved = _read(paths[name])
    # The ids are those of the students' version, so that a changed solution changes no id.
    for cell, released in zip(solved.cells, _release(solved).cells, strict=True):
        cell.id = released.id
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.grade_id = released.metadata.nbgrader.grade_id
    return solved


def make_stub(text: str, where: str) -> str:
    """A solved module without its solutions, by nbgrader's own step; `where` names it in errors."""
    if not regions(text, BEGIN_SOLUTION, END_SOLUTION, where):
        fault(where, f"a block that begins with '{BEGIN_SOLUTION}'", "none", "the stub would be the solution")
    cell = _new_cell("code", text, {"role": "solution", "grade_id": "module"})
    notebook = _new_notebook([cell])
    _clear_solutions(notebook)
    stub: str = notebook.cells[0].source
    try:
        ast.parse(stub)
    except SyntaxError as error:
        advice = f"indent '{BEGIN_SOLUTION}' like the code it stands for"
        fault(where, "a stub that is Python", f"'{error.msg}' at its line {error.lineno}", advice)
    return stub


def serialise(notebook: Any) -> bytes:
    """The notebook's file, valid, with sorted keys."""
    import nbformat

    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook, version=4)  # type: ignore[no-untyped-call]
    return (text.rstrip("\n") + "\n").encode()


def _read(path: Path) -> Any:
    """The script as a notebook with nbgrader's metadata, solutions in place, every cell checked."""
    import jupytext

    headers = read_headers(path)
    script = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    if len(headers) != len(script.cells):
        advice = "begin the file with one, and write none inside a text"
        got = f"{len(headers)} such lines for {len(script.cells)} cells"
        fault(short(path), "a line '# %%' at the beginning of every cell", got, advice)
    cells = []
    for cell, header in zip(script.cells, headers, strict=True):
        options = {k: v for k, v in cell.metadata.items() if k not in _JUPYTEXT_NOTES}
        _validate_options(cell.cell_type, options, header)
        _validate_text(cell.source, options, header)
        cells.append(_new_cell(cell.cell_type, cell.source, options))
    return _new_notebook(cells)


def _new_notebook(cells: Sequence[Any]) -> Any:
    from nbformat.v4 import new_notebook

    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    table = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return new_notebook(cells=list(cells), metadata=table)  # type: ignore[no-untyped-call]


def _new_cell(cell_type: str, source: str, options: dict[str, Any]) -> Any:
    """A cell with nbgrader's metadata, schema version 3."""
    from nbformat.v4 import new_code_cell, new_markdown_cell

    table: dict[str, Any] = {}
    if "tags" in options:
        table["tags"] = list(options["tags"])
    if "role" in options:
        role = ROLES[options["role"]]
        flags = {"grade": role.grade, "solution": role.solution, "locked": role.locked, "task": False}
        named = {key: options[key] for key in ("grade_id", "points") if key in options}
        table["nbgrader"] = {"schema_version": 3, **flags, **named}
    make = new_code_cell if cell_type == "code" else new_markdown_cell
    return make(source, metadata=table)  # type: ignore[no-untyped-call]


def _release(solved: Any) -> Any:
    """The students' version: no solutions, answers and guides; stable ids, locked cells, checksums."""
    from nbgrader.preprocessors import CheckCellMetadata, ComputeChecksums, LockCells

    notebook = copy.deepcopy(solved)
    for cell in notebook.cells:
        if BEGIN_GUIDE in cell.source:
            cell.source = _without_guide(cell.source)
    _clear_solutions(notebook)
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        nbgrader = cell.metadata.get("nbgrader", {})
        cell.id = nbgrader.get("grade_id") or _content_id(cell.cell_type, cell.source, seen)
        if nbgrader:
            nbgrader["grade_id"] = cell.id
    for step in (LockCells(), ComputeChecksums(), CheckCellMetadata()):
        notebook, _ = step.preprocess(notebook, {})
    return notebook


def _clear_solutions(notebook: Any) -> None:
    from nbgrader.preprocessors import ClearSolutions

    ClearSolutions(text_stub=ANSWER_PROMPT).preprocess(notebook, {})


def _content_id(cell_type: str, source: str, seen: Counter[str]) -> str:
    name = "cell-" + hashlib.sha256(f"{cell_type}\0{source}".encode()).hexdigest()[:12]
    seen[name] += 1
    return name if seen[name] == 1 else f"{name}-{seen[name]}"


def _without_guide(source: str) -> str:
    kept, inside = [], False
    for line in source.split("\n"):
        inside = inside or line.strip() == BEGIN_GUIDE
        if not inside:
            kept.append(line)
        inside = inside and line.strip() != END_GUIDE
    return "\n".join(kept).rstrip()


def _validate_options(cell_type: str, options: dict[str, Any], header: Header) -> None:
    if unknown := sorted(set(options) - set(_OPTIONS)):
        fault(header, f"the options {', '.join(_OPTIONS)}", ", ".join(unknown), "remove or rename it")
    read = {key: str(value) for key, value in options.items() if key != "tags"}
    stated = {key: value for key, value in header.options.items() if key in _OPTIONS and key != "tags"}
    # Points are read from the header alone by `graded_cells`, here by jupytext: both must see the same.
    if read != stated:
        fault(header, 'options as name="text" or name=number', str(header.options), "write them that way")
    if cell_type not in ("code", "markdown"):
        fault(header, "a code or Markdown cell", cell_type, "write [markdown] or nothing after # %%")
    name = options.get("role")
    if name is None and options.keys() & {"grade_id", "points"}:
        fault(header, "a role beside grade_id and points", "none", f"add one of {', '.join(ROLES)}")
    if name is None:
        return
    if name not in ROLES:
        fault(header, f"a role of {', '.join(ROLES)}", repr(name), "use one of them")
    role = ROLES[name]
    if role.cell_type not in (None, cell_type):
        fault(header, f"a {role.cell_type} cell for role {name}", cell_type, "change the role or the cell")
    if "points" in options and not role.grade:
        fault(header, "points on checks and written cells only", f"role {name}", "remove them")


def _validate_text(source: str, options: dict[str, Any], header: Header) -> None:
    role = options.get("role")
    answers = regions(source, BEGIN_SOLUTION, END_SOLUTION, header)
    guides = regions(source, BEGIN_GUIDE, END_GUIDE, header)
    if answers and role not in ("solution", "written"):
        fault(header, f"'{BEGIN_SOLUTION}' in solution and written cells only", f"role {role}", "add it")
    if guides and role != "written":
        fault(header, f"'{BEGIN_GUIDE}' in written cells only", f"role {role}", "add the role")
    if role == "solution" and not answers:
        fault(header, f"a block that begins with '{BEGIN_SOLUTION}'", "none", "mark what students write")
    if role == "written" and (len(answers), len(guides)) != (1, 1):
        advice = f"begin them with '{BEGIN_SOLUTION}' and '{BEGIN_GUIDE}'"
        fault(header, "one model answer and one marking guide", f"{len(answers)} and {len(guides)}", advice)
    if role == "checks" and source.strip() != f'check("{options["grade_id"]}")':
        line = f'check("{options["grade_id"]}")'
        fault(header, f"the one line {line}", repr(source[:60]), "points count for that line")


def write(built: Iterable[BuiltFile], root: Path) -> list[str]:
    """Paths of the files that were new or changed; each is replaced in one step, no other is touched."""
    changed = []
    for file in built:
        path = root / file.path
        if path.is_file() and path.read_bytes() == file.content:
            continue
        write_whole(file.content, path, mode=None)
        changed.append(file.path)
    return changed


def check(built: Sequence[BuiltFile], root: Path, exercises: Iterable[str] | None = None) -> list[str]:
    """What is wrong with the committed files, a line each, then the difference of the first stale one.

    `exercises` are the ids that were built; without them, notebooks and stubs of all others are orphans too.
    """
    problems: list[str] = []
    difference: list[str] = []
    for file in built:
        path = root / file.path
        if not path.is_file():
            problems.append(f"missing: {file.path}: run make build")
            continue
        content = path.read_bytes()
        if content == file.content:
            continue
        problems.append(f"stale: {file.path}: not what its source gives; edit that, then run make build")
        difference = difference or _difference(content, file)
    return problems + orphans(built, root, exercises) + difference


def _difference(content: bytes, file: BuiltFile) -> list[str]:
    committed = content.decode("utf-8", "replace").splitlines(keepends=True)
    wanted = file.content.decode().splitlines(keepends=True)
    names = f"{file.path} (committed)", f"{file.path} (built)"
    return [line.rstrip("\n") for line in difflib.unified_diff(committed, wanted, *names, n=2)]


def orphans(built: Sequence[BuiltFile], root: Path, exercises: Iterable[str] | None = None) -> list[str]:
    """A line for each notebook and stub that no source gives; `exercises` limits the search to theirs."""
    known = {file.path for file in built}
    ids = set(exercises) if exercises is not None else None
    found = []
    for path in sorted([*root.glob("exercises/*/*.ipynb"), *root.glob("exercise_code/ex[0-9]*/*.py")]):
        name = path.relative_to(root).as_posix()
        if name in known or (ids is not None and path.parent.name not in ids):
            continue
        # A module without a twin is given code, unless students were once meant to fill it in.
        if path.suffix == ".ipynb" or STUB_MARK in path.read_text(encoding="utf-8", errors="replace"):
            found.append(f"orphaned: {name}: no source in autograder/course gives it; delete it")
    return found


def _key(exercise: str, course: Path, root: Path) -> str:
    """A hash of everything a build of the exercise depends on."""
    package = root / "exercise_code" / exercise
    inputs = [*notebook_sources(exercise, course), *solution_sources(exercise, course)]
    inputs += [course / exercise / "test_hidden.py", package / "exercise.toml", package / "test_visible.py"]
    inputs += given_modules(package, ())
    versions = [f"{name} {metadata.version(name)}" for name in ("nbformat", "nbgrader", "jupytext")]
    return hash_of(versions, code_hash(__name__), files=inputs)


def _recall(cache: Path | None, exercise: str, key: str) -> list[BuiltFile] | None:
    if cache is None:
        return None
    try:
        table = json.loads((cache / f"{exercise}.json").read_text(encoding="utf-8"))
        if table["key"] != key:
            return None
        return [BuiltFile(path, text.encode(), exercise) for path, text in table["files"].items()]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def _remember(cache: Path | None, exercise: str, key: str, files: Sequence[BuiltFile]) -> None:
    if cache is not None:
        table = {"key": key, "files": {file.path: file.content.decode() for file in files}}
        write_whole(json.dumps(table, ensure_ascii=False).encode(), cache / f"{exercise}.json")


def build_command(check_only: bool = False, exercises: Sequence[str] = (), *, root: Path = ROOT) -> int:
    """0 when all is in step: writes what changed (or only compares) and prints what it did."""
    course = course_folder()
    ids = list(exercises) or course_ids(course)
    built: list[BuiltFile] = []
    errors: list[str] = []
    for exercise in ids:
        try:
            built += build(course, root, [exercise], cache=root / ".cache" / "build")
        except CourseError as error:
            errors.append(f"error: {error}")
    scope = {file.exercise for file in built} if exercises or errors else None
    if check_only:
        problems = check(built, root, scope)
    else:
        for path in write(built, root):
            print(f"wrote {path}")
        problems = orphans(built, root, scope)
    for line in [*problems, *errors]:
        print(line, file=sys.stderr)
    if not problems and not errors:
        print(f"{len(built)} derived files of {len(ids)} exercises are in step with their sources")
    return 1 if problems or errors else 0
