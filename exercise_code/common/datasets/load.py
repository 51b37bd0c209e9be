"""`load_dataset`: one split of any data set, real or embedded, from the cache wherever it is there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import CourseError
from ..progress import progress_bar
from .cache import cached_arrays, is_cached
from .dataset import SPLITS, Arrays, Dataset, SampleSet
from .embedded import draw_split, generator_version
from .known import DATASETS
from .places import SOURCES, data_folder, source_setting, storage_errors
from .registry import DatasetInfo, Variant, load_registry

__all__ = ["dataset_info", "load_dataset", "real_splits", "resolve_source", "would_download"]


def load_dataset(name: str, split: str = "train", source: str = "auto") -> Any:
    """One split of a data set, an object of its own class; prints one line that says where it comes from.

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
    if would_download(name, split, source):
        raise CourseError(
            f'the real {name} is on disk without its {split} split: source="real" downloads it, '
            'source="embedded" draws all splits'
        )
    source = resolve_source(name, source)
    dataset = _load_real(DATASETS[name], split) if source == "real" else _load_embedded(DATASETS[name], split)
    origin = f"real ({dataset.variant})" if source == "real" else "embedded (drawn on this computer)"
    print(f"{name} {split}: {len(dataset):,} samples, {origin}", flush=True)
    return dataset


def dataset_info(name: str) -> DatasetInfo:
    """Title, licence, citation, homepage and variants of a data set."""
    registry = load_registry()
    _check_choice("data set", name, tuple(registry))
    return registry[name]


def _known() -> tuple[str, ...]:
    """Those that can be loaded and those only listed; the first alone without a registry (a notebook folder alone)."""
    try:
        return tuple(dict.fromkeys([*load_registry(), *DATASETS]))
    except CourseError:
        return tuple(DATASETS)


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


def would_download(name: str, split: str, source: str = "auto") -> bool:
    """True where "auto" means the real data set, for another split of it is on disk, but this split is not."""
    if source != "auto" or source_setting() != "auto" or name not in DATASETS or not _on_disk(name):
        return False
    info = dataset_info(name)
    return split in real_splits(info) and _find(DATASETS[name], info, split) is None


def real_splits(info: DatasetInfo) -> list[str]:
    """The splits that any variant holds, in the usual order."""
    return sorted({split for variant in info.loadable for split in variant.splits}, key=SPLITS.index)


def _load_embedded(dataset: Dataset, split: str) -> SampleSet:
    folder = _cache_folder(dataset.name, f"embedded-{generator_version(dataset)}", split)

    def build() -> Arrays:
        with progress_bar(f"drawing {dataset.name} {split}", dataset.splits[split], "sample") as bar:
            return draw_split(dataset, split, bar.update)

    return dataset.samples(dataset.name, split, "embedded", "drawn", folder, **cached_arrays(folder, build))


def _real_folder(dataset: Dataset, variant: Variant, split: str, path: Path | None) -> Path | None:
    """The variant's cache entry; None where its name hangs on a file that is not there."""
    if variant.hash is not None:
        content = variant.hash.replace(":", "-")[:19]
    elif path is not None:
        # Hashing 200 MB at every call would take longer than reading the arrays.
        facts = path.stat()
        content = f"{facts.st_size}-{facts.st_mtime_ns}"
    else:
        return None
    return _cache_folder(dataset.name, f"{variant.name}-{content}-v{dataset.parser_version}", split)


def _find(dataset: Dataset, info: DatasetInfo, split: str) -> tuple[Variant, Path | None, Path] | None:
    """The best variant on disk with this split: its file, where it is still there, and its cache entry."""
    from .download import local_file

    for variant in info.loadable:
        path = local_file(variant)
        folder = _real_folder(dataset, variant, split, path)
        if split in variant.splits and folder is not None and (path is not None or is_cached(folder)):
            return variant, path, folder
    return None


def _on_disk(name: str) -> bool:
    """True where a variant with any split is on disk: splits of one run must not come from two sources."""
    try:
        info = dataset_info(name)
    except CourseError:
        return False
    return name in DATASETS and any(_find(DATASETS[name], info, split) is not None for split in SPLITS)


def _load_real(dataset: Dataset, split: str) -> SampleSet:
    from .download import download, verify

    name = dataset.name
    if name not in load_registry():
        raise CourseError(f'datasets/registry.toml lists no files of {name}: add them, or use source="embedded"')
    info = dataset_info(name)
    offered = real_splits(info)
    if split not in offered:
        raise CourseError(
            f"the real {name} has no {split} split here, its labels are kept back: use {' or '.join(offered)}, "
            'or source="embedded"'
        )
    found = _find(dataset, info, split)
    if found is None:
        variant, path = download(info, split)
        folder = _real_folder(dataset, variant, split, path)
        assert folder is not None, "a file that is there has a cache entry"
        found = variant, path, folder
    variant, file, folder = found

    def build() -> Arrays:
        # A damaged cache whose file has been deleted meanwhile: the file is needed again.
        path = file if file is not None else download(info, split)[1]
        parse = dataset.parsers[variant.parser or ""]
        with storage_errors(path.parent, path.name), progress_bar(f"reading {path.name}", None, "B", True) as bar:
            verify(path, variant)
            return parse(path, split, bar.update)

    return dataset.samples(name, split, "real", variant.name, folder, **cached_arrays(folder, build))
