"""When a hand-in came: the times that nbgrader, Moodle and file systems write down, in UTC."""

import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path

__all__ = ["modified", "moodle_time", "nbgrader_time"]

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_LONG = re.compile(
    r"(?:[a-z]+, )?(?:(?P<d1>\d{1,2}) (?P<m1>[a-z]+)|(?P<m2>[a-z]+) (?P<d2>\d{1,2})),? (?P<year>\d{4}),? "
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?: (?P<half>[ap]m))?"
)


def moodle_time(text: str, zone: tzinfo | None = None) -> datetime | None:
    """A time of Moodle's in UTC; None for `-` and for nothing, a ValueError for what cannot be read.

    Moodle writes `Friday, 20 November 2026, 11:59 PM` in the time zone of whoever downloads and does not say which
    one: `zone`, or else this machine's. ISO times are read too, with their own zone where they have one.
    """
    text = " ".join(text.split())
    if text in ("", "-"):
        return None
    if found := _LONG.fullmatch(text.casefold()):
        hour = int(found["hour"])
        if found["half"]:
            if not 1 <= hour <= 12:
                raise ValueError(text)
            hour = hour % 12 + 12 * (found["half"] == "pm")
        month = found["m1"] or found["m2"]
        if month not in MONTHS:
            raise ValueError(text)
        day = int(found["d1"] or found["d2"])
        when = datetime(int(found["year"]), MONTHS.index(month) + 1, day, hour, int(found["minute"]))
    else:
        when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone) if zone is not None else when.astimezone()
    try:
        return when.astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None


def nbgrader_time(text: str) -> datetime | None:
    """The time as `nbgrader.utils.parse_utc` reads it, in UTC; a ValueError where it cannot."""
    from dateutil import parser, tz

    words = text.split(" ")
    zones: dict[str, object] = {}
    if len(words) == 3:
        # dateutil would open a file of this name.
        if not re.fullmatch(r"[A-Za-z0-9+-][A-Za-z0-9_+/-]*", words[2]):
            raise ValueError(text)
        zones["TZ"] = int(words[2]) if re.fullmatch(r"[+-]?[0-9]+", words[2]) else tz.gettz(words[2])
        text = f"{words[0]} {words[1]} TZ"
    try:
        found: datetime = parser.parse(text, tzinfos=zones)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, ArithmeticError, AttributeError, LookupError) as error:
        raise ValueError(text) from error


def modified(path: Path) -> datetime | None:
    """When the file was changed last; None where that is no time."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, OverflowError, ValueError):
        return None
