"""Plain values as bytes: the only form in which an answer leaves the sandbox.

A value is one tag byte and its body. Containers hold a count and their items; arrays hold dtype, shape and
raw bytes. Nothing in it can name a class or run code, every size is checked before memory is taken. A value of a
subclass travels as its base, so that a `defaultdict` arrives as a dict, and whatever is not a plain value travels as
`Opaque`: its type's name and nothing else.
"""

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["MAX_BYTES", "Opaque", "WireError", "decode", "encode"]

MAX_BYTES = 64 * 2**20
MAX_ITEMS = 500_000
# An array costs its reader as much time as so many numbers.
ITEMS_OF_AN_ARRAY = 10
MAX_DEPTH = 32
# 64 bits, with or without a sign. Larger integers can be chosen to have one hash all, and a set of a hundred
# thousand of those takes hours.
MIN_INT, MAX_INT = -(2**63), 2**64 - 1
MAX_NAME = 120
DTYPES = (
    ["bool", "int8", "int16", "int32", "int64"]
    + ["uint8", "uint16", "uint32", "uint64"]
    + ["float16", "float32", "float64"]
)

_DTYPE_CODES = {np.dtype(name): code for code, name in enumerate(DTYPES)}
# What an array of other values is called in a message, by its dtype's kind.
_ARRAYS_OF = {"O": "objects", "U": "texts", "S": "bytes", "V": "records", "c": "complex numbers", "M": "dates"}
_ARRAY = "numpy.ndarray of dtype "
_U32 = struct.Struct("<I")
_F64 = struct.Struct("<d")


class WireError(ValueError):
    """Bytes that are no value, or a value over the format's limits."""


@dataclass(frozen=True, eq=False)
class Opaque:
    """Stands for a value that is not plain, such as a tensor; equal to nothing, itself included."""

    type_name: str

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.words if self.is_array else self.type_name}>"

    @property
    def is_array(self) -> bool:
        """True for a numpy array of values that are no numbers, such as objects."""
        return self.type_name.startswith(_ARRAY)

    @property
    def words(self) -> str:
        """The type in words: `an array of objects (dtype object)`, `an object of type torch.Tensor`."""
        if not self.is_array:
            return f"an object of type {self.type_name}"
        dtype, _, items = self.type_name.removeprefix(_ARRAY).partition(", of ")
        return f"an array of {items or 'other values'} (dtype {dtype})"


def encode(value: Any, max_bytes: int = MAX_BYTES) -> bytes:
    """The value's bytes; `WireError` when it is nested, numerous or large beyond the limits.

    A subclass is read by its base's own methods: what it overrides, such as `==`, does not travel.
    """
    writer = _Writer(max_bytes)
    writer.put(value, 0)
    return b"".join(writer.parts)


def decode(data: bytes, max_bytes: int = MAX_BYTES) -> Any:
    """The value that the bytes hold; `WireError` when they hold none, or hold more than one."""
    if len(data) > max_bytes:
        raise WireError(f"expected at most {max_bytes:,} bytes, got {len(data):,}")
    reader = _Reader(data)
    value = reader.get(0)
    if reader.at != len(data):
        raise WireError(f"expected one value, got {len(data) - reader.at} bytes more")
    return value


def _type_name(cls: type) -> str:
    # The names of a hostile class may be properties or any other object: only true strings are read.
    module, name = (type.__dict__[key].__get__(cls) for key in ("__module__", "__qualname__"))
    if type(module) is not str or type(name) is not str:
        return "object"
    return _plain_name(name if module == "builtins" else f"{module}.{name}")


def _is_masked(cls: type) -> bool:
    # Its mask would be lost. A plain array needs no look at numpy.ma, which is slow to import.
    return cls is not np.ndarray and any(base is getattr(np.ma, "MaskedArray", None) for base in cls.__mro__)


def _plain_name(text: str) -> str:
    return "".join(c for c in text[:MAX_NAME] if c.isprintable())


class _Writer:
    def __init__(self, max_bytes: int) -> None:
        self.parts: list[bytes] = []
        self.left = max_bytes
        self.items = MAX_ITEMS

    def _add(self, *parts: bytes) -> None:
        for part in parts:
            self.left -= len(part)
            if self.left < 0:
                raise WireError("the answer is larger than the format allows")
            self.parts.append(part)

    def put(self, value: Any, depth: int) -> None:
        self.items -= 1
        if depth > MAX_DEPTH or self.items < 0:
            raise WireError("the answer is nested too deeply or has too many items")
        cls = type(value)
        if value is None:
            self._add(b"N")
        elif cls is bool:
            self._add(b"T" if value else b"F")
        elif issubclass(cls, np.generic):
            # Before the plain numbers and texts: numpy's float64 and str_ are subclasses of Python's.
            if cls.__module__ == "numpy" and value.dtype in _DTYPE_CODES:
                self._array(b"g", np.asarray(value))
            else:
                self._opaque(_type_name(cls))
        elif issubclass(cls, int):
            self._int(int.__int__(value))
        elif issubclass(cls, float):
            self._add(b"f", _F64.pack(value))
        elif issubclass(cls, str):
            body = str.encode(value, "utf-8", "backslashreplace")
            self._add(b"s", _U32.pack(len(body)), body)
        elif issubclass(cls, bytes):
            body = bytes.join(b"", [value])
            self._add(b"b", _U32.pack(len(body)), body)
        elif issubclass(cls, list | tuple):
            base = list if issubclass(cls, list) else tuple
            self._add(b"l" if base is list else b"t", _U32.pack(base.__len__(value)))
            for item in base.__iter__(value):
                self.put(item, depth + 1)
        elif issubclass(cls, dict):
            self._dict(value, depth)
        elif issubclass(cls, np.ndarray) and not _is_masked(cls):
            array = np.ndarray.view(value, np.ndarray)
            if array.dtype.newbyteorder("=") in _DTYPE_CODES:
                self._array(b"a", array)
            else:
                items = _ARRAYS_OF.get(array.dtype.kind, "other values")
                self._opaque(f"{_ARRAY}{array.dtype.type.__name__.rstrip('_')}, of {items}")
        elif cls is Opaque:
            self._opaque(value.type_name)
        else:
            self._opaque(_type_name(cls))

    def _int(self, value: int) -> None:
        if not MIN_INT <= value <= MAX_INT:
            raise WireError("the answer holds an integer of more than 64 bits")
        body = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        self._add(b"i", _U32.pack(len(body)), body)

    def _dict(self, value: dict[Any, Any], depth: int) -> None:
        self._add(b"d", _U32.pack(dict.__len__(value)))
        for key, item in dict.items(value):
            if isinstance(key, bool | np.generic) or not isinstance(key, str | int):
                raise WireError(f"the answer's dict has a {_type_name(type(key))} for a key, not str or int")
            self.put(key, depth + 1)
            self.put(item, depth + 1)

    def _array(self, tag: bytes, array: Any) -> None:
        self.items -= ITEMS_OF_AN_ARRAY
        dtype = array.dtype.newbyteorder("=")
        self._add(tag, bytes([_DTYPE_CODES[dtype], array.ndim]), *(_U32.pack(n) for n in array.shape))
        if array.nbytes > self.left:
            raise WireError("the answer is larger than the format allows")
        self._add(array.astype(dtype.newbyteorder("<"), order="C").tobytes())

    def _opaque(self, name: str) -> None:
        body = _plain_name(name).encode("utf-8", "backslashreplace")
        self._add(b"o", _U32.pack(len(body)), body)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.items = MAX_ITEMS

    def _take(self, n: int) -> bytes:
        part = self.data[self.at : self.at + n]
        if len(part) != n:
            raise WireError(f"expected {n} bytes more, got {len(part)}")
        self.at += n
        return part

    def _count(self) -> int:
        n: int = _U32.unpack(self._take(4))[0]
        # An item takes at least a byte, so a count beyond what is left is a lie, refused before a loop.
        if n > len(self.data) - self.at:
            raise WireError(f"expected at most {len(self.data) - self.at} items or bytes, got a count of {n}")
        return n

    def _text(self) -> str:
        try:
            return self._take(self._count()).decode("utf-8")
        except UnicodeDecodeError:
            raise WireError("expected UTF-8 text") from None

    def get(self, depth: int) -> Any:
        self.items -= 1
        if depth > MAX_DEPTH or self.items < 0:
            raise WireError("nested too deeply or too many items")
        tag = self._take(1)
        match tag:
            case b"N":
                return None
            case b"T" | b"F":
                return tag == b"T"
            case b"i":
                n = self._count()
                number = int.from_bytes(self._take(n), "little", signed=True) if n <= 9 else MAX_INT + 1
                if not MIN_INT <= number <= MAX_INT:
                    raise WireError("an integer of more than 64 bits")
                return number
            case b"f":
                return _F64.unpack(self._take(8))[0]
            case b"s":
                return self._text()
            case b"b":
                return self._take(self._count())
            case b"l":
                return [self.get(depth + 1) for _ in range(self._count())]
            case b"t":
                return tuple(self.get(depth + 1) for _ in range(self._count()))
            case b"d":
                return self._dict(depth)
            case b"a":
                return self._array()
            case b"g":
                array = self._array()
                if array.ndim:
                    raise WireError("expected a scalar, got an array")
                return array[()]
            case b"o":
                return Opaque(_plain_name(self._text()))
            case _:
                raise WireError(f"unknown tag {tag!r}")

    def _dict(self, depth: int) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for _ in range(self._count()):
            key = self.get(depth + 1)
            if type(key) not in (str, int) or key in result:
                raise WireError("expected dict keys that are str or int, each once")
            result[key] = self.get(depth + 1)
        return result

    def _array(self) -> Any:
        self.items -= ITEMS_OF_AN_ARRAY
        code, ndim = self._take(2)
        if code >= len(DTYPES) or ndim > MAX_DEPTH:
            raise WireError("unknown dtype, or too many dimensions")
        dtype = np.dtype(DTYPES[code])
        shape = tuple(_U32.unpack(self._take(4))[0] for _ in range(ndim))
        # An array without items could still have four billion rows, and somebody who loops over them.
        if 0 in shape and math.prod(n for n in shape if n) > MAX_ITEMS:
            raise WireError(f"expected an empty array of few rows and columns, got the shape {shape}")
        body = self._take(math.prod(shape) * dtype.itemsize)
        if dtype == bool and body.strip(b"\x00\x01"):
            raise WireError("expected booleans of 0 and 1")
        try:
            # A copy, so that the array is writable and does not keep the whole answer alive.
            return np.frombuffer(body, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
        except ValueError:
            raise WireError(f"expected a shape that numpy can hold, got {shape}") from None
