"""When a hand-in came: the times that nbgrader, Moodle and file systems write down, in UTC."""

import re
import warnings
from datetime import UTC, datetime, tzinfo
from pathlib import Path

__all__ = ["modified", "moodle_time", "nbgrader_time", "told_time"]

MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_LONG = re.compile(
    r"(?:[a-z]+, )?(?:(?P<d1>\d{1,2}) (?P<m1>[a-z]+)|(?P<m2>[a-z]+) (?P<d2>\d{1,2})),? (?P<year>\d{4}),? "
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?: (?P<half>[ap]m))?"
)

# `UTC`, `Europe/Berlin`, `Etc/GMT+2`, `EST5EDT`: no sign in a name without a slash.
_ZONE = re.compile(r"[A-Za-z]+(?:[0-9][A-Za-z]+|(?:/[A-Za-z_]+[A-Za-z0-9_+-]*)+)?")


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
    """The time as `nbgrader.utils.parse_utc` reads it, in UTC; a ValueError where it cannot, or where it would guess.

    nbgrader reads a zone that it does not know (`CEST`, `PM`, `+0200`) as UTC or as so many seconds, hours away from
    what was meant; then nobody knows when it was. Known are `UTC`, `GMT`, `Z`, the names of the time zone database
    such as `Europe/Berlin`, an offset that touches the time (`22:59:00+02:00`), and no zone at all, which is UTC.
    """
    from dateutil import parser, tz

    words = text.split()
    zones: dict[str, object] = {"Z": UTC}
    # What is not said is today's to dateutil, and `UTC+2` is two hours west of Greenwich.
    turned = re.search(r"[A-Za-z][+-]\d", text) is not None and _ZONE.fullmatch(words[-1]) is None
    if turned or not re.search(r"\d{4}", text):
        raise ValueError(text)
    if len(words) == 3 and not words[2][:1].isdigit():
        # dateutil would open a file of this name, and reads `GMT+3` the other way round.
        known = tz.gettz(words[2]) if _ZONE.fullmatch(words[2]) else None
        if known is None:
            raise ValueError(text)
        zones["TZ"] = known
        text = f"{words[0]} {words[1]} TZ"
    try:
        with warnings.catch_warnings():
            # It warns of a zone that it does not know, and leaves it away.
            warnings.simplefilter("error")
            found: datetime = parser.parse(text, tzinfos=zones)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, ArithmeticError, AttributeError, LookupError, Warning) as error:
        raise ValueError(text) from error


def told_time(text: str) -> datetime:
    """A time that a person wrote, in UTC: ISO form with its zone, `2026-11-21T01:30+01:00`; else a ValueError."""
    when = datetime.fromisoformat(text.strip())
    if when.tzinfo is None:
        raise ValueError(text)
    try:
        return when.astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None


def modified(path: Path) -> datetime | None:
    """When the file was changed last; None where that is no time."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, OverflowError, ValueError):
        return None
