"""nbgrader's folder, steps and gradebook, with our scores."""

from .config import configure

__all__ = ["configure"]
