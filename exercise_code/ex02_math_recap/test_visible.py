"""The tests that `check` runs in the notebook of exercise 2.

None of them knows the answers for your numbers. They look at what a right answer has to fulfil: they measure slopes,
draw from distributions, count entries, add up rows. A checksum that fits is a good sign, not a proof.
"""

import math
from statistics import NormalDist

import numpy as np

from exercise_code.common.testing import Failure, assert_calls, assert_same, call, each_call, grade, show, wrong_type
from exercise_code.ex02_math_recap.parsing import as_number, as_numbers, plain
from exercise_code.ex02_math_recap.problems import draw

# Whoever passes them has hardly anything yet: the hidden tests know the answers.
SEEN = 0.1
# A student may compute with float32.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}
DRAWS, PARTS = 1_000_000, 400_000


def answer_of(code, module, name):
    return plain(getattr(getattr(code, module), name)())


def number_of(observe, module, name):
    return float(as_number(observe(answer_of, module, name)))


def numbers_of(observe, module, name, shape):
    return as_numbers(observe(answer_of, module, name), shape)


def expect_near(got, want, tolerance, reason, hints=None):
    """Fail unless a number is as near as a measurement can tell; of the hints, the first that fits is shown."""
    if abs(got - want) > tolerance:
        fitting = (text for text, wrong in (hints or {}).items() if abs(got - wrong) <= tolerance / 2)
        raise Failure(reason, got=show(got), hint=next(fitting, ""))


def expect_all_near(got, want, reason, hints=None):
    """The same for arrays, to four digits."""
    if not alike(got, want):
        fitting = (text for text, wrong in (hints or {}).items() if alike(got, wrong))
        raise Failure(reason, got=show(got.tolist()), hint=next(fitting, ""))


def alike(first, second):
    return np.shape(first) == np.shape(second) and np.allclose(first, second, rtol=1e-3, atol=1e-5)


def slopes_of(function, x):
    """How the value of a function of an array changes with each of its entries, measured."""
    x = np.array(x, dtype=float)
    slopes = np.zeros(x.shape)
    for place, _ in np.ndenumerate(x):
        ends = []
        for step in (1e-4, -1e-4):
            moved = x.copy()
            moved[place] += step
            ends.append(function(moved))
        slopes[place] = (ends[0] - ends[1]) / 2e-4
    return slopes


# Task 1


@grade("matrices", weight=SEEN)
def test_without_its_part_along_v_u_is_perpendicular_to_v(observe, numbers):
    """u minus (u · v / ‖v‖²) v, with your dot product, is perpendicular to v."""
    own = draw(numbers).algebra
    with call("dot_product()"):
        got = number_of(observe, "algebra", "dot_product")
        rest = own.u - got / (own.v @ own.v) * own.v
        if abs(rest @ own.v) > 0.01:
            raise Failure("with your number, what is left of u is not perpendicular to v", got=show(got))


@grade("matrices", weight=SEEN)
def test_u_over_its_length_has_length_1(observe, numbers):
    """u divided by the length that you give has the length 1."""
    own = draw(numbers).algebra
    with call("length()"):
        got = number_of(observe, "algebra", "length")
        if got <= 0:
            raise Failure("expected a positive number: a length", got=show(got))
        hints = {
            "this is the square of the length": float(np.square(own.u).sum()),
            "square each entry before you add them up": float(abs(own.u.sum())),
            "square each entry before you add them up, and take the root": float(abs(own.u).sum()),
        }
        hint = next((text for text, wrong in hints.items() if abs(got - wrong) < 1e-6), "")
        if abs(math.hypot(*(own.u / got)) - 1) > 1e-3:
            raise Failure("u divided by your number does not have the length 1", got=show(got), hint=hint)


@grade("matrices", weight=SEEN)
def test_the_checksums_of_the_product_fit(observe, numbers):
    """The rows and the columns of A B have the right sums, which can be had without the product."""
    own = draw(numbers).algebra
    with call("matrix_product()"):
        got = numbers_of(observe, "algebra", "matrix_product", (2, 2))
        rows, columns = own.A @ own.B.sum(axis=1), own.A.sum(axis=0) @ own.B
        swapped = alike(got.sum(axis=0), rows) and alike(got.sum(axis=1), columns)
        hint = "rows and columns of the answer are swapped" if swapped else ""
        for what, sums, want in (("row", got.sum(axis=1), rows), ("column", got.sum(axis=0), columns)):
            for k in range(2):
                if not alike(sums[k], want[k]):
                    raise Failure(f"the numbers in {what} {k} do not add up", got=show(got.tolist()), hint=hint)


@grade("matrices", weight=SEEN)
def test_s_times_its_inverse_is_the_identity(observe, numbers):
    """S times the matrix that you give is [[1, 0], [0, 1]]."""
    own = draw(numbers).algebra
    with call("inverse()"):
        got = numbers_of(observe, "algebra", "inverse", (2, 2))
        product = own.S @ got
        if alike(product, np.eye(2)):
            return
        det = round(float(np.linalg.det(own.S)))
        scaled = alike(product, det * np.eye(2)) or alike(product, det**2 * np.eye(2))
        hint = "divide by the determinant, once" if scaled else ""
        raise Failure("S times your matrix is not the identity", got=show(got.tolist()), hint=hint)


# Task 2


def squares_of(own, w):
    return float(np.linalg.norm(own.X @ w - own.y)) ** 2


@grade("matrix_calculus", weight=SEEN)
def test_the_slopes_of_the_squares_are_measured(observe, numbers):
    """The gradient of ‖Xw - y‖² is how the value changes, measured, when one entry of w moves a little."""
    own = draw(numbers).squares
    with call("gradient_of_squares()"):
        got = numbers_of(observe, "calculus", "gradient_of_squares", (2,))
        slopes = slopes_of(lambda w: squares_of(own, w), own.w)
        hints = {
            "a factor of 2 is missing: it comes from the square": slopes / 2,
            "the sign: the difference is Xw - y, not y - Xw": -slopes,
            "a sum of squares, not a mean: do not divide by the number of rows": slopes / 3,
        }
        expect_all_near(got, slopes, "‖Xw - y‖² changes otherwise when w moves a little", hints)


@grade("matrix_calculus", weight=SEEN)
def test_the_slopes_of_the_gradient_are_measured(observe, numbers):
    """The second derivatives of ‖Xw - y‖² are how its slopes change, measured."""
    own = draw(numbers).squares
    with call("hessian_of_squares()"):
        got = numbers_of(observe, "calculus", "hessian_of_squares", (2, 2))
        step, want = 0.5, np.zeros((2, 2))
        for i, j in np.ndindex(2, 2):
            a, b = step * np.eye(2)[i], step * np.eye(2)[j]
            corners = [squares_of(own, own.w + s * a + t * b) * s * t for s in (1, -1) for t in (1, -1)]
            want[i, j] = sum(corners) / (4 * step**2)
        expect_all_near(got, want, "the slopes change otherwise", {"a factor of 2 is missing": want / 2})


def quadratic_gradients(code, calls):
    return each_call(code.calculus.gradient_of_quadratic_form, calls)


def floats(answers):
    """The answers as arrays of floats where they are arrays: whole numbers are as right."""
    if type(answers) is not dict:
        return answers
    return {label: got.astype(float) if isinstance(got, np.ndarray) else got for label, got in answers.items()}


@grade("matrix_calculus", weight=SEEN)
def test_quadratic_forms_with_and_without_symmetry(observe):
    """x² + 4xy - y² has the gradient (2x + 4y, 4x - 2y), whichever matrix of several it is written with."""
    matrices = ([[1, 2], [2, -1]], [[1, 4], [0, -1]])
    calls = {f"gradient_of_quadratic_form({M}, [3, 1])": [np.array(M), np.array([3, 1])] for M in matrices}
    symmetric, other = calls
    want = np.array([10.0, 10.0])
    hints = {
        "2 M x is right for symmetric matrices alone": {symmetric: want, other: np.array([14.0, -2.0])},
        "x_k appears twice in the sum, once in its row and once in its column": {symmetric: want / 2},
    }
    got = floats(observe(quadratic_gradients, calls))
    assert_calls(got, dict.fromkeys(calls, want), **CLOSE, hints=hints)


# Task 4


def loss_of(w1, w2, b, x, t):
    h = w1 * x
    return (w2 * h * h + b - t) ** 2


@grade("chain_rule", weight=SEEN)
def test_the_slopes_of_the_chain_are_measured(observe, numbers):
    """The four derivatives are how L changes, measured, when w1, w2, b or x moves a little."""
    own = draw(numbers).chain
    with call("chain_gradients()"):
        got = numbers_of(observe, "calculus", "chain_gradients", (4,))
        slopes = slopes_of(lambda p: loss_of(*p, own.t), [own.w1, own.w2, own.b, own.x])
        # From the loss backwards: an early mistake runs through to all that comes later.
        for name, k in (("b", 2), ("w2", 1), ("w1", 0), ("x", 3)):
            hints = {
                "the square of (o - t) gives a factor 2" if k == 2 else "a = h² has the slope 2h": slopes[k] / 2,
                "the sign: o - t, not t - o": -slopes[k],
                "o = w2 a + b: on the way back to a there is a factor w2": slopes[k] / own.w2,
                "w1 and x are swapped, in the product h = w1 x each is the other's slope": slopes[3 - k],
            }
            if not alike(got[k], slopes[k]):
                hint = next((text for text, wrong in hints.items() if alike(got[k], wrong)), "")
                raise Failure(f"L changes otherwise when {name} moves a little", got=show(got.tolist()), hint=hint)


@grade("chain_rule", weight=SEEN)
def test_the_slopes_of_the_fork_are_measured(observe, numbers):
    """The two derivatives are how f changes, measured, when p or q moves a little."""
    own = draw(numbers).fork
    with call("fork_gradients()"):
        got = numbers_of(observe, "calculus", "fork_gradients", (2,))
        slopes = slopes_of(lambda x: (x[0] + x[1]) * x[0] * x[1], [own.p, own.q])
        p, q = own.p, own.q
        one_way = alike(got, [p * q, p * q]) or alike(got, [(p + q) * q, (p + q) * p])
        hint = "p and q reach f in two ways, through s and through m: add both parts" if one_way else ""
        if not alike(got, slopes):
            hint = hint or ("the derivative with respect to p comes first" if alike(got, slopes[::-1]) else "")
            raise Failure("f changes otherwise when p or q moves a little", got=show(got.tolist()), hint=hint)


# Task 5


def draws_of(variable, rng):
    counts = rng.multinomial(DRAWS, [float(chance) for chance in variable.chances.values()])
    return np.repeat(list(variable.chances), counts)


@grade("random_variables", weight=SEEN)
def test_many_draws_have_this_mean(observe, numbers, rng):
    """The mean of 1,000,000 draws of X is near your expectation."""
    own = draw(numbers).variable
    with call("expectation()"):
        got = number_of(observe, "probability", "expectation")
        drawn = draws_of(own, rng)
        hints = {"weight each value with its probability: they are not all equally likely": np.mean(list(own.chances))}
        expect_near(got, drawn.mean(), 0.01 * drawn.std(), "the mean of 1,000,000 draws is another number", hints)


@grade("random_variables", weight=SEEN)
def test_many_draws_have_this_variance(observe, numbers, rng):
    """The variance of 1,000,000 draws of X is near yours."""
    own = draw(numbers).variable
    with call("variance()"):
        got = number_of(observe, "probability", "variance")
        drawn = draws_of(own, rng)
        hints = {
            "this is the mean of the squares: the square of the mean is still to be subtracted": np.square(
                drawn
            ).mean(),
            "this is its root, the standard deviation": drawn.std(),
            "weight each squared distance with its probability": np.var(list(own.chances)),
        }
        expect_near(got, drawn.var(), 0.01 * drawn.var(), "the variance of 1,000,000 draws is another number", hints)


@grade("random_variables", weight=SEEN)
def test_many_draws_of_the_line_have_this_variance(observe, numbers, rng):
    """The variance of 1,000,000 draws of scale · X + shift is near yours."""
    own = draw(numbers).variable
    with call("variance_of_line()"):
        got = number_of(observe, "probability", "variance_of_line")
        drawn = own.scale * draws_of(own, rng) + own.shift
        spread = drawn.var()
        hints = {
            "variances grow with the square of the scale": spread / own.scale,
            "a variance is not negative: the scale is squared": -spread / abs(own.scale),
            "a shift moves all values alike, and spreads nothing": spread + own.shift,
        }
        expect_near(got, spread, 0.01 * spread, "the variance of 1,000,000 draws is another number", hints)


# Task 6


def expect_share(got, measured, tolerance, what, hints):
    if not 0 <= got <= 1:
        raise Failure("expected a probability, a number from 0 to 1", got=show(got))
    expect_near(got, measured, tolerance, f"of 400,000 parts made by chance, another share {what}", hints)


def parts_of(alarm, rng):
    """For many parts: whether each has a fault, and whether the alarm sounded at its first and at its second test."""
    fault, first, second = rng.random((3, PARTS), dtype=np.float32)
    fault = fault < float(alarm.fault)
    chance = np.where(fault, np.float32(alarm.alarm_if_fault), np.float32(alarm.alarm_if_fine))
    return fault, first < chance, second < chance


@grade("bayes", weight=SEEN)
def test_the_alarm_sounds_this_often(observe, numbers, rng):
    """Of 400,000 parts made by chance, the share for which the alarm sounds is near your number."""
    own = draw(numbers).alarm
    with call("alarm_rate()"):
        got = number_of(observe, "probability", "alarm_rate")
        fault, first, _ = parts_of(own, rng)
        hints = {
            "parts without a fault set it off, too": (fault & first).mean(),
            "weight both rates with how many parts there are of each kind": float(
                own.alarm_if_fault + own.alarm_if_fine
            ),
        }
        expect_share(got, first.mean(), 0.006, "sets off the alarm", hints)


@grade("bayes", weight=SEEN)
def test_so_many_alarms_are_true(observe, numbers, rng):
    """Of 400,000 parts made by chance, the share of faults among those with an alarm is near your number."""
    own = draw(numbers).alarm
    with call("fault_after_alarm()"):
        got = number_of(observe, "probability", "fault_after_alarm")
        fault, first, _ = parts_of(own, rng)
        hints = {
            "this is P(alarm | fault); asked is P(fault | alarm)": float(own.alarm_if_fault),
            "this is the share of all parts; divide by the share of those with an alarm": (fault & first).mean(),
        }
        expect_share(got, fault[first].mean(), 0.015, "of those with an alarm has a fault", hints)


@grade("bayes", weight=SEEN)
def test_so_many_double_alarms_are_true(observe, numbers, rng):
    """Of 400,000 parts made by chance, the share of faults among those with two alarms is near your number."""
    own = draw(numbers).alarm
    with call("fault_after_two_alarms()"):
        got = number_of(observe, "probability", "fault_after_two_alarms")
        fault, first, second = parts_of(own, rng)
        after_one = fault[first].mean()
        hints = {
            "this is the number for one alarm": after_one,
            "not the square of the answer for one alarm: a second alarm makes a fault more likely": after_one**2,
            "the answers for one alarm cannot be multiplied: begin again with both alarms": 1 - (1 - after_one) ** 2,
        }
        expect_share(got, fault[first & second].mean(), 0.03, "of those with two alarms has a fault", hints)


# Task 8


def how_likely(sample, mean, variance):
    """The logarithm of the likelihood; where even that is too small for a float, a large negative number."""
    curve = NormalDist(mean, math.sqrt(variance))
    return sum(math.log(max(curve.pdf(x), 1e-300)) for x in sample)


def log_densities(code, calls):
    return each_call(code.probability.log_density, calls)


def a_float(answer):
    """A number of numpy's as a plain float; anything else as it is."""
    is_number = isinstance(answer, np.floating) or (isinstance(answer, np.ndarray) and answer.ndim == 0)
    return float(answer) if is_number else answer


@grade("likelihood", weight=SEEN)
def test_log_densities_of_known_curves(observe):
    """The density's logarithm is -0.919 at the mean of the standard curve, and -1250.9 fifty units away from it."""
    calls = {f"log_density({x}, mean={mean}, std={std})": [x, mean, std] for x, mean, std in KNOWN}
    got = observe(log_densities, calls)
    if type(got) is dict:
        got = {label: a_float(one) for label, one in got.items()}
    want = dict(zip(calls, KNOWN.values(), strict=True))
    first, second, third, _ = calls
    hints = {
        "this is the density itself: its logarithm is asked": {first: math.exp(-0.9189385332046727)},
        "the second parameter is the standard deviation, not the variance": {third: -1.5155121234846454},
        "std stands before the exponential, too: its logarithm is subtracted": {third: -1.0439385332046727},
        "the density underflows to 0 there: take the logarithm of the formula": lambda g: (
            not math.isfinite(g[list(g)[3]])
        ),
        "distances count as squares, divided by 2": {second: -2.9189385332046727},
    }
    assert_calls(got, want, **CLOSE, hints=hints)


# x, mean and std, with the logarithm of the density.
KNOWN = {
    (0.0, 0.0, 1.0): -0.9189385332046727,
    (3.0, 1.0, 1.0): -2.9189385332046727,
    (2.0, 1.0, 2.0): -1.737085713764618,
    (50.0, 0.0, 1.0): -1250.9189385332047,
}


@grade("likelihood", weight=SEEN)
def test_log_density_of_an_array(observe):
    """log_density of an array has its shape: one logarithm for each x."""
    with call("log_density([0, 1, 2], mean=0, std=1)"):
        got = observe(lambda code, x: code.probability.log_density(x, 0.0, 1.0), np.array([0.0, 1.0, 2.0]))
        if isinstance(got, np.ndarray):
            got = got.astype(float)
        want = np.array([-0.9189385332046727, -1.4189385332046727, -2.9189385332046727])
        assert_same(got, want, **CLOSE, hints={"one number for each x, not their sum": lambda g: np.ndim(g) == 0})


@grade("likelihood", weight=SEEN)
def test_no_mean_nearby_makes_the_sample_more_likely(observe, numbers):
    """Under a mean a little smaller or larger than yours, your sample is less likely."""
    sample = draw(numbers).sample
    with call("most_likely_mean()"):
        got = number_of(observe, "probability", "most_likely_mean")
        here, below, above = (how_likely(sample, got + step, 1.0) for step in (0, -0.02, 0.02))
        if here <= max(below, above):
            way = "larger" if above > below else "smaller"
            raise Failure(f"under a mean that is a little {way}, your sample is more likely", got=show(got))


@grade("likelihood", weight=SEEN)
def test_no_variance_nearby_makes_the_sample_more_likely(observe, numbers):
    """Under a variance a little smaller or larger than yours, your sample is less likely."""
    sample = draw(numbers).sample
    with call("most_likely_variance()"):
        got = number_of(observe, "probability", "most_likely_variance")
        if got <= 0:
            raise Failure("expected a positive number: a variance", got=show(got))
        mean = max(range(-9, 10), key=lambda mean: how_likely(sample, mean, 1.0))
        here, below, above = (how_likely(sample, mean, got * factor) for factor in (1, 0.98, 1.02))
        if here <= max(below, above):
            way = "larger" if above > below else "smaller"
            hints = {
                "divide by N: with N - 1 the estimate is unbiased, but not the most likely one": got * 0.8,
                "this is the standard deviation: its square is asked": got**2,
                "divide by N: this is the sum": got / 5,
            }
            fitting = (text for text, right in hints.items() if peaks(sample, mean, right))
            reason = f"under a variance that is a little {way}, your sample is more likely"
            raise Failure(reason, got=show(got), hint=next(fitting, ""))


def peaks(sample, mean, variance):
    here, below, above = (how_likely(sample, mean, variance * factor) for factor in (1, 0.98, 1.02))
    return here > max(below, above)


# Task 9


@grade("cross_entropy", weight=SEEN)
def test_the_loss_tells_how_likely_the_labels_are(observe, numbers):
    """exp(-3 · loss) is the probability that the three predictions give to all three targets together."""
    own = draw(numbers).entropy
    with call("binary_cross_entropy()"):
        got = number_of(observe, "entropy", "binary_cross_entropy")
        together = math.prod(float(p if t else 1 - p) for p, t in own.pairs)
        swapped = math.prod(float(1 - p if t else p) for p, t in own.pairs)
        hints = {
            "this is the sum; the loss is the mean over the three samples": (together, 1),
            "the natural logarithm, np.log: not to the base 2": (together, 3 * math.log(2)),
            "the natural logarithm, np.log: not to the base 10": (together, 3 * math.log(10)),
            "p is the probability of class 1, so 1 - p that of class 0": (swapped, 3),
            "with target 0, 1 - p counts, not p": (math.prod(float(p) for p, _ in own.pairs), 3),
            "the sign: logarithms of probabilities are negative, the loss is positive": (together, -3),
        }
        expect_likelihood(got, together, 3, hints)


def expect_likelihood(got, want, factor, hints):
    """Fail unless exp(-factor · got) is the probability that is wanted."""
    if abs(got) > 100 or abs(math.exp(-factor * got) / want - 1) > 0.004:
        small = abs(got) < 100
        fitting = (text for text, (p, k) in hints.items() if small and abs(math.exp(-k * got) / p - 1) < 0.01)
        raise Failure("exp(-loss) does not fit the probabilities", got=show(got), hint=next(fitting, ""))


@grade("cross_entropy", weight=SEEN)
def test_the_loss_tells_the_odds_of_the_label(observe, numbers):
    """exp(-loss) is a probability p for which p : (1 - p) are the odds of your label against the other two."""
    own = draw(numbers).entropy
    with call("cross_entropy()"):
        got = number_of(observe, "entropy", "cross_entropy")
        if got <= 0:
            raise Failure("expected a positive number: minus the logarithm of a probability", got=show(got))
        p = math.exp(-got)
        others = sum(own.exponentials) - own.exponentials[own.label]
        hints = {"labels count from 0": own.exponentials[own.label - 1]}
        if abs(p * others / own.exponentials[own.label] - (1 - p)) > 0.002:
            total = sum(own.exponentials)
            fitting = (text for text, k in hints.items() if abs(p - k / total) < 0.002)
            raise Failure("the odds of the label are others", got=show(got), hint=next(fitting, ""))


def softmaxes(code, calls):
    return each_call(code.entropy.softmax, calls)


def logs(*values):
    return np.log(np.array(values, dtype=float))


@grade("cross_entropy", weight=SEEN)
def test_softmax_of_logarithms_is_their_shares(observe):
    """The softmax of (log 1, log 2, log 5) is (1, 2, 5) / 8, and stays so if 1000 is added to each logit."""
    calls = {
        "softmax([log 1, log 2, log 5])": [logs(1, 2, 5)],
        "softmax([log 3, log 1])": [logs(3, 1)],
        "softmax([1000 + log 1, 1000 + log 2, 1000 + log 5])": [1000 + logs(1, 2, 5)],
        "softmax([log 1 - 1000, log 2 - 1000, log 5 - 1000])": [logs(1, 2, 5) - 1000],
    }
    first, second, large, small = calls
    shares = np.array([0.125, 0.25, 0.625])
    want = {first: shares, second: np.array([0.75, 0.25]), large: shares, small: shares}
    hints = {
        "exp overflows: subtract the largest logit from all of them first": lambda got: (
            not all(np.isfinite(one).all() for one in got.values())
        ),
        "divide by the sum of the exponentials, so that they add up to 1": {first: np.array([1.0, 2.0, 5.0])},
        "this divides the logits themselves: exponentiate first": {first: logs(1, 2, 5) / logs(1, 2, 5).sum()},
    }
    assert_calls(floats(observe(softmaxes, calls)), want, **CLOSE, hints=hints)


@grade("cross_entropy", weight=SEEN)
def test_the_slopes_of_the_softmax_are_measured(observe):
    """Row i, column j says how p_i changes, measured, when logit z_j moves a little; each column adds up to 0."""
    weights = np.array([1.0, 2.0, 5.0])
    with call("softmax_jacobian([log 1, log 2, log 5])"):
        got = observe(lambda code, z: code.entropy.softmax_jacobian(z), np.log(weights))
        if not isinstance(got, np.ndarray):
            raise wrong_type("a numpy array", got)
        if got.shape != (3, 3):
            raise Failure(f"expected the shape (3, 3), got {got.shape}", got=show(got))
        # A logit that grows by h multiplies its weight by exp(h), and a probability is a weight's share of all.
        grown = (lambda h, i=i: (weights * np.exp(h))[i] / (weights @ np.exp(h)) for i in range(3))
        want = np.array([slopes_of(share, np.zeros(3)) for share in grown])
        p = weights / 8
        hints = {
            "off the diagonal stands -p_i p_j: a logit that grows takes from the others": np.diag(p * (1 - p)),
            "the sign: p_i grows with its own logit": -want,
            "on the diagonal stands p_i (1 - p_i)": np.diag(p),
        }
        expect_all_near(got, want, "the probabilities change otherwise", hints)


# Task 11


def output_sizes(code, calls):
    return each_call(code.convolution.output_size, calls)


def parameter_counts(code, calls):
    return each_call(code.convolution.parameter_count, calls)


def whole(answers):
    """Whole numbers of numpy's as plain ints; anything else as it is."""
    if type(answers) is not dict:
        return answers
    return {label: int(got) if isinstance(got, np.integer) else got for label, got in answers.items()}


# Width, kernel, stride, padding and dilation, with the width of the output.
SIZES = {(7, 3, 1, 0, 1): 5, (7, 3, 1, 1, 1): 7, (7, 3, 2, 0, 1): 3, (8, 3, 2, 0, 1): 3, (9, 3, 1, 0, 2): 5}


@grade("layer_sizes", weight=SEEN)
def test_sizes_that_can_be_counted_on_paper(observe):
    """A kernel of 3 has 5 places in a row of 7, 3 with stride 2 (in a row of 8, too), 7 with a zero on each side."""
    names = "output_size({}, kernel={}, stride={}, padding={}, dilation={})"
    calls = {names.format(*sizes): list(sizes) for sizes in SIZES}
    want = dict(zip(calls, SIZES.values(), strict=True))
    first, padded, _, ragged, dilated = calls
    hints = {
        "a row of 7 has 5 places for a kernel of 3, not 4: count them": {first: 4},
        "padding lies on both sides": {padded: 6},
        "a window that reaches beyond the input is left out: round down": {ragged: 4},
        "with dilation 2 a kernel of 3 spans 5 pixels": {dilated: 4},
        "with dilation 2 a kernel of 3 spans 5 pixels, not 6": lambda got: got[dilated] in (3, 7),
        "// divides whole numbers and gives one": lambda got: isinstance(got[first], float),
    }
    assert_calls(whole(observe(output_sizes, calls)), want, hints=hints)


@grade("layer_sizes", weight=SEEN)
def test_parameters_that_can_be_counted_on_paper(observe):
    """One channel in, one out, a kernel of 2: 4 weights and 1 bias. Two in, three out, a kernel of 1: 6 and 3."""
    calls = {
        "parameter_count(1, 1, kernel=2)": [1, 1, 2],
        "parameter_count(2, 3, kernel=1)": [2, 3, 1],
        "parameter_count(1, 2, kernel=3, bias=False)": [1, 2, 3, False],
    }
    want = dict(zip(calls, (5, 9, 18), strict=True))
    first, second, third = calls
    hints = {
        "each output channel has a bias": {first: 4, second: 6},
        "one bias for each output channel, not for each input channel": {second: 8},
        "one bias for each output channel, not for each kernel": {second: 12},
        "one bias for each output channel, not one for all": {second: 7},
        "with bias=False there are none": {third: 20},
        "a kernel has kernel × kernel weights": {first: 3},
        "each output channel looks at all input channels": {second: 6},
    }
    assert_calls(whole(observe(parameter_counts, calls)), want, hints=hints)


@grade("layer_sizes", weight=SEEN)
def test_an_array_that_goes_through_the_network_has_these_sizes(observe, numbers):
    """A row of numbers that is padded and cut into windows, layer by layer, has as many of them as you say."""
    own = draw(numbers).network
    with call("sizes_of_network()"):
        got = numbers_of(observe, "convolution", "sizes_of_network", (3,))
        row = np.zeros(own.size)
        for k, layer in enumerate(own.layers):
            windows = np.lib.stride_tricks.sliding_window_view(np.pad(row, layer.padding), layer.kernel)
            row = windows[:: layer.stride].sum(axis=1)
            if not alike(got[k], len(row)):
                raise Failure(f"after layer {k + 1} a row has another number of entries", got=show(got.tolist()))


@grade("layer_sizes", weight=SEEN)
def test_the_arrays_of_the_network_have_so_many_entries(observe, numbers):
    """The arrays of all kernels and biases have as many entries together as you say."""
    own = draw(numbers).network
    with call("parameters_of_network()"):
        got = number_of(observe, "convolution", "parameters_of_network")
        made = [layer for layer in own.layers if layer.kind == "conv"]
        kernels = [np.zeros((c.out_channels, c.in_channels, c.kernel, c.kernel)).size for c in made]
        biases = [np.zeros(c.out_channels).size for c in made]
        hints = {
            "this is without the biases": sum(kernels),
            "a pooling layer has no parameters": sum(kernels + biases) + 4 * made[0].out_channels,
            "each output channel looks at all input channels": sum(
                c.out_channels * c.kernel**2 + c.out_channels for c in made
            ),
        }
        expect_near(got, sum(kernels + biases), 0.5, "the arrays have another number of entries", hints)


@grade("layer_sizes", weight=SEEN)
def test_so_many_pixels_move_one_output(observe, numbers):
    """Of a row of pixels, as many as you say move one entry of the output when they change, measured."""
    own = draw(numbers).network
    with call("receptive_field()"):
        got = number_of(observe, "convolution", "receptive_field")
        # One input for each pixel, in which that pixel alone is 1; far from the edges, where padding plays no part.
        rows = np.eye(201)
        for layer in own.layers:
            rows = np.lib.stride_tricks.sliding_window_view(rows, layer.kernel, axis=1)[:, :: layer.stride].sum(axis=2)
        moving = np.count_nonzero(rows[:, rows.shape[1] // 2])
        hints = {
            "a stride makes all kernels behind it reach further": 1 + sum(layer.kernel - 1 for layer in own.layers),
            "pooling widens the field, too": fields_without_pooling(own),
        }
        expect_near(got, moving, 0.5, "another number of pixels moves the output", hints)


def fields_without_pooling(network):
    first, _, last = network.layers
    return first.kernel + (last.kernel - 1) * first.stride


# Task 12


def windows_of(x, size):
    return np.lib.stride_tricks.sliding_window_view(x, (size, size))


@grade("convolution", weight=SEEN)
def test_the_checksums_of_the_convolution_fit(observe, numbers):
    """The three outputs of each row add up to what the weights say of all that they meet, plus three biases."""
    own = draw(numbers).convolution
    with call("convolution_output()"):
        got = numbers_of(observe, "convolution", "convolution_output", (3, 3))
        want, turned = (checksums(own.x, kernel) for kernel in (own.K, own.K[::-1, ::-1]))
        hints = {
            "the bias is missing": want,
            "here the kernel is turned: deep learning lays it on as it is": turned + 3 * own.b,
            "here rows and columns of the kernel are swapped": checksums(own.x, own.K.T) + 3 * own.b,
        }
        sums = got.sum(axis=1)
        hint = next((text for text, wrong in hints.items() if alike(sums, wrong)), "")
        for i in range(3):
            if not alike(sums[i], want[i] + 3 * own.b):
                raise Failure(f"the numbers of row {i} do not add up", got=show(got.tolist()), hint=hint)


def checksums(x, kernel):
    """For each row of outputs its sum, without biases: each weight times all that it meets on its way to the right."""
    met = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1).sum(axis=2)
    return np.array([(met[i : i + 2] * kernel).sum() for i in range(3)])


def loss_without_bias(own, kernel):
    """The part of L that the kernel and the input are to blame for: all outputs, weighted with dL/dout."""
    return np.einsum("abij,ij,ab", windows_of(own.x, 2), kernel, own.dout)


@grade("convolution", weight=SEEN)
def test_the_kernels_gradient_times_the_kernel_is_the_loss(observe, numbers):
    """L without the bias is the kernel times its gradient, added up; and the gradient's own entries add up, too."""
    own = draw(numbers).convolution
    with call("kernel_gradient()"):
        got = numbers_of(observe, "convolution", "kernel_gradient", (2, 2))
        total = (own.dout * windows_of(own.x, 2).sum(axis=(2, 3))).sum()
        hints = {"weight each window with its entry of dL/dout": windows_of(own.x, 2).sum()}
        expect_near(got.sum(), total, 0.01, "the four numbers do not add up", hints)
        hints = {"the four numbers add up, but they stand in other places": (got[::-1, ::-1] * own.K).sum()}
        want = loss_without_bias(own, own.K)
        hint = next((text for text, product in hints.items() if alike(product, want)), "")
        if not alike((got * own.K).sum(), want):
            raise Failure("the kernel times its gradient is not L", got=show(got.tolist()), hint=hint)


@grade("convolution", weight=SEEN)
def test_the_inputs_gradient_times_the_input_is_the_loss(observe, numbers):
    """L without the bias is the input times its gradient, added up; and the gradient's own entries add up, too."""
    own = draw(numbers).convolution
    with call("input_gradient()"):
        got = numbers_of(observe, "convolution", "input_gradient", (4, 4))
        expect_near(got.sum(), own.dout.sum() * own.K.sum(), 0.01, "the sixteen numbers do not add up")
        product = (got * own.x).sum()
        turned = "a weight's share goes back to the very input that it has met: lay the kernel on as it is"
        hint = turned if alike(product, loss_without_bias(own, own.K[::-1, ::-1])) else ""
        if not alike(product, loss_without_bias(own, own.K)):
            raise Failure("the input times its gradient is not L", got=show(got.tolist()), hint=hint)


def windows_of_pooling(x):
    """Each window of the padded input: its place in the output, and its rows and columns in the input."""
    for i, j in np.ndindex(2, 2):
        yield (i, j), [(r, c) for r in range(4) for c in range(4) if abs(r - 2 * i) <= 1 and abs(c - 2 * j) <= 1]


@grade("convolution", weight=SEEN)
def test_each_pooled_number_stands_in_its_window_and_none_is_larger(observe, numbers):
    """Each output of the max-pooling is a number of its window, and no number in the window is larger."""
    x = draw(numbers).pooling.x
    with call("pool_output()"):
        got = numbers_of(observe, "convolution", "pool_output", (2, 2))
        for (i, j), places in windows_of_pooling(x):
            inside = [x[place] for place in places]
            if not any(alike(got[i, j], value) for value in inside):
                hint = "padding is never the largest: it counts as minus infinity" if got[i, j] == 0 else ""
                raise Failure(f"the number at [{i}, {j}] is none of its window's", got=show(got.tolist()), hint=hint)
            if any(value > got[i, j] + 1e-6 for value in inside):
                raise Failure(f"the window of [{i}, {j}] has a larger number", got=show(got.tolist()))


@grade("convolution", weight=SEEN)
def test_only_the_largest_get_a_gradient_and_none_is_lost(observe, numbers):
    """Only inputs that are the largest of a window get a gradient, and together all that comes back."""
    own = draw(numbers).pooling
    with call("pool_input_gradient()"):
        got = numbers_of(observe, "convolution", "pool_input_gradient", (4, 4))
        windows = [places for _, places in windows_of_pooling(own.x)]
        for place in map(tuple, np.argwhere(np.abs(got) > 1e-6).tolist()):
            if not any(place in places and all(own.x[place] >= own.x[p] for p in places) for places in windows):
                raise Failure(
                    f"the input at {list(place)} is the largest of no window, and gets a gradient",
                    got=show(got.tolist()),
                )
        hint = "an input that is the largest of two windows gets both gradients, added"
        if not alike(got.sum(), own.dout.sum()):
            raise Failure("the gradients do not add up to those of the outputs", got=show(got.tolist()), hint=hint)
