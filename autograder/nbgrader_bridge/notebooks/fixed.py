"""A handed-in notebook put right from the released one, and the scores of its graded cells.

Whatever came (cells deleted, duplicated, renamed; another kernel; no notebook at all), the outcome has every
graded cell of the released notebook exactly once, with its own points, and says in words what was put right.
Points come from tests of the modules, so that nothing done to a notebook earns or costs any.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...base.errors import AutograderError
from ...base.text import clean_text
from ...judging.result import Result
from .handed_in import NO_FILE
from .new_text import is_lost, is_written, role_of, waiting_answers

__all__ = ["Template", "add_notes", "fix", "notes_of", "read_template"]

MAX_CELLS = 1000
MAX_TEXT = 50_000
NOTES_ID = "notes-of-the-grader"

_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_MARKDOWN_SIGNS = re.compile(r"([\\`*_{}\[\]()#+.!<>|$~&-])")
_LOST_ANSWER = (
    "*This answer cell was not in the notebook that was handed in; the grader put it back. "
    "If the answer stands elsewhere, its points are given here.*"
)
_CUT_OFF = "what was left out of this notebook"

Cell = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """A released notebook: `cells` as in its file, `metadata` with the kernel and the language."""

    name: str
    cells: tuple[Cell, ...]
    metadata: dict[str, Any]

    @property
    def graded(self) -> list[Cell]:
        """The cells that earn points, by tests or by a marker."""
        return [cell for cell in self.cells if role_of(cell).get("grade")]


@dataclass
class _Found:
    """A cell of the hand-in: only what is kept of one, each with the type it should have."""

    kind: str
    source: str
    id: str = ""
    grade_id: str = ""
    points: object = None
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)


def read_template(path: Path) -> Template:
    """The released notebook in a file."""
    try:
        return _read_template(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        raise AutograderError(
            f"expected the released notebook {path}: run `nbgrader generate_assignment {path.parent.name} --force`"
        ) from None


@lru_cache(maxsize=64)
def _read_template(path: Path, _changed: int) -> Template:
    table = json.loads(path.read_bytes())
    cells = []
    for cell in table["cells"]:
        cells.append({**cell, "source": _text(cell["source"])})
    known = {key: table["metadata"][key] for key in ("kernelspec", "language_info") if key in table["metadata"]}
    return Template(path.stem, tuple(cells), known)


def fix(handed_in: bytes | str, template: Template, unread: str = "") -> dict[str, Any]:
    """The notebook as a table for `nbformat.from_dict`: the student's cells, and every graded cell as released.

    `handed_in` is the file's content, or the reason why there is none, as `read_hand_in` gives it. An answer that
    nobody wrote in says so where something else may hold it: other text in the notebook, or what `unread` names.
    """
    notes: list[str] = []
    reason = handed_in if isinstance(handed_in, str) else ""
    found: list[_Found] = []
    if isinstance(handed_in, bytes):
        try:
            found = _cells_in(handed_in, notes)
        except (ValueError, RecursionError):
            reason = "is not a readable notebook"
    # Cells that were left out or cut off.
    partly = bool(notes)
    if isinstance(handed_in, bytes) and not reason:
        _note_kernel(json.loads(handed_in), template, notes)
    if reason:
        notes.append(f"{template.name}.ipynb {reason}. What its cells test was graded all the same.")
    places = _match(found, template)
    cells = []
    for i, one in enumerate(found):
        cells.append(_merged(one, template.cells[places[i]], notes) if i in places else _plain(one))
        if i in places and is_lost(one, template.cells[places[i]]):
            # The cell is put back, and what somebody wrote there stands below it.
            cells.append({**_plain(one), "id": ""})
    _note_copies(found, places, template, notes)
    _name(cells, template)
    lost = "" if reason == NO_FILE else _LOST_ANSWER
    _restore(cells, template, set(places.values()), lost, [] if reason else notes)
    waiting = waiting_answers(found, places, template.cells)
    _let_wait(cells, template, waiting, unread or (_CUT_OFF if partly else ""))
    notebook = {"cells": cells, "metadata": dict(template.metadata), "nbformat": 4, "nbformat_minor": 5}
    add_notes(notebook, notes)
    return notebook


def _let_wait(cells: list[Cell], template: Template, waiting: frozenset[str], unread: str) -> None:
    """Write below an answer that is as it was released where else it may stand: nbgrader then asks a person."""
    blank = {role_of(cell)["grade_id"]: cell["source"] for cell in template.graded if is_written(cell)}
    for cell in cells:
        name = role_of(cell).get("grade_id")
        if name not in blank or cell["source"] != blank[name] or not (unread or name in waiting):
            continue
        where = _MARKDOWN_SIGNS.sub(r"\\\1", clean_text(unread)) if unread else "the new text in this notebook"
        cell["source"] += f"\n\n*Nothing was written here. If {where} holds the answer, its points are given here.*"


def notes_of(result: Result) -> list[str]:
    """What a result says of the hand-in, in words."""
    refused = [f"The hand-in was refused: {result.refused}"] if result.refused else []
    return refused + [note.text for note in result.notes]


def add_notes(notebook: Any, notes: Iterable[str]) -> None:
    """Put notes into the cell at the notebook's top that says what the grader did."""
    texts = [" ".join(clean_text(note).split()) for note in notes]
    lines = ["- " + _MARKDOWN_SIGNS.sub(r"\\\1", text) for text in texts if text]
    if not lines:
        return
    if notebook["cells"] and notebook["cells"][0].get("id") == NOTES_ID:
        notebook["cells"][0]["source"] += "\n" + "\n".join(lines)
        return
    source = "**From the grader**\n\n" + "\n".join(lines)
    notebook["cells"].insert(0, {"cell_type": "markdown", "id": NOTES_ID, "metadata": {}, "source": source})


def _cells_in(data: bytes, notes: list[str]) -> list[_Found]:
    table = json.loads(data)
    if not isinstance(table, dict):
        raise ValueError
    listed = table.get("cells")
    if "cells" not in table:
        # Before 2015 (nbformat 3) cells lay in worksheets.
        sheets = table.get("worksheets")
        sheets = sheets if isinstance(sheets, list) else []
        listed = [c for s in sheets if isinstance(s, dict) and isinstance(s.get("cells"), list) for c in s["cells"]]
        if not sheets:
            raise ValueError
    if not isinstance(listed, list):
        raise ValueError
    if len(listed) > MAX_CELLS:
        notes.append(f"The notebook has {len(listed)} cells; those after the first {MAX_CELLS} are left out.")
    found = [cell for value in listed[:MAX_CELLS] if (cell := _cell(value)) is not None]
    if len(found) < len(listed[:MAX_CELLS]):
        notes.append("Some cells had no readable content and are left out.")
    if any(len(cell.source) > MAX_TEXT for cell in found):
        notes.append(f"Cells of more than {MAX_TEXT:,} characters are cut off.")
        for cell in found:
            cell.source = cell.source[:MAX_TEXT]
    return found


def _cell(value: object) -> _Found | None:
    if not isinstance(value, dict):
        return None
    source = value.get("source", value.get("input"))
    if not isinstance(source, str | list):
        return None
    kind = value.get("cell_type")
    text = _text(source)
    level = value.get("level")
    if kind == "heading":
        text = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1) + " " + text
    metadata = value.get("metadata")
    role = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    role = role if isinstance(role, dict) else {}
    return _Found(
        kind={"code": "code", "markdown": "markdown", "heading": "markdown"}.get(str(kind), "raw"),
        source=text,
        id=value["id"] if isinstance(value.get("id"), str) else "",
        grade_id=role["grade_id"] if isinstance(role.get("grade_id"), str) else "",
        points=role.get("points"),
        attachments=_attachments(value.get("attachments")),
    )


def _text(source: str | list[Any]) -> str:
    text = source if isinstance(source, str) else "".join(line for line in source if isinstance(line, str))
    # JSON can say "\ud800", which is no character and in no file.
    return text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").replace("\0", "\ufffd")


def _attachments(value: object) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, kinds in value.items() if isinstance(value, dict) else ():
        kept = {
            kind: data if isinstance(data, str) else _text(data)
            for kind, data in (kinds.items() if isinstance(kinds, dict) else ())
            if kind in _PICTURES and isinstance(data, str | list)
        }
        kept = {kind: data for kind, data in kept.items() if _BASE64.fullmatch(data)}
        if kept:
            found[_text(name)] = kept
    return found


def _note_kernel(table: Mapping[str, Any], template: Template, notes: list[str]) -> None:
    metadata = table.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    name = kernel.get("name") if isinstance(kernel, dict) else None
    language = kernel.get("language", "python") if isinstance(kernel, dict) else "python"
    ours = template.metadata.get("kernelspec", {})
    if isinstance(name, str) and (name != ours.get("name") and language != "python"):
        notes.append(f"The notebook was written for the kernel {name[:60]}. Only modules are graded by tests.")


def _match(found: list[_Found], template: Template) -> dict[int, int]:
    """For each cell of the hand-in that is one of the released ones, which: by grade id, cell id, or first line."""
    places: dict[int, int] = {}
    graded = [(i, cell) for i, cell in enumerate(template.cells) if role_of(cell)]
    for index, cell in graded:
        same = [i for i, one in enumerate(found) if one.grade_id == role_of(cell)["grade_id"]]
        same = same or [i for i, one in enumerate(found) if one.id and one.id == cell.get("id") and i not in places]
        if not same and is_written(cell):
            line = _first_line(cell["source"])
            same = [i for i, one in enumerate(found) if line and _first_line(one.source) == line and i not in places]
        # Of an answer's copies the last one that somebody wrote in; else the last, as nbgrader does.
        written = [i for i in same if found[i].source.strip() != cell["source"].strip()]
        if same:
            places[(written if written and is_written(cell) else same)[-1]] = index
    ids = {cell.get("id"): i for i, cell in enumerate(template.cells) if not role_of(cell)}
    for i, one in enumerate(found):
        if i not in places and one.id in ids and ids[one.id] not in places.values():
            places[i] = ids[one.id]
    return places


def _merged(one: _Found, cell: Cell, notes: list[str]) -> Cell:
    """The released cell with the student's text, where that is the student's to write."""
    role = role_of(cell)
    if not role:
        # Text of the course: the student may change it, it is a cell like any other.
        return {**_plain(one), "id": cell["id"]}
    ours = bool(role.get("locked")) or not role.get("solution")
    name = role["grade_id"]
    if role.get("grade") and one.grade_id != name:
        notes.append(f"The cell {name} had another name; it was found and named as it was.")
    if role.get("grade") and one.points is not None and one.points != role.get("points"):
        notes.append(f"The points of the cell {name} had been changed; they are {role.get('points')}.")
    if role.get("grade") and one.kind != cell["cell_type"]:
        notes.append(f"The cell {name} had been made another kind of cell; it was put right.")
    if ours and role.get("grade") and one.source.strip() != cell["source"].strip():
        notes.append(f"The cell {name} had been changed; it was put back as it was.")
    merged: Cell = {**_released(cell), "source": cell["source"] if ours else one.source}
    if cell["cell_type"] == "markdown" and one.attachments:
        merged["attachments"] = one.attachments
    return merged


def _released(cell: Cell) -> Cell:
    made: Cell = {key: json.loads(json.dumps(cell[key])) for key in ("cell_type", "id", "metadata", "source")}
    return {**made, "outputs": [], "execution_count": None} if made["cell_type"] == "code" else made


def _plain(one: _Found) -> Cell:
    """A cell that earns nothing, without metadata; what is neither code nor Markdown is shown as text."""
    made: Cell = {"cell_type": "markdown", "id": one.id, "metadata": {}, "source": one.source}
    if one.kind == "code":
        return {**made, "cell_type": "code", "outputs": [], "execution_count": None}
    if one.kind == "raw":
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", one.source)), default=0))
        made["source"] = f"{fence}text\n{one.source}\n{fence}"
    if one.attachments:
        made["attachments"] = one.attachments
    return made


def _note_copies(found: list[_Found], places: Mapping[int, int], template: Template, notes: list[str]) -> None:
    graded = {role_of(cell)["grade_id"]: cell for cell in template.graded}
    copies = [one.grade_id for i, one in enumerate(found) if i not in places and one.grade_id in graded]
    for name in dict.fromkeys(copies):
        which = "the last one that was written in counts" if is_written(graded[name]) else "it counts once"
        notes.append(f"The cell {name} is there {copies.count(name) + 1} times; {which}.")
    known = {role_of(cell)["grade_id"] for cell in template.cells if role_of(cell)}
    strange = [one.grade_id for i, one in enumerate(found) if i not in places and one.grade_id not in {"", *known}]
    for name in list(dict.fromkeys(strange))[:10]:
        notes.append(f"A cell is named {name[:64]}; this exercise has none of that name, and it earns nothing.")


def _name(cells: list[Cell], template: Template) -> None:
    """Give every cell an id of its own that a notebook's format allows."""
    used = {cell.get("id") for cell in template.cells} | {NOTES_ID}
    taken: set[str] = set()
    for number, cell in enumerate(cells):
        name = cell["id"]
        ours = name in used and (cell["metadata"] or _same_place(name, template))
        if not _CELL_ID.fullmatch(name) or name in taken or (name in used and not ours):
            name = f"cell-of-the-hand-in-{number}"
        taken.add(name)
        cell["id"] = name


def _same_place(name: str, template: Template) -> bool:
    return any(cell.get("id") == name and not role_of(cell) for cell in template.cells)


def _restore(cells: list[Cell], template: Template, there: set[int], lost: str, notes: list[str]) -> None:
    """Put missing graded cells where they were: behind the nearest released cell before them that is still there."""
    at = {cell["id"]: i for i, cell in enumerate(cells)}
    for index, cell in enumerate(template.cells):
        if index in there or not role_of(cell).get("grade"):
            continue
        before = [at[c["id"]] for c in template.cells[:index] if c.get("id") in at]
        place = before[-1] + 1 if before else 0
        made = _released(cell)
        if is_written(cell) and lost:
            made["source"] += f"\n\n{lost}"
        cells.insert(place, made)
        at = {one["id"]: i for i, one in enumerate(cells)}
        notes.append(f"The cell {role_of(cell)['grade_id']} was missing; it was put back.")


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
