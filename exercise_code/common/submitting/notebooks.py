"""The graded cells of a notebook, and which written questions have an answer."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ANSWER_PROMPT", "GradedCell", "cells_of", "graded_cells"]

# Stands where an answer belongs until somebody writes one.
ANSWER_PROMPT = "*Your answer here.*"


@dataclass(frozen=True)
class GradedCell:
    """A cell with points; `title` is its heading, `answered` says that its text is another than was given out."""

    notebook: str
    grade_id: str
    title: str
    points: float
    written: bool
    answered: bool = False


def cells_of(data: bytes | Path) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Kind, text and metadata of each cell; nothing where the notebook cannot be read."""
    try:
        notebook = json.loads(data.read_bytes() if isinstance(data, Path) else data)
        return [(str(c["cell_type"]), "".join(c["source"]), dict(c.get("metadata", {}))) for c in notebook["cells"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def graded_cells(name: str, data: bytes | Path) -> Iterator[GradedCell]:
    """The graded cells of the notebook `name`, in order."""
    heading = ""
    for kind, text, metadata in cells_of(data):
        titles = [line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("#")]
        if kind == "markdown" and titles:
            heading = titles[0]
        mark = metadata.get("nbgrader")
        if not isinstance(mark, dict) or not mark.get("grade") or not isinstance(mark.get("points"), int | float):
            continue
        written = kind == "markdown" or bool(mark.get("solution"))
        grade_id = str(mark.get("grade_id", ""))
        answered = written and not _is_untouched(kind, text, mark)
        yield GradedCell(name, grade_id, heading or grade_id, float(mark["points"]), written, answered)


def _is_untouched(kind: str, text: str, mark: Mapping[str, Any]) -> bool:
    bare = text.strip()
    if not bare or bare == ANSWER_PROMPT:
        return True
    # The question alone, with its prompt removed, is no answer either.
    versions = (text, bare, f"{bare}\n\n{ANSWER_PROMPT}")
    return any(_checksum(kind, version, mark) == mark.get("checksum") for version in versions)


def _checksum(kind: str, text: str, mark: Mapping[str, Any]) -> str:
    """nbgrader's checksum of a cell, by which it knows that nothing was changed."""
    solution = bool(mark.get("solution"))
    locked = not solution and (bool(mark.get("grade")) or bool(mark.get("locked")))
    parts = [text, kind, str(bool(mark.get("grade"))), str(solution), str(locked), str(mark.get("grade_id"))]
    if mark.get("grade"):
        parts.append(str(float(mark["points"])))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()
