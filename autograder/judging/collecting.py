"""The tests read by pytest, and why a file of them could not be: one line with the place and the exception."""

import os
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..base.errors import AutograderError
from ..base.text import line

__all__ = ["fault_of", "run_pytest", "skip_of"]

ARGUMENTS = [
    *("--import-mode=importlib", "--noconftest", "-p", "no:terminal", "-p", "no:cacheprovider"),
    *("-p", "no:faulthandler", "-p", "no:logging", "-p", "no:doctest", "-p", "no:junitxml", "-c", os.devnull),
    # pytest's rewriting would explain a failed comparison with a diff, which takes hours on hostile texts.
    "--assert=plain",
]
# Frames of whatever imports a file, or is used by it, say nothing of it.
_NOT_THEIRS = ("<frozen ", sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))


def run_pytest(files: Sequence[Path], root: Path, plugin: object) -> int:
    """pytest's exit code, with the plugin and no other."""
    for path in files:
        if not path.is_file():
            raise AutograderError(f"expected a file of tests at {path}, found none: write it")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    before = sys.dont_write_bytecode
    try:
        return int(pytest.main([*ARGUMENTS, f"--rootdir={root}", *map(str, files)], plugins=[plugin]))
    finally:
        sys.dont_write_bytecode = before


def fault_of(error: BaseException, path: Path) -> AutograderError:
    """What the import of the tests in `path` raised, with the last line of the course's own code."""
    # pytest wraps what it knows, in a text of many lines.
    if isinstance(error, pytest.Collector.CollectError) and error.__cause__ is not None:
        error = error.__cause__
    file, number = str(path), 0
    if isinstance(error, SyntaxError) and error.filename:
        file, number, text = error.filename, error.lineno or 0, error.msg
    else:
        text = str(error)
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == str(path) or not frame.filename.startswith(_NOT_THEIRS):
                file, number = frame.filename, frame.lineno or 0
    at = f"{file}, line {number}" if number else file
    what = f"{type(error).__name__}: {line(text)[:300]}" if text else type(error).__name__
    return AutograderError(f"the tests could not be read: {at}: {what}: fix it, nothing was graded")


def skip_of(report: pytest.CollectReport) -> AutograderError:
    """That a file leaves its tests out: then nobody would earn their points."""
    file, number, text = report.longrepr if isinstance(report.longrepr, tuple) else (report.nodeid, 0, "")
    return AutograderError(
        f"the tests could not be read: {file}, line {number}: {line(text)[:300]}: tests that count are never skipped"
    )
