"""MNIST: the parser of its idx files, the files that lie beside others, and the drawn digits in its form."""

import gzip
import hashlib
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from test_data_download import Course, Server

from exercise_code.common.data import load_dataset, main
from exercise_code.common.datasets.generators.handwriting.digits import draw_digit, make_digits
from exercise_code.common.datasets.generators.sampling import sample_generator
from exercise_code.common.datasets.mnist import DATASET, NO_LABEL, DigitSet
from exercise_code.common.datasets.registry import Variant, read_registry
from exercise_code.common.errors import CourseError
from exercise_code.common.progress import silent

parse = DATASET.parsers["mnist_idx"]
seeds = st.integers(0, 2**128)
few = settings(max_examples=15, deadline=None)


def idx(array, magic=None):
    """The bytes of an idx file."""
    head = magic or (0x800 | array.ndim)
    return struct.pack(f">{1 + array.ndim}I", head, *array.shape) + array.tobytes()


def write(folder, images, labels, name="train"):
    """Two packed files; `images` and `labels` are arrays, or the bytes of the files before they are packed."""
    path = folder / f"{name}-images-idx3-ubyte.gz"
    for place, content in ((path, images), (folder / f"{name}-labels-idx1-ubyte.gz", labels)):
        data = content if isinstance(content, bytes) else idx(content)
        place.write_bytes(gzip.compress(data, compresslevel=1))
    return path


def digits(n=300, seed=0):
    """Pictures whose first pixels say their number, and labels in random order."""
    images = np.zeros((n, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(n) // 256, np.arange(n) % 256
    return images, np.random.default_rng(seed).permutation(np.arange(n) % 10).astype(np.uint8)


def numbers(images):
    return images[:, 0, 0].astype(int) * 256 + images[:, 0, 1]


def test_a_hundred_keep_their_label_and_no_picture_is_in_two_splits(tmp_path):
    images, labels = digits(500)
    path = write(tmp_path, images, labels)
    train, val = parse(path, "train", silent), parse(path, "val", silent)
    assert train["labels"].dtype == val["labels"].dtype == np.int64 and train["images"].dtype == np.uint8
    assert (train["labels"][100:] == NO_LABEL).all() and len(train["labels"]) == 400
    for labelled, pictures in ((train["labels"][:100], train["images"][:100]), (val["labels"], val["images"])):
        assert np.bincount(labelled).tolist() == [10] * 10
        np.testing.assert_array_equal(labelled, labels[numbers(pictures)])
        assert (np.diff(labelled) < 0).any(), "sorted by digit"
    seen = [*numbers(train["images"]), *numbers(val["images"])]
    assert sorted(seen) == list(range(500))
    again = parse(path, "train", silent)
    np.testing.assert_array_equal(again["images"], train["images"])


def test_the_test_files_keep_all_labels_and_their_order(tmp_path):
    images, labels = digits(30)
    arrays = parse(write(tmp_path, images, labels, "t10k"), "test", silent)
    np.testing.assert_array_equal(arrays["images"], images)
    np.testing.assert_array_equal(arrays["labels"], labels)


IMAGES, LABELS = digits()


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (idx(IMAGES, magic=0x801), LABELS, "begins with 0x00000803 in train-images.*, got 0x00000801"),
        (IMAGES, idx(LABELS, magic=0xD01), "begins with 0x00000801 in train-labels"),
        (IMAGES, IMAGES, "begins with 0x00000801 in train-labels"),
        (idx(IMAGES)[:-5], LABELS, "expected 235,200 bytes after its sizes in train-images.*, got 235,195"),
        (idx(IMAGES) + b"\0", LABELS, "got 235,201"),
        (struct.pack(">4I", 0x803, 2**32 - 1, 2**32 - 1, 2**32 - 1), LABELS, "after its sizes"),
        (IMAGES[:, :27], LABELS, "expected pictures of 28x28 in .*, got 27x28"),
        (IMAGES[:-1], LABELS, "expected 300 pictures, as many as labels, in .*, got 299"),
        (IMAGES, np.where(LABELS == 3, 10, LABELS).astype(np.uint8), "labels from 0 to 9 in .*, got 10"),
        (IMAGES, np.where(LABELS == 3, 4, LABELS).astype(np.uint8), "20 pictures of each digit in .*, got 0 of 3"),
        (IMAGES[:0], LABELS[:0], "20 pictures of each digit"),
        (b"", LABELS, "got 0x00000000"),
        (bytes(101_000_000), LABELS, "at most 100,000,000 bytes"),
    ],
)
def test_bad_files_are_one_clear_line(tmp_path, images, labels, words):
    with pytest.raises(CourseError, match=words) as caught:
        parse(write(tmp_path, images, labels), "train", silent)
    assert "\n" not in str(caught.value)


def test_a_missing_or_cut_file_is_one_clear_line(tmp_path):
    path = write(tmp_path, IMAGES, LABELS)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-4] + b"0000", b"no gzip", b""):
        path.write_bytes(damaged)
        with pytest.raises(CourseError, match=r"damaged|got 0x00000000"):
            parse(path, "train", silent)
    path.write_bytes(whole)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(CourseError, match=r"expected train-labels-idx1-ubyte.gz in .*, found none"):
        parse(path, "val", silent)


@settings(max_examples=60, deadline=None)
@given(head=st.sampled_from([b"", struct.pack(">I", 0x803), struct.pack(">4I", 0x803, 1, 28, 28)]), tail=st.binary())
@example(head=struct.pack(">I", 0x803), tail=b"\x8b\x00\x00\x00\xec")
def test_no_bytes_make_the_parser_fail_in_another_way(tmp_path_factory, head, tail):
    folder = tmp_path_factory.mktemp("idx")
    path = write(folder, head + tail, LABELS)
    for data in (path.read_bytes(), head + tail):
        path.write_bytes(data)
        with pytest.raises(CourseError) as caught:
            parse(path, "train", silent)
        assert "\n" not in str(caught.value)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def course(tmp_path, monkeypatch, server):
    """Pictures and, beside them, labels on the server."""
    path = write(tmp_path, IMAGES, LABELS)
    parts = []
    for name in ("train-labels-idx1-ubyte.gz", path.name):
        data = (tmp_path / name).read_bytes()
        server.files[f"/mnist/{name}"] = data
        facts = {"hash": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data), "file": f"mnist/{name}"}
        url = f"{server.url}/mnist/{name}"
        splits = ("train", "val")
        parts.append(Variant("mnist", "all", splits=splits, parser="mnist_idx", url=url, beside=tuple(parts), **facts))
    return Course(monkeypatch, tmp_path / "data", parts[-1])


def test_all_files_of_a_variant_are_downloaded(course, server):
    assert len(load_dataset("mnist", "train", "real")) == 200
    assert len(server.requests) == 2
    assert load_dataset("mnist", "val").source == "real" and len(server.requests) == 2


def test_a_mirror_offers_all_of_them_or_none(course, server, monkeypatch):
    monkeypatch.setenv("DATASETS_MIRROR", server.url)
    del server.files["/mnist/train-labels-idx1-ubyte.gz"]
    with pytest.raises(CourseError, match=r"train-labels-idx1-ubyte.gz: the server answers 404"):
        load_dataset("mnist", "train", "real")
    assert load_dataset("mnist", "train").source == "embedded"


def test_auto_never_downloads_another_split(course, server, capsys):
    """Where one split is on disk, another would have to be fetched: that is said, and left to the student."""
    variant = course.variant
    test = replace(variant, name="test", file="mnist/test", splits=("test",), url=f"{server.url}/test", beside=())
    course.register(variant, test)
    load_dataset("mnist", "train", "real")
    fetched = len(server.requests)
    with pytest.raises(CourseError, match=r'without its test split: source="real" downloads it'):
        load_dataset("mnist", "test")
    capsys.readouterr()
    assert main(["mnist"]) == 0
    assert "train" in (table := capsys.readouterr().out) and " test " not in table
    assert len(server.requests) == fetched
    with pytest.raises(CourseError, match="the server answers 404"):
        load_dataset("mnist", "test", "real")


def test_a_damaged_file_beside_is_noticed(course, server):
    load_dataset("mnist", "train", "real")
    labels = course.folder / "mnist" / "train-labels-idx1-ubyte.gz"
    data = labels.read_bytes()
    labels.write_bytes(data[:-8] + bytes(8))
    with pytest.raises(CourseError, match=r"expected train-labels-idx1-ubyte.gz with sha256"):
        load_dataset("mnist", "val", "real")


def test_files_beside_lie_in_the_same_folder(tmp_path):
    table = '[a]\ntitle=""\nlicence=""\ncitation=""\nhomepage=""\n[[a.variants]]\nname="x"\nfile="b/x"\nsplits=[]\n'
    (tmp_path / "registry.toml").write_text(f'{table}[[a.variants.beside]]\nfile="b/y"\n')
    (variant,) = read_registry(tmp_path / "registry.toml")["a"].variants
    assert [part.file for part in variant.parts] == ["b/x", "b/y"]
    (tmp_path / "registry.toml").write_text(f'{table}[[a.variants.beside]]\nfile="c/y"\n')
    with pytest.raises(CourseError, match="no readable registry"):
        read_registry(tmp_path / "registry.toml")


@few
@given(seed=seeds, n=st.integers(0, 12), start=st.integers(0, 25))
def test_drawn_digits_have_mnists_form(seed, n, start):
    images, labels = make_digits(n, seed, start)
    assert images.shape == (n, 28, 28) and images.dtype == np.uint8
    assert labels.shape == (n,) and labels.dtype == np.int64
    for i in range(n):
        drawn = draw_digit(int(labels[i]), sample_generator(seed, start + i))
        np.testing.assert_array_equal(images[i], drawn)
        assert drawn.max() > 120 and np.median(drawn) < 30, "white ink on a black ground"
        border = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
        assert (border > 100).mean() < 0.1, "cut off"


def test_a_hundred_embedded_digits_have_a_label():
    train, val = load_dataset("mnist", "train", "embedded"), load_dataset("mnist", "val", "embedded")
    assert isinstance(train, DigitSet) and (train.num_labelled, val.num_labelled, len(val)) == (100, 100, 100)
    for labels in (train.labels[:100], val.labels):
        assert np.bincount(labels).tolist() == [10] * 10
    assert set(train.labels[100:]) == {NO_LABEL}
    picture, label = train[7]
    assert np.array_equal(picture, make_digits(8, seed=1)[0][7]) and label == train.labels[7]
    assert load_dataset("mnist", "test", "embedded").num_labelled == 1000


def test_drawn_digits_are_neither_trivial_nor_hopeless():
    """A linear model that has seen a hundred: measured 0.73; a small convolutional one: 0.79, as on MNIST itself."""
    (x, y), (v, w) = make_digits(100, seed=1), make_digits(600, seed=3)
    model = LogisticRegression(C=0.1, max_iter=300).fit(x.reshape(100, -1) / 255, y)
    assert 0.6 < model.score(v.reshape(600, -1) / 255, w) < 0.8
