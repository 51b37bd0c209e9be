"""Tests that cannot be read end a run before anything is graded, with one line: the file, the line, the exception."""

import re
import sys
from types import SimpleNamespace

import pytest

from autograder.base.errors import AutograderError
from autograder.judging.collecting import fault_of, run_pytest
from autograder.judging.pytest_plugin import JudgePlugin

# To a judge's pytest, which has no settings, this is a warning; here warnings are errors.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnknownMarkWarning")

GOOD = '''\
from exercise_code.common.testing import grade


@grade("totals")
def test_one(observe):
    """Is there."""
'''


@pytest.fixture
def read(tmp_path, monkeypatch):
    """A function that has a judge's pytest read two files: what ended the run, None where they were served."""
    # A run sets it for good, and this process has other tests to come.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(hidden, serve=lambda items: None):
        # pytest takes a module of this name that is there.
        for name in ("test_visible", "test_hidden"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        visible, path = tmp_path / "test_visible.py", tmp_path / "test_hidden.py"
        visible.write_text(GOOD.replace("test_one", "test_two"))
        path.write_text(hidden)
        exercise = SimpleNamespace(id="ex77_tiny", model=None, package="exercise_code.ex77_tiny")
        plugin = JudgePlugin(SimpleNamespace(exercise=exercise, source=SimpleNamespace(course=tmp_path)), serve)
        run_pytest([visible, path], tmp_path, plugin)
        return plugin.fault

    return run


def test_tests_that_can_be_read_are_served(read):
    served = []
    assert read(GOOD, lambda items: served.extend(item.name for item in items)) is None
    assert served == ["test_two", "test_one"]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("import nothing_such\n" + GOOD, "test_hidden.py, line 1", "ModuleNotFoundError: No module named"),
        (GOOD + "\nfrom math import nothing\n", "test_hidden.py, line 8", "ImportError: cannot import name 'nothing'"),
        (GOOD + "\n\nLIMIT = limit * 2\n", "test_hidden.py, line 9", "NameError: name 'limit' is not defined"),
        (GOOD + "\ndef broken(:\n", "test_hidden.py, line 8", "SyntaxError: invalid syntax"),
        (GOOD + "\n\nint('x\\ny')\n", "test_hidden.py, line 9", "ValueError: invalid literal for int() with base 10"),
        # The fault is shown where the file asks for it, not deep in the library that says so.
        ("import json\n\njson.loads('{')\n" + GOOD, "test_hidden.py, line 3", "JSONDecodeError: Expecting property"),
        (GOOD + "\n\nraise SystemExit(3)\n", "test_hidden.py, line 9", "SystemExit: 3"),
        ("import pytest\n\npytest.importorskip('nothing_such')\n" + GOOD, "test_hidden.py, line 3", "never skipped"),
        (GOOD.replace('"totals"', ""), "test_hidden.py, line 4", "TypeError"),
    ],
)
def test_a_file_of_tests_that_cannot_be_read_is_one_line_with_its_place(read, capfd, tmp_path, text, place, said):
    served = []
    fault = read(text, served.append)
    assert isinstance(fault, AutograderError) and served == []
    assert f"{tmp_path}/{place}: " in str(fault) and said in str(fault) and "\n" not in str(fault)
    assert "INTERNALERROR" not in capfd.readouterr().err


def test_the_place_of_a_fault_in_a_helper_is_in_the_helper(read, tmp_path, monkeypatch):
    (tmp_path / "helper_of_tests.py").write_text("VALUE = 1\nVALUE.nothing\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert f"{tmp_path}/helper_of_tests.py, line 2: AttributeError" in str(read("import helper_of_tests\n" + GOOD))


def test_what_ends_a_run_is_kept_as_it_is(read, capfd):
    """A grade id that no cell has, or torch in the judge: pytest alone would say INTERNALERROR and a number."""
    fault = AutograderError("test_one counts for 'other'")

    def serve(items):
        raise fault

    assert read(GOOD, serve) is fault
    assert capfd.readouterr().err == ""


def test_a_file_of_tests_that_is_not_there_is_said(tmp_path):
    with pytest.raises(AutograderError, match=re.escape(f"expected a file of tests at {tmp_path / 'test_hidden.py'}")):
        run_pytest([tmp_path / "test_hidden.py"], tmp_path, object())


def test_an_exception_without_a_word_has_its_name(tmp_path):
    assert "test_hidden.py: KeyError: fix it" in str(fault_of(KeyError(), tmp_path / "test_hidden.py"))
