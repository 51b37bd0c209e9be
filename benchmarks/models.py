"""What a model exercise costs: reading its data, an epoch of training, and scoring a handed-in model.

    python benchmarks/models.py [EXERCISE ...] [--steps 40]

- **load**: the first load of the embedded training set in an empty cache, and the second one in a new process.
- **epoch**: where the time of the reference's training goes, over its first steps: batches, augmentation included, or
  the model. Exercises whose model is not trained by the course's own trainer are left out.
- **scoring**: the CPU time of the reference's hand-in with its model, less that without, against the bare forward
  passes over the hidden set. Exits with 1 where it takes more than twice as much plus 0.3 s, or where the second load
  takes a second.
"""

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from autograder.authoring.recipe import load_recipe
from autograder.base.settings import Settings
from autograder.judging.job import Job
from autograder.judging.judge import Judge
from autograder.judging.result import Result
from autograder.sources import variants
from autograder.sources.exercise import sources
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.exercise import exercise_ids, load_exercise
from exercise_code.common.probing.scores import load_scoring

ROOT = Path(__file__).resolve().parent.parent
MOST_TIMES, MOST_MORE, MOST_LOAD = 2, 0.3, 1.0
ROUNDS = 3
LOAD = """
import sys, time
from exercise_code import load_dataset
start = time.perf_counter()
load_dataset(sys.argv[1], source="embedded")
print(time.perf_counter() - start)
"""


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exercises", nargs="*", help="all that hand in a model when none is named")
    parser.add_argument("--steps", type=int, default=40, help="steps of training to time")
    arguments = parser.parse_args()
    chosen = arguments.exercises or [name for name in exercise_ids() if load_exercise(name).model is not None]
    table = Table("exercise", "1st load, s", "2nd, s", "batches, s", "model, s", "scoring, s", "forward, s", "holds")
    held = True
    if missing := [name for name in chosen if load_exercise(name).model is None]:
        parser.error(f"{', '.join(missing)} hands in no model")
    # First, as a judge must not hold torch.
    costs = {exercise: scoring_cost(exercise) for exercise in chosen}
    for exercise in chosen:
        model = load_exercise(exercise).model
        assert model is not None
        first, second = loads(model.dataset)
        epoch = epoch_split(exercise, arguments.steps)
        scoring, forward = costs[exercise], forward_cost(exercise)
        good = scoring <= MOST_TIMES * forward + MOST_MORE and second < MOST_LOAD
        held = held and good
        parts = ("", "") if epoch is None else (f"{part:.2f}" for part in epoch)
        figures = (f"{value:.2f}" for value in (scoring, forward))
        table.add_row(exercise, f"{first:.2f}", f"{second:.3f}", *parts, *figures, "yes" if good else "NO")
    Console(width=110).print(table)
    return 0 if held else 1


def loads(dataset: str) -> tuple[float, float]:
    """Seconds of the first load in an empty cache, and of the second, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="data-") as folder:
        environment = {**os.environ, "DATASETS_DIR": folder, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", LOAD, dataset]
        runs = [subprocess.run(command, env=environment, check=True, capture_output=True, text=True) for _ in range(2)]
    first, second = (float(run.stdout.splitlines()[-1]) for run in runs)
    return first, second


def epoch_split(exercise: str, steps: int) -> tuple[float, float] | None:
    """Seconds for batches and for the model in the first steps of the reference's training, or None."""
    from exercise_code.common.devices import get_device
    from exercise_code.common.seeding import seed_everything
    from exercise_code.common.training import batches, train

    spec, src = load_exercise(exercise), sources(exercise)
    recipe, spent = load_recipe(src), [0.0, 0.0]
    plain = batches.Batches.__iter__

    def timed(self: Any) -> Iterator[Any]:
        source, start = plain(self), time.perf_counter()
        for batch in source:
            spent[0] += time.perf_counter() - start
            start = time.perf_counter()
            yield batch
            spent[1] += time.perf_counter() - start
            start = time.perf_counter()

    batches.Batches.__iter__ = timed  # type: ignore[method-assign]
    os.environ["COURSE_MAX_STEPS"] = str(steps)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="model-") as trial,
            fresh_code(spec, Path(trial), src.solution, src.earlier_solutions) as code,
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            seed_everything(0)
            # A recipe that trains with another trainer, of numpy say, spends nothing here.
            if train.__module__ in sys.modules and "torch" in spec.imports:
                recipe.fit(code, "embedded", get_device("cpu"), 0, 60.0)
    finally:
        batches.Batches.__iter__ = plain  # type: ignore[method-assign]
        del os.environ["COURSE_MAX_STEPS"]
    return (spent[0], spent[1]) if spent[1] else None


def scoring_cost(exercise: str) -> float:
    """CPU seconds of everything that a handed-in model adds to the grading of the reference: the median of some."""
    totals: dict[str, list[float]] = {"with": [], "without": []}
    with tempfile.TemporaryDirectory(prefix="scoring-") as name, Judge(exercise, Settings()) as judge:
        folder = Path(name).resolve()
        hand_ins = {kind: variants.reference(exercise, folder / kind) for kind in totals}
        for path in (hand_ins["without"] / "models").iterdir():
            path.unlink()
        before = 0.0

        def jobs() -> Iterator[Job]:
            nonlocal before
            for i in range(ROUNDS + 1):
                for kind, path in hand_ins.items():
                    before = time.process_time()
                    yield Job(f"{kind}-{i}", path)

        def emit(job: Job, result: Result) -> None:
            if result.failed:
                raise SystemExit(f"grading failed: {result.failed}")
            totals[job.student.split("-")[0]].append(time.process_time() - before + result.cpu_seconds)

        judge.serve(jobs(), emit)
    # The first round starts workers and makes the hidden set.
    return statistics.median(totals["with"][1:]) - statistics.median(totals["without"][1:])


def forward_cost(exercise: str) -> float:
    """CPU seconds of the model's own calls over a hidden set; for a model of numpy, those of the whole prediction."""
    import torch

    spec, src = load_exercise(exercise), sources(exercise)
    assert spec.model is not None
    scoring, spent, depth = load_scoring(spec), 0.0, 0
    plain = torch.nn.Module.__call__

    def timed(self: Any, *inputs: Any, **options: Any) -> Any:
        nonlocal spent, depth
        start, depth = time.process_time(), depth + 1
        try:
            return plain(self, *inputs, **options)
        finally:
            depth -= 1
            if depth == 0:
                spent += time.process_time() - start

    # As in the sandbox.
    torch.set_num_threads(1)
    inputs, _ = scoring.evaluation_set("embedded", "val", seed=1)
    with fresh_code(spec, src.solution / "models", src.solution, src.earlier_solutions) as code:
        torch.nn.Module.__call__ = timed  # type: ignore[method-assign]
        start = time.process_time()
        try:
            scoring.predict(code, spec.model.files[0], inputs)
        finally:
            torch.nn.Module.__call__ = plain  # type: ignore[method-assign]
    return spent or time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
