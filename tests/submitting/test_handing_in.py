"""What `submit` knows beforehand: files that do not count, imports, versions, answers, points, unsaved notebooks."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from test_submitting import common, course, notebook, without_checks  # noqa: F401  (fixtures)

from exercise_code.common.checks import check as checking
from exercise_code.common.checks.environment import NOT_IN_SANDBOX, SANDBOX_LIBRARIES
from exercise_code.common.exercise import load_exercise
from exercise_code.common.submitting import submit as submitting
from exercise_code.common.submitting.given import given_out, read_given
from exercise_code.common.submitting.imports import unknown_imports
from exercise_code.common.submitting.notebooks import ANSWER_PROMPT, graded_cells
from exercise_code.common.submitting.older_python import MINIMUM, too_new
from exercise_code.common.submitting.submit import submit

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "exercise_code/ex98_tiny"
RECORDS = ("exercise_code/given.json", f"{PACKAGE}/given.json")
QUESTION = f"### Task 1: why? (4 points)\n\nSay why.\n\n{ANSWER_PROMPT}"


def graded(kind, source, grade_id, points, written):
    mark = {"grade": True, "solution": written, "locked": not written, "grade_id": grade_id, "points": points}
    parts = [source, kind, "True", str(written), str(not written), grade_id, str(float(points))]
    mark["checksum"] = hashlib.md5("".join(parts).encode()).hexdigest()
    return {"cell_type": kind, "metadata": {"nbgrader": mark}, "source": source, "outputs": []}


@pytest.fixture
def given_course(course):  # noqa: F811
    """The course as a student gets it: with a record of what was given out, and points in its notebook."""
    made = json.loads(notebook(("markdown", "# Tiny")))
    made["cells"] += [
        graded("code", "check('tiny_double')", "tiny_double", 90, False),
        graded("code", "check('tiny_given')", "tiny_given", 6, False),
        graded("markdown", QUESTION, "tiny_why", 4, True),
        {"cell_type": "code", "metadata": {}, "source": "submit('ex98_tiny')", "outputs": []},
    ]
    (course / "exercises" / "ex98_tiny" / "1_tiny.ipynb").write_text(json.dumps(made))
    (course / PACKAGE / "unused.csv").write_text("1\n")
    files = {
        path.relative_to(course).as_posix(): path.read_bytes()
        for path in sorted(course.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    exercise = load_exercise("ex98_tiny", course / "exercise_code")
    for name, data in given_out(files, [exercise], "exercises/ex98_tiny/").items():
        (course / name).write_bytes(data)
    return course


def answer(course, text):  # noqa: F811
    path = course / "exercises" / "ex98_tiny" / "1_tiny.ipynb"
    made = json.loads(path.read_text())
    made["cells"][3]["source"] = text
    path.write_text(json.dumps(made))


def test_everything_there_and_answered_is_complete(given_course):
    answer(given_course, QUESTION.replace(ANSWER_PROMPT, "Because."))
    report = submit()
    assert report.complete
    assert report.passed
    assert report.left_out == ()
    text = repr(report)
    assert text.splitlines()[0].startswith("ex98_tiny.zip is complete")
    assert "All 2 visible checks pass on the unpacked zip" in text
    assert "96 of 96, as far as visible checks can tell" in text
    assert "1 of 1 there; a person gives up to 4 points" in text
    assert "to pass: 50 of 100 points" in text
    assert '<span class="dlc-ok">✓</span>' in report._repr_html_()


def test_a_change_of_given_code_does_not_count_and_is_named(given_course):
    """What passes on the student's computer with it fails in the clean folder, as it will with the grader."""
    path = given_course / PACKAGE / "given_file.py"
    path.write_text("NUMBER = 7\n\ndef helper(x):\n    return 2 * x\n")
    (given_course / PACKAGE / "loader.py").write_text("from .given_file import helper as double\n")
    assert checking.check("tiny_double").passed
    report = submit()
    assert f"the grader uses its own copy of {PACKAGE}/given_file.py; your change there does not count" in (
        report.left_out
    )
    assert not report.passed
    assert "cannot import name 'helper'" in repr(report)
    assert "but not complete" in repr(report).splitlines()[0]


def test_changes_of_shared_code_and_of_tests_are_named_and_undone(given_course):
    (given_course / PACKAGE / "test_visible.py").write_text("raise RuntimeError\n")
    (given_course / "exercise_code" / "common" / "seeding.py").write_text("raise RuntimeError\n")
    (given_course / "exercise_code" / "common" / "devices.py").unlink()
    shutil.copy(ROOT / "exercise_code" / "common" / "devices.py", given_course / "exercise_code" / "common" / "mine.py")
    shutil.copy(
        ROOT / "exercise_code" / "common" / "devices.py", given_course / "exercise_code" / "common" / "devices.py"
    )
    report = submit()
    assert report.passed
    assert set(report.left_out) == {
        f"the grader uses its own copy of {PACKAGE}/test_visible.py; your change there does not count",
        "the grader uses its own copy of exercise_code/common/seeding.py; your change there does not count",
        "exercise_code/common/mine.py is left out: the grader has its own copy of this folder",
    }


def test_line_ends_are_no_change(given_course):
    path = given_course / PACKAGE / "given_file.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert submit().left_out == ()


def test_a_given_file_that_is_gone_is_named(given_course):
    (given_course / PACKAGE / "unused.csv").unlink()
    assert submit().left_out == (f"{PACKAGE}/unused.csv is missing in your folder; the grader uses its own copy",)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{PACKAGE}/test_mine.py", "modules whose names begin with test_ are the course's"),
        (f"{PACKAGE}/größe.py", "not a module's name"),
        (f"{PACKAGE}/parts/deep.py", "modules are taken without subfolders"),
        (f"{PACKAGE}/table.npy", "only .py modules are taken here"),
        ("exercises/ex98_tiny/scratch.ipynb", "not a notebook of ex98_tiny"),
        ("exercises/ex98_tiny/notes.txt", "not handed in: notes.txt"),
        ("exercises/ex98_tiny/helper.py", "not handed in: helper.py"),
        ("exercises/ex98_tiny/pictures/a.png", "not handed in: pictures/"),
    ],
)
@pytest.mark.parametrize("clone", [False, True])
@pytest.mark.usefixtures("without_checks")
def test_what_stays_behind_is_named(given_course, name, said, clone):
    if clone:
        for record in RECORDS:
            (given_course / record).unlink()
    path = given_course / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    (line,) = submit().left_out
    assert said in line
    assert Path(name).name in line or "pictures/" in line


def test_a_module_that_stays_behind_is_not_in_the_clean_folder(given_course):
    (given_course / PACKAGE / "test_mine.py").write_text("FACTOR = 2\n")
    (given_course / "helper.py").write_text("FACTOR = 2\n")
    for line in ("from .test_mine import FACTOR", "from helper import FACTOR"):
        (given_course / PACKAGE / "loader.py").write_text(f"{line}\ndef double(x):\n    return FACTOR * x\n")
        report = submit()
        assert [outcome.passed for outcome in report.outcomes] == [False, True]
        assert f"loader.py, line 1: `{line}`" in report.problems[0]


@pytest.mark.parametrize("name", RECORDS)
def test_a_damaged_record_is_one_line(given_course, name):
    (given_course / name).write_text("{}")
    with pytest.raises(submitting.CourseError, match=r"given\.json is damaged.*unpack it again"):
        submit()
    (given_course / name).unlink()
    with pytest.raises(submitting.CourseError, match=r"expected .*given\.json beside .*, found none: unpack"):
        submit()


@pytest.mark.parametrize(
    "text",
    [QUESTION, QUESTION.replace(ANSWER_PROMPT, ""), QUESTION.replace(ANSWER_PROMPT, "").strip(), "", ANSWER_PROMPT],
)
@pytest.mark.parametrize("clone", [False, True])
@pytest.mark.usefixtures("without_checks")
def test_an_open_question_is_missing(given_course, text, clone):
    if clone:
        for record in RECORDS:
            (given_course / record).unlink()
    answer(given_course, text)
    report = submit()
    assert not report.complete
    (line,) = report.missing
    assert "`tiny_why`" in line
    assert "1_tiny.ipynb" in line
    assert text == "" or text == ANSWER_PROMPT or "Task 1: why? (4 points)" in line
    assert "0 of 1 there" in repr(report)
    assert "✓</span> ex98" not in report._repr_html_()


@pytest.mark.usefixtures("without_checks")
def test_a_question_that_was_deleted_is_missing_too(given_course):
    path = given_course / "exercises" / "ex98_tiny" / "1_tiny.ipynb"
    made = json.loads(path.read_text())
    del made["cells"][3]
    path.write_text(json.dumps(made))
    assert "“Task 1: why? (4 points)”" in submit().missing[0]


def test_the_released_notebooks_have_open_questions_and_100_points():
    for folder in sorted((ROOT / "exercises").glob("ex*")):
        cells = [cell for path in sorted(folder.glob("*.ipynb")) for cell in graded_cells(path.stem, path)]
        assert sum(cell.points for cell in cells) == 100
        written = [cell for cell in cells if cell.written]
        assert written
        assert not any(cell.answered for cell in written)
        assert all("Task" in cell.title for cell in written)


def test_failing_checks_are_no_green_headline(given_course):
    answer(given_course, "Because.")
    (given_course / PACKAGE / "loader.py").write_text("def double(x):\n    return x\n")
    report = submit()
    assert report.complete
    assert repr(report).splitlines()[0].endswith("but 1 visible check does not pass")
    assert "6 of 96, as far as" in repr(report)
    assert '<span class="dlc-bad">✗</span>' in report._repr_html_()
    assert "is complete" not in report._repr_html_()


@pytest.mark.usefixtures("without_checks")
def test_on_a_hub_nbgraders_own_submit_is_named(given_course, monkeypatch):
    assert "Nbgrader" not in repr(submit())
    monkeypatch.setenv("JUPYTERHUB_USER", "u0042")
    assert "Nbgrader" not in repr(submit())
    # As nbgrader releases it: the notebooks beside the package.
    shutil.copytree(given_course / "exercises" / "ex98_tiny", given_course, dirs_exist_ok=True)
    shutil.rmtree(given_course / "exercises")
    monkeypatch.chdir(given_course)
    report = submit("ex98_tiny")
    assert report.path == given_course / "ex98_tiny.zip"
    assert "Nbgrader › Assignment List › Submit" in repr(report)
    assert report.left_out == ()


def test_what_is_given_out_leaves_out_what_students_write(given_course):
    given = read_given(given_course, "ex98_tiny")
    assert f"{PACKAGE}/loader.py" not in given.files
    assert given.files[f"{PACKAGE}/given_file.py"] == b"NUMBER = 7\n"
    assert [cell.grade_id for cell in given.cells] == ["tiny_double", "tiny_given", "tiny_why"]


IMPORTS = [
    ("import scipy", "the grader does not offer scipy"),
    ("from pandas import DataFrame", "the grader does not offer pandas"),
    ("def f():\n    import scipy.signal", "the grader does not offer scipy"),
    ("import jupyterlab", "the grader does not offer jupyterlab"),
    ("import loader", "write `from . import loader`"),
    ("from .left import x", "left is not in the hand-in"),
    ("from . import left", "left is not in the hand-in"),
    ("import exercise_code.ex98_tiny.left as l", "left is not in the hand-in"),
    ("from exercise_code.ex98_tiny.left import *", "left is not in the hand-in"),
]
FINE = ["import os, sys, json", "from . import loader", "from .given_file import x", "from .. import common"]
FINE += ["from exercise_code.common.plotting import show_images", "from ..common import seeding"]
FINE += ["try:\n    import scipy\nexcept ImportError:\n    scipy = None", "try:\n    import scipy\nexcept:\n    pass"]
FINE += ["from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas", "import (", "x = '\x00'"]
FINE += [f"import {name}" for name in SANDBOX_LIBRARIES]


@pytest.mark.parametrize(("source", "reason"), IMPORTS)
def test_an_import_that_the_grader_cannot_follow_is_named_with_its_line(source, reason):
    modules = {"own.py": f"# first\n{source}\n".encode(), "loader.py": b""}
    (line,) = unknown_imports(modules, "exercise_code.ex98_tiny", {"left"})
    assert reason in line
    assert line.startswith(f"own.py, line {2 + source.count(chr(10))}: `")


@pytest.mark.parametrize("source", FINE)
def test_imports_that_the_grader_follows_are_not_named(source):
    modules = {"own.py": source.encode(), "loader.py": b""}
    assert unknown_imports(modules, "exercise_code.ex98_tiny", {"left"}) == []


def test_each_dependency_of_a_student_is_offered_or_named():
    names = {"pillow": "PIL", "ipython": "IPython"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {line.split(">")[0].strip() for line in project["dependencies"]}
    told = {*SANDBOX_LIBRARIES, *NOT_IN_SANDBOX}
    assert {name for name in wanted if names.get(name, name) not in told} == set()
    assert not set(SANDBOX_LIBRARIES) & set(NOT_IN_SANDBOX)


def test_the_oldest_python_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={MINIMUM[0]}.{MINIMUM[1]}"


NEWER = {
    "def first[T](x: T) -> T:\n    return x\n": [1],
    "type Number = int\n": [1],
    "x = 1\nprint(f'{', '.join('ab')}')\n": [2],
    'print(f"{"\\n".join([])}")\n': [1],
    "print(f'''{'\\n'.join([])}''')\n": [1],
    "print(f'{x # why\n}')\n": [1],
    "import itertools\nitertools.batched([], 2)\n": [2],
    "from itertools import batched as b\n": [1],
    "import math as m\n\nm.sumprod([], [])\n": [3],
    "from typing import override\n": [1],
    "from pathlib import Path\nPath().walk()\n": [],
    "print(f'{x!r:>{width}} {\"a\"} {{}}')\n": [],
    "print(f'''{x['a']} {f\"{y}\"}''')\n": [],
    "print(f'a' 'b' \"c\", '\\n')  # f'{'\n": [],
    "from itertools import chain\nfrom .batched import batched\n": [],
    "import numpy as np\nnp.batched\n": [],
}
SEE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from exercise_code.common.submitting.older_python import too_new
print(json.dumps([[line for line, _ in too_new(source.encode())] for source in json.load(sys.stdin)]))
"""


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_what_older_pythons_cannot_run_is_told_by_line(version):
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no Python {version} on this machine")
    done = subprocess.run([python, "-c", SEE, str(ROOT)], input=json.dumps(list(NEWER)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {source: sorted(set(lines)) for source, lines in zip(NEWER, found, strict=True)} == NEWER


def test_on_the_oldest_python_there_is_nothing_to_tell():
    version = sys.version_info[:2]
    assert too_new(b"from itertools import batched\n", version) == []


@pytest.mark.usefixtures("without_checks")
def test_submit_warns_of_what_the_graders_python_may_not_know(given_course, monkeypatch):
    monkeypatch.setattr(submitting, "too_new", lambda data: [(2, "itertools.batched came with Python 3.12")])
    (warning,) = submit().warnings
    assert "the grader may have 3.11" in warning
    assert "loader.py, line 2: itertools.batched came with Python 3.12" in warning
    assert "New methods and arguments cannot be seen" in warning


class Frontend:
    """A kernel with a notebook, as JupyterLab runs one: cells have ids, and the file is written when it is told to."""

    def __init__(self, course, cells):  # noqa: F811
        start_new_kernel = pytest.importorskip("jupyter_client.manager").start_new_kernel
        self.path = course / "exercises" / "ex98_tiny" / "1_tiny.ipynb"
        self.cells = list(cells)
        self.save()
        environment = {**os.environ, "JPY_SESSION_NAME": str(self.path)}
        self.manager, self.client = start_new_kernel(env=environment, cwd=str(self.path.parent))

    def save(self):
        self.path.write_text(notebook(*(("code" if cell_id else "markdown", text) for cell_id, text in self.cells)))

    def run(self, number):
        """What the cell prints."""
        cell_id, source = self.cells[number]
        message = self.client.session.msg(
            "execute_request",
            {"code": source, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False},
            metadata={"cellId": cell_id},
        )
        self.client.shell_channel.send(message)
        printed = ""
        while True:
            found = self.client.get_iopub_msg(timeout=60)
            if found["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            content = found["content"]
            printed += content.get("text", "") or "\n".join(content.get("traceback", []))
            if found["msg_type"] == "status" and content["execution_state"] == "idle":
                return printed

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def frontend(course):  # noqa: F811
    setup = (
        f"import sys; sys.path.insert(0, {str(course)!r})\n"
        "from exercise_code import submit\n"
        "from exercise_code.common.submitting import clean_check, submit as submitting\n"
        "submitting.check_clean = lambda *args: clean_check.CleanCheck()"
    )
    tell = "print([w for w in submitting.submit('ex98_tiny').warnings])"
    made = Frontend(course, [("a", setup), ("b", "x = 1"), ("", "Question? "), ("c", tell)])
    yield made
    made.close()


def test_a_notebook_with_unsaved_changes_is_told_and_a_saved_one_is_not(frontend):
    frontend.run(0)
    frontend.save()
    assert frontend.run(3).strip() == "[]"
    # Typed and run, not saved.
    frontend.cells[1] = ("b", "x = 2")
    frontend.run(1)
    assert "has changes that are not saved" in frontend.run(3)
    frontend.save()
    assert frontend.run(3).strip() == "[]"
    # Run since it was saved, without a change: what was typed elsewhere cannot be seen.
    frontend.run(1)
    said = frontend.run(3)
    assert "was last saved at" in said
    assert "before you ran its last cells" in said
    # The cell that submits is itself new.
    frontend.save()
    frontend.cells[3] = ("c", frontend.cells[3][1] + "  # new")
    assert "has changes that are not saved" in frontend.run(3)
    frontend.save()
    assert frontend.run(3).strip() == "[]"
