"""What grading finds: one JSON result a hand-in."""

import os
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from .errors import AutograderError

__all__ = ["CellResult", "Result", "TestResult", "read_result", "write_result"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TestResult(_Model):
    """One test. `reason` may be shown to the student; `log` is for the instructor."""

    __test__ = False

    name: str
    title: str
    visible: bool
    passed: bool
    reason: str = ""
    want: str = ""
    got: str = ""
    hint: str = ""
    log: str = ""
    seconds: float = 0.0


class CellResult(_Model):
    """A graded cell: its points are divided equally over its tests."""

    grade_id: str
    points: float
    max_points: float
    tests: list[TestResult]


class Result(_Model):
    """What one hand-in earns, and why; `failed` says that grading itself failed, not the hand-in."""

    student: str
    exercise: str
    hand_in: str
    digest: str = ""
    key: str = ""
    score: float = 0.0
    max_score: float = 0.0
    cells: list[CellResult] = []
    metrics: dict[str, float] = {}
    model: dict[str, Any] = {}
    notes: list[str] = []
    refused: str = ""
    failed: str = ""
    complete: bool = True
    data: str = ""
    device: str = ""
    secret_hash: str = ""
    demo_secret: bool = False
    versions: dict[str, str] = {}
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    memory_mb: float = 0.0

    @property
    def lost(self) -> list[TestResult]:
        """The failed tests, in order."""
        return [t for cell in self.cells for t in cell.tests if not t.passed]

    def for_student(self) -> "Result":
        """The result without what could carry a hidden input out: logs, times, memory, the last digits of a metric."""
        cells = [
            cell.model_copy(update={"tests": [t.model_copy(update={"log": "", "seconds": 0.0}) for t in cell.tests]})
            for cell in self.cells
        ]
        zero = {"cpu_seconds": 0.0, "wall_seconds": 0.0, "memory_mb": 0.0}
        metrics = {name: float(f"{value:.3g}") for name, value in self.metrics.items()}
        return self.model_copy(update={"cells": cells, "metrics": metrics, **zero})


def write_result(result: Result, path: Path) -> None:
    """Write the result as JSON, atomically: a reader finds the old file, or the whole new one."""
    text = result.model_dump_json(indent=1) + "\n"
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise AutograderError(
            f"could not write {path}: {error.strerror}: make room or name another --out; a re-run continues here"
        ) from None


def read_result(path: Path) -> Result | None:
    """The result in a file, None when there is none or it is not readable as one."""
    try:
        return Result.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
