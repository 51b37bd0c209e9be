"""A page for each student: how many points, what to fix first, and how."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup

from exercise_code.common.checks.alike import alike
from exercise_code.common.exercise import ModelSpec
from exercise_code.common.hand_ins.notes import Note
from exercise_code.common.reasons import PLACES, Reason

from ..base.stamps import Stamps, code_hash, hash_of
from ..base.text import short, signed
from ..grading import file_name
from ..grading.standing import Attempt, GradedClass, Marking, Standing
from ..judging.result import CellResult, Result, TestResult
from ..sources.cells import GradedCell, graded_cells
from ..sources.exercise import sources
from . import page
from .page import render, write_page
from .pictures import Gallery

__all__ = ["feedback_page", "write_feedback"]

STAMPS = ".feedback.json"
# Text beyond this is folded away: a wrong answer may be a thousand characters long.
SHORT, SHORT_LINES = 280, 7
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def write_feedback(graded: GradedClass, folder: Path, cache: Path | None = None) -> int:
    """The number of pages written: `<id>.html` in `folder`, for everybody whose page would be another one.

    What each page was made from stands in a file in `cache`, or in `folder` without one, so that a second run
    reads no result that it has read before. A page of an id that the class no longer has goes, unless somebody has
    changed it.
    """
    stamps = Stamps((cache or folder) / STAMPS, folder, ".html")
    rules = _stamp_of_rules(graded)
    maker = _Maker(graded)
    written = 0
    try:
        for standing in graded.standings:
            name = f"{file_name(standing.student.id)}.html"
            stamp = _stamp(rules, standing)
            if stamps.current(name, stamp):
                continue
            text = maker.page(standing)
            written += write_page(text, folder / name)
            stamps.made(name, stamp, text.encode("utf-8", errors="replace"))
    except BaseException:
        stamps.save(keep=True)
        raise
    stamps.remove_left()
    stamps.save()
    return written


def feedback_page(graded: GradedClass, standing: Standing) -> str:
    """One student's page as text."""
    return _Maker(graded).page(standing)


@dataclass(frozen=True)
class _Cell:
    """A graded cell as the page shows it; tests are there once the hand-in was graded."""

    grade_id: str
    notebook: str
    points: float
    max_points: float
    passed: tuple[TestResult, ...] = ()
    failed: tuple[TestResult, ...] = ()

    @property
    def whole(self) -> bool:
        return not self.failed

    @property
    def alike(self) -> list[list[TestResult]]:
        """The failed tests, those that say the same together."""
        return alike(self.failed)

    @property
    def same(self) -> TestResult | None:
        """The test that speaks for all failed ones, where they all say the same and nothing else."""
        reasons = {(t.reason, t.made_call, t.want, t.hint) for t in self.failed}
        if len(self.failed) < 2 or len(reasons) > 1 or self.failed[0].code is Reason.GENERIC:
            return None
        return self.failed[0]


@dataclass(frozen=True)
class _Question:
    """A cell that people marked or are to mark, `points` None while it waits; without a maximum a test they changed."""

    grade_id: str
    name: str
    points: float | None
    max_points: float | None
    comment: str = ""

    @property
    def given(self) -> str:
        """The points in words."""
        if self.points is None:
            return "not marked yet"
        return signed(self.points) if self.max_points is None else f"{short(self.points)} of {short(self.max_points)}"


@dataclass(frozen=True)
class _Step:
    """A step of the model's score as the page shows it; `points` are None for one that brings none."""

    name: str
    score: float
    points: float | None
    reached: bool


class _Maker:
    """Makes the pages of a class, with what all of them share read once."""

    def __init__(self, graded: GradedClass) -> None:
        self.graded = graded
        source = sources(graded.exercise)
        cells = graded_cells(graded.exercise.id, source.course.parent)
        self.cells: dict[str, GradedCell] = {c.grade_id: c for c in cells if c.kind == "checks"}
        self.written: list[GradedCell] = [c for c in cells if c.kind == "written"]
        self.gallery = Gallery(graded.exercise, graded.data)

    def page(self, standing: Standing) -> str:
        attempt, zone = standing.marked, self._zone(standing)
        # Everything the page says of a result comes from here: no log and no hidden metric can slip through.
        result = attempt.read().for_student() if attempt is not None else None
        state = "missing" if result is None else "failed" if result.failed else "refused" if result.refused else ""
        cells = [self._cell(c) for c in result.cells] if result is not None and not state else []
        return render(
            "feedback.html",
            title=f"{self.graded.exercise.id}: feedback for {standing.student.alias or standing.student.id}",
            graded=self.graded,
            exercise=self.graded.exercise,
            standing=standing,
            state=state,
            result=result,
            cells=cells,
            parts=[(name, list(part)) for name, part in groupby(cells, key=lambda c: c.notebook)],
            start=min((c for c in cells if not c.whole), key=lambda c: c.points >= c.max_points, default=None),
            questions=self._questions(standing),
            so_far=self.graded.max_score + (0.0 if standing.written is None else self.graded.max_written),
            # As it is shown: nobody reads "75 of 100" and that 75 were needed and not reached.
            total=round(standing.points, 2),
            hand_ins=[self._hand_in(standing, a, zone) for a in standing.attempts],
            due=_moment(standing.deadline, zone),
            zone=_zone_name(standing.deadline or (attempt.submitted if attempt else None), zone),
            notes=_notes(result.notes if result is not None and not state else []),
            model=self._model(result) if result is not None and not state else None,
            folded=_folded,
            percent=_percent,
            generic=Reason.GENERIC,
            places=PLACES,
        )

    def _questions(self, standing: Standing) -> list[_Question]:
        """What people mark, in the order of the notebooks; then the tests whose points a person changed."""
        of = {marking.grade_id: marking for marking in standing.markings}
        if not of and standing.written is not None and self.written:
            # Nobody said which points are whose.
            return [_Question("written", "written answers", standing.written, self.graded.max_written)]
        found = []
        for cell in self.written:
            marking = of.get(cell.grade_id, Marking(cell.grade_id, None))
            name = cell.heading or cell.grade_id
            found.append(_Question(cell.grade_id, name, marking.points, float(cell.points), marking.comment.strip()))
        changed = [m for m in standing.markings if not m.written]
        return found + [_Question(m.grade_id, m.name, m.points, None, m.comment.strip()) for m in changed]

    def _zone(self, standing: Standing) -> tzinfo | None:
        """The zone in which the page tells times: the due date's, so that late is seen to be late."""
        for moment in (self.graded.due, standing.deadline):
            if moment is not None:
                return moment.tzinfo
        return None

    def _cell(self, cell: CellResult) -> _Cell:
        known = self.cells.get(cell.grade_id)
        return _Cell(
            cell.grade_id,
            f"{known.notebook}.ipynb" if known else "",
            cell.points,
            cell.max_points,
            tuple(t for t in cell.tests if t.passed),
            # Those that show what was wanted first: they are the ones a student can try out.
            tuple(sorted((t for t in cell.tests if not t.passed), key=lambda t: not t.visible)),
        )

    def _hand_in(self, standing: Standing, attempt: Attempt, zone: tzinfo | None) -> dict[str, Any]:
        counts = attempt is standing.marked
        return {
            "file": attempt.file,
            "time": _moment(attempt.submitted, zone),
            "late": _duration(attempt.seconds_late),
            "late_mark": attempt.late_mark,
            "score": None if attempt.failed else attempt.score,
            "refused": bool(attempt.refused),
            "penalty": standing.penalty if counts else 0.0,
            "counts": counts,
        }

    def _model(self, result: Result) -> dict[str, Any] | None:
        spec: ModelSpec | None = self.graded.exercise.model
        if spec is None:
            return None
        value, passing = result.public_metrics.get(spec.metric), spec.passing[self.graded.data]
        shown = self.gallery.pictures(result.samples)
        return {
            "spec": spec,
            "value": value,
            "passing": passing,
            "passed": value is not None and spec.passes(value, self.graded.data),
            "top": _round_top(max(value or 0.0, passing)),
            "steps": (steps := _staircase(spec, result, value, self.graded.data)),
            "next": next((s for s in steps if not s.reached), None),
            "info": result.model,
            "pictures": Markup("").join(shown or ()),
            "number": len(shown or ()),
            # A picture of a class has no points, and needs no key to them.
            "points": any('<path class="' in picture for picture in shown or ()),
            "misshapen": shown is None,
        }


def _staircase(spec: ModelSpec, result: Result, value: float | None, source: str) -> list[_Step]:
    """The steps of the model's score: reached where its hidden test passed, since that is what points are given for."""
    cell = next((c for c in result.cells if c.grade_id == spec.grade_id), None)
    decided = {t.step: t.passed for t in (cell.tests if cell else ()) if t.step and t.weight}
    points = cell.max_points if cell else 0.0
    return [
        _Step(
            step.name,
            step.score[source],
            points * step.share if step in spec.earning_steps else None,
            decided.get(step.name, value is not None and spec.reaches(value, source, step.name)),
        )
        for step in spec.steps
        if source in step.score
    ]


def _notes(notes: list[Note]) -> dict[str, list[str]]:
    """Notes that may cost points, and those on ignored files."""
    ignored = [note.text for note in notes if note.code is Reason.IGNORED]
    return {"faults": [note.text for note in notes if note.code is not Reason.IGNORED], "ignored": ignored}


def _folded(text: str) -> str:
    """The beginning of a long text; nothing for a short one."""
    if len(text) <= SHORT and text.count("\n") < SHORT_LINES:
        return ""
    return "\n".join(text[:SHORT].split("\n")[:SHORT_LINES]).rstrip()


def _round_top(value: float) -> float:
    """The end of a number line that leaves room for the value."""
    if 0 < value <= 1:
        return 1.0
    return value * 1.12 if value > 0 else 1.0


def _percent(value: float, top: float) -> float:
    return round(min(100.0, max(0.0, 100 * value / top)), 1) if top > 0 else 0.0


def _moment(moment: datetime | None, zone: tzinfo | None) -> str:
    # Not strftime: its names of days follow the machine's language.
    if moment is None:
        return ""
    here = moment.astimezone(zone) if zone is not None else moment
    return f"{DAYS[here.weekday()]} {here.day} {MONTHS[here.month - 1]} {here.year}, {here:%H:%M}"


def _zone_name(moment: datetime | None, zone: tzinfo | None) -> str:
    if moment is None:
        return ""
    offset = f"{moment.astimezone(zone) if zone is not None else moment:%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}" if offset.strip("+0") else "UTC"


def _duration(seconds: float) -> str:
    """A time span in its two largest units, rounded up: `2 h 14 min`; nothing for zero."""
    if seconds <= 0:
        return ""
    minutes = int(-(-seconds // 60))
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    return " ".join(f"{n} {unit}" for n, unit in [p for p in parts if p[0]][:2])


def _stamp_of_rules(graded: GradedClass) -> str:
    """A hash of what all pages share: the exercise, the templates, the code that makes pages."""
    source = sources(graded.exercise)
    files = [
        *page.TEMPLATES.glob("base.*"),
        *page.TEMPLATES.glob("feedback.*"),
        *source.course.glob("*.py"),
        *(graded.exercise.folder / name for name in ("exercise.toml", "scoring.py")),
    ]
    shared = [graded.max_score, graded.max_written, graded.due, graded.demo_secret, graded.data]
    return hash_of(shared, code_hash(__name__), files=files)


def _stamp(rules: str, standing: Standing) -> str:
    student = standing.student
    own: list[Any] = [student.id, student.alias, standing.known, standing.penalty, standing.deadline]
    own += [standing.written, repr(standing.markings)]
    hand_ins = [[a.file, a.submitted, a.how_late, a.score, a.refused, a.failed] for a in standing.attempts]
    read: list[Any] = []
    if standing.marked is not None:
        try:
            found = standing.marked.result.stat()
            read = [str(standing.marked.result), found.st_mtime_ns, found.st_size]
        except OSError:
            read = []
    return hash_of(rules, own, hand_ins, read)
