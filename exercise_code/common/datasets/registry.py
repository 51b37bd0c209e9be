"""What is known about every real data set: `datasets/registry.toml` as frozen dataclasses."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import CourseError
from .places import registry_file

__all__ = ["DatasetInfo", "Variant", "load_registry", "read_registry"]


@dataclass(frozen=True)
class Variant:
    """One file that holds a data set, whole or in part. `hash` is "sha256:..." or "md5:...".

    `beside` are further files in the same folder that its parser reads; each is found and verified as the first one is.
    """

    dataset: str
    name: str
    file: str
    splits: tuple[str, ...]
    hash: str | None = None
    size: int | None = None
    parser: str | None = None
    url: str | None = None
    note: str | None = None
    beside: tuple["Variant", ...] = ()

    @property
    def parts(self) -> tuple["Variant", ...]:
        """All its files, the one that the parser is told of first."""
        return (self, *self.beside)


@dataclass(frozen=True)
class DatasetInfo:
    """A data set: what it is, whose it is, how to get it, and its variants in order of preference."""

    name: str
    title: str
    licence: str
    citation: str
    homepage: str
    variants: tuple[Variant, ...]
    login: str | None = None

    @property
    def loadable(self) -> tuple[Variant, ...]:
        """The variants that have a parser."""
        return tuple(variant for variant in self.variants if variant.parser)


def load_registry() -> Mapping[str, DatasetInfo]:
    """The course's data sets by name; a `CourseError` where the registry file is missing."""
    path = registry_file()
    if path is None:
        raise CourseError(
            "expected datasets/registry.toml beside exercise_code, found none: restore it from the course's files, "
            'or load with source="embedded"'
        )
    return _cached_registry(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _cached_registry(path: Path, _changed: int) -> Mapping[str, DatasetInfo]:
    return read_registry(path)


def read_registry(path: Path) -> dict[str, DatasetInfo]:
    """The data sets of a registry file by name."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _dataset(name, table) for name, table in tables.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CourseError(f"{path} is no readable registry ({error}): restore it from the course's files") from error


def _dataset(name: str, table: dict[str, Any]) -> DatasetInfo:
    variants = tuple(_variant(name, entry) for entry in table.pop("variants"))
    return DatasetInfo(name=name, variants=variants, **table)


def _variant(dataset: str, table: dict[str, Any]) -> Variant:
    beside = tuple(_variant(dataset, {"name": part["file"], "splits": (), **part}) for part in table.get("beside", ()))
    variant = Variant(dataset=dataset, **{**table, "splits": tuple(table["splits"]), "beside": beside})
    path = Path(variant.file)
    if any(Path(part.file).parent != path.parent for part in beside):
        raise ValueError(f"files beside {variant.file!r} lie in another folder")
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"file {variant.file!r} leads out of the data folder")
    if variant.hash is not None and variant.hash.split(":")[0] not in ("sha256", "md5"):
        raise ValueError(f"hash {variant.hash!r} is neither sha256 nor md5")
    return variant
