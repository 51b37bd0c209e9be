"""What this computer has, in words, before the course begins. Given: nothing to fill in here."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

__all__ = ["describe_setup", "show_setup"]

GIGABYTE = 1e9
MIN_PYTHON = (3, 11)
MIN_DISK_GB, MIN_MEMORY_GB = 5, 4
PACKAGES = ("numpy", "matplotlib", "jupyterlab", "torch")


def show_setup() -> None:
    """Print what was found, a line each, and what to do about what is missing."""
    for mark, text in describe_setup():
        print(f"{mark} {text}")


def describe_setup() -> list[tuple[str, str]]:
    """Lines about this computer: "✓" is fine, "!" wants something done, "·" is good to know."""
    return [_python(), *(_package(name) for name in PACKAGES), _disk(Path.cwd()), _memory(_memory_gb()), _gpu(_gpus())]


def _python(version: tuple[int, ...] = sys.version_info[:3]) -> tuple[str, str]:
    shown = ".".join(map(str, version))
    if version[:2] >= MIN_PYTHON:
        return "✓", f"Python {shown}"
    wanted = ".".join(map(str, MIN_PYTHON))
    return "!", f"Python {shown}: this course needs {wanted} or newer; make the environment anew, as the README says"


def _package(name: str) -> tuple[str, str]:
    try:
        return "✓", f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        if name == "torch":
            return "·", "torch is not installed: you need it from exercise 7 on; `make lab` brings it"
        return "!", f"{name} is not installed in this Python: `make lab` in the course's folder brings it"


def _disk(folder: Path) -> tuple[str, str]:
    free = shutil.disk_usage(folder).free / GIGABYTE
    if free >= MIN_DISK_GB:
        return "✓", f"{free:,.0f} GB of free disk"
    return "!", f"{free:.1f} GB of free disk: make room for {MIN_DISK_GB} GB, as data sets and models are stored there"


def _memory_gb() -> float:
    return float(psutil.virtual_memory().total / GIGABYTE)


def _memory(total: float) -> tuple[str, str]:
    if total >= MIN_MEMORY_GB:
        return "✓", f"{total:,.0f} GB of memory"
    return (
        "!",
        f"{total:.1f} GB of memory: close other programs while you work; the later exercises want {MIN_MEMORY_GB}",
    )


def _gpus() -> list[str]:
    """Names of the graphics cards that deep learning could use."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return ["Apple's own"]
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in found.splitlines() if line.strip()]


def _gpu(names: list[str]) -> tuple[str, str]:
    if names:
        return "✓", f"a graphics card (GPU): {', '.join(names)}"
    return "·", "no graphics card (GPU) for deep learning: none is needed, every exercise runs without one"
