"""A hand-in to be judged."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Earlier", "Job"]


@dataclass(frozen=True)
class Earlier:
    """A student's hand-in of an exercise that the graded one builds on; without a path there is none."""

    exercise: str
    path: Path | None = None
    digest: str = ""


@dataclass(frozen=True)
class Job:
    """One hand-in to grade: whose it is, and the zip or folder."""

    student: str
    path: Path
    hand_in: str = ""
    earlier: tuple[Earlier, ...] = ()
    """Whose modules take the place of the reference's, where the class asks for that."""
