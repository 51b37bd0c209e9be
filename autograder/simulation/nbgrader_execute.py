"""What nbgrader's own `Execute` gives a trusted hand-in, for comparison: it runs the notebooks beside the answers."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exercise_code.common.exercise import PACKAGE

from ..sources.cells import graded_cells, points_of
from ..sources.exercise import Sources
from . import trusted_check

__all__ = ["Executed", "execute_trusted"]


@dataclass(frozen=True)
class Executed:
    """Points of each graded code cell by grade id, and how long the notebooks ran."""

    points: dict[str, float]
    seconds: float

    @property
    def score(self) -> float:
        """All points together."""
        return round(sum(self.points.values()), 6)


def execute_trusted(source: Sources, hand_in: Path, tree: Path, checks_only: bool = False) -> Executed:
    """What the notebooks with graded tests earn, run in kernels in the new folder `tree`, without any walls.

    With `checks_only` of each notebook the set-up cell and the checks are run, and nothing between them.
    """
    import nbformat
    from nbgrader.preprocessors import Execute
    from nbgrader.utils import determine_grade, is_grade

    exercise = source.id
    shutil.copytree(PACKAGE, tree / "exercise_code", ignore=shutil.ignore_patterns("__pycache__"))
    _put_trusted_check(tree / "exercise_code")
    shutil.copytree(PACKAGE.parent / "datasets", tree / "datasets", ignore=shutil.ignore_patterns("cache", "*.zip"))
    # As in the judge: what the exercise builds on is the course's own.
    for name, solution in source.earlier_solutions.items():
        shutil.copytree(solution, tree / "exercise_code" / name, dirs_exist_ok=True)
    shutil.copytree(hand_in / "exercise_code" / exercise, tree / "exercise_code" / exercise, dirs_exist_ok=True)
    assignment = tree / "exercises" / exercise
    shutil.copytree(hand_in, assignment, ignore=shutil.ignore_patterns("exercise_code"))
    points: dict[str, float] = {}
    seconds = 0.0
    for name in sorted({c.notebook for c in graded_cells(exercise) if c.kind == "checks"}):
        notebook = nbformat.read(assignment / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
        if checks_only:
            code = [cell for cell in notebook.cells if cell.cell_type == "code"]
            # It may have cells before it, in which nothing of the course is used yet.
            setup = next(cell for cell in code if "from exercise_code" in cell.source)
            notebook.cells = [setup, *(cell for cell in code if is_grade(cell))]
        start = time.perf_counter()
        with _environment(source, tree):
            notebook, _ = Execute(timeout=300).preprocess(notebook, {"metadata": {"path": str(assignment)}})
        seconds += time.perf_counter() - start
        for cell in notebook.cells:
            if is_grade(cell) and cell.cell_type == "code":
                points[cell.metadata.nbgrader["grade_id"]] = float(determine_grade(cell)[0] or 0.0)
    return Executed(points, seconds)


def _put_trusted_check(package: Path) -> None:
    """`check` of this copy of the students' package runs the hidden tests, too, and gives points."""
    shutil.copy(Path(trusted_check.__file__), package / "common" / "trusted.py")
    names = package / "__init__.py"
    text = names.read_text(encoding="utf-8")
    ours = text.replace('"check": "checks.check"', '"check": "trusted"')
    if ours == text:
        raise ValueError("expected `check` in the table of exercise_code/__init__.py: correct this function")
    names.write_text(ours, encoding="utf-8")


@contextmanager
def _environment(source: Sources, tree: Path) -> Iterator[None]:
    """The environment that kernels get; nbgrader gives them this process's own."""
    before = dict(os.environ)
    os.environ |= {
        "NBGRADER_EXECUTION": "autograde",
        "AUTOGRADER_TRUSTED_HIDDEN": str(source.course / "test_hidden.py"),
        "AUTOGRADER_TRUSTED_SOLUTION": str(source.solution),
        "AUTOGRADER_TRUSTED_POINTS": json.dumps(points_of(source.id)),
        "PYTHONPATH": str(tree),
        "DATASETS_SOURCE": "embedded",
        "MPLBACKEND": "Agg",
        "IPYTHONDIR": str(tree / ".ipython"),
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before
