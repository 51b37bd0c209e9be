"""Axes of charts: where a value lies, which round values get a tick, and how those are written."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from ..base.text import number_text, short_number

__all__ = ["Axis", "differ", "linear_axis", "log_axis", "nice_step", "time_axis"]

MOST_TICKS = 5
# A tick every so many seconds: minutes, hours, days, weeks.
TIME_STEPS = (60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800, 1_209_600)
DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Axis:
    """A stretch of values from `low` to `high`, both seen through `scale`, with ticks and their texts."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    scale: Callable[[float], float] = float

    def share(self, value: float | datetime) -> float:
        """Where the value lies between the ends: 0 to 1, less or more outside."""
        return (self.scale(seconds_of(value)) - self.low) / (self.high - self.low)


def linear_axis(low: float, high: float, *, widen: bool = True, whole: bool = False) -> Axis:
    """An axis that holds both values; `widen` ends it at ticks, `whole` allows no tick between whole numbers."""
    if not differ(low, high):
        pad = abs(low) / 10 if abs(low) > 1e-6 else 1.0
        low, high = low - pad, high + pad
    step = nice_step((high - low) / MOST_TICKS)
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if widen:
        low, high = first * step, last * step
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    # A step of 2.5 or 0.25 needs one digit more than its size says.
    digits += abs(round(step, digits) - step) > step / 1000
    text = short_number if max(abs(low), abs(high)) >= 1e6 else partial(number_text, digits=digits)
    ticks = [(i * step, text(i * step)) for i in range(first, last + 1)]
    slack = (high - low) * 1e-9
    return Axis(low, high, tuple(t for t in ticks if low - slack <= t[0] <= high + slack))


def log_axis(low: float, high: float) -> Axis:
    """A logarithmic axis around both (positive) values, with ticks at 1, 2 and 5 where decades are few."""
    start, end = math.log10(low), math.log10(high)
    pad = max(0.1, (end - start) * 0.03)
    start, end = start - pad, end + pad
    decades = range(math.floor(start), math.ceil(end) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10))):
        values = [f * 10.0**d for d in decades for f in factors]
        values = [v for v in values if start <= math.log10(v) <= end]
        if len(values) >= 3:
            break
    values = values[:: math.ceil(len(values) / (MOST_TICKS + 1))] if values else [low]
    return Axis(start, end, tuple((v, short_number(v)) for v in values), math.log10)


def time_axis(low: datetime, high: datetime) -> Axis:
    """An axis of moments, with ticks at round hours or days of UTC."""
    start, end = seconds_of(low), seconds_of(high)
    pad = max(60.0, (end - start) * 0.03)
    start, end = start - pad, end + pad
    wanted = (end - start) / MOST_TICKS
    step = next((s for s in TIME_STEPS if s >= wanted), DAY * nice_step(wanted / DAY))
    if step >= DAY:
        form = "{0:%b %Y}" if end - start > 300 * DAY else "{0.day} {0:%b}"
    else:
        form = "{0.day} {0:%b} {0:%H:%M}" if end - start > DAY else "{0:%H:%M}"
    moments = [i * step for i in range(math.ceil(start / step), math.floor(end / step) + 1)]
    return Axis(start, end, tuple((m, form.format(EPOCH + timedelta(seconds=m))) for m in moments))


def seconds_of(value: float | datetime) -> float:
    """A moment as seconds since 1970; a number as it is."""
    return (value - EPOCH).total_seconds() if isinstance(value, datetime) else float(value)


def differ(low: float, high: float) -> bool:
    """True when two values are far enough apart to lie at two places of an axis."""
    return high - low > 1e-9 * max(abs(low), abs(high), 1e-6)


def nice_step(wanted: float) -> float:
    """The smallest of 1, 2, 2.5, 5, 10 times a power of ten that is no less than `wanted`."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= wanted * (1 - 1e-9))
