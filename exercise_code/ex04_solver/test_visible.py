"""The tests that `check` runs in the notebooks of exercise 4."""

import contextlib
import textwrap
import warnings

import numpy as np

from exercise_code.common.testing import (
    Failure,
    OddAnswer,
    assert_calls,
    assert_same,
    call,
    each_call,
    entry,
    expect_examples,
    grade,
    items,
    kind_of,
    show,
    wrong_type,
)

# What these tests expect can be read here, so they earn little: their hidden twins, on fresh inputs, earn the points.
SEEN = 0.1
# A student may compute with float32.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def number(value):
    """A float of numpy's as a plain one; anything else as it is."""
    return float(value) if isinstance(value, np.floating) else value


def expect_shape(got, shape):
    """Fail unless an array of this shape came: who returns nothing changes nothing, either. Its values do not count."""
    if not isinstance(got, np.ndarray) or got.shape != shape:
        raise wrong_type(f"a numpy array of shape {shape}", got)


def column(*values):
    return np.array(values, dtype=float).reshape(-1, 1)


def error_of(function, *arguments):
    """The name of the exception that a call raises, "no error" where it raises none."""
    try:
        function(*arguments)
    except NotImplementedError:
        raise
    except Exception as error:  # noqa: BLE001 - any other one is an answer, too
        return type(error).__name__
    return "no error"


def answer_and_warnings(function, *arguments):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        answer = function(*arguments)
    return answer, [str(warning.message) for warning in seen]


# Preprocessing

OWN_NUMBERS = "fit has learned mean and std; transform uses these, not those of the X that it gets"


def fitted(code, X):
    """What fit returns (is it the standardizer?), and the attributes it sets."""
    standardizer = code.preprocessing.Standardizer()
    returned = standardizer.fit(X)
    return [returned is standardizer, standardizer.mean, standardizer.std]


def transformed(code, train, X):
    standardizer = code.preprocessing.Standardizer()
    standardizer.fit(train)
    return standardizer.transform(X)


def inputs_after_standardizing(code, train, X):
    return [transformed(code, train, X), train, X]


@grade("standardize", weight=SEEN)
def test_fit_finds_mean_and_std_of_each_column(observe):
    """fit sets the mean and the standard deviation of each column, arrays of shape (D,), and returns itself."""
    X = np.array([[1.0, 10.0, 0.0], [3.0, 30.0, 2.0], [5.0, 20.0, 4.0], [3.0, 20.0, 2.0]])
    with call("Standardizer().fit(X)"):
        returned_itself, mean, std = items(observe(fitted, X), 3, "what fit returns, mean and std")
        if returned_itself is not True:
            raise Failure("what fit returns is not the standardizer itself", hint="`return self` at the end")
        hints = {
            "one number for each column: axis=0 goes over the rows": lambda got: np.ndim(got) == 0 or len(got) == 4,
            "nanmean keeps the columns with axis=0 alone": lambda got: np.ndim(got) > 1,
        }
        assert_same(mean, np.array([3.0, 20.0, 2.0]), **CLOSE, hints=hints)
        hints["divide by the number of values, as np.nanstd does by itself (ddof=0)"] = X.std(axis=0, ddof=1)
        hints["this is the variance; its square root is the standard deviation"] = X.var(axis=0)
        assert_same(std, X.std(axis=0), **CLOSE, hints=hints)


@grade("standardize", weight=SEEN)
def test_missing_values_do_not_count(observe):
    """fit skips NaN: the column 1, NaN, 3 has the mean 2 and the standard deviation 1."""
    nan = np.nan
    X = np.array([[1.0, nan], [nan, 4.0], [3.0, 8.0]])
    with call("Standardizer().fit(X), X with a NaN in each column"):
        _, mean, std = items(observe(fitted, X), 3, "what fit returns, mean and std")
        hints = {
            "np.mean of a column with a NaN is NaN; np.nanmean skips it": lambda got: bool(np.isnan(got).any()),
            "a NaN is no 0: leave it out": np.array([4 / 3, 4.0]),
        }
        assert_same(mean, np.array([2.0, 6.0]), **CLOSE, hints=hints)
        assert_same(std, np.array([1.0, 2.0]), **CLOSE, hints={"np.nanstd skips NaN": lambda got: np.isnan(got).any()})


@grade("standardize", weight=SEEN)
def test_a_column_of_equal_values_has_std_1(observe):
    """A column whose values are all the same gets the std 1, so that nothing is divided by 0."""
    with call("Standardizer().fit([[1, 7], [2, 7]])"):
        _, mean, std = items(observe(fitted, np.array([[1.0, 7.0], [2.0, 7.0]])), 3, "what fit returns, mean and std")
        assert_same(mean, np.array([1.5, 7.0]), **CLOSE)
        assert_same(std, np.array([0.5, 1.0]), **CLOSE, hints={"0 becomes 1 here": np.array([0.5, 0.0])})


@grade("standardize", weight=SEEN)
def test_transform_uses_what_fit_has_found(observe):
    """transform subtracts the training data's mean and divides by their std, for other data too."""
    train, other = np.array([[0.0, 10.0], [4.0, 30.0]]), np.array([[6.0, 10.0], [10.0, 20.0], [2.0, 60.0]])
    want = np.array([[2.0, -1.0], [4.0, 0.0], [0.0, 4.0]])
    hints = {
        OWN_NUMBERS: (other - other.mean(axis=0)) / other.std(axis=0),
        "subtract first, then divide": other / 2 - [2, 20],
        "divide by std, not by its square": lambda got: abs(got[0, 0] - 1) < 1e-6,
    }
    with call("Standardizer().fit(train).transform(other)"):
        assert_same(observe(transformed, train, other), want, **CLOSE, hints=hints)


@grade("standardize", weight=SEEN)
def test_missing_values_become_the_mean(observe):
    """transform turns NaN into 0, which stands for the mean of the training data."""
    train, other = np.array([[0.0], [4.0]]), np.array([[np.nan], [6.0], [2.0]])
    hints = {
        "replace NaN after the subtraction: 0 square feet are not the mean": column(-1, 2, 0),
        "NaN is still there; np.nan_to_num or np.where(np.isnan(...), ...) replaces it": (
            lambda got: bool(np.isnan(got).any())
        ),
        OWN_NUMBERS: column(0, 1, -1),
    }
    with call("Standardizer().fit([[0], [4]]).transform([[nan], [6], [2]])"):
        assert_same(observe(transformed, train, other), column(0, 2, 0), **CLOSE, hints=hints)


@grade("standardize", weight=SEEN)
def test_standardizing_leaves_its_inputs_alone(observe):
    """fit and transform change neither the training data nor the X that they get."""
    train, other = np.array([[0.0], [4.0], [np.nan]]), np.array([[np.nan], [6.0]])
    with call("Standardizer().fit(train).transform(other)"):
        result, *after = items(observe(inputs_after_standardizing, train, other), 3, "what fit returns, mean and std")
        expect_shape(result, other.shape)
    for name, array, before in zip(("train", "other"), after, (train, other), strict=True):
        with call(f"the array {name}, after Standardizer().fit(train).transform(other)"):
            if not np.array_equal(array, before, equal_nan=True):
                hint = "X[...] = and X -= change the caller's array: make a new one"
                raise Failure(f"{name} has been changed", hint=hint)


# Examples

FORM = {"loss": ("l1", "mse"), "predictions": list, "targets": list, "value": float}
MOST_NUMBERS, LEAST_OF_A_LOSS = 50, 2


def examples_of(code):
    return code.examples.loss_examples()


def loss_examples(observe):
    """The examples, if they have the form that the task asks for; a `Failure` where they do not."""
    examples = expect_examples(observe(examples_of), FORM)
    for i, example in enumerate(examples):
        shapes = [np.shape(example[key]) for key in ("predictions", "targets")]
        if len(shapes[0]) != 2 or len(shapes[1]) != 2:
            hint = "each row is a list, also where it has one number: [[1.0], [4.0]], not [1.0, 4.0]"
            raise Failure(f"example {i}: expected rows of numbers", got=show(example), hint=hint)
        if shapes[0] != shapes[1]:
            raise Failure(
                f"example {i}: expected predictions and targets of one shape, got {shapes[0]} and {shapes[1]}"
            )
        if 2 * np.size(example["targets"]) > MOST_NUMBERS:
            raise Failure(f"example {i}: expected at most {MOST_NUMBERS} numbers in predictions and targets together")
    return examples


@grade("loss_examples", weight=SEEN)
def test_examples_are_dicts_of_plain_numbers(observe):
    """The form alone: loss_examples() gives dicts with a loss, predictions and targets of one shape, and a number."""
    with call("loss_examples()"):
        loss_examples(observe)


@grade("loss_examples", weight=SEEN)
def test_there_are_examples_of_both_losses(observe):
    """There are at least two examples of each loss, and not more than 20 in all."""
    with call("loss_examples()"):
        got = loss_examples(observe)
        for loss in FORM["loss"]:
            count = sum(example["loss"] == loss for example in got)
            if count < LEAST_OF_A_LOSS:
                raise Failure(f'expected at least {LEAST_OF_A_LOSS} examples of "{loss}", got {count}')


# Losses

OVER_ALL = "the mean is over all entries, here 6: predictions.size, not len(predictions)"
NO_MEAN = "this is the sum; the loss is the mean: divide by the number of entries"
REVERSED = "the gradient is for the predictions: it is positive where they are too large"
FORGOT_CHECK = "call require_same_shape first"


def loss_of(code, name, method="forward"):
    return getattr(getattr(code.losses, name)(), method)


def value(code, name, predictions, targets):
    return loss_of(code, name)(predictions, targets)


def gradient(code, name, predictions, targets):
    return loss_of(code, name, "backward")(predictions, targets)


def errors_of_shapes(code, calls):
    return each_call(lambda name, method, p, t: error_of(loss_of(code, name, method), p, t), calls)


def loss_inputs_after(code, name, predictions, targets):
    value, gradient = (loss_of(code, name, method)(predictions, targets) for method in ("forward", "backward"))
    return [value, gradient, predictions, targets]


def expect_value(observe, name, predictions, targets, want, **options):
    with call(f"{name}().forward({predictions.tolist()}, {targets.tolist()})"):
        got = number(observe(value, name, predictions, targets))
        if isinstance(got, np.ndarray):
            raise Failure("expected a float, the mean over all entries", got=f"an array of shape {got.shape}")
        assert_same(got, want, **CLOSE, **options)


def expect_gradient(observe, name, predictions, targets, want, **options):
    with call(f"{name}().backward({predictions.tolist()}, {targets.tolist()})"):
        assert_same(observe(gradient, name, predictions, targets), want, **CLOSE, **options)


def expect_errors(observe, names):
    p, t = column(1, 2, 3) / 4, np.array([1.0, 0.0, 1.0])
    shapes = [(p, t), (p, np.ones((1, 3))), (p, np.ones((2, 1)))]
    calls = {
        f"{name}().{method}(predictions of shape {a.shape}, targets of shape {b.shape})": [name, method, a, b]
        for name in names
        for method in ("forward", "backward")
        for a, b in shapes
    }
    hints = {FORGOT_CHECK: lambda got: "no error" in got.values()}
    assert_calls(observe(errors_of_shapes, calls), dict.fromkeys(calls, "ValueError"), hints=hints)


def expect_untouched(observe, name, predictions, targets):
    with call(f"{name}().forward and {name}().backward"):
        got = observe(loss_inputs_after, name, predictions, targets)
        items(got, 4, "two results and two arrays")
        expect_shape(got[1], predictions.shape)
    hint = "-=, *= and out= change the caller's array: make a new one"
    # Clipping in place changes little, so nothing is tolerated.
    for words, array, before in zip(("predictions", "targets"), got[2:], (predictions, targets), strict=True):
        with call(f"the {words} that came in, after {name}().forward and {name}().backward"):
            if not np.array_equal(array, before):
                raise Failure(f"the {words} have been changed", hint=hint)


@grade("losses_regression", weight=SEEN)
def test_l1_is_the_mean_distance(observe):
    """L1: predictions 3, 1, 2 for the targets 1, 5, 2 are 2, 4 and 0 away: the mean is 2."""
    hints = {
        NO_MEAN: 6.0,
        "distances have no sign: take the absolute value first": lambda got: abs(abs(got) - 2 / 3) < 1e-6,
        "this is the mean of the squares; take the absolute values": 20 / 3,
        "the absolute value comes before the mean": 2 / 3,
    }
    expect_value(observe, "L1Loss", column(3, 1, 2), column(1, 5, 2), 2.0, hints=hints)


@grade("losses_regression", weight=SEEN)
def test_l1_gradient_is_a_sign(observe):
    """L1 of three predictions: the gradient is 1/3 where one is too large, -1/3 where too small, 0 where equal."""
    hints = {
        "divide by the number of entries: the loss is a mean": column(1, -1, 0),
        REVERSED: column(-1, 1, 0) / 3,
        "at the kink, where both are equal, take 0": lambda got: got[2, 0] != 0,
        "the slope of |x| is 1 or -1, however large x is": column(2, -4, 0) / 3,
    }
    expect_gradient(observe, "L1Loss", column(3, 1, 2), column(1, 5, 2), column(1, -1, 0) / 3, hints=hints)


@grade("losses_regression", weight=SEEN)
def test_mse_is_the_mean_of_the_squares(observe):
    """MSE: predictions 3, 1, 2 for the targets 1, 5, 2: the squares 4, 16 and 0 have the mean 20/3."""
    hints = {
        NO_MEAN: 20.0,
        "no square root: the loss is the mean of the squares": (20 / 3) ** 0.5,
        "square first, then take the mean": (2 / 3) ** 2,
        "there is no 1/2 in our formula": 10 / 3,
    }
    expect_value(observe, "MSELoss", column(3, 1, 2), column(1, 5, 2), 20 / 3, hints=hints)


@grade("losses_regression", weight=SEEN)
def test_mse_gradient_is_twice_the_difference(observe):
    """MSE: the gradient is 2 (p - t) / 3 for each of three predictions."""
    hints = {
        "divide by the number of entries: the loss is a mean": column(4, -8, 0),
        REVERSED: column(-4, 8, 0) / 3,
        "the derivative of x^2 is 2x": column(2, -4, 0) / 3,
    }
    expect_gradient(observe, "MSELoss", column(3, 1, 2), column(1, 5, 2), column(4, -8, 0) / 3, hints=hints)


P6, T6 = np.array([[3.0, 1.0], [2.0, 0.0], [5.0, 5.0]]), np.array([[1.0, 5.0], [2.0, 1.0], [4.0, 1.0]])


@grade("losses_regression", weight=SEEN)
def test_regression_losses_take_the_mean_over_all_entries(observe):
    """Of arrays of shape (3, 2) all six entries count, in the loss and in its gradient."""
    difference = P6 - T6
    expect_value(observe, "L1Loss", P6, T6, 2.0, hints={OVER_ALL: 4.0})
    expect_gradient(observe, "L1Loss", P6, T6, np.sign(difference) / 6, hints={OVER_ALL: np.sign(difference) / 3})
    expect_value(observe, "MSELoss", P6, T6, 38 / 6, hints={OVER_ALL: 38 / 3})
    expect_gradient(observe, "MSELoss", P6, T6, difference / 3, hints={OVER_ALL: difference * 2 / 3})


@grade("losses_regression", weight=SEEN)
def test_regression_losses_refuse_shapes_that_differ(observe):
    """A column (3, 1) against a flat array (3,) raises a ValueError in forward and backward."""
    expect_errors(observe, ["L1Loss", "MSELoss"])


@grade("losses_regression", weight=SEEN)
def test_regression_losses_leave_their_inputs_alone(observe):
    """forward and backward change neither the predictions nor the targets."""
    expect_untouched(observe, "L1Loss", column(3, 1), column(1, 5))
    expect_untouched(observe, "MSELoss", column(3, 1), column(1, 5))


@grade("loss_bce", weight=SEEN)
def test_bce_is_the_surprise_on_average(observe):
    """BCE: the probabilities 0.8 and 0.4 for the targets 1 and 0 give (-ln 0.8 - ln 0.6) / 2."""
    p, t = np.array([0.8, 0.4]), np.array([1.0, 0.0])
    each = -(t * np.log(p) + (1 - t) * np.log(1 - p))
    hints = {
        NO_MEAN: float(each.sum()),
        "the logarithm of a probability is negative: mind the minus": float(-each.mean()),
        "ln, the natural logarithm, is np.log; log2 and log10 are others": lambda got: any(
            abs(got - each.mean() / np.log(base)) < 1e-5 for base in (2, 10)
        ),
        "targets of 0 count, too: (1 - t) ln(1 - p)": float(each[0] / 2),
    }
    expect_value(observe, "BCELoss", p[:, None], t[:, None], float(each.mean()), hints=hints)


@grade("loss_bce", weight=SEEN)
def test_bce_gradient(observe):
    """BCE: the gradient is (p - t) / (p (1 - p)) / 2 for each of two probabilities."""
    p, t = column(0.8, 0.4), column(1, 0)
    want = column(-0.625, 1 / 1.2)
    hints = {
        "divide by the number of entries: the loss is a mean": 2 * want,
        REVERSED: -want,
        "this is the gradient for z, before the sigmoid; the loss knows the probability alone": (p - t) / 2,
    }
    expect_gradient(observe, "BCELoss", p, t, want, hints=hints)


@grade("loss_bce", weight=SEEN)
def test_bce_takes_the_mean_over_all_entries(observe):
    """Of arrays of shape (3, 2) all six entries count, in the loss and in its gradient."""
    p, t = np.array([[0.5, 0.2], [0.9, 0.7], [0.1, 0.6]]), np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    each, slope = -np.log(np.where(t == 1, p, 1 - p)), (p - t) / (p * (1 - p))
    expect_value(observe, "BCELoss", p, t, float(each.mean()), hints={OVER_ALL: float(each.sum() / 3)})
    expect_gradient(observe, "BCELoss", p, t, slope / 6, hints={OVER_ALL: slope / 3})


def value_and_warnings(code, predictions, targets):
    return list(answer_and_warnings(loss_of(code, "BCELoss"), predictions, targets))


def gradient_and_warnings(code, predictions, targets):
    return list(answer_and_warnings(loss_of(code, "BCELoss", "backward"), predictions, targets))


def without_warnings(got, hint, invalid_hint=""):
    """The answer that came with warnings, if there were none of them; `invalid_hint` is about a NaN on the way."""
    items(got, 2, "an answer and its warnings")
    answer, seen = got
    if seen != []:
        words = "; ".join(dict.fromkeys(map(str, seen)))
        hint = invalid_hint if invalid_hint and "invalid" in words else hint
        raise Failure("numpy warns on the way", got=textwrap.shorten(words, 200, placeholder=" ..."), hint=hint)
    return answer


@grade("loss_bce", weight=SEEN)
def test_bce_of_certain_predictions_is_finite(observe):
    """BCE stays finite, without a warning, where a prediction is exactly 0 or 1: nearly 0 if right, large if wrong."""
    hint = "clip the predictions with EPSILON before the logarithm"
    for p, t, least, most in (
        (0.0, 0.0, -1e-9, 1e-3),
        (1.0, 1.0, -1e-9, 1e-3),
        (0.0, 1.0, 9, 1000),
        (1.0, 0.0, 9, 1000),
    ):
        with call(f"BCELoss().forward([[{p}]], [[{t}]])"):
            got = number(without_warnings(observe(value_and_warnings, column(p), column(t)), hint))
            if type(got) is not float or not least <= got <= most:
                words = "nearly 0" if p == t else "a large number, but finite"
                raise Failure(f"expected {words}", got=repr(got)[:60], hint=hint)


@grade("loss_bce", weight=SEEN)
def test_bce_gradient_of_certain_predictions_is_finite(observe):
    """The gradient stays finite, without a warning, where a prediction is exactly 0 or 1, and points the right way."""
    p, t = column(0, 1, 0, 1), column(1, 0, 0, 1)
    with call(f"BCELoss().backward({p.tolist()}, {t.tolist()})"):
        hint = "use the clipped predictions in backward, too"
        got = without_warnings(observe(gradient_and_warnings, p, t), hint)
        if not isinstance(got, np.ndarray) or got.shape != (4, 1):
            raise wrong_type("a numpy array of shape (4, 1)", got)
        if not np.isfinite(got).all():
            raise Failure("expected finite numbers", got=str(got.ravel()), hint=hint)
        if not (got[0, 0] < -1 and got[1, 0] > 1):
            raise Failure(
                "expected a large negative and a large positive number first", got=str(got.ravel()), hint=hint
            )


@grade("loss_bce", weight=SEEN)
def test_bce_refuses_shapes_that_differ(observe):
    """A column (3, 1) against a flat array (3,) raises a ValueError in forward and backward."""
    expect_errors(observe, ["BCELoss"])


@grade("loss_bce", weight=SEEN)
def test_bce_leaves_its_inputs_alone(observe):
    """forward and backward change neither the predictions nor the targets, not even where they are clipped."""
    expect_untouched(observe, "BCELoss", column(0.6, 0.7, 1), column(1, 0, 1))


# Models

X3 = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]])
W, B, DOUT = column(0.5, -0.25), np.array([0.25]), column(1, -2, 0.5)
LAST_FORWARD = "backward is about the last call of forward: keep its X in self"
BIAS_SHAPE = "the bias has the shape (1,): sum over axis 0 alone, without keepdims"


def model_with(code, module, weight, bias):
    """A model of a student's with these parameters; a classifier has a sound sigmoid, which is a task of its own."""
    owner = getattr(code, module)
    model = getattr(owner, {"linear_model": "LinearModel", "classifier": "Classifier"}[module])(len(weight))
    model.params["weight"][...] = weight
    model.params["bias"][...] = bias
    return model


def sound_sigmoid(z):
    """Right for numbers that are not large."""
    return 1 / (1 + np.exp(-z))


@contextlib.contextmanager
def with_sound_sigmoid(code, module):
    owner = getattr(code, module)
    own = getattr(owner, "sigmoid", None)
    if own is not None:
        owner.sigmoid = sound_sigmoid
    try:
        yield
    finally:
        if own is not None:
            owner.sigmoid = own


def forward(code, module, weight, bias, X):
    with with_sound_sigmoid(code, module):
        return model_with(code, module, weight, bias).forward(X)


def backward(code, module, weight, bias, Xs, dout):
    """The gradients after a forward pass of each X."""
    with with_sound_sigmoid(code, module):
        model = model_with(code, module, weight, bias)
        for X in Xs:
            model.forward(X)
        return model.backward(dout)


def backward_twice(code, module, weight, bias, X, dout):
    """Two answers of backward to one forward pass, and everything that should be as it was."""
    with with_sound_sigmoid(code, module):
        model = model_with(code, module, weight, bias)
        model.forward(X)
        first, second = ({name: np.array(grad) for name, grad in model.backward(dout).items()} for _ in range(2))
        return [first, second, [model.params["weight"], model.params["bias"], X, dout]]


def expect_gradients(got, weight, bias, **options):
    hints = options.pop("hints", {})
    assert_same(entry(got, "weight"), weight, **CLOSE, hints=hints.get("weight"))
    assert_same(entry(got, "bias"), bias, **CLOSE, hints=hints.get("bias"))
    assert_same(sorted(got), ["bias", "weight"])


def expect_same_again(observe, module, name):
    """Fail unless two calls of backward give the same and leave everything else as it was, whatever they give."""
    with call(f"{name}(2).backward(dout), twice after one forward(X)"):
        got = observe(backward_twice, module, W, B, X3, DOUT)
        if type(got) is not list or len(got) != 3 or type(got[2]) is not list:
            raise wrong_type("the gradients, twice, and the arrays", got)
        first, second, after = got
        entry(first, "weight")
    arrays = {'params["weight"]': W, 'params["bias"]': B, "X": X3, "dout": DOUT}
    for (words, before), array in zip(arrays.items(), after, strict=True):
        with call(f"{words}, after {name}(2).backward(dout)"):
            hint = "backward changes neither parameters nor its inputs: only the optimizer does"
            assert_same(array, before, hint=hint)
    with call("the gradients of the second call of backward(dout); wanted are those of the first"):
        added_up = {
            "gradients are computed anew, not added up": lambda got: all(
                np.allclose(got[key], 2 * first[key]) for key in first
            )
        }
        assert_same(second, first, hints=added_up)


@grade("linear_model", weight=SEEN)
def test_linear_forward_is_a_weighted_sum(observe):
    """With the weights 0.5 and -0.25 and the bias 0.25 the row (3, 1) gives 1.5 - 0.25 + 0.25 = 1.5."""
    want = column(0.25, 0.5, 1.5)
    hints = {
        "the bias is missing": want - 0.25,
        "the predictions have the shape (N, 1), as X @ weight has it": lambda got: got.shape in ((3,), (1, 3)),
        "@ multiplies matrices; * multiplies entry by entry": lambda got: got.shape == (3, 2),
    }
    with call("LinearModel(2).forward(X)"):
        assert_same(observe(forward, "linear_model", W, B, X3), want, **CLOSE, hints=hints)


@grade("linear_model", weight=SEEN)
def test_linear_backward_sums_over_the_samples(observe):
    """backward(dout) gives a gradient for each weight and one for the bias, summed over samples, shaped as params."""
    weight, bias = X3.T @ DOUT, np.array([-0.5])
    hints = {
        "weight": {
            "dout has the mean's 1/N in it already: do not divide again": weight / 3,
            "use dout: the gradient of the loss for the predictions": X3.sum(axis=0).reshape(-1, 1),
            "the shape is (D, 1), that of the weights": lambda got: got.shape in ((2,), (1, 2)),
        },
        "bias": {
            "dout has the mean's 1/N in it already: sum, do not average": bias / 3,
            BIAS_SHAPE: lambda got: np.shape(got) in ((1, 1), (), (3, 1)),
        },
    }
    with call("LinearModel(2).backward(dout), after forward(X)"):
        expect_gradients(observe(backward, "linear_model", W, B, [X3], DOUT), weight, bias, hints=hints)


@grade("linear_model", weight=SEEN)
def test_linear_backward_belongs_to_the_last_forward(observe):
    """After forward(A) and forward(B) backward is about B, and B may have another number of samples."""
    other = np.array([[2.0, 2.0]])
    with call("LinearModel(2).backward(dout), after forward(X) and forward(one sample)"):
        got = observe(backward, "linear_model", W, B, [X3, other], column(3))
        about_first = X3.sum(axis=0).reshape(-1, 1) * 3
        expect_gradients(got, column(6, 6), np.array([3.0]), hints={"weight": {LAST_FORWARD: about_first}})


@grade("linear_model", weight=SEEN)
def test_linear_backward_changes_nothing(observe):
    """backward leaves parameters, X and dout as they are; called again it gives the same."""
    expect_same_again(observe, "linear_model", "LinearModel")


@grade("sigmoid", weight=SEEN)
def test_sigmoid_by_hand(observe):
    """sigmoid(0) is 0.5, sigmoid(ln 3) is 0.75 and sigmoid(-ln 3) is 0.25."""
    z = np.array([0.0, np.log(3), -np.log(3), 2.0])
    want = np.array([0.5, 0.75, 0.25, 1 / (1 + np.exp(-2))])
    hints = {
        "the exponent is -z: large z give values near 1": 1 - want,
        "tanh goes from -1 to 1, the sigmoid from 0 to 1": np.tanh(z),
    }
    with call("sigmoid([0, ln 3, -ln 3, 2])"):
        assert_same(observe(sigmoid, z), want, **CLOSE, hints=hints)


def sigmoid(code, z):
    return code.classifier.sigmoid(z)


def sigmoid_and_warnings(code, z):
    return list(answer_and_warnings(code.classifier.sigmoid, z))


def sigmoid_and_input(code, z):
    return [code.classifier.sigmoid(z), z]


@grade("sigmoid", weight=SEEN)
def test_sigmoid_of_large_numbers(observe):
    """sigmoid(1000) is 1 and sigmoid(-1000) is 0, without a warning; sigmoid(-30) is 9.4e-14."""
    z = np.array([[1000.0], [-1000.0], [30.0], [-30.0]])
    with call("sigmoid([[1000], [-1000], [30], [-30]])"):
        hint = "exp(1000) overflows: for negative z take the other form of the formula, which has exp(z)"
        both = "exp(1000) overflows, also on the side that np.where does not choose: use exp(-|z|) on both"
        got = without_warnings(observe(sigmoid_and_warnings, z), hint, both)
        hints = {"do not cut off so early: sigmoid(30) is within 1e-13 of 1": lambda got: 0.9 < got[0, 0] < 1 - 1e-6}
        assert_same(got, column(1, 0, 1, 0), atol=1e-6, hints=hints)


@grade("sigmoid", weight=SEEN)
def test_sigmoid_takes_any_shape(observe):
    """sigmoid keeps the shape of its input, and the input stays as it is."""
    z = np.array([[[0.0, 1.0], [-1.0, 2.0]]])
    with call("sigmoid(z), z of shape (1, 2, 2)"):
        got = observe(sigmoid_and_input, z)
        items(got, 2, "a result and the input")
        assert_same(got[0], 1 / (1 + np.exp(-z)), **CLOSE)
    with call("the z that came in, after sigmoid(z)"):
        assert_same(got[1], z, hint="z is the caller's array: compute in a new one")


P3 = 1 / (1 + np.exp(-(X3 @ W + B)))


@grade("classifier", weight=SEEN)
def test_classifier_forward_gives_probabilities(observe):
    """forward is the sigmoid of the weighted sum, an array of shape (N, 1)."""
    hints = {
        "this is the weighted sum: the sigmoid is missing": X3 @ W + B,
        "the bias is missing": 1 / (1 + np.exp(-(X3 @ W))),
        "predictions have the shape (N, 1)": lambda got: got.shape in ((3,), (1, 3)),
        "probabilities are handed out as they are, not rounded": lambda got: set(np.unique(got)) <= {0.0, 1.0},
    }
    with call("Classifier(2).forward(X)"):
        assert_same(observe(forward, "classifier", W, B, X3), P3, **CLOSE, hints=hints)


@grade("classifier", weight=SEEN)
def test_classifier_backward_goes_through_the_sigmoid(observe):
    """backward multiplies dout by p (1 - p), then goes on as the linear model does."""
    dz = DOUT * P3 * (1 - P3)
    hints = {
        "weight": {
            "the slope of the sigmoid, p (1 - p), is missing": X3.T @ DOUT,
            "the slope is p (1 - p), not p": X3.T @ (DOUT * P3),
            "p is the probability, not X @ weight + bias": X3.T @ (DOUT * (X3 @ W + B) * (1 - X3 @ W - B)),
            "dout has the mean's 1/N in it already: do not divide again": X3.T @ dz / 3,
        },
        "bias": {"bias and weights get the same dz": DOUT.sum(axis=0), BIAS_SHAPE: lambda got: np.shape(got) != (1,)},
    }
    with call("Classifier(2).backward(dout), after forward(X)"):
        got = observe(backward, "classifier", W, B, [X3], DOUT)
        expect_gradients(got, X3.T @ dz, dz.sum(axis=0), hints=hints)


@grade("classifier", weight=SEEN)
def test_classifier_backward_belongs_to_the_last_forward(observe):
    """After forward(A) and forward(B) backward is about B: its X and its probabilities."""
    other = np.array([[2.0, 4.0]])
    with call("Classifier(2).backward(dout), after forward(X) and forward(one sample)"):
        got = observe(backward, "classifier", W, np.zeros(1), [X3, other], column(4))
        p = sound_sigmoid(X3 @ W)
        about_first = X3.T @ (4 * p * (1 - p))
        expect_gradients(got, column(2, 4), np.array([1.0]), hints={"weight": {LAST_FORWARD: about_first}})


@grade("classifier", weight=SEEN)
def test_classifier_backward_changes_nothing(observe):
    """backward leaves parameters, X and dout as they are; called again it gives the same."""
    expect_same_again(observe, "classifier", "Classifier")


# Optimizers


def updates(code, params, grads):
    """What a subclass of Optimizer is told in one step: the calls of _update, and whether they get the arrays."""
    calls = []

    class Recording(code.optimizer.Optimizer):
        def _update(self, name, param, grad):
            calls.append([name, np.array(param), np.array(grad), param is arrays.get(name)])

    arrays = dict(params)
    Recording().step(params, grads)
    return sorted(calls, key=lambda each: str(each[0]))


def sgd(code, learning_rate, params, steps):
    """After some steps of SGD: what is in the arrays that were there before, and in the dict; and the gradients."""
    optimizer = code.optimizer.SGD(learning_rate)
    before = dict(params)
    for grads in steps:
        optimizer.step(params, grads)
    return [before, params, steps]


def update_of_sgd(code, learning_rate, param, grad):
    """The array and its gradient after SGD's own rule has been applied to it."""
    code.optimizer.SGD(learning_rate)._update("weight", param, grad)
    return [param, grad]


BY_NAME = "look the gradient up by its name: grads may have its keys in another order than params"


@grade("optimizer", weight=SEEN)
def test_step_updates_each_parameter_once(observe):
    """step calls _update(name, param, grad) once for each parameter, with its own gradient and the array itself."""
    params = {"weight": column(1, 2), "bias": np.array([3.0]), "scale": np.array([4.0, 5.0])}
    grads = {"scale": np.array([0.4, 0.5]), "bias": np.array([0.3]), "weight": column(0.1, 0.2)}
    with call("Optimizer.step(params, grads)"):
        got = observe(updates, params, grads)
        if type(got) is not list or not all(type(each) is list and len(each) == 4 for each in got):
            raise wrong_type("the calls of _update", got)
    with call("the names that step(params, grads) passes to _update, in the order of the alphabet"):
        names = {
            "no _update is called": [],
            "each parameter is updated once, not more often": sorted([*params] * 2),
            "go through all of params: models have other names than weight and bias, too": ["bias", "weight"],
            "pass each parameter's own name, the key in params": lambda _: len(got) == len(params),
        }
        hints = {text: wrong if callable(wrong) else ", ".join(wrong) for text, wrong in names.items()}
        assert_same(", ".join(str(each[0]) for each in got), ", ".join(sorted(params)), hints=hints)
    for name, param, grad, is_the_array in got:
        with call(f'the array that step(params, grads) passes to _update for "{name}"'):
            assert_same(param, params[name])
            if is_the_array is not True:
                raise Failure("_update gets a copy of the parameter", hint="pass the array that is in params")
        with call(f'the gradient that step(params, grads) passes to _update for "{name}"'):
            assert_same(grad, grads[name], hint=BY_NAME)


@grade("optimizer", weight=SEEN)
def test_sgd_subtracts_the_gradient(observe):
    """With the learning rate 0.1 the parameter 2 with the gradient 5 becomes 1.5."""
    param, grad = np.array([[2.0], [-1.0]]), np.array([[5.0], [0.5]])
    want = np.array([[1.5], [-1.05]])
    hints = {
        "go against the gradient: subtract": np.array([[2.5], [-0.95]]),
        "multiply the gradient by the learning rate": np.array([[-3.0], [-1.5]]),
        "multiply by the learning rate, do not divide": np.array([[-48.0], [-6.0]]),
        "change the array in place: param -= ...": param,
    }
    with call('SGD(0.1)._update("weight", param, grad)'):
        got = observe(update_of_sgd, 0.1, param, grad)
        items(got, 2, "the parameter and its gradient")
        assert_same(got[0], want, **CLOSE, hints=hints)
    with call('grad, after SGD(0.1)._update("weight", param, grad)'):
        assert_same(got[1], grad, hint="grad *= learning_rate changes the gradient: compute the product anew")


@grade("optimizer", weight=SEEN)
def test_sgd_steps_change_the_arrays_themselves(observe):
    """After three steps the arrays that the model holds have the new values, and the dict holds the same arrays."""
    # Both have one shape, so that a gradient in the wrong place gives wrong numbers, not an exception.
    params = {"weight": np.array([1.0, 2.0]), "bias": np.array([0.5, 3.0])}
    steps = [{"bias": np.array([k, 0.0]), "weight": np.array([1.0, -k])} for k in (1.0, 2.0, 4.0)]
    want = {"weight": np.array([0.25, 3.75]), "bias": np.array([-1.25, 3.0])}
    swapped = {"weight": np.array([-0.75, 2.0]), "bias": np.array([-0.25, 4.75])}
    with call("SGD(0.25).step(params, grads), three times"):
        got = observe(sgd, 0.25, params, steps)
        items(got, 3, "arrays, params and gradients")
    with call("the arrays that were in params at first, after three times SGD(0.25).step(params, grads)"):
        hint = "param = param - ... makes a new array; the model goes on with the old one"
        assert_same(got[0], want, **CLOSE, hints={hint: params, BY_NAME: swapped})
    with call("params, after three times SGD(0.25).step(params, grads)"):
        assert_same(got[1], want, **CLOSE, hint="params holds the same arrays as before")
    with call("the gradients that came in, after three times SGD(0.25).step(params, grads)"):
        assert_same(got[2], steps, hint="the gradients stay as they are")


# The solver


class Line:
    """A model of one feature, slope * x + start, that is right for certain."""

    def __init__(self, slope, start):
        self.params = {"slope": np.array([slope]), "start": np.array([start])}

    def forward(self, X):
        self.X = X
        return X * self.params["slope"] + self.params["start"]

    def backward(self, dout):
        return {"start": np.array([dout.sum()]), "slope": np.array([(self.X * dout).sum()])}


class Quartic:
    """A loss, the mean of the fourth powers, that is right for certain."""

    def forward(self, predictions, targets):
        return float(((predictions - targets) ** 4).mean())

    def backward(self, predictions, targets):
        return (predictions - targets) ** 3 * (4 / predictions.size)


class Descent:
    """An optimizer that is right for certain, and counts its steps."""

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate
        self.count = 0

    def step(self, params, grads):
        self.count += 1
        for name in params:
            params[name] -= self.learning_rate * grads[name]


def steps_of_a_solver(code, model, batches, learning_rate):
    """The losses that _step returns for these batches, the parameters afterwards, and the optimizer's steps."""
    descent = Descent(learning_rate)
    # What _step does is about the batch that it gets, not about these.
    elsewhere = (np.full((2, len(batches[0][0][0])), 9.0), np.full((2, 1), -9.0))
    solver = code.solver.Solver(model, Quartic(), descent, elsewhere, elsewhere)
    losses = [solver._step(X, y) for X, y in batches]
    if any(loss is None for loss in losses):
        raise OddAnswer("expected a float, got None: is there a `return` in _step?", "None")
    return [losses, model.params, descent.count]


def losses_params_count(got):
    if type(got) is not list or len(got) != 3 or type(got[0]) is not list:
        raise wrong_type("losses, parameters and a number of steps", got)
    return [number(loss) for loss in got[0]], got[1], got[2]


@grade("solver_step", weight=SEEN)
def test_step_returns_the_loss_and_improves_the_model(observe):
    """With the fourth power as loss, a step on x = 2, y = 1 moves the line 1 x + 0 to 0.6 x - 0.2; the loss was 1."""
    with call("solver._step([[2.0]], [[1.0]])"):
        got = observe(steps_of_a_solver, Line(1.0, 0.0), [(column(2), column(1))], 0.05)
        losses, params, count = losses_params_count(got)
        hints = {
            "the optimizer has not been called": {"slope": np.ones(1), "start": np.zeros(1)},
            "one step each time: call the optimizer once": lambda _: type(count) is int and count > 1,
            "use the X and y that _step gets, not self.train_data": lambda got: abs(got["slope"][0]) > 100,
            "the predictions come first, then the targets": {"slope": np.array([1.4]), "start": np.array([0.2])},
            "the gradient for the predictions comes from self.loss.backward": {"slope": np.array([0.9])},
        }
        want = {"slope": np.array([0.6]), "start": np.array([-0.2])}
        assert_same(params, want, **CLOSE, hints=hints)
        assert_same(count, 1)
        after = {"this is the loss after the step; return the one of the predictions before it": [0.0]}
        assert_same(losses, [1.0], **CLOSE, hints=after)


@grade("solver_step", weight=SEEN)
def test_steps_go_on_from_each_other(observe):
    """Two steps on different batches: each has the loss of its own batch, and goes on where the one before ended."""
    batches = [(column(1, -1), column(3, 1)), (column(2), column(0))]
    with call("solver._step(X, y), for two batches"):
        got = observe(steps_of_a_solver, Line(0.0, 1.0), batches, 1 / 32)
        losses, params, count = losses_params_count(got)
        # By hand: the first batch has the differences -2 and 0, then slope and start are 0.5 and 1.5.
        assert_same(losses, [8.0, 2.5**4], **CLOSE)
        assert_same(params, {"slope": np.array([-3.40625]), "start": np.array([-0.453125])}, **CLOSE)
        assert_same(count, 2)


class Script:
    """A loss that gives the values of a script, one each time."""

    def __init__(self, values):
        self.values = list(values)

    def forward(self, *_):
        return self.values.pop(0)


def trained_by_script(code, losses, patience):
    """What a solver notes of epochs with these validation losses; each epoch adds 1 to the parameters, in place.

    The best epoch and loss, how many epochs there were, and the parameters at the end.
    """
    model = Line(0.0, 10.0)
    data = (np.zeros((1, 1)), np.zeros((1, 1)))
    solver = code.solver.Solver(model, Script(losses), None, data, data, patience=patience)

    def step(X, y):
        for param in model.params.values():
            param += 1
        return 0.0

    # The step is a task of its own.
    solver._step = step
    history = solver.train(len(losses))
    best = [history.best_epoch, number_or_none(solver.best_val_loss), len(history.val_loss)]
    return [*best, {name: np.array(param) for name, param in model.params.items()}]


def number_or_none(value):
    return float(value) if isinstance(value, int | float | np.number) else None


EQUAL = "of two epochs with equal losses the first stays the best: lower means <, not <="


def expect_best(observe, losses, patience, best, epochs, stop_hint=""):
    with call(f"Solver(..., patience={patience}).train({len(losses)}), validation losses {losses}"):
        got = observe(trained_by_script, losses, patience)
        items(got, 4, "what the solver has noted")
        # Noted as the best, though an earlier epoch had the same loss.
        is_later = isinstance(got[0], int) and best < got[0] <= epochs and losses[got[0] - 1] == losses[best - 1]
        with_words = {
            EQUAL: lambda _: is_later,
            "best_epoch is not set": lambda _: got[0] == 0,
            "best_val_loss is not set": lambda _: got[1] == float("inf"),
            "the lower the loss, the better": lambda _: got[0] == 1 + losses.index(max(losses[:epochs])),
        }
        if got[2] != epochs:
            late = isinstance(got[2], int) and got[2] > epochs
            if is_later:
                stop_hint = EQUAL
            elif got[0] == best and got[2] == epochs + 1 < len(losses):
                stop_hint = f"one epoch too late: stop as soon as epoch - best_epoch is {patience}"
            words = "too late, or not at all" if late else "too early"
            raise Failure(f"training stops {words}: expected {epochs} epochs, got {got[2]}", hint=stop_hint)
        want = losses[best - 1]
        assert_same(got[:2], [best, want], **CLOSE, hints=with_words)
        return got[3]


@grade("solver_best", weight=SEEN)
def test_the_best_epoch_and_its_loss_are_noted(observe):
    """Of the validation losses 5, 3, 4 the second is the best one."""
    expect_best(observe, [5.0, 3.0, 4.0], None, best=2, epochs=3)


@grade("solver_best", weight=SEEN)
def test_the_best_parameters_are_kept_by_value(observe):
    """At the end the model has the parameters of the best epoch, though the optimizer has changed the arrays since."""
    losses = [3.0, 2.0, 4.0, 5.0]
    got = expect_best(observe, losses, None, best=2, epochs=4)
    with call(f"the parameters after train(4), validation losses {losses}"):
        last = {"slope": np.array([4.0]), "start": np.array([14.0])}
        hints = {"these are the last ones: best_params holds the arrays, not their values; copy each of them": last}
        assert_same(got, {"slope": np.array([2.0]), "start": np.array([12.0])}, **CLOSE, hints=hints)


@grade("solver_best", weight=SEEN)
def test_training_stops_when_patience_is_at_its_end(observe):
    """With patience=2 training stops after two epochs without a better loss."""
    hint = "count the epochs since the best one: epoch - best_epoch"
    # There are epochs left after one that is too late.
    expect_best(observe, [5.0, 3.0, 4.0, 3.5, 4.5, 1.0], 2, best=2, epochs=4, stop_hint=hint)


@grade("solver_best", weight=SEEN)
def test_a_better_loss_starts_the_count_anew(observe):
    """With patience=2 the losses 5, 6, 4, 6, 3 never stop it: no two epochs in a row are without a better one."""
    hint = "epochs in a row count: a better loss starts the count anew"
    expect_best(observe, [5.0, 6.0, 4.0, 6.0, 3.0], 2, best=5, epochs=5, stop_hint=hint)


@grade("solver_best", weight=SEEN)
def test_without_patience_training_never_stops_early(observe):
    """With patience=None training goes through all epochs, however the loss rises."""
    hint = "patience None means: never stop early"
    expect_best(observe, [3.0, 4.0, 5.0, 6.0, 2.0, 7.0], None, best=5, epochs=6, stop_hint=hint)


@grade("solver_best", weight=SEEN)
def test_an_equal_loss_is_not_better(observe):
    """A loss that is as low as the best one is no progress: patience goes on counting, and the first one stays."""
    hint = "an equal loss is not lower: the epochs since the best one go on counting"
    expect_best(observe, [5.0, 3.0, 3.0, 3.0, 4.0, 4.5], 2, best=2, epochs=4, stop_hint=hint)
