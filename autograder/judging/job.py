"""A hand-in to be judged."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """One hand-in to grade: whose it is, and the zip or folder."""

    student: str
    path: Path
    hand_in: str = ""
