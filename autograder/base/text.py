"""Texts and numbers as people may read them: what cannot be shown is not, and a number has one form."""

import re

__all__ = ["clean_text", "how_many", "line", "number", "number_text", "short", "short_number", "signed"]

# Control characters, surrogates, and direction marks: "evil\u202egpj.exe" would read as a picture.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean_text(value: object) -> str:
    """The text with what is not to be seen as itself (control characters, direction marks) shown as `\ufffd`."""
    return _UNSEEN.sub("\ufffd", str(value))


def line(text: str) -> str:
    """The text in one line, without characters that cannot be shown."""
    return " ".join(clean_text(text).split())


def number(value: float | None, digits: int = 5, *, thousands: bool = False) -> str:
    """A number with so many digits after the point at most, as every system reads it; nothing for None.

    `thousands` sets them apart with commas, for people: `1,480`.
    """
    if value is None:
        return ""
    text = f"{value:,.{digits}f}" if thousands else f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def short(value: float) -> str:
    """A number of points as people read it."""
    return number(value, 2)


def signed(points: float) -> str:
    """Points that were added or taken away, as people read them."""
    return f"+{short(points)}" if points > 0 else short(points).replace("-", "−")


def how_many(count: int, noun: str) -> str:
    """A number of things: `1 student`, `1,480 students`."""
    return f"{count:,} {noun.removesuffix('s') if count == 1 else noun}"


def number_text(value: float, digits: int = 1) -> str:
    """A number with at most so many digits after the point: `3.4`, `100`, `1,480`."""
    return number(value, digits, thousands=True).replace("-", "−")


def short_number(value: float) -> str:
    """A large number in thousands or millions: `20 k`, `1.5 M`."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size * (1 - 1e-9):
            return number_text(value / size, 2) + unit
    return number_text(value, 4)
