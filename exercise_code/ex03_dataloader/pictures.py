"""The pictures of exercise 3's notebooks. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from exercise_code.common.plotting import course_style

RGB = ("tab:red", "tab:green", "tab:blue")


@course_style()
def show_descent(values: np.ndarray, num_steps: int = 30) -> None:
    """Draw how gradient descent fits y = w * x + b, for `values` as they are and for normalised ones.

    The targets are the normalised values themselves plus noise, so both problems have equally good solutions.
    Both start equally far from the best bias, with the same share of the largest step size that is safe for them.
    """
    normalized = (values - values.mean()) / values.std()
    targets = normalized + np.random.default_rng(0).normal(0, 0.3, len(values))
    _, axes = plt.subplots(1, 2, figsize=(10, 3.8))
    for axis, x, name in zip(axes, (values, normalized), ("raw values", "normalised values"), strict=True):
        inputs = np.stack([x, np.ones_like(x)], axis=1)
        curvature = 2 * inputs.T @ inputs / len(x)
        step = 0.4 / np.linalg.eigvalsh(curvature)[-1]
        best = np.linalg.lstsq(inputs, targets, rcond=None)[0]
        path = [best + np.array([1.2 * best[0], 3.0])]
        for _ in range(num_steps):
            path.append(path[-1] - step * 2 * inputs.T @ (inputs @ path[-1] - targets) / len(x))
        track = np.stack(path)
        _draw_track(axis, inputs, targets, track, best)
        axis.set_title(f"{name}: loss {_loss(inputs, targets, track[-1]):.2f} after {num_steps} steps")
    plt.tight_layout()
    plt.show()


def _loss(inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    return float(((inputs @ weights - targets) ** 2).mean())


def _draw_track(axis: Any, inputs: np.ndarray, targets: np.ndarray, track: np.ndarray, best: np.ndarray) -> None:
    points = np.concatenate([track, best[None]])
    low, high = points.min(0), points.max(0)
    reach = np.maximum(high - low, np.abs(best).max() * 0.2)
    w = np.linspace(low[0] - 0.4 * reach[0], high[0] + 0.4 * reach[0], 80)
    b = np.linspace(low[1] - 0.4 * reach[1], high[1] + 0.4 * reach[1], 80)
    losses = np.array([[_loss(inputs, targets, np.array([u, v])) for u in w] for v in b])
    axis.grid(False)
    axis.contourf(w, b, np.log(losses), levels=25, cmap="Blues_r")
    axis.plot(track[:, 0], track[:, 1], "o-", color="tab:orange", markersize=4, label="descent")
    axis.plot(*best, "k*", markersize=12, label="best weights")
    axis.set_xlabel("weight w")
    axis.set_ylabel("bias b")
    axis.legend(loc="best")


@course_style()
def show_histograms(groups: dict[str, np.ndarray]) -> None:
    """Draw a histogram for each array (..., 3) of `groups`, one line for each channel."""
    _, axes = plt.subplots(1, len(groups), figsize=(4 * len(groups), 2.8), squeeze=False)
    for axis, (title, values) in zip(axes.flat, groups.items(), strict=True):
        for channel, colour in enumerate(RGB):
            axis.hist(values[..., channel].ravel(), bins=40, histtype="step", color=colour, density=True)
        axis.set_title(title)
        axis.set_xlabel("value")
        axis.set_yticks([])
    plt.tight_layout()
    plt.show()


@course_style()
def show_classes_of_batches(batches: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> None:
    """Draw how many samples of each class are in each of the batches (lists of labels)."""
    counts = np.array([np.bincount(labels, minlength=len(classes)) for labels in batches])
    bottom = np.zeros(len(batches))
    _, axis = plt.subplots(figsize=(9, 2.8))
    for label, name in enumerate(classes):
        axis.bar(range(len(batches)), counts[:, label], bottom=bottom, label=name, color=f"C{label % 10}")
        bottom += counts[:, label]
    axis.set_title(title)
    axis.set_xlabel("batch")
    axis.set_ylabel("samples")
    axis.legend(ncols=1, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    plt.tight_layout()
    plt.show()


@course_style()
def show_orders(epochs: Sequence[Sequence[int]], batch_size: int) -> None:
    """Draw the order of the samples, one row for each epoch; a sample has the same colour in all rows."""
    _, axis = plt.subplots(figsize=(9, 0.55 * len(epochs) + 0.9))
    orders = np.array(epochs)
    axis.grid(False)
    axis.imshow(orders, aspect="auto", cmap="viridis")
    for (row, column), index in np.ndenumerate(orders):
        axis.text(column, row, int(index), ha="center", va="center", fontsize=8,
                  color="white" if index < 0.6 * orders.max() else "black")  # fmt: skip
    for edge in range(batch_size, orders.shape[1], batch_size):
        axis.axvline(edge - 0.5, color="white", linewidth=4)
    axis.set_yticks(range(len(epochs)), [f"epoch {i + 1}" for i in range(len(epochs))])
    axis.set_xticks([])
    axis.set_title(f"batches of {batch_size}: the number is the sample's index")
    plt.tight_layout()
    plt.show()


@course_style()
def show_cost_of_batches(batch_sizes: Sequence[int], microseconds: Sequence[float]) -> None:
    """Draw the time for one sample against the batch size."""
    _, axis = plt.subplots(figsize=(6, 2.8))
    axis.semilogx(batch_sizes, microseconds, "o-")
    axis.minorticks_off()
    axis.set_ylim(bottom=0)
    axis.set_xticks(batch_sizes, [str(size) for size in batch_sizes])
    axis.set_xlabel("samples in a batch")
    axis.set_ylabel("µs for one sample")
    axis.set_title("the first layer of a network, measured on this computer")
    plt.tight_layout()
    plt.show()


@course_style()
def show_spread_of_means(values: np.ndarray, batch_sizes: Sequence[int], num_batches: int = 200) -> None:
    """Draw the means of many random batches of `values` for each batch size."""
    rng = np.random.default_rng(0)
    _, axis = plt.subplots(figsize=(6, 2.8))
    for place, size in enumerate(batch_sizes):
        means = rng.choice(values, (num_batches, size)).mean(axis=1)
        axis.plot(place + rng.uniform(-0.2, 0.2, num_batches), means, ".", alpha=0.5)
    axis.axhline(values.mean(), color="black", linewidth=1, label="mean of all images")
    axis.set_xticks(range(len(batch_sizes)), [str(size) for size in batch_sizes])
    axis.set_xlabel("images in a batch")
    axis.set_ylabel("mean brightness")
    axis.legend()
    plt.tight_layout()
    plt.show()
