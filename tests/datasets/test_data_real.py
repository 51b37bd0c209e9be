"""Reviews, digits and scenes from their real files, where `DATASETS_MIRROR` names a folder that holds them."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from exercise_code.common.data import load_dataset

FILES = ("aclImdb_v1_train.tar.gz", "mnist/train-images-idx3-ubyte.gz", "segmentation_data.zip")


@pytest.fixture
def real(tmp_path_factory, monkeypatch):
    """The real files' mirror, and a data folder that the tests below share."""
    mirror = os.environ.get("DATASETS_MIRROR", "")
    if missing := [name for name in FILES if not (Path(mirror) / name).is_file()]:
        pytest.skip(f"DATASETS_MIRROR names no folder with {missing[0]}")
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path_factory.getbasetemp() / "real-data"))
    monkeypatch.delenv("DATASETS_SOURCE", raising=False)


def test_reviews(real):
    train, val = load_dataset("imdb", "train"), load_dataset("imdb", "val", "real")
    assert (train.source, train.variant, len(train), len(val)) == ("real", "train-only", 20_000, 5_000)
    for reviews in (train, val):
        assert reviews.labels.mean() == 0.5
        assert all(text.strip() for text in reviews.texts)
    assert 1000 < np.mean(train.lengths) < 1600
    # About one review in a hundred stands in the set twice.
    assert len(set(val.texts) & set(train.texts)) < 100
    praise, blame = (sum("excellent" in text for text, label in train if label == side) for side in (1, 0))
    assert praise > 2 * blame


def test_digits(real):
    splits = {split: load_dataset("mnist", split) for split in ("train", "val", "test")}
    assert [len(digits) for digits in splits.values()] == [59_900, 100, 10_000]
    assert [digits.num_labelled for digits in splits.values()] == [100, 100, 10_000]
    assert splits["test"].labels[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]
    for digits in splits.values():
        assert 25 < digits.images.mean() < 45 and digits.images.shape[1:] == (28, 28)
    labelled = {image.tobytes() for image in splits["train"].images[:100]}
    assert not labelled & {image.tobytes() for image in splits["val"].images}


def test_scenes(real):
    train, val = load_dataset("segmentation", "train"), load_dataset("segmentation", "val")
    assert (len(train), len(val)) == (276, 59)
    for scenes in (train, val):
        assert scenes.images.shape[1:] == (240, 240, 3) and scenes.labels.shape[1:] == (240, 240)
        assert 0.25 < (scenes.labels == -1).mean() < 0.4
    blue = {name: train.images[train.labels == train.classes.index(name)].mean(axis=0)[2] for name in ("sky", "grass")}
    assert blue["sky"] > 1.5 * blue["grass"]


@pytest.mark.parametrize("name", ["imdb", "mnist", "segmentation"])
def test_the_second_load_takes_under_a_second(real, name):
    load_dataset(name, "train")
    begin = time.perf_counter()
    load_dataset(name, "train")
    assert time.perf_counter() - begin < 1
