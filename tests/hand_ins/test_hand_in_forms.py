"""The forms in which people hand in: what can be told apart is taken, the rest is named, and zips are like folders."""

import gzip
import io
import json
import os
import tarfile
import zipfile

import pytest
from hand_ins import TINY as PACKAGE
from hand_ins import tiny_exercise
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exercise_code.common.hand_ins.hand_in import HandInError, open_handin
from exercise_code.common.hand_ins.names import plain_name
from exercise_code.common.reasons import Reason

GRADE_IDS = {"1_tiny": {"tiny_checks", "tiny_answer"}, "2_more": {"more_answer"}}


@pytest.fixture(scope="module")
def exercise(tmp_path_factory):
    return tiny_exercise(tmp_path_factory.mktemp("course"), "loader", "writer")


def notebook(*ids, text="x"):
    cells = [{"cell_type": "markdown", "source": text, "metadata": {"nbgrader": {"grade_id": i}}} for i in ids]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()


LOADER, WRITER = f"{PACKAGE}/loader.py", f"{PACKAGE}/writer.py"
TINY = notebook("tiny_checks", "tiny_answer")
GOOD = {"1_tiny.ipynb": TINY, LOADER: b"x = 1\n", WRITER: b"y = 1\n"}


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            info = zipfile.ZipInfo("x")
            info.filename = info.orig_filename = name
            file.writestr(info, data)
    return path


def zipped(files):
    data = io.BytesIO()
    make_zip(data, files)
    return data.getvalue()


def make_tar(path, files, mode="w:gz", form=tarfile.PAX_FORMAT):
    with tarfile.open(path, mode, format=form) as file:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def make_folder(root, files):
    root.mkdir()
    for name, data in files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return root


def taken(found):
    return {p.relative_to(found.folder).as_posix(): p.read_bytes() for p in found.folder.rglob("*") if p.is_file()}


def opened(exercise, tmp_path, files, make=make_zip):
    return open_handin(make(tmp_path / "in.zip", files), exercise, tmp_path / "out", grade_ids=GRADE_IDS)


def names(found, code):
    return [note.name for note in found.notes if note.code is code]


FORMS = {
    "a README beside the top folder": {f"mine/{n}": d for n, d in GOOD.items()} | {"README.txt": b"read me"},
    "four lone folders deep": {f"a/b/c/d/{n}": d for n, d in GOOD.items()},
    "modules at the top": {"1_tiny.ipynb": TINY, "loader.py": b"x = 1\n", "writer.py": b"y = 1\n"},
    "modules one folder off": {"1_tiny.ipynb": TINY, "exercise_code/loader.py": b"x = 1\n", WRITER: b"y = 1\n"},
    "modules in a folder of the exercise": {"1_tiny.ipynb": TINY}
    | {f"ex99_tiny/{n}.py": d for n, d in (("loader", b"x = 1\n"), ("writer", b"y = 1\n"))},
    "notebooks in one folder, modules in another": {"nb/1_tiny.ipynb": TINY}
    | {f"code/{n}": d for n, d in GOOD.items() if n.endswith(".py")},
    "backslashes": {f"mine\\{n}".replace("/", "\\"): d for n, d in GOOD.items()},
    "a browser's copies": {"1_tiny (1).ipynb": TINY, "loader (2).py": b"x = 1\n", "writer(1).py": b"y = 1\n"},
    "Jupyter's and Colab's copies": {"Copy of 1_tiny.ipynb": TINY, "loader-Copy1.py": b"x = 1\n", WRITER: b"y = 1\n"},
    "a second ending": {"1_tiny.ipynb.json": TINY, "loader.py.txt": b"x = 1\n", "Writer.PY": b"y = 1\n"},
    "a notebook as text": GOOD | {"1_tiny.ipynb": None, "1_tiny.ipynb.txt": TINY},
    "a notebook of any name": GOOD | {"1_tiny.ipynb": None, "answers u0042.ipynb": TINY},
    "a zip in a zip": {"ex99_tiny.zip": zipped(GOOD)},
    "a zip in a folder in a zip": {"upload/ex99_tiny (1).zip": zipped({f"mine/{n}": d for n, d in GOOD.items()})},
    "the same zip beside the files": GOOD | {"ex99_tiny.zip": zipped(GOOD)},
    "the same folder twice": {f"{top}/{n}": d for top in ("a", "b") for n, d in GOOD.items()},
    "an older copy within": GOOD | {f"old/{n}": b"old" for n in (LOADER, WRITER)},
    "two copies of one file": GOOD | {"loader.py": b"x = 1\n"},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("make", [make_zip, make_folder, make_tar])
def test_whatever_can_be_told_apart_is_taken(exercise, tmp_path, form, make):
    files = {name: data for name, data in FORMS[form].items() if data is not None}
    assert taken(opened(exercise, tmp_path, files, make)) == GOOD


OURS = b"#!ours"
NOBODYS = {
    "a link in an environment": (".venv/bin/python", 0o120777),
    "a link in node_modules": ("web/node_modules/.bin/x", 0o120777),
    "a long name": ("notes/" + "n" * 240 + ".aux", 0),
    "case twins": ("readme.aux", 0),
    "macOS": ("__MACOSX/._1_tiny.ipynb", 0),
    "Finder": (".DS_Store", 0),
    "Shift-JIS": (b"\x95\x5c\x8e\x86.aux".decode("cp437"), 0),
    "latin-1": (b"\xfcbung.aux".decode("cp437"), 0),
    "a pipe": ("pipe", 0o010644),
}


@pytest.mark.parametrize("top", ["", "mine/"])
@pytest.mark.parametrize("case", NOBODYS)
def test_what_nobody_would_take_refuses_nothing(exercise, tmp_path, case, top):
    name, mode = NOBODYS[case]
    path = make_zip(tmp_path / "in.zip", {f"{top}{n}": d for n, d in (GOOD | {"README.aux": b""}).items()})
    with zipfile.ZipFile(path, "a") as file:
        info = zipfile.ZipInfo("x")
        info.filename, info.external_attr = f"{top}{name}", mode << 16
        file.writestr(info, b"x")
    found = open_handin(path, exercise, tmp_path / "out")
    assert taken(found) == GOOD and found.problems == ()
    silent = case in ("macOS", "Finder")
    assert len(found.ignored) == 2 - silent


def test_two_folders_with_the_layout_that_differ_are_named_both(exercise, tmp_path):
    files = {f"first/{n}": d for n, d in GOOD.items()} | {f"second/{n}": d + b"\n" for n, d in GOOD.items()}
    with pytest.raises(HandInError, match=f"one folder with {PACKAGE}, got several that differ, first and second"):
        opened(exercise, tmp_path, files)


def test_of_two_loose_files_of_one_name_neither_is_taken_and_both_are_named(exercise, tmp_path):
    found = opened(exercise, tmp_path, {"a/loader.py": b"1", "b/loader.py": b"2", "writer.py": b"3"})
    assert taken(found) == {WRITER: b"3"}
    assert found.problems == (
        f"expected {LOADER} once, got it as a/loader.py and b/loader.py, which differ: keep one of them",
    )


@pytest.mark.parametrize(
    ("files", "data"),
    [
        ({"loader.py": b"1", "loader (1).py": b"2"}, b"1"),
        ({"loader (1).py": b"1", "loader (3).py": b"3", "loader (2).py": b"2"}, b"3"),
        ({LOADER: b"1", "loader (1).py": b"2"}, b"1"),
    ],
)
def test_of_copies_one_is_taken_and_those_that_differ_are_named(exercise, tmp_path, files, data):
    found = opened(exercise, tmp_path, files)
    assert taken(found) == {LOADER: data}
    assert len(names(found, Reason.NOT_TAKEN)) == len(files) - 1


def test_modules_of_ones_own_come_along_with_loose_ones(exercise, tmp_path):
    found = opened(
        exercise, tmp_path, {"c/loader.py": b"1", "c/helper.py": b"2", "c/given_file.py": b"3", "d/x.py": b"4"}
    )
    assert taken(found) == {LOADER: b"1", f"{PACKAGE}/helper.py": b"2"}
    assert names(found, Reason.NOT_TAKEN) == ["d/"]


@pytest.mark.parametrize(
    "name", ["answers.pdf", "scan.JPG", "1_tiny.html", "1_tiny.py", "essay.docx", "a.7z", "b/c.rar"]
)
def test_what_somebody_may_have_written_in_is_to_be_looked_at(exercise, tmp_path, name):
    found = opened(exercise, tmp_path, GOOD | {name: b"text"})
    assert taken(found) == GOOD
    assert names(found, Reason.NOT_TAKEN) == [name if "/" not in name else "b/"]
    assert "somebody will look at it" in found.problems[0]


@pytest.mark.parametrize(
    "name", ["README.md", "datasets/faces/1.png", "exercise_code/ex98_other/1.py", "a.pyc", "ex98_a/1.ipynb"]
)
def test_what_programs_wrote_is_ignored(exercise, tmp_path, name):
    found = opened(exercise, tmp_path, GOOD | {name: b"text"})
    assert taken(found) == GOOD and found.problems == () and len(found.ignored) == 1


@pytest.mark.parametrize(
    ("head", "kind"), [(b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07", "rar"), (b"\xfd7zXZ\0", "xz"), (b"BZh9", "bz2")]
)
def test_archives_that_are_not_opened_say_what_to_do(exercise, tmp_path, head, kind):
    path = tmp_path / f"u0042.{kind}"
    path.write_bytes(head + bytes(100))
    with pytest.raises(HandInError, match=f"is a {kind} archive, which is not opened: unpack it and make a zip of it"):
        open_handin(path, exercise, tmp_path / "out")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_tars_are_read_in_all_their_forms(exercise, tmp_path, mode, form):
    top = "/".join(["a" * 40] * (3 if form == tarfile.USTAR_FORMAT else 6))
    files = {f"{top}/{n}": d for n, d in GOOD.items()} | {"ü/x.aux": b""}
    path = make_tar(tmp_path / "in.tar", files, mode, form)
    with tarfile.open(path, "r") as file:
        assert len(file.getmembers()) == 4
    assert taken(open_handin(path, exercise, tmp_path / "out")) == GOOD


def test_links_in_a_tar_are_not_followed(exercise, tmp_path):
    path = tmp_path / "in.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        for name, kind in ((LOADER, tarfile.SYMTYPE), (WRITER, tarfile.LNKTYPE), ("../x", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
        info = tarfile.TarInfo("1_tiny.ipynb")
        info.size = len(TINY)
        file.addfile(info, io.BytesIO(TINY))
    found = open_handin(path, exercise, tmp_path / "out")
    assert taken(found) == {"1_tiny.ipynb": TINY}
    assert [p.partition(": ")[2] for p in found.problems] == ["a link: links are not followed"] * 2


@pytest.mark.parametrize(
    "data",
    [gzip.compress(b"no tar", mtime=0), gzip.compress(bytes(1024), mtime=0)[:-9], b"\x1f\x8b" + bytes(50)],
    ids=["no tar", "cut short", "no gzip"],
)
def test_a_damaged_tar_is_refused_in_words(exercise, tmp_path, data):
    (tmp_path / "in.tgz").write_bytes(data)
    with pytest.raises(HandInError, match=r"damaged|not a readable|nothing in it"):
        open_handin(tmp_path / "in.tgz", exercise, tmp_path / "out")


def test_a_bomb_of_a_tar_is_refused(exercise, tmp_path, monkeypatch):
    monkeypatch.setattr("exercise_code.common.hand_ins.hand_in.MAX_ARCHIVE", 2_000_000)
    make_tar(tmp_path / "in.tgz", GOOD | {"zeros": bytes(5_000_000)})
    with pytest.raises(HandInError, match="expected an archive of at most 3 MB, got more in in"):
        open_handin(tmp_path / "in.tgz", exercise, tmp_path / "out")


def test_archives_in_archives_share_one_limit_and_are_opened_once(exercise, tmp_path, monkeypatch):
    inner = make_zip(tmp_path / "deep.zip", {"ex99_tiny.zip": zipped({"inner.zip": zipped(GOOD)})})
    with pytest.raises(HandInError, match=r"got ex99_tiny\.zip/"):
        open_handin(inner, exercise, tmp_path / "none")
    monkeypatch.setattr("exercise_code.common.hand_ins.hand_in.MAX_ARCHIVE", 0)
    large = {f"{i}.zip": zipped({"noise.bin": os.urandom(600_000)}) for i in range(2)}
    found = opened(exercise, tmp_path, GOOD | large, make_folder)
    assert taken(found) == GOOD and "larger than 1 MB with the others" in found.problems[0]


def test_one_file_alone_is_a_hand_in(exercise, tmp_path):
    (tmp_path / "loader.py").write_bytes(b"x = 1\n")
    assert taken(open_handin(tmp_path / "loader.py", exercise, tmp_path / "out")) == {LOADER: b"x = 1\n"}
    (tmp_path / "answers.pdf").write_bytes(b"%PDF")
    with pytest.raises(HandInError, match=r"got answers\.pdf"):
        open_handin(tmp_path / "answers.pdf", exercise, tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.py", ("a.py", 0)),
        ("a (1).py", ("a.py", 2)),
        ("a-Copy2.ipynb", ("a.ipynb", 3)),
        ("Copy of Copy of a.ipynb", ("a.ipynb", 1)),
        ("a - Kopie (3).py", ("a.py", 4)),
        ("a.ipynb.json.txt", ("a.ipynb", 1)),
        ("1_a-1.py", ("1_a.py", 2)),
        ("noending", ("noending", 0)),
    ],
)
def test_names_before_they_were_copied(name, plain):
    assert plain_name(name) == plain


@given(st.text(max_size=60))
def test_any_name_has_a_plain_one(name):
    found, rank = plain_name(name)
    assert rank >= 0 and len(found) <= len(name)


PARTS = st.sampled_from([
    *("loader.py", "writer.py", "Loader.py", "loader (1).py", "1_tiny.ipynb", "1_tiny-Copy1.ipynb", "2_more.ipynb"),
    *("given_file.py", "helper.py", "test_x.py", "answers.pdf", "README.md", "net.json", "net.pt", "x.zip"),
    *("exercise_code", "ex99_tiny", "ex98_other", "models", "exercises", "common", "datasets", ".venv", "__MACOSX"),
    *("a", "b", "ü", "._x", ".DS_Store", "a\\b", "表", "x\u202ey", "n" * 90),
])  # fmt: skip
NAMES = st.one_of(
    st.lists(PARTS, min_size=1, max_size=5).map("/".join),
    st.sampled_from([*GOOD, "models/net.json", f"{PACKAGE}/helper.py", "x/" + LOADER, "x/y/" + LOADER]),
)
CONTENTS = st.sampled_from([b"", b"x = 1\n", b"{}", TINY, zipped(GOOD), zipped({"loader.py": b"1"}), b"PK\x03\x04"])


@given(st.dictionaries(NAMES, CONTENTS, max_size=8))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_tree_has_one_outcome_as_zip_tar_and_folder(exercise, tmp_path_factory, files):
    room = tmp_path_factory.mktemp("room")
    folders = {"/".join(name.split("/")[:i]) for name in files for i in range(1, len(name.split("/")))}
    # No file system holds a file and a folder of one name.
    files = {name: data for name, data in sorted(files.items()) if name not in folders and len(name) < 200}
    outcomes = []
    for i, make in enumerate((make_folder, make_zip, make_tar)):
        path = room / f"{i}"
        make(path, files)
        try:
            found = open_handin(path, exercise, room / f"out{i}", grade_ids=GRADE_IDS)
        except HandInError as error:
            assert not (room / f"out{i}").exists()
            outcomes.append(str(error))
        else:
            outcomes.append((taken(found), sorted(found.notes, key=str), found.missing, found.digest))
            assert {n.name for n in found.notes if n.code is Reason.NOT_TAKEN} | set(taken(found)) or not files
    assert outcomes[0] == outcomes[1] == outcomes[2]
