"""Does something that students get hold a secret of the exercise?"""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ..sources.cells import BEGIN_GUIDE, BEGIN_SOLUTION, END_GUIDE, END_SOLUTION
from ..sources.graded_tests import read_tests
from ..sources.layout import course_ids, notebook_sources, solution_sources
from .copies import find_copies

__all__ = ["MARKERS", "find_leaks"]
# Shorter lines, such as `return x`, stand in given code for reasons of their own.
TELLING = 25

MARKERS = (BEGIN_SOLUTION, END_SOLUTION, BEGIN_GUIDE, END_GUIDE)


def find_leaks(files: Mapping[str, bytes], course: Path, opened: Collection[str] = ()) -> list[str]:
    """What `files` hold and no student must get, a line each; `opened` exercises may show solutions.

    A line that stands in one of these as well as in another exercise's answer may be shown, too.
    """
    lines, blocks = _solutions(course, opened)
    secrets = [(f"solution line {line!r}", line) for line in lines]
    secrets += [(f"solution block {block!r}", block) for block in blocks]
    secrets += [(f"marker '{marker}'", marker.removeprefix("### ")) for marker in MARKERS]
    if secret := os.environ.get("AUTOGRADER_SECRET"):
        secrets.append(("the grading secret", secret))
    hidden = _hidden_names(course, files)
    leaks = []
    for name, content in sorted(files.items()):
        if "autograder" in Path(name).parts:
            leaks.append(f"{name}: a file of the grader's package")
        text = _text(name, content)
        leaks += [f"{name}: {what}" for what, needle in secrets if needle in text]
        leaks += [f"{name}: hidden test {word}" for word in sorted(hidden & set(re.findall(r"\w+", text)))]
        if re.search(r"^\s*(from|import) autograder\b", text, re.MULTILINE):
            leaks.append(f"{name}: an import of the grader's package")
    return leaks + find_copies(files, course, opened)


def _text(name: str, content: bytes) -> str:
    """The file's text, without indentation."""
    text = content.decode("utf-8", "replace")
    if name.endswith(".ipynb"):
        # In a notebook's JSON a quote or a backslash would hide the line it stands in.
        text = "\n".join(_strings(json.loads(text)))
    return "\n".join(line.strip() for line in text.splitlines())


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        # The lines of a cell's source are one text.
        if all(isinstance(item, str) for item in value):
            yield "".join(value)
        else:
            for item in value:
                yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)


def _solutions(course: Path, opened: Collection[str]) -> tuple[list[str], list[str]]:
    """Telling lines of answers that stand nowhere else in the sources, and answers of several lines as a whole."""
    answers: set[str] = set()
    shown: set[str] = set()
    public: set[str] = set()
    for exercise in course_ids(course):
        for path in (*notebook_sources(exercise, course), *solution_sources(exercise, course)):
            blocks, rest = _split(path.read_text(encoding="utf-8"))
            public |= rest
            if exercise in opened:
                shown |= blocks
            else:
                answers |= blocks
    lines = {line for block in answers for line in block.split("\n") if len(line) >= TELLING}
    whole = {block for block in answers if "\n" in block.strip() and len(block) >= TELLING}
    open_text = "\n\n".join(shown)
    lines, whole = ({text for text in texts if text not in open_text} for texts in (lines, whole))
    return sorted(lines - public), sorted(whole)


def _split(text: str) -> tuple[set[str], set[str]]:
    """The texts between markers, and the lines outside, without indentation and the `# ` of Markdown cells."""
    blocks, rest, block, depth = set[str](), set[str](), list[str](), 0
    for line in text.splitlines():
        bare = line.strip()
        plain = bare.removeprefix("# ").strip()
        depth += (plain in MARKERS[::2]) - (plain in MARKERS[1::2])
        if plain in MARKERS:
            blocks.add("\n".join(block))
            block = []
        elif depth:
            block.append(bare)
        else:
            rest |= {bare, plain}
    # A Markdown cell's answer, as it would stand in a notebook.
    blocks |= {"\n".join(line.removeprefix("# ").strip() for line in block.split("\n")) for block in blocks}
    return blocks - {""}, rest


def _hidden_names(course: Path, files: Mapping[str, bytes]) -> set[str]:
    """Names of hidden tests, less those that a visible test of another exercise has as well."""
    found: set[str] = set()
    for exercise in course_ids(course):
        names = {name for name, _, _ in read_tests(course / exercise / "test_hidden.py")}
        for path, content in files.items():
            if path.endswith("/test_visible.py") and exercise not in Path(path).parts:
                names -= set(re.findall(r"^def (test_\w+)", content.decode(), re.MULTILINE))
        found |= names
    return found
