"""Made classes: the same bytes each time, what a real class has, and hand-ins that earn what they say they do."""

import ast
import csv
import random
import zipfile
from pathlib import Path

import pytest
from tiny_course import make_tiny_course

from autograder.base.errors import AutograderError
from autograder.base.settings import Settings
from autograder.classroom.class_file import open_classroom
from autograder.fleet.local import Fleet
from autograder.intake.search import find_hand_ins
from autograder.judging.job import Job
from autograder.simulation.made_class import SHARES, make_class
from autograder.simulation.restyle import BLOCK, rename, restyle, unfinish
from autograder.sources.exercise import sources
from exercise_code.common.exercise import load_exercise

EXERCISE = "ex03_dataloader"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_class(EXERCISE, tmp_path_factory.mktemp("made"), 300)


def _files(folder: Path) -> dict[str, tuple[bytes, float]]:
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    # The roster and the settings are written now; hand-ins carry the time they were handed in.
    return {
        str(p.relative_to(folder)): (p.read_bytes(), p.stat().st_mtime if p.suffix == ".zip" else 0.0) for p in found
    }


def test_the_same_arguments_give_the_same_bytes_and_times(tmp_path):
    first, second, other = (
        make_class(EXERCISE, tmp_path / name, 12, seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert _files(first.folder) == _files(second.folder)
    assert _files(first.folder) != _files(other.folder)


def test_a_class_has_what_real_ones_have(made):
    assert set(made.kinds) == set(SHARES)
    assert len({h.path.read_bytes() for h in made.hand_ins}) > 0.98 * len(made.hand_ins), "hand-ins that are the same"
    with made.roster.open(encoding="utf-8", newline="") as file:
        on_roster = {row["id"] for row in csv.DictReader(file)}
    assert len(on_roster) == 300
    there = {h.student for h in made.hand_ins}
    assert set(made.missing) == on_roster - there
    assert len(made.missing) == 9
    assert len(there - on_roster) == 2, "nobody unknown"
    assert 15 <= len(made.hand_ins) - len(there) <= 30, "hardly anybody handed in twice"
    assert 5 <= sum(h.submitted > made.due for h in made.hand_ins) <= 40
    assert len(made.copies) == made.kinds["copy"]


def test_intake_and_class_toml_agree_with_what_was_made(made):
    classroom = open_classroom(made.folder)
    found = find_hand_ins(made.submissions, load_exercise(EXERCISE), roster=classroom.roster)
    assert classroom.due[EXERCISE] == made.due
    assert {s.id for s in found.missing} == set(made.missing)
    assert sorted((f.path, f.submitted) for f in found.found) == sorted((h.path, h.submitted) for h in made.hand_ins)
    assert not found.problems
    on_roster = [f for f in found.found if f.known]
    assert len(found.found) - len(on_roster) == 2
    order = [(h.student, h.path) for h in made.hand_ins if h.student.startswith("s1")]
    assert [(f.student, f.path) for f in on_roster if f.student.startswith("s1")] == order


def test_hand_ins_fail_what_they_say_and_nothing_else(made):
    chosen = {}
    for hand_in in made.hand_ins:
        if hand_in.fails is not None:
            chosen.setdefault((hand_in.kind, len(chosen) % 3), hand_in)
    assert {kind for kind, _ in chosen} >= {"solved", "wrong", "copy", "notebook"}
    with Fleet(EXERCISE, Settings(), 2) as fleet:
        jobs = {Job(h.student, h.path): h for h in chosen.values()}
        for job, result in fleet.grade(jobs):
            assert sorted(t.name for t in result.lost) == sorted(jobs[job].fails), jobs[job].about


def test_a_class_is_never_made_over_another_one(made):
    with pytest.raises(AutograderError, match="expected no hand-ins in"):
        make_class(EXERCISE, made.folder, 5)
    with pytest.raises(AutograderError, match="expected one student or more"):
        make_class(EXERCISE, made.folder / "none", 0)


def test_class_toml_of_a_course_folder_stays(tmp_path):
    (tmp_path / "class.toml").write_text('course_id = "mine"\n')
    make_class(EXERCISE, tmp_path, 3)
    assert (tmp_path / "class.toml").read_text() == 'course_id = "mine"\n'


def test_models_of_a_class_differ(tmp_path):
    made = make_class(make_tiny_course(tmp_path / "tiny", model=True), tmp_path / "class", 30)
    weights = []
    for hand_in in made.hand_ins:
        if hand_in.kind == "solved":
            with zipfile.ZipFile(hand_in.path) as archive:
                weights.append(archive.read("models/line.safetensors"))
    assert len(weights) > 5
    assert len(set(weights)) == len(weights)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("module", ["dataloader.py", "image_folder.py"])
def test_restyled_solutions_differ_between_the_markers_only(module, seed):
    text = (sources(EXERCISE).solution / module).read_text()
    for made in (restyle(text, random.Random(seed)), rename(text, random.Random(seed))):
        assert BLOCK.sub("", made) == BLOCK.sub("", text)
        assert made != text
        ast.parse(made)
    assert restyle(text, random.Random(seed)) != restyle(text, random.Random(seed + 100))


def test_a_renamed_copy_has_the_same_steps():
    text = (sources(EXERCISE).solution / "dataloader.py").read_text()
    mine = restyle(text, random.Random(1))

    def steps(text: str) -> list[str]:
        return [type(node).__name__ for node in ast.walk(ast.parse(text))]

    assert steps(rename(mine, random.Random(2))) == steps(mine)
    assert steps(restyle(text, random.Random(3))) != steps(mine)


def test_names_that_the_module_needs_stay():
    text = (
        "LIMIT = 3\n\n\ndef f(values, key):\n    ### BEGIN SOLUTION\n    kept = [v for v in values if v < LIMIT]\n"
        "    key = dict(key=len(kept))\n    ### END SOLUTION\n    kept.append(0)\n    return kept, key\n"
    )
    for seed in range(20):
        space: dict[str, object] = {}
        exec(restyle(text, random.Random(seed)), space)
        assert space["f"]([1, 5, 2], 0) == ([1, 2, 0], {"key": 2})


def test_a_comprehension_over_its_own_name_survives_becoming_a_loop():
    text = "def f(x):\n    ### BEGIN SOLUTION\n    return [x + 1 for x in sorted(x)]\n    ### END SOLUTION\n"
    made = {restyle(text, random.Random(seed)) for seed in range(20)}
    assert any("for step_" in m or ".append(" in m for m in made)
    for one in made:
        space: dict[str, object] = {}
        exec(one, space)
        assert space["f"]([3, 1]) == [2, 4], one


def test_unfinished_modules_have_the_stub_in_some_places():
    text = (sources(EXERCISE).solution / "image_folder.py").read_text()
    count = len(BLOCK.findall(text))
    assert len(BLOCK.findall(unfinish(text, random.Random(0), 0.5))) == count - round(count / 2)
    assert not BLOCK.findall(unfinish(text, random.Random(0), 1.0))
    assert unfinish("x = 1\n", random.Random(0), 0.5) == "x = 1\n"
