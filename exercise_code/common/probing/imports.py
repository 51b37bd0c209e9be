"""Imports of the student's modules that are known to end badly: a crash, a loop or a hog is met once a module."""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["ModuleEnded", "import_alone", "run_without"]


class ModuleEnded(ImportError):
    """An import that is not tried again; its text is the module's name within the package."""


class _Refusal(importlib.abc.MetaPathFinder):
    def __init__(self, package: str, names: Sequence[str]) -> None:
        self._names = {f"{package}.{name}": name for name in names}

    def find_spec(self, fullname: str, *_: Any, **__: Any) -> importlib.machinery.ModuleSpec | None:
        if fullname in self._names:
            raise ModuleEnded(self._names[fullname])
        return None


def run_without(code: Any, package: str, names: Sequence[str], probe: Callable[..., Any], inputs: Sequence[Any]) -> Any:
    """The probe's answer where these modules of the package cannot be imported: `ModuleEnded` where it needs one."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Refusal)]
    sys.meta_path.insert(0, _Refusal(package, names))
    return probe(code, *inputs)


def import_alone(code: Any, name: str) -> None:
    """Import one of the student's modules, and nothing else."""
    getattr(code, name)
