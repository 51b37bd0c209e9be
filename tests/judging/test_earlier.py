"""An exercise that builds on an earlier one: graded with the course's own modules of it, or with the student's."""

import json
import shutil
from pathlib import Path

import pytest
from demo_course import EXERCISE, LATER, DemoCourse, add_later_exercise, make_demo_course

from autograder.authoring.build import build, write
from autograder.base.settings import Settings
from autograder.grading.earlier import EarlierHandIns
from autograder.judging.job import Earlier
from exercise_code.common.exercise import load_exercise

RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a + b + 1\n"
DOUBLE = f"from exercise_code.{EXERCISE}.adding import add\n\n\ndef double(x):\n    return add(x, x)\n"
# u0001 has solved the earlier exercise, u0002 has not, u0003 handed in nothing, u0004 something that is refused.
EARLIER = {"u0001": RIGHT, "u0002": WRONG}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoCourse:
    demo = make_demo_course(tmp_path_factory.mktemp("earlier") / "project")
    add_later_exercise(demo)
    (demo.course / LATER / "test_hidden.py").write_text(
        "from exercise_code.common.testing import assert_same, grade\n\n\n"
        "def double(code, x):\n    return code.doubling.double(x)\n\n\n"
        '@grade("later_double")\ndef test_twice_a_number(observe, reference, rng):\n    """Twice a number."""\n'
        "    x = int(rng.integers(99))\n    assert_same(observe(double, x), reference(double, x))\n"
    )
    write(build(demo.course, demo.root), demo.root)
    for student, text in EARLIER.items():
        _hand_in(demo.root / "first", student, EXERCISE, "adding.py", text)
    (demo.root / "first" / "u0004.zip").write_bytes(b"no zip")
    for student in ("u0001", "u0002", "u0003", "u0004"):
        _hand_in(demo.root / "second", student, LATER, "doubling.py", DOUBLE)
    _grade(demo, EXERCISE, "first")
    return demo


def _hand_in(folder: Path, student: str, exercise: str, module: str, text: str) -> None:
    package = folder / student / "exercise_code" / exercise
    package.mkdir(parents=True, exist_ok=True)
    (package / module).write_text(text)


def _grade(demo: DemoCourse, exercise: str, hand_ins: str, *options: str) -> str:
    done = demo.autograder("grade", exercise, hand_ins, "--no-pages", "--demo-secret", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _results(root: Path) -> dict[str, tuple[float, list[str]]]:
    found = {}
    for path in (root / "results" / LATER).glob("*.json"):
        result = json.loads(path.read_text())
        notes = [note["text"] for note in result["notes"] if EXERCISE in note["text"]]
        found[result["student"]] = (result["score"], notes)
    return dict(sorted(found.items()))


def test_whose_earlier_modules_count(demo: DemoCourse) -> None:
    _grade(demo, LATER, "second")
    assert _results(demo.root) == {f"u000{i}": (100.0, []) for i in range(1, 5)}
    _grade(demo, LATER, "second", "--earlier", "student")
    course = "the course's own modules of it were used"
    own = f"graded with the student's own modules of {EXERCISE}"
    found = _results(demo.root)
    assert found["u0001"] == (100.0, [own])
    assert found["u0002"] == (0.0, [own])
    assert found["u0003"] == (100.0, [f"no hand-in of {EXERCISE}: {course}"])
    assert found["u0004"][0] == 100.0
    assert found["u0004"][1][0].startswith(f"the hand-in of {EXERCISE} was refused (")


def test_a_new_earlier_hand_in_regrades_its_student_alone(demo: DemoCourse) -> None:
    _grade(demo, LATER, "second", "--earlier", "student")
    before = {path.name: path.stat().st_mtime_ns for path in (demo.root / "results" / LATER).glob("*.json")}
    shutil.rmtree(demo.root / "first" / "u0002")
    _hand_in(demo.root / "first", "u0002", EXERCISE, "adding.py", RIGHT)
    _grade(demo, EXERCISE, "first")
    _grade(demo, LATER, "second", "--earlier", "student")
    after = {path.name: path.stat().st_mtime_ns for path in (demo.root / "results" / LATER).glob("*.json")}
    assert [name.split("--")[0] for name in after if after[name] != before[name]] == ["u0002"]
    assert _results(demo.root)["u0002"][0] == 100.0


def test_without_results_the_hand_ins_of_nbgraders_folder_are_looked_at(demo: DemoCourse, tmp_path: Path) -> None:
    _hand_in(tmp_path / "submitted" / "u0001", EXERCISE, EXERCISE, "adding.py", RIGHT)
    later = load_exercise(LATER, demo.root / "exercise_code")
    asked = Settings(earlier="student")
    (own,) = EarlierHandIns(later, asked, tmp_path / "results", tmp_path).of("u0001")
    assert own.exercise == EXERCISE
    assert own.path == tmp_path / "submitted" / "u0001" / EXERCISE
    assert own.digest
    assert EarlierHandIns(later, asked, tmp_path / "results", tmp_path).of("u0002") == (Earlier(EXERCISE),)
    assert EarlierHandIns(later, Settings(), tmp_path / "results", tmp_path).of("u0001") == ()


def test_a_trial_elsewhere_looks_at_the_results_of_the_class(demo: DemoCourse, tmp_path: Path) -> None:
    later = load_exercise(LATER, demo.root / "exercise_code")
    trial = EarlierHandIns(later, Settings(earlier="student"), tmp_path / "trial", demo.root)
    (own,) = trial.of("u0001")
    assert own.path is not None
    assert own.path.is_relative_to(demo.root / "results" / EXERCISE)


def test_on_a_cluster_it_is_refused(demo: DemoCourse) -> None:
    done = demo.autograder("grade", LATER, "second", "--earlier", "student", "--cluster", "x:1")
    assert done.returncode == 1
    assert "expected --earlier reference on a cluster" in done.stderr
