"""A table that says more of a model than its score, in plain values.

An exercise in which a model is handed in may have `score_tables` in its `scoring.py` (see `probing.scores.Scoring`); a
student's feedback page then shows these tables.
"""

from dataclasses import dataclass

__all__ = ["ScoreTable"]


@dataclass(frozen=True)
class ScoreTable:
    """A title, the columns' headings, and rows of as many texts each; all but the first and `wide` are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    wide: tuple[str, ...] = ()
    """The headings of columns that hold words."""
