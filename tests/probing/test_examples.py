"""Examples that students hand in as data, and the known mistakes that they catch."""

import sys
from collections.abc import Iterator
from typing import Any

import cloudpickle
import numpy as np
import pytest

from autograder.base.settings import Settings
from autograder.judging.judge import Judge
from exercise_code.common.probing.cases import Grade
from exercise_code.common.probing.failures import Failure
from exercise_code.common.probing.running import bank_of
from exercise_code.common.reasons import Reason
from exercise_code.common.testing import answer_each, assert_agreed, assert_caught, expect_examples

FORM = {"loss": ("l1", "mse"), "predictions": list, "targets": list, "value": float}
GOOD = {"loss": "mse", "predictions": [[1.0], [3]], "targets": [[0], [1]], "value": 2.5}
ZERO = {"loss": "mse", "predictions": [[1.0]], "targets": [[1.0]], "value": 0}


def mse(code: Any, example: dict[str, Any]) -> float:
    pairs = zip(example["predictions"], example["targets"], strict=True)
    squares = [(p[0] - t[0]) ** 2 for p, t in pairs]
    return sum(squares) / len(squares)


def adds_up(code: Any, example: dict[str, Any]) -> float:
    return mse(code, example) * len(example["targets"])


def never_ends(code: Any, example: dict[str, Any]) -> float:
    while example["value"]:
        pass
    return 0.0


def raises(code: Any, example: dict[str, Any]) -> float:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("examples", "words"),
    [
        (GOOD, "expected a list"),
        ([], "expected 1 to 20 examples, got 0"),
        ([GOOD] * 21, "expected 1 to 20 examples, got 21"),
        ([[]], "example 0: expected a dict with the keys 'loss', 'predictions', 'targets', 'value'"),
        ([GOOD, {**GOOD, "more": 1}], "example 1: expected a dict"),
        ([{**GOOD, "loss": "mae"}], "example 0, 'loss': expected one of 'l1', 'mse'"),
        ([{**GOOD, "value": float("nan")}], "example 0, 'value': expected a finite number"),
        ([{**GOOD, "value": True}], "example 0, 'value': expected a finite number"),
        ([{**GOOD, "value": 10**400}], "example 0, 'value': expected a finite number"),
        ([{**GOOD, "targets": []}], "example 0, 'targets': expected lists of 1 to 50 finite numbers"),
        ([{**GOOD, "targets": [[]]}], "example 0, 'targets'"),
        ([{**GOOD, "targets": [[1.0] * 25] * 3}], "example 0, 'targets'"),
        ([{**GOOD, "targets": ["1"]}], "example 0, 'targets'"),
        ([{**GOOD, "targets": [[1.0], [1.0, 2.0]]}], "example 0, 'targets': expected rows of one length"),
        ([{**GOOD, "targets": 1.0}], "example 0, 'targets'"),
    ],
)
def test_faults_of_the_form_are_named(examples: Any, words: str) -> None:
    with pytest.raises(Failure) as caught:
        expect_examples(examples, FORM)
    assert words in caught.value.reason


def test_examples_of_the_right_form_come_back() -> None:
    assert expect_examples([GOOD, ZERO], FORM) == [GOOD, ZERO]
    arrays = {key: np.array(value) if isinstance(value, list) else value for key, value in GOOD.items()}
    assert expect_examples(({**arrays, "value": np.float32(2.5)},), FORM) == [GOOD]


def test_an_example_that_contradicts_the_reference_is_named() -> None:
    wrong = {**GOOD, "value": 5.0}
    with pytest.raises(Failure) as caught:
        assert_agreed([ZERO, wrong], answer_each(None, mse, [ZERO, wrong]), key="value")
    assert (caught.value.reason, caught.value.want, caught.value.got) == (
        "example 1 contradicts a right implementation",
        "2.5",
        "5.0",
    )
    with pytest.raises(Failure, match="example 0: a right implementation raises ZeroDivisionError"):
        assert_agreed([GOOD], answer_each(None, raises, [GOOD]), key="value")
    with pytest.raises(Failure, match="gives no answer"):
        assert_agreed([GOOD], Failure("the code died"), key="value")
    assert_agreed([GOOD, ZERO], answer_each(None, mse, [GOOD, ZERO]), key="value")


def test_a_mistake_is_caught_by_an_example_that_tells_it_apart() -> None:
    with pytest.raises(Failure, match="slips through"):
        assert_caught([ZERO], answer_each(None, adds_up, [ZERO]), key="value")
    assert_caught([ZERO, GOOD], answer_each(None, adds_up, [ZERO, GOOD]), key="value")
    assert_caught([ZERO], answer_each(None, raises, [ZERO]), key="value")
    assert_caught([ZERO], Failure("the code never ends"), key="value")


def test_a_bank_in_this_process_gives_failures_back() -> None:
    def reference(probe: Any, *inputs: Any) -> Any:
        raise Failure("it ends badly")

    answer = bank_of(reference)(answer_each, mse, [GOOD])
    assert isinstance(answer, Failure)
    assert answer.reason == "it ends badly"


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    # As tests are: the child has no file of this module.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with Judge("ex03_dataloader", Settings()) as judge:
        yield judge


def test_mistakes_run_walled_and_timed_beside_the_reference(judge: Judge) -> None:
    mark = Grade("dataset_len")

    def ask(answer: Any, example: dict[str, Any]) -> Any:
        return judge.ask_bank(answer_each, (answer, [example]), 0, "test_examples", mark)

    assert ask(mse, GOOD) == [2.5]
    assert ask(adds_up, GOOD) == [5.0]
    assert ask(raises, GOOD) == [["raised", "ZeroDivisionError"]]
    for _ in range(3):
        # Each has its own time: one that never ends leaves the next ones theirs.
        late = ask(never_ends, GOOD)
        assert isinstance(late, Failure)
        assert late.code is Reason.TIMED_OUT
    assert ask(mse, GOOD) == [2.5]
    assert judge.ask_reference(answer_each, (mse, [GOOD]), 0, "test_examples", mark) == [2.5]
