"""The course's own files as they were given out, with which the grader runs whatever a student made of them.

They travel in `exercise_code/given.json`, which is written when a zip or a release is made, from the very files that
are in it. A clone of the course has none: there the files on disk are the course's own.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import CourseError
from ..exercise import Exercise, load_exercise
from .notebooks import GradedCell, graded_cells

__all__ = ["GIVEN", "Given", "earlier_exercises", "given_out", "read_given", "unix_lines"]

GIVEN = "exercise_code/given.json"


@dataclass(frozen=True)
class Given:
    """Contents of the given files by their path in the course folder, and the graded cells of the notebooks."""

    files: Mapping[str, bytes]
    cells: tuple[GradedCell, ...]


def given_out(files: Mapping[str, bytes], exercises: Iterable[Exercise], notebooks: str) -> bytes:
    """`given.json` for a course folder with these files; `notebooks` is the folder of its notebooks in it.

    Files of `exercise_code` that students fill in are left out.
    """
    own = {f"exercise_code/{one.id}/{module}.py" for one in exercises for module in one.modules}
    texts = {
        name: unix_lines(data).decode("utf-8")
        for name, data in files.items()
        if name.startswith("exercise_code/") and name not in own and name != GIVEN
    }
    found = {name: data for name, data in files.items() if name.startswith(notebooks) and name.endswith(".ipynb")}
    cells = [cell for name, data in sorted(found.items()) for cell in graded_cells(Path(name).stem, data)]
    table = {"files": dict(sorted(texts.items())), "cells": [vars(cell) for cell in cells]}
    return (json.dumps(table, indent=0, ensure_ascii=False) + "\n").encode()


def read_given(root: Path) -> Given | None:
    """What was given out with the course folder `root`; None in a clone, which has no such record."""
    path = root / GIVEN
    if not path.is_file():
        return None
    try:
        table = json.loads(path.read_bytes())
        files = {str(name): str(text).encode() for name, text in table["files"].items()}
        return Given(files, tuple(GradedCell(**cell) for cell in table["cells"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{path} is damaged ({error}): unpack it again from the course's zip") from None


def unix_lines(data: bytes) -> bytes:
    """The text with the line ends that every system reads: an editor's choice of them changes no program."""
    return data.replace(b"\r\n", b"\n")


def earlier_exercises(exercise: Exercise) -> list[Exercise]:
    """The exercises whose modules this one uses, and those that these use in turn."""
    found: dict[str, Exercise] = {}
    for name in exercise.earlier:
        earlier = load_exercise(name, exercise.folder.parent)
        found |= {one.id: one for one in (*earlier_exercises(earlier), earlier)}
    return list(found.values())
