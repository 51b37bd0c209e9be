"""The pictures of exercise 1's notebook. Given: nothing to fill in here."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from exercise_code.common.plotting import course_style, show_figure

__all__ = ["show_axes", "show_days", "show_stretching"]

_BLUE, _ORANGE, _QUIET = "tab:blue", "tab:orange", "0.55"


@course_style()
def show_days(
    temperatures: np.ndarray,
    profile: np.ndarray | None = None,
    title: str = "Temperatures hour by hour",
    ylabel: str = "degrees Celsius",
) -> None:
    """Draw each day as a thin line over its hours, and `profile`, (24,), as a thick one."""
    figure, axis = plt.subplots(figsize=(7.4, 3.8))
    for i, day in enumerate(temperatures):
        axis.plot(day, color=_QUIET, linewidth=1, label=f"{len(temperatures)} days" if i == 0 else None)
    if profile is not None:
        axis.plot(profile, color=_ORANGE, linewidth=3, label="the average day")
    axis.set(xlabel="hour of the day", ylabel=ylabel, title=title)
    axis.set_xticks(range(0, temperatures.shape[1], 3))
    axis.legend(loc="upper left")
    figure.tight_layout()
    words = f"{title}, of {len(temperatures)} days: lowest before sunrise, highest in the afternoon"
    if profile is not None:
        words += f". The average day runs from {profile.min():.1f} to {profile.max():.1f} degrees"
    show_figure(figure, words)


@course_style()
def show_axes() -> None:
    """Draw an array of shape (2, 3), with what `sum` makes of it along each axis."""
    table = np.array([[1, 2, 3], [10, 20, 30]])
    figure, axis = plt.subplots(figsize=(6.6, 3.0))
    _grid(axis, table, 0, 0, _BLUE)
    _grid(axis, table.sum(axis=0)[None], 0, -2.2, _ORANGE)
    _grid(axis, table.sum(axis=1)[:, None], 4.4, 0, _ORANGE)
    axis.annotate("", (1.5, -1.45), (1.5, -0.85), arrowprops={"arrowstyle": "->", "color": _ORANGE, "lw": 2})
    axis.annotate("", (4.2, 0.1), (3.2, 0.1), arrowprops={"arrowstyle": "->", "color": _ORANGE, "lw": 2})
    axis.text(3.15, -1.8, "sum(axis=0): the rows\nare gone, shape (3,)", va="center", fontsize=9)
    axis.text(5.55, 0.1, "sum(axis=1): the columns\nare gone, shape (2,)", va="center", fontsize=9)
    axis.text(-0.2, 0.1, "shape (2, 3)", ha="right", va="center", fontsize=9)
    axis.set(xlim=(-1.8, 8.2), ylim=(-2.8, 1.3))
    axis.axis("off")
    figure.tight_layout()
    words = "An array of shape (2, 3) with the rows 1, 2, 3 and 10, 20, 30. Its sum along axis 0 is 11, 22, 33; "
    show_figure(figure, words + "its sum along axis 1 is 6, 60")


@course_style()
def show_stretching() -> None:
    """Draw how a column is stretched to the columns of an array before it is subtracted."""
    table, column = np.array([[5, 6, 7], [20, 21, 25]]), np.array([[6], [22]])
    figure, axis = plt.subplots(figsize=(7.4, 2.3))
    _grid(axis, table, 0, 0, _BLUE)
    _grid(axis, np.repeat(column, 3, axis=1), 4, 0, _ORANGE, faint=1)
    _grid(axis, table - column, 8, 0, _BLUE)
    for x, sign in ((3.5, "−"), (7.5, "=")):
        axis.text(x, 0.1, sign, ha="center", va="center", fontsize=16)
    for x, text in ((1.5, "(2, 3)"), (5.5, "(2, 1), stretched"), (9.5, "(2, 3)")):
        axis.text(x, -1.05, text, ha="center", va="top", fontsize=9)
    axis.set(xlim=(-0.3, 11.3), ylim=(-1.6, 1.3))
    axis.axis("off")
    figure.tight_layout()
    words = "The column 6, 22 is stretched over three columns and subtracted from the rows 5, 6, 7 and 20, 21, 25; "
    show_figure(figure, words + "what is left is −1, 0, 1 and −2, −1, 3")


def _grid(axis: plt.Axes, values: np.ndarray, left: float, middle: float, color: str, faint: int = 99) -> None:
    """Cells with numbers, from `left` on, around the height `middle`; columns from `faint` on are only copies."""
    rows = len(values)
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            x, y = left + j, middle + (rows / 2 - i - 1) * 1.0 + 0.1
            style = "--" if j >= faint else "-"
            alpha = 0.5 if j >= faint else 1.0
            box = plt.Rectangle((x, y), 1, 1, facecolor="none", edgecolor=color, linestyle=style, alpha=alpha, lw=1.5)
            axis.add_patch(box)
            axis.text(x + 0.5, y + 0.5, str(value), ha="center", va="center", alpha=alpha)
