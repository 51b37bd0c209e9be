"""Pickles of arrays, read without running what they say."""

import io
import pickle
from typing import Any

import numpy as np

from ..errors import CourseError

__all__ = ["unpickle"]


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles containers, numbers, bytes and numpy arrays; anything else in a pickle could run code."""

    def find_class(self, module: str, name: str) -> Any:
        rebuild: Any = np.empty(0).__reduce__()[0]
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): rebuild,
            ("numpy._core.multiarray", "_reconstruct"): rebuild,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return allowed[module, name]


def unpickle(data: bytes, name: str) -> dict[Any, Any]:
    """The dictionary that a pickle of that name holds; a `CourseError` for any other content."""
    try:
        content = _ArrayUnpickler(io.BytesIO(data), encoding="bytes").load()
    # A damaged pickle can fail in any of these ways.
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise CourseError(f"{name} is no pickle of arrays ({error}): delete the archive and get it again") from error
    if not isinstance(content, dict):
        raise CourseError(f"expected a dictionary in {name}, got {type(content).__name__}: get the archive again")
    return content
