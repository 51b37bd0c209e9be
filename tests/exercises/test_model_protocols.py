"""What a model exercise has to bring, and what is said where it does not."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.authoring.recipe import load_recipe
from autograder.base.errors import AutograderError
from autograder.sources.exercise import sources
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import exercise_ids, load_exercise
from exercise_code.common.probing.scores import load_scoring

WITH_MODEL = [name for name in exercise_ids() if load_exercise(name).model is not None]


@pytest.mark.parametrize("exercise", WITH_MODEL)
def test_each_model_exercise_has_both(exercise: str) -> None:
    assert callable(load_scoring(load_exercise(exercise)).predict)
    model = load_exercise(exercise).model
    assert model is not None
    assert load_recipe(sources(load_exercise(exercise))).NAME in model.files


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "ex97_protocol"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for name in ("exercise_code.ex97_protocol", "exercise_code.ex97_protocol.scoring"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr("exercise_code.__path__", [str(tmp_path)], raising=False)
    return folder


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (None, r"expected scoring\.py in "),
        ("predict = print\n", "expected evaluation_set in "),
        ("predict = 3\n", "expected evaluation_set and predict in "),
    ],
)
def test_what_scoring_lacks_is_named(package: Path, text: str | None, missing: str) -> None:
    if text is not None:
        (package / "scoring.py").write_text(text)
    with pytest.raises(CourseError, match=missing):
        load_scoring(replace(load_exercise("ex03_dataloader"), id=package.name, folder=package))


def test_an_import_that_scoring_itself_lacks_is_not_hidden(package: Path) -> None:
    (package / "scoring.py").write_text("import no_such_library\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        load_scoring(replace(load_exercise("ex03_dataloader"), id=package.name, folder=package))


def test_what_a_recipe_lacks_is_named(tmp_path: Path) -> None:
    source = replace(sources(load_exercise("ex03_dataloader")), course=tmp_path)
    with pytest.raises(AutograderError, match="expected a training recipe at "):
        load_recipe(source)
    (tmp_path / "reference.py").write_text("NAME = 'x'\n")
    with pytest.raises(AutograderError, match="expected fit in "):
        load_recipe(source)
