"""A probe on the student's code in this process."""

import copy
import importlib
import importlib.util
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .exceptions import describe_exception, failure_from
from .failures import Failure
from .wire import decode, encode

__all__ = ["Code", "InProcess", "seed_all"]


class Code:
    """The student's package: `code.dataloader` imports its module `dataloader`; `code.models` is a folder.

    `scores` keeps what the handed-in model came to, for the tests that ask for it in turn.
    """

    def __init__(self, package: str, models: Path | None = None) -> None:
        self._package = package
        self.models = models
        self.scores: list[Any] = []

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("_"):
            raise AttributeError(name)
        return importlib.import_module(f"{self._package}.{name}")


def seed_all(seed: int) -> None:
    """Seed Python's, numpy's and, where it is imported, torch's global generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


@contextmanager
def _own_random_state(seed: int) -> Iterator[None]:
    """Seed the global generators, and give the notebook its own state back afterwards."""
    torch = sys.modules.get("torch")
    saved = random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None
    seed_all(seed)
    try:
        yield
    finally:
        random.setstate(saved[0])
        np.random.set_state(saved[1])
        if torch and saved[2] is not None:
            torch.set_rng_state(saved[2])


@contextmanager
def _temporary_cwd() -> Iterator[None]:
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="check-", ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


class InProcess:
    """`observe` in this process: the same answers, types and failures as through the sandbox."""

    def __init__(self, code: Code, folder: Path, seed: int = 0, writable: bool = False) -> None:
        self.code, self.folder, self.seed, self.writable = code, folder, seed, writable

    def __call__(self, probe: Callable[..., Any], *inputs: Any) -> Any:
        """The probe's answer; a `Failure` when the student's code raises or answers what cannot travel."""
        with _own_random_state(self.seed):
            try:
                if self.writable:
                    with _temporary_cwd():
                        return decode(encode(probe(self.code, *copy.deepcopy(inputs))))
                return decode(encode(probe(self.code, *copy.deepcopy(inputs))))
            except Failure:
                raise
            except (Exception, SystemExit) as error:
                raise failure_from(describe_exception(error, self.folder)) from error
