"""A small exercise for tests: two notebooks, two modules, a written question; it needs no data and grades at once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import exercise_code
from autograder.authoring.build import build, write
from exercise_code.common import exercise as exercises

ROOT = Path(__file__).resolve().parents[2]
EXERCISE, LATER = "ex90_demo", "ex91_later"
# What tests give; a person gives 20 more.
POINTS = 80.0
COPIED = ("LICENSE", "constraints.txt", "environment.yml", "pyproject.toml")

FIRST = """\
# %% [markdown]
# # Adding
#
# What is $a + b$?

# %%
# %load_ext autoreload
# %autoreload 3
from exercise_code import check

# %% role="readonly"
NUMBERS = [1, 2, 3]

# %% role="solution"
### BEGIN SOLUTION
total_of_all_numbers = sum(NUMBERS)
### END SOLUTION
total_of_all_numbers

# %% role="checks" grade_id="demo_add" points=40
check("demo_add")

# %% [markdown]
# Twice the same text.

# %% [markdown]
# Twice the same text.

# %% [markdown] role="written" grade_id="demo_why" points=20
# **Question.** Why does the order not matter?
#
# ### BEGIN SOLUTION
# Because addition commutes, and "quotes" \\\\ survive.
# ### END SOLUTION
#
# ### BEGIN MARKING GUIDE
# 20 points for naming the commutative law.
# ### END MARKING GUIDE
"""

SECOND = """\
# %% [markdown]
# # Multiplying

# %%
from exercise_code import check

# %% role="checks" grade_id="demo_multiply" points=30
check("demo_multiply")

# %% role="checks" grade_id="demo_square" points=10
check("demo_square")
"""

ADDING = '''\
"""Sums."""


def add(a, b):
    """The sum of two numbers."""
    ### BEGIN SOLUTION
    the_sum_of_both_numbers = a + b
    return the_sum_of_both_numbers
    ### END SOLUTION
'''

MULTIPLYING = '''\
"""Products."""


class Multiplier:
    """Multiplies by a factor."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        """The product of `x` and the factor."""
        ### BEGIN SOLUTION
        product_with_factor = self.factor * x
        return product_with_factor
        ### END SOLUTION


def square(x):
    """The product of `x` with itself."""
    ### BEGIN SOLUTION
    return Multiplier(x)(x)
    ### END SOLUTION
'''

VISIBLE = '''\
"""Visible tests."""

from exercise_code.common.testing import assert_same, grade


def add_two(code, a, b):
    return code.adding.add(a, b)


def multiply(code, factor, x):
    return code.multiplying.Multiplier(factor)(x)


def square(code, x):
    return code.multiplying.square(x)


@grade("demo_add")
def test_two_and_three_make_five(observe):
    """The sum of 2 and 3 is 5."""
    assert_same(observe(add_two, 2, 3), 5, hint="use +")


@grade("demo_multiply")
def test_two_times_three_make_six(observe):
    """The product of 2 and 3 is 6."""
    assert_same(observe(multiply, 2, 3), 6)


@grade("demo_square")
def test_the_square_of_three_is_nine(observe):
    """The square of 3 is 9."""
    assert_same(observe(square, 3), 9)
'''

HIDDEN = '''\
"""Hidden tests."""

from exercise_code.common.testing import assert_same, grade
from exercise_code.ex90_demo.test_visible import add_two, multiply


@grade("demo_add")
def test_negative_numbers_add_up_as_well(observe):
    """Negative numbers are added like others."""
    assert_same(observe(add_two, -2, -3), -5)


@grade("demo_multiply", writable=True)
def test_any_number_is_multiplied(observe, reference, rng):
    """Numbers that nobody knows are multiplied as well."""
    x = int(rng.integers(3, 1000))
    assert_same(observe(multiply, 7, x), reference(multiply, 7, x))
'''

WRONG = """\
[[wrong]]
name = "adds"
about = "the factor is added"
fails = ["test_two_times_three_make_six", "test_the_square_of_three_is_nine", "test_any_number_is_multiplied"]
[[wrong.edit]]
file = "multiplying.py"
find = "self.factor * x"
replace = "self.factor + x"

[[wrong]]
name = "forgets"
about = "the square forgets its number"
fails = ["test_the_square_of_three_is_nine"]
[[wrong.edit]]
file = "multiplying.py"
find = "return Multiplier(x)(x)"
replace = "return Multiplier(x)"

[[wrong]]
name = "elsewhere"
about = "the sum is a difference"
fails = ["test_two_and_three_make_five", "test_negative_numbers_add_up_as_well"]
[[wrong.edit]]
file = "adding.py"
find = "a + b"
replace = "a - b"
"""

TOML = """\
title = "A demo"
minutes = 5
imports = ["numpy"]
notebooks = ["1_first"]
optional = ["2_second"]
modules = ["adding", "multiplying"]
"""


@dataclass(frozen=True)
class DemoCourse:
    """A project's root with one exercise in it."""

    root: Path
    exercise: str = EXERCISE

    @property
    def course(self) -> Path:
        return self.root / "autograder" / "course"

    @property
    def sources(self) -> Path:
        return self.course / self.exercise

    @property
    def package(self) -> Path:
        return self.root / "exercise_code" / self.exercise

    def autograder(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        """The command, run in the course's folder by a process of its own."""
        command = [sys.executable, "-m", "autograder", *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "200", **self.environment}
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)

    @property
    def environment(self) -> dict[str, str]:
        """What tells processes to use this course."""
        return {"PYTHONPATH": f"{self.root}{os.pathsep}{ROOT}", "AUTOGRADER_COURSE": str(self.course)}

    def edit(self, path: Path, old: str, new: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, (path, old)
        path.write_text(text.replace(old, new), encoding="utf-8")


def copy_of_the_package(root: Path) -> Path:
    """`root`, with the students' package in it and no exercise."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "exercise_code" / "common", root / "exercise_code" / "common", ignore=ignored)
    shutil.copy(ROOT / "exercise_code" / "__init__.py", root / "exercise_code")
    return root


def make_demo_course(root: Path) -> DemoCourse:
    """The course in a new folder, with the project's own `exercise_code/common`; nothing is built."""
    demo = DemoCourse(root)
    files = {
        demo.sources / "1_first.py": FIRST,
        demo.sources / "2_second.py": SECOND,
        demo.sources / "solution" / "adding.py": ADDING,
        demo.sources / "solution" / "multiplying.py": MULTIPLYING,
        demo.sources / "test_hidden.py": HIDDEN,
        demo.package / "__init__.py": '"""The demo."""\n',
        demo.package / "exercise.toml": TOML,
        demo.package / "test_visible.py": VISIBLE,
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    copy_of_the_package(root)
    for name in ("exercise_code/conftest.py", *COPIED):
        shutil.copy(ROOT / name, root / name)
    (root / "datasets").mkdir()
    for name in ("README.md", "registry.toml"):
        (root / "datasets" / name).write_text("", encoding="utf-8")
    return demo


@contextmanager
def in_place_of_the_course(root: Path) -> Iterator[DemoCourse]:
    """The course, built, with its known mistakes: the only one here and in all processes that are started meanwhile."""
    demo = make_demo_course(root)
    (demo.sources / "wrong.toml").write_text(WRONG, encoding="utf-8")
    write(build(demo.course, root), root)
    package = root / "exercise_code"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercises, "PACKAGE", package)
        patch.setattr(exercise_code, "__path__", [*exercise_code.__path__, str(package)])
        patch.setattr(sys, "path", [str(root), *sys.path])
        for name, value in demo.environment.items():
            patch.setenv(name, value)
        patch.chdir(root)
        yield demo
    for name in [name for name in sys.modules if name.startswith(f"exercise_code.{EXERCISE}")]:
        del sys.modules[name]


def add_later_exercise(demo: DemoCourse) -> None:
    """A second exercise that imports a module of the first."""
    files = {
        demo.course / LATER / "1_more.py": (
            '# %% role="checks" grade_id="later_double" points=100\ncheck("later_double")\n'
        ),
        demo.course / LATER / "solution" / "doubling.py": (
            "from exercise_code.ex90_demo.adding import add\n\n\n"
            'def double(x):\n    """Twice x."""\n    ### BEGIN SOLUTION\n'
            "    twice_the_number = add(x, x)\n    return twice_the_number\n    ### END SOLUTION\n"
        ),
        demo.root / "exercise_code" / LATER / "__init__.py": "",
        demo.root / "exercise_code" / LATER / "exercise.toml": (
            f'title = "Later"\nminutes = 5\nnotebooks = ["1_more"]\nmodules = ["doubling"]\nearlier = ["{EXERCISE}"]\n'
        ),
        demo.root / "exercise_code" / LATER / "test_visible.py": (
            "from exercise_code.common.testing import assert_same, grade\n\n\n"
            "def double(code, x):\n    return code.doubling.double(x)\n\n\n"
            '@grade("later_double")\ndef test_twice_four(observe):\n    """Twice 4 is 8."""\n'
            "    assert_same(observe(double, 4), 8)\n"
        ),
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
