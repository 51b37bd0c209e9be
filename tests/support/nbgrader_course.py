"""A course folder with a release and hand-ins, nbgrader run in it, and what its gradebook says: for several tests."""

import contextlib
import io
import json
import logging
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.nbgrader_bridge.class_folder import make_course

EXERCISE = "ex03_dataloader"


@dataclass(frozen=True)
class Grade:
    """A graded cell in the gradebook."""

    auto: float | None
    manual: float | None
    waits: bool
    max: float


def released_course(folder: Path, exercise: str = EXERCISE) -> Path:
    """A new course folder whose exercise has been released by nbgrader."""
    make_course(folder, [exercise])
    nbgrader(folder, "generate_assignment", exercise)
    return folder


def hand_in(course: Path, student: str, tree: Path, exercise: str = EXERCISE) -> Path:
    """The folder of a student's hand-in in `submitted`, a copy of `tree`."""
    target = course / "submitted" / student / exercise
    shutil.copytree(tree, target, symlinks=True)
    return target


def nbgrader(course: Path, command: str, *arguments: str, fails: bool = False) -> str:
    """What nbgrader's command logs, run in this process (it takes seconds to load) as it is in the course folder."""
    from nbgrader import apps

    # `zip_collect` is nbgrader's ZipCollectApp.
    name = "".join(word.capitalize() for word in command.split("_")) + "App"
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    failed = False
    with contextlib.chdir(course), warnings.catch_warnings():
        # nbgrader's own, about sessions and dates.
        warnings.simplefilter("ignore")
        app: Any = getattr(apps, name)()
        app.initialize(["--log-level=INFO", *arguments])
        app.log.handlers = [handler]
        app.log.propagate = False
        try:
            app.start()
        except SystemExit as error:
            failed = error.code not in (0, None)
    assert failed == fails, log.getvalue()[-3000:]
    return log.getvalue()


def nbgrader_process(course: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(
        command, cwd=course, capture_output=True, text=True, timeout=200, check=False, env={**os.environ, "PATH": path}
    )


def grades(course: Path, student: str, exercise: str = EXERCISE) -> dict[str, Grade]:
    """A student's graded cells in the gradebook, by grade id."""
    from nbgrader.api import Gradebook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
            found = book.find_submission(exercise, student)
            return {
                grade.name: Grade(grade.auto_score, grade.manual_score, grade.needs_manual_grade, grade.max_score)
                for notebook in found.notebooks
                for grade in notebook.grades
            }


def mark(course: Path, student: str, grade_id: str, points: float, exercise: str = EXERCISE) -> None:
    """Give a cell points by hand, as formgrader does."""
    from nbgrader.api import Gradebook

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
            for notebook in book.find_submission(exercise, student).notebooks:
                for grade in notebook.grades:
                    if grade.name == grade_id:
                        grade.manual_score, grade.needs_manual_grade = points, False
            book.db.commit()


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook's JSON, each cell's source one text."""
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for cell in table["cells"]:
        cell["source"] = "".join(cell["source"])
    return table


def edit_notebook(path: Path, edit: Any) -> None:
    """Change a notebook in place: `edit` gets its JSON, each cell's source one text."""
    table = read_notebook(path)
    edit(table)
    path.write_text(json.dumps(table), encoding="utf-8")


def cell_of(notebook: dict[str, Any], grade_id: str) -> dict[str, Any]:
    """The one cell with this grade id."""
    [cell] = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id]
    return cell
