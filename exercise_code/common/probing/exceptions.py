"""An exception in words: the student's own line where there is one, else what the check was doing.

An exception's text can carry hidden inputs out: of a hidden test a student reads no more than the exception's type.
"""

import linecache
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import CourseError
from ..exercise import load_exercise
from ..reasons import UNREADABLE_ERRORS, Reason
from .failures import Failure, OddAnswer, call_of

__all__ = ["as_failure", "describe_exception", "failure_from"]


def describe_exception(error: BaseException, folder: Path) -> dict[str, str]:
    """What is to be said of an exception, as plain texts; `folder` is the student's package.

    `place` is the deepest line of the student's own, "" where the error arose in a probe; then `probe` is what the
    probe was doing there. `call` is the call that a test named.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place, probe = _own_place(frames, folder), ""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder):
        place = f"{Path(error.filename).name}, line {error.lineno}: {(error.text or '').strip()}"
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    if isinstance(error, OddAnswer):
        place, probe = str(error.got), ""
    elif not place:
        probe = _probe_text(frames) or "the check"
        text = _missing_name(error, folder) or text
    return {
        "type": type(error).__name__[:80],
        "text": text[:2000],
        "place": place[:300],
        "call": call_of(error)[:300],
        "probe": probe[:300],
    }


def failure_from(report: Mapping[str, Any]) -> Failure:
    """The `Failure` that says in words what `describe_exception` found."""
    name, text, place, call, probe = (str(report.get(key, "")) for key in ("type", "text", "place", "call", "probe"))
    known: dict[str, Any] = {"exception_type": name, "made_call": call}
    if name == OddAnswer.__name__:
        return Failure(text, got=place, code=Reason.WRONG_TYPE, **known)
    if name == "NotImplementedError" and (not text or text.startswith("Task ")):
        return Failure("this part is not written yet", got=place, kind="exception", code=Reason.NOT_WRITTEN, **known)
    if name in UNREADABLE_ERRORS or not probe:
        reason = f"the code raised {name}" + (f": {text}" if text else "")
        code = Reason.UNREADABLE if name in UNREADABLE_ERRORS else Reason.RAISED
        return Failure(reason, got=place, kind="exception", code=code, **known)
    # The student's code had returned by then: what it returned is of another kind than the check can use.
    reason = f"`{probe}` ends in {name}" + (f": {text}" if text else "")
    return Failure(reason, code=Reason.MALFORMED, **known)


def as_failure(error: BaseException) -> Failure:
    """The `Failure` that a test ended in, whatever it raised: an answer may be of any form at all."""
    if isinstance(error, Failure):
        return error
    known: dict[str, Any] = {"made_call": call_of(error)}
    if isinstance(error, AssertionError):
        # pytest's rewriting adds the values below the author's words, or has no more than them.
        text = (str(error).splitlines() or [""])[0]
        if text and not text.startswith("assert "):
            return Failure(text, **known)
        return Failure("the result is not as expected", code=Reason.GENERIC, **known)
    if isinstance(error, CourseError):
        return Failure(str(error), **known)
    doing = _probe_text(traceback.extract_tb(error.__traceback__))
    reason = "the answer is not of the expected form" + (f": `{doing}` ends in " if doing else ": ")
    return Failure(f"{reason}{type(error).__name__}: {error}"[:500], code=Reason.MALFORMED, **known)


def _own_place(frames: traceback.StackSummary, folder: Path) -> str:
    given = _given(folder)
    for frame in reversed(frames):
        path = Path(frame.filename)
        if path.is_relative_to(folder):
            own = path.relative_to(folder)
            if own.name != "__init__.py" and not own.name.startswith("test_") and own.stem not in given:
                return f"{own}, line {frame.lineno}: {frame.line}"
    return ""


def _given(folder: Path) -> frozenset[str]:
    """Names of the given modules beside the student's: an error inside of one is told by the line that called it."""
    try:
        return frozenset(load_exercise(folder.name, folder.parent).given)
    except (CourseError, OSError):
        return frozenset()


def _probe_text(frames: traceback.StackSummary) -> str:
    """The expression of the deepest line in a file of tests, such as `dataset[0]["label"]`."""
    for frame in reversed(frames):
        if Path(frame.filename).name.startswith("test_") and frame.lineno is not None:
            line = linecache.getline(frame.filename, frame.lineno)
            if frame.end_lineno != frame.lineno or frame.colno is None or frame.end_colno is None:
                return line.strip()
            return line.encode()[frame.colno : frame.end_colno].decode(errors="replace").strip()
    return ""


def _missing_name(error: BaseException, folder: Path) -> str:
    """That a function or class is not in its module any more, where that is the error."""
    module = getattr(error, "obj", None) if isinstance(error, AttributeError) else None
    file = getattr(module, "__file__", None) if isinstance(module, ModuleType) else None
    if not isinstance(file, str) or not Path(file).is_relative_to(folder):
        return ""
    return f"there is no {getattr(error, 'name', 'such name')} in {Path(file).name}"
