"""The tests that `check` runs in the notebooks of exercise 5."""

import contextlib
import itertools
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


def warnings_of(function, *arguments):
    """What a call returns, and the texts of numpy's warnings on the way."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        answer = function(*arguments)
    return [answer, [str(warning.message) for warning in seen]]


def without_warnings(got):
    answer, seen = items(got, 2)
    if seen != []:
        raise Failure("numpy warns on the way", got=str(seen)[:100], hint="no exponential of a large positive number")
    return answer


def error_of(function, *arguments):
    """The name of the exception that a call raises, "no error" where it raises none."""
    try:
        function(*arguments)
    except NotImplementedError:
        raise
    except Exception as error:  # noqa: BLE001 - any other one is an answer, too
        return type(error).__name__
    return "no error"


# Examples

FORM = {"of": ("x", "weight", "bias"), "x": list, "weight": list, "dout": list, "gradient": list}


def examples_of(code):
    return code.examples.affine_examples()


@grade("affine_examples", weight=0)
def test_examples_have_the_right_form(observe):
    """affine_examples() gives a list of dicts with "of", "x", "weight", "dout" and "gradient"."""
    with call("affine_examples()"):
        expect_examples(observe(examples_of), FORM)


@grade("affine_examples", weight=0)
def test_shapes_of_the_examples_fit(observe):
    """In each example x is (N, D), weight (D, K) and dout (N, K); the gradient has the shape of what it is for."""
    with call("affine_examples()"):
        for i, example in enumerate(expect_examples(observe(examples_of), FORM)):
            x, weight, dout, gradient = (np.shape(example[key]) for key in ("x", "weight", "dout", "gradient"))
            for key, shape in (("x", x), ("weight", weight), ("dout", dout)):
                if len(shape) != 2:
                    hint = "a list of rows, also where there is one row: [[1.0, 2.0]]"
                    raise Failure(f"example {i}, {key!r}: expected rows", got=repr(example[key])[:60], hint=hint)
            if x[1] != weight[0] or dout != (x[0], weight[1]):
                shapes = f"x {x}, weight {weight}, dout {dout}"
                raise Failure(f"example {i}: expected x (N, D), weight (D, K), dout (N, K)", got=shapes)
            want = {"x": x, "weight": weight, "bias": weight[1:]}[example["of"]]
            if gradient != want:
                raise Failure(
                    f"example {i}: expected a gradient of shape {want}, that of {example['of']}, got {gradient}"
                )


@grade("affine_examples", weight=0)
def test_there_are_examples_of_each_gradient(observe):
    """There is an example of the gradient for "x", one for "weight" and one for "bias"."""
    with call("affine_examples()"):
        have = {example["of"] for example in expect_examples(observe(examples_of), FORM)}
        if missing := sorted({"x", "weight", "bias"} - have):
            raise Failure(f"no example of the gradient for {' and for '.join(missing)}")


# Gradient check


def gradient_of_squares(code, x, dout, h):
    return code.gradient_check.numeric_gradient(np.square, x, dout, h)


def gradient_of_a_product(code, weight, x, dout, h):
    return code.gradient_check.numeric_gradient(lambda x: x @ weight, x, dout, h)


def gradient_by_the_array(code, x, dout, h):
    """The gradient of a function that looks at the array x, whatever it is called with."""
    return code.gradient_check.numeric_gradient(lambda _: x**2, x, dout, h)


def array_after_gradient(code, x, dout, h):
    return [gradient_of_squares(code, x, dout, h), x]


def relative_error(code, a, b):
    return code.gradient_check.relative_error(a, b)


def arrays_after_error(code, a, b):
    return [code.gradient_check.relative_error(a, b), a, b]


def relative_error_and_warnings(code, a, b):
    return warnings_of(code.gradient_check.relative_error, a, b)


@grade("gradient_check", weight=SEEN)
def test_numeric_gradient_of_squares(observe):
    """Of x^2 at (3, -1), with dout = (1, 10), it is (6, -20); with h = 0.5 a difference to one side is far off."""
    hints = {
        "dout is missing: it says how much each entry of f(x) counts": array(6, -2),
        "this is the difference to one side: use f(x + h) and f(x - h)": array(6.5, -15),
        "the two sides are 2 h apart: divide by 2 h": array(12, -40),
        "divide by 2 h: / 2 * h divides by 2, then multiplies": array(1.5, -5),
        "f(x + h) comes first, minus f(x - h)": array(-6, 20),
        "move one entry at a time, not the whole array": array(-14, -14),
    }
    with call("numeric_gradient(np.square, [3, -1], dout=[1, 10], h=0.5)"):
        got = observe(gradient_of_squares, array(3, -1), array(1, 10), 0.5)
        assert_same(got, array(6, -20), **CLOSE, hints=hints)


@grade("gradient_check", weight=SEEN)
def test_numeric_gradient_sums_over_the_outputs(observe):
    """f(x) may have another shape than x: of x @ weight, (2, 3) to (2, 1), it is dout @ weight.T."""
    weight, dout = array([1], [-2], [3]), array([2], [-1])
    text = "numeric_gradient(lambda x: x @ weight, x, dout, h=0.1), x of shape (2, 3), dout of shape (2, 1)"
    with call(text):
        got = observe(gradient_of_a_product, weight, np.ones((2, 3)), dout, 0.1)
        assert_same(got, dout @ weight.T, **CLOSE, hint="sum over all entries of dout * (above - below)")


@grade("gradient_check", weight=SEEN)
def test_numeric_gradient_moves_x_itself(observe):
    """A function that looks at the array x, like a layer at its weights, sees how its entries move."""
    hint = "no copy of x is moved, but x itself: the layer looks at its own array"
    with call("numeric_gradient(lambda _: x**2, x, dout=[1, 10], h=0.5), x = [3, -1]"):
        got = observe(gradient_by_the_array, array(3, -1), array(1, 10), 0.5)
        assert_same(got, array(6, -20), **CLOSE, hints={hint: array(0, 0)})


@grade("gradient_check", weight=SEEN)
def test_numeric_gradient_leaves_x_as_it_was(observe):
    """Afterwards x has exactly its old values."""
    x, dout = array(0.1, 0.7, -0.2), array(1, 1, 1)
    with call("x after numeric_gradient(np.square, x, dout, h=0.3), x = [0.1, 0.7, -0.2]"):
        gradient, after = items(observe(array_after_gradient, x, dout, 0.3), 2)
        assert_same(gradient, 2 * x, **CLOSE)
        hint = "keep the old value, and put it back: adding and subtracting h leaves a rounding error"
        assert_same(after, x, **EXACT, hint=hint)


A4, B4 = array(1, 2, -3, 4), array(1, 2.2, -1, 4)


@grade("gradient_check", weight=SEEN)
def test_relative_error_by_hand(observe):
    """Of (1, 2, -3, 4) and (1, 2.2, -1, 4) the third pair is furthest apart: 2 / (3 + 1) = 0.5."""
    parts = np.abs(A4 - B4) / (np.abs(A4) + np.abs(B4))
    hints = {
        "the largest one, not the mean": float(parts.mean()),
        "expected one number, the largest one": lambda got: isinstance(got, np.ndarray),
        "divide by the sum |a| + |b|": lambda got: any(abs(got - x) < 1e-6 for x in (2, 2 / 3, 1, 0.05)),
        "the largest distance over the largest sum is something else: divide first": 2 / 8,
        "distances have no sign: np.abs(a - b)": lambda got: got < 0.1,
    }
    with call("relative_error([1, 2, -3, 4], [1, 2.2, -1, 4])"):
        assert_same(number(observe(relative_error, A4, B4)), 0.5, **CLOSE, hints=hints)


@grade("gradient_check", weight=SEEN)
def test_relative_error_of_opposite_signs(observe):
    """Of 2 and -2 the relative error is 1."""
    hint = "divide by |a| + |b|, not by |a + b|"
    with call("relative_error([2, 1], [-2, 1])"):
        assert_same(number(observe(relative_error, array(2, 1), array(-2, 1))), 1.0, **CLOSE, hint=hint)


@grade("gradient_check", weight=SEEN)
def test_relative_error_of_zeros(observe):
    """Two zeros are equal: their error is 0, without a warning."""
    with call("relative_error([[0, 3]], [[0, 1]])"):
        got = items(observe(relative_error_and_warnings, array([0, 3]), array([0, 1])), 2)
        if got[1] != []:
            hint = "np.maximum(..., 1e-12) keeps the divisor away from 0"
            raise Failure("numpy warns on the way", got=str(got[1])[:100], hint=hint)
        assert_same(number(got[0]), 0.5, **CLOSE)


@grade("gradient_check", weight=SEEN)
def test_relative_error_keeps_its_inputs(observe):
    """The two arrays stay as they are."""
    with call("the arrays after relative_error([1, 2, -3, 4], [1, 2.2, -1, 4])"):
        error, *after = items(observe(arrays_after_error, A4, B4), 3)
        assert_same(number(error), 0.5, **CLOSE)
        assert_same(after, [A4, B4], **EXACT, hint="compute in new arrays")


# Layers


def sound_sigmoid(z):
    """Right for numbers that are not large."""
    return 1 / (1 + np.exp(-z))


def layer_with(code, kind, params):
    """A layer of a student's with these parameters, if it has any."""
    if kind != "Affine":
        return getattr(code.layers, kind)()
    layer = code.layers.Affine(*params["weight"].shape, np.random.default_rng(0), 0.1)
    for name in params:
        layer.params[name][...] = params[name]
    return layer


@contextlib.contextmanager
def sound_parts(code):
    """Inside, the layers compute with a sound sigmoid: that is a task of exercise 4."""
    own = getattr(code.layers, "sigmoid", None)
    if own is not None:
        code.layers.sigmoid = sound_sigmoid
    try:
        yield
    finally:
        if own is not None:
            code.layers.sigmoid = own


def forward(code, kind, params, x):
    """The output of a layer, and x afterwards."""
    with sound_parts(code):
        return [layer_with(code, kind, params).forward(x), x]


def backward(code, kind, params, xs, dout):
    """After a forward pass of each x: the gradients for x and the parameters; parameters and inputs afterwards."""
    with sound_parts(code):
        layer = layer_with(code, kind, params)
        for x in xs:
            layer.forward(x)
        dx = layer.backward(dout)
        return [dx, dict(layer.grads), [dict(layer.params), xs, dout]]


def backward_twice(code, kind, params, x, dout):
    """The gradients of two calls after one forward pass, and parameters and inputs afterwards."""
    with sound_parts(code):
        layer = layer_with(code, kind, params)
        layer.forward(x)
        answers = []
        for _ in range(2):
            dx = np.array(layer.backward(dout))
            answers.append([dx, {name: np.array(grad) for name, grad in layer.grads.items()}])
        return [*answers, [dict(layer.params), x, dout]]


def both_ways(code, calls):
    """For each call, (kind of layer, "forward" or "backward", inputs of forward, dout): the answer, and the inputs."""

    def answer(kind, way, xs, dout):
        with sound_parts(code):
            layer = layer_with(code, kind, {})
            for x in xs:
                out = layer.forward(x)
            return [out if way == "forward" else layer.backward(dout), xs, dout]

    return each_call(answer, calls)


def turns_of_each(code, calls):
    """For each call, (kind, inputs, douts): the gradients of two layers that run forward in turns, then backward."""

    def answer(kind, xs, douts):
        with sound_parts(code):
            layers = [layer_with(code, kind, {}) for _ in xs]
            for layer, x in zip(layers, xs, strict=True):
                layer.forward(x)
            return [layer.backward(dout) for layer, dout in zip(layers, douts, strict=True)]

    return each_call(answer, calls)


X3 = array([1, 2], [0, -1], [3, 1])
PARAMS = {"weight": array([1, 2, 0.5], [-1, 4, 2]), "bias": array(0.5, -1, 3)}
DOUT3 = array([2, 0, 1], [1, 3, 0], [-1, 1, 2])
DX3 = array([2.5, 0], [7, 11], [2, 9])
GRADS = {"weight": array([-1, 3, 7], [2, -2, 4]), "bias": array(2, 4, 3)}
LAST_FORWARD = "backward is about the last call of forward: keep its x in self"
NO_MEAN = "sum over the samples, do not average: dout has the mean's 1/N in it already"


def expect_grads(got, want, hints=None):
    for name in ("weight", "bias"):
        assert_same(entry(got, name), want[name], **CLOSE, hints=(hints or {}).get(name))
    assert_same(sorted(got), ["bias", "weight"])


@grade("affine", weight=SEEN)
def test_affine_forward_is_x_weight_plus_bias(observe):
    """forward gives x @ weight + bias, here an array of shape (3, 3)."""
    product = X3 @ PARAMS["weight"]
    hints = {
        "the bias is missing": product,
        "each column has its own bias: the bias is added as a row": product + PARAMS["bias"][:, None],
    }
    with call("Affine(2, 3, ...).forward(x)"):
        got, after = items(observe(forward, "Affine", PARAMS, X3), 2)
        assert_same(got, product + PARAMS["bias"], **CLOSE, hints=hints)
        assert_same(after, X3, **EXACT, hint="x is the caller's array: it stays as it is")


@grade("affine", weight=SEEN)
def test_affine_backward_returns_the_gradient_of_x(observe):
    """backward(dout) returns dout @ weight.T, in the shape of x."""
    hints = {
        "the gradient for x is dout @ weight.T; x has nothing to do with it": lambda got: got.shape == (3, 2),
        "return the gradient for x; those of the parameters go into self.grads": lambda got: isinstance(got, dict),
    }
    with call("Affine(2, 3, ...).backward(dout), after forward(x)"):
        assert_same(items(observe(backward, "Affine", PARAMS, [X3], DOUT3), 3)[0], DX3, **CLOSE, hints=hints)


@grade("affine", weight=SEEN)
def test_affine_backward_keeps_the_gradients_of_the_parameters(observe):
    """After backward(dout) self.grads has "weight", x.T @ dout, and "bias", the sum of dout over the samples."""
    hints = {
        "weight": {NO_MEAN: GRADS["weight"] / 3, "x.T @ dout has the shape of the weights": GRADS["weight"].T},
        "bias": {
            NO_MEAN: GRADS["bias"] / 3,
            "sum over the samples, axis 0": DOUT3.sum(axis=1),
            "the bias has the shape (K,): sum without keepdims": GRADS["bias"][None],
            "there is one sum for each output: axis=0": lambda got: np.ndim(got) == 0,
        },
    }
    with call("layer.grads after Affine(2, 3, ...).backward(dout)"):
        expect_grads(items(observe(backward, "Affine", PARAMS, [X3], DOUT3), 3)[1], GRADS, hints)


@grade("affine", weight=SEEN)
def test_affine_backward_belongs_to_the_last_forward(observe):
    """After forward(A) and forward(B) backward is about B, and B may have another number of samples."""
    with call("Affine(2, 3, ...).backward(dout), after forward(x) and forward(one sample)"):
        dx, grads, _ = items(observe(backward, "Affine", PARAMS, [X3, array([2, 5])], array([1, 0, -1])), 3)
        assert_same(dx, array([0.5, -3]), **CLOSE)
        want = {"weight": array([2, 0, -2], [5, 0, -5]), "bias": array(1, 0, -1)}
        expect_grads(grads, want, {"weight": {LAST_FORWARD: lambda _: True}})


@grade("affine", weight=SEEN)
def test_affine_backward_changes_nothing_else(observe):
    """backward leaves parameters, x and dout as they are; a second call gives the same gradients, not their sums."""
    with call("Affine(2, 3, ...).backward(dout), twice"):
        first, second, after = items(observe(backward_twice, "Affine", PARAMS, X3, DOUT3), 3)
        assert_same(items(first, 2)[0], DX3, **CLOSE)
        expect_grads(first[1], GRADS)
        assert_same(second, first, hint="self.grads gets new gradients: old ones are not added to")
        assert_same(after, [PARAMS, X3, DOUT3], **EXACT, hint="only the optimizer changes parameters")


X5 = array([-2, 0.5], [0, 3], [1, -0.25])
DOUT5 = array([10, -1], [2, 4], [-3, 5])


SLOPES = {
    "ReLU": lambda x: x > 0,
    "Sigmoid": lambda x: sound_sigmoid(x) * (1 - sound_sigmoid(x)),
    "Tanh": lambda x: 1 - np.tanh(x) ** 2,
}


def expect_activation(observe, kind, value, forward_hints, backward_hints):
    """Both ways of an activation on X5."""
    slope = SLOPES[kind](X5).astype(float)
    there, back = f"{kind}().forward(x)", f"{kind}().backward(dout), after forward(x)"
    got = observe(both_ways, {there: [kind, "forward", [X5], DOUT5], back: [kind, "backward", [X5], DOUT5]})
    hints = {"dout is missing": slope, "the slope is missing": DOUT5, "the slope counts once": DOUT5 * slope**2}
    for text, want, known in ((there, value, forward_hints), (back, DOUT5 * slope, backward_hints | hints)):
        with call(text):
            answer, *after = items(entry(got, text), 3)
            assert_same(answer, want, **CLOSE, hints=known)
            assert_same(after, [[X5], DOUT5], **EXACT, hint="x and dout are the caller's: compute in new arrays")


@grade("activations", weight=SEEN)
def test_relu_cuts_off_below_zero(observe):
    """ReLU turns negative entries into 0; backward lets dout through where x was larger than 0, and nowhere else."""
    expect_activation(
        observe,
        "ReLU",
        np.maximum(X5, 0),
        {"negative entries become 0, not positive": np.abs(X5), "this is the mask": (X5 > 0).astype(float)},
        {
            "where x was 0 the gradient is 0: x > 0": DOUT5 * (X5 >= 0),
            "the sign of x decides, not that of dout": np.maximum(DOUT5, 0),
        },
    )


@grade("activations", weight=SEEN)
def test_sigmoid_and_its_slope(observe):
    """Sigmoid gives 1 / (1 + exp(-x)); its slope is s (1 - s)."""
    s = sound_sigmoid(X5)
    expect_activation(
        observe,
        "Sigmoid",
        s,
        {"the exponent is -x": 1 - s},
        {
            "s is the sigmoid of x, not x": DOUT5 * X5 * (1 - X5),
            "the slope is s (1 - s), not s": DOUT5 * s,
            "the slope is s (1 - s), not 1 - s": DOUT5 * (1 - s),
            "this is the slope at s: the sigmoid is taken twice": DOUT5 * SLOPES["Sigmoid"](s),
        },
    )


@grade("activations", weight=SEEN)
def test_tanh_and_its_slope(observe):
    """Tanh gives np.tanh(x); its slope is 1 - t^2."""
    t = np.tanh(X5)
    expect_activation(
        observe,
        "Tanh",
        t,
        {"this is the sigmoid": sound_sigmoid(X5)},
        {
            "t is the tangent of x, not x": DOUT5 * (1 - X5**2),
            "the slope is 1 - t^2, not 1 - t": DOUT5 * (1 - t),
            "t (1 - t) is the slope of the sigmoid": DOUT5 * t * (1 - t),
            "this is the slope at t: the tangent is taken twice": DOUT5 * SLOPES["Tanh"](t),
        },
    )


@grade("activations", weight=SEEN)
def test_activations_remember_the_last_forward(observe):
    """After forward(A) and forward(B) backward is about B, and B may have another shape."""
    x, dout = array([0.5, -1, 2]), array([1, 2, -4])
    texts = {kind: f"{kind}().backward(dout), after forward(A) and forward(B)" for kind in SLOPES}
    got = observe(both_ways, {text: [kind, "backward", [X5, x], dout] for kind, text in texts.items()})
    for kind, text in texts.items():
        with call(text):
            assert_same(items(entry(got, text), 3)[0], dout * SLOPES[kind](x), **CLOSE)


@grade("activations", weight=SEEN)
def test_two_layers_of_a_kind_keep_apart(observe):
    """Two ReLUs (sigmoids, tangents) in one network remember each its own x."""
    xs, douts = [array([1, -2]), array([-0.5, 0.75])], [array([3, 4]), array([5, -6])]
    texts = {kind: f"a.backward(dout), after a.forward(x) and b.forward(y); both are {kind}()" for kind in SLOPES}
    want = {text: [dout * SLOPES[kind](x) for x, dout in zip(xs, douts, strict=True)] for kind, text in texts.items()}
    got = observe(turns_of_each, {text: [kind, xs, douts] for kind, text in texts.items()})
    assert_calls(got, want, **CLOSE, hint="what a layer remembers belongs into self")


# The network


class Toy:
    """Layers that a network can be made of in the place of a student's, which are tasks of their own."""

    def __init__(self):
        self.params, self.grads = {}, {}


class ToyAffine(Toy):
    """Weighs the sum of a sample's numbers: sum(x) * (sum of a column of the weights) + bias."""

    def __init__(self, num_in, num_out, rng, init="he"):
        super().__init__()
        self.init = init
        self.params = {"weight": rng.normal(size=(num_in, num_out)), "bias": rng.normal(size=num_out)}

    def forward(self, x):
        self.sums = x.sum(axis=1)
        return np.outer(self.sums, self.params["weight"].sum(axis=0)) + self.params["bias"]

    def backward(self, dout):
        rows = len(self.params["weight"])
        self.grads = {"weight": np.tile(self.sums @ dout, (rows, 1)), "bias": np.ones(len(dout)) @ dout}
        return np.repeat(dout @ self.params["weight"].sum(axis=0), rows).reshape(-1, rows)


class ToySquare(Toy):
    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dout):
        return dout * 2 * self.x


class ToyCosine(Toy):
    def forward(self, x):
        self.x = x
        return np.cos(x)

    def backward(self, dout):
        return -dout * np.sin(self.x)


class ToySine(Toy):
    def forward(self, x):
        self.x = x
        return np.sin(x)

    def backward(self, dout):
        return dout * np.cos(self.x)


TOYS = {"relu": ToySquare, "sigmoid": ToyCosine, "tanh": ToySine}
NAMES = {"Affine": ToyAffine, "ReLU": ToySquare, "Sigmoid": ToyCosine, "Tanh": ToySine, "ACTIVATIONS": TOYS}
KINDS = {ToyAffine: "affine", ToySquare: "relu", ToyCosine: "sigmoid", ToySine: "tanh"}


@contextlib.contextmanager
def toy_layers(code):
    """Inside, networks are built of toys."""
    module = code.network
    own = {name: getattr(module, name) for name in NAMES if hasattr(module, name)}
    for name in own:
        setattr(module, name, NAMES[name])
    try:
        yield
    finally:
        for name, value in own.items():
            setattr(module, name, value)


def layers_of(network):
    if not isinstance(network.layers, list | tuple):
        raise OddAnswer(f"expected a list of layers, got {kind_of(network.layers)}: is there a `return` in _build?")
    return network.layers


def built(code, calls):
    """For each call, (sizes, activation, init): the kinds of the layers, the shapes of the weights, how they were
    initialised, and how many objects the layers are."""

    def parts(sizes, activation, init):
        with toy_layers(code):
            layers = layers_of(code.network.Network(sizes, activation, 0, init))
            affine = [layer for layer in layers if isinstance(layer, ToyAffine)]
            kinds = [KINDS.get(type(layer), type(layer).__name__) for layer in layers]
            shapes = [list(layer.params["weight"].shape) for layer in affine]
            return [kinds, shapes, [layer.init for layer in affine], len({id(layer) for layer in layers})]

    return each_call(parts, calls)


def starting_weights(code, sizes, seeds):
    """The weights of a network for each seed."""
    with toy_layers(code):
        networks = [code.network.Network(sizes, "relu", seed) for seed in seeds]
        return [
            [layer.params["weight"] for layer in layers_of(network) if isinstance(layer, ToyAffine)]
            for network in networks
        ]


def network_of(code, sizes, activation, params):
    network = code.network.Network(sizes, activation)
    if params is not None:
        for name in params:
            network.params[name][...] = params[name]
    return network


def network_forward(code, sizes, activation, params, x):
    with toy_layers(code):
        return [network_of(code, sizes, activation, params).forward(x), x]


def network_backward(code, sizes, activation, params, xs, dout):
    """The gradients after a forward pass of each x; whether the names are those of the parameters; what is unchanged.

    The arrays in the answer are copies, taken before backward is called once more.
    """
    with toy_layers(code):
        network = network_of(code, sizes, activation, params)
        for x in xs:
            network.forward(x)
        grads = network.backward(dout)
        if not isinstance(grads, dict):
            raise OddAnswer(f"expected a dict of gradients, got {kind_of(grads)}: is there a `return` in backward?")
        return [dict(grads), dict(network.params), dout]


SIZES = [2, 3, 3, 2]


@grade("network", weight=SEEN)
def test_network_has_the_layers_of_its_sizes(observe):
    """Network([2, 3, 3, 2]) has three affine layers with an activation between two, and none after the last."""
    texts = {activation: f'Network([2, 3, 3, 2], "{activation}").layers' for activation in ("relu", "tanh")}
    got = observe(built, {text: [SIZES, activation, "he"] for activation, text in texts.items()})
    for activation, text in texts.items():
        with call(text):
            kinds, shapes, inits, count = items(entry(got, text), 4)
            want = ["affine", activation, "affine", activation, "affine"]
            hints = {
                "no activation after the last layer: scores may be negative": [*want, activation],
                "the argument says which activation": lambda got, a=activation: "relu" in got and a != "relu",
                "an activation stands between two affine layers": ["affine"] * 3,
            }
            assert_same(kinds, want, hints=hints)
            assert_same(shapes, [[2, 3], [3, 3], [3, 2]], hint="from each size to the next one")
            assert_same(count, 5, hint="make a new activation each time: each remembers its own x")
            assert_same(inits, ["he"] * 3, hint="pass init on to Affine")


@grade("network", weight=SEEN)
def test_network_of_one_layer(observe):
    """Network([4, 2]) is a single affine layer."""
    text = 'Network([4, 2], "relu", init=0.5).layers'
    got = observe(built, {text: [[4, 2], "relu", 0.5]})
    with call(text):
        kinds, shapes, inits, _ = items(entry(got, text), 4)
        assert_same(kinds, ["affine"])
        assert_same(shapes, [[4, 2]])
        assert_same(inits, [0.5], hint="pass init on to Affine")


@grade("network", weight=SEEN)
def test_weights_come_from_one_generator(observe):
    """The seed decides the weights; layers of one size start with different ones."""
    rng = np.random.default_rng(7)
    # Each layer draws its weights, then its bias.
    want = [[rng.normal(size=shape), rng.normal(size=shape[1])][0] for shape in ((2, 3), (3, 3), (3, 2))]
    with call("the weights of Network([2, 3, 3, 2], seed=7)"):
        got = items(observe(starting_weights, SIZES, [7]), 1)[0]
        assert_same(got, want, hint="pass `rng` on to each Affine, in order")


# What these networks are made of is in the classes of toys above.
TWO_LAYERS = {
    "0.weight": array([1, -1], [2, 2]),
    "0.bias": array(0, 0.5),
    "2.weight": array([1], [-3]),
    "2.bias": array(0.25),
}
X2 = array([1, 1], [-1, 0])


@grade("network", weight=SEEN)
def test_network_forward_goes_from_layer_to_layer(observe):
    """Each layer gets what the one before gave. (The test puts simple layers of its own in the place of yours.)"""
    # The row (1, 1) becomes (6, 2.5), its squares are 36 and 6.25, and their sum times -2, plus 0.25, is the result.
    want = array([-84.25], [-18.25])
    hints = {
        "no activation after the last layer": want**2,
        "each layer gets the output of the one before": lambda got: got.shape != (2, 1),
    }
    with call("Network([2, 2, 1]).forward([[1, 1], [-1, 0]]), with toy layers"):
        got, after = items(observe(network_forward, [2, 2, 1], "relu", TWO_LAYERS, X2), 2)
        assert_same(got, want, **CLOSE, hints=hints)
        assert_same(after, X2, **EXACT, hint="x stays as it is")


@grade("network", weight=SEEN)
def test_network_backward_goes_back_from_layer_to_layer(observe):
    """backward gives a dict with the names of params: "0.weight", "0.bias", "2.weight", "2.bias"."""
    want = {
        "0.weight": array([-72, -24], [-72, -24]),
        "0.bias": array(0, -6),
        "2.weight": array([60.75], [60.75]),
        "2.bias": array(3),
    }
    hints = {
        "the names are those of params: the layer's place, a dot, the parameter": lambda got: set(got) != set(want),
        "go from the last layer to the first, each with the gradient that the one behind it gave": lambda got: (
            not np.allclose(got["0.weight"], want["0.weight"])
        ),
    }
    with call("Network([2, 2, 1]).backward([[1], [2]]), after forward, with toy layers"):
        got, params, dout = items(observe(network_backward, [2, 2, 1], "relu", TWO_LAYERS, [X2], array([1], [2])), 3)
        assert_same(got, want, **CLOSE, hints=hints)
        assert_same(params, TWO_LAYERS, **EXACT, hint="backward changes no parameter")
        assert_same(dout, array([1], [2]), **EXACT, hint="backward leaves dout as it is")


FOUR_LAYERS = {
    f"{place}.{name}": values
    for place in (0, 2, 4, 6)
    for name, values in (("weight", array([0.5, 0.25], [0.5, -0.75])), ("bias", array(0.5, 0.25)))
}


@grade("network", weight=SEEN)
def test_network_backward_of_four_layers(observe):
    """Gradients of a network of four layers of one size: each activation remembers its own x."""
    want = {
        "0.weight": array([-0.582499, 0.191519], [-0.582499, 0.191519]),
        "0.bias": array(-0.185291, 0.071628),
        "2.weight": array([-0.44799, -0.367803], [-0.44799, -0.367803]),
        "2.bias": array(0.445583, 0.463978),
        "4.weight": array([-0.012305, -0.317391], [-0.012305, -0.317391]),
        "4.bias": array(1.15188, 0.972059),
        "6.weight": array([1.153672, 0.856776], [1.153672, 0.856776]),
        "6.bias": array(1.5, 1.0),
    }
    x, dout = array([1, 2], [-1, 0.5]), array([1, -1], [0.5, 2])
    with call('Network([2, 2, 2, 2, 2], "tanh").backward(dout), after forward(x), with toy layers'):
        got, _, _ = items(observe(network_backward, [2] * 5, "tanh", FOUR_LAYERS, [x], dout), 3)
        assert_same(got, want, **CLOSE)


# Softmax and cross-entropy


def softmax_loss(code, scores, labels):
    return code.losses.SoftmaxCrossEntropy().forward(scores, labels)


def softmax_gradient(code, scores, labels):
    return code.losses.SoftmaxCrossEntropy().backward(scores, labels)


def softmax_with_warnings(code, calls):
    """For each call, (method, scores, labels): the answer, and the warnings on the way."""
    loss = code.losses.SoftmaxCrossEntropy()
    return each_call(lambda method, scores, labels: warnings_of(getattr(loss, method), scores, labels), calls)


def softmax_after(code, scores, labels):
    loss = code.losses.SoftmaxCrossEntropy()
    return [loss.forward(scores, labels), loss.backward(scores, labels), scores, labels]


def softmax_errors(code, calls):
    loss = code.losses.SoftmaxCrossEntropy()
    return each_call(lambda method, scores, labels: error_of(getattr(loss, method), scores, labels), calls)


# exp of these scores: 1, 2, 1 and 3, 1, 4; the probabilities are quarters and eighths.
SCORES, LABELS = np.log(array([1, 2, 1], [3, 1, 4])), np.array([1, 0])
PROBABILITIES = array([2, 4, 2], [3, 1, 4]) / 8


@grade("softmax_loss", weight=SEEN)
def test_softmax_loss_by_hand(observe):
    """The right classes have the probabilities 1/2 and 3/8: the loss is (-log 1/2 - log 3/8) / 2."""
    each = -np.log(array(1 / 2, 3 / 8))
    hints = {
        "this is the sum; the loss is the mean over the samples": float(each.sum()),
        "the logarithm of a probability is negative: mind the minus": float(-each.mean()),
        "the mean is over the N samples, not over the N C entries": float(each.sum() / 6),
        "each row has its own sum: axis=1": lambda got: np.isclose(
            got, -np.log((np.exp(SCORES) / np.exp(SCORES).sum())[[0, 1], LABELS]).mean()
        ),
        "each row has its own sum, over the classes: axis=1": lambda got: np.isclose(
            got, -np.log((np.exp(SCORES) / np.exp(SCORES).sum(axis=0))[[0, 1], LABELS]).mean()
        ),
        "np.log is the natural logarithm": float(each.mean() / np.log(2)),
        "the score of the right class, not the largest one": float(-np.log(array(1 / 2, 1 / 2)).mean()),
    }
    with call("SoftmaxCrossEntropy().forward(log [[1, 2, 1], [3, 1, 4]], [1, 0])"):
        got = number(observe(softmax_loss, SCORES, LABELS))
        if isinstance(got, np.ndarray):
            raise Failure("expected a float, the mean over the samples", got=f"an array of shape {got.shape}")
        assert_same(got, float(each.mean()), **CLOSE, hints=hints)


@grade("softmax_loss", weight=SEEN)
def test_softmax_gradient_by_hand(observe):
    """The gradient is the probabilities, minus 1 at the right class, divided by N."""
    want = (PROBABILITIES - array([0, 1, 0], [1, 0, 0])) / 2
    hints = {
        "divide by N: each sample is one of N in the mean": 2 * want,
        "divide by N, not by N C": want / 3,
        "these are the probabilities; 1 is subtracted at the right class": PROBABILITIES / 2,
        "the gradient is positive where a score is too large": -want,
    }
    with call("SoftmaxCrossEntropy().backward(log [[1, 2, 1], [3, 1, 4]], [1, 0])"):
        assert_same(observe(softmax_gradient, SCORES, LABELS), want, **CLOSE, hints=hints)


@grade("softmax_loss", weight=SEEN)
def test_softmax_of_large_scores(observe):
    """Scores of 1000 and -1000 give finite losses and gradients, without a warning."""
    cases = (
        (array([1000, 0]), [0], 0.0, array([0, 0])),
        (array([-1000, -1000]), [1], float(np.log(2)), array([0.5, -0.5])),
        (array([1000, 0, -1000]), [2], 2000.0, array([1, 0, -1])),
    )
    calls, want = {}, {}
    for scores, labels, loss, gradient in cases:
        for method, value in (("forward", loss), ("backward", gradient)):
            text = f"SoftmaxCrossEntropy().{method}({scores.astype(int).tolist()}, {labels})"
            calls[text], want[text] = [method, scores, np.array(labels)], value
    hint = "subtract the largest score of each row, and take no logarithm of a probability"
    expect_quietly(observe(softmax_with_warnings, calls), want, hint)


def expect_quietly(got, want, hint):
    """Fail unless each call has its answer, and no warnings."""
    for text, value in want.items():
        with call(text):
            assert_same(number(without_warnings(entry(got, text))), value, **CLOSE, hint=hint)


@grade("softmax_loss", weight=SEEN)
def test_softmax_shifts_each_row_by_its_own_largest_score(observe):
    """A row of scores near 1000 and a row near -1000 in one batch: the loss of each is log 4."""
    scores, labels = array([1000, 1000 + np.log(3)], [-1000, -1000 + np.log(3)]), np.array([0, 0])
    text = "SoftmaxCrossEntropy().{}([[1000, 1001.1], [-1000, -998.9]], [0, 0])"
    want = {"forward": float(np.log(4)), "backward": array([-0.375, 0.375], [-0.375, 0.375])}
    got = observe(softmax_with_warnings, {text.format(method): [method, scores, labels] for method in want})
    hint = "the largest score is that of the row: scores.max(axis=1, keepdims=True)"
    expect_quietly(got, {text.format(method): value for method, value in want.items()}, hint)


@grade("softmax_loss", weight=SEEN)
def test_softmax_of_one_class(observe):
    """With a single class its probability is 1: loss and gradient are 0."""
    scores, labels = array([3], [-2]), np.array([0, 0])
    with call("SoftmaxCrossEntropy().forward and .backward, scores [[3], [-2]], labels [0, 0]"):
        loss, gradient, *_ = items(observe(softmax_after, scores, labels), 4)
        assert_same(number(loss), 0.0, **CLOSE)
        assert_same(gradient, array([0], [0]), **CLOSE)


@grade("softmax_loss", weight=SEEN)
def test_softmax_refuses_labels_of_another_shape(observe):
    """A column of labels (2, 1), or a label too few, raises a ValueError in forward and backward."""
    calls = {
        f"SoftmaxCrossEntropy().{method}(scores of shape (2, 3), labels of shape {labels.shape})": [
            method,
            SCORES,
            labels,
        ]
        for method in ("forward", "backward")
        for labels in (LABELS[:, None], LABELS[:1])
    }
    hints = {"require_labels looks at the shapes: call it first": lambda got: "no error" in got.values()}
    assert_calls(observe(softmax_errors, calls), dict.fromkeys(calls, "ValueError"), hints=hints)


@grade("softmax_loss", weight=SEEN)
def test_softmax_leaves_its_inputs_alone(observe):
    """forward and backward change neither scores nor labels."""
    with call("the arrays after SoftmaxCrossEntropy().forward and .backward"):
        loss, _, *after = items(observe(softmax_after, SCORES, LABELS), 4)
        assert_same(number(loss), float(-np.log(3 / 16) / 2), **CLOSE)
        hint = "-= changes the caller's scores: make a new array"
        assert_same(after, [SCORES, LABELS], **EXACT, hint=hint)


# Optimizers


def updates(code, kind, options, params, steps):
    """The parameters after each of several steps, in the arrays that were there at the start; the gradients."""
    optimizer = getattr(code.optimizers, kind)(**options)
    states = []
    for grads in steps:
        for name, grad in grads.items():
            optimizer._update(name, params[name], grad)
        states.append({name: np.array(param) for name, param in params.items()})
    return [states, steps]


def updates_of_each(code, cases):
    return [updates(code, *case) for case in cases]


def expect_steps(observe, kind, options, param, grads, want, hints):
    """One parameter, several steps; `hints` are states of known mistakes."""
    got, steps = items(observe(updates, kind, options, {"weight": param}, [{"weight": grad} for grad in grads]), 2)
    states = [entry(each, "weight") for each in items(got, len(grads))]
    untouched = {"change the array in place: param -= ...": [param] * len(grads)}
    assert_same(states, want, **CLOSE, hints=hints | untouched)
    hint = "the gradient stays as it is"
    assert_same(steps, [{"weight": grad} for grad in grads], **EXACT, hint=hint)


@grade("momentum", weight=SEEN)
def test_momentum_by_hand(observe):
    """Gradient 1 three times, momentum 0.5: v is 1, 1.5 and 1.75, and with the learning rate 0.1 5 becomes 4.575."""
    param, grads = array(5, -1), [array(1, 0), array(1, 2), array(1, 0)]
    want = [array(4.9, -1), array(4.75, -1.2), array(4.575, -1.3)]
    hints = {
        "the velocity is forgotten between the steps": [param - 0.1 * sum(grads[: i + 1]) for i in range(3)],
        "momentum multiplies the old velocity alone": lambda got: np.allclose(got[0], param - 0.1 * 0.5 * grads[0]),
        "v = momentum * v + grad: the gradient counts in full": lambda got: np.allclose(got[0][0], 4.95),
        "the step goes against the gradient: subtract": lambda got: got[0][0] > 5,
    }
    with call('SGDMomentum(0.1, momentum=0.5)._update("weight", param, grad), three times'):
        expect_steps(observe, "SGDMomentum", {"learning_rate": 0.1, "momentum": 0.5}, param, grads, want, hints)


@grade("momentum", weight=SEEN)
def test_momentum_of_zero_is_gradient_descent(observe):
    """With momentum=0 each step is that of SGD."""
    param, grads = array([2, -1]), [array([5, 0.5]), array([-1, 1])]
    want = [array([1.5, -1.05]), array([1.6, -1.15])]
    fixed = [array([1.5, -1.05]), array([1.15, -1.195])]
    hints = {"the momentum is the one that the optimizer was made with": fixed}
    with call('SGDMomentum(0.1, momentum=0)._update("weight", param, grad), twice'):
        expect_steps(observe, "SGDMomentum", {"learning_rate": 0.1, "momentum": 0}, param, grads, want, hints)


def expect_apart(observe, kind, want_first, want_second):
    """Two parameters, one of which is updated from the second step on alone."""
    first, second = array(1, 2), array([3])
    steps = [{"a": array(1, -1)}, {"b": array([2]), "a": array(2, 1)}, {"a": array(1, 1), "b": array([-1])}]
    params = {"a": first, "b": second}
    got = items(items(observe(updates, kind, {"learning_rate": 0.1}, params, steps), 2)[0], 3)
    assert_same([entry(each, "a") for each in got], want_first, **CLOSE)
    hint = "each parameter has a memory of its own, under its name"
    assert_same([entry(each, "b") for each in got], [second, *want_second], **CLOSE, hint=hint)


@grade("momentum", weight=SEEN)
def test_momentum_keeps_parameters_apart(observe):
    """Each parameter has a velocity of its own, under its name."""
    with call('SGDMomentum(0.1)._update for "a" and "b"'):
        first = [array(0.9, 2.1), array(0.61, 2.09), array(0.249, 1.981)]
        expect_apart(observe, "SGDMomentum", first, [array([2.8]), array([2.72])])


@grade("adam", weight=SEEN)
def test_first_step_of_adam_is_as_long_as_the_learning_rate(observe):
    """In its first step Adam moves each entry by the learning rate, whatever the size of the gradient."""
    param, grads = array(1, 1, 1), [array(100, -0.01, 0)]
    hints = {
        "the bias correction is missing: divide m by 1 - beta1^t, v by 1 - beta2^t": lambda got: np.allclose(
            got[0][0], 1 - 0.1 * 0.1 / np.sqrt(0.001), rtol=1e-3
        ),
        "the correction of v is missing": lambda got: np.allclose(got[0][0], 1 - 0.1 / np.sqrt(0.001), rtol=1e-3),
        "the correction of m is missing": lambda got: np.allclose(got[0][0], 1 - 0.1 * 0.1, rtol=1e-3),
        "the square root of v is missing": lambda got: np.allclose(got[0][0], 1 - 0.1 / 100, rtol=1e-4),
        "v is the mean of the squared gradients": lambda got: np.allclose(got[0][0], 1 - 0.1 * 10, rtol=1e-3),
        "the step goes against the gradient: subtract": lambda got: got[0][0] > 1,
    }
    with call('Adam(0.1)._update("weight", [1, 1, 1], [100, -0.01, 0])'):
        expect_steps(observe, "Adam", {"learning_rate": 0.1}, param, grads, [array(0.9, 1.1, 1)], hints)


@grade("adam", weight=SEEN)
def test_adam_over_four_steps(observe):
    """Four steps with other betas follow the formulas."""
    param, grads = array([1, 2], [0, -1]), [array([1, -2], [0.5, 0]), array([-3, 1], [1, 0.25])] * 2
    options = {"learning_rate": 0.1, "beta1": 0.6, "beta2": 0.8}
    want = [
        array([0.9, 2.1], [-0.1, -1.0]),
        array([0.964286, 2.108183], [-0.199511, -1.083853]),
        array([0.97608, 2.170461], [-0.292248, -1.137315]),
        array([1.040366, 2.178645], [-0.391759, -1.221167]),
    ]
    hints = {
        "the betas are those that the optimizer was made with": lambda got: np.isclose(
            got[1][0, 0], 0.949419, rtol=1e-4
        ),
        "the betas have changed places": lambda got: np.isclose(got[1][0, 0], 0.949897, rtol=1e-4),
        "t grows by 1 in each step, and the power is t": lambda got: (
            np.allclose(got[0], want[0]) and not np.allclose(got[1], want[1])
        ),
    }
    with call('Adam(0.1, beta1=0.6, beta2=0.8)._update("weight", param, grad), four times'):
        expect_steps(observe, "Adam", options, param, grads, want, hints)


@grade("adam", weight=SEEN)
def test_epsilon_of_adam_stands_outside_the_root(observe):
    """epsilon is added to the square root, and has the value that the optimizer was made with."""
    param, grads = array(1), [array(2), array(1)]
    options = {"learning_rate": 0.5, "epsilon": 2.0}
    hints = {
        "epsilon stands outside the square root": lambda got: np.allclose(got[0], 1 - 0.5 * 2 / np.sqrt(6), rtol=1e-3),
        "epsilon is the one that the optimizer was made with": lambda got: np.allclose(got[0], 0.5, rtol=1e-3),
        "epsilon is added to the corrected root": lambda got: np.allclose(
            got[0], 1 - 0.5 * 2 / (2 + 2 / np.sqrt(0.001)), rtol=1e-3
        ),
    }
    with call('Adam(0.5, epsilon=2)._update("weight", [1], [2]), then [1]'):
        expect_steps(observe, "Adam", options, param, grads, [array(0.75), array(0.54423)], hints)


@grade("adam", weight=SEEN)
def test_adam_keeps_parameters_apart(observe):
    """Each parameter has m, v and t of its own, under its name."""
    with call('Adam(0.1)._update for "a" and "b"'):
        first = [array(0.9, 2.1), array(0.803482, 2.094737), array(0.709288, 2.054515)]
        expect_apart(observe, "Adam", first, [array([2.9]), array([2.873366])])


# Initialisation


def init_scale(code, num_in, num_out, kind):
    return code.initialisation.init_scale(num_in, num_out, kind)


def init_scale_errors(code, kinds):
    return each_call(lambda kind: error_of(code.initialisation.init_scale, 4, 2, kind), kinds)


@grade("init_scale", weight=SEEN)
def test_he_looks_at_the_inputs(observe):
    """He: sqrt(2 / 50) = 0.2 for 50 inputs, however many outputs."""
    hints = {
        "this is the variance; its square root is the standard deviation": 0.04,
        "He looks at the inputs, num_in": float(np.sqrt(2 / 8)),
        "the variance is 2 / num_in": float(np.sqrt(1 / 50)),
    }
    with call('init_scale(50, 8, "he")'):
        assert_same(number(observe(init_scale, 50, 8, "he")), 0.2, **CLOSE, hints=hints)


@grade("init_scale", weight=SEEN)
def test_xavier_looks_at_both_sides(observe):
    """Xavier: sqrt(2 / (30 + 20)) = 0.2 for 30 inputs and 20 outputs."""
    hints = {
        "this is the variance; its square root is the standard deviation": 0.04,
        "the variance is 2 / (num_in + num_out)": lambda got: any(
            abs(got**2 - x) < 1e-6 for x in (1 / 50, 1 / 30, 2 / 30, 6 / 50)
        ),
        "parentheses: 2 / (num_in + num_out)": float(np.sqrt(2 / 30 + 20)),
    }
    with call('init_scale(30, 20, "xavier")'):
        assert_same(number(observe(init_scale, 30, 20, "xavier")), 0.2, **CLOSE, hints=hints)


@grade("init_scale", weight=SEEN)
def test_other_kinds_are_refused(observe):
    """Any other kind raises a ValueError."""
    calls = {f"init_scale(4, 2, {kind!r})": [kind] for kind in ("large", "Xavier he", "")}
    assert_calls(observe(init_scale_errors, calls), dict.fromkeys(calls, "ValueError"))
