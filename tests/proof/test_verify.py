"""`verify` on a small exercise: right as it stands, and each gate goes red when it is broken on purpose."""

import io
from typing import ClassVar

import pytest
from in_process_judge import InProcessJudge
from rich.console import Console
from tiny_course import POINTS, make_tiny_course

from autograder.base.errors import AutograderError
from autograder.base.settings import Settings
from autograder.judging.result import CellResult, Result, TestResult
from autograder.proof import verify as verify_module
from autograder.proof.verify import MutationScore, SandboxJudge, Verdict, print_report, verify

VACUOUS = """
@grade("windows")
def test_vacuous(observe):
    \"\"\"No window is empty.\"\"\"
    try:
        got = observe(cut, [1, 2], 1)
    except AssertionError:
        got = []
    assert all(got), "a window is empty"
"""

WEAK = """
def kind(code, values):
    return type(code.sums.running_total(values)).__name__


@grade("totals")
def test_totals(observe):
    \"\"\"The totals are a list.\"\"\"
    assert_same(observe(kind, [1]), "list")
"""


@pytest.fixture
def tiny(tmp_path):
    return make_tiny_course(tmp_path / "tiny")


def run(src, **options):
    judge = InProcessJudge(src, POINTS, cpu_seconds=1)
    return verify(src, judge=judge, console=Console(file=io.StringIO()), **{"given": False, **options})


def finding(report, part, name=None):
    (found,) = [each for each in report.findings if each.part == part and name in (None, each.name)]
    return found


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def shown(report) -> str:
    file = io.StringIO()
    print_report(report, Console(file=file, width=200))
    return file.getvalue()


def test_a_good_exercise_is_ok(tiny):
    report = run(tiny)
    assert report.ok, shown(report)
    assert [(each.part, each.name) for each in report.findings] == [
        ("reference", "reference"),
        ("untouched", "untouched"),
        ("right answer", "windows_by_loop"),
        ("wrong answer", "last_window_lost"),
        ("wrong answer", "total_starts_at_one"),
        ("mutants", "mutants"),
    ]
    assert finding(report, "reference").detail == "earns all 100 automatic points"
    assert report.mutation is not None
    assert len(report.mutation.killed) > 15
    assert report.mutation.survivors == ()
    assert "ex77_tiny: ok" in shown(report)


def test_mutants_may_be_left_out(tiny):
    report = run(tiny, mutants=False)
    assert report.ok
    assert report.mutation is None
    assert "mutants" not in {each.part for each in report.findings}


def test_a_test_that_passes_vacuously_is_caught(tiny):
    path = tiny.exercise.visible_tests
    path.write_text(path.read_text() + VACUOUS)
    report = run(tiny, mutants=False)
    assert not report.ok
    assert not finding(report, "untouched").ok
    assert "windows (20)" in finding(report, "untouched").detail


def test_a_reference_that_loses_points_is_caught_and_ends_it(tiny):
    edit(tiny.solution / "sums.py", "total += value", "total += value + 1")
    report = run(tiny)
    assert not report.ok
    assert "test_totals (at [0]: the values differ)" in finding(report, "reference").detail
    assert "not tried" in finding(report, "mutants").detail
    assert report.mutation is None


def test_a_cell_without_tests_is_caught(tiny):
    judge = InProcessJudge(tiny, POINTS)

    def with_empty_cell(handins, *, first_failure):
        for path, verdict in judge(handins, first_failure=first_failure):
            yield path, Verdict({**verdict.cells, "forgotten": (0.0, 10.0)}, verdict.failed)

    report = verify(tiny, judge=with_empty_cell, mutants=False, given=False, console=Console(file=io.StringIO()))
    assert not finding(report, "reference").ok
    assert "no test counts for forgotten" in finding(report, "reference").detail


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('fails = ["test_windows"]', 'fails = ["test_windows", "test_totals"]', "passes test_totals, "),
        (', "test_totals_of_random_values"]', "]", "fails also test_totals_of_random_values"),
        ("[], 1", "[ ], 0", "passes test_totals, test_totals_of_random_values, which it should fail"),
    ],
)  # fmt: skip
def test_a_wrong_answer_that_fails_other_tests_than_it_names_is_caught(tiny, old, new, words):
    edit(tiny.course / "wrong.toml", old, new)
    report = run(tiny, mutants=False)
    (bad,) = [each for each in report.findings if not each.ok]
    assert bad.part == "wrong answer"
    assert words in bad.detail
    assert words in " ".join(shown(report).split())


def test_a_right_answer_that_loses_points_is_caught(tiny):
    edit(tiny.course / "right.toml", "found.append(values[start : start + size])", "found.append(values[start:])")
    report = run(tiny, mutants=False)
    (bad,) = [each for each in report.findings if not each.ok]
    assert (bad.part, bad.name) == ("right answer", "windows_by_loop")
    assert "loses points: test_windows (at [0]: expected 2 items, got 4)" in bad.detail


def test_survivors_are_named_with_their_diff(tiny):
    text = tiny.exercise.visible_tests.read_text()
    start, stop = text.index('@grade("totals")'), text.index("def cut(")
    tiny.exercise.visible_tests.write_text(text[:start] + WEAK + "\n\n" + text[stop:])
    (tiny.course / "test_hidden.py").write_text("")
    (tiny.course / "wrong.toml").unlink()
    report = run(tiny)
    assert not report.ok
    assert [each.part for each in report.findings if not each.ok] == ["mutants"]
    assert {mutant.change for mutant in report.mutation.survivors} >= {"total += value -> total -= value"}
    assert "sums.py:running_total:augmented:1" in shown(report)
    assert "+        total -= value" in shown(report)


def test_a_loop_without_end_loses_points(tiny):
    edit(
        tiny.solution / "sums.py",
        "for value in values:",
        "while len(totals) < len(values):\n        value = values[len(totals)]",
    )
    report = run(tiny)
    assert finding(report, "mutants").ok, shown(report)
    assert any(mutant.before == "totals.append(total)" for mutant in report.mutation.killed)


EQUIVALENT = '[[equivalent]]\nid = "{id}"\nmutant = "{mutant}"\nreason = "said to be the same"\n'


def test_a_stale_equivalent_is_an_error(tiny):
    stale = EQUIVALENT.format(id="sums.py:running_total:augmented:1", mutant="total += val -> total -= val")
    (tiny.course / "equivalent.toml").write_text(stale)
    with pytest.raises(AutograderError, match="the mutant now is 'total \\+= value -> total -= value'"):
        run(tiny)


def test_an_equivalent_that_loses_points_is_caught(tiny):
    wrong = EQUIVALENT.format(id="sums.py:running_total:augmented:1", mutant="total += value -> total -= value")
    (tiny.course / "equivalent.toml").write_text(wrong)
    report = run(tiny)
    assert not report.ok
    assert "1 lose points after all: remove sums.py:running_total:augmented:1" in finding(report, "mutants").detail
    assert "listed as equivalent, but fails test_totals" in shown(report)


def test_a_true_equivalent_is_left_out_of_the_share(tiny):
    edit(tiny.solution / "sums.py", "return totals\n", "totals = totals + []\n    return totals\n")
    before = run(tiny).mutation
    assert [mutant.before for mutant in before.survivors] == ["totals = totals + []"]
    (survivor,) = before.survivors
    (tiny.course / "equivalent.toml").write_text(EQUIVALENT.format(id=survivor.id, mutant=survivor.change))
    after = run(tiny)
    assert after.ok
    assert after.mutation.survivors == ()
    assert after.mutation.killed == before.killed
    assert "1 listed as equivalent" in finding(after, "mutants").detail


def test_a_reference_that_fails_among_the_mutants_is_an_error(tiny):
    good = InProcessJudge(tiny, POINTS)

    def impatient(handins, *, first_failure):
        for path, verdict in good(handins, first_failure=first_failure):
            yield path, Verdict(verdict.cells, {"test_totals": "used up its time"}) if first_failure else verdict

    with pytest.raises(AutograderError, match=r"unchanged reference to pass.*test_totals \(used up its time\)"):
        verify(tiny, judge=impatient, console=Console(file=io.StringIO()))


def test_a_judge_that_forgets_a_hand_in_is_an_error(tiny):
    good = InProcessJudge(tiny, POINTS)

    def forgetful(handins, *, first_failure):
        yield from (pair for pair in good(handins, first_failure=first_failure) if pair[0].name != "untouched")

    with pytest.raises(AutograderError, match="got none for untouched"):
        verify(tiny, judge=forgetful, mutants=False, console=Console(file=io.StringIO()))


def test_no_mutants_is_no_success():
    assert MutationScore((), (), ()).share == 0


class FakeFleet:
    """Stands for the fleet of judges; the gates run the real one."""

    seen: ClassVar[list] = []
    failed = ""

    def __init__(self, exercise, settings, size):
        FakeFleet.seen.append((exercise, settings.stop_at_first_failure, settings.cpu_factor, size))

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass

    def grade(self, jobs):
        tests = [TestResult(name=n, title="t", visible=False, passed=n == "a", reason="safe", log="all") for n in "ab"]
        for job in jobs:
            cells = [CellResult(grade_id="cell", points=5, max_points=10, tests=tests)]
            yield job, Result(student="s", exercise="e", hand_in=job.path.name, cells=cells, failed=self.failed)


def test_sandbox_judge_asks_the_fleet_and_stops_mutants_early(monkeypatch, tmp_path):
    monkeypatch.setattr("autograder.proof.verify.Fleet", FakeFleet)
    monkeypatch.setattr(FakeFleet, "seen", [])
    judge = SandboxJudge("ex77_tiny", Settings(), jobs=2)
    paths = [tmp_path / str(number) for number in range(70)]
    assert list(judge(iter(paths), first_failure=False)) == [
        (path, Verdict({"cell": (5, 10)}, {"b": "all"})) for path in paths
    ]
    assert len(list(judge(paths, first_failure=True))) == 70
    (exercise, stop, factor, size), (_, mutants_stop, mutants_factor, _) = FakeFleet.seen
    assert (exercise, stop, factor, size, mutants_stop) == ("ex77_tiny", False, 1.0, 2, True)
    assert 0 < mutants_factor < 1


def test_grading_that_failed_is_an_error_not_a_lost_point(monkeypatch, tmp_path):
    monkeypatch.setattr("autograder.proof.verify.Fleet", FakeFleet)
    monkeypatch.setattr(FakeFleet, "failed", "the judge died")
    with pytest.raises(AutograderError, match="grading x itself failed: the judge died"):
        list(SandboxJudge("ex77_tiny", Settings())([tmp_path / "x"], first_failure=False))


def test_a_sample_is_the_same_each_time_and_keeps_the_order():
    everything = [f"m{n}" for n in range(100)]
    some = verify_module._some(everything, 24, "ex77_tiny")
    assert len(some) == 24 and some == sorted(some, key=everything.index)
    assert some == verify_module._some(everything, 24, "ex77_tiny") != verify_module._some(everything, 24, "ex78_other")
    assert verify_module._some(everything, None, "ex77_tiny") == everything == verify_module._some(everything, 100, "x")
