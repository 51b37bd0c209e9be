"""`submit`: writes the zip to hand in, and looks at it as the grader will."""

import os
import platform
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..archives.zips import zip_bytes
from ..checks.report import Display
from ..course_tree import assignment_folder, course_root, exercise_here, notebook_file
from ..errors import CourseError
from ..exercise import Exercise, exercise_ids, load_exercise
from ..hand_ins.hand_in import VERSIONS, HandIn, Rules, open_handin
from .clean_check import CleanCheck, check_clean
from .collection import Collection, collect
from .given import Given, read_given
from .imports import unknown_imports
from .models import judge_models, saving_cell
from .notebooks import GradedCell, graded_cells
from .older_python import MINIMUM, too_new
from .points import Standing, standing
from .report import SubmitReport
from .unsaved import saved_at, unsaved, watch_cells
from .versions import versions_text

__all__ = ["SubmitReport", "submit"]

# A notebook imports `submit` in its first cell: from there on it is known which cells were run, and when.
watch_cells()


def submit(exercise: str | None = None) -> SubmitReport:
    """A report on the zip to hand in, which is written beside the notebooks.

    The zip is unpacked by the grader's rules into a clean folder, completed with the files that the course gave out,
    and the visible checks run there in a fresh Python: nothing that only this computer knows can count. An incomplete
    hand-in is written too, and the report says what is missing.
    """
    found = _find(exercise)
    folder = assignment_folder(found)
    given = read_given(course_root(found), found.id)
    collection = collect(found, folder, given)
    if not collection.sources:
        raise CourseError(
            f"expected notebooks of {found.id} in {folder} and modules in {found.folder}, found neither: "
            f"run submit from the exercise's notebook"
        )
    path = folder / f"{found.id}.zip"
    _write_zip(path, collection)
    display = Display(f"Checking {path.name}")
    with tempfile.TemporaryDirectory(prefix="submit-", ignore_cleanup_errors=True) as name:
        room = Path(name).resolve()
        handin = open_handin(path, found, room / "handin")
        checked = check_clean(found, handin, given, room / "clean", display)
        state = _standing(found, handin, given, checked)
        faults, notes = judge_models(found, handin)
        faults += unknown_imports(_modules(handin), found.package, _left_behind(found, handin))
        warnings = [*_unsaved(handin, folder), *_newer(handin), *notes]
    report = SubmitReport(
        path=path,
        handin=handin,
        outcomes=checked.outcomes,
        standing=state,
        missing=(*_missing(handin, collection, folder), *_unanswered(state, folder)),
        problems=(*collection.problems, *handin.problems, *faults),
        left_out=tuple(collection.left_out),
        warnings=tuple(warnings),
        size=path.stat().st_size,
        on_hub=bool(os.environ.get("JUPYTERHUB_USER")) and folder == course_root(found),
    )
    display.finish(report)
    return report


def _find(exercise: object) -> Exercise:
    if isinstance(exercise, str):
        return load_exercise(exercise)
    here = exercise_here() if exercise is None else None
    if here is None:
        known = ", ".join(exercise_ids()) or "none"
        raise CourseError(f"expected the id of an exercise, got {exercise!r}: known are {known}")
    return here


def _write_zip(path: Path, collection: Collection) -> None:
    files = {name: source.read_bytes() for name, source in collection.sources.items()}
    files[VERSIONS] = versions_text().encode()
    part = path.with_suffix(".part")
    try:
        part.write_bytes(zip_bytes(files, level=6))
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CourseError(
            f"could not write {path}: {error.strerror or error}; close what has it open, or make room on the disk"
        ) from None


def _standing(exercise: Exercise, handin: HandIn, given: Given | None, checked: CleanCheck) -> Standing:
    """Points and answers: of the cells that were given out, as the handed-in notebooks answer them."""
    read = [cell for name in handin.notebooks for cell in graded_cells(name, handin.folder / f"{name}.ipynb")]
    cells: list[GradedCell] = read
    if given is not None:
        answered = {cell.grade_id for cell in read if cell.answered}
        cells = [GradedCell(**{**vars(cell), "answered": cell.grade_id in answered}) for cell in given.cells]
    return standing(cells, checked.outcomes, checked.weights, exercise.pass_points)


def _modules(handin: HandIn) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(handin.package.glob("*.py"))}


def _left_behind(exercise: Exercise, handin: HandIn) -> set[str]:
    """Names of modules and folders in the student's package that are neither handed in nor given."""
    there = {path.stem for path in exercise.folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    ours = {*Rules(exercise).given, "__init__", "conftest", exercise.visible_tests.stem}
    return there - ours - {*handin.modules, *handin.extra_modules}


def _missing(handin: HandIn, collection: Collection, folder: Path) -> Iterator[str]:
    for name in handin.missing:
        if any(problem.startswith(f"{name} is left out") for problem in collection.problems):
            continue
        if name.startswith("models/"):
            place = saving_cell(Path(name).stem, folder)
            yield f"{name}: train the model, then run {place or 'the cell that saves it'}"
        elif name.endswith(".ipynb"):
            yield f"{name}: expected in {folder}"
        else:
            yield f"{name}: restore the file from the course and fill it in"


def _unanswered(state: Standing, folder: Path) -> Iterator[str]:
    for cell in state.open:
        path = folder / f"{cell.notebook}.ipynb"
        if path.is_file():
            yield (
                f"an answer to “{cell.title}” (`{cell.grade_id}`) in {path.name}, as saved at {saved_at(path)}: "
                f"write it into the question's own cell, save (Ctrl+S), and submit again"
            )


def _unsaved(handin: HandIn, folder: Path) -> Iterator[str]:
    notebook = notebook_file()
    if notebook is not None and notebook.parent == folder.resolve() and notebook.stem in handin.notebooks:
        yield from unsaved(notebook)


def _newer(handin: HandIn) -> Iterator[str]:
    """What the course's oldest Python, and so perhaps the grader's, cannot run."""
    lines = [f"{name}, line {line}: {why}" for name, data in _modules(handin).items() for line, why in too_new(data)]
    if lines:
        oldest = ".".join(map(str, MINIMUM))
        yield (
            f"you use Python {platform.python_version()}, and the grader may have {oldest}, the oldest of this course. "
            f"There this would fail: {'; '.join(lines)}. New methods and arguments cannot be seen this way"
        )
