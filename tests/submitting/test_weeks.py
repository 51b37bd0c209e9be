"""One folder for the whole course: a later exercise's zip is unpacked over an earlier one, and nothing is lost."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.authoring.bundle import TOP, bundle
from autograder.base.settings import Settings
from autograder.fleet.local import Fleet
from autograder.judging.job import Job
from autograder.sources.exercise import sources
from autograder.sources.variants import strip_markers
from exercise_code.common.exercise import exercise_ids, load_exercise

BUILT_ON = [(name, load_exercise(name).earlier) for name in exercise_ids() if load_exercise(name).earlier]
MINE = "# my own notes\n"
WORK = """
import sys
from exercise_code import submit
report = submit(sys.argv[1])
print("passed", report.passed)
"""


def _unzip(exercise: str, home: Path, out: Path) -> None:
    with zipfile.ZipFile(bundle(exercise, out)) as archive:
        archive.extractall(home)


def _solve(exercise: str, course: Path) -> dict[Path, str]:
    """The student's modules of an exercise, written."""
    written = {}
    for path in sources(exercise).solution.glob("*.py"):
        target = course / "exercise_code" / exercise / path.name
        assert target.is_file(), f"{target} is not in the zip"
        written[target] = MINE + strip_markers(path.read_text(encoding="utf-8"))
        target.write_text(written[target], encoding="utf-8")
    if load_exercise(exercise).model is not None:
        # Training is the exercise's own matter; here it is about what is handed in.
        shutil.copytree(sources(exercise).solution / "models", course / "exercises" / exercise / "models")
    return written


def _submit(exercise: str, course: Path) -> str:
    command = [sys.executable, "-c", WORK, exercise]
    environment = {**os.environ, "PYTHONPATH": str(course), "DATASETS_SOURCE": "embedded"}
    folder = course / "exercises" / exercise
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("exercise", "earlier"), BUILT_ON, ids=[name for name, _ in BUILT_ON])
def test_week_by_week_from_the_zips_alone(exercise: str, earlier: tuple[str, ...], tmp_path: Path) -> None:
    course = tmp_path / "home" / TOP
    mine: dict[Path, str] = {}
    for name in (*earlier, exercise):
        _unzip(name, tmp_path / "home", tmp_path)
        # Whatever came before is as it was.
        assert {path: path.read_text(encoding="utf-8") for path in mine} == mine
        mine |= _solve(name, course)
        said = _submit(name, course)
        # Nothing was missing, so nothing was brought; and the checks pass with the student's own earlier modules.
        assert "New in exercise_code" not in said
        assert "passed True" in said, said
    assert {path: path.read_text(encoding="utf-8") for path in mine} == mine
    (zip_,) = (course / "exercises" / exercise).glob("*.zip")
    with zipfile.ZipFile(zip_) as archive:
        assert not [name for name in archive.namelist() if any(f"/{e}/" in f"/{name}" for e in earlier)]
    with Fleet(exercise, Settings(), 1) as fleet:
        ((_, result),) = fleet.grade([Job("u0042", zip_)])
    assert result.score == result.max_score
