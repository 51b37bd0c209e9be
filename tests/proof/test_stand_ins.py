"""A given function that solves a task is found, whatever its name and place; an honest exercise has none."""

import io
import json

import pytest
from in_process_judge import InProcessJudge
from rich.console import Console
from tiny_course import POINTS, make_tiny_course

from autograder.base.errors import AutograderError
from autograder.proof.stand_ins import StandIn, try_given_code
from autograder.proof.verify import verify

# Each imports all given code there is.
pytestmark = pytest.mark.slow

PACKAGE = "exercise_code.ex77_tiny"
# It does what `running_total` does, in other words; `windows` has its arguments in another order.
LEAK = '''
def _accumulated(items):
    """Sums of the first items."""
    from itertools import accumulate

    return list(accumulate(items))


class Cutter:
    @staticmethod
    def pieces(size, values):
        return [values[i : i + size] for i in range(len(values) - size + 1)]

    def forever(self, values):
        while True:
            pass


def ends_it(values):
    raise SystemExit


def asks_the_student(values):
    from .sums import running_total

    return running_total(values)
'''
SCALE = '''

class Scale:
    def __init__(self, factor, shift):
        self.factor, self.shift = factor, shift

    def __call__(self, x):
        """The value, scaled and shifted."""
        ### TASK totals
        ### BEGIN SOLUTION
        return x * self.factor + self.shift
        ### END SOLUTION
'''
SCALED = '''

def scaled(code, x):
    return code.sums.Scale(3, 1)(x)


@grade("totals")
def test_scaled(observe):
    """Scaled by 3 and shifted by 1."""
    assert_same(observe(scaled, 5), 16)
'''


@pytest.fixture
def tiny(tmp_path):
    return make_tiny_course(tmp_path / "tiny")


def give(src, text):
    (src.exercise.folder / "helpers.py").write_text(text)


def test_an_honest_exercise_has_none(tiny):
    trials = try_given_code(tiny)
    assert trials.found == ()
    assert trials.tasks == ("totals", "windows")
    assert trials.functions > 300


def test_given_functions_that_solve_a_task_fail_the_proof(tiny):
    give(tiny, LEAK)
    judge = InProcessJudge(tiny, POINTS, cpu_seconds=2)
    report = verify(tiny, judge=judge, mutants=False, console=Console(file=io.StringIO()))
    (bad,) = [each for each in report.findings if not each.ok]
    assert bad.part == "given code"
    assert bad.detail == (
        f"{PACKAGE}.helpers._accumulated passes the checks of totals in the place of sums.running_total; "
        f"{PACKAGE}.helpers.Cutter.pieces passes the checks of windows in the place of sums.windows"
    )


def test_a_function_in_a_notebook_and_one_with_what_a_method_reads_are_found(tiny):
    for path, text in ((tiny.solution / "sums.py", SCALE), (tiny.exercise.visible_tests, SCALED)):
        path.write_text(path.read_text() + text)
    source = ["%matplotlib inline\n", "OFFSET = [0]\n", "def moved(z, a, b):\n", "    return z * a + b + OFFSET[0]\n"]
    cells = [{"cell_type": "code", "source": source}, {"cell_type": "code", "source": ["no (code"]}]
    (tiny.notebooks / "1_sums.ipynb").write_text(json.dumps({"cells": cells}))
    found = try_given_code(tiny).found
    assert found == (StandIn("totals", "sums.Scale.__call__", "1_sums.ipynb.moved"),)


def test_given_code_that_cannot_be_imported_is_named(tiny):
    give(tiny, "import nothing_like_it\n")
    with pytest.raises(AutograderError, match=r"the given code of ex77_tiny could not be tried: .*nothing_like_it"):
        try_given_code(tiny)
