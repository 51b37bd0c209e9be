"""Does work on twice as much take about twice the time? By the process's own CPU time: other work does not matter."""

import time
from collections.abc import Callable
from typing import Any

__all__ = ["assert_in_proportion", "cpu_seconds"]

# What is over sooner passes: there is nothing to measure.
BLINK = 0.2


def cpu_seconds(function: Callable[[Any], object], data: Any) -> float:
    """CPU seconds of this process for one call."""
    start = time.process_time()
    function(data)
    return time.process_time() - start


def assert_in_proportion(
    function: Callable[[Any], object], half: Any, whole: Any, name: str = "", blink: float = BLINK
) -> None:
    """Fail where `whole`, twice as much as `half`, takes more than three times the time, best of five of each.

    What is quadratic takes four times.
    """
    best_half = best_whole = float("inf")
    for _ in range(5):
        best_whole = min(best_whole, cpu_seconds(function, whole))
        if best_whole < blink:
            return
        best_half = min(best_half, cpu_seconds(function, half))
        if best_whole <= 3 * best_half:
            return
    raise AssertionError(f"{name}: {best_half:.3f} s, and {best_whole:.3f} s for twice as much")
