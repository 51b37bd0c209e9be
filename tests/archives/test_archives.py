"""Archives that mean harm cost a bounded time, before anybody has looked at their files."""

import gzip
import io
import struct
import tarfile
import time
import zipfile

import pytest
from proportion import assert_in_proportion, cpu_seconds

from exercise_code.common.archives import entries as archives
from exercise_code.common.archives.entries import HandInError, Limits, open_entries
from exercise_code.common.exercise import Exercise
from exercise_code.common.hand_ins.hand_in import open_handin

LIMITS = Limits(100_000_000)
RECORD = struct.Struct("<4s6H3I5H2I")


def hostile_zip(entries, extra=b"", name="a/{}.py"):
    """A zip that is all directory: entries whose content is nowhere."""
    records = []
    for i in range(entries):
        said = name.format(i).encode()
        lengths = (len(said), len(extra), 0, 0, 0)
        records.append(RECORD.pack(b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, *lengths, 0, 0) + said + extra)
    directory = b"".join(records)
    number = min(entries, 65535)
    return directory + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, number, number, len(directory), 0, 0)


def listing(path):
    try:
        with open_entries(path, LIMITS) as entries:
            return len(entries)
    except HandInError as error:
        return str(error)


def empty_fields(count):
    return struct.pack("<HH", 0xCAFE, 0) * count


def _tar(members, **options):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as file:
        for i in range(members):
            info = tarfile.TarInfo(f"{i}.aux")
            info.pax_headers = options
            file.addfile(info)
    return data.getvalue()


def _nested(data):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for i in range(4):
            file.writestr(f"{i}.zip", data)
    return packed.getvalue()


GROWING = {
    "zip with many entries": lambda n: hostile_zip(1_200 * n),
    "zip with extra fields": lambda n: hostile_zip(700 * n, empty_fields(256)),
    "zip with huge extra fields": lambda n: hostile_zip(45 * n, empty_fields(16_383)),
    "zip with long names": lambda n: hostile_zip(60 * n, name="x" * 60_000 + "{}"),
    "zip with deep names": lambda n: hostile_zip(2_000 * n, name="a/" * 400 + "{}"),
    "tar with many members": lambda n: _tar(1_000 * n),
    "packed tar with many members": lambda n: gzip.compress(_tar(1_000 * n), 1),
    "tar with long headers": lambda n: _tar(300 * n, path="2 " * 5_000),
    "tar with digits": lambda n: _tar(300 * n, comment="1" * 10_000),
    "zip of zips with many entries": lambda n: _nested(hostile_zip(400 * n)),
    "zip of zips with extra fields": lambda n: _nested(hostile_zip(20 * n, empty_fields(16_383))),
}


@pytest.mark.parametrize("kind", GROWING)
def test_twice_the_size_costs_at_most_three_times_the_time(tmp_path, kind):
    exercise = Exercise("ex99_tiny", tmp_path, "Tiny", 1, ("loader",), notebooks=("1_tiny",))
    half, whole = tmp_path / "half", tmp_path / "whole"
    half.write_bytes(GROWING[kind](2))
    whole.write_bytes(GROWING[kind](4))

    def work(path):
        with pytest.raises(HandInError):
            open_handin(path, exercise, tmp_path / "out")

    # A hundredth of a second for the machine: what is refused at once is not in proportion to anything.
    assert_in_proportion(work, half, whole, kind, blink=0.03)
    assert cpu_seconds(work, whole) < 3


def test_a_directory_of_extra_fields_is_refused_before_zipfile_reads_it(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(hostile_zip(50, empty_fields(16_383), "__MACOSX/{}"))
    assert "65,532 bytes of extra fields for one file: zip it again" in listing(path)


def test_too_many_entries_are_refused_before_zipfile_lists_them(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *a, **k: pytest.fail("listed"))
    path = tmp_path / "a.zip"
    path.write_bytes(hostile_zip(LIMITS.entries + 1, name="{}"))
    assert "expected at most 20,000 files in the zip, got more" in listing(path)
    path.write_bytes(hostile_zip(15_000, b"\xfe\xca\xf4\x00" + bytes(244)))
    assert "lists its files in 5 MB" in listing(path)


def test_a_directory_that_is_moved_or_counted_wrongly_is_the_one_that_is_looked_at(tmp_path):
    """Whatever the record at the end says, and whatever zipfile makes of it."""
    whole = hostile_zip(92, empty_fields(16_383))
    path = tmp_path / "a.zip"
    for data in (
        b"junk" * 100 + whole,
        whole[:-12] + struct.pack("<I", len(whole) - 22) + whole[-8:],
        whole + bytes(50),
    ):
        path.write_bytes(data)
        start = time.process_time()
        assert isinstance(listing(path), str)
        assert time.process_time() - start < 2


def test_honest_extra_fields_are_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(hostile_zip(3, struct.pack("<HHBI", 0x5455, 5, 3, 0) + struct.pack("<HH11s", 0x7875, 11, b"")))
    assert listing(path) == 3


def test_what_systems_leave_behind_is_silent_and_programs_are_one_thing(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(hostile_zip(19_000, name="mine/.venv/lib/{}.py"))
    with open_entries(path, LIMITS) as entries:
        assert [entry.name for entry in entries] == ["mine/.venv"]
    path.write_bytes(hostile_zip(20, name="__MACOSX/{}.py"))
    assert listing(path) == 0


def test_a_folder_of_programs_is_not_walked(tmp_path, monkeypatch):
    (tmp_path / "in" / "node_modules" / "a").mkdir(parents=True)
    (tmp_path / "in" / "node_modules" / "a" / "b.js").touch()
    monkeypatch.setattr(archives, "MAX_DEPTH", 1)
    with open_entries(tmp_path / "in", LIMITS) as entries:
        assert [(e.name, "programs" in e.refusal) for e in entries] == [("node_modules", True)]
