"""The data set that docs/new_dataset.md writes loads beside the others, drawn and from a file of its own."""

import re
import shutil
import zipfile
from pathlib import Path

import pytest
from demo_course import ROOT, copy_of_the_package
from page_example import blocks_of_steps, run_python

PAGE = ROOT / "docs" / "new_dataset.md"
NAME = "spirals"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what students have of the course, with the page's example in it."""
    root = copy_of_the_package(tmp_path_factory.mktemp("course"))
    file, names, table = blocks_of_steps("new_dataset.md", 3)
    room = root / "exercise_code" / "common" / "datasets"
    (room / f"{NAME}.py").write_text(file, encoding="utf-8")
    known = (room / "known.py").read_text(encoding="utf-8")
    for line in names.split("\n\n"):
        old = line.strip().replace(f", {NAME}", "")
        assert old in known, f"known.py has other lines than the page: {old}"
        known = known.replace(old, line.strip())
    (room / "known.py").write_text(known, encoding="utf-8")
    (root / "datasets").mkdir()
    registry = (ROOT / "datasets" / "registry.toml").read_text(encoding="utf-8")
    (root / "datasets" / "registry.toml").write_text(f"{registry}\n{table}", encoding="utf-8")
    return root


LOAD = f"""
import sys
from exercise_code import load_dataset
from exercise_code.common.errors import CourseError
try:
    for split in ("train", "val", "test"):
        spirals = load_dataset("{NAME}", split, *sys.argv[1:])
        points, labels = spirals.points, spirals.labels
        print(points.dtype, points.shape, labels.dtype, labels.tolist()[:4], spirals[0][1])
except CourseError as error:
    print(error)
"""


def load(course: Path, *source: str) -> list[str]:
    done = run_python(course, "-c", LOAD, *source)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.splitlines()


def test_the_example_is_drawn_without_a_file(course: Path) -> None:
    said = load(course)
    assert said[0] == f"{NAME} train: 200 samples, embedded (drawn on this computer)"
    assert said[1].startswith("float32 (200, 2) int64 [")
    assert said[3].startswith("float32 (60, 2) int64 [")
    (missing,) = load(course, "real")
    assert missing.startswith(f"{NAME} cannot be downloaded without a login") and "get spirals.zip" in missing


def test_the_example_passes_the_tests_of_all_sets(course: Path) -> None:
    shutil.copy(Path(__file__).with_name("test_data_sets.py"), course)
    tests = ("--rootdir=.", "test_data_sets.py", "-k", NAME)
    done = run_python(course, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout


def test_the_example_reads_its_file(course: Path) -> None:
    path = course / "datasets" / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for split in ("train", "val", "test"):
            archive.writestr(f"{split}.csv", "0.5,0.25,1\n-0.5,0.125,0\n0,0,1\n")
    said = load(course)
    assert said[0] == f"{NAME} train: 3 samples, real (zip)"
    assert said[1::2] == ["float32 (3, 2) int64 [1, 0, 1] 1"] * 3
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train.csv", "one,two,three\n")
    (wrong,) = load(course)
    assert wrong.startswith("expected x, y, label in train.csv of spirals.zip") and wrong.endswith("get the file again")
    path.unlink()


def test_the_page_names_what_is_there() -> None:
    named = re.findall(r"`((?:exercise_code|datasets|tests)/[\w./]+)`", PAGE.read_text(encoding="utf-8"))
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == [f"exercise_code/common/datasets/{NAME}.py"]
