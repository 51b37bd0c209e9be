"""A small exercise of its own in a folder, whole and correct, for tests that then break it."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from autograder.sources.exercise import Sources
from exercise_code.common.exercise import load_exercise

EXERCISE = "ex77_tiny"
POINTS = {"totals": 60.0, "windows": 40.0}

EXERCISE_TOML = """\
title = "Sums"
minutes = 5
notebooks = ["1_sums"]
modules = ["sums"]
"""

MODEL_TOML = """
[model]
files = ["line"]
max_parameters = 100
max_size_mb = 1
metric = "accuracy"
grade_id = "line_score"
digits = 2
dataset = "none"

[[model.steps]]
name = "passes"
score = { embedded = 0.5 }
share = 1.0
"""

SOLUTION = '''\
"""Sums."""


def running_total(values):
    """The running totals, a list."""
    ### BEGIN SOLUTION
    totals, total = [], 0
    for value in values:
        total += value
        totals.append(total)
    return totals
    ### END SOLUTION


def windows(values, size):
    """All windows of this size, a list of lists."""
    ### BEGIN SOLUTION
    return [values[start : start + size] for start in range(len(values) - size + 1)]
    ### END SOLUTION
'''

STUB = '''\
"""Sums."""


def running_total(values):
    """The running totals, a list."""
    # YOUR CODE HERE
    raise NotImplementedError()


def windows(values, size):
    """All windows of this size, a list of lists."""
    # YOUR CODE HERE
    raise NotImplementedError()
'''

VISIBLE = '''\
from exercise_code.common.testing import assert_same, grade


def totals(code, values):
    return code.sums.running_total(values)


@grade("totals")
def test_totals(observe):
    """The total so far stands at each place."""
    assert_same(observe(totals, [3, 4, -2]), [3, 7, 5])


def cut(code, values, size):
    return code.sums.windows(values, size)


@grade("windows")
def test_windows(observe):
    """Windows overlap."""
    assert_same(observe(cut, [1, 2, 3, 4], 2), [[1, 2], [2, 3], [3, 4]])
'''

HIDDEN = '''\
from exercise_code.common.testing import assert_same, grade


def totals(code, values):
    return code.sums.running_total(values)


@grade("totals")
def test_totals_of_random_values(observe, reference, rng):
    """The total so far stands at each place, for any values."""
    values = [int(value) for value in rng.integers(1, 99, 20)]
    assert_same(observe(totals, values), reference(totals, values))
'''

WRONG = """\
[[wrong]]
name = "last_window_lost"
about = "the last window is missing"
fails = ["test_windows"]
[[wrong.edit]]
file = "sums.py"
find = "range(len(values) - size + 1)"
replace = "range(len(values) - size)"

[[wrong]]
name = "total_starts_at_one"
about = "the total starts at one"
fails = ["test_totals", "test_totals_of_random_values"]
[[wrong.edit]]
file = "sums.py"
find = "totals, total = [], 0"
replace = "totals, total = [], 1"
"""

RIGHT = """\
[[right]]
name = "windows_by_loop"
about = "the windows are collected one by one"
[[right.edit]]
file = "sums.py"
find = "return [values[start : start + size] for start in range(len(values) - size + 1)]"
replace = '''
found = []
    for start in range(len(values) - size + 1):
        found.append(values[start : start + size])
    return found'''
"""


def make_tiny_course(root: Path, *, model: bool = False) -> Sources:
    """The sources of a small exercise under `root`; with `model`, a model is handed in, too."""
    package, course = root / "exercise_code" / EXERCISE, root / "course" / EXERCISE
    notebooks, solution = root / "exercises" / EXERCISE, root / "course" / EXERCISE / "solution"
    for folder in (package, solution / "models", notebooks):
        folder.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "exercise.toml").write_text(EXERCISE_TOML + (MODEL_TOML if model else ""))
    (package / "sums.py").write_text(STUB)
    (package / "test_visible.py").write_text(VISIBLE)
    (solution / "sums.py").write_text(SOLUTION)
    (course / "test_hidden.py").write_text(HIDDEN)
    (course / "wrong.toml").write_text(WRONG)
    (course / "right.toml").write_text(RIGHT)
    (notebooks / "1_sums.ipynb").write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4}))
    if model:
        tensors = {
            "head.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
            "head.bias": np.ones(2, np.float32),
        }
        save_file(tensors, solution / "models" / "line.safetensors", {"made_by": "test"})
        (solution / "models" / "line.json").write_text(json.dumps({"width": 3, "depth": 1}))
    return Sources(load_exercise(EXERCISE, package.parent), course, notebooks)
