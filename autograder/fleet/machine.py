"""What this machine has for judges: cores, memory, GPUs. Nothing here imports torch."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Gpu", "Machine", "plan_judges", "this_machine"]

MEGABYTE = 2**20
# What a judge, its worker, its reference worker and a hand-in's child need together.
JUDGE_MB = 2_000
# With a GPU, children map the driver and CUDA's libraries as well, the hand-in's and the reference's.
JUDGE_MB_WITH_GPU = 6_000
# GPU memory of a judge: two CUDA contexts of half a gigabyte each, the rest for models and their activations.
JUDGE_GPU_MB = 4_000
# On a GPU wall clock decides, and it allows five times a test's own time: more judges would spend it for each other.
JUDGES_PER_GPU = 4


@dataclass(frozen=True)
class Gpu:
    """One GPU: its name as CUDA_VISIBLE_DEVICES takes it, and its free memory where that is known."""

    id: str
    free_mb: int | None = None


@dataclass(frozen=True)
class Machine:
    """Cores and memory that this process may use, and the GPUs that it may see."""

    cores: int
    memory_mb: int
    gpus: tuple[Gpu, ...] = ()


def plan_judges(device: str, jobs: int | None, machine: Machine) -> tuple[str, ...]:
    """For each judge, the GPU that it uses, "" without one; as many judges as fit when `jobs` is None.

    Judges go round the GPUs, those with most free memory first, and no GPU gets a second one before each has one.
    """
    memory = JUDGE_MB_WITH_GPU if device == "cuda" else JUDGE_MB
    fit = max(1, min(machine.cores, machine.memory_mb // memory))
    if device == "mps":
        # One GPU, whose memory is the machine's.
        fit = 1
    if device != "cuda":
        return ("",) * (fit if jobs is None else jobs)
    gpus = sorted(machine.gpus, key=lambda gpu: -(gpu.free_mb or 0)) or [Gpu("")]
    rounds = [gpu.id for n in range(JUDGES_PER_GPU) for gpu in gpus if n < _places(gpu)]
    if jobs is None:
        return tuple(rounds[:fit])
    # Who names a number gets it, though it be more than fits.
    return tuple(rounds[i % len(rounds)] for i in range(jobs))


def _places(gpu: Gpu) -> int:
    return 1 if gpu.free_mb is None else max(1, min(JUDGES_PER_GPU, gpu.free_mb // JUDGE_GPU_MB))


def this_machine(gpus: bool = False) -> Machine:
    """What there is here; `gpus` says whether to look for GPUs too, which takes a moment."""
    found = _gpus(_nvidia_smi(), _driver_gpus(), os.environ) if gpus else ()
    return Machine(_cores(), _memory_mb(), found)


def _cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _control_groups("cpu"):
        with suppress(OSError, ValueError):
            if (folder / "cpu.max").exists():
                quota, period = (folder / "cpu.max").read_text().split()
            else:
                quota, period = ((folder / f"cpu.cfs_{n}_us").read_text() for n in ("quota", "period"))
            if int(quota) > 0:
                cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def _memory_mb() -> int:
    """Free memory, at most what the control group allows; where the system does not say, all there is."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        memory = 64 * 2**30
    with suppress(OSError, IndexError, ValueError):
        memory = int(Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]) * 1024
    for folder in _control_groups("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with suppress(OSError, ValueError):
                memory = min(memory, int((folder / name).read_text()))
    return memory // MEGABYTE


def _control_groups(
    controller: str, root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> Iterator[Path]:
    """The folders of this process's control groups and of those above them, in either version."""
    with suppress(OSError):
        for line in own.read_text().splitlines():
            _, names, path = line.split(":", 2)
            if names and controller not in names.split(","):
                continue
            top = root / controller if names else root
            folder = top / path.lstrip("/")
            while True:
                yield folder
                if folder == top:
                    break
                folder = folder.parent


def _nvidia_smi() -> str:
    """What nvidia-smi says of each GPU, one a line; empty where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    command = [tool, "--query-gpu=index,uuid,memory.free", "--format=csv,noheader,nounits"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _driver_gpus() -> tuple[str, ...]:
    """The ids of the GPUs that the driver lists."""
    found = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        with suppress(OSError, IndexError):
            found.append(path.read_text().split("GPU UUID:")[1].split()[0])
    return tuple(found)


def _gpus(listed: str, driver: tuple[str, ...], environment: Mapping[str, str]) -> tuple[Gpu, ...]:
    """The GPUs that this process may use; CUDA_VISIBLE_DEVICES, where it is set, chooses among them."""
    known: list[tuple[str, Gpu]] = []
    for line in listed.splitlines():
        with suppress(ValueError):
            index, uuid, free = (part.strip() for part in line.split(","))
            known.append((index, Gpu(uuid, int(free) if free.isdigit() else None)))
    gpus = [gpu for _, gpu in known] or [Gpu(uuid) for uuid in driver]
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return tuple(gpus)
    found = []
    for name in filter(None, (part.strip() for part in chosen.split(","))):
        # An id may be cut short; parts of a GPU (MIG) are not in the list, and their memory is unknown.
        like = [g for index, g in known if name == index or (not name.isdigit() and g.id.startswith(name))]
        found.append(Gpu(name, like[0].free_mb if like else None))
    return tuple(found)
