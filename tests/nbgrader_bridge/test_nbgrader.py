"""nbgrader with our preprocessor: the release, the scores, what stays with people, and what it costs."""

import json
import shutil
import stat
from pathlib import Path

import pytest
from nbgrader_course import (
    EXERCISE,
    cell_of,
    edit_notebook,
    grades,
    hand_in,
    mark,
    nbgrader,
    nbgrader_process,
    read_notebook,
    released_course,
)

from autograder.authoring.build import build
from autograder.authoring.leaks import find_leaks
from autograder.base.errors import AutograderError
from autograder.base.settings import settings_from_environment
from autograder.grading import grade_class
from autograder.judging.result import CellResult, Result, TestResult, read_result
from autograder.nbgrader_bridge.class_folder import make_course
from autograder.nbgrader_bridge.notebooks.outputs import points_in, put_scores
from autograder.sources import variants
from autograder.sources.cells import points_of
from autograder.sources.exercise import sources
from autograder.sources.hunt import read_hunt
from autograder.sources.known_answers import apply, wrong_answers
from autograder.sources.layout import course_folder, course_ids

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """Hand-ins of the exercise by name."""
    folder = tmp_path_factory.mktemp("trees")
    partial = wrong_answers(EXERCISE)[0]
    return {
        "good": variants.reference(EXERCISE, folder / "good"),
        "blank": variants.untouched(EXERCISE, folder / "blank"),
        "partial": apply(partial, folder / "partial"),
    }


@pytest.fixture(scope="module")
def course(tmp_path_factory, trees):
    """A released course with four hand-ins, autograded by nbgrader with one judge."""
    folder = released_course(tmp_path_factory.mktemp("class") / "dl-2026")
    for student, tree in {"u0001": "good", "u0002": "blank", "u0003": "partial", "u0004": "good"}.items():
        hand_in(folder, student, trees[tree])
    edit_notebook(
        folder / "submitted" / "u0004" / EXERCISE / "1_dataset.ipynb",
        lambda nb: cell_of(nb, "written_statistics").update(source="The mean of the training images, $\\mu < 1$."),
    )
    nbgrader(folder, "autograde", EXERCISE)
    return folder


def test_a_course_folder_is_made_once_and_an_instructors_edits_stay(tmp_path):
    folder = tmp_path / "dl 2026"
    made = make_course(folder, [EXERCISE])
    assert stat.S_IMODE((folder / "secret").stat().st_mode) == 0o600
    secret = (folder / "secret").read_text()
    assert len(bytes.fromhex(secret)) == 16
    assert folder / "source" / EXERCISE / "1_dataset.ipynb" in made
    assert make_course(folder, [EXERCISE]) == []
    (folder / "class.toml").write_text('course_id = "mine"\n')
    (folder / "roster.csv").write_text("id,name\nu0001,Ann\n")
    notebook = folder / "source" / EXERCISE / "1_dataset.ipynb"
    notebook.write_text("{}")
    stranger = folder / "source" / EXERCISE / "exercise_code" / EXERCISE / "old_module.py"
    stranger.write_text("")
    assert make_course(folder, [EXERCISE]) == [notebook]
    assert (folder / "class.toml").read_text() == 'course_id = "mine"\n'
    assert (folder / "roster.csv").read_text() == "id,name\nu0001,Ann\n"
    assert (folder / "secret").read_text() == secret
    assert not stranger.exists()


def test_a_secret_is_not_made_where_it_would_be_published():
    with pytest.raises(AutograderError, match="outside of the project"):
        make_course(ROOT / "dl-2026", [EXERCISE])
    assert not (ROOT / "dl-2026").exists()


def test_the_settings_of_a_new_class_can_be_read(tmp_path):
    from autograder.classroom.class_file import open_classroom

    make_course(tmp_path / "dl 2026", [EXERCISE])
    assert open_classroom(tmp_path / "dl 2026").course_id == "dl-2026"
    assert settings_from_environment(folder=tmp_path / "dl 2026").demo_secret is False
    path = tmp_path / "dl 2026" / "class.toml"
    lines = path.read_text().splitlines()
    settings = ("# [", "# due", "# hours", "# lose")
    path.write_text("\n".join(line[2:] if line.startswith(settings) else line for line in lines))
    whole = open_classroom(tmp_path / "dl 2026")
    assert whole.due[EXERCISE].utcoffset() is not None
    assert [row.hours for row in whole.late] == [24, 72]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("class.toml", "[[late]]\nhours = x\n", "expected TOML"),
        ("roster.csv", "id,id\n", "expected the column id once"),
        # `python -m` looks in the folder it is started in first.
        ("autograder.py", "raise ImportError('gone')", "expected `autograder` in this Python"),
    ],
)
def test_nbgrader_never_goes_on_without_our_settings(tmp_path, name, text, said):
    """It does so after any error in them; then it runs students' code in kernels, without walls."""
    folder = tmp_path / "class"
    make_course(folder, [EXERCISE])
    (folder / name).write_text(text)
    done = nbgrader_process(folder, "export")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "grades.csv").exists() and not (folder / "gradebook.db").exists()


@pytest.mark.parametrize("exercise", course_ids())
def test_a_release_is_what_the_build_gives_and_holds_no_answer(tmp_path, exercise):
    folder = released_course(tmp_path / "class", exercise)
    release = folder / "release" / exercise
    files = {p.relative_to(release).as_posix(): p.read_bytes() for p in release.rglob("*") if p.is_file()}
    assert find_leaks(files, course_folder()) == []
    built = {f.path: f.content for f in build(course_folder(), ROOT, [exercise]) if f.path.startswith("exercises/")}
    assert len(built) == sum(name.endswith(".ipynb") for name in files)
    for path, content in built.items():
        assert json.loads(files[Path(path).name]) == json.loads(content)
    assert {f"exercise_code/{exercise}/test_visible.py", "exercise_code/common/testing.py"} <= set(files)
    hunt = read_hunt(sources(exercise).course)
    for name in sources(exercise).twins:
        # A hunted module has bugs in the place of gaps.
        assert (hunt is not None and name == hunt.module) or "NotImplementedError" in files[
            f"exercise_code/{exercise}/{name}"
        ].decode()


def test_a_release_with_an_answer_in_it_is_removed(tmp_path):
    folder = tmp_path / "class"
    make_course(folder, [EXERCISE])
    module = folder / "source" / EXERCISE / "exercise_code" / EXERCISE / "image_folder.py"
    module.write_text((sources(EXERCISE).solution / "image_folder.py").read_text())
    nbgrader(folder, "generate_assignment", EXERCISE, fails=True)
    assert not (folder / "release" / EXERCISE).exists()


def test_hand_ins_have_their_points_in_the_gradebook(course):
    """The same as those of our command, cell by cell and for every exercise: `test_one_score.py`."""
    found = {student: grades(course, student) for student in ("u0001", "u0002", "u0003", "u0004")}
    assert all({name: g.max for name, g in of.items()} == points_of(EXERCISE) for of in found.values())
    points = {student: sum(g.auto or 0.0 for g in of.values()) for student, of in found.items()}
    assert points["u0001"] == points["u0004"] == 90
    assert points["u0002"] == 0
    assert 0 < points["u0003"] < 90


def test_both_commands_share_their_results(course):
    """What nbgrader graded, our command finds; what ours graded, nbgrader finds."""
    settings = settings_from_environment(folder=course)
    fresh = []
    grade_class(EXERCISE, course / "submitted", course / "results", settings, step=lambda g: fresh.append(g.fresh))
    assert fresh == [False] * 4
    # A result that only the file can know.
    [path] = (course / "results" / EXERCISE).glob("u0002--*.json")
    result = read_result(path)
    cells = [c.model_copy(update={"points": c.max_points / 3}) if i == 0 else c for i, c in enumerate(result.cells)]
    text = path.read_text()
    path.write_text(result.model_copy(update={"cells": cells}).model_dump_json())
    from autograder.nbgrader_bridge import scores

    scores.end_all()
    nbgrader(course, "autograde", EXERCISE, "--student=u0002", "--force")
    assert grades(course, "u0002")[cells[0].grade_id].auto == cells[0].max_points / 3
    path.write_text(text)
    scores.end_all()
    nbgrader(course, "autograde", EXERCISE, "--student=u0002", "--force")
    assert grades(course, "u0002")[cells[0].grade_id].auto == 0


def test_a_class_is_graded_by_one_judge_and_no_kernel(course, trees, monkeypatch):
    """A judge takes seconds to start; and nobody's code runs in a kernel."""
    from nbclient import NotebookClient

    from autograder.fleet.local import Fleet
    from autograder.nbgrader_bridge import scores

    started = []
    start = Fleet._start
    monkeypatch.setattr(Fleet, "_start", lambda self, *rest: started.append(1) or start(self, *rest))
    monkeypatch.setattr(NotebookClient, "execute", lambda *_: pytest.fail("a notebook was run"))
    scores.end_all()
    for path in (course / "results" / EXERCISE).glob("*.json"):
        path.unlink()
    before = _tree(course / "submitted")
    nbgrader(course, "autograde", EXERCISE, "--force")
    assert len(started) == 1
    assert _tree(course / "submitted") == before
    scores.end_all()
    nbgrader(course, "autograde", EXERCISE, "--force")
    assert len(started) == 1


def _tree(folder):
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}


def test_answers_wait_for_people_and_what_people_give_stays(course):
    untouched, written = grades(course, "u0001")["written_statistics"], grades(course, "u0004")["written_statistics"]
    assert (untouched.auto, untouched.waits) == (0, False)
    assert (written.auto, written.waits) == (None, True)
    mark(course, "u0004", "written_statistics", 3.5)
    mark(course, "u0003", "dataset_len", 1.25)
    nbgrader(course, "autograde", EXERCISE, "--force")
    assert grades(course, "u0004")["written_statistics"].manual == 3.5
    assert grades(course, "u0003")["dataset_len"].manual == 1.25


@pytest.mark.parametrize("left", ["a notebook lacks", "a notebook has no scores", "half a notebook"])
def test_a_hand_in_in_which_a_run_was_killed_is_graded_again(course, left):
    """nbgrader takes the folder for a sign that it is done, and would keep what is there for ever."""
    folder = course / "autograded" / "u0003" / EXERCISE
    before = _tree(folder)
    path = folder / "2_dataloader.ipynb"
    text = path.read_text()
    path.unlink()
    if left == "a notebook has no scores":
        shutil.copy(course / "release" / EXERCISE / path.name, path)
    elif left == "half a notebook":
        path.write_text(text[: len(text) // 2])
    log = nbgrader(course, "autograde", EXERCISE)
    assert "an earlier run ended within 'u0003'" in log
    assert log.count("Skipping existing assignment") == 3
    assert {p: data for p, (_, data) in _tree(folder).items()} == {p: data for p, (_, data) in before.items()}
    assert "an earlier run" not in nbgrader(course, "autograde", EXERCISE)


def test_students_modules_are_theirs_in_the_graded_copy_and_given_ones_are_not(course, trees):
    graded = course / "autograded" / "u0003" / EXERCISE / "exercise_code" / EXERCISE
    theirs = trees["partial"] / "exercise_code" / EXERCISE
    for name in sources(EXERCISE).twins:
        assert (graded / name).read_bytes() == (theirs / name).read_bytes()
    assert (graded / "image_files.py").read_bytes() == (
        ROOT / "exercise_code" / EXERCISE / "image_files.py"
    ).read_bytes()


def test_the_graded_copy_says_what_was_lost_and_why(course):
    notebook = read_notebook(course / "autograded" / "u0003" / EXERCISE / "1_dataset.ipynb")
    result = read_result(next((course / "results" / EXERCISE).glob("u0003--*.json")))
    for scored in result.cells:
        cells = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == scored.grade_id]
        for cell in cells:
            reasons, number = cell["outputs"]
            assert float("".join(number["data"]["text/plain"])) == scored.points
            text = "".join(reasons["data"]["text/plain"])
            assert all(test.title in text for test in scored.tests)


def _result(*tests: TestResult, points: float = 1.0, most: float = 3.0) -> Result:
    cell = CellResult(grade_id="a", points=points, max_points=most, tests=list(tests))
    return Result(student="u0001", exercise=EXERCISE, hand_in="x", cells=[cell])


def _notebook(points: float = 3.0) -> dict:
    role = {"grade_id": "a", "grade": True, "solution": False, "points": points}
    return {"cells": [{"cell_type": "code", "metadata": {"nbgrader": role}, "source": "", "outputs": []}]}


def test_of_hidden_tests_only_the_condition_and_the_safe_reason_show():
    secrets = {"want": "WANT", "got": "GOT", "hint": "HINT", "log": "LOG"}
    hidden = TestResult(name="test_n", title="Title", visible=False, passed=False, reason="Reason", **secrets)
    notebook = _notebook()
    put_scores(notebook, _result(hidden))
    shown = json.dumps(notebook)
    assert "Title" in shown
    assert "Reason" in shown
    assert not any(word in shown for word in ("WANT", "GOT", "HINT", "LOG", "test_n"))
    visible = hidden.model_copy(update={"visible": True, "got": "<script>alert(1)</script>\u202e"})
    put_scores(notebook, _result(visible))
    page = notebook["cells"][0]["outputs"][0]["data"]["text/html"]
    assert "WANT" in page
    assert "HINT" in page
    assert "LOG" not in page
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("points", [0.0, 5e-324, 2.6666666666666665, 1 / 3, 3 - 4e-16, 3.0, 3.0000000000000004, -0.0])
def test_a_number_reaches_nbgrader_as_it_is(points):
    """nbgrader reads it from the text, refuses more than all points, and takes less than none for all of them."""
    from nbformat import from_dict
    from nbgrader.utils import determine_grade

    notebook = _notebook()
    result = _result(points=points)
    put_scores(notebook, result)
    read, most = determine_grade(from_dict(notebook["cells"][0]))
    assert read == points_in(result.cells[0]) == min(points, 3.0)
    assert most == 3.0


def test_a_gradebook_out_of_step_with_the_course_is_an_error():
    with pytest.raises(Exception, match=r"worth 4\.0 points in the gradebook, the course has 3 points"):
        put_scores(_notebook(4.0), _result())
    with pytest.raises(Exception, match="grading itself failed: no room"):
        put_scores(_notebook(), _result().model_copy(update={"failed": "no room"}))


def test_another_assignment_does_not_get_full_points_in_silence(course, trees):
    """To nbgrader a cell without output has earned everything, and nobody runs the cells of other assignments."""
    other = course / "source" / "own_work"
    other.mkdir()
    shutil.copy(ROOT / "exercises" / EXERCISE / "1_dataset.ipynb", other / "1_dataset.ipynb")
    nbgrader(course, "generate_assignment", "own_work")
    hand_in(course, "u0001", other, "own_work")
    log = nbgrader(course, "autograde", "own_work", fails=True)
    assert "expected an exercise of the course, got 'own_work'" in log
    assert grades(course, "u0001", "own_work")["dataset_len"].auto in (None, 0)


@pytest.mark.slow
def test_the_commands_themselves(course):
    """In processes of their own, as an instructor runs them; a judge left behind would hold the output open."""
    shutil.rmtree(course / "results")
    before = grades(course, "u0003")
    for arguments in (("autograde", EXERCISE, "--force"), ("generate_feedback", EXERCISE, "--force"), ("export",)):
        done = nbgrader_process(course, *arguments)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "Traceback" not in done.stderr
    assert grades(course, "u0003") == before
    assert (course / "feedback" / "u0003" / EXERCISE / "1_dataset.html").is_file()
    assert "u0003" in (course / "grades.csv").read_text()
