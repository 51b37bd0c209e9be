"""The pictures of exercise 5's notebooks. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from exercise_code.common.plotting import COLORS, course_style, show_figure
from exercise_code.ex04_solver.history import History

MARK, QUIET = "tab:orange", "0.55"
# Lines differ in dashes too, for those who do not tell colours apart.
LINES = (("tab:blue", "-"), ("tab:orange", "--"), ("tab:green", "-."), ("tab:purple", ":"))


# Layers


@course_style()
def show_kinks() -> None:
    """Draw a straight line, three bent ones, and their sum, which bends three times."""
    x = np.linspace(-3, 3, 301)
    parts = {"1 · relu(x + 2)": x + 2, "-2 · relu(x)": x, "2 · relu(x - 1)": x - 1}
    bent = [scale * np.clip(line, 0, None) for scale, line in zip((1, -2, 2), parts.values(), strict=True)]
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 2.7), sharex=True)
    axes[0].plot(x, 0.5 * x + 1, color="tab:blue", label="0.5 x + 1")
    axes[0].plot(x, -1.5 * (0.5 * x + 1) + 1, "--", color="tab:orange", label="-1.5 (0.5 x + 1) + 1")
    axes[0].set_title("a line of a line is a line")
    for (name, values), (color, dashes) in zip(zip(parts, bent, strict=True), LINES, strict=False):
        axes[1].plot(x, values, dashes, color=color, label=name)
    axes[1].set_title("three bent lines")
    axes[2].plot(x, sum(bent), color="black", label="their sum")
    axes[2].set_title("the sum bends three times")
    for axis in axes:
        axis.set_xlabel("x")
        axis.legend(fontsize=8, loc="best")
    figure.tight_layout()
    words = "Left: a straight line, and a straight function of it, which is straight, too. Middle: three functions "
    show_figure(figure, words + "that are 0 and then rise or fall. Right: their sum, with a bend at -2, 0 and 1.")


@course_style()
def show_activations(x: np.ndarray, curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Draw activations over x, each with its slope: `curves` has both under the activation's name."""
    figure, axes = plt.subplots(1, len(curves), figsize=(3.2 * len(curves), 2.7), squeeze=False)
    words = []
    for axis, (name, (values, slope)) in zip(axes[0], curves.items(), strict=True):
        axis.plot(x, values, color="tab:blue", label="output")
        axis.plot(x, slope, "--", color=MARK, label="slope")
        axis.axhline(0, color=QUIET, linewidth=0.8)
        axis.set(title=name, xlabel="x", ylim=(-1.2, 2.2))
        words.append(f"{name} goes from {values[0]:.2f} to {values[-1]:.2f}, its slope is at most {slope.max():.2f}")
    axes[0, 0].legend()
    figure.tight_layout()
    show_figure(figure, f"Activations from x = {x[0]:g} to {x[-1]:g}, with their slopes. " + "; ".join(words) + ".")


@course_style()
def show_fits(x: np.ndarray, y: np.ndarray, lines: Mapping[str, np.ndarray]) -> None:
    """Draw points, and lines through them."""
    figure, axis = plt.subplots(figsize=(6.4, 3.2))
    axis.plot(x, y, ".", color=QUIET, label="data")
    for (name, values), (color, dashes) in zip(lines.items(), LINES, strict=False):
        axis.plot(x, values, dashes, color=color, label=name)
    axis.set(xlabel="x", ylabel="y")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    errors = ", ".join(f"{name} {np.square(values - y).mean():.3f}" for name, values in lines.items())
    show_figure(figure, f"Points on a wave, and predictions; mean squared errors: {errors}.")


# Scores


@course_style()
def show_probabilities(rows: Mapping[str, Sequence[float]], names: Sequence[str]) -> None:
    """Draw scores as bars, and beside them what softmax makes of them."""
    figure, axes = plt.subplots(len(rows), 2, figsize=(7.2, 1.7 * len(rows)), squeeze=False)
    words = []
    for (left, right), (title, row) in zip(axes, rows.items(), strict=True):
        scores = np.array(row, dtype=float)
        shares = np.exp(scores) / np.exp(scores).sum()
        for axis, values, what in ((left, scores, "scores"), (right, shares, "probabilities")):
            bars = axis.bar(names, values, color="tab:blue" if axis is left else MARK)
            axis.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=8)
            axis.set_title(f"{title}: {what}")
            axis.margins(y=0.25)
        right.set_ylim(0, 1.15)
        words.append(f"{title}: scores {scores.tolist()} become {shares.round(2).tolist()}")
    figure.tight_layout()
    show_figure(figure, "Scores and their softmax. " + "; ".join(words) + ".")


# Training


@course_style()
def show_histories(
    histories: Mapping[str, History], title: str = "", chance: float | None = None, top: float | None = None
) -> None:
    """Draw the losses of several trainings over their epochs, up to `top`: those of training, those of validation."""
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3), sharex=True, sharey=True)
    words = []
    for (name, history), (color, dashes) in zip(histories.items(), LINES, strict=False):
        for axis, losses in zip(axes, (history.train_loss, history.val_loss), strict=True):
            axis.plot(range(1, len(losses) + 1), losses, dashes, color=color, label=name)
        words.append(f"{name}: training {history.train_loss[-1]:.2f}, lowest validation {min(history.val_loss):.2f}")
    for axis, part in zip(axes, ("training", "validation"), strict=True):
        if chance is not None:
            axis.axhline(chance, color=QUIET, linewidth=1, label="guessing")
        axis.set(title=f"{part} loss{': ' + title if title else ''}", xlabel="epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel("loss")
    axes[0].set_ylim(top=top)
    axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    show_figure(figure, f"Losses over the epochs. {'; '.join(words)}.")


@course_style()
def show_valley(tracks: Mapping[str, np.ndarray], curvature: Sequence[float]) -> None:
    """Draw descents, arrays (steps, 2), in the valley a x² + b y² with the curvature (a, b)."""
    figure, axes = plt.subplots(1, len(tracks), figsize=(3.3 * len(tracks), 2.9), sharex=True, sharey=True)
    x, y = np.meshgrid(np.linspace(-4.5, 2, 120), np.linspace(-2.2, 2.2, 120))
    loss = curvature[0] * x**2 + curvature[1] * y**2
    words = []
    for axis, (name, track) in zip(np.atleast_1d(axes), tracks.items(), strict=True):
        axis.grid(False)
        axis.contourf(x, y, loss, levels=np.geomspace(0.01, loss.max(), 14), cmap="Blues", extend="min")
        axis.plot(*track.T, "o-", color=MARK, markersize=3, linewidth=1)
        axis.plot(0, 0, "k*", markersize=9)
        end = curvature[0] * track[-1, 0] ** 2 + curvature[1] * track[-1, 1] ** 2
        axis.set(title=f"{name}\nloss {end:.4f} after {len(track) - 1} steps", xlabel="w₁", aspect="equal")
        axis.set(xlim=(-4.5, 2), ylim=(-2.2, 2.2))
        words.append(f"{name} ends at a loss of {end:.3f}")
    np.atleast_1d(axes)[0].set_ylabel("w₂")
    figure.tight_layout()
    show_figure(figure, f"Descents in a long, narrow valley from the same start: {'; '.join(words)}.")


@course_style()
def show_layers(rows: Mapping[str, Sequence[np.ndarray]], what: str) -> None:
    """Draw a histogram for each layer, one row for each network: values by layer, each with its spread above it."""
    count = max(len(layers) for layers in rows.values())
    figure, axes = plt.subplots(len(rows), count, figsize=(1.65 * count, 1.5 * len(rows)), squeeze=False)
    words = []
    for row, (name, layers) in zip(axes, rows.items(), strict=True):
        for number, (axis, values) in enumerate(zip(row, layers, strict=True), 1):
            spread = float(values.std())
            # A layer without any spread has a histogram without any width.
            edge = max(float(np.abs(values).max()), 1e-300)
            axis.hist(values.ravel(), bins=np.linspace(-edge, edge, 31), color="tab:blue")
            axis.set_title(f"std {spread:.2g}", fontsize=8)
            axis.set(yticks=[], xticks=[-edge, edge], xlim=(-1.1 * edge, 1.1 * edge))
            axis.set_xticklabels([f"{-edge:.1g}", f"{edge:.1g}"], fontsize=6)
            axis.grid(False)
            if row is axes[-1]:
                axis.set_xlabel(f"layer {number}", fontsize=9)
        row[0].set_ylabel(name, fontsize=9)
        words.append(f"{name}: " + ", ".join(f"{values.std():.2g}" for values in layers))
    figure.suptitle(what, fontsize=10)
    figure.tight_layout()
    show_figure(
        figure, f"Histograms of the {what} by layer. Standard deviations, first to last layer: {'; '.join(words)}."
    )


@course_style()
def show_riddle() -> None:
    """Draw the losses of three trainings, each with something wrong."""
    epochs = np.arange(1, 21)
    rng = np.random.default_rng(1)
    wobble = rng.normal(0, 0.012, (3, 2, 20))
    stuck = np.full(20, 2.303)
    learning = 2.3 * np.exp(-epochs / 6) + 0.05
    forgetting = 1.62 + 0.7 * np.exp(-epochs / 1.6) + 0.0042 * epochs**2
    wild = 2.4 + np.abs(rng.normal(0, 0.9, 20)) + np.linspace(0, 1.4, 20)
    runs = {"A": (stuck, stuck), "B": (learning, forgetting), "C": (wild, wild + 0.15)}
    figure, axes = plt.subplots(1, 3, figsize=(9.4, 2.7), sharex=True)
    for axis, (name, curves), noise in zip(axes, runs.items(), wobble, strict=True):
        for part, values, extra, dashes in zip(("train", "val"), curves, noise, ("-", "--"), strict=True):
            axis.plot(epochs, values + 0.3 * extra, dashes, color=COLORS[part], label=part)
        axis.set(title=name, xlabel="epoch", ylim=(0, 6))
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel("loss")
    axes[0].legend()
    figure.tight_layout()
    words = "Three trainings with ten classes. A: both losses stay at 2.30. B: the training loss falls to 0.1, the "
    show_figure(figure, words + "validation loss falls to 1.7 and rises to 3.3. C: both losses jump between 3 and 5.")


def tracks_of(start: Sequence[float], curvature: Sequence[float], optimizers: Mapping[str, Any], steps: int) -> Any:
    """By name, the places (steps + 1, 2) that each optimizer passes in the valley a x² + b y²."""
    tracks = {}
    for name, optimizer in optimizers.items():
        place = np.array(start, dtype=float)
        track = [place.copy()]
        for _ in range(steps):
            optimizer.step({"w": place}, {"w": 2 * np.array(curvature) * place})
            track.append(place.copy())
        tracks[name] = np.array(track)
    return tracks
