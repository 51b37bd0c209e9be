"""The files of a hostile zip, tar or folder as entries: links never followed, sizes and counts bounded.

One list of entries, whatever they lie in: a file that nobody may take, a link say, carries its reason and stops no
other. Nothing is unpacked here, and nothing is read before somebody asks for an entry's bytes.
"""

import errno
import io
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
from typing import IO, Any

from ..errors import CourseError
from .tars import DamagedTar, gunzipped, is_tar, tar_members

__all__ = [
    "ENDINGS",
    "MEGABYTE",
    "Entry",
    "HandInError",
    "Limits",
    "expect_disk",
    "is_archive",
    "open_entries",
    "printable",
    "within",
]

MEGABYTE = 1_000_000
# Longer names are of nothing that anybody takes, and are not looked at letter by letter.
MAX_NAME = 1000
MAX_DEPTH = 20
# A system writes 36 bytes about times and owners beside a name. zipfile's reading of them is quadratic.
MAX_EXTRA = 1024
# Text and notebooks pack to a fifth, a blank array to a thousandth.
BOMB_BYTES, BOMB_RATIO = 50 * MEGABYTE, 200

ENDINGS = (".zip", ".tar.gz", ".tgz", ".tar")
_NOT_OPENED = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"\xfd7zXZ\0": "xz", b"BZh": "bz2"}
# Zips by their bytes, documents to everybody.
_DOCUMENTS = (".docx", ".pptx", ".xlsx", ".odt", ".odp", ".ods", ".epub", ".pages", ".key", ".numbers", ".ipynb")

# What systems and tools leave behind, passed over in silence; and folders of programs, named as one thing.
SYSTEM = {"__MACOSX", ".DS_Store", ".ipynb_checkpoints", "__pycache__", ".git", "Thumbs.db", "desktop.ini", "Icon\r"}
PROGRAMS = {".venv", "venv", "node_modules", "site-packages"}
_PROGRAMS_REASON = "a folder of programs: not part of a hand-in"
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DIRECTORY_MARK = b"PK\x01\x02"


class HandInError(CourseError):
    """A hand-in that is refused as a whole, with the reason in words."""


@dataclass(frozen=True)
class Limits:
    """What an archive may have: bytes of its file (of a tar: unpacked), files in it, bytes of a zip's directory."""

    archive: int
    entries: int = 20_000
    directory: int = 4 * MEGABYTE


@dataclass(frozen=True)
class Entry:
    """One file before it is judged; `read(limit)` gives at most `limit + 1` of its bytes.

    `refusal` says why it cannot be taken, whatever its name: a link, a pipe, a name that leads elsewhere.
    """

    name: str
    parts: tuple[str, ...]
    read: Callable[[int], bytes]
    refusal: str = ""
    size: int = 0


@dataclass(frozen=True)
class _Raw:
    """A file as its archive or folder lists it."""

    name: str
    read: Callable[[int], bytes]
    refusal: str = ""
    size: int = 0


@contextmanager
def open_entries(path: Path, limits: Limits) -> Iterator[list[Entry]]:
    """The files of a folder, a zip or a tar, without what systems add to them; of any other file, itself."""
    if path.is_dir():
        yield _entries(_walk(path, limits), limits)
        return
    if not path.is_file():
        found = "something else" if path.exists() else "nothing"
        raise CourseError(f"expected a zip or a folder at {path}, found {found}: check the path")
    # The file's own name need be no text, and what is said is written down.
    said, size = printable(path.name), path.stat().st_size
    if size > limits.archive:
        raise HandInError(_too_large(limits, f"{size / MEGABYTE:.0f} MB"))
    try:
        file = path.open("rb")
    except OSError as error:
        raise CourseError(f"could not read {path}: {error.strerror}") from None
    with file:
        if not is_archive(path.name) and not (_looks_packed(file) and path.suffix.lower() not in _DOCUMENTS):
            yield _entries(iter([_Raw(path.name, _file_reader(path), size=size)]), limits)
            return
        with _unpacked(file, said, limits) as raws:
            yield _entries(raws, limits)


def within(data: bytes, name: str, limits: Limits) -> list[Entry]:
    """The files of an archive that lies in another one as `data`; a `HandInError` says why it has none."""
    # Its own file is in memory, and nothing has to be closed.
    with _unpacked(io.BytesIO(data), name, limits) as raws:
        return _entries(raws, limits)


def is_archive(name: str) -> bool:
    """True for the name of an archive that is opened."""
    return name.lower().endswith(ENDINGS)


def printable(name: str) -> str:
    """The name as it can be shown in a message: without control characters, quoted when it needs to be."""
    text = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if text.isprintable() and text and not set(text) & _BIDI else ascii(text)


def _too_large(limits: Limits, found: str) -> str:
    return (
        f"expected an archive of at most {limits.archive / MEGABYTE:g} MB, got {found}: "
        f"make it with submit, which takes only what is asked for"
    )


def _looks_packed(file: IO[bytes]) -> bool:
    head = file.read(512)
    file.seek(0)
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", *_NOT_OPENED)) or is_tar(head)


@contextmanager
def _unpacked(file: IO[bytes], said: str, limits: Limits) -> Iterator[Iterator[_Raw]]:
    """What an archive lists, by its first bytes rather than by its name."""
    head = file.read(512)
    file.seek(0)
    for mark, kind in _NOT_OPENED.items():
        if head.startswith(mark):
            raise HandInError(f"{said} is a {kind} archive, which is not opened: unpack it and make a zip of it")
    try:
        if head.startswith(b"\x1f\x8b"):
            with gunzipped(file, limits.archive) as plain:
                if plain is None:
                    raise HandInError(_too_large(limits, f"more in {said} when it is unpacked"))
                yield _tar_raws(plain)
        elif is_tar(head):
            yield _tar_raws(file)
        else:
            yield _zip_raws(_open_zip(file, said, limits))
    except DamagedTar as error:
        raise HandInError(f"{said} is damaged ({_words(error)}): upload it again") from None


def _entries(raws: Iterator[_Raw], limits: Limits) -> list[Entry]:
    """The entries of a listing. Where no name has a `/`, the program that packed it wrote `\\` for it."""
    listed: list[_Raw] = []
    programs: dict[str, _Raw] = {}
    for number, raw in enumerate(raws):
        if number >= limits.entries:
            raise HandInError(f"expected at most {limits.entries:,} files, got more: hand in fewer")
        pieces = re.split(r"[/\\]", raw.name) if len(raw.name) <= MAX_NAME else []
        left_behind = (i for i, p in enumerate(pieces, start=1) if p in SYSTEM or p in PROGRAMS or p.startswith("._"))
        if depth := next(left_behind, 0):
            if pieces[depth - 1] in PROGRAMS:
                folder = raw.name[: sum(map(len, pieces[:depth])) + depth - 1]
                programs.setdefault(folder, _Raw(folder, raw.read, _PROGRAMS_REASON))
            continue
        listed.append(raw)
    listed += programs.values()
    separator = "/" if any("/" in raw.name for raw in listed) else "\\"
    return [entry for raw in listed if (entry := _entry(raw, separator)) is not None]


def _entry(raw: _Raw, separator: str) -> Entry | None:
    name = raw.name
    if len(name) > MAX_NAME:
        said = f"{printable(name[:60])}..."
        return Entry(said, (said,), raw.read, f"its name has {len(name):,} characters", raw.size)
    refusal = raw.refusal
    if name.endswith(("/", separator)) and not refusal:
        return None
    pieces = [piece for piece in name.split(separator) if piece not in ("", ".")]
    if not pieces:
        return None
    odd = "" if name.isascii() and name.isprintable() else name
    if any(unicodedata.category(c) in ("Cc", "Cs") or c in _BIDI or c == "\ufffd" for c in odd):
        refusal = refusal or "its name has characters that cannot be shown: rename it"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        refusal = refusal or "its name is not relative to the hand-in"
    if ".." in pieces:
        refusal = refusal or "its name leads out of the hand-in"
    if len(pieces) > MAX_DEPTH:
        refusal = refusal or f"it lies in more than {MAX_DEPTH} folders"
    parts = tuple(printable(piece) for piece in pieces)
    return Entry("/".join(parts), parts, raw.read, refusal, raw.size)


def _walk(root: Path, limits: Limits) -> Iterator[_Raw]:
    pending: list[tuple[Path, str]] = [(root, "")]
    seen = 0
    while pending:
        folder, above = pending.pop()
        try:
            with os.scandir(folder) as found:
                children = sorted(found, key=lambda child: child.name)
        except OSError as error:
            raise CourseError(f"could not read the folder {folder}: {error.strerror}") from None
        for child in children:
            name, path = f"{above}{child.name}", Path(child.path)
            if child.name in SYSTEM:
                continue
            if (seen := seen + 1) > limits.entries:
                raise HandInError(f"expected at most {limits.entries:,} files, got more: hand in fewer")
            if child.name in PROGRAMS:
                yield _Raw(name, _file_reader(path), _PROGRAMS_REASON)
            elif child.is_dir(follow_symlinks=False):
                if name.count("/") < MAX_DEPTH:
                    pending.append((path, f"{name}/"))
            elif child.is_symlink():
                yield _Raw(name, _file_reader(path), "a link: links are not followed")
            elif not child.is_file(follow_symlinks=False):
                yield _Raw(name, _file_reader(path), "not a plain file")
            else:
                yield _Raw(name, _file_reader(path))


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


def _tar_raws(file: IO[bytes]) -> Iterator[_Raw]:
    for member in tar_members(file):
        if member.is_folder:
            continue

        def read(limit: int, at: int = member.offset, size: int = member.size, name: str = member.name) -> bytes:
            file.seek(at)
            data = file.read(min(size, limit + 1))
            if len(data) < min(size, limit + 1):
                raise HandInError(f"{printable(name)} is damaged (it ends early): upload it again")
            return data

        yield _Raw(member.name, read, member.refusal, member.size)


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


class _Watched:
    """A zip's file, whose directory is looked at before zipfile takes it apart.

    Whatever zipfile takes for the directory goes through `read`: no reading of our own could take another part of the
    file for it.
    """

    def __init__(self, file: IO[bytes], said: str, limits: Limits) -> None:
        self.file, self.said, self.limits = file, said, limits
        self.opening = True
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """The file's next bytes."""
        data = self.file.read(size)
        return self._directory(data) if self.opening and data.startswith(_DIRECTORY_MARK) else data

    def _directory(self, data: bytes) -> bytes:
        if len(data) > self.limits.directory:
            raise HandInError(f"{self.said} lists its files in {len(data) / MEGABYTE:.0f} MB: zip it again")
        plain = bytearray(data)
        at = count = 0
        while data.startswith(_DIRECTORY_MARK, at) and at + 46 <= len(data):
            name, extra, comment = struct.unpack_from("<HHH", data, at + 28)
            if extra > MAX_EXTRA:
                raise HandInError(f"{self.said} holds {extra:,} bytes of extra fields for one file: zip it again")
            if (count := count + 1) > self.limits.entries:
                raise HandInError(f"expected at most {self.limits.entries:,} files in the zip, got more")
            if data[at + 9] & 8 and not _is_utf8(data[at + 46 : at + 46 + name]):
                # A name that says it is UTF-8 and is not: zipfile would refuse all files for it.
                plain[at + 9] &= ~8
            at += 46 + name + extra + comment
        return bytes(plain)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _open_zip(file: IO[bytes], said: str, limits: Limits) -> zipfile.ZipFile:
    watched: Any = _Watched(file, said, limits)
    try:
        archive = zipfile.ZipFile(watched)
    except _UNREADABLE as error:
        expect_disk(error, Path(said))
        raise HandInError(f"{said} is not a readable zip ({_words(error)}): upload it again") from None
    watched.opening = False
    return archive


def _words(error: Exception) -> str:
    return printable(" ".join(str(error).split())[:120] or type(error).__name__)


def _zip_raws(archive: zipfile.ZipFile) -> Iterator[_Raw]:
    for info in archive.infolist():
        # The name before zipfile cut it at a zero byte and changed the system's separators.
        name = info.orig_filename
        if not info.flag_bits & 0x800:
            # Many programs write UTF-8 and do not say so.
            raw = name.encode("cp437", "replace")
            name = raw.decode("utf-8") if _is_utf8(raw) else name
        yield _Raw(name, _zip_reader(archive, info), _strange(info), info.file_size)


def _strange(info: zipfile.ZipInfo) -> str:
    """Why this member cannot be taken; nothing for a plain file."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a link: links are not followed"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "not a plain file"
    if info.flag_bits & 0x41:
        return "it is encrypted: zip it without a password"
    # Other methods unpack without a limit on what one read may give.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is not packed in the usual way (deflate): zip it with another program"
    if info.file_size > BOMB_BYTES and info.file_size > BOMB_RATIO * max(info.compress_size, 1):
        return f"it unpacks to more than {BOMB_RATIO} times its size: zip bombs are not opened"
    return ""


def _zip_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        try:
            with archive.open(info) as file:
                data = file.read(limit + 1)
                # The checksum is compared at the end of the file only.
                return data if len(data) > limit else data + file.read(1)
        except _UNREADABLE as error:
            expect_disk(error, Path(info.orig_filename))
            name = printable(info.orig_filename)
            raise HandInError(f"{name} is damaged ({_words(error)}): upload the zip again") from None

    return read
