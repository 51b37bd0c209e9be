"""What one student may cost a class: the newest hand-ins are graded, and slow ones wait for everybody else."""

import os
import shutil
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.base.errors import AutograderError
from autograder.base.settings import Settings, versions
from autograder.classroom.class_file import Classroom, open_classroom
from autograder.fleet.local import SLOW_SECONDS, Fleet, put_last
from autograder.grading import grade_class
from autograder.grading.keys import result_key
from autograder.grading.turns import in_turn
from autograder.judging.job import Job
from autograder.judging.result import Result
from autograder.sources import variants

EXERCISE = "ex03_dataloader"


class Judges:
    """A fleet that judges nobody: each hand-in has 90 points, and those of u0042 take long."""

    def __init__(self) -> None:
        self.order: list[Job] = []

    def __enter__(self) -> "Judges":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def grade(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Each job with its result."""
        for job in jobs:
            self.order.append(job)
            seconds = 50.0 if job.student == "u0042" else 0.3
            yield job, Result(student=job.student, exercise=EXERCISE, hand_in="x", score=90, wall_seconds=seconds)


@pytest.fixture
def hand_ins(tmp_path: Path) -> Path:
    """Four students with one folder each, u0042 with a Moodle download's twenty zips."""
    folder = tmp_path / "class"
    base = variants.untouched(EXERCISE, tmp_path / "base")
    module = base / "exercise_code" / EXERCISE / "dataloader.py"
    text = module.read_text()
    first = datetime(2026, 11, 20, tzinfo=UTC)
    for student, count in (("u0001", 1), ("u0002", 2), ("u0042", 20), ("u0099", 1)):
        for n in range(count):
            module.write_text(f"{text}\n# {student} {n}\n")
            where = folder / student / f"{n:02}"
            where.mkdir(parents=True)
            path = Path(shutil.make_archive(str(where / EXERCISE), "zip", base))
            when = (first + timedelta(hours=n)).timestamp()
            for one in (path, where):
                os.utime(one, (when, when))
    return folder


def _grade(folder: Path, out: Path, **settings):
    judges = Judges()
    return grade_class(EXERCISE, folder, out, Settings(**settings), fleets=lambda _: judges), judges


def test_the_newest_are_graded_and_the_others_named(hand_ins: Path, tmp_path: Path) -> None:
    graded, judges = _grade(hand_ins, tmp_path / "out")
    asked = [job.hand_in for job in judges.order if job.student == "u0042"]
    assert len(asked) == 10
    [standing] = [s for s in graded.standings if s.student.id == "u0042"]
    everything = sorted({a.file for a in standing.attempts} | {name for name, _ in graded.problems})
    assert len(standing.attempts) == 10 and len(everything) == 20
    assert standing.marked is not None and standing.marked.file == everything[-1], "the last one gives the mark"
    assert [a.file for a in standing.attempts] == everything[-10:]
    assert all("the newest 10 are" in reason and "class.toml" in reason for _, reason in graded.problems)


def test_one_student_with_twenty_goes_round_with_the_others(hand_ins: Path, tmp_path: Path) -> None:
    _, judges = _grade(hand_ins, tmp_path / "out")
    first = [job.student for job in judges.order][:4]
    assert sorted(first) == ["u0001", "u0002", "u0042", "u0099"]
    assert [job.student for job in judges.order][4] == "u0002"
    assert {job.student for job in judges.order[5:]} == {"u0042"}


def test_who_was_slow_before_comes_last(hand_ins: Path, tmp_path: Path) -> None:
    _grade(hand_ins, tmp_path / "out")
    # Another secret: everything is graded anew.
    _, judges = _grade(hand_ins, tmp_path / "out", secret=b"another secret of more than 128 bits")
    students = [job.student for job in judges.order]
    assert sorted(students[:4]) == ["u0001", "u0002", "u0002", "u0099"] and set(students[4:]) == {"u0042"}


def test_what_was_graded_stays_when_others_come(hand_ins: Path, tmp_path: Path) -> None:
    _grade(hand_ins, tmp_path / "out")
    graded, judges = _grade(hand_ins, tmp_path / "out", hand_ins=3)
    [standing] = [s for s in graded.standings if s.student.id == "u0042"]
    assert not judges.order and len(standing.attempts) == 10


jobs = st.lists(st.builds(Job, st.sampled_from("abcd"), st.uuids().map(lambda u: Path(str(u)))), max_size=30)


@given(jobs, st.sets(st.sampled_from("abcd")))
def test_turns_lose_nobody_and_keep_slow_students_last(todo: list[Job], slow: set[str]) -> None:
    ordered = in_turn(todo, slow)
    assert sorted(map(repr, ordered)) == sorted(map(repr, todo))
    kinds = [job.student in slow for job in ordered]
    assert kinds == sorted(kinds)
    for student in {job.student for job in todo}:
        assert [j for j in ordered if j.student == student] == [j for j in todo if j.student == student][::-1]


@given(jobs)
def test_a_slow_students_hand_ins_are_put_behind_all_others(todo: list[Job]) -> None:
    waiting = deque(todo)
    put_last(waiting, "a")
    assert [j for j in waiting if j.student != "a"] == [j for j in todo if j.student != "a"]
    assert list(waiting)[len(todo) - sum(j.student == "a" for j in todo) :] == [j for j in todo if j.student == "a"]


def test_a_fleet_puts_a_slow_students_others_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(EXERCISE, Settings(), 1)
    jobs = [Job("u0042", tmp_path / "1"), Job("u0042", tmp_path / "2"), Job("u0001", tmp_path / "3")]
    member = type("Member", (), {"job": None, "process": type("P", (), {"pid": 0})})()
    fleet._members = [member]
    monkeypatch.setattr(fleet, "_give", lambda member, job: setattr(member, "job", job))

    def collect():
        known = {"student": "x", "exercise": EXERCISE, "hand_in": "x", "versions": versions()}
        yield member, Result(wall_seconds=SLOW_SECONDS + 1, **known)

    monkeypatch.setattr(fleet, "_collect", collect)
    assert [job.path.name for job, _ in fleet.grade(jobs)] == ["1", "3", "2"]


def test_the_class_says_what_a_student_may_cost(tmp_path: Path) -> None:
    (tmp_path / "class.toml").write_text("[limits]\nhand_ins = 3\nhand_in_seconds = 40\n")
    settings = open_classroom(tmp_path).applied_to(Settings())
    assert (settings.hand_ins, settings.hand_in_seconds) == (3, 40)
    plain = Classroom().applied_to(Settings())
    assert plain == Settings() and plain.hand_ins == 10
    # Another time limit may be another score; another number of hand-ins is none.
    assert result_key("u", "f", "c", settings) != result_key("u", "f", "c", plain)
    assert result_key("u", "f", "c", Settings(hand_ins=3)) == result_key("u", "f", "c", plain)
    (tmp_path / "class.toml").write_text("[limits]\nhand_ins = 0\n")
    with pytest.raises(AutograderError, match=r"limits\.hand_ins"):
        open_classroom(tmp_path)
