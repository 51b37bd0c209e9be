"""The pictures of exercise 4's notebooks. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.ticker import FuncFormatter

from exercise_code.common.plotting import COLORS, course_style, show_figure

from .history import History

MARK, QUIET, LINE = "tab:orange", "0.55", "#1c7ed6"
# Cheap and expensive houses, 0 and 1: told apart by their markers, too.
CLASSES = (("0", "o", "#1c7ed6"), ("1", "^", "#f76707"))
_BOX = {"boxstyle": "round,pad=0.5", "facecolor": "#e7f0fb", "edgecolor": "tab:blue"}
_DOLLARS = FuncFormatter(lambda value, _: f"{value / 1000:,.0f},000" if value else "0")


# Houses and lines


@course_style()
def show_houses(area: np.ndarray, prices: np.ndarray, picked: Sequence[int]) -> None:
    """Draw each house as a dot, its price over its living area; `picked` ones get their numbers."""
    figure, axis = plt.subplots(figsize=(7.4, 4.2))
    axis.scatter(area, prices, s=10, color=QUIET, alpha=0.6, linewidths=0, label=f"{len(area)} houses")
    chosen = list(picked)
    axis.scatter(area[chosen], prices[chosen], s=42, color=MARK, zorder=3, label="the houses of the table")
    for i in chosen:
        pad = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
        axis.annotate(f"house {i}", (area[i], prices[i]), (8, 6), textcoords="offset points", fontsize=9, bbox=pad)
    axis.set(xlabel="living area in square feet", ylabel="price in dollars", title="What a living area costs")
    axis.yaxis.set_major_formatter(_DOLLARS)
    axis.legend(loc="upper left")
    figure.tight_layout()
    places = ", ".join(f"house {i} with {area[i]:,.0f} square feet for {prices[i]:,.0f} dollars" for i in chosen)
    show_figure(figure, f"Prices over living areas: larger houses cost more, and scatter more. Marked: {places}")


@course_style()
def show_split(sizes: Mapping[str, int]) -> None:
    """Draw where mean and std come from, and where they are used."""
    figure, axis = plt.subplots(figsize=(8.2, 3.0))
    learned = {**_BOX, "facecolor": "#fff0e0", "edgecolor": MARK}
    axis.text(1.7, 1, "mean and std of each column", ha="center", va="center", bbox=learned)
    for row, (name, size) in enumerate(sizes.items()):
        axis.text(0, -row, f"{name}: {size} houses", ha="center", va="center", bbox=_BOX)
        axis.text(3.4, -row, f"standardised {name}", ha="center", va="center", bbox=_BOX)
        arrow = {"arrowstyle": "->", "color": QUIET, "linewidth": 1.8}
        axis.annotate("", (2.72, -row), (0.68, -row), arrowprops=arrow)
        axis.text(1.62, -row + 0.12, "transform", ha="right", fontsize=9)
        used = {"arrowstyle": "->", "color": MARK, "linewidth": 1.5, "linestyle": "--"}
        axis.annotate("", (1.7, -row + 0.02), (1.7, 0.7 - row + (row > 0) * 0.26), arrowprops=used)
    axis.annotate("", (0.78, 0.95), (0.05, 0.3), arrowprops={"arrowstyle": "->", "color": MARK, "linewidth": 2})
    axis.text(0.3, 0.75, "fit", color="#b35900", ha="right")
    axis.set(xlim=(-0.8, 4.3), ylim=(-2.4, 1.4))
    axis.axis("off")
    figure.tight_layout()
    names = ", ".join(sizes)
    show_figure(figure, f"Mean and std are found with the training houses alone, then used to transform {names}")


@course_style()
def show_fit(area: np.ndarray, prices: np.ndarray, lines: Mapping[str, tuple[float, float]]) -> None:
    """Draw houses, lines price = slope * area + start, and for the last line the errors of some houses."""
    figure, axis = plt.subplots(figsize=(7.4, 4.4))
    axis.scatter(area, prices, s=9, color=QUIET, alpha=0.6, linewidths=0, label="houses")
    ends = np.array([area.min(), area.max()])
    words = []
    for k, (name, (slope, start)) in enumerate(lines.items()):
        last = k == len(lines) - 1
        style = {"color": MARK, "linewidth": 2.4} if last else {"color": LINE, "linestyle": ("--", ":", "-.")[k % 3]}
        axis.plot(ends, slope * ends + start, label=name, **style)
        words.append(f"{name}: {start:,.0f} + {slope:,.1f} times the area")
        if last:
            # The houses next to places that are spread evenly over the areas.
            some = np.abs(area[:, None] - np.linspace(*ends, 24)).argmin(axis=0)
            axis.vlines(area[some], prices[some], slope * area[some] + start, color=MARK, linewidth=1.4)
    axis.set(xlabel="living area in square feet", ylabel="price in dollars")
    axis.yaxis.set_major_formatter(_DOLLARS)
    axis.legend(loc="upper left")
    figure.tight_layout()
    show_figure(figure, "Houses with lines through them. " + "; ".join(words))


# Losses


@course_style()
def show_regression_losses() -> None:
    """Draw what one prediction costs by L1 and by MSE, and the slopes of both."""
    d = np.linspace(-3, 3, 301)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    axes[0].plot(d, np.abs(d), label="L1: |p − t|")
    axes[0].plot(d, d**2, "--", label="MSE: (p − t)²")
    axes[0].set(ylabel="cost", ylim=(0, 6), title="what a difference costs")
    axes[1].plot([-3, 0], [-1, -1], color="C0", label="L1: −1 or 1")
    axes[1].plot([0, 3], [1, 1], color="C0")
    axes[1].plot(0, 0, "o", color="C0", markersize=5)
    axes[1].plot(d, 2 * d, "--", color="C1", label="MSE: 2 (p − t)")
    axes[1].set(ylabel="slope", title="the slope, for the gradient")
    for axis in axes:
        axis.set_xlabel("difference p − t")
        axis.legend()
    figure.tight_layout()
    words = (
        "Left: the cost of a difference, a V for L1 and a parabola for MSE. Right: their slopes, for L1 the constants "
    )
    show_figure(figure, words + "-1 and 1 with 0 in between, for MSE a line that grows with the difference.")


@course_style()
def show_cross_entropy() -> None:
    """Draw what a probability costs by the binary cross-entropy, for both targets."""
    p = np.linspace(0.003, 0.997, 400)
    figure, axis = plt.subplots(figsize=(6.6, 3.4))
    axis.plot(p, -np.log(p), label="target 1: −ln p")
    axis.plot(p, -np.log(1 - p), "--", label="target 0: −ln (1 − p)")
    for at in (0.9, 0.5, 0.1):
        axis.plot(at, -np.log(at), "o", color="C0", markersize=5)
        # At 0.5 the curves cross, and only straight above is there room.
        place = {"xytext": (0, 9), "ha": "center"} if at == 0.5 else {"xytext": (6, 5)}
        axis.annotate(f"{-np.log(at):.2f}", (at, -np.log(at)), **place, textcoords="offset points", fontsize=9)
    axis.set(xlabel="predicted probability p of class 1", ylabel="cost", ylim=(0, 5))
    axis.legend(loc="upper center")
    figure.tight_layout()
    words = "The cost of a probability: for target 1 it falls from infinity at 0 to nothing at 1, with 2.30 at 0.1, "
    show_figure(figure, words + "0.69 at 0.5 and 0.11 at 0.9; for target 0 it is the mirror image.")


# Forward and backward


@course_style()
def show_chain(
    forward: Sequence[tuple[str, str]],
    backward: Sequence[str],
    title: str,
    params: tuple[int, str, str] | None = None,
) -> None:
    """Draw boxes with arrows: to the right what each box gives, and back to the left the gradients.

    `forward` has the name of each box and what leaves it; `backward` what comes back from each box to the one before.
    `params` are a box of parameters: the place of the box that they belong to, their name, and what comes back to them.
    """
    figure, axis = plt.subplots(figsize=(2.5 * len(forward), 2.1 if params is None else 3.0))
    for place, (name, leaves) in enumerate(forward):
        axis.text(place, 0, name, ha="center", va="center", bbox=_BOX)
        if place + 1 == len(forward):
            axis.text(place, 0.42, leaves, ha="center", fontsize=9)
            break
        to = {"arrowstyle": "->", "color": QUIET, "linewidth": 1.8}
        axis.annotate("", (place + 0.7, 0.1), (place + 0.3, 0.1), arrowprops=to)
        axis.text(place + 0.5, 0.24, leaves, ha="center", fontsize=9)
    for place, comes in enumerate(backward):
        if not comes:
            continue
        back = {"arrowstyle": "->", "color": MARK, "linewidth": 1.8}
        axis.annotate("", (place + 0.3, -0.12), (place + 0.7, -0.12), arrowprops=back)
        axis.text(place + 0.5, -0.24, comes, ha="center", va="top", fontsize=9, color="#b35900")
    back_again = "; ".join(comes.replace("\n", " ") for comes in reversed(backward) if comes)
    if params is not None:
        place, name, comes = params
        axis.text(
            place, -1.15, name, ha="center", va="center", bbox={**_BOX, "facecolor": "#fff0e0", "edgecolor": MARK}
        )
        to = {"arrowstyle": "->", "color": QUIET, "linewidth": 1.8}
        axis.annotate("", (place - 0.05, -0.33), (place - 0.05, -0.92), arrowprops=to)
        back = {"arrowstyle": "->", "color": MARK, "linewidth": 1.8}
        axis.annotate("", (place + 0.05, -0.92), (place + 0.05, -0.33), arrowprops=back)
        axis.text(place + 0.1, -0.66, comes, ha="left", va="center", fontsize=9, color="#b35900")
        back_again += f"; {comes} from {forward[place][0]} to {name}".replace("\n", " ")
    axis.set(xlim=(-0.5, len(forward) - 0.5), ylim=(-0.8 if params is None else -1.45, 0.7), title=title)
    axis.axis("off")
    figure.tight_layout()
    there = ", then ".join(f"{name} gives {leaves}".replace("\n", " ") for name, leaves in forward)
    show_figure(figure, f"{title}. Forward: {there}. Backward: {back_again}.")


# Descents


@course_style()
def show_surface(X: np.ndarray, y: np.ndarray, tracks: Mapping[str, np.ndarray]) -> None:
    """Draw the mean squared error over weight and bias, with the way that each descent took.

    X and y have the shape (N, 1); a track has a row (weight, bias) for each step.
    """
    inputs = np.hstack([X, np.ones_like(X)])
    best = np.linalg.lstsq(inputs, y, rcond=None)[0].ravel()
    figure, axes = plt.subplots(1, len(tracks), figsize=(4.0 * len(tracks), 4.3), sharey=True)
    reach = 2.1
    w, b = np.meshgrid(best[0] + np.linspace(-reach, reach, 90), best[1] + np.linspace(-reach, reach, 90))
    losses = ((w[..., None] * X.ravel() + b[..., None] - y.ravel()) ** 2).mean(axis=-1)
    words = []
    for axis, (name, track) in zip(np.atleast_1d(axes), tracks.items(), strict=True):
        axis.grid(False)
        axis.contourf(w, b, np.log(losses), levels=22, cmap="Blues_r")
        axis.plot(track[:, 0], track[:, 1], "o-", color=MARK, markersize=4, linewidth=1.4, label="descent")
        axis.plot(*track[0], "s", color=MARK, markersize=8, label="start")
        axis.plot(*best, "k*", markersize=12, label="best")
        loss = float(((inputs @ track[-1][:, None] - y) ** 2).mean())
        end = f"{loss:.3f}" if loss < 1000 else f"{loss:.0e}"
        axis.set(xlim=(w.min(), w.max()), ylim=(b.min(), b.max()), aspect="equal", xlabel="weight")
        axis.set_title(f"{name}\nloss {end} after {len(track) - 1} steps")
        words.append(f"{name}: loss {end} after {len(track) - 1} steps")
    np.atleast_1d(axes)[0].set_ylabel("bias")
    np.atleast_1d(axes)[0].legend(loc="lower left", facecolor="white", frameon=True, framealpha=0.8)
    figure.tight_layout()
    show_figure(
        figure, "The loss over weight and bias, a round bowl, with the path of each descent. " + "; ".join(words)
    )


@course_style()
def show_curves(
    curves: Mapping[str, Sequence[float]],
    title: str = "",
    log: bool = False,
    labels: tuple[str, str] = ("step", "loss"),
) -> None:
    """Draw curves of a loss, or of something else, in one picture; `labels` are those of the axes."""
    figure, axis = plt.subplots(figsize=(6.6, 3.3))
    for k, (name, values) in enumerate(curves.items()):
        axis.plot(np.arange(1, len(values) + 1), values, ("-", "--", ":", "-.")[k % 4], label=name)
    axis.set(xlabel=labels[0], ylabel=labels[1], title=title)
    if log:
        axis.set_yscale("log")
    if all(isinstance(value, int) for values in curves.values() for value in values):
        axis.yaxis.get_major_locator().set_params(integer=True)
    axis.legend()
    figure.tight_layout()
    words = "; ".join(f"{name} from {values[0]:.3g} to {values[-1]:.3g}" for name, values in curves.items())
    show_figure(figure, f"Curves, {labels[1]} over {labels[0]}: {words}")


@course_style()
def show_riddle() -> None:
    """Draw three curves of training that went wrong, each in a panel with a letter."""
    rng = np.random.default_rng(4)
    epochs = np.arange(1, 61)
    noise = rng.normal(0, 0.008, (3, 60))
    panels = {
        "A": (0.68 - 0.0012 * epochs + noise[0], 0.69 - 0.0012 * epochs + noise[1]),
        "B": (
            0.42 + 0.25 * np.abs(np.sin(2.4 * epochs)) + 3 * noise[1],
            0.44 + 0.27 * np.abs(np.sin(2.4 * epochs + 1)),
        ),
        "C": (0.7 * np.exp(-epochs / 9) + 0.01, 0.35 + 0.35 * np.exp(-epochs / 6) + 0.006 * epochs + noise[2]),
    }
    figure, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True)
    for axis, (name, (train, val)) in zip(axes, panels.items(), strict=True):
        axis.plot(epochs, train, color=COLORS["train"], label="train")
        axis.plot(epochs, val, "--", color=COLORS["val"], label="val")
        axis.set(xlabel="epoch", title=name, ylim=(0, 0.9))
    axes[0].set_ylabel("loss")
    axes[0].legend(loc="lower left")
    figure.tight_layout()
    words = "A: both losses fall very slowly in a straight line, from 0.69 to 0.61. B: both jump up and down "
    show_figure(
        figure, words + "between 0.4 and 0.7. C: the training loss falls to 0, the validation loss falls, then rises."
    )


@course_style()
def show_history(history: History, title: str = "") -> None:
    """Draw the losses of a training, with the epoch whose parameters were kept."""
    figure, axis = plt.subplots(figsize=(6.8, 3.4))
    epochs = np.arange(1, len(history.val_loss) + 1)
    axis.plot(epochs, history.train_loss, color=COLORS["train"], label="train")
    axis.plot(epochs, history.val_loss, "--", color=COLORS["val"], label="val")
    best = history.best_epoch
    if best:
        low = history.val_loss[best - 1]
        axis.plot(best, low, "o", color=COLORS["val"])
        side = "right" if best > 0.8 * len(epochs) else "left"
        axis.annotate(f"best: epoch {best}", (best, low), (0, -14), textcoords="offset points", ha=side, fontsize=9)
    axis.set(xlabel="epoch", ylabel="loss", title=title)
    axis.set_ylim(bottom=0)
    axis.legend()
    figure.tight_layout()
    words = (
        f"Losses over {len(epochs)} epochs: train from {history.train_loss[0]:.3f} to {history.train_loss[-1]:.3f}, "
    )
    words += f"val from {history.val_loss[0]:.3f} to {history.val_loss[-1]:.3f}"
    show_figure(figure, words + (f", lowest with {history.val_loss[best - 1]:.3f} in epoch {best}" if best else ""))


# Classes


@course_style()
def show_line_and_sigmoid(x: np.ndarray, labels: np.ndarray, line: np.ndarray, curve: np.ndarray) -> None:
    """Draw classes 0 and 1 over one feature, with the predictions of a straight line and of a sigmoid."""
    figure, axis = plt.subplots(figsize=(7.2, 3.4))
    rng = np.random.default_rng(0)
    jitter = rng.uniform(-0.03, 0.03, len(x))
    for value, (name, marker, color) in enumerate(CLASSES):
        own = labels == value
        axis.scatter(
            x[own], labels[own] + jitter[own], s=12, marker=marker, color=color, alpha=0.5, label=f"class {name}"
        )
    order = np.argsort(x)
    axis.plot(x[order], line[order], "--", color="0.3", label="a straight line")
    axis.plot(x[order], curve[order], color="black", label="a sigmoid")
    axis.set(xlabel="living area, standardised", ylabel="class, or probability of 1", ylim=(-0.4, 2.5))
    axis.legend(loc="upper left", ncols=2)
    figure.tight_layout()
    words = f"Classes over the living area. The line goes from {line.min():.2f} to {line.max():.2f}, the sigmoid stays "
    show_figure(figure, words + "between 0 and 1.")


@course_style()
def show_sigmoid(z: np.ndarray, values: np.ndarray) -> None:
    """Draw the sigmoid and its slope, s (1 - s)."""
    figure, axis = plt.subplots(figsize=(6.6, 3.2))
    axis.plot(z, values, label="sigmoid(z)")
    axis.plot(z, values * (1 - values), "--", label="its slope, s (1 − s)")
    axis.set(xlabel="z", ylabel="value", ylim=(-0.05, 1.05))
    axis.legend()
    figure.tight_layout()
    words = (
        "The sigmoid rises from 0 over 0.5 at z = 0 to 1; its slope is largest at 0, with 0.25, and vanishes on both "
    )
    show_figure(figure, words + "sides.")


@course_style()
def show_boundaries(
    X: np.ndarray, labels: np.ndarray, moments: Mapping[str, tuple[np.ndarray, float]], names: Sequence[str]
) -> None:
    """Draw classes over two standardised features, and the line where a classifier's probability is one half.

    `moments` has weights (2,) and bias at several moments of the training, by title.
    """
    figure, axes = plt.subplots(1, len(moments), figsize=(2.9 * len(moments), 3.3), sharey=True)
    low, high = X.min(axis=0) - 0.3, X.max(axis=0) + 0.3
    grid = np.stack(np.meshgrid(np.linspace(low[0], high[0], 120), np.linspace(low[1], high[1], 120)), axis=-1)
    words = []
    for axis, (title, (weights, bias)) in zip(np.atleast_1d(axes), moments.items(), strict=True):
        z = grid @ weights + bias
        axis.grid(False)
        axis.contourf(*np.moveaxis(grid, -1, 0), z > 0, levels=1, cmap=ListedColormap(["#dbe9f9", "#ffe3cc"]))
        axis.contour(*np.moveaxis(grid, -1, 0), z, levels=[0], colors="black", linewidths=1.5)
        for value, (name, marker, color) in enumerate(CLASSES):
            own = labels.ravel() == value
            word = ("cheap", "expensive")[value]
            axis.scatter(*X[own].T, s=9, marker=marker, color=color, alpha=0.6, linewidths=0, label=f"{name}: {word}")
        right = float((((X @ weights + bias) > 0) == (labels.ravel() == 1)).mean())
        axis.set_title(f"{title}: {right:.1%} right")
        axis.set_xlabel(names[0])
        words.append(f"{title}: {right:.1%} right")
    np.atleast_1d(axes)[0].set_ylabel(names[1])
    np.atleast_1d(axes)[0].legend(loc="lower right", frameon=True, framealpha=0.85, markerscale=2)
    figure.tight_layout()
    show_figure(
        figure, f"Houses over {names[0]} and {names[1]} with the line between cheap and expensive. " + "; ".join(words)
    )


# Perceptrons

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


@course_style()
def show_gates(gates: Mapping[str, tuple[Sequence[int], Any, float] | tuple[Sequence[int], None, None]]) -> None:
    """Draw the four inputs of each gate in the plane, with its targets and the side on which a perceptron says 1.

    A gate has its targets for the inputs 00, 01, 10 and 11, and the weights (2,) and the bias of a perceptron, or None.
    """
    figure, axes = plt.subplots(1, len(gates), figsize=(3.1 * len(gates), 3.2), squeeze=False)
    grid = np.stack(np.meshgrid(np.linspace(-0.5, 1.5, 90), np.linspace(-0.5, 1.5, 90)), axis=-1)
    words = []
    for axis, (name, (targets, weights, bias)) in zip(axes[0], gates.items(), strict=True):
        axis.grid(False)
        wrong = 0
        if weights is not None:
            z = grid @ np.asarray(weights, dtype=float) + bias
            axis.contourf(*np.moveaxis(grid, -1, 0), z > 0, levels=[-0.5, 0.5, 1.5], colors=["#dbe9f9", "#ffe3cc"])
            if z.min() < 0 < z.max():
                axis.contour(*np.moveaxis(grid, -1, 0), z, levels=[0], colors="black", linewidths=1.5)
            wrong = int(((CORNERS @ np.asarray(weights) + bias > 0) != (np.array(targets) == 1)).sum())
        for corner, target in zip(CORNERS, targets, strict=True):
            _, marker, color = CLASSES[int(target)]
            axis.plot(*corner, marker, color=color, markersize=11)
            axis.annotate(str(int(target)), corner, (8, 8), textcoords="offset points")
        note = "" if weights is None else f": {wrong} wrong"
        axis.set(
            title=f"{name}{note}", xlabel="input a", ylabel="input b", aspect="equal", xticks=[0, 1], yticks=[0, 1]
        )
        axis.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5))
        words.append(f"{name}, with the outputs {', '.join(str(int(t)) for t in targets)} for 00, 01, 10, 11{note}")
    figure.tight_layout()
    show_figure(figure, "Inputs as corners of a square, orange triangles where the output is 1. " + "; ".join(words))


@course_style()
def show_two_layers(first: Sequence[str], last: str, result: str) -> None:
    """Draw a network of two layers of gates: both inputs go to each gate of the first layer, these go to the last."""
    figure, axis = plt.subplots(figsize=(6.4, 2.6))
    arrow = {"arrowstyle": "->", "color": QUIET, "linewidth": 1.6}
    for row, name in enumerate(("input a", "input b")):
        axis.text(0, -row, name, ha="center", va="center", bbox={**_BOX, "facecolor": "0.95", "edgecolor": QUIET})
        for other in range(len(first)):
            axis.annotate("", (1.12, -other), (0.3, -row), arrowprops=arrow)
    for row, name in enumerate(first):
        axis.text(1.4, -row, name, ha="center", va="center", bbox=_BOX)
        axis.annotate("", (2.5, -0.5), (1.7, -row), arrowprops=arrow)
    axis.text(2.8, -0.5, last, ha="center", va="center", bbox=_BOX)
    axis.annotate("", (3.7, -0.5), (3.1, -0.5), arrowprops=arrow)
    axis.text(3.75, -0.5, result, va="center")
    axis.set(xlim=(-0.5, 4.4), ylim=(-1.5, 0.5))
    axis.axis("off")
    figure.tight_layout()
    show_figure(figure, f"Both inputs go to {' and '.join(first)}, their outputs go to {last}, which gives {result}")
