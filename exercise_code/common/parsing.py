"""Parsers: one file of a real data set, and the name of a split, to arrays."""

import csv
import io
import math
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from exercise_code.common.embedded.heads import FACE_SIZE, KEYPOINT_COLUMNS
from exercise_code.common.embedded.objects import OBJECT_CLASSES, OBJECT_SIZE
from exercise_code.common.errors import CourseError
from exercise_code.common.progress import Report
from exercise_code.common.unpack import open_tar, open_zip, read_member

__all__ = ["PARSERS", "PARSER_VERSION", "Arrays", "parse_keypoints"]

Arrays = Mapping[str, npt.NDArray[Any]]
Parser = Callable[[Path, str, Report], Arrays]

# Part of every cache's name: raise it when a parser gives other arrays for the same file.
PARSER_VERSION = 1

_MAX_ROW = 400_000
_MAX_PNG = 100_000
_UPSTREAM_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_UPSTREAM_BATCHES = {
    "train": ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4"),
    "val": ("data_batch_5",),
    "test": ("test_batch",),
}


def parse_keypoints(stream: IO[bytes], name: str, report: Report) -> Arrays:
    """Images uint8 (N, 1, 96, 96) and keypoints float32 (N, 30) of Kaggle's csv; rows with missing points are dropped.

    Columns are found by their names, in whatever order they stand.
    """
    header = next(csv.reader([_text(stream.readline(_MAX_ROW), name, 1)]), [])
    missing = sorted({*KEYPOINT_COLUMNS, "Image"} - set(header))
    if missing:
        raise CourseError(
            f"expected the 30 coordinate columns and Image in {name}, did not find {', '.join(missing[:3])}: "
            "use the csv of the competition as it came"
        )
    order = [header.index(column) for column in KEYPOINT_COLUMNS]
    picture = header.index("Image")
    images: list[npt.NDArray[np.uint8]] = []
    keypoints: list[npt.NDArray[np.float32]] = []
    for number, line in enumerate(iter(lambda: stream.readline(_MAX_ROW), b""), start=2):
        report(len(line))
        if not line.strip():
            continue
        fields = _text(line, name, number).rstrip("\r\n").split(",")
        if len(fields) != len(header):
            raise CourseError(_bad_row(name, number, f"{len(header)} fields", f"{len(fields)}"))
        point = _coordinates([fields[k] for k in order], name, number)
        if point is not None:
            keypoints.append(point)
            images.append(_pixels(fields[picture], name, number))
    if not images:
        raise CourseError(f"expected rows with all 15 points in {name}, found none: check that the file is complete")
    return {"images": np.stack(images), "keypoints": np.stack(keypoints)}


def _text(line: bytes, name: str, number: int) -> str:
    try:
        return line.decode("ascii")
    except UnicodeDecodeError:
        raise CourseError(_bad_row(name, number, "plain text", "other bytes")) from None


def _coordinates(fields: list[str], name: str, number: int) -> npt.NDArray[np.float32] | None:
    """The 30 coordinates, or None where one is missing."""
    try:
        values = [float(field) if field.strip() else math.nan for field in fields]
    except ValueError as error:
        raise CourseError(_bad_row(name, number, "numbers", str(error))) from None
    if any(math.isinf(value) for value in values):
        raise CourseError(_bad_row(name, number, "finite coordinates", "an infinite one"))
    return None if any(math.isnan(value) for value in values) else np.array(values, dtype=np.float32)


def _pixels(field: str, name: str, number: int) -> npt.NDArray[np.uint8]:
    size = FACE_SIZE * FACE_SIZE
    try:
        values = np.fromstring(field.strip().strip('"'), dtype=np.int32, sep=" ")
    except ValueError:
        raise CourseError(_bad_row(name, number, "grey values separated by spaces", "other text")) from None
    if values.size != size:
        raise CourseError(_bad_row(name, number, f"{size:,} grey values", f"{values.size:,}"))
    if values.min() < 0 or values.max() > 255:
        raise CourseError(_bad_row(name, number, "grey values from 0 to 255", f"{values.min()} to {values.max()}"))
    return values.astype(np.uint8).reshape(1, FACE_SIZE, FACE_SIZE)


def _bad_row(name: str, number: int, expected: str, got: str) -> str:
    return f"expected {expected} in line {number} of {name}, got {got}: the file is damaged, get it again"


def _keypoints_csv(path: Path, split: str, report: Report) -> Arrays:
    """The zip with training.csv and val.csv."""
    member = {"train": "training.csv", "val": "val.csv"}[split]
    with open_zip(path) as archive, _open_member(archive, member, path.name) as stream:
        return parse_keypoints(stream, f"{path.name}/{member}", report)


def _kaggle_csv(path: Path, split: str, report: Report) -> Arrays:
    """Kaggle's training.csv, bare or in its zips; every fifth complete row is for validation."""
    with _kaggle_stream(path) as stream:
        arrays = parse_keypoints(stream, path.name, report)
    held_out = np.arange(len(arrays["images"])) % 5 == 4
    chosen = held_out if split == "val" else ~held_out
    return {name: values[chosen] for name, values in arrays.items()}


@contextmanager
def _kaggle_stream(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix != ".zip":
        with path.open("rb") as stream:
            yield stream
        return
    with open_zip(path) as archive:
        if "training.zip" not in archive.namelist():
            with _open_member(archive, "training.csv", path.name) as stream:
                yield stream
            return
        # A zip in a zip must be seekable: the inner one is small enough for memory.
        with archive.open("training.zip") as packed:
            inner = io.BytesIO(read_member(packed, "training.zip", 500_000_000))
        with open_zip(inner, "training.zip") as archive, _open_member(archive, "training.csv", path.name) as stream:
            yield stream


@contextmanager
def _open_member(archive: zipfile.ZipFile, member: str, name: str) -> Iterator[IO[bytes]]:
    if member not in archive.namelist():
        raise CourseError(f"expected {member} in {name}, got {', '.join(archive.namelist()[:3])}: check the file")
    with archive.open(member) as stream:
        yield stream


def _cifar10_folders(path: Path, split: str, report: Report) -> Arrays:
    """A zip of cifar10/CLASS/NNNN.png; of six pictures of a class one is for validation, one for the test."""
    from PIL import Image

    images: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    with open_zip(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".png"))
        for label, title in enumerate(OBJECT_CLASSES):
            members = [name for name in names if name.split("/")[-2:-1] == [title]]
            if len(members) < 6:
                raise CourseError(f"expected a folder {title} of PNG files in {path.name}, got {len(members)} files")
            for number, member in enumerate(members):
                if {4: "val", 5: "test"}.get(number % 6, "train") != split:
                    continue
                with archive.open(member) as stream:
                    packed = io.BytesIO(read_member(stream, member, _MAX_PNG))
                report(len(packed.getbuffer()))
                try:
                    with Image.open(packed, formats=["PNG"]) as image:
                        # Checked before it is decoded: a few bytes can claim to be a huge picture.
                        fits = image.size == (OBJECT_SIZE, OBJECT_SIZE)
                        pixels = np.asarray(image.convert("RGB")) if fits else None
                except (OSError, ValueError, SyntaxError) as error:
                    raise CourseError(f"{member} in {path.name} is no readable PNG ({error}): get it again") from error
                if pixels is None:
                    raise CourseError(f"expected 32x32 pictures in {path.name}, got another size for {member}")
                images.append(pixels)
                labels.append(label)
    return {"images": np.stack(images), "labels": np.array(labels, dtype=np.int64)}


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles containers, numbers, bytes and numpy arrays; anything else in a pickle could run code."""

    def find_class(self, module: str, name: str) -> Any:
        rebuild: Any = np.empty(0).__reduce__()[0]
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): rebuild,
            ("numpy._core.multiarray", "_reconstruct"): rebuild,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return allowed[module, name]


def _unpickle(data: bytes, name: str) -> dict[Any, Any]:
    try:
        content = _ArrayUnpickler(io.BytesIO(data), encoding="bytes").load()
    # A damaged pickle can fail in any of these ways.
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise CourseError(f"{name} is no pickle of arrays ({error}): delete the archive and get it again") from error
    if not isinstance(content, dict):
        raise CourseError(f"expected a dictionary in {name}, got {type(content).__name__}: get the archive again")
    return content


def _cifar10_pickles(path: Path, split: str, report: Report) -> Arrays:
    """The archive of the CIFAR-10 homepage; the fifth training batch is for validation."""
    wanted = _UPSTREAM_BATCHES[split]
    batches: dict[str, dict[Any, Any]] = {}
    with open_tar(path) as files:
        for name, stream in files:
            batch = name.rsplit("/", 1)[-1]
            if batch in wanted or batch == "batches.meta":
                data = read_member(stream, name, 100_000_000)
                report(len(data))
                batches[batch] = _unpickle(data, name)
    if lost := [batch for batch in ("batches.meta", *wanted) if batch not in batches]:
        raise CourseError(f"expected {lost[0]} in {path.name}, did not find it: delete the archive and get it again")
    names = tuple(label.decode("ascii", "replace") for label in batches["batches.meta"].get(b"label_names", ()))
    if names != _UPSTREAM_CLASSES:
        raise CourseError(f"expected CIFAR-10's ten class names in {path.name}, got {names[:3]}: get the archive again")
    images: list[npt.NDArray[np.uint8]] = []
    labels: list[npt.NDArray[np.int64]] = []
    for batch in wanted:
        pixels, targets = batches[batch].get(b"data"), batches[batch].get(b"labels")
        shape = (len(targets) if isinstance(targets, list) else -1, 3 * OBJECT_SIZE * OBJECT_SIZE)
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape != shape:
            raise CourseError(f"expected uint8 pixels (N, 3072) and N labels in {batch}: get {path.name} again")
        images.append(pixels.reshape(-1, 3, OBJECT_SIZE, OBJECT_SIZE).transpose(0, 2, 3, 1))
        labels.append(np.array(targets, dtype=np.int64))
    return {"images": np.ascontiguousarray(np.concatenate(images)), "labels": np.concatenate(labels)}


PARSERS: Mapping[str, Parser] = {
    "cifar10_folders": _cifar10_folders,
    "cifar10_pickles": _cifar10_pickles,
    "keypoints_csv": _keypoints_csv,
    "kaggle_csv": _kaggle_csv,
}
