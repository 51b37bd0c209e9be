"""Your numbers: the problems of exercise 2, drawn from your id. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from exercise_code.common.errors import CourseError
from exercise_code.common.hand_ins.student_id import numbers_of, read_id

EXERCISE = "ex02_math_recap"
# Integer vectors whose length is a whole number.
_LENGTHS = ((1, 2, 2), (2, 3, 6), (1, 4, 8), (4, 4, 7), (2, 6, 9), (6, 6, 7), (2, 5, 14), (2, 10, 11))
_MOST_DRAWS = 10_000

T = TypeVar("T")


@dataclass(frozen=True)
class Algebra:
    """Task 1: vectors u and v of shape (3,), matrices A (2, 3), B (3, 2) and S (2, 2)."""

    u: np.ndarray
    v: np.ndarray
    A: np.ndarray
    B: np.ndarray
    S: np.ndarray


@dataclass(frozen=True)
class Squares:
    """Task 2: inputs X (3, 2), weights w (2,), targets y (3,)."""

    X: np.ndarray
    w: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Chain:
    """Task 4: h = w1 x, a = h², o = w2 a + b, L = (o - t)²."""

    w1: int
    w2: int
    b: int
    x: int
    t: int


@dataclass(frozen=True)
class Fork:
    """Task 4: s = p + q, m = p q, f = s m."""

    p: int
    q: int


@dataclass(frozen=True)
class Variable:
    """Task 5: the probability of each value of a random variable X, and the line scale X + shift."""

    chances: dict[int, Fraction]
    scale: int
    shift: int


@dataclass(frozen=True)
class Alarm:
    """Task 6: how many parts have a fault, and how often the alarm sounds for parts with and without one."""

    fault: Fraction
    alarm_if_fault: Fraction
    alarm_if_fine: Fraction


@dataclass(frozen=True)
class Entropy:
    """Task 9: pairs of a probability of class 1 and a target; logits log k for whole numbers k, and the label."""

    pairs: tuple[tuple[Fraction, int], ...]
    exponentials: tuple[int, ...]
    label: int


@dataclass(frozen=True)
class Layer:
    """A layer on square maps; a pooling layer has as many channels out as in, and no parameters."""

    kind: str
    kernel: int
    stride: int
    padding: int
    in_channels: int
    out_channels: int


@dataclass(frozen=True)
class Network:
    """Task 11: the size of the square input, and three layers."""

    size: int
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Convolution:
    """Task 12: an input x (4, 4), a kernel K (2, 2), a bias b, and dL/dout (3, 3). Stride 1, no padding."""

    x: np.ndarray
    K: np.ndarray
    b: int
    dout: np.ndarray


@dataclass(frozen=True)
class Pooling:
    """Task 12: an input x (4, 4) and dL/dout (2, 2). Windows of 3 × 3, stride 2, padding 1."""

    x: np.ndarray
    dout: np.ndarray


@dataclass(frozen=True)
class Problems:
    """All numbers of one student."""

    algebra: Algebra
    squares: Squares
    chain: Chain
    fork: Fork
    variable: Variable
    alarm: Alarm
    sample: tuple[int, ...]
    entropy: Entropy
    network: Network
    convolution: Convolution
    pooling: Pooling


def own_problems() -> Problems:
    """The numbers of the student whom `student_id.txt` names; a `CourseError` where there is no such file yet."""
    student = read_id(Path(__file__).parent)
    if student is None:
        raise CourseError('expected to know whose numbers to draw: run student_id("...") with your id first')
    return draw(numbers_of(EXERCISE, student))


def draw(numbers: np.random.Generator) -> Problems:
    """One student's problems, from the generator of that student's numbers, as it is before any draw."""
    return _draw(int(numbers.integers(2**62)))


@lru_cache
def _draw(seed: int) -> Problems:
    # Drawn once: every test of a hand-in asks for them.
    numbers = np.random.default_rng(seed)
    return Problems(
        algebra=_until(_algebra, numbers),
        squares=_until(_squares, numbers),
        chain=_until(_chain, numbers),
        fork=_until(_fork, numbers),
        variable=_until(_variable, numbers),
        alarm=_until(_alarm, numbers),
        sample=_until(_sample, numbers),
        entropy=_until(_entropy, numbers),
        network=_until(_network, numbers),
        convolution=_until(_convolution, numbers),
        pooling=_until(_pooling, numbers),
    )


def _until(make: Callable[[np.random.Generator], T | None], numbers: np.random.Generator) -> T:
    """The first draw that is well posed: one whose usual mistakes all give another answer."""
    for _ in range(_MOST_DRAWS):
        found = make(numbers)
        if found is not None:
            for value in vars(found).values() if is_dataclass(found) else ():
                if isinstance(value, np.ndarray):
                    value.setflags(write=False)
            return found
    raise CourseError(f"expected a well-posed problem from {make.__name__}, got none in {_MOST_DRAWS:,} draws")


def _integers(numbers: np.random.Generator, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
    return numbers.integers(low, high, shape, dtype=np.int64, endpoint=True)


def _one(numbers: np.random.Generator, choices: tuple[T, ...]) -> T:
    return choices[int(numbers.integers(len(choices)))]


def _some(numbers: np.random.Generator, choices: tuple[T, ...], count: int) -> tuple[T, ...]:
    """So many of the choices, all different, in random order."""
    return tuple(choices[int(i)] for i in numbers.permutation(len(choices))[:count])


def _algebra(numbers: np.random.Generator) -> Algebra | None:
    u = np.array(_some(numbers, _one(numbers, _LENGTHS), 3)) * numbers.choice([-1, 1], 3)
    v = _integers(numbers, -4, 4, (3,))
    A, B, S = (_integers(numbers, -2, 4, shape) for shape in ((2, 3), (3, 2), (2, 2)))
    det = int(S[0, 0] * S[1, 1] - S[0, 1] * S[1, 0])
    whole = np.all(v) and np.all(S) and np.count_nonzero(A) + np.count_nonzero(B) >= 10
    if not whole or det not in (-2, -1, 2) or u @ v in (0, 1) or S[0, 0] == S[1, 1] or S[0, 1] == S[1, 0]:
        return None
    product = A @ B
    sums = np.concatenate([product.sum(axis=0), product.sum(axis=1)])
    return Algebra(u, v, A, B, S) if np.all(sums) and len(set(product.ravel().tolist())) == 4 else None


def _squares(numbers: np.random.Generator) -> Squares | None:
    X, w, y = (_integers(numbers, low, 3, shape) for low, shape in ((-2, (3, 2)), (-2, (2,)), (-3, (3,))))
    differences = X @ w - y
    gradient, hessian = X.T @ differences, X.T @ X
    posed = np.all(X) and np.all(w) and np.all(differences) and np.all(gradient) and np.all(hessian)
    return Squares(X, w, y) if posed and abs(gradient).max() <= 20 else None


def _chain(numbers: np.random.Generator) -> Chain | None:
    w1, w2, b, x = (int(n) for n in _integers(numbers, -3, 3, (4,)))
    off = _one(numbers, (-3, -2, -1, 1, 2, 3))
    posed = w1 * w2 * b * x and 2 <= abs(w1 * x) <= 4 and abs(w2) != 1 and abs(w1) != abs(x)
    return Chain(w1, w2, b, x, w2 * (w1 * x) ** 2 + b - off) if posed else None


def _fork(numbers: np.random.Generator) -> Fork | None:
    p, q = (int(n) for n in _integers(numbers, -5, 5, (2,)))
    return Fork(p, q) if p * q and abs(p) != abs(q) and (2 * p + q) * (p + 2 * q) else None


def _variable(numbers: np.random.Generator) -> Variable | None:
    values = tuple(sorted(_some(numbers, tuple(range(-4, 9)), 4)))
    whole = _one(numbers, (8, 10, 12))
    counts = [int(n) for n in numbers.integers(1, whole, 3)]
    counts.append(whole - sum(counts))
    scale, shift = _one(numbers, (-3, -2, 2, 3, 4)), _one(numbers, (-5, -4, -3, 3, 4, 5))
    if counts[-1] < 1 or len(set(counts)) < 3:
        return None
    x, p = np.array(values), np.array(counts) / whole
    mean = float(x @ p)
    spread = float((x - mean) ** 2 @ p)
    far = abs(mean - x.mean()) > 0.15 * spread**0.5 and abs(spread - x.var()) > 0.15 * spread
    posed = far and mean**2 > 0.15 * spread and spread > 1
    chances = {value: Fraction(count, whole) for value, count in zip(values, counts, strict=True)}
    return Variable(chances, scale, shift) if posed else None


def _alarm(numbers: np.random.Generator) -> Alarm | None:
    fault = Fraction(1, _one(numbers, (8, 10, 16, 20, 25)))
    hit = Fraction(_one(numbers, (14, 15, 16, 17, 18, 19)), 20)
    false = Fraction(_one(numbers, (2, 3, 4, 5, 8)), 40)
    after = float(fault * hit / (fault * hit + (1 - fault) * false))
    two = float(fault * hit**2 / (fault * hit**2 + (1 - fault) * false**2))
    mistakes = (after, after**2, 1 - (1 - after) ** 2, float(hit))
    posed = 0.2 < after < 0.6 and all(abs(two - wrong) > 0.06 for wrong in mistakes) and hit != 1 - false
    return Alarm(fault, hit, false) if posed else None


def _sample(numbers: np.random.Generator) -> tuple[int, ...] | None:
    sample = tuple(int(n) for n in _integers(numbers, -3, 9, (5,)))
    mean, spread = np.mean(sample), np.var(sample)
    posed = sum(sample) % 5 == 0 and abs(mean) >= 1 and 2 <= spread <= 16 and abs(np.median(sample) - mean) >= 1
    return sample if posed and len(set(sample)) >= 4 else None


def _entropy(numbers: np.random.Generator) -> Entropy | None:
    chances = tuple(
        Fraction(n, d) for n, d in ((1, 10), (1, 8), (1, 5), (1, 4), (2, 5), (3, 5), (3, 4), (4, 5), (7, 8))
    )
    targets = tuple(int(n) for n in _integers(numbers, 0, 1, (3,)))
    pairs = tuple(zip(_some(numbers, chances, 3), targets, strict=True))
    exponentials = _some(numbers, tuple(range(1, 9)), 3)
    label = int(numbers.integers(3))
    right = [p if t else 1 - p for p, t in pairs]
    product = right[0] * right[1] * right[2]
    swapped = (1 - right[0]) * (1 - right[1]) * (1 - right[2])
    posed = 0 < sum(targets) < 3 and abs(float(product / swapped) - 1) > 0.2 and 0.005 < product < 0.5
    share = Fraction(exponentials[label], sum(exponentials))
    return Entropy(pairs, exponentials, label) if posed and share <= Fraction(2, 5) else None


def _network(numbers: np.random.Generator) -> Network | None:
    size = _one(numbers, (28, 32, 36, 40, 48, 64))
    channels = (_one(numbers, (1, 3)), *(_one(numbers, some) for some in ((4, 5, 6, 8, 10), (8, 12, 16, 20))))
    kernels = _one(numbers, (3, 5, 7)), _one(numbers, (3, 5))
    strides = int(numbers.integers(1, 3)), int(numbers.integers(1, 3))
    paddings = int(numbers.integers(1, 4)), int(numbers.integers(0, 3))
    first, second = zip(kernels, strides, paddings, channels, channels[1:], strict=False)
    pool = Layer("pool", 2, 2, 0, channels[1], channels[1])
    layers = (Layer("conv", *first), pool, Layer("conv", *second))
    if max(strides) == 1 or channels[1] == channels[2] or any(layer.padding > layer.kernel // 2 for layer in layers):
        return None
    width = size
    for layer in layers:
        if (room := width + 2 * layer.padding - layer.kernel) % layer.stride:
            return None
        width = room // layer.stride + 1
    return Network(size, layers) if width >= 4 else None


def _convolution(numbers: np.random.Generator) -> Convolution | None:
    x, K = _integers(numbers, -2, 4, (4, 4)), _integers(numbers, -2, 3, (2, 2))
    b, dout = _one(numbers, (-3, -2, -1, 1, 2, 3)), _integers(numbers, -1, 2, (3, 3))
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2))
    sums, flipped = (np.tensordot(windows, kernel, 2) for kernel in (K, K[::-1, ::-1]))
    posed = np.count_nonzero(x) >= 13 and np.all(K) and len(set(K.ravel().tolist())) >= 3 and dout.sum()
    if not posed or not 5 <= np.count_nonzero(dout) <= 7:
        return None
    rows, loss = (sums + b).sum(axis=1), (dout * sums).sum()
    apart = np.all(rows) and np.all(rows != flipped.sum(axis=1) + 3 * b) and loss not in (0, (dout * flipped).sum())
    seen = K.sum() and (dout * windows.sum(axis=(2, 3))).sum() and not np.array_equal(K, K.T)
    return Convolution(x, K, b, dout) if apart and seen else None


def _pooling(numbers: np.random.Generator) -> Pooling | None:
    x = np.array(_some(numbers, (*range(-9, 0), *range(1, 10)), 16)).reshape(4, 4)
    dout = np.array(_some(numbers, (-3, -2, -1, 1, 2, 3, 4), 4)).reshape(2, 2)
    # With padding the windows cover these rows and columns.
    ends = (slice(0, 2), slice(1, 4))
    largest = [x[rows, columns].max() for rows in ends for columns in ends]
    # A zero of the padding must not win, and one input must be the largest of two windows, but not of more.
    posed = largest[0] < 0 and len(set(largest)) == 3 and min(largest[1:]) > 0 and dout.sum()
    return Pooling(x, dout) if posed else None
