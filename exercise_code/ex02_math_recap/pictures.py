"""The pictures and tables of exercise 2's notebook. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from exercise_code.common.plotting import course_style, show_figure

FIRST, SECOND, QUIET = "#1c7ed6", "#f76707", "0.55"
_BOX = {"boxstyle": "round,pad=0.5", "facecolor": "#e7f0fb", "edgecolor": "tab:blue"}


def show_numbers(**numbers: Any) -> None:
    """Print numbers, vectors and matrices with their names; matrices stand beside each other."""
    scalars = [f"{name} = {value}" for name, value in numbers.items() if not np.ndim(value)]
    vectors = [f"{name} = ({', '.join(map(str, value))})" for name, value in numbers.items() if np.ndim(value) == 1]
    if scalars or vectors:
        print("    ".join(scalars + vectors))
    matrices = {name: np.asarray(value) for name, value in numbers.items() if np.ndim(value) == 2}
    if not matrices:
        return
    blocks = [_block(name, matrix) for name, matrix in matrices.items()]
    height = max(map(len, blocks))
    print()
    for i in range(height):
        print("      ".join(block[i] if i < len(block) else " " * len(block[0]) for block in blocks).rstrip())


def _block(name: str, matrix: np.ndarray) -> list[str]:
    width = max(len(str(value)) for value in matrix.ravel())
    rows = ["[ " + "  ".join(f"{value!s:>{width}}" for value in row) + " ]" for row in matrix]
    before = f"{name} = "
    return [(before if i == 0 else " " * len(before)) + row for i, row in enumerate(rows)]


# Vectors and slopes


@course_style()
def show_vectors(u: Sequence[float], v: Sequence[float]) -> None:
    """Draw two vectors of the plane, and the part of u along v with what is left of it."""
    u, v = np.asarray(u, dtype=float), np.asarray(v, dtype=float)
    along = (u @ v) / (v @ v) * v
    figure, axis = plt.subplots(figsize=(5.6, 3.6))
    arrows = (
        (np.zeros(2), u, "u", FIRST, "-"),
        (np.zeros(2), v, "v", SECOND, "-"),
        (along, u, "what is left", QUIET, "--"),
    )
    for start, end, name, color, line in arrows:
        arrow = {"arrowstyle": "->", "color": color, "linewidth": 2.2, "linestyle": line, "shrinkA": 0, "shrinkB": 0}
        axis.annotate("", end, start, arrowprops=arrow)
        axis.annotate(name, (start + end) / 2, (6, 6), textcoords="offset points", color=color)
    axis.plot(*along, "o", color=SECOND, markersize=6)
    axis.annotate("the part of u along v ends here", along, (-70, -18), textcoords="offset points", fontsize=9)
    corners = np.stack([np.zeros(2), u, v, along])
    low, high = corners.min(axis=0) - 0.7, corners.max(axis=0) + 0.9
    axis.set(
        xlim=(low[0], high[0] + 1.4),
        ylim=(low[1], high[1]),
        aspect="equal",
        xlabel="first entry",
        ylabel="second entry",
    )
    figure.tight_layout()
    words = f"The vectors u = {u.tolist()} and v = {v.tolist()}. The part of u along v is {along.tolist()}, "
    show_figure(figure, words + f"and what is left, {(u - along).tolist()}, is perpendicular to v.")


@course_style()
def show_gradient(X: np.ndarray, w: Sequence[float], y: Sequence[float], gradient: Sequence[float]) -> None:
    """Draw ‖Xw - y‖² over the plane of w, with the gradient at one place."""
    w, gradient = np.asarray(w, dtype=float), np.asarray(gradient, dtype=float)
    a, b = np.meshgrid(w[0] + np.linspace(-2.5, 2.5, 80), w[1] + np.linspace(-2.5, 2.5, 80))
    values = ((a[..., None] * X[:, 0] + b[..., None] * X[:, 1] - y) ** 2).sum(axis=-1)
    figure, axis = plt.subplots(figsize=(4.8, 4.2))
    axis.grid(False)
    lines = axis.contour(a, b, values, levels=np.geomspace(values.min() + 0.5, values.max(), 9), cmap="Blues_r")
    axis.clabel(lines, fontsize=7, fmt="%.0f")
    axis.plot(*w, "o", color=SECOND)
    length = float(np.hypot(*gradient)) or 1.0
    arrow = {"arrowstyle": "->", "color": SECOND, "linewidth": 2.4, "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", w + 1.2 * gradient / length, w, arrowprops=arrow)
    axis.set(aspect="equal", xlabel="w₁", ylabel="w₂", title="‖Xw − y‖² and the direction of its gradient")
    figure.tight_layout()
    at, way = (np.round(each, 3).tolist() for each in (w, gradient))
    show_figure(
        figure, f"Lines of equal ‖Xw − y‖². At w = {at} the gradient {way} crosses them at a right angle, uphill."
    )


@course_style()
def show_chain(forward: Sequence[tuple[str, str]], backward: Sequence[str], title: str) -> None:
    """Draw boxes with arrows: what each box gives to the next, and the derivatives that come back.

    `forward` has the name of each box and its value; `backward` the derivative of L with respect to each of them.
    """
    figure, axis = plt.subplots(figsize=(1.9 * len(forward), 2.1))
    for place, ((name, value), slope) in enumerate(zip(forward, backward, strict=True)):
        axis.text(place, 0, f"{name}\n{value}", ha="center", va="center", bbox=_BOX)
        axis.text(place, -0.62, slope, ha="center", va="center", fontsize=9, color="#b35900")
        if place:
            to = {"arrowstyle": "->", "color": QUIET, "linewidth": 1.8}
            axis.annotate("", (place - 0.36, 0.08), (place - 0.64, 0.08), arrowprops=to)
            back = {"arrowstyle": "->", "color": SECOND, "linewidth": 1.8}
            axis.annotate("", (place - 0.64, -0.14), (place - 0.36, -0.14), arrowprops=back)
    axis.set(xlim=(-0.6, len(forward) - 0.4), ylim=(-0.8, 0.6), title=title)
    axis.axis("off")
    figure.tight_layout()
    there = "; ".join(f"{name} with the value {value}" for name, value in forward)
    show_figure(figure, f"{title}. Forward: {there}. Backward: {'; '.join(reversed(backward))}.")


# Probabilities


@course_style()
def show_parts(fault: float, alarm_if_fault: float, alarm_if_fine: float, count: int = 1000) -> None:
    """Draw so many parts as a bar: those with a fault and those without, with and without an alarm."""
    bad = round(count * float(fault))
    good = count - bad
    true, false = round(bad * float(alarm_if_fault)), round(good * float(alarm_if_fine))
    figure, axes = plt.subplots(2, 1, figsize=(8, 2.5), gridspec_kw={"hspace": 1.1})
    rows = (
        (
            axes[0],
            f"all {count:,} parts",
            (
                (true, "fault, alarm", SECOND),
                (bad - true, "fault, quiet", "#ffd8a8"),
                (false, "fine, alarm", FIRST),
                (good - false, "fine, quiet", "#d0ebff"),
            ),
        ),
        (axes[1], f"the {true + false} with an alarm", ((true, "fault", SECOND), (false, "fine", FIRST))),
    )
    for axis, title, shares in rows:
        left = 0
        for size, name, color in shares:
            axis.barh(0, size, left=left, color=color, edgecolor="white", label=f"{name}: {size}")
            left += size
        axis.set(xlim=(0, left), yticks=[], title=title)
        axis.grid(False)
        axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    words = (
        f"Of {count} parts {bad} have a fault, {true} of them with an alarm; {good} are fine, {false} with an alarm. "
    )
    show_figure(figure, words + f"So {true} of {true + false} alarms are true.")


@course_style()
def show_bells(sample: Sequence[float], curves: Mapping[str, tuple[float, float]]) -> None:
    """Draw normal distributions, by name their mean and std, with the density of each at the sample's numbers."""
    sample = np.asarray(sample, dtype=float)
    spread = max(std for _, std in curves.values())
    x = np.linspace(sample.min() - 2 * spread, sample.max() + 2 * spread, 300)
    figure, axes = plt.subplots(1, len(curves), figsize=(3.9 * len(curves), 3.0), sharey=True, squeeze=False)
    words = []
    for axis, (name, (mean, std)) in zip(axes[0], curves.items(), strict=True):
        curve = NormalDist(float(mean), float(std))
        heights = [curve.pdf(each) for each in sample]
        total = float(np.log(np.maximum(heights, 1e-300)).sum())
        axis.plot(x, [curve.pdf(each) for each in x], color=FIRST)
        axis.vlines(sample, 0, heights, color=SECOND, linewidth=2)
        axis.plot(sample, np.zeros(len(sample)), "o", color=SECOND, label="sample")
        axis.set(title=f"{name}\nlog-likelihood {total:.1f}", xlabel="x")
        words.append(f"{name}, mean {float(mean):g} and std {float(std):.2f}: log-likelihood {total:.1f}")
    axes[0, 0].set_ylabel("density")
    axes[0, 0].legend(loc="upper left", fontsize=8)
    figure.tight_layout()
    show_figure(figure, "Bell curves, with a stroke up to the curve at each number of the sample. " + "; ".join(words))


@course_style()
def show_shares(z: np.ndarray, shares: np.ndarray, title: str) -> None:
    """Draw logits as bars, and beside them their probabilities."""
    figure, axes = plt.subplots(1, 2, figsize=(6.6, 2.4))
    for axis, values, name, color in ((axes[0], z, "logit", QUIET), (axes[1], shares, "probability", FIRST)):
        bars = axis.bar(np.arange(len(z)), values, color=color)
        axis.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=9)
        axis.set(xlabel="class", ylabel=name, xticks=np.arange(len(z)))
        axis.margins(y=0.18)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    show_figure(figure, f"{title}: logits {np.round(z, 2).tolist()}, probabilities {np.round(shares, 2).tolist()}")


# Convolutions


def _grid(axis: Any, matrix: Any, title: str, marked: Sequence[tuple[int, int]] = (), faint: Any = None) -> None:
    """A matrix as a grid of numbers; `marked` cells are coloured, those that are `faint` (an array) are grey."""
    rows, columns = np.shape(matrix)
    for i, j in np.ndindex(rows, columns):
        pale = faint is not None and bool(faint[i, j])
        face = "#ffe3cc" if (i, j) in marked else "0.95" if pale else "white"
        axis.add_patch(plt.Rectangle((j, -i - 1), 1, 1, facecolor=face, edgecolor="0.4"))
        axis.text(j + 0.5, -i - 0.5, str(matrix[i][j]), ha="center", va="center", color="0.6" if pale else "black")
    # All grids of a figure as tall as the first, so that their cells are equally large.
    height = max(rows, *(-round(each.get_ylim()[0]) for each in axis.figure.axes[:1] if each is not axis), 0)
    axis.set(xlim=(-0.1, columns + 0.1), ylim=(-height - 0.1, 0.1), aspect="equal", title=title)
    axis.axis("off")


@course_style()
def show_convolution(x: Any, K: Any, out: Any, place: tuple[int, int] | None = None, bias: Any = None) -> None:
    """Draw an input, a kernel and an output as grids of numbers; the window of one `place` is marked."""
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 2.7), gridspec_kw={"width_ratios": [len(x), len(K), len(out)]})
    k = len(K)
    window = [] if place is None else [(place[0] + i, place[1] + j) for i in range(k) for j in range(k)]
    _grid(axes[0], x, "input x", window)
    note = "" if bias is None else f", bias {bias}"
    _grid(axes[1], K, f"kernel K{note}", [(i, j) for i in range(k) for j in range(k)] if window else [])
    _grid(axes[2], out, "output", [] if place is None else [place])
    figure.tight_layout()
    where = "" if place is None else f" Marked: the output at {list(place)} and the window that it comes from."
    texts = [np.asarray(each).tolist() for each in (x, K, out)]
    show_figure(figure, f"Input {texts[0]}, kernel {texts[1]}{note}, output {texts[2]}.{where}")


@course_style()
def show_pooling(x: Any, out: Any, place: tuple[int, int] | None = None) -> None:
    """Draw the padded input of a max-pooling (3 × 3, stride 2, padding 1) and its output; one window is marked."""
    size = len(x) + 2
    padded = np.full((size, size), "−∞", dtype=object)
    padded[1:-1, 1:-1] = np.asarray(x)
    faint = np.ones((size, size), dtype=bool)
    faint[1:-1, 1:-1] = False
    figure, axes = plt.subplots(1, 2, figsize=(6.4, 3.2), gridspec_kw={"width_ratios": [size, len(out)]})
    window = [] if place is None else [(2 * place[0] + i, 2 * place[1] + j) for i in range(3) for j in range(3)]
    _grid(axes[0], padded, "input with padding", window, faint)
    _grid(axes[1], out, "output", [] if place is None else [place])
    figure.tight_layout()
    where = "" if place is None else f" Marked: the output at {list(place)} and its window."
    show_figure(
        figure, f"Input {np.asarray(x).tolist()}, padded with minus infinity, output {np.asarray(out).tolist()}.{where}"
    )


@course_style()
def show_receptive_field(layers: Sequence[tuple[int, int]]) -> None:
    """Draw a row of pixels through layers, each with a kernel and a stride, and what one pixel of the last sees."""
    sees = [1]
    for kernel, stride in reversed(layers):
        sees.append(stride * (sees[-1] - 1) + kernel)
    sees.reverse()
    steps = np.cumprod([1, *(stride for _, stride in layers)])
    figure, axis = plt.subplots(figsize=(8, 0.9 + 1.0 * len(layers)))
    centre = (sees[0] - 1) / 2
    # Where the pixels of each layer stand, in pixels of the input.
    places = [
        [(n - (count - 1) / 2) * step + centre for n in range(count)] for count, step in zip(sees, steps, strict=True)
    ]
    for level, (row, step) in enumerate(zip(places, steps, strict=True)):
        near = [place for n in (1, 2) for place in (row[0] - n * step, row[-1] + n * step)]
        around = [place for place in near if -2.5 < place < sees[0] + 1.5]
        axis.plot(around, [level] * len(around), "s", color="0.85", markersize=11)
        axis.plot(row, [level] * len(row), "s", color=SECOND, markersize=11)
        name = "input" if level == 0 else f"kernel {layers[level - 1][0]}, stride {layers[level - 1][1]}"
        axis.text(-3.4, level, f"{name}: {len(row)}", ha="right", va="center")
        if level:
            kernel, stride = layers[level - 1]
            for n, place in enumerate(row):
                for below in places[level - 1][n * stride : n * stride + kernel]:
                    axis.plot([place, below], [level - 0.16, level - 1 + 0.16], color=QUIET, linewidth=0.8)
    axis.set(xlim=(-6.6, sees[0] + 2.5), ylim=(-0.5, len(layers) + 0.5))
    axis.axis("off")
    figure.tight_layout()
    told = ", ".join(f"kernel {kernel} with stride {stride}" for kernel, stride in layers)
    show_figure(
        figure, f"A row of pixels through {told}: one pixel of the last layer sees {sees[0]} pixels of the input."
    )
