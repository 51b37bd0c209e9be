"""Which hand-ins a path holds, and whose they are."""

import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import AutograderError
from autograder.grading import _file_name
from autograder.intake import find_hand_ins, fingerprint
from exercise_code.common.exercise import Exercise


@pytest.fixture
def exercise(tmp_path):
    return Exercise("ex90_demo", tmp_path, "Demo", 1, ("code",), notebooks=("1_demo",))


def _tree(folder):
    module = folder / "exercise_code" / "ex90_demo" / "code.py"
    module.parent.mkdir(parents=True)
    module.write_text("x = 1\n")
    return folder


def _zip(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("exercise_code/ex90_demo/code.py", "x = 1\n")
    return path


def _students(path, exercise):
    return [(job.student, job.path) for job in find_hand_ins(path, exercise)]


def test_one_zip(tmp_path, exercise):
    path = _zip(tmp_path / "u0042.zip")
    assert _students(path, exercise) == [("u0042", path)]


def test_one_folder(tmp_path, exercise):
    path = _tree(tmp_path / "u0042")
    assert _students(path, exercise) == [("u0042", path)]


def test_a_folder_of_zips_and_of_students_folders(tmp_path, exercise):
    class_ = tmp_path / "class"
    archive, folder = _zip(class_ / "u0001.zip"), _tree(class_ / "u0002")
    nested = _zip(class_ / "u0003" / "ex90_demo.zip")
    (class_ / "notes.txt").write_text("not a hand-in")
    (class_ / ".hidden").mkdir()
    assert _students(class_, exercise) == [("u0001", archive), ("u0002", folder), ("u0003", nested)]


def test_nbgraders_submitted_folder(tmp_path, exercise):
    submitted = tmp_path / "submitted"
    path = _tree(submitted / "u0042" / "ex90_demo")
    _tree(submitted / "u0043" / "ex91_other")
    assert _students(submitted, exercise) == [("u0042", path)]


def test_other_archives_are_hand_ins_to_be_refused_not_dropped(tmp_path, exercise):
    class_ = tmp_path / "class"
    class_.mkdir()
    (class_ / "u0042.rar").write_bytes(b"Rar!")
    assert _students(class_, exercise) == [("u0042", class_ / "u0042.rar")]


def test_an_empty_folder_and_a_wrong_path_are_clear_errors(tmp_path, exercise):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(AutograderError, match="found none of ex90_demo"):
        find_hand_ins(empty, exercise)
    with pytest.raises(AutograderError, match="found nothing there"):
        find_hand_ins(tmp_path / "none", exercise)


def test_the_fingerprint_follows_every_byte_and_name(tmp_path):
    folder = _tree(tmp_path / "a")
    before = fingerprint(folder)
    assert fingerprint(folder) == before
    (folder / "b.txt").write_text("")
    with_file = fingerprint(folder)
    (folder / "b.txt").write_text("1")
    assert len({before, with_file, fingerprint(folder)}) == 3


def test_the_fingerprint_follows_no_links(tmp_path):
    folder = _tree(tmp_path / "a")
    (folder / "endless").symlink_to("/dev/zero")
    assert len(fingerprint(folder)) == 64


@given(st.text(min_size=1))
def test_a_students_name_makes_a_file_name_and_nothing_else(name):
    made = _file_name(name)
    assert made and "/" not in made and "\0" not in made and not made.startswith(".")
    assert len(made.encode()) <= 200 and made.isascii()
