"""CIFAR-10: small colour pictures of ten classes; embedded, drawn objects of the same classes."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..archives.unpack import open_tar, open_zip, read_member
from ..errors import CourseError
from ..progress import Report
from .cache import image_folder
from .dataset import Arrays, Dataset, SampleSet
from .generators.classes import OBJECT_CLASSES, OBJECT_SIZE
from .safe_pickle import unpickle

__all__ = ["DATASET", "ImageSet"]

_MAX_PNG = 100_000
_UPSTREAM_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_UPSTREAM_BATCHES = {
    "train": ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4"),
    "val": ("data_batch_5",),
    "test": ("test_batch",),
}


@dataclass(frozen=True, eq=False)
class ImageSet(SampleSet):
    """Pictures of a class each: `images` uint8 (N, 32, 32, 3), `labels` int64 (N,) that index `classes`.

    `dataset[i]` is (image, label). `root` is the same split as a folder of PNG files for each class.
    """

    images: npt.NDArray[np.uint8] = field(repr=False)
    labels: npt.NDArray[np.int64] = field(repr=False)
    classes: ClassVar[tuple[str, ...]] = OBJECT_CLASSES

    @property
    def root(self) -> Path:
        """The folder with a folder of PNG files for each class; written when it is first asked for."""
        return image_folder(self.folder.with_name(f"{self.split}-png"), self.classes, self.images, self.labels)

    @property
    def place(self) -> Path:
        """`root`."""
        return self.root

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], int]:
        return self.images[index], int(self.labels[index])


def _generate(n: int, seed: int, start: int) -> Arrays:
    from .generators.objects import make_objects

    images, labels = make_objects(n, seed, start)
    return {"images": images, "labels": labels}


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
                batches[batch] = unpickle(data, name)
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


DATASET = Dataset(
    name="cifar10",
    splits={"train": 4000, "val": 500, "test": 500},
    samples=ImageSet,
    generate=_generate,
    parsers={"cifar10_folders": _cifar10_folders, "cifar10_pickles": _cifar10_pickles},
)
