"""Archives from elsewhere, read without being unpacked: nothing in them can name a place outside.

Members are checked before the first is read, and read into memory with a limit; no file is ever written.
"""

import gzip
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import CourseError

__all__ = ["MAX_UNPACKED", "open_tar", "open_zip", "read_member"]

MAX_UNPACKED = 4_000_000_000
_MAX_MEMBERS = 300_000
# Text and bitmaps pack to a tenth, a blank page to a thousandth.
_BOMB_BYTES, _BOMB_RATIO = 20_000_000, 100
_BROKEN = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, gzip.BadGzipFile),
    *(zlib.error, EOFError, NotImplementedError),
)


@contextmanager
def open_zip(source: Path | IO[bytes], name: str | None = None) -> Iterator[zipfile.ZipFile]:
    """A zip whose members are all plain files with inner names and of a believable size; `name` is for messages."""
    name = name or (source.name if isinstance(source, Path) else "the zip")
    with _readable(name), zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        if len(members) > _MAX_MEMBERS:
            raise CourseError(_refusal(name, f"{len(members):,} members"))
        for member in members:
            _check_name(name, member.orig_filename)
            if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise CourseError(_refusal(name, f"{member.filename!r}, which is a link or a device"))
            if member.flag_bits & 1:
                raise CourseError(_refusal(name, f"{member.filename!r}, which is encrypted"))
        unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
        if unpacked > MAX_UNPACKED or unpacked > max(_BOMB_BYTES, _BOMB_RATIO * packed):
            raise CourseError(_refusal(name, f"{unpacked / 1e6:,.0f} MB in {packed / 1e6:,.1f} MB, a zip bomb"))
        yield archive


@contextmanager
def open_tar(path: Path) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """The plain files of a tar, one after the other, as (name, stream)."""
    with _readable(path.name), tarfile.open(path, "r:*") as archive:
        yield _tar_files(path.name, archive)


def _tar_files(name: str, archive: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    unpacked = 0
    for member in archive:
        _check_name(name, member.name)
        if member.isdir():
            continue
        if not member.isreg():
            raise CourseError(_refusal(name, f"{member.name!r}, which is a link or a device"))
        unpacked += member.size
        if unpacked > MAX_UNPACKED:
            raise CourseError(_refusal(name, f"more than {MAX_UNPACKED / 1e6:,.0f} MB"))
        stream = archive.extractfile(member)
        if stream is not None:
            yield member.name, stream


def read_member(stream: IO[bytes], name: str, limit: int) -> bytes:
    """All bytes of a member, at most `limit` of them."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise CourseError(f"expected {name} to hold at most {limit:,} bytes, got more: download the archive again")
    return data


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        # tarfile says in five lines which kinds of archive it is none of.
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")
        raise CourseError(f"{name} is damaged ({reason}): delete it and download it again") from error


def _check_name(archive: str, member: str) -> None:
    parts = re.split(r"[/\\]", member)
    if ".." in parts or member.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", member) or "\0" in member:
        raise CourseError(_refusal(archive, f"the name {member!r}, which leads out of the archive"))


def _refusal(archive: str, found: str) -> str:
    return f"expected {archive} to hold plain files, got {found}: do not use it, get the archive from its homepage"
