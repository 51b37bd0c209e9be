"""The pictures of exercise 10's notebook. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.patches import FancyArrowPatch, Patch, Rectangle

from exercise_code.common.data import SceneSet
from exercise_code.common.plotting import COLORS, course_style, show_figure

__all__ = [
    "label_colours",
    "print_classes",
    "show_confusion",
    "show_encoder",
    "show_field",
    "show_label_grids",
    "show_predictions",
    "show_scenes",
    "show_shares",
    "show_unet",
]

CLASSES = SceneSet.classes
DOWN, UP, SKIP, HEAD = "#a5d8ff", "#ffd8a8", "#868e96", "#b2f2bb"

Array = npt.NDArray[Any]


def label_colours(labels: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Labels (..., H, W) in the colours of their classes, uint8 (..., H, W, 3); void is black."""
    colours = np.concatenate([np.zeros((1, 3), dtype=np.uint8), SceneSet.colours])
    return colours[np.asarray(labels).astype(int) + 1]


@course_style()
def show_scenes(
    images: npt.ArrayLike, labels: npt.ArrayLike, columns: int = 4, titles: Sequence[str] | None = None
) -> None:
    """Draw images uint8 (N, H, W, 3) above their labels (N, H, W), with the names of all classes that are there.

    Without titles they are called scene 0, scene 1 and so on.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    names = titles or [f"scene {place}" for place in range(len(images))]
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        2 * rows, columns, figsize=(2.3 * columns, 4.7 * rows + 0.6), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.axis("off")
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        row, column = divmod(place, columns)
        axes[2 * row, column].imshow(image)
        axes[2 * row + 1, column].imshow(label_colours(label), interpolation="nearest")
        axes[2 * row, column].set_title(names[place])
    there = sorted({int(each) for each in np.unique(labels)})
    _legend(figure, there)
    show_figure(figure, f"{len(images)} scenes with their labels: " + ", ".join(_name(each) for each in there))


@course_style()
def show_predictions(
    images: npt.ArrayLike, labels: npt.ArrayLike, predictions: npt.ArrayLike, titles: Sequence[str]
) -> None:
    """Draw images, their labels and the predicted ones in three rows; what is void in the labels is black in both."""
    images, labels, predictions = np.asarray(images), np.asarray(labels), np.asarray(predictions)
    shown = np.where(labels < 0, -1, predictions.astype(int))
    figure, axes = plt.subplots(3, len(images), figsize=(2.1 * len(images), 6.9), squeeze=False, layout="constrained")
    for column, title in enumerate(titles):
        axes[0, column].imshow(images[column])
        axes[0, column].set_title(title)
        for row, each in ((1, labels), (2, shown)):
            axes[row, column].imshow(label_colours(each[column]), interpolation="nearest")
    for row, name in enumerate(("image", "labels", "prediction")):
        axes[row, 0].set_ylabel(name)
        for axis in axes[row]:
            axis.set(xticks=[], yticks=[])
            axis.grid(False)
    there = sorted({int(each) for each in (*np.unique(labels), *np.unique(shown))})
    _legend(figure, there)
    show_figure(figure, f"{len(images)} images with labels and predictions: {', '.join(titles)}")


@course_style()
def show_label_grids(grids: Sequence[npt.ArrayLike], titles: Sequence[str]) -> None:
    """Draw small grids of labels with their numbers; a number that is no class of the first grid has a red frame."""
    known = set(np.unique(np.asarray(grids[0])).tolist())
    figure, axes = plt.subplots(1, len(grids), figsize=(3 * len(grids), 3.2), squeeze=False, layout="constrained")
    for axis, grid, title in zip(axes[0], grids, titles, strict=True):
        numbers = np.asarray(grid)
        axis.imshow(0.45 * label_colours(numbers) / 255 + 0.55, interpolation="nearest")
        for (row, column), value in np.ndenumerate(numbers):
            axis.text(column, row, f"{value}", ha="center", va="center", fontsize=9)
            if value not in known:
                frame = Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, fill=False, edgecolor="#e03131", linewidth=2)
                axis.add_patch(frame)
        axis.set_title(title)
        axis.axis("off")
    words = "; ".join(f"{title}: {np.asarray(grid).tolist()}" for grid, title in zip(grids, titles, strict=True))
    show_figure(figure, f"Grids of labels. {words}")


@course_style()
def show_shares(labels: npt.ArrayLike, weights: dict[str, npt.ArrayLike] | None = None) -> None:
    """Draw the share of each class in the labelled pixels, the commonest first, and weights beside it where given."""
    numbers = np.asarray(labels)
    counts = np.bincount(numbers[numbers >= 0].astype(int), minlength=len(CLASSES))
    order = np.argsort(-counts, kind="stable")
    names = [CLASSES[each] for each in order]
    figure, axes = plt.subplots(1, 1 + bool(weights), figsize=(6 + 4 * bool(weights), 4.6), layout="constrained")
    axes = np.atleast_1d(axes)
    axes[0].barh(names, 100 * counts[order] / counts.sum(), color=SceneSet.colours[order] / 255)
    axes[0].set(xlabel="share of the labelled pixels, in per cent", title="how frequent each class is")
    for (name, each), marker in zip((weights or {}).items(), "os^", strict=False):
        axes[1].plot(np.asarray(each)[order], names, marker, label=name)
    if weights:
        axes[1].set(xlabel="weight of a pixel", xscale="log", title="the weight that a pixel of it has")
        ticks = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20]
        axes[1].set_xticks(ticks, [f"{each:g}" for each in ticks])
        axes[1].set_xticks([], minor=True)
        axes[1].legend()
    for axis in axes:
        axis.invert_yaxis()
    most, least = names[0], names[-1]
    show_figure(figure, f"Bars of the classes' shares: {most} has {100 * counts.max() / counts.sum():.0f} %, "
                f"{least} {100 * counts.min() / counts.sum():.1f} %")  # fmt: skip


@course_style()
def show_field(layers: Sequence[tuple[int, int, int]], width: int = 19) -> None:
    """Draw rows of numbers, the image below, and what one number at the top sees of each row below it."""
    rows = [np.arange(width, dtype=float)]
    seen: list[set[int]] = [set() for _ in range(len(layers) + 1)]
    for layer in layers:
        last = rows[-1]
        span = (layer[0] - 1) * layer[2]
        rows.append(np.array([last[i : i + span + 1].mean() for i in range(0, len(last) - span, layer[1])]))
    seen[-1] = {len(rows[-1]) // 2}
    figure, axis = plt.subplots(figsize=(9, 1.1 * len(rows) + 0.3), layout="constrained")
    for depth in range(len(layers), 0, -1):
        kernel, stride, dilation = layers[depth - 1]
        for top in seen[depth]:
            for tap in range(kernel):
                below = top * stride + tap * dilation
                seen[depth - 1].add(below)
                axis.plot([rows[depth][top], rows[depth - 1][below]], [depth, depth - 1], color=SKIP, linewidth=0.8)
    for depth, places in enumerate(rows):
        chosen = [i in seen[depth] for i in range(len(places))]
        colours = [COLORS["prediction"] if each else "#dee2e6" for each in chosen]
        axis.scatter(places, np.full(len(places), depth), s=90, c=colours, edgecolors="black", linewidths=0.6, zorder=3)
    texts = ["image", *(f"kernel {k}, stride {s}, dilation {d}" for k, s, d in layers)]
    axis.set_yticks(range(len(rows)), texts)
    axis.set(xticks=[], ylim=(-0.4, len(rows) - 0.6))
    axis.grid(False)
    axis.spines[:].set_visible(False)
    words = f"One number behind {len(layers)} layers sees {max(seen[0]) - min(seen[0]) + 1} pixels of the image"
    show_figure(figure, f"{words}: {'; '.join(texts[1:])}")


@course_style()
def show_unet(channels: Sequence[int], height: int, width: int, num_classes: int) -> None:
    """Draw a U-Net: boxes with channels and sizes, the way down, the way up, and the skip connections."""
    levels = len(channels)
    sizes = [(height >> level, width >> level) for level in range(levels)]
    figure, axis = plt.subplots(figsize=(9.5, 1.25 * levels + 0.4), layout="constrained")
    right = 2.0 * levels
    left_place = [(1.0 * level, -1.2 * level) for level in range(levels)]
    right_place = [(right - 1.0 * level, -1.2 * level) for level in range(levels - 1)]
    for (x, y), size, count in zip(left_place, sizes, channels, strict=True):
        _box(axis, x, y, f"{count} × {size[0]}×{size[1]}", DOWN)
    for (x, y), size, count in zip(right_place, sizes, channels, strict=False):
        _box(axis, x, y, f"{count} × {size[0]}×{size[1]}", UP)
    for (x0, y0), (x1, y1) in pairwise(left_place):
        _arrow(axis, (x0 + 0.55, y0 - 0.28), (x1 + 0.3, y1 + 0.28))
    for (x0, y0), (x1, y1) in pairwise(right_place):
        _arrow(axis, (x1 + 0.7, y1 + 0.28), (x0 + 0.45, y0 - 0.28))
    if right_place:
        (x0, y0), (x1, y1) = left_place[-1], right_place[-1]
        _arrow(axis, (x0 + 1.0, y0), (x1 + 0.1, y1 - 0.28))
    for (x0, y0), (x1, _) in zip(left_place, right_place, strict=False):
        _arrow(axis, (x0 + 1.0, y0), (x1, y0), dashed=True)
    _arrow(axis, (right + 1.0, 0), (right + 1.45, 0))
    _box(axis, right + 1.45, 0, f"{num_classes} × {height}×{width}", HEAD)
    parts = {"way down: DoubleConv, then pooling": DOWN, "way up: UpBlock": UP, "logits": HEAD}
    axis.legend(handles=[Patch(facecolor=c, edgecolor="black", label=n) for n, c in parts.items()],
                loc="lower right", fontsize=8)  # fmt: skip
    axis.set(xlim=(-0.1, right + 2.6), ylim=(-1.2 * levels + 0.7, 0.45))
    axis.axis("off")
    show_figure(figure, f"A U-Net with the channels {list(channels)} for images of {height}x{width}; dashed arrows are "
                "its skip connections")  # fmt: skip


@course_style()
def show_encoder(places: Sequence[int], shapes: Sequence[tuple[int, ...]], size: int) -> None:
    """Draw the features that an encoder hands on: squares as large as their sides, with their channels."""
    figure, axis = plt.subplots(figsize=(9, 2.7), layout="constrained")
    x = 0.0
    layers = [(f"layer {place}", shape[-1], shape[1]) for place, shape in zip(places, shapes, strict=True)]
    for name, side, channels in [("image", size, 3), *layers]:
        width = 1.9 * side / size
        axis.add_patch(Rectangle((x, -width / 2), width, width, facecolor=DOWN, edgecolor="black"))
        text = f"{name}\n{channels} × {side}×{side}"
        axis.text(x + width / 2, -1.05, text, ha="center", va="top", fontsize=9)
        x += max(width, 0.9) + 0.6
    axis.set(xlim=(-0.2, x), ylim=(-1.6, 1.0), aspect="equal")
    axis.axis("off")
    words = ", ".join(f"layer {p}: {s[1]} channels of {s[-2]}x{s[-1]}" for p, s in zip(places, shapes, strict=True))
    show_figure(figure, f"Features of an encoder, smaller and smaller: {words}")


@course_style()
def show_confusion(confusion: npt.ArrayLike) -> None:
    """Draw a confusion matrix (23, 23), each row as shares of the true class; classes without pixels are left out."""
    counts = np.asarray(confusion)
    there = np.flatnonzero(counts.sum(axis=1))
    shares = counts[there] / counts[there].sum(axis=1, keepdims=True)
    figure, axis = plt.subplots(figsize=(8.5, 7.2), layout="constrained")
    picture = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_yticks(range(len(there)), [CLASSES[each] for each in there])
    axis.set_xticks(range(len(CLASSES)), CLASSES, rotation=90)
    axis.set(xlabel="predicted", ylabel="true")
    axis.grid(False)
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.1:
            colour = "white" if share > 0.6 else "black"
            axis.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=7, color=colour)
    figure.colorbar(picture, label="share of the true class")
    off = shares.copy()
    off[np.arange(len(there)), there] = 0
    row, column = np.unravel_index(int(off.argmax()), off.shape)
    worst = f"{CLASSES[there[row]]} taken for {CLASSES[column]}, {100 * off[row, column]:.0f} %"
    show_figure(figure, f"Confusion matrix in per cent of each true class; the largest confusion is {worst}")


def print_classes(confusion: npt.ArrayLike, iou: npt.ArrayLike) -> None:
    """Print a line for each class that occurs: its pixels, how many were found, its IoU, what it is taken for."""
    counts, shares = np.asarray(confusion), np.asarray(iou)
    print(f"{'class':10} {'pixels':>7} {'found':>7} {'IoU':>6}  mostly taken for")
    for each in np.argsort(-counts.sum(axis=1), kind="stable"):
        total = int(counts[each].sum())
        if not total:
            continue
        others = counts[each].copy()
        others[each] = 0
        taken = f"{CLASSES[others.argmax()]} ({100 * others.max() / total:.0f} %)" if others.any() else ""
        found = 100 * counts[each, each] / total
        print(f"{CLASSES[each]:10} {100 * total / counts.sum():6.1f}% {found:6.0f}% {shares[each]:6.2f}  {taken}")


def _name(label: int) -> str:
    return "void" if label < 0 else CLASSES[label]


def _legend(figure: Any, labels: Sequence[int]) -> None:
    handles = [
        Patch(facecolor=label_colours(each) / 255, edgecolor="black", label=f"{each} {_name(each)}") for each in labels
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(8, len(handles)), fontsize=8)


def _box(axis: Any, x: float, y: float, text: str, colour: str) -> None:
    axis.add_patch(Rectangle((x, y - 0.28), 1.0, 0.56, facecolor=colour, edgecolor="black"))
    axis.text(x + 0.5, y, text.replace(" × ", " ×\n"), ha="center", va="center", fontsize=8)


def _arrow(axis: Any, start: tuple[float, float], end: tuple[float, float], dashed: bool = False) -> None:
    style = {"linestyle": "--", "color": SKIP} if dashed else {"color": "black"}
    axis.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, shrinkA=0, shrinkB=0, **style))
