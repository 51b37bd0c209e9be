"""Files that a student handed in one by one, put into one folder: a hand-in like any other."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from exercise_code.common.hand_ins.hand_in import Rules

from ..base.errors import AutograderError

__all__ = ["can_be_taken", "gather"]

# Canvas writes a number behind the name of a file that was handed in again.
_AGAIN = re.compile(r"(?P<stem>.+)-[0-9]{1,3}(?P<ending>\.[A-Za-z0-9]+)", re.S)
_NOTEBOOKS_AND_CODE = (".ipynb", ".py")


def can_be_taken(name: str, rules: Rules) -> bool:
    """True for a file that may be a hand-in, or a part of one, by its name."""
    return rules.guess((name,)) is not None or name.lower().endswith(_NOTEBOOKS_AND_CODE)


def gather(files: Sequence[tuple[str, Path]], scratch: Path) -> tuple[Path, list[Path]]:
    """A folder in `scratch` with these files under the names they were handed in with, and those that it lacks.

    The files are in the order in which they came: of one name the last is taken.
    """
    last: dict[str, Path] = {}
    older: list[Path] = []
    for name, path in files:
        found = _AGAIN.fullmatch(name)
        plain = found["stem"] + found["ending"] if found else name
        older += [last[plain]] if plain in last else []
        last[plain] = path
    digest = hashlib.sha256()
    for name, path in sorted(last.items()):
        found_state = path.stat()
        digest.update(f"{name}\0{path}\0{found_state.st_size}\0{found_state.st_mtime_ns}\0".encode("utf-8", "replace"))
    target = scratch / f"loose-{digest.hexdigest()[:24]}"
    if target.is_dir():
        return target, older
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=scratch, prefix=".unpacking-"))
        try:
            for name, path in last.items():
                # The bytes are the student's and stay as they are; copies in the same place cost nothing.
                try:
                    os.link(path, folder / name, follow_symlinks=False)
                except OSError:
                    shutil.copyfile(path, folder / name, follow_symlinks=False)
            folder.chmod(0o700)
            folder.rename(target)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise AutograderError(f"could not put files together in {scratch}: {error.strerror}: make room") from None
    return target, older
