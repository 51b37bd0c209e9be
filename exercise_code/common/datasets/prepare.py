"""The command that prepares data sets and says what is there: `python -m exercise_code.common.data`."""

import argparse
import sys
from collections.abc import Sequence

from ..errors import CourseError
from .dataset import SPLITS
from .known import DATASETS
from .load import dataset_info, load_dataset, real_splits, resolve_source, would_download
from .places import SOURCES
from .registry import DatasetInfo, load_registry

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every data set that was asked for is ready; prints a table of what is there.

    Without names all sets are prepared, and one that cannot be had without a login is a note, no failure.
    """
    from .download import LoginError

    parser = argparse.ArgumentParser(prog="python -m exercise_code.common.data", description="Prepare the data sets.")
    parser.add_argument("names", nargs="*", help=f"data sets to prepare (default: {' '.join(DATASETS)})")
    parser.add_argument("--source", default="auto", help=f"one of {', '.join(SOURCES)} (default: auto)")
    options = parser.parse_args(arguments)
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    failures: list[str] = []
    for name in options.names or DATASETS:
        try:
            rows += [row for split in SPLITS if (row := _prepare(name, split, options.source))]
        except LoginError as error:
            (failures if options.names else notes).append(str(error))
        except CourseError as error:
            failures.append(str(error))
        except KeyboardInterrupt:
            print("interrupted: what is finished stays, run it again for the rest", file=sys.stderr)
            return 130
    if rows:
        print(f"\n{_table(rows)}", *notes, sep="\n", flush=True)
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _prepare(name: str, split: str, source: str) -> tuple[str, ...] | None:
    """A row of the table; None for a split that the real set keeps back, or that nobody asked to download."""
    if would_download(name, split, source):
        return None
    source = resolve_source(name, source)
    if source == "real" and name in DATASETS and split not in real_splits(dataset_info(name)):
        return None
    dataset = load_dataset(name, split, source)
    return name, split, f"{len(dataset):,}", f"{dataset.source} ({dataset.variant})", str(dataset.place)


def _table(rows: list[tuple[str, ...]]) -> str:
    lines = [("data set", "split", "samples", "source", "where"), *rows]
    widths = [max(len(line[k]) for line in lines) for k in range(4)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, [*widths, 0], strict=True)) for line in lines]
    listed = [info for info in _listed() if not info.loadable]
    return "\n".join([*table, *(f"{info.name}: not yet supported ({info.title})" for info in listed)])


def _listed() -> list[DatasetInfo]:
    try:
        return list(load_registry().values())
    except CourseError:
        return []
