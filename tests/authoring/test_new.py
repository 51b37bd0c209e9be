"""`autograder new` writes exercises that build and grade as they should, and refuses what would harm one.

The exercises are graded in this process, against all their wrong and right answers. Mutants are tried for the code
exercise alone: 39 mutants of the model exercise take a minute, and `autograder verify` tries them.
"""

import os
import subprocess
import sys
from pathlib import Path

import parrot
import pytest
from in_process_judge import InProcessJudge
from rich.console import Console

import exercise_code
from autograder.authoring import new
from autograder.authoring.build import build, write
from autograder.authoring.new import new_command, new_exercise
from autograder.base.errors import AutograderError
from autograder.proof.verify import verify
from autograder.sources.cells import graded_cells
from autograder.sources.exercise import Sources
from autograder.sources.layout import ROOT, course_ids
from exercise_code.common.exercise import exercise_ids, load_exercise

CODE, MODEL = "ex90_relu", "ex91_digits"
TITLE = 'ReLU: "simple" \\ 100 % – übersichtlich'
# A process of its own, because torch's threads survive no fork.
TRAIN = """
import sys
from pathlib import Path
import exercise_code, exercise_code.common.exercise as known
known.PACKAGE = Path(sys.argv[1])
exercise_code.__path__.append(sys.argv[1])
from autograder.authoring.train import train_reference
facts = train_reference(sys.argv[2], device="cpu")
print("passed", facts["passed"])
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the project's root with a new exercise of each kind, built."""
    root = tmp_path_factory.mktemp("project")
    new_exercise(CODE, TITLE, root=root)
    new_exercise(MODEL, model=True, root=root)
    write(build(root / "autograder" / "course", root), root)
    return root


@pytest.fixture(scope="module")
def project(root: Path):
    """The root, whose exercises can be imported and found as the project's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercise_code, "__path__", [*exercise_code.__path__, str(root / "exercise_code")])
        patch.setenv("AUTOGRADER_COURSE", str(root / "autograder" / "course"))
        yield root


def _sources(root: Path, exercise: str) -> Sources:
    spec = load_exercise(exercise, root / "exercise_code")
    return Sources(spec, root / "autograder" / "course" / exercise, root / "exercises" / exercise)


def _verified(src: Sources, *, mutants: bool) -> None:
    checks = {cell.grade_id: cell.points for cell in graded_cells(src.id, src.course.parent) if cell.kind == "checks"}
    judge = InProcessJudge(src, checks, cpu_seconds=60)
    report = verify(src, judge=judge, mutants=mutants, given=mutants, console=Console(quiet=True))
    assert report.ok, [finding for finding in report.findings if not finding.ok]
    assert len(report.findings) >= 8


def _files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_a_code_exercise_grades_as_it_should(project):
    _verified(_sources(project, CODE), mutants=True)


def test_a_code_exercise_stands_the_gates(project):
    src = _sources(project, CODE)
    found = parrot.by_heart(src)
    assert found.earned <= 0.2 * found.possible
    assert parrot.passes_whatever_is_answered(src) == []
    assert parrot.passes_with_functions_that_say_the_same(src) == []


def test_a_model_exercise_trains_and_grades_as_it_should(project):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", TRAIN, str(project / "exercise_code"), MODEL]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert "passed True" in run.stdout, run.stderr[-2000:]
    # The first optimizer imports torch's compiler, which takes seconds: once here, not in each hand-in's child.
    import torch

    torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    _verified(_sources(project, MODEL), mutants=False)


def test_what_students_get_holds_no_solution(root):
    for exercise, solution in ((CODE, "np.maximum(x, 0)\n"), (MODEL, "loss.backward()")):
        modules = (root / "exercise_code" / exercise).glob("*.py")
        given = "".join(path.read_text("utf-8") for path in modules if path.name != "test_visible.py")
        assert "YOUR CODE HERE" in given and solution not in given
    notebook = (root / "exercises" / MODEL / "1_digits.ipynb").read_text("utf-8")
    assert "12,288" not in notebook and "Exercise 91: Digits" in notebook


def test_tasks_have_one_form(root):
    for exercise in (CODE, MODEL):
        cells = graded_cells(exercise, root / "autograder" / "course")
        (script,) = (root / "autograder" / "course" / exercise).glob("1_*.py")
        text = script.read_text("utf-8")
        for number, cell in enumerate(cells, start=1):
            (heading,) = [line for line in text.splitlines() if line.startswith(f"# ## Task {number}: ")]
            assert heading.endswith(f" ({cell.points:g} points)")
            facts = text.split(heading + "\n#\n", 1)[1].splitlines()[0]
            assert facts.startswith(("# ●○○ · about ", "# ●●○ · about "))
            assert cell.kind == "written" or f"](../../exercise_code/{exercise}/" in facts


def test_a_title_may_hold_any_character_that_can_be_printed(root):
    assert load_exercise(CODE, root / "exercise_code").title == TITLE
    assert TITLE in (root / "autograder" / "course" / CODE / "1_relu.py").read_text("utf-8")


@pytest.mark.parametrize("kind", ["new_code", "new_model"])
def test_every_field_is_filled_in_and_templates_are_no_exercises(kind, tmp_path):
    paths = new_exercise("ex92_any", model=kind == "new_model", root=tmp_path)
    assert not [path for path in paths if new._FIELD.search(path.read_text("utf-8"))]
    assert {path.suffix for path in (new.TEMPLATES / kind).rglob("*") if path.is_file()} == {new.SUFFIX}
    assert not {each for each in [*exercise_ids(), *course_ids()] if "@" in each or "new" in each}


@pytest.mark.parametrize(
    "name",
    ["", "relu", "ex9_relu", "ex90_", "ex90_ReLU", "ex90-relu", "ex90_relu/..", "ex90_übung", "../ex90_a"],
)
def test_a_bad_id_is_refused(name, tmp_path):
    with pytest.raises(AutograderError, match=r"expected the id of an exercise, .*: write it like ex90_relu") as caught:
        new_exercise(name, root=tmp_path)
    assert "\n" not in str(caught.value) and repr(name) in str(caught.value)
    assert _files(tmp_path) == set()


@pytest.mark.parametrize("title", ["two\nlines", "a bell \a", "long " * 30])
def test_a_title_of_several_lines_is_refused(title, tmp_path):
    with pytest.raises(AutograderError, match="expected a title of one line"):
        new_exercise(CODE, title, root=tmp_path)
    assert _files(tmp_path) == set()


@pytest.mark.parametrize("place", ["exercise_code", "exercises", "autograder/course"])
def test_nothing_is_written_over(place, tmp_path):
    kept = tmp_path / place / CODE / "mine.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    before = _files(tmp_path)
    with pytest.raises(AutograderError, match=r"expected the id of a new exercise, got .* is there already"):
        new_exercise(CODE, root=tmp_path)
    assert _files(tmp_path) == before and kept.read_text() == "mine"


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_what_fails_half_way_leaves_nothing(failing, tmp_path, monkeypatch):
    """The first failure is at a file, the others at the folders' last step."""
    real, calls = Path.rename, []

    def rename(self, target):
        calls.append(target)
        if len(calls) == failing - 1:
            raise OSError(28, "No space left on device", str(target))
        return real(self, target)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", rename)
    if failing == 1:
        monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(AutograderError, match="No space left on device; nothing was changed"):
        new_exercise(MODEL, model=True, root=tmp_path)
    assert not [name for name in _files(tmp_path) if "ex91" in name or ".new" in name]


def test_the_command_says_what_it_wrote_and_what_comes_next(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(new, "new_exercise", lambda *_args, **_more: [ROOT / "exercise_code" / MODEL / "exercise.toml"])
    assert new_command(MODEL, "", True) == 0
    said = capsys.readouterr().out
    assert f"wrote exercise_code/{MODEL}/exercise.toml\n" in said
    commands = [line.split("   ")[0].strip() for line in said.splitlines() if line.startswith("  autograder")]
    assert commands == ["autograder build", f"autograder train {MODEL}", f"autograder verify {MODEL}"]
    new_command(CODE, "", False)
    assert "train" not in capsys.readouterr().out


def test_an_error_is_one_line_on_stderr():
    run = subprocess.run(
        [sys.executable, "-m", "autograder", "new", "ex09_keypoints"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 1 and run.stdout == ""
    assert run.stderr.startswith("error: expected the id of a new exercise") and run.stderr.count("\n") == 1
