"""Where a student works: the notebook that runs, its folder, and the copy of the course that both belong to.

What folders are called says nothing: people unpack a course wherever they like. The package that Python imported
knows its own copy of the course, and the frontend tells the kernel which notebook it runs.
"""

import os
from pathlib import Path

from . import exercise as exercises
from .checks.report import shell
from .errors import CourseError
from .exercise import Exercise, exercise_ids, load_exercise

__all__ = ["assignment_folder", "course_root", "exercise_here", "notebook_file", "working_folder"]

_RESTART = "restart the kernel (Kernel, then Restart Kernel) and run the notebook from its first cell"


def course_root(exercise: Exercise) -> Path:
    """The folder that holds the exercise's `exercise_code`."""
    return exercise.folder.parents[1]


def notebook_file() -> Path | None:
    """The file of the notebook that this kernel runs, where the frontend says so; None elsewhere."""
    running = shell()
    if running is None:
        # A program that a notebook starts inherits its environment, and is no notebook.
        return None
    names = [running.user_ns.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")]
    for name in names:
        # A notebook that was renamed since has no file under this name any more.
        if isinstance(name, str) and name.endswith(".ipynb") and Path(name).is_absolute() and Path(name).is_file():
            return Path(name).resolve()
    return None


def working_folder() -> Path:
    """The current folder; a `CourseError` where it, or the package itself, has been removed under the kernel."""
    try:
        here = Path.cwd()
    except OSError:
        raise CourseError(f"the folder in which this kernel runs is gone, or was unpacked anew: {_RESTART}") from None
    if not exercise_ids():
        raise CourseError(
            f"expected the course's package in {exercises.PACKAGE}, found no exercise there: "
            f"if the folder was moved or unpacked anew, {_RESTART}"
        )
    return here


def exercise_here() -> Exercise | None:
    """The exercise to which the running notebook, or else the current folder, belongs; None elsewhere."""
    folder, notebook = _place()
    known = [load_exercise(name) for name in exercise_ids()]
    root = exercises.PACKAGE.parent
    inside = folder.relative_to(root).parts if folder.is_relative_to(root) else ()
    by_folder = [one for one in known if one.id in inside]
    if by_folder:
        return by_folder[0]
    if notebook is not None:
        found = [one for one in known if notebook.stem in one.all_notebooks]
    else:
        found = [one for one in known if _holds_notebooks(folder, one)]
    # Notebooks of two exercises may share a name.
    named = [one for one in found if one.id == folder.name] if len(found) > 1 else found
    return named[0] if named else None


def assignment_folder(exercise: Exercise) -> Path:
    """The folder with the exercise's notebooks and `models`: the running notebook's, else the course's own.

    A `CourseError` names both copies where the notebook lies in another copy of the course than the package.
    """
    folder, _ = _place()
    root = course_root(exercise)
    tree = _tree(folder)
    if tree is not None and tree != root.resolve():
        raise CourseError(
            f"the notebook belongs to the copy of the course in {tree}, but Python imported exercise_code from "
            f"{root}: start JupyterLab with `make lab` in {tree}, or run `pip install --editable .` there, "
            f"then restart the kernel"
        )
    own = root / "exercises" / exercise.id
    others = [root / "exercises" / name for name in exercise_ids(exercise.folder.parent) if name != exercise.id]
    if _holds_notebooks(folder, exercise) and not any(folder.is_relative_to(other.resolve()) for other in others):
        return folder
    if own.is_dir():
        return own
    return root if _holds_notebooks(root, exercise) else folder


def _place() -> tuple[Path, Path | None]:
    """The running notebook's folder and its file, else the current folder and None."""
    here = working_folder()
    notebook = notebook_file()
    return (notebook.parent if notebook else here.resolve()), notebook


def _holds_notebooks(folder: Path, exercise: Exercise) -> bool:
    return any((folder / f"{name}.ipynb").is_file() for name in exercise.all_notebooks)


def _tree(folder: Path) -> Path | None:
    """The nearest folder, from `folder` upwards, that holds the course's package."""
    for place in (folder, *folder.parents):
        if (place / "exercise_code" / "__init__.py").is_file():
            return place
    return None
