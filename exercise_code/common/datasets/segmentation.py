"""MSRC v2: photographs with a class for each pixel; embedded, drawn scenes of the same classes."""

import io
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..archives.unpack import open_zip, read_member
from ..errors import CourseError
from ..progress import Report
from .dataset import Arrays, Dataset, SampleSet
from .generators.landscapes.classes import SCENE_CLASSES, SCENE_COLOURS, SCENE_SIZE, VOID

__all__ = ["DATASET", "SceneSet"]

_MAX_LIST, _MAX_BMP, _MAX_SIDE = 1_000_000, 4_000_000, 1000
_NAME = re.compile(r"([\w-]{1,60})\.bmp", re.ASCII)


def _code(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Colours (..., 3) as one number each."""
    wide = colours.astype(np.int32)
    coded: npt.NDArray[np.int32] = (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
    return coded


_COLOURS = np.array([(0, 0, 0), *SCENE_COLOURS.values()], dtype=np.uint8)
_ORDER = np.argsort(_code(_COLOURS))
_CODES = _code(_COLOURS)[_ORDER]
# Black is void, and the others have the order of the classes.
_LABELS = (_ORDER + VOID).astype(np.int8)


@dataclass(frozen=True, eq=False)
class SceneSet(SampleSet):
    """Scenes: `images` uint8 (N, 240, 240, 3) and `labels` int8 (N, 240, 240), a class for each pixel.

    Labels index `classes`, 0 to 22; -1 is void, pixels that have no class and do not count. `colours` uint8 (23, 3) has
    a colour for each class, to show labels with. `dataset[i]` is (image, labels of it).
    """

    images: npt.NDArray[np.uint8] = field(repr=False)
    labels: npt.NDArray[np.int8] = field(repr=False)
    classes: ClassVar[tuple[str, ...]] = SCENE_CLASSES
    colours: ClassVar[npt.NDArray[np.uint8]] = _COLOURS[1:]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
        return self.images[index], self.labels[index]


def _generate(n: int, seed: int, start: int) -> Arrays:
    from .generators.landscapes.pictures import make_landscapes

    images, labels = make_landscapes(n, seed, start)
    return {"images": images, "labels": labels}


def _msrc_zip(path: Path, split: str, report: Report) -> Arrays:
    """A zip with SPLIT.txt, which lists files as N.bmp, and for each images/N.bmp and targets/N_GT.bmp.

    The middle 240x240 of a picture is kept. Where it is smaller, black that is void fills it up.
    """
    images, labels = [], []
    with open_zip(path) as archive:
        members = set(archive.namelist())
        listed = sorted((name for name in members if name.rsplit("/", 1)[-1] == f"{split}.txt"), key=len)
        if not listed:
            raise CourseError(f"expected {split}.txt in {path.name}, did not find it: get the file again")
        folder = listed[0].removesuffix(f"{split}.txt")
        for name in _names(archive, listed[0], path):
            files = (f"{folder}images/{name}.bmp", f"{folder}targets/{name}_GT.bmp")
            if missing := [file for file in files if file not in members]:
                raise CourseError(f"expected {missing[0]} in {path.name}, did not find it: get the file again")
            image, target = (_pixels(archive, file, path, report) for file in files)
            if image.shape != target.shape:
                raise CourseError(_bad(path, f"{files[1]} as large as its picture", "another size"))
            images.append(_middle(image, 0))
            labels.append(_middle(_classes(target, files[1], path), VOID))
    return {"images": np.stack(images), "labels": np.stack(labels)}


def _names(archive: zipfile.ZipFile, listed: str, path: Path) -> list[str]:
    """The files that a list names, without their ending."""
    with archive.open(listed) as stream:
        lines = read_member(stream, listed, _MAX_LIST).decode("ascii", "replace").split()
    names = []
    for line in lines:
        match = _NAME.fullmatch(line)
        if match is None:
            raise CourseError(_bad(path, f"names like 1_2_s.bmp in {listed}", repr(line[:40])))
        names.append(match[1])
    if not names or len(set(names)) < len(names):
        raise CourseError(_bad(path, f"different names in {listed}", "one twice" if names else "none"))
    return names


def _pixels(archive: zipfile.ZipFile, member: str, path: Path, report: Report) -> npt.NDArray[np.uint8]:
    from PIL import Image

    with archive.open(member) as stream:
        packed = io.BytesIO(read_member(stream, member, _MAX_BMP))
    report(len(packed.getbuffer()))
    try:
        with Image.open(packed, formats=["BMP"]) as image:
            # Checked before it is decoded: a few bytes can claim to be a huge picture.
            fits = max(image.size) <= _MAX_SIDE
            pixels = np.asarray(image.convert("RGB")) if fits else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CourseError(f"{member} in {path.name} is no readable BMP ({error}): get the file again") from error
    if pixels is None:
        raise CourseError(_bad(path, f"pictures of at most {_MAX_SIDE}x{_MAX_SIDE}", f"a larger one, {member}"))
    return pixels


def _classes(target: npt.NDArray[np.uint8], member: str, path: Path) -> npt.NDArray[np.int8]:
    """The class of each pixel by its colour: int8 of the same height and width."""
    codes = _code(target)
    places = np.minimum(np.searchsorted(_CODES, codes), len(_CODES) - 1)
    unknown = np.argwhere(_CODES[places] != codes)
    if len(unknown):
        colour = ", ".join(map(str, target[tuple(unknown[0])].tolist()))
        raise CourseError(_bad(path, f"the colours of 23 classes and of void in {member}", colour))
    return _LABELS[places]


def _middle(pixels: npt.NDArray[np.generic], fill: int) -> npt.NDArray[np.generic]:
    """The middle (240, 240, ...), filled up around what is smaller."""
    middle = np.full((SCENE_SIZE, SCENE_SIZE, *pixels.shape[2:]), fill, dtype=pixels.dtype)
    source, target = [], []
    for size in pixels.shape[:2]:
        kept = min(size, SCENE_SIZE)
        source.append(slice((size - kept) // 2, (size - kept) // 2 + kept))
        target.append(slice((SCENE_SIZE - kept) // 2, (SCENE_SIZE - kept) // 2 + kept))
    middle[tuple(target)] = pixels[tuple(source)]
    return middle


def _bad(path: Path, expected: str, got: str) -> str:
    return f"expected {expected} in {path.name}, got {got}: get the file again"


DATASET = Dataset(
    name="segmentation",
    splits={"train": 200, "val": 50, "test": 50},
    samples=SceneSet,
    generate=_generate,
    parsers={"msrc_zip": _msrc_zip},
)
