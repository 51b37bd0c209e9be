"""The course's own files as they were given out, with which the grader runs whatever a student made of them.

They travel in two files, which are written when a zip or a release is made, from the very files that are in it:
`exercise_code/given.json` has what all exercises share, `exercise_code/exNN_topic/given.json` the exercise's own. So
the zips of several exercises fit into one folder, and the newest one's shared files count. A clone of the course has
neither: there the files on disk are the course's own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CourseError
from ..exercise import Exercise, load_exercise
from .notebooks import GradedCell, graded_cells

__all__ = ["Given", "earlier_exercises", "given_out", "is_record", "read_given", "unix_lines"]

_SHARED = "exercise_code/given.json"


@dataclass(frozen=True)
class Given:
    """Contents of the given files by their path in the course folder, and the graded cells of the notebooks."""

    files: Mapping[str, bytes]
    cells: tuple[GradedCell, ...]


def _own(exercise: str) -> str:
    return f"exercise_code/{exercise}/given.json"


def is_record(name: str) -> bool:
    """True for the path of a file in which it stands what was given out."""
    parts = name.split("/")
    return parts[0] == "exercise_code" and parts[-1] == "given.json" and len(parts) in (2, 3)


def given_out(files: Mapping[str, bytes], exercises: Sequence[Exercise], notebooks: str) -> dict[str, bytes]:
    """The records, by their paths, for a course folder with these files; `notebooks` is the folder of its notebooks.

    `exercises` are the exercise that is given out, and the earlier ones that it builds on. Files of `exercise_code`
    that students fill in are left out.
    """
    own = {f"exercise_code/{one.id}/{module}.py" for one in exercises for module in one.modules}
    texts = {
        name: unix_lines(data).decode("utf-8")
        for name, data in files.items()
        if name.startswith("exercise_code/") and name not in own and not is_record(name)
    }
    found = {name: data for name, data in files.items() if name.startswith(notebooks) and name.endswith(".ipynb")}
    cells = [cell for name, data in sorted(found.items()) for cell in graded_cells(Path(name).stem, data)]
    folders = tuple(f"exercise_code/{one.id}/" for one in exercises)
    shared = {name: text for name, text in texts.items() if not name.startswith(folders)}
    theirs = {name: text for name, text in texts.items() if name not in shared}
    return {
        _SHARED: _record({"files": dict(sorted(shared.items()))}),
        _own(exercises[0].id): _record(
            {"files": dict(sorted(theirs.items())), "cells": [vars(cell) for cell in cells]}
        ),
    }


def _record(table: dict[str, Any]) -> bytes:
    return (json.dumps(table, indent=0, ensure_ascii=False) + "\n").encode()


def read_given(root: Path, exercise: str) -> Given | None:
    """What was given out with an exercise in the course folder `root`; None in a clone, which has no such record."""
    paths = [root / _SHARED, root / _own(exercise)]
    there = [path for path in paths if path.is_file()]
    if not there:
        return None
    if len(there) < len(paths):
        missing = next(path for path in paths if path not in there)
        raise CourseError(f"expected {missing} beside {there[0]}, found none: unpack the course's zip again")
    files: dict[str, bytes] = {}
    cells: list[GradedCell] = []
    for path in paths:
        try:
            table = json.loads(path.read_bytes())
            files |= {str(name): str(text).encode() for name, text in table["files"].items()}
            cells += [GradedCell(**cell) for cell in table["cells"]] if path is paths[1] else []
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CourseError(f"{path} is damaged ({error}): unpack it again from the course's zip") from None
    return Given(files, tuple(cells))


def unix_lines(data: bytes) -> bytes:
    """The text with the line ends that every system reads: an editor's choice of them changes no program."""
    return data.replace(b"\r\n", b"\n")


def earlier_exercises(exercise: Exercise) -> list[Exercise]:
    """The exercises whose modules this one uses."""
    return [load_exercise(name, exercise.folder.parent) for name in exercise.earlier]
