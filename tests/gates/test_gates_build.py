"""Gates 1 and 2, for every exercise there is: derived files are in step, and bundles give no answer away."""

import hashlib
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from autograder.authoring.build import BuiltFile, build, check, orphans, write
from autograder.authoring.bundle import bundle, read_bundle
from autograder.authoring.leaks import find_leaks
from autograder.authoring.notebooks import serialise, solved_notebook
from autograder.sources.graded_tests import read_tests
from autograder.sources.hunt import read_hunt
from autograder.sources.layout import ROOT, course_folder, course_ids, notebook_sources, solution_sources
from exercise_code.common.exercise import load_exercise

COURSE = course_folder()
EXERCISES = course_ids(COURSE)
# Hashes of all derived files, by path.
HASHES = """
import hashlib, json, sys
from pathlib import Path
from autograder.authoring.build import build
files = build(Path(sys.argv[1]), Path(sys.argv[2]))
print(json.dumps({file.path: hashlib.sha256(file.content).hexdigest() for file in files}))
"""


@cache
def built(exercise: str) -> tuple[BuiltFile, ...]:
    return tuple(build(COURSE, ROOT, [exercise]))


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


def files_of(exercise: str, bundles: Path) -> dict[str, bytes]:
    path = bundles / f"{exercise}.zip"
    return read_bundle(path if path.is_file() else bundle(exercise, bundles))


def test_there_are_exercises():
    assert EXERCISES


@pytest.mark.parametrize("exercise", EXERCISES)
def test_committed_files_are_what_their_sources_give(exercise):
    problems = check(built(exercise), ROOT, [exercise])
    assert not problems, "\n".join(problems[:60])


def test_no_notebook_or_stub_is_without_a_source():
    every = [file for exercise in EXERCISES for file in built(exercise)]
    assert orphans(every, ROOT) == []


def test_a_build_elsewhere_gives_the_same_bytes(tmp_path):
    environment = {"PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "LC_ALL": "C"}
    arguments = [sys.executable, "-c", HASHES, str(COURSE), str(ROOT)]
    result = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    every = [file for exercise in EXERCISES for file in built(exercise)]
    assert json.loads(result.stdout) == {file.path: hashlib.sha256(file.content).hexdigest() for file in every}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_gate_1_sees_a_changed_a_missing_and_an_orphaned_file(exercise, tmp_path):
    files = built(exercise)
    write(files, tmp_path)
    assert check(files, tmp_path) == []
    for file in files:
        path = tmp_path / file.path
        path.write_bytes(file.content + b"\n")
        assert check(files, tmp_path)[0].startswith(f"stale: {file.path}: ")
        path.unlink()
        assert check(files, tmp_path)[0].startswith(f"missing: {file.path}: ")
        path.write_bytes(file.content)
    (tmp_path / "exercises" / exercise / "9_forgotten.ipynb").write_text("{}", encoding="utf-8")
    assert [line.split(":")[0] for line in check(files, tmp_path)] == ["orphaned"]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_bundle_gives_no_answer_away(exercise, bundles):
    files = files_of(exercise, bundles)
    assert find_leaks(files, COURSE) == []
    # Once more, by other means than the bundle's own search.
    suffixes = {Path(name).suffix for name in files}
    assert suffixes <= {"", ".py", ".toml", ".md", ".txt", ".yml", ".ipynb", ".json", ".csv"}
    assert not [name for name in files if "hidden" in name or "solution" in name or "autograder" in name]
    for path in solution_sources(exercise, COURSE):
        assert files[f"exercise_code/{exercise}/{path.name}"] != path.read_bytes()
    everything = b"\n".join(files.values())
    assert b"BEGIN SOLUTION" not in everything
    for name, _, _ in read_tests(COURSE / exercise / "test_hidden.py"):
        assert f"def {name}(".encode() not in everything


@pytest.mark.parametrize("exercise", [name for name in EXERCISES if load_exercise(name).earlier])
def test_earlier_exercises_can_be_given_out_solved(exercise, tmp_path):
    files = read_bundle(bundle(exercise, tmp_path, "solution"))
    for name in load_exercise(exercise).earlier:
        for module in load_exercise(name).modules:
            text = files[f"exercise_code/{exercise}/earlier/{name}/{module}.py"].decode()
            assert "YOUR CODE HERE" not in text and "### " not in text


@pytest.mark.parametrize("exercise", EXERCISES)
def test_gate_2_sees_every_solution_in_the_wrong_place(exercise, bundles):
    files = files_of(exercise, bundles)
    # Of a bug hunt students get all lines but the mended ones.
    hunted = {hunt.module} if (hunt := read_hunt(COURSE / exercise)) else set()
    sources = [path for path in solution_sources(exercise, COURSE) if path.name not in hunted]
    answers = {path.name: path.read_text(encoding="utf-8") for path in sources}
    for path in notebook_sources(exercise, COURSE):
        answers[path.name] = serialise(solved_notebook(exercise, path.stem, COURSE)).decode()
        if "### BEGIN" not in answers[path.name]:
            del answers[path.name]
    for name, text in answers.items():
        bare = text
        for marker in ("BEGIN SOLUTION", "END SOLUTION", "BEGIN MARKING GUIDE", "END MARKING GUIDE"):
            bare = bare.replace(f"### {marker}", "")
        target = f"exercises/{exercise}/extra.ipynb" if bare.startswith("{") else "exercise_code/common/extra.py"
        leaks = find_leaks({**files, target: bare.encode()}, COURSE)
        assert any(leak.startswith(f"{target}: solution") for leak in leaks), f"{name} would go unseen"
