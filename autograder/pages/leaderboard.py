"""The leaderboard: a page of aliases, ranked by each student's best hand-in."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from markupsafe import Markup

from exercise_code.common.metrics import get_metric

from ..base.text import clean_text, how_many, number_text
from ..classroom.roster import Student
from ..grading.standing import Attempt, GradedClass, Standing
from .charts import Mark, Point, histogram, scatter
from .page import render, write_page

__all__ = ["Entry", "rank_class", "write_leaderboard"]

PASSED = "passed"
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    """A line of the ranking: the hand-in that counts, its score, and in the final ranking where it stood before.

    `score` is rounded, as all that is shown or drawn; `public` is the score that ranked before the end.
    """

    rank: int
    alias: str
    score: float
    public: float
    moved: int
    hand_ins: int
    passed: bool
    step: str
    parameters: int | None
    submitted: datetime | None


@dataclass(frozen=True)
class _Scored:
    """A hand-in with its rounded scores; `private` (NaN without one) is kept out of all until the final ranking."""

    attempt: Attempt
    public: float
    private: float

    @property
    def when(self) -> datetime:
        return self.attempt.submitted or NEVER


def write_leaderboard(graded: GradedClass, path: Path, final: bool = False) -> bool:
    """True when the page had to be written; `final` ranks by the private half of the hidden set, and shows both."""
    final = final and graded.exercise.model is not None
    entries = rank_class(graded, final)
    scored = [s for _, all_of in _players(graded) for s in all_of]
    times = [s.attempt.submitted for s in scored if s.attempt.submitted]
    metric = graded.exercise.model.metric.replace("_", " ") if graded.exercise.model else "automatic points"
    page = render(
        "leaderboard.html",
        script="leaderboard.js",
        title=f"Leaderboard: {graded.exercise.title}",
        exercise=graded.exercise,
        entries=entries,
        final=final,
        metric=metric,
        max_score=graded.max_score,
        signs=(signs := _signs(graded)),
        sign_of={name: sign for sign, name, _ in signs},
        tiles=_tiles(entries, graded),
        plots=_plots(graded, entries, scored, metric, final),
        newest=max(times, default=None),
        left_out=sum(1 for s in graded.standings if s.attempts and s.known and _alias(s.student)) - len(entries),
        demo_secret=graded.demo_secret,
        number=_number,
        aligned=partial(_aligned, graded=graded),
        how_many=how_many,
        when=_when,
    )
    return write_page(page, path, public=True)


def rank_class(graded: GradedClass, final: bool = False) -> list[Entry]:
    """The ranking, best first. Equal scores share a rank; among them the earlier hand-in stands first.

    The hand-in that is best on the public half counts, in the final ranking too: whoever took the best of many on
    the private half would have chosen by it.
    """
    sign = -1 if _higher_is_better(graded) else 1
    best = [
        (_alias(standing.student), len(standing.attempts), min(found, key=lambda s: (sign * s.public, s.when)))
        for standing, found in _players(graded)
    ]
    if final:
        best = [b for b in best if math.isfinite(b[2].private)]
    best.sort(key=lambda b: (sign * (b[2].private if final else b[2].public), b[2].when, b[0]))
    ranks = _ranks([s.private if final else s.public for _, _, s in best])
    order = sorted(range(len(best)), key=lambda i: sign * best[i][2].public)
    before = dict(zip(order, _ranks([best[i][2].public for i in order]), strict=True))
    entries = []
    for i, (alias, hand_ins, scored) in enumerate(best):
        score = scored.private if final else scored.public
        entries.append(
            Entry(
                rank=ranks[i],
                alias=alias,
                score=score,
                public=scored.public,
                moved=before[i] - ranks[i],
                hand_ins=hand_ins,
                passed=_passes(graded, score),
                step=_step(graded, score),
                parameters=scored.attempt.parameters,
                submitted=scored.attempt.submitted,
            )
        )
    return entries


def _players(graded: GradedClass) -> list[tuple[Standing, list[_Scored]]]:
    """Students who may be shown, with their hand-ins that have a score."""
    model = graded.exercise.model
    found = []
    for standing in graded.standings:
        if not standing.known or not _alias(standing.student):
            continue
        scored = []
        for attempt in standing.attempts:
            if attempt.refused or attempt.failed:
                continue
            if model is None:
                scored.append(_Scored(attempt, round(attempt.score, 1), round(attempt.score, 1)))
            elif math.isfinite(public := attempt.public_metrics.get(model.metric, math.nan)):
                private = attempt.private_metrics.get(model.metric, math.nan)
                scored.append(_Scored(attempt, _rounded(public), _rounded(private)))
        if scored:
            found.append((standing, scored))
    return found


def _alias(student: Student) -> str:
    """What classmates may see; empty where that would be the student's name, id or address."""
    alias = clean_text(student.alias).strip()
    own = {clean_text(text).strip().casefold() for text in (student.id, student.name, student.email)}
    return "" if alias.casefold() in own else alias


def _ranks(scores: Sequence[float]) -> list[int]:
    """Places of scores that are sorted; equal ones share the first of theirs."""
    ranks: list[int] = []
    for i, score in enumerate(scores):
        ranks.append(ranks[-1] if i and score == scores[i - 1] else i + 1)
    return ranks


def _rounded(value: float) -> float:
    """The value to three digits, as in a student's feedback: nobody climbs by asking often."""
    return float(f"{value:.3g}")


def _higher_is_better(graded: GradedClass) -> bool:
    return graded.exercise.model is None or get_metric(graded.exercise.model.metric).higher_is_better


def _passing(graded: GradedClass) -> float | None:
    if graded.exercise.model is None:
        return graded.exercise.pass_points
    return graded.exercise.model.passing.get(graded.data)


def _passes(graded: GradedClass, score: float) -> bool:
    passing = _passing(graded)
    if passing is None or graded.exercise.model is None:
        return passing is not None and score >= passing
    return graded.exercise.model.passes(score, graded.data)


def _step(graded: GradedClass, score: float) -> str:
    """The name of the highest step that the score reaches, where points alone rank "passed"; empty below all."""
    model = graded.exercise.model
    if model is None:
        return PASSED if _passes(graded, score) else ""
    step = model.reached(score, graded.data) if _passing(graded) is not None else None
    return step.name if step else ""


def _signs(graded: GradedClass) -> list[tuple[str, str, str]]:
    """Sign, name and score of each step, lowest first."""
    model = graded.exercise.model
    if model is None:
        return [("✓", PASSED, _number(graded.exercise.pass_points))]
    found = []
    for step in model.steps:
        if (score := step.score.get(graded.data)) is None:
            continue
        sign = (
            "✓"
            if step == model.pass_step
            else "★"
            if step.share == 1
            else "◔◑◕"[int(step.share >= 0.5) + int(step.share >= 0.75)]
        )
        found.append((sign, step.name, _number(score)))
    return found


def _tiles(entries: Sequence[Entry], graded: GradedClass) -> list[tuple[str, str]]:
    if not entries:
        return []
    scores = [e.score for e in entries]
    passed = sum(e.passed for e in entries)
    tiles = [
        (f"{len(entries):,}", "student" if len(entries) == 1 else "students"),
        (_number(entries[0].score), "best score"),
        (_number(_rounded(statistics.median(scores))), "median score"),
    ]
    if _passing(graded) is not None:
        tiles.append((f"{100 * passed // len(entries)} %", "reach the passing score"))
    return tiles


def _plots(
    graded: GradedClass, entries: Sequence[Entry], scored: Sequence[_Scored], metric: str, final: bool
) -> list[Markup]:
    if not entries:
        return []
    plots = [_over_time(graded, scored, metric)] if any(s.attempt.submitted for s in scored) else []
    if graded.exercise.model is None:
        plots.append(
            histogram(
                (e.score for e in entries),
                title="How the points are spread",
                x_label=f"automatic points, of {_number(graded.max_score)}",
                limits=(0, graded.max_score),
                marks=_passing_mark(graded),
            )
        )
    elif any(e.parameters for e in entries):
        plots.append(_against_size(graded, entries, metric, final))
    return plots


def _passing_mark(graded: GradedClass) -> list[Mark]:
    passing = _passing(graded)
    return [] if passing is None else [Mark(passing, f"passing: {_number(passing)}")]


def _over_time(graded: GradedClass, scored: Iterable[_Scored], metric: str) -> Markup:
    """The public score of every hand-in; the private one would tell an order that is not known yet."""
    known = sorted((s.attempt.submitted, s.public) for s in scored if s.attempt.submitted)
    better = max if _higher_is_better(graded) else min
    line = [known[0]]
    for moment, score in known:
        if better(score, line[-1][1]) != line[-1][1]:
            line.append((moment, score))
    first, last = known[0][0], known[-1][0]
    words = f"{how_many(len(known), 'hand-ins')}; the best went from {_number(line[0][1])} to {_number(line[-1][1])}."
    marks = _passing_mark(graded)
    if graded.due and first <= graded.due <= last + (last - first) / 4:
        marks.append(Mark(graded.due, "due", "x"))
    return scatter(
        known,
        title="Scores over time",
        x_label="handed in (UTC)",
        y_label=f"{metric}, public half" if graded.exercise.model else metric,
        line=[*line, (last, line[-1][1])],
        line_label="best so far",
        marks=marks,
        summary=words if len(line) > 1 else f"{how_many(len(known), 'hand-ins')}; the best is {_number(line[-1][1])}.",
    )


def _against_size(graded: GradedClass, entries: Sequence[Entry], metric: str, final: bool) -> Markup:
    """Scores against parameters, with the front: no smaller model is as good."""
    better = max if _higher_is_better(graded) else min
    sign = -1 if better is max else 1
    front: list[Entry] = []
    sized = [e for e in entries if e.parameters]
    for entry in sorted(sized, key=lambda e: (e.parameters or 0, sign * e.score)):
        if not front or better(entry.score, front[-1].score) != front[-1].score:
            front.append(entry)
    on_front = {id(e) for e in front}
    largest = max(e.parameters or 0 for e in sized)
    words = f"The best, {_number(front[-1].score)}, has {front[-1].parameters:,} parameters."
    passed = [e.parameters or 0 for e in sized if e.passed]
    if passed:
        words += f" The smallest that passes has {min(passed):,}."
    return scatter(
        [
            Point(
                e.parameters or 0, e.score, _said(e) if id(e) in on_front else "", "accent" if id(e) in on_front else ""
            )
            for e in sized
        ],
        title="Score and model size",
        x_label="parameters",
        y_label=f"{metric}, {'private' if final else 'public'} half",
        log_x=True,
        line=[*((e.parameters or 0, e.score) for e in front), (largest, front[-1].score)],
        line_label="best for its size",
        marks=_passing_mark(graded),
        summary=words,
    )


def _said(entry: Entry) -> str:
    return f"{entry.alias}: {_number(entry.score)} with {entry.parameters:,} parameters"


def _number(value: float) -> str:
    """A score or points in as few letters as say it: `90`, `73.5`, `345`."""
    return number_text(value, 4 if abs(value) < 10 else 1)


def _aligned(value: float, graded: GradedClass) -> str:
    """A score for a column: three digits of a metric, points with one decimal."""
    if graded.exercise.model is None:
        return f"{value:.1f}"
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{min(9, max(0, digits))}f}".replace("-", "−")


def _when(moment: datetime, form: str) -> str:
    moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%MZ") if form == "machine" else f"{moment.day} {moment:%b %Y, %H:%M}"
