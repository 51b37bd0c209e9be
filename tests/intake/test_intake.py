"""Which hand-ins a path holds, whose they are, and when they came."""

import contextlib
import os
import shutil
import tempfile
import unicodedata
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hand_ins import zip_of
from hypothesis import example, given
from hypothesis import strategies as st

from autograder.base.errors import AutograderError
from autograder.classroom.roster import Roster, Student
from autograder.grading import file_name
from autograder.intake import downloads as uploads
from autograder.intake.digest import fingerprint
from autograder.intake.search import find_hand_ins
from autograder.intake.times import moodle_time, nbgrader_time, told_time
from autograder.intake.worksheet import read_worksheet
from exercise_code.common.archives.entries import printable
from exercise_code.common.exercise import Exercise

MONDAY = datetime(2026, 11, 16, 9, 30, tzinfo=UTC)
ROSTER = Roster((
    Student("u0001", "Jane Doe", moodle="1234567", canvas="901"),
    Student("u0002", "Øyvind O'Brien", canvas="902", email="oyvind@example.org"),
    Student("u0003", "Anna Schmidt"),
    Student("u0004", "Schmidt, Anna"),
    Student("u0005", "Ada Byron", alias="red"),
))  # fmt: skip


@pytest.fixture
def exercise(tmp_path):
    return Exercise("ex90_demo", tmp_path, "Demo", 1, ("code",), notebooks=("1_demo",))


def _tree(folder):
    module = folder / "exercise_code" / "ex90_demo" / "code.py"
    module.parent.mkdir(parents=True)
    module.write_text("x = 1\n")
    return folder


def _zip(path, when=MONDAY):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("exercise_code/ex90_demo/code.py", "x = 1\n")
    os.utime(path, (when.timestamp(), when.timestamp()))
    return path


def _file(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _found(intake):
    return [(one.student, one.file) for one in intake.found]


def _students(path, exercise):
    return [(found.student, found.path) for found in find_hand_ins(path, exercise).found]


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


@pytest.mark.parametrize("loose", ["1_demo.ipynb", "exercise_code/ex90_demo/code.py"])
@pytest.mark.parametrize("roster", [ROSTER, None])
def test_a_hand_in_unpacked_among_the_others_does_not_make_the_class_one_hand_in(tmp_path, exercise, loose, roster):
    class_ = tmp_path / "class"
    _zip(class_ / "u0001.zip"), _zip(class_ / "u0002.zip")
    _file(class_ / loose)
    intake = find_hand_ins(class_, exercise, roster)
    assert _found(intake) == [("u0001", "u0001.zip"), ("u0002", "u0002.zip")]
    assert [file for file, _ in intake.problems] == [loose.partition("/")[0]]
    assert "nobody's name is on it" in intake.problems[0][1]
    # A student's own folder, in which the zip that `submit` wrote lies, and another one, is one hand-in.
    own = _tree(tmp_path / "u0042")
    _zip(own / "ex90_demo.zip"), _zip(own / "data.zip")
    assert _students(own, exercise) == [("u0042", own)]
    _tree(own / "u0043")
    assert [student for student, _ in _students(own, exercise)] == ["data", "ex90_demo", "u0043"]


@pytest.mark.parametrize("place", ["u0001", "u0001/ex90_demo", "Jane Doe_21_assignsubmission_file_"])
def test_a_notebook_beside_a_zip_or_an_unpacked_hand_in_is_not_all_there_is(tmp_path, exercise, place):
    folder = tmp_path / "class" / place
    _file(folder / "1_demo.ipynb")
    _zip(folder / "pictures.zip").write_bytes(b"no zip")
    (one,) = find_hand_ins(tmp_path / "class", exercise, ROSTER).found
    assert (one.student, one.path) == ("u0001", folder)
    _zip(folder / "ex90_demo.zip")
    intake = find_hand_ins(tmp_path / "class", exercise, ROSTER)
    # What is no zip may have been meant to be the hand-in, and is graded too.
    assert [one.path.name for one in intake.found] == ["ex90_demo.zip", "pictures.zip"]
    assert intake.problems == (
        (f"{place}/1_demo.ipynb", "lies beside a zip or a folder of u0001, and only that is graded"),
    )
    (folder / "ex90_demo.zip").unlink(), (folder / "pictures.zip").unlink()
    _tree(folder / "unpacked")
    assert [one.path.name for one in find_hand_ins(tmp_path / "class", exercise, ROSTER).found] == ["unpacked"]


@pytest.mark.parametrize(
    "name", ["class/u0001/{}", "class/Jane Doe_21_assignsubmission_file_/{}", "class/doejane_901_500{}_{}"]
)
def test_a_zip_of_pictures_beside_a_hand_in_is_none(tmp_path, exercise, name):
    count = name.count("{}")
    paths = [
        tmp_path / name.format(*([str(i)] * (count - 1)), file) for i, file in enumerate(("a.zip", "pictures.zip"))
    ]
    _zip(paths[0], MONDAY), _zip(paths[1], MONDAY + timedelta(days=1))
    assert [one.path for one in find_hand_ins(tmp_path / "class", exercise, ROSTER).found] == paths
    for pictures, found, problems in ((paths[1:], paths[:1], 1), (paths, paths, 0)):
        for path in pictures:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("scan.png", b"x")
        intake = find_hand_ins(tmp_path / "class", exercise, ROSTER)
        assert [one.path for one in intake.found] == found and len(intake.problems) == problems


def test_a_folder_of_loose_files_does_not_take_the_place_of_a_zip(tmp_path, exercise):
    inner = tmp_path / "u0001" / "ex90_demo"
    _file(inner / "scan.pdf"), _file(inner / "timestamp.txt", "2030-01-01 00:00:00 UTC")
    assert _found(find_hand_ins(tmp_path, exercise, ROSTER)) == [("u0001", "u0001/ex90_demo")]
    _zip(tmp_path / "u0001.zip")
    intake = find_hand_ins(tmp_path, exercise, ROSTER)
    assert _found(intake) == [("u0001", "u0001.zip")] and [file for file, _ in intake.problems] == ["u0001/ex90_demo"]
    _file(inner / "models" / "net.safetensors")
    assert [file for _, file in _found(find_hand_ins(tmp_path, exercise, ROSTER))] == ["u0001.zip", "u0001/ex90_demo"]


def test_hand_ins_and_results_share_no_folder(tmp_path, exercise):
    _zip(tmp_path / "ex90_demo" / "u0001.zip")
    with pytest.raises(AutograderError, match=r"in two folders, got .*ex90_demo for both: name another --out"):
        find_hand_ins(tmp_path / "ex90_demo", exercise, out=tmp_path)


def test_hand_ins_of_other_exercises_count_only_where_there_is_no_other(tmp_path, exercise):
    class_ = tmp_path / "class"
    _zip(class_ / "u0001" / "ex90_demo.zip", MONDAY)
    _zip(class_ / "u0001" / "ex04_cnn (1).zip", MONDAY + timedelta(days=1))
    _zip(class_ / "u0002" / "ex04_cnn.zip")
    _tree(class_ / "u0003" / "ex90_demo_final")
    _tree(class_ / "u0004" / "ex91_other")
    intake = find_hand_ins(class_, exercise, ROSTER)
    assert _found(intake) == [
        ("u0001", "u0001/ex90_demo.zip"),
        ("u0002", "u0002/ex04_cnn.zip"),
        ("u0003", "u0003/ex90_demo_final"),
    ]
    assert [file for file, _ in intake.problems] == ["u0001/ex04_cnn (1).zip"]
    assert [s.id for s in intake.missing] == ["u0004", "u0005"]


def test_a_link_or_a_file_in_the_place_of_the_hand_in_is_refused_not_missing(tmp_path, exercise):
    (tmp_path / "class" / "u0001").mkdir(parents=True)
    (tmp_path / "class" / "u0001" / "ex90_demo").symlink_to(_tree(tmp_path / "elsewhere"))
    _file(tmp_path / "class" / "u0002" / "ex90_demo")
    intake = find_hand_ins(tmp_path / "class", exercise, ROSTER)
    assert _found(intake) == [("u0001", "u0001"), ("u0002", "u0002")]


def test_results_among_the_hand_ins_are_none_of_them(tmp_path, exercise):
    _zip(tmp_path / "u0001.zip")
    for out in (tmp_path / "results", tmp_path):
        _file(out / "ex90_demo" / "instructor" / "moodle_feedback.zip")
        assert _found(find_hand_ins(tmp_path, exercise, ROSTER, out=out)) == [("u0001", "u0001.zip")]
        shutil.rmtree(out / "ex90_demo")


def test_accents_are_one_letter_or_two_and_endings_are_written_twice(tmp_path, exercise):
    roster = Roster((Student("müller1"), Student("u0002")))
    for name in ("müller1.zip", "MÜLLER1 (1).zip", "Zoë.zip", "Zoë (1).zip"):
        _zip(tmp_path / unicodedata.normalize("NFC" if "(" in name else "NFD", name))
    _zip(tmp_path / "u0002.zip.ZIP")
    intake = find_hand_ins(tmp_path, exercise, roster)
    assert [one.student for one in intake.found] == ["Zoë", "Zoë", "müller1", "müller1", "u0002"]


def test_numbers_count_hand_ins_behind_the_exercise_too(tmp_path, exercise):
    for name in ("ex90_demo_u0042.zip", "ex90_demo_u0042_2.zip", "u0043-ex90_demo.zip", "u0043-3.zip"):
        _zip(tmp_path / name)
    assert [one.student for one in find_hand_ins(tmp_path, exercise).found] == ["u0042", "u0042", "u0043", "u0043"]


def test_a_folder_that_is_named_by_a_dot_has_a_name(tmp_path, exercise, monkeypatch):
    monkeypatch.chdir(_tree(tmp_path / "u0042"))
    assert _found(find_hand_ins(Path(), exercise)) == [("u0042", "u0042")]


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


def test_a_folder_that_holds_only_what_is_nobodys_says_so(tmp_path, exercise):
    _file(tmp_path / "notes.txt")
    intake = find_hand_ins(tmp_path, exercise)
    assert intake.found == () and intake.problems[0][0] == "notes.txt" and "nobody's name" in intake.problems[0][1]


def test_whatever_name_of_a_student_a_zip_has(tmp_path, exercise):
    names = ["U0001.zip", "Doe, Jane.zip", "red.zip", "oyvind@example.org.zip", "OBrien Oyvind.ZIP", "u0003.tar.gz"]
    names += ["ex90_demo_u0003.zip", "Ada Byron - ex90_demo.zip", "Anna Schmidt.zip", "u9999.zip"]
    for name in names:
        _zip(tmp_path / name)
    intake = find_hand_ins(tmp_path, exercise, ROSTER)
    assert intake.layout == "zips"
    assert {(one.file, one.student, one.known) for one in intake.found} == {
        ("U0001.zip", "u0001", True),
        ("Doe, Jane.zip", "u0001", True),
        ("red.zip", "u0005", True),
        ("oyvind@example.org.zip", "u0002", True),
        ("OBrien Oyvind.ZIP", "u0002", True),
        ("u0003.tar.gz", "u0003", True),
        ("ex90_demo_u0003.zip", "u0003", True),
        ("Ada Byron - ex90_demo.zip", "u0005", True),
        ("Anna Schmidt.zip", "Anna Schmidt", False),
        ("u9999.zip", "u9999", False),
    }
    assert [s.id for s in intake.missing] == ["u0004"]
    assert intake.problems == ()


def test_numbers_behind_a_name_count_hand_ins_only_where_they_cannot_be_part_of_it(tmp_path, exercise):
    roster = Roster((Student("u0001"), Student("group-1"), Student("group")))
    for name in ("u0001-3.zip", "u0001.zip", "u0001_2.zip", "group-1.zip", "new-1.zip", "old.zip", "old_2.zip"):
        _zip(tmp_path / name)
    for name in ("copied (1).zip", "again_attempt2.zip"):
        _zip(tmp_path / name)
    assert _found(find_hand_ins(tmp_path, exercise, roster)) == [
        ("again", "again_attempt2.zip"),
        ("copied", "copied (1).zip"),
        ("group-1", "group-1.zip"),
        ("new-1", "new-1.zip"),
        ("old", "old.zip"),
        ("old", "old_2.zip"),
        ("u0001", "u0001.zip"),
        ("u0001", "u0001_2.zip"),
        ("u0001", "u0001-3.zip"),
    ]


def test_files_come_in_the_order_of_their_times(tmp_path, exercise):
    for name, hours in (("a.zip", 3), ("b.zip", 1), ("c 10.zip", 2), ("c 9.zip", 2)):
        _zip(tmp_path / "class" / "u0001" / name, MONDAY + timedelta(hours=hours))
    intake = find_hand_ins(tmp_path / "class", exercise, ROSTER)
    assert intake.layout == "students"
    assert [one.path.name for one in intake.found] == ["b.zip", "c 9.zip", "c 10.zip", "a.zip"]
    assert [one.submitted for one in intake.found][::3] == [MONDAY + timedelta(hours=1), MONDAY + timedelta(hours=3)]


def test_equal_bytes_under_two_names_are_two_hand_ins(tmp_path, exercise):
    a, b = _zip(tmp_path / "class" / "u0001" / "a.zip"), _zip(tmp_path / "class" / "u0001" / "b.zip")
    assert fingerprint(a) == fingerprint(b)
    assert len(find_hand_ins(tmp_path / "class", exercise).found) == 2


def test_what_lies_beside_a_zip_is_a_problem_and_without_one_a_hand_in(tmp_path, exercise):
    class_ = tmp_path / "class"
    _zip(class_ / "u0001" / "deep" / "er" / "hand-in.zip")
    _file(class_ / "u0001" / "notes.pdf")
    _file(class_ / "u0002" / "code.py")
    _file(class_ / "u0002" / "answers.pdf")
    _zip(class_ / "u0005.zip")
    _file(class_ / "u0005.pdf")
    _file(class_ / "Schmidt.pdf")
    _file(class_ / "u0003.pdf")
    (class_ / "u0004").mkdir()
    (class_ / "nobody").mkdir()
    intake = find_hand_ins(class_, exercise, ROSTER)
    assert _found(intake) == [
        ("u0001", "u0001/deep/er/hand-in.zip"),
        ("u0002", "u0002"),
        ("u0003", "u0003.pdf"),
        ("u0005", "u0005.zip"),
    ]
    assert [file for file, _ in intake.problems] == ["Schmidt.pdf", "nobody", "u0001/notes.pdf", "u0005.pdf"]
    assert [s.id for s in intake.missing] == ["u0004"]


def test_what_systems_leave_behind_is_passed_over(tmp_path, exercise):
    class_ = tmp_path / "class"
    _zip(class_ / "u0001.zip")
    for name in (".DS_Store", "Thumbs.db", ".gitkeep", "__MACOSX/._u0001.zip", "._u0001.zip", "u0002/.DS_Store"):
        _file(class_ / name)
    intake = find_hand_ins(class_, exercise, ROSTER)
    assert _found(intake) == [("u0001", "u0001.zip")] and intake.problems == ()


def test_links_and_pipes_are_not_followed(tmp_path, exercise):
    class_ = tmp_path / "class"
    original = _zip(class_ / "u0001.zip")
    (class_ / "u0002.zip").symlink_to(original)
    (class_ / "u0003").symlink_to(tmp_path)
    os.mkfifo(class_ / "u0004.zip")
    (class_ / "u0005").mkdir()
    (class_ / "u0005" / "mine.zip").symlink_to(original)
    _zip(class_ / "u0005" / "own.zip")
    intake = find_hand_ins(class_, exercise, ROSTER)
    assert _found(intake) == [("u0001", "u0001.zip"), ("u0005", "u0005/own.zip")]
    assert [(file, reason.split(",")[0]) for file, reason in intake.problems] == [
        ("u0002.zip", "a link"),
        ("u0003", "a link"),
        ("u0004.zip", "neither a file nor a folder: remove it"),
        ("u0005/mine.zip", "a link"),
    ]


@contextlib.contextmanager
def _as_nobody():
    """Root may read everything; for a while this process is not root."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.parametrize("roster", [ROSTER, None])
def test_what_may_not_be_read_is_a_problem_and_stops_nobody_else(exercise, roster):
    with tempfile.TemporaryDirectory() as folder:
        class_ = Path(folder) / "class"
        _zip(class_ / "u0001.zip").chmod(0)
        closed = [_zip(class_ / "u0002" / "a.zip").parent, _zip(class_ / "u0003" / "deep" / "a.zip").parent]
        _zip(class_ / "u0004" / "a.zip")
        Path(folder).chmod(0o755)
        for path in closed:
            path.chmod(0)
        try:
            with _as_nobody():
                intake = find_hand_ins(class_, exercise, roster)
        finally:
            for path in closed:
                path.chmod(0o700)
    assert _found(intake) == [("u0004", "u0004/a.zip")]
    assert [file for file, _ in intake.problems] == ["u0001.zip", "u0002", "u0003"]
    assert all("check its permissions" in reason for _, reason in intake.problems)


def test_unreadable_hand_ins_are_problems_for_whoever_may_not_read_them(tmp_path, exercise, monkeypatch):
    class_ = tmp_path / "class"
    _zip(class_ / "u0001.zip"), _zip(class_ / "u0002" / "a.zip"), _zip(class_ / "u0003.zip")
    monkeypatch.setattr(os, "access", lambda path, mode: path.name not in ("u0001.zip", "u0002"))
    intake = find_hand_ins(class_, exercise, ROSTER)
    assert _found(intake) == [("u0003", "u0003.zip")]
    assert [file for file, _ in intake.problems] == ["u0001.zip", "u0002"]
    assert all("check its permissions" in reason for _, reason in intake.problems)


def test_nbgraders_times_and_folders(tmp_path, exercise):
    submitted = tmp_path / "submitted"
    folder = _tree(submitted / "u0001" / "ex90_demo")
    _file(folder / "timestamp.txt", "2026-11-16 10:30:00.123456 Europe/Paris\n")
    _file(_tree(submitted / "u0002" / "ex90_demo") / "timestamp.txt", "yesterday, I swear")
    _file(_tree(submitted / "u0003" / "ex90_demo") / "timestamp.txt").unlink()
    os.mkfifo(submitted / "u0003" / "ex90_demo" / "timestamp.txt")
    _tree(submitted / "u0004" / "ex91_other")
    _tree(submitted / "u9999" / "ex91_other")
    intake = find_hand_ins(submitted, exercise, ROSTER)
    assert intake.layout == "nbgrader"
    assert [(one.student, one.submitted) for one in intake.found] == [
        ("u0001", MONDAY.replace(microsecond=123456)),
        ("u0002", None),
        ("u0003", None),
    ]
    assert [file for file, _ in intake.problems] == ["u0002/ex90_demo/timestamp.txt", "u9999"]
    assert [s.id for s in intake.missing] == ["u0004", "u0005"]


def test_only_nbgraders_own_timestamp_counts(tmp_path, exercise):
    """Students write into the folders that they hand in."""
    _file(_tree(tmp_path / "class" / "u0001") / "timestamp.txt", "2020-01-01 00:00:00 UTC")
    (found,) = find_hand_ins(tmp_path / "class", exercise, ROSTER).found
    assert found.submitted is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-16 09:30:00.123456 UTC",
        "2026-11-16 09:30:00.123456 Europe/Berlin",
        "2026-11-16 09:30:00",
        "2026-11-16T09:30:00+01:00",
        "2026-11-16 09:30:00 Etc/GMT+2",
        "16 Nov 2026 09:30",
    ],
)
def test_times_are_read_as_nbgrader_reads_them(text):
    from nbgrader.utils import parse_utc

    assert nbgrader_time(text) == parse_utc(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *(f"2026-11-16 09:30:00 {zone}" for zone in ("CEST", "MESZ", "PM", "+0100", "UTC+2", "GMT-3", "Nowhere/Land")),
        "2026-11-16 09:30:00CEST",
        "2026-11-16T09:30:00 CEST",
        "2026-11-16 09:30 PM CEST",
        "Mon Nov 16 09:30:00 CEST 2026",
        "16 Nov 09:30 UTC",
        "09:30",
    ],
)
def test_a_zone_or_a_year_that_nobody_knows_is_no_time(text):
    """nbgrader reads these as UTC, or takes what is not said from today."""
    with pytest.raises(ValueError, match="09:30"):
        nbgrader_time(text)


def test_a_time_zone_is_no_file_to_be_opened(monkeypatch):
    from dateutil.tz import gettz

    opened = []
    monkeypatch.setattr("dateutil.tz.gettz", lambda name: (opened.append(name), gettz(name))[1])
    for zone in ("/dev/stdin", "../zone", "a\\b"):
        with pytest.raises(ValueError, match="2026"):
            nbgrader_time(f"2026-11-16 09:30:00 {zone}")
    assert nbgrader_time("2026-11-16 09:30:00 Europe/Berlin") is not None and opened == ["Europe/Berlin"]


@given(st.text(max_size=60) | st.from_regex(r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,9} \S{1,9} \S{1,9}", fullmatch=True))
@example("2026-11-16 09:30:00 /dev/stdin")
@example("0001-01-01 00:00:00 +99999999")
@example("9999-12-31T23:59:59-23:00")
def test_any_text_is_a_time_or_none(text):
    for read in (nbgrader_time, moodle_time, told_time):
        try:
            found = read(text)
        except ValueError:
            continue
        assert found is None or found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("Friday, 20 November 2026, 11:59 PM", 22),
        ("Friday, November 20, 2026, 11:59 PM", 22),
        ("Friday, 20 November 2026, 23:59", 22),
        ("20 November 2026, 12:59 AM", -1),
        ("2026-11-20T23:59", 22),
        ("2026-11-20T23:59+00:00", 23),
    ],
)
def test_moodles_times_are_in_the_zone_of_whoever_downloads(text, hour):
    zone = timezone(timedelta(hours=1))
    assert moodle_time(text, zone) == datetime(2026, 11, 20, 0, 59, tzinfo=UTC) + timedelta(hours=hour)
    assert moodle_time("-") is moodle_time("") is None
    with pytest.raises(ValueError, match="Freitag"):
        moodle_time("Freitag, 20. November 2026, 23:59", zone)


WORKSHEET = """\ufeffIdentifier,"Full name","Email address",Status,"Last modified (submission)",\
Grade,"Last modified (grade)"
"Participant 21","Anna Schmidt",-,Submitted,"Friday, 20 November 2026, 11:59 PM",,-
"Participant 22","Somebody Else",oyvind@example.org,Submitted,"Friday, 20 November 2026, 1:05 AM",,-
"Participant 23","Jane Doe",,"No submission",-,,-
"""


@pytest.fixture
def moodle(tmp_path):
    folder = tmp_path / "Deep Learning-ex90-42"
    _zip(folder / "Jane Doe_1234567_assignsubmission_file_" / "mine.zip")
    _zip(folder / "Oyvind OBrien_22_assignsubmission_file_" / "a.zip")
    _zip(folder / "Oyvind OBrien_22_assignsubmission_file_" / "b.zip")
    _file(folder / "Oyvind OBrien_22_assignsubmission_onlinetext_" / "onlinetext.html")
    _zip(folder / "Anna Schmidt_21_assignsubmission_file_" / "mine.zip")
    _zip(folder / "Anna Schmidt_24_assignsubmission_file_" / "mine.zip")
    _file(folder / "Ada Byron_25_assignsubmission_onlinetext_" / "onlinetext.html")
    _file(folder / "Ada Byron_1234567_assignsubmission_file_" / "mine.py")
    _tree(folder / "New Comer_26_assignsubmission_file_")
    (folder / "Slow Poke_27_assignsubmission_file_").mkdir()
    return folder


def test_moodleszip_of(moodle, exercise):
    intake = find_hand_ins(moodle, exercise, ROSTER)
    assert intake.layout == "moodle"
    assert [(one.student, one.path.name, one.known, one.submitted) for one in intake.found] == [
        ("Anna Schmidt_21", "mine.zip", False, None),
        ("Anna Schmidt_24", "mine.zip", False, None),
        ("New Comer_26", "New Comer_26_assignsubmission_file_", False, None),
        ("u0001", "mine.zip", True, None),
        ("u0002", "a.zip", True, None),
        ("u0002", "b.zip", True, None),
        ("u0005", "Ada Byron_25_assignsubmission_onlinetext_", True, None),
    ]
    assert [(file, reason.split(":")[0]) for file, reason in intake.problems] == [
        ("Ada Byron_1234567_assignsubmission_file_", "the number is that of u0001, the name that of u0005"),
        (
            "Oyvind OBrien_22_assignsubmission_onlinetext_",
            "lies beside a zip or a folder of u0002, and only that is graded",
        ),
        ("Slow Poke_27_assignsubmission_file_", "an empty folder"),
    ]
    assert [s.id for s in intake.missing] == ["u0003", "u0004"]


def test_moodles_worksheet_says_whose_it_is_and_when_it_came(moodle, exercise, tmp_path):
    sheet = _file(tmp_path / "Grades.csv", WORKSHEET)
    zone = timezone(timedelta(hours=1))
    intake = find_hand_ins(moodle, exercise, ROSTER, sheet, zone=zone)
    (two, *_) = [one for one in intake.found if one.student == "u0002"]
    assert two.submitted == datetime(2026, 11, 20, 0, 5, tzinfo=UTC)
    (anna,) = [one for one in intake.found if one.student == "Anna Schmidt_21"]
    assert anna.submitted == datetime(2026, 11, 20, 22, 59, tzinfo=UTC) and not anna.known
    sheet.write_text(WORKSHEET.replace("Friday, 20 November", "Freitag, 20. November"))
    with pytest.raises(AutograderError, match=r"in row 2 of .* set to English"):
        find_hand_ins(moodle, exercise, ROSTER, sheet)


def test_who_is_only_called_as_somebody_is_not_them(tmp_path, exercise):
    for name in ("Jane Doe_21", "Jane Doe_99", "Ada Byron_30"):
        _zip(tmp_path / "moodle" / f"{name}_assignsubmission_file_" / "a.zip")
    _zip(tmp_path / "canvas" / "byronada_5_500_a.zip")
    _zip(tmp_path / "canvas" / "byronada_6_501_a.zip")
    _zip(tmp_path / "canvas" / "byronada_6_502_b.zip")
    _zip(tmp_path / "canvas" / "doejane_901_503_a.zip")
    _zip(tmp_path / "canvas" / "doejane_77_504_a.zip")
    moodle = find_hand_ins(tmp_path / "moodle", exercise, ROSTER)
    assert [one.student for one in moodle.found] == ["u0005"]
    assert [(file[:11], reason.split(":")[0]) for file, reason in moodle.problems] == [
        ("Jane Doe_21", "somebody else is called as u0001 is, too"),
        ("Jane Doe_99", "somebody else is called as u0001 is, too"),
    ]
    canvas = find_hand_ins(tmp_path / "canvas", exercise, ROSTER)
    assert [one.student for one in canvas.found] == ["doejane_77", "u0001"]
    assert [file[:10] for file, _ in canvas.problems] == ["byronada_5", "byronada_6", "byronada_6"]
    # Two hand-ins with one number are of one person.
    (tmp_path / "canvas" / "byronada_5_500_a.zip").unlink()
    assert [one.student for one in find_hand_ins(tmp_path / "canvas", exercise, ROSTER).found][-2:] == ["u0005"] * 2


def test_the_worksheet_tells_people_of_one_name_apart_where_it_can(tmp_path, exercise):
    for name in ("Jane Doe_21", "Jane Doe_99", "Oyvind OBrien_22", "Oyvind OBrien_23"):
        _zip(tmp_path / "moodle" / f"{name}_assignsubmission_file_" / "a.zip")
    sheet = _file(
        tmp_path / "Grades.csv",
        'Identifier,"Full name","Email address",Grade,"Last modified (grade)"\n'
        "Participant 21,Jane Doe,a@example.org,,-\nParticipant 99,Jane Doe,b@example.org,,-\n"
        "Participant 22,Oyvind OBrien,oyvind@example.org,,-\nParticipant 23,Oyvind OBrien,c@example.org,,-\n",
    )
    intake = find_hand_ins(tmp_path / "moodle", exercise, ROSTER, sheet)
    assert [(one.student, one.file[:16]) for one in intake.found] == [("u0002", "Oyvind OBrien_22")]
    assert [file.partition("_assign")[0] for file, _ in intake.problems] == [
        "Jane Doe_21",
        "Jane Doe_99",
        "Oyvind OBrien_23",
    ]
    assert all("somebody else in the worksheet is called" in reason for _, reason in intake.problems)
    assert {number: s.id for number, s in read_worksheet(sheet).owners(ROSTER).items()} == {"22": "u0002"}


def test_moodle_writes_a_group_before_the_name(tmp_path, exercise):
    roster = Roster((Student("u0001", "Jane Doe", group="Group A"), Student("u0002", "Ada Byron")))
    _zip(tmp_path / "Group A-Jane Doe_21_assignsubmission_file_" / "a.zip")
    _zip(tmp_path / "Group B-Ada Byron_22_assignsubmission_file_" / "a.zip")
    found = find_hand_ins(tmp_path, exercise, roster).found
    assert [(one.student, one.known) for one in found] == [("Group B-Ada Byron_22", False), ("u0001", True)]


def test_moodles_worksheet_beside_the_hand_ins_is_none_of_them(moodle, exercise):
    sheet = _file(moodle / "Grades.csv", WORKSHEET)
    assert "Grades.csv" not in dict(find_hand_ins(moodle, exercise, ROSTER, sheet).problems)
    assert "Grades.csv" in dict(find_hand_ins(moodle, exercise, ROSTER).problems)


def test_a_worksheet_in_another_language_is_a_clear_error(tmp_path):
    sheet = _file(tmp_path / "Grades.csv", "ID,Vollständiger Name\n")
    with pytest.raises(AutograderError, match=r"expected the column Identifier in .*, got ID, Vollständiger Name"):
        read_worksheet(sheet)
    _file(sheet, WORKSHEET.replace("22", "21"))
    with pytest.raises(AutograderError, match="row 3: got the number 21 again, it stands in row 2"):
        read_worksheet(sheet)


def test_moodles_flatzip_of(tmp_path, exercise):
    folder = tmp_path / "flat"
    _zip(folder / "Jane Doe_21_assignsubmission_file_my_ex90.zip")
    _file(folder / "Ada Byron_22_assignsubmission_file_scan.pdf")
    intake = find_hand_ins(folder, exercise, ROSTER)
    assert intake.layout == "moodle"
    assert [one.student for one in intake.found] == ["u0001", "u0005"] and intake.problems == ()


def test_canvaszip_of(tmp_path, exercise):
    folder = tmp_path / "submissions"
    _zip(folder / "doejane_LATE_901_5002_ex90_demo-1.zip")
    _zip(folder / "doejane_901_10001_ex90_demo.zip")
    _file(folder / "doejane_901_5003_photo.png")
    _zip(folder / "obrienøyvind_77_5004_a_b_c.zip")
    _zip(folder / "byronada_LATE_78_5005_x.zip")
    _file(folder / "schmidtanna_79_text.html")
    _zip(folder / "LATE_anon_aB3xZ_5006_x.zip")
    _file(folder / "readme.txt")
    intake = find_hand_ins(folder, exercise, ROSTER)
    assert intake.layout == "canvas"
    assert [(one.student, one.file, one.late_mark, one.known) for one in intake.found] == [
        ("anon_aB3xZ", "LATE_anon_aB3xZ_5006_x.zip", True, False),
        # u0002 has another number: whoever has this one may only have taken the name.
        ("obrienøyvind_77", "obrienøyvind_77_5004_a_b_c.zip", False, False),
        ("schmidtanna_79", "schmidtanna_79_text.html", False, False),
        ("u0001", "doejane_LATE_901_5002_ex90_demo-1.zip", True, True),
        ("u0001", "doejane_901_10001_ex90_demo.zip", False, True),
        ("u0005", "byronada_LATE_78_5005_x.zip", True, True),
    ]
    assert {one.submitted for one in intake.found} == {None}
    assert [file for file, _ in intake.problems] == ["doejane_901_5003_photo.png", "readme.txt"]


@pytest.mark.parametrize("alone", [True, False])
def test_a_download_that_is_still_a_zip(moodle, exercise, tmp_path, alone):
    path = zip_of(moodle, tmp_path / "download.zip")
    place = path
    if not alone:
        place = tmp_path / "place"
        place.mkdir()
        path.rename(place / path.name)
    with pytest.raises(AutograderError, match="unpack it, and name the folder"):
        find_hand_ins(place, exercise, ROSTER)
    unpacked = find_hand_ins(place, exercise, ROSTER, scratch=tmp_path / "scratch")
    shutil.rmtree(moodle / "Slow Poke_27_assignsubmission_file_")
    direct = find_hand_ins(moodle, exercise, ROSTER)
    assert unpacked.layout == "moodle" and unpacked.problems == direct.problems
    assert _found(unpacked) == _found(direct) and unpacked.missing == direct.missing
    assert find_hand_ins(place, exercise, ROSTER, scratch=tmp_path / "scratch") == unpacked
    # What a run that was killed while it unpacked left behind goes with the next one.
    (folder,) = (tmp_path / "scratch").iterdir()
    folder.rename(tmp_path / "scratch" / ".unpacking-0")
    assert find_hand_ins(place, exercise, ROSTER, scratch=tmp_path / "scratch") == unpacked
    assert list((tmp_path / "scratch").iterdir()) == [folder] and folder.name.startswith("unpacked-")


def test_of_a_hostile_download_only_plain_files_are_unpacked(exercise, tmp_path):
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Jane Doe_1_assignsubmission_file_/a.zip", "x")
        archive.writestr("../outside.zip", "x")
        archive.writestr(f"Jane Doe_1_assignsubmission_file_/{'n' * 300}.zip", "x")
        link = zipfile.ZipInfo("Ada Byron_2_assignsubmission_file_/b.zip")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    for _ in range(2):
        intake = find_hand_ins(path, exercise, scratch=tmp_path / "scratch")
        assert [one.path.name for one in intake.found] == ["a.zip"]
        assert [reason for _, reason in intake.problems] == [
            "could not be unpacked: its name leads out of the hand-in",
            "could not be unpacked: a link: links are not followed",
            "could not be unpacked: its name is too long for a file",
        ]
    assert not (tmp_path / "outside.zip").exists()


METADATA = """---
submission_101:
  :submitters:
  - :name: Jane Doe
    :sid: ''
    :email: jane@example.org
  - :name: Somebody
    :sid: u0002
    :email:
  :created_at: 2026-11-20 03:14:15.500000000 Z
  :score: 10.0
  :results: !ruby/hash:ActiveSupport::HashWithIndifferentAccess
    output: text
submission_102:
  :submitters:
  - :name: New Comer
    :sid: '77'
    :email: new@example.org
  :created_at: '2026-11-20T10:00:00+02:00'
submission_103:
  :submitters: []
"""


@pytest.fixture
def gradescope(tmp_path):
    folder = tmp_path / "download" / "assignment_9_export"
    _zip(folder / "submission_101" / "ex90_demo.zip")
    _file(folder / "submission_102" / "code.py"), _file(folder / "submission_102" / "1_demo.ipynb")
    _file(folder / "submission_103" / "code.py"), _file(folder / "submission_104" / "code.py")
    _file(folder / "submission_metadata.yml", METADATA)
    return folder


@pytest.mark.parametrize("form", ["export", "parent", "zip"])
def test_gradescopes_export(gradescope, exercise, tmp_path, form):
    path = gradescope if form == "export" else gradescope.parent
    if form == "zip":
        path = zip_of(gradescope.parent, tmp_path / "export.zip")
    intake = find_hand_ins(path, exercise, ROSTER, scratch=tmp_path / "scratch")
    assert intake.layout == "gradescope"
    first, second = datetime(2026, 11, 20, 3, 14, 15, 500_000, UTC), datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert [(one.student, one.known, one.file, one.submitted) for one in intake.found] == [
        ("77", False, "submission_102", second),
        ("u0001", True, "submission_101/ex90_demo.zip", first),
        ("u0002", True, "submission_101/ex90_demo.zip", first),
    ]
    assert [file for file, _ in intake.problems] == ["submission_103", "submission_104"]


@pytest.mark.parametrize("text", ["a: [", "- 1", "!!python/object/apply:os.system [ls]", "\0", "a: !unknown 1"])
def test_metadata_that_cannot_be_read_is_a_clear_error(gradescope, exercise, text):
    _file(gradescope / "submission_metadata.yml", text)
    with pytest.raises(AutograderError, match=r"submission_metadata\.yml, got .*: export it anew"):
        find_hand_ins(gradescope, exercise, ROSTER)


def test_files_that_were_uploaded_one_by_one_are_one_hand_in(tmp_path, exercise):
    canvas, moodle = tmp_path / "canvas", tmp_path / "moodle"
    _file(canvas / "doejane_901_5001_code.py", "old")
    _file(canvas / "doejane_LATE_901_5003_code-1.py", "new")
    _file(canvas / "doejane_901_5002_1_demo.ipynb"), _file(canvas / "byronada_78_5004_scan.pdf")
    _zip(canvas / "obrienyvind_902_5005_x.zip"), _file(canvas / "obrienyvind_902_5006_answers.pdf")
    _file(moodle / "Jane Doe_21_assignsubmission_file_code.py")
    _file(moodle / "Jane Doe_21_assignsubmission_file_1_demo.ipynb")
    intake = find_hand_ins(canvas, exercise, ROSTER, scratch=tmp_path / "scratch")
    by_name = {one.student: one for one in intake.found}
    jane = by_name["u0001"]
    assert {path.name: path.read_text() for path in jane.path.iterdir()} == {"code.py": "new", "1_demo.ipynb": "x"}
    assert jane.file == "doejane_901_5001_code.py and 2 more" and jane.late_mark
    assert jane.beside == ("doejane_901_5001_code.py",)
    assert by_name["u0002"].beside == ("obrienyvind_902_5006_answers.pdf",)
    assert dict(intake.problems)["doejane_901_5001_code.py"] == "u0001 handed in a later file of this name"
    # As it lies there, where there is no place to put files together; and nothing changes in a second look.
    assert find_hand_ins(canvas, exercise, ROSTER, scratch=tmp_path / "scratch") == intake
    assert len(find_hand_ins(canvas, exercise, ROSTER).found) == 5
    (one,) = find_hand_ins(moodle, exercise, ROSTER, scratch=tmp_path / "scratch").found
    assert sorted(path.name for path in one.path.iterdir()) == ["1_demo.ipynb", "code.py"]


def test_loose_modules_in_a_students_folder_stand_beside_an_older_zip(tmp_path, exercise):
    _file(tmp_path / "u0001" / "code (1).py"), _file(tmp_path / "u0001" / "answers.docx")
    (one,) = find_hand_ins(tmp_path, exercise, ROSTER).found
    assert one.path == tmp_path / "u0001" and one.beside == ()


def test_a_students_zip_is_nozip_of(tmp_path, exercise):
    path = _zip(tmp_path / "u0001.zip")
    path.write_bytes(path.read_bytes()[:40])
    (found,) = find_hand_ins(path, exercise, ROSTER).found
    assert (found.student, found.path) == ("u0001", path)


NAMES = st.one_of(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).map(
        lambda text: os.fsencode(text)[:200]
    ),
    st.binary(min_size=1, max_size=200).map(lambda data: data.replace(b"/", b"_").replace(b"\0", b"_")),
    st.sampled_from([
        *(b"u0001.zip", b"u0001_2.zip", b"u0001.pdf", b"ex90_demo", b"ex90_demo.zip", b".zip", b" .zip", b"-2.zip"),
        *(b"doejane_901_5_x.zip", b"doejane_901_6_x.pdf", b"_1_2_.zip", b"Jane Doe_21_assignsubmission_file_"),
        *(b"(1).zip", b"_1_assignsubmission_file_x.zip", b"<script>.zip", b"=1+1.zip", b"a\nb.zip"),
        *("x\u202epiz.zip".encode(), b"\xff\xfe.zip", b".DS_Store", b"__MACOSX", b"x" * 250 + b".zip"),
        *(b"timestamp.txt", b".hidden", b"~"),
    ]),
).filter(lambda name: name not in (b".", b".."))  # fmt: skip
KINDS = st.sampled_from(["file", "zip", "empty", "tree", "zips", "link", "nested", "socket"])


def _make(path: bytes, kind: str, data: bytes) -> None:
    if kind == "zip":
        with zipfile.ZipFile(os.fsdecode(path), "w") as archive:
            archive.writestr("exercise_code/ex90_demo/code.py", data)
    elif kind == "file":
        with open(path, "wb") as file:
            file.write(data)
    elif kind == "link":
        os.symlink(b"/dev/zero", path)
    elif kind == "socket":
        os.mkfifo(path)
    else:
        os.mkdir(path)
        if kind == "tree":
            os.makedirs(path + b"/exercise_code")
        if kind in ("zips", "nested"):
            _make(path + b"/a.zip", "zip", data)
            _make(path + b"/\xff.pdf", "file", data)
        if kind == "nested":
            _make(path + b"/ex90_demo", "zips", data)


@given(st.dictionaries(NAMES, st.tuples(KINDS, st.binary(max_size=50)), max_size=6), st.booleans())
def test_every_entry_comes_out_exactly_once(entries, with_roster):
    exercise = Exercise("ex90_demo", Path("nowhere"), "Demo", 1, ("code",), notebooks=("1_demo",))
    roster = ROSTER if with_roster else None
    folder = tempfile.mkdtemp().encode()
    try:
        for name, (kind, data) in entries.items():
            _make(folder + b"/" + name, kind, data)
        if b"exercise_code" in entries:
            return
        try:
            intake = find_hand_ins(Path(os.fsdecode(folder)), exercise, roster)
        except AutograderError:
            assert all(uploads.is_junk(os.fsdecode(name)) for name in entries)
            return
        tops = [os.fsencode(one.path.relative_to(os.fsdecode(folder)).parts[0]) for one in intake.found]
        problems = {file for file, _ in intake.problems}
        for name, (kind, _) in entries.items():
            shown = printable(os.fsdecode(name))
            if uploads.is_junk(os.fsdecode(name)):
                assert name not in tops and shown not in problems
            elif kind in ("zips", "nested"):
                assert tops.count(name) == (2 if kind == "nested" else 1)
            else:
                assert tops.count(name) + (shown in problems) == 1
        for one in intake.found:
            one.student.encode(), one.file.encode()
            assert one.student and one.file.isprintable()
            assert one.known == (roster is None or roster.get(one.student) is not None)
        assert {s.id for s in intake.missing} == (
            {s.id for s in ROSTER.students} - {one.student for one in intake.found} if with_roster else set()
        )
    finally:
        shutil.rmtree(folder)


@given(st.text())
def test_any_name_of_an_upload_is_read_or_not(name):
    for read in (uploads.moodle_upload, uploads.canvas_upload, uploads.attempt_of, uploads.without_ending):
        read(name)


def test_a_huge_file_is_fingerprinted_at_once(tmp_path):
    prints = set()
    for size, first, last in (
        (10**12, b"a", b"b"),
        (10**12, b"c", b"b"),
        (10**12, b"a", b"d"),
        (10**12 + 1, b"a", b"b"),
    ):
        path = tmp_path / f"{len(prints)}.zip"
        with path.open("wb") as file:
            file.write(first)
            file.truncate(size)
            file.seek(size - 1)
            file.write(last)
        prints.add(fingerprint(path))
    assert len(prints) == 4


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
    made = file_name(name)
    assert made and "/" not in made and "\0" not in made and not made.startswith(".")
    assert len(made.encode()) <= 200 and made.isascii()
