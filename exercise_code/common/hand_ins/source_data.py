"""How much data stands in source code: what could be weights counts as parameters."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["DATA_BYTES", "SOURCE_BYTES", "data_bytes", "hidden_parameters", "sources_of"]

# Strings, comments and numbers of all modules together, and all their bytes: far more than code for people needs.
DATA_BYTES = 24 * 1024
SOURCE_BYTES = 64 * 1024
# A longer name is no name.
NAME_BYTES = 64

# Each character is looked at once: nothing is given back (`*+`), and each alternative begins differently, or is the end
# of the text. A string that does not end is one all the same.
_TOKEN = re.compile(
    rb"""
    (?P<data>
        \#[^\n]*+
      | '''(?:[^'\\]|\\.|'(?!''))*+(?:'''|\\?\Z)
      | \"\"\"(?:[^"\\]|\\.|"(?!""))*+(?:\"\"\"|\\?\Z)
      | '(?:[^'\\\n]|\\.)*+'?
      | "(?:[^"\\\n]|\\.)*+"?
      | [0-9.]++[0-9A-Za-z_.]*+
    )
  | (?P<name>[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)
  | (?P<other>[\x00-\xff])
    """,
    re.VERBOSE | re.DOTALL,
)


def data_bytes(source: bytes) -> int:
    """The bytes of strings, comments, numbers and names beyond 64 bytes in a text of Python, in linear time.

    The text may be anything: it is neither parsed nor decoded.
    """
    total = 0
    for match in _TOKEN.finditer(source):
        size = match.end() - match.start()
        if match.lastgroup == "data" or (match.lastgroup == "name" and size > NAME_BYTES):
            total += size
    return total


def hidden_parameters(modules: Iterable[bytes]) -> int:
    """What counts as parameters in the modules of a hand-in: each byte of data beyond 16 KB, of source beyond 64 KB."""
    data = size = 0
    for text in modules:
        data += data_bytes(text)
        size += len(text)
    return max(0, data - DATA_BYTES, size - SOURCE_BYTES)


def sources_of(package: Path, given: Iterable[str]) -> Mapping[str, bytes]:
    """The modules in a folder that are a student's: all but the given ones and the tests."""
    left = {*given, "__init__", "conftest"}
    paths = sorted(path for path in package.glob("*.py") if path.stem not in left and not path.stem.startswith("test_"))
    return {path.stem: path.read_bytes() for path in paths}
