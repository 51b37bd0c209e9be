"""The students' zip: what is in it, what must not be, and that it works on its own."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from demo_course import EXERCISE, LATER, ROOT, DemoCourse, add_later_exercise, make_demo_course

from autograder.authoring.bundle import TOP, bundle, read_bundle
from autograder.authoring.bundle import _date as moment_of
from autograder.authoring.leaks import find_leaks
from autograder.base.errors import AutograderError
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import load_exercise
from exercise_code.common.hand_ins.hand_in import open_handin
from exercise_code.common.reasons import Reason
from exercise_code.common.submitting.given import read_given


@pytest.fixture
def demo(tmp_path: Path) -> DemoCourse:
    return make_demo_course(tmp_path / "project")


def add_short_lines(demo: DemoCourse) -> None:
    """A third function, whose solution has no telling line."""
    with (demo.sources / "solution" / "adding.py").open("a", encoding="utf-8") as file:
        file.write(
            "\n\ndef f(x):\n    ### BEGIN SOLUTION\n    start = x * 10\n    start += 5 * x\n"
            "    return start\n    ### END SOLUTION\n"
        )


def make(demo: DemoCourse, out: Path, exercise: str = EXERCISE, earlier: str = "stubs") -> dict[str, bytes]:
    return read_bundle(bundle(exercise, out, earlier, course=demo.course, root=demo.root))


def test_the_bundle_is_the_allow_list(demo, tmp_path):
    (demo.package / "weights.safetensors").write_bytes(b"weights")
    (demo.package / "__pycache__").mkdir()
    (demo.package / "__pycache__" / "adding.cpython-311.pyc").write_bytes(b"")
    (demo.root / "notes.md").write_text("private", encoding="utf-8")
    names = set(make(demo, tmp_path))
    assert names - {name for name in names if name.startswith("exercise_code/common/")} == {
        "LICENSE",
        "Makefile",
        "README.md",
        "constraints.txt",
        "datasets/README.md",
        "datasets/registry.toml",
        "environment.yml",
        "exercise_code/__init__.py",
        "exercise_code/conftest.py",
        "exercise_code/given.json",
        f"exercise_code/{EXERCISE}/__init__.py",
        f"exercise_code/{EXERCISE}/adding.py",
        f"exercise_code/{EXERCISE}/exercise.toml",
        f"exercise_code/{EXERCISE}/given.json",
        f"exercise_code/{EXERCISE}/multiplying.py",
        f"exercise_code/{EXERCISE}/test_visible.py",
        f"exercises/{EXERCISE}/1_first.ipynb",
        f"exercises/{EXERCISE}/2_second.ipynb",
        f"exercises/{EXERCISE}/README.md",
        "pyproject.toml",
    }
    assert "exercise_code/common/testing.py" in names
    assert not any("__pycache__" in name for name in names)


def test_the_same_sources_give_the_same_bytes(demo, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first = bundle(EXERCISE, tmp_path / "a", course=demo.course, root=demo.root)
    for path in demo.root.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    second = bundle(EXERCISE, tmp_path / "b" / "other.zip", course=demo.course, root=demo.root)
    assert first.name == f"{EXERCISE}.zip"
    assert second.name == "other.zip"
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {entry.date_time for entry in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}
        assert archive.testzip() is None


def test_files_have_the_date_of_the_last_commit_or_of_today(demo, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= moment_of(demo.root) <= datetime.now(UTC)
    day = "2024-05-06T07:08:09+00:00"
    who = ["-c", "user.name=u0042", "-c", "user.email=u0042@example.org"]
    monkeypatch.setenv("GIT_COMMITTER_DATE", day)
    for command in (["init", "--quiet"], [*who, "commit", "--quiet", "--allow-empty", "--message", "All"]):
        subprocess.run(["git", "-C", str(demo.root), *command], check=True)
    assert moment_of(demo.root) == datetime.fromisoformat(day)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert moment_of(demo.root).year == 1980
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    with pytest.raises(AutograderError, match="seconds since 1970"):
        moment_of(demo.root)


def test_the_record_of_what_was_given_is_what_is_in_the_zip(demo, tmp_path):
    files = make(demo, tmp_path)
    records = ("exercise_code/given.json", f"exercise_code/{EXERCISE}/given.json")
    shared, own = (json.loads(files[name]) for name in records)
    assert (
        shared["files"]["exercise_code/common/probing/wire.py"].encode()
        == files["exercise_code/common/probing/wire.py"]
    )
    package = {name for name in files if name.startswith("exercise_code/")} - set(records)
    assert package - set(shared["files"]) - set(own["files"]) == {
        f"exercise_code/{EXERCISE}/{name}.py" for name in ("adding", "multiplying")
    }
    assert all(name.startswith(f"exercise_code/{EXERCISE}/") for name in own["files"])
    assert not any(EXERCISE in name for name in shared["files"])
    assert {cell["grade_id"] for cell in own["cells"]} >= {"demo_add"}


def test_a_solution_tried_in_place_is_not_given_out(demo, tmp_path):
    solved = (demo.sources / "solution" / "adding.py").read_bytes()
    (demo.package / "adding.py").write_bytes(solved)
    stub = make(demo, tmp_path)[f"exercise_code/{EXERCISE}/adding.py"]
    assert b"raise NotImplementedError()" in stub
    assert b"the_sum_of_both_numbers" not in stub


def test_the_project_in_the_bundle_knows_no_grader(demo, tmp_path):
    files = make(demo, tmp_path)
    project = tomllib.loads(files["pyproject.toml"].decode())
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dependencies"] == whole["project"]["dependencies"]
    assert project["project"]["requires-python"] == whole["project"]["requires-python"]
    assert "scripts" not in project["project"]
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["exercise_code"]
    environment = yaml.safe_load(files["environment.yml"])
    pip = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert "--editable ." in pip
    assert f"exercises/{EXERCISE}/2_second.ipynb` (optional)" in files[f"exercises/{EXERCISE}/README.md"].decode()
    for name in ("Makefile", "README.md", f"exercises/{EXERCISE}/README.md"):
        assert not re.search(rb"@[A-Z_]+@", files[name]), "a placeholder is left"


LEAKS = {
    "a solution line in a given module": (
        "common/helper.py",
        "    the_sum_of_both_numbers = a + b\n",
        "solution line",
    ),
    "a block of short lines": (
        "common/helper.py",
        "def f(x):\n  start = x * 10\n  start += 5 * x\n  return start\n",
        "solution block",
    ),
    "a marker in a given module": ("common/helper.py", "# ### BEGIN SOLUTION\n", "marker"),
    "a hidden test in the visible ones": (
        "common/helper.py",
        "def test_negative_numbers_add_up_as_well(): pass\n",
        "hidden test",
    ),
    "a marking guide in the package": (
        "package/notes.md",
        "20 points for naming the commutative law.",
        "solution line",
    ),
    "an import of the grader": ("common/x.py", "from autograder.judging import judge\n", "an import of the grader"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_stops_the_bundle(demo, tmp_path, name):
    place, text, words = LEAKS[name]
    folder, file = place.split("/")
    add_short_lines(demo)
    place = demo.package if folder == "package" else demo.package.parent / folder
    (place / file).write_text(text, encoding="utf-8")
    with pytest.raises(AutograderError, match=words) as error:
        bundle(EXERCISE, tmp_path, course=demo.course, root=demo.root)
    assert file in str(error.value)
    assert not list(tmp_path.glob("*.zip"))


def test_leaks_in_notebooks_are_seen_through_their_json(demo, tmp_path):
    files = make(demo, tmp_path)
    assert find_leaks(files, demo.course) == []
    name = f"exercises/{EXERCISE}/1_first.ipynb"
    answer = b'Because addition commutes, and \\"quotes\\" \\\\\\\\ survive.'
    files[name] = files[name].replace(b"*Your answer here.*", answer)
    assert any("commutes" in leak and name in leak for leak in find_leaks(files, demo.course))


def test_other_leaks_are_named(demo, tmp_path, monkeypatch):
    files = make(demo, tmp_path)
    monkeypatch.setenv("AUTOGRADER_SECRET", "0123456789abcdef")
    files["autograder/judging/judge.py"] = b""
    files["README.md"] = b"secret: 0123456789abcdef"
    assert find_leaks(files, demo.course) == [
        "README.md: the grading secret",
        "autograder/judging/judge.py: a file of the grader's package",
    ]


def test_earlier_exercises_come_as_stubs_or_solved_when_asked(demo, tmp_path):
    add_later_exercise(demo)
    module = f"exercise_code/{LATER}/earlier/{EXERCISE}/adding.py"
    stubs = make(demo, tmp_path, LATER)
    assert b"NotImplementedError" in stubs[module]
    # Where a student wrote it, nothing is put.
    assert f"exercise_code/{EXERCISE}/adding.py" not in stubs
    assert f"exercise_code/{EXERCISE}/exercise.toml" in stubs
    assert not any(name.startswith(f"exercises/{EXERCISE}/") for name in stubs)
    assert f"exercise_code/{EXERCISE}" in stubs[f"exercises/{LATER}/README.md"].decode()
    solved = make(demo, tmp_path, LATER, "solution")
    assert b"    return the_sum_of_both_numbers\n" in solved[module]
    assert b"BEGIN SOLUTION" not in solved[module]
    assert b"NotImplementedError" in solved[f"exercise_code/{LATER}/doubling.py"]


def test_the_solution_asked_for_is_that_of_earlier_exercises_alone(demo, tmp_path):
    add_later_exercise(demo)
    assert make(demo, tmp_path, EXERCISE, "solution") == make(demo, tmp_path, EXERCISE)


def test_what_an_answer_has_in_common_with_an_earlier_one_may_be_given_out_with_that(demo, tmp_path):
    add_later_exercise(demo)
    module = demo.course / LATER / "solution" / "doubling.py"
    earlier = (demo.sources / "solution" / "adding.py").read_text(encoding="utf-8")
    first = earlier[earlier.index("def add") : earlier.index("### END SOLUTION")] + "### END SOLUTION\n"
    module.write_text(module.read_text(encoding="utf-8") + f"\n\n{first}", encoding="utf-8")
    assert make(demo, tmp_path, LATER, "solution")
    # Its own answers are as secret as before.
    (demo.package.parent / "common" / "helper.py").write_text("twice_the_number = add(x, x)\n", encoding="utf-8")
    with pytest.raises(AutograderError, match="twice_the_number"):
        make(demo, tmp_path, LATER, "solution")


def test_an_exercise_names_all_that_it_builds_on(demo, tmp_path):
    add_later_exercise(demo)
    toml = demo.root / "exercise_code" / "ex92_third" / "exercise.toml"
    shutil.copytree(demo.root / "exercise_code" / LATER, toml.parent)
    shutil.copytree(demo.course / LATER, demo.course / "ex92_third")
    toml.write_text(toml.read_text().replace(f'earlier = ["{EXERCISE}"]', f'earlier = ["{LATER}"]'))
    with pytest.raises(AutograderError, match=f"earlier: expected what {LATER} builds on, got no {EXERCISE}"):
        make(demo, tmp_path, "ex92_third")


IMPORT = "import exercise_code; from exercise_code.ex91_later.doubling import add; print(add(2, 3))"


def test_what_a_student_wrote_stays_and_what_is_missing_comes(demo, tmp_path):
    add_later_exercise(demo)
    home = tmp_path / "home"
    with zipfile.ZipFile(bundle(LATER, tmp_path, "solution", course=demo.course, root=demo.root)) as archive:
        archive.extractall(home)
    mine = home / TOP / "exercise_code" / EXERCISE / "adding.py"
    (mine.parents[1] / LATER / "doubling.py").write_text(f"from exercise_code.{EXERCISE}.adding import add\n")

    def run() -> str:
        command = [sys.executable, "-c", IMPORT]
        return subprocess.run(command, cwd=home / TOP, capture_output=True, text=True, check=True).stdout

    assert run() == f"Missing in exercise_code/{EXERCISE}, so put there from {LATER}: adding.py, multiplying.py.\n5\n"
    assert run() == "5\n"
    mine.write_text("def add(a, b):\n    return 7\n")
    assert run() == "7\n"


def test_solutions_of_later_exercises_are_leaks_too(demo, tmp_path):
    add_later_exercise(demo)
    (demo.package.parent / "common" / "helper.py").write_text("twice_the_number = add(x, x)\n", encoding="utf-8")
    with pytest.raises(AutograderError, match="twice_the_number"):
        bundle(EXERCISE, tmp_path, course=demo.course, root=demo.root)


def test_bad_input_is_one_line(demo, tmp_path):
    with pytest.raises(CourseError, match="did you mean ex90_demo"):
        bundle("ex90_dmeo", tmp_path, course=demo.course, root=demo.root)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(AutograderError, match="a folder that can be written"):
        bundle(EXERCISE, tmp_path / "file" / "x", course=demo.course, root=demo.root)
    (demo.root / "datasets" / "registry.toml").unlink()
    with pytest.raises(AutograderError, match=r"the file .*registry\.toml"):
        bundle(EXERCISE, tmp_path, course=demo.course, root=demo.root)


STUDENT = """
import sys
sys.modules["autograder"] = None
from exercise_code import check, submit
import exercise_code
assert exercise_code.__file__.startswith(sys.argv[1]), exercise_code.__file__
assert not check("demo_add").passed
import exercise_code.ex90_demo.adding as adding
from pathlib import Path
path = Path(adding.__file__)
path.write_text(path.read_text().replace("raise NotImplementedError()", "return a + b"))
assert check("demo_add").passed
submit("ex90_demo")
"""


def test_check_and_submit_work_elsewhere_without_the_grader(demo, tmp_path):
    target = bundle(EXERCISE, tmp_path, course=demo.course, root=demo.root)
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "home")
    home = tmp_path / "home" / TOP
    result = subprocess.run(
        [sys.executable, "-c", STUDENT, str(home)],
        cwd=home / "exercises" / EXERCISE,
        env={**os.environ, "PYTHONPATH": str(home)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert list(home.rglob("*.zip")), result.stdout


def test_the_zips_of_two_exercises_share_a_folder(demo, tmp_path):
    add_later_exercise(demo)
    # The later one builds on the earlier one, which this student has solved.
    for exercise in (EXERCISE, LATER):
        with zipfile.ZipFile(bundle(exercise, tmp_path, course=demo.course, root=demo.root)) as archive:
            new = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
            before = {name: data for name in new if (data := _read(tmp_path / "home" / name)) is not None}
            archive.extractall(tmp_path / "home")
        # What both hold is the same in both.
        assert {name: new[name] for name in before} == before
    home = tmp_path / "home" / TOP
    for exercise in (EXERCISE, LATER):
        assert (home / "exercises" / exercise / "README.md").is_file()
        given = read_given(home, exercise)
        assert f"exercise_code/{exercise}/exercise.toml" in given.files
        assert "exercise_code/common/probing/wire.py" in given.files
        # Who hands in the whole folder hands in nothing that would have to wait for a person.
        handin = open_handin(home, load_exercise(exercise, home / "exercise_code"), tmp_path / f"opened-{exercise}")
        assert not [note for note in handin.notes if note.code is Reason.NOT_TAKEN], exercise


def _read(path):
    return path.read_bytes() if path.is_file() else None


def test_the_students_makefile_checks_and_submits(demo, tmp_path):
    target = bundle(EXERCISE, tmp_path, course=demo.course, root=demo.root)
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "my home")
    home = tmp_path / "my home" / TOP
    # An environment that is there already, in place of a download.
    environment = home / "my environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    (environment / "bin" / "python").chmod(0o755)
    (environment / "installed").write_text("", encoding="utf-8")

    def run(goal: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", f"VENV={environment}", goal], cwd=home, capture_output=True, text=True, check=False
        )

    assert "make lab" in run("help").stdout
    checked = run("check")
    assert checked.returncode != 0
    assert "[passed]" not in checked.stdout
    assert checked.stdout.count("demo_add") == 1
    for name in ("adding", "multiplying"):
        solved = (demo.sources / "solution" / f"{name}.py").read_bytes()
        (home / "exercise_code" / EXERCISE / f"{name}.py").write_bytes(solved)
    checked = run("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("[passed]") == 3
    submitted = run("submit")
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    assert (home / "exercises" / EXERCISE / f"{EXERCISE}.zip").is_file()


def test_the_projects_makefile_takes_folders_with_spaces():
    done = subprocess.run(
        ["make", "--dry-run", "--old-file=.venv/installed", "course", "COURSE=../my course"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1].split("-m autograder ")[1].strip() == 'course "../my course"'
