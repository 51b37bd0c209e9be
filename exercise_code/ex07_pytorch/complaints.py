"""Given: cells that fail on purpose, and go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["complaint"]


@contextmanager
def complaint() -> Iterator[None]:
    """A block that is expected to fail: prints what PyTorch says, and goes on below the block."""
    try:
        yield
    # Whatever it is: it is what the reader came to see.
    except Exception as error:  # noqa: BLE001
        print(f"{type(error).__name__}: {error}")
    else:
        print("No complaint at all.")
