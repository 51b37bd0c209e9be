"""The one test format: `@grade` marks a test, `observe` runs a probe on the student's code, `assert_same` compares.

A test is a function of fixtures, named by its parameters:

- `observe(probe, *inputs)`: the probe's answer on the student's code, a plain value (see `wire`).
- `rng`: a `numpy.random.Generator`, seeded from the test's name (and the course's secret in grading).
- `reference(probe, *inputs)`: the same on the reference solution (hidden tests).
- `numbers`: a generator of this student's own numbers, in an exercise with `personal = true`.
- `bank(probe, *inputs)`: the same for inputs that a student chose: known mistakes beside the reference (see
  `probing/examples.py`), each with an answer or the `Failure` it ends in.
- `evaluation()`: the score of the handed-in model; `model_info`: what its file says of itself.

What a student reads of a failure is made of the test's docstring, the call (`with call("dataset[0]"):`, or `each_call`
in the probe and `assert_calls` in the test), what was wanted and what came, and a hint if one fits (`hints=`).

`evaluation` needs a given module `scoring.py` in the exercise's package; `probing/scores.py` says what is in it.
"""

from .probing.cases import grade
from .probing.comparing import (
    as_array,
    assert_calls,
    assert_same,
    entry,
    items,
    kind_of,
    length,
    resembles,
    show,
    wrong_type,
)
from .probing.examples import answer_each, assert_agreed, assert_caught, expect_examples
from .probing.failures import Failure, OddAnswer, call, each_call
from .probing.scores import Score

__all__ = [
    "Failure",
    "OddAnswer",
    "Score",
    "answer_each",
    "as_array",
    "assert_agreed",
    "assert_calls",
    "assert_caught",
    "assert_same",
    "call",
    "each_call",
    "entry",
    "expect_examples",
    "grade",
    "items",
    "kind_of",
    "length",
    "resembles",
    "show",
    "wrong_type",
]
