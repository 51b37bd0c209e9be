"""nbgrader's folder, steps and gradebook, with our scores."""

from pathlib import Path
from typing import Any

__all__ = ["configure"]


def configure(c: Any, folder: Path) -> None:
    """Make nbgrader take our scores: what a class's `nbgrader_config.py` calls with nbgrader's configuration."""
    # Here, not at the top: nbgrader takes a second to import, and most of this room does without it.
    from .config import configure as configure_now

    configure_now(c, folder)
