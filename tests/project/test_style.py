"""Lint and types, as `make check` runs them, so that a red one also stops `make test`."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("tool", [["ruff", "check", "."], ["mypy"]], ids=["ruff", "mypy"])
def test_the_code_is_clean(tool: list[str], repo_root: Path) -> None:
    run = subprocess.run([sys.executable, "-m", *tool], cwd=repo_root, capture_output=True, text=True)
    assert run.returncode == 0, f"{' '.join(tool)}:\n{run.stdout[-4000:]}{run.stderr[-1000:]}"
