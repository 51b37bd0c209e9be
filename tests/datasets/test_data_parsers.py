"""Parsers: right arrays from right files, one clear line from anything else, and no code run from data."""

import io
import pickle
import stat
import tarfile
import zipfile
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from exercise_code.common.archives.unpack import open_tar, open_zip
from exercise_code.common.datasets.facial_keypoints import parse_keypoints
from exercise_code.common.datasets.generators.classes import OBJECT_CLASSES
from exercise_code.common.datasets.generators.heads import KEYPOINT_COLUMNS
from exercise_code.common.datasets.housing import HousingSet
from exercise_code.common.datasets.known import DATASETS
from exercise_code.common.errors import CourseError
from exercise_code.common.progress import silent

PARSERS = {name: parse for dataset in DATASETS.values() for name, parse in dataset.parsers.items()}
HEADER = ",".join([*KEYPOINT_COLUMNS, "Image"])
PIXELS = " ".join(str(k % 256) for k in range(9216))


def csv_row(points, pixels=PIXELS):
    return ",".join([*(repr(float(p)) if p is not None else "" for p in points), pixels])


def csv_bytes(*rows, header=HEADER):
    return "\n".join([header, *rows, ""]).encode()


def parse(data):
    return parse_keypoints(io.BytesIO(data), "training.csv", silent)


coordinates = hnp.arrays(np.float32, (30,), elements=st.floats(-10, 110, width=32))
pictures = hnp.arrays(np.uint8, (9216,), fill=st.integers(0, 255))


@settings(max_examples=20, deadline=None)
@given(rows=st.lists(st.tuples(coordinates, pictures), min_size=1, max_size=3), crlf=st.booleans())
def test_csv_gives_back_what_was_written(rows, crlf):
    data = csv_bytes(*(csv_row(points, " ".join(map(str, pixels))) for points, pixels in rows))
    arrays = parse(data.replace(b"\n", b"\r\n") if crlf else data)
    assert arrays["images"].dtype == np.uint8 and arrays["images"].shape == (len(rows), 1, 96, 96)
    assert arrays["keypoints"].dtype == np.float32 and arrays["keypoints"].shape == (len(rows), 30)
    for k, (points, pixels) in enumerate(rows):
        np.testing.assert_array_equal(arrays["keypoints"][k], points)
        np.testing.assert_array_equal(arrays["images"][k], pixels.reshape(1, 96, 96))


@settings(max_examples=20, deadline=None)
@given(missing=st.lists(st.integers(0, 30), max_size=6).flatmap(lambda rows: st.permutations([30, *rows])))
def test_rows_with_missing_points_are_dropped(missing):
    points = list(range(30))
    rows = [csv_row([None if k == hole else p for k, p in enumerate(points)]) for hole in missing]
    arrays = parse(csv_bytes(*rows, csv_row([*points[:5], float("nan"), *points[6:]])))
    assert len(arrays["keypoints"]) == len(arrays["images"]) == missing.count(30)
    np.testing.assert_array_equal(arrays["keypoints"][0], points)


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(31)))
def test_columns_are_found_by_name(order):
    names = [*KEYPOINT_COLUMNS, "Image"]
    values = [*(str(k + 0.5) for k in range(30)), PIXELS]
    data = csv_bytes(",".join(values[k] for k in order), header=",".join(names[k] for k in order))
    np.testing.assert_array_equal(parse(data)["keypoints"], [[k + 0.5 for k in range(30)]])


POINTS = [1.0] * 30


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "did not find Image"),
        (b"\xff\xfe\n", "expected plain text in line 1"),
        (csv_bytes(), "expected rows with all 15 points"),
        (csv_bytes(csv_row([None] * 30)), "expected rows with all 15 points"),
        (csv_bytes(header=HEADER.replace("nose_tip_x", "nose")), "did not find nose_tip_x"),
        (csv_bytes(csv_row(POINTS[:29])), "expected 31 fields in line 2 of training.csv, got 30"),
        (csv_bytes(csv_row(POINTS), csv_row(POINTS, "1 2 3")), "9,216 grey values in line 3 of training.csv, got 3"),
        (csv_bytes(csv_row(POINTS, PIXELS + " 0")), "got 9,217"),
        (
            csv_bytes(csv_row(POINTS, PIXELS.replace("255", "256"))),
            "from 0 to 255 in line 2 of training.csv, got 0 to 256",
        ),
        (csv_bytes(csv_row(POINTS, PIXELS.replace("255", "-1"))), "got -1 to 254"),
        (csv_bytes(csv_row(POINTS, "x" + PIXELS)), "separated by spaces"),
        (csv_bytes(csv_row(POINTS).replace("1.0", "one", 1)), "expected numbers"),
        (csv_bytes(csv_row([float("inf"), *POINTS[1:]])), "expected finite coordinates"),
        (csv_bytes(csv_row(POINTS))[:-20000], "grey values"),
    ],
)
def test_a_damaged_csv_is_one_clear_line(data, words):
    with pytest.raises(CourseError, match=words) as caught:
        parse(data)
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: HEADER.encode() + b"\n" + tail))
@example(data=HEADER.encode() + b"\n" + b"," * 30)
def test_no_bytes_make_the_csv_parser_fail_in_another_way(data):
    with pytest.raises(CourseError):
        parse(data)


def zip_file(path, members, links=()):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
        for name, target in links:
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
    return path


def test_sample_zip_has_train_and_val(tmp_path):
    members = [
        (name, csv_bytes(*(csv_row([k + base] * 30) for k in range(n))))
        for name, base, n in (("training.csv", 0, 3), ("val.csv", 50, 2))
    ]
    path = zip_file(tmp_path / "faces.zip", members)
    assert PARSERS["keypoints_csv"](path, "train", silent)["keypoints"][:, 0].tolist() == [0, 1, 2]
    assert PARSERS["keypoints_csv"](path, "val", silent)["keypoints"][:, 0].tolist() == [50, 51]


@pytest.mark.parametrize("form", ["csv", "zip", "zip in zip"])
def test_kaggles_own_file_is_split_into_train_and_val(tmp_path, form):
    data = csv_bytes(*(csv_row([k] * 30) for k in range(11)))
    path = tmp_path / ("training.csv" if form == "csv" else "all.zip")
    if form == "csv":
        path.write_bytes(data)
    elif form == "zip":
        zip_file(path, [("training.csv", data)])
    else:
        inner = zip_file(tmp_path / "inner.zip", [("training.csv", data)]).read_bytes()
        zip_file(path, [("test.zip", b""), ("training.zip", inner)])
    parts = [PARSERS["kaggle_csv"](path, split, silent)["keypoints"][:, 0].tolist() for split in ("train", "val")]
    assert parts == [[0, 1, 2, 3, 5, 6, 7, 8, 10], [4, 9]]


def test_a_zip_without_the_csv_is_one_clear_line(tmp_path):
    path = zip_file(tmp_path / "faces.zip", [("readme.txt", b"")])
    with pytest.raises(CourseError, match=r"expected training\.csv in faces\.zip, got readme\.txt"):
        PARSERS["keypoints_csv"](path, "train", silent)


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def cifar_members(per_class=12):
    return [
        (f"cifar10/{name}/{k:04d}.png", png(np.full((32, 32, 3), 10 * label + k, dtype=np.uint8)))
        for label, name in enumerate(OBJECT_CLASSES)
        for k in range(per_class)
    ]


def test_cifar_folders_are_split_without_overlap(tmp_path):
    path = zip_file(tmp_path / "cifar10.zip", reversed(cifar_members()))
    splits = {split: PARSERS["cifar10_folders"](path, split, silent) for split in ("train", "val", "test")}
    seen = set()
    for split, arrays in splits.items():
        per_class = 8 if split == "train" else 2
        assert arrays["images"].shape == (10 * per_class, 32, 32, 3) and arrays["images"].dtype == np.uint8
        assert arrays["labels"].dtype == np.int64
        assert np.bincount(arrays["labels"]).tolist() == [per_class] * 10
        for image, label in zip(arrays["images"], arrays["labels"], strict=True):
            value = int(image[0, 0, 0])
            assert 10 * label <= value < 10 * label + 12
            seen.add((int(label), value - 10 * int(label)))
    assert len(seen) == 120


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no picture", "no readable PNG"),
        (png(np.zeros((32, 32, 3), np.uint8))[:60], "no readable PNG"),
        (png(np.zeros((9, 9, 3), np.uint8)), "expected 32x32 pictures"),
        (b"\x00" * 200_000, "at most 100,000 bytes"),
    ],
)
def test_a_bad_picture_is_one_clear_line(tmp_path, content, words):
    members = cifar_members()
    members[0] = (members[0][0], content)
    path = zip_file(tmp_path / "cifar10.zip", members)
    with pytest.raises(CourseError, match=words):
        PARSERS["cifar10_folders"](path, "train", silent)


def test_a_missing_class_is_one_clear_line(tmp_path):
    members = [member for member in cifar_members() if "/frog/" not in member[0]]
    with pytest.raises(CourseError, match=r"folder frog of PNG files in cifar10\.zip, got 0"):
        PARSERS["cifar10_folders"](zip_file(tmp_path / "cifar10.zip", members), "val", silent)


class Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings: this is what the archive of the homepage holds."""

    def save_string(self, value):
        self.write(pickle.BINSTRING + len(value).to_bytes(4, "little") + value)
        self.memoize(value)

    dispatch: ClassVar = {**pickle._Pickler.dispatch, bytes: save_string}


def python2_pickle(value):
    buffer = io.BytesIO()
    Python2Pickler(buffer, protocol=2).dump(value)
    return buffer.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


UPSTREAM = (b"airplane", b"automobile", b"bird", b"cat", b"deer", b"dog", b"frog", b"horse", b"ship", b"truck")


def upstream_batches():
    rng = np.random.default_rng(5)
    batches = {"batches.meta": python2_pickle({b"label_names": list(UPSTREAM)})}
    for k, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        data = rng.integers(0, 256, size=(3, 3072), dtype=np.uint8)
        batches[name] = python2_pickle({b"data": data, b"labels": [k, k + 1, k + 2], b"filenames": [b"a.png"] * 3})
    return batches


def tar_file(path, members, kind=tarfile.REGTYPE):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(data), kind, "/etc/passwd"
            archive.addfile(info, io.BytesIO(data))
    return path


def test_upstream_archive_gives_pictures_with_channels_last(tmp_path):
    batches = upstream_batches()
    path = tar_file(tmp_path / "cifar.tar.gz", {f"cifar-10-batches-py/{k}": v for k, v in batches.items()})
    splits = {split: PARSERS["cifar10_pickles"](path, split, silent) for split in ("train", "val", "test")}
    assert [len(arrays["images"]) for arrays in splits.values()] == [12, 3, 3]
    assert splits["val"]["labels"].tolist() == [4, 5, 6] and splits["test"]["labels"].tolist() == [5, 6, 7]
    assert splits["train"]["labels"].dtype == np.int64
    flat = np.random.default_rng(5).integers(0, 256, size=(3, 3072), dtype=np.uint8)
    # Upstream: the red plane row by row, then green, then blue.
    assert splits["train"]["images"][1, 2, 3].tolist() == [flat[1, 2 * 32 + 3 + 1024 * channel] for channel in range(3)]


class Evil:
    def __reduce__(self):
        import os

        return os.mkdir, ("pwned",)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data_batch_1", pickle.dumps({b"data": Evil()}), "mkdir is not allowed"),
        ("data_batch_1", b"", "no pickle of arrays"),
        ("data_batch_1", pickle.dumps([1, 2]), "expected a dictionary"),
        ("data_batch_1", python2_pickle({b"data": np.zeros((3, 5), np.uint8), b"labels": [0, 0, 0]}), "uint8 pixels"),
        ("data_batch_1", python2_pickle({b"data": np.zeros((3, 3072)), b"labels": [0, 0, 0]}), "uint8 pixels"),
        ("data_batch_1", python2_pickle({b"labels": [0, 0, 0]}), "uint8 pixels"),
        ("batches.meta", python2_pickle({b"label_names": [b"apple"]}), "ten class names"),
        ("data_batch_2", None, "expected data_batch_2"),
    ],
)
def test_a_bad_upstream_archive_is_one_clear_line_and_runs_nothing(tmp_path, monkeypatch, name, content, words):
    monkeypatch.chdir(tmp_path)
    batches = upstream_batches()
    batches[name] = content
    members = {f"cifar-10-batches-py/{k}": v for k, v in batches.items() if v is not None}
    with pytest.raises(CourseError, match=words):
        PARSERS["cifar10_pickles"](tar_file(tmp_path / "cifar.tar.gz", members), "train", silent)
    assert not (tmp_path / "pwned").exists()


BAD_NAMES = ["../up.csv", "a/../../up.csv", "/etc/passwd", "C:/x", "..\\up.csv", "\\\\host\\share"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_lead_out_are_refused(tmp_path, name):
    path = zip_file(tmp_path / "a.zip", [(name, b"x"), ("training.csv", b"x")])
    with pytest.raises(CourseError, match="leads out of the archive"), open_zip(path):
        pass
    tar = tar_file(tmp_path / "a.tar.gz", {name: b"x"})
    with pytest.raises(CourseError, match="leads out of the archive"), open_tar(tar) as files:
        list(files)


def test_links_and_bombs_are_refused(tmp_path):
    link = zip_file(tmp_path / "link.zip", [], links=[("training.csv", "/etc/passwd")])
    with pytest.raises(CourseError, match="a link or a device"), open_zip(link):
        pass
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
        tar = tar_file(tmp_path / "link.tar.gz", {"data_batch_1": b""}, kind)
        with pytest.raises(CourseError, match="a link or a device"), open_tar(tar) as files:
            list(files)
    bomb = zip_file(tmp_path / "bomb.zip", [("training.csv", b"0" * 30_000_000)])
    with pytest.raises(CourseError, match="a zip bomb"), open_zip(bomb):
        pass


def test_a_large_but_honest_zip_is_read(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, size=300_000, dtype=np.uint8).tobytes()
    path = zip_file(tmp_path / "a.zip", [("folder/", b""), ("folder/a.bin", noise)])
    with open_zip(path) as archive:
        assert archive.read("folder/a.bin") == noise


def read_zip(path):
    with open_zip(path) as archive:
        return archive.read("x")


def read_tar(path):
    with open_tar(path) as files:
        return [stream.read() for _, stream in files]


@pytest.mark.parametrize("keep", [0, 10, 5000])
@pytest.mark.parametrize("read", [read_zip, read_tar])
def test_a_cut_archive_is_one_clear_line(tmp_path, read, keep):
    noise = np.random.default_rng(0).integers(0, 256, size=20_000, dtype=np.uint8).tobytes()
    path = tmp_path / "archive"
    (zip_file(path, [("x", noise)]) if read is read_zip else tar_file(path, {"x": noise}))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CourseError, match="archive is damaged"):
        read(path)


HOUSE_COLUMNS = ["Id", *reversed(HousingSet.columns), "Street", "SalePrice"]


def houses(path, rows, header=HOUSE_COLUMNS, end="\n"):
    """A file in the form of Kaggle's house prices, with its columns in another order."""
    path.write_bytes(end.join([",".join(header), *(",".join(map(str, row)) for row in rows), ""]).encode())
    return path


def house(number, **known):
    row = dict.fromkeys(HOUSE_COLUMNS, "NA") | {"Id": number, "Street": '"Pave, wide"', "SalePrice": 1000 + number}
    return list((row | known).values())


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_houses_are_split_without_overlap_and_columns_are_found_by_name(tmp_path, end):
    path = houses(tmp_path / "train.csv", [house(i, LotArea=i, GarageArea=7 * i) for i in range(12)], end=end)
    splits = {split: PARSERS["housing_csv"](path, split, silent) for split in ("train", "val", "test")}
    assert {split: (arrays["prices"] - 1000).tolist() for split, arrays in splits.items()} == {
        "train": [2, 3, 4, 7, 8, 9],
        "val": [0, 5, 10],
        "test": [1, 6, 11],
    }
    features = splits["val"]["features"]
    assert features.dtype == np.float32 and features.shape == (3, 17)
    lot, garage = (HousingSet.columns.index(name) for name in ("LotArea", "GarageArea"))
    np.testing.assert_array_equal(features[:, [lot, garage]], [[0, 0], [5, 35], [10, 70]])
    assert np.isnan(np.delete(features, [lot, garage], axis=1)).all()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (house(9, SalePrice="NA"), "expected a price in line 7 of train.csv, got 'NA'"),
        (house(9, SalePrice=-1), "expected a price"),
        (house(9, LotArea="large"), "expected numbers in line 7 of train.csv, got 'large'"),
        (house(9, LotArea="1e39"), "expected numbers"),
        (house(9, LotArea="nan"), "expected numbers"),
        (house(9)[:-1], "expected 20 fields in line 7 of train.csv, got 19"),
        (["x" * 20_000], "expected 20 fields"),
    ],
)
def test_a_damaged_file_of_houses_is_one_clear_line(tmp_path, row, words):
    path = houses(tmp_path / "train.csv", [*(house(i) for i in range(5)), row])
    with pytest.raises(CourseError, match=words) as caught:
        PARSERS["housing_csv"](path, "train", silent)
    assert "\n" not in str(caught.value)


def test_a_file_of_houses_without_a_column_or_without_rows_is_one_clear_line(tmp_path):
    with pytest.raises(CourseError, match="did not find SalePrice: use"):
        PARSERS["housing_csv"](houses(tmp_path / "test.csv", [], HOUSE_COLUMNS[:-1]), "train", silent)
    with pytest.raises(CourseError, match="expected at least 5 houses"):
        PARSERS["housing_csv"](houses(tmp_path / "train.csv", [house(1)]), "train", silent)


@settings(max_examples=60, deadline=None)
@given(tail=st.binary(max_size=300))
def test_no_bytes_make_the_parser_of_houses_fail_in_another_way(tmp_path_factory, tail):
    path = tmp_path_factory.mktemp("houses") / "train.csv"
    for head in (b"", ",".join(HOUSE_COLUMNS).encode() + b"\n"):
        path.write_bytes(head + tail)
        with pytest.raises(CourseError):
            PARSERS["housing_csv"](path, "train", silent)
