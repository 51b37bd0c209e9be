"""The students' package. Importing it is cheap: each name is loaded when it is first used."""

import importlib
from typing import Any

_MODULES = {
    "check": "checks.check",
    "evaluate_model": "evaluation",
    "get_device": "devices",
    "load_dataset": "datasets.load",
    "load_model": "models",
    "save_model": "models",
    "seed_everything": "seeding",
    "submit": "submitting.submit",
}

__all__ = [
    "check",
    "evaluate_model",
    "get_device",
    "load_dataset",
    "load_model",
    "save_model",
    "seed_everything",
    "submit",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".common.{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
