"""The tests that `check` runs in the notebook of exercise 6."""

import contextlib
import itertools

import numpy as np

from exercise_code.common.testing import (
    Failure,
    OddAnswer,
    assert_calls,
    assert_same,
    call,
    each_call,
    entry,
    grade,
    items,
    kind_of,
    wrong_type,
)

# What these tests expect can be read here, so they earn little: their hidden twins, on fresh inputs, earn the points.
SEEN = 0.1
# A student may compute with float32.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
EXACT = {"rtol": 0, "atol": 0}


def array(*rows):
    return np.array(rows, dtype=float)


def number(value):
    """A float of numpy's as a plain one; anything else as it is."""
    return float(value) if isinstance(value, np.floating) else value


def numbers(values, what):
    """The floats of a list or an array of them, as a list."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = list(values)
    if type(values) is not list:
        raise wrong_type(what, values)
    return [number(value) for value in values]


# Scales


def rates_of(code, calls):
    return each_call(code.search.learning_rates, calls)


def log_samples(code, low, high, count, seed):
    """So many samples, drawn one after the other from one generator."""
    rng, scale = np.random.default_rng(seed), code.search.LogUniform(low, high)
    return [scale.sample(rng) for _ in range(count)]


def log_samples_of_seeds(code, low, high, seeds):
    return [log_samples(code, low, high, 5, seed) for seed in seeds]


def shares_below(samples, low, high, steps=8):
    """The share of the samples below each of some bounds, which are evenly spaced on a logarithmic scale."""
    bounds = np.geomspace(low, high, steps + 1)[1:-1]
    return [float((samples < bound).mean()) for bound in bounds]


def expect_log_uniform(got, low, high, slack):
    """Fail unless these are floats from low to high, as many in each range of the same ratio."""
    samples = numbers(got, "a list of floats")
    for value in samples:
        if type(value) is not float:
            raise wrong_type("a float", value)
        if not low * (1 - 1e-9) <= value <= high * (1 + 1e-9):
            hint = "np.exp leads back from a logarithm, 10.0** from one to base 10"
            raise Failure("a sample is not between low and high", got=f"{value:.4g}", hint=hint)
    shares = shares_below(np.array(samples), low, high)
    wanted = [step / 8 for step in range(1, 8)]
    worst = int(np.argmax(np.abs(np.array(shares) - wanted)))
    if abs(shares[worst] - wanted[worst]) > slack:
        bound = np.geomspace(low, high, 9)[worst + 1]
        hint = "draw the logarithm, not the number: rng.uniform between the logarithms of low and high"
        raise Failure(
            f"too many or too few samples below {bound:.3g}",
            want=f"a share of about {wanted[worst]:.3f}",
            got=f"{shares[worst]:.3f} of {len(samples)}",
            hint=hint,
        )


@grade("scales", weight=SEEN)
def test_learning_rates_have_equal_ratios(observe):
    """learning_rates(0.001, 1, 4) is 0.001, 0.01, 0.1, 1, and learning_rates(2, 8, 3) is 2, 4, 8."""
    want = {"learning_rates(0.001, 1.0, 4)": [0.001, 0.01, 0.1, 1.0], "learning_rates(2.0, 8.0, 3)": [2.0, 4.0, 8.0]}
    got = observe(rates_of, {text: [values[0], values[-1], len(values)] for text, values in want.items()})
    hints = {
        "evenly spaced logarithms, not evenly spaced numbers": lambda got: abs(got[0] - 2 * got[1] + got[2]) < 1e-9,
        "the numbers, not their logarithms": lambda got: got[0] < 0 or got[0] == np.log(2),
        "both ends are included, and there are `count` rates": lambda got: len(got) not in (3, 4),
    }
    for text, values in want.items():
        with call(text):
            assert_same(numbers(entry(got, text), "a list of floats"), values, **CLOSE, hints=hints)


@grade("scales", weight=SEEN)
def test_log_uniform_samples_have_uniform_logarithms(observe):
    """Of 1,000 samples of LogUniform(0.001, 0.1) half are below 0.01, and as many in each range of equal ratio."""
    with call("LogUniform(0.001, 0.1).sample(rng), 1,000 times"):
        expect_log_uniform(observe(log_samples, 0.001, 0.1, 1000, 3), 0.001, 0.1, 0.07)


@grade("scales", weight=SEEN)
def test_log_uniform_draws_from_rng(observe):
    """One seed gives the same samples again, another one others; samples that follow each other differ."""
    with call("LogUniform(0.001, 0.1).sample(rng), for generators with the seeds 1, 1 and 2"):
        first, again, other = items(observe(log_samples_of_seeds, 0.001, 0.1, [1, 1, 2]), 3)
        values = numbers(first, "a list of floats")
        assert_same(numbers(again, "a list of floats"), values, hint="the draw comes from `rng`")
        if len({*values, *numbers(other, "a list of floats")}) != 10:
            raise Failure("expected other numbers from each draw", hint="each call draws anew from `rng`")


# Grids and random settings


def grids_of(code, spaces):
    return each_call(code.search.grid, {text: [space] for text, space in spaces.items()})


class Drawing:
    """A scale of the test's own: whole numbers that hardly ever come twice, from `low` on."""

    def __init__(self, low):
        self.low = low

    def sample(self, rng):
        return self.low + int(rng.integers(10**9))


def random_settings_of(code, lows, count, seeds):
    """For each seed, the settings drawn from scales that start at `lows`."""
    space = {name: Drawing(low) for name, low in lows.items()}
    return [code.search.random_settings(space, count, np.random.default_rng(seed)) for seed in seeds]


def in_order(settings):
    """A list of dicts in an order that does not depend on how it came."""
    if type(settings) is not list or any(type(setting) is not dict for setting in settings):
        raise wrong_type("a list of dicts", settings)
    return sorted(({key: setting[key] for key in sorted(setting, key=str)} for setting in settings), key=repr)


SPACES = {
    'grid({"lr": [0.1, 0.01], "dropout": [0.0, 0.5]})': {"lr": [0.1, 0.01], "dropout": [0.0, 0.5]},
    'grid({"sizes": [[4, 2], [4, 3, 2]], "lr": [0.1, 0.2], "seed": [7]})': {
        "sizes": [[4, 2], [4, 3, 2]],
        "lr": [0.1, 0.2],
        "seed": [7],
    },
    'grid({"lr": [1, 2, 3]})': {"lr": [1, 2, 3]},
}


def expect_grid(got, space):
    """Fail unless each setting takes its values from the space, and there are as many different ones as can be."""
    settings, count = in_order(got), int(np.prod([len(values) for values in space.values()]))
    for setting in settings:
        for name in {*setting, *space}:
            if name not in setting or name not in space or setting[name] not in space[name]:
                raise Failure("expected dicts with a value from the space for each name", got=repr(setting)[:100])
    different = [setting for place, setting in enumerate(settings) if setting not in settings[:place]]
    if len(different) < count:
        hint = "every value meets every other one, not only the one at its own place"
        raise Failure(f"expected {count} different settings, got {len(different)}", hint=hint)
    assert_same(len(settings), count, hint="each combination once")


@grade("search", weight=SEEN)
def test_a_grid_has_all_combinations(observe):
    """grid gives a list of dicts, one for each combination of the values, of any number of settings."""
    got = observe(grids_of, SPACES)
    for text, space in SPACES.items():
        with call(text):
            expect_grid(entry(got, text), space)


def expect_random_settings(got, lows, count):
    """Fail unless there are `count` settings with a draw of its own for each value, that only the seed decides.

    `got` has those of one seed, of the same one again, and of another.
    """
    sets = [in_order(settings) for settings in items(got, 3)]
    for settings in sets:
        if len(settings) != count:
            raise Failure(f"expected {count} settings, got {len(settings)}")
        for setting in settings:
            if sorted(setting) != sorted(lows):
                raise Failure(f"expected the keys {sorted(lows)}, got {sorted(setting)}")
            for name, low in lows.items():
                if type(setting[name]) is not int or not low <= setting[name] < low + 10**9:
                    raise Failure(f"{name!r} is no value of its scale", hint="scale.sample(rng) draws a value")
    for name in lows:
        if count > 1 and len({setting[name] for setting in sets[0]}) < count:
            raise Failure(f"{name!r} has a value twice", hint="draw a value of its own for each setting")
    if len({setting[name] - low for setting in sets[0] for name, low in lows.items()}) < count * len(lows):
        raise Failure("two settings of one name agree in what was drawn", hint="draw each value anew")
    assert_same(sets[1], sets[0], hint="all draws come from `rng`")
    if sets[2] == sets[0]:
        raise Failure("another generator drew the same settings", hint="all draws come from `rng`")


@grade("search", weight=SEEN)
def test_random_settings_draw_each_value(observe):
    """random_settings(space, 5, rng) gives 5 dicts, with a draw of its own for each value."""
    lows = {"lr": 0, "dropout": 10**10}
    with call('random_settings({"lr": ..., "dropout": ...}, 5, rng)'):
        expect_random_settings(observe(random_settings_of, lows, 5, [1, 1, 2]), lows, 5)


# LeakyReLU


def leaky_both_ways(code, slope, xs, dout):
    """The output for the last of some inputs, the gradient for it, the dtypes of both, and the inputs afterwards."""
    layer = code.layers.LeakyReLU() if slope is None else code.layers.LeakyReLU(slope)
    for x in xs:
        out = layer.forward(x)
    dx = layer.backward(dout)
    return [out, dx, [str(getattr(a, "dtype", None)) for a in (out, dx)], [xs, dout]]


def leaky_turns(code, slopes, xs, douts):
    """The gradients of layers that run forward in turns, then backward."""
    layers = [code.layers.LeakyReLU(slope) for slope in slopes]
    for layer, x in zip(layers, xs, strict=True):
        layer.forward(x)
    return [layer.backward(dout) for layer, dout in zip(layers, douts, strict=True)]


X5 = array([-2, 0.5], [0, 3], [1, -0.25])
DOUT5 = array([10, -1], [2, 4], [-3, 5])


@grade("leaky_relu", weight=SEEN)
def test_leaky_relu_forward(observe):
    """LeakyReLU(0.1) leaves positive entries as they are and multiplies the others by 0.1."""
    with call("LeakyReLU(0.1).forward(x)"):
        out, _, _, after = items(observe(leaky_both_ways, 0.1, [X5], DOUT5), 4)
        hints = {
            "this is ReLU: negative entries leak": np.maximum(X5, 0),
            "the slope is an argument: self.slope": np.where(X5 > 0, X5, 0.01 * X5),
            "negative entries stay negative": np.where(X5 > 0, X5, -0.1 * X5),
            "positive entries stay as they are": np.where(X5 > 0, 0.1 * X5, X5),
        }
        assert_same(out, np.where(X5 > 0, X5, 0.1 * X5), **CLOSE, hints=hints)
        assert_same(items(after, 2)[0], [X5], **EXACT, hint="x is the caller's array: compute in a new one")


@grade("leaky_relu", weight=SEEN)
def test_leaky_relu_backward(observe):
    """backward gives dout where x was larger than 0, and 0.1 dout elsewhere, for the x of the last forward."""
    with call("LeakyReLU(0.1).backward(dout), after forward(another) and forward(x)"):
        _, dx, _, after = items(observe(leaky_both_ways, 0.1, [np.ones((4, 2)), X5], DOUT5), 4)
        slope = np.where(X5 > 0, 1, 0.1)
        hints = {
            "dout is missing": slope,
            "where x was 0 the slope is that of negative numbers": DOUT5 * np.where(X5 >= 0, 1, 0.1),
            "the sign of x decides, not that of dout": np.where(DOUT5 > 0, DOUT5, 0.1 * DOUT5),
            "this is the gradient of ReLU: where x was negative, dout leaks back": DOUT5 * (X5 > 0),
        }
        assert_same(dx, DOUT5 * slope, **CLOSE, hints=hints)
        assert_same(items(after, 2)[1], DOUT5, **EXACT, hint="dout is the caller's array: compute in a new one")


@grade("leaky_relu", weight=SEEN)
def test_leaky_relu_keeps_float32(observe):
    """A float32 x gives float32, forward and back; the slope is 0.01 if nobody says another."""
    x, dout = X5.astype(np.float32), DOUT5.astype(np.float32)
    with call("LeakyReLU().forward(x) and .backward(dout), both float32"):
        out, dx, dtypes, _ = items(observe(leaky_both_ways, None, [x], dout), 4)
        assert_same(out, np.where(x > 0, x, np.float32(0.01) * x), **CLOSE)
        assert_same(dx, np.where(x > 0, dout, np.float32(0.01) * dout), **CLOSE)
        assert_same(dtypes, ["float32", "float32"], hint="a mask of float64 makes float64 of what it meets")


@grade("leaky_relu", weight=SEEN)
def test_two_leaky_relus_keep_apart(observe):
    """Two layers in one network remember each its own x."""
    xs, douts = [array(1, -2), array(-0.5, 0.75)], [array(3, 4), array(5, -6)]
    with call("a.backward(dout), after a.forward(x) and b.forward(y)"):
        got = observe(leaky_turns, [0.1, 0.2], xs, douts)
        assert_same(got, [array(3, 0.4), array(1, -6)], **CLOSE, hint="what a layer remembers belongs into self")


# Dropout


def dropout_runs(code, rate, seed, x, dout, modes):
    """After each forward pass in a mode ("train", "eval", or "" for the mode at the start): the output and gradient.

    The arrays are copies, taken before the next pass; beside them the dtypes, and x and dout in the end.
    """
    layer, runs = code.layers.Dropout(rate, np.random.default_rng(seed)), []
    for mode in modes:
        if mode:
            layer.training = mode == "train"
        out = layer.forward(x)
        answer = [np.array(out), np.array(layer.backward(dout))]
        runs.append([*answer, [str(part.dtype) for part in answer]])
    return [runs, x, dout]


def runs_of(answer, x, dout, count):
    """The runs of an answer of `dropout_runs`, each an output, a gradient and the dtypes; x and dout are untouched."""
    runs, *after = items(answer, 3)
    assert_same(after, [x, dout], **EXACT, hint="x and dout are the caller's: compute in new arrays")
    return [items(run, 3) for run in items(runs, count)]


def expect_dropped(out, x, rate):
    """The mask of an output: 0 where an entry of x was dropped, 1 / (1 - rate) elsewhere."""
    if not isinstance(out, np.ndarray) or out.shape != x.shape:
        raise wrong_type(f"an array of shape {x.shape}", out)
    kept = out != 0
    want = np.where(kept, x / (1 - rate), 0)
    hints = {
        "what is kept is divided by 1 - rate, so that the mean stays": np.where(kept, x, 0),
        "divide by the probability to be kept, 1 - rate, not by rate": np.where(kept, x / rate, 0),
        "divide by 1 - rate, do not multiply": np.where(kept, x * (1 - rate), 0),
    }
    assert_same(out, want, **CLOSE, hints=hints)
    return kept / (1 - rate)


def expect_share(kept, rate, slack):
    """Fail unless about as many entries were dropped as the rate says, each by itself: `kept` has shape (N, D)."""
    dropped = 1 - float(kept.mean())
    if abs(dropped - rate) > slack:
        hint = "rate is the share that is dropped, not the one that is kept" if abs(1 - dropped - rate) < slack else ""
        raise Failure("another share was dropped", want=f"about {rate:.2f}", got=f"{dropped:.3f}", hint=hint)
    for axis, what in ((0, "column"), (1, "row")):
        shares = kept.mean(axis=axis)
        if shares.std() > 0.35 * np.sqrt(rate * (1 - rate)):
            raise Failure(f"the entries of a {what} are dropped together", hint="one random number for each entry")


BIG = np.arange(1.0, 4001).reshape(80, 50)


@grade("dropout", weight=SEEN)
def test_dropout_drops_and_enlarges(observe):
    """A new Dropout(0.2) sets about a fifth of the entries to 0, each by itself, and divides the others by 0.8."""
    with call("Dropout(0.2, rng).forward(x), x of shape (80, 50)"):
        [[out, _, _]] = runs_of(observe(dropout_runs, 0.2, 0, BIG, BIG, [""]), BIG, BIG, 1)
        if isinstance(out, np.ndarray) and out.shape == BIG.shape and np.array_equal(out, BIG):
            raise Failure("nothing was dropped", hint="at the start `training` is True")
        expect_share(expect_dropped(out, BIG, 0.2) > 0, 0.2, 0.04)


@grade("dropout", weight=SEEN)
def test_dropout_does_nothing_in_evaluation(observe):
    """With training = False, x comes back as it is, and so does dout; back in training entries are dropped again."""
    with call("Dropout(0.5, rng), in evaluation and in training again"):
        answer = observe(dropout_runs, 0.5, 0, BIG, -BIG, ["train", "eval", "train"])
        first, second, third = runs_of(answer, BIG, -BIG, 3)
        for out, dx, _ in (first, third):
            assert_same(dx, -BIG * expect_dropped(out, BIG, 0.5), **CLOSE)
        hints = {
            "in evaluation nothing is scaled: what is kept in training is scaled instead": BIG * 0.5,
            "entries are dropped, although it is evaluation": lambda got: bool((got == 0).any()),
        }
        assert_same(second[0], BIG, **EXACT, hints=hints)
        hint = "backward is about the last forward, and that was in evaluation: dout as it is"
        assert_same(second[1], -BIG, **EXACT, hint=hint)


@grade("dropout", weight=SEEN)
def test_dropout_with_rate_0(observe):
    """Dropout(0, rng) gives x and dout as they are, in training too."""
    with call("Dropout(0.0, rng), in training"):
        [[out, dx, _]] = runs_of(observe(dropout_runs, 0.0, 0, BIG, -BIG, ["train"]), BIG, -BIG, 1)
        assert_same([out, dx], [BIG, -BIG], **EXACT)


@grade("dropout", weight=SEEN)
def test_dropout_backward_drops_the_same_entries(observe):
    """backward sets dout to 0 where x was dropped, and divides by 1 - rate elsewhere."""
    dout = BIG[::-1].copy()
    with call("Dropout(0.5, rng).backward(dout), after forward(x)"):
        [[out, dx, _]] = runs_of(observe(dropout_runs, 0.5, 0, BIG, dout, ["train"]), BIG, dout, 1)
        mask = expect_dropped(out, BIG, 0.5)
        hints = {
            "the entries that were kept counted 1 / (1 - rate) times": dout * (mask > 0),
            "dropped entries have no effect on the loss: their gradient is 0": lambda got: bool((got != 0).all()),
            "the same entries as in forward: keep its mask, do not draw again": lambda got: (
                not np.array_equal(got != 0, mask > 0)
            ),
        }
        assert_same(dx, dout * mask, **CLOSE, hints=hints)


def dropout_outputs(code, rate, x, seeds):
    """For each seed, the outputs of two forward passes of a layer."""
    answers = []
    for seed in seeds:
        layer = code.layers.Dropout(rate, np.random.default_rng(seed))
        answers.append([np.array(layer.forward(x)) for _ in range(2)])
    return answers


def expect_draws(got, x, rate):
    """Fail unless each pass has a draw of its own from the generator; `got` is for the seeds a, a and b."""
    first, again, other = [items(each, 2) for each in items(got, 3)]
    for out in (*first, *again, *other):
        expect_dropped(out, x, rate)
    if np.array_equal(first[0], first[1]):
        raise Failure("the second forward dropped the same entries", hint="each call of forward draws anew")
    assert_same(again, first, hint="the draw comes from `self.rng`")
    if np.array_equal(first[0], other[0]):
        raise Failure("another generator dropped the same entries", hint="the draw comes from `self.rng`")


@grade("dropout", weight=SEEN)
def test_dropout_draws_from_its_generator(observe):
    """Each forward draws anew; one seed drops the same entries again, another one others."""
    with call("Dropout(0.5, rng).forward(x), twice, for generators with the seeds 1, 1 and 2"):
        expect_draws(observe(dropout_outputs, 0.5, BIG, [1, 1, 2]), BIG, 0.5)


@grade("dropout", weight=SEEN)
def test_dropout_keeps_float32(observe):
    """A float32 x gives float32, in training and in evaluation, forward and back."""
    x, dout = BIG.astype(np.float32), -BIG.astype(np.float32)
    with call("Dropout(0.25, rng).forward(x) and .backward(dout), both float32"):
        runs = runs_of(observe(dropout_runs, 0.25, 0, x, dout, ["train", "eval"]), x, dout, 2)
        for out, dx, dtypes in runs:
            mask = expect_dropped(out, x, 0.25) if out is runs[0][0] else np.ones_like(x)
            assert_same(dx, dout * mask, **CLOSE)
            assert_same(dtypes, ["float32", "float32"], hint="a mask of float64 makes float64 of what it meets")


# The classifier


class Toy:
    """Layers that a classifier can be made of in the place of a student's, which are tasks of their own."""

    def __init__(self, *args, **kwargs):
        self.params, self.grads = {}, {}


class ToyAffine(Toy):
    def __init__(self, num_in, num_out, rng, init="he"):
        super().__init__()
        self.init = init
        self.params = {"weight": rng.normal(size=(num_in, num_out)), "bias": rng.normal(size=num_out)}


class ToyReLU(Toy):
    pass


class ToyLeakyReLU(Toy):
    pass


class ToyTanh(Toy):
    pass


class ToyDropout(Toy):
    def __init__(self, rate, rng):
        super().__init__()
        self.rate, self.rng, self.training = rate, rng, True


TOYS = {"Affine": ToyAffine, "ReLU": ToyReLU, "LeakyReLU": ToyLeakyReLU, "Tanh": ToyTanh, "Dropout": ToyDropout}
for _name, _toy in TOYS.items():
    # Some tell layers apart by the names of their classes.
    _toy.__name__ = _name
KINDS = {"Affine": "affine", "ReLU": "relu", "LeakyReLU": "leaky_relu", "Tanh": "tanh", "Dropout": "dropout"}
ACTIVATIONS = {"relu": ToyReLU, "leaky_relu": ToyLeakyReLU, "tanh": ToyTanh}


@contextlib.contextmanager
def toy_layers(code):
    """Inside, classifiers are built of toys."""
    module, toys = code.network, TOYS | {"ACTIVATIONS": ACTIVATIONS}
    own = {name: getattr(module, name) for name in toys if hasattr(module, name)}
    for name in own:
        setattr(module, name, toys[name])
    try:
        yield
    finally:
        for name, value in own.items():
            setattr(module, name, value)


def toy_classifier(code, sizes, activation, dropout, seed):
    settings = {"sizes": sizes, "activation": activation, "dropout": dropout, "seed": seed}
    classifier = code.network.Classifier(settings)
    if not isinstance(classifier.layers, list | tuple):
        got = kind_of(classifier.layers)
        raise OddAnswer(f"expected a list of layers, got {got}: is there a `return` in _build?")
    return classifier


def built(code, calls):
    """For each call, (sizes, activation, dropout, seed): the kinds of the layers, the shapes of the weights, the rates
    of dropout, how weights are initialised, how many objects there are, and the names of the parameters."""

    def parts(*settings):
        with toy_layers(code):
            classifier = toy_classifier(code, *settings)
            layers = classifier.layers
            kinds = [KINDS.get(type(layer).__name__, type(layer).__name__) for layer in layers]
            affine = [layer for layer in layers if isinstance(layer, ToyAffine)]
            rates = [layer.rate for layer in layers if isinstance(layer, ToyDropout)]
            return {
                "layers": kinds,
                "shapes": [list(layer.params["weight"].shape) for layer in affine],
                "rates": rates,
                "init": [layer.init for layer in affine],
                "objects": len({id(layer) for layer in layers}),
                "names": list(classifier.params),
            }

    return each_call(parts, calls)


def draws_of(code, sizes, dropout, seeds):
    """For each seed the weights of a classifier, and a number that each of its dropout layers draws."""
    answers = []
    with toy_layers(code):
        for seed in seeds:
            layers = toy_classifier(code, sizes, "relu", dropout, seed).layers
            weights = [layer.params["weight"] for layer in layers if isinstance(layer, ToyAffine)]
            drawn = [float(layer.rng.random()) for layer in layers if isinstance(layer, ToyDropout)]
            answers.append([weights, drawn])
    return answers


def modes_after(code, sizes, calls):
    """For each call, a list of "train" and "eval": whether each dropout layer is in training after these methods."""

    def modes(methods):
        with toy_layers(code):
            classifier = toy_classifier(code, sizes, "relu", 0.5, 0)
            for method in methods:
                getattr(classifier, method)()
            return [layer.training for layer in classifier.layers if isinstance(layer, ToyDropout)]

    return each_call(modes, {text: [methods] for text, methods in calls.items()})


BUILDS = {
    'Classifier({"sizes": [4, 3, 2], "activation": "relu", "dropout": 0.5, "seed": 0})': [[4, 3, 2], "relu", 0.5, 0],
    'Classifier({"sizes": [2, 3, 3, 2], "activation": "leaky_relu", "dropout": 0.0, "seed": 1})': [
        [2, 3, 3, 2],
        "leaky_relu",
        0.0,
        1,
    ],
    'Classifier({"sizes": [5, 2], "activation": "tanh", "dropout": 0.25, "seed": 2})': [[5, 2], "tanh", 0.25, 2],
}


def expect_built(got, sizes, activation, dropout):
    depth = len(sizes) - 1
    want = ["affine", activation, "dropout"] * (depth - 1) + ["affine"]
    hints = {
        "dropout stands behind the activation": ["affine", "dropout", activation] * (depth - 1) + ["affine"],
        "nothing stands behind the last layer: scores may be of any size": ["affine", activation, "dropout"] * depth,
        "there is a dropout layer even if its rate is 0": ["affine", activation] * (depth - 1) + ["affine"],
        "hparams say which activation": lambda got: len(got) == len(want) and got[0] == "affine",
    }
    assert_same(entry(got, "layers"), want, hints=hints)
    assert_same(entry(got, "shapes"), [list(pair) for pair in itertools.pairwise(sizes)])
    rates = [number(rate) for rate in items(entry(got, "rates"), depth - 1)]
    assert_same(rates, [dropout] * (depth - 1), hint='the rate is self.hparams["dropout"]')
    assert_same(entry(got, "init"), ["xavier" if activation == "tanh" else "he"] * depth, hint="pass init on to Affine")
    assert_same(entry(got, "objects"), len(want), hint="make new layers each time: each remembers its own x")
    names = [f"{3 * place}.{name}" for place in range(depth) for name in ("weight", "bias")]
    assert_same(entry(got, "names"), names)


@grade("classifier", weight=SEEN)
def test_classifier_has_the_layers_of_its_hparams(observe):
    """Affine, activation, dropout, again and again, and an affine layer at the end."""
    got = observe(built, BUILDS)
    for text, (sizes, activation, dropout, _) in BUILDS.items():
        with call(text):
            expect_built(entry(got, text), sizes, activation, dropout)


def expect_seeded(got, sizes, seeds):
    """Fail unless the seed decides weights and draws; `seeds` are a, a and b."""
    answers = [items(answer, 2) for answer in items(got, 3)]
    for seed, (weights, _) in zip(seeds, answers, strict=True):
        rng = np.random.default_rng(seed)
        # Each toy layer draws its weights, then its bias.
        want = [[rng.normal(size=pair), rng.normal(size=pair[1])][0] for pair in itertools.pairwise(sizes)]
        assert_same(weights, want, hint="pass `rng` on to each Affine, in order")
    first, again, other = [numbers(drawn, "a list of floats") for _, drawn in answers]
    assert_same(again, first, hint="pass `rng` on to each Dropout")
    if len({*first, *other}) != 2 * (len(sizes) - 2):
        raise Failure("two dropout layers draw the same numbers", hint="pass `rng` on to each Dropout")


@grade("classifier", weight=SEEN)
def test_one_generator_makes_weights_and_draws(observe):
    """The seed decides the weights and what dropout layers draw; no two layers draw the same."""
    sizes = [2, 3, 3, 2]
    with call('Classifier(...) of the sizes [2, 3, 3, 2], for "seed" 7, 7 and 8'):
        expect_seeded(observe(draws_of, sizes, 0.5, [7, 7, 8]), sizes, [7, 7, 8])


MODES = {
    "classifier.eval()": ["eval"],
    "classifier.eval(), then .train()": ["eval", "train"],
    "classifier.train(), then .eval()": ["train", "eval"],
}


@grade("classifier", weight=SEEN)
def test_train_and_eval_switch_all_dropout_layers(observe):
    """After eval() every dropout layer's `training` is False, after train() it is True."""
    want = {text: [methods[-1] == "train"] * 2 for text, methods in MODES.items()}
    hint = "all dropout layers in self.layers, and no other ones"
    assert_calls(observe(modes_after, [2, 3, 3, 2], MODES), want, hint=hint)


# L2


def penalties_of(code, calls):
    return each_call(code.regularisation.l2_penalty, calls)


def l2_gradients(code, grads, params, strength):
    """The new gradients, whether they are in a new dict, and gradients and parameters afterwards."""
    answer = code.regularisation.add_l2_gradients(grads, params, strength)
    return [dict(answer), answer is not grads, grads, params]


WEIGHTS = {"0.weight": array([1, -2], [3, 0]), "0.bias": array(10, 20), "3.weight": array([4], [1]), "3.bias": array(5)}
GRADS = {"0.weight": array([1, 1], [-1, 2]), "0.bias": array(3, 4), "3.weight": array([0.5], [0]), "3.bias": array(-1)}


@grade("l2", weight=SEEN)
def test_l2_penalty_by_hand(observe):
    """For weights 1, -2, 3, 0 and 4, 1 and strength 0.1 it is 0.05 (1 + 4 + 9 + 0 + 16 + 1) = 1.55; biases are free."""
    text = 'l2_penalty({"0.weight": [[1, -2], [3, 0]], "0.bias": [10, 20], "3.weight": [[4], [1]], "3.bias": [5]}, 0.1)'
    all_squares = sum(float((param**2).sum()) for param in WEIGHTS.values())
    hints = {
        "half of strength times the sum: divide by 2": 3.1,
        "biases cost nothing": 0.05 * all_squares,
        "biases cost nothing, and divide by 2": 0.1 * all_squares,
        "squares, not absolute values": lambda got: any(abs(got - x) < 1e-9 for x in (0.55, 1.1)),
        "the sum of the squares, not its root": 0.05 * float(np.sqrt(31)),
        "the sum over all weights, not the mean": lambda got: got < 1.5,
    }
    with call(text):
        got = entry(observe(penalties_of, {text: [WEIGHTS, 0.1]}), text)
        assert_same(number(got), 1.55, **CLOSE, hints=hints)


@grade("l2", weight=SEEN)
def test_l2_gradients_by_hand(observe):
    """To the gradient of each weight strength times the weight is added; gradients of biases stay as they are."""
    want = {name: grad + 0.1 * WEIGHTS[name] * name.endswith("weight") for name, grad in GRADS.items()}
    hints = {
        "the half cancels the 2 of the square: strength * weight": {
            name: grad + 0.2 * WEIGHTS[name] * name.endswith("weight") for name, grad in GRADS.items()
        },
        "biases have no penalty": {name: grad + 0.1 * WEIGHTS[name] for name, grad in GRADS.items()},
        "the gradients of the loss are part of it: add to them": {
            name: 0.1 * WEIGHTS[name] * name.endswith("weight") for name in GRADS
        },
    }
    with call("add_l2_gradients(grads, params, 0.1)"):
        got, new, grads, params = items(observe(l2_gradients, GRADS, WEIGHTS, 0.1), 4)
        assert_same(got, want, **CLOSE, hints=hints)
        assert_same([new, grads, params], [True, GRADS, WEIGHTS], **EXACT, hint="a new dict, and new arrays")


# AdamW


def sound_adam(self, name, param, grad):
    """A step of Adam that is right: that is a task of exercise 5."""
    self.steps[name] = self.steps.get(name, 0) + 1
    for kept, beta, value in ((self.first, self.beta1, grad), (self.second, self.beta2, grad * grad)):
        kept[name] = beta * kept.get(name, 0 * param) + (1 - beta) * value
    first = self.first[name] / (1 - self.beta1 ** self.steps[name])
    second = self.second[name] / (1 - self.beta2 ** self.steps[name])
    param -= self.learning_rate * first / (np.sqrt(second) + self.epsilon)


@contextlib.contextmanager
def sound_adam_in(code):
    """Inside, Adam itself is right."""
    adam = getattr(code.regularisation, "Adam", None)
    own = adam.__dict__.get("_update") if adam is not None else None
    if own is not None:
        adam._update = sound_adam
    try:
        yield
    finally:
        if own is not None:
            adam._update = own


def adamw_steps(code, options, params, steps):
    """After each step, a dict of gradients, the parameters; in the end Adam's means, and the gradients."""
    with sound_adam_in(code):
        optimizer = code.regularisation.AdamW(**options)
        states = []
        for grads in steps:
            for name, grad in grads.items():
                optimizer._update(name, params[name], grad)
            states.append({name: np.array(param) for name, param in params.items()})
        return [states, dict(optimizer.first), dict(optimizer.second), steps]


def adamw_by_hand(options, params, steps):
    """The parameters after each step, and the means in the end."""
    lr, decay = options["learning_rate"], options["weight_decay"]
    params, first, second, count, states = dict(params), {}, {}, {}, []
    for grads in steps:
        for name, grad in grads.items():
            t = count[name] = count.get(name, 0) + 1
            first[name] = 0.9 * first.get(name, 0 * grad) + 0.1 * grad
            second[name] = 0.999 * second.get(name, 0 * grad) + 0.001 * grad**2
            step = (first[name] / (1 - 0.9**t)) / (np.sqrt(second[name] / (1 - 0.999**t)) + 1e-8)
            shrunk = params[name] * (1 - lr * decay * name.endswith("weight"))
            params[name] = shrunk - lr * step
        states.append(dict(params))
    return states, first, second


@grade("adamw", weight=SEEN)
def test_first_step_of_adamw_by_hand(observe):
    """From 1 with gradient 100, learning rate 0.1, decay 0.5: a weight goes to 1 - 0.05 - 0.1 = 0.85, a bias to 0.9."""
    options = {"learning_rate": 0.1, "weight_decay": 0.5}
    params, grads = {"0.weight": array([1]), "0.bias": array(1)}, {"0.weight": array([100]), "0.bias": array(100)}
    hints = {
        "the weight does not shrink; a decay added to the gradient vanishes in Adam's division": array([0.9]),
        "the share is learning_rate * weight_decay": array([0.4]),
        "a weight grows: subtract the decay": array([0.95]),
        "first the weight shrinks, then Adam takes its step": array([0.855]),
        "Adam's step is missing": array([0.95]),
    }
    with call("AdamW(0.1, weight_decay=0.5)._update(name, param, grad), param 1, grad 100"):
        states, _, _, after = items(observe(adamw_steps, options, params, [grads]), 4)
        [state] = items(states, 1)
        assert_same(entry(state, "0.weight"), array([0.85]), **CLOSE, hints=hints)
        assert_same(entry(state, "0.bias"), array(0.9), **CLOSE, hints={"biases do not shrink": array(0.85)})
        assert_same(after, [grads], **EXACT, hint="grad stays as it is")


@grade("adamw", weight=SEEN)
def test_the_decay_stays_out_of_the_means(observe):
    """After three steps the weights are right, and Adam's running means have seen the gradients alone."""
    options = {"learning_rate": 0.1, "weight_decay": 0.5}
    params = {"3.weight": array([2, -1])}
    steps = [{"3.weight": array([1, -2])}, {"3.weight": array([-3, 0.5])}, {"3.weight": array([2, 2])}]
    states, first, second = adamw_by_hand(options, params, steps)
    with call('AdamW(0.1, weight_decay=0.5)._update("3.weight", ...), three times'):
        got = items(observe(adamw_steps, options, params, steps), 4)
        hint = "hand Adam the gradient as it came: the decay changes the weight, not the gradient"
        assert_same(got[1:3], [first, second], **CLOSE, hint=hint)
        assert_same(got[0], states, **CLOSE)


# Augmentation


def augmented(code, name, images, seed, arguments):
    """What two calls in a row give, whether the first is a new array, its dtype, and the images afterwards."""
    rng = np.random.default_rng(seed)
    function = getattr(code.augmentation, name)
    first = function(images, rng, *arguments)
    answer = [np.array(first), bool(np.shares_memory(first, images)), str(first.dtype)]
    return [answer, np.array(function(images, rng, *arguments)), images]


def pictures(count, height, width, seed, dtype=np.uint8):
    """Pictures of noise, no two pixels of a picture alike in all colours."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3)).astype(dtype)


def expect_new_pictures(got, images):
    """The pictures of two calls; fails where these are no arrays of the right form, or the images have changed."""
    answer, second, after = items(got, 3)
    first, shared, dtype = items(answer, 3)
    for out in (first, second):
        if not isinstance(out, np.ndarray) or out.shape != images.shape:
            raise wrong_type(f"an array of shape {images.shape}", out)
    assert_same(after, images, **EXACT, hint="the images are the caller's: change a copy")
    assert_same(dtype, str(images.dtype))
    if shared:
        raise Failure("expected a new array, got one that shares its numbers with images")
    return first, second


def flips_of(out, images):
    """For each picture whether it was mirrored; a `Failure` where it is neither the picture nor its mirror image."""
    flipped = []
    for number, (new, old) in enumerate(zip(out, images, strict=True)):
        same, mirrored = np.array_equal(new, old), np.array_equal(new, old[:, ::-1])
        if not same and not mirrored:
            known = {
                "this is upside down: left and right change places, axis 2 of images": old[::-1],
                "this reverses the colours: left and right change places, axis 2 of images": old[..., ::-1],
                "this turns the picture round: only left and right change places": old[::-1, ::-1],
            }
            hint = next((text for text, wrong in known.items() if np.array_equal(new, wrong)), "")
            raise Failure(f"picture {number} is neither the old one nor its mirror image", hint=hint)
        flipped.append(mirrored)
    return np.array(flipped)


def expect_flips(got, images, slack):
    first, second = (flips_of(out, images) for out in expect_new_pictures(got, images))
    share = float(first.mean())
    if share in (0.0, 1.0):
        raise Failure("all pictures had the same fate", hint="one draw for each picture")
    if abs(share - 0.5) > slack:
        raise Failure("another share was mirrored", want="about 0.50", got=f"{share:.2f}")
    if np.array_equal(first, second):
        raise Failure("the second call mirrored the same pictures", hint="each call draws anew from `rng`")


@grade("augmentation", weight=SEEN)
def test_half_of_the_pictures_are_mirrored(observe):
    """flip_images(images, rng) mirrors about half of 400 pictures, each by its own draw."""
    images = pictures(400, 3, 4, 0)
    with call("flip_images(images, rng), images of shape (400, 3, 4, 3)"):
        expect_flips(observe(augmented, "flip_images", images, 0, []), images, 0.1)


def moved_by(images, down, right, how="border"):
    """Pictures moved down and to the right. What comes in: the border repeated, 0 ("dark"), the other end ("round")."""
    moves = []
    for axis, distance in ((1, down), (2, right)):
        places = np.arange(images.shape[axis]) - distance
        inside = (places >= 0) & (places < images.shape[axis])
        images = np.take(images, places, axis, mode="wrap" if how == "round" else "clip")
        moves.append(inside)
    if how == "dark":
        images = images * (moves[0][:, None] & moves[1])[None, :, :, None]
    return images


def moves_in(out, images, reach, how="border"):
    """By place, the move (down, right) of each picture that is its old one, moved so."""
    moves = {}
    for move in itertools.product(range(-reach, reach + 1), repeat=2):
        alike = (out == moved_by(images, *move, how)).all(axis=(1, 2, 3))
        moves |= dict.fromkeys(np.flatnonzero(alike).tolist(), move)
    return moves


def moves_of(out, images, most):
    """How far each picture was moved, (down, right); a `Failure` where it is not the picture moved so far."""
    moves = moves_in(out, images, most)
    lost = [place for place in range(len(images)) if place not in moves]
    if lost:
        new, old, hint = out[lost[:1]], images[lost[:1]], ""
        if moves_in(new, old, most, "dark"):
            hint = "the pixels of the border are repeated, not 0"
        elif moves_in(new, old, most, "round"):
            hint = "what moves out is lost: it does not come back on the other side"
        elif moves_in(new, old, 2 * most + 1):
            hint = "at most `most` pixels in each direction"
        raise Failure(f"picture {lost[0]} is not the old one, moved by at most {most} pixels", hint=hint)
    return [moves[place] for place in range(len(images))]


def expect_shifts(got, images, most, slack):
    first, second = (moves_of(out, images, most) for out in expect_new_pictures(got, images))
    counts = {move: first.count(move) for move in itertools.product(range(-most, most + 1), repeat=2)}
    for axis, what in enumerate(("down", "to the right")):
        for distance in range(-most, most + 1):
            share = sum(count for move, count in counts.items() if move[axis] == distance) / len(images)
            if abs(share - 1 / (2 * most + 1)) > slack:
                want = f"a share of about {1 / (2 * most + 1):.2f}"
                hint = "the upper end of rng.integers is not drawn" if distance == most and not share else ""
                raise Failure(f"moved {distance} pixels {what}", want=want, got=f"{share:.2f}", hint=hint)
    if missing := [move for move, count in counts.items() if not count]:
        hint = "two draws for each picture"
        raise Failure(f"no picture of {len(images)} was moved by {missing[0]} (down, right)", hint=hint)
    if first == second:
        raise Failure("the second call moved all pictures as the first one did", hint="each call draws anew from `rng`")


@grade("augmentation", weight=SEEN)
def test_pictures_are_shifted_each_by_itself(observe):
    """shift_images(images, rng, 1) moves each of 300 pictures by -1, 0 or 1 pixels down, and to the right."""
    images = pictures(300, 4, 5, 1)
    with call("shift_images(images, rng, 1), images of shape (300, 4, 5, 3)"):
        expect_shifts(observe(augmented, "shift_images", images, 0, [1]), images, 1, 0.12)


@grade("augmentation", weight=SEEN)
def test_no_shift_with_most_0(observe):
    """shift_images(images, rng, 0) gives the pictures as they are, in a new array; float pictures stay floats."""
    images = pictures(5, 4, 5, 2, np.float32)
    with call("shift_images(images, rng, 0)"):
        first, second = expect_new_pictures(observe(augmented, "shift_images", images, 0, [0]), images)
        assert_same([first, second], [images, images], **EXACT)


# The bug hunt


@contextlib.contextmanager
def sound_l2(code):
    """Inside, the trainer adds a penalty that is right: that is a task of its own."""
    parts = {
        "l2_penalty": lambda params, strength: strength / 2 * float(np.square(params["0.weight"]).sum()),
        "add_l2_gradients": lambda grads, params, strength: (
            grads | {"0.weight": grads["0.weight"] + strength * params["0.weight"]}
        ),
    }
    own = {name: getattr(code.training, name) for name in parts if hasattr(code.training, name)}
    for name in own:
        setattr(code.training, name, parts[name])
    try:
        yield
    finally:
        for name, value in own.items():
            setattr(code.training, name, value)


class Script:
    """A model, its loss and its optimizer in one, for the trainer: all that happens is written down in `log`.

    Measured on the validation pictures, it is right for a part of them that a script says, one entry an epoch; with
    `modes` only in evaluation mode, and for none in training mode. Each step adds 1 to the parameters, in place.
    """

    def __init__(self, script, labels, modes):
        self.script, self.labels, self.modes, self.training = list(script), labels, modes, True
        self.params = {"0.weight": np.array([[0.5, -1.0]]), "0.bias": np.array([0.25])}
        self.learning_rate = 2.0
        self.log = []

    def train(self):
        self.training = True

    def eval(self):
        self.training = False

    def forward(self, first, second=None):
        """As a model the scores (N, 3) for pictures; as a loss the mean of the scores, for scores and labels."""
        if second is not None:
            self.log.append(["loss", "", np.array(second)])
            return float(first.mean())
        # No batch of these tests has as many pictures as there are for validation.
        kind = "measure" if len(first) == len(self.labels) else "batch"
        count = sum(entry[0] == "measure" for entry in self.log)
        self.log.append([kind, "train" if self.training else "eval", np.array(first)])
        scores = np.zeros((len(first), 3))
        if kind == "batch" or (self.modes and self.training) or count >= len(self.script):
            scores[:, 2] = 0.75
            return scores
        right = np.arange(len(first)) < round(self.script[count] * len(first))
        scores[np.arange(len(first)), np.where(right, self.labels, 1 - self.labels)] = 3.0
        return scores

    def backward(self, first, second=None):
        """As a loss the labels as columns, for scores and labels; as a model gradients, one of them the mean label."""
        if second is not None:
            return np.repeat(second[:, None], first.shape[1], axis=1)
        return {"0.weight": np.array([[4.0, 2.0]]), "0.bias": np.array([first.mean()])}

    def step(self, params, grads):
        grads = {name: np.array(grad) for name, grad in grads.items()}
        self.log.append(["step", "", [float(self.learning_rate), grads]])
        for param in params.values():
            param += 1


def brighter(images, rng):
    """An augmentation: each picture by a number of its own, which stays apart from that of other pictures."""
    return images + rng.integers(1, 5, (len(images), 1, 1, 1)).astype(np.uint8)


def halving(share):
    return 1 - share / 2


def training_run(code, script, train_data, val_data, options, num_epochs, extras=(), modes=False):
    """What a trainer does with a scripted model: the log, the history, the parameters in the end, and the rate."""
    model = Script(script, val_data[1], modes)
    extra = {"augment": brighter, "schedule": halving}
    with sound_l2(code):
        trainer = code.training.Trainer(
            model, model, model, train_data, val_data, **options, **{name: extra[name] for name in extras}
        )
        history = trainer.train(num_epochs)
    noted = [history.train_loss, history.val_loss, history.val_score]
    return {
        "log": model.log,
        "history": [[float(value) for value in values] for values in noted],
        "best": [int(history.best_epoch), float(trainer.best_score), history.stopped],
        "params": dict(model.params),
        "rate": float(model.learning_rate),
    }


def numbered(count, first=0):
    """Pictures (N, 2, 1, 3) that say in each pixel which one they are, 10 apart, with labels 0 and 1."""
    images = np.repeat(np.arange(count) * 10 + first, 6).reshape(count, 2, 1, 3).astype(np.uint8)
    return images, (np.arange(count) * 7 // 3 % 2).astype(np.int64)


def pixels(rows):
    """The numbers of the pixels that were prepared."""
    return np.rint((rows * 0.25 + 0.5) * 255).astype(int)


def batches_of(log):
    """The numbers of the pictures and the labels of each batch in training."""
    batches = []
    for (kind, _, value), (after, _, labels) in itertools.pairwise(log):
        if kind == "batch" and after == "loss":
            if not isinstance(value, np.ndarray) or value.ndim != 2 or value.shape[1] != 6:
                raise Failure("expected rows of 6 numbers for the model, a row for each picture")
            batches.append((pixels(value), labels))
    return batches


def expect_pairs(got, train_data, num_epochs, batch_size, augmented):
    """Fail unless each epoch shows each picture once, with its own label; `augmented` ones are 1 to 4 brighter."""
    images, labels = train_data
    batches = batches_of(entry(got, "log"))
    sizes = [min(batch_size, len(images) - start) for start in range(0, len(images), batch_size)]
    if [len(rows) for rows, _ in batches] != sizes * num_epochs:
        raise Failure(f"expected batches of {sizes} pictures in each of {num_epochs} epochs")
    orders = []
    for epoch in range(num_epochs):
        own = batches[epoch * len(sizes) : (epoch + 1) * len(sizes)]
        rows, targets = (np.concatenate([batch[part] for batch in own]) for part in (0, 1))
        which, extra = rows[:, 0] // 10, rows[:, 0] % 10
        if not (rows == rows[:, :1]).all() or sorted(which) != list(range(len(images))):
            raise Failure("an epoch does not show each picture once")
        assert_same(targets, labels[which], hint="is each picture still beside its own label?")
        if augmented != bool(extra.all()) or augmented != bool(extra.any()):
            raise Failure("pictures are not augmented" if augmented else "pictures are augmented, nobody asked for it")
        orders.append(which.tolist())
    if num_epochs > 1 and orders[0] == orders[1]:
        raise Failure("two epochs have one order", hint="shuffle anew in each epoch")
    changes = {tuple(rows[:, 0] % 10) for rows, _ in batches if len(rows) == sizes[0]}
    if augmented and num_epochs > 1 and len(changes) == 1:
        raise Failure("all batches are changed in the same way", hint="draw anew for each batch")


def expect_measured(got, script, val_data):
    """Fail unless each epoch ends with a measurement of all validation pictures, in evaluation mode."""
    runs = [[kind, mode, value] for kind, mode, value in entry(got, "log") if kind in ("batch", "measure")]
    measured = [(mode, value) for kind, mode, value in runs if kind == "measure"]
    if [mode for mode, _ in measured] != ["eval"] * len(script):
        hint = "which mode is the model in while it is measured?"
        raise Failure(f"expected {len(script)} measurements, all of them in evaluation mode", hint=hint)
    for _, rows in measured:
        assert_same(pixels(rows), val_data[0].reshape(len(rows), -1).astype(int))
    _, val_loss, val_score = items(entry(got, "history"), 3)
    assert_same(val_score, list(script), **CLOSE)
    assert_same(val_loss, [1.0] * len(script), **CLOSE)
    # The next epoch is training again.
    if any(mode != "train" for kind, mode, _ in runs if kind == "batch"):
        raise Failure("expected the model in training mode for each batch", hint="an epoch begins with model.train()")


def expect_best(got, script, patience, steps=1):
    """Fail unless the parameters of the best epoch came back, and training stopped in time."""
    best, epochs = 0, 0
    for score in script:
        epochs += 1
        if best == 0 or score > script[best - 1]:
            best = epochs
        if patience is not None and epochs - best >= patience:
            break
    reason = "all epochs done"
    if patience is not None and epochs - best >= patience:
        reason = f"no better validation accuracy in {patience} epochs"
    assert_same([len(values) for values in items(entry(got, "history"), 3)], [epochs] * 3)
    assert_same(entry(got, "best"), [best, script[best - 1], reason])
    want = {"0.weight": array([0.5, -1]) + steps * best, "0.bias": array(0.25) + steps * best}
    last = {name: value + steps * (epochs - best) for name, value in want.items()}
    hints = {"the values of the best epoch: later steps change the arrays themselves": last}
    assert_same(entry(got, "params"), want, **EXACT, hints=hints)


PICTURES, VAL_PICTURES = numbered(12), numbered(8, 3)


@grade("hunt", weight=SEEN)
def test_pictures_keep_their_labels(observe):
    """In each epoch the model sees each picture once, augmented anew, with the picture's own label."""
    with call("Trainer(model, ..., batch_size=5, augment=brighter).train(3)"):
        inputs = [0.5, 0.5, 0.5], PICTURES, VAL_PICTURES, {"batch_size": 5}, 3, ["augment"]
        expect_pairs(observe(training_run, *inputs), PICTURES, 3, 5, True)


@grade("hunt", weight=SEEN)
def test_validation_is_in_evaluation_mode(observe):
    """After each epoch the model is measured in evaluation mode, on the pictures as they are; then it trains on."""
    script = [0.5, 0.75, 0.25]
    with call("Trainer(model, ...).train(3)"):
        expect_measured(observe(training_run, script, PICTURES, VAL_PICTURES, {}, 3, [], True), script, VAL_PICTURES)


@grade("hunt", weight=SEEN)
def test_the_best_parameters_come_back(observe):
    """After the training the model has the values that its parameters had in the first epoch with the best accuracy."""
    script = [0.25, 0.75, 0.5, 0.75, 0.25, 0.25]
    with call("the parameters after Trainer(model, ..., patience=3).train(6), the best accuracy in epoch 2"):
        got = observe(training_run, script, PICTURES, VAL_PICTURES, {"patience": 3}, 6)
        expect_best(got, script, 3)


# The trained classifier


@grade("classifier_score", weight=0, step="beats a linear model")
def test_the_classifier_beats_a_linear_model(evaluation, model_info):
    """The saved classifier is within the limits and beats a linear model on the validation set."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats a linear model")


@grade("classifier_score", weight=0, step="beats a small network")
def test_the_classifier_beats_a_small_network(evaluation, model_info):
    """On the validation set it beats a small network that was trained without any tool against overfitting."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats a small network")


@grade("classifier_score", weight=0, step="passes")
def test_the_classifier_passes(evaluation, model_info):
    """On the validation set it reaches the accuracy that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
