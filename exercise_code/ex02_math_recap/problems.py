"""Your numbers: the problems of exercise 2, drawn from your id. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np

from exercise_code.common.errors import CourseError
from exercise_code.common.hand_ins.student_id import numbers_of, read_id

EXERCISE = "ex02_math_recap"
# Integer vectors whose length is a whole number.
_LENGTHS = ((1, 2, 2), (2, 3, 6), (1, 4, 8), (4, 4, 7), (2, 6, 9), (6, 6, 7), (2, 5, 14), (2, 10, 11))
_MOST_DRAWS = 10_000

T = TypeVar("T")


class Algebra(SimpleNamespace):
    """Task 1: vectors u and v of shape (3,), matrices A (2, 3), B (3, 2) and S (2, 2)."""

    u: np.ndarray
    v: np.ndarray
    A: np.ndarray
    B: np.ndarray
    S: np.ndarray


class Squares(SimpleNamespace):
    """Task 2: inputs X (3, 2), weights w (2,), targets y (3,)."""

    X: np.ndarray
    w: np.ndarray
    y: np.ndarray


class Chain(SimpleNamespace):
    """Task 4: h = w1 x, a = h², o = w2 a + b, L = (o - t)²."""

    w1: int
    w2: int
    b: int
    x: int
    t: int


class Fork(SimpleNamespace):
    """Task 4: s = p + q, m = p q, f = s m."""

    p: int
    q: int


class Variable(SimpleNamespace):
    """Task 5: the probability of each value of a random variable X, and the line scale X + shift."""

    chances: dict[int, Fraction]
    scale: int
    shift: int


class Alarm(SimpleNamespace):
    """Task 6: how many parts have a fault, and how often the alarm sounds for parts with and without one."""

    fault: Fraction
    alarm_if_fault: Fraction
    alarm_if_fine: Fraction


class Entropy(SimpleNamespace):
    """Task 9: pairs of a probability of class 1 and a target; logits log k for whole numbers k, and the label."""

    pairs: tuple[tuple[Fraction, int], ...]
    exponentials: tuple[int, ...]
    label: int


class Layer(SimpleNamespace):
    """A layer on square maps; a pooling layer has as many channels out as in, and no parameters."""

    kind: str
    kernel: int
    stride: int
    padding: int
    in_channels: int
    out_channels: int


class Network(SimpleNamespace):
    """Task 11: the size of the square input, and three layers."""

    size: int
    layers: tuple[Layer, ...]


class Convolution(SimpleNamespace):
    """Task 12: an input x (4, 4), a kernel K (2, 2), a bias b, and dL/dout (3, 3). Stride 1, no padding."""

    x: np.ndarray
    K: np.ndarray
    b: int
    dout: np.ndarray


class Pooling(SimpleNamespace):
    """Task 12: an input x (4, 4) and dL/dout (2, 2). Windows of 3 × 3, stride 2, padding 1."""

    x: np.ndarray
    dout: np.ndarray


class Problems:
    """All numbers of one student, each problem drawn when it is first looked at."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __getattr__(self, name: str) -> Any:
        if name not in _MAKERS:
            raise AttributeError(f"expected one of {', '.join(_MAKERS)}, got {name!r}")
        # A generator for each, so that none depends on how many draws another one took.
        found = _until(_MAKERS[name], np.random.default_rng([self._seed, list(_MAKERS).index(name)]))
        setattr(self, name, found)
        return found


def own_problems() -> Problems:
    """The numbers of the student whom `student_id.txt` names; a `CourseError` where there is no such file yet."""
    student = read_id(Path(__file__).parent)
    if student is None:
        raise CourseError('expected to know whose numbers to draw: run student_id("...") with your id first')
    return draw(numbers_of(EXERCISE, student))


def draw(numbers: np.random.Generator) -> Problems:
    """One student's problems, from the generator of that student's numbers, as it is before any draw."""
    return _problems(int(numbers.integers(2**62)))


# Every test of a hand-in asks for them.
@lru_cache
def _problems(seed: int) -> Problems:
    return Problems(seed)


def _until(make: Callable[[np.random.Generator], T | None], numbers: np.random.Generator) -> T:
    """The first draw that is well posed: one whose usual mistakes all give another answer."""
    for _ in range(_MOST_DRAWS):
        found = make(numbers)
        if found is not None:
            for value in getattr(found, "__dict__", {}).values():
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
    v, A, B = (_integers(numbers, -2, 4, shape) for shape in ((3,), (2, 3), (3, 2)))
    product, dot = A @ B, u @ v
    sums = np.concatenate([product.sum(axis=0), product.sum(axis=1)])
    whole = np.all(v) and np.count_nonzero(A) + np.count_nonzero(B) >= 10 and len(set(product.ravel().tolist())) == 4
    if not whole or not np.all(sums) or dot in (0, 1, u[0] * v[0]):
        return None
    return Algebra(u=u, v=v, A=A, B=B, S=_until(_invertible, numbers))


def _invertible(numbers: np.random.Generator) -> np.ndarray | None:
    a, b, c, d = _some(numbers, (-4, -3, -2, -1, 1, 2, 3, 4, 5), 4)
    det = a * d - b * c
    posed = det in (-2, 2) and abs(det) not in map(abs, (a, b, c, d))
    return np.array([[a, b], [c, d]]) if posed else None


def _squares(numbers: np.random.Generator) -> Squares | None:
    X, w, y = (_integers(numbers, low, 3, shape) for low, shape in ((-2, (3, 2)), (-2, (2,)), (-3, (3,))))
    differences = X @ w - y
    gradient, hessian = X.T @ differences, X.T @ X
    posed = np.all(X) and np.all(w) and np.all(differences) and np.all(gradient) and np.all(hessian)
    return Squares(X=X, w=w, y=y) if posed and abs(gradient).max() <= 20 else None


def _chain(numbers: np.random.Generator) -> Chain | None:
    w1, w2, b, x = (int(n) for n in _integers(numbers, -3, 3, (4,)))
    off = _one(numbers, (-3, -2, -1, 1, 2, 3))
    posed = w1 * b and abs(x) > 1 and abs(w2) > 1 and abs(w1 * x * off) <= 6 and abs(w1) != abs(x)
    return Chain(w1=w1, w2=w2, b=b, x=x, t=w2 * (w1 * x) ** 2 + b - off) if posed else None


def _fork(numbers: np.random.Generator) -> Fork | None:
    p, q = (int(n) for n in _integers(numbers, -5, 5, (2,)))
    return Fork(p=p, q=q) if min(abs(p), abs(q)) > 1 and abs(p) != abs(q) and (2 * p + q) * (p + 2 * q) else None


def _variable(numbers: np.random.Generator) -> Variable | None:
    values = tuple(sorted(_some(numbers, tuple(range(-4, 9)), 4)))
    whole = _one(numbers, (8, 10, 12))
    counts = [int(n) for n in numbers.integers(1, whole, 3)]
    counts.append(whole - sum(counts))
    scale, shift = _one(numbers, (-3, -2, 2, 3)), _one(numbers, (-9, -7, -6, -5, 5, 6, 7, 9))
    if counts[-1] < 1 or len(set(counts)) < 3:
        return None
    x, p = np.array(values), np.array(counts) / whole
    mean = float(x @ p)
    spread = float((x - mean) ** 2 @ p)
    far = abs(mean - x.mean()) > 0.15 * spread**0.5 and abs(spread - x.var()) > 0.15 * spread
    posed = far and mean**2 > 0.15 * spread and 2 < spread < 40 * abs(shift) / scale**2
    chances = {value: Fraction(count, whole) for value, count in zip(values, counts, strict=True)}
    return Variable(chances=chances, scale=scale, shift=shift) if posed else None


def _alarm(numbers: np.random.Generator) -> Alarm | None:
    fault = Fraction(1, _one(numbers, (8, 10, 16, 20, 25)))
    hit = Fraction(_one(numbers, (14, 15, 16, 17, 18, 19)), 20)
    false = Fraction(_one(numbers, (2, 3, 4, 5, 8)), 40)
    after = float(fault * hit / (fault * hit + (1 - fault) * false))
    two = float(fault * hit**2 / (fault * hit**2 + (1 - fault) * false**2))
    mistakes = (after, after**2, 1 - (1 - after) ** 2, float(hit))
    posed = 0.2 < after < 0.6 and all(abs(two - wrong) > 0.06 for wrong in mistakes) and hit != 1 - false
    return Alarm(fault=fault, alarm_if_fault=hit, alarm_if_fine=false) if posed else None


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
    alone = pairs[0][0] * pairs[1][0] * pairs[2][0]
    apart = all(abs(float(product / wrong) - 1) > 0.2 for wrong in (swapped, alone))
    posed = 0 < sum(targets) < 3 and apart and 0.005 < product < 0.5
    share = Fraction(exponentials[label], sum(exponentials))
    found = Entropy(pairs=pairs, exponentials=exponentials, label=label)
    return found if posed and share <= Fraction(2, 5) else None


def _network(numbers: np.random.Generator) -> Network | None:
    size = _one(numbers, (31, 33, 35, 37, 39, 41, 43, 45, 47, 49))
    channels = (_one(numbers, (1, 3)), *(_one(numbers, some) for some in ((4, 5, 6, 8, 10), (8, 12, 16, 20))))
    kernels = _one(numbers, (3, 5, 7)), _one(numbers, (3, 5))
    strides = 2, int(numbers.integers(1, 3))
    paddings = int(numbers.integers(1, 4)), int(numbers.integers(0, 3))
    rows = zip(kernels, strides, paddings, channels[:2], channels[1:], strict=True)
    names = ("kernel", "stride", "padding", "in_channels", "out_channels")
    first, second = (Layer(kind="conv", **dict(zip(names, row, strict=True))) for row in rows)
    pool = Layer(kind="pool", kernel=2, stride=2, padding=0, in_channels=channels[1], out_channels=channels[1])
    layers = (first, pool, second)
    if channels[1] == channels[2] or any(layer.padding > layer.kernel // 2 for layer in layers):
        return None
    width = size
    for layer in layers:
        if (room := width + 2 * layer.padding - layer.kernel) % layer.stride:
            return None
        width = room // layer.stride + 1
    return Network(size=size, layers=layers) if width >= 3 else None


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
    return Convolution(x=x, K=K, b=b, dout=dout) if apart and seen else None


def _pooling(numbers: np.random.Generator) -> Pooling | None:
    # The corner is negative, so that a zero of the padding would win there.
    corner = _some(numbers, tuple(range(-9, 0)), 4)
    others = tuple(n for n in (*range(-9, 0), *range(1, 10)) if n not in corner)
    a, b, *below = np.array(_some(numbers, others, 12)).reshape(6, 2).tolist()
    x = np.array([[*corner[:2], *a], [*corner[2:], *b], [*below[0], *below[1]], [*below[2], *below[3]]])
    dout = np.array(_some(numbers, (-3, -2, -1, 1, 2, 3, 4), 4)).reshape(2, 2)
    # With padding the windows cover these rows and columns.
    ends = (slice(0, 2), slice(1, 4))
    largest = [int(x[rows, columns].max()) for rows in ends for columns in ends]
    # One input must be the largest of two windows, and none of more.
    posed = len(set(largest)) == 3 and min(largest[1:]) > 0 and dout.sum()
    return Pooling(x=x, dout=dout) if posed else None


_MAKERS: dict[str, Callable[[np.random.Generator], Any]] = {
    "algebra": _algebra,
    "squares": _squares,
    "chain": _chain,
    "fork": _fork,
    "variable": _variable,
    "alarm": _alarm,
    "sample": _sample,
    "entropy": _entropy,
    "network": _network,
    "convolution": _convolution,
    "pooling": _pooling,
}
