"""Which of a hand-in's files are taken, and what is said of the others: one way for zips, tars and folders.

The folder that has the layout of a hand-in is found wherever it lies. What it lacks is looked for elsewhere, by name
and, of notebooks, by grade ids; a file that could be two is nobody's choice but a person's.
"""

import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from ..archives.entries import Entry, HandInError, Limits, is_archive, within
from ..reasons import Reason
from .notes import Note
from .rules import LAYOUT, MAX_NOTEBOOK, NotTaken, Place, Rules

__all__ = ["Survey", "parse_json", "survey"]

# Files that are opened to see what they are; nobody hands in so many by mistake.
MAX_OPENED = 20
_NOTEBOOK_ENDINGS = (".ipynb", ".json", ".txt")


@dataclass
class Survey:
    """The files that are taken, by their names in the hand-in layout, and what is said of the others."""

    placed: dict[str, tuple[Place, Entry]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def survey(entries: list[Entry], rules: Rules, limits: Limits) -> Survey:
    """What is taken of these files. An archive among them is looked into; one in that archive is not.

    Two folders that both have the layout, and differ, are a `HandInError`: nobody knows which is meant.
    """
    # In one order, whatever the order of an archive. Of equal files the first is taken, of one name's the last.
    return _Surveyor(_sorted(_opened(_sorted(entries), limits)), rules).run()


def _sorted(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (len(entry.parts), entry.parts))


def _opened(entries: list[Entry], limits: Limits) -> list[Entry]:
    """The entries with an archive's files in the place of it; all of them within the limits of one archive."""
    found: list[Entry] = []
    number, left = 0, limits
    for entry in entries:
        if entry.refusal or not is_archive(entry.parts[-1]) or number == MAX_OPENED:
            found.append(entry)
            continue
        number += 1
        try:
            data = entry.read(left.archive)
            if len(data) > left.archive:
                raise HandInError(f"it is larger than {limits.archive // 1_000_000} MB with the others")
            inner = within(data, entry.parts[-1], left)
        except HandInError as error:
            found.append(replace(entry, refusal=str(error)))
            continue
        left = replace(left, archive=left.archive - len(data), entries=max(left.entries - len(inner), 0))
        found += [replace(e, name=f"{entry.name}/{e.name}", parts=(*entry.parts, *e.parts)) for e in inner]
    return found


@dataclass
class _Candidate:
    place: Place
    entry: Entry
    shown: str
    rank: int = 0


class _Surveyor:
    """One look at a hand-in's entries."""

    def __init__(self, entries: list[Entry], rules: Rules) -> None:
        self.entries, self.rules = entries, rules
        self.found = Survey()
        self.contents: dict[int, bytes] = {}
        self.root = self._root()
        self.strict: dict[str, list[_Candidate]] = {}
        self.loose: dict[str, list[_Candidate]] = {}
        # What has no place, with its name as it is shown and why.
        self.rest: list[tuple[Entry, tuple[str, ...], NotTaken]] = []

    def run(self) -> Survey:
        """The survey."""
        for entry in self.entries:
            self._sort(entry)
        for target in sorted({*self.strict, *self.loose}):
            self._choose(target)
        self._find_notebooks_by_content()
        self._take_neighbours()
        self._drop_case_twins()
        self._note_rest()
        return self.found

    def _sort(self, entry: Entry) -> None:
        inside = entry.parts[: len(self.root)] == self.root and len(entry.parts) > len(self.root)
        parts = entry.parts[len(self.root) :] if inside else entry.parts
        if inside and parts[:2] == ("exercises", self.rules.exercise.id) and len(parts) > 2:
            parts = parts[2:]
        shown = "/".join(parts)
        answer = self.rules.place(parts) if inside else self.rules.verdict(parts)
        if isinstance(answer, Place):
            self.strict.setdefault(answer.target, []).append(_Candidate(answer, entry, shown))
        elif (guess := self.rules.guess(parts)) is not None:
            self.loose.setdefault(guess[0].target, []).append(_Candidate(guess[0], entry, shown, guess[1]))
        else:
            self.rest.append((entry, parts, replace(answer, reason=entry.refusal or answer.reason)))

    def _root(self) -> tuple[str, ...]:
        """The folder that has the layout: the outermost one with modules, else with anything else of it."""
        complete: dict[tuple[str, ...], list[Entry]] = {}
        partly: dict[tuple[str, ...], list[Entry]] = {}
        for entry in self.entries:
            last = len(entry.parts) - 1
            for depth, part in enumerate(entry.parts):
                if depth != last and part not in LAYOUT:
                    continue
                rest = entry.parts[depth:]
                if rest[:2] == ("exercises", self.rules.exercise.id) and len(rest) > 2:
                    rest = rest[2:]
                place = self.rules.place(rest)
                if isinstance(place, Place) and place.kind != "versions":
                    (complete if place.kind == "module" else partly).setdefault(entry.parts[:depth], []).append(entry)
                    break
        for roots in (complete, partly):
            outer = [root for root in roots if not any(root[:n] in roots for n in range(len(root)))]
            if len(outer) == 1:
                return outer[0]
            if len(outer) > 1 and roots is complete:
                return self._one_of(sorted(outer), complete)
        return ()

    def _one_of(self, roots: list[tuple[str, ...]], modules: dict[tuple[str, ...], list[Entry]]) -> tuple[str, ...]:
        """The first of several folders with the same modules in them."""
        held = [{e.parts[-1]: self._content(e) for e in modules[root] if not e.refusal} for root in roots]
        if all(one == held[0] for one in held[1:]):
            return roots[0]
        names = " and ".join("/".join(root) or "the top" for root in roots[:3])
        package = "/".join(self.rules.package)
        raise HandInError(f"expected one folder with {package}, got several that differ, {names}: hand in one of them")

    def _content(self, entry: Entry, limit: int = MAX_NOTEBOOK) -> bytes:
        if id(entry) not in self.contents:
            self.contents[id(entry)] = entry.read(limit)
        return self.contents[id(entry)]

    def _same(self, one: _Candidate, other: _Candidate) -> bool:
        """True for equal files; of many that could be compared the others count as different."""
        if len(self.contents) > 10 * MAX_OPENED:
            return False
        return self._content(one.entry, one.place.limit) == self._content(other.entry, one.place.limit)

    def _choose(self, target: str) -> None:
        strict = self._usable(self.strict.get(target, []))
        loose = self._usable(self.loose.get(target, []))
        kept = strict or _best(loose)
        if not kept:
            return
        # Of two files of one name in a zip every program that unpacks it leaves the last.
        chosen = kept[-1] if len({c.entry.parts for c in kept}) == 1 else kept[0]
        others = [c for c in (*strict, *loose) if c is not chosen and not self._same(chosen, c)]
        rivals = [c for c in others if any(c is k for k in kept) and c.entry.parts != chosen.entry.parts]
        if rivals:
            names = " and ".join([chosen.shown, *(c.shown for c in rivals[:2])])
            text = f"expected {target} once, got it as {names}, which differ: keep one of them"
            self.found.notes.append(Note(Reason.NOT_TAKEN, text, target, text))
            return
        self.found.placed[target] = (chosen.place, chosen.entry)
        if not strict:
            self._moved(chosen)
        for other in others:
            self._say(other.shown, NotTaken(f"{chosen.shown} is there, too, and differs", Reason.NOT_TAKEN))

    def _moved(self, chosen: _Candidate) -> None:
        text = f"{chosen.shown} is taken as {chosen.place.target}"
        self.found.notes.append(Note(Reason.MOVED, text, chosen.place.target, text))

    def _usable(self, candidates: list[_Candidate]) -> list[_Candidate]:
        for one in candidates:
            if one.entry.refusal:
                self._say(one.shown, NotTaken(one.entry.refusal, Reason.NOT_TAKEN))
        return [one for one in candidates if not one.entry.refusal]

    def _find_notebooks_by_content(self) -> None:
        """Take notebooks of any name whose cells are those of a notebook that is missing."""
        rules = self.rules
        lacking = {name for name in rules.grade_ids if f"{name}.ipynb" not in {*self.found.placed, *self.strict}}
        number = 0
        for item in list(self.rest):
            entry, parts, _ = item
            if not lacking or not parts[-1].lower().endswith(_NOTEBOOK_ENDINGS) or entry.refusal:
                continue
            if (number := number + 1) > MAX_OPENED:
                return
            ids = _grade_ids(self._content(entry))
            common = {name: len(ids & rules.grade_ids[name]) for name in rules.grade_ids}
            name = max(sorted(common), key=lambda n: common[n])
            if common[name] and name in lacking:
                place = rules.notebook(name)
                self.loose.setdefault(place.target, []).append(_Candidate(place, entry, "/".join(parts)))
                self.rest.remove(item)
        for name in sorted(lacking):
            if f"{name}.ipynb" in self.loose:
                self._choose(f"{name}.ipynb")

    def _take_neighbours(self) -> None:
        """Take modules of the student's own beside modules that lie outside of the layout."""
        folders = {
            entry.parts[:-1]
            for place, entry in self.found.placed.values()
            if place.kind == "module" and not any(c.entry is entry for c in self.strict.get(place.target, []))
        }
        for item in list(self.rest):
            entry, parts, _ = item
            place = self.rules.extra(parts[-1]) if entry.parts[:-1] in folders and not entry.refusal else None
            if place is not None and place.target not in self.found.placed:
                self.found.placed[place.target] = (place, entry)
                self._moved(_Candidate(place, entry, "/".join(parts)))
                self.rest.remove(item)

    def _drop_case_twins(self) -> None:
        """Names that are one name on some systems: the files that are asked for stay."""
        seen: dict[str, str] = {}
        for target, (place, _) in sorted(self.found.placed.items(), key=lambda p: (p[1][0].kind == "extra", p[0])):
            first = seen.setdefault(unicodedata.normalize("NFKC", target).casefold(), target)
            if first != target and place.kind == "extra":
                del self.found.placed[target]
                self._say(target, NotTaken(f"{first} is the same name to some systems", Reason.NOT_TAKEN))

    def _note_rest(self) -> None:
        """A note on each file without a place, of whole folders one together."""
        above = len(_common(self.entries))

        def group(item: tuple[Entry, tuple[str, ...], NotTaken]) -> tuple[str, ...]:
            entry, parts, _ = item
            depth = above if parts == entry.parts else 0
            return parts[: depth + 1] if len(parts) > depth + 1 and parts[depth] not in LAYOUT else parts

        for name, items in groupby(sorted(self.rest, key=lambda i: (group(i), i[1])), key=group):
            of = list(items)
            if len(of) == 1 and of[0][1] == name:
                self._say("/".join(name), of[0][2])
                continue
            code = Reason.NOT_TAKEN if any(a.code is Reason.NOT_TAKEN for _, _, a in of) else Reason.IGNORED
            told = next((a.reason for _, _, a in of if a.code is code), "")
            self._say("/".join(name) + "/", NotTaken(f"{told} ({len(of)} file{'s' * (len(of) > 1)})", code))

    def _say(self, name: str, answer: NotTaken) -> None:
        became = "is not taken" if answer.code is Reason.NOT_TAKEN else "was ignored"
        self.found.notes.append(Note(answer.code, f"{name} {became}: {answer.reason}", name, answer.reason))


def _best(candidates: list[_Candidate]) -> list[_Candidate]:
    """Those of its own name; else, of copies in one folder, the newest, and of several folders all."""
    exact = [c for c in candidates if c.rank == 0]
    if exact or not candidates:
        return exact
    key: Callable[[_Candidate], tuple[str, ...]] = lambda c: c.entry.parts[:-1]  # noqa: E731
    folders = groupby(sorted(candidates, key=lambda c: (key(c), c.rank)), key=key)
    best = []
    for _, of in folders:
        newest = list(of)
        best += [c for c in newest if c.rank == newest[-1].rank]
    return best


def _common(entries: list[Entry]) -> tuple[str, ...]:
    """The folders that all entries lie in."""
    folders = [entry.parts[:-1] for entry in entries]
    if not folders:
        return ()
    low, high = min(folders), max(folders)
    same = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:same]


def _grade_ids(data: bytes) -> frozenset[str]:
    """The ids of a notebook's graded cells; none of what is no notebook."""
    table = parse_json(data) if len(data) <= MAX_NOTEBOOK else None
    cells = table.get("cells") if isinstance(table, dict) else None
    found = set()
    for cell in cells if isinstance(cells, list) else ():
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        role = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        name = role.get("grade_id") if isinstance(role, dict) else None
        if isinstance(name, str):
            found.add(name)
    return frozenset(found)


def parse_json(data: bytes) -> Any:
    """What a file of JSON holds; None for any other."""
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
