"""Given code that holds an answer under other names stops the bundle."""

import json
from pathlib import Path

import pytest
from demo_course import EXERCISE, DemoCourse, make_demo_course

from autograder.authoring.bundle import bundle
from autograder.authoring.copies import find_copies
from autograder.base.errors import AutograderError
from autograder.sources.solved import solved_functions

SOLUTION = '''
import numpy as np
from torch.nn import functional as F


def centred(values: np.ndarray) -> np.ndarray:
    """The values less their mean."""
    ### TASK centring
    ### BEGIN SOLUTION
    mean = np.mean(values)
    return values - mean
    ### END SOLUTION


class Scaling:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, image):
        image = image.astype(float)
        ### BEGIN SOLUTION
        total: float = 0
        for row in image:
            total += F.relu(row * self.factor).sum()
        ### END SOLUTION
        return total


def short(values):
    ### BEGIN SOLUTION
    return len(values.paths)
    ### END SOLUTION


def formula(a, b):
    ### BEGIN SOLUTION
    return ((a - b) ** 2).mean()
    ### END SOLUTION
'''
# Each with the name that is found, or none.
GIVEN = {
    "renamed": ("import numpy\ndef f(x):\n m = numpy.mean(x)\n return x - m", "centred"),
    "explained": ("import numpy as n\ndef f(x: int) -> int:\n 'Why.'\n m: int = n.mean(x)\n return x - m", "centred"),
    "name imported": ("from numpy import mean\ndef f(x):\n m = mean(x)\n return x - m", "centred"),
    "method": ("import numpy\nclass A:\n def f(self, x):\n  m = numpy.mean(x)\n  return x - m", "centred"),
    "nested": ("import numpy\ndef g():\n def f(x):\n  m = numpy.mean(x)\n  return x - m\n return f", "centred"),
    "other order": ("def f(b, a):\n return ((a - b) ** 2).mean()", "formula"),
    "lambda": ("f = lambda p, q: ((p - q) ** 2).mean()", "formula"),
    "block alone": (
        "import torch.nn.functional as G\ndef f(self, x):\n s = 0\n for r in x:\n  s += G.relu(r * self.factor).sum()",
        "Scaling.__call__",
    ),
    "other function": ("import numpy\ndef f(x):\n m = numpy.median(x)\n return x - m", ""),
    "other constant": ("def f(a, b):\n return ((a - b) ** 3).mean()", ""),
    "swapped": ("import numpy\ndef f(x):\n m = numpy.mean(x)\n return m - x", ""),
    "short": ("def f(self):\n return len(self.paths)", ""),
    "no Python": ("def f(:", ""),
}


@pytest.fixture
def course(tmp_path: Path) -> Path:
    solution = tmp_path / "course" / "ex91_small" / "solution"
    solution.mkdir(parents=True)
    (solution / "module.py").write_text(SOLUTION, encoding="utf-8")
    (solution.parent / "1_first.py").write_text(
        '# %% role="solution"\n### BEGIN SOLUTION\ndef doubled(x):\n    y = x + x\n    return y\n### END SOLUTION\n'
    )
    return tmp_path / "course"


@pytest.mark.parametrize("case", GIVEN)
def test_an_answer_is_found_whatever_its_names(course, case):
    text, name = GIVEN[case]
    found = find_copies({"exercise_code/common/a.py": text.encode()}, course)
    assert [line.split(" is ")[1] for line in found] == (
        [f"{name} of ex91_small/module.py, which students write, under other names"] if name else []
    )
    cells = [
        {"cell_type": "code", "source": f"%matplotlib inline\n{text}"},
        {"cell_type": "code", "source": "no (code"},
    ]
    in_notebook = find_copies({"a.ipynb": json.dumps({"cells": cells}).encode()}, course)
    assert len(in_notebook) == len(found)
    assert find_copies({"a.py": text.encode()}, course, ["ex91_small"]) == []


def test_an_answer_of_a_notebook_is_found(course):
    (found,) = find_copies({"a.py": b"class A:\n    def twice(z):\n        s = z + z\n        return s\n"}, course)
    assert found.startswith("a.py, line 2: twice is doubled of ex91_small/1_first.py")


@pytest.mark.parametrize("file", ["__init__.py", "notebook", "common"])
def test_a_renamed_copy_stops_the_bundle(tmp_path, file):
    demo: DemoCourse = make_demo_course(tmp_path / "project")
    assert bundle(EXERCISE, tmp_path, course=demo.course, root=demo.root).is_file()
    copied = "class Sums:\n    def of_two(self, first, second):\n        s = first + second\n        return s\n"
    if file == "notebook":
        demo.edit(demo.sources / "1_first.py", "NUMBERS = [1, 2, 3]", f"NUMBERS = [1, 2, 3]\n{copied}")
    else:
        folder = demo.root / "exercise_code" / "common" if file == "common" else demo.package
        (folder / (file if file == "__init__.py" else "sums.py")).write_text(copied, encoding="utf-8")
    with pytest.raises(AutograderError, match=r"of_two is add of ex90_demo/adding\.py, which students write"):
        bundle(EXERCISE, tmp_path, course=demo.course, root=demo.root)


def test_what_students_write_is_found_with_its_tasks():
    found = {each.name: each for each in solved_functions(SOLUTION)}
    assert list(found) == ["centred", "Scaling.__call__", "short", "formula"]
    assert found["centred"].tasks == ("centring",) and found["short"].tasks == ()
    (region,) = found["Scaling.__call__"].regions
    assert [type(node).__name__ for node in region] == ["AnnAssign", "For"]
    methods = "class A:\n    def f(self):\n        return 1\n"
    inside = f"### BEGIN SOLUTION\n{methods}### END SOLUTION\n{methods.replace('A', 'B')}"
    assert [each.name for each in solved_functions(inside)] == ["A.f"]
