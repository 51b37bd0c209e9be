"""The register of a class's hand-ins: which there are, whose, from where, and when they came. It only grows.

nbgrader's `submitted` has no strangers and no earlier or refused hand-ins; this list has them, and `kept` their copies.
It lies with the results as `.hand_ins`, a JSON object. Places within the folder that holds the results are noted by
their way there, so that a course folder can be moved.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ..base.errors import AutograderError
from ..base.files import write_if_changed
from ..intake.digest import HUGE, fingerprint

__all__ = ["KEPT", "REGISTER", "Clock", "Entry", "Register", "keep", "kept_copy", "read_register", "write_register"]

KEPT = "kept"
_BEGUN = ".copying-"


def kept_copy(home: Path, digest: str) -> Path | None:
    """The copy of the hand-in with this digest, None where there is none."""
    folder = home / KEPT / digest[:32]
    try:
        return next(iter(sorted(folder.iterdir())), None)
    except OSError:
        return None


def keep(home: Path, hand_ins: Iterable[tuple[str, Path]]) -> None:
    """Copy the hand-ins that have no copy yet, each whole or not at all: their digests and where they lie.

    There is no copy of what can hardly be copied: files too large for any exercise, which are refused anyway, and
    folders in which something cannot be read or is no file. An `AutograderError` says when there is no room.
    """
    root = home / KEPT
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in root.glob(f"{_BEGUN}*"):
            # Of a run that was killed.
            shutil.rmtree(left, ignore_errors=True)
        for digest, place in hand_ins:
            target = root / digest[:32]
            if target.is_dir() or not _is_plain(place):
                continue
            begun = Path(tempfile.mkdtemp(dir=root, prefix=_BEGUN))
            copy = begun / place.name
            _copy(place, copy)
            # Whoever wrote into it meanwhile made another hand-in of it, which the next run finds.
            if fingerprint(copy) == digest:
                begun.rename(target)
            else:
                shutil.rmtree(begun)
    except OSError as error:
        raise AutograderError(
            f"could not copy a hand-in into {root}: {error.strerror}: make room, or name another --out"
        ) from None


def _is_plain(path: Path) -> bool:
    if not path.is_dir():
        return path.is_file() and os.access(path, os.R_OK) and path.stat().st_size <= HUGE
    return all(
        file.is_symlink() or (file.is_file() and os.access(file, os.R_OK) and file.stat().st_size <= HUGE)
        for file in _below(path)
    )


def _copy(path: Path, to: Path) -> None:
    if not path.is_dir():
        shutil.copyfile(path, to)
        return
    to.mkdir()
    for file in _below(path):
        copy = to / file.relative_to(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy, follow_symlinks=False)


def _below(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder, followlinks=False):
        yield from (Path(root, name) for name in names)


REGISTER = ".hand_ins"
Clock = Literal["", "file", "system", "person"]


@dataclass(frozen=True)
class Entry:
    """One file or folder that was found once: `digest` is the hash of its bytes, `source` the path that was named.

    `clock` says who knows when it came: the file's own date, the system that took it, or a person who told.
    """

    student: str
    known: bool
    file: str
    digest: str
    place: Path
    source: Path
    submitted: datetime | None = None
    clock: Clock = ""
    late_mark: bool = False
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Register:
    """All that runs have found: sources in the order in which they were named, entries in the order in which they came.

    `problems` are the files of each source that are nobody's hand-in. `worksheet` and `data` are those of the last run,
    the data only where they are not the class's own. `home` is the folder of the exercise's results.
    """

    home: Path
    sources: tuple[Path, ...] = ()
    entries: tuple[Entry, ...] = ()
    problems: dict[Path, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    worksheet: Path | None = None
    data: Literal["embedded", "real"] | None = None


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Entry(_Model):
    student: str
    known: bool
    file: str
    digest: str
    place: str
    source: int
    submitted: AwareDatetime | None = None
    clock: Clock = ""
    late_mark: bool = False
    beside: tuple[str, ...] = ()


class _Source(_Model):
    place: str
    problems: tuple[tuple[str, str], ...] = ()


class _File(_Model):
    sources: tuple[_Source, ...] = ()
    entries: tuple[_Entry, ...] = ()
    worksheet: str = ""
    data: Literal["embedded", "real"] | None = None


def read_register(home: Path) -> Register:
    """The register of the results in `home`, an empty one where nothing was graded; an error where it is damaged."""
    path = home / REGISTER
    try:
        found = _File.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Register(home)
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise AutograderError(
            f"could not read {path}, which says what was handed in: {reason}. Put it back from a copy, or begin anew "
            "with --replace and all hand-ins"
        ) from None

    def place(text: str) -> Path:
        return Path(os.path.normpath(home.absolute() / text))

    sources = tuple(place(source.place) for source in found.sources)
    return Register(
        home,
        sources,
        tuple(
            Entry(
                **{**entry.model_dump(), "place": place(entry.place), "source": sources[entry.source]},
            )
            for entry in found.entries
        ),
        {place(source.place): source.problems for source in found.sources},
        place(found.worksheet) if found.worksheet else None,
        found.data,
    )


def write_register(register: Register) -> None:
    """Write the register into its home, in one step."""
    home = register.home.absolute()
    around = home.parent.parent

    def text(path: Path) -> str:
        path = path.absolute()
        return _plain(os.path.relpath(path, home) if path.is_relative_to(around) else str(path))

    number = {source: i for i, source in enumerate(register.sources)}
    file = _File(
        sources=tuple(
            _Source(place=text(source), problems=register.problems.get(source, ())) for source in register.sources
        ),
        entries=tuple(
            _Entry(
                student=_plain(e.student), known=e.known, file=_plain(e.file), digest=e.digest, place=text(e.place),
                source=number[e.source], submitted=e.submitted, clock=e.clock, late_mark=e.late_mark,
                beside=tuple(map(_plain, e.beside)),
            )
            for e in register.entries
        ),
        worksheet=text(register.worksheet) if register.worksheet else "",
        data=register.data,
    )  # fmt: skip
    data = file.model_dump_json(indent=0, exclude_defaults=True).encode()
    write_if_changed(data, register.home / REGISTER)


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
