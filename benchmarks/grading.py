"""Seconds a hand-in: nbgrader's own `Execute` step against our grading step, on the same tests and hand-ins.

    python benchmarks/grading.py [--exercise ex03_dataloader] [--wrong 6] [--checks-only]
    python benchmarks/grading.py [--exercise ex03_dataloader] [--cpu-only [--profile] | --loops]

`Execute` starts a kernel for each notebook and runs it, `check` in trusted mode (visible and hidden tests in
the kernel's process). Ours is what a warm judge takes for the hand-in: unpacking, every test, the result.
With `--checks-only` the notebooks are cut down to their set-up cell and their checks before `Execute` runs them.
With `--cpu-only` nothing of nbgrader's runs: the reference is graded by a warm judge, and a table says how many
seconds of CPU the judge, the worker and the hand-in's processes take; `--profile` says where the judge's go.
With `--loops` two hand-ins are graded in which nothing ever ends: every function computes, or sleeps, for ever.
Exits with 1 when ours takes more than a twentieth, a score differs, or the reference of ex03 takes more than 0.3 s of
CPU in all, or one that never ends more than 30 s of wall time (busy) or 60 s (asleep).
"""

import argparse
import cProfile
import os
import pstats
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.base.settings import Settings
from autograder.fleet.local import Fleet
from autograder.judging.job import Job
from autograder.judging.judge import Judge
from autograder.judging.result import Result
from autograder.simulation.nbgrader_execute import Executed, execute_trusted
from autograder.sources import variants
from autograder.sources.exercise import sources
from autograder.sources.known_answers import apply, wrong_answers

SHARE = 20
# Seconds of CPU for the reference, by exercise: judge, worker and children together.
MOST_CPU = {"ex03_dataloader": 0.3, "ex04_solver": 0.3, "ex05_neural_networks": 0.3}

# What stands in the place of every stub, and the seconds of wall time that it may cost.
ENDLESS = {"busy": ("while True: pass", 30), "asleep": ("__import__('time').sleep(10_000)", 60)}
STUB = re.compile(r"raise NotImplementedError(\(.*\))?")


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exercise", default="ex03_dataloader")
    parser.add_argument("--wrong", type=int, default=6, help="how many wrong answers to include")
    parser.add_argument("--rounds", type=int, default=5, help="times that our step grades each hand-in")
    parser.add_argument("--checks-only", action="store_true", help="Execute only the set-up cell and the checks")
    parser.add_argument("--cpu-only", action="store_true", help="only the CPU time of the reference, by part")
    parser.add_argument("--profile", action="store_true", help="with --cpu-only: the judge's own functions by time")
    parser.add_argument("--loops", action="store_true", help="only hand-ins that never end, by wall time")
    arguments = parser.parse_args()
    if arguments.loops:
        return _report_loops(arguments.exercise)
    if arguments.cpu_only:
        return _report_cpu(arguments.exercise, max(arguments.rounds, 3), arguments.profile)
    source = sources(arguments.exercise)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name).resolve()
        hand_ins = {"reference": variants.reference(source, folder / "reference")}
        hand_ins["untouched"] = variants.untouched(source, folder / "untouched")
        for wrong in wrong_answers(source)[: arguments.wrong]:
            hand_ins[wrong.name] = apply(wrong, folder / wrong.name, source)
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


def _report_loops(exercise: str) -> int:
    held = True
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, Fleet(exercise, Settings(), 1) as fleet:
        # The first hand-in starts the workers.
        jobs = [Job("first", variants.untouched(exercise, Path(name).resolve() / "first"))]
        for kind, (code, _) in ENDLESS.items():
            path = variants.untouched(exercise, Path(name).resolve() / kind)
            for module in path.glob(f"exercise_code/{exercise}/*.py"):
                module.write_text(STUB.sub(code, module.read_text(encoding="utf-8")), encoding="utf-8")
            jobs.append(Job(kind, path))
        for job, result in fleet.grade(jobs):
            if job.student in ENDLESS:
                most = ENDLESS[job.student][1]
                held &= result.wall_seconds <= most and not result.failed and not result.score
                print(
                    f"{job.student:8} {result.wall_seconds:6.1f} s of wall time (expected: at most {most}), "
                    f"{result.cpu_seconds:.1f} s of CPU, {result.score:g} of {result.max_score:g} points{result.failed}"
                )
    return 0 if held else 1


def _report_cpu(exercise: str, rounds: int, profile: bool) -> int:
    """Medians over warm rounds; a judge in this process, so that its part can be told from the others'."""
    parts: list[tuple[float, float, float]] = []
    profiler = cProfile.Profile() if profile else None
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, Judge(exercise, Settings()) as judge:
        hand_in = variants.reference(exercise, Path(name).resolve() / "reference")
        before = 0.0, 0.0

        def jobs() -> Iterator[Job]:
            nonlocal before
            for i in range(rounds + 2):
                before = time.process_time(), _of_workers()
                yield Job(f"u{i:04}", hand_in)

        def emit(_job: Job, result: Result) -> None:
            if result.failed or result.score != result.max_score:
                raise SystemExit(f"the reference earned {result.score} of {result.max_score}: {result.failed}")
            judge_seconds, worker_seconds = time.process_time() - before[0], _of_workers() - before[1]
            parts.append((judge_seconds, worker_seconds, result.cpu_seconds))

        if profiler is not None:
            profiler.enable()
        judge.serve(jobs(), emit)
    if profiler is not None:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(30)
    warm = parts[2:]
    total = statistics.median(map(sum, warm))
    for part, seconds in zip(("judge", "worker", "children"), zip(*warm, strict=True), strict=True):
        print(f"{part:10} {statistics.median(seconds):6.3f} s of CPU")
    most = MOST_CPU.get(exercise)
    bar = "" if most is None else f" (expected: at most {most:g})"
    print(f"{'together':10} {total:6.3f} s of CPU, the median of {rounds} times {exercise}'s reference{bar}")
    return 0 if most is None or total <= most else 1


def _of_workers() -> float:
    """CPU seconds of this process's own children that live: the workers, without what they forked."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return sum(time.clock_gettime((~int(pid) << 3) | 2) for pid in children)


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
