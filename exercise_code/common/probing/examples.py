"""Examples that students hand in as data: do they agree with a right implementation, and which mistakes do they catch?

An example is a dict of plain values: inputs, and under one key what a right implementation answers. A visible test
looks at the form alone. A hidden one asks the reference, and for each known mistake whether an example tells it from
the reference:

    FORM = {"loss": ("l1", "mse"), "predictions": list, "targets": list, "value": float}

    def right(code, example):
        return LOSSES[example["loss"]](code).forward(np.array(example["predictions"]), np.array(example["targets"]))

    def adds_up(code, example):
        return right(code, example) * np.size(example["targets"])

    @grade("loss_examples", weight=2)
    def test_examples_catch_one_mistake(observe, bank):
        \"\"\"The examples catch a loss that adds up where it should average.\"\"\"
        examples = expect_examples(observe(loss_examples), FORM)
        assert_agreed(examples, bank(answer_each, right, examples), key="value")
        assert_caught(examples, bank(answer_each, adds_up, examples), key="value")

`bank` runs a probe beside the reference, walled and timed, and gives back the `Failure` of one that ends badly.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..reasons import Reason
from .comparing import show, wrong_type
from .failures import Failure

__all__ = ["answer_each", "assert_agreed", "assert_caught", "expect_examples"]

# What a field of an example holds: one of these texts, nested lists of numbers, or a number.
Field = tuple[str, ...] | type
RAISED = "raised"


def expect_examples(
    examples: Any, form: Mapping[str, Field], *, most: int = 20, numbers: int = 50
) -> list[dict[str, Any]]:
    """The examples with lists for arrays and tuples; a `Failure` unless they are 1 to `most` dicts of this form.

    `form` says what stands under each key: one of several texts, a number (`float`), or a `list`: rows of one length,
    rows of such rows, and so on, with `numbers` finite numbers at most. `np.shape` tells the shape of one that passed.
    """
    examples = _plain(examples)
    if type(examples) is not list:
        raise wrong_type("a list of dicts", examples)
    if not 1 <= len(examples) <= most:
        raise Failure(f"expected 1 to {most} examples, got {len(examples)}")
    for i, example in enumerate(examples):
        if type(example) is not dict or set(example) != set(form):
            raise _misshapen(f"example {i}", f"a dict with the keys {', '.join(map(repr, form))}", example)
        for key, field in form.items():
            if wanted := _misfit(example[key], field, numbers):
                raise _misshapen(f"example {i}, {key!r}", wanted, example[key])
    return examples


def _misshapen(where: str, wanted: str, got: Any) -> Failure:
    return Failure(f"{where}: expected {wanted}", got=show(got), code=Reason.WRONG_TYPE)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if type(value) is dict else value


def answer_each(
    code: Any, answer: Callable[[Any, dict[str, Any]], Any], examples: Sequence[dict[str, Any]]
) -> list[Any]:
    """A probe: what `answer(code, example)` is for each example, or that it raised."""
    answers: list[Any] = []
    for example in examples:
        try:
            answers.append(answer(code, example))
        # A mistake may show itself as an exception: that is an answer, too.
        except Exception as error:  # noqa: BLE001
            answers.append([RAISED, type(error).__name__])
    return answers


def assert_agreed(
    examples: Sequence[dict[str, Any]], answers: Any, *, key: str, rtol: float = 1e-4, atol: float = 1e-6
) -> None:
    """Fail unless each example states what the reference answers; `answers` come from `bank`."""
    if isinstance(answers, Failure):
        raise Failure(f"a right implementation gives no answer to the examples: {answers.reason}")
    for i, (example, answer) in enumerate(zip(examples, answers, strict=True)):
        if _is_raised(answer):
            raise Failure(f"example {i}: a right implementation raises {answer[1]}", got=show(example))
        if not _same(example[key], answer, rtol, atol):
            raise Failure(f"example {i} contradicts a right implementation", want=show(answer), got=show(example[key]))


def assert_caught(
    examples: Sequence[dict[str, Any]], answers: Any, *, key: str, rtol: float = 1e-4, atol: float = 1e-6
) -> None:
    """Fail unless a mistake shows: it ends badly, raises, or answers an example with something else."""
    if isinstance(answers, Failure):
        return
    if all(_same(example[key], answer, rtol, atol) for example, answer in zip(examples, answers, strict=True)):
        raise Failure("the mistake slips through: it answers all examples as a right implementation does")


def _misfit(value: Any, field: Field, numbers: int) -> str:
    """What was expected, "" where the value is so."""
    if isinstance(field, tuple):
        return "" if type(value) is str and value in field else f"one of {', '.join(map(repr, field))}"
    if field is float:
        return "" if _is_number(value) else "a finite number"
    count = len(list(_leaves(value))) if type(value) is list else 0
    if not 1 <= count <= numbers or not all(map(_is_number, _leaves(value))):
        return f"lists of 1 to {numbers} finite numbers"
    try:
        np.array(value, float)
    except ValueError:
        return "rows of one length"
    return ""


def _leaves(value: Any) -> Iterator[Any]:
    """What nested lists hold; an empty list stands for itself."""
    if type(value) is list and value:
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _is_number(value: Any) -> bool:
    # An int of a thousand digits is no float.
    return type(value) in (int, float) and abs(value) < 1e300 and math.isfinite(value)


def _is_raised(answer: Any) -> bool:
    return type(answer) is list and len(answer) == 2 and answer[0] == RAISED


def _same(stated: Any, answer: Any, rtol: float, atol: float) -> bool:
    """Equal numbers in equal shapes, a list standing for an array; NaN equals nothing."""
    try:
        ours, theirs = np.asarray(stated, np.float64), np.asarray(answer, np.float64)
    except (ValueError, TypeError, OverflowError):
        return False
    return ours.shape == theirs.shape and bool(np.allclose(ours, theirs, rtol=rtol, atol=atol))
