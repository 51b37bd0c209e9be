"""What a student wrote outside of the answer cells: an answer that is left as it was may stand there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

__all__ = ["is_lost", "is_written", "role_of", "waiting_answers"]


class HandedInCell(Protocol):
    """A cell as it was handed in."""

    kind: str
    source: str
    attachments: dict[str, dict[str, str]]


def role_of(cell: Mapping[str, Any]) -> dict[str, Any]:
    """nbgrader's metadata of a cell that it knows, else nothing."""
    role: dict[str, Any] = cell.get("metadata", {}).get("nbgrader", {})
    return role if role.get("grade_id") and (role.get("grade") or role.get("solution") or role.get("locked")) else {}


def is_written(cell: Mapping[str, Any]) -> bool:
    """True for the cell of a written answer."""
    return bool(role_of(cell).get("grade") and role_of(cell).get("solution"))


def is_lost(one: HandedInCell, released: Mapping[str, Any]) -> bool:
    """True where the released cell takes the place of something that was written into it."""
    role = role_of(released)
    if not role or (role.get("solution") and not role.get("locked")):
        return False
    known = frozenset(_lines(released["source"]))
    return bool(one.attachments) or any(_says(line, one.kind) for line in _new_lines(one.source, known))


def waiting_answers(
    found: Sequence[HandedInCell], places: Mapping[int, int], released: Sequence[Mapping[str, Any]]
) -> frozenset[str]:
    """Grade ids of the answers that something new in the notebook may hold.

    Prose anywhere may be any answer; new code, or a comment in code that was there, one that is next to it.
    """
    known = frozenset(line for cell in released for line in _lines(cell["source"]))
    near: set[int] = set()
    for i, one in enumerate(found):
        cell = released[places[i]] if i in places else None
        role = role_of(cell) if cell is not None else {}
        if role.get("solution") and not role.get("locked"):
            continue
        new = list(_new_lines(one.source, known))
        if one.kind != "code" and (new or one.attachments):
            return frozenset(role_of(cell)["grade_id"] for cell in released if is_written(cell))
        if new and (cell is None or any(_says(line, one.kind) for line in new)):
            near.add(i)
    answers = {i: role_of(released[place])["grade_id"] for i, place in places.items() if is_written(released[place])}
    return frozenset(name for i, name in answers.items() if any(j in near for j in _beside(i, len(found), places)))


def _beside(index: int, count: int, places: Mapping[int, int]) -> Iterator[int]:
    """The cells between an answer and the next released ones, and those."""
    for way in (range(index - 1, -1, -1), range(index + 1, count)):
        for i in way:
            yield i
            if i in places:
                break


def _lines(text: str) -> Iterator[str]:
    return (line for line in map(str.strip, text.splitlines()) if line)


def _new_lines(text: str, known: frozenset[str]) -> Iterator[str]:
    return (line for line in _lines(text) if line not in known)


def _says(line: str, kind: str) -> bool:
    """True for a line of prose; in code that is a comment or a text that stands alone."""
    return kind != "code" or line.startswith(("#", '"', "'"))
