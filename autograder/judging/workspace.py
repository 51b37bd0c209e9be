"""A zip or folder, made into the workspace that a sandboxed child may read."""

import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from exercise_code.common.exercise import PACKAGE, Exercise, load_exercise
from exercise_code.common.hand_ins.hand_in import HandIn, HandInError, Note, open_handin

from ..base.errors import AutograderError
from ..sources.variants import reference, strip_markers
from .job import Earlier

__all__ = ["Inventory", "lay_out_earlier", "make_base", "open_submission", "reference_submission"]


@dataclass(frozen=True)
class Inventory:
    """The files of a folder that nobody but us may change, with their sizes and times when it was made."""

    folder: Path
    files: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, folder: Path) -> "Inventory":
        """What is in the folder now."""
        return cls(folder, {str(path): _state(path) for path in folder.rglob("*") if path.is_file()})

    def check(self) -> None:
        """Nothing; an `AutograderError` when a file is gone or another one than before."""
        for name, state in self.files.items():
            try:
                same = _state(Path(name)) == state
            except OSError:
                same = False
            if not same:
                raise AutograderError(
                    f"{name} is gone or changed while a hand-in was graded: see what cleans or fills "
                    f"{self.folder.parent}, or name another folder for temporary files in TMPDIR"
                )


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def open_submission(
    path: Path,
    exercise: Exercise,
    twins: tuple[str, ...],
    into: Path,
    grade_ids: Mapping[str, Collection[str]] | None = None,
) -> HandIn:
    """The checked hand-in at `path`, unpacked into the new folder `into` and completed with the given files.

    Notebooks of other names are found by the `grade_ids` of each. Raises `HandInError` with the reason when the
    hand-in is refused.
    """
    hand_in = open_handin(path, exercise, into, twins, grade_ids)
    target = into / "exercise_code" / exercise.id
    target.mkdir(parents=True, exist_ok=True)
    _copy_given(exercise, twins, target)
    (into / "models").mkdir(exist_ok=True)
    return hand_in


def reference_submission(exercise: Exercise, twins: tuple[str, ...], scratch: Path) -> HandIn:
    """The reference solution, which takes the same path as every hand-in."""
    return open_submission(reference(exercise, scratch / "reference-tree"), exercise, twins, scratch / "reference")


def make_base(exercise: Exercise, course: Path, into: Path) -> Path:
    """A folder with the given `exercise_code`, and the reference of earlier, already released exercises."""
    package = into / "exercise_code"
    shutil.copytree(PACKAGE / "common", package / "common", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE / "__init__.py", package)
    for earlier in exercise.earlier:
        folder = package / earlier
        solution = course / earlier / "solution"
        given = exercise.folder.parent / earlier
        shutil.copytree(given, folder, ignore=shutil.ignore_patterns("__pycache__", "test_*.py", "models"))
        for module in solution.glob("*.py"):
            (folder / module.name).write_text(strip_markers(module.read_text(encoding="utf-8")), encoding="utf-8")
    return into


def lay_out_earlier(works: Sequence[Earlier], exercise: Exercise, base: Path, hand_in: Path) -> list[Note]:
    """What is said of it, after a student's own modules of earlier exercises were put into the unpacked `hand_in`.

    There they come before the reference's in `base`. Where a student has none, the reference counts.
    """
    notes = []
    for work in works:
        earlier = load_exercise(work.exercise, exercise.folder.parent)
        if work.path is None:
            notes.append(Note(None, f"no hand-in of {earlier.id}: the course's own modules of it were used"))
            continue
        with tempfile.TemporaryDirectory(dir=hand_in.parent, prefix="earlier-") as room:
            try:
                found = open_handin(work.path, earlier, Path(room) / "handin", earlier.modules)
            except HandInError as error:
                reason = f"the hand-in of {earlier.id} was refused ({error})"
                notes.append(Note(None, f"{reason}: the course's own modules of it were used"))
                continue
            target = hand_in / "exercise_code" / earlier.id
            shutil.copytree(base / "exercise_code" / earlier.id, target)
            for path in found.package.glob("*.py"):
                shutil.copy(path, target / path.name)
        notes.append(Note(None, f"graded with the student's own modules of {earlier.id}"))
    return notes


def _copy_given(exercise: Exercise, twins: tuple[str, ...], target: Path) -> None:
    for path in exercise.folder.iterdir():
        if path.is_file() and path.stem not in twins and not path.name.startswith("test_"):
            shutil.copy(path, target / path.name)
