"""Hand-ins of a made class before they are packed: solutions, mistakes, broken files, mischief."""

import ast
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from exercise_code.common.archives.zips import zip_bytes
from exercise_code.common.hand_ins.student_id import ID_FILE, parse_id

from ..sources import variants
from ..sources.exercise import Sources
from ..sources.known_answers import WrongAnswer, apply, wrong_answers
from ..sources.variants import strip_markers
from .restyle import BLOCK, rename, restyle, unfinish
from .snippets import ANSWERS, ENDLESS, HOSTILE, HOSTILE_ANSWER, REMARKS

__all__ = ["DUE", "Draft", "DraftMaker"]

DUE = datetime(2026, 11, 27, 22, 59, tzinfo=UTC)
OUTSIDE = b"print('outside')\n"
PLACE = "@ANSWER@"

Files = dict[str, bytes]
Modules = dict[str, str]
"""Texts of the students' modules by file name, the solution markers still in them."""


@dataclass
class Draft:
    """A hand-in before it is packed: modules with their markers, files beside them, and what is done to the zip."""

    kind: str
    about: str
    modules: Modules
    fails: tuple[str, ...] | None = None
    files: Files = field(default_factory=dict)
    payload: str = ""
    spoil: Callable[[Files], Files] = lambda files: files
    spoil_zip: Callable[[bytes], bytes] = lambda data: data
    hostile_text: bool = False


class DraftMaker:
    """Drafts of hand-ins of one exercise."""

    def __init__(self, source: Sources, dice: random.Random, scratch: Path) -> None:
        self.source = source
        self.dice = dice
        self.scratch = scratch
        self.solution = {name: (source.solution / name).read_text(encoding="utf-8") for name in source.twins}
        self.wrong = wrong_answers(source)
        self.package = f"exercise_code/{source.id}"
        self.notebooks = {p.name: p.read_text(encoding="utf-8") for p in sorted(source.notebooks.glob("*.ipynb"))}
        self.answered = {name: _with_places(text) for name, text in self.notebooks.items()}
        reference = _read(variants.reference(source, scratch / "reference"))
        self.models = {name: data for name, data in reference.items() if name.startswith("models/")}
        stubs = _read(variants.untouched(source, scratch / "untouched"))
        self.stubs = {name: stubs[f"{self.package}/{name}"].decode() for name in source.twins}
        self._edited: dict[str, Files] = {}
        self._turns: dict[str, int] = {}

    def draft(self, kind: str) -> Draft:
        """A hand-in of this kind."""
        made: Draft = getattr(self, f"_{kind}")()
        return made

    def copy(self, original: Draft) -> Draft:
        """Somebody else's hand-in with the variables renamed."""
        modules = {name: rename(text, self.dice) for name, text in original.modules.items()}
        about = f"copied, variables renamed: {original.about}"
        return Draft("copy", about, modules, original.fails, dict(original.files))

    def _turn(self, of: str, count: int) -> int:
        """0, 1, 2 and so on: in turn, so that every kind of trouble is in a class that is large enough."""
        turn = self._turns.get(of, -1) + 1
        self._turns[of] = turn
        return turn % count

    def _restyled(self, modules: Modules) -> Modules:
        return {name: restyle(text, self.dice) for name, text in modules.items()}

    def _solved(self) -> Draft:
        return Draft("solved", "a solution", self._restyled(self.solution), (), self._noisy_models())

    def _wrong(self) -> Draft:
        if not self.wrong:
            return self._unfinished()
        answer = self.wrong[self._turn("wrong", len(self.wrong))]
        modules = _apply(answer, self.solution)
        assert modules is not None
        return Draft("wrong", answer.about, self._restyled(modules), answer.fails, self._models_of(answer))

    def _several(self) -> Draft:
        modules = dict(self.solution)
        about: list[str] = []
        for answer in self.dice.sample(self.wrong, min(len(self.wrong), 6)):
            in_code = answer.edit and not (answer.model_edit or answer.hparam_edit)
            if in_code and len(about) < 3 and (applied := _apply(answer, modules)) is not None:
                modules, about = applied, [*about, answer.about]
        if not about:
            return self._unfinished()
        return Draft("several", " + ".join(about), self._restyled(modules), None, dict(self.models))

    def _unfinished(self) -> Draft:
        share = self.dice.uniform(0.1, 0.9)
        modules = {name: unfinish(text, self.dice, share) for name, text in self._restyled(self.solution).items()}
        return Draft("unfinished", f"{share:.0%} not written yet", modules, None, dict(self.models))

    def _untouched(self) -> Draft:
        return Draft("untouched", "the stubs as they were", dict(self.stubs))

    def _broken(self) -> Draft:
        draft = self._solved()
        draft.kind, draft.fails = "broken", None
        name = self.dice.choice(sorted(draft.modules))
        module = f"{self.package}/{name}"
        where = self.dice.uniform(0.3, 0.9)

        def cut(files: Files) -> Files:
            return {**files, module: files[module][: int(where * len(files[module]))] + b"\n    return ("}

        def lose(files: Files) -> Files:
            return {n: data for n, data in files.items() if n != module}

        def misplace(files: Files) -> Files:
            return {n.removeprefix(f"{self.package}/") if n == module else n: d for n, d in files.items()}

        def copy_name(files: Files) -> Files:
            return {n.replace(".py", " (1).py") if n == module else n: d for n, d in files.items()}

        def tabs(files: Files) -> Files:
            return {**files, module: b"\n\t".join(files[module].rsplit(b"\n        ", 1))}

        def foreign(files: Files) -> Files:
            return {**files, module: _insert(files[module].decode(), "import my_own_tools").encode()}

        ways: tuple[tuple[str, Callable[[Files], Files]], ...] = (
            ("a syntax error", cut),
            ("a module is missing", lose),
            ("a module lies in the wrong place", misplace),
            ("a module has another name", copy_name),
            ("tabs and spaces", tabs),
            ("imports what nobody has", foreign),
        )
        draft.about, draft.spoil = ways[self._turn("broken", len(ways))]
        return draft

    def _archive(self) -> Draft:
        draft = self._solved()
        draft.kind, draft.fails = "archive", None
        ways: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
            ("half a zip", lambda data: data[: len(data) // 2]),
            ("a text named .zip", lambda _: b"I could not upload it, see my mail\n"),
            ("an empty file", lambda _: b""),
            ("a zip in a zip", lambda data: zip_bytes({"homework/my.zip": data}, moment=DUE)),
            ("a PDF and nothing else", lambda _: zip_bytes({"solution.pdf": b"%PDF-1.4\n"}, moment=DUE)),
            (
                "a zip with ../ in a name",
                lambda _: zip_bytes({"../../outside.py": OUTSIDE}, moment=DUE),
            ),
        )
        draft.about, draft.spoil_zip = ways[self._turn("archive", len(ways))]
        return draft

    def _notebook(self) -> Draft:
        draft = self._solved()
        draft.kind = "notebook"
        name = next(iter(self.notebooks), "")

        def edited(change: Callable[[dict[str, Any]], None]) -> Callable[[Files], Files]:
            def spoil(files: Files) -> Files:
                notebook = json.loads(files[name])
                change(notebook)
                return {**files, name: _notebook_bytes(notebook)}

            return spoil

        def graded(notebook: dict[str, Any]) -> list[int]:
            cells = enumerate(notebook["cells"])
            return [i for i, cell in cells if cell.get("metadata", {}).get("nbgrader", {}).get("grade")]

        def delete(notebook: dict[str, Any]) -> None:
            del notebook["cells"][graded(notebook)[0]]

        def double(notebook: dict[str, Any]) -> None:
            at = graded(notebook)[0]
            notebook["cells"].insert(at, notebook["cells"][at])

        def rename_cell(notebook: dict[str, Any]) -> None:
            notebook["cells"][graded(notebook)[0]]["metadata"]["nbgrader"]["grade_id"] = "mine"

        def julia(notebook: dict[str, Any]) -> None:
            notebook["metadata"]["kernelspec"] = {"name": "julia-1.9", "display_name": "Julia", "language": "julia"}

        ways: tuple[tuple[str, Callable[[Files], Files]], ...] = (
            ("half a notebook", lambda files: {**files, name: files[name][: len(files[name]) // 2]}),
            ("a graded cell deleted", edited(delete)),
            ("a graded cell twice", edited(double)),
            ("a graded cell renamed", edited(rename_cell)),
            ("another kernel", edited(julia)),
            ("no notebook", lambda files: {n: d for n, d in files.items() if not n.endswith(".ipynb")}),
            ("markup in a written answer", lambda files: files),
        )
        draft.about, draft.spoil = ways[self._turn("notebook", len(ways))] if name else ("no notebook", draft.spoil)
        draft.hostile_text = draft.about == "markup in a written answer"
        return draft

    def _hostile(self) -> Draft:
        draft = self._solved()
        about = list(HOSTILE)[self._turn("hostile", len(HOSTILE))]
        draft.kind, draft.about, draft.fails, draft.payload = "hostile", about, None, HOSTILE[about]
        return draft

    def _endless(self) -> Draft:
        draft = self._solved()
        draft.kind, draft.fails = "endless", None
        if self._turn("endless", 2):
            draft.about, draft.payload = "loops for ever when it is imported", ENDLESS
            return draft
        draft.about = "one function loops for ever"
        name = sorted(draft.modules)[0]
        blocks = list(BLOCK.finditer(draft.modules[name]))
        if blocks:
            last, text = blocks[-1], draft.modules[name]
            loop = f"{last['indent']}while True:\n{last['indent']}    pass"
            draft.modules[name] = text[: last.start()] + loop + text[last.end() :]
        return draft

    def _models_of(self, answer: WrongAnswer) -> Files:
        if not (answer.model_edit or answer.hparam_edit):
            return dict(self.models)
        if answer.name not in self._edited:
            files = _read(apply(answer, self.scratch / answer.name, self.source))
            self._edited[answer.name] = {name: data for name, data in files.items() if name.startswith("models/")}
        return self._edited[answer.name]

    def _noisy_models(self) -> Files:
        """The trained model, a little better or worse: everybody's own training ends elsewhere."""
        from safetensors.numpy import load, save

        rng = np.random.default_rng(self.dice.randrange(2**32))
        strength = 0.03 * rng.random() ** 3
        files = dict(self.models)
        for name in (n for n in files if n.endswith(".safetensors")):
            tensors = load(files[name])
            for key, tensor in tensors.items():
                if tensor.dtype == np.float32 and tensor.ndim > 1:
                    tensors[key] = tensor + np.float32(strength * tensor.std()) * rng.standard_normal(
                        tensor.shape, np.float32
                    )
            files[name] = save(tensors)
        return files

    def pack(self, draft: Draft, student: str, submitted: datetime) -> bytes:
        """The hand-in as a zip, marked with the student's name, so that no two are the same."""
        files: Files = dict(draft.files)
        for i, (name, text) in enumerate(sorted(draft.modules.items())):
            if draft.payload and i == 0:
                text = _insert(text, draft.payload)
            text = f"{strip_markers(text).rstrip()}\n\n# {_plain(student)}: {self.dice.choice(REMARKS)}\n"
            files[f"{self.package}/{name}"] = text.encode()
        if self.source.exercise.personal and (named := parse_id(student.encode())):
            files[f"{self.package}/{ID_FILE}"] = f"{named}\n".encode()
        for name, text in (self.notebooks if draft.kind == "untouched" else self.answered).items():
            answer = HOSTILE_ANSWER if draft.hostile_text else self.dice.choice(ANSWERS)
            files[name] = text.replace(PLACE, json.dumps(answer, ensure_ascii=False)[1:-1]).encode()
        return draft.spoil_zip(zip_bytes(draft.spoil(files), moment=submitted, level=1))


def _with_places(text: str) -> str:
    """The notebook with a place for an answer in each cell that asks for one: writing JSON anew is slow."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "markdown" and marks.get("grade") and marks.get("solution"):
            cell["source"] = "".join(cell["source"]).replace("*Your answer here.*", "").rstrip() + f"\n\n{PLACE}"
    return _notebook_bytes(notebook).decode()


def _apply(answer: WrongAnswer, modules: Modules) -> Modules | None:
    """The modules with the answer's edits, None when another edit has taken the place."""
    changed = dict(modules)
    for edit in answer.edit:
        if changed[edit.file].count(edit.find) != 1:
            return None
        changed[edit.file] = changed[edit.file].replace(edit.find, edit.replace)
    try:
        for text in changed.values():
            ast.parse(text)
    except SyntaxError:
        return None
    return changed


def _insert(text: str, code: str) -> str:
    """The module with code below its docstring and `from __future__`."""
    line = 0
    for node in ast.parse(text).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        line = node.end_lineno or 0
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:line], f"\n{code}\n\n", *lines[line:]])


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_ -]", "?", name)


def _read(tree: Path) -> Files:
    return {p.relative_to(tree).as_posix(): p.read_bytes() for p in sorted(tree.rglob("*")) if p.is_file()}


def _notebook_bytes(notebook: dict[str, Any]) -> bytes:
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()
