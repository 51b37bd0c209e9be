"""The rooms of `autograder`: what each may import, that no two modules import each other, and where tests lie."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "autograder"
# From the ground up. A room may import the rooms named here and itself, and `exercise_code.common`.
MAY_IMPORT = {
    "base": "",
    "sources": "base",
    "sandbox": "base",
    "judging": "base sources sandbox",
    "fleet": "base sources judging",
    "classroom": "base",
    "intake": "base classroom",
    "grading": "base sources judging fleet classroom intake",
    "authoring": "base sources",
    "proof": "base sources judging fleet",
    "analysis": "base sources judging classroom grading",
    "exports": "base sources judging classroom intake grading",
    "pages": "base sources judging classroom grading analysis",
    "nbgrader_bridge": "base sources judging fleet classroom intake grading authoring analysis",
    "simulation": "base sources judging",
    "cli": "base sources sandbox judging fleet classroom intake grading authoring proof exports pages nbgrader_bridge "
    "simulation",
    "__main__": "base fleet authoring cli",
}
# The rooms of `exercise_code.common`; the modules outside of rooms are what notebooks and tests import.
STUDENTS = ROOT / "exercise_code" / "common"
STUDENTS_MAY_IMPORT = {
    "archives": "",
    "datasets": "archives",
    "metrics": "",
    "hand_ins": "archives",
    "probing": "hand_ins datasets metrics",
    "checks": "probing",
    "training": "metrics",
    "models": "datasets hand_ins metrics probing checks",
    "submitting": "archives datasets hand_ins probing checks",
}
# Tests lie in a folder of their room's name; these hold for what is in no room.
TESTS = ROOT / "tests"
OTHER_TESTS = ("common", "exercises", "gates", "project")
MOST_TEST_FILES = 15
# Files of code in a room, `__init__.py` not counted; lines of a file, and of a function.
MOST_FILES, MOST_LINES, MOST_LINES_OF_A_FUNCTION = 12, 420, 60
# Longer for a reason of its own: one class that talks to a cluster, whose futures, tunnels and losses belong together.
LONG = {"fleet/cluster/dask_fleet.py": 600}


def _modules(package: Path = PACKAGE) -> dict[str, Path]:
    files = [path for path in package.rglob("*.py") if "course" not in path.relative_to(package).parts]
    return {_name(path, package): path for path in files}


def _name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, path: Path, modules: dict[str, Path]) -> Iterator[str]:
    """The package's own modules that a module imports, also inside of functions."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *filter(None, [node.module])])
            if base.split(".")[0] == name.split(".")[0]:
                yield from (n if (n := f"{base}.{alias.name}") in modules else base for alias in node.names)


def _room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def faults(package: Path = PACKAGE, may_import: dict[str, str] = MAY_IMPORT) -> list[str]:
    """Imports that no room may have, and circles."""
    modules = _modules(package)
    imported = {name: set(_imports(name, path, modules)) - {name} for name, path in modules.items()}
    found = [
        f"{name} imports {other}: {_room(name)} may not import {_room(other)}"
        for name, others in imported.items()
        for other in others
        if _room(other) not in (_room(name), *may_import.get(_room(name), "").split())
    ]
    return sorted(found) + [f"in a circle: {' -> '.join(circle)}" for circle in _circles(imported)]


def _circles(imported: dict[str, set[str]]) -> Iterator[list[str]]:
    """A walk back to its start for each circle that a search from the ground up meets."""
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> Iterator[list[str]]:
        if name in trail:
            yield [*trail[trail.index(name) :], name]
        elif name not in done:
            for other in sorted(imported.get(name, ())):
                yield from visit(other, [*trail, name])
            done.add(name)

    for name in sorted(imported):
        yield from visit(name, [])


def test_rooms_import_only_what_they_may() -> None:
    assert faults() == []


def test_rooms_of_the_students_package_import_only_what_they_may() -> None:
    outside = " ".join(path.stem for path in STUDENTS.glob("*.py"))
    everything = f"{outside} {' '.join(STUDENTS_MAY_IMPORT)}"
    table = {room: f"{others} {outside}" for room, others in STUDENTS_MAY_IMPORT.items()}
    assert faults(STUDENTS, table | dict.fromkeys(outside.split(), everything)) == []


@pytest.mark.parametrize("package", [PACKAGE, STUDENTS], ids=["autograder", "common"])
def test_rooms_files_and_functions_stay_small(package: Path) -> None:
    for folder in {path.parent for path in _modules(package).values()}:
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py" and not _is_listed(path)]
        # Beside the rooms of the students' package lie the names that notebooks and tests import.
        assert len(files) <= MOST_FILES + 3 * (folder == STUDENTS), f"{folder.name}: {len(files)} files"
    for path in _modules(package).values():
        text, name = path.read_text(encoding="utf-8"), path.relative_to(package).as_posix()
        lines = len(text.splitlines())
        assert lines <= LONG.get(name, MOST_LINES), f"{name}: {lines} lines"
        for function in ast.walk(ast.parse(text)):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (function.end_lineno or 0) - function.lineno + 1
                assert lines <= MOST_LINES_OF_A_FUNCTION, f"{name}: {function.name} has {lines} lines"


def _is_listed(path: Path) -> bool:
    """A data set or a metric: there may be as many as the course needs."""
    known = path.parent / "known.py"
    tree = ast.parse(known.read_text(encoding="utf-8") if known.is_file() else "")
    tables = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    names = [node for table in tables for node in ast.walk(table)]
    return path.stem in {getattr(node, "id", getattr(node, "value", None)) for node in names}


def test_tests_lie_in_the_rooms_of_what_they_test() -> None:
    folders = {path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    assert folders <= {*MAY_IMPORT, *STUDENTS_MAY_IMPORT, *OTHER_TESTS}
    for folder in folders:
        files = [path.name for path in (TESTS / folder).glob("*.py")]
        assert all(name.startswith("test_") for name in files), f"{folder}: what tests share lies in tests/support"
        assert len(files) <= MOST_TEST_FILES, f"{folder}: {len(files)} files"


def test_each_room_says_what_it_is_and_stands_on_the_page() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.split("## Rooms", 1)[1].split("\n## ", 1)[0]
    named = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    ours = [room for room in MAY_IMPORT if room != "__main__"]
    assert named == [*ours, *STUDENTS_MAY_IMPORT, *OTHER_TESTS, "support"]
    for folder in [*(PACKAGE / room for room in ours), *(STUDENTS / room for room in STUDENTS_MAY_IMPORT)]:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))


def test_an_import_upwards_and_a_circle_are_seen(tmp_path: Path) -> None:
    package = tmp_path / "autograder"
    for name, text in {
        "base/text.py": "from ..cli import grade\n",
        "cli/grade.py": "from ..base.text import line\n",
        "grading/run.py": "def run():\n    from ..pages import page\n",
        "pages/page.py": "",
    }.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert faults(package) == [
        "autograder.base.text imports autograder.cli.grade: base may not import cli",
        "autograder.grading.run imports autograder.pages.page: grading may not import pages",
        "in a circle: autograder.base.text -> autograder.cli.grade -> autograder.base.text",
    ]
