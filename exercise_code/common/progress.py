"""One progress bar for downloading, parsing and drawing."""

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["Report", "progress_bar", "silent"]

# Called with the number of steps done since the last call.
Report = Callable[[int], object]


def silent(_steps: int) -> None:
    """A report that nobody reads."""


def progress_bar(label: str, total: int | None, unit: str, scale: bool = False) -> Any:
    """A tqdm bar, shown in a terminal or a notebook and nowhere else.

    It writes to stdout: to nbgrader a graded cell with anything on stderr has failed.
    """
    from tqdm import tqdm

    # A module that is imported is no kernel yet: only a running application is.
    kernel = sys.modules.get("ipykernel.kernelapp")
    shown = sys.stdout.isatty() or (kernel is not None and kernel.IPKernelApp.initialized())
    return tqdm(
        desc=label, total=total, unit=unit, unit_scale=scale, ncols=88, leave=False, file=sys.stdout, disable=not shown
    )
