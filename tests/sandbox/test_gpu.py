"""On a machine with an NVIDIA GPU: the same scores as on the CPU, and jobs that stay inside their walls."""

from pathlib import Path

import pytest

from autograder.base.settings import Settings, resolve_device
from autograder.fleet.local import Fleet
from autograder.judging.job import Job
from autograder.judging.result import Result
from autograder.sources import variants

EXERCISE = "ex09_keypoints"

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not Path("/proc/driver/nvidia/version").exists(), reason="needs an NVIDIA GPU"),
]


def _grade(path: Path, device: str) -> Result:
    with Fleet(EXERCISE, Settings(device=device), 1) as fleet:
        [(_, result)] = list(fleet.grade([Job("u0042", path)]))
    assert not result.failed
    return result


def test_auto_finds_the_gpu():
    assert resolve_device("auto") == "cuda"


def test_cpu_and_gpu_agree(tmp_path):
    path = variants.reference(EXERCISE, tmp_path / "reference")
    cpu, gpu = _grade(path, "cpu"), _grade(path, "cuda")
    assert [(c.grade_id, c.points) for c in gpu.cells] == [(c.grade_id, c.points) for c in cpu.cells]
    for name, value in cpu.metrics.items():
        assert gpu.metrics[name] == pytest.approx(value, rel=1e-3)


def test_a_child_on_the_gpu_reaches_nothing_outside(tmp_path):
    path = variants.reference(EXERCISE, tmp_path / "reference")
    module = path / "exercise_code" / EXERCISE / "model.py"
    module.write_text(f"open({str(tmp_path / 'reference' / '1_keypoints.ipynb')!r}).read()\n" + module.read_text())
    result = _grade(path, "cuda")
    assert result.score < result.max_score
    assert any("PermissionError" in t.reason for t in result.lost)
