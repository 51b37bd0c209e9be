"""What a hand-in may hold: files that are taken, ignored, refused; and zips that mean harm."""

import io
import json
import os
import stat
import struct
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hand_ins import MODEL, tiny_exercise
from hand_ins import TINY as PACKAGE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from exercise_code.common.errors import CourseError
from exercise_code.common.hand_ins import hand_in as handin
from exercise_code.common.hand_ins.hand_in import HandInError, inspect_model, open_handin
from exercise_code.common.reasons import Reason

NOTEBOOK = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}).encode()


@pytest.fixture
def exercise(tmp_path):
    return tiny_exercise(tmp_path / "course", "loader")


def weights(**tensors):
    file = io.BytesIO()
    from safetensors.numpy import save

    file.write(save(tensors or {"w": np.ones((2, 3), np.float32)}))
    return file.getvalue()


def good():
    return {
        "1_tiny.ipynb": NOTEBOOK,
        f"{PACKAGE}/loader.py": b"x = 1\n",
        "models/net.safetensors": weights(),
        "models/net.json": b'{"hidden": 3}',
    }


def make_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path


def make_folder(root, files):
    for name, data in files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return root


def tree(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_a_complete_handin_is_taken_byte_for_byte(exercise, tmp_path, form):
    make = make_zip if form == "zip" else make_folder
    found = open_handin(make(tmp_path / "in.zip", good()), exercise, tmp_path / "out")
    assert tree(tmp_path / "out") == good()
    assert (found.notebooks, found.modules, found.extra_modules) == (("1_tiny",), ("loader",), ())
    assert found.models == ("net.json", "net.safetensors")
    assert found.sizes == {name: len(data) for name, data in good().items()}
    assert (found.ignored, found.problems, found.missing) == ((), (), ())
    assert found.package == tmp_path / "out" / PACKAGE


def test_zip_and_folder_have_one_digest_which_follows_the_content(exercise, tmp_path):
    a = open_handin(make_zip(tmp_path / "a.zip", good()), exercise, tmp_path / "1")
    shuffled = dict(reversed(good().items()))
    b = open_handin(make_folder(tmp_path / "b", {f"x/{k}": v for k, v in shuffled.items()}), exercise, tmp_path / "2")
    c = open_handin(
        make_zip(tmp_path / "c.zip", good() | {f"{PACKAGE}/loader.py": b"x = 2\n"}), exercise, tmp_path / "3"
    )
    assert a.digest == b.digest
    assert a.digest != c.digest


@pytest.mark.parametrize("top", ["ex99_tiny/", "Übung 3 (final)/", "a/b/", "./"])
def test_a_lone_top_folder_is_stepped_into(exercise, tmp_path, top):
    files = {top + name: data for name, data in good().items()}
    files |= {"__MACOSX/" + top + "._1_tiny.ipynb": b"x", top + ".DS_Store": b"x", top + "Icon\r": b""}
    files |= {"__MACOSX/" + top + "._Icon\r": b"x", "__MACOSX/" + top + "._" + "x" * 250: b"x"}
    files |= {top + f"{PACKAGE}/__pycache__/loader.cpython-311.pyc": b"x"}
    files |= {top + ".ipynb_checkpoints/1_tiny-checkpoint.ipynb": b"x"}
    found = open_handin(make_zip(tmp_path / "in.zip", files), exercise, tmp_path / "out")
    assert tree(tmp_path / "out") == good()
    assert found.ignored == ()


def test_a_zip_of_the_whole_course_folder_is_understood(exercise, tmp_path):
    files = {
        f"course/exercises/ex99_tiny/{n}" if not n.startswith("exercise_code") else f"course/{n}": d
        for n, d in good().items()
    }
    files |= {"course/exercises/ex01_a/1_a.ipynb": NOTEBOOK, "course/exercise_code/ex01_a/a.py": b""}
    files |= {"course/README.md": b"", "course/datasets/a/1.png": b"", "course/datasets/a/2.png": b""}
    found = open_handin(make_zip(tmp_path / "in.zip", files), exercise, tmp_path / "out")
    assert tree(tmp_path / "out") == good()
    reasons = dict(found.ignored)
    assert reasons["datasets/"] == "not part of a hand-in (2 files)"
    assert "another exercise" in reasons["exercise_code/ex01_a/a.py"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"{PACKAGE}/given_file.py", "given file"),
        (f"{PACKAGE}/__init__.py", "given file"),
        (f"{PACKAGE}/test_visible.py", "given file"),
        (f"{PACKAGE}/test_anything.py", "given file"),
        (f"{PACKAGE}/exercise.toml", "given file"),
        ("exercise_code/__init__.py", "given file"),
        ("exercise_code/common/testing.py", "given file"),
        ("exercise_code/ex98_other/loader.py", "another exercise"),
        (f"{PACKAGE}/numbers.npy", "only .py modules"),
        (f"{PACKAGE}/loader.pyc", "only .py modules"),
        (f"{PACKAGE}/loader.so", "only .py modules"),
        (f"{PACKAGE}/my module.py", "not a module's name"),
        (f"{PACKAGE}/deep/loader.py", f"{PACKAGE}/loader.py is there, too, and differs"),
        (f"{PACKAGE}/deep/other.py", "without subfolders"),
        ("3_own.ipynb", "not a notebook of ex99_tiny"),
        ("ex99_tiny.zip", "is not a readable zip"),
        ("ex99_tiny.7z", "not part of a hand-in; somebody will look at it"),
        ("notes.txt", "not part of a hand-in"),
        ("models/other.safetensors", "asks for models/net.safetensors"),
        ("models/net.txt", "asks for models/net.safetensors"),
        ("models/deep/net.safetensors", "models/net.safetensors is there, too, and differs"),
        ("models/deep/other.safetensors", "no folders"),
    ],
)
def test_what_is_not_asked_for_is_ignored_and_named(exercise, tmp_path, name, reason):
    path = make_zip(tmp_path / "in.zip", good() | {name: b"anything"})
    found = open_handin(path, exercise, tmp_path / "out")
    assert tree(tmp_path / "out") == good()
    assert [n for n, _ in found.ignored] == [name]
    assert reason in found.ignored[0][1]


def test_every_file_of_the_graders_folder_is_given_except_student_modules(exercise, tmp_path):
    (exercise.folder / "later_given.py").write_text("")
    files = good() | {f"{PACKAGE}/later_given.py": b"evil", f"{PACKAGE}/own.py": b"y = 2"}
    found = open_handin(make_zip(tmp_path / "in.zip", files), exercise, tmp_path / "out", {"loader"})
    assert found.extra_modules == ("own",)
    assert found.ignored == ((f"{PACKAGE}/later_given.py", "a given file: the grader uses its own copy"),)


@pytest.mark.parametrize("suffix", ["pt", "pth", "pkl"])
@pytest.mark.parametrize("where", ["models/net", "net"])
def test_pickles_are_never_taken_and_said_so(exercise, tmp_path, where, suffix):
    path = make_zip(tmp_path / "in.zip", good() | {f"{where}.{suffix}": b"\x80\x04."})
    found = open_handin(path, exercise, tmp_path / "out")
    assert "pickles are never loaded" in found.problems[0]
    assert not list((tmp_path / "out").rglob(f"*.{suffix}"))


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [
        (f"{PACKAGE}/loader.py", handin.MAX_MODULE, "larger than 256 KB"),
        (f"{PACKAGE}/extra.py", handin.MAX_MODULE, "larger than 256 KB"),
        ("models/net.safetensors", 1_000_000, "larger than 1 MB"),
        ("models/net.json", handin.MAX_MODEL_JSON, "larger than 64 KB"),
        ("1_tiny.ipynb", handin.MAX_NOTEBOOK, "larger than 10 MB"),
    ],
)
@pytest.mark.parametrize("form", ["zip", "folder"])
def test_a_file_over_its_limit_is_left_out_with_the_reason(exercise, tmp_path, name, size, reason, form):
    make = make_zip if form == "zip" else make_folder
    path = make(tmp_path / "in", good() | {name: b" " * (size + 1)})
    found = open_handin(path, exercise, tmp_path / "out")
    assert reason in dict(found.ignored)[name]
    assert reason in found.problems[0]
    assert name not in tree(tmp_path / "out")


def test_a_file_at_its_limit_is_taken(exercise, tmp_path):
    files = good() | {f"{PACKAGE}/loader.py": b"#" * handin.MAX_MODULE}
    found = open_handin(make_zip(tmp_path / "in.zip", files), exercise, tmp_path / "out")
    assert found.sizes[f"{PACKAGE}/loader.py"] == handin.MAX_MODULE


def test_weights_hidden_in_many_modules_meet_the_common_limit(exercise, tmp_path):
    extras = {f"{PACKAGE}/a{i}.py": b"#" * handin.MAX_MODULE for i in range(5)}
    found = open_handin(make_zip(tmp_path / "in.zip", good() | extras), exercise, tmp_path / "out")
    assert found.modules == ("loader",)
    assert found.extra_modules == ("a0", "a1", "a2")
    assert sum(size for name, size in found.sizes.items() if name.endswith(".py")) <= handin.MAX_MODULES_TOTAL
    assert all("weights belong into models/" in problem for problem in found.problems)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"not json", "not a readable notebook"),
        (b"[" * 100_000, "not a readable notebook"),
        (b"\xff\xfe", "not a readable notebook"),
        (b'{"cells": [1], "nbformat": 4}', "damaged"),
        (b'{"cells": [], "nbformat": 3}', "nbformat 4"),
        (b'{"cells": [], "nbformat": ' + b"9" * 5000 + b"}", "not a readable notebook"),
    ],
)
def test_broken_notebooks_are_left_out_and_missing(exercise, tmp_path, data, reason):
    path = make_zip(tmp_path / "in.zip", good() | {"1_tiny.ipynb": data})
    found = open_handin(path, exercise, tmp_path / "out")
    assert reason in found.problems[0]
    assert found.missing == ("1_tiny.ipynb",)


def test_what_is_missing_is_named_in_the_layout_of_the_handin(exercise, tmp_path):
    found = open_handin(make_zip(tmp_path / "in.zip", {"2_more.ipynb": NOTEBOOK}), exercise, tmp_path / "out")
    names = ("1_tiny.ipynb", f"{PACKAGE}/loader.py", "models/net.safetensors", "models/net.json")
    assert found.missing == names


def test_a_module_in_the_wrong_place_is_taken_and_said_so(exercise, tmp_path):
    path = make_zip(tmp_path / "in.zip", {"1_tiny.ipynb": NOTEBOOK, "loader.py": b""})
    found = open_handin(path, exercise, tmp_path / "out")
    assert found.modules == ("loader",) and found.problems == ()
    assert [(note.code, note.text) for note in found.notes] == [
        (Reason.MOVED, f"loader.py is taken as {PACKAGE}/loader.py")
    ]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "got nothing in it"),
        ({"essay.docx": b"x"}, "got essay.docx (not part of a hand-in; somebody will look at it): make the zip with"),
        ({"ex99_tiny.zip": b"PK"}, "got ex99_tiny.zip (ex99_tiny.zip is not a readable zip"),
    ],
)
def test_a_handin_with_nothing_of_the_exercise_is_refused(exercise, tmp_path, files, words):
    with pytest.raises(HandInError, match="expected a hand-in of ex99_tiny") as caught:
        open_handin(make_zip(tmp_path / "in.zip", files), exercise, tmp_path / "out")
    assert words in str(caught.value)
    assert not (tmp_path / "out").exists()


HOSTILE_NAMES = {
    "../evil.py": "leads out of the hand-in",
    f"{PACKAGE}/../../../evil.py": "leads out of the hand-in",
    "/etc/evil": "not relative to the hand-in",
    "C:/evil.py": "not relative to the hand-in",
    "c:evil.py": "not relative to the hand-in",
    f"{PACKAGE}/evil\n.py": "cannot be shown",
    f"{PACKAGE}/evil\x00.py": "cannot be shown",
    "evil\x1b[2J.py": "cannot be shown",
    "evil\u202eyp.exe": "cannot be shown",
    "x" * 1001: "1,001 characters",
    "a/" * 40 + "x": "in more than 20 folders",
}


def add_to(path, name, data=b"evil", attributes=0):
    """Whatever the name: zipfile itself writes only those that it would read."""
    with zipfile.ZipFile(path, "a") as file:
        info = zipfile.ZipInfo("x")
        info.filename = info.orig_filename = name
        info.external_attr = attributes << 16
        file.writestr(info, data)
    return path


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_costs_that_file_alone(exercise, tmp_path, name):
    path = add_to(make_zip(tmp_path / "in.zip", good()), name)
    found = open_handin(path, exercise, tmp_path / "out")
    assert tree(tmp_path / "out") == good()
    assert [HOSTILE_NAMES[name] in reason for _, reason in found.ignored] == [True]
    assert all(shown.isprintable() for shown, _ in found.ignored)
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip_are_not_taken(exercise, tmp_path, kind):
    path = add_to(make_zip(tmp_path / "in.zip", {"1_tiny.ipynb": NOTEBOOK}), f"{PACKAGE}/loader.py", b"/etc", kind)
    found = open_handin(path, exercise, tmp_path / "out")
    assert found.modules == () and f"{PACKAGE}/loader.py" in found.missing
    assert ("a link" if kind == stat.S_IFLNK else "not a plain file") in found.problems[0]


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (("models/net.json", "models/net.json"), "models/net.json"),
        ((f"{PACKAGE}/Loader.py", f"{PACKAGE}/loader.py"), f"{PACKAGE}/loader.py"),
        ((f"{PACKAGE}/helper.py", f"{PACKAGE}/Helper.py"), f"{PACKAGE}/Helper.py"),
        (("\u00fcbung.txt", "u\u0308bung.txt"), None),
        (("models/net.json", "./models//net.json"), "models/net.json"),
        (("a", "a/b"), None),
        (("A/b", "a"), None),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_clash_on_some_system_cost_at_most_one_of_them(exercise, tmp_path, names, taken):
    path = make_zip(tmp_path / "in.zip", {"1_tiny.ipynb": NOTEBOOK})
    for i, name in enumerate(names):
        add_to(path, name, b'{"%d": 1}' % i)
    found = open_handin(path, exercise, tmp_path / "out")
    assert set(tree(tmp_path / "out")) == {"1_tiny.ipynb"} | ({taken} if taken else set())
    assert found.ignored
    if taken == "models/net.json":
        # As any program that unpacks it leaves it.
        assert tree(tmp_path / "out")[taken] == b'{"1": 1}'
        assert "differs" in found.problems[0]


@pytest.mark.parametrize("same", [True, False])
def test_one_place_reached_by_two_ways_is_taken_where_both_are_equal(exercise, tmp_path, same):
    other = NOTEBOOK if same else NOTEBOOK.replace(b"5", b"4")
    files = good() | {"exercises/ex99_tiny/1_tiny.ipynb": other}
    found = open_handin(make_zip(tmp_path / "in.zip", files), exercise, tmp_path / "out")
    assert ("1_tiny" in found.notebooks) == same
    assert same or "expected 1_tiny.ipynb once, got it as" in found.problems[0]


def test_an_encrypted_zip_is_refused(exercise, tmp_path):
    path = make_zip(tmp_path / "in.zip", good())
    data = bytearray(path.read_bytes())
    for start in (i for i in range(len(data)) if data.startswith(b"PK\x01\x02", i)):
        data[start + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(HandInError, match="without a password"):
        open_handin(path, exercise, tmp_path / "out")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_without_a_bound_on_one_read_are_refused(exercise, tmp_path, method):
    path = make_zip(tmp_path / "in.zip", good(), method)
    with pytest.raises(HandInError, match="not packed in the usual way"):
        open_handin(path, exercise, tmp_path / "out")


@pytest.mark.parametrize("name", ["zeros.txt", f"{PACKAGE}/loader.py"])
def test_a_bomb_in_the_header_is_not_unpacked(exercise, tmp_path, name):
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("1_tiny.ipynb", NOTEBOOK)
        with file.open(name, "w") as target:
            for _ in range(60):
                target.write(bytes(1_000_000))
    found = open_handin(path, exercise, tmp_path / "out")
    assert set(tree(tmp_path / "out")) == {"1_tiny.ipynb"}
    assert "zip bombs are not opened" in dict(found.ignored)[name]


def test_a_bomb_that_lies_about_its_size_gives_at_most_its_limit(exercise, tmp_path):
    path = make_zip(tmp_path / "in.zip", {f"{PACKAGE}/loader.py": b"#" * 20_000_000, "1_tiny.ipynb": NOTEBOOK})
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", data, data.index(mark) + offset, 100)
    path.write_bytes(data)
    with pytest.raises(HandInError, match="damaged"):
        open_handin(path, exercise, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_over_the_limit_is_refused_before_it_is_read(exercise, tmp_path):
    path = tmp_path / "in.zip"
    with path.open("wb") as file:
        file.truncate(handin.MAX_ARCHIVE + 2_000_000)
    with pytest.raises(HandInError, match="expected an archive of at most 101 MB, got 102 MB"):
        open_handin(path, exercise, tmp_path / "out")


def test_a_damaged_entry_is_noticed(exercise, tmp_path):
    path = make_zip(tmp_path / "in.zip", good(), zipfile.ZIP_STORED)
    data = path.read_bytes().replace(b"x = 1\n", b"x = 2\n")
    path.write_bytes(data)
    with pytest.raises(HandInError, match=r"loader\.py is damaged .*: upload the zip again"):
        open_handin(path, exercise, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x05\x06" + bytes(8) + b"\xff" * 10, b"PK\x03\x04" + bytes(40)])
def test_what_is_no_zip_is_refused(exercise, tmp_path, data):
    path = tmp_path / "in.zip"
    path.write_bytes(data)
    with pytest.raises(HandInError, match=r"not a readable zip .* upload it again"):
        open_handin(path, exercise, tmp_path / "out")


def test_a_name_that_is_no_utf8_costs_nothing(exercise, tmp_path):
    path = make_zip(tmp_path / "in.zip", {"\u00fc.txt": b""} | good())
    path.write_bytes(path.read_bytes().replace("\u00fc".encode(), b"\xc3\xc3"))
    found = open_handin(path, exercise, tmp_path / "out")
    assert tree(tmp_path / "out") == good() and len(found.ignored) == 1


def test_paths_of_the_instructor_are_no_fault_of_the_student(exercise, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    path = make_zip(tmp_path / "in.zip", good())
    for source, into in ((tmp_path / "none.zip", tmp_path / "out"), (path, tmp_path / "full")):
        with pytest.raises(CourseError) as caught:
            open_handin(source, exercise, into)
        assert not isinstance(caught.value, HandInError)


def test_a_full_disk_is_no_fault_of_the_student(exercise, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    path = make_zip(tmp_path / "in.zip", good())
    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(CourseError, match="No space left") as caught:
        open_handin(path, exercise, tmp_path / "out")
    assert not isinstance(caught.value, HandInError)


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need POSIX")
def test_links_pipes_and_odd_files_in_a_folder_are_not_followed(exercise, tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("secret")
    root = make_folder(tmp_path / "in", {"1_tiny.ipynb": NOTEBOOK})
    (root / PACKAGE).mkdir(parents=True)
    (root / PACKAGE / "loader.py").symlink_to(secret)
    os.mkfifo(root / PACKAGE / "extra.py")
    (root / "models").symlink_to(tmp_path)
    (root / os.fsdecode(b"odd\xff.txt")).touch()
    found = open_handin(root, exercise, tmp_path / "out")
    assert set(tree(tmp_path / "out")) == {"1_tiny.ipynb"}
    reasons = dict(found.ignored)
    assert "links are not followed" in reasons[f"{PACKAGE}/loader.py"]
    assert reasons[f"{PACKAGE}/extra.py"] == "not a plain file"
    assert len(found.problems) == 3
    assert all(name.isprintable() for name in reasons)


names = st.one_of(
    st.text(max_size=12),
    st.sampled_from([*good(), "../x.py", f"{PACKAGE}/x.py", "models/net.pt", "a/../../b", "/abs", "exercise_code"]),
)


@given(st.lists(st.tuples(names, st.binary(max_size=40)), max_size=6), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_zip_writes_elsewhere_or_raises_anything_else(exercise, tmp_path_factory, files, data):
    room = tmp_path_factory.mktemp("room")
    path, into = room / "in.zip", room / "inner" / "out"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files:
            info = zipfile.ZipInfo("x")
            # A name that cannot be written into a zip at all is no test of reading one.
            info.filename = info.orig_filename = name.encode("utf-8", "ignore").decode()
            info.external_attr = data.draw(st.sampled_from([0, 0o100644 << 16, 0o120777 << 16]))
            file.writestr(info, content)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        found = open_handin(path, exercise, into)
    except HandInError:
        assert not into.exists()
    else:
        written = {p.relative_to(into).as_posix() for p in into.rglob("*") if p.is_file()}
        assert written == set(found.sizes)
    outside = [p for p in room.rglob("*") if p.is_file() and into not in p.parents]
    assert outside == [path]


def test_parameters_are_the_floating_values_buffers_included(tmp_path):
    tensors = {
        "conv.weight": np.zeros((4, 3, 3), np.float32),
        "bn.running_mean": np.zeros(4, np.float16),
        "bn.num_batches_tracked": np.zeros((), np.int64),
    }
    path = tmp_path / "net.safetensors"
    save_file(tensors, path)
    info = inspect_model(path, MODEL)
    assert info.parameters == 40
    assert info.dtypes == ("F16", "F32", "I64")
    assert info.size_mb == path.stat().st_size / 1e6
    assert [(t.name, t.shape) for t in info.tensors][1:] == [
        ("bn.running_mean", (4,)),
        ("conv.weight", (4, 3, 3)),
    ]
    assert info.problems == ()


def test_overdrawn_limits_are_problems(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"w": np.zeros(300_000, np.float32)}, path)
    info = inspect_model(path, MODEL)
    assert "net.safetensors has 300,000 parameters, at most 1,000 are allowed" in info.problems[0]
    assert "1.2 MB, at most 1 MB are allowed" in info.problems[1]
    assert inspect_model(path).problems == ()


@pytest.mark.parametrize(
    ("shapes", "names"),
    [
        ({"layer.weight": (8, 4), "layer.bias": (8,), "counter": ()}, []),
        # Vectors, whatever form they have for broadcasting.
        ({"mean": (1, 3, 1, 1), "std": (3, 1, 1), "one": (1, 1, 1)}, []),
        ({"conv.weight": (4, 3, 3, 3), "layer.weight": (8, 4)}, ["conv.weight", "4 axes", "(4, 3, 3, 3)"]),
        ({"conv.weight": (4, 3, 1, 1)}, ["conv.weight", "4 axes"]),
        ({"conv.weight": (4, 1, 3)}, ["conv.weight", "3 axes"]),
        ({"a": (2, 2, 2), "b": (2, 2, 2)}, ["a in net.safetensors has 3 axes", "(and 1 more)"]),
    ],
)
def test_weights_with_more_axes_than_allowed_are_a_problem(tmp_path, shapes, names):
    path = tmp_path / "net.safetensors"
    save_file({name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, path)
    problems = inspect_model(path, replace(MODEL, max_axes=2)).problems
    assert len(problems) == bool(names)
    assert all(name in problems[0] for name in names)
    assert inspect_model(path, MODEL).problems == ()


def test_weights_hidden_in_integers_are_a_problem(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"w": np.zeros(3, np.float32), "packed": np.zeros(500_000, np.uint8)}, path)
    assert "500,000 values that are not floating" in inspect_model(path).problems[0]


def test_weights_hidden_in_the_header_are_a_problem(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"w": np.zeros(3, np.float32)}, path, metadata={"hidden": "x" * 2_000_000})
    assert "header" in inspect_model(path).problems[0]


def header(table, body=b""):
    text = json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + body


FORGED = {
    "empty": b"",
    "garbage": b"\x00\x01garbage" * 20,
    "pickle": b"\x80\x04\x95\x10",
    "huge header": struct.pack("<Q", 2**60) + b"{}",
    "not json": struct.pack("<Q", 4) + b"nope",
    "longer than the file": header({"w": {"dtype": "F32", "shape": [1000], "data_offsets": [0, 4000]}}, bytes(8)),
    "shape against bytes": header({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
    "overflow": header({"w": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]}}),
    "negative": header({"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
    "odd dtype": header({"w": {"dtype": "PICKLE", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    "bytes of nobody": header({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(400)),
    "no tensors": header({}),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_model_files_are_problems_in_words(tmp_path, case):
    path = tmp_path / "net.safetensors"
    path.write_bytes(FORGED[case])
    info = inspect_model(path, MODEL)
    assert len(info.problems) == 1
    assert "save" in info.problems[0]
    assert info.parameters == 0


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_model_file_raises(tmp_path_factory, data, framed):
    path = tmp_path_factory.mktemp("m") / "net.safetensors"
    path.write_bytes(struct.pack("<Q", len(data)) + data if framed else data)
    assert inspect_model(path).problems


def test_the_versions_that_submit_writes_are_taken_silently(exercise, tmp_path):
    path = make_zip(tmp_path / "a.zip", {**good(), handin.VERSIONS: b'{"python": "3.13.1"}'})
    found = open_handin(path, exercise, tmp_path / "out")
    assert (found.folder / handin.VERSIONS).read_bytes() == b'{"python": "3.13.1"}'
    assert (found.ignored, found.problems, found.missing) == ((), (), ())


def test_versions_alone_are_no_hand_in(exercise, tmp_path):
    with pytest.raises(HandInError, match="got nothing in it"):
        open_handin(make_zip(tmp_path / "a.zip", {handin.VERSIONS: b"{}"}), exercise, tmp_path / "out")
