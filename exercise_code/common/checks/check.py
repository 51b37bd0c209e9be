"""`check`: the visible tests of one graded cell, run on the student's code as it stands on disk."""

import contextlib
import difflib
import importlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..course_tree import assignment_folder, exercise_here
from ..errors import CourseError
from ..exercise import Exercise, exercise_ids, load_exercise
from ..probing.cases import Case, Outcome, discover
from ..probing.clock import TimeUp, time_limit
from ..probing.exceptions import describe_exception
from ..probing.in_process import Code
from ..probing.running import run_case
from ..reasons import Reason
from .reloading import fresh_code
from .report import Report, SyntaxFault, say

__all__ = ["check", "check_exercise", "examined", "import_what_is_named", "run_tests"]

SECONDS = 10.0
PRINTED = 4000
_UNREADABLE = ("SyntaxError", "IndentationError", "TabError")


def check(grade_id: str, exercise: str | None = None) -> Report:
    """A report on the visible checks of a graded cell, shown as a table.

    The exercise is the one whose folder the notebook is in, else the one that knows the grade id. The
    student's modules are read from disk each time, so there is no need to restart the kernel.
    """
    _, report = examined(grade_id, exercise)
    say(report)
    _refuse_silence(report)
    return report


def examined(grade_id: str, exercise: str | None = None) -> tuple[Exercise, Report]:
    """What `check` shows, not shown: the exercise and the report."""
    found, cases = _find(_text(grade_id), exercise)
    return found, _report(found, grade_id, [case for case in cases if case.grade.grade_id == grade_id])


def _refuse_silence(report: Report) -> None:
    """Nothing, outside nbgrader and when it validates a cell that passes; else a `CourseError`.

    To nbgrader a graded cell without an error or a number has earned everything.
    """
    mode = os.environ.get("NBGRADER_EXECUTION")
    if mode == "validate" and not report.passed:
        raise CourseError(report.summary)
    if mode == "autograde":
        raise CourseError("expected the grader's preprocessor in place of nbgrader's Execute: see nbgrader_config.py")


def _text(grade_id: object) -> str:
    if isinstance(grade_id, str):
        return grade_id
    kind = type(grade_id).__name__
    raise CourseError(f"expected a grade id as text, got a {kind}: for example check('dataloader_batches')")


def _find(grade_id: str, exercise_id: str | None) -> tuple[Exercise, list[Case]]:
    here = load_exercise(exercise_id) if exercise_id is not None else exercise_here()
    known: list[str] = []
    if here is not None:
        cases = discover(here)
        known = _ids(cases)
        if grade_id in known:
            return here, cases
    if exercise_id is None:
        others = [load_exercise(name) for name in exercise_ids()]
        by_exercise = [(other, discover(other)) for other in others]
        holders = [(other, cases) for other, cases in by_exercise if grade_id in _ids(cases)]
        if len(holders) == 1:
            return holders[0]
        if holders:
            names = " or ".join(other.id for other, _ in holders)
            raise CourseError(f"{grade_id!r} is in {names}: name one with check({grade_id!r}, exercise=...)")
        known = known or [name for _, cases in by_exercise for name in _ids(cases)]
    close = difflib.get_close_matches(grade_id, known, n=1)
    advice = f"did you mean {close[0]}? " if close else ""
    where = f" of {here.id}" if here else ""
    raise CourseError(f"expected a grade id{where}, got {grade_id!r}: {advice}known are {', '.join(known) or 'none'}")


def _ids(cases: Iterable[Case]) -> list[str]:
    return list(dict.fromkeys(case.grade.grade_id for case in cases))


def check_exercise(exercise: Exercise, done: Callable[[Outcome], None] | None = None) -> list[Report]:
    """A report for each graded cell of an exercise; `done` is told of each outcome as it comes."""
    import_what_is_named(exercise)
    cases = discover(exercise)
    groups = {name: [case for case in cases if case.grade.grade_id == name] for name in _ids(cases)}
    return [_report(exercise, name, group, done) for name, group in groups.items()]


def import_what_is_named(exercise: Exercise) -> None:
    """Import what `exercise.toml` names, before any clock runs; a `CourseError` says what is not installed."""
    for name in exercise.imports:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise CourseError(
                f"expected {name}, which {exercise.id} uses, got {error}: install the course's packages "
                f"(`make lab`, or the environment of environment.yml), then restart the kernel"
            ) from None


@contextlib.contextmanager
def _same_folder() -> Iterator[None]:
    """Undo a change of the current folder: `os.chdir` in a student's module must not move the notebook."""
    before = Path.cwd()
    try:
        yield
    finally:
        os.chdir(before)


def _report(
    exercise: Exercise,
    grade_id: str,
    cases: list[Case],
    done: Callable[[Outcome], None] | None = None,
) -> Report:
    models = assignment_folder(exercise) / "models"
    import_what_is_named(exercise)
    with fresh_code(exercise, models) as code:
        outcomes, printed = run_tests(cases, code, exercise, done=done)
        notes: list[str] = []
        if not all(outcome.passed for outcome in outcomes):
            notes = [note for name in exercise.earlier if (note := _earlier_note(exercise, name))]
    faults = _syntax_faults(exercise) if any(o.exception_type in _UNREADABLE for o in outcomes) else []
    return Report(exercise.id, grade_id, tuple(outcomes), printed, tuple(faults), tuple(notes))


def _earlier_note(exercise: Exercise, name: str) -> str:
    earlier = load_exercise(name, exercise.folder.parent)
    # What an earlier model scored has no part in this: its code alone is used here.
    cases = [case for case in discover(earlier) if not earlier.model or case.grade.grade_id != earlier.model.grade_id]
    outcomes, _ = run_tests(cases, Code(earlier.package), earlier)
    failed = sum(not outcome.passed for outcome in outcomes)
    if not failed:
        return ""
    return (
        f"This exercise uses your code from {name}, where {failed} of {len(outcomes)} visible checks do not "
        f"pass: fix that first. The grader uses the course's own {name}."
    )


def run_tests(
    cases: Iterable[Case],
    code: Code,
    exercise: Exercise,
    *,
    reference: Callable[..., Any] | None = None,
    done: Callable[[Outcome], None] | None = None,
) -> tuple[list[Outcome], str]:
    """What becomes of each test on `code`, and what was printed meanwhile, cut after 4,000 characters."""
    printed = _Capped(PRINTED)
    outcomes: list[Outcome] = []
    late = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        for case in cases:
            if late == 2:
                why = "not run, because two checks before it gave no answer in time"
                outcomes.append(_failed(case, why, Reason.NOT_RUN))
            else:
                outcomes.append(_run_one(case, code, exercise, reference))
            late += outcomes[-1].code is Reason.TIMED_OUT
            if done:
                done(outcomes[-1])
    return outcomes, printed.text()


def _run_one(case: Case, code: Code, exercise: Exercise, reference: Callable[..., Any] | None = None) -> Outcome:
    seconds = max(SECONDS, 2 * (case.grade.cpu_seconds or exercise.limits.test_cpu_seconds))
    try:
        with _same_folder(), time_limit(seconds, exercise.folder.parent):
            return run_case(case, code, exercise, reference=reference)
    except TimeUp as error:
        place = describe_exception(error, exercise.folder)["place"]
        why = f"no answer within {seconds:g} seconds: is there a loop that never ends?"
        outcome = _failed(case, why, Reason.TIMED_OUT)
        return replace(outcome, got=place, kind="exception", exception_type=TimeUp.__name__)


def _failed(case: Case, reason: str, code: Reason) -> Outcome:
    return Outcome(case.name, case.grade.grade_id, case.title, False, reason, visible=case.visible, code=code)


class _Capped(io.TextIOBase):
    """A text stream that keeps the first characters and counts the rest."""

    def __init__(self, limit: int) -> None:
        self.limit, self.kept, self.size, self.total = limit, list[str](), 0, 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = self.limit - self.size
        if room > 0:
            self.kept.append(text[:room])
            self.size += len(self.kept[-1])
        self.total += len(text)
        return len(text)

    def text(self) -> str:
        """What was kept, with a line that says how much was not."""
        left = self.total - self.size
        return "".join(self.kept) + (f"\n... and {left:,} more characters" if left else "")


def _syntax_faults(exercise: Exercise) -> list[SyntaxFault]:
    paths = [path for path in sorted(exercise.folder.glob("*.py")) if path.stem not in exercise.given]
    return [fault for path in paths if (fault := _syntax_fault(path))]


def _syntax_fault(path: Path) -> SyntaxFault | None:
    try:
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        return SyntaxFault(path.name, error.lineno or 0, error.offset or 1, error.text or "", error.msg)
    except (ValueError, OSError) as error:
        return SyntaxFault(path.name, 0, 1, "", str(error))
    return None
