"""Gradescope's export of an assignment: a folder for each hand-in, and a file that says whose they are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from ..base.errors import AutograderError

__all__ = ["METADATA", "Submitted", "is_export", "read_metadata"]

METADATA = "submission_metadata.yml"
# Scores and outputs of a class stand in it, too.
MAX_METADATA = 200_000_000
_FIRST = re.compile(r"(?:assignment_[0-9]+_export/)?submission_(?:metadata\.yml|[0-9]+/.*)", re.S)


@dataclass(frozen=True)
class Submitted:
    """Who handed in together, each by name, student id and e-mail address as far as they are known, and when."""

    submitters: tuple[tuple[str, str, str], ...] = ()
    time: datetime | None = None


# In C where there is libyaml; both read plain values alone.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Reads what Gradescope's own language marks as its own as plain tables, and anything else not at all."""


def _plain(loader: Any, _: str, node: Any) -> Any:
    return loader.construct_mapping(node) if isinstance(node, yaml.MappingNode) else None


_Loader.add_multi_constructor("!ruby/", _plain)


def is_export(first: str) -> bool:
    """True where a zip whose first file has this name is Gradescope's export."""
    return _FIRST.fullmatch(first) is not None


def read_metadata(path: Path) -> dict[str, Submitted]:
    """Whose each folder of the export is, and when it came, by the folder's name."""
    try:
        if path.stat().st_size > MAX_METADATA:
            raise AutograderError(
                f"expected at most {MAX_METADATA // 1_000_000} MB in {path}, got more: export it anew"
            )
        table = yaml.load(path.read_bytes(), _Loader)
    except OSError as error:
        raise AutograderError(f"could not read {path}: {error.strerror}: check its permissions") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise AutograderError(f"expected Gradescope's metadata in {path}, got {reason}: export it anew") from None
    if not isinstance(table, Mapping):
        raise AutograderError(f"expected a table of hand-ins in {path}, got {type(table).__name__}: export it anew")
    return {str(folder): _submitted(about) for folder, about in table.items()}


def _submitted(about: object) -> Submitted:
    said = about if isinstance(about, Mapping) else {}
    people = said.get(":submitters")
    keys = (":name", ":sid", ":email")
    submitters = tuple(
        tuple("" if person.get(key) is None else str(person[key]).strip() for key in keys)
        for person in (people if isinstance(people, list) else ())
        if isinstance(person, Mapping)
    )
    return Submitted(tuple((a, b, c) for a, b, c in submitters if a or b or c), _time(said.get(":created_at")))


def _time(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    # Gradescope writes UTC, and some readers drop the zone.
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
