"""What was made from what: files that are made again only where what they were made from has changed."""

import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .files import write_if_changed

__all__ = ["PROJECT", "Stamps", "code_files", "code_hash", "hash_of", "read_notes"]

PROJECT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("autograder", "exercise_code")

# Not `ast`: sixty modules take it half a second, this ten milliseconds. An import in a text counts too: no harm.
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)|import[ \t]+([^\n#]+))", re.M)


class Stamps:
    """Notes on the files of one kind in a folder: from what each was made, its size and a hash of it.

    A file is `current` while it has that size and would be made from the same. `save` writes the notes down.
    """

    def __init__(self, notes: Path, folder: Path, suffix: str) -> None:
        self._notes, self._folder, self._known = notes, folder, read_notes(notes)
        self.sizes = _sizes(folder, suffix, notes.name)
        self._made: dict[str, Any] = {}

    def current(self, name: str, stamp: str) -> bool:
        """True when the file is as it would be made now."""
        note = self._known.get(name)
        if name not in self.sizes or not isinstance(note, list) or note[:2] != [stamp, self.sizes[name]]:
            return False
        self._made[name] = self._known[name]
        return True

    def made(self, name: str, stamp: str, data: bytes) -> None:
        """Note that the file was made, and holds this."""
        self._made[name] = [stamp, len(data), hashlib.sha256(data).hexdigest()]

    @property
    def left(self) -> list[str]:
        """Files of an earlier run, as that run wrote them, that nobody has asked about or made: none of a person."""
        return sorted(name for name in self._known if name not in self._made and self._is_ours(name))

    def _is_ours(self, name: str) -> bool:
        note = self._known[name]
        if name not in self.sizes or not isinstance(note, list) or note[1:2] != [self.sizes[name]]:
            return False
        # A person may have changed a number, and no size.
        return note[2:] == [hashlib.sha256((self._folder / name).read_bytes()).hexdigest()]

    def remove_left(self) -> list[str]:
        """The names of the files in `left`, which are gone now: nobody may take them for those of this run."""
        names = self.left
        for name in names:
            (self._folder / name).unlink(missing_ok=True)
        return names

    def save(self, *, keep: bool = False) -> None:
        """Write the notes; with `keep`, those of files that nobody has asked about stay."""
        notes = self._known | self._made if keep else self._made
        if notes != self._known:
            write_if_changed(json.dumps(notes, indent=0, sort_keys=True).encode(), self._notes)


def hash_of(*parts: object, files: Iterable[Path] = ()) -> str:
    """A hash of plain values and of what files hold, by their names; a file that is not there counts as empty."""
    digest = hashlib.sha256(json.dumps(parts, default=str).encode("utf-8", "backslashreplace"))
    for path in sorted(files):
        content = path.read_bytes() if path.is_file() else b""
        digest.update(f"{path.parent.name}/{path.name}".encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


def code_hash(*modules: str) -> str:
    """A hash of modules of this project and of all that they import, directly or not: nobody keeps a list of them."""
    return hash_of(files=code_files(*modules))


def code_files(*modules: str, also: Mapping[Path, str] | None = None) -> list[Path]:
    """The files of modules and of all of this project that they import, at their top or in a function.

    `also` are files that may lie elsewhere, each with the package that it would be in: what they import counts too.
    """
    found: dict[str, Path] = {}
    pending = list(modules)
    for other, package in (also or {}).items():
        pending += (name for name in _imports(f"{package}.{other.stem}", other) if _file(name) is not None)
    while pending:
        name = pending.pop()
        if name in found:
            continue
        path = _file(name)
        if path is None:
            if name in modules:
                raise ValueError(f"expected a module of {' or '.join(PACKAGES)}, got {name}")
            continue
        found[name] = path
        pending += _imports(name, path)
    return sorted(set(found.values()))


@cache
def _file(module: str) -> Path | None:
    if module.partition(".")[0] not in PACKAGES:
        return None
    path = PROJECT.joinpath(*module.split("."))
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


@cache
def _imports(module: str, path: Path) -> tuple[str, ...]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    # Whoever imports a module imports the packages around it.
    names = {module.rsplit(".", n)[0] for n in range(module.count(".") + 1)}
    for source, what, plain in _IMPORT.findall(path.read_text(encoding="utf-8")):
        listed = re.findall(r"[\w.]+(?=\s*(?:as\s+\w+\s*)?(?:,|\)|$))", what or plain)
        base = importlib.util.resolve_name(source, package) if source else ""
        # `from a import b` may name a module or something in one.
        names |= {base, *(f"{base}.{name}" for name in listed)} if base else set(listed)
    return tuple(sorted(name for name in names if name.partition(".")[0] in PACKAGES))


def read_notes(notes: Path) -> dict[str, Any]:
    """What was noted in a file, a JSON object; empty where that cannot be read."""
    try:
        found = json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _sizes(folder: Path, suffix: str, but: str) -> dict[str, int]:
    try:
        with os.scandir(folder) as entries:
            return {e.name: e.stat().st_size for e in entries if e.name.endswith(suffix) and e.name != but}
    except OSError:
        return {}
