"""Files of real data: found on disk or in a mirror, else downloaded, and verified by size and hash."""

import hashlib
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from exercise_code.common.errors import CourseError
from exercise_code.common.places import data_folder, mirror, storage_errors
from exercise_code.common.progress import progress_bar
from exercise_code.common.registry import DatasetInfo, Variant

__all__ = ["download", "local_file", "verify"]

_ATTEMPTS = 3
_TIMEOUT = 20
# A mirror that sends without an end must not fill the disk.
_MAX_DOWNLOAD = 2_000_000_000
_OFFLINE = 'source="embedded" works without a network'


def local_file(variant: Variant) -> Path | None:
    """The variant's file in the data folder or in a mirror that is a folder; None where it is in neither."""
    base = mirror()
    for folder in (data_folder(), base):
        if isinstance(folder, Path) and (folder / variant.file).is_file():
            return folder / variant.file
    return None


def verify(path: Path, variant: Variant) -> None:
    """Refuses a file whose size or hash is not the registry's."""
    with storage_errors(path.parent, path.name):
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
    offers: list[tuple[Variant, str]] = []
    candidates = [variant for variant in info.loadable if split in variant.splits]
    base = mirror()
    if isinstance(base, str):
        offers += [(variant, f"{base}/{quote(variant.file)}") for variant in candidates]
    offers += [(variant, variant.url) for variant in candidates if variant.url]
    if not offers:
        raise CourseError(_by_hand(info, candidates))
    failures = []
    for variant, url in offers:
        path = data_folder() / variant.file
        failure = _fetch(url, variant, path)
        if failure is None:
            return variant, path
        failures.append(f"{url}: {failure}")
    raise CourseError(f"could not download {info.name} ({'; '.join(failures)}): try again later; {_OFFLINE}")


def _fetch(url: str, variant: Variant, path: Path) -> str | None:
    """None when the file has arrived, else why it has not."""
    import pooch
    import requests

    # pooch tells on stderr what it does; the lines below say it once, on stdout.
    pooch.get_logger().setLevel("ERROR")
    what = f"{variant.file} ({variant.size / 1e6:,.0f} MB)" if variant.size else variant.file
    failure = "no answer"
    with storage_errors(path.parent, what):
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
    if variant.size is not None and free < variant.size:
        raise CourseError(
            f"no room in {path.parent} for {what}, {free / 1e6:,.0f} MB are free: free some space, "
            "or set DATASETS_DIR to another folder"
        )
    print(f"downloading {what} from {urlsplit(url).netloc}", flush=True)
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(0.5 * 2**attempt)
        meter = _Meter(variant)
        fetcher = pooch.HTTPDownloader(progressbar=meter, chunk_size=1 << 16, timeout=_TIMEOUT)
        try:
            with storage_errors(path.parent, what):
                _retrieve(pooch, url, variant, path, fetcher)
            return None
        except requests.HTTPError as error:
            failure = f"the server answers {error.response.status_code}"
            # What is not there, or not allowed, will not be there a second later.
            if error.response.status_code < 500:
                return failure
        except requests.Timeout:
            failure = f"no answer in {_TIMEOUT} seconds"
        except requests.ConnectionError as error:
            failure = "the connection was cut" if "IncompleteRead" in repr(error) else "no connection"
        except requests.RequestException:
            failure = "the connection was cut"
        except ValueError:
            kind, expected = (variant.hash or "hash:?").split(":")
            return f"expected {kind} {expected}, got another file"
        finally:
            meter.close()
    return failure


def _retrieve(pooch: Any, url: str, variant: Variant, path: Path, fetcher: Any) -> None:
    import requests

    try:
        pooch.retrieve(url, variant.hash, fname=path.name, path=path.parent, downloader=fetcher)
    except requests.RequestException as error:
        # These are OSErrors too, and would be taken for failures of the disk; a full disk stays what it is.
        raise _Network(error) from error


class _Network(Exception):
    """Carries a network failure past `storage_errors`."""


class _Meter:
    """A progress bar in the form pooch wants, which refuses more bytes than the registry names."""

    def __init__(self, variant: Variant) -> None:
        self._variant = variant
        self._limit = variant.size if variant.size is not None else _MAX_DOWNLOAD
        self._bar: Any = progress_bar(variant.file, variant.size, "B", scale=True)
        self._done = 0
        self.total = 0
