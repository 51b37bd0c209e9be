"""Where a student works: by the notebook and the package, never by what folders are called."""

import os
import shutil
import types

import pytest

from exercise_code.common import course_tree
from exercise_code.common import exercise as exercises
from exercise_code.common.course_tree import assignment_folder, exercise_here, notebook_file
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import load_exercise

FIRST, SECOND = "ex97_first", "ex98_second"


def make_copy(root):
    """A copy of a course with two exercises, whose first notebooks share a name."""
    for name in (FIRST, SECOND):
        package = root / "exercise_code" / name
        package.mkdir(parents=True)
        notebooks = ["1_start", f"2_{name}"]
        (package / "exercise.toml").write_text(f'title = "T"\nminutes = 5\nmodules = ["a"]\nnotebooks = {notebooks}\n')
        folder = root / "exercises" / name
        folder.mkdir(parents=True)
        for notebook in notebooks:
            (folder / f"{notebook}.ipynb").write_text("{}")
    (root / "exercise_code" / "__init__.py").write_text("")
    return root


@pytest.fixture
def kernel(monkeypatch):
    """A running kernel: call it with the notebook that the frontend names, or without one."""

    def run(notebook=None, variable=None):
        names = {"__vsc_ipynb_file__": str(variable)} if variable else {}
        monkeypatch.setattr(course_tree, "shell", lambda: types.SimpleNamespace(user_ns=names))
        monkeypatch.setenv("JPY_SESSION_NAME", str(notebook or ""))

    return run


@pytest.fixture(params=["course", FIRST, SECOND, f"{SECOND}/exercises", "a b/ü"])
def course(request, tmp_path, monkeypatch):
    """A copy of the course, in folders of all kinds of names."""
    root = make_copy(tmp_path / request.param)
    monkeypatch.setattr(exercises, "PACKAGE", root / "exercise_code")
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize("name", [FIRST, SECOND])
def test_the_notebooks_folder_is_the_place_whatever_the_folder_above_is_called(course, kernel, monkeypatch, name):
    folder = course / "exercises" / name
    monkeypatch.chdir(folder)
    assert exercise_here().id == name
    assert assignment_folder(exercise_here()) == folder
    monkeypatch.chdir(course)
    kernel(folder / "1_start.ipynb")
    assert exercise_here().id == name
    assert assignment_folder(exercise_here()) == folder


def test_another_exercise_than_the_notebooks_has_its_own_folder(course, kernel):
    kernel(course / "exercises" / FIRST / "1_start.ipynb")
    assert assignment_folder(load_exercise(SECOND)) == course / "exercises" / SECOND


def test_from_the_top_of_the_course_no_exercise_is_guessed(course):
    assert exercise_here() is None
    assert assignment_folder(load_exercise(FIRST)) == course / "exercises" / FIRST


def test_a_kernel_that_was_moved_keeps_its_notebook(course, kernel, monkeypatch, tmp_path):
    kernel(course / "exercises" / FIRST / "1_start.ipynb")
    monkeypatch.chdir(tmp_path)
    assert assignment_folder(exercise_here()) == course / "exercises" / FIRST


def test_a_copy_of_the_notebooks_beside_the_course_is_taken_where_it_runs(course, kernel):
    mine = course / "mine"
    shutil.copytree(course / "exercises" / FIRST, mine)
    kernel(mine / f"2_{FIRST}.ipynb")
    assert exercise_here().id == FIRST
    assert assignment_folder(exercise_here()) == mine


def test_a_package_of_one_copy_and_a_notebook_of_another_is_an_error_that_names_both(course, kernel, tmp_path):
    other = make_copy(tmp_path / "other")
    kernel(other / "exercises" / FIRST / f"2_{FIRST}.ipynb")
    with pytest.raises(CourseError, match="restart the kernel") as caught:
        assignment_folder(exercise_here())
    assert f"the copy of the course in {other}, but Python imported exercise_code from {course}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_notebooks_beside_the_package_as_nbgrader_releases_them(tmp_path, monkeypatch, kernel):
    root = make_copy(tmp_path / SECOND)
    shutil.copytree(root / "exercises" / FIRST, root, dirs_exist_ok=True)
    shutil.rmtree(root / "exercises")
    shutil.rmtree(root / "exercise_code" / SECOND)
    monkeypatch.setattr(exercises, "PACKAGE", root / "exercise_code")
    monkeypatch.chdir(root)
    assert assignment_folder(exercise_here()) == root
    monkeypatch.chdir(tmp_path)
    kernel(root / "1_start.ipynb")
    assert assignment_folder(exercise_here()) == root


def test_notebooks_outside_of_any_copy_are_taken_where_they_are(course, monkeypatch, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / f"2_{SECOND}.ipynb").write_text("{}")
    monkeypatch.chdir(alone)
    assert exercise_here().id == SECOND
    assert assignment_folder(exercise_here()) == alone


def test_the_frontends_names_for_the_notebook(course, kernel, monkeypatch):
    here = course / "exercises" / FIRST / "1_start.ipynb"
    kernel(here)
    assert notebook_file() == here
    kernel(course / "renamed.ipynb", variable=here)
    assert notebook_file() == here
    for name in (course / "renamed.ipynb", "1_start.ipynb", "a-kernel-of-a-console", None):
        kernel(name)
        assert notebook_file() is None
    # A program that the notebook starts inherits the environment.
    kernel(here)
    monkeypatch.setattr(course_tree, "shell", lambda: None)
    assert notebook_file() is None


def test_a_folder_that_is_gone_is_one_line_that_helps(course, monkeypatch, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(CourseError, match="is gone, or was unpacked anew: restart the kernel"):
        exercise_here()
    os.chdir(tmp_path)


def test_a_package_that_is_gone_is_one_line_that_helps(course):
    shutil.rmtree(course / "exercise_code")
    with pytest.raises(CourseError, match=r"found no exercise there.*restart the kernel"):
        exercise_here()
