"""One plotting style for all notebooks."""

import base64
import html
import io
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

from .errors import CourseError

__all__ = ["COLORS", "LiveCurve", "course_style", "plot_curves", "show_figure", "show_images", "show_keypoints"]

# Told apart by people who see no difference between red and green, and on grey pictures.
COLORS = {"truth": "#2f9e44", "prediction": "#f76707", "train": "#1c7ed6", "val": "#f76707", "score": "#862e9c"}

# Typed loosely: matplotlib's stubs want its own list of keys.
_STYLE: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.dpi": 96,
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}
_TILE_INCHES = 1.7


@contextmanager
def course_style() -> Iterator[None]:
    """A block in which figures have the course's style."""
    with plt.rc_context(_STYLE):
        yield


def show_figure(figure: Any, alt: str) -> None:
    """Nothing; shows a figure, and in a notebook gives its picture the text `alt`, which screen readers read out.

    JupyterLab and nbconvert show a PNG output without any such text, so the picture goes into an HTML output.
    """
    if not in_notebook() or "inline" not in mpl.get_backend():
        plt.show()
        return
    from IPython.display import display

    png = io.BytesIO()
    figure.savefig(png, format="png", bbox_inches="tight")
    plt.close(figure)
    source = "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
    picture = f'<img src="{source}" alt="{html.escape(alt)}">'
    display({"text/html": picture, "text/plain": f"<picture: {alt}>"}, raw=True)  # type: ignore[no-untyped-call]


def show_images(
    images: npt.ArrayLike,
    titles: Sequence[str] | None = None,
    columns: int = 6,
    size: float = _TILE_INCHES,
    alt: str | None = None,
) -> None:
    """Nothing; draws images (N, 1, H, W), (N, 3, H, W) or (N, H, W) in a grid, black at 0 and white at 1 (or 255).

    `alt` says in words what is to be seen; without it the titles do.
    """
    pictures = _as_images(images)
    axes = _draw_grid(pictures, titles, columns, size)
    show_figure(axes[0].figure, alt or _words_for(pictures, titles))


def show_keypoints(
    images: npt.ArrayLike,
    truth: npt.ArrayLike | None = None,
    predictions: npt.ArrayLike | None = None,
    titles: Sequence[str] | None = None,
    columns: int = 6,
    size: float = _TILE_INCHES,
    in_pixels: bool = False,
    alt: str | None = None,
) -> None:
    """Nothing; draws images with their keypoints: true ones as green circles, predicted ones as orange crosses.

    Keypoints have the shape (N, 30) or (N, 15, 2), x before y, in the scale where the picture reaches from -1 to 1,
    or in pixels.
    """
    pictures = _as_images(images)
    axes = _draw_grid(pictures, titles, columns, size)
    marks = (("truth", truth, "o", 16), ("prediction", predictions, "x", 14))
    drawn = []
    for name, points, marker, area in marks:
        if points is None:
            continue
        pixels = _as_pairs(name, points, len(pictures))
        if not in_pixels:
            half = np.array(pictures.shape[2:0:-1]) / 2
            pixels = pixels * half + half
        face = {"facecolors": "none"} if marker == "o" else {}
        color = {"edgecolors" if marker == "o" else "color": COLORS[name]}
        for ax, xy in zip(axes, pixels, strict=True):
            handle = ax.scatter(xy[:, 0], xy[:, 1], s=area, marker=marker, linewidths=1.3, **face, **color)
        drawn.append((handle, name))
    if drawn:
        handles, names = zip(*drawn, strict=True)
        axes[0].figure.legend(handles, names, loc="outside upper right", ncols=len(names), frameon=False)
    marked = " and ".join(name for name, points, _, _ in marks if points is not None)
    words = _words_for(pictures, titles) + (f"; keypoints drawn: {marked}" if marked else "")
    show_figure(axes[0].figure, alt or words)


def plot_curves(history: Any) -> None:
    """Nothing; draws the losses and scores of a `History`, one point an epoch."""
    with course_style():
        figure = _curves_figure(history)
    last = [f"{name} {values[-1]:.4g}" for name, values in _losses(history) if values]
    epochs = len(history.train_loss)
    show_figure(figure, f"Curves of the losses over {epochs} epochs; at the end: {', '.join(last) or 'nothing yet'}")


class LiveCurve:
    """A curve in the notebook that is redrawn in place while a model trains; outside notebooks it does nothing.

    Drawing takes a twentieth of the training time at most.
    """

    def __init__(self) -> None:
        self._handle: Any = None
        self._next = 0.0
        self._on = in_notebook()

    def update(self, history: Any, final: bool = False) -> None:
        """Redraw, unless the last drawing was too short ago."""
        if not self._on or (time.perf_counter() < self._next and not final):
            return
        from IPython.display import display

        start = time.perf_counter()
        with course_style():
            figure = _curves_figure(history)
        if self._handle is None:
            self._handle = display(figure, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(figure)
        plt.close(figure)
        spent = time.perf_counter() - start
        self._next = time.perf_counter() + max(1.0, 20 * spent)


def in_notebook() -> bool:
    """True in a Jupyter kernel, where displayed figures can be replaced."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and hasattr(shell, "kernel")


def _curves_figure(history: Any) -> Any:
    with_score = bool(history.val_score)
    figure, axes = plt.subplots(1, 1 + with_score, figsize=(4.2 * (1 + with_score), 2.8), squeeze=False)
    epochs = np.arange(1, len(history.train_loss) + 1)
    loss_axis = axes[0, 0]
    for name, values in _losses(history):
        if values:
            style = "o-" if len(values) < 3 else "-"
            loss_axis.plot(epochs[: len(values)], values, style, color=COLORS[name], label=name)
    loss_axis.set(xlabel="epoch", ylabel="loss", yscale="log" if _positive(history) else "linear")
    if epochs.size:
        loss_axis.legend()
    for axis in axes[0]:
        axis.xaxis.get_major_locator().set_params(integer=True)
    if with_score:
        score_axis, scores = axes[0, 1], history.val_score
        score_axis.plot(epochs[: len(scores)], scores, "o-" if len(scores) < 3 else "-", color=COLORS["score"])
        best = history.best_epoch
        if 1 <= best <= len(scores):
            score_axis.plot(best, scores[best - 1], "o", color=COLORS["score"])
            score_axis.annotate(f"best {scores[best - 1]:.4g}", (best, scores[best - 1]), ha="right", va="bottom")
        score_axis.margins(y=0.15)
        score_axis.set(xlabel="epoch", ylabel="val score")
    figure.tight_layout()
    return figure


def _losses(history: Any) -> tuple[tuple[str, Sequence[float]], ...]:
    return ("train", history.train_loss), ("val", history.val_loss)


def _positive(history: Any) -> bool:
    return all(value > 0 for value in (*history.train_loss, *history.val_loss))


def _draw_grid(pictures: npt.NDArray[Any], titles: Sequence[str] | None, columns: int, size: float) -> list[Any]:
    if titles is not None and len(titles) != len(pictures):
        raise CourseError(f"expected a title for each of {len(pictures)} images, got {len(titles)}")
    columns = max(1, min(columns, len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    with course_style():
        _, grid = plt.subplots(
            rows, columns, figsize=(columns * size, rows * size + 0.3), squeeze=False, layout="constrained"
        )
    for number, ax in enumerate(grid.flat):
        ax.axis("off")
        if number < len(pictures):
            ax.imshow(pictures[number], cmap="gray", vmin=0, vmax=1)
            if titles is not None:
                ax.set_title(titles[number], fontsize=9)
    return list(grid.flat)[: len(pictures)]


def _words_for(pictures: npt.NDArray[Any], titles: Sequence[str] | None) -> str:
    count = f"{len(pictures)} image" + "s" * (len(pictures) > 1)
    return count if titles is None else f"{count}: {', '.join(title.replace(chr(10), ' ') for title in titles)}"


def _as_images(images: npt.ArrayLike) -> npt.NDArray[Any]:
    """Images (N, H, W) or (N, H, W, 3) with values from 0 to 1."""
    array = np.asarray(images)
    if array.ndim == 4 and array.shape[1] in (1, 3):
        array = np.moveaxis(array, 1, -1)
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in (3, 4) or not len(array):
        raise CourseError(f"expected images of shape (N, 1, H, W), (N, 3, H, W) or (N, H, W), got {array.shape}")
    return array / 255.0 if array.dtype == np.uint8 else array.clip(0, 1)


def _as_pairs(name: str, points: npt.ArrayLike, n: int) -> npt.NDArray[Any]:
    array = np.asarray(points, dtype=np.float64)
    if array.ndim < 2 or len(array) != n or array.size % (2 * n):
        raise CourseError(f"expected {name} of shape ({n}, 30) for {n} images, got {array.shape}")
    return array.reshape(n, -1, 2)
