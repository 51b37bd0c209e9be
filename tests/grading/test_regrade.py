"""Grading again: after a test was fixed, what changed and why; for an appeal, all there is to say of one hand-in."""

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from demo_course import EXERCISE
from rich.console import Console
from typer.testing import CliRunner

from autograder.__main__ import app
from autograder.base.errors import AutograderError
from autograder.cli.options import GradeOptions
from autograder.cli.regrade import appeal_command, regrade_command, report_changes
from autograder.grading import BEFORE, aside, file_name, forget_told, result_path, set_aside
from autograder.grading.changes import compare
from autograder.judging.result import CellResult, Result, TestResult, read_result, write_result
from autograder.sources import variants
from autograder.sources.exercise import known_tests, sources
from autograder.sources.known_answers import apply, wrong_answers

pytestmark = pytest.mark.usefixtures("small_course")
WRONG = ("adds", "elsewhere")
# A test that is too strict, and the one that it should have been.
STRICT = '''

def name_of_module(code):
    return code.adding.__name__.rpartition(".")[2]


@grade("demo_add")
def test_that_was_fixed(observe):
    """Has a mistake of its own."""
    assert observe(name_of_module) == "addings", "the test is wrong"
'''
FIXED = STRICT.replace('"addings"', '"adding"')


def _test(name: str, passed: bool, reason: str = "", **more: object) -> TestResult:
    return TestResult(name=name, title=f"{name}.", visible=True, passed=passed, reason=reason, **more)


def _result(*tests: TestResult, points: float = 10, **more: object) -> Result:
    score = points * sum(t.passed for t in tests) / max(1, len(tests))
    cell = CellResult(grade_id="cell", points=score, max_points=points, tests=list(tests))
    known = {"student": "s1", "exercise": EXERCISE, "hand_in": "s1.zip", "key": "k", "score": score}
    return Result(**{**known, "max_score": points, "cells": [cell], **more})


def test_equal_results_are_no_change():
    one = _result(_test("a", True), _test("b", False, "r"))
    later = one.model_copy(update={"key": "other", "cpu_seconds": 9.0})
    assert compare(one, later) is None


def test_each_test_says_what_became_of_it():
    before = _result(_test("a", True), _test("b", False, "r"), _test("c", True), _test("d", False))
    after = _result(_test("a", False, "too\nlong"), _test("b", True), _test("e", True), _test("f", False, "new"))
    change = compare(before, after)
    assert change is not None
    assert change.why == (
        "a now fails: too long; b now passes; c is gone; d is gone, it failed; e is new and passes; "
        "f is new and fails: new"
    )
    assert change.difference == 0


def test_points_refusals_failures_and_metrics_are_reasons_too():
    before = _result(_test("a", True), metrics={"score": 300.0})
    assert (
        compare(before, _result(_test("a", True), points=20, metrics={"score": 300.1})).why == "cell counts 20, not 10"
    )
    assert compare(before, _result(_test("a", True), metrics={"score": 310.0})).why == "score 300 is now 310"
    refused = _result(_test("a", False), refused="a bomb")
    assert compare(before, refused).why == "refused: a bomb; a now fails"
    assert compare(refused, before).why == "no longer refused (a bomb); a now passes"
    failed = _result(failed="the disk is full", score=0)
    assert "grading failed: the disk is full" in compare(before, failed).why


@pytest.fixture
def results(tmp_path):
    """A folder of results in which ten hand-ins were graded again: some better, some worse, most the same."""
    folder = tmp_path / EXERCISE
    for i in range(10):
        name = f"s{i}--x.json"
        student = "=HYPERLINK(1) [red]" if i == 0 else f"s{i}"
        before = _result(_test("test_a", i > 2), student=student, key="old", secret_hash="one", versions={"numpy": "1"})
        passes = (i != 1) if i <= 2 else (i != 9)
        reason = "<b>[bold]no[/]" if not passes else ""
        after = _result(_test("test_a", passes, reason), student=student, secret_hash="one", versions={"numpy": "2"})
        write_result(before, folder / BEFORE / name)
        write_result(after, folder / name)
    return folder


def _printed(folder: Path) -> tuple[str, list]:
    console = Console(record=True, width=160, file=io.StringIO())
    found = report_changes(folder, console)
    return console.export_text(), found


def test_the_list_says_whose_score_changed_and_why_and_goes_into_a_csv(results):
    text, found = _printed(results)
    assert [(c.after.student, c.difference) for c in found] == [("=HYPERLINK(1) [red]", 10), ("s2", 10), ("s9", -10)]
    assert "10 hand-ins graded again: 3 scores changed (2 up, 1 down), 7 results are as they were" in text
    assert "test_a now fails: <b>[bold]no[/]" in text
    assert "numpy: 1 before, 2 now (3 of those with changes)" in text
    assert "secret" not in text
    with (results / "instructor" / "changes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["student"], r["before"], r["after"], r["difference"], r["out_of"]) for r in rows] == [
        ("'=HYPERLINK(1) [red]", "0", "10", "10", "10"),
        ("s2", "0", "10", "10", "10"),
        ("s9", "10", "0", "-10", "10"),
    ]
    assert rows[2]["why"] == "test_a now fails: <b>[bold]no[/]"
    assert not (results / BEFORE).exists()


def test_a_list_that_was_cut_off_while_it_was_put_away_is_not_made_anew_from_what_is_left(results, monkeypatch):
    """`kill -9` between two of the results from before: the list is there, and names all of them."""
    removed = []

    def kill(path: Path, missing_ok: bool = False) -> None:
        removed.append(path)
        if len(removed) > 5:
            raise KeyboardInterrupt
        os.unlink(path)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", kill)
        with pytest.raises(KeyboardInterrupt):
            _printed(results)
    kept = (results / "instructor" / "changes.csv").read_bytes()
    assert kept.count(b"\n") == 4 and len(list((results / BEFORE).glob("*.json"))) == 5
    text, found = _printed(results)
    assert found == [] and text.startswith("0 hand-ins graded again")
    assert (results / "instructor" / "changes.csv").read_bytes() == kept
    assert not (results / BEFORE).exists()


def test_what_is_set_aside_after_a_list_was_cut_off_is_told_next_time(results, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(aside, "forget_told", lambda folder: None)
        _printed(results)
    forget_told(results)
    assert not (results / BEFORE).exists()
    assert set_aside(results / "s2--x.json", "newer")
    write_result(_result(_test("test_a", False), student="s2", key="newer"), results / "s2--x.json")
    assert [c.difference for c in _printed(results)[1]] == [-10]


def test_a_hand_in_that_went_before_it_was_graded_again_did_not_change(results):
    write_result(read_result(results / BEFORE / "s2--x.json"), results / "s2--x.json")
    text, found = _printed(results)
    assert [c.after.student for c in found] == ["=HYPERLINK(1) [red]", "s9"]
    assert text.rstrip().endswith(
        "9 hand-ins graded again: 2 scores changed (1 up, 1 down), 7 results are as they were"
    )


def test_what_grading_failed_for_stays_aside(results):
    old = read_result(results / BEFORE / "s5--x.json")
    write_result(_result(failed="the machine burns", score=0), results / "s5--x.json")
    _printed(results)
    assert [p.name for p in (results / BEFORE).iterdir()] == ["s5--x.json"]
    assert read_result(results / BEFORE / "s5--x.json") == old


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A copy of the course whose tests may be edited."""
    folder = tmp_path / "course"
    shutil.copytree(sources(EXERCISE).course, folder / EXERCISE)
    monkeypatch.setenv("AUTOGRADER_COURSE", str(folder))
    return folder / EXERCISE / "test_hidden.py"


@pytest.fixture
def class_(tmp_path):
    folder = tmp_path / "class"
    variants.reference(EXERCISE, folder / "u0001")
    variants.untouched(EXERCISE, folder / "u0002")
    for i, answer in enumerate(a for a in wrong_answers(EXERCISE) if a.name in WRONG):
        apply(answer, folder / f"u001{i}")
    return folder


def _options(class_: Path, out: Path) -> GradeOptions:
    return GradeOptions(EXERCISE, class_, out, jobs=2, device="cpu", pages=False)


def _scores(out: Path) -> dict[str, float]:
    found = [read_result(p) for p in sorted((out / EXERCISE).glob("*.json"))]
    return {r.student: r.score for r in found}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("fails = [", 'fails = ["test_of_old", ', 1), "no test has this name"),
        (lambda text: text.replace("find = ", "find = 'of an older solution' # ", 1), "match exactly once"),
    ],
)
def test_a_wrong_toml_that_is_stale_is_told_before_anything_is_graded(class_, course, tmp_path, damage, said):
    """The report reads it, after hours of grading."""
    path, out = course.parent / "wrong.toml", tmp_path / "results"
    path.write_text(damage(path.read_text()))
    with pytest.raises(AutograderError, match=said) as caught:
        regrade_command(replace(_options(class_, out), pages=True))
    assert str(path) in str(caught.value) and not _scores(out)


def test_a_fixed_test_changes_what_it_should_also_when_killed_in_the_middle(class_, course, tmp_path, capsys):
    out = tmp_path / "results"
    right = course.read_text()
    course.write_text(right + STRICT)
    assert regrade_command(_options(class_, out)) == 0
    assert "nothing was graded again" in capsys.readouterr().out
    strict = _scores(out)
    first = {p.name: p.read_bytes() for p in (out / EXERCISE).glob("*.json")}

    course.write_text(right + FIXED)
    command = [sys.executable, "-m", "autograder", "regrade", EXERCISE, str(class_), "--out", str(out), "--jobs", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path) as process:
        end = time.monotonic() + 120
        while _changed(out, first) < 2 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    kept = {p.name: p.read_bytes() for p in (out / EXERCISE / BEFORE).glob("*.json")}
    assert kept.items() <= first.items()
    assert {name for name in first if (out / EXERCISE / name).read_bytes() != first[name]} <= set(kept)
    assert 2 <= _changed(out, first) < 4

    assert regrade_command(_options(class_, out)) == 0
    printed = capsys.readouterr().out
    assert "4 hand-ins graded again: 4 scores changed (4 up, 0 down), 0 results are as they were" in printed
    fixed = _scores(out)
    assert all(fixed[student] > strict[student] for student in strict)
    assert not (out / EXERCISE / BEFORE).exists()
    with (out / EXERCISE / "instructor" / "changes.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert {s: float(r["before"]) for s, r in rows.items()} == pytest.approx(strict, abs=1e-4)
    assert {s: float(r["after"]) for s, r in rows.items()} == pytest.approx(fixed, abs=1e-4)
    assert {r["why"] for r in rows.values()} == {"test_that_was_fixed now passes"}


def _changed(out: Path, first: dict[str, bytes]) -> int:
    return sum((out / EXERCISE / name).read_bytes() != data for name, data in first.items())


def test_an_appeal_says_everything_and_leaves_the_result_alone(class_, course, tmp_path, capsys):
    out = tmp_path / "results"
    options = _options(class_, out)
    assert appeal_command(options, "u0010") == 0
    printed = capsys.readouterr().out
    (log,) = (out / EXERCISE / "instructor" / "appeals").iterdir()
    text = log.read_text()
    assert text.strip() in printed
    assert "no result is stored" in text
    assert not _scores(out), "an appeal wrote a result"
    for test in known_tests(EXERCISE):
        assert test in text
    lost = next(a.fails for a in wrong_answers(EXERCISE) if a.name == "adds")
    failed = [line.split()[2] for line in text.splitlines() if line.startswith("  FAILED")]
    assert sorted(failed) == sorted(lost)
    assert "log: " in text and "want" in text and "SHA-256" in text and "numpy" in text

    assert appeal_command(options, "u0010", keep=True) == 0
    (path,) = (out / EXERCISE).glob("*.json")
    stored = read_result(path)
    assert appeal_command(options, "u0010") == 0
    assert "the stored result is the same" in capsys.readouterr().out

    # A stored result of the same tests that says something else: chance had a hand in one of them.
    passed = [[t.model_copy(update={"passed": True}) for t in cell.tests] for cell in stored.cells]
    cells = [c.model_copy(update={"tests": tests}) for c, tests in zip(stored.cells, passed, strict=True)]
    write_result(stored.model_copy(update={"cells": cells, "score": 90.0}), path)
    assert appeal_command(options, "u0010") == 0
    printed = capsys.readouterr().out
    assert "the stored result has 90: " in printed and "leaves something to chance" in printed
    assert "stored: passed" in printed
    assert read_result(path).score == 90.0

    course.write_text(course.read_text() + STRICT)
    assert appeal_command(options, "u0010") == 0
    assert "`autograder regrade` grades all again" in capsys.readouterr().out

    # Kept with other tests than before: the list of the next regrade shall not miss it.
    assert appeal_command(options, "u0010", keep=True) == 0
    assert read_result(path).score != 90.0
    assert read_result(out / EXERCISE / BEFORE / path.name).score == 90.0


def test_an_appeal_of_nobody_names_those_there_are(class_, tmp_path):
    with pytest.raises(AutograderError, match="got 'u7777': there are u0001, u0002, u0010"):
        appeal_command(_options(class_, tmp_path / "results"), "u7777")


def test_an_appeal_of_a_hand_in_that_is_gone_says_where_its_result_is(class_, tmp_path):
    out = tmp_path / "results"
    path = result_path(out, EXERCISE, "u0002", "0123456789abcdef")
    write_result(_result(_test("test_a", True), student="u0002"), path)
    shutil.rmtree(class_ / "u0002")
    with pytest.raises(AutograderError) as caught:
        appeal_command(_options(class_, out), "u0002")
    assert str(caught.value) == (
        f"expected a hand-in of u0002 in {class_}, found none there now: put the file back; "
        f"what was graded is in {path}"
    )


def test_an_appeal_of_a_student_without_a_hand_in_says_so(class_, tmp_path):
    (tmp_path / "class.toml").write_text('roster = "roster.csv"\n')
    (tmp_path / "secret").write_text("5" * 32)
    (tmp_path / "roster.csv").write_text("id,name,alias\nu0001,,red\nu0099,Bo Two,blue\n")
    options = GradeOptions(EXERCISE, class_, course=tmp_path, device="cpu")
    for name in ("u0099", "bo two", "BLUE"):
        with pytest.raises(AutograderError, match=f"expected a hand-in of {name} in .*class, found none"):
            appeal_command(options, name)
    # Nobody's name is that of all who have none.
    with pytest.raises(AutograderError, match="got '': there are u0001"):
        appeal_command(options, "")


@pytest.mark.parametrize("command", ["regrade", "appeal"])
def test_a_class_is_graded_again_with_the_options_it_was_graded_with(command, monkeypatch, tmp_path):
    """Without Moodle's worksheet nobody is late and strangers hand in; with other data all scores change."""
    asked = []
    monkeypatch.setattr(f"autograder.cli.regrade.{command}_command", lambda options, *_: asked.append(options) or 0)
    sheet = tmp_path / "Grades.csv"
    arguments = [command, EXERCISE, *(["u0001"] if command == "appeal" else []), "in", "--worksheet", str(sheet)]
    arguments += ["--data", "real", "--unsafe", *(["--final", "--cluster", "slurm"] if command == "regrade" else [])]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    (options,) = asked
    assert (options.worksheet, options.data, options.unsafe, options.pages) == (sheet, "real", True, True)
    assert (options.final, options.cluster) == ((True, "slurm") if command == "regrade" else (False, ""))


def test_the_result_of_somebody_else_is_not_set_aside(tmp_path):
    path = tmp_path / "u0001--0123.json"
    write_result(_result(_test("test_a", True), student="u0002", key="old"), path)
    assert not set_aside(path, "now")
    assert not (tmp_path / BEFORE).exists()


def test_setting_aside_keeps_the_oldest(tmp_path):
    path = tmp_path / f"{file_name('s1')}--0123.json"
    write_result(_result(_test("test_a", True), key="now"), path)
    assert not set_aside(path, "now")
    write_result(_result(_test("test_a", True), key="older"), path)
    assert set_aside(path, "now")
    write_result(_result(_test("test_a", False), key="old"), path)
    assert set_aside(path, "now")
    other = tmp_path / "s1--4567.json"
    write_result(_result(failed="never graded", key="old", score=0), other)
    assert not set_aside(other, "now") and not set_aside(tmp_path / "none.json", "now")
    assert [read_result(p).key for p in (tmp_path / BEFORE).iterdir()] == ["older"]
