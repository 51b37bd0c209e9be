"""A class's folder: settings, roster, secret, and the sources that nbgrader makes releases from."""

import csv
import io
import os
import re
import secrets
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..authoring.bundle import collect
from ..authoring.notebooks import serialise, solved_notebook
from ..base.errors import AutograderError
from ..base.files import write_whole
from ..base.settings import SECRET_FILE
from ..classroom.class_file import FILE
from ..classroom.roster import Student
from ..sources.cells import BEGIN_GUIDE
from ..sources.layout import ROOT, course_folder, course_ids, notebook_sources

__all__ = ["make_course", "source_notebook"]

CONFIG = "nbgrader_config.py"
FOLDERS = ("submitted", "source")

_CLASS = """\
# This class: who is in it, when exercises are due, what lateness costs. `autograder grade` and nbgrader read it.

# The name of the course and the term, as nbgrader knows it.
course_id = "{course_id}"

# The students, a CSV file beside this one.
roster = "roster.csv"

# What hidden tests and models are scored on: "embedded", generated from the secret, or "real" data.
data = "embedded"

# Whose modules an exercise uses that builds on earlier ones: the course's own ("reference"), or each student's, from
# the hand-in that gave the mark there ("student").
earlier = "reference"

# What one student may cost: of each student so many hand-ins are graded, the newest; and one may take so many seconds
# (half as many while it computes; where nothing is said, the exercise's own limits count alone).
#
# [limits]
# hand_ins = 10
# hand_in_seconds = 60

# Due dates, each with its time zone.
{dates}
# What lateness costs: who is at most so many hours late loses so many percent of the points.
# Rows with rising hours; whoever is later than the last row gets no points. Without rows nothing is lost.
#
# [[late]]
# hours = 24
# lose = 10
#
# [[late]]
# hours = 72
# lose = 50
"""

_CONFIG = '''\
"""nbgrader's settings for this class; nbgrader and JupyterLab read them when they are started in this folder.

After an error in this file nbgrader goes on without it, and runs students' code in a kernel: whoever adds a setting
runs `nbgrader db student list` once, and looks that no traceback comes.
"""

from pathlib import Path

try:
    from autograder.nbgrader_bridge import configure
except Exception as error:
    # nbgrader would go on without these settings, and run students' code in a kernel. It hears an exit alone.
    raise SystemExit(f"expected `autograder` in this Python, got {error!r}: activate the project's .venv") from error

configure(get_config(), Path(__file__).absolute().parent)  # noqa: F821  (nbgrader puts `get_config` there)
'''

_README = """\
This folder belongs to one class.

  class.toml          due dates and what lateness costs
  roster.csv          the students: a line each, with the id, and where you have them name, alias, group, extension
                      (48h, 2d or a date and time), email, and the numbers in Moodle's and Canvas's file names
  secret              hidden tests come from it; never give it away, never change it while a class is graded
  nbgrader_config.py  nbgrader's settings
  source/             made by `autograder course`; edit the course instead, and run the command again

Release an exercise:     nbgrader generate_assignment EXERCISE     (then give out release/EXERCISE)
Hand-ins go to:          submitted/STUDENT/EXERCISE
Grade a class:           autograder grade EXERCISE HAND_INS
Add late hand-ins:       autograder grade EXERCISE LATE
Grade it once more:      autograder grade EXERCISE
One hand-in, in nbgrader: nbgrader autograde EXERCISE --student STUDENT --force
Mark written answers:    jupyter lab, then Nbgrader > Formgrader
nbgrader's own pages:    nbgrader generate_feedback EXERCISE --force

With nbgrader's exchange, which carries exercises to students' homes on this machine or hub, and feedback back:

  nbgrader generate_assignment EXERCISE;  nbgrader release_assignment EXERCISE
  nbgrader collect EXERCISE --update      (students: nbgrader fetch_assignment EXERCISE, nbgrader submit EXERCISE)
  autograder grade EXERCISE
  nbgrader generate_feedback EXERCISE --force;  nbgrader release_feedback EXERCISE
                                          (students: nbgrader fetch_feedback EXERCISE)

Students' nbgrader needs the same course_id and exchange folder: c.CourseDirectory.course_id and c.Exchange.root in
/etc/jupyter/nbgrader_config.py. A zip that came another way: autograder grade EXERCISE HAND_INS, never zip_collect,
which takes notebooks alone.

Without --force nbgrader passes over what it, or `autograder grade`, has made before.
"""


def make_course(folder: Path, exercises: list[str] | None = None) -> list[Path]:
    """The files that were made or renewed in a class's folder, in order; what an instructor edits is never touched.

    `source/` is derived and renewed; `class.toml`, `roster.csv`, `secret`, `nbgrader_config.py` are made once.
    """
    if folder.resolve().is_relative_to(ROOT):
        raise AutograderError(
            f"expected a folder outside of the project, got {folder}: its secret must not be published"
        )
    ids = exercises or course_ids()
    wanted: dict[Path, bytes] = {}
    for exercise in ids:
        wanted |= {folder / "source" / exercise / name: data for name, data in _source(exercise).items()}
    once = {
        FILE: _class_toml(folder, ids).encode(),
        "roster.csv": _roster(),
        CONFIG: _CONFIG.encode(),
        "README.txt": _README.encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = [folder / SECRET_FILE] if _make_secret(folder / SECRET_FILE) else []
        for name, data in once.items():
            if not (folder / name).exists():
                write_whole(data, folder / name, mode=None)
                made.append(folder / name)
        for name in FOLDERS:
            (folder / name).mkdir(exist_ok=True)
        for path, data in sorted(wanted.items()):
            if not path.is_file() or path.read_bytes() != data:
                write_whole(data, path, mode=None)
                made.append(path)
        for exercise in ids:
            _remove_strangers(folder / "source" / exercise, wanted)
    except OSError as error:
        raise AutograderError(
            f"could not make the course folder {folder}: {error.strerror}: name another folder"
        ) from None
    return made


def _make_secret(path: Path) -> bool:
    """True when a secret was made; one that is there stays."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(16) + "\n")
    return True


def _class_toml(folder: Path, ids: list[str]) -> str:
    dates = "".join(f"#\n# [exercises.{name}]\n# due = 2026-11-27T23:59:00+01:00\n" for name in ids)
    # nbgrader takes a name of letters, digits and little else.
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.absolute().name).strip("-") or "deep_learning"
    return _CLASS.format(course_id=name, dates=dates + "\n")


def _roster() -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(field.name for field in fields(Student))
    return text.getvalue().encode()


def _source(exercise: str) -> dict[str, bytes]:
    """The files of `source/<exercise>`: notebooks with their solutions, and the package with stubs."""
    course = course_folder()
    collected = collect(exercise, "stubs", course, ROOT)
    files = {name: data for name, data in collected.items() if name.startswith("exercise_code/")}
    for path in notebook_sources(exercise, course):
        files[f"{path.stem}.ipynb"] = serialise(source_notebook(exercise, path.stem, course))
    return files


def source_notebook(exercise: str, name: str, course: Path | None = None) -> Any:
    """The notebook with solutions and guides, from which nbgrader's own steps make the committed one."""
    notebook = solved_notebook(exercise, name, course)
    for cell in notebook.cells:
        # nbgrader takes the guide out and leaves the empty lines before it; the build leaves none.
        cell.source = re.sub(rf"\n+(?={re.escape(BEGIN_GUIDE)})", "\n", cell.source)
    return notebook


def _remove_strangers(folder: Path, wanted: dict[Path, bytes]) -> None:
    """Remove modules and notebooks that the course no longer has: nbgrader would release them."""
    for path in sorted([*folder.rglob("*.py"), *folder.glob("*.ipynb")]):
        if path not in wanted:
            path.unlink()
