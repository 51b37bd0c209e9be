"""One test, run in this process."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..exercise import Exercise
from ..hand_ins.student_id import numbers_of, read_id
from ..reasons import Reason
from .cases import Case, Outcome, test_seed
from .exceptions import as_failure
from .failures import Failure
from .in_process import Code, InProcess
from .scores import evaluate, inspect_handed_in

__all__ = ["bank_of", "numbers", "run_case"]


NO_ID = "nobody is named in student_id.txt, and the numbers of this exercise are drawn from that"


def numbers(exercise: Exercise, package: Path | None = None) -> np.random.Generator:
    """The fixture `numbers`: a generator of the numbers that the student has who is named in the `package` folder."""
    student = read_id(package or exercise.folder)
    if student is None:
        raise Failure(NO_ID, hint='call student_id("...") in the notebook, with your id', code=Reason.MALFORMED)
    return numbers_of(exercise.id, student)


def bank_of(reference: Callable[..., Any]) -> Callable[..., Any]:
    """The fixture `bank` in this process: a probe beside the reference, or the `Failure` that it ends in."""

    def ask(probe: Callable[..., Any], *inputs: Any) -> Any:
        try:
            return reference(probe, *inputs)
        except Failure as failure:
            return failure

    return ask


def run_case(
    case: Case,
    code: Code,
    exercise: Exercise,
    *,
    key: str = "visible",
    reference: Callable[..., Any] | None = None,
) -> Outcome:
    """What becomes of a test when its probes run on `code` in this process."""
    seed = test_seed(case.name, key)
    observe = InProcess(code, exercise.folder, seed, case.grade.writable)
    available: dict[str, Callable[[], Any]] = {
        "observe": lambda: observe,
        "rng": lambda: np.random.default_rng(seed),
        "evaluation": lambda: lambda: evaluate(exercise, code, observe),
        "numbers": lambda: numbers(exercise),
        "model_info": lambda: inspect_handed_in(exercise, code),
    }
    if reference is not None:
        available["reference"] = lambda: reference
        available["bank"] = lambda: bank_of(reference)
    start = time.perf_counter()
    failure: Failure | None = None
    try:
        case.function(**{name: available[name]() for name in case.fixtures})
    except Exception as error:
        failure = as_failure(error)
    seconds = time.perf_counter() - start
    known = (case.name, case.grade.grade_id, case.title)
    if failure is None:
        return Outcome(*known, True, seconds=seconds, visible=case.visible)
    return Outcome(
        *known,
        False,
        failure.reason,
        failure.want,
        failure.got,
        failure.hint,
        failure.kind,
        failure.exception_type,
        seconds,
        case.visible,
        failure.code,
        failure.made_call,
    )
