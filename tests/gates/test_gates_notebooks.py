"""Gates 5 and 6, for every exercise there is: notebooks run, and a missing module fails its own cells only."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from demo_course import EXERCISE as DEMO
from demo_course import DemoCourse, make_demo_course

from autograder.authoring.run_notebooks import NotebookRun, make_tree, run_notebook
from autograder.sources.layout import course_folder, course_ids, notebook_sources, solution_sources

COURSE = course_folder()
EXERCISES = course_ids(COURSE)
NOTEBOOKS = [(exercise, path.stem) for exercise in EXERCISES for path in notebook_sources(exercise, COURSE)]
MODULES = [(exercise, path.stem) for exercise in EXERCISES for path in solution_sources(exercise, COURSE)]
MAX_STEPS = 2

# Runs the checks of every graded cell; says which passed and which student modules had a function called.
CHECKS = """
import contextlib, inspect, io, json, sys
from pathlib import Path
from exercise_code import check
from exercise_code.common.exercise import load_exercise
from exercise_code.common.probing.cases import discover

exercise = load_exercise(sys.argv[1])
called = set()

def watch(frame, event, argument):
    code = frame.f_code
    # Bodies of modules and classes run at every import; only functions count.
    if event == "call" and code.co_flags & inspect.CO_OPTIMIZED:
        path = Path(code.co_filename)
        if path.parent == exercise.folder and path.stem in exercise.modules:
            called.add(path.stem)

result = {}
for grade_id in dict.fromkeys(case.grade.grade_id for case in discover(exercise)):
    called.clear()
    with contextlib.redirect_stdout(io.StringIO()):
        sys.setprofile(watch)
        report = check(grade_id)
        sys.setprofile(None)
    result[grade_id] = {"passed": report.passed, "called": sorted(called), "report": repr(report)}
print(json.dumps(result))
"""


def run_checks(tree: Path, exercise: str) -> dict[str, dict]:
    environment = {**os.environ, "PYTHONPATH": str(tree), "DATASETS_SOURCE": "embedded"}
    result = subprocess.run(
        [sys.executable, "-c", CHECKS, exercise],
        cwd=tree / "exercises" / exercise,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@dataclass
class Solved:
    """The reference of each exercise in a tree of its own, made when it is first asked for."""

    folder: Path
    _trees: dict[str, Path] = field(default_factory=dict)
    _checks: dict[str, dict[str, dict]] = field(default_factory=dict)

    def tree(self, exercise: str) -> Path:
        if exercise not in self._trees:
            self._trees[exercise] = make_tree(self.folder / exercise, [exercise], course=COURSE)
        return self._trees[exercise]

    def checks(self, exercise: str) -> dict[str, dict]:
        if exercise not in self._checks:
            # A tree that no notebook has run in: one may have left a model that was hardly trained.
            tree = make_tree(self.folder / f"{exercise}-checks", [exercise], course=COURSE)
            self._checks[exercise] = run_checks(tree, exercise)
        return self._checks[exercise]


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Solved:
    return Solved(tmp_path_factory.mktemp("solved"))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("exercise", "name"), NOTEBOOKS)
def test_a_notebook_runs_from_top_to_bottom(exercise, name, solved):
    run = run_notebook(solved.tree(exercise), exercise, name, max_steps=MAX_STEPS, course=COURSE)
    assert run.ok, "\n".join(run.problems)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("exercise", "module"), MODULES)
def test_a_missing_module_fails_the_cells_that_test_it_and_no_others(exercise, module, solved, tmp_path):
    reference = solved.checks(exercise)
    faults = [cell["report"] for cell in reference.values() if not cell["passed"]]
    assert not faults, "\n".join(faults)
    testing = {grade_id for grade_id, cell in reference.items() if module in cell["called"]}
    tree = make_tree(tmp_path, [exercise], course=COURSE, untouched=[f"{exercise}/{module}"])
    failed = {grade_id for grade_id, cell in run_checks(tree, exercise).items() if not cell["passed"]}
    assert failed, f"no check notices that {module} is not written"
    assert failed <= testing, f"{sorted(failed - testing)} fail without using {module}"


@pytest.fixture
def demo(tmp_path: Path) -> DemoCourse:
    return make_demo_course(tmp_path / "project")


def run_demo(demo: DemoCourse, into: Path, name: str = "1_first") -> NotebookRun:
    tree = make_tree(into, [DEMO], course=demo.course, root=demo.root)
    return run_notebook(tree, DEMO, name, max_steps=MAX_STEPS, course=demo.course)


def test_gate_5_sees_a_check_that_fails(demo, tmp_path):
    demo.edit(demo.sources / "solution" / "adding.py", "= a + b", "= a - b")
    run = run_demo(demo, tmp_path / "tree")
    assert len(run.problems) == 1
    assert run.problems[0].startswith("demo_add: expected that all checks pass")
    assert "[FAILED] The sum of 2 and 3 is 5." in run.problems[0]


def test_gate_5_sees_a_cell_that_raises(demo, tmp_path):
    demo.edit(demo.sources / "1_first.py", "NUMBERS = [1, 2, 3]", "NUMBERS = 1 / 0")
    run = run_demo(demo, tmp_path / "tree")
    assert run.problems == ("cell 3 (NUMBERS = 1 / 0): ZeroDivisionError: division by zero",)


def test_gate_5_sees_a_kernel_that_dies(demo, tmp_path):
    demo.edit(demo.sources / "1_first.py", "NUMBERS = [1, 2, 3]", "import os; os._exit(1)")
    run = run_demo(demo, tmp_path / "tree")
    assert not run.ok
    assert "Kernel died" in run.problems[0]


def test_gate_6_knows_which_cells_test_a_module(demo, tmp_path):
    tree = make_tree(tmp_path / "solved", [DEMO], course=demo.course, root=demo.root)
    cells = run_checks(tree, DEMO)
    assert {grade_id: cell["called"] for grade_id, cell in cells.items()} == {
        "demo_add": ["adding"],
        "demo_multiply": ["multiplying"],
        "demo_square": ["multiplying"],
    }
    untouched = make_tree(
        tmp_path / "stub", [DEMO], course=demo.course, root=demo.root, untouched=[f"{DEMO}/multiplying"]
    )
    passed = {grade_id: cell["passed"] for grade_id, cell in run_checks(untouched, DEMO).items()}
    assert passed == {"demo_add": True, "demo_multiply": False, "demo_square": False}


def test_gate_6_sees_a_module_that_breaks_others(demo, tmp_path):
    # `adding` needs a name that `multiplying` works out where it is imported.
    demo.edit(
        demo.sources / "solution" / "multiplying.py",
        '"""Products."""\n',
        '"""Products."""\n\n### BEGIN SOLUTION\nNEUTRAL_ELEMENT_OF_PRODUCTS = 1\n### END SOLUTION\n',
    )
    demo.edit(
        demo.sources / "solution" / "adding.py",
        '"""Sums."""\n',
        '"""Sums."""\n\nfrom .multiplying import NEUTRAL_ELEMENT_OF_PRODUCTS\n',
    )
    tree = make_tree(tmp_path / "solved", [DEMO], course=demo.course, root=demo.root)
    testing = {name for name, cell in run_checks(tree, DEMO).items() if "multiplying" in cell["called"]}
    untouched = make_tree(
        tmp_path / "stub", [DEMO], course=demo.course, root=demo.root, untouched=[f"{DEMO}/multiplying"]
    )
    failed = {name for name, cell in run_checks(untouched, DEMO).items() if not cell["passed"]}
    assert failed - testing == {"demo_add"}
