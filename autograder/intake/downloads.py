"""What Moodle and Canvas write into the names of the files in their bulk downloads, and students into theirs."""

import json
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from exercise_code.common.archives.entries import Limits, open_entries
from exercise_code.common.errors import CourseError

from ..base.errors import AutograderError
from .gradescope_metadata import is_export

__all__ = [
    "Upload",
    "attempt_of",
    "canvas_upload",
    "is_junk",
    "left_out_of",
    "moodle_upload",
    "system_of_zip",
    "unpack_download",
    "without_ending",
]

# What is unpacked of a download of all hand-ins at most.
LARGEST_DOWNLOAD = 4_000_000_000
_DOWNLOAD = Limits(LARGEST_DOWNLOAD, entries=500_000, directory=100_000_000)
# In an unpacked download, what could not be unpacked of it, each with the reason.
LEFT_OUT = ".left_out.json"
_LONGEST = 255

ENDINGS = (".zip", ".rar", ".7z", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".xz")
_JUNK = {"__macosx", ".ds_store", "thumbs.db", "desktop.ini", ".gitkeep", ".git", ".gitignore", "icon\r"}
_JUNK |= {".ipynb_checkpoints", "__pycache__", LEFT_OUT}

# Moodle, mod/assign/classes/downloader.php: NAME_NUMBER_assignsubmission_TYPE_ is a folder, or begins a file's name.
_MOODLE = re.compile(
    r"(?P<who>(?P<name>[^_]*)_(?P<number>[0-9]+))_assignsubmission_(?P<type>[a-z]+)(?:_(?P<file>.*))?", re.S
)
# Canvas, lib/content_zipper.rb: NAME_[LATE_]USER_ATTACHMENT_FILE; what was typed or linked has no attachment.
_CANVAS = re.compile(
    r"(?:(?P<name>.*?)_)??(?P<late>LATE_)?(?P<number>[0-9]+|anon_[A-Za-z0-9]+)_"
    r"(?:(?P<upload>[0-9]+)_(?P<file>.+)|(?P<typed>(?:text|link)\.html))",
    re.S,
)
_ATTEMPT = re.compile(
    r"(?P<base>.+?)(?:"
    r"[ _-]*\((?P<copy>[0-9]{1,3})\)|[ _-]+(?:attempt|try|version|v)[ _-]?(?P<said>[0-9]{1,3})|[_-](?P<bare>[0-9]{1,3})"
    r")",
    re.S | re.I,
)


@dataclass(frozen=True)
class Upload:
    """Whose a downloaded file is: `who` as it stands in the name, the number apart, and the file's own name.

    `order` sorts what one student uploaded. `typed` is text that was typed into a form, no file.
    """

    who: str
    name: str
    number: str
    file: str
    order: int = 0
    late: bool = False
    typed: bool = False


def moodle_upload(name: str) -> Upload | None:
    """What the name of a folder, or of a file in the flat layout, in Moodle's download says; None for other names."""
    found = _MOODLE.fullmatch(name)
    if found is None:
        return None
    return Upload(
        who=found["who"],
        name=found["name"],
        number=found["number"],
        file=found["file"] or "",
        typed=found["type"] != "file",
    )


def canvas_upload(name: str) -> Upload | None:
    """What the name of a file in Canvas's download says; None for other names."""
    found = _CANVAS.fullmatch(name)
    if found is None or (not found["name"] and found["number"].isdigit()):
        return None
    number = found["number"]
    return Upload(
        who=f"{found['name']}_{number}" if found["name"] else number,
        name=found["name"] or "",
        number=number,
        file=found["file"] or found["typed"],
        order=int(found["upload"] or 0),
        late=bool(found["late"]),
        typed=bool(found["typed"]),
    )


def attempt_of(stem: str) -> tuple[str, int, bool] | None:
    """The name and the number of `u0042_2`, `u0042-2`, `u0042 (2)` and `u0042_attempt2`; None without a number.

    The last part is False for `_2` and `-2`, which may be a part of the name.
    """
    found = _ATTEMPT.fullmatch(stem)
    if found is None:
        return None
    number = int(found["copy"] or found["said"] or found["bare"])
    # A browser calls the second download "(1)".
    return found["base"], number + bool(found["copy"]), not found["bare"]


def without_ending(name: str) -> tuple[str, bool]:
    """A file's name without the ending of an archive, and whether it had one; else without its last ending."""
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            stem = name[: -len(ending)]
            # Where endings are hidden, people write them once more.
            return (without_ending(stem)[0] if stem.lower().endswith(ending) else stem), True
    stem, dot, _ = name.rpartition(".")
    return (stem if dot else name), False


def is_junk(name: str) -> bool:
    """True for files that systems and programs leave behind."""
    return name.casefold() in _JUNK or name.startswith("._")


def system_of_zip(path: Path) -> str:
    """The system whose download of all submissions a zip is, by the name of its first file; else nothing."""
    try:
        with path.open("rb") as file:
            head = file.read(30 + 1000)
    except OSError:
        return ""
    if head[:4] != b"PK\x03\x04":
        return ""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")].decode("utf-8", "replace")
    first = name.partition("/")[0]
    if moodle_upload(first):
        return "Moodle"
    if is_export(name):
        return "Gradescope"
    return "Canvas" if first == name and canvas_upload(name) else ""


def unpack_download(path: Path, name: str, scratch: Path | None) -> Path:
    """The folder `name` in `scratch`, with a system's download in it, unpacked by the rules for hostile zips."""
    advice = "unpack it, and name the folder instead"
    if scratch is None:
        raise AutograderError(f"expected a folder of hand-ins, got {path}, a download of all of them: {advice}")
    target = scratch / name
    if target.is_dir():
        return target
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        for left in scratch.glob(".unpacking-*"):
            # Of a run that was killed.
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=scratch, prefix=".unpacking-"))
        try:
            left_out = _unpack(path, folder)
            (folder / LEFT_OUT).write_text(json.dumps(left_out), encoding="utf-8")
            folder.chmod(stat.S_IRWXU)
            folder.rename(target)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except CourseError as error:
        raise AutograderError(f"could not unpack {path}: {error}; {advice}") from None
    except OSError as error:
        raise AutograderError(f"could not unpack {path} into {scratch}: {error.strerror}; {advice}") from None
    return target


def left_out_of(folder: Path) -> list[tuple[str, str]]:
    """The files of a download that could not be unpacked into `folder`, each with the reason."""
    try:
        return [(str(name), str(reason)) for name, reason in json.loads((folder / LEFT_OUT).read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def _unpack(path: Path, folder: Path) -> list[tuple[str, str]]:
    """Write a download's files; what could not be written, each with the reason."""
    left_out: list[tuple[str, str]] = []
    left = LARGEST_DOWNLOAD
    with open_entries(path, _DOWNLOAD) as entries:
        for entry in entries:
            reason = entry.refusal
            if any(len(part.encode("utf-8", "replace")) > _LONGEST for part in entry.parts):
                reason = reason or "its name is too long for a file"
            if reason:
                left_out.append((entry.name, reason))
                continue
            data = entry.read(left)
            if (left := left - len(data)) < 0:
                raise CourseError(f"it unpacks to more than {LARGEST_DOWNLOAD / 1e9:g} GB")
            file = folder.joinpath(*entry.parts)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    return left_out
