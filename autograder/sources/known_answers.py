"""Known wrong answers and right ones in other words: `wrong.toml` and `right.toml`."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from exercise_code.common.exercise import Exercise

from ..base.errors import AutograderError
from ..base.validation import in_words
from .exercise import Sources, known_tests, sources
from .variants import package_folder, reference, strip_markers
from .weights import HparamEdit, ModelEdit, check_edit, edit_hparams, edit_weights

__all__ = ["Answer", "RightAnswer", "WrongAnswer", "apply", "right_answers", "wrong_answers"]
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)


_A = TypeVar("_A", bound="Answer")


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
        (package_folder(src, into) / file).write_text(strip_markers(text), encoding="utf-8")
    if src.exercise.model is not None:
        weights = into / "models" / f"{src.exercise.model.files[0]}.safetensors"
        if answer.model_edit:
            edit_weights(where, weights, answer.model_edit, answer.name)
        if answer.hparam_edit:
            edit_hparams(where, weights.with_suffix(".json"), answer.hparam_edit)
    return into


def _path(src: Sources, answer: Answer | type[Answer]) -> Path:
    return src.course / f"{answer.kind}.toml"


def _answers(src: Sources, model: type[_A]) -> list[_A]:
    path, kind = _path(src, model), model.kind
    if not path.exists():
        return []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AutograderError(f"{path}: expected a TOML file, got {error}: fix the file") from error
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
