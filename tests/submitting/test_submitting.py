"""`submit`: the zip that a student hands in, and what the report says of it."""

import json
import platform
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from exercise_code.common import exercise as exercises
from exercise_code.common.checks import check as checking
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import load_exercise
from exercise_code.common.hand_ins.hand_in import open_handin
from exercise_code.common.submitting import clean_check
from exercise_code.common.submitting import submit as submitting
from exercise_code.common.submitting.submit import submit

TESTS = '''
from exercise_code.common.testing import assert_same, grade

def doubled(code, x):
    return code.loader.double(x)

def constant(code):
    return code.given_file.NUMBER

@grade("tiny_double")
def test_doubles_a_number(observe):
    """A number is doubled."""
    assert_same(observe(doubled, 21), 42, hint="multiply by 2")

@grade("tiny_given")
def test_given_file(observe):
    """The given file is there."""
    assert_same(observe(constant), 7)
'''
MODEL = """
[model]
files = ["net"]
max_parameters = 1000
max_size_mb = 0.1
metric = "accuracy"
grade_id = "net_score"
digits = 2
dataset = "cifar10"

[[model.steps]]
name = "passes"
score = { embedded = 0.5, real = 0.5 }
share = 1.0
"""
GOOD = "def double(x):\n    return 2 * x\n"


def notebook(*cells):
    made = [{"cell_type": kind, "metadata": {}, "source": source, "outputs": []} for kind, source in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


@pytest.fixture(scope="session")
def common(tmp_path_factory, repo_root):
    folder = tmp_path_factory.mktemp("common") / "exercise_code"
    skip = shutil.ignore_patterns("ex[0-9]*", "__pycache__")
    shutil.copytree(repo_root / "exercise_code", folder, ignore=skip)
    return folder


@pytest.fixture
def course(tmp_path, monkeypatch, common):
    root = tmp_path / "course"
    shutil.copytree(common, root / "exercise_code")
    package = root / "exercise_code"
    folder = package / "ex98_tiny"
    folder.mkdir()
    (folder / "exercise.toml").write_text(
        'title = "Tiny"\nminutes = 5\nmodules = ["loader"]\ngiven = ["given_file"]\nnotebooks = ["1_tiny"]\n'
    )
    (folder / "__init__.py").write_text("")
    (folder / "given_file.py").write_text("NUMBER = 7\n")
    (folder / "test_visible.py").write_text(TESTS)
    (folder / "loader.py").write_text(GOOD)
    here = root / "exercises" / "ex98_tiny"
    here.mkdir(parents=True)
    (here / "1_tiny.ipynb").write_text(notebook(("markdown", "# Tiny"), ("code", "submit('ex98_tiny')")))
    monkeypatch.setattr(exercises, "PACKAGE", package)
    monkeypatch.chdir(here)
    return root


@pytest.fixture
def model_course(course):
    toml = course / "exercise_code" / "ex98_tiny" / "exercise.toml"
    toml.write_text(toml.read_text() + MODEL)
    return course


@pytest.fixture
def without_checks(monkeypatch):
    """For tests of the zip alone: no Python is started."""
    monkeypatch.setattr(submitting, "check_clean", lambda *args: clean_check.CleanCheck())


def save_net(course, size=10, source=None):
    models = course / "exercises" / "ex98_tiny" / "models"
    models.mkdir(exist_ok=True)
    metadata = {"data_source": source} if source else None
    save_file({"w": np.zeros(size, np.float32)}, models / "net.safetensors", metadata)
    (models / "net.json").write_text("{}")


def test_a_complete_handin_is_written_checked_and_shown(course, capsys):
    report = submit("ex98_tiny")
    assert report.path == course / "exercises" / "ex98_tiny" / "ex98_tiny.zip"
    assert report.complete
    assert [(o.grade_id, o.passed) for o in report.outcomes] == [("tiny_double", True), ("tiny_given", True)]
    with zipfile.ZipFile(report.path) as archive:
        assert archive.namelist() == ["1_tiny.ipynb", "exercise_code/ex98_tiny/loader.py", "versions.json"]
        assert json.loads(archive.read("versions.json"))["python"] == platform.python_version()
    text = capsys.readouterr().out
    assert "ex98_tiny.zip is complete" in text
    assert "tiny_double: The visible check passes" in text
    assert text.splitlines()[-1] == f"Hand in this file: {report.path}"
    page = report._repr_html_()
    assert "✓ passed" in page
    assert "3 files inside" in page


@pytest.mark.usefixtures("without_checks")
def test_the_zip_is_what_the_grader_takes(course, tmp_path):
    report = submit()
    found = open_handin(report.path, load_exercise("ex98_tiny", course / "exercise_code"), tmp_path / "out", {"loader"})
    assert (found.ignored, found.problems, found.missing) == ((), (), ())
    assert found.digest == report.handin.digest


@pytest.mark.usefixtures("without_checks")
def test_the_same_files_give_the_same_bytes(course):
    first = submit().path.read_bytes()
    (course / "exercise_code" / "ex98_tiny" / "loader.py").touch()
    assert submit().path.read_bytes() == first


def test_failing_checks_are_shown_with_want_and_got(course):
    (course / "exercise_code" / "ex98_tiny" / "loader.py").write_text("def double(x):\n    return x\n")
    report = submit()
    assert report.complete
    assert "want:  42" in repr(report)
    assert "✗ failed" in report._repr_html_()
    assert "multiply by 2" in report._repr_html_()


def test_extra_modules_go_along_given_ones_do_not(course):
    folder = course / "exercise_code" / "ex98_tiny"
    (folder / "own.py").write_text("FACTOR = 2\n")
    (folder / "loader.py").write_text("from .own import FACTOR\ndef double(x):\n    return FACTOR * x\n")
    report = submit()
    assert report.handin.extra_modules == ("own",)
    assert all(outcome.passed for outcome in report.outcomes)
    with zipfile.ZipFile(report.path) as archive:
        assert "exercise_code/ex98_tiny/given_file.py" not in archive.namelist()


def test_code_that_leans_on_a_file_that_is_not_handed_in_fails_in_the_clean_folder(course):
    (course / "exercises" / "ex98_tiny" / "factor.txt").write_text("2")
    source = "from pathlib import Path\ndef double(x):\n    return int(Path('factor.txt').read_text()) * x\n"
    (course / "exercise_code" / "ex98_tiny" / "loader.py").write_text(source)
    assert checking.check("tiny_double").passed
    report = submit()
    assert not report.outcomes[0].passed
    assert "FileNotFoundError" in report.outcomes[0].reason


@pytest.mark.usefixtures("without_checks")
def test_a_missing_model_names_the_cell_that_makes_it(model_course):
    path = model_course / "exercises" / "ex98_tiny" / "1_tiny.ipynb"
    path.write_text(notebook(("markdown", "# Tiny\n## Save it"), ("code", "save_model(model, 'net', hparams)")))
    report = submit()
    assert not report.complete
    expected = "run the cell with `save_model` below “Save it” in 1_tiny.ipynb"
    assert expected in report.missing[0]
    assert "Missing" in report._repr_html_()
    assert "but not complete" in repr(report)


@pytest.mark.usefixtures("without_checks")
def test_a_saved_model_is_inside_and_described(model_course):
    save_net(model_course)
    report = submit()
    assert report.complete
    assert report.warnings == ("models/net.safetensors: 10 parameters, 0.0 MB",)


@pytest.mark.parametrize(("source", "notes"), [("embedded", 1), ("real", 2)])
@pytest.mark.usefixtures("without_checks")
def test_a_model_trained_on_other_data_than_is_loaded_now_is_a_warning(model_course, source, notes):
    save_net(model_course, source=source)
    report = submit()
    assert f"trained on {source} data" in report.warnings[0]
    assert len(report.warnings) == notes
    assert report.complete


@pytest.mark.usefixtures("without_checks")
def test_a_model_over_its_size_is_left_out_and_said_so_once(model_course):
    save_net(model_course, 100_000)
    report = submit()
    assert len(report.problems) == 1
    assert report.problems[0].startswith("models/net.safetensors is left out: it has 400.1 kB, at most 100.0 kB")
    assert report.missing == ()
    with zipfile.ZipFile(report.path) as archive:
        assert "models/net.safetensors" not in archive.namelist()


@pytest.mark.usefixtures("without_checks")
def test_a_model_over_its_parameters_is_a_problem(model_course):
    save_net(model_course, 2000)
    assert "2,000 parameters, at most 1,000" in submit().problems[0]


@pytest.mark.usefixtures("without_checks")
def test_a_pickle_is_left_out_and_said_so(model_course):
    save_net(model_course)
    (model_course / "exercises" / "ex98_tiny" / "models" / "net.pt").write_bytes(b"\x80")
    assert "pickles are never loaded" in submit().problems[0]


def test_a_missing_module_is_named(course):
    (course / "exercise_code" / "ex98_tiny" / "loader.py").unlink()
    report = submit()
    assert "exercise_code/ex98_tiny/loader.py" in report.missing[0]
    assert not report.outcomes[0].passed


def test_code_that_ends_python_is_reported(course):
    (course / "exercise_code" / "ex98_tiny" / "loader.py").write_text("import os\nos._exit(3)\n")
    with pytest.raises(CourseError, match="stopped early: exit status 3"):
        submit()


def test_a_child_that_says_nothing_is_ended(course, monkeypatch):
    monkeypatch.setattr(clean_check, "SILENCE", 3.0)
    source = "import signal, time\nsignal.setitimer(signal.ITIMER_REAL, 0)\ntime.sleep(60)\n"
    (course / "exercise_code" / "ex98_tiny" / "loader.py").write_text(source)
    with pytest.raises(CourseError, match="gave no answer within 3 seconds"):
        submit()


def test_what_the_code_prints_does_not_mix_with_the_answers(course):
    source = "import os\nprint('{\"total\": 99}')\nos.write(1, b'junk\\n')\n" + GOOD
    (course / "exercise_code" / "ex98_tiny" / "loader.py").write_text(source)
    assert all(outcome.passed for outcome in submit().outcomes)


def test_a_zip_that_cannot_be_written_is_one_line(course, monkeypatch):
    path = course / "exercises" / "ex98_tiny" / "ex98_tiny.zip"
    path.mkdir()
    with pytest.raises(CourseError, match=r"could not write .*ex98_tiny\.zip"):
        submit()
    assert not list(path.parent.glob("*.part"))


def test_bad_arguments_get_one_line(course, tmp_path, monkeypatch):
    with pytest.raises(CourseError, match="expected the id of an exercise, got 'ex9'"):
        submit("ex9")
    with pytest.raises(CourseError, match="expected the id of an exercise, got 3"):
        submit(3)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match="known are ex98_tiny"):
        submit()


def test_a_notebook_ends_with_one_output(course):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    source = f"import sys; sys.path.insert(0, {str(course)!r})\nfrom exercise_code import submit"
    cells = [nbformat.v4.new_code_cell(source), nbformat.v4.new_code_cell("submit('ex98_tiny')")]
    made = nbformat.v4.new_notebook(cells=cells)
    folder = str(course / "exercises" / "ex98_tiny")
    nbclient.NotebookClient(made, resources={"metadata": {"path": folder}}, timeout=60).execute()
    (output,) = made.cells[1].outputs
    assert "ex98_tiny.zip is complete" in output["data"]["text/html"]
    assert "progress value" not in output["data"]["text/html"]


def test_it_works_without_the_graders_package(course):
    script = (
        "import sys; sys.modules['autograder'] = None\n"
        "from exercise_code import submit\nassert submit().complete\n"
        "assert not {'torch', 'pytest', 'IPython'} & set(sys.modules)"
    )
    folder = course / "exercises" / "ex98_tiny"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(course)!r})\n{script}"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "is complete" in done.stdout
