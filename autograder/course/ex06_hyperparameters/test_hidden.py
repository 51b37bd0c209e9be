"""The hidden tests of exercise 6: what the visible tests ask for, on fresh inputs.

Gradients are held against differences of the reference's values, never of the student's.
"""

import itertools

import numpy as np

from exercise_code.common.testing import assert_same, entry, grade, items
from exercise_code.ex06_hyperparameters.test_visible import (
    CLOSE,
    EXACT,
    Drawing,
    adamw_by_hand,
    adamw_steps,
    augmented,
    batches_of,
    built,
    draws_of,
    dropout_outputs,
    dropout_runs,
    expect_best,
    expect_built,
    expect_draws,
    expect_dropped,
    expect_flips,
    expect_grid,
    expect_log_uniform,
    expect_measured,
    expect_new_pictures,
    expect_pairs,
    expect_random_settings,
    expect_seeded,
    expect_share,
    expect_shifts,
    grids_of,
    l2_gradients,
    leaky_both_ways,
    leaky_turns,
    log_samples,
    log_samples_of_seeds,
    modes_after,
    number,
    numbered,
    numbers,
    penalties_of,
    pictures,
    random_settings_of,
    rates_of,
    runs_of,
    training_run,
)

# Central differences of a smooth function at a distance of 1e-5 are right to about 1e-9.
NUMERIC = {"rtol": 1e-3, "atol": 1e-4}


def differences(function, x, distance=1e-5):
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


# Scales


@grade("scales")
def test_learning_rates_of_any_range(observe, rng):
    """Rates from any low to any high, as many as asked for, two of them included."""
    cases = []
    for count in (2, 5, 12):
        low = float(10 ** rng.uniform(-6, -2))
        cases.append([low, low * float(rng.uniform(2, 1e4)), count])
    got = observe(rates_of, {str(place): case for place, case in enumerate(cases)})
    for place, (low, high, count) in enumerate(cases):
        want = [low * (high / low) ** (step / (count - 1)) for step in range(count)]
        assert_same(numbers(entry(got, str(place)), "a list of floats"), want, **CLOSE)


@grade("scales")
def test_log_uniform_of_any_range(observe, rng):
    """Samples are floats from low to high whose logarithms are uniform."""
    for decades in (1.0, 4.0):
        low = float(10 ** rng.uniform(-6, 0))
        high = low * 10**decades
        expect_log_uniform(observe(log_samples, low, high, 4000, int(rng.integers(10**6))), low, high, 0.045)


@grade("scales", weight=0.5)
def test_log_uniform_is_random_by_its_generator_alone(observe, rng):
    """The generator decides the samples, and each is another one."""
    seed = int(rng.integers(10**6))
    got = items(observe(log_samples_of_seeds, 1e-3, 10.0, [seed, seed, seed + 1]), 3)
    first, again, other = (numbers(samples, "a list of floats") for samples in got)
    assert_same(again, first)
    assert_same(len({*first, *other}), 10)


# Grids and random settings


@grade("search")
def test_grids_of_any_space(observe, rng):
    """Grids of one to four settings with any number of values."""
    spaces = {}
    for count in range(1, 5):
        sizes = rng.integers(1, 4, count)
        spaces[str(count)] = {
            f"setting {place}": rng.permutation(20)[:size].tolist() for place, size in enumerate(sizes)
        }
    spaces["words"] = {"activation": ["relu", "tanh"], "sizes": [[3, 2], [3, 4, 2]], "lr": rng.random(2).tolist()}
    got = observe(grids_of, spaces)
    for text, space in spaces.items():
        expect_grid(entry(got, text), space)


@grade("search")
def test_random_settings_of_any_space(observe, rng):
    """As many settings as asked for, each value of each a draw of its own."""
    for count, names in ((7, 3), (1, 2), (3, 1)):
        lows = {f"setting {place}": place * 10**10 for place in range(names)}
        seed = int(rng.integers(10**6))
        expect_random_settings(observe(random_settings_of, lows, count, [seed, seed, seed + 1]), lows, count)


def orders_of(code, count, seed):
    """The settings of a space whose names are not in the order of the alphabet."""
    space = {"b": Drawing(0), "a": Drawing(10**10)}
    return code.search.random_settings(space, count, np.random.default_rng(seed))


@grade("search", weight=0.5)
def test_random_settings_are_dicts_of_the_space(observe, rng):
    """Each setting is a dict with the keys of the space, and none is another one's."""
    count = int(rng.integers(4, 9))
    settings = items(observe(orders_of, count, int(rng.integers(10**6))), count)
    for setting in settings:
        assert_same([entry(setting, "b") < 10**10, entry(setting, "a") >= 10**10], [True, True])
    assert_same(len({entry(setting, "a") for setting in settings}), count)


# LeakyReLU

SHAPES = ((4, 3), (1, 5), (6,), (2, 3, 2), (1, 1))


def leaky_of_each(code, cases):
    return [leaky_both_ways(code, *case) for case in cases]


def leaky_and_numeric(code, cases):
    """Outputs and gradients, and the gradients of sum(dout * forward(x)) from differences."""
    answers = []
    for slope, xs, dout in cases:
        layer = code.layers.LeakyReLU(slope)
        numeric = differences(lambda x, layer=layer, dout=dout: float((dout * layer.forward(x)).sum()), xs[-1])
        answers.append([*leaky_both_ways(code, slope, xs, dout)[:2], numeric])
    return answers


def leaky_cases(rng):
    """Slopes, inputs that are not near the kink, and the gradient that arrives."""
    return [
        (
            float(rng.uniform(0.02, 0.6)),
            [rng.normal(size=(2, 2)), rng.choice([-1, 1], shape) * rng.uniform(0.1, 2.5, shape)],
            rng.normal(size=shape),
        )
        for shape in SHAPES
    ]


@grade("leaky_relu")
def test_leaky_relu_of_random_numbers(observe, reference, rng):
    """LeakyReLU is right for arrays of any shape and any slope."""
    cases = leaky_cases(rng)
    got, want = items(observe(leaky_of_each, cases), len(cases)), reference(leaky_and_numeric, cases)
    assert_same([items(each, 4)[0] for each in got], [each[0] for each in want], **CLOSE)


@grade("leaky_relu")
def test_leaky_relu_gradient_agrees_with_a_numeric_one(observe, reference, rng):
    """Its gradient is what the outputs do when an input moves, for the inputs of the last forward."""
    cases = leaky_cases(rng)
    got = items(observe(leaky_of_each, cases), len(cases))
    for each, (_, formula, numeric) in zip(got, reference(leaky_and_numeric, cases), strict=True):
        dx = items(each, 4)[1]
        assert_same(dx, numeric, **NUMERIC)
        assert_same(dx, formula, **CLOSE)


@grade("leaky_relu", weight=0.5)
def test_leaky_relu_at_zero(observe, rng):
    """Where an input is exactly 0 the slope is that of negative numbers; inputs stay as they are, float32 too."""
    x = rng.permutation([0.0, 0, 1, -1, 0, 2, -3, 0]).reshape(2, 4).astype(np.float32)
    dout = rng.normal(size=(2, 4)).astype(np.float32)
    for slope, factor in ((None, 0.01), (0.3, 0.3)):
        out, dx, dtypes, after = items(observe(leaky_both_ways, slope, [x], dout), 4)
        assert_same(out, np.where(x > 0, x, factor * x).astype(np.float32), **CLOSE)
        assert_same(dx, np.where(x > 0, dout, factor * dout).astype(np.float32), **CLOSE)
        assert_same(dtypes, ["float32", "float32"])
        assert_same(after, [[x], dout], **EXACT)


@grade("leaky_relu", weight=0.5)
def test_leaky_relus_take_turns(observe, reference, rng):
    """Two layers keep apart what went through each, and their slopes."""
    inputs = [0.2, 0.4], *([rng.normal(size=(3, 2)) for _ in range(2)] for _ in range(2))
    assert_same(observe(leaky_turns, *inputs), reference(leaky_turns, *inputs), **CLOSE)


# Dropout


def some_data(rng, dtype=np.float64, shape=(90, 60)):
    """Inputs without a 0, and the gradient that arrives."""
    return [(rng.choice([-1, 1], shape) * rng.uniform(0.5, 3, shape)).astype(dtype) for _ in range(2)]


@grade("dropout")
def test_dropout_of_any_rate(observe, rng):
    """As many entries are dropped as the rate says, each by itself; the others are divided by 1 - rate."""
    x, dout = some_data(rng)
    for rate in (float(rng.uniform(0.1, 0.4)), float(rng.uniform(0.6, 0.85))):
        [[out, _, _]] = runs_of(observe(dropout_runs, rate, int(rng.integers(10**6)), x, dout, [""]), x, dout, 1)
        expect_share(expect_dropped(out, x, rate) > 0, rate, 0.05)


@grade("dropout")
def test_dropout_gradients(observe, rng):
    """The gradient is 0 where x was dropped, and dout / (1 - rate) elsewhere, for arrays of any shape."""
    for shape in ((30, 20), (400,), (5, 6, 7), (1, 90)):
        x, dout = some_data(rng, shape=shape)
        rate = float(rng.uniform(0.3, 0.7))
        answer = observe(dropout_runs, rate, int(rng.integers(10**6)), x, dout, ["train", "train"])
        for out, dx, _ in runs_of(answer, x, dout, 2):
            assert_same(dx, dout * expect_dropped(out, x, rate), **CLOSE)


@grade("dropout")
def test_dropout_in_changing_modes(observe, rng):
    """In evaluation x and dout come back as they are, after training and before it; training drops again."""
    x, dout = some_data(rng)
    modes = ["eval", "train", "eval", "eval", "train"]
    runs = runs_of(observe(dropout_runs, 0.4, int(rng.integers(10**6)), x, dout, modes), x, dout, len(modes))
    for mode, (out, dx, _) in zip(modes, runs, strict=True):
        if mode == "eval":
            assert_same([out, dx], [x, dout], **EXACT)
        else:
            expect_share(mask := expect_dropped(out, x, 0.4) > 0, 0.4, 0.05)
            assert_same(dx, dout * mask / 0.6, **CLOSE)


@grade("dropout", weight=0.5)
def test_no_entry_is_dropped_with_rate_0(observe, rng):
    """With rate 0 x and dout come back as they are, in both modes."""
    x, dout = some_data(rng)
    answer = observe(dropout_runs, 0.0, int(rng.integers(10**6)), x, dout, ["train", "eval"])
    for out, dx, _ in runs_of(answer, x, dout, 2):
        assert_same([out, dx], [x, dout], **EXACT)


@grade("dropout", weight=0.5)
def test_the_generator_decides_what_is_dropped(observe, rng):
    """Each forward draws anew, and only the generator decides."""
    x, _ = some_data(rng)
    seed = int(rng.integers(10**6))
    expect_draws(observe(dropout_outputs, 0.3, x, [seed, seed, seed + 1]), x, 0.3)


@grade("dropout", weight=0.5)
def test_dropout_of_float32_is_float32(observe, rng):
    """A float32 x gives float32 outputs, and a float32 dout float32 gradients."""
    x, dout = some_data(rng, np.float32)
    answer = observe(dropout_runs, 0.3, int(rng.integers(10**6)), x, dout, ["train", "eval"])
    (out, dx, dtypes), (same, back, after) = runs_of(answer, x, dout, 2)
    assert_same(dx, (dout * expect_dropped(out, x, 0.3)).astype(np.float32), **CLOSE)
    assert_same([same, back], [x, dout], **EXACT)
    assert_same([dtypes, after], [["float32"] * 2] * 2)


# The classifier


@grade("classifier")
def test_classifiers_of_any_sizes(observe, rng):
    """Classifiers of any sizes, activation and rate have the layers that their hparams say."""
    cases = [
        [[int(size) for size in rng.integers(1, 7, count)], activation, dropout, int(rng.integers(1000))]
        for count, activation, dropout in (
            (2, "relu", 0.3),
            (3, "tanh", 0.0),
            (4, "leaky_relu", float(rng.uniform(0.1, 0.9))),
            (6, "relu", 0.25),
        )
    ]
    got = observe(built, {str(place): case for place, case in enumerate(cases)})
    for place, (sizes, activation, dropout, _) in enumerate(cases):
        expect_built(entry(got, str(place)), sizes, activation, dropout)


@grade("classifier", weight=0.5)
def test_the_seed_decides_weights_and_draws(observe, rng):
    """One generator with the seed of the hparams makes all weights, and what is dropped."""
    sizes, seed = [4, 3, 3, 3, 2], int(rng.integers(1000))
    seeds = [seed, seed, seed + 1]
    expect_seeded(observe(draws_of, sizes, 0.2, seeds), sizes, seeds)


@grade("classifier")
def test_modes_of_any_classifier(observe, rng):
    """train() and eval() switch every dropout layer, in any order and number of calls."""
    for sizes in ([3, 2], [3, 4, 2], [2, 2, 2, 2, 2]):
        calls = {}
        for place in range(4):
            calls[str(place)] = [str(method) for method in rng.choice(["train", "eval"], 3 + place % 2)]
        calls |= {"a": ["eval"], "b": ["train"]}
        want = {text: [methods[-1] == "train"] * (len(sizes) - 2) for text, methods in calls.items()}
        assert_same(observe(modes_after, sizes, calls), want)


def whole_classifier(code, hparams, x):
    """What a classifier of the student's own parts gives in evaluation and in training, and its parameters."""
    classifier = code.network.Classifier(hparams)
    classifier.eval()
    first, again = np.array(classifier.forward(x)), np.array(classifier.forward(x))
    classifier.train()
    other = np.array(classifier.forward(x))
    held = {f"{i}.{n}": p for i, layer in enumerate(classifier.layers) for n, p in layer.params.items()}
    same = all(held.get(name) is param for name, param in classifier.params.items())
    dtypes = sorted({str(param.dtype) for param in classifier.params.values()})
    return [first, again, bool(np.allclose(first, other)), same, dtypes, sorted(classifier.params)]


@grade("classifier", weight=0.5)
def test_a_classifier_of_your_own_layers(observe, rng):
    """Built of your layers it gives the same scores again in evaluation, and others in training."""
    sizes = [6, 40, 30, 4]
    hparams = {"sizes": sizes, "activation": "leaky_relu", "dropout": 0.5, "seed": int(rng.integers(1000))}
    x = rng.normal(size=(5, 6)).astype(np.float32)
    first, again, alike, same, dtypes, names = items(observe(whole_classifier, hparams, x), 6)
    draw, out = np.random.default_rng(hparams["seed"]), x
    for place, (num_in, num_out) in enumerate(itertools.pairwise(sizes)):
        out = out @ (np.sqrt(2 / num_in) * draw.normal(size=(num_in, num_out)))
        if place < 2:
            out = np.where(out > 0, out, 0.01 * out)
    assert_same(first, out, rtol=1e-3, atol=1e-3)
    assert_same(again, first, **CLOSE)
    assert_same([alike, same, dtypes], [False, True, ["float32"]])
    assert_same(names, sorted(f"{place}.{name}" for place in (0, 3, 6) for name in ("weight", "bias")))


# L2

PARAMS = {"0.weight": (3, 4), "0.bias": (4,), "3.weight": (4, 2), "3.bias": (2,), "6.weight": (2, 1), "6.bias": (1,)}


def random_params(rng, names=PARAMS, size=1.0):
    return {name: rng.normal(0, size, PARAMS[name]) for name in names}


def penalties_and_gradients(code, cases):
    """The penalty of each case, and its gradients from differences."""
    answers = []
    for params, strength in cases:

        def penalty(moved, name, params=params, strength=strength):
            return code.regularisation.l2_penalty(params | {name: moved}, strength)

        numeric = {name: differences(lambda p, n=name: penalty(p, n), param) for name, param in params.items()}
        answers.append([penalty(params["0.weight"], "0.weight"), numeric])
    return answers


@grade("l2")
def test_l2_penalties_of_random_parameters(observe, reference, rng):
    """The penalty is right for any parameters and strength, 0 included."""
    cases = [(random_params(rng), float(rng.uniform(0.05, 2))), (random_params(rng, ["0.weight", "0.bias"]), 0.0)]
    got = observe(penalties_of, {str(place): list(case) for place, case in enumerate(cases)})
    for place, (want, _) in enumerate(reference(penalties_and_gradients, cases)):
        assert_same(number(entry(got, str(place))), number(want), **CLOSE)


@grade("l2")
def test_l2_gradients_agree_with_numeric_ones(observe, reference, rng):
    """What is added to the gradients is what the penalty does when a parameter moves; all inputs stay as they are."""
    cases = [(random_params(rng), float(rng.uniform(0.05, 2))), (random_params(rng), float(rng.uniform(2, 4)))]
    for (params, strength), (_, numeric) in zip(cases, reference(penalties_and_gradients, cases), strict=True):
        grads = random_params(rng)
        got, new, *after = items(observe(l2_gradients, grads, params, strength), 4)
        assert_same(got, {name: grad + numeric[name] for name, grad in grads.items()}, **NUMERIC)
        want = {name: grad + strength * params[name] * name.endswith("weight") for name, grad in grads.items()}
        assert_same(got, want, **CLOSE)
        assert_same([new, *after], [True, grads, params], **EXACT)


# AdamW


@grade("adamw", weight=2)
def test_adamw_over_many_steps(observe, rng):
    """Weights shrink and follow Adam, biases follow Adam alone, of any shape; the means see gradients alone."""
    options = {"learning_rate": float(rng.uniform(0.01, 0.2)), "weight_decay": float(rng.uniform(0.2, 2))}
    params = random_params(rng)
    steps = []
    for count in range(5):
        names = list(PARAMS) if count % 2 == 0 else ["3.weight", "3.bias", "6.bias"]
        steps.append({str(name): rng.normal(0, 2, PARAMS[str(name)]) for name in rng.permutation(names)})
    want = adamw_by_hand(options, params, steps)
    states, *rest = items(observe(adamw_steps, options, params, steps), 4)
    assert_same(states, want[0], **CLOSE)
    assert_same(rest[:2], list(want[1:]), **CLOSE)
    assert_same(rest[2], steps, **EXACT)


@grade("adamw", weight=0.5)
def test_adamw_without_decay_is_adam(observe, rng):
    """With weight_decay 0 it is Adam."""
    options, params = {"learning_rate": 0.05, "weight_decay": 0.0}, random_params(rng)
    steps = [random_params(rng, size=3.0) for _ in range(3)]
    want = adamw_by_hand(options, params, steps)
    states, *rest = items(observe(adamw_steps, options, params, steps), 4)
    assert_same(states, want[0], **CLOSE)
    assert_same(rest[:2], list(want[1:]), **CLOSE)


@grade("adamw")
def test_weights_shrink_without_gradients(observe, rng):
    """Where gradients are 0, weights shrink by the same share in each step, and biases stay as they are."""
    options = {"learning_rate": float(rng.uniform(0.05, 0.3)), "weight_decay": float(rng.uniform(0.5, 2))}
    params = random_params(rng)
    steps = [{name: np.zeros(shape) for name, shape in PARAMS.items()}] * 4
    share = 1 - options["learning_rate"] * options["weight_decay"]
    states = items(items(observe(adamw_steps, options, params, steps), 4)[0], 4)
    for count, state in enumerate(states, 1):
        want = {name: param * share ** (count * name.endswith("weight")) for name, param in params.items()}
        assert_same(state, want, **CLOSE)


# Augmentation


@grade("augmentation")
def test_pictures_of_any_size_are_mirrored(observe, rng):
    """About half of the pictures are mirrored, of any size and dtype, and each call draws anew."""
    for count, height, width, dtype in ((600, 3, 5, np.uint8), (500, 6, 2, np.float32)):
        images = pictures(count, height, width, int(rng.integers(10**6)), dtype)
        expect_flips(observe(augmented, "flip_images", images, int(rng.integers(10**6)), []), images, 0.1)


@grade("augmentation")
def test_pictures_of_any_size_are_shifted(observe, rng):
    """Each picture moves by its own draws, equally likely, the border repeated; any size, dtype and `most`."""
    for count, height, width, most, dtype in ((500, 6, 4, 1, np.uint8), (700, 5, 6, 2, np.float32)):
        images = pictures(count, height, width, int(rng.integers(10**6)), dtype)
        expect_shifts(observe(augmented, "shift_images", images, int(rng.integers(10**6)), [most]), images, most, 0.09)


@grade("augmentation", weight=0.5)
def test_a_shift_of_nothing(observe, rng):
    """With most = 0 the pictures come back as they are, in a new array."""
    images = pictures(4, 3, 6, int(rng.integers(10**6)))
    first, second = expect_new_pictures(observe(augmented, "shift_images", images, 0, [0]), images)
    assert_same([first, second], [images, images], **EXACT)


# The bug hunt


@grade("hunt")
def test_labels_stay_with_their_pictures(observe, rng):
    """Each epoch shows each picture once, with its own label, in batches of any size, augmented anew or not at all."""
    for count, batch_size, extras in ((13, 6, ["augment"]), (12, 4, []), (9, 20, ["augment"])):
        data, val_data = numbered(count), numbered(7, 3)
        options = {"batch_size": batch_size, "seed": int(rng.integers(1000))}
        got = observe(training_run, [0.0] * 3, data, val_data, options, 3, extras)
        expect_pairs(got, data, 3, batch_size, bool(extras))


@grade("hunt")
def test_steps_of_the_trainer(observe, rng):
    """Labels stay with pictures while penalty and schedule do their work: losses, gradients and learning rates."""
    strength = float(rng.uniform(0.1, 0.5))
    data, val_data = numbered(12), numbered(8, 3)
    options = {"batch_size": 5, "strength": strength, "seed": int(rng.integers(1000))}
    got = observe(training_run, [0.5] * 4, data, val_data, options, 4, ["schedule"])
    expect_pairs(got, data, 4, 5, False)
    steps = [value for kind, _, value in entry(got, "log") if kind == "step"]
    weights = [np.array([[0.5, -1.0]]) + count for count in range(12)]
    assert_same([items(step, 2)[0] for step in steps], [2.0 * (1 - epoch / 8) for epoch in range(4) for _ in range(3)])
    grads = [
        {"0.weight": np.array([[4.0, 2.0]]) + strength * weight, "0.bias": np.array([labels.mean()])}
        for weight, (_, labels) in zip(weights, batches_of(entry(got, "log")), strict=True)
    ]
    assert_same([items(step, 2)[1] for step in steps], grads, **CLOSE)
    losses = [0.25 + strength / 2 * float((weight**2).sum()) for weight in weights]
    want = [(5 * losses[k] + 5 * losses[k + 1] + 2 * losses[k + 2]) / 12 for k in range(0, 12, 3)]
    train_loss, val_loss, _ = items(entry(got, "history"), 3)
    assert_same(train_loss, want, **CLOSE)
    assert_same(val_loss, [1.0] * 4, **CLOSE)
    assert_same(entry(got, "rate"), 2.0)


@grade("hunt")
def test_measurements_in_evaluation_mode(observe, rng):
    """Every epoch ends with a measurement in evaluation mode, on all pictures as they are, without the penalty."""
    script = (rng.permutation(8)[:4] / 8).tolist()
    data, val_data = numbered(13), numbered(8, 5)
    options = {"batch_size": 5, "strength": 0.5}
    got = observe(training_run, script, data, val_data, options, 4, ["augment"], True)
    expect_measured(got, script, val_data)


@grade("hunt")
def test_parameters_of_the_best_epoch(observe, rng):
    """The values of the best epoch come back, the first of equal ones, and training stops when patience is over."""
    data, val_data = numbered(12), numbered(8, 3)
    scripts = [
        ([0.0, 0.25, 0.25, 0.0, 0.25, 0.5], None),
        ([0.5, 0.25, 0.75, 0.75, 0.5, 0.25, 1.0], 3),
        ([0.25, 0.5, 0.375, 0.625, 0.5, 0.5, 0.5, 0.5], 3),
        ([0.75, 0.5, 1.0], 1),
        ([*(rng.permutation(7)[:6] / 8).tolist(), 0.0], None),
    ]
    for script, patience in scripts:
        got = observe(training_run, script, data, val_data, {"batch_size": 5, "patience": patience}, len(script))
        expect_best(got, script, patience, 3)


# The trained classifier


@grade("classifier_score", step="beats a linear model")
def test_the_classifier_beats_a_linear_model_on_new_images(evaluation, model_info):
    """The saved classifier is within the limits and beats a linear model on images it has never seen."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats a linear model")


@grade("classifier_score", step="beats a small network")
def test_the_classifier_beats_a_small_network_on_new_images(evaluation, model_info):
    """On images it has never seen it beats a small network that was trained without any tool against overfitting."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats a small network")


@grade("classifier_score", step="passes")
def test_the_classifier_passes_on_new_images(evaluation, model_info):
    """On images it has never seen it reaches the accuracy that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
