"""What grading finds: one JSON result a hand-in."""

import base64
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from exercise_code.common.checks.score_table import ScoreTable
from exercise_code.common.hand_ins.notes import Note
from exercise_code.common.reasons import Reason

from ..base.errors import AutograderError
from ..base.files import write_whole

__all__ = ["CellResult", "Result", "TestResult", "pack_samples", "read_result", "unpack_samples", "write_result"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TestResult(_Model):
    """One test. `reason` may be shown to the student, `code` says which kind it is.

    `log`, and `raised`, the type of an exception, are for the instructor.

    A cell's points are divided over its tests by `weight`; a test of weight 0 informs and costs nothing. `step` is
    the step of the model's score that it asks for.
    """

    __test__ = False

    name: str
    title: str
    visible: bool
    passed: bool
    weight: float = 1.0
    step: str = ""
    code: Reason | None = None
    reason: str = ""
    made_call: str = ""
    want: str = ""
    got: str = ""
    hint: str = ""
    log: str = ""
    raised: str = ""
    seconds: float = 0.0


class CellResult(_Model):
    """A graded cell: its points are divided over its tests, by their weights."""

    grade_id: str
    points: float
    max_points: float
    tests: list[TestResult]


class Result(_Model):
    """What one hand-in earns, and why; `failed` says that grading itself failed, not the hand-in.

    `metrics` are on the whole hidden set, `public_metrics` and `private_metrics` on its two halves. `samples` is
    the model's output for the first samples of the validation set, as `pack_samples` writes it, and `tables` say of
    that set, which students have, what the score does not.
    """

    student: str
    named: str = ""
    """Whose numbers the hand-in answers, in an exercise whose numbers differ from student to student."""
    exercise: str
    hand_in: str
    digest: str = ""
    key: str = ""
    score: float = 0.0
    max_score: float = 0.0
    cells: list[CellResult] = []
    metrics: dict[str, float] = {}
    public_metrics: dict[str, float] = {}
    private_metrics: dict[str, float] = {}
    samples: str = ""
    tables: list[ScoreTable] = []
    model: dict[str, Any] = {}
    notes: list[Note] = []
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
        """The result without what could carry a hidden input out: logs, times, memory, metrics but the public one.

        The public metric is rounded to three digits, so that nobody climbs by asking often.
        """
        secret = {"log": "", "raised": "", "seconds": 0.0}
        cells = [
            cell.model_copy(update={"tests": [t.model_copy(update=secret) for t in cell.tests]}) for cell in self.cells
        ]
        zero = {"cpu_seconds": 0.0, "wall_seconds": 0.0, "memory_mb": 0.0}
        public = {name: float(f"{value:.3g}") for name, value in self.public_metrics.items()}
        hidden = {"metrics": {}, "private_metrics": {}, "public_metrics": public}
        return self.model_copy(update={"cells": cells, **hidden, **zero})


def pack_samples(predictions: npt.NDArray[Any]) -> str:
    """An array as text: numpy's own format, compressed, in base64."""
    buffer = io.BytesIO()
    np.save(buffer, predictions, allow_pickle=False)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode("ascii")


def unpack_samples(text: str) -> npt.NDArray[Any] | None:
    """The array that `pack_samples` packed; None for an empty text."""
    if not text:
        return None
    found: npt.NDArray[Any] = np.load(io.BytesIO(zlib.decompress(base64.b64decode(text))), allow_pickle=False)
    return found


def write_result(result: Result, path: Path) -> None:
    """Write the result as JSON, atomically: a reader finds the old file, or the whole new one."""
    try:
        write_whole((result.model_dump_json(indent=1) + "\n").encode(), path)
    except OSError as error:
        raise AutograderError(
            f"could not write {path}: {error.strerror}: make room or name another --out; a re-run continues here"
        ) from None


def read_result(path: Path) -> Result | None:
    """The result in a file, None when there is none or it is not readable as one."""
    try:
        return Result.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
