"""The hidden tests of exercise 4: what the visible tests ask for, on fresh inputs.

Backward passes are held against numeric gradients of the reference's forward, never of the student's.
"""

import contextlib
import warnings

import numpy as np

from exercise_code.common.testing import (
    Failure,
    OddAnswer,
    answer_each,
    assert_agreed,
    assert_caught,
    assert_same,
    entry,
    grade,
    items,
    wrong_type,
)
from exercise_code.ex04_solver.test_visible import LEAST_OF_A_LOSS, loss_examples

# A student may compute with float32.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
# Central differences of a smooth function at a distance of 1e-5 are right to about 1e-9.
NUMERIC = {"rtol": 1e-3, "atol": 1e-4}
SHAPES = ((7, 1), (1, 1), (4, 3), (6,), (2, 3, 2))


def number(value):
    """A float of numpy's as a plain one; anything else as it is."""
    return float(value) if isinstance(value, np.floating) else value


def answer_and_warnings(function, *arguments):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        answer = function(*arguments)
    return [answer, [str(warning.message) for warning in seen]]


def numeric_gradient(function, x, distance=1e-5):
    """The gradient of a function of an array, from its values on both sides of each entry."""
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        sides = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * distance
            sides.append(function(moved))
        gradient[place] = (sides[0] - sides[1]) / (2 * distance)
    return gradient


# Preprocessing


def fitted(code, X):
    standardizer = code.preprocessing.Standardizer()
    returned = standardizer.fit(X)
    return [returned is standardizer, standardizer.mean, standardizer.std, X]


def transformed(code, train, X):
    standardizer = code.preprocessing.Standardizer()
    standardizer.fit(train)
    return [standardizer.transform(X), train, X]


def random_table(rng, rows, columns, missing=0.0):
    table = rng.normal(size=(rows, columns)) * rng.uniform(0.5, 20, columns) + rng.uniform(-50, 50, columns)
    holes = rng.random((rows, columns)) < missing
    # Two rows are whole, so that each column has values that differ.
    holes[:2] = False
    return np.where(holes, np.nan, table)


@grade("standardize")
def test_fit_of_random_tables(observe, reference, rng):
    """Mean and standard deviation are those of each column, of tables of any size, without what is missing."""
    for rows, columns, missing in ((5, 3, 0), (12, 1, 0.3), (9, 4, 0.4), (2, 6, 0)):
        table = random_table(rng, rows, columns, missing)
        returned, mean, std, after = items(observe(fitted, table), 4)
        _, want_mean, want_std, _ = reference(fitted, table)
        assert_same(returned, True)
        assert_same(mean, want_mean, **CLOSE)
        assert_same(std, want_std, **CLOSE)
        if not np.array_equal(after, table, equal_nan=True):
            raise Failure("the table has been changed")


@grade("standardize")
def test_transform_of_other_random_tables(observe, reference, rng):
    """Other tables, also of a single row, are standardised with the training table's numbers; NaN becomes 0."""
    for rows, missing in ((6, 0), (1, 0), (8, 0.4)):
        train = random_table(rng, 10, 4, missing)
        other = random_table(rng, rows, 4) + rng.uniform(-30, 30, 4)
        if missing:
            other[rng.random(other.shape) < missing] = np.nan
        got, *after = items(observe(transformed, train, other), 3)
        assert_same(got, reference(transformed, train, other)[0], rtol=1e-4, atol=1e-4)
        for array, before in zip(after, (train, other), strict=True):
            if not np.array_equal(array, before, equal_nan=True):
                raise Failure("an array that came in has been changed")


@grade("standardize")
def test_columns_without_spread(observe, reference, rng):
    """A column whose values are all equal has the std 1, wherever it is, and other columns keep theirs."""
    train = random_table(rng, 7, 3)
    train[:, 1] = rng.integers(1, 9)
    other = random_table(rng, 3, 3)
    _, mean, std, _ = items(observe(fitted, train), 4)
    _, want_mean, want_std, _ = reference(fitted, train)
    assert_same(mean, want_mean, **CLOSE)
    assert_same(std, want_std, **CLOSE)
    got = items(observe(transformed, train, other), 3)[0]
    assert_same(got, reference(transformed, train, other)[0], rtol=1e-4, atol=1e-4)


# Examples

CLASSES = {"l1": "L1Loss", "mse": "MSELoss"}


# Known mistakes, each a loss as somebody might write it. Examples are to tell it from the right one.


def pair(example):
    return np.array(example["predictions"], float), np.array(example["targets"], float)


def right(code, example):
    return getattr(code.losses, CLASSES[example["loss"]])().forward(*pair(example))


def adds_up(code, example):
    return right(code, example) * np.size(example["targets"])


def divides_by_rows(code, example):
    return adds_up(code, example) / len(example["targets"])


def takes_errors_as_they_are(code, example):
    p, t = pair(example)
    return float((p - t).mean()) if example["loss"] == "l1" else right(code, example)


def takes_half(code, example):
    return right(code, example) / (2 if example["loss"] == "mse" else 1)


def takes_the_root(code, example):
    return right(code, example) ** (0.5 if example["loss"] == "mse" else 1)


def forgets_the_square(code, example):
    return right(code, {**example, "loss": "l1"})


def agreed(observe, bank):
    """The examples, if a right loss says the same; the task asks for both losses and allows 0.001."""
    examples = loss_examples(observe)
    for name in CLASSES:
        if sum(example["loss"] == name for example in examples) < LEAST_OF_A_LOSS:
            raise Failure("expected two examples of each loss")
    assert_agreed(examples, bank(answer_each, right, examples), key="value", atol=1.01e-3)
    return examples


def expect_caught(observe, bank, mistake):
    examples = agreed(observe, bank)
    assert_caught(examples, bank(answer_each, mistake, examples), key="value", atol=1.01e-3)


@grade("loss_examples")
def test_the_examples_have_the_right_values(observe, bank):
    """Each example's value is the loss of its predictions and targets, within 0.001; both losses have two."""
    agreed(observe, bank)


@grade("loss_examples")
def test_examples_catch_a_sum(observe, bank):
    """The examples catch a loss that adds up where it should average."""
    expect_caught(observe, bank, adds_up)


@grade("loss_examples")
def test_examples_catch_a_mean_over_rows_alone(observe, bank):
    """The examples catch a loss that divides by the number of rows, though rows may have several numbers."""
    expect_caught(observe, bank, divides_by_rows)


@grade("loss_examples")
def test_examples_catch_errors_that_cancel(observe, bank):
    """The examples catch an L1 loss without the absolute value, in which errors cancel."""
    expect_caught(observe, bank, takes_errors_as_they_are)


@grade("loss_examples")
def test_examples_catch_a_half(observe, bank):
    """The examples catch a squared error that is halved."""
    expect_caught(observe, bank, takes_half)


@grade("loss_examples")
def test_examples_catch_a_root(observe, bank):
    """The examples catch a squared error whose root is taken."""
    expect_caught(observe, bank, takes_the_root)


@grade("loss_examples")
def test_examples_catch_a_forgotten_square(observe, bank):
    """The examples catch a squared error that takes the absolute value instead of the square."""
    expect_caught(observe, bank, forgets_the_square)


# Losses


def value(code, name, predictions, targets):
    return getattr(code.losses, name)().forward(predictions, targets)


def gradient(code, name, predictions, targets):
    return getattr(code.losses, name)().backward(predictions, targets)


def numeric_gradient_of_loss(code, name, predictions, targets):
    loss = getattr(code.losses, name)()
    return numeric_gradient(lambda p: loss.forward(p, targets), predictions)


def loss_inputs_after(code, name, predictions, targets):
    loss = getattr(code.losses, name)()
    return [loss.forward(predictions, targets), loss.backward(predictions, targets), predictions, targets]


def errors_of_shapes(code, name, pairs):
    """The exceptions of forward and backward for each pair of arrays, by name."""
    names = []
    for p, t in pairs:
        for method in ("forward", "backward"):
            try:
                getattr(getattr(code.losses, name)(), method)(p, t)
                names.append("no error")
            except NotImplementedError:
                raise
            except Exception as error:  # noqa: BLE001 - any other one is an answer, too
                names.append(type(error).__name__)
    return names


def random_pair(rng, name, shape):
    """Predictions and targets that a loss is made for; no prediction is near a kink or an end."""
    if name == "BCELoss":
        return rng.uniform(0.03, 0.97, shape), rng.integers(0, 2, shape).astype(float)
    targets = rng.normal(0, 3, shape)
    return targets + rng.choice([-1, 1], shape) * rng.uniform(0.1, 4, shape), targets


def expect_values(observe, reference, rng, name):
    for shape in SHAPES:
        p, t = random_pair(rng, name, shape)
        assert_same(number(observe(value, name, p, t)), number(reference(value, name, p, t)), **CLOSE)


def expect_gradients_of_loss(observe, reference, rng, name):
    for shape in SHAPES:
        p, t = random_pair(rng, name, shape)
        got = observe(gradient, name, p, t)
        assert_same(got, reference(numeric_gradient_of_loss, name, p, t), **NUMERIC)
        assert_same(got, reference(gradient, name, p, t), **CLOSE)


def expect_refusals(observe, rng, name):
    n = int(rng.integers(3, 7))
    shapes = [((n, 1), (n,)), ((n, 1), (1, n)), ((n, 2), (n, 1)), ((n, 1), (1, 1))]
    pairs = [(rng.uniform(0.1, 0.9, a), np.ones(b)) for a, b in shapes]
    assert_same(observe(errors_of_shapes, name, pairs), ["ValueError"] * (2 * len(pairs)))


def expect_untouched(observe, reference, rng, name):
    p, t = random_pair(rng, name, (5, 2))
    if name == "BCELoss":
        p[0] = t[0]
    got = items(observe(loss_inputs_after, name, p, t), 4)
    want = reference(loss_inputs_after, name, p, t)
    assert_same(number(got[0]), number(want[0]), **CLOSE)
    # Clipping in place changes little.
    assert_same(got[2:], [p, t], rtol=0, atol=0)


@grade("losses_regression")
def test_l1_of_random_arrays(observe, reference, rng):
    """L1 of arrays of any shape, and of one sample, is a float."""
    expect_values(observe, reference, rng, "L1Loss")


@grade("losses_regression")
def test_mse_of_random_arrays(observe, reference, rng):
    """MSE of arrays of any shape, and of one sample, is a float."""
    expect_values(observe, reference, rng, "MSELoss")


@grade("losses_regression")
def test_l1_gradient_agrees_with_a_numeric_one(observe, reference, rng):
    """The gradient of L1 is what the loss itself does when a prediction moves a little, for any shape."""
    expect_gradients_of_loss(observe, reference, rng, "L1Loss")


@grade("losses_regression")
def test_mse_gradient_agrees_with_a_numeric_one(observe, reference, rng):
    """The gradient of MSE is what the loss itself does when a prediction moves a little, for any shape."""
    expect_gradients_of_loss(observe, reference, rng, "MSELoss")


@grade("losses_regression", weight=0.5)
def test_l1_gradient_at_the_kink(observe, rng):
    """Where a prediction equals its target the gradient of L1 is 0; elsewhere it is as large as ever."""
    t = rng.integers(-9, 9, (8, 1)).astype(float)
    difference = rng.permutation([0.0, 0, 1, -1, 0, 2, -3, 0]).reshape(8, 1)
    assert_same(observe(gradient, "L1Loss", t + difference, t), np.sign(difference) / 8, **CLOSE)


@grade("losses_regression", weight=0.5)
def test_regression_losses_refuse_other_shapes(observe, rng):
    """Arrays that only broadcast raise a ValueError in forward and backward of both losses."""
    expect_refusals(observe, rng, "L1Loss")
    expect_refusals(observe, rng, "MSELoss")


@grade("losses_regression", weight=0.5)
def test_regression_losses_keep_their_inputs(observe, reference, rng):
    """Predictions and targets are the same after forward and backward of both losses."""
    expect_untouched(observe, reference, rng, "L1Loss")
    expect_untouched(observe, reference, rng, "MSELoss")


@grade("loss_bce")
def test_bce_of_random_arrays(observe, reference, rng):
    """BCE of arrays of any shape, and of one sample, is a float."""
    expect_values(observe, reference, rng, "BCELoss")


@grade("loss_bce")
def test_bce_gradient_agrees_with_a_numeric_one(observe, reference, rng):
    """The gradient of BCE is what the loss itself does when a probability moves a little, for any shape."""
    expect_gradients_of_loss(observe, reference, rng, "BCELoss")


def certain(code, predictions, targets):
    loss = code.losses.BCELoss()
    return [answer_and_warnings(method, predictions, targets) for method in (loss.forward, loss.backward)]


@grade("loss_bce")
def test_bce_at_the_ends(observe, rng):
    """Loss and gradient are finite, without a warning, where some predictions are 0 or 1; others keep their slope."""
    p = np.array([0.0, 1.0, 0.0, 1.0, *rng.uniform(0.2, 0.8, 2)]).reshape(-1, 1)
    t = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 0.0]).reshape(-1, 1)
    order = rng.permutation(6)
    (loss, said), (slope, said_too) = (items(each, 2) for each in items(observe(certain, p[order], t[order]), 2))
    if said != [] or said_too != []:
        raise Failure("numpy warns on the way")
    inside = -np.log(p[4]) - np.log(1 - p[5])
    loss = number(loss)
    # Two of the six are wholly wrong: each costs from 9 (clipped at 1e-4) to 37 (as close to 1 as floats come).
    if type(loss) is not float or not (18 + inside.item()) / 6 < loss < (2 * 40 + inside.item()) / 6:
        raise Failure("expected two large, but finite, losses in the mean")
    if not isinstance(slope, np.ndarray) or slope.shape != (6, 1) or not np.isfinite(slope).all():
        raise wrong_type("an array of finite numbers", slope)
    slope = slope[np.argsort(order)]
    assert_same(slope[4:], np.array([[-1 / p[4, 0]], [1 / (1 - p[5, 0])]]) / 6, **CLOSE)
    if not (slope[0, 0] < -1 and slope[1, 0] > 1):
        raise Failure("expected large slopes towards the targets where predictions are wholly wrong")


@grade("loss_bce")
def test_bce_near_the_ends(observe, reference, rng):
    """Probabilities near 0 and 1 that can still be told from them are not clipped."""
    p = np.array([2e-4, 1 - 2e-4, 1e-4, 1 - 1e-4]).reshape(-1, 1) * (1 - 1e-5 * rng.random((4, 1)))
    t = np.array([1.0, 0.0, 0.0, 1.0]).reshape(-1, 1)
    # 1 - p has three digits less than p, in float32 three of seven.
    assert_same(number(observe(value, "BCELoss", p, t)), number(reference(value, "BCELoss", p, t)), rtol=1e-3)
    assert_same(observe(gradient, "BCELoss", p, t), reference(gradient, "BCELoss", p, t), rtol=1e-2)


@grade("loss_bce", weight=0.5)
def test_bce_refuses_other_shapes(observe, rng):
    """Arrays that only broadcast raise a ValueError in forward and backward."""
    expect_refusals(observe, rng, "BCELoss")


@grade("loss_bce", weight=0.5)
def test_bce_keeps_its_inputs(observe, reference, rng):
    """Predictions and targets are the same after forward and backward, also where they are clipped."""
    expect_untouched(observe, reference, rng, "BCELoss")


# Models


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


def backward(code, module, weight, bias, X, dout):
    """Gradients, parameters and inputs afterwards."""
    with with_sound_sigmoid(code, module):
        model = model_with(code, module, weight, bias)
        model.forward(X)
        grads = model.backward(dout)
        return [grads, model.params["weight"], model.params["bias"], X, dout]


def numeric_gradients(code, module, weight, bias, X, dout):
    """The gradients of sum(dout * forward(X)) for both parameters."""

    def total(weight, bias):
        return float((dout * forward(code, module, weight, bias, X)).sum())

    return {
        "weight": numeric_gradient(lambda moved: total(moved, bias), weight),
        "bias": numeric_gradient(lambda moved: total(weight, moved), bias),
    }


def taking_turns(code, module, models, Xs, douts):
    """The gradients of several models that run forward in turns, each twice, before they run backward."""
    with with_sound_sigmoid(code, module):
        ours = [model_with(code, module, *params) for params in models]
        for X in Xs:
            for shift, model in enumerate(ours):
                model.forward(X + shift)
        return [model.backward(dout) for model, dout in zip(ours, douts, strict=True)]


def random_model(rng, samples, features):
    """Weights, bias, X and dout."""
    sizes = ((features, 1), 1, (samples, features), (samples, 1))
    weight, bias, X, dout = (rng.normal(size=size) for size in sizes)
    return weight, bias, X, dout


def expect_gradients(got, want, **close):
    for name in ("weight", "bias"):
        assert_same(entry(got, name), want[name], **close)
    assert_same(sorted(got), ["bias", "weight"])


def expect_forward(observe, reference, rng, module):
    for samples, features in ((6, 3), (1, 4), (5, 1), (3, 3)):
        weight, bias, X, _ = random_model(rng, samples, features)
        inputs = module, weight, bias, X
        assert_same(observe(forward, *inputs), reference(forward, *inputs), **CLOSE)


def expect_backward(observe, reference, rng, module):
    for samples, features in ((6, 3), (1, 4), (5, 1), (3, 3)):
        inputs = module, *random_model(rng, samples, features)
        grads, *after = items(observe(backward, *inputs), 5)
        expect_gradients(grads, reference(numeric_gradients, *inputs), **NUMERIC)
        expect_gradients(grads, reference(backward, *inputs)[0], **CLOSE)
        assert_same(after, list(inputs[1:]))


def expect_turns(observe, reference, rng, module):
    models = [random_model(rng, 1, 3)[:2] for _ in range(2)]
    Xs = [rng.normal(size=(n, 3)) for n in (4, 6)]
    douts = [rng.normal(size=(6, 1)) for _ in range(2)]
    inputs = module, models, Xs, douts
    got, want = items(observe(taking_turns, *inputs), 2), reference(taking_turns, *inputs)
    for ours, theirs in zip(got, want, strict=True):
        expect_gradients(ours, theirs, **CLOSE)


@grade("linear_model")
def test_linear_forward_of_random_data(observe, reference, rng):
    """Predictions are right for any number of samples and features, one of either included."""
    expect_forward(observe, reference, rng, "linear_model")


@grade("linear_model")
def test_linear_gradients_agree_with_numeric_ones(observe, reference, rng):
    """Gradients for weights and bias are what the predictions do when a parameter moves; nothing else changes."""
    expect_backward(observe, reference, rng, "linear_model")


@grade("linear_model")
def test_linear_models_take_turns(observe, reference, rng):
    """Two models keep apart what each has seen last, and batches may have other sizes than the ones before."""
    expect_turns(observe, reference, rng, "linear_model")


def sigmoid_with_warnings(code, z):
    return [*answer_and_warnings(code.classifier.sigmoid, z), z]


@grade("sigmoid")
def test_sigmoid_of_random_numbers(observe, reference, rng):
    """The sigmoid is right for numbers of either sign in arrays of any shape; the input stays as it is."""
    for shape in ((9, 1), (4,), (2, 3, 2), (1, 1)):
        z = rng.normal(0, 3, shape)
        got, _, after = items(observe(sigmoid_with_warnings, z), 3)
        assert_same(got, reference(sigmoid_with_warnings, z)[0], **CLOSE)
        assert_same(after, z)


@grade("sigmoid")
def test_sigmoid_far_out(observe, rng):
    """Large numbers of either sign give 0 and 1, without a warning."""
    size = rng.uniform(60, 5000, (6, 1))
    sign = rng.permutation([1.0, -1, 1, -1, 1, -1]).reshape(6, 1)
    got, said, _ = items(observe(sigmoid_with_warnings, sign * size), 3)
    assert_same(got, (sign > 0).astype(float), atol=1e-6)
    if said != []:
        raise Failure("numpy warns on the way")


@grade("classifier")
def test_classifier_forward_of_random_data(observe, reference, rng):
    """Probabilities are right for any number of samples and features, one of either included."""
    expect_forward(observe, reference, rng, "classifier")


@grade("classifier")
def test_classifier_gradients_agree_with_numeric_ones(observe, reference, rng):
    """Gradients for weights and bias are what the probabilities do when a parameter moves; nothing else changes."""
    expect_backward(observe, reference, rng, "classifier")


@grade("classifier")
def test_classifiers_take_turns(observe, reference, rng):
    """Two classifiers keep apart what each has seen last, and batches may have other sizes than the ones before."""
    expect_turns(observe, reference, rng, "classifier")


# Optimizers


def recorded_step(code, params, grads):
    """What each call of _update got, in a subclass that doubles a parameter in place, and the parameters then."""
    calls = []

    class Doubling(code.optimizer.Optimizer):
        def _update(self, name, param, grad):
            calls.append([name, np.array(grad)])
            param *= 2

    arrays = dict(params)
    Doubling().step(params, grads)
    return [sorted(calls, key=lambda each: str(each[0])), arrays, params]


def sgd_steps(code, learning_rate, params, steps):
    """What is in the arrays that were there before the steps, what is in the dict, and the gradients."""
    optimizer = code.optimizer.SGD(learning_rate)
    before = dict(params)
    for grads in steps:
        optimizer.step(params, grads)
    return [before, params, steps]


def sgd_updates(code, learning_rate, param, grads):
    optimizer = code.optimizer.SGD(learning_rate)
    for grad in grads:
        optimizer._update("any", param, grad)
    return [param, grads]


def random_params(rng):
    """Parameters of different shapes under names that no model of the exercise has."""
    shapes = {"kernel": (3, 2, 2), "weight": (4, 1), "bias": (1,), "gain": (5,), "table": (2, 3)}
    names = [str(name) for name in rng.permutation(list(shapes))[:4]]
    return {name: rng.normal(size=shapes[name]) for name in names}


def random_grads(rng, params):
    return {str(name): rng.normal(size=params[name].shape) for name in rng.permutation(list(params))}


@grade("optimizer")
def test_step_of_another_rule(observe, rng):
    """step applies the _update of any subclass once to each parameter, with its gradient, in place."""
    params = random_params(rng)
    grads = random_grads(rng, params)
    calls, arrays, after = items(observe(recorded_step, params, grads), 3)
    assert_same(calls, [[name, grads[name]] for name in sorted(params)])
    doubled = {name: 2 * param for name, param in params.items()}
    assert_same(arrays, doubled)
    assert_same(after, doubled)


@grade("optimizer")
def test_sgd_over_many_steps(observe, rng):
    """Several steps with several learning rates move parameters of any shape, in place, by minus lr times gradient."""
    for learning_rate in (float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.5, 2))):
        params = random_params(rng)
        steps = [random_grads(rng, params) for _ in range(4)]
        want = {name: param - learning_rate * sum(grads[name] for grads in steps) for name, param in params.items()}
        before, after, grads = items(observe(sgd_steps, learning_rate, params, steps), 3)
        assert_same(before, want, **CLOSE)
        assert_same(after, want, **CLOSE)
        assert_same(grads, steps)


@grade("optimizer")
def test_sgd_updates_by_themselves(observe, rng):
    """_update of SGD changes the array that it gets, and not the gradient."""
    for shape in ((3, 1), (2, 2, 2)):
        learning_rate, param = float(rng.uniform(0.1, 0.9)), rng.normal(size=shape)
        grads = [rng.normal(size=shape) for _ in range(3)]
        after, grads_after = items(observe(sgd_updates, learning_rate, param, grads), 2)
        assert_same(after, param - learning_rate * sum(grads), **CLOSE)
        assert_same(grads_after, grads)


# The solver


class Scaled:
    """A model of two parameters whose names no model of the exercise has, right for certain: (X * scale) @ mix."""

    def __init__(self, scale, mix):
        self.params = {"scale": scale.copy(), "mix": mix.copy()}

    def forward(self, X):
        self.X = X
        return (X * self.params["scale"]) @ self.params["mix"]

    def backward(self, dout):
        scale, mix = self.params["scale"], self.params["mix"]
        return {"mix": (self.X * scale).T @ dout, "scale": (self.X * (dout @ mix.T)).sum(axis=0)}


class Tilted:
    """A loss that is right for certain: the mean of fourth powers and predictions. Arguments cannot be swapped."""

    def forward(self, predictions, targets):
        return float(((predictions - targets) ** 4 + predictions).mean())

    def backward(self, predictions, targets):
        return (4 * (predictions - targets) ** 3 + 1) / predictions.size


class Heavy:
    """An optimizer with a memory, right for certain: a step too many or too few is seen in all later ones."""

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate
        self.speed = {}

    def step(self, params, grads):
        for name in params:
            self.speed[name] = 0.9 * self.speed.get(name, 0.0) + grads[name]
            params[name] -= self.learning_rate * self.speed[name]


def solver_steps(code, scale, mix, learning_rate, batches):
    model = Scaled(scale, mix)
    # What _step does is about the batch that it gets, not about these.
    elsewhere = (np.full((3, len(scale)), 5.0), np.full((3, 1), -5.0))
    solver = code.solver.Solver(model, Tilted(), Heavy(learning_rate), elsewhere, elsewhere)
    answers = []
    for X, y in batches:
        loss = solver._step(X, y)
        if loss is None:
            raise OddAnswer("expected a float, got None: is there a `return` in _step?", "None")
        answers.append([loss, {name: np.array(param) for name, param in model.params.items()}])
    return answers


@grade("solver_step")
def test_steps_on_random_batches(observe, reference, rng):
    """Any model, loss and optimizer: each step returns the loss before it, and improves the model by one step."""
    for features in (1, 3):
        scale, mix = rng.uniform(0.5, 1.5, features), rng.uniform(-1, 1, (features, 1))
        batches = [(rng.uniform(-1, 1, (n, features)), rng.uniform(-1, 1, (n, 1))) for n in (4, 1, 6, 3)]
        inputs = scale, mix, 0.02, batches
        got, want = items(observe(solver_steps, *inputs), 4), reference(solver_steps, *inputs)
        assert_same([number(items(each, 2)[0]) for each in got], [number(loss) for loss, _ in want], **CLOSE)
        assert_same([params for _, params in got], [params for _, params in want], **CLOSE)


class Script:
    """A loss that gives the values of a script, one each time."""

    def __init__(self, values):
        self.values = list(values)

    def forward(self, *_):
        return self.values.pop(0)


def scripted(code, losses, patience, runs):
    """For each run of so many epochs: best epoch, best loss, epochs so far, and the parameters then.

    Each epoch adds its number to one parameter and doubles the other, in place.
    """
    model = Scaled(np.ones(2), np.ones((2, 1)))
    data = (np.zeros((2, 2)), np.zeros((2, 1)))
    solver = code.solver.Solver(model, Script(losses), None, data, data, patience=patience)
    epoch = 0

    def step(X, y):
        nonlocal epoch
        epoch += 1
        model.params["scale"] += epoch
        model.params["mix"] *= 2
        return 1.0

    # The step is a task of its own.
    solver._step = step
    answers = []
    for num_epochs in runs:
        history = solver.train(num_epochs)
        best = solver.best_val_loss
        best = float(best) if isinstance(best, int | float | np.number) else None
        params = {name: np.array(param) for name, param in model.params.items()}
        answers.append([history.best_epoch, best, len(history.val_loss), params])
    return answers


def expect_noted(observe, reference, losses, patience, runs=None):
    """Fail unless the best epochs, the best losses and the numbers of epochs are right; no parameters are looked at."""
    inputs = losses, patience, runs or [len(losses)]
    got = [items(each, 4)[:3] for each in items(observe(scripted, *inputs), len(inputs[2]))]
    assert_same(got, [each[:3] for each in reference(scripted, *inputs)], **CLOSE)


def expect_best_params(observe, reference, losses, runs=None):
    """Fail unless the model has the best parameters after each run."""
    inputs = losses, None, runs or [len(losses)]
    got = [items(each, 4)[3] for each in items(observe(scripted, *inputs), len(inputs[2]))]
    assert_same(got, [each[3] for each in reference(scripted, *inputs)], **CLOSE)


def distinct(rng, count):
    """Losses from 1 to 9 in random order, none of them twice."""
    return [float(value) for value in rng.permutation(np.linspace(1, 9, count))]


@grade("solver_best")
def test_the_best_of_random_losses(observe, reference, rng):
    """Whatever the losses: the best epoch and its loss are there at the end."""
    for count in (1, 5, 9):
        expect_noted(observe, reference, distinct(rng, count), None)
    falling = sorted(distinct(rng, 5), reverse=True)
    expect_noted(observe, reference, falling, 1)
    expect_noted(observe, reference, falling[::-1], None)


@grade("solver_best")
def test_the_best_parameters_of_random_losses(observe, reference, rng):
    """Whatever the losses: the model has the parameters of the best epoch at the end, also after a second training."""
    losses = distinct(rng, 6)
    expect_best_params(observe, reference, losses)
    expect_best_params(observe, reference, sorted(losses))
    expect_best_params(observe, reference, [*losses, max(losses) + 1, 0.5, 0.75], [6, 1, 2])


@grade("solver_best")
def test_patience_of_any_length(observe, reference, rng):
    """Training stops as soon as so many epochs in a row have brought no lower loss, and not earlier."""
    for patience in (1, 2, 3):
        first, second = (float(value) for value in np.sort(rng.uniform(1, 2, 2))[::-1])
        worse = [float(value) for value in rng.uniform(3, 5, 3)]
        # One epoch of patience is left when the loss improves; then it runs out, and what would come is even better.
        losses = [first, *worse[: patience - 1], second, *worse[:patience], 0.5, 0.25]
        expect_noted(observe, reference, losses, patience)


@grade("solver_best")
def test_equal_losses_bring_nothing(observe, reference, rng):
    """A loss that equals the best one counts as no progress, and the earlier epoch stays the best."""
    best = float(rng.uniform(1, 2))
    expect_noted(observe, reference, [best + 1, best, best, best + 1, best, 0.5], 3)
    expect_noted(observe, reference, [best, best, best], None)


@grade("solver_best")
def test_training_goes_on_later(observe, reference, rng):
    """A second call of train goes on counting epochs, and what was best before stays so until something is better."""
    losses = distinct(rng, 4)
    low = min(losses) - 0.5
    expect_noted(observe, reference, [*losses, max(losses) + 1, low, low + 1], None, [4, 1, 2])
