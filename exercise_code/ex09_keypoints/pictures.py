"""The pictures of exercise 9's notebook. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.patches import FancyArrowPatch, Rectangle

from exercise_code.common.plotting import COLORS, course_style, show_figure

from .faces import IMAGE_SIZE, KEYPOINT_NAMES

__all__ = [
    "show_curves_to_diagnose",
    "show_distances",
    "show_kernel_at",
    "show_max_pooling",
    "show_numbered_face",
    "show_numbers_after_a_flip",
    "show_sizes",
    "show_three_layers",
    "show_widths",
]

MARK = COLORS["prediction"]
BLOCKS = ("#d0ebff", "#ffe8cc", "#d3f9d8", "#f3d9fa")

# Losses on training and validation faces, an epoch each: the reference's network on 200 drawn faces, not augmented.
CURVES = {
    "A": (
        (15900, 0.629, 0.365, 0.364, 0.304, 0.168, 0.0985, 0.0624, 0.0452, 0.0573, 0.0525, 0.0382, 0.041,
         0.0336, 0.0298, 0.0322, 0.0272, 0.0261, 0.0261, 0.0283, 0.0243, 0.0236, 0.0224, 0.0247, 0.0251, 0.0259,
         0.0254, 0.0228, 0.023, 0.0294),
        (303, 0.632, 0.428, 0.378, 0.429, 0.209, 0.132, 0.0725, 0.0533, 0.0571, 0.043, 0.0546, 0.039, 0.0408,
         0.033, 0.0285, 0.0288, 0.0263, 0.0303, 0.0286, 0.027, 0.0259, 0.0268, 0.0264, 0.0284, 0.0283, 0.0291,
         0.0271, 0.0367, 0.0328),
    ),
    "B": (
        (0.0666, 0.0274, 0.0204, 0.0171, 0.0147, 0.0128, 0.011, 0.00901, 0.00726, 0.00601, 0.00497, 0.00403,
         0.00363, 0.00297, 0.00262, 0.00224, 0.00218, 0.00192, 0.00192, 0.00165, 0.0016, 0.00148, 0.00144,
         0.00129, 0.00129, 0.00151, 0.00146, 0.00129, 0.00119, 0.00109),
        (0.0726, 0.0388, 0.0301, 0.0251, 0.0227, 0.0221, 0.021, 0.0195, 0.0187, 0.0175, 0.0173, 0.0177, 0.0182,
         0.0169, 0.0165, 0.0165, 0.0163, 0.0165, 0.0168, 0.0169, 0.0164, 0.0164, 0.0164, 0.0165, 0.0168, 0.0166,
         0.0163, 0.0163, 0.0165, 0.0158),
    ),
    "C": (
        (0.118, 0.118, 0.118, 0.118, 0.118, 0.118, 0.118, 0.119, 0.118, 0.118, 0.118, 0.119, 0.118, 0.118,
         0.119, 0.118, 0.118, 0.118, 0.118, 0.118, 0.118, 0.118, 0.118, 0.118, 0.118, 0.118, 0.118, 0.118,
         0.118, 0.118),
        (0.103, 0.103, 0.104, 0.104, 0.104, 0.105, 0.108, 0.111, 0.114, 0.117, 0.118, 0.119, 0.12, 0.121, 0.12,
         0.12, 0.12, 0.119, 0.119, 0.12, 0.12, 0.12, 0.12, 0.12, 0.121, 0.12, 0.12, 0.12, 0.119, 0.12),
    ),
}  # fmt: skip
MEAN_FACE_LOSS = 0.0217


@course_style()
def show_numbered_face(image: npt.ArrayLike, keypoints: npt.ArrayLike) -> None:
    """Draw one picture (1, 96, 96) with the numbers of its keypoints (30,), in pixels, and its corners' coordinates."""
    figure, (axis, side) = plt.subplots(1, 2, figsize=(8.4, 4.8), width_ratios=(1.5, 1), layout="constrained")
    size = _draw_face(axis, image)
    _draw_numbers(axis, np.asarray(keypoints, dtype=float).reshape(-1, 2), size)
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.5}
    for x, horizontal in ((0, "left"), (size, "right")):
        for y, vertical in ((0, "top"), (size, "bottom")):
            axis.text(x, y, f"({x}, {y})", ha=horizontal, va=vertical, fontsize=9, bbox=box)
    axis.set(xlabel="x, in pixels", ylabel="y, in pixels")
    axis.set_xticks(range(0, size + 1, 24))
    axis.set_yticks(range(0, size + 1, 24))
    lines = [f"{number:2}  {name}" for number, name in enumerate(KEYPOINT_NAMES)]
    side.text(0, 0.98, "\n".join(lines), va="top", family="monospace", fontsize=9, linespacing=1.5)
    side.axis("off")
    figure.suptitle("One face and its 15 keypoints", fontsize=11)
    words = "A face with the numbers of its keypoints; its corners are (0, 0) at the top left to (96, 96). "
    show_figure(figure, words + ", ".join(lines))


@course_style()
def show_numbers_after_a_flip(images: Sequence[Any], keypoints: Sequence[Any], titles: Sequence[str]) -> None:
    """Draw pictures (1, 96, 96) with the numbers of their keypoints (30,), in the scale from -1 to 1."""
    figure, axes = plt.subplots(1, len(images), figsize=(4.2 * len(images), 4.4), squeeze=False, layout="constrained")
    for axis, image, points, title in zip(axes[0], images, keypoints, titles, strict=True):
        size = _draw_face(axis, image)
        middle = size / 2
        _draw_numbers(axis, middle + middle * np.asarray(points, dtype=float).reshape(-1, 2), size)
        axis.set_title(title)
        axis.axis("off")
    show_figure(figure, "Faces with the numbers of their keypoints: " + ", ".join(titles))


@course_style()
def show_kernel_at(image: npt.ArrayLike, kernel: npt.ArrayLike, row: int, column: int) -> None:
    """Draw and print what a 3x3 kernel computes at one place of a picture (1, H, W): its window's upper left pixel."""
    picture, weights = np.asarray(image, dtype=float)[0], np.asarray(kernel, dtype=float)
    patch = picture[row : row + 3, column : column + 3]
    height, width = picture.shape[0] - 2, picture.shape[1] - 2
    answers = sum(weights[i, j] * picture[i : i + height, j : j + width] for i in range(3) for j in range(3))
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.3), layout="constrained")
    axes[0].imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes[0].set_title(f"the picture, {picture.shape[0]}×{picture.shape[1]}")
    axes[0].add_patch(Rectangle((column - 0.5, row - 0.5), 3, 3, fill=False, edgecolor=MARK, linewidth=2))
    _draw_grid(axes[1], [[f"{value:.2f}" for value in line] for line in patch], "its pixels in the window")
    _draw_grid(axes[2], [[f"{value:.0f}" for value in line] for line in weights], "the kernel")
    axes[3].imshow(np.abs(answers), cmap="gray")
    axes[3].set_title(f"all answers (size only), {height}×{width}")
    axes[3].add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=MARK, linewidth=2))
    axes[3].annotate(
        f"{answers[row, column]:.2f}", (column, row), xytext=(column, row - 14), color=MARK, ha="center", va="bottom",
        fontsize=11, fontweight="bold", arrowprops={"arrowstyle": "-", "color": MARK},
        bbox={"facecolor": "black", "edgecolor": MARK, "pad": 2},
    )  # fmt: skip
    for axis in (axes[0], axes[3]):
        axis.grid(False)
        axis.set(xlabel="column", ylabel="row")
    words = "A window of 3x3 pixels in a face, its nine numbers, the kernel, and all answers as a picture; this one is "
    show_figure(figure, f"{words}{answers[row, column]:.2f}")
    terms = [f"({w:.0f} · {p:.2f})" for w, p in zip(weights.ravel(), patch.ravel(), strict=True) if w]
    print(f"the answer at row {row}, column {column}: {' + '.join(terms)} = {answers[row, column]:.2f}")


@course_style()
def show_widths(width: int, kernel: int, padding: int, stride: int) -> None:
    """Draw one row of pixels, its padding, and each place where a kernel answers."""
    places = range(0, width + 2 * padding - kernel + 1, stride)
    figure, axis = plt.subplots(figsize=(8, 0.45 * len(places) + 1.5), layout="constrained")
    for cell in range(width + 2 * padding):
        padded = not padding <= cell < padding + width
        colour = "#e9ecef" if padded else "white"
        axis.add_patch(Rectangle((cell, 0), 1, 0.9, facecolor=colour, edgecolor="black", linewidth=1))
        axis.text(cell + 0.5, 0.45, "0" if padded else f"p{cell - padding + 1}", ha="center", va="center", fontsize=9)
    for number, place in enumerate(places):
        low = -0.75 * (number + 1)
        axis.add_patch(Rectangle((place, low), kernel, 0.55, facecolor=BLOCKS[number % 4], edgecolor="black"))
        axis.text(place + kernel / 2, low + 0.27, f"answer {number + 1}", ha="center", va="center", fontsize=9)
    axis.set_xlim(-0.2, width + 2 * padding + 0.2)
    axis.set_ylim(-0.75 * len(places) - 0.2, 1.1)
    before = f"width {width}, padding {padding} (grey), kernel size {kernel}, stride {stride}"
    axis.set_title(f"{before}: {len(places)} answers")
    axis.axis("off")
    show_figure(figure, f"A row of pixels and below it the places of the kernel: {before} give {len(places)} answers")


@course_style()
def show_max_pooling(values: npt.ArrayLike) -> None:
    """Draw how max pooling makes a picture (2n, 2m) half as high and half as wide."""
    numbers = np.asarray(values)
    height, width = numbers.shape
    blocks = numbers.reshape(height // 2, 2, width // 2, 2).max(axis=(1, 3))
    figure, (left, arrow, right) = plt.subplots(1, 3, figsize=(7, 2.9), width_ratios=(2, 0.7, 1), layout="constrained")
    order = np.arange(blocks.size).reshape(blocks.shape)
    for axis, grid, step, title in ((left, numbers, 2, "before"), (right, blocks, 1, "after")):
        for (i, j), value in np.ndenumerate(grid):
            block = order[i // step, j // step]
            axis.add_patch(Rectangle((j, i), 1, 1, facecolor=BLOCKS[block % 4], edgecolor="black"))
            largest = value == blocks[i // step, j // step]
            axis.text(j + 0.5, i + 0.5, f"{value:g}", ha="center", va="center", fontweight="bold" if largest else None)
        axis.set(xlim=(-0.05, grid.shape[1] + 0.05), ylim=(grid.shape[0] + 0.05, -0.05), aspect="equal")
        axis.set_title(f"{title}: {grid.shape[0]}×{grid.shape[1]}")
        axis.axis("off")
    arrow.add_patch(FancyArrowPatch((0, 0.5), (1, 0.5), arrowstyle="-|>", mutation_scale=18, color="black"))
    arrow.text(0.5, 0.58, "largest of\neach 2×2", ha="center", va="bottom", fontsize=9)
    arrow.axis("off")
    words = f"Max pooling makes {blocks.tolist()} of {numbers.tolist()}: the largest number of each 2x2 block"
    show_figure(figure, words)


@course_style()
def show_three_layers() -> None:
    """Draw what ReLU, batch normalisation and dropout do to numbers."""
    rng = np.random.default_rng(0)
    figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
    x = np.linspace(-3, 3, 61)
    axes[0].plot(x, np.maximum(x, 0), color=COLORS["train"])
    axes[0].set(title="ReLU", xlabel="number in", ylabel="number out")
    values = rng.normal(4, 2.5, 4000)
    scaled = (values - values.mean()) / values.std()
    for numbers, name, colour in ((values, "before", COLORS["train"]), (scaled, "after", COLORS["val"])):
        axes[1].hist(numbers, bins=np.arange(-6, 14, 0.5), histtype="step", linewidth=1.8, color=colour, label=name)
    axes[1].set(title="batch normalisation: one channel", xlabel="number", ylabel="how often")
    axes[1].legend()
    kept = rng.random(12) > 0.5
    before = np.linspace(0.6, 1.4, 12)
    place = np.arange(12)
    axes[2].bar(place - 0.2, before, 0.4, color=COLORS["train"], label="before")
    axes[2].bar(place + 0.2, np.where(kept, 2 * before, 0), 0.4, color=COLORS["val"], label="after")
    axes[2].set(title="dropout with p = 0.5, in training", xlabel="unit", ylabel="its number", ylim=(0, 3.6))
    axes[2].legend(ncols=2)
    words = (
        "ReLU: 0 up to 0, then the number itself. Batch normalisation: a broad histogram around 4 becomes one of "
        "standard deviation 1 around 0. Dropout: most of 12 bars become 0, the others twice as high."
    )
    show_figure(figure, words)


@course_style()
def show_sizes(shapes: Sequence[tuple[str, tuple[int, ...]]]) -> None:
    """Draw what comes out of each layer of a network: (name, shape of one sample), pictures or lists of numbers."""
    figure, axis = plt.subplots(figsize=(1.75 * len(shapes), 3.2), layout="constrained")
    for place, (name, shape) in enumerate(shapes):
        flat = len(shape) == 1
        # Not to scale: lists and channels differ by factors of thousands.
        side = min(2.6, 0.6 * np.log10(shape[0])) if flat else 0.3 + 2.4 * shape[-1] / IMAGE_SIZE
        wide = 0.16 if flat else 0.14 + 0.1 * np.log2(shape[0] + 1)
        corner, colour = (2 * place - wide / 2, -side / 2), BLOCKS[2 if flat else 0]
        axis.add_patch(Rectangle(corner, wide, side, facecolor=colour, edgecolor="black"))
        axis.text(2 * place, 1.55, name, ha="center", va="bottom", fontsize=9)
        axis.text(2 * place, -1.55, "×".join(map(str, shape)), ha="center", va="top", fontsize=9)
        if place:
            ends = (2 * place - 1.35, 0), (2 * place - 0.65, 0)
            axis.add_patch(FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=12, color="black"))
    axis.set(xlim=(-1, 2 * len(shapes) - 1), ylim=(-2, 2.1))
    axis.set_title("What comes out of each layer: channels × height × width, then lists of numbers")
    axis.axis("off")
    sizes = [f"{name} {'×'.join(map(str, shape))}" for name, shape in shapes]
    show_figure(figure, "Layers and what comes out of them: " + ", ".join(sizes))


@course_style()
def show_curves_to_diagnose() -> None:
    """Draw three runs that went wrong, A, B and C: their losses over 30 epochs."""
    figure, axes = plt.subplots(1, len(CURVES), figsize=(12, 3), layout="constrained")
    for axis, (name, (train, val)) in zip(axes, CURVES.items(), strict=True):
        for label, values in (("train", train), ("val", val)):
            axis.plot(range(1, len(values) + 1), values, color=COLORS[label], label=label)
        axis.axhline(MEAN_FACE_LOSS, color="black", linewidth=1, linestyle=":", label="mean face, val")
        axis.set(title=name, xlabel="epoch", ylabel="loss", yscale="log")
        if max(*train, *val) < 1:
            axis.set_ylim(5e-4, 0.5)
        axis.legend()
    words = (
        "Losses over 30 epochs. A: both fall from far above and jitter above the mean face. B: train falls to 0.001, "
        "val stays at 0.016. C: both stay at 0.12."
    )
    show_figure(figure, words)


@course_style()
def show_distances(distances: Sequence[float], names: Sequence[str] = KEYPOINT_NAMES) -> None:
    """Draw the mean distance between prediction and truth for each keypoint, in pixels, the smallest on top."""
    pairs = sorted(zip(distances, names, strict=True), reverse=True)
    figure, axis = plt.subplots(figsize=(7, 0.27 * len(pairs) + 0.9), layout="constrained")
    bars = axis.barh([name for _, name in pairs], [distance for distance, _ in pairs], color=COLORS["train"])
    axis.bar_label(bars, fmt="%.1f", padding=3, fontsize=9)
    axis.set_xlabel("mean distance, in pixels")
    axis.grid(visible=False, axis="y")
    axis.margins(x=0.1)
    words = "Mean distance in pixels: " + ", ".join(f"{name} {distance:.1f}" for distance, name in reversed(pairs))
    show_figure(figure, words)


def _draw_face(axis: Any, image: npt.ArrayLike) -> int:
    """The side of the picture, drawn so that its corners are 0 and that side."""
    picture = np.asarray(image)[0]
    size = len(picture)
    highest = 255 if picture.dtype == np.uint8 else 1
    axis.imshow(picture, cmap="gray", vmin=0, vmax=highest, extent=(0, size, size, 0))
    axis.grid(False)
    return size


def _draw_numbers(axis: Any, points: npt.NDArray[Any], size: int) -> None:
    axis.scatter(points[:, 0], points[:, 1], s=14, color=COLORS["truth"], edgecolors="white", linewidths=0.6, zorder=3)
    for number, (x, y) in enumerate(points):
        text = axis.text(x, y - size / 60, str(number), color="white", fontsize=8, ha="center", va="bottom", zorder=4)
        text.set_bbox({"facecolor": "black", "alpha": 0.55, "edgecolor": "none", "pad": 0.6})


def _draw_grid(axis: Any, texts: Sequence[Sequence[str]], title: str) -> None:
    for i, line in enumerate(texts):
        for j, text in enumerate(line):
            axis.add_patch(Rectangle((j, i), 1, 1, facecolor="white", edgecolor="black"))
            axis.text(j + 0.5, i + 0.5, text.replace("-", "\u2212"), ha="center", va="center")
    axis.set(xlim=(-0.05, len(texts[0]) + 0.05), ylim=(len(texts) + 0.05, -0.05), aspect="equal", title=title)
    axis.axis("off")
