"""Where data lies: the settings `DATASETS_DIR`, `DATASETS_MIRROR` and `DATASETS_SOURCE`, and failures of the disk."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import CourseError

__all__ = ["SOURCES", "data_folder", "mirror", "registry_file", "source_setting", "storage_errors"]

SOURCES = ("auto", "real", "embedded")
_PACKAGE = Path(__file__).resolve().parents[2]
_REGISTRY = Path("datasets") / "registry.toml"
# EFBIG and EDQUOT: the disk has room, this user or process has not.
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def registry_file() -> Path | None:
    """`datasets/registry.toml` of the nearest folder above the package that has one; None without."""
    for folder in _PACKAGE.parents:
        if (folder / _REGISTRY).is_file():
            return folder / _REGISTRY
    return None


def data_folder() -> Path:
    """The folder for downloads and caches: `DATASETS_DIR`, else the course's `datasets/`, else the user's cache."""
    if setting := os.environ.get("DATASETS_DIR"):
        return _absolute("DATASETS_DIR", setting)
    if registry := registry_file():
        return registry.parent
    import pooch

    return Path(pooch.os_cache("deep-learning-course"))


def mirror() -> Path | str | None:
    """`DATASETS_MIRROR`: an absolute folder, a URL without a slash at its end, or None where it is not set."""
    setting = os.environ.get("DATASETS_MIRROR")
    if not setting:
        return None
    if setting.startswith(("http://", "https://")):
        return setting.rstrip("/")
    if "://" in setting:
        raise CourseError(f"expected DATASETS_MIRROR to be a folder or an http(s) URL, got {setting}: change it")
    folder = _absolute("DATASETS_MIRROR", setting)
    if not folder.is_dir():
        raise CourseError(f"expected DATASETS_MIRROR to name a folder, found none at {folder}: correct or unset it")
    return folder


def source_setting() -> str:
    """What "auto" means: `DATASETS_SOURCE`, "auto" where it is not set."""
    setting = os.environ.get("DATASETS_SOURCE") or "auto"
    if setting not in SOURCES:
        raise CourseError(f"expected DATASETS_SOURCE to be one of {', '.join(SOURCES)}, got {setting!r}: change it")
    return setting


def _absolute(name: str, setting: str) -> Path:
    """The folder as an absolute path, from here on for child processes and after a change of folder too."""
    folder = Path(setting).expanduser()
    if not folder.is_absolute():
        registry = registry_file()
        # Set at the root of the course, but read by a notebook, which runs in its own folder.
        root = registry.parents[1] if registry else Path.cwd()
        folder = folder.resolve() if folder.exists() else (root / folder).resolve()
    os.environ[name] = str(folder)
    return folder


@contextmanager
def storage_errors(folder: Path, what: str) -> Iterator[None]:
    """Turns failures of the disk while `what` is read or written in `folder` into one clear line."""
    try:
        yield
    except OSError as error:
        # Without a number it is none of the system's: requests and PIL derive their own errors from OSError.
        if error.errno is None:
            raise
        advice = "set DATASETS_DIR to another folder"
        if error.errno in _FULL:
            raise CourseError(f"no room in {folder} for {what}: free some space, or {advice}") from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise CourseError(f"no permission for {what} in {folder}: allow it, or {advice}") from error
        reason = error.strerror or type(error).__name__
        raise CourseError(f"could not read or write {what} in {folder} ({reason}): check it, or {advice}") from error
