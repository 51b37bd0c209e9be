"""Answers compared with what was expected, and the difference in words."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..reasons import Reason
from .failures import Failure, OddAnswer, call
from .wire import Opaque

__all__ = [
    "as_array",
    "assert_calls",
    "assert_same",
    "entry",
    "items",
    "kind_of",
    "length",
    "resembles",
    "show",
    "wrong_type",
]

# What often helps where a value of one type came in place of another.
_WHOLE = "np.ceil and np.floor give floats: int(...) makes an int of one"
_TYPE_HINTS = {
    ("int", "float"): "int(...) makes a whole number of it",
    ("int", "numpy float"): _WHOLE,
    ("int", "numpy integer"): "int(...) makes a plain int of it",
    ("array", "list"): "np.array or np.stack makes an array of a list",
    ("array", "tuple"): "np.array or np.stack makes an array of a tuple",
    ("array", "array of objects"): "numpy makes such an array of values that do not all have one shape",
    ("array", "None"): "is there a `return`?",
    ("dict", "None"): "is there a `return`?",
    ("tuple", "None"): "is there a `return`?",
    ("int", "None"): "is there a `return`?",
    ("float", "None"): "is there a `return`?",
}
_FAMILIES = {"f": "floats", "i": "integers", "u": "unsigned integers", "b": "booleans"}


class _Difference(NamedTuple):
    path: str
    reason: str
    got: Any
    want: Any
    code: Reason = Reason.DIFFERENT
    hint: str = ""


def assert_same(
    got: Any,
    want: Any,
    *,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    hint: str = "",
    hints: Mapping[str, Any] | None = None,
) -> None:
    """Fail unless `got` has the exact type, shape, dtype kind and values of `want`, all of them finite.

    Floats may differ by `atol + rtol * |want|`; integers, booleans and texts may not differ. Nothing is
    broadcast, and NaN equals nothing. The `Failure` names the first place where the two part.

    `hints` are known mistakes, what to say about each and the answer that it gives, or a function that says of an
    answer whether it looks like it. The first that fits is said; where none does, nothing is, or `hint`, which must
    then be true of any wrong answer:

        assert_same(got, image / 255, hints={"divide by 255, not by the image's own maximum": image / image.max()})
    """
    difference = _difference(got, want, rtol, atol)
    if difference is None:
        return
    fitting = (text for text, wrong in (hints or {}).items() if _fits(got, wrong))
    where = f"at {difference.path}: " if difference.path else ""
    raise Failure(
        where + difference.reason,
        want=show(difference.want),
        got=show(difference.got),
        hint=next(fitting, "") or difference.hint or hint,
        code=difference.code,
    )


def assert_calls(got: Any, want: Mapping[str, Any], **options: Any) -> None:
    """`assert_same` for the answers of `each_call`, call by call: the `Failure` names the first one that is wrong.

    `want` has the expected answer for each label. A hint's wrong answers are such a mapping too, with all the labels
    or only those that show the mistake.
    """
    hints = options.pop("hints", None) or {}
    fitting = [text for text, wrong in hints.items() if _fits(got, wrong)]
    # Where labels come from the answer itself, an empty answer would be right without one call.
    if type(got) is not dict or not got or list(got) != list(want):
        raise Failure("the calls were not all made", code=Reason.MALFORMED)
    for text, expected in want.items():
        with call(text):
            assert_same(got[text], expected, **options, hints=dict.fromkeys(fitting[:1], _always))


def wrong_type(expected: str, got: Any) -> Failure:
    """The `Failure` of a test that wanted `expected`, such as `a tuple of two arrays`, and got another type."""
    hint = _TYPE_HINTS.get((expected.removeprefix("a numpy ").split()[-1], _family(got)), "")
    return Failure(f"expected {expected}, got {kind_of(got)}", got=show(got), hint=hint, code=Reason.WRONG_TYPE)


def entry(answer: Any, key: str) -> Any:
    """What stands under `key` in an answer that should be a dict; a `Failure` where it is none or lacks the key."""
    if type(answer) is not dict:
        failure = wrong_type("a dict", answer)
        failure.want = f"a dict with the key {key!r}"
        raise failure
    if key not in answer:
        raise Failure(f"expected the key {key!r}, got the keys {sorted(answer, key=str)}", code=Reason.WRONG_TYPE)
    return answer[key]


def items(answer: Any, count: int, what: str = "") -> list[Any]:
    """The answer as a list of so many items; a `Failure` where it is none. `what` says what these are."""
    if type(answer) is not list or len(answer) != count:
        raise wrong_type(what or f"a list of {count} items", answer)
    return answer


def length(thing: Any) -> Any:
    """`len(thing)`, for a probe; where `__len__` returns what `len` cannot take, such as a float, that itself."""
    found = type(thing).__len__(thing)
    return operator.index(found) if hasattr(found, "__index__") else found


def as_array(tensor: Any) -> Any:
    """A torch tensor's numbers as a numpy array, for a probe; an `OddAnswer` for anything else."""
    if not hasattr(tensor, "detach") or not hasattr(tensor, "numpy"):
        advice = ": leave out .item()" if type(tensor) in (int, float) else ""
        raise OddAnswer(f"expected a torch tensor, got {kind_of(tensor)}{advice}", show(tensor))
    return tensor.detach().cpu().numpy()


def show(value: Any, limit: int = 200) -> str:
    """A short text for a value: arrays with shape, dtype and their first items, long texts cut."""
    if isinstance(value, np.ndarray):
        items = np.array2string(value.ravel()[:8], precision=5, separator=", ", threshold=10)
        dots = ", ...]" if value.size > 8 else "]"
        text = f"array of shape {value.shape}, {value.dtype}: {items[:-1]}{dots}"
    elif isinstance(value, np.generic):
        number = repr(float(f"{value:.9g}") if isinstance(value, np.floating) else value.item())
        text = f"{number} ({value.dtype})"
    else:
        text = repr(_first_items(value, limit, [limit]))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def resembles(got: Any, wrong: Any) -> bool:
    """True where an answer has the numbers and texts of another one; types and dtypes do not matter.

    Of a dict only the keys that `wrong` has are looked at.
    """
    if isinstance(wrong, Mapping):
        return isinstance(got, Mapping) and all(key in got and resembles(got[key], wrong[key]) for key in wrong)
    if isinstance(wrong, list | tuple) and isinstance(got, list | tuple):
        return len(got) == len(wrong) and all(resembles(g, w) for g, w in zip(got, wrong, strict=True))
    # Whole numbers too: numpy has none beyond 64 bits.
    if isinstance(wrong, str | None) or isinstance(got, str | None) or (type(got) is int and type(wrong) is int):
        return bool(got == wrong)
    if isinstance(got, Mapping | Opaque | bytes):
        return False
    first, second = np.asarray(got), np.asarray(wrong)
    if first.shape != second.shape or first.dtype == object or second.dtype == object:
        return False
    return bool(np.allclose(first, second, rtol=1e-4, atol=1e-6, equal_nan=True))


def kind_of(value: Any) -> str:
    """The type of a value in words: `an int`, `a numpy array`, `an array of objects (dtype object)`."""
    if isinstance(value, Opaque):
        return value.words
    if isinstance(value, np.ndarray):
        return "a numpy array"
    if value is None:
        return "None"
    name = type(value).__name__
    return f"a numpy.{name}" if isinstance(value, np.generic) else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _always(_got: Any) -> bool:
    return True


def _fits(got: Any, wrong: Callable[[Any], object] | Any) -> bool:
    try:
        return bool(wrong(got)) if callable(wrong) else resembles(got, wrong)
    except Exception:  # noqa: BLE001 - an answer of any form may come: one that a hint cannot look at is not its own
        return False


def _difference(got: Any, want: Any, rtol: float, atol: float, path: str = "") -> _Difference | None:
    if isinstance(want, np.ndarray | np.generic):
        return _array_difference(got, want, rtol, atol, path)
    if type(got) is not type(want):
        return _other_type(got, want, path)
    if isinstance(want, list | tuple):
        if len(got) != len(want):
            return _Difference(path, f"expected {_items(len(want))}, got {len(got)}", got, want)
        for i, (g, w) in enumerate(zip(got, want, strict=True)):
            if found := _difference(g, w, rtol, atol, f"{path}[{i}]"):
                return found
        return None
    if isinstance(want, dict):
        if set(got) != set(want):
            keys = f"expected the keys {sorted(want, key=str)}, got {sorted(got, key=str)}"
            return _Difference(path, keys, got, want)
        for key, w in want.items():
            if found := _difference(got[key], w, rtol, atol, f"{path}[{key!r}]"):
                return found
        return None
    if isinstance(want, float):
        if not math.isfinite(got) or not math.isfinite(want):
            return _Difference(path, f"expected a finite number, got {got}", got, want)
        same = abs(got - want) <= atol + rtol * abs(want)
        return None if same else _Difference(path, "the values differ", got, want)
    if isinstance(want, Opaque) or got != want:
        return _Difference(path, "the values differ", got, want)
    return None


def _items(number: int) -> str:
    return "1 item" if number == 1 else f"{number} items"


def _other_type(got: Any, want: Any, path: str) -> _Difference:
    hint = _TYPE_HINTS.get((_family(want), _family(got)), "")
    return _Difference(path, f"expected {kind_of(want)}, got {kind_of(got)}", got, want, Reason.WRONG_TYPE, hint)


def _family(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "array"
    if isinstance(value, np.generic):
        return {"f": "numpy float", "i": "numpy integer", "u": "numpy integer"}.get(value.dtype.kind, "numpy value")
    if isinstance(value, Opaque) and value.is_array:
        return "array of objects"
    return "None" if value is None else type(value).__name__


def _array_difference(got: Any, want: Any, rtol: float, atol: float, path: str) -> _Difference | None:
    if isinstance(got, np.ndarray) is not isinstance(want, np.ndarray) or not isinstance(got, np.ndarray | np.generic):
        return _other_type(got, want, path)
    if got.shape != want.shape:
        return _Difference(path, f"expected the shape {want.shape}, got {got.shape}", got, want)
    if got.dtype.kind != want.dtype.kind:
        expected, came = (f"{_FAMILIES.get(a.dtype.kind, 'others')} ({a.dtype})" for a in (want, got))
        return _Difference(path, f"expected {expected}, got {came}", got, want, Reason.WRONG_TYPE)
    if want.dtype.kind == "f":
        got64, want64 = np.asarray(got, np.float64), np.asarray(want, np.float64)
        if not np.isfinite(got64).all():
            return _Difference(path, "expected finite numbers, got NaN or infinity", got, want)
        with np.errstate(invalid="ignore"):
            # Written so that a NaN in `want` counts as different.
            wrong = ~(np.abs(got64 - want64) <= atol + rtol * np.abs(want64))
    else:
        wrong = np.asarray(got != want)
    if not wrong.any():
        return None
    if not want.ndim:
        return _Difference(path, "the values differ", got, want)
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    index = ", ".join(map(str, first))
    reason = f"{int(wrong.sum()):,} of {want.size:,} values differ, the first at [{index}]"
    return _Difference(path, reason, np.asarray(got)[first], np.asarray(want)[first])


def _first_items(value: Any, limit: int, left: list[int]) -> Any:
    """The value with no more items than `limit` characters can show: the text of a million takes seconds."""
    left[0] -= 1
    if isinstance(value, str | bytes):
        return value[: limit + 1]
    if isinstance(value, np.ndarray):
        return _InWords(value)
    if not isinstance(value, list | tuple | dict):
        return value
    kept: list[Any] = []
    for item in value.items() if isinstance(value, dict) else value:
        if left[0] <= 0:
            break
        if isinstance(value, dict):
            item = _first_items(item[0], limit, left), _first_items(item[1], limit, left)
        else:
            item = _first_items(item, limit, left)
        kept.append(item)
    return _plain(value)(kept)


class _InWords:
    """An array among other values: its numbers where they are few, else its shape and dtype."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __repr__(self) -> str:
        if self.array.ndim == 1 and self.array.size <= 8:
            return f"array({np.array2string(self.array, precision=5, separator=', ')})"
        return f"<array of shape {self.array.shape}, {self.array.dtype}>"


def _plain(value: Any) -> type:
    return next(base for base in (list, tuple, dict) if isinstance(value, base))
