"""The hidden tests of exercise 2. They compute the answers from the numbers of the student who hands in."""

import math
from fractions import Fraction

import numpy as np

from exercise_code.common.testing import Failure, assert_same, grade, items
from exercise_code.ex02_math_recap.parsing import as_number, as_numbers, is_close
from exercise_code.ex02_math_recap.problems import draw
from exercise_code.ex02_math_recap.test_visible import answer_of

# A student may compute with float32.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def expect_number(observe, module, name, want):
    """Fail unless a function's answer is this number: exactly for whole numbers and fractions, else to four digits."""
    got = as_number(observe(answer_of, module, name))
    if not is_close(got, want):
        raise Failure("the values differ")


def expect_numbers(observe, module, name, want):
    want = np.asarray(want, dtype=float)
    got = as_numbers(observe(answer_of, module, name), want.shape)
    if not all(is_close(float(g), float(w)) for g, w in zip(got.ravel(), want.ravel(), strict=True)):
        raise Failure("the values differ")


def floats(got):
    """An array as one of floats: whole numbers are as right. Anything else as it is."""
    return got.astype(float) if isinstance(got, np.ndarray) else got


@grade("matrices")
def test_your_dot_product(observe, numbers):
    """The dot product of your u and v."""
    own = draw(numbers).algebra
    expect_number(observe, "algebra", "dot_product", sum(int(a) * int(b) for a, b in zip(own.u, own.v, strict=True)))


@grade("matrices")
def test_your_length(observe, numbers):
    """The length of your u."""
    own = draw(numbers).algebra
    expect_number(observe, "algebra", "length", math.isqrt(sum(int(a) ** 2 for a in own.u)))


@grade("matrices")
def test_your_matrix_product(observe, numbers):
    """The product of your A and B."""
    own = draw(numbers).algebra
    want = [[sum(own.A[i, k] * own.B[k, j] for k in range(3)) for j in range(2)] for i in range(2)]
    expect_numbers(observe, "algebra", "matrix_product", want)


@grade("matrices")
def test_your_inverse(observe, numbers):
    """The inverse of your S."""
    expect_numbers(observe, "algebra", "inverse", np.linalg.inv(draw(numbers).algebra.S))


@grade("matrix_calculus")
def test_your_gradient_of_squares(observe, numbers):
    """The gradient of your ‖Xw - y‖²."""
    own = draw(numbers).squares
    want = [2 * sum((own.X[i] @ own.w - own.y[i]) * own.X[i, j] for i in range(3)) for j in range(2)]
    expect_numbers(observe, "calculus", "gradient_of_squares", want)


@grade("matrix_calculus")
def test_your_hessian_of_squares(observe, numbers):
    """The second derivatives of your ‖Xw - y‖²."""
    X = draw(numbers).squares.X
    want = [[2 * sum(X[i, j] * X[i, k] for i in range(3)) for k in range(2)] for j in range(2)]
    expect_numbers(observe, "calculus", "hessian_of_squares", want)


def quadratic_gradient(code, M, x):
    return code.calculus.gradient_of_quadratic_form(M, x)


@grade("matrix_calculus")
def test_gradients_of_other_quadratic_forms(observe, rng):
    """The gradient of xᵀMx for other matrices, of other sizes."""
    for size in (1, 2, 5):
        M, x = rng.normal(size=(size, size)), rng.normal(size=size)
        want = np.array([sum((M[k, i] + M[i, k]) * x[i] for i in range(size)) for k in range(size)])
        assert_same(floats(observe(quadratic_gradient, M, x)), want, **CLOSE)


@grade("chain_rule")
def test_your_chain_gradients(observe, numbers):
    """The derivatives of your L."""
    own = draw(numbers).chain
    h = own.w1 * own.x
    off = own.w2 * h * h + own.b - own.t
    want = [4 * off * own.w2 * h * own.x, 2 * off * h * h, 2 * off, 4 * off * own.w2 * h * own.w1]
    expect_numbers(observe, "calculus", "chain_gradients", want)


@grade("chain_rule")
def test_your_fork_gradients(observe, numbers):
    """The derivatives of your f, which is p²q + pq² multiplied out."""
    own = draw(numbers).fork
    p, q = own.p, own.q
    expect_numbers(observe, "calculus", "fork_gradients", [2 * p * q + q * q, p * p + 2 * p * q])


def moments(variable):
    """Mean and variance of a random variable, as fractions."""
    first = sum((Fraction(x) * p for x, p in variable.chances.items()), Fraction(0))
    second = sum((Fraction(x * x) * p for x, p in variable.chances.items()), Fraction(0))
    return first, second - first**2


@grade("random_variables")
def test_your_expectation(observe, numbers):
    """The expectation of your X."""
    expect_number(observe, "probability", "expectation", moments(draw(numbers).variable)[0])


@grade("random_variables")
def test_your_variance(observe, numbers):
    """The variance of your X."""
    expect_number(observe, "probability", "variance", moments(draw(numbers).variable)[1])


@grade("random_variables")
def test_your_variance_of_the_line(observe, numbers):
    """The variance of scale · X + shift."""
    own = draw(numbers).variable
    expect_number(observe, "probability", "variance_of_line", moments(own)[1] * own.scale**2)


def chances_of_alarms(alarm, count):
    """The probabilities of so many alarms together with a fault, and together with none."""
    return alarm.fault * alarm.alarm_if_fault**count, (1 - alarm.fault) * alarm.alarm_if_fine**count


@grade("bayes")
def test_your_alarm_rate(observe, numbers):
    """How often the alarm sounds."""
    expect_number(observe, "probability", "alarm_rate", sum(chances_of_alarms(draw(numbers).alarm, 1)))


@grade("bayes")
def test_your_fault_after_alarm(observe, numbers):
    """How likely a fault is after an alarm."""
    true, false = chances_of_alarms(draw(numbers).alarm, 1)
    expect_number(observe, "probability", "fault_after_alarm", true / (true + false))


@grade("bayes")
def test_your_fault_after_two_alarms(observe, numbers):
    """How likely a fault is after two alarms."""
    true, false = chances_of_alarms(draw(numbers).alarm, 2)
    expect_number(observe, "probability", "fault_after_two_alarms", true / (true + false))


def log_densities(code, x, mean, std):
    """The answers for an array, and for one number of it."""
    return [code.probability.log_density(x, mean, std), code.probability.log_density(float(x[0, 0]), mean, std)]


@grade("likelihood", weight=2)
def test_log_densities_of_other_curves(observe, rng):
    """The density's logarithm for other curves, for arrays, and far from the mean."""
    for far in (1.0, 1000.0):
        mean, std = float(rng.normal()), float(rng.uniform(0.3, 3))
        x = mean + far * std * rng.normal(size=(3, 2))
        want = -((x - mean) ** 2) / (2 * std**2) - math.log(std * math.sqrt(2 * math.pi))
        got, one = items(observe(log_densities, x, mean, std), 2)
        assert_same(floats(got), want, **CLOSE)
        if not is_close(as_number(one), float(want[0, 0])):
            raise Failure("the values differ")


@grade("likelihood")
def test_your_most_likely_mean(observe, numbers):
    """The most likely mean of your sample."""
    sample = draw(numbers).sample
    expect_number(observe, "probability", "most_likely_mean", Fraction(sum(sample), 5))


@grade("likelihood")
def test_your_most_likely_variance(observe, numbers):
    """The most likely variance of your sample."""
    sample = draw(numbers).sample
    want = Fraction(sum(x * x for x in sample), 5) - Fraction(sum(sample), 5) ** 2
    expect_number(observe, "probability", "most_likely_variance", want)


@grade("cross_entropy")
def test_your_binary_cross_entropy(observe, numbers):
    """The mean binary cross-entropy of your predictions."""
    pairs = draw(numbers).entropy.pairs
    want = -sum(math.log(p) * t + math.log(1 - p) * (1 - t) for p, t in pairs) / 3
    expect_number(observe, "entropy", "binary_cross_entropy", want)


@grade("cross_entropy")
def test_your_cross_entropy(observe, numbers):
    """The cross-entropy of your logits."""
    own = draw(numbers).entropy
    want = math.log(sum(own.exponentials) / own.exponentials[own.label])
    expect_number(observe, "entropy", "cross_entropy", want)


def softmaxes(code, some):
    return [code.entropy.softmax(z) for z in some]


def softmax_jacobians(code, some):
    return [code.entropy.softmax_jacobian(z) for z in some]


def shares(z):
    """The softmax, in the slow way."""
    powers = [math.exp(float(one) - float(max(z))) for one in z]
    return np.array(powers) / math.fsum(powers)


def logits(rng):
    """Logits of several sizes, and near and far from 0."""
    return [
        scale * rng.normal(size=size) + shift
        for size, scale, shift in ((2, 1, 0), (5, 3, 900), (4, 2, -900), (1, 1, 3))
    ]


@grade("cross_entropy")
def test_softmax_of_other_logits(observe, rng):
    """The softmax of other logits, also of large ones."""
    some = logits(rng)
    for z, got in zip(some, items(observe(softmaxes, some), len(some)), strict=True):
        assert_same(floats(got), shares(z), **CLOSE)


@grade("cross_entropy")
def test_softmax_jacobians_of_other_logits(observe, rng):
    """The derivatives of the softmax at other logits, also at large ones."""
    some = logits(rng)
    for z, got in zip(some, items(observe(softmax_jacobians, some), len(some)), strict=True):
        p = shares(z)
        want = np.array([[p[i] * ((i == j) - p[j]) for j in range(len(z))] for i in range(len(z))])
        assert_same(floats(got), want, **CLOSE)


def output_sizes(code, convolutions):
    """The answers for whole tables of sizes; then for the last one without some of them."""
    size, kernel, stride, *_ = convolutions[-1]
    of = code.convolution.output_size
    return [of(*sizes) for sizes in convolutions] + [of(size, kernel), of(size, kernel, stride=stride)]


def whole(got):
    """A whole number of numpy's as a plain int; anything else as it is."""
    return int(got) if isinstance(got, np.integer) else got


def places(size, kernel, stride, padding, dilation):
    """The number of places of a window, counted."""
    last = size + 2 * padding - dilation * (kernel - 1) - 1
    return len(range(0, last + 1, stride))


@grade("layer_sizes")
def test_sizes_of_other_convolutions(observe, rng):
    """The width of the output for other inputs, kernels, strides, paddings and dilations."""
    table = rng.integers([20, 1, 1, 0, 1], [60, 7, 5, 4, 4], (12, 5)).tolist()
    size, kernel, stride, *_ = table[-1]
    want = [places(*sizes) for sizes in table] + [places(size, kernel, 1, 0, 1), places(size, kernel, stride, 0, 1)]
    got = items(observe(output_sizes, table), len(want))
    assert_same([whole(one) for one in got], want)


def count_of(code, *sizes):
    return code.convolution.parameter_count(*sizes)


@grade("layer_sizes")
def test_parameters_of_other_convolutions(observe, rng):
    """The number of parameters for other channels and kernels, with and without biases."""
    for bias in (True, False):
        before, after, kernel = (int(n) for n in rng.integers(2, 30, 3))
        want = kernel * kernel * before * after + (after if bias else 0)
        assert_same(whole(observe(count_of, before, after, kernel, bias)), want)
    assert_same(whole(observe(count_of, before, after, kernel)), want + after)


@grade("layer_sizes")
def test_your_sizes(observe, numbers):
    """The sizes of your network's maps."""
    own = draw(numbers).network
    size, want = own.size, []
    for layer in own.layers:
        size = places(size, layer.kernel, layer.stride, layer.padding, 1)
        want.append(size)
    expect_numbers(observe, "convolution", "sizes_of_network", want)


@grade("layer_sizes")
def test_your_parameters(observe, numbers):
    """The number of your network's parameters."""
    first, _, last = draw(numbers).network.layers
    want = sum(layer.out_channels * (1 + layer.in_channels * layer.kernel**2) for layer in (first, last))
    expect_number(observe, "convolution", "parameters_of_network", want)


@grade("layer_sizes")
def test_your_receptive_field(observe, numbers):
    """Your network's receptive field."""
    # From one output back: n pixels of a layer's output see stride (n - 1) + kernel of its input.
    want = 1
    for layer in reversed(draw(numbers).network.layers):
        want = layer.stride * (want - 1) + layer.kernel
    expect_number(observe, "convolution", "receptive_field", want)


@grade("convolution")
def test_your_convolution(observe, numbers):
    """The output of your convolution."""
    own = draw(numbers).convolution
    windows = np.lib.stride_tricks.sliding_window_view(own.x, (2, 2))
    expect_numbers(observe, "convolution", "convolution_output", np.einsum("abij,ij->ab", windows, own.K) + own.b)


@grade("convolution")
def test_your_kernel_gradient(observe, numbers):
    """The gradient for your kernel."""
    own = draw(numbers).convolution
    windows = np.lib.stride_tricks.sliding_window_view(own.x, (2, 2))
    expect_numbers(observe, "convolution", "kernel_gradient", np.einsum("abij,ab->ij", windows, own.dout))


@grade("convolution")
def test_your_input_gradient(observe, numbers):
    """The gradient for the input of your convolution."""
    own = draw(numbers).convolution
    # A full convolution with the turned kernel.
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(own.dout, 1), (2, 2))
    expect_numbers(observe, "convolution", "input_gradient", np.einsum("abij,ij->ab", windows, own.K[::-1, ::-1]))


def largest(x):
    """For each place of the output, the place of the largest input of its window."""
    padded = np.pad(x.astype(float), 1, constant_values=-np.inf)
    found = {}
    for i, j in np.ndindex(2, 2):
        window = padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        row, column = np.unravel_index(window.argmax(), window.shape)
        found[i, j] = (2 * i + int(row) - 1, 2 * j + int(column) - 1)
    return found


@grade("convolution")
def test_your_pooling(observe, numbers):
    """The output of your max-pooling."""
    x = draw(numbers).pooling.x
    want = np.zeros((2, 2))
    for place, winner in largest(x).items():
        want[place] = x[winner]
    expect_numbers(observe, "convolution", "pool_output", want)


@grade("convolution")
def test_your_pooling_gradient(observe, numbers):
    """The gradient for the input of your max-pooling."""
    own = draw(numbers).pooling
    want = np.zeros((4, 4))
    for place, winner in largest(own.x).items():
        want[winner] += own.dout[place]
    expect_numbers(observe, "convolution", "pool_input_gradient", want)
