"""The learning rate along a run, and when the run is over."""

import math
import os
import time
from collections.abc import Callable

from torch.optim import Optimizer

from ..errors import CourseError
from .history import History

__all__ = ["Pace", "cosine", "most_steps"]

MAX_STEPS_VARIABLE = "COURSE_MAX_STEPS"


def cosine(progress: float, warmup: float = 0.05) -> float:
    """A learning-rate factor that rises to 1 in the first twentieth of the run and falls to 0 along a cosine."""
    if progress < warmup:
        return (progress + 0.1 * warmup) / (1.1 * warmup)
    return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


class Pace:
    """The learning rates along a run, and the time that it has taken."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Callable[[float], float] | None,
        max_steps: int,
        max_seconds: float | None,
        before: float = 0.0,
    ) -> None:
        self.groups, self.schedule = optimizer.param_groups, schedule
        self.max_steps, self.max_seconds = max_steps, max_seconds
        self.rates = [group["lr"] for group in self.groups]
        # Seconds that an interrupted run had taken count, too.
        self.start = time.perf_counter() - before

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.start

    def set_rates(self, num_steps: int) -> None:
        """The learning rates for the step after so many."""
        if self.schedule is None:
            return
        done = num_steps / self.max_steps
        done = max(done, self.seconds / self.max_seconds) if self.max_seconds else done
        factor = self.schedule(min(done, 1.0))
        for group, rate in zip(self.groups, self.rates, strict=True):
            group["lr"] = rate * factor

    def restore_rates(self) -> None:
        """The optimizer's own learning rates again."""
        for group, rate in zip(self.groups, self.rates, strict=True):
            group["lr"] = rate

    def why_over(self, history: History) -> str:
        """Why the run ends here; empty where it goes on."""
        if history.num_steps >= self.max_steps:
            return f"{self.max_steps} steps done"
        if self.max_seconds is not None and history.seconds >= self.max_seconds:
            return f"{self.max_seconds:g} s are over"
        return ""


def most_steps() -> int:
    """How many steps a run may have; the environment variable `COURSE_MAX_STEPS` caps them, for tests."""
    text = os.environ.get(MAX_STEPS_VARIABLE, "")
    if not text:
        return 2**62
    if not text.isdigit() or int(text) < 1:
        raise CourseError(f"expected a number of steps of at least 1 in {MAX_STEPS_VARIABLE}, got {text!r}")
    return int(text)
