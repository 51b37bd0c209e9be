"""The examples of docs/more_kinds.md do what the page says."""

import re
import sys
import tomllib
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_hunt

from exercise_code.common.exercise import Exercise
from exercise_code.common.probing.cases import Case, cases_of
from exercise_code.common.probing.failures import Failure
from exercise_code.common.probing.running import bank_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "more_kinds.md"
EARLIER, VISIBLE, HIDDEN, HUNT = re.findall(r"```\w+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_keys_of_exercise_toml_are_known() -> None:
    found = Exercise("ex91_net", Path(), **tomllib.loads(EARLIER))
    assert found.earlier == ["ex90_relu"]


def test_the_hunt_is_the_one_that_is_tested() -> None:
    assert HUNT == test_hunt.HUNT


@pytest.fixture
def cases(monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """The page's tests, visible and hidden."""
    modules = {}
    for name, text in (("test_visible", VISIBLE), ("test_hidden", HIDDEN)):
        module = modules[name] = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, f"exercise_code.ex90_relu.{name}", module)
        exec(text, vars(module))
    monkeypatch.setitem(sys.modules, "exercise_code.ex90_relu", types.ModuleType("ex90_relu"))
    return [case for name, module in modules.items() for case in cases_of(module, Path(name), True)]


def _passed(cases: list[Case], examples: Any) -> list[bool]:
    layers = types.SimpleNamespace(relu=lambda x: np.maximum(x, 0))
    code = types.SimpleNamespace(layers=layers, examples=types.SimpleNamespace(relu_examples=lambda: examples))

    def observe(probe: Any, *inputs: Any) -> Any:
        return probe(code, *inputs)

    fixtures = {"observe": observe, "bank": bank_of(observe)}
    passed = []
    for case in cases:
        try:
            case.function(**{name: fixtures[name] for name in case.fixtures})
            passed.append(True)
        except Failure:
            passed.append(False)
    return passed


@pytest.mark.parametrize(
    ("examples", "passed"),
    [
        ([{"x": [-1, 2], "value": [0, 2]}], [True, True]),
        ([{"x": [3, 2], "value": [3, 2]}], [True, False]),
        ([{"x": [-1, 2], "value": [1, 2]}], [True, False]),
        ([{"x": [-1, 2]}], [False, False]),
    ],
    ids=["right", "catch nothing", "contradict the reference", "of another form"],
)
def test_examples_earn_what_they_catch(cases: list[Case], examples: Any, passed: list[bool]) -> None:
    assert _passed(cases, examples) == passed
