"""The files that describe the project agree with each other; the repository holds only what belongs in it."""

import ast
import codecs
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
LARGEST_FILE = 2_000_000
# Names of assistants, package hosts and machines' folders; in rot13, so that the list does not find itself.
NOT_HERE = [
    codecs.decode(pattern, "rot13")
    for pattern in (
        r"\opynhqr\o", r"\onaguebcvp\o", r"\opungtcg\o", r"\obcranv\o", r"\opbcvybg\o", r"\onv nffvfgnag",
        r"clcv\.bet", r"clgubaubfgrq\.bet", r"ertvfgel\.acz", r"qro\.qrovna\.bet", r"pbaqn\.nanpbaqn\.bet",
        r"/jbex/(znva|funerq)", r"/ebbg/\.", r"/bcg/(clcv|jurryf)",
    )
]  # fmt: skip


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _direct() -> dict[str, list[Requirement]]:
    """The direct dependencies by the extra that asks for them; "" is what everybody needs."""
    project = _project()["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: [Requirement(line) for line in lines] for extra, lines in groups.items()}


def _pins() -> dict[str, Version]:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            requirement = Requirement(line)
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", f"expected an exact version, got {line}"
            name = canonicalize_name(requirement.name)
            assert name not in pins, f"{name} is pinned twice"
            pins[name] = Version(specifier.version)
    return pins


def _committed() -> list[Path]:
    """The files that git tracks, or would if they were added now."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git repository: nothing is tracked")
    files = [ROOT / name for name in listed.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


def _make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_every_direct_dependency_is_pinned_within_its_range() -> None:
    pins = _pins()
    for requirement in (entry for entries in _direct().values() for entry in entries):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin is not None, f"constraints.txt lacks {requirement.name} of pyproject.toml: run make lock"
        assert pin in requirement.specifier, f"constraints.txt has {pin}, pyproject.toml {requirement}"


def test_every_transitive_dependency_is_pinned() -> None:
    pins, seen = _pins(), set()
    waiting = [(entry.name, frozenset(entry.extras)) for entries in _direct().values() for entry in entries]
    while waiting:
        name, extras = waiting.pop()
        if (canonicalize_name(name), extras) in seen:
            continue
        seen.add((canonicalize_name(name), extras))
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # an extra that is not installed here
            continue
        for needed in map(Requirement, requires):
            environments = [{"extra": extra} for extra in extras or {""}]
            if needed.marker is None or any(needed.marker.evaluate(each) for each in environments):
                pin = pins.get(canonicalize_name(needed.name))
                assert pin is not None, f"constraints.txt lacks {needed}, which {name} needs: run make lock"
                waiting.append((needed.name, frozenset(needed.extras)))
    assert len(seen) > 50, f"expected to walk through the installed packages, saw {len(seen)}"


def test_the_oldest_supported_versions_are_admitted() -> None:
    project = _project()["project"]
    assert "3.11" in SpecifierSet(project["requires-python"])
    assert "3.10" not in SpecifierSet(project["requires-python"])
    torch = next(entry for entry in _direct()[""] if entry.name == "torch")
    assert "2.11.0" in torch.specifier
    assert "2.10.0" not in torch.specifier


def test_torch_and_torchvision_are_a_pair() -> None:
    pins = _pins()
    assert Version(metadata.version("torchvision")).base_version == str(pins["torchvision"])
    wanted = next(entry for entry in map(Requirement, metadata.requires("torchvision") or []) if entry.name == "torch")
    assert pins["torch"] in wanted.specifier, f"torchvision {pins['torchvision']} needs {wanted}"
    # A pair that does not match fails to load torchvision's compiled operators, and says so only here.
    import torch
    import torchvision

    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]])
    kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), iou_threshold=0.5)
    assert kept.tolist() == [0, 2]


def test_conda_and_make_install_the_same() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python = next(entry for entry in environment["dependencies"] if str(entry).startswith("python"))
    asked = SpecifierSet(python.removeprefix("python"))
    needed = SpecifierSet(_project()["project"]["requires-python"])
    for minor in range(8, 15):
        assert (f"3.{minor}" in asked) == (f"3.{minor}" in needed), f"3.{minor}: {asked} against {needed}"
    (pip_lines,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    extras = re.search(r"^EXTRAS \?= (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert extras is not None
    assert pip_lines == ["--constraint constraints.txt", f"--editable .[{extras[1]}]"]
    assert environment["name"] == _project()["project"]["name"]
    assert set(extras[1].split(",")) <= set(_direct())


def test_a_wheel_carries_templates_and_no_answers(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend is not installed; `make install` brings it")
    from hatchling.builders.wheel import WheelBuilder

    builder = WheelBuilder(str(ROOT))
    names = [included.distribution_path for included in builder.recurse_included_files()]
    assert "autograder/base/errors.py" in names
    assert "autograder/authoring/templates/new_model/private/wrong.toml.tmpl" in names
    assert "exercise_code/ex03_dataloader/exercise.toml" in names
    assert "exercise_code/ex03_dataloader/test_visible.py" in names
    assert not [name for name in names if "course/" in name or name.startswith("tests")]


def test_no_large_file_is_committed() -> None:
    sizes = {str(file.relative_to(ROOT)): file.stat().st_size for file in _committed()}
    large = {name: size for name, size in sizes.items() if size > LARGEST_FILE}
    assert not large, f"at most {LARGEST_FILE:,} bytes a file: {large}"


def test_committed_notebooks_have_no_outputs() -> None:
    notebooks = [file for file in _committed() if file.suffix == ".ipynb"]
    assert notebooks, "expected notebooks in exercises"
    for notebook in notebooks:
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            assert not cell.get("outputs"), f"{notebook} holds outputs: run make build"
            assert cell.get("execution_count") is None, f"{notebook} was run and saved: run make build"


def test_files_speak_of_the_project_alone() -> None:
    pattern = re.compile("|".join(NOT_HERE), re.IGNORECASE)
    found = []
    for file in _committed():
        content = file.read_bytes()
        if b"\0" not in content:
            for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
                if match := pattern.search(line):
                    found.append(f"{file.relative_to(ROOT)}:{number}: {match[0]}")
    assert not found, "\n".join(found)


def test_the_word_list_finds_what_it_is_for() -> None:
    assert any(re.search(pattern, "https://" + "py" + "pi.org/simple") for pattern in NOT_HERE)
    assert not any(re.search(pattern, "pip install torch; make work/main.py") for pattern in NOT_HERE)


REASON = re.compile(r'^    "([\w.-]+)>=[^"]*",  # (.{10,})$', re.MULTILINE)
# What is imported under another name than it is installed by.
IMPORTED_AS = {
    "beautifulsoup4": "bs4",
    "dask-jobqueue": "dask_jobqueue",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "python-dateutil": "dateutil",
    "scikit-learn": "sklearn",
}


def test_each_dependency_says_why_it_is_here() -> None:
    explained = [canonicalize_name(name) for name, _ in REASON.findall((ROOT / "pyproject.toml").read_text("utf-8"))]
    named = [canonicalize_name(entry.name) for entries in _direct().values() for entry in entries]
    assert sorted(explained) == sorted(named), "pyproject.toml: a comment behind each dependency"


def test_each_dependency_is_imported_or_says_what_uses_it() -> None:
    text = "\n".join(
        file.read_text(encoding="utf-8")
        for file in _committed()
        if file.suffix == ".py" and "hostile" not in file.parts
    )
    reasons = dict(REASON.findall((ROOT / "pyproject.toml").read_text("utf-8")))
    unused = []
    for name, reason in reasons.items():
        module = IMPORTED_AS.get(name, name.replace("-", "_")).replace("ipython", "IPython")
        if not re.search(
            rf"^\s*(?:import|from) {module}\b|import_module\(\"{module}|importorskip\(\"{module}", text, re.M
        ):
            unused += [] if "not imported" in reason else [name]
    assert not unused, f"nobody imports {unused}: remove it, or write `not imported: ...` with what uses it"


def test_make_without_a_target_lists_the_documented_ones() -> None:
    listed = set(re.findall(r"^  make ([a-z-]+) ", _make().stdout, re.MULTILINE))
    assert {"lab", "build", "check", "test", "notebooks", "demo", "data", "bundle", "train"} <= listed
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == rules, f"rules without a ## description: {sorted(listed ^ rules)}"


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")),
    ],
)
def test_documents_name_only_targets_and_files_that_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert named <= rules, f"{name} names targets that the Makefile lacks: {sorted(named - rules)}"
    shown = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)#\s]+)\)", shown) if "://" not in link]
    broken = [link for link in links if not (ROOT / name).parent.joinpath(link).exists()]
    assert not broken, f"{name} links to what is not there: {broken}"


def test_an_old_python_gets_one_clear_line(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\nif [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi\n')
    old.chmod(0o755)
    # In an empty folder, so that a mistake in the check cannot touch this project's environment.
    for file in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / file).write_bytes((ROOT / file).read_bytes())
    run = subprocess.run(["make", f"PYTHON={old}", "install"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert run.returncode != 0
    assert run.stderr.startswith("expected Python 3.11 or later, got Python 3.9.2")
    assert not (tmp_path / ".venv").exists()


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make --no-print-directory test" in script
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111, "expected .ci/run to be executable"


@pytest.mark.parametrize(
    ("package", "extras"), [("exercise_code", [""]), ("autograder", ["", "grading", "cluster"]), ("tests", None)]
)
def test_what_is_imported_is_a_direct_dependency(package: str, extras: list[str] | None) -> None:
    direct = _direct()
    declared = {canonicalize_name(entry.name) for extra in extras or direct for entry in direct[extra]}
    owners = metadata.packages_distributions()
    undeclared: dict[str, str] = {}
    for file in sorted((ROOT / package).rglob("*.py")):
        for name in _imported(file):
            beside = any((folder / f"{name}.py").exists() for folder in (file.parent, SUPPORT))
            if name in sys.stdlib_module_names or (ROOT / name).exists() or beside:
                continue
            owner = {canonicalize_name(owner) for owner in owners.get(name, [name])}
            if not owner & declared:
                undeclared[name] = str(file.relative_to(ROOT))
    assert not undeclared, f"imported, but no direct dependency in pyproject.toml: {undeclared}"


def _imported(file: Path) -> set[str]:
    """Top-level names of the packages that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names
