"""Modules of earlier exercises that a later one's zip brings: they lie beside, and fill only gaps."""

import shutil
from collections.abc import Sequence
from pathlib import Path

__all__ = ["FOLDER", "bring", "missing"]

FOLDER = "earlier"


def missing(package: Path) -> list[Path]:
    """Files of `exNN_later/earlier/exMM_topic/` that `exMM_topic/` itself lacks, the first of each."""
    found: dict[Path, Path] = {}
    for path in sorted(package.glob(f"ex*/{FOLDER}/ex*/*.py")):
        target = package / path.parent.name / path.name
        if not target.exists():
            found.setdefault(target, path)
    return list(found.values())


def bring(paths: Sequence[Path]) -> None:
    """Copy them to where they are imported from, and say so."""
    for folder in sorted({path.parent for path in paths}):
        target = folder.parents[2] / folder.name
        names = sorted(path.name for path in paths if path.parent == folder)
        later = folder.parents[1].name
        try:
            target.mkdir(exist_ok=True)
            for name in names:
                shutil.copyfile(folder / name, target / name)
        except OSError as error:
            print(f"could not write to {target}: {error.strerror or error}")
            continue
        print(f"Missing in exercise_code/{folder.name}, so put there from {later}: {', '.join(names)}.")
