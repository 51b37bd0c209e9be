"""Parsed data on disk: arrays as .npy, memory-mapped, and folders of PNG files.

An entry is written beside its place and renamed into it, so that it is there whole or not at all; of two processes
that write the same entry, the second to finish takes the first one's. A manifest holds sizes and checksums: a
damaged entry is thrown away and made again.
"""

import errno
import io
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .dataset import Arrays
from .places import storage_errors

__all__ = ["cached_arrays", "image_folder", "is_cached"]

_MANIFEST = "manifest.json"
_STALE_SECONDS = 3600
_RENAMES = 20


def cached_arrays(folder: Path, build: Callable[[], Arrays]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an entry, memory-mapped; `build` makes them where the entry is missing or damaged.

    The maps are copy-on-write: changing an array in memory never changes the file.
    """
    with storage_errors(folder.parent, "the cache"):
        # Before the work, not after it: a folder that cannot be written is worth knowing at once.
        folder.parent.mkdir(parents=True, exist_ok=True)
        arrays = _open_arrays(folder)
    if arrays is not None:
        return arrays
    built = build()
    with storage_errors(folder.parent, "the cache"):
        _write_entry(folder, lambda target: _write_arrays(target, built), lambda: _open_arrays(folder) is not None)
        arrays = _open_arrays(folder)
    return dict(built) if arrays is None else arrays


def is_cached(folder: Path) -> bool:
    """True where an entry is there; whether it is undamaged shows when it is opened."""
    return (folder / _MANIFEST).is_file()


def image_folder(
    folder: Path, classes: Sequence[str], images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]
) -> Path:
    """`folder/images`, with a folder of PNG files for each class; written where it is missing or damaged.

    The files of a class are numbered in the order of its images.
    """
    with storage_errors(folder.parent, "the image folder"):
        if not _same_files(folder):
            _write_entry(
                folder,
                lambda target: _write_images(target, classes, images, labels),
                lambda: _same_files(folder),
            )
    return folder / "images"


def _write_entry(folder: Path, write: Callable[[Path], None], intact: Callable[[], bool]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    target = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write(target)
        # mkdtemp's folder is private, a data folder may be shared by a class.
        target.chmod(0o755)
        _put_in_place(target, folder, intact)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _put_in_place(target: Path, folder: Path, intact: Callable[[], bool]) -> None:
    for _ in range(_RENAMES):
        if folder.exists():
            # Another process was faster: its entry is as good as ours.
            if intact():
                return
            _throw_away(folder)
        try:
            target.rename(folder)
            return
        except OSError:
            if not folder.exists():
                raise
    raise OSError(errno.EBUSY, "other processes keep changing it", str(folder))


def _throw_away(folder: Path) -> None:
    rubbish = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        folder.rename(rubbish / "old")
    except FileNotFoundError:
        pass  # another process has moved it away already
    finally:
        shutil.rmtree(rubbish, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what a killed process left behind; young folders may belong to one that is still writing."""
    for stale in folder.parent.glob(f".{folder.name}-*"):
        try:
            if time.time() - stale.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(stale, ignore_errors=True)
        except FileNotFoundError:
            pass  # its owner has just renamed it


def _write_arrays(target: Path, arrays: Arrays) -> None:
    manifest = {}
    for name, array in arrays.items():
        path = target / f"{name}.npy"
        with path.open("wb") as file:
            # np.save would hide a full disk: what numpy writes itself fails without the system's error number.
            whole = np.ascontiguousarray(array)
            np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(whole))
            file.write(whole.data)
            # Renamed before the bytes are on disk, a power cut would leave a whole name with half a content.
            file.flush()
            os.fsync(file.fileno())
        manifest[name] = {"size": path.stat().st_size, "checksum": _checksum(array)}
    (target / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _open_arrays(folder: Path) -> dict[str, npt.NDArray[Any]] | None:
    """The arrays, or None where the entry is missing or damaged."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        arrays = {}
        for name, facts in manifest.items():
            path = folder / f"{name}.npy"
            if path.stat().st_size != facts["size"]:
                return None
            arrays[name] = np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))
            if _checksum(arrays[name]) != facts["checksum"]:
                return None
        return arrays or None
    # What a damaged header or manifest can raise; a file that may not be read is no damage, and is reported.
    except (FileNotFoundError, NotADirectoryError, ValueError, EOFError, KeyError, TypeError, AttributeError):
        return None


def _checksum(array: npt.NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(array).data)


def _write_images(
    target: Path, classes: Sequence[str], images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]
) -> None:
    from PIL import Image

    for label, name in enumerate(classes):
        place = target / "images" / name
        place.mkdir(parents=True)
        for number, image in enumerate(images[labels == label]):
            # Through memory: PIL, too, hides the system's error number when the disk is full.
            packed = io.BytesIO()
            Image.fromarray(image).save(packed, "PNG", compress_level=1)
            (place / f"{number:04d}.png").write_bytes(packed.getbuffer())
    (target / _MANIFEST).write_text(json.dumps(_sizes(target / "images")), encoding="utf-8")


def _same_files(folder: Path) -> bool:
    """True where the pictures are those that were written: the same names, of the same sizes."""
    try:
        sizes: object = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return sizes == _sizes(folder / "images")
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False


def _sizes(root: Path) -> dict[str, list[Any]]:
    """For each class the number of its PNG files, their total size and a checksum of their names."""
    found: dict[str, list[Any]] = {}
    for place in sorted(root.iterdir()):
        # Editors and file managers leave hidden folders behind.
        if not place.is_dir() or place.name.startswith("."):
            continue
        with os.scandir(place) as entries:
            files = sorted((entry.name, entry.stat().st_size) for entry in entries if entry.name.endswith(".png"))
        found[place.name] = [len(files), sum(size for _, size in files), zlib.crc32(repr(files).encode())]
    return found
