"""A failure that may come from other versions is told as such, and a stranger's text is not repeated."""

import json
from pathlib import Path

import pytest
from demo_course import EXERCISE, POINTS

from autograder.base.settings import Settings
from autograder.fleet.local import Fleet
from autograder.judging.job import Job
from autograder.judging.remarks import version_gap
from autograder.judging.result import TestResult
from autograder.sources.variants import reference
from exercise_code.common.exercise import load_exercise
from exercise_code.common.hand_ins.hand_in import VERSIONS

OURS = {"python": "3.11.7", "numpy": "2.1.0", "torch": "2.11.0+cpu"}


def failed(raised="SyntaxError", passed=False):
    return TestResult(name="test_a", title="A.", visible=True, passed=passed, raised=raised)


def notes(tmp_path, said, *tests):
    (tmp_path / VERSIONS).write_text(said if isinstance(said, str) else json.dumps(said))
    return version_gap(tmp_path, tests or [failed()], OURS)


def test_another_python_is_named(tmp_path):
    (note,) = notes(tmp_path, {"python": "3.13.1", "packages": {"numpy": "2.4.2", "torch": "3.0.0"}})
    assert note.startswith("written with Python 3.13, graded with 3.11; with torch 3.0, graded with 2.11: a failure")


@pytest.mark.parametrize(
    ("said", "test"),
    [
        ({"python": "3.11.2", "packages": {"numpy": "2.9"}}, failed()),
        ({"python": "3.13.1"}, failed("ValueError")),
        ({"python": "3.13.1"}, failed(passed=True)),
        ({"python": "<b>3.13", "packages": {"numpy": "x.1", "torch": "9" * 99}}, failed()),
        ({"packages": {"python": "9.9", "unknown": "1"}}, failed()),
        ({"packages": 3}, failed()),
        ("[1", failed()),
        ("[" * 9000, failed()),
        ("[]", failed()),
    ],
)
def test_nothing_is_said_without_a_gap_that_could_tell(tmp_path, said, test):
    assert notes(tmp_path, said, test) == []


def test_a_hand_in_without_versions_has_no_note(tmp_path):
    assert version_gap(tmp_path, [failed()], OURS) == []


def test_a_result_says_that_a_failure_may_come_from_the_version(small_course, tmp_path):
    exercise = load_exercise(EXERCISE)
    tree: Path = reference(exercise, tmp_path / "tree")
    (tree / VERSIONS).write_text('{"python": "3.99.0", "packages": {}}')
    module = tree / "exercise_code" / exercise.id / "multiplying.py"
    module.write_text("from itertools import no_such_name\n" + module.read_text())
    with Fleet(exercise.id, Settings(), 1) as fleet:
        ((_, result),) = fleet.grade([Job("u0042", tree)])
    assert 0 < result.score < POINTS
    assert any(note.text.startswith("written with Python 3.99, graded with 3.") for note in result.notes)
