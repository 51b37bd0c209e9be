"""A class of any size, made from an exercise's own sources: its hand-ins, its roster, its dates."""

import csv
import os
import random
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ..base.errors import AutograderError
from ..sources.exercise import Sources, sources
from .drafts import DUE, Draft, DraftMaker
from .snippets import HOSTILE_NAMES, UNKNOWN_NAMES

__all__ = ["DUE", "SHARES", "MadeClass", "MadeHandIn", "make_class"]

MISSING, UNKNOWN, TWICE, LATE, EXTENDED = 0.03, 0.005, 0.08, 0.06, 0.02
# What those who hand in hand in. Endless loops are rare; at import each costs one test's limit, 5 s in ex03.
SHARES = {
    "solved": 0.37,
    "wrong": 0.30,
    "several": 0.12,
    "unfinished": 0.10,
    "untouched": 0.02,
    "broken": 0.03,
    "archive": 0.012,
    "notebook": 0.018,
    "hostile": 0.015,
    "endless": 0.005,
    "copy": 0.01,
}


@dataclass(frozen=True)
class MadeHandIn:
    """One hand-in; `fails` are exactly the tests that it fails, where that is known."""

    student: str
    path: Path
    kind: str
    about: str
    submitted: datetime
    fails: tuple[str, ...] | None = None


@dataclass(frozen=True)
class MadeClass:
    """Where the class lies, and what is in it; `copies` are pairs of students, the one who wrote it first."""

    folder: Path
    submissions: Path
    roster: Path
    due: datetime
    hand_ins: tuple[MadeHandIn, ...]
    missing: tuple[str, ...]
    copies: tuple[tuple[str, str], ...]

    @property
    def kinds(self) -> dict[str, int]:
        """How many hand-ins of each kind there are."""
        found: dict[str, int] = {}
        for hand_in in self.hand_ins:
            found[hand_in.kind] = found.get(hand_in.kind, 0) + 1
        return dict(sorted(found.items()))


def make_class(exercise: str | Sources, folder: Path, students: int = 1500, seed: int = 0) -> MadeClass:
    """A class in `folder`: `submissions` with a zip a student (several in a folder of theirs), roster.csv, class.toml.

    The same arguments give the same bytes and the same times. A `class.toml` that is there already stays.
    """
    if students < 1:
        raise AutograderError(f"expected one student or more, got {students}")
    source = sources(exercise)
    submissions = folder / "submissions"
    if submissions.exists() and any(submissions.iterdir()):
        raise AutograderError(f"expected no hand-ins in {submissions} yet: name another folder, or remove it")
    submissions.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="class-") as scratch:
        maker = DraftMaker(source, random.Random(f"{source.id} {students} {seed}"), Path(scratch))
        hand_ins, missing, copies = _fill(maker, submissions, students)
    roster = folder / "roster.csv"
    _write_roster(roster, students, seed)
    settings = folder / "class.toml"
    if not settings.exists():
        settings.write_text(_class_toml(source.id), encoding="utf-8")
    return MadeClass(folder, submissions, roster, DUE, tuple(hand_ins), tuple(missing), tuple(copies))


def _fill(
    maker: DraftMaker, submissions: Path, students: int
) -> tuple[list[MadeHandIn], list[str], list[tuple[str, str]]]:
    dice = maker.dice
    everybody = [_student_id(i) for i in range(students)]
    missing = sorted(dice.sample(everybody, round(MISSING * students)))
    present = [s for s in everybody if s not in set(missing)]
    twice = set(dice.sample(present, round(TWICE * len(present))))
    kinds = _quotas(SHARES, len(present))
    dice.shuffle(kinds)
    hand_ins: list[MadeHandIn] = []
    copies: list[tuple[str, str]] = []
    own: dict[str, Draft] = {}
    # Who copies needs somebody to copy from.
    for student, kind in sorted(zip(present, kinds, strict=True), key=lambda pair: pair[1] == "copy"):
        drafts = [maker.draft("unfinished" if dice.random() < 0.6 else "wrong")] if student in twice else []
        if kind == "copy" and own:
            original = dice.choice(sorted(own))
            drafts.append(maker.copy(own[original]))
            copies.append((original, student))
        else:
            drafts.append(maker.draft("solved" if kind == "copy" else kind))
        last = drafts[-1]
        if last.modules and last.kind in ("solved", "wrong", "several"):
            own[student] = last
        hand_ins += _write(maker, submissions, student, drafts)
    for name in UNKNOWN_NAMES[: max(1, round(UNKNOWN * students))]:
        hand_ins += _write(maker, submissions, name, [maker.draft("solved")])
    return sorted(hand_ins, key=lambda h: (h.student, h.submitted)), missing, copies


def _quotas(shares: dict[str, float], count: int) -> list[str]:
    """So many names, each by its share, what is left over to those with the largest remainders."""
    exact = {name: share * count for name, share in shares.items()}
    kept = {name: int(value) for name, value in exact.items()}
    for name in sorted(exact, key=lambda n: kept[n] - exact[n])[: count - sum(kept.values())]:
        kept[name] += 1
    return [name for name, number in kept.items() for _ in range(number)]


def _student_id(i: int) -> str:
    return f"s{10_000 + i * 37}"


def _write(maker: DraftMaker, submissions: Path, student: str, drafts: list[Draft]) -> list[MadeHandIn]:
    """The drafts of one student, written as zips with their times."""
    dice = maker.dice
    hours = -dice.expovariate(1 / 20)
    if dice.random() < LATE:
        hours = dice.uniform(0.05, 80)
    last = DUE + timedelta(seconds=int(hours * 3600))
    made = []
    for back, draft in enumerate(reversed(drafts)):
        submitted = last - timedelta(hours=5 * back)
        path = submissions / f"{student}.zip"
        if len(drafts) > 1:
            path = submissions / student / f"{maker.source.id}_{len(drafts) - back}.zip"
            path.parent.mkdir(exist_ok=True)
        path.write_bytes(maker.pack(draft, student, submitted))
        os.utime(path, (submitted.timestamp(), submitted.timestamp()))
        # A wrong formula may have the right value for somebody's own numbers.
        fails = None if maker.source.exercise.personal and draft.fails else draft.fails
        made.append(MadeHandIn(student, path, draft.kind, draft.about, submitted, fails))
    return made


def _write_roster(path: Path, students: int, seed: int) -> None:
    dice = random.Random(f"roster {students} {seed}")
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["id", "name", "alias", "group", "extension"])
        for i in range(students):
            name = f"Name{i:04} Family{dice.randrange(100):02}"
            # In a small class one of them, in a large one all.
            if i % 20 == 7 and i // 20 < len(HOSTILE_NAMES):
                name = HOSTILE_NAMES[i // 20]
            extension = "48h" if dice.random() < EXTENDED else ""
            rows.writerow([_student_id(i), name, "", "ABCDEF"[i % 6], extension])


def _class_toml(exercise_id: str) -> str:
    return f"""course_id = "deep_learning"
roster = "roster.csv"

[[late]]
hours = 24
lose = 10

[[late]]
hours = 72
lose = 30

[exercises.{exercise_id}]
due = {DUE.isoformat()}
"""
