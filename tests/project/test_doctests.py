"""The examples in docstrings show what comes out, and each metric has one."""

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from exercise_code.common.metrics.known import METRICS

ROOT = Path(__file__).resolve().parents[2]
FILES = [path for package in ("autograder", "exercise_code") for path in sorted((ROOT / package).rglob("*.py"))]
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in FILES
    if "course" not in path.parts and re.search(r">>> (?!.*\+SKIP)", path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_show_what_comes_out(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module), extraglobs={"np": np})
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_has_an_example_and_a_file_of_its_name(name: str) -> None:
    metric = METRICS[name]
    assert metric.name == name
    assert metric.__module__ == f"exercise_code.common.metrics.{name}"
    assert ">>> " in (metric.__doc__ or "") and metric.__name__ in (metric.__doc__ or "")
