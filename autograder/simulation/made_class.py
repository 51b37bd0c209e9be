"""A class of any size, made from an exercise's own sources: its hand-ins, its roster, its dates."""

import ast
import csv
import json
import os
import random
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from exercise_code.common.archives.zips import zip_bytes

from ..base.errors import AutograderError
from ..sources import variants
from ..sources.exercise import Sources, sources
from ..sources.known_answers import WrongAnswer, apply, wrong_answers
from ..sources.variants import strip_markers
from .restyle import BLOCK, rename, restyle, unfinish
from .snippets import ANSWERS, ENDLESS, HOSTILE, HOSTILE_ANSWER, HOSTILE_NAMES, REMARKS, UNKNOWN_NAMES

__all__ = ["DUE", "SHARES", "MadeClass", "MadeHandIn", "make_class"]

DUE = datetime(2026, 11, 27, 22, 59, tzinfo=UTC)
MISSING, UNKNOWN, TWICE, LATE, EXTENDED = 0.03, 0.005, 0.08, 0.06, 0.02
# What those who hand in hand in. Endless loops are rare; at import each costs one test's limit, 5 s in ex03.
SHARES = {
    "solved": 0.37,
    "wrong": 0.30,
    "several": 0.12,
    "unfinished": 0.10,
    "untouched": 0.02,
    "broken": 0.03,
    "archive": 0.012,
    "notebook": 0.018,
    "hostile": 0.015,
    "endless": 0.005,
    "copy": 0.01,
}
OUTSIDE = b"print('outside')\n"
PLACE = "@ANSWER@"

Files = dict[str, bytes]
Modules = dict[str, str]
"""Texts of the students' modules by file name, the solution markers still in them."""


@dataclass(frozen=True)
class MadeHandIn:
    """One hand-in; `fails` are exactly the tests that it fails, where that is known."""

    student: str
    path: Path
    kind: str
    about: str
    submitted: datetime
    fails: tuple[str, ...] | None = None


@dataclass(frozen=True)
class MadeClass:
    """Where the class lies, and what is in it; `copies` are pairs of students, the one who wrote it first."""

    folder: Path
    submissions: Path
    roster: Path
    due: datetime
    hand_ins: tuple[MadeHandIn, ...]
    missing: tuple[str, ...]
    copies: tuple[tuple[str, str], ...]

    @property
    def kinds(self) -> dict[str, int]:
        """How many hand-ins of each kind there are."""
        found: dict[str, int] = {}
        for hand_in in self.hand_ins:
            found[hand_in.kind] = found.get(hand_in.kind, 0) + 1
        return dict(sorted(found.items()))


def make_class(exercise: str | Sources, folder: Path, students: int = 1500, seed: int = 0) -> MadeClass:
    """A class in `folder`: `submissions` with a zip a student (several in a folder of theirs), roster.csv, class.toml.

    The same arguments give the same bytes and the same times. A `class.toml` that is there already stays.
    """
    if students < 1:
        raise AutograderError(f"expected one student or more, got {students}")
    source = sources(exercise)
    submissions = folder / "submissions"
    if submissions.exists() and any(submissions.iterdir()):
        raise AutograderError(f"expected no hand-ins in {submissions} yet: name another folder, or remove it")
    submissions.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="class-") as scratch:
        maker = _Maker(source, random.Random(f"{source.id} {students} {seed}"), Path(scratch))
        hand_ins, missing, copies = _fill(maker, submissions, students)
    roster = folder / "roster.csv"
    _write_roster(roster, students, seed)
    settings = folder / "class.toml"
    if not settings.exists():
        settings.write_text(_class_toml(source.id), encoding="utf-8")
    return MadeClass(folder, submissions, roster, DUE, tuple(hand_ins), tuple(missing), tuple(copies))


def _fill(
    maker: "_Maker", submissions: Path, students: int
) -> tuple[list[MadeHandIn], list[str], list[tuple[str, str]]]:
    dice = maker.dice
    everybody = [_student_id(i) for i in range(students)]
    missing = sorted(dice.sample(everybody, round(MISSING * students)))
    present = [s for s in everybody if s not in set(missing)]
    twice = set(dice.sample(present, round(TWICE * len(present))))
    kinds = _quotas(SHARES, len(present))
    dice.shuffle(kinds)
    hand_ins: list[MadeHandIn] = []
    copies: list[tuple[str, str]] = []
    own: dict[str, _Draft] = {}
    # Who copies needs somebody to copy from.
    for student, kind in sorted(zip(present, kinds, strict=True), key=lambda pair: pair[1] == "copy"):
        drafts = [maker.draft("unfinished" if dice.random() < 0.6 else "wrong")] if student in twice else []
        if kind == "copy" and own:
            original = dice.choice(sorted(own))
            drafts.append(maker.copy(own[original]))
            copies.append((original, student))
        else:
            drafts.append(maker.draft("solved" if kind == "copy" else kind))
        last = drafts[-1]
        if last.modules and last.kind in ("solved", "wrong", "several"):
            own[student] = last
        hand_ins += _write(maker, submissions, student, drafts)
    for name in UNKNOWN_NAMES[: max(1, round(UNKNOWN * students))]:
        hand_ins += _write(maker, submissions, name, [maker.draft("solved")])
    return sorted(hand_ins, key=lambda h: (h.student, h.submitted)), missing, copies


def _quotas(shares: dict[str, float], count: int) -> list[str]:
    """So many names, each by its share, what is left over to those with the largest remainders."""
    exact = {name: share * count for name, share in shares.items()}
    kept = {name: int(value) for name, value in exact.items()}
    for name in sorted(exact, key=lambda n: kept[n] - exact[n])[: count - sum(kept.values())]:
        kept[name] += 1
    return [name for name, number in kept.items() for _ in range(number)]


def _student_id(i: int) -> str:
    return f"s{10_000 + i * 37}"


@dataclass
class _Draft:
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


class _Maker:
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

    def draft(self, kind: str) -> _Draft:
        """A hand-in of this kind."""
        made: _Draft = getattr(self, f"_{kind}")()
        return made

    def copy(self, original: _Draft) -> _Draft:
        """Somebody else's hand-in with the variables renamed."""
        modules = {name: rename(text, self.dice) for name, text in original.modules.items()}
        about = f"copied, variables renamed: {original.about}"
        return _Draft("copy", about, modules, original.fails, dict(original.files))

    def _turn(self, of: str, count: int) -> int:
        """0, 1, 2 and so on: in turn, so that every kind of trouble is in a class that is large enough."""
        turn = self._turns.get(of, -1) + 1
        self._turns[of] = turn
        return turn % count

    def _restyled(self, modules: Modules) -> Modules:
        return {name: restyle(text, self.dice) for name, text in modules.items()}

    def _solved(self) -> _Draft:
        return _Draft("solved", "a solution", self._restyled(self.solution), (), self._noisy_models())

    def _wrong(self) -> _Draft:
        if not self.wrong:
            return self._unfinished()
        answer = self.wrong[self._turn("wrong", len(self.wrong))]
        modules = _apply(answer, self.solution)
        assert modules is not None
        return _Draft("wrong", answer.about, self._restyled(modules), answer.fails, self._models_of(answer))

    def _several(self) -> _Draft:
        modules = dict(self.solution)
        about: list[str] = []
        for answer in self.dice.sample(self.wrong, min(len(self.wrong), 6)):
            in_code = answer.edit and not (answer.model_edit or answer.hparam_edit)
            if in_code and len(about) < 3 and (applied := _apply(answer, modules)) is not None:
                modules, about = applied, [*about, answer.about]
        if not about:
            return self._unfinished()
        return _Draft("several", " + ".join(about), self._restyled(modules), None, dict(self.models))

    def _unfinished(self) -> _Draft:
        share = self.dice.uniform(0.1, 0.9)
        modules = {name: unfinish(text, self.dice, share) for name, text in self._restyled(self.solution).items()}
        return _Draft("unfinished", f"{share:.0%} not written yet", modules, None, dict(self.models))

    def _untouched(self) -> _Draft:
        return _Draft("untouched", "the stubs as they were", dict(self.stubs))

    def _broken(self) -> _Draft:
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

    def _archive(self) -> _Draft:
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

    def _notebook(self) -> _Draft:
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

    def _hostile(self) -> _Draft:
        draft = self._solved()
        about = list(HOSTILE)[self._turn("hostile", len(HOSTILE))]
        draft.kind, draft.about, draft.fails, draft.payload = "hostile", about, None, HOSTILE[about]
        return draft

    def _endless(self) -> _Draft:
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

    def pack(self, draft: _Draft, student: str, submitted: datetime) -> bytes:
        """The hand-in as a zip, marked with the student's name, so that no two are the same."""
        files: Files = dict(draft.files)
        for i, (name, text) in enumerate(sorted(draft.modules.items())):
            if draft.payload and i == 0:
                text = _insert(text, draft.payload)
            text = f"{strip_markers(text).rstrip()}\n\n# {_plain(student)}: {self.dice.choice(REMARKS)}\n"
            files[f"{self.package}/{name}"] = text.encode()
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


def _write(maker: _Maker, submissions: Path, student: str, drafts: list[_Draft]) -> list[MadeHandIn]:
    """The drafts of one student, written as zips with their times."""
    dice = maker.dice
    hours = -dice.expovariate(1 / 20)
    if dice.random() < LATE:
        hours = dice.uniform(0.05, 80)
    last = DUE + timedelta(seconds=int(hours * 3600))
    made = []
    for back, draft in enumerate(reversed(drafts)):
        submitted = last - timedelta(hours=5 * back)
        path = submissions / f"{student}.zip"
        if len(drafts) > 1:
            path = submissions / student / f"{maker.source.id}_{len(drafts) - back}.zip"
            path.parent.mkdir(exist_ok=True)
        path.write_bytes(maker.pack(draft, student, submitted))
        os.utime(path, (submitted.timestamp(), submitted.timestamp()))
        made.append(MadeHandIn(student, path, draft.kind, draft.about, submitted, draft.fails))
    return made


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


def _write_roster(path: Path, students: int, seed: int) -> None:
    dice = random.Random(f"roster {students} {seed}")
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["id", "name", "alias", "group", "extension"])
        for i in range(students):
            name = f"Name{i:04} Family{dice.randrange(100):02}"
            # In a small class one of them, in a large one all.
            if i % 20 == 7 and i // 20 < len(HOSTILE_NAMES):
                name = HOSTILE_NAMES[i // 20]
            extension = "48h" if dice.random() < EXTENDED else ""
            rows.writerow([_student_id(i), name, "", "ABCDEF"[i % 6], extension])


def _class_toml(exercise_id: str) -> str:
    return f"""course_id = "deep_learning"
roster = "roster.csv"

[[late]]
hours = 24
lose = 10

[[late]]
hours = 72
lose = 30

[exercises.{exercise_id}]
due = {DUE.isoformat()}
"""
