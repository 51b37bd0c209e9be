"""The wire format: every plain value comes back as it was, no bytes do any harm."""

import math
import struct
import tracemalloc
from collections import Counter, OrderedDict, defaultdict
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exercise_code.common.probing import wire
from exercise_code.common.probing.wire import DTYPES, MAX_DEPTH, MAX_INT, MIN_INT, Opaque, WireError, decode, encode

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(MIN_INT, MAX_INT),
    st.floats(),
    # Lone surrogates travel as text that names them, so they do not come back as they were.
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=20),
)
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
GENERICS = ARRAYS.filter(lambda a: a.size > 0).map(lambda a: a.ravel()[0])
KEYS = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.integers(MIN_INT, MAX_INT))
VALUES = st.recursive(
    st.one_of(SCALARS, ARRAYS, GENERICS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=12,
)


def assert_equal(got: Any, want: Any) -> None:
    """Exactly the same value: type, dtype, shape, order of keys, bits of floats."""
    assert type(got) is type(want)
    if isinstance(want, np.ndarray | np.generic):
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        assert got.tobytes() == want.tobytes()
    elif isinstance(want, list | tuple):
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            assert_equal(one, other)
    elif isinstance(want, dict):
        assert list(got) == list(want)
        for key in want:
            assert_equal(got[key], want[key])
    elif isinstance(want, float):
        assert struct.pack("<d", got) == struct.pack("<d", want) or (math.isnan(got) and math.isnan(want))
    else:
        assert got == want


@given(VALUES)
def test_every_plain_value_comes_back_as_it_was(value: Any) -> None:
    assert_equal(decode(encode(value)), value)


@given(VALUES)
def test_arrays_come_back_writable_and_in_one_piece(value: Any) -> None:
    array = np.arange(12, dtype=">i4").reshape(3, 4)[:, ::2]
    back = decode(encode([value, array]))[1]
    assert back.flags.writeable and back.flags.c_contiguous and back.dtype == np.dtype("int32")
    assert back.tolist() == array.tolist()


@given(st.binary(max_size=200))
def test_random_bytes_are_a_value_or_a_wire_error(data: bytes) -> None:
    _decode_or_refuse(data)


@settings(max_examples=300)
@given(VALUES, st.data())
def test_mutated_bytes_are_a_value_or_a_wire_error(value: Any, data: st.DataObject) -> None:
    body = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        change = data.draw(st.sampled_from(["flip", "cut", "repeat", "count"]))
        if change == "flip":
            body[at] ^= data.draw(st.integers(1, 255))
        elif change == "cut":
            del body[at + 1 :]
        elif change == "repeat":
            body[at:at] = body[at:]
        else:
            body[at : at + 4] = struct.pack("<I", data.draw(st.sampled_from([0, 2**31, 2**32 - 1])))
    _decode_or_refuse(bytes(body))


def _decode_or_refuse(data: bytes) -> None:
    try:
        value = decode(data)
    except WireError:
        return
    # Whatever was understood is a plain value: it can travel again and be printed.
    encode(value)
    repr(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"?",
        b"NN",
        b"s" + struct.pack("<I", 2**32 - 1) + b"x",
        b"l" + struct.pack("<I", 2**32 - 1),
        b"d" + struct.pack("<I", 2**31) + b"N" * 10,
        b"a" + bytes([0, 255]),
        b"a" + bytes([200, 1]) + struct.pack("<I", 1),
        b"a" + bytes([9, 4]) + struct.pack("<4I", *[2**32 - 1] * 4),
        b"a" + bytes([5, 2]) + struct.pack("<2I", 2**32 - 1, 0),
        b"a" + bytes([5, 3]) + struct.pack("<3I", 2**20, 2**20, 0),
        b"a" + bytes([0, 1]) + struct.pack("<I", 1) + b"\x02",
        b"g" + bytes([0, 1]) + struct.pack("<I", 1) + b"\x01",
        b"i" + struct.pack("<I", 10) + b"\x01" * 10,
        b"i" + struct.pack("<I", 9) + b"\xff" * 8 + b"\x7f",
        b"s" + struct.pack("<I", 1) + b"\xff",
        b"s" + struct.pack("<I", 3) + b"\xed\xa0\x80",
        b"d" + struct.pack("<I", 1) + b"NN",
        b"d" + struct.pack("<I", 2) + (b"i" + struct.pack("<I", 1) + b"\x01" + b"N") * 2,
        b"l\x01\x00\x00\x00" * (MAX_DEPTH + 2) + b"N",
        b"\x80\x04cos\nsystem\n",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_lies_are_refused_without_taking_memory(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_nesting_is_capped_on_both_sides() -> None:
    value: Any = None
    for _ in range(MAX_DEPTH):
        value = [value]
    assert_equal(decode(encode(value)), value)
    with pytest.raises(WireError, match="deep"):
        encode([value])


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(WireError, match="deep"):
        encode(endless)


def test_items_are_capped_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode([None] * 2000)
    monkeypatch.setattr(wire, "MAX_ITEMS", 2000)
    with pytest.raises(WireError, match="items"):
        encode([None] * 2000)
    with pytest.raises(WireError, match="items"):
        decode(data)


@pytest.mark.parametrize("value", [b"x" * 2000, "x" * 2000, np.zeros(2000), [1.0] * 2000])
def test_size_is_capped_on_both_sides(value: Any) -> None:
    with pytest.raises(WireError, match="larger"):
        encode(value, max_bytes=1000)
    with pytest.raises(WireError, match="at most"):
        decode(encode(value), max_bytes=1000)


@pytest.mark.parametrize("value", [MIN_INT, MAX_INT, 0, -1])
def test_integers_of_64_bits_travel(value: int) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize("value", [MIN_INT - 1, MAX_INT + 1, 1 << 50_000], ids=["low", "high", "huge"])
def test_larger_integers_are_refused(value: int) -> None:
    with pytest.raises(WireError, match="64 bits"):
        encode(value)


class Sly:
    """What a subclass may override: none of it travels, and none of it is asked."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]

    def _lie(self, *args: Any) -> Any:
        raise RuntimeError("run by encode")

    __len__ = __iter__ = __int__ = __index__ = __float__ = __str__ = __bytes__ = _lie
    items = keys = encode = view = astype = tobytes = _lie


class SlyList(Sly, list[int]):
    pass


class SlyTuple(Sly, tuple[int, ...]):
    pass


class SlyDict(Sly, dict[str, int]):
    pass


class SlyInt(Sly, int):
    pass


class SlyFloat(Sly, float):
    pass


class SlyText(Sly, str):
    pass


class SlyBytes(Sly, bytes):
    pass


class SlyArray(Sly, np.ndarray):
    pass


class Pair(NamedTuple):
    image: int
    label: int


class Level(IntEnum):
    LOW = 3


class Key(StrEnum):
    IMAGE = "image"


SUBCLASSES = [
    (SlyList([1, 2]), [1, 2]),
    (SlyTuple((1, 2)), (1, 2)),
    (SlyDict(a=1), {"a": 1}),
    (SlyInt(7), 7),
    (SlyFloat(0.5), 0.5),
    (SlyText("ab"), "ab"),
    (SlyBytes(b"ab"), b"ab"),
    (np.arange(4).view(SlyArray), np.arange(4)),
    (defaultdict(list, {"a": [1]}), {"a": [1]}),
    (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (Counter("aab"), {"a": 2, "b": 1}),
    (Pair(1, 2), (1, 2)),
    (Level.LOW, 3),
    ({Key.IMAGE: Key.IMAGE}, {"image": "image"}),
]


@pytest.mark.parametrize(("value", "want"), SUBCLASSES, ids=lambda value: type(value).__name__)
def test_subclasses_travel_as_their_base(value: Any, want: Any) -> None:
    assert_equal(decode(encode([value]))[0], want)


def test_memory_mapped_arrays_travel_as_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6))
    assert_equal(decode(encode(np.load(tmp_path / "a.npy", mmap_mode="r")[1:4])), np.arange(1, 4))


@pytest.mark.parametrize("value", [np.float64(1), np.str_("a"), np.bool_(True)])
def test_numpys_own_scalars_are_no_plain_numbers_or_texts(value: Any) -> None:
    got = decode(encode(value))
    assert type(got) is (Opaque if isinstance(value, np.str_) else type(value))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([None, 1]), "an array of objects (dtype object)"),
        (np.array(["a"]), "an array of texts (dtype str)"),
        (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), "an array of records (dtype void)"),
        (np.array([1j]), "an array of complex numbers (dtype complex128)"),
    ],
)
def test_an_array_of_other_values_says_what_it_holds(array: Any, words: str) -> None:
    got = decode(encode(array))
    assert type(got) is Opaque and got.is_array and got.words == words and repr(got) == f"<{words}>"
    assert got != got


NOT_PLAIN = [
    np.ma.masked_array([1, 2], [True, False]),
    1 + 2j,
    np.complex64(1),
    np.datetime64("2024-01-01"),
    {1},
    object(),
    (n for n in range(3)),
    range(3),
    int,
    len,
    Ellipsis,
    memoryview(b"x"),
    bytearray(b"x"),
]


@pytest.mark.parametrize("value", NOT_PLAIN, ids=lambda value: type(value).__name__)
def test_what_is_not_plain_becomes_opaque_and_equals_nothing(value: Any) -> None:
    got = decode(encode({"inside": [value]}))["inside"][0]
    assert type(got) is Opaque
    name = type(value).__name__
    assert got.type_name.endswith(name)
    for other in (got, value, Opaque(got.type_name), 0, None, name):
        assert (got == other) is False
        assert (got != other) is True


def test_a_dict_key_that_could_run_code_is_refused() -> None:
    for key in (1.0, True, None, (1,), b"a", np.str_("a"), np.int64(1)):
        with pytest.raises(WireError, match="key"):
            encode({key: 1})


def test_a_hostile_type_name_is_cut_and_cleaned() -> None:
    name = "\x1b[31m\u202e" + "x" * 10_000
    cls = type(name, (), {"__module__": "a\nb"})
    opaque = decode(encode(cls()))
    assert opaque.type_name.isprintable() and len(opaque.type_name) <= 120
    forged = decode(b"o" + struct.pack("<I", len(name.encode())) + name.encode())
    assert forged.type_name.isprintable() and len(forged.type_name) <= 120


def test_a_class_whose_names_are_no_strings_does_no_harm() -> None:
    class Meta(type):
        @property
        def __module__(cls) -> Any:  # type: ignore[override]
            raise RuntimeError("run by encode")

    assert isinstance(decode(encode(Meta("Sly", (), {})())), Opaque)


def test_a_surrogate_becomes_words() -> None:
    assert decode(encode("a\ud800")) == "a\\ud800"
