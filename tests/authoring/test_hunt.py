"""A bug hunt: students get a module with bugs that wrong answers make."""

from pathlib import Path

import pytest
from demo_course import EXERCISE, WRONG, DemoCourse, make_demo_course

from autograder.authoring.build import build
from autograder.base.errors import AutograderError
from autograder.sources.hunt import read_hunt
from autograder.sources.variants import strip_markers

HUNT = 'module = "multiplying.py"\nbugs = ["adds", "forgets"]\n'


@pytest.fixture
def demo(tmp_path: Path) -> DemoCourse:
    demo = make_demo_course(tmp_path / "project")
    module = demo.sources / "solution" / "multiplying.py"
    module.write_text(strip_markers(module.read_text()))
    (demo.sources / "wrong.toml").write_text(WRONG)
    (demo.sources / "hunt.toml").write_text(HUNT)
    return demo


def _stub(demo: DemoCourse, name: str) -> str:
    files = {Path(file.path).name: file.content.decode() for file in build(demo.course, demo.root, [EXERCISE])}
    return files[name]


def test_students_get_the_module_with_all_bugs_in_it(demo: DemoCourse) -> None:
    solved = (demo.sources / "solution" / "multiplying.py").read_text()
    stub = _stub(demo, "multiplying.py")
    assert stub == solved.replace("self.factor * x", "self.factor + x").replace("Multiplier(x)(x)", "Multiplier(x)")
    assert "BEGIN SOLUTION" not in stub
    assert "NotImplementedError" in _stub(demo, "adding.py")


def test_a_hunt_may_leave_parts_to_be_written(demo: DemoCourse) -> None:
    demo.edit(
        demo.sources / "solution" / "multiplying.py",
        "        self.factor = factor\n",
        "        ### BEGIN SOLUTION\n        self.factor = factor\n        ### END SOLUTION\n",
    )
    stub = _stub(demo, "multiplying.py")
    assert "self.factor + x" in stub
    assert "NotImplementedError" in stub
    assert "self.factor = factor" not in stub


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("module = 3\nbugs = []\n", "bugs ="),
        ('module = "multiplying.py"\nbugs = ["adds"]\nmore = 1\n', "bugs ="),
        ('module = "multiplying.py"\nbugs = ["odds"]\n', "known are adds, forgets, elsewhere"),
        ('module = "multiplying.py"\nbugs = ["adds", "elsewhere"]\n', "hunt in one module"),
        ("module = ", "TOML"),
    ],
)
def test_faults_of_a_hunt_are_named(demo: DemoCourse, text: str, words: str) -> None:
    (demo.sources / "hunt.toml").write_text(text)
    with pytest.raises(AutograderError, match=words):
        read_hunt(demo.sources)


def test_two_bugs_in_one_line_are_refused(demo: DemoCourse) -> None:
    demo.edit(demo.sources / "wrong.toml", 'replace = "self.factor + x"', 'replace = "Multiplier(x)(x)"')
    demo.edit(demo.sources / "wrong.toml", 'find = "return Multiplier(x)(x)"', 'find = "Multiplier(x)(x)"')
    with pytest.raises(AutograderError, match="two bugs may not change the same lines"):
        _stub(demo, "multiplying.py")


def test_without_a_hunt_there_is_none(demo: DemoCourse) -> None:
    (demo.sources / "hunt.toml").unlink()
    assert read_hunt(demo.sources) is None
