"""The pictures of exercise 3's notebooks. Given: nothing to fill in here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch, Rectangle

from exercise_code.common.plotting import course_style, show_figure

# Lines differ in dashes too, for those who do not tell red from green.
CHANNELS = (("red", "tab:red", "-"), ("green", "tab:green", "--"), ("blue", "tab:blue", ":"))
PALE = ("#ffd9d6", "#d6f0d6", "#d6e4f7")
MARK, QUIET = "tab:orange", "0.55"


@course_style()
def show_pixels(image: np.ndarray, row: int, column: int, title: str, size: int = 4) -> None:
    """Draw an image (H, W, 3) with its axes, and beside it a window of `size` × `size` pixels with their numbers."""
    figure, (whole, part) = plt.subplots(1, 2, figsize=(8.6, 4.2))
    for axis in (whole, part):
        axis.grid(False)
        axis.imshow(image)
        axis.set_xlabel("column (axis 1)")
        axis.set_ylabel("row (axis 0)")
    whole.set_title(title)
    frame = {"fill": False, "edgecolor": MARK, "linewidth": 2}
    whole.add_patch(Rectangle((column - 0.5, row - 0.5), size, size, **frame))
    whole.annotate("this part", (column + size, row), (column + size + 1.5, row - 4), color="white",
                   arrowprops={"arrowstyle": "->", "color": "white"})  # fmt: skip
    part.set(xlim=(column - 0.5, column + size - 0.5), ylim=(row + size - 0.5, row - 0.5))
    part.set(xticks=range(column, column + size), yticks=range(row, row + size))
    for y in range(row, row + size):
        for x in range(column, column + size):
            red, green, blue = (int(value) for value in image[y, x])
            color = "black" if image[y, x].mean() > 110 else "white"
            part.text(x, y, f"{red}\n{green}\n{blue}", ha="center", va="center", fontsize=8, color=color)
    part.set_title("each pixel: red, green, blue (axis 2)")
    figure.tight_layout()
    words = f"Left: {title}, {image.shape[0]} rows by {image.shape[1]} columns, one part framed. Right: that part, "
    show_figure(figure, words + "enlarged, with the three numbers of each pixel written into it.")


@course_style()
def show_steps(steps: Sequence[tuple[str, str]], title: str) -> None:
    """Draw boxes from left to right with arrows between them: a name in each box, and below it what leaves it."""
    figure, axis = plt.subplots(figsize=(2.1 * len(steps), 1.4))
    for place, (name, leaves) in enumerate(steps):
        box = {"boxstyle": "round,pad=0.5", "facecolor": "#e7f0fb", "edgecolor": "tab:blue"}
        axis.text(place, 0, name, ha="center", va="center", bbox=box)
        axis.text(place, -0.42, leaves, ha="center", va="top", fontsize=9, color="0.25")
        if place:
            arrow = {"arrowstyle": "->", "color": QUIET, "linewidth": 1.8}
            axis.annotate("", (place - 0.36, 0), (place - 0.64, 0), arrowprops=arrow)
    axis.set(xlim=(-0.6, len(steps) - 0.4), ylim=(-0.85, 0.4), title=title)
    axis.axis("off")
    figure.tight_layout()
    chain = ", then ".join(f"{name} ({leaves})" for name, leaves in steps)
    show_figure(figure, f"{title}: {chain}".replace("\n", " "))


@course_style()
def show_descent(values: np.ndarray, num_steps: int = 30) -> None:
    """Draw how gradient descent fits y = w * x + b, for `values` as they are and for normalised ones.

    The targets are the normalised values themselves plus noise, so both problems have equally good solutions.
    Both start equally far from the best bias, with the same share of the largest step size that is safe for them.
    """
    normalized = (values - values.mean()) / values.std()
    targets = normalized + np.random.default_rng(0).normal(0, 0.3, len(values))
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4))
    words = []
    for axis, x, name in zip(axes, (values, normalized), ("raw values", "normalised values"), strict=True):
        inputs = np.stack([x, np.ones_like(x)], axis=1)
        curvature = 2 * inputs.T @ inputs / len(x)
        flattest, steepest = np.linalg.eigvalsh(curvature)
        step = 0.4 / steepest
        best = np.linalg.lstsq(inputs, targets, rcond=None)[0]
        path = [best + np.array([1.2 * best[0], 3.0])]
        for _ in range(num_steps):
            path.append(path[-1] - step * 2 * inputs.T @ (inputs @ path[-1] - targets) / len(x))
        track = np.stack(path)
        round_bowl = steepest < 1.1 * flattest
        _draw_track(axis, inputs, targets, track, best, equal=round_bowl)
        loss = _loss(inputs, targets, track[-1])
        shape = "a round bowl, to scale" if round_bowl else (
            f"a valley {np.sqrt(steepest / flattest):,.0f} times as long as wide (not to scale)"
        )  # fmt: skip
        axis.set_title(f"{name}: loss {loss:.2f} after {num_steps} steps\n{shape}")
        words.append(f"{name}: {shape}, loss {loss:.2f} after {num_steps} steps")
    figure.tight_layout()
    show_figure(figure, "The loss over weight and bias with the path of gradient descent. " + "; ".join(words))


def _loss(inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    return float(((inputs @ weights - targets) ** 2).mean())


def _draw_track(
    axis: Any, inputs: np.ndarray, targets: np.ndarray, track: np.ndarray, best: np.ndarray, equal: bool
) -> None:
    points = np.concatenate([track, best[None]])
    middle = (points.min(0) + points.max(0)) / 2
    reach = 0.9 * np.maximum(np.ptp(points, axis=0), np.abs(best).max() * 0.2)
    if equal:
        reach[:] = reach.max()
        axis.set_aspect("equal")
    w = np.linspace(middle[0] - reach[0], middle[0] + reach[0], 80)
    b = np.linspace(middle[1] - reach[1], middle[1] + reach[1], 80)
    losses = np.array([[_loss(inputs, targets, np.array([u, v])) for u in w] for v in b])
    axis.grid(False)
    axis.contourf(w, b, np.log(losses), levels=25, cmap="Blues_r")
    (descent,) = axis.plot(track[:, 0], track[:, 1], "o-", color=MARK, markersize=4, label="descent")
    (star,) = axis.plot(*best, "k*", markersize=12, label="best weights")
    axis.set_xlabel("weight w")
    axis.set_ylabel("bias b")
    axis.legend(handles=[descent, star, Patch(color="#08306b", label="small loss")], loc="best")


@course_style()
def show_rescaling(values: Sequence[float], in_range: tuple[float, float], out_range: tuple[float, float]) -> None:
    """Draw where each of `values` goes when `in_range` is mapped linearly to `out_range`."""
    figure, axis = plt.subplots(figsize=(7, 2.3))
    pairs = []
    for value in values:
        place = (value - in_range[0]) / (in_range[1] - in_range[0])
        result = place * (out_range[1] - out_range[0]) + out_range[0]
        pairs.append(f"{value:g} to {result:g}")
        axis.plot([place, place], [1, 0], "o--", color=MARK, linewidth=1.2, markersize=5)
        axis.text(place, 1.15, f"{value:g}", ha="center")
        axis.text(place, -0.15, f"{result:g}", ha="center", va="top")
    for height, name in ((1, f"x in {in_range}"), (0, f"y in {out_range}")):
        axis.plot([0, 1], [height, height], color="black")
        axis.text(-0.04, height, name, ha="right", va="center")
    axis.set(xlim=(-0.35, 1.06), ylim=(-0.6, 1.6), title="the shares of the range stay, the numbers change")
    axis.axis("off")
    figure.tight_layout()
    show_figure(figure, f"Two number lines, {in_range} above and {out_range} below: " + ", ".join(pairs))


@course_style()
def show_statistics(images: np.ndarray) -> None:
    """Draw small images (N, H, W, 3) as numbers, a row for each channel, with that channel's mean and std."""
    count, height, width, _ = images.shape
    figure, axis = plt.subplots(figsize=(1.6 * count + 4.2, 4.2))
    facts = []
    for channel, (name, _, _) in enumerate(CHANNELS):
        top = channel * (height + 0.6)
        plane = images[..., channel]
        axis.text(-0.3, top + height / 2, name, ha="right", va="center")
        for number in range(count):
            _draw_cells(axis, plane[number], number * (width + 0.6), top, PALE[channel])
        end = count * (width + 0.6)
        statistics = f"mean {plane.mean():g},  std {plane.std():g}"
        axis.annotate(statistics, (end + 0.9, top + height / 2), (end + 0.9, top + height / 2), va="center")
        axis.annotate("", (end + 0.7, top + height / 2), (end - 0.4, top + height / 2),
                      arrowprops={"arrowstyle": "->", "color": QUIET})  # fmt: skip
        facts.append(f"{name}: {statistics}")
    for number in range(count):
        axis.text(number * (width + 0.6) + width / 2, -0.3, f"image {number}", ha="center")
    axis.text(end + 0.9, -0.3, "over all images, rows, columns")
    axis.set(xlim=(-1.4, end + 4.6), ylim=(3 * (height + 0.6), -0.8), aspect="equal")
    axis.axis("off")
    figure.tight_layout()
    shape = f"{count} images of {height} by {width} pixels"
    show_figure(figure, f"{shape}, each channel reduced to two numbers. " + "; ".join(facts))


@course_style()
def show_broadcasting(pixels: np.ndarray, vector: np.ndarray) -> None:
    """Draw what numpy subtracts where pixels (1, W, C) meet a vector (C,): the vector is used for each pixel."""
    rows = pixels[0]
    count, channels = rows.shape
    figure, axis = plt.subplots(figsize=(8.4, 0.55 * count + 1.1))
    repeated = np.tile(vector, (count, 1))
    blocks = ((rows, f"pixels {pixels.shape}", ""), (repeated, f"vector {vector.shape}", "−"))
    for place, (values, name, sign) in enumerate((*blocks, (rows - vector, f"result {pixels.shape}", "="))):
        left = place * (channels + 1)
        _draw_cells(axis, values, left, 0, PALE, quiet_after=1 if place == 1 else count)
        axis.text(left + channels / 2, -0.25, name, ha="center")
        axis.text(left - 0.5, count / 2, sign, ha="center", va="center", fontsize=14)
    axis.text(channels + 1 + channels / 2, count + 0.45, "grey: numpy repeats it", ha="center", color=QUIET)
    axis.set(xlim=(-0.3, 3 * channels + 2.3), ylim=(count + 0.7, -0.8), aspect="equal")
    axis.axis("off")
    figure.tight_layout()
    words = f"{count} pixels minus a vector, which numpy repeats for each pixel"
    show_figure(figure, f"{words}: {(rows - vector).tolist()}")


def _draw_cells(
    axis: Any, values: np.ndarray, left: float, top: float, color: str | Sequence[str], quiet_after: int = 10**6
) -> None:
    """Draw a table of numbers with its corner at (left, top); rows from `quiet_after` on are grey."""
    for (row, column), value in np.ndenumerate(values):
        quiet = row >= quiet_after
        face = "0.95" if quiet else color if isinstance(color, str) else color[column]
        axis.add_patch(Rectangle((left + column, top + row), 1, 1, facecolor=face, edgecolor="white", linewidth=2))
        axis.text(left + column + 0.5, top + row + 0.5, f"{value:g}", ha="center", va="center",
                  color=QUIET if quiet else "black")  # fmt: skip


@course_style()
def show_histograms(groups: dict[str, np.ndarray]) -> None:
    """Draw a histogram for each array (..., 3) of `groups`, one line for each channel."""
    figure, axes = plt.subplots(1, len(groups), figsize=(4 * len(groups), 2.8), squeeze=False)
    words = []
    for axis, (title, values) in zip(axes.flat, groups.items(), strict=True):
        for channel, (name, color, dashes) in enumerate(CHANNELS):
            numbers = values[..., channel].ravel()
            axis.hist(numbers, bins=40, histtype="step", color=color, linestyle=dashes, density=True, label=name)
        axis.set_title(title)
        axis.set_xlabel("value")
        axis.set_yticks([])
        words.append(f"{title}: from {values.min():.2f} to {values.max():.2f}, mean {values.mean():.2f}")
    axes[0, 0].set_ylabel("share of the pixels")
    axes[0, 0].legend()
    figure.tight_layout()
    show_figure(figure, "Histograms of the red, green and blue values. " + "; ".join(words))


@course_style()
def show_stacking(images: np.ndarray, labels: np.ndarray) -> None:
    """Draw how samples become a batch: images (N, H, W, 3) side by side, then as one stack with their labels."""
    count, height, width, depth = images.shape
    figure, axis = plt.subplots(figsize=(9, 2.6))
    axis.grid(False)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        left = 1.15 * number
        axis.imshow(image, extent=(left, left + 1, 0, 1), zorder=1)
        axis.text(left + 0.5, -0.12, f"image {image.shape}\nlabel {label}", ha="center", va="top", fontsize=8)
        axis.text(left + 0.5, 1.06, f"sample {number}", ha="center")
    start = 1.15 * count
    axis.annotate("", (start + 0.8, 0.5), (start, 0.5), arrowprops={"arrowstyle": "->", "color": QUIET, "lw": 2})
    axis.text(start + 0.4, 0.58, "stack", ha="center")
    for number in reversed(range(count)):
        left, low = start + 1.1 + 0.22 * number, 0.16 * number
        axis.imshow(images[number], extent=(left, left + 1, low, low + 1), zorder=count - number + 1)
        axis.add_patch(Rectangle((left, low), 1, 1, fill=False, edgecolor="white", linewidth=1.5,
                                 zorder=count - number + 1))  # fmt: skip
    edge, deep = start + 2.2, count - 1
    axis.annotate("", (edge + 0.22 * deep, 0.16 * deep), (edge, 0), arrowprops={"arrowstyle": "->", "color": MARK})
    axis.text(edge + 0.2 + 0.11 * deep, 0.02, "axis 0:\nwhich sample", fontsize=8)
    right = edge + 0.22 * deep + 0.9
    text = f"images {count, height, width, depth}\nlabels ({count},): {labels.tolist()}"
    axis.text(start + 1.6, -0.12, text, ha="center", va="top", fontsize=8)
    axis.set(xlim=(-0.1, right), ylim=(-0.55, 1.5), aspect="equal")
    axis.axis("off")
    figure.tight_layout()
    words = f"{count} samples, each with an image {height, width, depth} and a label, are stacked to one array"
    show_figure(figure, f"{words} {count, height, width, depth} and one array of {count} labels.")


@course_style()
def show_cuts(count: int, batch_size: int) -> None:
    """Draw how `count` samples are cut into batches, with the last small batch kept and dropped."""
    figure, axis = plt.subplots(figsize=(0.75 * count + 2.6, 2.6))
    full = count // batch_size
    for row, name in enumerate(("drop_last=False", "drop_last=True")):
        for index in range(count):
            batch = index // batch_size
            left, top = index + 0.5 * batch, 1.9 * row
            dropped = row == 1 and batch >= full
            face = "white" if dropped else f"C{batch % 10}"
            edge = QUIET if dropped else "white"
            axis.add_patch(Rectangle((left, top), 0.94, 0.94, facecolor=face, edgecolor=edge, alpha=0.8,
                                     linestyle="--" if dropped else "-"))  # fmt: skip
            axis.text(left + 0.47, top + 0.47, index, ha="center", va="center", color=QUIET if dropped else "white")
            if index % batch_size == 0:
                axis.text(left, top - 0.12, "left out" if dropped else f"batch {batch}", fontsize=9)
        axis.text(-0.3, 1.9 * row + 0.47, name, ha="right", va="center")
    axis.set(xlim=(-3.1, count + 0.5 * full + 0.6), ylim=(3, -0.6), aspect="equal")
    axis.axis("off")
    figure.tight_layout()
    rest = count % batch_size
    words = f"{count} samples in a row, cut into {full} batches of {batch_size}; the rest, {rest}, is a smaller batch"
    show_figure(figure, f"{words} with drop_last=False, and is left out with drop_last=True.")


@course_style()
def show_turns(num_values: int = 2) -> None:
    """Draw who runs when: a loop and the generator that it takes its values from take turns."""
    figure, axis = plt.subplots(figsize=(8, 2.2))
    arrow = {"arrowstyle": "->", "linewidth": 1.5}
    for number in range(num_values):
        start = 2.4 * number
        axis.barh(0, 1, left=start, height=0.5, color="tab:blue", alpha=0.8)
        axis.text(start + 0.5, 0, f"boils cup {number}", ha="center", va="center", color="white", fontsize=9)
        axis.annotate("", (start, 0.25), (start, 0.75), arrowprops=arrow)
        axis.text(start + 0.05, 0.5, "next", va="center", fontsize=9)
        axis.annotate("", (start + 1, 0.75), (start + 1, 0.25), arrowprops=arrow)
        axis.text(start + 1.05, 0.5, f"yield cup {number}", va="center", fontsize=9)
        axis.barh(1, 1.4, left=start + 1, height=0.5, color=MARK, alpha=0.8)
        axis.text(start + 1.7, 1, f"drinks cup {number}", ha="center", va="center", fontsize=9)
    axis.grid(False)
    axis.set_yticks([0, 1], ["make_tea (generator)", "your code"])
    axis.set(xticks=[], xlabel="time →", ylim=(-0.4, 1.4), xlim=(-0.1, 2.4 * num_values + 0.1))
    figure.tight_layout()
    show_figure(figure, "Your code and the generator take turns: next wakes the generator, which runs up to yield, "
                        "hands a cup over and sleeps while your code goes on.")  # fmt: skip


@course_style()
def show_classes_of_batches(batches: Sequence[Sequence[int]], classes: Sequence[str], title: str) -> None:
    """Draw how many samples of each class are in each of the batches (lists of labels)."""
    counts = np.array([np.bincount(labels, minlength=len(classes)) for labels in batches])
    bottom = np.zeros(len(batches))
    figure, axis = plt.subplots(figsize=(9, 2.8))
    for label, name in enumerate(classes):
        axis.bar(range(len(batches)), counts[:, label], bottom=bottom, label=name, color=f"C{label % 10}")
        bottom += counts[:, label]
    axis.set_title(title)
    axis.set_xlabel("batch")
    axis.set_ylabel("samples")
    axis.legend(ncols=1, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
    figure.tight_layout()
    mixed = (counts > 0).sum(axis=1)
    words = f"Stacked bars: the classes in each of {len(batches)} batches, {title}."
    show_figure(figure, f"{words} A batch holds {mixed.min()} to {mixed.max()} of the {len(classes)} classes.")


@course_style()
def show_orders(epochs: Sequence[Sequence[int]], batch_size: int) -> None:
    """Draw the order of the samples, one row for each epoch; a sample has the same colour in all rows."""
    figure, axis = plt.subplots(figsize=(9, 0.55 * len(epochs) + 0.9))
    orders = np.array(epochs)
    axis.grid(False)
    axis.imshow(orders, aspect="auto", cmap="viridis")
    for (row, column), index in np.ndenumerate(orders):
        axis.text(column, row, int(index), ha="center", va="center", fontsize=8,
                  color="white" if index < 0.6 * orders.max() else "black")  # fmt: skip
    for edge in range(batch_size, orders.shape[1], batch_size):
        axis.axvline(edge - 0.5, color="white", linewidth=4)
    axis.set_yticks(range(len(epochs)), [f"epoch {i + 1}" for i in range(len(epochs))])
    axis.set(xticks=[], xlabel="place in the epoch →")
    axis.set_title(f"batches of {batch_size}: the number is the sample's index")
    figure.tight_layout()
    rows = "; ".join(f"epoch {i + 1}: {' '.join(map(str, order))}" for i, order in enumerate(orders.tolist()))
    show_figure(figure, f"The order of the samples in each epoch. {rows}")


@course_style()
def show_cost_of_batches(batch_sizes: Sequence[int], microseconds: Sequence[float]) -> None:
    """Draw the time for one sample against the batch size."""
    figure, axis = plt.subplots(figsize=(6, 2.8))
    axis.semilogx(batch_sizes, microseconds, "o-")
    axis.minorticks_off()
    axis.set_ylim(bottom=0)
    axis.set_xticks(batch_sizes, [str(size) for size in batch_sizes])
    axis.set_xlabel("samples in a batch")
    axis.set_ylabel("µs for one sample")
    axis.set_title("the first layer of a network, measured on this computer")
    figure.tight_layout()
    times = ", ".join(f"{time:.0f} µs at {size}" for size, time in zip(batch_sizes, microseconds, strict=True))
    show_figure(figure, f"The time for one sample against the batch size: {times}")


@course_style()
def show_spread_of_means(values: np.ndarray, batch_sizes: Sequence[int], num_batches: int = 200) -> None:
    """Draw the means of many random batches of `values` for each batch size, and their standard deviation."""
    rng = np.random.default_rng(0)
    figure, axis = plt.subplots(figsize=(6.6, 3.2))
    spreads = []
    for place, size in enumerate(batch_sizes):
        means = rng.choice(values, (num_batches, size)).mean(axis=1)
        spreads.append(means.std())
        label = "one batch" if place == 0 else None
        axis.plot(place + rng.uniform(-0.2, 0.2, num_batches), means, ".", alpha=0.4, color="tab:blue", label=label)
        axis.text(place, values.max() * 1.02, f"std {spreads[-1]:.1f}", ha="center", fontsize=9)
    axis.axhline(values.mean(), color="black", linewidth=1, label="mean of all images")
    axis.set_xticks(range(len(batch_sizes)), [str(size) for size in batch_sizes])
    axis.set(ylim=(None, values.max() * 1.12), xlabel="images in a batch", ylabel="mean brightness")
    axis.legend(loc="lower right")
    figure.tight_layout()
    stds = ", ".join(f"{spread:.1f} at {size}" for size, spread in zip(batch_sizes, spreads, strict=True))
    show_figure(figure, f"Mean brightness of {num_batches} batches of each size; the standard deviation is {stds}")


@course_style()
def show_channels_first(image: np.ndarray) -> None:
    """Draw an image (H, W, 3), and beside it its three channels, the planes of an array (3, H, W)."""
    figure, axes = plt.subplots(1, 4, figsize=(10, 2.9))
    axes[0].imshow(image)
    axes[0].set_title(f"array {image.shape}")
    for channel, (axis, (name, _, _)) in enumerate(zip(axes[1:], CHANNELS, strict=True)):
        plane = np.zeros_like(image)
        plane[..., channel] = image[..., channel]
        axis.imshow(plane)
        axis.set_title(f"tensor[{channel}]: {name}, {image.shape[:2]}")
    for axis in axes:
        axis.grid(False)
        axis.set(xticks=[0, 15, 31], yticks=[0, 15, 31], xlabel="column")
    axes[0].set_ylabel("row")
    figure.tight_layout()
    show_figure(figure, "A colour image, and its red, green and blue channel as three pictures of their own.")


@course_style()
def show_windows(size: tuple[int, int], window: tuple[int, int]) -> None:
    """Draw an image of `size` (rows, columns) as squares: where a window's top left corner may be, and two windows."""
    (height, width), (h, w) = size, window
    figure, axis = plt.subplots(figsize=(5.4, 0.5 * height + 0.7))
    for row in range(height):
        for column in range(width):
            corner = row <= height - h and column <= width - w
            face = "#ffd8a8" if corner else "0.93"
            axis.add_patch(Rectangle((column, row), 1, 1, facecolor=face, edgecolor="white", linewidth=2))
    for (row, column), color, dashes in (((0, 0), "tab:blue", "-"), ((height - h, width - w), "tab:purple", "--")):
        axis.add_patch(Rectangle((column, row), w, h, fill=False, edgecolor=color, linewidth=2.5, linestyle=dashes,
                                 label=f"window at row {row}, column {column}"))  # fmt: skip
    corners = (height - h + 1) * (width - w + 1)
    handles = [*axis.get_legend_handles_labels()[0], Patch(color="#ffd8a8", label=f"{corners} top left corners")]
    axis.legend(handles=handles, loc="center left", bbox_to_anchor=(1.02, 0.5))
    axis.grid(False)
    axis.set_xticks(np.arange(width) + 0.5, range(width))
    axis.set_yticks(np.arange(height) + 0.5, range(height))
    axis.set(xlim=(-0.1, width + 0.1), ylim=(height + 0.1, -0.1), aspect="equal", xlabel="column", ylabel="row")
    figure.tight_layout()
    words = f"An image of {height} by {width} pixels; a window of {h} by {w} fits at {corners} places"
    show_figure(figure, f"{words}, its top left corner in rows 0 to {height - h}, columns 0 to {width - w}.")


@course_style()
def show_interpolation() -> None:
    """Draw how two pixels become four by linear interpolation."""
    figure, axis = plt.subplots(figsize=(6.4, 2.8))
    old, new = np.array([0.5, 1.5]), np.array([0.25, 0.75, 1.25, 1.75])
    values = np.interp(new, old, [0, 100])
    axis.plot([0, *old, 2], [0, 0, 100, 100], color=QUIET, linewidth=1.2, label="straight line between them")
    axis.plot(old, [0, 100], "s", color="tab:blue", markersize=11, label="2 old pixels: 0, 100")
    axis.plot(new, values, "o", color=MARK, label="4 new pixels: 0, 25, 75, 100")
    for x, value in zip(new, values, strict=True):
        axis.annotate(f"{value:g}", (x, value), (0, 7), textcoords="offset points", ha="center")
    axis.set(xlabel="place, in old pixels", ylabel="value", ylim=(-12, 128), xlim=(0, 2))
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.tight_layout()
    show_figure(figure, "Two pixels, 0 and 100, become four on the line between them: 0, 25, 75, 100.")


@course_style()
def show_waiting(make_ms: float, use_ms: float, workers: Sequence[int], num_batches: int = 4) -> None:
    """Draw when batches are made and used, for each number of workers: a network that is never late, or waits."""
    figure, axes = plt.subplots(len(workers), 1, figsize=(8.6, 0.55 * sum(workers) + 0.95 * len(workers)), sharex=True,
                                height_ratios=[count + 1 for count in workers], squeeze=False)  # fmt: skip
    words = []
    for axis, count in zip(axes.flat, workers, strict=True):
        free, waited = 0.0, 0.0
        for batch in range(num_batches):
            start = make_ms * (batch // count)
            row = 1 + batch % count
            axis.barh(row, make_ms, left=start, height=0.7, color="tab:blue", edgecolor="white")
            axis.text(start + make_ms / 2, row, f"makes {batch}", ha="center", va="center", color="white", fontsize=8)
            begin = max(free, start + make_ms)
            waited += begin - free if batch else 0
            free = begin + use_ms
            axis.barh(0, use_ms, left=begin, height=0.7, color=MARK, edgecolor="white")
            axis.text(begin + use_ms / 2, 0, batch, ha="center", va="center", fontsize=8)
        axis.grid(False)
        axis.set_yticks(range(count + 1), ["network", *(f"worker {i}" for i in range(count))])
        axis.set_title(f"num_workers={count}: the network waits {waited:g} ms between the batches", loc="left")
        words.append(f"with {count} it waits {waited:g} ms")
    axes[-1, 0].set_xlabel("ms")
    figure.tight_layout()
    text = f"Workers make a batch in {make_ms:g} ms, the network uses it in {use_ms:g} ms"
    show_figure(figure, f"{text}; between {num_batches} batches, " + ", ".join(words) + ".")
