"""The course's data sets: `load_dataset` gives real or embedded samples as numpy arrays.

Embedded samples are drawn on this computer from a seed, in the shapes, types and splits of the real set. They make
everything run without a network; they never pose as the real set.

    python -m exercise_code.common.data                       what is there; prepares what needs no download
    python -m exercise_code.common.data cifar10 --source real
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exercise_code.common.cache import cached_arrays, image_folder, is_cached
from exercise_code.common.errors import CourseError
from exercise_code.common.places import SOURCES, data_folder, source_setting, storage_errors
from exercise_code.common.progress import progress_bar
from exercise_code.common.registry import DatasetInfo, Variant, load_registry

__all__ = [
    "DATASETS",
    "SPLITS",
    "ImageSet",
    "KeypointSet",
    "dataset_info",
    "load_dataset",
    "main",
    "resolve_source",
]

DATASETS = ("cifar10", "facial_keypoints")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Pictures of a class each: `images` uint8 (N, height, width, 3), `labels` int64 (N,) that index `classes`.

    `dataset[i]` is (image, label). `root` is the same split as a folder of PNG files for each class.
    """

    name: str
    split: str
    source: str
    variant: str
    classes: tuple[str, ...]
    images: npt.NDArray[np.uint8] = field(repr=False)
    labels: npt.NDArray[np.int64] = field(repr=False)
    _folder: Path = field(repr=False)

    @property
    def root(self) -> Path:
        """The folder with a folder of PNG files for each class; written when it is first asked for."""
        return image_folder(self._folder, self.classes, self.images, self.labels)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], int]:
        return self.images[index], int(self.labels[index])


@dataclass(frozen=True, eq=False)
class KeypointSet:
    """Faces: `images` uint8 (N, 1, 96, 96), `keypoints` float32 (N, 30) in pixels, x before y, as `columns` names them.

    `dataset[i]` is (image, keypoints of it). `folder` holds the arrays.
    """

    name: str
    split: str
    source: str
    variant: str
    columns: tuple[str, ...] = field(repr=False)
    images: npt.NDArray[np.uint8] = field(repr=False)
    keypoints: npt.NDArray[np.float32] = field(repr=False)
    folder: Path = field(repr=False)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        return self.images[index], self.keypoints[index]


def load_dataset(name: str, split: str = "train", source: str = "auto") -> Any:
    """One split of a data set, an `ImageSet` or a `KeypointSet`; prints one line that says where it comes from.

    `source` is "real" (downloaded once where it is not on disk), "embedded" (drawn) or "auto": what the setting
    `DATASETS_SOURCE` says, else real where it is on disk already or in a `DATASETS_MIRROR` folder, else embedded.
    Whatever goes wrong is a `CourseError` of one line.

    >>> faces = load_dataset("facial_keypoints", split="val", source="embedded")  # doctest: +SKIP
    facial_keypoints val: 400 samples, embedded (drawn on this computer)
    """
    _check_choice("data set", name, _known())
    _check_choice("split", split, SPLITS)
    _check_choice("source", source, SOURCES)
    if name not in DATASETS:
        raise CourseError(f"{name} is listed, but not yet supported: choose one of {', '.join(DATASETS)}")
    source = resolve_source(name, source)
    dataset = _load_real(name, split) if source == "real" else _load_embedded(name, split)
    origin = f"real ({dataset.variant})" if source == "real" else "embedded (drawn on this computer)"
    print(f"{name} {split}: {len(dataset):,} samples, {origin}", flush=True)
    return dataset


def dataset_info(name: str) -> DatasetInfo:
    """Title, licence, citation, homepage and variants of a data set."""
    registry = load_registry()
    _check_choice("data set", name, tuple(registry))
    return registry[name]


def _known() -> tuple[str, ...]:
    """All names of the registry; without a registry (a notebook folder alone) those that can be drawn."""
    try:
        return tuple(load_registry())
    except CourseError:
        return DATASETS


def _check_choice(what: str, got: str, choices: Sequence[str]) -> None:
    if got not in choices:
        raise CourseError(f"expected a {what} of {', '.join(choices)}, got {got!r}: choose one of them")


def _cache_folder(name: str, key: str, split: str) -> Path:
    return data_folder() / "cache" / name / key / split


def resolve_source(name: str, source: str = "auto") -> str:
    """What `load_dataset` takes for a data set as things are: "real" or "embedded"."""
    if source == "auto":
        source = source_setting()
    if source == "auto":
        return "real" if _on_disk(name) else "embedded"
    return source


def _real_splits(info: DatasetInfo) -> list[str]:
    """The splits that any variant holds, in the usual order."""
    return sorted({split for variant in info.loadable for split in variant.splits}, key=SPLITS.index)


def _load_embedded(name: str, split: str) -> ImageSet | KeypointSet:
    # Not needed where everything is cached, and PIL costs a tenth of a second.
    from exercise_code.common.embedded.sets import SPLIT_SIZES, generator_version, make_split

    folder = _cache_folder(name, f"embedded-{generator_version()}", split)

    def build() -> dict[str, npt.NDArray[Any]]:
        with progress_bar(f"drawing {name} {split}", SPLIT_SIZES[name][split], "picture") as bar:
            return make_split(name, split, bar.update)

    return _dataset(name, split, "embedded", "drawn", folder, cached_arrays(folder, build))


def _real_folder(variant: Variant, split: str, path: Path | None = None) -> Path | None:
    """The variant's cache entry; None where its name hangs on a file that is not there."""
    from exercise_code.common.parsing import PARSER_VERSION

    if variant.hash is not None:
        content = variant.hash.replace(":", "-")[:19]
    elif path is not None:
        # Hashing 200 MB at every call would take longer than reading the arrays.
        facts = path.stat()
        content = f"{facts.st_size}-{facts.st_mtime_ns}"
    else:
        return None
    return _cache_folder(variant.dataset, f"{variant.name}-{content}-v{PARSER_VERSION}", split)


def _find(info: DatasetInfo, split: str) -> tuple[Variant, Path | None, Path] | None:
    """The best variant on disk with this split: its file, where it is still there, and its cache entry."""
    from exercise_code.common.download import local_file

    for variant in info.loadable:
        path = local_file(variant)
        folder = _real_folder(variant, split, path)
        if split in variant.splits and folder is not None and (path is not None or is_cached(folder)):
            return variant, path, folder
    return None


def _on_disk(name: str) -> bool:
    """True where a variant with any split is on disk: splits of one run must not come from two sources."""
    try:
        info = dataset_info(name)
    except CourseError:
        return False
    return any(_find(info, split) is not None for split in SPLITS)


def _load_real(name: str, split: str) -> ImageSet | KeypointSet:
    from exercise_code.common.download import download, verify
    from exercise_code.common.parsing import PARSERS

    info = dataset_info(name)
    offered = _real_splits(info)
    if split not in offered:
        raise CourseError(
            f"the real {name} has no {split} split here, its labels are kept back: use {' or '.join(offered)}, "
            'or source="embedded"'
        )
    found = _find(info, split)
    if found is None:
        variant, path = download(info, split)
        folder = _real_folder(variant, split, path)
        assert folder is not None, "a file that is there has a cache entry"
        found = variant, path, folder
    variant, file, folder = found

    def build() -> Any:
        # A damaged cache whose file has been deleted meanwhile: the file is needed again.
        path = file if file is not None else download(info, split)[1]
        parse = PARSERS[variant.parser or ""]
        with storage_errors(path.parent, path.name), progress_bar(f"reading {path.name}", None, "B", True) as bar:
            verify(path, variant)
            return parse(path, split, bar.update)

    return _dataset(name, split, "real", variant.name, folder, cached_arrays(folder, build))


def _dataset(
    name: str, split: str, source: str, variant: str, folder: Path, arrays: dict[str, npt.NDArray[Any]]
) -> ImageSet | KeypointSet:
    if name == "cifar10":
        from exercise_code.common.embedded.objects import OBJECT_CLASSES

        pictures = folder.with_name(f"{split}-png")
        return ImageSet(name, split, source, variant, OBJECT_CLASSES, arrays["images"], arrays["labels"], pictures)
    from exercise_code.common.embedded.heads import KEYPOINT_COLUMNS

    return KeypointSet(name, split, source, variant, KEYPOINT_COLUMNS, arrays["images"], arrays["keypoints"], folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every data set that was asked for is ready; prints a table of what is there.

    Without names all sets are prepared, and one that cannot be had without a login is a note, no failure.
    """
    from exercise_code.common.download import LoginError

    parser = argparse.ArgumentParser(prog="python -m exercise_code.common.data", description="Prepare the data sets.")
    parser.add_argument("names", nargs="*", help=f"data sets to prepare (default: {' '.join(DATASETS)})")
    parser.add_argument("--source", default="auto", help=f"one of {', '.join(SOURCES)} (default: auto)")
    options = parser.parse_args(arguments)
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    failures: list[str] = []
    for name in options.names or DATASETS:
        try:
            rows += [row for split in SPLITS if (row := _prepare(name, split, options.source))]
        except LoginError as error:
            (failures if options.names else notes).append(str(error))
        except CourseError as error:
            failures.append(str(error))
        except KeyboardInterrupt:
            print("interrupted: what is finished stays, run it again for the rest", file=sys.stderr)
            return 130
    if rows:
        print(f"\n{_table(rows)}", *notes, sep="\n", flush=True)
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _prepare(name: str, split: str, source: str) -> tuple[str, ...] | None:
    """A row of the table; None for the test split of a real set that keeps it back."""
    source = resolve_source(name, source)
    if source == "real" and name in DATASETS and split not in _real_splits(dataset_info(name)):
        return None
    dataset = load_dataset(name, split, source)
    place = dataset.root if isinstance(dataset, ImageSet) else dataset.folder
    return name, split, f"{len(dataset):,}", f"{dataset.source} ({dataset.variant})", str(place)


def _table(rows: list[tuple[str, ...]]) -> str:
    lines = [("data set", "split", "samples", "source", "where"), *rows]
    widths = [max(len(line[k]) for line in lines) for k in range(4)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, [*widths, 0], strict=True)) for line in lines]
    listed = [info for info in _listed() if not info.loadable]
    return "\n".join([*table, *(f"{info.name}: not yet supported ({info.title})" for info in listed)])


def _listed() -> list[DatasetInfo]:
    try:
        return list(load_registry().values())
    except CourseError:
        return []


if __name__ == "__main__":
    raise SystemExit(main())
