"""With which Python and packages a hand-in was written."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version

__all__ = ["PACKAGES", "versions_text"]

PACKAGES = ("matplotlib", "numpy", "pillow", "safetensors", "torch", "torchvision")


def versions_text() -> str:
    """Versions of Python and of the packages that are installed, as JSON; none of them is imported."""
    packages: dict[str, str] = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return json.dumps({"python": platform.python_version(), "packages": packages}, indent=1) + "\n"
