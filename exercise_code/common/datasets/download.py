"""Files of real data: found on disk or in a mirror, else downloaded, and verified by size and hash."""

import hashlib
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ..errors import CourseError
from ..progress import progress_bar
from .places import data_folder, mirror, storage_errors
from .registry import DatasetInfo, Variant

__all__ = ["LoginError", "download", "local_file", "verify"]

_ATTEMPTS = 3
_PAUSE = 0.5
_TIMEOUT = 20
# A mirror that sends without an end must not fill the disk.
_MAX_DOWNLOAD = 2_000_000_000
_OFFLINE = 'source="embedded" works without a network'


class LoginError(CourseError):
    """A data set that has to be fetched by hand."""


def local_file(variant: Variant) -> Path | None:
    """The variant's file in the data folder or in a mirror that is a folder; None where it is in neither."""
    base = mirror()
    for folder in (data_folder(), base):
        if isinstance(folder, Path):
            with storage_errors(folder, variant.file):
                if all((folder / part.file).is_file() for part in variant.parts):
                    return folder / variant.file
    return None


def verify(path: Path, variant: Variant) -> None:
    """Refuses a file whose size or hash is not the registry's, and one beside it."""
    for part in variant.beside:
        verify(path.with_name(Path(part.file).name), part)
    size = path.stat().st_size
    if variant.size is not None and size != variant.size:
        raise CourseError(_mismatch(path, f"{variant.size:,} bytes", f"{size:,}"))
    if variant.hash is not None:
        kind, expected = variant.hash.split(":")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, kind).hexdigest()
        if found != expected:
            raise CourseError(_mismatch(path, f"{kind} {expected}", found))


def download(info: DatasetInfo, split: str) -> tuple[Variant, Path]:
    """The first variant with this split that the mirror or the set's own host gives, downloaded and verified."""
    offers: list[tuple[Variant, list[str]]] = []
    candidates = [variant for variant in info.loadable if split in variant.splits]
    base = mirror()
    if isinstance(base, str):
        offers += [(v, [f"{base}/{quote(part.file)}" for part in v.parts]) for v in candidates]
    offers += [(v, [part.url or "" for part in v.parts]) for v in candidates if all(part.url for part in v.parts)]
    if not offers:
        raise LoginError(_by_hand(info, candidates))
    failures = []
    for variant, urls in offers:
        for part, url in zip(variant.parts, urls, strict=True):
            failure = _fetch(url, part, data_folder() / part.file)
            if failure is not None:
                failures.append(f"{url}: {failure}")
                break
        else:
            return variant, data_folder() / variant.file
    raise CourseError(f"could not download {info.name} ({'; '.join(failures)}): try again later; {_OFFLINE}")


def _fetch(url: str, variant: Variant, path: Path) -> str | None:
    """None when the file has arrived, else why it has not."""
    import pooch

    # pooch tells on stderr what it does; the line below says it once, on stdout.
    pooch.get_logger().setLevel("ERROR")
    what = f"{variant.file} ({variant.size / 1e6:,.0f} MB)" if variant.size else variant.file
    with storage_errors(path.parent, what):
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
    if variant.size is not None and free < variant.size:
        raise CourseError(
            f"no room in {path.parent} for {what}, {free / 1e6:,.0f} MB are free: free some space, "
            "or set DATASETS_DIR to another folder"
        )
    print(f"downloading {what} from {urlsplit(url).netloc}", flush=True)
    failure, final = "", False
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE * 2**attempt)
        with storage_errors(path.parent, what):
            failure, final = _attempt(url, variant, path)
        if not failure or final:
            break
    return failure or None


def _attempt(url: str, variant: Variant, path: Path) -> tuple[str, bool]:
    """Why the file has not arrived ("" when it has), and whether another attempt is of no use."""
    import pooch
    import requests

    meter = _Meter(variant)
    fetcher = pooch.HTTPDownloader(progressbar=meter, chunk_size=1 << 16, timeout=_TIMEOUT)
    try:
        # pooch writes to a temporary file and renames it when its hash is right.
        pooch.retrieve(url, variant.hash, fname=path.name, path=path.parent, downloader=fetcher)
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        return f"the server answers {status}", status < 500
    except requests.Timeout:
        return f"no answer in {_TIMEOUT} seconds", False
    except requests.ConnectionError:
        return "no connection", False
    except requests.exceptions.ChunkedEncodingError:
        return "the connection was cut", False
    except requests.RequestException as error:
        return f"the request failed ({type(error).__name__})", True
    except _TooLongError:
        return f"expected {meter.limit:,} bytes, the server sends more", True
    except ValueError:
        return f"expected {variant.hash}, the server sends another file", True
    finally:
        meter.close()
    return "", True


class _TooLongError(Exception):
    """The server sends more than the registry says."""


class _Meter:
    """A progress bar in the form pooch wants, which refuses more bytes than the registry names."""

    def __init__(self, variant: Variant) -> None:
        self.limit = variant.size if variant.size is not None else _MAX_DOWNLOAD
        self.total = 0
        self._chunks = 0
        self._bar: Any = progress_bar(variant.file, variant.size, "B", scale=True)

    def update(self, count: int) -> None:
        """Count a chunk; pooch gives the size of a full one, also for the last."""
        if self._chunks > self.limit:
            raise _TooLongError
        self._chunks += count
        self._bar.update(count)

    def reset(self) -> None:
        """Start again: pooch does so once at the end, to set the bar to its total."""
        self._chunks = 0
        self._bar.reset()

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()


def _mismatch(path: Path, expected: str, found: str) -> str:
    return f"expected {path.name} with {expected}, got {found}: delete {path} and load again, or copy it again"


def _by_hand(info: DatasetInfo, candidates: list[Variant]) -> str:
    if not candidates:
        return f"{info.name} cannot be downloaded: {info.homepage}"
    place = data_folder() / candidates[0].file
    base = mirror()
    tried = f" DATASETS_MIRROR ({base}) holds none of its files;" if base else ""
    how = info.login or f"get the file from {info.homepage}"
    names = ", ".join(Path(variant.file).name for variant in candidates)
    return (
        f"{info.name} cannot be downloaded without a login:{tried} {how} (homepage: {info.homepage}) and put it into "
        f"{place.parent} (accepted: {names}), or point DATASETS_MIRROR at a folder that has it; {_OFFLINE}"
    )
