"""`check`: what a student sees of the visible tests, on code as it stands on disk now."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest

from autograder.simulation import trusted_check
from exercise_code.common import course_tree
from exercise_code.common import exercise as exercises
from exercise_code.common.checks import check as checking
from exercise_code.common.checks.check import check
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.checks.report import Report, SyntaxFault
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import load_exercise
from exercise_code.common.probing.cases import Outcome

TESTS = '''
import numpy as np
from exercise_code.common.testing import assert_same, grade

def doubled(code, x):
    return code.loader.double(x)

@grade("tiny_double")
def test_doubles_a_number(observe):
    """A number is `doubled`."""
    assert_same(observe(doubled, 21), 42, hint="multiply by 2")

@grade("tiny_double")
def test_doubles_an_array(observe, rng):
    """An array is doubled, item by item."""
    x = rng.normal(size=(2, 3))
    assert_same(observe(doubled, x), 2 * x)

@grade("tiny_other")
def test_is_other(observe):
    """The other function answers 'other'."""
    assert_same(observe(lambda code: code.loader.other()), "other")
'''
GOOD = "def double(x):\n    return 2 * x\n\ndef other():\n    return 'other'\n"


def make_exercise(package, name, toml="", source=GOOD, tests=TESTS):
    folder = package / name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    head = 'title = "Tiny"\nminutes = 5\nmodules = ["loader"]\nnotebooks = ["1_tiny"]\n'
    (folder / "exercise.toml").write_text(head + toml)
    (folder / "test_visible.py").write_text(tests)
    (folder / "loader.py").write_text(source)
    return load_exercise(name, package)


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "course" / "exercise_code"
    monkeypatch.setattr(exercises, "PACKAGE", folder)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def exercise(package):
    return make_exercise(package, "ex98_tiny")


def write(exercise, source):
    (exercise.folder / "loader.py").write_text(textwrap.dedent(source))


def test_a_right_answer_passes(exercise, capsys):
    report = check("tiny_double")
    assert report.passed
    assert [outcome.title for outcome in report.outcomes] == [
        "A number is `doubled`.",
        "An array is doubled, item by item.",
    ]
    assert capsys.readouterr().out.splitlines()[-1] == (
        "All 2 visible checks pass. The grader also runs hidden checks."
    )


def test_a_wrong_answer_shows_what_was_wanted_what_came_and_a_hint(exercise):
    write(exercise, "def double(x):\n    return x + 21\n")
    text = repr(check("tiny_double"))
    assert "[FAILED] A number is" not in text
    write(exercise, "def double(x):\n    return x + 1\n")
    report = check("tiny_double")
    text = repr(report)
    assert not report.passed
    for part in ("[FAILED] A number is `doubled`.", "want:  42", "got:   22", "hint:  multiply by 2"):
        assert part in text
    assert "0 of 2 visible checks pass. The grader also runs hidden checks." in text
    page = report._repr_html_()
    for part in ("✗ failed", "<code>doubled</code>", "<code>42</code>", "multiply by 2"):
        assert part in page


def test_an_unwritten_stub_is_to_do_not_failed(exercise):
    write(exercise, "def double(x):\n    raise NotImplementedError\n")
    report = check("tiny_double")
    assert not report.passed
    assert "[to do ]" in repr(report)
    assert "○ to do" in report._repr_html_()
    assert "FAILED" not in repr(report)


def test_what_two_checks_say_alike_is_told_once_and_belongs_to_both(exercise):
    write(exercise, "def double(x):\n    return 1 / 0\n")
    lines = repr(check("tiny_double")).splitlines()
    assert [line[:10] for line in lines[1:3]] == ["  [FAILED]"] * 2
    assert lines[3].startswith("           both: ")
    assert sum("ZeroDivisionError" in line for line in lines) == 1
    write(exercise, "def double(x):\n    return x + 21 if isinstance(x, int) else x\n")
    assert "both: " not in repr(check("tiny_double"))


def test_an_edit_counts_at_once_even_within_a_second_and_of_equal_size(exercise):
    path = exercise.folder / "loader.py"
    stamp = path.stat()
    for factor, passed in (("2", True), ("3", False), ("2", True)):
        write(exercise, f"def double(x):\n    return {factor} * x\n")
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        assert check("tiny_double").passed is passed


def test_the_notebooks_own_modules_stay_as_they_were(exercise):
    with fresh_code(exercise) as code:
        theirs = code.loader
        assert sys.modules["exercise_code.ex98_tiny.loader"] is theirs
        with fresh_code(exercise) as inner:
            assert inner.loader is not theirs
        assert sys.modules["exercise_code.ex98_tiny.loader"] is theirs
        check("tiny_double")
        assert sys.modules["exercise_code.ex98_tiny.loader"] is theirs
        assert code.loader is theirs
    import exercise_code

    assert not [name for name in sys.modules if name.startswith("exercise_code.ex98_tiny")]
    assert not hasattr(exercise_code, "ex98_tiny")


def test_a_module_that_fails_to_import_leaves_nothing_behind(exercise):
    write(exercise, "import no_such_module_anywhere\n")
    before = list(sys.meta_path), set(sys.modules)
    report = check("tiny_double")
    assert "the code raised ModuleNotFoundError: No module named 'no_such_module_anywhere'" in repr(report)
    assert "where: loader.py, line 1: import no_such_module_anywhere" in repr(report)
    assert (list(sys.meta_path), set(sys.modules)) == before


def test_a_syntax_error_is_shown_once_with_line_and_caret(exercise):
    write(exercise, "def double(x)\n    return 2 * x\n")
    report = check("tiny_double")
    text = repr(report)
    assert "loader.py, line 1: expected ':'" in text
    lines = text.splitlines()
    line = next(i for i, text in enumerate(lines) if text.endswith("def double(x)"))
    assert lines[line + 1].index("^") == lines[line].index("def") + len("def double(x)")
    assert text.count("expected ':'") == 1
    assert report._repr_html_().count("expected") == 1
    assert text.count("[not run]") == 2
    assert "Traceback" not in text


@pytest.mark.parametrize("source", [b"x = 1\x00", b"x = '\xff'\n", b"  x = 1\n"])
def test_unreadable_files_are_named(exercise, source):
    (exercise.folder / "loader.py").write_bytes(source)
    text = repr(check("tiny_double"))
    assert "loader.py" in text
    assert "0 of 2 visible checks pass" in text


def test_a_caret_follows_the_indentation_that_is_cut():
    fault = SyntaxFault("a.py", 3, 9, "\t\tx = = 1\n", "invalid syntax")
    head, line, caret = fault.lines()
    assert head == "a.py, line 3: invalid syntax"
    assert line.strip() == "x = = 1"
    assert line[caret.index("^")] == "1"


def test_an_endless_loop_ends_with_its_place(exercise, monkeypatch):
    monkeypatch.setattr(checking, "SECONDS", 0.2)
    (exercise.folder / "exercise.toml").write_text(
        (exercise.folder / "exercise.toml").read_text() + "[limits]\ntest_cpu_seconds = 0.1\n"
    )
    write(
        exercise,
        """
        def double(x):
            while True:
                try:
                    pass
                except:
                    pass
        """,
    )
    report = check("tiny_double")
    assert "no answer within 0.2 seconds: is there a loop that never ends?" in repr(report)
    assert "where: loader.py, line" in repr(report)


def test_a_module_that_changes_the_folder_does_not_move_the_notebook(exercise, tmp_path):
    write(exercise, f"import os\nos.chdir({str(tmp_path.parent)!r})\n{GOOD}")
    assert check("tiny_double").passed
    assert os.getcwd() == str(tmp_path)


def test_what_the_exercise_names_is_imported_before_the_clock_starts(exercise, tmp_path, monkeypatch):
    library = tmp_path / "libraries" / "named_library.py"
    library.parent.mkdir()
    library.write_text("import signal\nHANDLER = signal.getsignal(signal.SIGALRM)\n")
    monkeypatch.syspath_prepend(str(library.parent))
    toml = exercise.folder / "exercise.toml"
    toml.write_text(toml.read_text() + 'imports = ["numpy", "named_library"]\n')
    write(exercise, "import named_library\n" + GOOD)
    before = signal.getsignal(signal.SIGALRM)
    assert check("tiny_double").passed
    assert sys.modules.pop("named_library").HANDLER is before


def test_a_package_that_is_not_installed_is_one_line(exercise):
    toml = exercise.folder / "exercise.toml"
    toml.write_text(toml.read_text() + 'imports = ["no_such_package"]\n')
    with pytest.raises(CourseError, match=r"expected no_such_package, which ex98_tiny uses.*install"):
        check("tiny_double")


def test_after_two_late_answers_the_rest_is_not_run(package, monkeypatch):
    monkeypatch.setattr(checking, "SECONDS", 0.1)
    more = '@grade("tiny_double")\ndef test_third(observe):\n    """Third."""\n    assert observe(doubled, 1) == 2\n'
    make_exercise(
        package,
        "ex98_tiny",
        "[limits]\ntest_cpu_seconds = 0.05\n",
        "import time\ndef double(x):\n    time.sleep(60)\n",
        TESTS + more,
    )
    report = check("tiny_double")
    assert [outcome.passed for outcome in report.outcomes] == [False] * 3
    assert "not run" in report.outcomes[2].reason


@pytest.mark.filterwarnings("ignore:careful")
def test_what_the_code_prints_is_kept_apart_and_capped(exercise, capsys):
    write(
        exercise,
        """
        import sys, warnings
        def double(x):
            print("<b>hello</b>")
            print("y" * 10_000, file=sys.stderr)
            warnings.warn("careful")
            return 2 * x
        """,
    )
    report = check("tiny_double")
    assert report.passed
    assert report.printed.startswith("<b>hello</b>\nyyyy")
    assert "more characters" in report.printed
    assert len(report.printed) < 4100
    page = report._repr_html_()
    assert "<b>hello" not in page
    assert "<details>" in page
    assert capsys.readouterr().err == ""


def test_everything_students_can_write_is_escaped():
    evil = "<script>alert(1)</script>$x$"
    outcome = Outcome("t", evil, evil, False, evil, evil, evil, evil, "exception", "X")
    report = Report(evil, evil, (outcome,), evil, (SyntaxFault(evil, 1, 1, evil, evil),), (evil,))
    page = report._repr_html_()
    assert "<script" not in page
    assert "$x$" not in page


@pytest.mark.parametrize("how", ["raise SystemExit", "raise RecursionError", "import os; os.kill", "assert False"])
def test_code_that_raises_anything_fails_with_words(exercise, how):
    write(exercise, f"def double(x):\n    {how}\n")
    report = check("tiny_double")
    assert not report.passed
    assert all(outcome.reason for outcome in report.outcomes)


def test_a_test_that_trips_over_an_answer_is_a_failed_test(package):
    tests = (
        TESTS
        + '''
@grade("tiny_trip")
def test_trips(observe):
    """The answer has a key."""
    assert observe(doubled, 1)["key"] == 2
'''
    )
    make_exercise(package, "ex98_tiny", tests=tests)
    report = check("tiny_trip")
    assert not report.passed
    assert "not of the expected form" in report.outcomes[0].reason


def test_unknown_ids_get_one_line_that_helps(exercise, tmp_path, monkeypatch):
    with pytest.raises(CourseError, match="did you mean tiny_double"):
        check("tiny_duble")
    with pytest.raises(CourseError, match="known are tiny_double, tiny_other") as caught:
        check("zzz")
    assert "\n" not in str(caught.value)
    with pytest.raises(CourseError, match="expected the id of an exercise, got 'ex97'"):
        check("tiny_double", exercise="ex97")
    with pytest.raises(CourseError, match="expected a grade id as text, got a int"):
        check(3)


def test_the_folder_decides_between_equal_ids(package, tmp_path, monkeypatch):
    make_exercise(package, "ex97_twin", source="def double(x):\n    return 0\n")
    make_exercise(package, "ex98_tiny")
    with pytest.raises(CourseError, match="is in ex97_twin or ex98_tiny"):
        check("tiny_double")
    assert check("tiny_double", exercise="ex98_tiny").passed
    for name, passed in (("ex97_twin", False), ("ex98_tiny", True)):
        folder = tmp_path / "course" / "exercises" / name / "deeper"
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        report = check("tiny_double")
        assert (report.exercise_id, report.passed) == (name, passed)


def test_a_notebooks_file_tells_the_exercise_too(exercise, tmp_path, monkeypatch):
    folder = tmp_path / "somewhere"
    folder.mkdir()
    (folder / "1_tiny.ipynb").write_text("{}")
    monkeypatch.chdir(folder)
    assert course_tree.exercise_here() == exercise


def test_a_failing_earlier_exercise_is_named_only_when_a_check_fails(package):
    make_exercise(package, "ex97_first", source="def double(x):\n    return 0\ndef other():\n    return 'other'\n")
    later = make_exercise(
        package,
        "ex98_later",
        'earlier = ["ex97_first"]\n',
        "from exercise_code.ex97_first.loader import double\n",
        TESTS.replace("tiny_double", "later_double"),
    )
    note = "uses your code from ex97_first, where 2 of 3 visible checks do not pass"
    assert note in repr(check("later_double"))
    write(later, GOOD)
    assert "ex97_first" not in repr(check("later_double"))
    write(later, "from exercise_code.ex97_first.loader import double\n")
    (package / "ex97_first" / "loader.py").write_text(GOOD)
    assert check("later_double").passed


MODEL = """
[model]
files = ["tiny"]
max_parameters = 10
max_size_mb = 1
metric = "accuracy"
grade_id = "tiny_score"
digits = 2
dataset = "mnist"
cpu_seconds = 1

[[model.steps]]
name = "passes"
score = { embedded = 0.5, real = 0.5 }
share = 1.0
"""


def test_of_an_earlier_exercise_the_code_counts_and_no_model(package):
    scored = '''

@grade("tiny_score", step="passes")
def test_the_model_passes(evaluation):
    """It passes."""
    evaluation.expect("passes")
'''
    make_exercise(package, "ex97_first", MODEL, tests=TESTS + scored)
    broken = "def double(x):\n    return 0\n"
    later = TESTS.replace("tiny_double", "later_double")
    make_exercise(package, "ex98_later", 'earlier = ["ex97_first"]\n', broken, later)
    assert not check("later_double").passed
    assert "ex97_first" not in repr(check("later_double"))
    (package / "ex97_first" / "loader.py").write_text(broken)
    assert "ex97_first, where 3 of 3 visible checks do not pass" in repr(check("later_double"))


def test_reports_of_failures_hold_no_points(exercise):
    write(exercise, "def double(x):\n    return x + 1\n")
    assert "points" not in repr(check("tiny_double")).lower()


@pytest.fixture
def trusted(exercise, tmp_path, monkeypatch):
    hidden = tmp_path / "test_hidden.py"
    hidden.write_text(
        '''
from exercise_code.common.testing import assert_same, grade

def doubled(code, x):
    return code.loader.double(x)

@grade("tiny_double")
def test_hidden(observe, reference):
    """Negative numbers are doubled."""
    assert_same(observe(doubled, -7), reference(doubled, -7), hint="secret hint")

@grade("tiny_other")
def test_hidden_other(observe):
    """Not this one."""
    raise RuntimeError("not of this cell")
'''
    )
    solution = tmp_path / "solution"
    solution.mkdir()
    (solution / "loader.py").write_text(GOOD)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    monkeypatch.setenv("AUTOGRADER_TRUSTED_HIDDEN", str(hidden))
    monkeypatch.setenv("AUTOGRADER_TRUSTED_SOLUTION", str(solution))
    monkeypatch.setenv("AUTOGRADER_TRUSTED_POINTS", json.dumps({"tiny_double": 15}))
    return exercise


@pytest.mark.parametrize(
    ("source", "points"),
    [(GOOD, 15.0), ("def double(x):\n    return abs(2 * x)\n", 5.0), ("def double(x):\n    return 1\n", 0.0)],
)
def test_trusted_mode_gives_points_for_visible_and_hidden_tests(trusted, capsys, source, points):
    write(trusted, source)
    earned = trusted_check.check("tiny_double")
    assert type(earned) is float
    assert earned == points
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "Negative numbers are doubled." in captured.out
    assert "secret" not in captured.out
    assert "-14" not in captured.out


def test_nbgraders_validation_fails_where_a_visible_test_does(exercise, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    assert isinstance(check("tiny_double"), Report)
    write(exercise, "def double(x):\n    return 1\n")
    with pytest.raises(CourseError, match="0 of 2 visible checks pass"):
        check("tiny_double")


def test_nbgraders_own_execution_earns_nothing(exercise, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(CourseError, match="expected the grader's preprocessor"):
        check("tiny_double")


@pytest.mark.parametrize("name", ["AUTOGRADER_TRUSTED_SOLUTION", "AUTOGRADER_TRUSTED_POINTS"])
def test_a_missing_setting_is_named(trusted, monkeypatch, name):
    monkeypatch.delenv(name)
    with pytest.raises(CourseError, match=name):
        trusted_check.check("tiny_double")


def test_a_notebook_shows_the_report_once_and_follows_edits(tmp_path, repo_root):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    room = tmp_path / "room"
    shutil.copytree(
        repo_root / "exercise_code", room / "exercise_code", ignore=shutil.ignore_patterns("ex[0-9]*", "__pycache__")
    )
    make_exercise(room / "exercise_code", "ex98_tiny", source="SIZES = {'hidden': 16}\ndef double(x):\n    return 0\n")
    notebooks = room / "exercises" / "ex98_tiny"
    notebooks.mkdir(parents=True)
    module = room / "exercise_code" / "ex98_tiny" / "loader.py"
    edited = "SIZES = {'hidden': 32}\ndef double(x):\n    return 2 * x\n"
    cells = [
        "%load_ext autoreload\n%autoreload 3\n"
        f"import sys; sys.path.insert(0, {str(room)!r})\n"
        "from exercise_code import check\nfrom exercise_code.ex98_tiny.loader import SIZES, double",
        "check('tiny_double')",
        f"from pathlib import Path\nPath({str(module)!r}).write_text({edited!r})",
        "check('tiny_double')",
        "double(4)",
        "report = check('tiny_double')\nreport",
        "report",
        "check('tiny_dubl')",
        "import sys\n[m for m in ('torch', 'pytest', 'pandas') if m in sys.modules]",
        "SIZES",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        notebook, resources={"metadata": {"path": str(notebooks)}}, allow_errors=True, timeout=60
    )
    client.execute()
    outputs = [cell.outputs for cell in notebook.cells]
    assert outputs[0] == []
    assert len(outputs[1]) == 1
    assert "0 of 2 visible checks pass" in outputs[1][0]["data"]["text/html"]
    assert "All 2 visible checks pass" in outputs[3][0]["data"]["text/plain"]
    assert outputs[4][0]["data"]["text/plain"] == "8"
    assert len(outputs[5]) == 1
    assert len(outputs[6]) == 1
    assert [output["output_type"] for output in outputs[7]] == ["error"]
    assert len(outputs[7][0]["traceback"]) == 1
    assert outputs[8][0]["data"]["text/plain"] == "[]"
    # A dict, too, that was imported by its name: whoever changes hyperparameters trains with the new ones.
    assert outputs[9][0]["data"]["text/plain"] == "{'hidden': 32}"


def test_nbgrader_reads_the_points_from_the_cell(trusted, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    utils = pytest.importorskip("nbgrader.utils")
    write(trusted, "def double(x):\n    return abs(2 * x)\n")
    package = trusted.folder.parent
    setup = (
        "from pathlib import Path\n"
        "from autograder.simulation import trusted_check\nfrom exercise_code.common import exercise\n"
        f"exercise.PACKAGE = Path({str(package)!r})"
    )
    meta = {"nbgrader": {"grade": True, "solution": False, "grade_id": "tiny_double", "points": 15}}
    cell = nbformat.v4.new_code_cell("trusted_check.check('tiny_double')", metadata=meta)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(setup), cell])
    nbclient.NotebookClient(notebook, timeout=60).execute()
    assert utils.determine_grade(notebook.cells[1]) == (5.0, 15.0)
    assert "Negative numbers" in notebook.cells[1].outputs[0]["data"]["text/html"]


def test_a_plain_script_prints_the_report(tmp_path, repo_root):
    room = tmp_path / "room"
    shutil.copytree(
        repo_root / "exercise_code", room / "exercise_code", ignore=shutil.ignore_patterns("ex[0-9]*", "__pycache__")
    )
    tests = TESTS.replace("A number is `doubled`.", "A number is `doubled` – always.")
    make_exercise(room / "exercise_code", "ex98_tiny", tests=tests)
    script = "from exercise_code import check\ncheck('tiny_double')\nimport sys\nassert 'IPython' not in sys.modules"
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", script], cwd=room, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "tiny_double (ex98_tiny)"
    assert done.stdout.splitlines()[1] == "  [passed] A number is `doubled` ? always."
