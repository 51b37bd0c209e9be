"""Steps of a model's score: which are reached, which comes next, and what each of them adds to the points."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import CourseError

__all__ = ["Step", "check_steps", "reached", "upcoming"]


@dataclass(frozen=True)
class Step:
    """A stated score: what it is called, the score for each data source, and the share of the points it brings.

    Shares add nothing up: whoever stands on a step has its share. The first step with the share 1 is the one that
    passes; those behind it are honours without points, and may be stated for some of the sources only.
    """

    name: str
    score: dict[str, float]
    share: float


def reached(steps: tuple[Step, ...], score: float, source: str, digits: int, higher_is_better: bool) -> Step | None:
    """The highest step whose stated score the rounded score reaches; None below all of them.

    Both sides have the digits that scores are stated with, so noise behind them decides nothing.
    """
    rounded = round(score, digits)
    best = None
    for step in steps:
        stated = step.score.get(source)
        if stated is not None and (rounded >= stated if higher_is_better else rounded <= stated):
            best = step
    return best


def upcoming(steps: tuple[Step, ...], step: Step | None, source: str) -> Step | None:
    """The step behind this one; None behind the last. Behind None comes the first."""
    behind = steps[steps.index(step) + 1 :] if step is not None else steps
    return next((each for each in behind if source in each.score), None)


def check_steps(steps: tuple[Step, ...], digits: int, where: str) -> None:
    """Nothing; a `CourseError` when names, shares or scores do not make a staircase."""
    names = [step.name for step in steps]
    if len(set(names)) < len(names):
        raise CourseError(f"{where}: expected steps with names that differ, got {', '.join(names)}")
    shares = [step.share for step in steps]
    earning = shares[: shares.index(1) + 1] if 1 in shares else []
    if not earning or sorted(set(earning)) != earning or earning[0] <= 0 or set(shares[len(earning) :]) - {1}:
        raise CourseError(f"{where}: expected shares that rise from above 0 to 1 and stay there, got {shares}")
    sources = set(steps[len(earning) - 1].score)
    for step in steps[: len(earning)]:
        if set(step.score) != sources:
            raise CourseError(f"{where}: expected scores of {step.name!r} for {sorted(sources)}, got {step.score}")
    for source in sorted({source for step in steps for source in step.score}):
        scores = [step.score[source] for step in steps if source in step.score]
        if source not in sources or (sorted(set(scores)) not in (scores, scores[::-1])):
            raise CourseError(f"{where}: expected scores for {source} that get better from step to step, got {scores}")
        if any(round(score, digits) != score for score in scores):
            raise CourseError(f"{where}: expected scores with at most {digits} digits, got {scores} for {source}")
