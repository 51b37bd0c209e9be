"""The members of a hostile tar, found in one pass over its headers.

The library's own reading of extended headers searches them in quadratic time, so that only single headers go to it
(`TarInfo.frombuf`), and names that stand in extended headers are read here.
"""

import gzip
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from ..errors import CourseError

__all__ = ["DamagedTar", "Member", "gunzipped", "is_tar", "tar_members"]

_BLOCK = 512
_CHUNK = 1 << 20
_IN_MEMORY = 16 << 20
# Extended attributes of a file may take kilobytes.
_MAX_HEADER = 1 << 20
_EXTENDED = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_LONG = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_NO_DATA = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)


class DamagedTar(Exception):
    """A tar that cannot be read, with the reason."""


@dataclass(frozen=True)
class Member:
    """A member: where its bytes lie in the file, and why it cannot be taken."""

    name: str
    offset: int
    size: int
    is_folder: bool = False
    refusal: str = ""


def is_tar(head: bytes) -> bool:
    """True where a file's first 512 bytes are a tar's."""
    return head[257:262] == b"ustar"


@contextmanager
def gunzipped(file: IO[bytes], limit: int) -> Iterator[IO[bytes] | None]:
    """The unpacked file, on disk where it is large; None where it is larger than `limit` bytes.

    A full disk is a plain `CourseError`, damaged data a `DamagedTar`.
    """
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as plain, gzip.GzipFile(fileobj=file) as packed:
        total = 0
        while True:
            try:
                chunk = packed.read(_CHUNK)
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise DamagedTar(str(error)) from None
            except OSError as error:
                raise CourseError(f"could not read a tar: {error.strerror}") from None
            if not chunk:
                break
            if (total := total + len(chunk)) > limit:
                yield None
                return
            try:
                plain.write(chunk)
            except OSError as error:
                raise CourseError(f"could not unpack a tar: {error.strerror}: make room") from None
        plain.seek(0)
        yield plain


def tar_members(file: IO[bytes]) -> Iterator[Member]:
    """The members in their order; whoever calls bounds their number."""
    at, name = 0, ""
    while True:
        file.seek(at)
        block = file.read(_BLOCK)
        if len(block) < _BLOCK or not block.strip(b"\0"):
            return
        info = _header(block)
        at += _BLOCK
        if info.type in (*_EXTENDED, *_LONG):
            if info.size > _MAX_HEADER:
                raise DamagedTar(f"a header of {info.size:,} bytes")
            payload = file.read(info.size)
            if info.type == tarfile.GNUTYPE_LONGNAME:
                name = payload.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
                name = _path(payload) or name
            at += _padded(info.size)
            continue
        is_file = info.type in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
        folder = info.type == tarfile.DIRTYPE or (is_file and (name or info.name).endswith("/"))
        link = info.type in (tarfile.LNKTYPE, tarfile.SYMTYPE)
        refusal = "" if is_file else "a link: links are not followed" if link else "not a plain file"
        yield Member(name or info.name, at, info.size if is_file else 0, folder, refusal)
        at += 0 if info.type in _NO_DATA else _padded(info.size)
        name = ""


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError) as error:
        raise DamagedTar(str(error)) from None
    if info.size < 0:
        raise DamagedTar("a size below zero")
    return info


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _path(payload: bytes) -> str:
    """The name in a pax header, whose records are `LENGTH KEY=VALUE`."""
    at = 0
    while at < len(payload):
        length, space, _ = payload[at : at + 20].partition(b" ")
        if not space or not length.isdigit() or int(length) <= len(length) + 1:
            return ""
        record = payload[at + len(length) + 1 : at + int(length)]
        key, _, value = record.partition(b"=")
        if key == b"path":
            return value.rstrip(b"\n").decode("utf-8", "surrogateescape")
        at += int(length)
    return ""
