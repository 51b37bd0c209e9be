"""Marks on their way out: tables for people and programs, and files for Moodle, Canvas and Gradescope."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ..base.files import write_if_changed
from ..base.spreadsheets import csv_text, disarmed
from ..base.stamps import Stamps, code_hash, hash_of
from ..base.text import line
from ..grading.marks import LATE, mark_of
from ..grading.standing import Attempt, GradedClass, Marking, Standing
from ..sources.cells import GradedCell, graded_cells
from ..sources.exercise import sources
from .gradescope import gradescope_json
from .lms import canvas_csv, moodle_csv

__all__ = ["write_exports"]

STAMPS = ".gradescope.json"


def write_exports(graded: GradedClass, folder: Path, worksheet: Path | None = None) -> list[Path]:
    """The files that had to be written; the others in `folder` are as they must be.

    | file | holds |
    |---|---|
    | `grades.csv`, `.parquet` | a line for each student, with a column of points for each graded cell |
    | `hand_ins.csv`, `.parquet` | a line for each hand-in |
    | `cells.csv`, `.parquet` | a line for each graded cell of each hand-in, and for each that a person marked |
    | `moodle.csv` | Moodle's grading worksheet: `worksheet` filled in, else from Moodle's numbers in the roster |
    | `canvas.csv` | Canvas's gradebook import |
    | `gradescope/<student>.json` | Gradescope's results.json of the hand-in that counts |

    Totals that are not known are empty: see `marks.Mark`. In the tables a text that a spreadsheet would compute has
    an apostrophe before it; in Parquet, which no spreadsheet computes, it has none.
    """
    written: list[Path] = []

    def write(name: str, data: bytes) -> None:
        if write_if_changed(data, folder / name):
            written.append(folder / name)

    for name, table in (("grades", _grades(graded)), ("hand_ins", _hand_ins(graded)), ("cells", _cells(graded))):
        # The mark tells Excel that it is UTF-8.
        write(f"{name}.csv", ("\ufeff" + table.csv()).encode())
        write(f"{name}.parquet", table.parquet())
    moodle = moodle_csv(graded, worksheet)
    if moodle is None:
        # One of an earlier run would be taken for that of this run.
        (folder / "moodle.csv").unlink(missing_ok=True)
    else:
        write("moodle.csv", moodle.encode("utf-8", "replace"))
    write("canvas.csv", canvas_csv(graded).encode("utf-8", "replace"))
    written += _write_gradescope(graded, folder / "gradescope")
    return written


@dataclass(frozen=True)
class _Table:
    """Columns with their types, and rows of plain values; times are aware datetimes."""

    columns: tuple[tuple[str, type], ...]
    rows: tuple[Sequence[Any], ...]

    def csv(self) -> str:
        names = [name for name, _ in self.columns]
        return csv_text([names, *([_spreadsheet(cell) for cell in row] for row in self.rows)])

    def parquet(self) -> bytes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {
            str: pa.string(),
            float: pa.float64(),
            int: pa.int64(),
            bool: pa.bool_(),
            datetime: pa.timestamp("us", tz="UTC"),
        }
        schema = pa.schema([pa.field(name, types[kind]) for name, kind in self.columns])
        clean = ([line(cell) if isinstance(cell, str) else cell for cell in row] for row in self.rows)
        columns = list(zip(*clean, strict=True)) or [()] * len(self.columns)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        out = io.BytesIO()
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), out)
        return out.getvalue()


def _spreadsheet(cell: object) -> object:
    if isinstance(cell, str):
        return disarmed(cell)
    return cell.isoformat(timespec="seconds") if isinstance(cell, datetime) else cell


def _rounded(value: float | None, digits: int = 6) -> float | None:
    return None if value is None else round(float(value), digits)


def _model_columns(graded: GradedClass) -> tuple[tuple[tuple[str, type], ...], Callable[[Attempt | None], list[Any]]]:
    """Columns about a handed-in model, where the exercise has one, and what gives their values."""
    model = graded.exercise.model
    if model is None:
        return (), lambda _: []
    name = model.metric

    def values(attempt: Attempt | None) -> list[Any]:
        if attempt is None:
            return [None] * 4
        halves = (attempt.metrics, attempt.public_metrics, attempt.private_metrics)
        return [*(_rounded(half.get(name)) for half in halves), attempt.parameters]

    columns = ((name, float), (f"{name}_public", float), (f"{name}_private", float), ("parameters", int))
    return columns, values


def _grades(graded: GradedClass) -> _Table:
    model, of_model = _model_columns(graded)
    cells = _graded_cells(graded)
    rows = []
    for standing in graded.standings:
        student, last = standing.student, standing.marked
        mark = mark_of(graded, standing)
        there = last is not None and not last.failed
        rows.append([
            student.id,
            student.name,
            student.alias,
            student.group,
            mark.status,
            _rounded(last.score) if last is not None and there else None,
            _rounded(standing.written),
            _rounded(standing.penalty) if there else None,
            _rounded(mark.total),
            _rounded(graded.max_score + graded.max_written),
            len(standing.attempts),
            last.submitted if last else None,
            _rounded(last.how_late, 3) if last else None,
            *of_model(last),
            *_by_cell(cells, standing),
            mark.note,
        ])  # fmt: skip
    columns: tuple[tuple[str, type], ...] = (
        *(("id", str), ("name", str), ("alias", str), ("group", str), ("status", str)),
        *(("automatic", float), ("written", float), ("penalty", float), ("total", float), ("max", float)),
        *(("hand_ins", int), ("submitted", datetime), ("seconds_late", float)),
        *model,
        *((f"points_{cell.grade_id}", float) for cell in cells),
        *((f"comment_{cell.grade_id}", str) for cell in cells if cell.kind == "written"),
        ("note", str),
    )
    return _Table(columns, tuple(rows))


def _graded_cells(graded: GradedClass) -> list[GradedCell]:
    return graded_cells(graded.exercise.id, sources(graded.exercise).course.parent)


def _by_cell(cells: Sequence[GradedCell], standing: Standing) -> list[Any]:
    """The points of each cell, and the comment on each written one."""
    of = {marking.grade_id: marking for marking in standing.markings}
    points = [_points(cell, standing, of.get(cell.grade_id)) for cell in cells]
    return [*points, *(of[c.grade_id].comment if c.grade_id in of else "" for c in cells if c.kind == "written")]


def _points(cell: GradedCell, standing: Standing, marking: Marking | None) -> float | None:
    """A cell's points in the hand-in that counts, what a person changed counted in; None while they are not known."""
    last = standing.marked
    if cell.kind == "written":
        return _rounded(marking.points) if marking is not None else None
    if last is None or last.failed:
        return None
    given = marking.points or 0.0 if marking is not None else 0.0
    return _rounded(last.points.get(cell.grade_id, 0.0) + given)


def _numbered(graded: GradedClass) -> Iterator[tuple[Standing, int, Attempt]]:
    for standing in graded.standings:
        for i, attempt in enumerate(standing.attempts, start=1):
            yield standing, i, attempt


def _hand_ins(graded: GradedClass) -> _Table:
    model, of_model = _model_columns(graded)
    rows = []
    for standing, i, attempt in _numbered(graded):
        status = "grading failed" if attempt.failed else "refused" if attempt.refused else "graded"
        rows.append([
            standing.student.id,
            standing.student.alias,
            i,
            attempt is standing.marked,
            attempt.file,
            attempt.submitted,
            _rounded(attempt.how_late, 3),
            status,
            None if attempt.failed else _rounded(attempt.score),
            _rounded(attempt.max_score),
            *of_model(attempt),
            ", ".join(attempt.failed_tests),
            _rounded(attempt.cpu_seconds),
            _rounded(attempt.wall_seconds),
            _rounded(attempt.memory_mb),
            attempt.fingerprint,
            attempt.result.name,
            "; ".join(filter(None, [line(attempt.failed or attempt.refused), LATE if attempt.late_mark else ""])),
        ])  # fmt: skip
    columns: tuple[tuple[str, type], ...] = (
        *(("id", str), ("alias", str), ("hand_in", int), ("counts", bool), ("file", str)),
        *(("submitted", datetime), ("seconds_late", float), ("status", str), ("automatic", float), ("max", float)),
        *model,
        *(("failed_tests", str), ("cpu_seconds", float), ("wall_seconds", float), ("memory_mb", float)),
        *(("fingerprint", str), ("result", str), ("note", str)),
    )
    return _Table(columns, tuple(rows))


def _cells(graded: GradedClass) -> _Table:
    most = {cell.grade_id: float(cell.points) for cell in _graded_cells(graded)}
    rows: list[list[Any]] = []
    for standing, i, attempt in _numbered(graded):
        counts = attempt is standing.marked
        known = [standing.student.id, standing.student.alias, i, counts]
        rows += [[*known, cell, _rounded(points), most[cell], "tests", ""] for cell, points in attempt.points.items()]
        for one in standing.markings if counts else ():
            by = "person" if one.written else "person, changing tests"
            rows.append([*known, one.grade_id, _rounded(one.points), most[one.grade_id], by, one.comment])
    columns: tuple[tuple[str, type], ...] = (
        *(("id", str), ("alias", str), ("hand_in", int), ("counts", bool)),
        *(("cell", str), ("points", float), ("max", float), ("by", str), ("comment", str)),
    )
    return _Table(columns, tuple(rows))


def _write_gradescope(graded: GradedClass, folder: Path) -> list[Path]:
    """The files that had to be written; what they were made from stands in a hidden file beside them."""
    from ..grading import file_name

    stamps = Stamps(folder / STAMPS, folder, ".json")
    rules = hash_of(
        graded.exercise.id, graded.max_score, graded.max_written, code_hash("autograder.exports.gradescope")
    )
    written: list[Path] = []
    for standing in graded.standings:
        attempt = standing.marked
        if attempt is None:
            continue
        path = folder / f"{file_name(standing.student.id)}.json"
        stamp = _stamp(rules, standing, attempt)
        if stamps.current(path.name, stamp):
            continue
        data = gradescope_json(graded, standing, attempt, attempt.read()).encode("utf-8", "replace")
        if write_if_changed(data, path):
            written.append(path)
        stamps.made(path.name, stamp, data)
    # Whoever has left the class must not be imported again.
    stamps.remove_left()
    stamps.save()
    return written


def _stamp(rules: str, standing: Standing, attempt: Attempt) -> str:
    try:
        found = attempt.result.stat()
        read = [str(attempt.result), found.st_mtime_ns, found.st_size]
    except OSError:
        read = []
    return hash_of(rules, repr(replace(standing, attempts=())), repr(attempt), read)
