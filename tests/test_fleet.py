"""Many hand-ins in judges of their own: equal results, and what happens when a judge dies."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from autograder import variants
from autograder.errors import AutograderError
from autograder.fleet import Fleet
from autograder.judge import Job
from autograder.results import Result
from autograder.settings import Settings

EXERCISE = "ex03_dataloader"


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    reference = variants.reference(EXERCISE, folder / "u0000")
    paths = [reference, variants.untouched(EXERCISE, folder / "u0001")]
    for i in range(2, 6):
        paths.append(Path(shutil.copytree(reference, folder / f"u{i:04}")))
    return [Job(path.name, path) for path in paths]


def _kernel_of(results: list[tuple[Job, Result]]) -> dict[str, Result]:
    """Results by student, without what may differ from run to run."""
    assert len({job.student for job, _ in results}) == len(results)
    return {job.student: result.for_student() for job, result in results}


@pytest.fixture(scope="module")
def expected(jobs):
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        results = list(fleet.grade(jobs))
    assert {r.student: r.score == r.max_score for _, r in results} == {j.student: j.student != "u0001" for j in jobs}
    return _kernel_of(results)


def test_two_judges_give_what_one_gives(jobs, expected):
    with Fleet(EXERCISE, Settings(), 2) as fleet:
        assert _kernel_of(list(fleet.grade(jobs))) == expected


def test_a_judge_that_is_killed_costs_a_retry_and_nothing_else(jobs, expected):
    results = []
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        for step in fleet.grade(jobs):
            results.append(step)
            if len(results) in (1, 3):
                os.kill(fleet._members[0].process.pid, signal.SIGKILL)
    assert _kernel_of(results) == expected


def test_a_worker_that_is_killed_costs_a_retry_and_nothing_else(jobs):
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        results = []
        for step in fleet.grade(jobs):
            results.append(step[1])
            if len(results) == 1:
                for pid in _children(fleet._members[0].process.pid):
                    os.kill(pid, signal.SIGKILL)
    assert len(results) == len(jobs)
    for result in results:
        assert not result.failed
        assert result.score == (0 if result.student == "u0001" else result.max_score)


def test_a_hand_in_that_kills_its_judge_each_time_gets_a_result_that_says_so(jobs, monkeypatch):
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        give = fleet._give

        def give_and_kill(member, job):
            give(member, job)
            if job.student == "u0002":
                member.process.kill()

        monkeypatch.setattr(fleet, "_give", give_and_kill)
        results = {job.student: result for job, result in fleet.grade(jobs)}
    assert "ended while it graded" in results["u0002"].failed
    assert all(not r.failed for s, r in results.items() if s != "u0002")


def test_stopping_at_the_first_failure_leaves_the_next_hand_in_alone(jobs, tmp_path, monkeypatch):
    """Stopped among the hidden tests, pytest is in their module, and the next hand-in starts in the other one."""
    course = tmp_path / "course"
    shutil.copytree(variants.sources(EXERCISE).course, course / EXERCISE)
    hidden = course / EXERCISE / "test_hidden.py"
    always = '@grade("dataset_len")\ndef test_that_fails(observe):\n    """Fails."""\n    raise AssertionError\n\n\n'
    hidden.write_text(hidden.read_text().replace("@grade(", always + "@grade(", 1))
    monkeypatch.setenv("AUTOGRADER_COURSE", str(course))
    with Fleet(EXERCISE, Settings(stop_at_first_failure=True), 1) as fleet:
        results = [result for _, result in fleet.grade([jobs[0], jobs[2]])]
    assert [[t.name for t in r.lost] for r in results] == [["test_that_fails"]] * 2


def test_a_course_that_cannot_be_graded_is_one_error(jobs, tmp_path, monkeypatch):
    course = tmp_path / "course"
    shutil.copytree(variants.sources(EXERCISE).course, course / EXERCISE)
    (course / EXERCISE / "test_hidden.py").write_text("import nothing_such\n")
    monkeypatch.setenv("AUTOGRADER_COURSE", str(course))
    with pytest.raises(AutograderError, match="could not be"), Fleet(EXERCISE, Settings(), 1) as fleet:
        list(fleet.grade(jobs[:1]))


def test_no_process_is_left_behind(jobs):
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        list(fleet.grade(jobs[:1]))
        pids = [fleet._members[0].process.pid, *_children(fleet._members[0].process.pid)]
        assert len(pids) >= 2
    for pid in pids:
        status = Path(f"/proc/{pid}/status")
        assert not status.exists() or "State:\tZ" in status.read_text()


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
