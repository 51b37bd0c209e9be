"""What a handed-in model file says of itself, read from its safetensors header without loading a weight."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..archives.entries import MEGABYTE, expect_disk
from ..errors import CourseError
from ..exercise import ModelSpec
from .source_data import hidden_parameters

__all__ = ["ModelInfo", "TensorInfo", "inspect_model", "misfit"]

# Room for counters and index buffers, too little to smuggle weights past the parameter count.
MAX_NON_FLOATING_BYTES = MEGABYTE
MAX_HEADER_BYTES = MEGABYTE


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of a model file."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def floating(self) -> bool:
        """True for floating dtypes, the ones that count as parameters."""
        return self.dtype.startswith(("F", "BF"))

    @property
    def elements(self) -> int:
        """The number of its values."""
        return math.prod(self.shape)

    @property
    def axes(self) -> int:
        """The number of its axes; 1 for a vector in any form, such as a mean of the shape (1, 3, 1, 1)."""
        return len(self.shape) if sum(size > 1 for size in self.shape) > 1 else min(len(self.shape), 1)


@dataclass(frozen=True)
class ModelInfo:
    """A model file's size and tensors; `parameters` counts floating values, buffers included.

    `hidden` of them stand in source code, where data beyond a share counts as parameters too.
    """

    parameters: int
    size_mb: float
    dtypes: tuple[str, ...]
    tensors: tuple[TensorInfo, ...]
    problems: tuple[str, ...]
    hidden: int = 0
    data_source: str = ""
    """The data it was trained on, as the file says, "embedded" or "real"; empty where it does not say."""


def inspect_model(path: Path, limits: ModelSpec | None = None, sources: Iterable[bytes] = ()) -> ModelInfo:
    """Parameters, size, dtypes and tensors of a safetensors file; `problems` says in words what is wrong.

    A damaged or forged file is a problem, not an exception. With `limits`, overdrawn limits are problems too.
    `sources` are the modules that are handed in with it: data in them counts as parameters.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise CourseError(f"expected a model at {path}, got: {error.strerror}: save it first") from None
    problems: list[str] = []
    tensors, metadata = _read_header(path, problems)
    hidden = hidden_parameters(sources)
    parameters = sum(t.elements for t in tensors if t.floating) + hidden
    others = sum(t.elements for t in tensors if not t.floating)
    # Sub-byte and complex dtypes are no state of this course's models; eight bytes bound every other one.
    if others * 8 > MAX_NON_FLOATING_BYTES:
        problems.append(
            f"{path.name} holds {others:,} values that are not floating: weights must be floating tensors, "
            f"only counters and small index buffers may be others"
        )
    if limits is not None:
        problems.extend(_over_limits(path.name, parameters, hidden, size, limits))
        problems.extend(_over_axes(path.name, tensors, limits))
    dtypes = tuple(sorted({t.dtype for t in tensors}))
    source = metadata.get("data_source", "")
    source = source if source in ("embedded", "real") else ""
    return ModelInfo(parameters, size / MEGABYTE, dtypes, tuple(tensors), tuple(problems), hidden, source)


def misfit(saved: Mapping[str, tuple[int, ...]], built: Mapping[str, tuple[int, ...]]) -> str:
    """How the tensors of a file differ from those of the model that the code builds, in words; "" where they fit.

    Both are shapes by name.
    """
    if missing := sorted(set(built) - set(saved)):
        return f"the file lacks {_some(missing)}"
    if unknown := sorted(set(saved) - set(built)):
        return f"the model has no {_some(unknown)}"
    for name, shape in built.items():
        if saved[name] != shape:
            return f"{name} is {saved[name]} in the file and {shape} in the model"
    return ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _read_header(path: Path, problems: list[str]) -> tuple[list[TensorInfo], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        if MAX_HEADER_BYTES < _header_bytes(path) < path.stat().st_size:
            # Refused unread: such a header lists hundreds of thousands of tensors, and takes seconds.
            problems.append(f"the header of {path.name} is over {MAX_HEADER_BYTES // 1000} kB: save tensors only")
            return [], {}
        # A forged header lies about sizes and counts: the library's own reader holds it against the file.
        with safe_open(path, framework="numpy") as file:
            slices = ((name, file.get_slice(name)) for name in sorted(file.keys()))
            tensors = [TensorInfo(name, str(s.get_dtype()), tuple(s.get_shape())) for name, s in slices]
            metadata = file.metadata() or {}
    except (SafetensorError, OSError, ValueError, OverflowError, MemoryError) as error:
        expect_disk(error, path)
        reason = " ".join(str(error).split())[:120]
        problems.append(f"{path.name} is not a readable safetensors file ({reason}): save it with save_model")
        return [], {}
    if not tensors:
        problems.append(f"{path.name} holds no tensors: save the trained model with save_model")
    return tensors, metadata


def _header_bytes(path: Path) -> int:
    """The length of the header, as the file's first eight bytes state it."""
    with path.open("rb") as file:
        return int.from_bytes(file.read(8), "little")


def _over_limits(name: str, parameters: int, hidden: int, size: int, limits: ModelSpec) -> Iterable[str]:
    if parameters > limits.max_parameters:
        most = f"at most {limits.max_parameters:,} are allowed"
        of_them = f", {hidden:,} of them as data in the source code" if hidden else ""
        yield f"{name} has {parameters:,} parameters{of_them}, {most}: make the model smaller"
    if size > limits.max_size_mb * MEGABYTE:
        most = f"at most {limits.max_size_mb:g} MB are allowed"
        yield f"{name} has {size / MEGABYTE:.1f} MB, {most}: make the model smaller"


def _over_axes(name: str, tensors: Iterable[TensorInfo], limits: ModelSpec) -> Iterable[str]:
    if limits.max_axes is None:
        return
    over = [tensor for tensor in tensors if tensor.axes > limits.max_axes]
    if over:
        more = f" (and {len(over) - 1} more)" if len(over) > 1 else ""
        matrices = ", those of fully connected layers: build the model without convolutions"
        what = matrices if limits.max_axes == 2 else ": build the model of other layers"
        yield (
            f"{over[0].name} in {name} has {over[0].axes} axes, {over[0].shape}{more}; at most {limits.max_axes} are "
            f"allowed{what}"
        )
