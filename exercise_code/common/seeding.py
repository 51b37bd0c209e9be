"""One visible call that makes a run repeatable."""

import random
import sys

import numpy as np

from .errors import CourseError

__all__ = ["seed_everything"]


def seed_everything(seed: int) -> int:
    """The seed, after Python's and numpy's generators were set to it, and torch's (all devices) if it is imported.

    Import torch first where you use it: exercises in numpy need not wait three seconds for it.
    The same seed, code and machine give the same numbers. Across machines and torch versions only the start
    is the same: sums are rounded in another order.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise CourseError(f"expected a seed from 0 to {2**32 - 1}, got {seed!r}")
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    return seed
