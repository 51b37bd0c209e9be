"""The new exercise that docs/new_exercise.md writes in ten minutes builds, and grades as it should."""

import re
import textwrap
from pathlib import Path

import pytest
from in_process_judge import InProcessJudge
from rich.console import Console

from autograder.authoring.build import build, write
from autograder.proof.verify import verify
from autograder.sources.cells import points_of
from autograder.sources.exercise import Sources
from exercise_code.common.exercise import load_exercise

EXERCISE = "ex90_relu"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "new_exercise.md"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the project's root, with the page's example and nothing else."""
    root = tmp_path_factory.mktemp("project")
    section = PAGE.read_text(encoding="utf-8").split("## The files, one by one", 1)[1].split("\n## ", 1)[0]
    steps = re.split(r"^\d\. ", section, flags=re.MULTILINE)[1:]
    for step in steps:
        if block := re.search(r"```\w+\n(.*?)```", textwrap.dedent("   " + step), re.DOTALL):
            names = re.findall(rf"`([\w/]*{EXERCISE}/[\w/]+\.\w+)`", step)
            path = root / names[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block[1], encoding="utf-8")
    (root / "exercise_code" / EXERCISE / "__init__.py").touch()
    return root


def test_the_example_builds_and_no_solution_is_left(root: Path) -> None:
    written = write(build(root / "autograder" / "course", root), root)
    assert written == [f"exercise_code/{EXERCISE}/layers.py", f"exercises/{EXERCISE}/1_relu.ipynb"]
    given = "".join((root / name).read_text(encoding="utf-8") for name in written)
    assert "elementwise maximum" in given
    assert "np.maximum" not in given
    assert "vanishes" not in given


def test_the_example_grades_as_it_should(root: Path) -> None:
    course = root / "autograder" / "course"
    write(build(course, root), root)
    exercise = load_exercise(EXERCISE, root / "exercise_code")
    src = Sources(exercise, course / EXERCISE, root / "exercises" / EXERCISE)
    checks = {"relu": points_of(EXERCISE, course)["relu"]}
    report = verify(src, judge=InProcessJudge(src, checks), console=Console(quiet=True))
    assert report.ok, [finding for finding in report.findings if not finding.ok]
    assert [finding.name for finding in report.findings] == [
        "reference",
        "untouched",
        "where",
        "absolute_value",
        "given code",
        "mutants",
    ]
    assert report.mutation is not None
    assert report.mutation.killed
