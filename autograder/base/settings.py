"""What one grading run is made with: the secret, the data source, the device, the course."""

import hashlib
import hmac
import os
import platform
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from .errors import AutograderError

__all__ = ["MOST_HAND_INS", "Settings", "settings_from_environment", "versions"]

DEMO_SECRET = b"a public demo secret: set AUTOGRADER_SECRET"
MIN_SECRET_CHARACTERS = 32
# Of each student, the newest.
MOST_HAND_INS = 10
# In a course folder, next to class.toml.
SECRET_FILE = "secret"


@dataclass(frozen=True)
class Settings:
    """Settings of a grading run; picklable, so that judges in other processes get the same."""

    secret: bytes = field(default=DEMO_SECRET, repr=False)
    data: Literal["embedded", "real"] = "embedded"
    device: str = "cpu"
    unsafe: bool = False
    stop_at_first_failure: bool = False
    cpu_factor: float = 1.0
    # What one student may cost: hand-ins that are graded, and seconds of one on the wall where the class says so.
    hand_ins: int = MOST_HAND_INS
    hand_in_seconds: float | None = None
    # Whose modules of the exercises that one builds on: the course's own, or the student's.
    earlier: Literal["reference", "student"] = "reference"

    @property
    def demo_secret(self) -> bool:
        """True when the secret is the public one."""
        return self.secret == DEMO_SECRET

    @property
    def secret_hash(self) -> str:
        """A short hash that tells secrets apart and gives none away."""
        return hashlib.sha256(b"published:" + self.secret).hexdigest()[:16]

    def seed(self, exercise: str, name: str) -> int:
        """The 63-bit seed of a test or a hidden set: an HMAC of the secret with its name; too long to be guessed."""
        digest = hmac.new(self.secret, f"{exercise}:{name}".encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:8], "little") >> 1


def settings_from_environment(
    *,
    data: str = "embedded",
    device: str = "auto",
    unsafe: bool = False,
    folder: Path | None = None,
    here: bool = True,
    demo: bool = False,
) -> Settings:
    """Settings with the secret of `AUTOGRADER_SECRET`, else of the course folder, else the public demo secret.

    A course folder without its secret is an error, unless `demo` asks for the public one. `here` says that judges run
    on this machine; those elsewhere look for their device themselves, and `auto` is cpu.
    """
    secret = os.environ.get("AUTOGRADER_SECRET", "")
    if not secret and folder is not None and (folder / SECRET_FILE).is_file():
        secret = _read_secret(folder / SECRET_FILE)
    elif secret and len(secret) < MIN_SECRET_CHARACTERS:
        raise AutograderError(
            f"expected AUTOGRADER_SECRET to have {MIN_SECRET_CHARACTERS} characters or more, got {len(secret)}: "
            'make one with `python -c "import secrets; print(secrets.token_hex(16))"`'
        )
    elif not secret and folder is not None and not demo:
        raise AutograderError(
            f"expected the class's secret in {folder / SECRET_FILE}, found none: put the file back, from which all "
            "hidden inputs come. If there never was one, `autograder course` makes it; --demo-secret goes on with the "
            "public one"
        )
    if data not in ("embedded", "real"):
        raise AutograderError(f"expected --data embedded or real, got {data!r}")
    return Settings(
        secret=secret.encode() or DEMO_SECRET,
        data="real" if data == "real" else "embedded",
        device=resolve_device(device) if here else resolve_elsewhere(device),
        unsafe=unsafe,
    )


def _read_secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AutograderError(f"could not read the secret in {path}: {error}: fix the file") from None
    if len(secret) < MIN_SECRET_CHARACTERS:
        raise AutograderError(
            f"expected {MIN_SECRET_CHARACTERS} characters or more in {path}, got {len(secret)}: remove the file, "
            "and `autograder course` makes a new secret"
        )
    return secret


def resolve_device(name: str) -> str:
    """`cpu`, `cuda` or `mps`; `auto` is the best this machine has. Never imports torch."""
    _expect_device(name)
    has_cuda = Path("/proc/driver/nvidia/version").exists() and any(Path("/dev").glob("nvidia[0-9]*"))
    has_mps = platform.system() == "Darwin" and platform.machine() == "arm64"
    if name == "cuda" and not has_cuda:
        raise AutograderError("expected an NVIDIA GPU for --device cuda, found none: use --device cpu")
    if name == "mps" and not has_mps:
        raise AutograderError("expected an Apple GPU for --device mps, found none: use --device cpu")
    if name != "auto":
        return name
    return "cuda" if has_cuda else "mps" if has_mps else "cpu"


def resolve_elsewhere(name: str) -> str:
    """The device that judges on other machines are asked for."""
    _expect_device(name)
    return "cpu" if name == "auto" else name


def _expect_device(name: str) -> None:
    if name not in ("auto", "cpu", "cuda", "mps"):
        raise AutograderError(f"expected --device auto, cpu, cuda or mps, got {name!r}")


@cache
def versions() -> dict[str, str]:
    """Versions of what a score may depend on, without importing any of it."""
    found = {"python": platform.python_version()}
    for name in ("numpy", "pillow", "safetensors", "torch", "torchvision"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
