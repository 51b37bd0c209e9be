"""Charts as inline SVG: no script, any width, light and dark, each with its summary in words.

A page that shows one includes `charts.css` in its style. Places along x are percentages, so that a chart is as wide
as the page while its letters keep their size on a phone.
"""

import hashlib
import math
import statistics
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup, escape

from ..base.text import clean_text, how_many, number_text
from .axes import Axis, differ, linear_axis, log_axis, nice_step, time_axis

__all__ = ["Mark", "Point", "histogram", "scatter"]

HEIGHT = 200
MOST_BINS = 20
MOST_DOTS = 2500
FEW_DOTS = 400
# Past this nothing is drawn: infinities, and what a hand-in made up.
LARGEST = 1e15
TONES = ("accent", "good", "bad", "warn")


class Point(NamedTuple):
    """A dot; `label` shows while the pointer rests on it, `tone` is empty or one of `TONES`."""

    x: float | datetime
    y: float
    label: str = ""
    tone: str = ""


class Mark(NamedTuple):
    """A dashed line with a label, at a value of y, or of x where `axis` says so."""

    at: float | datetime
    label: str
    axis: str = "y"


def histogram(
    values: Iterable[float],
    *,
    title: str,
    x_label: str,
    y_label: str = "students",
    limits: tuple[float, float] | None = None,
    bins: int = MOST_BINS,
    marks: Sequence[Mark] = (),
    summary: str = "",
) -> Markup:
    """How many values lie where: at most `bins` columns of a round width, over `limits` or where the values are.

    Marks lie at values of x. Without a `summary` one is made: how many, from where to where, the median.
    """
    marks = [m._replace(axis="x") for m in marks]
    found = sorted(float(v) for v in values if abs(v) <= LARGEST)
    if not found:
        return _figure(title, summary or "There is nothing to draw yet.", "")
    low = min(found[0], limits[0]) if limits else found[0]
    high = max(found[-1], limits[1]) if limits else found[-1]
    step = nice_step((high - low) / bins) if differ(low, high) else 1.0
    first = math.floor(low / step + 1e-9)
    counts = [0] * max(1, math.ceil(high / step - 1e-9) - first)
    for value in found:
        # The last column keeps its upper end: full points are no column of their own.
        counts[min(len(counts) - 1, math.floor(value / step + 1e-9) - first)] += 1
    x = linear_axis(first * step, (first + len(counts)) * step, widen=False)
    y = linear_axis(0, max(counts), whole=True)
    columns = []
    for i, many in enumerate(counts):
        left, right = (first + i) * step, (first + i + 1) * step
        start, width, height = 100 * x.share(left), 100 * (right - left) / (x.high - x.low), HEIGHT * y.share(many)
        said = f"{number_text(left, 3)} to {number_text(right, 3)}: {how_many(many, y_label)}"
        columns.append(
            f'<rect x="{_n(start + 0.15)}%" y="{_n(HEIGHT - height)}" width="{_n(width - 0.3)}%" '
            f'height="{_n(height)}"><title>{_text(said)}</title></rect>'
            if many
            else ""
        )
    body = f'<g class="t-accent">{"".join(columns)}</g>' + _marks(marks, x, y)
    return _chart(title, summary or _in_words(found, y_label), x, y, x_label, y_label, body, _room(marks))


def scatter(
    points: Iterable[Point | tuple[float | datetime, float]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    line: Sequence[tuple[float | datetime, float]] = (),
    line_label: str = "",
    steps: bool = True,
    marks: Sequence[Mark] = (),
    summary: str = "",
) -> Markup:
    """A dot for every pair; x may be aware datetimes (shown in UTC), or logarithmic.

    `line` runs over the dots, in steps (y holds until the next x) or straight from point to point. Of thousands of
    dots those that would hide each other are drawn once; dots with a label or a tone are drawn always.
    """
    dots = [p for p in (Point(*p) for p in points) if _drawable(p.x, p.y, log_x)]
    path = [(a, b) for a, b in line if _drawable(a, b, log_x)]
    if not dots and not path:
        return _figure(title, summary or "There is nothing to draw yet.", "")
    heights = sorted(p.y for p in dots) or sorted(b for _, b in path)
    across = [p.x for p in dots] + [a for a, _ in path] + [m.at for m in marks if m.axis == "x"]
    upward = [*heights, *(b for _, b in path), *(float(m.at) for m in marks if not isinstance(m.at, datetime))]
    moments = [v for v in across if isinstance(v, datetime)]
    numbers = [v for v in across if not isinstance(v, datetime)]
    if moments:
        x = time_axis(min(moments), max(moments))
    else:
        x = log_axis(min(numbers), max(numbers)) if log_x else linear_axis(min(numbers), max(numbers))
    y = linear_axis(min(upward), max(upward))
    body = _dots(dots, x, y) + _marks(marks, x, y) + (_path(path, x, y, steps, line_label) if path else "")
    return _chart(title, summary or _in_words(heights, "points", y_label), x, y, x_label, y_label, body, _room(marks))


def _in_words(values: Sequence[float], noun: str, what: str = "") -> str:
    digits = 1 if max(map(abs, values)) >= 10 else 2
    low, middle, high = (number_text(v, digits) for v in (values[0], statistics.median(values), values[-1]))
    subject = f"{how_many(len(values), noun)}, {f'{what} ' if what else ''}"
    return f"{subject}{low}." if low == high else f"{subject}from {low} to {high}, median {middle}."


def _chart(title: str, summary: str, x: Axis, y: Axis, x_label: str, y_label: str, body: str, above: int) -> Markup:
    left = 10 + max(7 * len(text) for _, text in y.ticks)
    grid = "".join(
        f'<line x2="100%" y1="{v}" y2="{v}"/><text x="-8" y="{v}" dy="4">{_text(text)}</text>'
        for v, text in ((_n(HEIGHT * (1 - y.share(tick))), text) for tick, text in y.ticks)
    )
    ticks = "".join(
        f'<line class="axis" x1="{v}%" x2="{v}%" y1="{HEIGHT}" y2="{HEIGHT + 5}"/>'
        f'<text x="{v}%" y="{HEIGHT + 19}">{_text(text)}</text>'
        for v, text in ((_n(100 * x.share(tick)), text) for tick, text in x.ticks)
    )
    name = "c" + hashlib.sha256(f"{title}{summary}{body}".encode("utf-8", "replace")).hexdigest()[:10]
    svg = (
        f'<svg role="img" aria-labelledby="{name}t {name}d" width="100%" height="{HEIGHT}" '
        f'style="width:calc(100% - {left + 14}px);height:{HEIGHT}px;margin:{above + 26}px 14px 44px {left}px">'
        f'<title id="{name}t">{_text(title)}</title><desc id="{name}d">{_text(summary)}</desc>'
        f'<text class="start" x="{-left}" y="{-above - 12}">{_text(y_label)}</text><g class="grid y">{grid}</g>'
        f'<line class="axis" x2="100%" y1="{HEIGHT}" y2="{HEIGHT}"/><g class="x">{ticks}</g>'
        f'<text class="end" x="100%" y="{HEIGHT + 38}">{_text(x_label)}</text>{body}</svg>'
    )
    return _figure(title, summary, svg)


def _figure(title: str, summary: str, body: str) -> Markup:
    words = f" <span>{_text(summary)}</span>" if summary else ""
    return Markup(f'<figure class="chart"><figcaption><b>{_text(title)}</b>{words}</figcaption>{body}</figure>')


def _room(marks: Sequence[Mark]) -> int:
    """Pixels above the plot for the labels of upright marks."""
    return 16 if marks and any(m.axis == "x" for m in marks) else 0


def _dots(dots: Sequence[Point], x: Axis, y: Axis) -> str:
    places = {(_n(100 * x.share(p.x)), _n(HEIGHT * (1 - y.share(p.y)))) for p in dots if not p.label and not p.tone}
    plain, cell = sorted(places), 0.2
    while len(plain) > MOST_DOTS:
        # Of the dots in one cell the first stays where it is: moved to the cell's middle, they would form a raster.
        plain = sorted({(round(float(a) / cell), round(float(b) / cell / 4)): (a, b) for a, b in plain}.values())
        cell *= 1.3
    radius = "3" if len(plain) <= FEW_DOTS else "2"
    quiet = "".join(f'<circle cx="{a}%" cy="{b}" r="{radius}"/>' for a, b in plain)
    named = "".join(
        f'<circle{_tone(p.tone)} cx="{_n(100 * x.share(p.x))}%" cy="{_n(HEIGHT * (1 - y.share(p.y)))}" r="4">'
        f"<title>{_text(p.label)}</title></circle>"
        for p in dots
        if p.label or p.tone
    )
    return f'<g class="dots">{quiet}{named}</g>'


def _path(path: Sequence[tuple[float | datetime, float]], x: Axis, y: Axis, steps: bool, label: str) -> str:
    # A path knows no percentages: it is drawn in a box of 1000 by HEIGHT that stretches, its stroke does not.
    places = [(_n(1000 * x.share(a)), _n(HEIGHT * (1 - y.share(b)))) for a, b in path]
    drawn = f"M{places[0][0]} {places[0][1]}"
    for a, b in places[1:]:
        drawn += f"H{a}V{b}" if steps else f"L{a} {b}"
    share, height = x.share(path[-1][0]), places[-1][1]
    side = "end" if share > 0.5 else "start"
    key = f'<text class="key {side}" x="{_n(100 * share)}%" y="{height}" dy="-8">{_text(label)}</text>' if label else ""
    return (
        f'<svg width="100%" height="{HEIGHT}" viewBox="0 0 1000 {HEIGHT}" preserveAspectRatio="none" '
        f'overflow="visible"><path class="path" vector-effect="non-scaling-stroke" d="{drawn}"/></svg>{key}'
    )


def _marks(marks: Sequence[Mark], x: Axis, y: Axis) -> str:
    lines = labels = ""
    for mark in marks:
        share = (x if mark.axis == "x" else y).share(mark.at)
        if not 0 <= share <= 1:
            continue
        if mark.axis == "x":
            at = f"{_n(100 * share)}%"
            side = "start" if share < 0.2 else "end" if share > 0.8 else "middle"
            lines += f'<line x1="{at}" x2="{at}" y1="-4" y2="{HEIGHT}"/>'
            labels += f'<text class="{side}" x="{at}" y="-9">{_text(mark.label)}</text>'
        else:
            at = _n(HEIGHT * (1 - share))
            lines += f'<line x2="100%" y1="{at}" y2="{at}"/>'
            labels += f'<text class="end" x="100%" y="{at}" dy="-5">{_text(mark.label)}</text>'
    return f'<g class="mark">{lines}{labels}</g>' if lines else ""


def _drawable(x: float | datetime, y: float, log_x: bool) -> bool:
    if not abs(y) <= LARGEST:
        return False
    return isinstance(x, datetime) or (abs(x) <= LARGEST and (x > 1 / LARGEST or not log_x))


def _tone(tone: str) -> str:
    return f' class="t-{tone}"' if tone in TONES else ""


def _text(value: str) -> Markup:
    return escape(clean_text(value))


def _n(value: float) -> str:
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text
