"""A bug hunt: a module that students get with bugs in it, made of the exercise's wrong answers.

`hunt.toml` in the private folder says which:

    module = "training.py"
    bugs = ["update_goes_uphill", "accuracy_of_one_batch", "validation_in_training_mode"]

Each names a `[[wrong]]` entry of `wrong.toml`, so each bug alone is known to fail the tests that it names there.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .layout import fault, short

__all__ = ["HUNT", "Hunt", "read_hunt"]

HUNT = "hunt.toml"


@dataclass(frozen=True)
class Hunt:
    """The module with bugs, their names, and the edits that plant them: what is found once, and what it becomes."""

    module: str
    bugs: tuple[str, ...]
    edits: tuple[tuple[str, str], ...]

    def plant(self, text: str) -> str:
        """The solved module's text with all bugs in it."""
        for find, replace in self.edits:
            if text.count(find) != 1:
                advice = "two bugs may not change the same lines"
                fault(HUNT, f"edits that match once in {self.module}", f"{text.count(find)} of {find!r}", advice)
            text = text.replace(find, replace)
        return text


def read_hunt(folder: Path) -> Hunt | None:
    """The hunt of the exercise with the private `folder`; None where there is none."""
    path = folder / HUNT
    if not path.is_file():
        return None
    table, answers = _toml(path), _toml(folder / "wrong.toml").get("wrong", [])
    module, bugs = table.get("module"), table.get("bugs")
    if set(table) != {"module", "bugs"} or not isinstance(module, str) or not isinstance(bugs, list) or not bugs:
        fault(short(path), 'module = "name.py" and bugs = [...]', f"the keys {sorted(table)}", "correct the file")
    known = {answer.get("name"): answer for answer in answers}
    edits: list[tuple[str, str]] = []
    for bug in bugs:
        if bug not in known:
            fault(short(path), "names of wrong answers in wrong.toml", repr(bug), f"known are {', '.join(known)}")
        for edit in known[bug].get("edit", []):
            if edit["file"] != module:
                fault(short(path), f"bugs in {module}", f"one in {edit['file']} ({bug})", "hunt in one module")
            edits.append((edit["find"], edit["replace"]))
    return Hunt(module, tuple(bugs), tuple(edits))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        fault(short(path), "a file", error.strerror or "an error", "write it")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fault(short(path), "TOML", str(error), "correct the file")
