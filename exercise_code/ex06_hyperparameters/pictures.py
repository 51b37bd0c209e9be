"""The pictures of exercise 6's notebooks. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from exercise_code.common.plotting import COLORS, course_style, show_figure
from exercise_code.ex04_solver.history import History

MARK, QUIET = "tab:orange", "0.55"
# Lines differ in dashes too, for those who do not tell colours apart.
LINES = (("tab:blue", "-"), ("tab:orange", "--"), ("tab:green", "-."), ("tab:purple", ":"), ("0.35", (0, (5, 1, 1, 1))))


# Which settings?


@course_style()
def show_rates(rates: Sequence[float], losses: Sequence[float], start: float) -> None:
    """Draw the loss that a short training reached with each learning rate, on a logarithmic axis; it was `start`."""
    top = 1.6 * start
    shown = np.minimum(np.nan_to_num(np.array(losses, dtype=float), nan=np.inf), top)
    figure, axis = plt.subplots(figsize=(6.8, 3.3))
    axis.axhline(start, color=QUIET, linewidth=1, label="loss before the training")
    axis.plot(rates, shown, "o-", color="tab:blue", label="loss after it")
    high = shown >= top
    axis.plot(np.array(rates)[high], shown[high], "^", color=MARK, markersize=9, label="higher than drawn")
    axis.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(0, 1.07 * top))
    axis.legend(loc="lower left")
    figure.tight_layout()
    words = ", ".join(f"{rate:.0e}: {loss:.2f}" for rate, loss in zip(rates, losses, strict=True))
    show_figure(figure, f"The loss after a short training over the learning rate; before it was {start:.2f}. {words}.")


@course_style()
def show_searches(searches: Mapping[str, Sequence[tuple[float, Mapping[str, Any]]]], names: tuple[str, str]) -> None:
    """Draw the settings that each search tried, as dots over two logarithmic axes with the accuracy of each.

    A search is a list of (accuracy, setting); `names` are the two settings that are drawn. The marks along the axes
    show how many different values of each were tried.
    """
    figure, axes = plt.subplots(1, len(searches), figsize=(4.6 * len(searches), 3.6), sharex=True, sharey=True)
    everything = [accuracy for results in searches.values() for accuracy, _ in results]
    words = []
    for axis, (title, results) in zip(np.atleast_1d(axes), searches.items(), strict=True):
        across, up = (np.array([setting[name] for _, setting in results], dtype=float) for name in names)
        colors = [accuracy for accuracy, _ in results]
        dots = axis.scatter(
            across, up, c=colors, cmap="viridis", s=110, vmin=min(everything), vmax=max(everything), zorder=3
        )
        for x, y, (accuracy, _) in zip(across, up, results, strict=True):
            axis.annotate(f"{accuracy:.0%}", (x, y), (0, 8), textcoords="offset points", ha="center", fontsize=8)
        edge, mark = np.full(len(results), 0.015), {"color": MARK, "markersize": 11}
        axis.plot(across, edge, "|", transform=axis.get_xaxis_transform(), **mark)
        axis.plot(edge, up, "_", transform=axis.get_yaxis_transform(), **mark)
        best, setting = max(results, key=lambda result: result[0])
        # Rounded: the same value of a grid may differ in its last digit.
        tried = len({f"{x:.6g}" for x in across})
        axis.set(xscale="log", yscale="log", xlabel=names[0], title=f"{title}: {tried} values of {names[0]}")
        axis.margins(0.12, 0.2)
        words.append(f"{title}: {tried} values of {names[0]}, the best accuracy {best:.0%} at {setting[names[0]]:.2g}")
    np.atleast_1d(axes)[0].set_ylabel(names[1])
    figure.colorbar(dots, ax=axes, label="accuracy")
    show_figure(figure, f"Settings as dots over {names[0]} and {names[1]}, each with its accuracy. {'; '.join(words)}.")


# Curves


@course_style()
def show_scores(histories: Mapping[str, History], title: str = "") -> None:
    """Draw the training losses and the validation accuracies of several trainings."""
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 3.1), sharex=True)
    words = []
    for (name, history), (color, dashes) in zip(histories.items(), LINES, strict=False):
        epochs = range(1, len(history.train_loss) + 1)
        axes[0].plot(epochs, history.train_loss, linestyle=dashes, color=color, label=name)
        axes[1].plot(epochs, history.val_score, linestyle=dashes, color=color, label=name)
        words.append(f"{name}: loss {history.train_loss[-1]:.2f}, accuracy at most {max(history.val_score):.1%}")
    axes[0].set(xlabel="epoch", ylabel="loss", title=f"training loss{': ' + title if title else ''}")
    axes[0].set_ylim(bottom=0)
    axes[1].set(xlabel="epoch", ylabel="accuracy", title="validation accuracy")
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    show_figure(figure, f"Training losses and validation accuracies over the epochs. {'; '.join(words)}.")


@course_style()
def show_riddle() -> None:
    """Draw the losses of three trainings of one network, each with something to change."""
    epochs = np.arange(1, 31)
    wobble = np.random.default_rng(6).normal(0, 0.018, (3, 2, 30))
    falling = 1.0 * np.exp(-epochs / 9)
    runs = {
        "A": (2.02 + 0.28 * np.exp(-epochs / 3), 1.86 + 0.4 * np.exp(-epochs / 3)),
        "B": (0.08 + 2.2 * np.exp(-epochs / 6), 1.55 + 0.75 * np.exp(-epochs / 1.8) + 0.03 * epochs),
        "C": (1.05 + 1.25 * np.exp(-epochs / 6), 2.36 + 0.012 * epochs - 0.04 * falling),
    }
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 2.9), sharex=True, sharey=True)
    for axis, (name, curves), noise in zip(axes, runs.items(), wobble, strict=True):
        axis.axhline(np.log(10), color=QUIET, linewidth=1, label="guessing")
        for part, values, extra, dashes in zip(("train", "val"), curves, noise, ("-", "--"), strict=True):
            axis.plot(epochs, values + extra, dashes, color=COLORS[part], label=part)
        axis.set(title=name, xlabel="epoch", ylim=(0, 3.1))
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel("loss")
    axes[0].legend(loc="lower left")
    figure.tight_layout()
    words = "Three trainings with ten classes. A: the training loss stays near 2.0, the validation loss a little below "
    words += "it. B: the training loss falls to 0.1, the validation loss falls to 1.8, then rises to 2.4. "
    show_figure(figure, words + "C: the training loss falls to 1.1, the validation loss rises slowly from 2.3 to 2.7.")


# Dropout


@course_style()
def show_dropped(masks: Mapping[str, np.ndarray]) -> None:
    """Draw a small network for each mask of its six hidden units: those that were dropped are crossed out."""
    figure, axes = plt.subplots(1, len(masks), figsize=(3.0 * len(masks), 2.9))
    words = []
    for axis, (title, kept) in zip(np.atleast_1d(axes), masks.items(), strict=True):
        layers = [np.ones(4, dtype=bool), np.asarray(kept, dtype=bool), np.ones(3, dtype=bool)]
        heights = [np.linspace(-1, 1, len(layer)) * 0.35 * len(layer) for layer in layers]
        places = [[(x, y) for y in column] for x, column in enumerate(heights)]
        for left in (0, 1):
            for start, here in zip(places[left], layers[left], strict=True):
                for end, there in zip(places[left + 1], layers[left + 1], strict=True):
                    if here and there:
                        axis.plot(*zip(start, end, strict=True), color="0.75", linewidth=0.9, zorder=1)
        for layer, row in zip(layers, places, strict=True):
            for on, place in zip(layer, row, strict=True):
                color = "#1c7ed6" if on else "white"
                axis.plot(*place, "o", markersize=15, color=color, markeredgecolor="0.4", zorder=2)
                if not on:
                    axis.plot(*place, "x", markersize=11, color=MARK, markeredgewidth=2.2, zorder=3)
        axis.set(title=title, xlim=(-0.3, 2.3), ylim=(-2.5, 2.5))
        axis.axis("off")
        words.append(f"{title}: {int((~layers[1]).sum())} of {len(layers[1])} hidden units are crossed out")
    figure.tight_layout()
    show_figure(figure, f"A network of 4 inputs, 6 hidden units and 3 outputs. {'; '.join(words)}.")


# Normalisation


@course_style()
def show_axes_of_norms(rows: int = 5, columns: int = 6) -> None:
    """Draw a table of activations (samples by features) for each way to normalise: the numbers that go together."""
    figure, axes = plt.subplots(1, 3, figsize=(9.2, 2.7))
    table = np.zeros((rows, columns))
    batch, layer = table.copy(), table.copy()
    batch[:, 2], layer[3] = 1, 1
    titles = {"batch: one feature, all samples": batch, "layer: one sample, all features": layer}
    titles["switchable: a weighted mix of both"] = 0.55 * batch + 0.55 * layer
    for axis, (title, marked) in zip(axes, titles.items(), strict=True):
        axis.imshow(marked, cmap="Oranges", vmin=0, vmax=1.6)
        axis.set(title=title, xlabel="features", ylabel="samples")
        axis.set(xticks=np.arange(-0.5, columns), yticks=np.arange(-0.5, rows))
        axis.set_xticklabels([])
        axis.set_yticklabels([])
        axis.grid(color="0.6", alpha=1)
        axis.tick_params(length=0)
    figure.tight_layout()
    words = "Tables with a row for each sample and a column for each feature. Batch normalisation: a column is marked. "
    show_figure(figure, words + "Layer normalisation: a row is marked. Switchable normalisation: both are marked.")
