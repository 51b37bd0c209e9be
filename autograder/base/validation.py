"""What is wrong in a file that a person wrote, in words: pydantic's findings, not its sentences."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

__all__ = ["in_words"]

_BOUNDS = {
    "greater_than": ("over", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("under", "lt"),
    "less_than_equal": ("at most", "le"),
}
_KINDS = (
    ("literal_error", ""),
    ("datetime", "a date and time such as 2026-11-27T23:59:00+01:00"),
    ("timezone", "a date and time with its zone, such as 2026-11-27T23:59:00+01:00"),
    ("float", "a number"),
    ("finite", "a number"),
    ("int", "a whole number"),
    ("bool", "true or false"),
    ("string", "text in quotes"),
    ("dict", "a table, [name] on a line of its own"),
    ("model", "a table"),
    ("tuple", "a list"),
    ("list", "a list"),
)


def in_words(error: ValidationError, model: type[BaseModel]) -> str:
    """The first fault as one line: where it is, what was expected, what came; `model` is what was read."""
    first = error.errors()[0]
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
    text = _fault(first, model)
    return f"{where}: {text}" if where else text


def _fault(fault: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, context = str(fault["type"]), fault.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(fault["loc"][-1])
        close = difflib.get_close_matches(name, sorted(_names(model.model_json_schema())), n=1)
        return f"expected a known name, got {name}: " + (f"did you mean {close[0]}?" if close else "remove it")
    if kind == "missing":
        return "expected a value, got none: add it"
    if kind == "value_error":
        return str(context["error"])
    got = repr(fault["input"]) if isinstance(fault["input"], str | int | float) else str(fault["input"])
    got = got if len(got) <= 80 else f"{got[:79]}…"
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"expected a number that is {words} {context[key]:g}, got {got}"
    expected = next((words for start, words in _KINDS if kind.startswith(start)), "")
    if kind == "literal_error":
        expected = re.sub(r"'", "", str(context["expected"]))
    return f"expected {expected or str(fault['msg']).lower()}, got {got}"


def _names(schema: Any) -> set[str]:
    """All names of settings in a model and in those within it."""
    if isinstance(schema, list):
        return set().union(*map(_names, schema))
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", ()))
    return own.union(*map(_names, schema.values()))
