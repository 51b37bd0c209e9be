"""Notebooks from percent scripts and stubs from solutions: as written, solved, and as students get them."""

import ast
import copy
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exercise_code.common.submitting.notebooks import ANSWER_PROMPT

from ..sources.cells import (
    BEGIN_GUIDE,
    BEGIN_SOLUTION,
    END_GUIDE,
    END_SOLUTION,
    ROLES,
    Header,
    read_headers,
    regions,
    task_names,
)
from ..sources.hunt import read_hunt
from ..sources.layout import course_folder, fault, notebook_sources, short

__all__ = ["make_stub", "read_script", "release", "serialise", "solved_notebook", "stub_of"]


_OPTIONS = ("role", "grade_id", "points", "tags")
# What jupytext notes for its own way back to a script.
_JUPYTEXT_NOTES = ("lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker")


def solved_notebook(exercise: str, name: str, course: Path | None = None) -> Any:
    """The notebook with its solutions, model answers and marking guides: what nbgrader takes as a source."""
    paths = {path.stem: path for path in notebook_sources(exercise, course or course_folder())}
    if name not in paths:
        fault(exercise, f"a notebook of {', '.join(paths)}", repr(name), "name one of them")
    solved = read_script(paths[name])
    # The ids are those of the students' version, so that a changed solution changes no id.
    for cell, released in zip(solved.cells, release(solved).cells, strict=True):
        cell.id = released.id
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.grade_id = released.metadata.nbgrader.grade_id
    return solved


_BELONGS = re.compile(r"^( *)### TASK (\S+)\n(?= *### BEGIN SOLUTION)", re.M)
_UNWRITTEN = re.compile(r"^( *)### TASK (\S+)\n *# YOUR CODE HERE\n *raise NotImplementedError\(\)$", re.M)


def stub_of(path: Path, exercise: str, course: Path) -> str:
    """What students get of the solved module at `path`: without its solutions, or with the bugs of a hunt in it."""
    text, where = path.read_text(encoding="utf-8"), short(path)
    hunt = read_hunt(course / exercise)
    if hunt is not None and hunt.module == path.name:
        text = hunt.plant(text)
        if not regions(text, BEGIN_SOLUTION, END_SOLUTION, where):
            return text
    return make_stub(text, where, task_names(exercise, course))


def make_stub(text: str, where: str, tasks: Mapping[str, str] | None = None) -> str:
    """A solved module without its solutions, by nbgrader's own step; `where` names it in errors.

    `tasks` are the tasks' names by grade id. A line `### TASK grade_id` above a solution makes what stands in its place
    say which task it is: `raise NotImplementedError("Task 2: a sample")`.
    """
    for match in _BELONGS.finditer(text):
        if tasks is None or match[2] not in tasks:
            known = ", ".join(tasks or ()) or "none"
            fault(where, "`### TASK` with the id of a graded cell that has a heading `Task N: ...`", match[2], known)
    if not regions(text, BEGIN_SOLUTION, END_SOLUTION, where):
        fault(where, f"a block that begins with '{BEGIN_SOLUTION}'", "none", "the stub would be the solution")
    cell = _new_cell("code", text, {"role": "solution", "grade_id": "module"})
    notebook = _new_notebook([cell])
    _clear_solutions(notebook)
    stub: str = notebook.cells[0].source
    for indent, grade_id in _UNWRITTEN.findall(stub):
        name = json.dumps((tasks or {})[grade_id], ensure_ascii=False)
        said = f"{indent}# YOUR CODE HERE\n{indent}raise NotImplementedError({name})"
        stub = _UNWRITTEN.sub(lambda _, said=said: said, stub, count=1)  # type: ignore[misc]
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


def read_script(path: Path) -> Any:
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


def release(solved: Any) -> Any:
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
