"""The pictures of exercise 7's notebooks. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from exercise_code.common.plotting import course_style, show_figure

MARK, QUIET = "tab:orange", "0.55"
# Lines differ in dashes too, for those who do not tell colours apart.
LINES = (("tab:blue", "-"), ("tab:orange", "--"), ("tab:green", "-."), ("tab:purple", ":"), ("0.35", (0, (5, 1, 1, 1))))


def _plain(axis: Any, across: tuple[float, float], up: tuple[float, float]) -> None:
    """A drawing board without axes."""
    axis.set(xlim=across, ylim=up, aspect="equal")
    axis.axis("off")


def _cells(axis: Any, values: np.ndarray, left: float, top: float, shade: Callable[[Any], str] | None = None) -> None:
    """Draw a matrix as cells with their values; `shade` gives a cell's colour."""
    for row, line in enumerate(np.atleast_2d(values)):
        for column, value in enumerate(line):
            corner = (left + column, top - row - 1)
            color = shade(value) if shade is not None else "white"
            axis.add_patch(plt.Rectangle(corner, 1, 1, facecolor=color, edgecolor="0.3"))
            axis.text(corner[0] + 0.5, corner[1] + 0.5, str(value), ha="center", va="center")


@course_style()
def show_views() -> None:
    """Draw six numbers in memory, and three tensors that look at them: as 2x3, as 3x2, and transposed."""
    numbers = np.arange(6)
    figure, axis = plt.subplots(figsize=(8.6, 3.0))
    _plain(axis, (-0.2, 17), (-0.4, 6.4))

    def shade(value: Any) -> str:
        return str(plt.matplotlib.colors.to_hex(plt.get_cmap("Blues")(0.05 + 0.1 * float(value))))

    axis.text(5.2, 6.1, "in memory: one row of numbers", ha="left", va="center")
    _cells(axis, numbers, 5.2, 5.7, shade)
    for left, values, title in (
        (0.4, numbers.reshape(2, 3), "reshape(2, 3)\nsteps (3, 1)"),
        (6.7, numbers.reshape(3, 2), "reshape(3, 2)\nsteps (2, 1)"),
        (12.6, numbers.reshape(2, 3).T, "reshape(2, 3).T\nsteps (1, 3)"),
    ):
        _cells(axis, values, left, 3.4, shade)
        axis.text(left + 3.2 if values.shape[1] == 3 else left + 2.2, 2.6, title, ha="left", va="center", fontsize=9)
    show_figure(
        figure,
        "Six numbers in a row in memory. Below them three tensors that show the same six numbers: two rows of three, "
        "three rows of two, and the transposed one with columns 0 1 2 and 3 4 5.",
    )


@course_style()
def show_broadcast() -> None:
    """Draw how (3, 1) and (1, 4) meet in (3, 4): each is repeated along the axis where it has length 1."""
    a, b = np.array([[0], [10], [20]]), np.array([[0, 1, 2, 3]])
    figure, axis = plt.subplots(figsize=(6.8, 2.2))
    _plain(axis, (-0.2, 14), (-0.2, 4.2))
    _cells(axis, a, 0.5, 3.5, lambda _: "#d0e6fa")
    axis.text(2.4, 2, "+", ha="center", va="center", fontsize=15)
    _cells(axis, b, 3.4, 2.5, lambda _: "#ffe3cc")
    axis.text(8.6, 2, "=", ha="center", va="center", fontsize=15)
    _cells(axis, a + b, 9.6, 3.5)
    axis.text(0.9, 3.8, "(3, 1)", ha="center")
    axis.text(5.4, 2.8, "(1, 4)", ha="center")
    axis.text(11.6, 3.8, "(3, 4)", ha="center")
    show_figure(figure, "A column of 3 numbers plus a row of 4 numbers is a table of 3 by 4: each number meets each.")


@course_style()
def show_neighbours(images: np.ndarray, neighbours: np.ndarray, titles: Sequence[Sequence[str]]) -> None:
    """Draw pictures in the first column and their neighbours beside them; arrays (R, H, W, 3) and (R, K, H, W, 3)."""
    rows, columns = len(images), neighbours.shape[1] + 1
    figure, axes = plt.subplots(rows, columns, figsize=(1.25 * columns, 1.45 * rows), squeeze=False)
    for row in range(rows):
        for column in range(columns):
            axis = axes[row, column]
            axis.imshow(images[row] if column == 0 else neighbours[row, column - 1])
            axis.set_title(titles[row][column], fontsize=9, color=MARK if column == 0 else "black")
            axis.axis("off")
    figure.tight_layout()
    words = "; ".join(f"{line[0]}: {', '.join(line[1:])}" for line in titles)
    show_figure(figure, f"Pictures, each with the nearest ones among others. {words}.")


@course_style()
def show_graph() -> None:
    """Draw the graph of y = (w x + b)^2 for w = 3, x = 2, b = -4, with values above and gradients below."""
    figure, axis = plt.subplots(figsize=(8.4, 2.7))
    _plain(axis, (-0.8, 12.6), (-1.2, 3.4))
    nodes = {
        "w": (0, 2.6, "3", "8"),
        "x": (0, 1.0, "2", "not watched"),
        "w x": (4, 1.8, "6", "4"),
        "b": (4, 0.0, "-4", "4"),
        "w x + b": (8, 1.0, "2", "4"),
        "y": (11.8, 1.0, "4", "1"),
    }
    edges = (("w", "w x"), ("x", "w x"), ("w x", "w x + b"), ("b", "w x + b"), ("w x + b", "y"))
    for start, end in edges:
        (x0, y0, *_), (x1, y1, *_) = nodes[start], nodes[end]
        arrow = {"arrowstyle": "->", "color": "0.4", "linewidth": 1.2}
        wide = 1.35 if end == "w x + b" else 0.75
        axis.annotate("", (x1 - wide, y1), (x0 + 0.8, y0), arrowprops=arrow)
    for name, (x, y, value, gradient) in nodes.items():
        frame = {"facecolor": "white", "edgecolor": "0.3"}
        axis.text(x, y, f"{name} = {value}", ha="center", va="center", bbox=frame)
        color = QUIET if gradient == "not watched" else MARK
        below = gradient if color == QUIET else f"slope {gradient}"
        axis.text(x, y - 0.62, below, ha="center", color=color, fontsize=9)
    show_figure(
        figure,
        "The graph of y = (w x + b) squared: w = 3 times x = 2 is 6, plus b = -4 is 2, squared is y = 4. Slopes of y, "
        "from the end to the start: 1 for y, 4 for the sum, 4 for b, 4 for w x, 8 for w; x is not watched.",
    )


@course_style()
def show_path(function: Callable[[Any], Any], points: np.ndarray) -> None:
    """Draw a function of two numbers as contour lines, and points (K, 2) on its slope in their order."""
    import torch

    across, up = np.linspace(-3, 3, 81), np.linspace(-2.2, 2.2, 61)
    grid = torch.tensor(np.stack(np.meshgrid(across, up), axis=-1), dtype=torch.float32)
    heights = np.array([[float(function(point)) for point in row] for row in grid])
    figure, axis = plt.subplots(figsize=(6.2, 3.6))
    axis.contour(across, up, heights, levels=18, cmap="Greys", linewidths=0.9)
    axis.plot(points[:, 0], points[:, 1], "o-", color="tab:blue", markersize=4)
    axis.plot(*points[0], "s", color=MARK, markersize=9, label="start")
    axis.plot(*points[-1], "*", color="tab:green", markersize=14, label="end")
    axis.set(xlabel="first number", ylabel="second number", aspect="equal")
    axis.legend(loc="upper right")
    start, end = (f"({x:.2f}, {y:.2f})" for x, y in (points[0], points[-1]))
    show_figure(figure, f"Contour lines of a function, and the path of {len(points) - 1} steps from {start} to {end}.")


@course_style()
def show_lines(
    lines: Mapping[str, Sequence[float]], ylabel: str, xlabel: str = "step", log: bool = False, expected: str = ""
) -> None:
    """Draw one curve for each name, in one picture; `expected` says what a reader should see."""
    figure, axis = plt.subplots(figsize=(6.4, 3.0))
    words = []
    for (name, values), (color, dashes) in zip(lines.items(), LINES, strict=False):
        axis.plot(range(1, len(values) + 1), values, color=color, linestyle=dashes, label=name)
        words.append(f"{name} from {values[0]:.3g} to {values[-1]:.3g}")
    axis.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear", title=expected)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    show_figure(figure, f"{ylabel} over {xlabel}: {'; '.join(words)}.")


@course_style()
def show_templates(weights: np.ndarray, names: Sequence[str]) -> None:
    """Draw the weights of a linear model (K, 3, H, W) as pictures, one for each class."""
    figure, axes = plt.subplots(1, len(weights), figsize=(1.15 * len(weights), 1.6))
    for axis, weight, name in zip(axes, weights, names, strict=True):
        span = np.abs(weight).max()
        axis.imshow(np.moveaxis(0.5 + 0.5 * weight / span, 0, 2))
        axis.set_title(name, fontsize=9)
        axis.axis("off")
    figure.tight_layout()
    show_figure(figure, f"What a linear model looks for, as one blurred picture for each class: {', '.join(names)}.")


@course_style()
def show_confusion(labels: np.ndarray, predictions: np.ndarray, names: Sequence[str]) -> None:
    """Draw which class was taken for which: a row for each true class, its shares add up to 1."""
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (labels, predictions), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axis = plt.subplots(figsize=(5.6, 4.6))
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, line in enumerate(shares):
        for column, share in enumerate(line):
            if share >= 0.05:
                color = "white" if share > 0.5 else "black"
                axis.text(column, row, f"{share:.0%}", ha="center", va="center", fontsize=7, color=color)
    ticks = range(len(names))
    axis.set_xticks(ticks, names, rotation=45, ha="right")
    axis.set_yticks(ticks, names)
    axis.set(xlabel="the model says", ylabel="it is")
    axis.grid(visible=False)
    figure.tight_layout()
    mistaken = shares - np.diag(np.diag(shares))
    true, said = np.unravel_index(mistaken.argmax(), mistaken.shape)
    show_figure(
        figure,
        f"A table of true classes and answers. Right: {np.mean(np.diag(shares)):.0%} on average over classes. The most "
        f"frequent mistake: {mistaken.max():.0%} of {names[true]} are taken for {names[said]}.",
    )
