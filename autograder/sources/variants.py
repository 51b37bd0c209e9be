"""Hand-ins made from an exercise's own sources: reference, untouched stubs, known right and wrong answers."""

from __future__ import annotations

import ast
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autograder.base.errors import AutograderError
from autograder.base.validation import in_words
from autograder.sources.course import course_folder, solution_sources, tests_in
from autograder.sources.weights import HparamEdit, ModelEdit, check_edit, edit_hparams, edit_weights
from exercise_code.common.exercise import PACKAGE, Exercise, load_exercise

__all__ = [
    "Answer",
    "RightAnswer",
    "Sources",
    "TestName",
    "WrongAnswer",
    "apply",
    "known_tests",
    "reference",
    "right_answers",
    "sources",
    "strip_markers",
    "untouched",
    "with_module",
    "wrong_answers",
]

_ROOT = PACKAGE.parent
_MARKER = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)


_A = TypeVar("_A", bound="Answer")


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


class Answer(BaseModel):
    """A hand-in that is the reference with a few edits: what is common to right and wrong answers."""

    model_config = _STRICT

    kind: ClassVar[str]

    exercise: str
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    about: str = Field(min_length=1)
    edit: tuple[_CodeEdit, ...] = ()
    model_edit: tuple[ModelEdit, ...] = ()
    hparam_edit: tuple[HparamEdit, ...] = ()


class RightAnswer(Answer):
    """One entry of `right.toml`: the solution in other words, which earns every automatic point too."""

    kind = "right"


class WrongAnswer(Answer):
    """One entry of `wrong.toml`: edits of the reference, and exactly the tests that then fail.

    Among these is a visible test, so that a student whose checks are green keeps the points; `unseen` says why not.
    """

    kind = "wrong"

    fails: tuple[str, ...] = Field(min_length=1)
    unseen: str = ""


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
    answers = _answers(src, WrongAnswer)
    known = known_tests(src) if answers else {}
    for answer in answers:
        where = f"{_path(src, answer)}: {answer.name}"
        _all_different(where, answer.fails, "tests in `fails`")
        for name in answer.fails:
            if name not in known:
                raise AutograderError(
                    f"{where}: expected names of tests in `fails`, got {name!r}: no test has this name"
                )
    return answers


def right_answers(exercise: str | Exercise | Sources) -> list[RightAnswer]:
    """The right answers in other words, checked against the solution; none without `right.toml`."""
    return _answers(sources(exercise), RightAnswer)


def apply(answer: Answer, into: Path, exercise: Exercise | Sources | None = None) -> Path:
    """`into`, filled with the edited reference; `exercise` says where that is, if not in this repository."""
    src = sources(exercise or answer.exercise)
    where = f"{_path(src, answer)}: {answer.name}"
    reference(src, into)
    for file, text in _edited_modules(src, where, answer).items():
        (_package_folder(src, into) / file).write_text(strip_markers(text), encoding="utf-8")
    if src.exercise.model is not None:
        weights = into / "models" / f"{src.exercise.model.files[0]}.safetensors"
        if answer.model_edit:
            edit_weights(where, weights, answer.model_edit, answer.name)
        if answer.hparam_edit:
            edit_hparams(where, weights.with_suffix(".json"), answer.hparam_edit)
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


def _path(src: Sources, answer: Answer | type[Answer]) -> Path:
    return src.course / f"{answer.kind}.toml"


def _answers(src: Sources, model: type[_A]) -> list[_A]:
    path, kind = _path(src, model), model.kind
    if not path.exists():
        return []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AutograderError(f"{path}: expected a TOML file, got {error}: mend the file") from error
    entries = table.get(kind)
    if set(table) != {kind} or not isinstance(entries, list):
        raise AutograderError(f"{path}: expected [[{kind}]] entries and nothing else, got {sorted(table) or 'nothing'}")
    answers = [_parse(src, model, number, entry) for number, entry in enumerate(entries, start=1)]
    _all_different(path, [answer.name for answer in answers], "names")
    for answer in answers:
        _check(src, f"{path}: {answer.name}", answer)
    return answers


def _parse(src: Sources, model: type[_A], number: int, entry: Any) -> _A:
    path, kind = _path(src, model), model.kind
    name = entry.get("name", number) if isinstance(entry, dict) else number
    if not isinstance(entry, dict) or "exercise" in entry:
        raise AutograderError(f"{path}: {name}: expected a [[{kind}]] table without the key 'exercise'")
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    try:
        return model.model_validate({**lists, "exercise": src.id})
    except ValidationError as error:
        raise AutograderError(f"{path}: {name}: {in_words(error, model)}") from error


def _all_different(where: object, names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise AutograderError(f"{where}: expected {what} that differ, got {name!r} twice: remove one")
        seen.add(name)


def _check(src: Sources, where: str, answer: Answer) -> None:
    if not (answer.edit or answer.model_edit or answer.hparam_edit):
        raise AutograderError(f"{where}: expected at least one edit, got none: add [[{answer.kind}.edit]]")
    if src.exercise.model is None and (answer.model_edit or answer.hparam_edit):
        raise AutograderError(f"{where}: expected code edits only: {src.id} hands in no model")
    _edited_modules(src, where, answer)
    for edit in answer.model_edit:
        check_edit(where, edit)


def _edited_modules(src: Sources, where: str, answer: Answer) -> dict[str, str]:
    texts: dict[str, str] = {}
    for edit in answer.edit:
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
