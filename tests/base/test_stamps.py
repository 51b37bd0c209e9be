"""Files are made again exactly where what they were made from has changed."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.base.stamps import PACKAGES, PROJECT, Stamps, code_files, code_hash, hash_of


def _imports_by_ast(path: Path) -> set[str]:
    module = ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.partition(".")[0] in PACKAGES}


@pytest.mark.parametrize("module", ["autograder.judging.judge", "autograder.__main__"])
def test_the_files_of_a_module_are_all_that_it_imports_within_the_project(module):
    files = set(code_files(module))
    for path in files:
        for name in _imports_by_ast(path):
            target = PROJECT.joinpath(*name.split("."))
            for file in (target.with_suffix(".py"), target / "__init__.py"):
                assert not file.is_file() or file in files, f"{path.name} imports {name}"


def test_whatever_a_judge_has_imported_counts():
    """What Python loads for a judge, asked of Python itself."""
    code = (
        "import sys, autograder.judging.judge as judge; from pathlib import Path\n"
        "root = Path(judge.__file__).parent.parent\n"
        "names = {'autograder', 'exercise_code'}\n"
        "for name, module in sorted(sys.modules.items()):\n"
        "    if name.partition('.')[0] in names and getattr(module, '__file__', None): print(module.__file__)\n"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert {Path(line) for line in loaded.stdout.splitlines()} <= set(code_files("autograder.judging.judge"))


def test_a_page_does_not_count_for_a_judge():
    assert PROJECT / "autograder" / "pages" / "charts.py" not in code_files("autograder.judging.judge")
    assert code_hash("autograder.judging.judge") != code_hash("autograder.pages.charts")


def test_an_unknown_module_is_an_error():
    with pytest.raises(ValueError, match="expected a module of autograder or exercise_code"):
        code_hash("autograder.no_such_module")


def test_the_hash_is_of_values_names_and_contents(tmp_path):
    first, second = tmp_path / "a" / "x", tmp_path / "a" / "y"
    first.parent.mkdir()
    first.write_text("1")
    second.write_text("2")
    known = hash_of("values", files=[first, second])
    assert hash_of("values", files=[second, first]) == known
    assert hash_of("others", files=[first, second]) != known
    second.write_text("3")
    assert hash_of("values", files=[first, second]) != known


def test_stamps_know_what_is_current_and_what_is_left(tmp_path):
    notes = tmp_path / ".notes.json"
    stamps = Stamps(notes, tmp_path, ".html")
    for name in ("a.html", "b.html"):
        (tmp_path / name).write_text("page")
        assert not stamps.current(name, "made from this")
        stamps.made(name, "made from this", b"page")
    stamps.save()

    again = Stamps(notes, tmp_path, ".html")
    assert again.current("a.html", "made from this")
    assert not again.current("a.html", "made from that")
    assert again.left == ["b.html"]
    again.save()
    assert not Stamps(notes, tmp_path, ".html").current("b.html", "made from this"), "nobody asked about it"


def test_what_is_left_goes_and_what_a_person_wrote_stays(tmp_path):
    notes = tmp_path / ".notes.json"
    stamps = Stamps(notes, tmp_path, ".html")
    for name in ("a.html", "b.html", "c.html", "d.html", "e.html"):
        (tmp_path / name).write_text("75 points")
        stamps.made(name, "s", b"75 points")
    stamps.save()
    (tmp_path / "index.html").write_text("a person's own")
    (tmp_path / "b.html").write_text("75 points, see me")
    (tmp_path / "c.html").write_text("80 points")  # as long as before
    (tmp_path / "d.html").unlink()

    again = Stamps(notes, tmp_path, ".html")
    assert again.current("a.html", "s")
    assert again.remove_left() == ["e.html"]
    assert sorted(p.name for p in tmp_path.glob("*.html")) == ["a.html", "b.html", "c.html", "index.html"]


@pytest.mark.parametrize("note", [["s", 4], "s", None, {"s": 4}, []])
def test_notes_of_another_form_say_nothing_of_whose_a_file_is(tmp_path, note):
    (tmp_path / "notes.json").write_text(json.dumps({"a.html": note}))
    (tmp_path / "a.html").write_text("page")
    assert Stamps(tmp_path / "notes.json", tmp_path, ".html").remove_left() == []
    assert (tmp_path / "a.html").exists()


def test_a_file_that_was_touched_or_lost_is_not_current(tmp_path):
    notes = tmp_path / "cache" / ".notes.json"
    stamps = Stamps(notes, tmp_path, ".html")
    for name in ("a.html", "b.html"):
        (tmp_path / name).write_text("page")
        stamps.made(name, "s", b"page")
    stamps.save(keep=True)
    (tmp_path / "a.html").write_text("another page")
    (tmp_path / "b.html").unlink()
    again = Stamps(notes, tmp_path, ".html")
    assert not again.current("a.html", "s")
    assert not again.current("b.html", "s")


def test_damaged_notes_are_no_notes(tmp_path):
    (tmp_path / "notes.json").write_text("[1, 2")
    (tmp_path / "a.html").write_text("page")
    assert not Stamps(tmp_path / "notes.json", tmp_path, ".html").current("a.html", "s")
