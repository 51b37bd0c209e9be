"""The worked example of a page in docs/, put into a copy of what students have of the course."""

import re
import shutil
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copy_of_the_package(root: Path) -> Path:
    """`root`, with the students' package in it and no exercise."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "exercise_code" / "common", root / "exercise_code" / "common", ignore=ignored)
    shutil.copy(ROOT / "exercise_code" / "__init__.py", root / "exercise_code")
    return root


def blocks_of_steps(page: str, count: int) -> list[str]:
    """The code of the first steps of a page."""
    steps = re.split(r"^\d\. ", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = [re.search(r"```\w*\n(.*?)```", textwrap.dedent("   " + step), re.DOTALL) for step in steps[:count]]
    return [block[1] if block else "" for block in found]
