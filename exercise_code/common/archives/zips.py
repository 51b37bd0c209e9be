"""The one writer of zips: the same files give the same bytes, whatever the clock and the system say."""

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime

__all__ = ["zip_bytes"]

# The first moment that a zip can hold.
_EPOCH = datetime(1980, 1, 1)


def zip_bytes(files: Mapping[str, bytes], *, moment: datetime = _EPOCH, level: int = 9) -> bytes:
    """A zip of the files, sorted by name; all of them plain, as if made on Unix at `moment`.

    `level` is how hard deflate tries, 1 to 9. Weights (`.safetensors`) are noise and stored as they are.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
            stored = name.endswith(".safetensors")
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, files[name], compresslevel=None if stored else level)
    return buffer.getvalue()
