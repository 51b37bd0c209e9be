"""The device to compute on."""

import torch

from .errors import CourseError

__all__ = ["full_float32", "get_device"]

_KINDS = ("auto", "cpu", "cuda", "mps")


def get_device(name: str = "auto") -> torch.device:
    """The device of this name; "auto" takes CUDA, else Apple's MPS, else the CPU.

    A `CourseError` says so when the machine does not have the device that was asked for.
    """
    kind, _, index = str(name).partition(":")
    if kind not in _KINDS or (index and not (kind == "cuda" and index.isdigit())):
        raise CourseError(f"expected a device out of {', '.join(_KINDS)}, got {name!r}")
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if kind == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    if kind == "cuda" and not cuda:
        raise CourseError(f"expected an NVIDIA GPU for the device {name!r}, found none: use 'auto' or 'cpu'")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise CourseError(f"expected a GPU number below {torch.cuda.device_count()}, got {name!r}")
    if kind == "mps" and not mps:
        raise CourseError("expected an Apple GPU for the device 'mps', found none: use 'auto' or 'cpu'")
    return torch.device(name)


def full_float32() -> None:
    """Nothing; from now on NVIDIA GPUs multiply float32 in full, not in TF32 with its 10-bit fractions.

    Scores of one model then agree between CPU and GPU.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
