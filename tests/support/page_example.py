"""The worked example of a page in docs/, put into a copy of what students have of the course."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from demo_course import ROOT


def blocks_of_steps(page: str, count: int) -> list[str]:
    """The code of the first steps of a page."""
    steps = re.split(r"^\d\. ", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = [re.search(r"```\w*\n(.*?)```", textwrap.dedent("   " + step), re.DOTALL) for step in steps[:count]]
    return [block[1] if block else "" for block in found]


def run_python(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Python, which finds the copy in `root`, and data sets nowhere else."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "DATASETS_SOURCE": "auto"}
    for name in ("DATASETS_DIR", "DATASETS_MIRROR"):
        environment.pop(name, None)
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
