"""The instructor's report: the state of a class on one page, with names, for nobody else's eyes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from markupsafe import Markup

from ..analysis.items import FEW, Item, graded_attempts, item_analysis
from ..analysis.known_mistakes import Mistake, mistakes, resemblances
from ..analysis.similarity import find_similar
from ..base.stamps import code_hash, hash_of, read_notes
from ..base.text import how_many, number_text
from ..classroom.roster import Student
from ..grading.standing import Attempt, GradedClass, Standing
from ..sources.exercise import sources
from ..sources.known_answers import wrong_answers
from .charts import Mark, Point, histogram, scatter
from .page import render, write_page
from .students import student_rows

__all__ = ["render_report", "write_report"]

SLOWEST = 10
# A longer table of students is folded at first. All its rows are drawn: Chromium takes those that `content-visibility:
# auto` passes over out of a screen reader's tree.
OPEN_STUDENTS = 60
SHOWN_MISTAKES = 7
SHOWN_CLUSTERS = 10
ADVICE = {
    "nobody": "Nobody passes. Read the task as a student does: does the test ask for more than the text says?",
    "everybody": "Everybody passes. It tells nobody apart: keep it as an easy start, or ask for more.",
    "negative": "Those who do well otherwise fail it more often. Suspect the test, or two ways to read the task.",
}
ABOUT = {
    "untouched": "Nothing is written yet",
    "unfinished": "What is written is right, but parts are not written yet",
    "broken": "The code cannot be imported: a syntax error, or a module that is not there",
    "model": "The model runs; its score is below the passing score",
}


@dataclass(frozen=True)
class _Group:
    """Something that may need the instructor: how many, what it is, what to do, and who with a word each."""

    title: str
    rows: tuple[tuple[str, str], ...]
    tone: str = ""
    advice: str = ""


@dataclass(frozen=True)
class _Cluster:
    """Hand-ins that fail the same tests for a reason that is in no `wrong.toml`."""

    who: tuple[Student, ...]
    tests: tuple[tuple[str, str], ...]
    got: str
    entry: str


def write_report(graded: GradedClass, path: Path, cache: Path) -> bool:
    """True when the page at `path` had to be written; where nothing changed, nothing is computed.

    The folder `cache` keeps what is costly to find out again, and how long the last run took that graded anything: one
    that graded nothing took no time worth showing.
    """
    stamp, effort = _stamp(graded), _stamp_of_effort(graded)
    note = cache / f"report-{graded.exercise.id}.json"
    noted = read_notes(note)
    if noted.get("stamp") == stamp and noted.get("page") == _digest(path):
        return False
    wall = noted.get("wall")
    if noted.get("effort") == effort and isinstance(wall, float):
        graded = replace(graded, wall_seconds=wall)
    written = write_page(render_report(graded, cache, path.parent), path)
    found = {"stamp": stamp, "page": _digest(path), "effort": effort, "wall": graded.wall_seconds}
    write_page(json.dumps(found), note)
    return written


def render_report(graded: GradedClass, cache: Path, folder: Path | None = None) -> str:
    """The page as text; hand-ins are read, never run. Links lead from `folder`, in which the page is to lie."""
    src = sources(graded.exercise)
    cells, tests = item_analysis(graded)
    findings = resemblances(graded)
    known, unknown = mistakes(findings, {wrong.name: wrong.about for wrong in wrong_answers(src)})
    titles = {item.name: item.title or item.name for item in tests}
    together = [m for m in unknown if len(m.students) > 1]
    groups = _groups(graded)
    return render(
        "report.html",
        title=f"Report: {graded.exercise.title}",
        graded=graded,
        tiles=_tiles(graded),
        groups=[g for g in groups if g.rows],
        quiet=[g.title for g in groups if not g.rows],
        students=student_rows(graded, folder),
        open_students=OPEN_STUDENTS,
        histograms=_histograms(graded),
        cells=cells,
        tests=tests,
        flagged=[item for item in tests if item.flag],
        item_chart=_item_chart(tests),
        few=FEW,
        graded_count=len(graded_attempts(graded)),
        failing=len(findings),
        known=known,
        shown=SHOWN_MISTAKES,
        most=max((len(m.students) for m in known), default=1),
        about=_about,
        unknown=[_cluster(m, titles) for m in together[:SHOWN_CLUSTERS]],
        fewer=sorted((s for m in together[SHOWN_CLUSTERS:] for s in m.students), key=lambda s: s.id),
        alone=sorted((s for m in unknown if m not in together for s in m.students), key=lambda s: s.id),
        unexplained=sum(len(m.students) for m in unknown),
        alike=find_similar(graded, cache),
        effort=_effort(graded),
        advice=ADVICE,
        name_of=_name,
        how_many=how_many,
        percent=_percent,
        correlation=_correlation,
    )


def _stamp(graded: GradedClass) -> str:
    """A hash of everything that the page is made from."""
    course = sources(graded.exercise).course
    templates = Path(__file__).parent / "templates"
    files = [templates / n for n in ("base.css", "base.html", "charts.css", "report.css", "report.html")]
    files += [*course.rglob("*.py"), course / "wrong.toml", *graded.exercise.folder.glob("*.py")]
    return hash_of(repr(replace(graded, wall_seconds=0.0)), code_hash(__name__), files=files)


def _stamp_of_effort(graded: GradedClass) -> str:
    """A hash that differs after a run that graded anything: no two gradings take equally long."""
    graded_ones = [(a.fingerprint, a.cpu_seconds, a.wall_seconds) for _, a in graded.attempts]
    return hashlib.sha256(repr(graded_ones).encode()).hexdigest()


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _tiles(graded: GradedClass) -> list[tuple[str, str]]:
    """The class in numbers, most important first."""
    attempts = graded_attempts(graded)
    scores = [a.score for a in attempts]
    handed_in = sum(1 for s in graded.standings if s.attempts)
    tiles = [(f"{handed_in:,}", f"of {how_many(len(graded.standings), 'students')} handed in")]
    if scores:
        low, middle, high = np.percentile(scores, [25, 50, 75])
        passed = sum(score >= graded.exercise.pass_points for score in scores)
        tiles.append((number_text(middle), f"of {number_text(graded.max_score)} automatic points: median"))
        tiles.append((f"{number_text(low)} – {number_text(high)}", "points: the middle half"))
        tiles.append((_percent(passed / len(scores)), f"reach {number_text(graded.exercise.pass_points)} points"))
    if waiting := sum(1 for s in graded.standings if _waits(s, graded)):
        tiles.append((f"{waiting:,}", "wait to be marked by hand"))
    return tiles


def _groups(graded: GradedClass) -> list[_Group]:
    """What needs the instructor, the most pressing first; empty groups too."""
    every = graded.standings
    last = [(s, s.attempts[-1]) for s in every if s.attempts]
    failed = [(_name(student), f"{a.file}: {a.failed}") for student, a in graded.attempts if a.failed]
    refused = [(_name(s.student), f"{a.file}: {a.refused}{_before(s)}") for s, a in last if a.refused]
    strange = [(_name(s.student), ", ".join(a.file for a in s.attempts)) for s in every if not s.known]
    waiting = [(_name(s.student), "") for s in every if _waits(s, graded)]
    unread = [(_name(s.student), "; ".join(a.look_at)) for s, a in last if a.look_at and not a.refused]
    late = [(_name(s.student), _lateness(s, a)) for s, a in last if a.seconds_late > 0]
    unclear = [(_name(s.student), s.attempts[-1].file) for s in every if s.late_unknown]
    stuffed = [
        (_name(student), f"{a.file}: {a.hidden_parameters:,} bytes")
        for student, a in graded.attempts
        if a.hidden_parameters
    ]
    missing = [(_name(s.student), _extension(s, graded)) for s in every if s.known and not s.attempts]
    return [
        _Group("grading failed", tuple(failed), "bad", "Not the students' fault: grade the class again."),
        _Group("files to look at", graded.problems, "bad", "Not graded, or not as they should be."),
        _Group("unknown to the roster", tuple(strange), "warn", "Add them to the roster, or fix the file's name."),
        _Group("refused", tuple(refused), "warn", "They earn nothing until a readable hand-in comes."),
        _Group(
            "data in the source code",
            tuple(stuffed),
            "warn",
            "It counts as parameters of the model. Look at it: it may be weights, or a table of answers.",
        ),
        _Group(
            "with files that could not be taken",
            tuple(unread),
            "warn",
            "Look at them: answers in an unreadable notebook wait for you, a model that is not taken earns nothing.",
        ),
        _Group("written answers to mark", tuple(waiting), "", "Mark them in formgrader."),
        _Group(
            "late, nobody knows by how much",
            tuple(unclear),
            "warn",
            "Nothing is taken off. Find out when they came, and give the times with --times FILE.csv (id, time).",
        ),
        _Group("late", tuple(late)),
        _Group("missing", tuple(missing)),
    ]


def _waits(standing: Standing, graded: GradedClass) -> bool:
    last = standing.marked
    return bool(graded.max_written and last and not last.refused and standing.written is None)


def _before(standing: Standing) -> str:
    """What the best of the hand-ins before the last one earned; nothing where there was none."""
    scores = [a.score for a in standing.attempts[:-1] if not a.refused and not a.failed]
    return f" (an earlier one earned {how_many_points(max(scores))})" if scores else ""


def _lateness(standing: Standing, attempt: Attempt) -> str:
    minutes = int(attempt.seconds_late // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = [how_many(days, "days")] if days else []
    parts += [f"{hours} h"] if hours else []
    parts += [f"{minutes % 60} min"] if not days else []
    cost = f", loses {how_many_points(standing.penalty)}" if standing.penalty else ""
    return f"{' '.join(parts)} late{cost}"


def how_many_points(points: float) -> str:
    """`1 point`, `4.5 points`."""
    return f"{number_text(points)} point{'' if points == 1 else 's'}"


def _extension(standing: Standing, graded: GradedClass) -> str:
    if standing.deadline is None or graded.due is None or standing.deadline <= graded.due:
        return ""
    return f"may hand in until {standing.deadline:%d %B %Y, %H:%M}"


def _name(student: Student) -> str:
    return f"{student.name} ({student.id})" if student.name and student.name != student.id else student.id


def _percent(share: float) -> str:
    # Neither "everybody" nor "nobody" is said of a class in which somebody is otherwise.
    text = f"{100 * share:.0f}"
    if text == "100" and share < 1:
        text = f"{min(99.9, 100 * share):.1f}"
    if text == "0" and share > 0:
        text = f"{max(0.1, 100 * share):.1f}"
    return f"{text} %"


def _correlation(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def _histograms(graded: GradedClass) -> list[Markup]:
    attempts = graded_attempts(graded)
    scores = [a.score for a in attempts]
    passing = graded.exercise.pass_points
    marks = [Mark(passing, f"pass: {number_text(passing)}", "x")] if passing <= graded.max_score else []
    found = [
        histogram(
            scores,
            title="Automatic points",
            x_label="points",
            y_label="students",
            limits=(0.0, graded.max_score),
            marks=marks,
        )
    ]
    model = graded.exercise.model
    if model is not None:
        values = [a.metrics[model.metric] for a in attempts if model.metric in a.metrics]
        bar = model.passing[graded.data]
        found.append(
            histogram(
                values,
                title=f"{model.metric.replace('_', ' ').capitalize()} on the hidden set",
                x_label="score",
                y_label="models",
                marks=[Mark(bar, f"pass: {number_text(bar, model.digits)}", "x")],
            )
        )
    return found


def _item_chart(tests: Sequence[Item]) -> Markup:
    points = [
        Point(
            100 * item.difficulty,
            item.discrimination,
            f"{item.name}: {_percent(item.difficulty)} pass, discrimination {_correlation(item.discrimination)}",
            "bad" if item.flag == "negative" else "",
        )
        for item in tests
        if item.discrimination is not None
    ]
    return scatter(
        points,
        title="Tests: how hard, and how well they tell hand-ins apart",
        x_label="share that passes, %",
        y_label="discrimination",
        marks=[Mark(0.0, "")],
        summary="Each dot is a test. Left is hard; below 0 those who do well otherwise fail it more often.",
    )


def _about(mistake: Mistake) -> str:
    """What students did, in words."""
    if mistake.kind not in ("known", "stopped"):
        return ABOUT[mistake.kind]
    # A sentence may begin with a name of the code, which stays as it is.
    return mistake.about[:1].upper() + mistake.about[1:] if mistake.about.split(" ")[0].isalpha() else mistake.about


def _cluster(mistake: Mistake, titles: dict[str, str]) -> _Cluster:
    got = ""
    if mistake.example is not None:
        lost = [t for cell in mistake.example.read().cells for t in cell.tests if t.name in mistake.tests]
        first = next((t for t in lost if t.visible and t.got), lost[0] if lost else None)
        got = f"{first.title} {first.log}"[:400] if first else ""
    fails = ",\n".join(f'  "{name}"' for name in mistake.tests)
    entry = (
        f'[[wrong]]\nname = ""\nabout = ""\nfails = [\n{fails},\n]\n[[wrong.edit]]\nfile = ""\nfind = ""\nreplace = ""'
    )
    return _Cluster(mistake.students, tuple((name, titles.get(name, name)) for name in mistake.tests), got, entry)


def _effort(graded: GradedClass) -> dict[str, object]:
    """What the grading cost, and whom it took longest for."""
    done = [(student, a) for student, a in graded.attempts if not a.refused and not a.failed]
    slowest = sorted(done, key=lambda pair: (-pair[1].cpu_seconds, pair[0].id))[:SLOWEST]
    seconds = [a.cpu_seconds for _, a in done] or [0.0]
    return {
        "wall": _duration(graded.wall_seconds),
        "count": len(done),
        "median": f"{np.percentile(seconds, 50):.2f} s",
        "most": f"{np.percentile(seconds, 95):.2f} s",
        "all": _duration(sum(seconds)),
        "memory": f"{max((a.memory_mb for _, a in done), default=0.0):,.0f} MB",
        "slowest": [(_name(s), a.file, f"{a.cpu_seconds:.2f} s", f"{a.memory_mb:,.0f} MB") for s, a in slowest],
    }


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole // 60 % 60} min"
