"""Which of a student's hand-ins are graded, and who comes first: one student must not hold up a class."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, TypeVar

from ..fleet.local import SLOW_SECONDS
from ..intake.search import Found
from ..judging.job import Job
from ..judging.result import Result

__all__ = ["in_turn", "left_out", "newest", "slow_students"]


class Planned(Protocol):
    """A result that is to be made or found, and for which hand-ins."""

    @property
    def job(self) -> Job:
        """What a judge is asked for."""
        ...

    def known(self) -> Result | None:
        """The result, where it has been made."""
        ...


Plan = TypeVar("Plan", bound=Planned)


def newest(plans: Sequence[Plan], most: int) -> list[Plan]:
    """Of each student's plans, in the order they came, the last `most`, and those that cost nothing any more."""
    after: Counter[str] = Counter()
    kept = []
    for plan in reversed(plans):
        student = plan.job.student
        after[student] += 1
        if after[student] <= most or plan.known() is not None:
            kept.append(plan)
    return kept[::-1]


def left_out(found: Iterable[Found], most: int) -> list[tuple[str, str]]:
    """The files of hand-ins that are not graded because the student sent others later, each with the reason."""
    reason = f"not graded: of each student's hand-ins the newest {most} are (hand_ins under [limits] in class.toml)"
    return [(one.file, reason) for one in found]


def slow_students(results: Iterable[Result | None]) -> set[str]:
    """Students of whom some hand-in took long."""
    return {result.student for result in results if result is not None and result.wall_seconds > SLOW_SECONDS}


def in_turn(jobs: Sequence[Job], slow: Collection[str]) -> list[Job]:
    """Each student's newest hand-in first, then everybody's second newest; those of slow students come last."""
    after: Counter[str] = Counter()
    turns = {}
    for job in reversed(jobs):
        turns[job] = after[job.student]
        after[job.student] += 1
    return sorted(jobs, key=lambda job: (job.student in slow, turns[job]))
