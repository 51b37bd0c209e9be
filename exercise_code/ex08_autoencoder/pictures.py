"""Given: the figures of the notebooks."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.patches import Polygon, Rectangle

from exercise_code.common.plotting import COLORS, course_style, show_figure

__all__ = [
    "few_labels",
    "show_convolution",
    "show_few_labels",
    "show_frame",
    "show_hourglass",
    "show_intervals",
    "show_map",
    "show_sizes",
    "show_threshold",
    "show_transposed",
]

BLUE, ORANGE, QUIET = COLORS["train"], COLORS["prediction"], "0.6"
# How each way to train is called, in the order in which the notebook meets them.
WAYS = {
    "scratch": "100 labels alone",
    "frozen": "encoder of the autoencoder, frozen",
    "pretrained": "encoder of the autoencoder, learns on",
    "augmented": "100 labels, augmented",
    "both": "autoencoder and augmented",
    "consistent": "augmented and consistent",
    "reference": "augmented, then pseudo-labels",
}
# 95 % of a t distribution with so many degrees of freedom lie within plus and minus this.
STUDENT = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78}


def few_labels(source: str) -> dict[str, tuple[float, float, int]]:
    """For each way to train: the mean accuracy, how far its 95 % interval reaches to each side, how many runs."""
    table = json.loads(Path(__file__).with_name("few_labels.json").read_text(encoding="utf-8"))
    found = {}
    for way in WAYS:
        scores = list(table.get(source, {}).get(way, {}).values())
        if len(scores) > 1:
            reach = STUDENT[min(len(scores) - 1, 4)] * float(np.std(scores, ddof=1)) / math.sqrt(len(scores))
            found[way] = (float(np.mean(scores)), reach, len(scores))
    return found


@course_style()
def show_few_labels() -> None:
    """Print the table of all ways to train, and draw it with intervals, for drawn digits and for MNIST."""
    names = {"embedded": "drawn digits", "real": "MNIST"}
    tables = {source: few_labels(source) for source in names}
    width = max(map(len, WAYS.values())) + 2
    print(" " * width + "".join(f"{names[source]:>20}" for source in names))
    for way, title in WAYS.items():
        rows = [tables[source].get(way) for source in names]
        print(f"{title:{width}}" + "".join(f"{f'{r[0]:.3f} ± {r[1]:.3f}' if r else '':>20}" for r in rows))
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 3.1), sharey=True, layout="constrained")
    for axis, (source, name) in zip(axes, names.items(), strict=True):
        for place, way in enumerate(WAYS):
            if way in tables[source]:
                mean, reach, _ = tables[source][way]
                axis.errorbar(mean, place, xerr=reach, fmt="o", color=BLUE, capsize=4)
        axis.set(title=name, xlabel="accuracy on 10,000 other digits")
    axes[0].set_yticks(range(len(WAYS)), list(WAYS.values()))
    axes[0].invert_yaxis()
    words = "; ".join(
        f"{names[s]}, {WAYS[way]}: {t[way][0]:.3f} ± {t[way][1]:.3f}" for s, t in tables.items() for way in t
    )
    show_figure(figure, f"Accuracies of several ways to train, with 95 % intervals: {words}.")


@course_style()
def show_hourglass(steps: Sequence[tuple[str, tuple[int, ...]]]) -> None:
    """Draw the shapes on the way through an autoencoder: for each step its name and a shape (C, H, W) or (N,)."""
    figure, axis = plt.subplots(figsize=(1.5 * len(steps), 3.1))
    for i, (name, shape) in enumerate(steps):
        height = 0.25 + 2.3 * (shape[-1] / 28 if len(shape) == 3 else 0.04 * math.sqrt(shape[0]))
        width = 0.12 + (0.1 * math.log2(shape[0]) if len(shape) == 3 else 0.0)
        color = ORANGE if len(shape) == 1 else BLUE
        axis.add_patch(
            Rectangle((i - width / 2, -height / 2), width, height, facecolor=color, alpha=0.35, edgecolor=color)
        )
        axis.text(i, -1.55, "×".join(map(str, shape)), ha="center", va="center")
        axis.text(i, 1.55, name, ha="center", va="center", fontsize=9)
        if i:
            axis.annotate("", (i - 0.3, 0), (i - 0.7, 0), arrowprops={"arrowstyle": "->", "color": QUIET})
    axis.set(xlim=(-0.6, len(steps) - 0.4), ylim=(-1.8, 1.8))
    axis.axis("off")
    words = ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, shape in steps)
    show_figure(figure, f"The shapes on the way through an autoencoder: {words}.")


@course_style()
def show_convolution(size: int, kernel_size: int, stride: int, padding: int) -> None:
    """Draw which pixels of a row each number of a convolution's output is made from."""
    outputs = (size + 2 * padding - kernel_size) // stride + 1
    figure, axis = _row_axis(size + 2 * padding)
    for i in range(-padding, size + padding):
        _cell(axis, i, 1, "" if 0 <= i < size else "0", BLUE if 0 <= i < size else QUIET)
    for i in range(outputs):
        first = i * stride - padding
        middle = first + (kernel_size - 1) / 2
        _cell(axis, middle, 0, "", ORANGE)
        for k in range(kernel_size):
            axis.plot([first + k + 0.5, middle + 0.5], [1, 0.8], color=QUIET, linewidth=0.9, zorder=0)
    title = f"kernel {kernel_size}, stride {stride}, padding {padding}: {size} pixels become {outputs}"
    _finish_rows(figure, axis, title, size, padding, "input", "output")


@course_style()
def show_transposed(size: int, kernel_size: int, stride: int, padding: int, output_padding: int = 0) -> None:
    """Draw which pixels of its output a transposed convolution spreads each number of a row over."""
    width = (size - 1) * stride - 2 * padding + kernel_size + output_padding
    reach = max((size - 1) * stride + kernel_size - padding, width)
    figure, axis = _row_axis(reach + padding)
    for i in range(-padding, reach):
        kept, extra = 0 <= i < width, i >= width - output_padding
        _cell(axis, i, 0, "" if kept else "cut", (ORANGE if not extra else "tab:red") if kept else QUIET)
    for i in range(size):
        first = i * stride - padding
        middle = first + (kernel_size - 1) / 2
        _cell(axis, middle, 1, "", BLUE)
        for k in range(kernel_size):
            axis.plot([middle + 0.5, first + k + 0.5], [1, 0.8], color=QUIET, linewidth=0.9, zorder=0)
    more = f", output_padding {output_padding}" if output_padding else ""
    title = f"kernel {kernel_size}, stride {stride}, padding {padding}{more}: {size} numbers become {width} pixels"
    _finish_rows(figure, axis, title, reach, padding, "input", "output")


def _row_axis(cells: int) -> tuple[Any, Any]:
    figure, axis = plt.subplots(figsize=(1.6 + 0.48 * cells, 1.9))
    return figure, axis


def _cell(axis: Any, x: float, row: int, text: str, color: str) -> None:
    axis.add_patch(Rectangle((x + 0.08, row), 0.84, 0.8, facecolor=color, alpha=0.4, edgecolor=color))
    axis.text(x + 0.5, row + 0.4, text, ha="center", va="center", fontsize=8)


def _finish_rows(figure: Any, axis: Any, title: str, size: int, padding: int, upper: str, lower: str) -> None:
    for row, name in ((1, upper), (0, lower)):
        axis.text(-padding - 0.3, row + 0.4, name, ha="right", va="center")
    axis.set(xlim=(-padding - 2.2, size + padding + 0.3), ylim=(-0.15, 1.95), title=title)
    axis.axis("off")
    show_figure(figure, f"One row of a picture. {title}.")


@course_style()
def show_frame(image: npt.ArrayLike, changed: npt.ArrayLike, matrix: npt.ArrayLike) -> None:
    """Draw a picture (1, H, W), the frame that a matrix (2, 3) fetches new pixels from, and what comes out."""
    old, new = np.asarray(image)[0], np.asarray(changed)[0]
    places = np.asarray(matrix, dtype=float)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=float) @ places[:, :2].T + places[:, 2]
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.6, 3.3), layout="constrained")
    left.imshow(old, cmap="gray", vmin=0, vmax=1, extent=(-1, 1, 1, -1))
    left.add_patch(Polygon(corners, closed=True, fill=False, edgecolor=ORANGE, linewidth=2))
    left.scatter(*corners[0], color=ORANGE, zorder=3, s=30)
    left.set(xlim=(-1.5, 1.5), ylim=(1.5, -1.5), title="old picture, and the frame of the new")
    right.imshow(new, cmap="gray", vmin=0, vmax=1, extent=(-1, 1, 1, -1))
    right.scatter(-1, -1, color=ORANGE, zorder=3, s=30, clip_on=False)
    right.set(title="new picture")
    for axis in (left, right):
        axis.grid(False)
        axis.set_facecolor("0.85")
    found = ", ".join(f"({x:.2f}, {y:.2f})" for x, y in corners)
    show_figure(figure, f"A digit, the frame {found} that its new pixels come from, and the new picture.")


@course_style()
def show_threshold(confidence: npt.ArrayLike, right: npt.ArrayLike) -> None:
    """Draw, over the threshold, how many pictures are chosen and how many of those have the right label."""
    sure, hits = np.asarray(confidence, dtype=float), np.asarray(right, dtype=float)
    thresholds = np.linspace(0.3, 0.99, 70)
    chosen = np.array([(sure >= t).mean() for t in thresholds])
    correct = np.array([hits[sure >= t].mean() if (sure >= t).any() else np.nan for t in thresholds])
    figure, axis = plt.subplots(figsize=(5.6, 2.8))
    axis.plot(thresholds, chosen, color=BLUE, label="chosen, of all")
    axis.plot(thresholds, correct, "--", color=ORANGE, label="right, of those chosen")
    axis.set(xlabel="threshold", ylabel="share", ylim=(0, 1.05))
    axis.legend(loc="lower left")
    rows = list(zip(thresholds, chosen, correct, strict=True))[::23]
    words = ", ".join(f"at {t:.2f} {c:.2f} chosen, {r:.2f} right" for t, c, r in rows)
    show_figure(figure, f"Share of pictures chosen and share of right ones among them: {words}.")


@course_style()
def show_intervals(accuracy: float, counts: Sequence[int]) -> None:
    """Draw how far an accuracy that was measured on so many pictures may be off, in 95 of 100 cases."""
    figure, axis = plt.subplots(figsize=(6, 1.1 + 0.35 * len(counts)))
    reaches = [1.96 * math.sqrt(accuracy * (1 - accuracy) / n) for n in counts]
    for place, reach in enumerate(reaches):
        axis.errorbar(accuracy, place, xerr=reach, fmt="o", color=BLUE, capsize=4)
        axis.text(accuracy + reach + 0.006, place, f"± {reach:.3f}", va="center", fontsize=9)
    axis.set_yticks(range(len(counts)), [f"{n:,} test pictures" for n in counts])
    axis.invert_yaxis()
    axis.set(xlabel="accuracy", xlim=(accuracy - 1.25 * reaches[0], accuracy + 1.6 * reaches[0]))
    axis.margins(y=0.2)
    words = ", ".join(f"± {reach:.3f} with {n:,}" for n, reach in zip(counts, reaches, strict=True))
    show_figure(figure, f"Intervals of a measured accuracy of {accuracy}: {words}.")


@course_style()
def show_sizes(lines: Mapping[str, float], xlabel: str, ylabel: str) -> None:
    """Draw one number for each name as a line of points."""
    figure, axis = plt.subplots(figsize=(5.4, 2.7))
    axis.plot(list(lines), list(lines.values()), "o-", color=BLUE)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, None))
    words = ", ".join(f"{name}: {value:.3g}" for name, value in lines.items())
    show_figure(figure, f"{ylabel} over {xlabel}: {words}.")


@course_style()
def show_map(codes: npt.ArrayLike, labels: npt.ArrayLike) -> None:
    """Draw codes (N, 2) as points; a point is its digit, unlabelled ones (-1) are small and grey."""
    places, digits = np.asarray(codes, dtype=float), np.asarray(labels)
    figure, axis = plt.subplots(figsize=(5.6, 4.6))
    rest = digits < 0
    axis.scatter(*places[rest].T, s=4, color="0.8")
    colors = plt.get_cmap("tab10")
    for (x, y), digit in zip(places[~rest], digits[~rest], strict=True):
        axis.text(x, y, str(digit), color=colors(int(digit)), ha="center", va="center", fontsize=9, weight="bold")
    # A few points far away may fall outside, but no digit.
    low, high = np.percentile(places, [1, 99], axis=0)
    if (~rest).any():
        low, high = np.minimum(low, places[~rest].min(axis=0)), np.maximum(high, places[~rest].max(axis=0))
    pad = 0.1 * (high - low)
    axis.set(xlabel="first number of the code", ylabel="second number")
    axis.set(xlim=(low[0] - pad[0], high[0] + pad[0]), ylim=(low[1] - pad[1], high[1] + pad[1]))
    show_figure(figure, f"A map of {len(places)} codes of two numbers; {int((~rest).sum())} of them have their digit.")
