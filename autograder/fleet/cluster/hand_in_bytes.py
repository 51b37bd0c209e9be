"""A hand-in in one piece, for a judge on another machine: a zip as it is, of a folder what its judge would read."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exercise_code.common.archives.entries import MAX_DEPTH, PROGRAMS, SYSTEM, Limits, is_archive
from exercise_code.common.exercise import Exercise
from exercise_code.common.hand_ins.hand_in import MAX_ARCHIVE, MAX_MODULE, MAX_NOTEBOOK, Rules

from ...base.errors import AutograderError

__all__ = ["pack", "unpack"]

# What systems and tools leave in folders by the thousand; the intake skips it as well.
_LEFT_OUT = SYSTEM
_MAX_LISTED = 2 * Limits.entries


def pack(path: Path, exercise: Exercise) -> bytes:
    """The hand-in at `path` as bytes that `unpack` turns into one that is judged alike.

    A zip over the limit travels as its size alone, for its size is why it is refused. Of a folder's files the first
    bytes up to their kind's limit travel, and of those that no exercise takes the names.
    """
    rules = Rules(exercise)
    try:
        if path.is_dir():
            return _pack_folder(path, rules)
        if not path.is_file():
            found = "something else" if path.exists() else "nothing"
            raise AutograderError(f"expected a zip or a folder at {path}, found {found}: check the path")
        size = path.stat().st_size
        data = path.read_bytes() if size <= _limit(rules) else b""
        return _join({"name": _text(path.name), "kind": "zip", "size": max(size, len(data))}, data)
    except OSError as error:
        raise AutograderError(f"could not read {error.filename or path}: {error.strerror}") from None


def unpack(parcel: bytes, into: Path) -> Path:
    """The hand-in's path below the new folder `into`. Nothing is written outside of it."""
    size = int.from_bytes(parcel[:8], "big")
    header = json.loads(parcel[8 : 8 + size])
    data = memoryview(parcel)[8 + size :]
    into.mkdir(mode=0o700)
    path = into / _name(header["name"])
    if header["kind"] == "zip":
        with path.open("xb") as file:
            file.write(data)
            # Longer than its bytes when it was too large to travel: a hole costs no disk.
            file.truncate(header["size"])
        return path
    path.mkdir()
    at = 0
    for kind, parts, size in header["files"]:
        target = path.joinpath(*(_name(part) for part in parts))
        if kind == "folder":
            target.mkdir()
        elif kind == "link":
            target.symlink_to("nowhere")
        elif kind == "other":
            os.mkfifo(target)
        else:
            with target.open("xb") as file:
                file.write(data[at : at + size])
            at += size
    return path


def _pack_folder(root: Path, rules: Rules) -> bytes:
    notebooks = dict.fromkeys((".ipynb", ".txt", ".json"), MAX_NOTEBOOK)
    limits = {**notebooks, ".py": MAX_MODULE, ".safetensors": rules.model_limit}
    files: list[tuple[str, list[str], int]] = []
    contents: list[bytes] = []
    total = 0
    for kind, parts, path in _walk(root):
        data = b""
        # A notebook may have been saved as text, and an archive may hold everything.
        limit = _limit(rules) if is_archive(path.name) else limits.get(path.suffix.lower(), 0)
        if kind == "file" and limit:
            data = _read(path, limit + 1)
            total += len(data)
            if total > _limit(rules):
                raise AutograderError(
                    f"expected a folder with at most {_limit(rules) / 1e6:g} MB of notebooks, modules and models, "
                    f"got more in {root.name}: grade it without --cluster"
                )
        files.append((kind, [_text(part) for part in parts], len(data)))
        contents.append(data)
    return _join({"name": _text(root.name), "kind": "folder", "files": files}, b"".join(contents))


def _walk(root: Path) -> Iterator[tuple[str, tuple[str, ...], Path]]:
    """Kind, name and path of what a folder holds, a folder before its content; links are not followed."""
    pending: list[tuple[str, ...]] = [()]
    listed = 0
    while pending:
        parents = pending.pop()
        with os.scandir(root.joinpath(*parents)) as found:
            children = sorted(found, key=lambda child: child.name)
        for child in children:
            if child.name in _LEFT_OUT:
                continue
            # Beyond the intake's own limit there is enough for it to refuse the folder.
            if (listed := listed + 1) > _MAX_LISTED:
                return
            parts = (*parents, child.name)
            if child.is_symlink():
                kind = "link"
            elif child.is_dir(follow_symlinks=False):
                kind = "folder"
                # Such a folder is named and not looked into, here as there.
                if len(parts) < MAX_DEPTH and child.name not in PROGRAMS:
                    pending.append(parts)
            else:
                kind = "file" if child.is_file(follow_symlinks=False) else "other"
            yield kind, parts, Path(child.path)


def _read(path: Path, size: int) -> bytes:
    # A pipe or a link may have taken the file's place meanwhile.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        return file.read(size) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""


def _limit(rules: Rules) -> int:
    return MAX_ARCHIVE + rules.model_limit


def _join(header: dict[str, Any], data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "big") + text + data


def _text(name: str) -> str:
    # File names are bytes, and need not be text.
    return os.fsencode(name).decode("latin-1")


def _name(text: str) -> str:
    name = os.fsdecode(text.encode("latin-1"))
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise AutograderError(f"expected a plain file name in a parcel, got {name!r}")
    return name
