"""The checks that students see.

A later task calls what an earlier one wrote. So that a slip there costs points there alone, the probe of `fit` puts
functions of its own in the places of `train_step` and `evaluate`.
"""

import itertools
from contextlib import contextmanager

import numpy as np

from exercise_code.common.testing import (
    Failure,
    OddAnswer,
    as_array,
    assert_calls,
    assert_same,
    call,
    each_call,
    entry,
    grade,
    items,
    kind_of,
    resembles,
    show,
)

# What these tests expect can be read here, so they earn little: their hidden twins, on fresh inputs, earn the points.
SEEN = 0.1


@contextmanager
def swapped(module, **functions):
    """The module with other functions under these names, until the end of the block."""
    kept = {name: getattr(module, name, None) for name in functions}
    vars(module).update(functions)
    try:
        yield
    finally:
        vars(module).update(kept)


def floats(rng, *shape):
    """Random float32, normally distributed."""
    return rng.normal(size=shape).astype(np.float32)


# Pictures as tensors


def tensor_of_images(code, images):
    """The tensor of these pictures, and the pictures afterwards."""
    given = images.copy()
    return as_array(code.tensors.images_to_tensor(given)), given


def expect_tensor(got, images):
    """Fail unless it is float32 from 0 to 1, with the channels before height and width."""
    n, height, width, _ = images.shape
    want = np.moveaxis(images, 3, 1) / np.float32(255)
    flat = images.reshape(n, 3, height, width) / np.float32(255)
    hints = {
        "// drops the fraction, so that nearly everything becomes 0: / keeps it": np.moveaxis(images, 3, 1) // 255,
        "values are still from 0 to 255: divide": np.moveaxis(images, 3, 1).astype(np.float32),
        "reshape cuts the row of numbers anew and mixes colours and places: permute swaps axes": flat,
        "height and width are swapped": np.swapaxes(want, 2, 3),
        "the channels come right after the batch, before height and width": images / np.float32(255),
    }
    assert_same(got, want.astype(np.float32), hints=hints, atol=1e-6)
    if got.dtype != np.float32:
        raise Failure(
            f"expected float32, got {got.dtype}", hint="layers have weights of float32 and take no other dtype"
        )


@grade("pytorch_images", weight=SEEN)
def test_pictures_become_channels_first(observe):
    """images_to_tensor turns bytes (N, height, width, 3) into float32 (N, 3, height, width) from 0 to 1."""
    images = np.zeros((1, 2, 3, 3), dtype=np.uint8)
    images[0, 0, 0], images[0, 1, 2] = (255, 51, 0), (0, 102, 204)
    with call("images_to_tensor(one picture of 2x3 pixels)"):
        expect_tensor(observe(tensor_of_images, images)[0], images)


@grade("pytorch_images", weight=SEEN)
def test_the_array_keeps_its_values(observe):
    """images_to_tensor leaves the array that comes in as it is, also for several pictures of one pixel."""
    images = np.array([[[[255, 0, 51]]], [[[102, 204, 153]]]], dtype=np.uint8)
    with call("images_to_tensor(two pictures of one pixel), then a look at the pictures"):
        got, left = observe(tensor_of_images, images)
        expect_tensor(got, images)
        assert_same(left, images, hint="/= writes into the array, or into a tensor that shares its memory")


# Distances


def distances_of(code, calls):
    """The squared distances of the rows of several pairs of arrays."""
    import torch

    def distances(*arrays):
        return as_array(code.tensors.squared_distances(*(torch.from_numpy(array) for array in arrays)))

    return each_call(distances, calls)


def expect_distances(got, calls):
    """Fail unless these are the squared distances of all pairs of rows."""
    want = {text: ((a[:, None] - b[None]) ** 2).sum(axis=2) for text, (a, b) in calls.items()}
    hints = {
        "those are the distances themselves: leave out the root": {t: np.sqrt(w) for t, w in want.items()},
        "rows and columns are swapped: row i is for row i of a": {t: w.T for t, w in want.items()},
        "that is the mean over the columns: add them up": {t: w / calls[t][0].shape[1] for t, w in want.items()},
    }
    assert_calls(got, want, hints=hints, rtol=1e-4, atol=1e-4)


@grade("pytorch_distances", weight=SEEN)
def test_distances_of_all_pairs(observe):
    """squared_distances gives (N, M): the distance of (0, 0) to (3, 4) is 25."""
    a = np.array([[0, 0], [1, 1]], dtype=np.float32)
    b = np.array([[3, 4], [0, 0], [1, 0]], dtype=np.float32)
    calls = {"2 rows and 3 rows of 2 numbers": (a, b), "1 row and 2 rows of 2 numbers": (b[:1], a)}
    expect_distances(observe(distances_of, calls), calls)


@grade("pytorch_distances", weight=SEEN)
def test_distances_of_as_many_rows(observe):
    """Where both have the same number of rows, there is still one distance for each pair of them."""
    a = np.array([[0, 0, 0], [1, 2, 2]], dtype=np.float32)
    calls = {"2 rows and 2 rows of 3 numbers": (a, a + np.float32(1))}
    expect_distances(observe(distances_of, calls), calls)


# Gradients


def _functions():
    """Functions of a tensor by name, each with its derivative in numpy."""
    import torch

    return {
        "squares": lambda x: (x * x).sum(),
        "sines": lambda x: torch.sin(x).sum(),
        "waves": lambda x: (torch.cos(x) * x).sum(),
        "bowl": lambda x: (x - 3).square().mean(),
    }


SLOPES = {
    "squares": lambda x: 2 * x,
    "sines": np.cos,
    "waves": lambda x: np.cos(x) - x * np.sin(x),
    "bowl": lambda x: 2 * (x - 3) / x.size,
}
VALUES = {
    "squares": lambda x: (x * x).sum(),
    "sines": lambda x: np.sin(x).sum(),
    "waves": lambda x: (np.cos(x) * x).sum(),
    "bowl": lambda x: ((x - 3) ** 2).mean(),
}


def gradients_of(code, name, x):
    """The gradient, once and again, and what happened to x: its values, whether it is watched, its own gradient."""
    import torch

    function, given = _functions()[name], torch.from_numpy(x.copy())
    # A copy at once: the second call may add to the same memory.
    first = as_array(code.gradients.gradient_at(function, given)).copy()
    again = as_array(code.gradients.gradient_at(function, given))
    return first, again, given.detach().numpy(), given.requires_grad, given.grad is not None


def gradient_of_a_parameter(code, name, x):
    """The gradient at a parameter that has a gradient already, and what that is afterwards."""
    import torch

    given = torch.nn.Parameter(torch.from_numpy(x.copy()))
    given.grad = torch.ones_like(given)
    got = as_array(code.gradients.gradient_at(_functions()[name], given))
    return got, given.requires_grad, None if given.grad is None else given.grad.numpy()


def expect_gradient(got, name, x):
    """Fail unless the gradient is right, twice, and x was left alone."""
    first, again, left, watched, has_grad = got
    want = SLOPES[name](x).astype(np.float32)
    assert_same(first, want, rtol=1e-4, atol=1e-5)
    hint = "the second call adds to the gradient of the first: watch a copy of x in each call"
    assert_same(again, want, rtol=1e-4, atol=1e-5, hints={hint: 2 * want})
    assert_same(left, x, hint="x keeps its values")
    if watched or has_grad:
        raise Failure(
            "x was changed: autograd watches it now, or it has a gradient",
            hint="x.detach().clone() is a tensor of its own: watch that one",
        )


@grade("pytorch_gradient", weight=SEEN)
def test_the_gradient_of_squares(observe):
    """At (1, -2, 0.5) the sum of squares has the gradient (2, -4, 1), at each call; nothing happens to x."""
    x = np.array([1, -2, 0.5], dtype=np.float32)
    with call("gradient_at(lambda x: (x * x).sum(), tensor([1., -2., 0.5]))"):
        expect_gradient(observe(gradients_of, "squares", x), "squares", x)


@grade("pytorch_gradient", weight=SEEN)
def test_the_gradient_of_a_mean(observe):
    """At [[1, 3], [5, 7]] the mean of (x - 3) ** 2 has the gradient [[-1, 0], [1, 2]]: it has the shape of x."""
    x = np.array([[1, 3], [5, 7]], dtype=np.float32)
    with call("gradient_at(lambda x: (x - 3).square().mean(), tensor([[1., 3.], [5., 7.]]))"):
        expect_gradient(observe(gradients_of, "bowl", x), "bowl", x)


@grade("pytorch_gradient", weight=SEEN)
def test_a_parameter_keeps_its_own_gradient(observe):
    """Where x is watched already and has a gradient, both stay as they are."""
    x = np.array([[0.0, 1.0]], dtype=np.float32)
    with call("gradient_at(lambda x: x.sin().sum(), a parameter with a gradient)"):
        expect_kept(observe(gradient_of_a_parameter, "sines", x), "sines", x)


def expect_kept(got, name, x):
    """Fail unless the gradient is right, and a parameter's own is still 1 everywhere."""
    gradient, watched, kept = got
    want = SLOPES[name](x).astype(np.float32)
    hint = "that adds to the gradient that x had already: watch a detached clone of x"
    assert_same(gradient, want, rtol=1e-4, atol=1e-5, hints={hint: want + 1})
    if not watched or kept is None or not np.array_equal(kept, np.ones_like(x)):
        raise Failure("the parameter's own gradient was changed", hint="watch a detached clone of x")


# Descent


def descents_of(code, name, start, lr, num_steps):
    """Where gradient descent ends, its values, the start afterwards, and whether the end is still watched."""
    import torch

    given = torch.from_numpy(start.copy())
    answer = code.gradients.descend(_functions()[name], given, lr, num_steps)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise OddAnswer(f"expected a point and a list of values, got {type(answer).__name__}")
    point, values = answer
    array = as_array(point)
    return array, values, given.detach().numpy(), bool(point.requires_grad), given.requires_grad


def descent(name, start, lr, num_steps, kept=0.0):
    """Gradient descent in numpy: the end and the values; with `kept` = 1 no gradient is forgotten."""
    x, gradient, values = start.astype(np.float64), 0.0, []
    for _ in range(num_steps):
        values.append(float(VALUES[name](x)))
        gradient = kept * gradient + SLOPES[name](x)
        x = x - lr * gradient
    return np.asarray(x, dtype=np.float32), values


def expect_descent(got, name, start, lr, num_steps):
    """Fail unless these are the steps of gradient descent, as plain numbers."""
    point, values, left, watched, start_watched = got
    want, want_values = descent(name, start, lr, num_steps)
    added = descent(name, start, lr, num_steps, kept=1.0)[0]
    uphill = descent(name, start, -lr, num_steps)[0]
    hints = {
        "the gradients of the steps before are still in there: backward adds": lambda got: (
            num_steps > 1 and resembles(got, added)
        ),
        "that goes uphill: subtract": uphill,
    }
    assert_same(point, want, rtol=1e-3, atol=1e-4, hints=hints)
    after = descent(name, start, lr, num_steps + 1)[1][1:]
    hint = "those are the values after each step: keep the ones before"
    assert_same(
        items(values, num_steps, f"a list of {num_steps} floats"),
        want_values,
        rtol=1e-3,
        atol=1e-4,
        hints={hint: after},
    )
    assert_same(left, start, hint="the start keeps its values: work on a clone")
    if watched or start_watched:
        raise Failure("the point that comes back is still watched by autograd", hint="return point.detach()")


@grade("pytorch_descent", weight=SEEN)
def test_steps_follow_the_gradient(observe):
    """From (1, -2), two steps with lr 0.25 on the sum of squares end at (0.25, -0.5); the values were 5 and 1.25."""
    start = np.array([1, -2], dtype=np.float32)
    with call("descend(lambda x: (x * x).sum(), tensor([1., -2.]), lr=0.25, num_steps=2)"):
        expect_descent(observe(descents_of, "squares", start, 0.25, 2), "squares", start, 0.25, 2)


@grade("pytorch_descent", weight=SEEN)
def test_a_longer_way_down(observe):
    """From 0, three steps with lr 0.25 on (x - 3) ** 2 pass 1.5 and 2.25; the start stays where it is."""
    start = np.array([0], dtype=np.float32)
    with call("descend(lambda x: (x - 3).square().mean(), tensor([0.]), lr=0.25, num_steps=3)"):
        expect_descent(observe(descents_of, "bowl", start, 0.25, 3), "bowl", start, 0.25, 3)


@grade("pytorch_descent", weight=SEEN)
def test_no_steps_stay_at_the_start(observe):
    """With 0 steps the point is the start, and the list of values is empty."""
    start = np.array([[2.0]], dtype=np.float32)
    with call("descend(lambda x: (x * x).sum(), tensor([[2.]]), lr=0.25, num_steps=0)"):
        expect_descent(observe(descents_of, "squares", start, 0.25, 0), "squares", start, 0.25, 0)


# Rounded, straight through


def rounded(code, x):
    """The rounded values, and x afterwards."""
    import torch

    given = torch.from_numpy(x.copy())
    return as_array(code.gradients.round_straight_through(given)), given.numpy()


def gradient_through_rounding(code, x):
    """The gradient of the sum of the squares of the rounded values; None where none comes through."""
    import torch

    given = torch.from_numpy(x.copy()).requires_grad_()
    answer = code.gradients.round_straight_through(given)
    as_array(answer)
    if not answer.requires_grad:
        return None
    answer.square().sum().backward()
    return given.grad.numpy()


def expect_rounded(got, x):
    """Fail unless the values are whole, and x is as it was."""
    values, left = got
    assert_same(values, np.round(x), atol=1e-4, hints={"nothing is rounded": x})
    assert_same(left, x, hint="x keeps its values: operations that end in an underscore change x itself")


def expect_straight_through(gradient, x):
    """Fail unless the gradient passes as if nothing had been rounded."""
    if gradient is None:
        raise Failure("no gradient comes through", hint="detach the difference, not everything")
    through = "the slope of rounding is 0, and this gradient went through it: detach the difference"
    other = "detach only the difference, so that the gradient of x is 1"
    zero = np.zeros_like(x)
    hints = {through: zero, other: lambda got: not resembles(got, zero)}
    assert_same(gradient, 2 * np.round(x), atol=1e-4, hints=hints)


@grade("pytorch_detach", weight=SEEN)
def test_numbers_are_rounded(observe):
    """(0.4, 1.6, -2.3) becomes (0, 2, -2)."""
    x = np.array([0.4, 1.6, -2.3], dtype=np.float32)
    with call("round_straight_through(tensor([0.4, 1.6, -2.3]))"):
        expect_rounded(observe(rounded, x), x)


@grade("pytorch_detach", weight=SEEN)
def test_rounding_lets_the_gradient_through(observe):
    """The gradient of the sum of squares is twice the rounded values: it passes as if nothing had been rounded."""
    x = np.array([0.4, 1.6, -2.3], dtype=np.float32)
    with call("(round_straight_through(tensor([0.4, 1.6, -2.3])) ** 2).sum().backward()"):
        expect_straight_through(observe(gradient_through_rounding, x), x)


# A layer of one's own


def layer_parts(code, num_in, num_out):
    """The parameters of two new layers, by name; the second one's alone where they are shared."""
    import torch

    torch.manual_seed(3)
    layers = [code.network.Linear(num_in, num_out) for _ in range(2)]
    return [{name: as_array(p) for name, p in layer.named_parameters()} for layer in layers]


def layer_outputs(code, weight, bias, x):
    """What the layer answers with these parameters, and the gradients of its parameters for the sum of the outputs."""
    import torch

    layer = code.network.Linear(weight.shape[1], weight.shape[0])
    parameters = dict(layer.named_parameters())
    shapes = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
    if shapes != {"weight": weight.shape, "bias": bias.shape}:
        raise OddAnswer(f"expected weight {weight.shape} and bias {bias.shape} as parameters", f"{shapes}")
    layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    answer = layer(torch.from_numpy(x))
    array = as_array(answer)
    if answer.requires_grad:
        answer.sum().backward()
    return array, [None if p.grad is None else p.grad.numpy() for p in (parameters["weight"], parameters["bias"])]


def expect_parts(got, num_in, num_out):
    """Fail unless both layers have a weight and a bias of the right shapes, drawn evenly between the bounds."""
    bound = num_in**-0.5
    if len(got) != 2:
        raise Failure("expected the parameters of two layers")
    for parts in got:
        if set(parts) != {"weight", "bias"}:
            # Another name says what went wrong; where a name is only missing, there is a plain tensor or nothing.
            hint = (
                "the names have to be weight and bias, parameters of the layer itself"
                if set(parts) - {"weight", "bias"}
                else "only an nn.Parameter that is an attribute counts"
            )
            raise Failure(
                "expected the parameters weight and bias", want="['bias', 'weight']", got=str(sorted(parts)), hint=hint
            )
        for name, shape in (("weight", (num_out, num_in)), ("bias", (num_out,))):
            values = parts[name]
            if values.shape != shape or values.dtype != np.float32:
                raise Failure(f"expected float32 of shape {shape} for {name}, got {values.dtype} {values.shape}")
            if np.abs(values).max() > bound or abs(values.std() - bound / 3**0.5) > 0.2 * bound:
                hint = f"drawn evenly from -{bound:.3g} to {bound:.3g}, 1 over the root of num_in"
                raise Failure(f"{name} starts with other numbers than it should", hint=hint)
    if resembles(got[0]["weight"], got[1]["weight"]):
        raise Failure("two layers start with the same weights", hint="each draws random numbers of its own")


def expect_layer_outputs(got, weight, bias, x):
    """Fail unless y = x W^T + b, and gradients reach both parameters."""
    answer, gradients = got
    want = x @ weight.T + bias
    assert_same(answer, want, rtol=1e-4, atol=1e-5, hints={"the bias is missing": x @ weight.T})
    if any(gradient is None for gradient in gradients):
        raise Failure("no gradient reaches the weight or the bias", hint="stay with self.weight and self.bias")
    rows = x.reshape(-1, x.shape[-1])
    wanted = [np.tile(rows.sum(axis=0), (len(bias), 1)), np.full(len(bias), len(rows), dtype=np.float32)]
    assert_same(gradients, wanted, rtol=1e-3, atol=1e-3)


@grade("pytorch_layer", weight=SEEN)
def test_the_layer_has_a_weight_and_a_bias(observe):
    """Linear(100, 60) has the parameters weight (60, 100) and bias (60,), random numbers between -0.1 and 0.1."""
    with call("dict(Linear(100, 60).named_parameters())"):
        expect_parts(observe(layer_parts, 100, 60), 100, 60)


@grade("pytorch_layer", weight=SEEN)
def test_the_layer_computes_xw_plus_b(observe):
    """With weight [[1, 2]] and bias [3], the sample (10, 100) becomes 213."""
    weight, bias = np.array([[1, 2]], dtype=np.float32), np.array([3], dtype=np.float32)
    x = np.array([[10, 100], [0, 1]], dtype=np.float32)
    with call("layer(tensor([[10., 100.], [0., 1.]]))"):
        expect_layer_outputs(observe(layer_outputs, weight, bias, x), weight, bias, x)


@grade("pytorch_layer", weight=SEEN)
def test_samples_of_the_layer_may_have_more_axes(observe):
    """An input of shape (2, 3, 2) becomes one of shape (2, 3, 1): the last axis holds the numbers of a sample."""
    weight, bias = np.array([[1, 2]], dtype=np.float32), np.array([3], dtype=np.float32)
    x = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    with call("layer(an input of shape (2, 3, 2))"):
        expect_layer_outputs(observe(layer_outputs, weight, bias, x), weight, bias, x)


# Buffers


def standardized(code, images, mean, std):
    """The answer of a new layer, what it is saved with, its parameters, the images afterwards, and one in float64."""
    import torch

    layer = code.network.Standardize(list(mean), list(std))
    given = torch.from_numpy(images.copy())
    answer = as_array(layer(given))
    state = {name: as_array(tensor) for name, tensor in layer.state_dict().items()}
    parameters = [name for name, _ in layer.named_parameters()]
    # A buffer changes its dtype, and its device, with the model.
    doubled = as_array(layer.double()(given.double()))
    return {
        "answer": answer,
        "state": state,
        "parameters": parameters,
        "left": given.numpy(),
        "double": str(doubled.dtype),
    }


def expect_standardized(got, images, mean, std):
    """Fail unless each channel is standardised with its own mean and std, and both are buffers."""
    shape = (3, 1, 1)
    means, stds = np.array(mean, dtype=np.float32).reshape(shape), np.array(std, dtype=np.float32).reshape(shape)
    want = (images - means) / stds
    hints = {
        "first subtract the mean, then divide": lambda got: resembles(got, images / stds - means),
        "mean and std belong to channels, which are axis 1: here they met the last axis, the width": lambda got: (
            images.shape[3] == 3 and resembles(got, (images - means.ravel()) / stds.ravel())
        ),
    }
    assert_same(got["answer"], want, rtol=1e-4, atol=1e-4, hints=hints)
    assert_same(got["left"], images, hint="-= and /= change the tensor that came in")
    if got["parameters"]:
        raise Failure("mean and std are not trained: register them as buffers, not as parameters")
    saved = {name: np.ravel(value) for name, value in got["state"].items()}
    dtypes = {name: str(value.dtype) for name, value in saved.items()}
    if set(saved) != {"mean", "std"}:
        hint = 'self.register_buffer("mean", ...): a plain tensor is not saved with the model'
        raise Failure(
            "expected mean and std in state_dict()", want="['mean', 'std']", got=str(sorted(saved)), hint=hint
        )
    if set(dtypes.values()) != {"float32"}:
        raise Failure(
            "expected buffers of float32",
            want="{'mean': 'float32', 'std': 'float32'}",
            got=str(dtypes),
            hint="[0, 0, 0] makes int64: say dtype=torch.float32" if "int64" in dtypes.values() else "",
        )
    assert_same(saved, {"mean": means.ravel(), "std": stds.ravel()}, rtol=1e-6)
    if got["double"] != "float64":
        raise Failure("mean and std do not follow when the model changes its dtype or device", hint="make them buffers")


@grade("pytorch_buffer", weight=SEEN)
def test_each_channel_is_standardised(observe, rng):
    """Each channel is standardised by its own mean and std, whatever the width; both are saved, not trained."""
    mean, std = (0.5, 0.4, 0.3), (0.25, 0.5, 1.0)
    for shape in ((2, 3, 4, 5), (2, 3, 3, 3)):
        images = rng.random(shape, dtype=np.float32)
        with call(f"Standardize(mean=[0.5, 0.4, 0.3], std=[0.25, 0.5, 1.0])(images of shape {shape})"):
            expect_standardized(observe(standardized, images, mean, std), images, mean, std)


@grade("pytorch_buffer", weight=SEEN)
def test_whole_numbers_become_float_buffers(observe, rng):
    """Standardize([0, 0, 0], [1, 1, 1]) has buffers of float32, too: otherwise a saved mean of 0.5 comes back as 0."""
    images = rng.random((2, 3, 4, 5), dtype=np.float32)
    with call("Standardize([0, 0, 0], [1, 1, 1]).state_dict()"):
        expect_standardized(observe(standardized, images, (0, 0, 0), (1, 1, 1)), images, (0, 0, 0), (1, 1, 1))


# A network of any number of layers


def mlp_answers(code, sizes, dropout, x):
    """A network's parameters, what it answers in both modes, and how many parameters get a gradient."""
    import torch

    torch.manual_seed(5)
    model = code.network.MLP(list(sizes), dropout)
    given = torch.from_numpy(x)
    parameters = list(model.parameters())
    model.eval()
    with torch.no_grad():
        answer, again = as_array(model(given)), as_array(model(given))
    model.train()
    answers = [model(given) for _ in range(2)]
    training = [as_array(each) for each in answers]
    if answers[0].requires_grad:
        (answers[0].square().sum() + answers[1].square().sum()).backward()
    return {
        "parameters": [as_array(p) for p in parameters],
        "eval": [answer, again],
        "training": training,
        "reached": sum(p.grad is not None for p in parameters),
    }


def mlp_in_numpy(parameters, x, last_relu=False, relu=True):
    """The outputs of linear layers with ReLU between them."""
    x = x.reshape(len(x), -1)
    pairs = list(zip(parameters[::2], parameters[1::2], strict=True))
    for place, (weight, bias) in enumerate(pairs):
        x = x @ weight.T + bias
        if relu and (last_relu or place < len(pairs) - 1):
            x = np.maximum(x, 0)
    return x


def expect_mlp(got, sizes, x):
    """Fail unless it has the linear layers of these sizes, ReLU between them, and answers for each sample."""
    shapes = [shape for a, b in itertools.pairwise(sizes) for shape in ((b, a), (b,))]
    have = [parameter.shape for parameter in got["parameters"]]
    if have != shapes:
        raise Failure(
            "expected other parameters",
            want=str(shapes),
            got=str(have),
            hint="none at all: a plain list hides the layers" if not have else "sizes[i] numbers in, sizes[i + 1] out",
        )
    with call(f"MLP({list(sizes)}) in evaluation mode, on a batch of shape {x.shape}"):
        hints = {
            "no ReLU after the last layer: its outputs may be negative": mlp_in_numpy(got["parameters"], x, True),
            "ReLU between the layers is missing": mlp_in_numpy(got["parameters"], x, relu=False),
        }
        want = mlp_in_numpy(got["parameters"], x)
        assert_same(got["eval"], [want, want], rtol=1e-3, atol=1e-4, hints={h: [w, w] for h, w in hints.items()})
    if got["reached"] != len(shapes):
        raise Failure(
            f"gradients reach {got['reached']} of {len(shapes)} parameters", hint="does forward use each layer?"
        )


def expect_dropout(got, num_hidden):
    """Fail unless something is dropped in training, and only between the layers."""
    one, other = got["training"]
    if num_hidden and resembles(one, other):
        raise Failure("in training the same batch gives the same answer twice: nothing is dropped")
    if not num_hidden and not resembles(one, other):
        raise Failure("nothing is dropped from the outputs of the last layer")
    if (one == 0).any():
        raise Failure("some outputs are 0: nothing is dropped after the last layer")


@grade("pytorch_mlp", weight=SEEN)
def test_the_network_has_its_layers(observe, rng):
    """MLP([12, 20, 7, 3]) has three linear layers with ReLU between them, MLP([4, 3]) one; gradients reach all."""
    for sizes, shape in (([12, 20, 7, 3], (5, 3, 2, 2)), ([4, 3], (6, 4)), ([4, 5, 3], (1, 4))):
        x = floats(rng, *shape)
        with call(f"MLP({sizes})(a batch of shape {shape})"):
            expect_mlp(observe(mlp_answers, sizes, 0.0, x), sizes, x)


def outputs_with_dropout(code, x, dropout):
    """The outputs in training of a network whose layers hand on what comes in: one more 0 for each that is dropped."""
    import torch

    size = x.shape[1]
    torch.manual_seed(1)
    model = code.network.MLP([size, size, size], dropout)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.eye(size) if parameter.ndim == 2 else torch.zeros(size))
    return as_array(model.train()(torch.from_numpy(x)))


def expect_share(got, x, dropout):
    """Fail unless the right share of positive numbers was dropped, and the others grew so that the mean stays."""
    if np.shape(got) != x.shape:
        raise Failure(f"expected the shape {x.shape}, got {np.shape(got)}")
    zeros = float((got == 0).mean())
    if abs(zeros - dropout) > 0.05:
        raise Failure(f"expected a share of about {dropout} to be dropped, got {zeros:.2f}", hint="nn.Dropout(dropout)")
    assert_same(got[got != 0], x[got != 0] / np.float32(1 - dropout), rtol=1e-3)


@grade("pytorch_mlp", weight=SEEN)
def test_dropout_works_in_training(observe, rng):
    """With dropout=0.2, a fifth of the numbers after a ReLU becomes 0 in training; none in evaluation mode."""
    for sizes in ([6, 30, 3], [6, 3]):
        x = floats(rng, 8, 6)
        with call(f"MLP({sizes}, dropout=0.2), twice on the same batch in each mode"):
            got = observe(mlp_answers, sizes, 0.2, x)
            expect_mlp(got, sizes, x)
            expect_dropout(got, len(sizes) - 2)
    x = np.abs(floats(rng, 60, 50)) + np.float32(0.1)
    with call("MLP([50, 50, 50], dropout=0.2) in training, with weights that hand on what comes in"):
        expect_share(observe(outputs_with_dropout, x, 0.2), x, 0.2)


# A step of training


def watched_steps(code, inputs, targets, weight, lr, count, training=True, stale=0.0):
    """What some steps do to a linear model: losses, the order of events, weights, the modes it predicts in."""
    import torch
    from torch import nn

    events = []

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            self.modes = []

        def forward(self, inputs):
            events.append("call of the model")
            self.modes.append(self.training)
            return self.layer(inputs)

    class Watched(torch.optim.SGD):
        def zero_grad(self, *args, **kwargs):
            events.append("zero_grad")
            super().zero_grad(*args, **kwargs)

        def step(self, *args, **kwargs):
            events.append("step")
            return super().step(*args, **kwargs)

    model = Model().train(training)
    with torch.no_grad():
        model.layer.weight.copy_(torch.from_numpy(weight))
    if stale:
        model.layer.weight.grad = torch.full_like(model.layer.weight, stale)
    model.layer.weight.register_hook(lambda _: events.append("backward"))
    optimizer = Watched(model.parameters(), lr=lr)
    losses, weights = [], []
    for _ in range(count):
        losses.append(
            code.training.train_step(
                model,
                torch.from_numpy(inputs),
                torch.from_numpy(targets),
                optimizer,
                lambda p, t: torch.cosh(p - t).sum(),
            )
        )
        weights.append(model.layer.weight.detach().clone().numpy())
    return {"losses": losses, "events": events, "weights": weights, "modes": [*model.modes, model.training]}


def default_loss_of(code, inputs, labels, weight):
    """The loss that a step returns without a loss being named."""
    import torch
    from torch import nn

    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    return code.training.train_step(layer, torch.from_numpy(inputs), torch.from_numpy(labels), optimizer)


def is_tensor(value):
    """True for what stands for a tensor that a probe returned as it is."""
    return "Tensor" in kind_of(value) or "Parameter" in kind_of(value)


def steps_in_numpy(inputs, targets, weight, lr, count, kept=0.0, stale=0.0):
    """Losses and weights of gradient descent on the sum of cosh(error); with `kept` = 1 no gradient is forgotten."""
    x, w, gradient = inputs.astype(np.float64), weight.astype(np.float64), stale
    losses, weights = [], []
    for _ in range(count):
        error = x @ w.T - targets
        losses.append(float(np.cosh(error).sum()))
        gradient = kept * gradient + np.sinh(error).T @ x
        w = w - lr * gradient
        weights.append(w.astype(np.float32))
    return losses, weights


def a_small_problem(rng, n):
    """Inputs, targets and the weight of a linear model."""
    return floats(rng, n, 5), floats(rng, n, 2), 0.3 * floats(rng, 2, 5)


def expect_steps(got, problem, lr, count, stale=0.0):
    """Fail unless the steps are those of gradient descent on the loss that was given."""
    events = got["events"]
    for event, hint in (
        ("call of the model", "call model(inputs), once"),
        ("backward", "call backward() on the loss"),
        ("step", "call optimizer.step()"),
    ):
        if events.count(event) != count:
            calls = "1 call" if count == 1 else f"{count} calls"
            happened = "never happened" if event not in events else f"happened {events.count(event)} times in {calls}"
            raise Failure(f"expected one {event} in each train_step, it {happened}", hint=hint)
    if [event for event in events if event in ("backward", "step")] != ["backward", "step"] * count:
        raise Failure("the optimizer's step comes before the gradients are there", hint="backward() first, then step()")
    if all(np.array_equal(weight, problem[2]) for weight in got["weights"]):
        raise Failure(
            "the parameters did not change",
            hint="the gradients were erased before step(): zero_grad() has to come before backward()",
        )
    want_losses, want_weights = steps_in_numpy(*problem, lr, count)
    after = steps_in_numpy(*problem, lr, count + 1)[0][1:]
    kept_losses, kept = steps_in_numpy(*problem, lr, count, kept=1.0, stale=stale)
    added = "the gradients of the steps before are still in there: PyTorch adds, optimizer.zero_grad() forgets"
    with call("train_step(model, inputs, targets, optimizer, loss)"):
        hints = {
            "that is a tensor, which drags its graph along: .item() turns it into a float": lambda got: any(
                is_tensor(value) for value in got
            ),
            "that is the loss after the step: keep the one from before": after,
            added: lambda got: (
                any(abs(a - b) > 1e-3 * b for a, b in zip(kept_losses, want_losses, strict=True))
                and bool(np.allclose(got, kept_losses, rtol=1e-3))
            ),
            "the loss that is given as an argument counts": lambda got: (
                not np.isclose(got[0], want_losses[0], rtol=1e-3)
            ),
        }
        assert_same(got["losses"], want_losses, rtol=1e-3, hints=hints)
    with call("the parameters after each step"):
        assert_same(got["weights"], want_weights, rtol=1e-3, atol=1e-4, hints={added: kept})


@grade("pytorch_step", weight=SEEN)
def test_a_step_follows_the_gradient(observe, rng):
    """train_step returns the loss before the step as a float and moves the parameters by -lr times the gradient."""
    problem = a_small_problem(rng, 6)
    expect_steps(observe(watched_steps, *problem, 0.01, 1), problem, 0.01, 1)


@grade("pytorch_step", weight=SEEN)
def test_each_step_forgets_the_gradients_before(observe, rng):
    """Three steps follow three gradients, each of them that of its own step alone."""
    problem = a_small_problem(rng, 6)
    expect_steps(observe(watched_steps, *problem, 0.01, 3), problem, 0.01, 3)


@grade("pytorch_step", weight=SEEN)
def test_without_a_loss_it_is_the_cross_entropy(observe):
    """Without the argument loss, a model that knows nothing has the loss ln 2 for two classes: 0.693."""
    inputs, labels = np.ones((3, 4), dtype=np.float32), np.array([0, 1, 1])
    with call("train_step(model, inputs, labels, optimizer)"):
        got = observe(default_loss_of, inputs, labels, np.zeros((2, 4), dtype=np.float32))
        # After the step the two logits of each sample are 1/15 above and below 0.
        after = (np.log1p(np.exp(2 / 15)) + 2 * np.log1p(np.exp(-2 / 15))) / 3
        hints = {
            "that is a tensor, which drags its graph along: .item() turns it into a float": is_tensor,
            "that is the loss after the step: keep the one from before": lambda got: bool(
                np.isclose(got, after, rtol=1e-3)
            ),
            "the default of the argument is cross_entropy: call loss(...)": lambda got: type(got) is float,
        }
        assert_same(got, float(np.log(2)), rtol=1e-3, hints=hints)


@grade("pytorch_step", weight=SEEN)
def test_a_step_leaves_the_mode_alone(observe, rng):
    """A model that comes in training mode learns in training mode, one in evaluation mode in evaluation mode."""
    problem = a_small_problem(rng, 3)
    for training in (True, False):
        expect_modes(observe(watched_steps, *problem, 0.01, 1, training)["modes"], training)


def expect_modes(modes, training):
    """Fail unless the model predicted in this mode, and is in it afterwards."""
    *predicting, afterwards = modes
    if not predicting:
        raise Failure("expected predictions of the model, got none", hint="call model(inputs)")
    if any(mode is not training for mode in (*predicting, afterwards)):
        wanted = "training" if training else "evaluation"
        raise Failure(
            f"expected the model in {wanted} mode", hint="train_step leaves the mode alone: no train(), no eval()"
        )


# Validation


def evaluations(code, batches, weight, training):
    """Loss and accuracy of a linear model with dropout, its mode afterwards, what it saw, and its gradients."""
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            self.dropout = nn.Dropout(0.9)
            self.watched = []

        def forward(self, inputs):
            self.watched.append(torch.is_grad_enabled())
            return self.dropout(self.layer(inputs))

    model = Model().train(training)
    with torch.no_grad():
        model.layer.weight.copy_(torch.from_numpy(weight))
    pairs = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in batches]
    answer = code.training.evaluate(model, pairs, lambda p, t: 3 * nn.functional.cross_entropy(p, t))
    return {
        "answer": answer,
        "training": model.training,
        "inner": model.dropout.training,
        "watched": model.watched,
        "grad": model.layer.weight.grad is not None,
        "enabled": torch.is_grad_enabled(),
    }


def measured(batches, weight):
    """The mean loss, three times the cross-entropy, and the accuracy; and the means of each batch's."""
    losses, hits = [], []
    for x, y in batches:
        logits = (x @ weight.T).astype(np.float64)
        shifted = logits - logits.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses.append(-3 * logs[np.arange(len(y)), y])
        hits.append(logits.argmax(axis=1) == y)
    right = [float(np.concatenate(losses).mean()), float(np.concatenate(hits).mean())]
    return right, [float(np.mean([each.mean() for each in part])) for part in (losses, hits)]


def some_batches(rng, sizes):
    """Batches of inputs and labels of three classes, and the weight of a linear model."""
    batches = [(floats(rng, n, 4), rng.integers(0, 3, n)) for n in sizes]
    return batches, floats(rng, 3, 4)


def expect_measured(got, batches, weight):
    """Fail unless loss and accuracy are those over all samples, in evaluation mode."""
    answer = got["answer"]
    want, by_batch = measured(batches, weight)
    if type(answer) not in (tuple, list) or [type(value) for value in answer] != [float, float]:
        raise Failure(
            "expected two Python floats, the loss and the accuracy",
            got=show(answer),
            hint=".item() turns a tensor into one",
        )
    sizes = [len(y) for _, y in batches]
    count, num_batches = sum(sizes), len(batches)
    means = [measured([batch], weight)[0][0] for batch in batches]
    # What is right over all samples, had it been divided by the number of batches.
    per_batch = [value * count / num_batches for value in want]
    hits = sum(int(((x @ weight.T).argmax() == y).sum()) for x, y in batches) / count
    hints = {
        "the loss of a batch is a mean: times the size of the batch it is the sum that you can add up": lambda got: (
            max(sizes) > 1 and np.isclose(got[0], sum(means) / count, rtol=1e-3)
        ),
        # With a single batch an accuracy like that is the number of right answers itself.
        "divide by the number of samples, not by the number of batches": lambda got: any(
            np.isclose(a, c, rtol=1e-3) and not np.isclose(b, c, rtol=1e-3)
            for a, b, c in list(zip(got, want, per_batch, strict=True))[: 2 if num_batches > 1 else 1]
        ),
        "accuracy is a share: divide the number of right answers by the number of samples": lambda got: got[1] > 1,
        "the loss that is given as an argument counts": lambda got: bool(np.isclose(got[0], want[0] / 3, rtol=1e-3)),
        "batches of different sizes do not count alike: add up over samples, divide once": lambda got: any(
            np.isclose(a, c, rtol=1e-3) and not np.isclose(b, c, rtol=1e-3)
            for a, b, c in zip(got, want, by_batch, strict=True)
        ),
        "argmax() without dim is a single number for the whole batch: argmax(dim=1) gives the class of each sample": (
            lambda got: np.isclose(got[0], want[0], rtol=1e-3) and np.isclose(got[1], hits, rtol=1e-3)
        ),
        "is the model in evaluation mode? Dropout was at work": lambda got: not np.isclose(got[0], want[0], rtol=1e-3),
    }
    assert_same(list(answer), want, rtol=1e-3, atol=1e-4, hints=hints)


def expect_left_alone(got, training):
    """Fail unless the model is left in the mode it was in, and no gradients were recorded."""
    if got["training"] is not training or got["inner"] is not training:
        hint = "keep model.training before you change the mode, and put it back afterwards"
        raise Failure("the model is left in another mode than it was in", hint=hint)
    if not got["watched"] or any(got["watched"]) or got["grad"]:
        raise Failure("autograd watched the predictions", hint="predict inside with torch.no_grad():")
    if got["enabled"] is not True:
        raise Failure("autograd is off afterwards", hint="with torch.no_grad(): ends with its block")


@grade("pytorch_evaluate", weight=SEEN)
def test_validation_counts_each_sample_once(observe, rng):
    """evaluate returns the mean loss and the accuracy over all samples, also where the last batch is smaller."""
    batches, weight = some_batches(rng, (6, 6, 1))
    with call("evaluate(model, batches of 6, 6 and 1 samples, loss)"):
        expect_measured(observe(evaluations, batches, weight, True), batches, weight)


@grade("pytorch_evaluate", weight=SEEN)
def test_validation_is_in_evaluation_mode(observe, rng):
    """A model with dropout that comes in training mode is measured without it."""
    batches, weight = some_batches(rng, (8,))
    with call("evaluate(a model with dropout in training mode, one batch of 8 samples, loss)"):
        expect_measured(observe(evaluations, batches, weight, True), batches, weight)


@grade("pytorch_evaluate", weight=SEEN)
def test_validation_gives_the_model_back_as_it_was(observe, rng):
    """The model is left in the mode it was in, and it predicts without gradients."""
    batches, weight = some_batches(rng, (3, 2))
    for training in (True, False):
        with call(f"evaluate(a model in {'training' if training else 'evaluation'} mode, batches)"):
            expect_left_alone(observe(evaluations, batches, weight, training), training)


# The loop


def watched_fit(code, accuracies, losses, num_batches, training):
    """What a training loop does with steps and validations of ours, which count and answer as they are told."""
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(2))
            self.register_buffer("steps", torch.zeros(1))
            self.loaded = 0

        def load_state_dict(self, *args, **kwargs):
            self.loaded += 1
            return super().load_state_dict(*args, **kwargs)

    model = Model().train(training)
    events, given = [], iter(losses)

    def step(model, inputs, targets, optimizer, loss):
        events.append(["step", model.training, int(inputs), int(targets), loss(2.0, 3.0)])
        with torch.no_grad():
            model.weight += 1
            model.steps += 1
        return next(given)

    def validate(model, batches, loss):
        done = sum(event[0] == "validation" for event in events)
        events.append(["validation", [int(x) for x, _ in batches], loss(2.0, 3.0)])
        return 10.0 + done, accuracies[done]

    pairs = [(torch.tensor(i), torch.tensor(i + 100)) for i in range(num_batches)]
    held_out = [(torch.tensor(50), torch.tensor(51))]
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with swapped(code.training, train_step=step, evaluate=validate):
        history = code.training.fit(model, pairs, held_out, optimizer, len(accuracies), lambda p, t: 10 * p + t)
    state = {"weight": model.weight.detach().numpy(), "steps": model.steps.numpy()}
    return {"history": history, "events": events, "state": state, "loaded": model.loaded}


def expect_fit(got, accuracies, losses, num_batches):
    """Fail unless each epoch is all steps in training mode and one validation."""
    epochs = [losses[i * num_batches : (i + 1) * num_batches] for i in range(len(accuracies))]
    epoch = [["step", True, i, i + 100, 23.0] for i in range(num_batches)] + [["validation", [50], 23.0]]
    kinds = [event[0] for event in got["events"]]
    if kinds != [event[0] for event in epoch] * len(accuracies):
        raise Failure(
            "expected in each epoch a train_step for each batch, then one evaluate",
            got=", ".join(kinds[:12]) or "nothing at all",
            hint="call your train_step and your evaluate",
        )
    hint = "train_step(model, inputs, labels, optimizer, loss) in training mode; evaluate(model, val_batches, loss)"
    with call("the calls of train_step (mode, inputs, labels, loss) and evaluate (inputs, loss)"):
        assert_same(got["events"], epoch * len(accuracies), hint=hint)
    for name, want in (
        ("train_loss", [float(np.mean(each)) for each in epochs]),
        ("val_loss", [10.0 + i for i in range(len(accuracies))]),
        ("val_accuracy", list(accuracies)),
    ):
        with call(f'fit(...)["{name}"]'):
            assert_same(items(entry(got["history"], name), len(want)), want, rtol=1e-5)


def expect_best(got, accuracies, num_batches):
    """Fail unless the model has the values of its best epoch, the first of several."""
    best = num_batches * (int(np.argmax(accuracies)) + 1)
    last = num_batches * len(accuracies)
    latest = num_batches * (len(accuracies) - int(np.argmax(accuracies[::-1])))
    loaded = got["loaded"]
    hints = {
        "of several epochs with the best accuracy, the first counts: compare with >, not with >=": lambda got: (
            latest not in (best, last) and resembles(got, np.full(2, latest))
        ),
        "those are the parameters of the last epoch: load the state that was kept": lambda got: (
            not loaded and best != last and resembles(got, np.full(2, last))
        ),
        "those are the parameters of the last epoch: state_dict() refers to the model's own tensors, deepcopy it": (
            lambda got: loaded and best != last and resembles(got, np.full(2, last))
        ),
    }
    with call(f"the model after epochs with the validation accuracies {list(accuracies)}"):
        state = got["state"]
        assert_same(state["weight"], np.full(2, best, dtype=np.float32), hints=hints)
        assert_same(state["steps"], np.full(1, best, dtype=np.float32), hint="buffers belong to the best epoch, too")


@grade("pytorch_fit", weight=SEEN)
def test_epochs_of_steps_and_a_validation(observe):
    """Each epoch is one train_step for each batch, in training mode, and then one evaluate; all of it is noted."""
    accuracies, losses = [0.2, 0.5], [4.0, 2.0, 1.0, 0.0]
    with call("fit(model in evaluation mode, 2 batches, val_batches, optimizer, num_epochs=2, loss)"):
        expect_fit(observe(watched_fit, accuracies, losses, 2, False), accuracies, losses, 2)


@grade("pytorch_fit", weight=SEEN)
def test_the_best_epoch_is_kept(observe):
    """In the end the model has the parameters and buffers of the epoch with the best validation accuracy."""
    accuracies = [0.3, 0.6, 0.4]
    expect_best(observe(watched_fit, accuracies, [1.0] * 6, 2, True), accuracies, 2)


@grade("pytorch_fit", weight=SEEN)
def test_of_equally_good_epochs_the_first_is_kept(observe):
    """Where several epochs have the best accuracy, the first one counts."""
    accuracies = [0.3, 0.6, 0.2, 0.6, 0.4]
    expect_best(observe(watched_fit, accuracies, [1.0] * 5, 1, True), accuracies, 1)


# Traps


def dimmed_images(code, images, factor):
    """The dimmed pictures, and those that came in, afterwards."""
    import torch

    given = torch.from_numpy(images.copy())
    return as_array(code.traps.dimmed(given, factor)), given.numpy()


def expect_dimmed(got, images, factor):
    """Fail unless new pictures came back, and the old ones are as they were."""
    answer, left = got
    assert_same(answer, images * np.float32(factor), rtol=1e-5, atol=1e-6)
    with call("the pictures that came in, afterwards"):
        assert_same(left, images, hint="which line writes into the tensor that came in?")


@grade("pytorch_traps", weight=SEEN)
def test_dimming_leaves_the_pictures_alone(observe):
    """dimmed(images, 0.5) gives new pictures; the ones that came in keep their values."""
    images = np.array([[0.0, 0.5], [1.0, 0.25]], dtype=np.float32)
    with call("dimmed(images, 0.5)"):
        expect_dimmed(observe(dimmed_images, images, 0.5), images, 0.5)


def error_of(code, predictions, targets):
    """The mean squared error."""
    import torch

    return as_array(code.traps.mean_squared_error(torch.from_numpy(predictions), torch.from_numpy(targets)))


def expect_error(value, predictions, targets):
    """Fail unless it is the mean over samples, each compared with its own target."""
    wrong = np.float32(((predictions - targets[None]) ** 2).mean())
    hint = "here each prediction met every target: (N, 1) minus (N,) is (N, N). Print the shape of the difference"
    want = np.array(((predictions[:, 0] - targets) ** 2).mean(), dtype=np.float32)
    assert_same(value, want, rtol=1e-4, atol=1e-6, hints={hint: wrong})


@grade("pytorch_traps", weight=SEEN)
def test_each_prediction_meets_its_own_target(observe):
    """Predictions [[1], [3]] and targets [1, 5] have the mean squared error 2."""
    predictions, targets = np.array([[1], [3]], dtype=np.float32), np.array([1, 5], dtype=np.float32)
    with call("mean_squared_error(tensor([[1.], [3.]]), tensor([1., 5.]))"):
        expect_error(observe(error_of, predictions, targets), predictions, targets)


def label_loss(code, logits, labels):
    """The loss."""
    import torch

    return as_array(code.traps.label_loss(torch.from_numpy(logits), torch.from_numpy(labels)))


def expect_label_loss(value, logits, labels):
    """Fail unless it is the cross-entropy of the logits."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    want = -np.log(shares[np.arange(len(labels)), labels]).mean()
    hint = "where logits are sure and right, the loss has to be near 0: what does cross_entropy do with its input?"
    assert_same(value, np.array(want, dtype=np.float32), rtol=1e-3, atol=1e-5, hint=hint)


@grade("pytorch_traps", weight=SEEN)
def test_sure_and_right_logits_have_no_loss(observe):
    """Logits (20, 0) for label 0 have a loss near 0, and for label 1 one of 20."""
    logits = np.array([[20, 0]], dtype=np.float32)
    for label in (0, 1):
        with call(f"label_loss(tensor([[20., 0.]]), tensor([{label}]))"):
            expect_label_loss(observe(label_loss, logits, np.array([label])), logits, np.array([label]))


def committee_parts(code, num_members, x):
    """The shapes of the committee's parameters, its answer, that of its members by hand, and gradients that came."""
    import torch

    torch.manual_seed(2)
    committee = code.traps.Committee(num_members, x.shape[1], 2)
    answer = committee(torch.from_numpy(x))
    array = as_array(answer)
    parameters = list(committee.parameters())
    if parameters:
        answer.square().sum().backward()
    return array, [as_array(p) for p in parameters], sum(p.grad is not None for p in parameters)


def expect_committee(got, num_members, x):
    """Fail unless all members are found, and the answer is their mean."""
    answer, parameters, reached = got
    shapes = [p.shape for p in parameters]
    wanted = [(2, x.shape[1]), (2,)] * num_members
    if shapes != wanted:
        raise Failure(
            "expected a weight and a bias of each member",
            want=f"{len(wanted)} parameters",
            got=f"{len(shapes)} parameters",
            hint="print list(Committee(3, 4, 2).parameters()): what would an optimizer find?",
        )
    weight, bias = (np.mean(parameters[start::2], axis=0) for start in (0, 1))
    assert_same(answer, (x @ weight.T + bias).astype(np.float32), rtol=1e-3, atol=1e-4)
    if reached != len(shapes):
        raise Failure(f"gradients reach {reached} of {len(shapes)} parameters")


@grade("pytorch_traps", weight=SEEN)
def test_all_members_are_trained(observe, rng):
    """Committee(3, 4, 2) has the weights and biases of all three members among its parameters."""
    x = floats(rng, 5, 4)
    with call("list(Committee(3, 4, 2).parameters())"):
        expect_committee(observe(committee_parts, 3, x), 3, x)


# The model


def outputs_of_sizes(code, images, sizes):
    """The outputs of one new model for the first samples, for each batch size, in eval mode."""
    import torch

    torch.manual_seed(0)
    model = code.model.CifarModel(dict(code.model.HPARAMS)).eval()
    with torch.no_grad():
        return each_call(
            lambda size: as_array(model(torch.from_numpy(images[:size]))),
            {f"CifarModel(HPARAMS)(images of shape ({size}, 3, 32, 32))": (size,) for size in sizes},
        )


def learned_by_heart(code, images, labels, num_steps):
    """How a new model's loss on one batch falls, and what it is made of."""
    import torch
    from torch import nn

    from exercise_code.common.tracing import watched_leaves

    torch.manual_seed(0)
    model = code.model.CifarModel(dict(code.model.HPARAMS)).train()
    inputs, targets = torch.from_numpy(images), torch.from_numpy(labels)
    # Each time a copy: whether the model writes into its pictures is asked elsewhere.
    logits = model(inputs.clone())
    if as_array(logits).shape != (len(images), 10):
        raise OddAnswer(f"expected logits of shape ({len(images)}, 10) in training mode, got {tuple(logits.shape)}")
    parameters = [p for p in model.parameters() if p.requires_grad]
    owned = {id(parameter) for parameter in model.parameters()}
    facts = {
        "parameters": len(parameters),
        "axes": max((p.ndim for p in model.parameters()), default=0),
        "strangers": sum(id(leaf) not in owned for leaf in watched_leaves(logits)),
    }
    if not parameters:
        return facts
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    losses = []
    for _ in range(num_steps + 1):
        loss = nn.functional.cross_entropy(model(inputs.clone()), targets)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {**facts, "losses": losses, "reached": sum(p.grad is not None for p in parameters)}


def outputs_one_by_one(code, images):
    """The outputs of a new model in eval mode for all samples, again, and for each alone; the samples afterwards."""
    import torch

    torch.manual_seed(0)
    model = code.model.CifarModel(dict(code.model.HPARAMS)).train()
    samples = torch.from_numpy(images.copy())
    with torch.no_grad():
        model(samples)
        model.eval()
        alone = [as_array(model(sample[None])) for sample in samples]
        together, again = as_array(model(samples)), as_array(model(samples))
    return together, again, np.stack([np.ravel(one) for one in alone]), samples.numpy()


def resized_model(code, factor):
    """The `hidden_sizes` of HPARAMS, and parameters' shapes of two models: of HPARAMS, and with resized ones.

    Where HPARAMS has no such entry, which the task allows, nothing is resized.
    """
    import torch

    hparams = dict(code.model.HPARAMS)
    sizes = hparams.get("hidden_sizes")
    changed = dict(hparams)
    if isinstance(sizes, tuple | list) and all(type(size) is int for size in sizes):
        changed["hidden_sizes"] = [max(2, int(factor * size)) for size in sizes]
    models = [code.model.CifarModel(each).eval() for each in (hparams, changed)]
    with torch.no_grad():
        rows = as_array(models[1](torch.zeros(2, 3, 32, 32)))
    shapes = [[tuple(p.shape) for p in model.parameters()] for model in models]
    return {"shapes": shapes, "sizes": sizes, "changed": changed.get("hidden_sizes"), "rows": rows}


def expect_resized(got, factor):
    """Fail unless the second model has other parameters than the first, where it has other `hidden_sizes`."""
    (first, second), sizes, changed = got["shapes"], got["sizes"], got["changed"]
    if not first or not second:
        raise Failure("expected a model with parameters, got none", hint="are the layers attributes of the model?")
    with call(f"CifarModel(dict(HPARAMS, hidden_sizes={changed}))" if changed != sizes else "CifarModel(HPARAMS)"):
        expect_rows(got["rows"], 2)
        if changed != sizes and first == second:
            raise Failure(
                f"the model has the same parameters as with hidden_sizes={sizes}",
                hint='read the sizes from the argument, hparams["hidden_sizes"], not from HPARAMS',
            )


def expect_rows(got, n):
    """Fail unless it is float32 of the shape (n, 10), finite."""
    if np.shape(got) != (n, 10) or got.dtype != np.float32:
        hints = {
            (10,): "the batch axis is lost: flatten(1) keeps it, squeeze() may not",
            (1, 10): "the number of pictures may be any: take it from images",
        }
        found = f"{got.dtype} {np.shape(got)}" if hasattr(got, "dtype") else type(got).__name__
        raise Failure(f"expected float32 of the shape ({n}, 10), got {found}", hint=hints.get(np.shape(got), ""))
    if not np.isfinite(got).all():
        raise Failure("expected finite logits, got NaN or infinity")


def expect_alone(got, images):
    """Fail unless pictures stay as they are, and outputs repeat, do not depend on the batch, and differ."""
    together, again, alone, left = got
    assert_same(left, images, hint="-= and /= change the pictures that came in: images = images - 0.5 makes new ones")
    expect_rows(together, len(alone))
    if not resembles(again, together):
        raise Failure(
            "in evaluation mode the same pictures give other logits each time", hint="is dropout still at work?"
        )
    if not np.allclose(together, alone, rtol=1e-3, atol=1e-4):
        raise Failure(
            "a picture has other logits alone than in a batch", hint="is something computed over the batch axis?"
        )
    if np.ptp(together, axis=0).max() < 1e-6:
        raise Failure("all pictures have the same logits", hint="does the answer depend on images?")


def expect_learned(got):
    """Fail unless the loss on one batch falls far, and gradients reach all parameters of fully connected layers."""
    parameters, axes, strangers = (got[name] for name in ("parameters", "axes", "strangers"))
    if not parameters:
        raise Failure("expected a model with parameters, got none", hint="are the layers attributes of the model?")
    if strangers:
        raise Failure(
            f"{strangers} tensors that the logits are made from are not among model.parameters()",
            hint="a plain Python list hides layers, nn.Sequential and nn.ModuleList do not",
        )
    if axes > 2:
        raise Failure(
            f"a parameter has {axes} axes: that is not a fully connected layer",
            hint="no convolutions in this exercise; nn.Linear has weights of two axes",
        )
    losses, reached = got["losses"], got["reached"]
    if reached < parameters:
        raise Failure(f"gradients reach {reached} of {parameters} parameters", hint="does forward use each layer?")
    if losses[-1] > 0.5 * losses[0]:
        raise Failure(
            "the loss on one batch of 20 pictures falls too little",
            want=f"at most {0.5 * losses[0]:.3f} after {len(losses) - 1} steps",
            got=f"{losses[-1]:.3f}",
            hint="no ReLU and no softmax after the last layer; less dropout",
        )


@grade("cifar_model", weight=SEEN)
def test_the_model_takes_batches_of_any_size(observe, rng):
    """For 1, 2 and 5 pictures the model answers float32 of the shapes (1, 10), (2, 10) and (5, 10)."""
    images = rng.random((5, 3, 32, 32), dtype=np.float32)
    for (text, got), size in zip(observe(outputs_of_sizes, images, [1, 2, 5]).items(), (1, 2, 5), strict=True):
        with call(text):
            expect_rows(got, size)


@grade("cifar_model", weight=SEEN)
def test_pictures_do_not_depend_on_their_neighbours(observe, rng):
    """In evaluation mode a picture has the same logits alone and in a batch, and other pictures have others."""
    images = rng.random((6, 3, 32, 32), dtype=np.float32)
    expect_alone(observe(outputs_one_by_one, images), images)


@grade("cifar_model", weight=SEEN)
def test_the_sizes_come_from_hparams(observe):
    """CifarModel(hparams) follows the argument: with hidden_sizes half as large it has smaller layers."""
    expect_resized(observe(resized_model, 0.5), 0.5)


@grade("cifar_model", weight=SEEN)
def test_the_model_learns_twenty_pictures(observe, rng):
    """Within 60 steps of Adam the loss on 20 pictures falls by half, and gradients reach every parameter."""
    images, labels = rng.random((20, 3, 32, 32), dtype=np.float32), np.arange(20) % 10
    expect_learned(observe(learned_by_heart, images, labels, 60))


# The score


# These bring no points: who has the validation set has its labels too. Their hidden twins score new pictures.
@grade("cifar_score", weight=0, step="beats a linear model")
def test_the_model_beats_a_linear_model(evaluation, model_info):
    """The saved model is within the limits and beats a linear model on the validation set."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats a linear model")


@grade("cifar_score", weight=0, step="half way")
def test_the_model_is_half_way(evaluation, model_info):
    """On the validation set it is half way to the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("half way")


@grade("cifar_score", weight=0, step="passes")
def test_the_model_passes(evaluation, model_info):
    """On the validation set it reaches the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
