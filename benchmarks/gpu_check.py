"""What a GPU changes: `make gpu-check`, or `python benchmarks/gpu_check.py`.

It runs the tests marked `gpu`, grades the reference of each model exercise on the CPU and on the GPU, compares the
scores, and times `evaluate_model` against the slides' loop with batch size 1. It exits with 1 if a test fails, if two
scores differ by more than 0.1 %, or if there is no GPU. `--device cpu` tries everything but the tests without one.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.base.settings import Settings
from autograder.fleet.local import Fleet
from autograder.judging.job import Job
from autograder.judging.result import Result
from autograder.sources import variants
from exercise_code.common.exercise import exercise_ids, load_exercise

# torch is imported where it is used: judges import this file, too, and hold no torch.
MOST_APART = 1e-3
SAMPLES, LOOPED = 2048, 128
ROOT = Path(__file__).resolve().parent.parent


def run_tests() -> bool:
    """True where the tests marked `gpu` pass."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def grade(exercise: str, hand_in: Path, device: str) -> tuple[Result, float]:
    """The result of a hand-in, and the seconds of a second grading: the first one starts the worker."""
    with Fleet(exercise, Settings(device=device), 1) as fleet:
        list(fleet.grade([Job("u0041", hand_in)]))
        start = time.perf_counter()
        ((_, result),) = fleet.grade([Job("u0042", hand_in)])
        return result, time.perf_counter() - start


def compare_references(device: str) -> tuple[Table, bool]:
    """A row for each model exercise; True where all scores agree."""
    table = Table("exercise", "metric", "CPU", device, "apart", "CPU s", f"{device} s", title="references")
    held = True
    for exercise in (name for name in exercise_ids() if load_exercise(name).model is not None):
        with tempfile.TemporaryDirectory(prefix="reference-") as folder:
            hand_in = variants.reference(exercise, Path(folder) / "reference")
            (cpu, slow), (gpu, fast) = grade(exercise, hand_in, "cpu"), grade(exercise, hand_in, device)
        failed = cpu.failed or gpu.failed
        held = held and not failed and cpu.score == gpu.score
        for name, value in cpu.metrics.items():
            other = gpu.metrics.get(name, float("nan"))
            apart = abs(other - value) / abs(value)
            held = held and apart <= MOST_APART
            table.add_row(exercise, name, f"{value:.4f}", f"{other:.4f}", f"{apart:.1e}", f"{slow:.2f}", f"{fast:.2f}")
        if failed:
            table.add_row(exercise, failed)
    return table, held


def time_evaluation(device: str) -> Table:
    """A row for each of three networks: milliseconds a sample, and how many times as fast as the loop."""
    import torch
    from evaluate import deep_cnn, evaluate_one_by_one, small_cnn, wide_cnn
    from torch.utils.data import TensorDataset

    from exercise_code.common.devices import full_float32
    from exercise_code.common.evaluation import evaluate_model

    full_float32()
    table = Table("network", "evaluate_model, ms", "loop, ms", "times as fast", title=f"evaluate_model on {device}")
    for build in (small_cnn, wide_cnn, deep_cnn):
        torch.manual_seed(0)
        model = build().to(device).eval()
        count = SAMPLES if device == "cuda" else LOOPED
        data = TensorDataset(torch.rand(count, 1, 96, 96), torch.rand(count, 30) * 2 - 1)
        few = TensorDataset(*(tensor[:LOOPED].to(device) for tensor in data.tensors))
        evaluate_model(model, few, "keypoint_score")
        ours = timed(lambda m=model, d=data: evaluate_model(m, d, "keypoint_score")) / count
        loop = timed(lambda m=model, f=few: evaluate_one_by_one(m, f)) / LOOPED
        table.add_row(build.__name__, f"{1e3 * ours:.3f}", f"{1e3 * loop:.3f}", f"{loop / ours:.1f}")
    return table


def timed(run: Callable[[], object]) -> float:
    """Seconds that a call takes, whatever it has left for the GPU to do included."""
    import torch

    start = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> int:
    """0 where all is well."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    device = parser.parse_args().device
    console = Console()
    if device == "cuda" and not torch.cuda.is_available():
        print("expected an NVIDIA GPU, found none: run this on a machine that has one", file=sys.stderr)
        return 1
    if device == "cuda":
        console.print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    start = time.perf_counter()
    passed = run_tests() if device == "cuda" else True
    references, held = compare_references(device)
    console.print(references, time_evaluation(device))
    console.print(
        f"{time.perf_counter() - start:.0f} s; tests {'pass' if passed else 'FAIL'}, scores "
        f"{'agree' if held else 'DIFFER'}"
    )
    return 0 if passed and held else 1


if __name__ == "__main__":
    raise SystemExit(main())
