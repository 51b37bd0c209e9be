"""Seconds a hand-in: nbgrader's own `Execute` step against our grading step, on the same tests and hand-ins.

    python benchmarks/grading.py [--exercise ex03_dataloader] [--wrong 6] [--checks-only]

`Execute` starts a kernel for each notebook and runs it, `check` in trusted mode (visible and hidden tests in
the kernel's process). Ours is what a warm judge takes for the hand-in: unpacking, every test, the result.
With `--checks-only` the notebooks are cut down to their set-up cell and their checks before `Execute` runs them.
Exits with 1 when ours takes more than a twentieth, or a score differs.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from autograder import variants
from autograder.executed import Executed, execute_trusted
from autograder.fleet import Fleet
from autograder.judge import Job
from autograder.settings import Settings

SHARE = 20


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exercise", default="ex03_dataloader")
    parser.add_argument("--wrong", type=int, default=6, help="how many wrong answers to include")
    parser.add_argument("--rounds", type=int, default=5, help="times that our step grades each hand-in")
    parser.add_argument("--checks-only", action="store_true", help="Execute only the set-up cell and the checks")
    arguments = parser.parse_args()
    source = variants.sources(arguments.exercise)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name).resolve()
        hand_ins = {"reference": variants.reference(source, folder / "reference")}
        hand_ins["untouched"] = variants.untouched(source, folder / "untouched")
        for wrong in variants.wrong_answers(source)[: arguments.wrong]:
            hand_ins[wrong.name] = variants.apply(wrong, folder / wrong.name, source)
        ours = _ours(arguments.exercise, hand_ins, arguments.rounds)
        theirs = {
            hand_in: execute_trusted(source, path, folder / f"tree-{hand_in}", arguments.checks_only)
            for hand_in, path in hand_ins.items()
        }
    return _report(ours, theirs)


def _ours(exercise: str, hand_ins: dict[str, Path], rounds: int) -> dict[str, tuple[float, float]]:
    """Score and median seconds of each hand-in in one warm judge; the first round warms it and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in hand_ins}
    scores: dict[str, float] = {}
    with Fleet(exercise, Settings(), 1) as fleet:
        for round_ in range(rounds + 1):
            for job, result in fleet.grade([Job(name, path) for name, path in hand_ins.items()]):
                if result.failed:
                    raise SystemExit(f"grading failed: {result.failed}")
                scores[job.student] = result.score
                if round_:
                    seconds[job.student].append(result.wall_seconds)
    return {name: (scores[name], statistics.median(seconds[name])) for name in hand_ins}


def _report(ours: dict[str, tuple[float, float]], theirs: dict[str, Executed]) -> int:
    print(f"{'hand-in':36} {'score':>8} {'Execute':>8}   {'seconds':>8} {'Execute':>8}   {'times':>6}")
    for name, (score, seconds) in ours.items():
        other, long = theirs[name].score, theirs[name].seconds
        print(f"{name:36} {score:8.3f} {other:8.3f}   {seconds:8.3f} {long:8.2f}   {long / seconds:6.1f}")
    mean_ours = statistics.mean(s for _, s in ours.values())
    mean_theirs = statistics.mean(executed.seconds for executed in theirs.values())
    equal = all(abs(ours[name][0] - theirs[name].score) < 1e-3 for name in ours)
    fast = mean_theirs >= SHARE * mean_ours
    print(
        f"mean: {mean_ours:.3f} s against {mean_theirs:.2f} s, {mean_theirs / mean_ours:.1f} times as fast "
        f"(expected: {SHARE}); scores {'equal' if equal else 'DIFFER'}"
    )
    return 0 if equal and fast else 1


if __name__ == "__main__":
    sys.exit(main())
