"""The build: roles, stubs, ids, what it refuses, and what it says of files that are out of step."""

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from demo_course import EXERCISE, ROOT, DemoCourse, make_demo_course
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import CheckCellMetadata, ClearMarkScheme, ClearSolutions, ComputeChecksums, LockCells

from autograder.authoring import build as builder
from autograder.authoring.build import build, check, write
from autograder.authoring.notebooks import make_stub, solved_notebook
from autograder.base.errors import AutograderError
from autograder.sources.cells import graded_cells, points_of, task_names
from exercise_code.common.errors import CourseError


@pytest.fixture
def demo(tmp_path: Path) -> DemoCourse:
    return make_demo_course(tmp_path / "project")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DemoCourse:
    """A built demo course, shared by tests that only read it."""
    demo = make_demo_course(tmp_path_factory.mktemp("built") / "project")
    write(build(demo.course, demo.root), demo.root)
    return demo


def cells_of(demo: DemoCourse, name: str = "1_first") -> list[dict]:
    path = demo.root / "exercises" / EXERCISE / f"{name}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def cell(demo: DemoCourse, grade_id: str) -> dict:
    return next(c for c in cells_of(demo) if c["id"] == grade_id)


def test_every_source_gives_one_file(built):
    paths = [file.path for file in build(built.course, built.root)]
    assert paths == [
        f"exercise_code/{EXERCISE}/adding.py",
        f"exercise_code/{EXERCISE}/multiplying.py",
        f"exercises/{EXERCISE}/1_first.ipynb",
        f"exercises/{EXERCISE}/2_second.ipynb",
    ]


@pytest.mark.parametrize(
    ("role", "flags"),
    [
        ("demo_add", {"grade": True, "solution": False, "locked": True, "points": 40}),
        ("demo_why", {"grade": True, "solution": True, "locked": False, "points": 20}),
    ],
)
def test_graded_cells_carry_the_metadata_of_their_role(built, role, flags):
    table = cell(built, role)["metadata"]["nbgrader"]
    assert {key: table.get(key) for key in flags} == flags
    assert (table["schema_version"], table["task"], table["grade_id"]) == (3, False, role)


def test_solution_and_readonly_cells_have_no_points(built):
    tables = [c["metadata"].get("nbgrader") for c in cells_of(built)]
    others = [t for t in tables if t and not t["grade"]]
    assert [(t["solution"], t["locked"]) for t in others] == [(False, True), (True, False)]
    assert all("points" not in t for t in others)


def test_nbgraders_own_validator_accepts_the_notebooks(built):
    import nbformat

    for name in ("1_first", "2_second"):
        path = built.root / "exercises" / EXERCISE / f"{name}.ipynb"
        MetadataValidator().validate_nb(nbformat.read(path, as_version=4))


def test_students_see_neither_answers_nor_guides(built):
    text = json.dumps(cells_of(built))
    assert "Because addition commutes" not in text
    assert "naming the commutative law" not in text
    assert "MARKING GUIDE" not in text
    assert cell(built, "demo_why")["source"][-1] == "*Your answer here.*"
    assert "sum(NUMBERS)" not in text


def test_notebooks_have_no_outputs_and_say_what_runs_them(built):
    path = built.root / "exercises" / EXERCISE / "1_first.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    assert all(c["outputs"] == [] and c["execution_count"] is None for c in code)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert notebook["metadata"]["language_info"] == {"name": "python"}


def test_magics_come_back_as_magics(built):
    assert any("%autoreload 3\n" in c["source"] for c in cells_of(built))


def test_stubs_keep_everything_but_the_solution(built):
    stub = (built.package / "multiplying.py").read_text(encoding="utf-8")
    assert stub.count("        # YOUR CODE HERE\n        raise NotImplementedError()\n") == 1
    assert "product_with_factor" not in stub
    assert '"""The product of `x` and the factor."""' in stub


def test_cell_ids_depend_on_the_text_alone(demo):
    def ids() -> list[str]:
        notebook = next(f for f in build(demo.course, demo.root) if f.path.endswith("1_first.ipynb"))
        return [c["id"] for c in json.loads(notebook.content)["cells"]]

    before = ids()
    assert len(set(before)) == len(before)
    demo.edit(demo.sources / "1_first.py", "# # Adding", "# # Sums")
    after = ids()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_a_changed_heading_is_a_small_difference(demo):
    write(build(demo.course, demo.root), demo.root)
    demo.edit(demo.sources / "1_first.py", "# # Adding", "# # Sums")
    problems = check(build(demo.course, demo.root), demo.root)
    changed = [line for line in problems if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert len(changed) == 4


def test_a_changed_model_answer_changes_nothing_for_students(demo):
    before = build(demo.course, demo.root)
    demo.edit(demo.sources / "1_first.py", "Because addition commutes", "As sums commute")
    demo.edit(demo.sources / "1_first.py", "sum(NUMBERS)", "sum(iter(NUMBERS))")
    assert build(demo.course, demo.root) == before


def test_the_solved_notebook_is_a_source_for_nbgrader(built):
    # The steps of `nbgrader generate_assignment`, with the delimiters that this course uses.
    solved = solved_notebook(EXERCISE, "1_first", built.course)
    assert any("### BEGIN SOLUTION" in c.source for c in solved.cells)
    guide = {"begin_mark_scheme_delimeter": "BEGIN MARKING GUIDE", "end_mark_scheme_delimeter": "END MARKING GUIDE"}
    for step in (
        LockCells(),
        ClearSolutions(text_stub="*Your answer here.*"),
        CheckCellMetadata(),
        ClearMarkScheme(enforce_metadata=False, **guide),
    ):
        solved, _ = step.preprocess(solved, {})
    for c in solved.cells:
        c.source = c.source.rstrip()
    solved, _ = ComputeChecksums().preprocess(solved, {})
    released = json.loads((built.root / "exercises" / EXERCISE / "1_first.ipynb").read_text(encoding="utf-8"))
    for ours, theirs in zip(released["cells"], solved.cells, strict=True):
        assert "".join(ours["source"]) == theirs.source
        assert ours["metadata"] == theirs.metadata
        assert ours["id"] == theirs.id


def test_points_and_kinds_of_graded_cells(built):
    assert points_of(EXERCISE, built.course) == {
        "demo_add": 40,
        "demo_why": 20,
        "demo_multiply": 30,
        "demo_square": 10,
    }
    kinds = {c.grade_id: (c.kind, c.notebook) for c in graded_cells(EXERCISE, built.course)}
    assert kinds["demo_why"] == ("written", "1_first")
    assert kinds["demo_square"] == ("checks", "2_second")


def test_the_judge_gets_points_fast_and_without_torch():
    heavy = ("torch", "nbgrader", "nbformat")
    code = f"import sys, autograder.authoring.build; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    for exercise in builder.course_ids():
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            points_of(exercise)
            seconds.append(time.perf_counter() - start)
        assert min(seconds) < 0.05


def test_unknown_names_are_answered_with_known_ones(built):
    with pytest.raises(AutograderError, match="did you mean ex90_demo"):
        points_of("ex90_dmeo", built.course)
    with pytest.raises(AutograderError, match="1_first, 2_second"):
        solved_notebook(EXERCISE, "3_third", built.course)


HEAD = '# %% role="checks" grade_id="demo_add" points=40'
FAULTS = {
    "duplicate grade_id": ("2_second.py", 'grade_id="demo_square"', 'grade_id="demo_add"', "unique within"),
    "no points": ("1_first.py", HEAD, HEAD.removesuffix(" points=40"), r"line 20 \(demo_add\).*points=NUMBER"),
    "points in words": ("1_first.py", HEAD, HEAD.replace("40", '"many"'), "points=NUMBER"),
    "sum": ("1_first.py", HEAD, HEAD.replace("40", "41"), "sum to 100, got 101"),
    "no grade_id": ("1_first.py", HEAD, '# %% role="checks" points=40', "letters, digits"),
    "unknown role": ("1_first.py", 'role="readonly"', 'role="locked"', "a role of solution, checks"),
    "unknown option": ("1_first.py", 'role="readonly"', 'roll="readonly"', "the options role, grade_id"),
    "points without role": ("1_first.py", '# %% role="readonly"', "# %% points=3", "a role beside"),
    "points on readonly": ("1_first.py", 'role="readonly"', 'role="readonly" points=3', "checks and written"),
    "two lines": ("1_first.py", 'check("demo_add")', 'check("demo_add")\nprint()', "the one line"),
    "another id": ("1_first.py", 'check("demo_add")', 'check("demo_sub")', "the one line"),
    "code for written": ("1_first.py", '[markdown] role="written"', 'role="written"', "a markdown cell"),
    "solution without role": ("1_first.py", '# %% role="solution"', "# %%", "solution and written cells only"),
    "no end": ("1_first.py", "### END SOLUTION\ntotal_of", "total_of", "'### END SOLUTION' after"),
    "no beginning": ("1_first.py", "### BEGIN SOLUTION\ntotal_of", "total_of", "'### BEGIN SOLUTION' before"),
    "misspelt marker": ("1_first.py", "### BEGIN SOLUTION\ntotal", "# BEGIN SOLUTION\ntotal", "the line '### BEGIN"),
    "module without end": ("solution/adding.py", "    ### END SOLUTION\n", "", "'### END SOLUTION' after"),
    "test for no cell": ("test_hidden.py", '@grade("demo_add")', '@grade("demo_sum")', "no cell would get"),
    "test for a written cell": ("test_hidden.py", '@grade("demo_add")', '@grade("demo_why")', "a checks cell"),
    "test without grade": ("test_hidden.py", '@grade("demo_add")\n', "", "literal id, got 0"),
    "test name twice": (
        "test_hidden.py",
        "def test_negative_numbers_add_up_as_well",
        "def test_two_and_three_make_five",
        "a name of its own",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_sources_with_faults_are_refused_in_one_line(demo, name):
    file, old, new, words = FAULTS[name]
    demo.edit(demo.sources / file, old, new)
    with pytest.raises(AutograderError, match=words) as error:
        build(demo.course, demo.root)
    message = str(error.value)
    assert "\n" not in message
    assert Path(file).name in message or "100" in message


def test_a_written_cell_needs_a_guide(demo):
    path = demo.sources / "1_first.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("# ### BEGIN MARKING GUIDE")], encoding="utf-8")
    with pytest.raises(AutograderError, match="one model answer and one marking guide, got 1 and 0"):
        build(demo.course, demo.root)


def test_a_checks_cell_needs_a_test(demo):
    path = demo.package / "test_visible.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index('@grade("demo_square")')], encoding="utf-8")
    with pytest.raises(AutograderError, match="none for demo_square"):
        build(demo.course, demo.root)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('optional = ["2_second"]', "", "notebooks and optional: expected 1_first, 2_second"),
        (', "multiplying"]', "]", "modules: expected adding, multiplying, got adding"),
        ("minutes = 5", 'minutes = 5\ngiven = ["helper"]', "given: expected nothing, got helper"),
    ],
)
def test_exercise_toml_must_agree_with_the_sources(demo, old, new, words):
    demo.edit(demo.package / "exercise.toml", old, new)
    with pytest.raises(AutograderError, match=words):
        build(demo.course, demo.root)


def test_a_module_that_nobody_lists_is_refused(demo):
    (demo.package / "notes.py").write_text("private = 1\n", encoding="utf-8")
    with pytest.raises(AutograderError, match="given: expected notes, got nothing"):
        build(demo.course, demo.root)


def test_an_exercise_without_its_toml_is_one_line(demo):
    (demo.package / "exercise.toml").unlink()
    with pytest.raises(CourseError, match="expected the id of an exercise"):
        build(demo.course, demo.root)


def test_a_module_needs_a_solution_block():
    with pytest.raises(AutograderError, match="the stub would be the solution"):
        make_stub("x = 1\n", "module.py")


def test_a_stub_must_be_python():
    text = "def f():\n### BEGIN SOLUTION\n    return 1\n### END SOLUTION\n"
    with pytest.raises(AutograderError, match="a stub that is Python"):
        make_stub(text, "module.py")


def test_stub_of_a_block_within_a_line_of_code_keeps_its_indentation():
    text = "for i in range(3):\n    if i:\n        ### BEGIN SOLUTION\n        print(i)\n        ### END SOLUTION\n"
    stub = make_stub(text, "module.py")
    assert stub == "for i in range(3):\n    if i:\n        # YOUR CODE HERE\n        raise NotImplementedError()\n"


TASKED = "def f():\n    ### TASK adding\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"


def test_a_stub_says_which_task_it_is():
    stub = make_stub(TASKED, "module.py", {"adding": 'Task 2: "and" in λ'})
    assert stub == 'def f():\n    # YOUR CODE HERE\n    raise NotImplementedError("Task 2: \\"and\\" in λ")\n'
    with pytest.raises(NotImplementedError, match=r"^Task 2"):
        exec(stub + "f()")


def test_a_solution_of_an_unknown_task_is_an_error():
    for tasks in ({"other": "Task 1: x"}, None):
        with pytest.raises(AutograderError, match=r"module\.py: expected `### TASK` with the id .* got adding"):
            make_stub(TASKED, "module.py", tasks)


def test_tasks_are_called_what_their_headings_say(tmp_path):
    folder = tmp_path / "ex99_demo"
    folder.mkdir()
    (folder / "1_a.py").write_text(
        '# %% [markdown]\n# # Title\n\n# %% role="checks" grade_id="no_name" points=1\nx\n\n'
        "# %% [markdown]\n# ## Task 1: how many? (1 point)\n# text\n\n"
        '# %% role="checks" grade_id="a" points=1\nx\n\n# %% role="checks" grade_id="b" points=2.5\nx\n\n'
        '# %% [markdown] role="written" grade_id="c" points=3\n# ### Task 2: why (not)? (3 points)\n'
    )
    named = {"a": "Task 1: how many?", "b": "Task 1: how many?", "c": "Task 2: why (not)?"}
    assert task_names("ex99_demo", tmp_path) == named


def test_writing_twice_touches_nothing(demo):
    files = build(demo.course, demo.root)
    assert write(files, demo.root) == [file.path for file in files]
    times = {file.path: (demo.root / file.path).stat().st_mtime_ns for file in files}
    assert write(files, demo.root) == []
    assert times == {file.path: (demo.root / file.path).stat().st_mtime_ns for file in files}
    assert not list(demo.root.rglob(".*-*")), "temporary files are left behind"


def test_check_names_missing_stale_and_orphaned_files(demo):
    files = build(demo.course, demo.root)
    write(files, demo.root)
    assert check(files, demo.root) == []
    notebooks = demo.root / "exercises" / EXERCISE
    (notebooks / "2_second.ipynb").unlink()
    stub = demo.package / "adding.py"
    stub.write_text(stub.read_text(encoding="utf-8").replace("Sums", "Totals"), encoding="utf-8")
    (notebooks / "9_old.ipynb").write_text("{}", encoding="utf-8")
    (demo.package / "gone.py").write_text("# YOUR CODE HERE\nraise NotImplementedError()\n", encoding="utf-8")
    (demo.package / "given.py").write_text("x = 1\n", encoding="utf-8")
    problems = check(files, demo.root)
    assert [line.split(":")[:2] for line in problems[:4]] == [
        ["stale", f" exercise_code/{EXERCISE}/adding.py"],
        ["missing", f" exercises/{EXERCISE}/2_second.ipynb"],
        ["orphaned", f" exercise_code/{EXERCISE}/gone.py"],
        ["orphaned", f" exercises/{EXERCISE}/9_old.ipynb"],
    ]
    assert '-"""Totals."""' in problems
    assert '+"""Sums."""' in problems


def test_an_exercise_whose_sources_are_gone_leaves_orphans(demo):
    write(build(demo.course, demo.root), demo.root)
    problems = check([], demo.root)
    assert len(problems) == 4
    assert all(line.startswith("orphaned: ") for line in problems)


def test_line_ends_count(demo):
    files = build(demo.course, demo.root)
    write(files, demo.root)
    stub = demo.package / "adding.py"
    stub.write_bytes(stub.read_bytes().replace(b"\n", b"\r\n"))
    assert check(files, demo.root)[0].startswith("stale: ")


def test_the_cache_gives_what_was_built_and_notices_every_change(demo):
    cache = demo.root / ".cache"
    first = build(demo.course, demo.root, cache=cache)
    start = time.perf_counter()
    assert build(demo.course, demo.root, cache=cache) == first
    assert time.perf_counter() - start < 1
    demo.edit(demo.sources / "1_first.py", "What is", "How much is")
    second = build(demo.course, demo.root, cache=cache)
    assert second == build(demo.course, demo.root)
    assert second != first
    demo.edit(demo.package / "exercise.toml", ', "multiplying"]', "]")
    with pytest.raises(AutograderError):
        build(demo.course, demo.root, cache=cache)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 1}', '{"files": 3}', "\x00"])
def test_a_damaged_cache_is_built_anew(demo, content):
    cache = demo.root / ".cache"
    want = build(demo.course, demo.root, cache=cache)
    (cache / f"{EXERCISE}.json").write_text(content, encoding="utf-8")
    assert build(demo.course, demo.root, cache=cache) == want


def test_the_command_builds_checks_and_says_what_is_wrong(demo, monkeypatch, capsys):
    monkeypatch.setenv("AUTOGRADER_COURSE", str(demo.course))
    assert builder.build_command(check_only=True, root=demo.root) == 1
    assert "missing: " in capsys.readouterr().err
    assert builder.build_command(root=demo.root) == 0
    assert "wrote exercises/ex90_demo/1_first.ipynb" in capsys.readouterr().out
    assert builder.build_command(check_only=True, root=demo.root) == 0
    assert "4 derived files of 1 exercises are in step" in capsys.readouterr().out
    demo.edit(demo.sources / "1_first.py", "points=40", "points=4")
    assert builder.build_command(root=demo.root) == 1
    assert "error: " in capsys.readouterr().err


def test_a_fault_in_one_exercise_does_not_stop_the_others(demo, monkeypatch, capsys):
    monkeypatch.setenv("AUTOGRADER_COURSE", str(demo.course))
    other = demo.course / "ex91_broken"
    other.mkdir()
    (other / "1_x.py").write_text("# %%\n", encoding="utf-8")
    assert builder.build_command(root=demo.root) == 1
    captured = capsys.readouterr()
    assert "wrote exercises/ex90_demo/1_first.ipynb" in captured.out
    assert captured.err.count("\n") == 1
    assert "ex91_broken" in captured.err


def test_a_course_folder_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setenv("AUTOGRADER_COURSE", "/nowhere/at/all")
    with pytest.raises(AutograderError, match="expected a folder, got /nowhere/at/all"):
        builder.course_folder()


def test_builds_do_not_depend_on_place_or_hash_seed(demo, tmp_path):
    code = (
        "import hashlib, sys; from pathlib import Path; from autograder.authoring.build import build; "
        "files = build(Path(sys.argv[1]), Path(sys.argv[2])); "
        "print(hashlib.sha256(repr([(f.path, f.content) for f in files]).encode()).hexdigest())"
    )
    arguments = [sys.executable, "-c", code, str(demo.course), str(demo.root)]
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "LC_ALL": "C"}
    result = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    here = repr([(file.path, file.content) for file in build(demo.course, demo.root)])
    assert result.stdout.strip() == hashlib.sha256(here.encode()).hexdigest()
