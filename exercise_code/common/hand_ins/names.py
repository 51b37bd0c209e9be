"""What browsers, systems and people make of a file's name when they copy, upload or rename it."""

import re

__all__ = ["plain_name"]

# `Copy of a`, `a (1)`, `a-Copy1`, `a - Copy`, `a copy 2`, `a - Kopie (2)`, `a-1` (Canvas).
_COPY = re.compile(
    r"(?:copy of |kopie von )(?P<of>.+)"
    r"|(?P<base>.+?)(?:"
    r"[ _-]*\((?P<number>[0-9]{1,3})\)|[ _-]*-copy(?P<jupyter>[0-9]{1,3})"
    r"|[ _-]+(?:copy|kopie)(?:[ _-]?(?P<copy>[0-9]{1,3}))?|-(?P<canvas>[0-9]{1,3}))",
    re.I | re.S,
)
# What programs that do not know the first ending put behind it.
_SECOND_ENDING = re.compile(r"(?P<name>.+\.(?:ipynb|py))(?:\.(?:json|txt|ipynb|py))+", re.I | re.S)


def plain_name(name: str) -> tuple[str, int]:
    """A file's name before it was copied, and how much later a copy it is: 0 for a name as it was, then 1, 2, ..."""
    rank = 0
    if found := _SECOND_ENDING.fullmatch(name):
        name, rank = found["name"], 1
    stem, dot, ending = name.rpartition(".")
    if not dot:
        return name, rank
    for _ in range(3):
        if (found := _COPY.fullmatch(stem.strip())) is None:
            break
        stem = found["of"] or found["base"]
        number = found["number"] or found["jupyter"] or found["copy"] or found["canvas"] or "0"
        rank = max(rank, 1) + int(number)
    return f"{stem.strip()}.{ending}", rank or int(stem != stem.strip())
