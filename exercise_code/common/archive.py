"""The files of a hostile zip or folder as entries: odd names refused, links never followed, sizes counted.

Nothing is written here, and nothing is read before somebody asks for an entry's bytes.
"""

import errno
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import CourseError

__all__ = ["MEGABYTE", "Entry", "HandInError", "expect_disk", "open_entries", "printable"]

MEGABYTE = 1_000_000
MAX_UNPACKED = 1000 * MEGABYTE
MAX_ENTRIES = 5000
MAX_NAME = 200
MAX_DEPTH = 20
# Text and notebooks pack to a fifth, a blank array to a thousandth.
BOMB_BYTES, BOMB_RATIO = 50 * MEGABYTE, 200

_JUNK = {"__MACOSX", ".DS_Store", ".ipynb_checkpoints", "__pycache__", ".git"}
_JUNK |= {"Thumbs.db", "desktop.ini", "Icon\r"}
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class HandInError(CourseError):
    """A hand-in that is refused as a whole, with the reason in words."""


@dataclass(frozen=True)
class Entry:
    """One file before it is judged; `read(limit)` gives at most `limit + 1` of its bytes.

    `refusal` says why a file of a folder cannot be taken: a link, a pipe.
    """

    name: str
    parts: tuple[str, ...]
    read: Callable[[int], bytes]
    refusal: str = ""


@contextmanager
def open_entries(path: Path, max_archive: int) -> Iterator[list[Entry]]:
    """The files of a folder, or of a zip of at most `max_archive` bytes, without what systems add to them."""
    if path.is_dir():
        yield list(_walk(path))
        return
    if not path.is_file():
        found = "something else" if path.exists() else "nothing"
        raise CourseError(f"expected a zip or a folder at {path}, found {found}: check the path")
    with _open_zip(path, max_archive) as archive:
        yield _zip_entries(archive)


def _split(name: str) -> tuple[str, ...]:
    """The parts of a relative name with `/`; names that could mean another place are refused."""
    said = printable(name)
    if len(name) > MAX_NAME:
        raise HandInError(f"expected names of at most {MAX_NAME} characters, got {len(name)}: {said[:60]}...")
    odd = {c for c in name if unicodedata.category(c) in ("Cc", "Cs") or c in _BIDI or c == "\ufffd"}
    if odd:
        raise HandInError(f"got the name {said} with characters that cannot be shown: rename it")
    if "\\" in name:
        raise HandInError(f"expected names with /, got {said} with a backslash: zip it with another program")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        raise HandInError(f"expected names relative to the hand-in, got the absolute name {said}")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise HandInError(f"expected names inside the hand-in, got {said}, which leads out of it")
    if len(parts) > MAX_DEPTH:
        raise HandInError(f"expected at most {MAX_DEPTH} folders in each other, got {said[:60]}...")
    return parts


def printable(name: str) -> str:
    """The name as it can be shown in a message: without control characters, quoted when it needs to be."""
    text = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if text.isprintable() and text and not set(text) & _BIDI else ascii(text)


def _is_junk(parts: tuple[str, ...]) -> bool:
    return any(part in _JUNK or part.startswith("._") for part in parts)


def _walk(root: Path) -> Iterator[Entry]:
    pending: list[tuple[Path, tuple[str, ...]]] = [(root, ())]
    count = 0
    while pending:
        folder, parents = pending.pop()
        try:
            with os.scandir(folder) as found:
                children = sorted(found, key=lambda child: child.name)
        except OSError as error:
            raise CourseError(f"could not read the folder {folder}: {error.strerror}") from None
        for child in children:
            shown = printable(child.name)
            parts = (*parents, shown)
            if _is_junk((child.name,)):
                continue
            if (count := count + 1) > MAX_ENTRIES:
                raise HandInError(f"expected at most {MAX_ENTRIES:,} files, got more: hand in fewer")
            if child.is_dir(follow_symlinks=False):
                if len(parts) < MAX_DEPTH:
                    pending.append((Path(child.path), parts))
                continue
            refusal = ""
            if child.is_symlink():
                refusal = "a link: links are not followed"
            elif not child.is_file(follow_symlinks=False):
                refusal = "not a plain file"
            yield Entry("/".join(parts), parts, _file_reader(Path(child.path)), refusal)


def _file_reader(path: Path) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        # A pipe that took the file's place meanwhile would block, a link would lead elsewhere.
        flags = os.O_RDONLY
        for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
            flags |= getattr(os, name, 0)
        try:
            with os.fdopen(os.open(path, flags), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise HandInError(f"expected plain files, got {printable(path.name)}, which is none")
                return file.read(limit + 1)
        except OSError as error:
            said = f"could not read {printable(path.name)}: {error.strerror}"
            # A link in the file's place is the hand-in's own doing, anything else the machine's.
            raise (HandInError if error.errno == errno.ELOOP else CourseError)(said) from None

    return read


_UNREADABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
)


def expect_disk(error: Exception, path: Path) -> None:
    """A `CourseError` when it was the machine that failed, such as a disk that is gone, and not the file."""
    # The readers' own errors have no number, or that of a place before the file's beginning.
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        raise CourseError(f"could not read {printable(path.name)}: {error.strerror}") from None


@contextmanager
def _open_zip(path: Path, limit: int) -> Iterator[zipfile.ZipFile]:
    # The file's own name need be no text, and what is said is written down.
    size, said = path.stat().st_size, printable(path.name)
    if size > limit:
        raise HandInError(
            f"expected a zip of at most {limit / MEGABYTE:g} MB, got {size / MEGABYTE:.0f} MB: "
            f"make it with submit, which takes only what is asked for"
        )
    try:
        file = path.open("rb")
    except OSError as error:
        raise CourseError(f"could not read {path}: {error.strerror}") from None
    with file:
        # Every entry that zipfile could list has this mark, so nobody's own count has to be believed.
        if sum(chunk.count(b"PK\x01\x02") for chunk in _overlapping(file)) > MAX_ENTRIES:
            raise HandInError(f"expected at most {MAX_ENTRIES:,} files in the zip, got more")
        file.seek(0)
        try:
            archive = zipfile.ZipFile(file)
        except UnicodeDecodeError:
            raise HandInError(f"{said} holds a name that is no UTF-8: zip it with another program") from None
        except _UNREADABLE as error:
            expect_disk(error, path)
            raise HandInError(f"{said} is not a readable zip ({_words(error)}): upload it again") from None
        with archive:
            yield archive


def _overlapping(file: Any, size: int = 1 << 20) -> Iterator[bytes]:
    tail = b""
    while block := file.read(size):
        yield tail + block
        tail = block[-3:]


def _words(error: Exception) -> str:
    return printable(" ".join(str(error).split())[:120] or type(error).__name__)


def _zip_entries(archive: zipfile.ZipFile) -> list[Entry]:
    entries: list[Entry] = []
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    total = 0
    for info in archive.infolist():
        # The name before zipfile cut it at a zero byte and changed the system's separators.
        name = info.orig_filename
        # What systems add is never taken, and may have odd names: Finder's end in a control character.
        if _is_junk(tuple(name.split("/"))):
            continue
        parts = _split(name)
        if not parts:
            continue
        _refuse_strange(info, printable(name))
        total += info.file_size
        if total > MAX_UNPACKED:
            raise HandInError(f"the zip unpacks to over {MAX_UNPACKED / MEGABYTE:g} MB: zip bombs are refused")
        is_folder = name.endswith("/")
        for depth in range(1, len(parts) + is_folder):
            folders.setdefault(_fold(parts[:depth]), name)
        if is_folder:
            continue
        key = _fold(parts)
        if key in seen:
            first = printable(seen[key])
            raise HandInError(f"expected each name once, got {first} and {printable(name)}: keep one of them")
        seen[key] = name
        entries.append(Entry(printable(name), parts, _zip_reader(archive, info)))
    if both := sorted(set(seen) & set(folders)):
        raise HandInError(f"expected a file or a folder, got both under the name {printable(seen[both[0]])}")
    return entries


def _fold(parts: tuple[str, ...]) -> str:
    return unicodedata.normalize("NFKC", "/".join(parts)).casefold()


def _refuse_strange(info: zipfile.ZipInfo, name: str) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a link" if kind == stat.S_IFLNK else "a device or pipe"
        raise HandInError(f"expected plain files, got {name}, which is {what}: replace it by the file itself")
    if info.flag_bits & 0x41:
        raise HandInError(f"expected a zip without a password, got {name} encrypted: zip it without one")
    # Other methods unpack without a limit on what one read may give.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise HandInError(f"expected a zip with the usual compression (deflate), got another for {name}")
    if info.file_size > BOMB_BYTES and info.file_size > BOMB_RATIO * max(info.compress_size, 1):
        raise HandInError(f"{name} unpacks to more than {BOMB_RATIO} times its size: zip bombs are refused")


def _zip_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        try:
            with archive.open(info) as file:
                data = file.read(limit + 1)
                # The checksum is compared at the end of the file only.
                return data if len(data) > limit else data + file.read(1)
        except _UNREADABLE as error:
            expect_disk(error, Path(archive.filename or info.orig_filename))
            name = printable(info.orig_filename)
            raise HandInError(f"{name} is damaged ({_words(error)}): upload the zip again") from None

    return read
