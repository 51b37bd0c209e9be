"""The command lines that README, CONTRIBUTING and the pages in docs name exist, with the options that they show."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

from autograder.__main__ import app
from autograder.nbgrader_bridge.class_folder import make_course

ROOT = Path(__file__).resolve().parents[2]
FRONT = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = (*FRONT, *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")))
SHORTEST = 3


def _commands(text: str) -> list[list[str]]:
    """The words of each command line, in fenced blocks and between backticks, without comments and placeholders."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    # A course folder's README.txt has neither: there a line's end is the command.
    lines += re.findall(r"  ((?:autograder|nbgrader) .+)$", text, re.MULTILINE)
    found = []
    for line in lines:
        for part in re.split(r"&&|  +\(", line.partition(" #")[0]):
            try:
                words = shlex.split(part)
            except ValueError:
                continue
            found.append([word for word in words if word != "..."])
    return found


def _autograder(words: list[str]) -> str:
    """What is wrong with the arguments of `autograder`; nothing for a right line."""
    commands = typer.main.get_command(app).commands
    if not words or words[0].startswith("--"):
        return ""
    if words[0] not in commands:
        return f"no command {words[0]}"
    command = commands[words[0]]
    try:
        _, rest, _ = command.make_parser(type(command).context_class(command)).parse_args(words[1:])
    except Exception as error:  # noqa: BLE001 - typer brings classes of its own
        return str(error)
    return f"arguments too many: {rest}" if rest else ""


def _make(words: list[str]) -> str:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    rules, names = (
        set(re.findall(r"^([a-z-]+):", text, re.MULTILINE)),
        set(re.findall(r"^(\w+) \?=", text, re.MULTILINE)),
    )
    for word in words:
        name, is_setting, _ = word.partition("=")
        if name not in (names if is_setting else rules):
            return f"no {'setting' if is_setting else 'target'} {name}"
    return ""


def _nbgrader(words: list[str]) -> str:
    from nbgrader.apps import NbGraderApp

    return "" if not words or words[0] in NbGraderApp.subcommands else f"no nbgrader command {words[0]}"


def _python(words: list[str]) -> str:
    if not words or not words[0].endswith(".py"):
        return ""
    script = ROOT / words[0]
    if not script.is_file():
        return "no such script"
    missing = [word for word in words[1:] if word.startswith("--") and f'"{word}"' not in script.read_text("utf-8")]
    return f"no option {missing[0]}" if missing else ""


CHECKS = {"autograder": _autograder, "make": _make, "nbgrader": _nbgrader, "python": _python}


def _faults(text: str) -> tuple[list[str], int]:
    found = [(words, CHECKS[words[0]](words[1:])) for words in _commands(text) if words and words[0] in CHECKS]
    return [f"{shlex.join(words)}: {fault}" for words, fault in found if fault], len(found)


@pytest.mark.parametrize("name", PAGES)
def test_each_command_line_exists_with_its_options(name: str) -> None:
    faults, count = _faults((ROOT / name).read_text(encoding="utf-8"))
    assert not faults, "\n".join(faults)
    assert count >= (SHORTEST if name in FRONT else 0)


def test_the_course_folders_own_readme_names_commands_that_exist(tmp_path: Path) -> None:
    make_course(tmp_path / "course", ["ex03_dataloader"])
    faults, count = _faults((tmp_path / "course" / "README.txt").read_text(encoding="utf-8"))
    assert not faults and count >= SHORTEST, faults


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("autograder mark ex03", "no command mark"),
        ("autograder regrade ex03 --loudly", "No such option: --loudly"),
        ("autograder doctor here", "arguments too many"),
        ("make bundle EXERCICE=ex03", "no setting EXERCICE"),
        ("make everything", "no target everything"),
        ("nbgrader give_out ex03", "no nbgrader command give_out"),
        ("python benchmarks/class.py --nothing", "no option --nothing"),
    ],
)
def test_a_line_that_does_not_exist_is_found(line: str, fault: str) -> None:
    for text in (f"Run `{line}`.", f"```\n{line}  # a comment\n```"):
        faults, _ = _faults(text)
        assert len(faults) == 1 and fault in faults[0], faults


def test_the_installed_command_is_the_one_that_is_checked() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts["autograder"] == "autograder.__main__:main"
