"""nbgrader with our scores: its settings for a class, and the steps of ours that stand in its pipeline.

nbgrader's `autograde` reads each notebook of a hand-in twice. The first time `HandInExporter` puts it right, the
second time `Scores`, in the place of `Execute`, gives its graded cells their outputs; no kernel starts. Hand-ins are
graded from `submitted/`, which nothing here writes into. Pages go through `SafePages`.
"""

import atexit
import os
import shutil
import stat
import sys
import threading
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC
from fnmatch import fnmatch
from functools import lru_cache, partial
from glob import escape
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import pass_context
from nbconvert.exporters import NotebookExporter
from nbconvert.preprocessors import Preprocessor
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool

from exercise_code.common.exercise import Exercise, exercise_ids, load_exercise
from exercise_code.common.handing_in.notebooks import ANSWER_PROMPT

from ..base.errors import AutograderError
from ..base.settings import Settings, settings_from_environment
from ..classroom.class_file import FILE, Classroom, open_classroom
from ..fleet.local import Fleet
from ..grading import course_hash, grade_found, result_key, result_path
from ..intake.search import Found, find_hand_ins, fingerprint
from ..intake.times import nbgrader_time
from ..judging.judge import Job
from ..judging.result import Result, read_result
from ..sources.course import (
    BEGIN_GUIDE,
    BEGIN_SOLUTION,
    END_GUIDE,
    END_SOLUTION,
    course_folder,
    course_ids,
    regions,
    solution_sources,
)
from .gradebook.fill import enter_dates
from .notebooks.graded import add_notes, mend, notes_of, put_scores, read_template
from .notebooks.handed_in import read_hand_in
from .notebooks.safe_html import MarkdownBudget, as_it_stands, clean, code_to_html, markdown_to_html, short_output
from .prepare import SECRET, TIMESTAMP, released_notebooks

__all__ = ["HandInExporter", "SafePages", "Scores", "configure", "result_of", "safe_code", "safe_markdown"]

_HERE = "autograder.nbgrader_bridge.bridge"
_RELEASE = (
    *("IncludeHeaderFooter", "LockCells", "ClearSolutions", "ClearMarkScheme", "ClearOutput", "CheckCellMetadata"),
    *("ComputeChecksums", "SaveCells", "ClearHiddenTests", "ComputeChecksums", "CheckCellMetadata"),
)
_AUTOGRADE = ("LimitOutput", "SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata")
_MARKUP = frozenset("<>&\"'`")
# Links and the like in one hand-in; nbgrader compares every file of the class with each.
MOST_STRANGE = 20
# A judge that nobody has asked for so long ends: formgrader's server may run for weeks.
IDLE_SECONDS = 600


def configure(c: Any, folder: Path) -> None:
    """nbgrader's settings `c` for the class in `folder`, which may be without a `class.toml`.

    Where they cannot be made, nbgrader ends: it would say so and go on with its own, run everybody's code in a
    kernel without any walls, and write what that gives into the gradebook.
    """
    try:
        _configure(c, folder)
    except AutograderError as error:
        raise SystemExit(f"error: {error}") from None
    except Exception as error:
        raise SystemExit(f"error: nbgrader's settings for {folder} failed: {type(error).__name__}: {error}") from error


def _configure(c: Any, folder: Path) -> None:
    # nbgrader calls the program `alembic` by its name, and nobody has to activate an environment here.
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, *filter(None, [os.environ.get("PATH", "")])])
    # About nbgrader's own sessions, dozens of lines; nobody who grades a class can do anything about it.
    warnings.filterwarnings("ignore", "Object of type .* not in session", module="nbgrader")
    c.CourseDirectory.course_id = _classroom(folder).course_id
    c.CourseDirectory.root = str(folder)
    c.CourseDirectory.db_url = f"sqlite:///{folder / 'gradebook.db'}"
    # What the build does to a source, nbgrader does as well. Guides go before cells are saved: afterwards an
    # answer that nobody touched would never equal the one in the gradebook, and wait for a marker.
    c.GenerateAssignment.preprocessors = [f"nbgrader.preprocessors.{name}" for name in _RELEASE]
    c.GenerateAssignment.post_convert_hook = f"{_HERE}.refuse_leaks"
    c.ClearSolutions.text_stub = ANSWER_PROMPT
    c.ClearMarkScheme.begin_mark_scheme_delimeter = BEGIN_GUIDE.removeprefix("### ")
    c.ClearMarkScheme.end_mark_scheme_delimeter = END_GUIDE.removeprefix("### ")
    # nbgrader expects them in task cells alone; ours stand in written answers.
    c.ClearMarkScheme.enforce_metadata = False
    c.Autograde.exclude_overwriting = _students_modules()
    c.Autograde.exporter_class = f"{_HERE}.HandInExporter"
    steps = [f"nbgrader.preprocessors.{name}" for name in _AUTOGRADE]
    c.Autograde.autograde_preprocessors = [f"{_HERE}.Scores", *steps]
    c.AssignLatePenalties.plugin_class = "autograder.nbgrader_bridge.gradebook.late.LatePenalty"
    c.ExportApp.plugin_class = "autograder.nbgrader_bridge.gradebook.late.GradesCsv"
    c.ExchangeFactory.release_feedback = "autograder.nbgrader_bridge.exchange.ReleaseFeedback"
    # Points that people give after the autograde step are late as well: see `gradebook/late.py`.
    c.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.GetGrades",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
    c.HTMLExporter.preprocessors = [f"{_HERE}.SafePages"]
    c.HTMLExporter.filters = {"markdown2html": f"{_HERE}.safe_markdown", "highlight_code": f"{_HERE}.safe_code"}


def _classroom(folder: Path) -> Classroom:
    """The class of a folder; read again when its settings or its roster have changed."""
    if not (folder / FILE).is_file():
        return Classroom(folder)
    times = (path.stat().st_mtime_ns for path in sorted([folder / FILE, *folder.glob("*.csv")]))
    return _read_classroom(folder, tuple(times))


@lru_cache(maxsize=4)
def _read_classroom(folder: Path, _changed: tuple[int, ...]) -> Classroom:
    return open_classroom(folder)


def _students_modules() -> dict[str, list[str]]:
    """The files of a hand-in, by exercise, that nbgrader must not replace by the released ones."""
    course = course_folder()
    return {
        name: [f"exercise_code/{name}/{path.name}" for path in solution_sources(name, course)]
        for name in course_ids(course)
    }


def refuse_leaks(assignment: str, **_: Any) -> None:
    """Nothing; ends nbgrader, and removes the release, when it holds what no student may get."""
    from ..authoring.bundle import find_leaks

    folder = Path.cwd() / "release" / assignment
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if leaks := find_leaks(files, course_folder()):
        shutil.rmtree(folder)
        # nbgrader lets a hook fail in silence; only an exit is heard.
        raise SystemExit(f"the release of {assignment} was removed, it held answers: {leaks[0]}")


class HandInExporter(NotebookExporter):
    """Reads a handed-in notebook, whatever its state, as one that has every graded cell of the released one."""

    def __init__(self, config: Any = None, **options: Any) -> None:
        super().__init__(config=config, **options)  # type: ignore[no-untyped-call]
        if isinstance(self.parent, Autograde) and self.parent.coursedir.assignment_id in exercise_ids():
            _complete(self.parent)

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> Any:
        """The notebook at `filename` as text, and resources."""
        ids = (resources or {}).get("nbgrader", {})
        exercise, student = ids.get("assignment", ""), ids.get("student", "")
        path, converter = Path(filename), self.parent
        if exercise not in exercise_ids() or not isinstance(converter, Autograde):
            return super().from_filename(filename, resources=resources, **options)
        if path.parent != _submitted(converter.coursedir, exercise, student):
            return super().from_filename(filename, resources=resources, **options)
        released = released_notebooks(Path(converter.coursedir.root), load_exercise(exercise))
        template = read_template(released[path.stem])
        found = read_hand_in(path.parent, load_exercise(exercise))
        mended = mend(found.notebooks[path.stem], template, found.unread)
        notebook = nbformat.from_dict(mended)  # type: ignore[no-untyped-call]
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        return self.from_notebook_node(notebook, resources, **options)  # type: ignore[no-untyped-call]


def _submitted(coursedir: Any, exercise: str, student: str) -> Path:
    return Path(coursedir.format_path(coursedir.submitted_directory, student, exercise))


def _complete(converter: Any) -> None:
    """Let nbgrader go through every notebook of the exercise, handed in or not: its tests are about modules.

    And keep it from what would stop it, lead it out of a hand-in's folder, or give another mark than ours.
    """
    coursedir = converter.coursedir
    exercise = load_exercise(coursedir.assignment_id)
    root = Path(coursedir.root)
    submitted = root / coursedir.submitted_directory
    released = released_notebooks(root, exercise)
    names = [f"{name}.ipynb" for name in released if fnmatch(name, coursedir.notebook_id)]
    for folder in sorted(submitted.glob(f"*/{exercise.id}")):
        student = folder.parent.name
        if not folder.is_dir() or not (fnmatch(student, coursedir.student_id) or student == coursedir.student_id):
            continue
        key = str(_submitted(coursedir, exercise.id, student))
        converter.assignments[key] = [str(Path(key) / name) for name in names]
    places = _places(root / coursedir.source_directory / exercise.id, released)
    try:
        counting = _counting_hand_ins(submitted, exercise, _classroom(root))
    except AutograderError as error:
        converter.log.error("%s", error)
        raise NbGraderException(str(error)) from error
    strange: list[str] = []
    for key in list(converter.assignments):
        student, found = Path(key).parent.name, list(_strange_files(Path(key), places))
        # nbgrader's expressions stop at a line break, and its pages show names as they are.
        if not student.isprintable() or _MARKUP.intersection(student):
            reason = "expected a name without markup: rename the folder"
        elif len(found) > MOST_STRANGE:
            reason = f"its hand-in has more than {MOST_STRANGE} links and odd files"
        else:
            reason = _why_not(Path(key), counting)
        if reason:
            converter.log.warning("%r is passed over: %s", student, reason)
            del converter.assignments[key]
            continue
        strange += found
        graded = Path(coursedir.format_path(coursedir.autograded_directory, student, exercise.id))
        if coursedir.notebook_id == "*" and graded.is_dir() and not all(map(_is_scored, _within(graded, released))):
            # nbgrader takes any folder for a student who is done, also one that a killed run left behind.
            converter.log.warning("an earlier run ended within %r: the hand-in is graded again", student)
            shutil.rmtree(graded)
    if not converter.assignments:
        converter.log.error("expected a hand-in of %s, found none that nbgrader can grade", exercise.id)
        raise NbGraderException("no hand-in to grade")
    # nbgrader would follow a link to whatever it names, and copy that to where students get their feedback.
    coursedir.ignore = [*(rule for rule in coursedir.ignore if not rule.startswith(os.sep)), *map(escape, strange)]
    coursedir.get_existing_timestamp = partial(_timestamp, coursedir)


def _counting_hand_ins(submitted: Path, exercise: Exercise, classroom: Classroom) -> dict[Path, Found]:
    """By each hand-in's own path the one that gives its student's mark, as `autograder grade` would find it."""
    found = find_hand_ins(submitted, exercise, classroom.roster).found
    last = {one.student: one for one in found}
    return {one.path.resolve(): last[one.student] for one in found}


def _why_not(folder: Path, counting: Mapping[Path, Found]) -> str:
    """Why nbgrader is not to grade a student's folder; nothing where it is the hand-in that gives the mark."""
    mine = folder.resolve()
    other = counting.get(mine)
    if other is not None and other.path.resolve() == mine:
        return ""
    other = other or next((counts for path, counts in counting.items() if path.is_relative_to(mine)), None)
    if other is None:
        return f"there is no hand-in in {folder}"
    return f"the hand-in that counts is {other.file}: use `autograder grade`, or put its files into {folder}"


def _within(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    return (folder / f"{name}.ipynb" for name in names)


def _is_scored(path: Path) -> bool:
    """True when every graded code cell of a notebook has an output."""
    try:
        return all(cell["outputs"] for cell in read_template(path).graded if cell["cell_type"] == "code")
    except (AutograderError, KeyError):
        return False


@dataclass(frozen=True)
class _Places:
    """Names in a hand-in at which nbgrader needs a file of its own, or none, and those at which it needs a folder."""

    files: frozenset[str]
    folders: frozenset[str]
    pages: frozenset[str]


def _places(source: Path, released: Iterable[str]) -> _Places:
    given = {path.relative_to(source) for path in source.rglob("*") if path.is_file() and path.suffix != ".ipynb"}
    folders = {parent.as_posix() for path in given for parent in path.parents}
    pages = frozenset(f"{name}.html" for name in released)
    return _Places(frozenset({TIMESTAMP, SECRET, *(path.as_posix() for path in given)}), frozenset(folders), pages)


def _strange_files(folder: Path, places: _Places) -> Iterator[str]:
    """Paths in a hand-in that nbgrader must not copy: links, pipes, and what is in the way of its own files."""
    for place, folders, names in os.walk(folder):
        inside = Path(place).relative_to(folder)
        for name in list(folders):
            if (inside / name).as_posix() in places.files | places.pages:
                folders.remove(name)
                yield os.path.join(place, name)  # noqa: PTH118 - nbgrader compares with what it has joined
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118
            in_the_way = (inside / name).as_posix() in places.folders | places.pages
            if in_the_way or not stat.S_ISREG(os.lstat(path).st_mode):
                yield path


def _timestamp(coursedir: Any, folder: str) -> Any:
    """When a hand-in came, by its `timestamp.txt`, in UTC without a zone; None where that is no time.

    nbgrader's own reading ends at such a file, waits at a pipe, and opens files that are named as time zones.
    """
    path = Path(folder) / TIMESTAMP
    if not path.exists() and not path.is_symlink():
        return None
    try:
        if path.is_symlink() or not path.is_file():
            raise ValueError
        with path.open("rb") as file:
            when = nbgrader_time(file.read(200).decode("utf-8").strip())
    except (OSError, ValueError):
        coursedir.log.warning("expected a time in %s: the hand-in counts as in time", path)
        return None
    return None if when is None else when.replace(tzinfo=None)


class Scores(NbGraderPreprocessor):  # type: ignore[misc]
    """In the place of nbgrader's `Execute`: gives each graded code cell the outputs that our result asks for."""

    def preprocess(self, nb: Any, resources: Any) -> Any:
        """The notebook with outputs, and resources."""
        ids = resources["nbgrader"]
        exercise, student = ids["assignment"], ids["student"]
        if exercise not in exercise_ids():
            raise AutograderError(
                f"expected an exercise of the course, got {exercise!r}: nbgrader would give full points for cells "
                "that nobody ran; grade it in a folder without our nbgrader_config.py"
            )
        coursedir = self.parent.parent.coursedir
        path = _submitted(coursedir, exercise, student)
        result = result_of(Path(coursedir.root), exercise, student, path)
        put_scores(nb, result)
        if ids["notebook"] == load_exercise(exercise).all_notebooks[0]:
            add_notes(nb, notes_of(result))
            # `AssignLatePenalties`, a later step, reads dates from the gradebook.
            came = _timestamp(coursedir, str(path))
            came = came.replace(tzinfo=UTC) if came is not None else None
            enter_dates(_classroom(Path(coursedir.root)), exercise, student, came)
        return nbformat.from_dict(nb), resources  # type: ignore[no-untyped-call]


@dataclass
class _Session:
    """What one process keeps between hand-ins: the settings, the judge, and the result it gave last."""

    exercise: str
    settings: Settings
    course: str
    fleet: Fleet
    last: tuple[tuple[str, str], Result] | None = None
    timer: threading.Timer | None = None


_sessions: dict[Path, _Session] = {}
_lock = threading.RLock()


def result_of(folder: Path, exercise: str, student: str, path: Path) -> Result:
    """The result of a student's hand-in at `path`: the one in `results/`, or one that is made now and put there."""
    with _lock:
        session = _session(folder, exercise)
        print_ = fingerprint(path)
        if session.last is None or session.last[0] != (student, print_):
            out = folder / "results"
            known = read_result(result_path(out, exercise, student, print_))
            key = result_key(student, print_, session.course, session.settings)
            if known is None or known.key != key or known.failed:
                known = _grade(folder, session, Found(student, path, path.name))
            session.last = (student, print_), known
        return session.last[1]


def _grade(folder: Path, session: _Session, found: Found) -> Result:
    if session.timer is not None:
        session.timer.cancel()
    exercise = load_exercise(session.exercise)
    try:
        kept = _Kept(session.fleet)
        [grading] = grade_found(exercise, [found], folder / "results", session.settings, lambda _: kept)
    except BaseException:
        # Nobody knows what the judge is busy with.
        _end(folder)
        raise
    session.timer = threading.Timer(IDLE_SECONDS, _end, [folder])
    session.timer.daemon = True
    session.timer.start()
    return grading.result


class _Kept:
    """A fleet that outlives the run it is used in."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def __enter__(self) -> "_Kept":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def grade(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Each job with its result, as they are done."""
        with _plain_main():
            yield from self._fleet.grade(jobs)


@contextmanager
def _plain_main() -> Iterator[None]:
    """Let processes start without importing this one's main module: nbgrader and Jupyter take seconds."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _session(folder: Path, exercise: str) -> _Session:
    settings = settings_from_environment(folder=folder)
    classroom = _classroom(folder)
    settings = classroom.applied_to(replace(settings, data=classroom.data))
    course = course_hash(load_exercise(exercise))
    known = _sessions.get(folder)
    if known is not None and (known.exercise, known.settings, known.course) == (exercise, settings, course):
        return known
    # A judge is a process with tests in its memory: after a change in the course it must be another one.
    _end(folder)
    _sessions[folder] = _Session(exercise, settings, course, Fleet(exercise, settings, 1))
    return _sessions[folder]


def _end(folder: Path) -> None:
    with _lock:
        session = _sessions.pop(folder, None)
        if session is not None:
            if session.timer is not None:
                session.timer.cancel()
            session.fleet.close()


@atexit.register
def _end_all() -> None:
    for folder in list(_sessions):
        with suppress(OSError):
            _end(folder)


# In a cell's metadata, which SafePages clears first: the notebook's Markdown costs too much to be set.
_AS_IT_STANDS = "as_it_stands"


class SafePages(Preprocessor):
    """Before a notebook becomes a page of nbgrader's: no raw cells, no metadata, clean outputs.

    On the page where people mark answers, model answer and marking guide stand below each.
    """

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> Any:
        """The notebook and resources."""
        nb.metadata = {key: nb.metadata[key] for key in ("kernelspec", "language_info") if key in nb.metadata}
        guides = _guides(Path(self.config.CourseDirectory.root), resources) if _is_for_markers(self, resources) else {}
        cells = []
        budget = MarkdownBudget()
        for cell in nb.cells:
            cell.metadata = {key: cell.metadata[key] for key in ("nbgrader",) if key in cell.metadata}
            if cell.cell_type == "raw":
                cell.cell_type, cell.source = "markdown", "    " + cell.source.replace("\n", "\n    ")
            if cell.cell_type == "markdown" and not budget.allows(cell.source):
                cell.metadata[_AS_IT_STANDS] = True
            for output in cell.get("outputs", []):
                _clean_output(output)
            cells.append(cell)
            if guide := guides.get(cell.metadata.get("nbgrader", {}).get("grade_id", "")):
                cells.append(nbformat.v4.new_markdown_cell(guide))  # type: ignore[no-untyped-call]
        nb.cells = cells
        return nb, resources


def _is_for_markers(step: Any, resources: Any) -> bool:
    """True on formgrader's page of one hand-in, and never on a page for students."""
    return getattr(step.parent, "template_name", "") == "formgrade" and "submission_id" in resources


def _guides(folder: Path, resources: Any) -> dict[str, str]:
    """Model answer and marking guide of each written cell of the page's notebook, by grade id."""
    path = folder / "source" / resources["assignment_id"] / f"{resources['notebook_id']}.ipynb"
    found = {}
    for cell in read_template(path).graded if path.is_file() else ():
        text = cell["source"]
        parts = [
            (title, "\n\n".join(regions(text, begin, end, path)).strip())
            for title, begin, end in (
                ("Model answer", BEGIN_SOLUTION, END_SOLUTION),
                ("Marking guide", BEGIN_GUIDE, END_GUIDE),
            )
        ]
        if shown := "\n\n".join(f"**{title}**\n\n{part}" for title, part in parts if part):
            summary = "<details><summary>▸ <b>For markers</b>: model answer and marking guide</summary>\n<blockquote>"
            found[cell["metadata"]["nbgrader"]["grade_id"]] = f"{summary}\n\n{shown}\n\n</blockquote>\n</details>"
    return found


def _clean_output(output: Any) -> None:
    output.metadata = {}
    data = output.get("data", {})
    for kind in list(data):
        if kind == "text/html":
            data[kind] = clean("".join(data[kind]))
        elif kind == "text/plain":
            data[kind] = short_output("".join(data[kind]))
        elif kind not in ("image/png", "image/jpeg"):
            del data[kind]
    if "text" in output:
        output.text = short_output("".join(output.text))
    if "traceback" in output:
        output.traceback = [short_output("\n".join(output.traceback))]


@pass_context
def safe_markdown(context: Any, source: str) -> str:
    """Markdown as clean HTML, for nbgrader's templates."""
    cell = context.get("cell", {})
    if cell.get("metadata", {}).get(_AS_IT_STANDS):
        return as_it_stands(source)
    return markdown_to_html(source, cell.get("attachments"))


def safe_code(source: str, **_: object) -> str:
    """Code in colours, for nbgrader's templates."""
    return code_to_html(source)
