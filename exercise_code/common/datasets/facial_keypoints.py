"""Facial keypoints: grey faces with 15 points, in the form of Kaggle's set; embedded, drawn faces."""

import csv
import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, ClassVar

import numpy as np
import numpy.typing as npt

from ..archives.unpack import open_zip, read_member
from ..errors import CourseError
from ..progress import Report
from .dataset import Arrays, Dataset, SampleSet
from .generators.heads import FACE_SIZE, KEYPOINT_COLUMNS

__all__ = ["DATASET", "KeypointSet", "parse_keypoints"]

_MAX_ROW = 400_000


@dataclass(frozen=True, eq=False)
class KeypointSet(SampleSet):
    """Faces: `images` uint8 (N, 1, 96, 96), `keypoints` float32 (N, 30) in pixels, x before y, as `columns` names them.

    `dataset[i]` is (image, keypoints of it). `folder` holds the arrays.
    """

    images: npt.NDArray[np.uint8] = field(repr=False)
    keypoints: npt.NDArray[np.float32] = field(repr=False)
    columns: ClassVar[tuple[str, ...]] = KEYPOINT_COLUMNS

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        return self.images[index], self.keypoints[index]


def _generate(n: int, seed: int, start: int) -> Arrays:
    from .generators.faces import make_faces

    images, keypoints = make_faces(n, seed, start)
    return {"images": images, "keypoints": keypoints}


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


DATASET = Dataset(
    name="facial_keypoints",
    splits={"train": 2000, "val": 400, "test": 400},
    samples=KeypointSet,
    generate=_generate,
    parsers={"keypoints_csv": _keypoints_csv, "kaggle_csv": _kaggle_csv},
)
