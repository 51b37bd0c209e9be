"""Which cluster, how it is reached, and whether it fits."""

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...base.errors import AutograderError
from ...base.settings import versions

__all__ = ["INSTALL", "JUDGE_BYTES", "ClusterSettings", "python_fault", "versions_fault"]
JUDGE_BYTES = 2 * 10**9
INSTALL = "pip install -c constraints.txt '.[grading,cluster]'"


@dataclass(frozen=True)
class ClusterSettings:
    """Which cluster, and how to talk to it.

    `address` is a scheduler's, such as `tls://host:8786`, or `slurm`. `workers` says how many Slurm jobs to start, or
    how many of an address's workers to use at most; `judges` how many judges each has (its threads by default, one in
    a Slurm job). `patience` are seconds without any worker after which the run gives up. `folder` must be one that
    Slurm's nodes see, for logs and certificates (by default in the home), and `slurm_options` are words for sbatch.
    """

    address: str
    certificates: Path | None = None
    insecure: bool = False
    workers: int | None = None
    judges: int | None = None
    patience: float | None = None
    folder: Path | None = None
    slurm_options: tuple[str, ...] = ()
    walltime: str = "08:00:00"
    host: str | None = None
    interface: str | None = None

    @property
    def is_slurm(self) -> bool:
        """True when the workers are Slurm jobs that we start."""
        return self.address == "slurm"

    def check(self) -> None:
        """Nothing; an `AutograderError` when the address is none, or open to everybody."""
        for name, value in (("--jobs", self.workers), ("judges", self.judges)):
            if value is not None and value < 1:
                raise AutograderError(f"expected {name} to be 1 or more, got {value}")
        if self.is_slurm:
            return
        try:
            parts = urlsplit(self.address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or not port or parts.scheme not in ("tls", "tcp"):
            raise AutograderError(f"expected --cluster tls://host:8786, tcp://host:8786 or slurm, got {self.address!r}")
        if parts.scheme == "tls" and self.insecure:
            raise AutograderError(f"expected --no-tls with a tcp:// address, got {self.address}: leave one of them out")
        if parts.scheme == "tcp" and not self.insecure and not _is_loopback(host):
            raise AutograderError(
                f"expected tls://, got {self.address}: whoever can connect to a scheduler without TLS runs code as you "
                "and reads the hidden tests. Make certificates with `autograder certificates`, or say --no-tls if the "
                "network between the machines is yours alone"
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def python_fault(found: dict[str, Any]) -> str:
    """What is wrong with the Python that Dask reports for a machine; empty when nothing is."""
    theirs = str(found.get("host", {}).get("python", "an unknown Python"))
    ours = versions()["python"]
    if theirs.split(".")[:2] == ours.split(".")[:2]:
        return ""
    return f"has Python {'.'.join(theirs.split('.')[:3])}, here it is {ours}: start it with the same Python"


def versions_fault(text: str) -> str:
    """Which of a worker's versions, as JSON, differ from ours; Python's last number may."""
    try:
        theirs = json.loads(text)
        differ = [
            f"{name} {theirs.get(name, 'is missing')}, here {ours}"
            for name, ours in versions().items()
            if (theirs.get(name) or "").split(".")[: 2 if name == "python" else None]
            != ours.split(".")[: 2 if name == "python" else None]
        ]
    except (ValueError, AttributeError):
        return "no versions that could be read"
    return f"other versions ({'; '.join(differ)})" if differ else ""
