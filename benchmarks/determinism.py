"""One score for one hand-in: forty mixed ones, graded again and again in another order, by 1, 2 and 4 judges.

    python benchmarks/determinism.py [--exercise ex03_dataloader] [--rounds 10] [--seed 1]

The rounds go round what a machine may have: a home and a temporary folder that can be written, a home that cannot,
one that is not there, a matplotlib folder of its own, and, as root, `/nonexistent`, the children's home, filled with
what matplotlib looks for. Exits with 1 when a hand-in has two scores, or when grading itself failed for one.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.base.settings import Settings
from autograder.fleet.local import Fleet
from autograder.judging.job import Job
from autograder.simulation.mixed_hand_ins import make_mixed

JUDGES = (1, 2, 4)
MACHINES = ("usual", "no home", "home read-only", "matplotlib", "nonexistent")
NOWHERE = Path("/nonexistent")


@contextmanager
def machine(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a round; what is made outside of `folder` is removed again."""
    home, temporary = folder / "home", folder / "tmp"
    for place in (home, temporary):
        place.mkdir(parents=True, exist_ok=True)
    variables = {"TMPDIR": str(temporary), "HOME": str(home)}
    made = False
    if kind == "no home":
        variables["HOME"] = str(folder / "is-not-there")
    elif kind == "home read-only":
        home.chmod(0o500)
    elif kind == "matplotlib":
        variables["MPLCONFIGDIR"] = str(folder / "matplotlib")
    elif kind == "nonexistent" and os.geteuid() == 0 and not NOWHERE.exists():
        (NOWHERE / ".config" / "matplotlib").mkdir(parents=True)
        made = True
    try:
        yield variables
    finally:
        home.chmod(0o700)
        if made:
            shutil.rmtree(NOWHERE)


def grade(exercise: str, jobs: list[Job], judges: int) -> dict[str, float | str]:
    """Each hand-in's score, or why grading failed."""
    with Fleet(exercise, Settings(), judges) as fleet:
        return {job.student: result.failed or result.score for job, result in fleet.grade(jobs)}


def main() -> int:
    """Grade, compare, print a line a round and every hand-in that has two scores."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--exercise", default="ex03_dataloader")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    # A round is a process of its own, with the environment that it is about.
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "JUDGES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        order = json.loads(sys.stdin.read())
        jobs = [Job(name, Path(options.one[0]) / name) for name in order]
        print(json.dumps(grade(options.exercise, jobs, int(options.one[1]))))
        return 0
    seen: dict[str, dict[float | str, list[int]]] = {}
    rng = random.Random(options.seed)
    rounds = zip(range(options.rounds), itertools.cycle(JUDGES), itertools.cycle(MACHINES), strict=False)
    with tempfile.TemporaryDirectory(prefix="determinism-") as place:
        names = [job.student for job in make_mixed(options.exercise, Path(place) / "hand-ins")]
        print(f"{len(names)} hand-ins of {options.exercise}, {options.rounds} rounds, seed {options.seed}")
        for number, judges, kind in rounds:
            rng.shuffle(names)
            start = time.monotonic()
            command = [sys.executable, __file__, "--exercise", options.exercise]
            command += ["--one", str(Path(place) / "hand-ins"), str(judges)]
            with machine(kind, Path(place) / f"machine-{number}") as variables:
                done = subprocess.run(
                    command,
                    input=json.dumps(names),
                    env={**os.environ, **variables},
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
            scores = json.loads(done.stdout.splitlines()[-1])
            for name, score in scores.items():
                seen.setdefault(name, {}).setdefault(score, []).append(number)
            print(f"round {number}: {judges} judges, {kind}: {time.monotonic() - start:.0f} s", flush=True)
    for name, scores in sorted(seen.items()):
        failed = any(isinstance(score, str) for score in scores)
        mark = "  <- GRADING FAILED" if failed else "  <- MORE THAN ONE SCORE" if len(scores) > 1 else ""
        print(f"{name:40} {', '.join(map(str, scores))}{mark}")
    bad = [name for name, scores in seen.items() if len(scores) > 1 or any(isinstance(s, str) for s in scores)]
    print(f"{len(seen) - len(bad)} of {len(seen)} hand-ins have one score in all rounds")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
