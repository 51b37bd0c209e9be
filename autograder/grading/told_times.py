"""Times that a person knows: a CSV file that says when a hand-in came."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ..base.errors import AutograderError
from ..classroom.roster import Roster
from ..intake.times import told_time
from .register import Entry

__all__ = ["apply_times"]

_NAMES = ("id", "file", "hand_in")


def apply_times(path: Path, entries: Sequence[Entry], roster: Roster | None) -> dict[Entry, Entry]:
    """Each entry with the time that the file tells of it, or as it was.

    The file has a column `id` or `file`, the student's id or the hand-in's name as the report shows it, and a column
    `time`, in ISO form with its zone. An `AutograderError` names the row that is nobody's, or could be two hand-ins.
    """
    told = {entry: entry for entry in entries}
    for line, name, when in _rows(path):
        own = _meant(name, entries, roster)
        digests = {(entry.student, entry.digest) for entry in own}
        if not own:
            raise AutograderError(
                f"{path}, line {line}: expected a student with a hand-in, or the name of a file that was handed in, "
                f"got {name!r}: correct it, or remove the line"
            )
        if len(digests) > 1:
            files = ", ".join(sorted({entry.file for entry in own}))
            raise AutograderError(
                f"{path}, line {line}: expected one hand-in, got {name!r}, which has {len(digests)} ({files[:200]}): "
                "write the name of the file"
            )
        for entry in entries:
            if (entry.student, entry.digest) in digests:
                told[entry] = replace(entry, submitted=when, clock="person")
    return told


def _meant(name: str, entries: Sequence[Entry], roster: Roster | None) -> list[Entry]:
    files = [entry for entry in entries if name in (entry.file, entry.file.rpartition("/")[2])]
    if files:
        return files
    student = roster.by_label(name) if roster is not None else None
    return [entry for entry in entries if entry.student == (student.id if student else name)]


def _rows(path: Path) -> Iterator[tuple[int, str, datetime]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise AutograderError(f"could not read {path}: {error.strerror}: check the path of the times") from None
    except UnicodeDecodeError:
        raise AutograderError(f"expected UTF-8 in {path}, got another encoding: save it as 'CSV UTF-8'") from None
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    columns: dict[str, int] | None = None
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if columns is None:
                columns = _columns(path, cells)
                continue
            name, time = (cells[i] if i < len(cells) else "" for i in columns.values())
            try:
                yield rows.line_num, name, told_time(time)
            except ValueError:
                raise AutograderError(
                    f"{path}, line {rows.line_num}: expected a time with its zone, such as 2026-11-21T01:30+01:00, got "
                    f"{time!r}: a spreadsheet may have rewritten it; format the column as text"
                ) from None
    except csv.Error as error:
        raise AutograderError(
            f"expected CSV in {path}, got {error} in line {rows.line_num}: correct the file"
        ) from None
    if columns is None:
        raise AutograderError(f"expected the columns id and time in {path}, got an empty file")


def _columns(path: Path, cells: list[str]) -> dict[str, int]:
    titles = [cell.casefold() for cell in cells]
    name = next((i for i, title in enumerate(titles) if title in _NAMES), None)
    if name is None or "time" not in titles:
        raise AutograderError(
            f"expected the columns id (or file) and time in {path}, got {', '.join(cells)[:120]}: "
            "name them in the first line"
        )
    return {"name": name, "time": titles.index("time")}
