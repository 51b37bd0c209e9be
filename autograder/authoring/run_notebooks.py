"""The notebooks, run from top to bottom with the reference's code and weights, in a tree of their own."""

import ast
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exercise_code.common.exercise import load_exercise
from exercise_code.common.hand_ins.student_id import ID_FILE

from ..base.errors import AutograderError
from ..sources.layout import ROOT, course_folder, course_ids, notebook_sources, solution_sources
from ..sources.variants import STUDENTS
from .notebooks import serialise, solved_notebook, stub_of

__all__ = ["NotebookRun", "make_tree", "notebooks_command", "run_notebook", "run_notebooks"]

CELL_SECONDS = 1800
# What each report of a `check` cell says, asked of the kernel after the last cell.
_ASK_REPORTS = "{n: bool(r.passed) for n, r in Out.items() if hasattr(r, 'grade_id')}"


@dataclass(frozen=True)
class NotebookRun:
    """What became of one notebook: seconds, problems (a line each), and the notebook with its outputs."""

    exercise: str
    name: str
    seconds: float
    problems: tuple[str, ...]
    notebook: Any

    @property
    def ok(self) -> bool:
        """True when every cell ran and every check passed."""
        return not self.problems


def make_tree(
    into: Path,
    exercises: Collection[str] | None = None,
    *,
    course: Path | None = None,
    root: Path = ROOT,
    untouched: Collection[str] = (),
) -> Path:
    """The folder `into`, filled like the project's root: notebooks and modules solved, trained weights.

    `untouched` names modules that stay stubs, such as `ex03_dataloader/dataloader`. Modules are solved in all
    exercises, as earlier ones may be imported; notebooks are written for `exercises` (all by default).
    """
    course = course or course_folder()
    skip = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(root / "exercise_code", into / "exercise_code", ignore=skip, dirs_exist_ok=True)
    for name in ("README.md", "registry.toml"):
        if (root / "datasets" / name).is_file():
            (into / "datasets").mkdir(exist_ok=True)
            shutil.copy(root / "datasets" / name, into / "datasets" / name)
    for exercise in course_ids(course):
        for path in solution_sources(exercise, course):
            text = path.read_text(encoding="utf-8")
            if f"{exercise}/{path.stem}" in untouched:
                text = stub_of(path, exercise, course)
            (into / "exercise_code" / exercise / path.name).write_text(text, encoding="utf-8")
        if exercises is None or exercise in exercises:
            folder = into / "exercises" / exercise
            folder.mkdir(parents=True, exist_ok=True)
            for path in notebook_sources(exercise, course):
                notebook = solved_notebook(exercise, path.stem, course)
                (folder / f"{path.stem}.ipynb").write_bytes(serialise(notebook))
            put_weights(exercise, folder, course)
        package = into / "exercise_code" / exercise
        if load_exercise(exercise, root / "exercise_code").personal:
            (package / ID_FILE).write_text(f"{STUDENTS[0]}\n", encoding="utf-8")
    return into


def put_weights(exercise: str, folder: Path, course: Path) -> None:
    """The reference's trained weights in the `models` folder beside the notebooks, where it has any."""
    weights = course / exercise / "solution" / "models"
    if weights.is_dir():
        shutil.copytree(weights, folder / "models", dirs_exist_ok=True)


def run_notebook(
    tree: Path, exercise: str, name: str, *, max_steps: int | None = None, course: Path | None = None
) -> NotebookRun:
    """What becomes of a notebook of a tree from `make_tree`, run in a kernel that sees that tree only.

    With `max_steps` training stops after so many steps; the reference's weights are then put back before each
    graded cell, as the score is a matter of `make notebooks`.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    folder = tree / "exercises" / exercise
    source = course or course_folder()
    notebook: Any = nbformat.read(folder / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]

    def before_cell(cell: Any, cell_index: int) -> None:  # noqa: ARG001 - nbclient names its arguments
        if max_steps is not None and _is_checks(cell):
            put_weights(exercise, folder, source)

    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=before_cell,
        coalesce_streams=True,
        # Warnings of the kernel's own would be mixed into the command's output.
        extra_arguments=["--Application.log_level=ERROR"],
    )
    problems: list[str] = []
    start = time.perf_counter()
    with client.setup_kernel(env=_environment(tree, max_steps)):
        try:
            for index, cell in enumerate(notebook.cells):
                client.execute_cell(cell, index)
            passed = _ask(client)
            problems += _check_problems(notebook, passed)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            problems.append(f"{_place(notebook)}: {_describe(error)}")
    seconds = time.perf_counter() - start
    return NotebookRun(exercise, name, seconds, tuple(problems), notebook)


def run_notebooks(
    tree: Path, exercises: Sequence[str], *, max_steps: int | None = None, course: Path | None = None
) -> Iterator[NotebookRun]:
    """What becomes of each notebook of the exercises, in order; one finds what those before it left."""
    for exercise in exercises:
        for path in notebook_sources(exercise, course or course_folder()):
            yield run_notebook(tree, exercise, path.stem, max_steps=max_steps, course=course)


def _environment(tree: Path, max_steps: int | None) -> dict[str, str]:
    environment = {**os.environ}
    environment.setdefault("DATASETS_SOURCE", "embedded")
    # Before site-packages, so that the tree's package is found and not the installed project's.
    environment["PYTHONPATH"] = str(tree)
    environment["IPYTHONDIR"] = str(tree / ".ipython")
    environment.pop("COURSE_MAX_STEPS", None)
    if max_steps is not None:
        environment["COURSE_MAX_STEPS"] = str(max_steps)
    return environment


def _is_checks(cell: Any) -> bool:
    return cell.cell_type == "code" and bool(cell.metadata.get("nbgrader", {}).get("grade"))


def _ask(client: Any) -> dict[int, bool]:
    """Which reports say that all passed, by their cells' execution counts."""
    from nbformat.v4 import new_code_cell

    cell = new_code_cell(_ASK_REPORTS)  # type: ignore[no-untyped-call]
    client.nb.cells.append(cell)
    client.execute_cell(cell, len(client.nb.cells) - 1, store_history=True)
    client.nb.cells.pop()
    table: dict[int, bool] = ast.literal_eval(cell.outputs[-1]["data"]["text/plain"])
    return table


def _check_problems(notebook: Any, passed: dict[int, bool]) -> Iterator[str]:
    for cell in notebook.cells:
        if not _is_checks(cell):
            continue
        name = cell.metadata.nbgrader.grade_id
        errors = [output.text for output in cell.outputs if output.get("name") == "stderr"]
        if errors:
            yield f"{name}: expected nothing on stderr (nbgrader scores that 0), got {errors[0][:200]!r}"
        if not passed.get(cell.execution_count, False):
            shown = [output.data.get("text/plain", "") for output in cell.outputs if "data" in output]
            yield f"{name}: expected that all checks pass, got {' '.join(shown) or 'no report'}"


def _place(notebook: Any) -> str:
    """The last code cell that was begun, by its number and first line."""
    begun = [i for i, cell in enumerate(notebook.cells) if cell.get("execution_count") or cell.get("outputs")]
    index = begun[-1] if begun else 0
    return f"cell {index + 1} ({notebook.cells[index].source.splitlines()[0][:60]})"


def _describe(error: Any) -> str:
    """What a cell raised, in one line, or what became of the kernel."""
    if hasattr(error, "ename"):
        return f"{error.ename}: {error.evalue}"
    return str(error).strip().splitlines()[0]


def notebooks_command(exercises: Sequence[str] = (), out: Path | None = None) -> int:
    """0 when every notebook runs in full length; prints seconds and problems, writes pages to `out`."""
    ids = list(exercises) or course_ids()
    for exercise in ids:
        notebook_sources(exercise, course_folder())
    failed = 0
    with tempfile.TemporaryDirectory(prefix="notebooks-") as folder:
        tree = make_tree(Path(folder), ids)
        for run in run_notebooks(tree, ids):
            verdict = "ok" if run.ok else "FAILED"
            print(f"{run.exercise}/{run.name}: {run.seconds:.0f} s, {verdict}", flush=True)
            for problem in run.problems:
                print(f"  {problem}", flush=True)
            failed += not run.ok
            if out is not None:
                _write_pages(run, out)
    return 1 if failed else 0


def _write_pages(run: NotebookRun, out: Path) -> None:
    from nbconvert import HTMLExporter

    try:
        folder = out / run.exercise
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{run.name}.ipynb").write_bytes(serialise(run.notebook))
        page, _ = HTMLExporter().from_notebook_node(run.notebook)  # type: ignore[no-untyped-call]
        (folder / f"{run.name}.html").write_text(page, encoding="utf-8")
    except OSError as error:
        message = f"expected a folder to write notebooks into, got {out} ({error}): name another one"
        raise AutograderError(message) from None
