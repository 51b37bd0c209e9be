"""What the commands say, and what they remember: `regrade` and `appeal` look where `grade` was told to."""

import io
import shutil
from pathlib import Path

import pytest
from demo_course import EXERCISE
from hand_ins import zip_of
from rich.console import Console

from autograder.base.errors import AutograderError
from autograder.cli import commands
from autograder.cli import console as telling
from autograder.cli.grade import grade_command
from autograder.cli.options import GradeOptions
from autograder.cli.regrade import appeal_command, regrade_command
from autograder.cli.results_table import results_table
from autograder.cli.run import note_run, open_run
from autograder.grading import BEFORE
from autograder.grading.register import read_register
from autograder.judging.result import CellResult, Result, TestResult
from autograder.sources import variants

pytestmark = pytest.mark.usefixtures("small_course")


@pytest.fixture(scope="module")
def graded(small_course, tmp_path_factory) -> Path:
    """A course folder whose hand-ins were downloaded elsewhere, while `submitted` holds some of them unpacked."""
    home = tmp_path_factory.mktemp("home")
    folder, downloads = home / "course", home / "downloads"
    folder.mkdir()
    (folder / "class.toml").write_text('course_id = "dl"\n')
    (folder / "secret").write_text("5" * 32)
    for name, maker in (("u0042", variants.untouched), ("u0043", variants.reference)):
        zip_of(maker(EXERCISE, home / name), downloads / f"{name}.zip")
    shutil.copytree(home / "u0042", folder / "submitted" / "u0042" / EXERCISE)
    assert grade_command(_options(folder, submissions=downloads)) == 0
    return folder


def _options(folder: Path, **more: object) -> GradeOptions:
    return GradeOptions(EXERCISE, course=folder, **{"pages": False, "device": "cpu", "jobs": 1, **more})


def _results(folder: Path) -> set[str]:
    return {path.name for path in (folder / "results" / EXERCISE).glob("*.json")}


def test_a_regrade_without_a_folder_grades_what_was_graded(graded, capsys):
    before = _results(graded)
    assert len(before) == 2
    assert regrade_command(_options(graded)) == 0
    said = capsys.readouterr().out
    assert "downloads, as before" in said and "2 hand-ins: 0 graded now" in said
    assert _results(graded) == before and not (graded / "results" / EXERCISE / BEFORE).exists()


def test_an_appeal_without_a_folder_finds_the_stored_result(graded, capsys):
    assert appeal_command(_options(graded), "u0043") == 0
    assert "the stored result is the same" in capsys.readouterr().out


def test_what_is_named_is_added_and_remembered_once_it_was_graded(graded, tmp_path, capsys):
    copy = tmp_path / "course"
    shutil.copytree(graded, copy)
    downloads = graded.parent / "downloads"
    assert grade_command(_options(copy, submissions=copy / "submitted")) == 0
    # The same hand-in, unpacked where nbgrader has it, is no second one.
    assert "2 hand-ins: 1 graded now" in capsys.readouterr().out
    moved = tmp_path / "moved"
    copy.rename(moved)
    # What lies in the course folder moves with it.
    run = open_run(_options(moved))
    assert run.submissions is None and run.register.sources == (downloads, moved / "submitted")
    assert len(run.hand_ins) == 3
    shutil.rmtree(moved / "submitted")
    assert [one.gone for one in open_run(_options(moved)).hand_ins] == [False] * 3


def test_the_worksheet_of_an_earlier_run_is_used_again_and_kept(tmp_path):
    folder = tmp_path / "course"
    folder.mkdir()
    (folder / "class.toml").write_text('course_id = "dl"\n')
    (folder / "secret").write_text("5" * 32)
    hand_ins = tmp_path / "hand_ins"
    (hand_ins / "Ada Byron_77_assignsubmission_file").mkdir(parents=True)
    (hand_ins / "Ada Byron_77_assignsubmission_file" / "a.zip").write_bytes(b"no zip")
    sheet = tmp_path / "Grades.csv"
    sheet.write_text(
        "Identifier,Full name,Grade,Maximum grade,Last modified (submission),Last modified (grade)\n"
        'Participant 77,Ada Byron,,100,"Friday, 20 November 2026, 11:59 PM",-\n'
    )
    assert grade_command(_options(folder, submissions=hand_ins, worksheet=sheet)) == 0
    for _ in range(2):
        (one,) = open_run(_options(folder)).hand_ins
        assert one.found.submitted is not None
        assert grade_command(_options(folder)) == 0
        sheet.unlink(missing_ok=True)
    assert read_register(folder / "results" / EXERCISE).worksheet is not None


def test_the_data_of_the_last_run_are_used_again(graded, tmp_path):
    folder = tmp_path / "course"
    shutil.copytree(graded, folder)
    assert open_run(_options(folder)).register.data is None, "the class's own data are not noted: class.toml decides"
    note_run(open_run(_options(folder, data="real")))
    assert open_run(_options(folder)).settings.data == "real"
    assert open_run(_options(folder, data="embedded")).settings.data == "embedded"
    assert open_run(_options(folder, submissions=graded.parent / "downloads")).settings.data == "real"


def test_a_log_file_is_told_how_far_it_is_and_what_waits(graded, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(telling, "LINE_SECONDS", 0.0)
    hand_ins = graded.parent / "downloads"
    options = GradeOptions(EXERCISE, hand_ins, tmp_path / "results", jobs=1, device="cpu")
    assert grade_command(options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"grading 2 of 2 hand-ins of {EXERCISE}" and "1 of 2 graded" in lines[1]
    (waits,) = [line for line in lines if "without a total" in line]
    assert waits.startswith("2 students without a total, because their written answers are not marked: people mark")


def test_a_terminal_of_80_columns_shows_the_time_that_is_left(graded, tmp_path):
    console = Console(width=80, force_terminal=True, color_system=None, file=io.StringIO())
    options = _options(graded)
    run = open_run(options)
    fleets = options.fleets(run.settings, lambda _: None)
    commands.grade_with_progress(console, EXERCISE, graded.parent / "downloads", tmp_path, run.settings, fleets)
    last = [line for line in console.file.getvalue().splitlines() if "left:" in line][-1]
    assert "2/2" in last and "left: 0:00:00" in last and "…" not in last, last


def test_a_reason_of_several_lines_is_one_line_in_the_table():
    test = TestResult(name="test_a", title="A.", visible=True, passed=False, reason="Error:\n\tsize \x1b[31m mismatch")
    cell = CellResult(grade_id="c", points=0, max_points=1, tests=[test])
    result = Result(student="u0042", exercise=EXERCISE, hand_in="a.zip", cells=[cell], max_score=1)
    console = Console(width=200, file=io.StringIO())
    console.print(results_table([result], EXERCISE))
    assert "Error: size ?[31m mismatch" in console.file.getvalue()


def test_the_table_shows_an_accuracy_with_more_than_one_digit():
    more = {"exercise": EXERCISE, "hand_in": "a.zip", "cells": [], "max_score": 1}
    results = [Result(student=f"u{value}", metrics={"m": value}, **more) for value in (0.8267, 375.43)]
    console = Console(width=120, file=io.StringIO())
    console.print(results_table(results, EXERCISE))
    assert " 0.827 " in console.file.getvalue() and " 375.4 " in console.file.getvalue()


def test_an_error_before_anything_was_graded_stands_alone(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    options = GradeOptions(EXERCISE, submissions=tmp_path / "empty", out=tmp_path / "results", device="cpu", jobs=1)
    with pytest.raises(AutograderError, match="found none of"):
        grade_command(options)
    assert "━" not in capsys.readouterr().out


def test_the_table_counts_what_lateness_costs(tmp_path):
    cell = CellResult(grade_id="c", points=90, max_points=90, tests=[])
    more = {"exercise": EXERCISE, "hand_in": "a.zip", "cells": [cell], "score": 90, "max_score": 90}
    results = [Result(student=name, key=name, **more) for name in ("u1", "u2")]
    console = Console(width=160, file=io.StringIO())
    console.print(results_table(results, EXERCISE, penalties={"u1": 90.0}))
    late, on_time = [line for line in console.file.getvalue().splitlines() if line.startswith("│u")]
    assert "0/90" in late and "90/90" not in late and "handed in late: 90 points less" in late
    assert "90/90" in on_time and "late" not in on_time


def test_a_course_folder_that_lost_its_secret_grades_nothing(tmp_path):
    (tmp_path / "class.toml").write_text("")
    with pytest.raises(AutograderError, match=r"expected the class's secret in .*, found none: put the file back"):
        open_run(_options(tmp_path, submissions=tmp_path))
    assert not (tmp_path / "results").exists()
    (tmp_path / "submitted").mkdir()
    assert open_run(_options(tmp_path, demo_secret=True)).settings.demo_secret


@pytest.mark.parametrize("insists", [False, True])
def test_with_the_demo_secret_there_are_exports_for_those_alone_who_insist(insists, tmp_path, capsys):
    hand_ins = tmp_path / "in"
    hand_ins.mkdir()
    (hand_ins / "u0042.zip").write_bytes(b"no zip")
    options = GradeOptions(EXERCISE, hand_ins, tmp_path / "out", jobs=1, device="cpu", demo_secret=insists)
    assert grade_command(options) == 0
    said = capsys.readouterr().out
    assert (tmp_path / "out" / EXERCISE / "instructor" / "exports").exists() == insists
    assert "the public demo secret was used" in said and ("so there are no exports" in said) != insists
    assert (tmp_path / "out" / EXERCISE / "students" / "feedback" / "u0042.html").is_file()
