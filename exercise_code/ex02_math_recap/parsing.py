"""Numbers as people type them: 3, 0.375, Fraction(3, 8), "3/8", lists of these. Given: nothing to fill in here."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import numpy as np

from exercise_code.common.testing import Failure, show, wrong_type

__all__ = ["Number", "Numbers", "as_number", "as_numbers", "is_close", "plain"]

Number = int | float | Fraction | str
Numbers = list | tuple | np.ndarray
# Four significant digits are enough.
TOLERANCE = 1e-3
_NUMBER = re.compile(r"[+-]?(\d{1,15}/\d{1,15}|\d{1,15}(\.\d{0,15})?|\.\d{1,15})")
_FORMS = 'a number, such as 3, 0.375, Fraction(3, 8) or "3/8"'


def plain(answer: Any) -> Any:
    """An answer as it can leave the sandbox: fractions become texts such as "3/8", also inside of lists and arrays."""
    if isinstance(answer, Fraction):
        return str(answer)
    if isinstance(answer, list | tuple):
        return [plain(item) for item in answer]
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "OU":
        return plain(answer.tolist())
    return answer


def as_number(answer: Any, what: str = "") -> int | float | Fraction:
    """The number that somebody has answered; a `Failure` where it is none. Whole numbers and fractions stay exact."""
    where = f"{what}: " if what else ""
    if isinstance(answer, np.ndarray) and answer.size == 1:
        answer = answer.item()
    if isinstance(answer, np.generic):
        answer = answer.item()
    if isinstance(answer, str):
        return _from_text(answer, where)
    if isinstance(answer, list | tuple | dict | np.ndarray):
        raise Failure(f"{where}expected one number, got {_length(answer)}", got=show(answer))
    if isinstance(answer, bool) or not isinstance(answer, int | float | Fraction):
        failure = wrong_type(_FORMS, answer)
        failure.reason = where + failure.reason
        failure.hint = "is there a `return`?" if answer is None else ""
        raise failure
    if not math.isfinite(answer):
        raise Failure(f"{where}expected a finite number, got {answer}", got=show(answer))
    return answer


def _from_text(text: str, where: str) -> int | Fraction:
    # A minus sign copied from a formula is another character than the one on the keyboard.
    tidy = text.strip().replace(" ", "").replace("−", "-")
    hint = "write a point, not a comma" if "," in text else 'a text holds one number: "3/8", "-2" or "0.375"'
    if not _NUMBER.fullmatch(tidy) or ("/" in tidy and not int(tidy.partition("/")[2])):
        raise Failure(f"{where}expected {_FORMS}, got the text {text[:40]!r}", got=show(text), hint=hint)
    number = Fraction(tidy)
    return int(number) if number.denominator == 1 else number


def as_numbers(answer: Any, shape: tuple[int, ...], what: str = "") -> np.ndarray:
    """An array of floats from a list, a tuple or an array of numbers; a `Failure` where its shape is another one."""
    where = f"{what}: " if what else ""
    if not isinstance(answer, list | tuple | np.ndarray):
        raise wrong_type(f"a list or an array of numbers of shape {shape}", answer)
    items = answer.tolist() if isinstance(answer, np.ndarray) else list(answer)
    if len(items) != shape[0]:
        raise Failure(f"{where}expected {shape[0]} items, got {len(items)}: the shape is {shape}", got=show(answer))
    if len(shape) == 1:
        return np.array([float(as_number(item, f"{where}item {i}")) for i, item in enumerate(items)])
    rows = [as_numbers(row, shape[1:], f"{where}row {i}") for i, row in enumerate(items)]
    return np.stack(rows)


def is_close(got: float | Fraction, want: float | Fraction) -> bool:
    """True where two numbers are equal; a float, which may be rounded, needs four significant digits only."""
    if not isinstance(got, float) and not isinstance(want, float):
        return got == want
    return abs(float(got) - float(want)) <= TOLERANCE * abs(float(want)) + 1e-9


def _length(answer: Any) -> str:
    kind = {list: "a list", tuple: "a tuple", dict: "a dict"}.get(type(answer), "an array")
    return f"{kind} of {np.size(answer) if isinstance(answer, np.ndarray) else len(answer)}"
