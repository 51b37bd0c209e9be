"""Hand-ins made from the sources: the reference, untouched stubs, and mixtures."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from exercise_code.common.exercise import Exercise
from exercise_code.common.hand_ins.student_id import ID_FILE

from ..base.errors import AutograderError
from .exercise import Sources, sources

__all__ = ["STUDENTS", "as_student", "package_folder", "reference", "strip_markers", "untouched", "with_module"]
# Who hands in what the project makes itself.
STUDENTS = ("u0001", "u0002")
_MARKER = re.compile(r"^[ \t]*### ((BEGIN|END) SOLUTION|TASK \S+)[ \t]*\n?", re.MULTILINE)


def reference(exercise: str | Exercise | Sources, into: Path, student: str = STUDENTS[0]) -> Path:
    """`into`, filled with the hand-in that earns every automatic point: solved modules, trained model.

    `student` is who hands it in, where numbers differ from student to student.
    """
    src = sources(exercise)
    _new_folder(into)
    package = package_folder(src, into)
    for name in src.twins:
        text = (src.solution / name).read_text(encoding="utf-8")
        (package / name).write_text(strip_markers(text), encoding="utf-8")
    for path in _model_files(src):
        if not path.is_file():
            raise AutograderError(f"expected the trained reference in {path}, found none: run `make train`")
        (into / "models").mkdir(exist_ok=True)
        shutil.copyfile(path, into / "models" / path.name)
    _copy_notebooks(src, into)
    _name(student, src, package)
    return into


def untouched(exercise: str | Exercise | Sources, into: Path) -> Path:
    """`into`, filled with the hand-in of somebody who did nothing: released notebooks and stubs, no model."""
    src = sources(exercise)
    _new_folder(into)
    package = package_folder(src, into)
    for name in src.twins:
        stub = src.exercise.folder / name
        if not stub.is_file():
            raise AutograderError(f"expected the generated stub {stub}, found none: run `make build`")
        shutil.copyfile(stub, package / name)
    _copy_notebooks(src, into)
    _name(STUDENTS[0], src, package)
    return into


def as_student(src: Sources, into: Path, student: str = STUDENTS[0]) -> Sources:
    """The sources with given code that knows who `student` is: copies in `into`, where numbers differ from student to
    student, else the sources as they are.

    For what runs the solution in this process: given code looks for the student's id beside itself.
    """
    if not src.exercise.personal:
        return src
    skip = shutil.ignore_patterns("__pycache__", ID_FILE)
    for name in (src.id, *src.exercise.earlier):
        shutil.copytree(src.exercise.folder.parent / name, into / name, ignore=skip)
    _name(student, src, into / src.id)
    return replace(src, exercise=replace(src.exercise, folder=into / src.id))


def _name(student: str, src: Sources, package: Path) -> None:
    if src.exercise.personal:
        (package / ID_FILE).write_text(f"{student}\n", encoding="utf-8")


def with_module(base: Path, exercise: str | Exercise | Sources, file: str, text: str, into: Path) -> Path:
    """`into`, a copy of the hand-in `base` with another text in one of its modules, markers removed."""
    shutil.copytree(base, into)
    module = into / "exercise_code" / sources(exercise).id / file
    if not module.is_file():
        raise AutograderError(f"expected a module of the hand-in, got {file!r}: there is no {module}")
    module.write_text(strip_markers(text), encoding="utf-8")
    return into


def strip_markers(text: str) -> str:
    """The module's text without the lines that mark solutions."""
    return _MARKER.sub("", text)


def _new_folder(into: Path) -> None:
    if into.exists() and any(into.iterdir()):
        raise AutograderError(f"expected a new or empty folder for the hand-in, got {into}, which has files in it")
    into.mkdir(parents=True, exist_ok=True)


def package_folder(src: Sources, into: Path) -> Path:
    if not src.twins:
        raise AutograderError(f"expected solved modules in {src.solution}, found none: write the solution first")
    package = into / "exercise_code" / src.id
    package.mkdir(parents=True, exist_ok=True)
    return package


def _model_files(src: Sources) -> Iterator[Path]:
    if src.exercise.model is not None:
        for name in src.exercise.model.files:
            yield src.solution / "models" / f"{name}.safetensors"
            yield src.solution / "models" / f"{name}.json"


def _copy_notebooks(src: Sources, into: Path) -> None:
    for path in sorted(src.notebooks.glob("*.ipynb")):
        shutil.copyfile(path, into / path.name)
