"""Hand-ins made from an exercise's own sources: reference, untouched stubs, known wrong answers."""

from __future__ import annotations

import ast
import json
import re
import shutil
import tomllib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from autograder.base.errors import AutograderError
from autograder.sources import course_folder, solution_sources, tests_in
from exercise_code.common.exercise import PACKAGE, Exercise, load_exercise

__all__ = [
    "Sources",
    "TestName",
    "WrongAnswer",
    "apply",
    "known_tests",
    "reference",
    "sources",
    "strip_markers",
    "untouched",
    "with_module",
    "wrong_answers",
]

_ROOT = PACKAGE.parent
_MARKER = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True)
class Sources:
    """Where an exercise's parts lie: its private room, its public package and its generated notebooks."""

    exercise: Exercise
    course: Path
    notebooks: Path

    @property
    def id(self) -> str:
        return self.exercise.id

    @property
    def solution(self) -> Path:
        return self.course / "solution"

    @property
    def twins(self) -> tuple[str, ...]:
        """The students' modules: names of those with a solved twin."""
        return tuple(path.name for path in solution_sources(self.id, self.course.parent))


@dataclass(frozen=True)
class TestName:
    """A graded test as its file declares it."""

    __test__ = False  # for pytest, which would collect it

    name: str
    grade_id: str
    visible: bool


class _CodeEdit(BaseModel):
    model_config = _STRICT

    file: str
    find: str = Field(min_length=1)
    replace: str


class _ModelEdit(BaseModel):
    model_config = _STRICT

    op: Literal["scale", "fill", "noise", "rename", "reshape", "add"]
    key: str
    value: float | None = None
    new_key: str | None = None
    shape: list[Annotated[int, Field(ge=0)]] | None = None


class _HparamEdit(BaseModel):
    model_config = _STRICT

    key: str
    value: Any


class WrongAnswer(BaseModel):
    """One entry of `wrong.toml`: edits of the reference, and exactly the tests that then fail."""

    model_config = _STRICT

    exercise: str
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    about: str = Field(min_length=1)
    fails: tuple[str, ...] = Field(min_length=1)
    edit: tuple[_CodeEdit, ...] = ()
    model_edit: tuple[_ModelEdit, ...] = ()
    hparam_edit: tuple[_HparamEdit, ...] = ()


def sources(exercise: str | Exercise | Sources) -> Sources:
    """The folders of an exercise; `AUTOGRADER_COURSE` may name another copy of `autograder/course`."""
    if isinstance(exercise, Sources):
        return exercise
    found = exercise if isinstance(exercise, Exercise) else load_exercise(exercise)
    course = course_folder() / found.id
    if not course.is_dir():
        raise AutograderError(
            f"expected the private sources of {found.id} in {course}, found none: "
            "set AUTOGRADER_COURSE to the folder that holds them"
        )
    return Sources(found, course, _ROOT / "exercises" / found.id)


def known_tests(exercise: str | Exercise | Sources) -> dict[str, TestName]:
    """The graded tests by name, visible ones first, read from the files without running them."""
    src = sources(exercise)
    found: dict[str, TestName] = {}
    for path, visible in ((src.exercise.visible_tests, True), (src.course / "test_hidden.py", False)):
        if not path.is_file():
            raise AutograderError(f"expected a file of tests at {path}, found none: write it")
        for name, grade_id, _ in tests_in(path):
            if name in found:
                raise AutograderError(f"{path}: expected test names that differ, got {name} twice: rename one")
            found[name] = TestName(name, grade_id, visible)
    return found


def reference(exercise: str | Exercise | Sources, into: Path) -> Path:
    """`into`, filled with the hand-in that earns every automatic point: solved modules, trained model."""
    src = sources(exercise)
    _new_folder(into)
    package = _package_folder(src, into)
    for name in src.twins:
        text = (src.solution / name).read_text(encoding="utf-8")
        (package / name).write_text(strip_markers(text), encoding="utf-8")
    for path in _model_files(src):
        if not path.is_file():
            raise AutograderError(f"expected the trained reference in {path}, found none: run `make train`")
        (into / "models").mkdir(exist_ok=True)
        shutil.copyfile(path, into / "models" / path.name)
    _copy_notebooks(src, into)
    return into


def untouched(exercise: str | Exercise | Sources, into: Path) -> Path:
    """`into`, filled with the hand-in of somebody who did nothing: released notebooks and stubs, no model."""
    src = sources(exercise)
    _new_folder(into)
    package = _package_folder(src, into)
    for name in src.twins:
        stub = src.exercise.folder / name
        if not stub.is_file():
            raise AutograderError(f"expected the generated stub {stub}, found none: run `make build`")
        shutil.copyfile(stub, package / name)
    _copy_notebooks(src, into)
    return into


def with_module(base: Path, exercise: str | Exercise | Sources, file: str, text: str, into: Path) -> Path:
    """`into`, a copy of the hand-in `base` with another text in one of its modules, markers removed."""
    shutil.copytree(base, into)
    module = into / "exercise_code" / sources(exercise).id / file
    if not module.is_file():
        raise AutograderError(f"expected a module of the hand-in, got {file!r}: there is no {module}")
    module.write_text(strip_markers(text), encoding="utf-8")
    return into


def wrong_answers(exercise: str | Exercise | Sources) -> list[WrongAnswer]:
    """The wrong answers of an exercise, checked against its solution and tests; none without `wrong.toml`."""
    src = sources(exercise)
    path = src.course / "wrong.toml"
    if not path.exists():
        return []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AutograderError(f"{path}: expected a TOML file, got {error}: mend the file") from error
    entries = table.get("wrong")
    if set(table) != {"wrong"} or not isinstance(entries, list):
        raise AutograderError(f"{path}: expected [[wrong]] entries and nothing else, got {sorted(table) or 'nothing'}")
    answers = [_parse(src, path, number, entry) for number, entry in enumerate(entries, start=1)]
    _all_different(path, [answer.name for answer in answers], "names")
    known = known_tests(src)
    for answer in answers:
        _check(src, f"{path}: {answer.name}", answer, known)
    return answers


def apply(wrong: WrongAnswer, into: Path, exercise: Exercise | Sources | None = None) -> Path:
    """`into`, filled with the edited reference; `exercise` says where that is, if not in this repository."""
    src = sources(exercise or wrong.exercise)
    where = f"{src.course / 'wrong.toml'}: {wrong.name}"
    reference(src, into)
    for file, text in _edited_modules(src, where, wrong).items():
        (_package_folder(src, into) / file).write_text(strip_markers(text), encoding="utf-8")
    if src.exercise.model is not None:
        weights = into / "models" / f"{src.exercise.model.files[0]}.safetensors"
        if wrong.model_edit:
            _edit_weights(where, weights, wrong)
        if wrong.hparam_edit:
            _edit_hparams(where, weights.with_suffix(".json"), wrong.hparam_edit)
    return into


def strip_markers(text: str) -> str:
    """The module's text without the lines that mark solutions."""
    return _MARKER.sub("", text)


def _new_folder(into: Path) -> None:
    if into.exists() and any(into.iterdir()):
        raise AutograderError(f"expected a new or empty folder for the hand-in, got {into}, which has files in it")
    into.mkdir(parents=True, exist_ok=True)


def _package_folder(src: Sources, into: Path) -> Path:
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


def _parse(src: Sources, path: Path, number: int, entry: Any) -> WrongAnswer:
    name = entry.get("name", number) if isinstance(entry, dict) else number
    if not isinstance(entry, dict) or "exercise" in entry:
        raise AutograderError(f"{path}: {name}: expected a [[wrong]] table without the key 'exercise'")
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    try:
        return WrongAnswer.model_validate({**lists, "exercise": src.id})
    except ValidationError as error:
        detail = error.errors()[0]
        where = ".".join(str(part) for part in detail["loc"])
        raise AutograderError(f"{path}: {name}: {where}: {detail['msg']}, got {detail['input']!r}") from error


def _all_different(where: object, names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise AutograderError(f"{where}: expected {what} that differ, got {name!r} twice: remove one")
        seen.add(name)


def _check(src: Sources, where: str, wrong: WrongAnswer, known: dict[str, TestName]) -> None:
    _all_different(where, wrong.fails, "tests in `fails`")
    for name in wrong.fails:
        if name not in known:
            raise AutograderError(f"{where}: expected names of tests in `fails`, got {name!r}: no test has this name")
    if not (wrong.edit or wrong.model_edit or wrong.hparam_edit):
        raise AutograderError(f"{where}: expected at least one edit, got none: add [[wrong.edit]]")
    model = src.exercise.model
    if model is None and (wrong.model_edit or wrong.hparam_edit):
        raise AutograderError(f"{where}: expected code edits only: {src.id} hands in no model")
    _edited_modules(src, where, wrong)
    for edit in wrong.model_edit:
        _check_model_edit(where, edit)


def _edited_modules(src: Sources, where: str, wrong: WrongAnswer) -> dict[str, str]:
    texts: dict[str, str] = {}
    for edit in wrong.edit:
        if edit.file not in src.twins:
            raise AutograderError(f"{where}: expected one of the modules {', '.join(src.twins)}, got {edit.file!r}")
        text = texts.get(edit.file) or (src.solution / edit.file).read_text(encoding="utf-8")
        times = text.count(edit.find)
        if times != 1:
            raise AutograderError(
                f"{where}: expected `find` to match exactly once in {edit.file}, it matches {times} times: "
                f"{edit.find!r}"
            )
        if edit.find == edit.replace:
            raise AutograderError(f"{where}: expected `replace` to differ from `find`, got {edit.find!r} twice")
        texts[edit.file] = text.replace(edit.find, edit.replace)
    for file, text in texts.items():
        try:
            ast.parse(text)
        except SyntaxError as error:
            raise AutograderError(f"{where}: expected Python code after the edit of {file}, got {error.msg}") from error
    return texts


def _check_model_edit(where: str, edit: _ModelEdit) -> None:
    needs = {
        "scale": "value",
        "fill": "value",
        "noise": "value",
        "rename": "new_key",
        "reshape": "shape",
        "add": "shape",
    }
    given = {name for name in ("value", "new_key", "shape") if getattr(edit, name) is not None}
    if given != {needs[edit.op]}:
        raise AutograderError(
            f"{where}: expected exactly `{needs[edit.op]}` beside op = {edit.op!r}, "
            f"got {', '.join(sorted(given)) or 'nothing'}"
        )


def _edit_weights(where: str, path: Path, wrong: WrongAnswer) -> None:
    try:
        tensors = load_file(path)
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
    except (SafetensorError, KeyError, TypeError) as error:
        raise AutograderError(
            f"{where}: expected float tensors that numpy knows in {path.name}, got {error}"
        ) from error
    for edit in wrong.model_edit:
        if (edit.key in tensors) is (edit.op == "add"):
            raise AutograderError(
                f"{where}: op = {edit.op!r} expected a key {'not yet' if edit.op == 'add' else 'that is'} in "
                f"{path.name}, got {edit.key!r}: it holds {', '.join(sorted(tensors))}"
            )
        tensors = _edited_tensors(where, tensors, edit, wrong.name)
    save_file(tensors, path, metadata)


def _edited_tensors(where: str, tensors: dict[str, Any], edit: _ModelEdit, name: str) -> dict[str, Any]:
    if edit.op == "add":
        return {**tensors, edit.key: np.zeros(edit.shape or [], np.float32)}
    if edit.op == "rename":
        return {edit.new_key if key == edit.key else key: tensor for key, tensor in tensors.items()}  # type: ignore[misc]
    tensor = tensors[edit.key]
    if edit.op == "reshape":
        try:
            return {**tensors, edit.key: np.ascontiguousarray(tensor.reshape(edit.shape))}
        except ValueError as error:
            raise AutograderError(f"{where}: {edit.key}: {error}: give a shape of {tensor.size} items") from error
    value = edit.value or 0.0
    if edit.op == "noise":
        rng = np.random.default_rng(zlib.crc32(f"{name}:{edit.key}".encode()))
        changed = tensor + rng.normal(0.0, value, tensor.shape)
    elif edit.op == "scale":
        changed = tensor * value
    else:
        changed = np.full(tensor.shape, value)
    return {**tensors, edit.key: np.asarray(changed, tensor.dtype)}


def _edit_hparams(where: str, path: Path, edits: Iterable[_HparamEdit]) -> None:
    hparams = json.loads(path.read_text(encoding="utf-8"))
    for edit in edits:
        if edit.key not in hparams:
            raise AutograderError(
                f"{where}: expected a key of {path.name}, got {edit.key!r}: it has {', '.join(sorted(hparams))}"
            )
        hparams[edit.key] = edit.value
    path.write_text(json.dumps(hparams, indent=2) + "\n", encoding="utf-8")
