"""nbgrader, told to use our steps: what `nbgrader_config.py` calls."""

import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

from exercise_code.common.submitting.notebooks import ANSWER_PROMPT

from ..base.errors import AutograderError
from ..sources.cells import BEGIN_GUIDE, END_GUIDE
from ..sources.layout import course_folder, course_ids, solution_sources
from .exporter import classroom_of

__all__ = ["configure"]

_ROOM = "autograder.nbgrader_bridge"
_RELEASE = (
    *("IncludeHeaderFooter", "LockCells", "ClearSolutions", "ClearMarkScheme", "ClearOutput", "CheckCellMetadata"),
    *("ComputeChecksums", "SaveCells", "ClearHiddenTests", "ComputeChecksums", "CheckCellMetadata"),
)
_AUTOGRADE = ("LimitOutput", "SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata")


def configure(c: Any, folder: Path) -> None:
    """nbgrader's settings `c` for the class in `folder`, which may be without a `class.toml`.

    Where they cannot be made, nbgrader ends: it would say so and go on with its own, run everybody's code in a
    kernel without any walls, and write what that gives into the gradebook.
    """
    try:
        _configure(c, folder)
    except AutograderError as error:
        raise SystemExit(f"error: {error}") from None
    except Exception as error:
        raise SystemExit(f"error: nbgrader's settings for {folder} failed: {type(error).__name__}: {error}") from error


def _configure(c: Any, folder: Path) -> None:
    # nbgrader calls the program `alembic` by its name, and nobody has to activate an environment here.
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, *filter(None, [os.environ.get("PATH", "")])])
    # About nbgrader's own sessions, dozens of lines; nobody who grades a class can do anything about it.
    warnings.filterwarnings("ignore", "Object of type .* not in session", module="nbgrader")
    c.CourseDirectory.course_id = classroom_of(folder).course_id
    c.CourseDirectory.root = str(folder)
    c.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
    # What the build does to a source, nbgrader does as well. Guides go before cells are saved: afterwards an
    # answer that nobody touched would never equal the one in the gradebook, and wait for a marker.
    c.GenerateAssignment.preprocessors = [f"nbgrader.preprocessors.{name}" for name in _RELEASE]
    c.GenerateAssignment.post_convert_hook = f"{_ROOM}.config.refuse_leaks"
    c.ClearSolutions.text_stub = ANSWER_PROMPT
    c.ClearMarkScheme.begin_mark_scheme_delimeter = BEGIN_GUIDE.removeprefix("### ")
    c.ClearMarkScheme.end_mark_scheme_delimeter = END_GUIDE.removeprefix("### ")
    # nbgrader expects them in task cells alone; ours stand in written answers.
    c.ClearMarkScheme.enforce_metadata = False
    c.Autograde.exclude_overwriting = _students_modules()
    c.Autograde.exporter_class = f"{_ROOM}.exporter.HandInExporter"
    steps = [f"nbgrader.preprocessors.{name}" for name in _AUTOGRADE]
    c.Autograde.autograde_preprocessors = [f"{_ROOM}.scores.Scores", *steps]
    c.AssignLatePenalties.plugin_class = "autograder.nbgrader_bridge.gradebook.late.LatePenalty"
    c.ExportApp.plugin_class = "autograder.nbgrader_bridge.gradebook.late.GradesCsv"
    c.ExchangeFactory.release_feedback = "autograder.nbgrader_bridge.exchange.ReleaseFeedback"
    # Points that people give after the autograde step are late as well: see `gradebook/late.py`.
    c.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.GetGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    c.HTMLExporter.preprocessors = [f"{_ROOM}.notebooks.safe_pages.SafePages"]
    pages = f"{_ROOM}.notebooks.safe_pages"
    c.HTMLExporter.filters = {"markdown2html": f"{pages}.safe_markdown", "highlight_code": f"{pages}.safe_code"}


def _students_modules() -> dict[str, list[str]]:
    """The files of a hand-in, by exercise, that nbgrader must not replace by the released ones, as it does with all."""
    course = course_folder()
    return {
        name: [f"exercise_code/{name}/{path.name}" for path in solution_sources(name, course)]
        for name in course_ids(course)
    }


def refuse_leaks(assignment: str, **_: Any) -> None:
    """Nothing; ends nbgrader, and removes the release, when it holds what no student may get."""
    from ..authoring.leaks import find_leaks

    folder = Path.cwd() / "release" / assignment
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if leaks := find_leaks(files, course_folder()):
        shutil.rmtree(folder)
        # nbgrader lets a hook fail in silence; only an exit is heard.
        raise SystemExit(f"the release of {assignment} was removed, it held answers: {leaks[0]}")
