"""What being late costs, and extensions."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from ..base.errors import AutograderError

__all__ = ["LateRow", "StrictModel", "parse_extension"]
LONGEST_EXTENSION = timedelta(days=3650)


class StrictModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LateRow(StrictModel):
    """A hand-in that is late by at most so many hours loses so many percent of its points."""

    hours: float = Field(gt=0)
    lose: float = Field(ge=0, le=100)


def parse_extension(text: str) -> timedelta | datetime:
    """`48h` and `2d` as a time span, `2026-11-30T12:00+01:00` as a date and time with its zone."""
    text = text.strip()
    expected = f"expected an extension such as 48h, 2d or 2026-11-30T12:00+01:00, got {text!r}"
    try:
        if text[-1:] in ("h", "d"):
            span = timedelta(hours=float(text[:-1]) * (24 if text.endswith("d") else 1))
            # A due date that comes earlier is no extension.
            if not timedelta(0) <= span <= LONGEST_EXTENSION:
                raise AutograderError(expected)
            return span
        own = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise AutograderError(expected) from None
    if own.tzinfo is None:
        raise AutograderError(f"{expected}: add the time zone, such as +01:00")
    return own
