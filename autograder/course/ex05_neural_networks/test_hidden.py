"""The hidden tests of exercise 5: what the visible tests ask for, on fresh inputs.

Backward passes are held against numeric gradients of the reference's forward, never of the student's.
"""

import itertools

import numpy as np

from exercise_code.common.testing import (
    Failure,
    answer_each,
    assert_agreed,
    assert_caught,
    assert_same,
    entry,
    expect_examples,
    grade,
    wrong_type,
)
from exercise_code.ex05_neural_networks.test_visible import (
    CLOSE,
    EXACT,
    FORM,
    arrays_after_error,
    backward,
    backward_twice,
    built,
    error_of,
    examples_of,
    forward,
    init_scale,
    items,
    layer_with,
    layers_of,
    network_backward,
    network_forward,
    network_of,
    number,
    softmax_after,
    softmax_gradient,
    softmax_loss,
    softmax_with_warnings,
    sound_parts,
    starting_weights,
    toy_layers,
    turns_of_each,
    updates,
    updates_of_each,
    warnings_of,
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


# Examples


def right(code, example):
    weight = np.array(example["weight"])
    params = {"weight": weight, "bias": np.zeros(weight.shape[1])}
    layer = layer_with(code, "Affine", params)
    layer.forward(np.array(example["x"]))
    gradients = {"x": layer.backward(np.array(example["dout"]))} | layer.grads
    return gradients[example["of"]]


def arrays(example):
    return (np.array(example[key]) for key in ("x", "weight", "dout"))


def weight_as_it_is(code, example):
    _, weight, dout = arrays(example)
    return dout @ weight if example["of"] == "x" else right(code, example)


def averages(code, example):
    gradient = right(code, example)
    return gradient if example["of"] == "x" else gradient / len(example["x"])


def first_sample_alone(code, example):
    gradient = right(code, example)
    x, _, dout = arrays(example)
    return np.outer(x[0], dout[0]) if example["of"] == "weight" else gradient


def bias_over_the_outputs(code, example):
    return np.array(example["dout"]).sum(axis=1) if example["of"] == "bias" else right(code, example)


def ones_for_dout(code, example):
    return right(code, example | {"dout": np.ones_like(np.array(example["dout"]))})


def weights_turned(code, example):
    gradient = right(code, example)
    return gradient.T if example["of"] == "weight" else gradient


MISTAKES = {
    "weight as it is": weight_as_it_is,
    "averages": averages,
    "first sample": first_sample_alone,
    "other axis": bias_over_the_outputs,
    "no dout": ones_for_dout,
    "turned": weights_turned,
}


def right_and_mistaken(code, mistake, examples):
    """The answers of the reference, and those of a mistake: one process for both."""
    return [answer_each(code, answer, examples) for answer in (right, MISTAKES[mistake])]


def expect_caught(observe, bank, mistake):
    examples = expect_examples(observe(examples_of), FORM)
    answers = bank(right_and_mistaken, mistake, examples)
    ours, theirs = [answers] * 2 if isinstance(answers, Failure) else answers
    assert_agreed(examples, ours, key="gradient")
    assert_caught(examples, theirs, key="gradient")


@grade("affine_examples")
def test_examples_catch_a_missing_transpose(observe, bank):
    """The examples catch dout @ weight where dout @ weight.T is right."""
    expect_caught(observe, bank, "weight as it is")


@grade("affine_examples")
def test_examples_catch_an_average(observe, bank):
    """The examples catch gradients of the parameters that average over the samples where they should add up."""
    expect_caught(observe, bank, "averages")


@grade("affine_examples")
def test_examples_catch_a_single_sample(observe, bank):
    """The examples catch a gradient of the weights that looks at the first sample alone."""
    expect_caught(observe, bank, "first sample")


@grade("affine_examples")
def test_examples_catch_the_wrong_axis(observe, bank):
    """The examples catch a gradient of the bias that sums over the outputs instead of the samples."""
    expect_caught(observe, bank, "other axis")


@grade("affine_examples")
def test_examples_catch_a_forgotten_dout(observe, bank):
    """The examples catch gradients that take no notice of dout, as if it were 1 everywhere."""
    expect_caught(observe, bank, "no dout")


@grade("affine_examples")
def test_examples_catch_turned_weights(observe, bank):
    """The examples catch a gradient of the weights with rows and columns exchanged."""
    expect_caught(observe, bank, "turned")


# Gradient check


def gradients_of_a_cubic(code, cases, weights):
    """Numeric gradients of a cubic in which all entries meet, and the arrays afterwards."""

    def cubic(x):
        return np.array([[(x.ravel() @ weights[: x.size]) ** 3, (x**3).sum()]])

    return [[code.gradient_check.numeric_gradient(cubic, x, dout, h), x] for x, dout, h in cases]


def gradients_of_a_layer(code, weight, x, dout):
    """The gradient for a matrix that a function knows by itself, with the default step."""
    return [code.gradient_check.numeric_gradient(lambda _: np.tanh(x @ weight), weight, dout), weight, dout]


@grade("gradient_check")
def test_numeric_gradients_of_a_cubic(observe, reference, rng):
    """Central differences of a function in which all entries meet, for arrays of any shape and a large h."""
    h = float(rng.uniform(0.2, 0.5))
    cases = [(rng.normal(size=shape), rng.normal(size=(1, 2)), h) for shape in ((4,), (2, 3), (1, 2, 2), (1,))]
    inputs = cases, rng.normal(size=6)
    got, want = items(observe(gradients_of_a_cubic, *inputs), 4), reference(gradients_of_a_cubic, *inputs)
    assert_same([items(each, 2)[0] for each in got], [gradient for gradient, _ in want], **CLOSE)


@grade("gradient_check")
def test_numeric_gradients_leave_the_array_alone(observe, rng):
    """Afterwards the array has exactly its old values, whatever h is."""
    cases = [
        (rng.normal(size=shape), rng.normal(size=(1, 2)), h)
        for shape in ((5,), (3, 2))
        for h in (float(rng.uniform(0.2, 0.5)), 1e-5)
    ]
    got = items(observe(gradients_of_a_cubic, cases, rng.normal(size=6)), 4)
    for each, (x, _, _) in zip(got, cases, strict=True):
        gradient, after = items(each, 2)
        if not isinstance(gradient, np.ndarray) or not gradient.any():
            raise wrong_type("a gradient", gradient)
        assert_same(after, x, **EXACT)


@grade("gradient_check")
def test_numeric_gradient_of_a_weight(observe, rng):
    """A function that knows its weights by itself sees them move, and the default h is small."""
    weight, x, dout = rng.normal(size=(3, 2)), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    want = x.T @ (dout * (1 - np.tanh(x @ weight) ** 2))
    gradient, *after = items(observe(gradients_of_a_layer, weight, x, dout), 3)
    assert_same(gradient, want, rtol=1e-3, atol=1e-3)
    # To the last digit: that is another test's.
    assert_same(after, [weight, dout], rtol=0, atol=1e-8)


def errors_of_each(code, pairs):
    return [arrays_after_error(code, a, b) for a, b in pairs]


@grade("gradient_check")
def test_relative_errors_of_random_arrays(observe, reference, rng):
    """Relative errors of arrays of any shape, of large and of tiny numbers, are floats; the arrays stay as they are."""
    pairs = []
    for shape, size in (((4,), 1.0), ((3, 2), 1e-6), ((2, 2, 2), 1e6), ((1,), 1.0)):
        a = size * rng.normal(size=shape)
        pairs.append((a, a * (1 + 0.1 * rng.normal(size=shape))))
    got, want = items(observe(errors_of_each, pairs), 4), reference(errors_of_each, pairs)
    for each, (error, *before) in zip(got, want, strict=True):
        ours, *after = items(each, 3)
        assert_same(number(ours), number(error), **CLOSE)
        assert_same(after, before, **EXACT)


def errors_with_warnings(code, pairs):
    return [warnings_of(code.gradient_check.relative_error, a, b) for a, b in pairs]


@grade("gradient_check")
def test_relative_errors_of_zeros_and_signs(observe, rng):
    """Zeros in both arrays count as equal, a zero in one of them and opposite signs as an error of 1."""
    a = rng.uniform(1, 2, 3)
    zeros, some = np.zeros(3), np.array([0.0, 1.0, 0.0])
    pairs = [(zeros, zeros), (a, zeros), (a, -a), (a * some, 2 * a * some)]
    got = items(observe(errors_with_warnings, pairs), 4)
    for each, want in zip(got, (0.0, 1.0, 1.0, 1 / 3), strict=True):
        error, said = items(each, 2)
        assert_same(number(error), want, **CLOSE)
        if said != []:
            raise Failure("numpy warns on the way")


# Layers


def forward_of_each(code, kind, cases):
    return [forward(code, kind, params, x) for params, x in cases]


def backward_of_each(code, kind, cases):
    return [backward(code, kind, params, xs, dout) for params, xs, dout in cases]


def numeric_of_each(code, kind, cases, part):
    """For each case the gradients of sum(dout * forward(x)), from differences: for x (part 0) or the parameters."""
    answers = []
    with sound_parts(code):
        for params, xs, dout in cases:
            layer = layer_with(code, kind, params)

            def total(x, layer=layer, dout=dout):
                return float((dout * layer.forward(x)).sum())

            def moved(param, held, x=xs[-1], total=total):
                old = held.copy()
                held[...] = param
                value = total(x)
                held[...] = old
                return value

            if part == 0:
                answers.append(differences(total, xs[-1]))
            else:
                answers.append({n: differences(lambda p, h=h, m=moved: m(p, h), h) for n, h in layer.params.items()})
    return answers


def both_of_each(code, kind, cases, part):
    with_formulas = [each[part] for each in backward_of_each(code, kind, cases)]
    return list(zip(with_formulas, numeric_of_each(code, kind, cases, part), strict=True))


AFFINE_SHAPES = ((5, 4, 3), (1, 3, 3), (4, 1, 2), (3, 3, 1), (3, 3, 3))


def affine_params(rng, num_in, num_out):
    return {"weight": rng.normal(size=(num_in, num_out)), "bias": rng.normal(size=num_out)}


def affine_cases(rng):
    """Parameters, some inputs and the gradient that arrives, for several shapes."""
    return [
        (
            affine_params(rng, num_in, num_out),
            [rng.normal(size=(samples + 2, num_in)), rng.normal(size=(samples, num_in))],
            rng.normal(size=(samples, num_out)),
        )
        for samples, num_in, num_out in AFFINE_SHAPES
    ]


@grade("affine")
def test_affine_outputs_of_random_data(observe, reference, rng):
    """Outputs are right for any number of samples, inputs and outputs, one of each included."""
    cases = [(params, xs[-1]) for params, xs, _ in affine_cases(rng)]
    got = items(observe(forward_of_each, "Affine", cases), len(cases))
    assert_same(got, reference(forward_of_each, "Affine", cases), **CLOSE)


def expect_gradients(observe, reference, kind, cases, part):
    """The gradients agree with the numeric ones and with the reference's; `part` is 0 for x, 1 for the parameters."""
    got = items(observe(backward_of_each, kind, cases), len(cases))
    for each, (formulas, numeric) in zip(got, reference(both_of_each, kind, cases, part), strict=True):
        ours = items(each, 3)[part]
        assert_same(ours, numeric, **NUMERIC)
        assert_same(ours, formulas, **CLOSE)


@grade("affine")
def test_affine_gradient_of_x_agrees_with_a_numeric_one(observe, reference, rng):
    """The gradient for x is what the outputs do when an entry of x moves, for the x of the last forward."""
    expect_gradients(observe, reference, "Affine", affine_cases(rng), 0)


@grade("affine")
def test_affine_gradients_of_the_parameters_agree_with_numeric_ones(observe, reference, rng):
    """The gradients of weight and bias are what the outputs do when a parameter moves, in the shapes of these."""
    expect_gradients(observe, reference, "Affine", affine_cases(rng), 1)


@grade("affine", weight=0.5)
def test_affine_layers_change_nothing_else(observe, reference, rng):
    """Parameters, inputs and dout stay as they are; gradients of an earlier call are replaced."""
    params, xs, dout = affine_cases(rng)[0]
    inputs = "Affine", params, xs[-1], dout
    got, want = items(observe(backward_twice, *inputs), 3), reference(backward_twice, *inputs)
    assert_same(got[:2], want[:2], **CLOSE)
    assert_same(got[2], [params, xs[-1], dout], **EXACT)


ACTIVATION_SHAPES = ((4, 3), (1, 5), (6,), (2, 3, 2), (1, 1))


def activation_cases(rng):
    """Inputs and the gradient that arrives, for several shapes; no input is near the kink of ReLU."""
    return [
        (
            {},
            [rng.normal(size=(2, 2)), rng.choice([-1, 1], shape) * rng.uniform(0.1, 2.5, shape)],
            rng.normal(size=shape),
        )
        for shape in ACTIVATION_SHAPES
    ]


def expect_activation(observe, reference, rng, kind):
    cases = activation_cases(rng)
    inputs = [(params, xs[-1]) for params, xs, _ in cases]
    got = items(observe(forward_of_each, kind, inputs), len(cases))
    assert_same(got, reference(forward_of_each, kind, inputs), **CLOSE)


@grade("activations", weight=0.5)
def test_relu_of_random_numbers(observe, reference, rng):
    """ReLU is right for arrays of any shape."""
    expect_activation(observe, reference, rng, "ReLU")


@grade("activations", weight=0.5)
def test_sigmoid_of_random_numbers(observe, reference, rng):
    """Sigmoid is right for arrays of any shape."""
    expect_activation(observe, reference, rng, "Sigmoid")


@grade("activations", weight=0.5)
def test_tanh_of_random_numbers(observe, reference, rng):
    """Tanh is right for arrays of any shape."""
    expect_activation(observe, reference, rng, "Tanh")


@grade("activations")
def test_relu_gradient_agrees_with_a_numeric_one(observe, reference, rng):
    """The gradient of ReLU is what its outputs do when an input moves, for the inputs of the last forward."""
    expect_gradients(observe, reference, "ReLU", activation_cases(rng), 0)


@grade("activations")
def test_sigmoid_gradient_agrees_with_a_numeric_one(observe, reference, rng):
    """The gradient of Sigmoid is what its outputs do when an input moves, for the inputs of the last forward."""
    expect_gradients(observe, reference, "Sigmoid", activation_cases(rng), 0)


@grade("activations")
def test_tanh_gradient_agrees_with_a_numeric_one(observe, reference, rng):
    """The gradient of Tanh is what its outputs do when an input moves, for the inputs of the last forward."""
    expect_gradients(observe, reference, "Tanh", activation_cases(rng), 0)


@grade("activations", weight=0.5)
def test_relu_gradient_at_zero(observe, rng):
    """Where an input is exactly 0 the gradient of ReLU is 0; x and dout stay as they are."""
    x = rng.permutation([0.0, 0, 1, -1, 0, 2, -3, 0]).reshape(2, 4)
    dout = rng.normal(size=(2, 4))
    [got, _, after] = items(items(observe(backward_of_each, "ReLU", [({}, [x], dout)]), 1)[0], 3)
    assert_same(got, dout * (x > 0), **CLOSE)
    assert_same(items(after, 3)[1:], [[x], dout], **EXACT)


@grade("activations", weight=0.5)
def test_activations_take_turns(observe, reference, rng):
    """Two layers of one kind keep apart what went through each."""
    xs, douts = ([rng.normal(size=(3, 2)) for _ in range(2)] for _ in range(2))
    calls = {kind: [kind, xs, douts] for kind in ("ReLU", "Sigmoid", "Tanh")}
    assert_same(observe(turns_of_each, calls), reference(turns_of_each, calls), **CLOSE)


# The network


@grade("network")
def test_networks_of_any_sizes(observe, reference, rng):
    """Networks of any sizes have affine layers, with an activation of their own after each but the last."""
    cases = [
        [[int(size) for size in rng.integers(1, 6, count)], activation, init]
        for count, activation, init in (
            (2, "tanh", "xavier"),
            (3, "sigmoid", 0.01),
            (5, "relu", "he"),
            (6, "tanh", 0.5),
        )
    ]
    calls = {str(place): case for place, case in enumerate(cases)}
    assert_same(observe(built, calls), reference(built, calls))


@grade("network", weight=0.5)
def test_networks_start_as_their_seed_says(observe, reference, rng):
    """Two networks with one seed have the same weights, and layers of one size have different ones."""
    sizes = [4, 4, 4, 3]
    seeds = [int(rng.integers(1000)), 0]
    assert_same(observe(starting_weights, sizes, seeds), reference(starting_weights, sizes, seeds))


def random_params(rng, sizes):
    params = {}
    for place, (num_in, num_out) in enumerate(itertools.pairwise(sizes)):
        params[f"{2 * place}.weight"] = rng.normal(size=(num_in, num_out)) / num_in
        params[f"{2 * place}.bias"] = rng.normal(size=num_out)
    return params


NETWORKS = (([3, 4, 2], "relu", 5), ([2, 3, 3, 3, 2], "tanh", 3), ([4, 1], "relu", 2), ([2, 2, 2, 2], "sigmoid", 1))


def network_cases(rng):
    """Sizes, activation, parameters, some inputs and the gradient that arrives."""
    return [
        [
            sizes,
            activation,
            random_params(rng, sizes),
            [rng.normal(size=(samples + 1, sizes[0])), rng.normal(size=(samples, sizes[0]))],
            rng.normal(size=(samples, sizes[-1])),
        ]
        for sizes, activation, samples in NETWORKS
    ]


def network_forward_each(code, cases):
    return [network_forward(code, sizes, activation, params, xs[-1]) for sizes, activation, params, xs, _ in cases]


def network_backward_each(code, cases):
    return [network_backward(code, *case) for case in cases]


def network_both_each(code, cases):
    """For each network the gradients of backward, and those of sum(dout * forward(x)) from differences."""
    answers = []
    with toy_layers(code):
        for sizes, activation, params, xs, dout in cases:
            network = network_of(code, sizes, activation, params)
            numeric = {}
            for name, param in params.items():

                def total(moved, name=name, network=network, dout=dout, x=xs[-1]):
                    old = network.params[name].copy()
                    network.params[name][...] = moved
                    value = float((dout * network.forward(x)).sum())
                    network.params[name][...] = old
                    return value

                numeric[name] = differences(total, param)
            answers.append([network_backward(code, sizes, activation, params, xs, dout)[0], numeric])
    return answers


@grade("network")
def test_network_outputs_of_random_data(observe, reference, rng):
    """Outputs are right for any number of layers and samples; x stays as it is."""
    cases = network_cases(rng)
    got = items(observe(network_forward_each, cases), len(cases))
    assert_same(got, reference(network_forward_each, cases), **CLOSE)


@grade("network", weight=2)
def test_network_gradients_agree_with_numeric_ones(observe, reference, rng):
    """The gradients of all parameters, by name, are what the outputs do when a parameter moves."""
    cases = network_cases(rng)
    got = items(observe(network_backward_each, cases), len(cases))
    for each, (formulas, numeric) in zip(got, reference(network_both_each, cases), strict=True):
        ours = items(each, 3)[0]
        assert_same(ours, numeric, **NUMERIC)
        assert_same(ours, formulas, **CLOSE)


def network_again(code, sizes, activation, params, xs, douts):
    """The gradients of several forward and backward passes of one network, the parameters and gradients then."""
    with toy_layers(code):
        network = network_of(code, sizes, activation, params)
        answers = []
        for x, dout in zip(xs, douts, strict=True):
            network.forward(x)
            answers.append({name: np.array(grad) for name, grad in network.backward(dout).items()})
        held = {f"{i}.{n}": p for i, layer in enumerate(layers_of(network)) for n, p in layer.params.items()}
        same = all(held.get(name) is param for name, param in network.params.items())
        return [answers, dict(network.params), same, douts]


@grade("network", weight=0.5)
def test_networks_go_on(observe, reference, rng):
    """Batches of different sizes follow each other; the layers hold the parameters, which stay as they are."""
    sizes = [3, 4, 4, 2]
    params = random_params(rng, sizes)
    xs = [rng.normal(size=(n, 3)) for n in (4, 1, 6)]
    douts = [rng.normal(size=(n, 2)) for n in (4, 1, 6)]
    inputs = sizes, "relu", params, xs, douts
    got = items(observe(network_again, *inputs), 4)
    assert_same(got, reference(network_again, *inputs), **CLOSE)


# Softmax and cross-entropy


def losses_each(code, cases):
    return [softmax_loss(code, scores, labels) for scores, labels in cases]


def loss_gradients_each(code, cases):
    return [softmax_gradient(code, scores, labels) for scores, labels in cases]


def loss_both_each(code, cases):
    """The gradients of backward, and those of forward from differences."""
    return [
        [softmax_gradient(code, scores, labels), differences(lambda s, y=labels: softmax_loss(code, s, y), scores)]
        for scores, labels in cases
    ]


def softmax_cases(rng):
    return [
        (rng.normal(0, 2, (samples, classes)), rng.integers(0, classes, samples))
        for samples, classes in ((5, 4), (1, 3), (4, 1), (7, 2), (1, 1))
    ]


@grade("softmax_loss")
def test_softmax_losses_of_random_scores(observe, reference, rng):
    """The loss is right for any number of samples and classes, one of either included."""
    cases = softmax_cases(rng)
    got = items(observe(losses_each, cases), len(cases))
    assert_same([number(loss) for loss in got], [number(loss) for loss in reference(losses_each, cases)], **CLOSE)


@grade("softmax_loss")
def test_softmax_gradients_agree_with_numeric_ones(observe, reference, rng):
    """The gradient is what the loss does when a score moves a little, for any number of samples and classes."""
    cases = softmax_cases(rng)
    got = items(observe(loss_gradients_each, cases), len(cases))
    want = reference(loss_both_each, cases)
    assert_same(got, [numeric for _, numeric in want], **NUMERIC)
    assert_same(got, [formula for formula, _ in want], **CLOSE)


def large_cases(rng):
    """Scores far from 0, also of rows that are far from each other."""
    shift = float(rng.uniform(800, 1500))
    near = rng.normal(size=(4, 3))
    labels = rng.integers(0, 3, 4)
    far = rng.permuted(np.tile([1000.0, 0, -1000], (4, 1)), axis=1)
    apart = near + shift * rng.permutation([1.0, -1, 0, 2])[:, None]
    return [(near + shift, labels), (near - shift, labels), (far, labels), (apart, labels), (far[:1], labels[:1])]


def expect_large(observe, reference, rng, method):
    calls = {str(place): [method, *case] for place, case in enumerate(large_cases(rng))}
    got = observe(softmax_with_warnings, calls)
    for text, (want, _) in reference(softmax_with_warnings, calls).items():
        answer, said = items(entry(got, text), 2)
        # A number near 1000 has three digits less behind the point.
        assert_same(number(answer), number(want), rtol=1e-3, atol=1e-3)
        if said != []:
            raise Failure("numpy warns on the way")


@grade("softmax_loss")
def test_softmax_losses_of_large_scores(observe, reference, rng):
    """Scores of 1000 and -1000, in one row or in different ones, give the right loss without a warning."""
    expect_large(observe, reference, rng, "forward")


@grade("softmax_loss")
def test_softmax_gradients_of_large_scores(observe, reference, rng):
    """Scores of 1000 and -1000, in one row or in different ones, give the right gradient without a warning."""
    expect_large(observe, reference, rng, "backward")


def refusals(code, cases):
    loss = code.losses.SoftmaxCrossEntropy()
    return [error_of(method, *case) for case in cases for method in (loss.forward, loss.backward)]


@grade("softmax_loss", weight=0.5)
def test_softmax_refuses_other_labels(observe, rng):
    """Labels that are a column, or of another number than the samples, raise a ValueError."""
    n = int(rng.integers(3, 6))
    scores, labels = rng.normal(size=(n, 4)), rng.integers(0, 4, n)
    cases = [(scores, labels[:, None]), (scores, labels[None]), (scores, labels[:1]), (scores[:1], labels)]
    assert_same(observe(refusals, cases), ["ValueError"] * 8)


def losses_and_inputs(code, cases):
    return [softmax_after(code, *case) for case in cases]


@grade("softmax_loss", weight=0.5)
def test_softmax_keeps_its_inputs(observe, reference, rng):
    """Scores and labels are the same after forward and backward."""
    cases = softmax_cases(rng)[:2]
    got, want = items(observe(losses_and_inputs, cases), 2), reference(losses_and_inputs, cases)
    for each, (loss, _, *before) in zip(got, want, strict=True):
        value, _, *after = items(each, 4)
        assert_same(number(value), number(loss), **CLOSE)
        assert_same(after, before, **EXACT)


# Optimizers

SHAPES = {"kernel": (2, 3, 2), "weight": (4, 1), "bias": (1,), "gain": (5,), "table": (2, 3)}


def momentum_by_hand(learning_rate, param, grads, momentum=0.9):
    velocity, states = np.zeros_like(param), []
    for grad in grads:
        velocity = momentum * velocity + grad
        param = param - learning_rate * velocity
        states.append(param)
    return states


def adam_by_hand(learning_rate, param, grads, beta1=0.9, beta2=0.999, epsilon=1e-8):
    m, v, states = np.zeros_like(param), np.zeros_like(param), []
    for t, grad in enumerate(grads, 1):
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * grad**2
        param = param - learning_rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
        states.append(param)
    return states


def random_steps(rng, count):
    """Parameters of different shapes, and gradients for some of them in each step."""
    names = [str(name) for name in rng.permutation(list(SHAPES))[:3]]
    params = {name: rng.normal(size=SHAPES[name]) for name in names}
    steps = []
    for number_of_step in range(count):
        chosen = names if number_of_step % 2 == 0 else names[1:]
        steps.append({str(name): rng.normal(0, 3, SHAPES[name]) for name in rng.permutation(chosen)})
    return params, steps


def expect_updates(observe, kind, cases, by_hand):
    """Fail unless the steps of each case, (options, params, steps), are those of the formula."""
    got = items(observe(updates_of_each, [[kind, *case] for case in cases]), len(cases))
    for each, (options, params, steps) in zip(got, cases, strict=True):
        states, after = items(each, 2)
        items(states, len(steps))
        for name, start in params.items():
            at = [i for i, grads in enumerate(steps) if name in grads]
            want = by_hand(**options, param=start, grads=[steps[i][name] for i in at])
            assert_same([entry(states[i], name) for i in at], want, **CLOSE)
        assert_same(after, steps, **EXACT)


@grade("momentum", weight=2)
def test_momentum_over_many_steps(observe, rng):
    """Several steps of several parameters follow the formula, for any learning rate and momentum."""
    momenta = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.8, 0.99)), 0.0
    options = [{"learning_rate": float(rng.uniform(0.01, 0.5)), "momentum": momentum} for momentum in momenta]
    expect_updates(observe, "SGDMomentum", [[each, *random_steps(rng, 5)] for each in options], momentum_by_hand)


@grade("momentum")
def test_momentum_by_default(observe, rng):
    """The default momentum is 0.9, and two optimizers know nothing of each other."""
    cases = [[{"learning_rate": float(rng.uniform(0.01, 0.5))}, *random_steps(rng, 3)] for _ in range(2)]
    expect_updates(observe, "SGDMomentum", cases, momentum_by_hand)


@grade("adam", weight=2)
def test_adam_over_many_steps(observe, rng):
    """Several steps of several parameters follow the formulas, for any learning rate, betas and epsilon."""
    limits = {"learning_rate": (0.01, 0.5), "beta1": (0.3, 0.8), "beta2": (0.5, 0.95), "epsilon": (0.01, 1)}
    options = [{name: float(rng.uniform(*ends)) for name, ends in limits.items()} for _ in range(2)]
    expect_updates(observe, "Adam", [[each, *random_steps(rng, 6)] for each in options], adam_by_hand)


@grade("adam")
def test_adam_by_default(observe, rng):
    """With the default betas and epsilon; entries whose gradient is 0 stay where they are."""
    params, steps = random_steps(rng, 4)
    for grads in steps:
        for grad in grads.values():
            grad[0] = 0
    expect_updates(observe, "Adam", [[{"learning_rate": 0.125}, params, steps]], adam_by_hand)


@grade("adam")
def test_adam_of_small_gradients(observe, rng):
    """Gradients of any size, tiny ones too, move an entry by about the learning rate in the first step."""
    sizes = rng.permutation([1e-3, 1e-2, 1.0, 1e3, 1e5])
    signs = rng.choice([-1.0, 1.0], 5)
    lr = float(rng.uniform(0.1, 1))
    param = rng.normal(size=5)
    got, _ = items(observe(updates, "Adam", {"learning_rate": lr}, {"gain": param}, [{"gain": signs * sizes}]), 2)
    assert_same(entry(items(got, 1)[0], "gain"), param - lr * signs, rtol=1e-3, atol=1e-4)


# Initialisation


def scales_of_each(code, cases):
    return [init_scale(code, *case) for case in cases]


def expect_scales(observe, reference, rng, kind):
    cases = [[int(rng.integers(1, 4000)), int(rng.integers(1, 4000)), kind] for _ in range(5)]
    got = items(observe(scales_of_each, cases), 5)
    want = reference(scales_of_each, cases)
    assert_same([number(scale) for scale in got], [number(scale) for scale in want], **CLOSE)


@grade("init_scale")
def test_he_of_any_layer(observe, reference, rng):
    """He's scale is right for layers of any sizes."""
    expect_scales(observe, reference, rng, "he")


@grade("init_scale")
def test_xavier_of_any_layer(observe, reference, rng):
    """Xavier's scale is right for layers of any sizes."""
    expect_scales(observe, reference, rng, "xavier")


def scale_errors(code, kinds):
    return [error_of(code.initialisation.init_scale, 3, 5, kind) for kind in kinds]


@grade("init_scale", weight=0.5)
def test_unknown_kinds_are_refused(observe, rng):
    """A kind that is neither of the two raises a ValueError."""
    kinds = [str(kind) for kind in rng.permutation(["zeros", "HE", "lecun", "xavier_uniform"])[:3]]
    assert_same(observe(scale_errors, kinds), ["ValueError"] * 3)
