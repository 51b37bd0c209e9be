"""The cache: whole or not at all, rebuilt when damaged, safe with several processes."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from exercise_code.common.datasets.cache import cached_arrays, image_folder, is_cached
from exercise_code.common.errors import CourseError

ARRAYS = {"images": np.arange(600, dtype=np.uint8).reshape(2, 300), "labels": np.array([3, 4])}


def build():
    return ARRAYS


def never():
    raise AssertionError("built again")


def test_arrays_come_back_from_disk_without_a_second_build(tmp_path):
    first = cached_arrays(tmp_path / "a" / "train", build)
    second = cached_arrays(tmp_path / "a" / "train", never)
    for arrays in (first, second):
        assert {name: (a.dtype, a.shape) for name, a in arrays.items()} == {
            name: (a.dtype, a.shape) for name, a in ARRAYS.items()
        }
        assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)
        assert type(arrays["images"]) is np.ndarray and isinstance(arrays["images"].base, np.memmap)
    assert is_cached(tmp_path / "a" / "train")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["train"], "something was left behind"


def test_changing_an_array_does_not_change_the_cache(tmp_path):
    cached_arrays(tmp_path / "train", build)["images"][:] = 7
    assert np.array_equal(cached_arrays(tmp_path / "train", never)["images"], ARRAYS["images"])


def _cut(path):
    path.write_bytes(path.read_bytes()[:-5])


def _flip(path):
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))


def _garble(path):
    path.write_bytes(b"\x00" * path.stat().st_size)


@pytest.mark.parametrize("name", ["images.npy", "manifest.json"])
@pytest.mark.parametrize("damage", [_cut, _flip, _garble, lambda path: path.unlink()])
def test_a_damaged_entry_is_built_again(tmp_path, name, damage):
    folder = tmp_path / "train"
    cached_arrays(folder, build)
    damage(folder / name)
    builds = []
    arrays = cached_arrays(folder, lambda: builds.append(1) or ARRAYS)
    assert builds or name == "manifest.json", "a damaged array was given out"
    assert np.array_equal(arrays["images"], ARRAYS["images"])
    assert np.array_equal(cached_arrays(folder, never)["labels"], ARRAYS["labels"])


def test_a_pickle_in_the_cache_is_not_loaded(tmp_path):
    folder = tmp_path / "train"
    cached_arrays(folder, build)
    np.save(folder / "images.npy", np.array([{"an": "object"}], dtype=object), allow_pickle=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["images"]["size"] = (folder / "images.npy").stat().st_size
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert np.array_equal(cached_arrays(folder, build)["images"], ARRAYS["images"])


def test_a_build_that_fails_leaves_nothing(tmp_path):
    def fail():
        raise CourseError("no data")

    with pytest.raises(CourseError, match="no data"):
        cached_arrays(tmp_path / "train", fail)
    assert not list(tmp_path.iterdir())


def test_leftovers_of_killed_processes_are_swept_when_old(tmp_path):
    old, young, other = (tmp_path / name for name in (".train-old", ".train-young", ".val-old"))
    for folder in (old, young, other):
        folder.mkdir()
    yesterday = time.time() - 86400
    os.utime(old, (yesterday, yesterday))
    os.utime(other, (yesterday, yesterday))
    cached_arrays(tmp_path / "train", build)
    assert not old.exists() and young.exists() and other.exists()


PROCESS = """
import os, sys, time
from pathlib import Path
import numpy as np
from exercise_code.common.datasets.cache import cached_arrays
root, name = Path(sys.argv[1]), sys.argv[2]
(root / f"ready-{name}").touch()
while len(list(root.glob("ready-*"))) < 3:
    time.sleep(0.001)
for k in range(40):
    arrays = cached_arrays(root / f"entry-{k}" / "train", lambda: {"x": np.full(2000, k), "y": np.arange(5)})
    assert arrays["x"].tolist() == [k] * 2000 and arrays["y"].tolist() == list(range(5))
    if name == "1" and k % 3 == 0:
        # Replaced, not cut in place: that would take the pages away from those who are reading.
        (root / "broken").write_bytes(b"broken")
        try:
            os.replace(root / "broken", root / f"entry-{k}" / "train" / "x.npy")
        except FileNotFoundError:
            pass
"""


def test_processes_that_write_and_damage_the_same_entries_all_read_right_values(tmp_path):
    children = [subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path), str(k)]) for k in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert not list(tmp_path.glob("*/.*")), "a temporary folder was left behind"


def _pictures():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, size=(7, 8, 8, 3), dtype=np.uint8), np.array([0, 1, 1, 0, 0, 1, 0])


def test_image_folder_holds_the_pictures_of_each_class_in_order(tmp_path):
    from PIL import Image

    images, labels = _pictures()
    root = image_folder(tmp_path / "png", ("cat", "dog"), images, labels)
    assert sorted(path.name for path in root.iterdir()) == ["cat", "dog"]
    for label, name in enumerate(("cat", "dog")):
        files = sorted((root / name).iterdir())
        assert [file.name for file in files] == [f"{k:04d}.png" for k in range((labels == label).sum())]
        for file, image in zip(files, images[labels == label], strict=True):
            with Image.open(file) as stored:
                assert stored.mode == "RGB" and np.array_equal(np.asarray(stored), image)


@pytest.mark.parametrize("harm", ["delete", "cut", "folder", "add", "hidden"])
def test_a_damaged_image_folder_is_written_again(tmp_path, harm):
    images, labels = _pictures()
    root = image_folder(tmp_path / "png", ("cat", "dog"), images, labels)
    whole = {path: path.read_bytes() for path in root.rglob("*.png")}
    victim = root / "cat" / "0001.png"
    match harm:
        case "delete":
            victim.unlink()
        case "cut":
            _cut(victim)
        case "folder":
            (root / "dog").rename(root / "hound")
        case "add":
            (root / "cat" / "9999.png").write_bytes(b"")
        case _:
            (root / "cat" / ".DS_Store").touch()
            (root / ".ipynb_checkpoints").mkdir()
    stamp = (root / "cat" / "0000.png").stat().st_ino
    again = image_folder(tmp_path / "png", ("cat", "dog"), images, labels)
    assert {path: path.read_bytes() for path in again.rglob("*.png")} == whole
    rewritten = (root / "cat" / "0000.png").stat().st_ino != stamp
    assert rewritten == (harm != "hidden")
