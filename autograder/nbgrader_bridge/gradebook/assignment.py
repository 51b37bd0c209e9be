"""An exercise in nbgrader's gradebook: its notebooks and cells, as `nbgrader generate_assignment` enters them."""

import json
import os
import sqlite3
import sys
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ...base.errors import AutograderError
from ..notebooks.changed_cells import way_on
from .rows import connect

__all__ = ["enter_assignment"]


def enter_assignment(
    path: Path, exercise_id: str, course_id: str, released: Mapping[str, bytes], staging: Path
) -> None:
    """Make the gradebook at `path` hold the released notebooks' cells; one that does is left as it is."""
    wanted = _cells_of_notebooks(released)
    if path.is_file() and _cells_of_database(path, exercise_id) == wanted:
        return
    with tempfile.TemporaryDirectory(dir=staging) as name:
        # A new gradebook takes its place when it is whole.
        book = path if path.is_file() else Path(name) / path.name
        _save_cells(book, exercise_id, course_id, released)
        if _cells_of_database(book, exercise_id) != wanted:
            raise AutograderError(
                f"expected the graded cells of {exercise_id} in {path}, found others: {way_on(exercise_id)}"
            )
        if book != path:
            book.replace(path)


def _save_cells(book: Path, exercise_id: str, course_id: str, released: Mapping[str, bytes]) -> None:
    """Let nbgrader enter the assignment, as `nbgrader generate_assignment` does."""
    import nbformat
    from nbgrader.api import Gradebook
    from nbgrader.preprocessors import SaveCells

    url = f"sqlite:///{book}"
    # nbgrader calls the program `alembic`, which lies beside this Python and maybe not on the path.
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"
    try:
        with Gradebook(url, course_id) as gradebook:
            gradebook.update_or_create_assignment(exercise_id)
            for known in [n.name for n in gradebook.find_assignment(exercise_id).notebooks]:
                if known not in released and not gradebook.notebook_submissions(known, exercise_id):
                    gradebook.remove_notebook(known, exercise_id)
        for name, data in released.items():
            about = {"assignment": exercise_id, "notebook": name, "student": ".", "db_url": url}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                notebook = nbformat.reads(data.decode(), as_version=4)  # type: ignore[no-untyped-call]
            SaveCells().preprocess(notebook, {"nbgrader": about})
    # Its answer to cells that were added or removed while there are submissions.
    except RuntimeError as error:
        raise AutograderError(
            f"the graded cells of {exercise_id} changed, and {book} has submissions: {error}: {way_on(exercise_id)}"
        ) from None
    finally:
        os.environ["PATH"] = before


def _cells_of_notebooks(released: Mapping[str, bytes]) -> set[tuple[Any, ...]]:
    """What the gradebook knows of an exercise: its cells, with points, text and checksum."""
    found: set[tuple[Any, ...]] = set()
    for name, data in released.items():
        for cell in json.loads(data)["cells"]:
            meta = cell["metadata"].get("nbgrader", {})
            if not any(meta.get(key) for key in ("grade", "solution", "locked", "task")):
                continue
            source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
            found.add((name, meta["grade_id"], "source", cell["cell_type"], meta.get("checksum"), source))
            if meta.get("grade"):
                found.add((name, meta["grade_id"], "grade", cell["cell_type"], float(meta["points"]), ""))
            if meta.get("solution"):
                found.add((name, meta["grade_id"], "solution", "", "", ""))
    # A notebook without any such cell is one of the assignment all the same.
    return found | {(name, "", "notebook", "", "", "") for name in released}


def _cells_of_database(path: Path, exercise_id: str) -> set[tuple[Any, ...]]:
    of = "FROM assignment a JOIN notebook n ON n.assignment_id = a.id"
    base = f"{of} JOIN base_cell b ON b.notebook_id = n.id"
    where = "WHERE a.name = ?"
    queries = (
        f"SELECT n.name, '', 'notebook', '', '', '' {of} {where}",
        "SELECT n.name, c.name, 'source', c.cell_type, c.checksum, c.source "
        f"{of} JOIN source_cell c ON c.notebook_id = n.id {where}",
        "SELECT n.name, b.name, 'grade', c.cell_type, c.max_score, '' "
        f"{base} JOIN grade_cells c ON c.id = b.id {where}",
        f"SELECT n.name, b.name, 'solution', '', '', '' {base} JOIN solution_cells c ON c.id = b.id {where}",
    )
    try:
        with closing(connect(path, read_only=True)) as connection:
            return {row for query in queries for row in connection.execute(query, (exercise_id,))}
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return set()
        raise
