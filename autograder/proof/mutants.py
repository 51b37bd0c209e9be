"""Mutants of an exercise's solution: small, deliberate bugs that good tests must notice.

Every mutant is one edit of the original text, placed by the syntax tree's offsets, so its diff is as small as
the bug. Only code between the solution markers is touched (whole functions where a module has no markers).
"""

from __future__ import annotations

import ast
import difflib
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ..base.errors import AutograderError
from ..base.validation import in_words
from .mutation_operators import Finder
from .mutation_places import Edit, Site, one_line

__all__ = ["Equivalent", "Mutant", "Pool", "load_equivalents", "mutants_of_folder", "mutants_of_text", "pool"]

_BEGIN = re.compile(rb"^\s*### BEGIN SOLUTION\s*$")
_END = re.compile(rb"^\s*### END SOLUTION\s*$")


@dataclass(frozen=True)
class Mutant:
    """One bug: the whole mutated text of a module, and how to name it.

    `id` is `file:function:operator:ordinal`; it does not depend on line numbers. `change` is the statement
    before and after, on one line.
    """

    id: str
    file: str
    function: str
    operator: str
    line: int
    before: str
    after: str
    original: str
    source: str

    @property
    def change(self) -> str:
        return f"{self.before} -> {self.after}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.change}"

    def diff(self, context: int = 2) -> str:
        """The unified diff against the original module."""
        lines = difflib.unified_diff(
            self.original.splitlines(), self.source.splitlines(), self.file, self.file, n=context, lineterm=""
        )
        return "\n".join(lines)


class Equivalent(BaseModel):
    """A mutant that behaves as the original does, and why; `mutant` repeats its change as a check."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: str
    mutant: str
    reason: str


@dataclass(frozen=True)
class Pool:
    """An exercise's mutants: those that must lose points, and the listed equivalents."""

    mutants: tuple[Mutant, ...]
    equivalents: tuple[tuple[Mutant, str], ...]


def pool(folder: Path, equivalents: Path) -> Pool:
    """The mutants of all modules in a folder, parted by the equivalents file (which may be missing)."""
    mutants = mutants_of_folder(folder)
    listed = load_equivalents(equivalents)
    by_id = {mutant.id: mutant for mutant in mutants}
    for entry in listed.values():
        mutant = by_id.get(entry.id)
        if mutant is None:
            raise AutograderError(
                f"{equivalents}: expected the id of a mutant, got {entry.id!r}, which no mutant has: "
                f"the solution changed, so remove the entry or give the new id{_same_change(entry, mutants)}"
            )
        if mutant.change != entry.mutant:
            raise AutograderError(
                f"{equivalents}: entry {entry.id!r} expected the change {entry.mutant!r}, the mutant now is "
                f"{mutant.change!r}: check that it still is equivalent, then update the entry"
                f"{_same_change(entry, mutants)}"
            )
    return Pool(
        tuple(mutant for mutant in mutants if mutant.id not in listed),
        tuple((mutant, listed[mutant.id].reason) for mutant in mutants if mutant.id in listed),
    )


def load_equivalents(path: Path) -> dict[str, Equivalent]:
    """The entries of an `equivalent.toml` by mutant id; empty where there is no such file."""
    if not path.exists():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AutograderError(f"{path}: expected a TOML file, got {error}: fix the file") from error
    unknown = sorted(set(table) - {"equivalent"})
    entries = table.get("equivalent", [])
    if unknown or not isinstance(entries, list):
        raise AutograderError(f"{path}: expected only [[equivalent]] entries, got {unknown or 'one table'}: remove it")
    found: dict[str, Equivalent] = {}
    for number, entry in enumerate(entries, start=1):
        try:
            equivalent = Equivalent.model_validate(entry)
        except ValidationError as error:
            raise AutograderError(f"{path}: entry {number}: {in_words(error, Equivalent)}") from error
        if len(equivalent.reason.split()) < 3:
            raise AutograderError(
                f"{path}: entry {equivalent.id!r}: expected a reason in words, got {equivalent.reason!r}"
            )
        if equivalent.id in found:
            raise AutograderError(f"{path}: expected every id once, got {equivalent.id!r} twice: remove one")
        found[equivalent.id] = equivalent
    return found


def mutants_of_folder(folder: Path) -> list[Mutant]:
    """The mutants of every module in a solution folder, in the order of file name and position."""
    if not folder.is_dir():
        raise AutograderError(f"expected a folder of solution modules, got {folder}: there is no such folder")
    return [
        mutant
        for path in sorted(folder.rglob("*.py"))
        for mutant in mutants_of_text(path.read_text(encoding="utf-8"), path.relative_to(folder).as_posix())
    ]


def mutants_of_text(text: str, file: str) -> list[Mutant]:
    """The mutants of one module: valid, all different, always in the same order."""
    source = text.encode()
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise AutograderError(
            f"{file}:{error.lineno}: expected Python code, got {error.msg}: fix the module"
        ) from error
    finder = Finder(source, _solution_lines(source, file))
    finder.visit(tree)
    seen: dict[tuple[int, int], set[str | None]] = {}
    ordinals: dict[tuple[str, str], int] = defaultdict(int)
    found = []
    # Python's sort is stable: sites at one place keep the order in which the finder makes them.
    for site in sorted(finder.sites, key=lambda site: site.edits[0].start):
        # Edits of different statements always differ, so one statement is all that need be parsed.
        if site.shown is None:
            shapes = seen.setdefault(site.statement, {_shape(source[slice(*site.statement)])})
            shape = _shape(_within(source, site.statement, site.edits))
            if shape is None or shape in shapes:
                continue
            shapes.add(shape)
        ordinals[site.function, site.operator] += 1
        before, after = site.shown or _shown(source, site)
        found.append(
            Mutant(
                id=f"{file}:{site.function}:{site.operator}:{ordinals[site.function, site.operator]}",
                file=file,
                function=site.function,
                operator=site.operator,
                line=source.count(b"\n", 0, site.edits[0].start) + 1,
                before=before,
                after=after,
                original=text,
                source=_apply(source, site.edits).decode(),
            )
        )
    return found


def _same_change(entry: Equivalent, mutants: Iterable[Mutant]) -> str:
    others = [mutant.id for mutant in mutants if mutant.change == entry.mutant]
    return f" (the same change now is {', '.join(others)})" if others else ""


def _apply(source: bytes, edits: Sequence[Edit]) -> bytes:
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        source = source[: edit.start] + edit.text + source[edit.end :]
    return source


def _shown(source: bytes, site: Site) -> tuple[str, str]:
    """The touched lines before and after: of a statement over ten lines, one says enough."""
    first, last = min(edit.start for edit in site.edits), max(edit.end for edit in site.edits)
    end = source.find(b"\n", last)
    span = source.rfind(b"\n", 0, first) + 1, end if end >= 0 else len(source)
    return one_line(source[slice(*span)]), one_line(_within(source, span, site.edits)) or "(nothing)"


def _within(source: bytes, span: tuple[int, int], edits: Sequence[Edit]) -> bytes:
    """The text of a span after the edits, which all lie in it."""
    start, end = span
    shifted = [replace(edit, start=edit.start - start, end=edit.end - start) for edit in edits]
    return _apply(source[start:end], shifted)


def _shape(statement: bytes) -> str | None:
    """What a statement means, whatever its brackets and blanks; None where it is no valid code."""
    # The header of a compound statement comes without its body, and that of an `elif` is an `if` to the tree.
    text = re.sub(rb"^elif\b", b"if", statement)
    for body in (b"", b" pass"):
        try:
            return ast.dump(ast.parse(text + body))
        except (SyntaxError, ValueError):
            continue
    return None


def _solution_lines(source: bytes, file: str) -> list[tuple[int, int]] | None:
    """The line spans between markers; None where the module has none."""
    spans: list[tuple[int, int]] = []
    begin: int | None = None
    for number, line in enumerate(source.split(b"\n"), start=1):
        if _BEGIN.match(line):
            if begin is not None:
                raise AutograderError(f"{file}:{number}: expected ### END SOLUTION before another ### BEGIN SOLUTION")
            begin = number
        elif _END.match(line):
            if begin is None:
                raise AutograderError(f"{file}:{number}: expected ### BEGIN SOLUTION before ### END SOLUTION")
            spans.append((begin, number))
            begin = None
    if begin is not None:
        raise AutograderError(f"{file}:{begin}: expected ### END SOLUTION after this ### BEGIN SOLUTION")
    return spans or None
