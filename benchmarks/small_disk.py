"""A temporary folder of 300 MB, hand-ins that fill it, and twenty honest ones beside them.

    sudo python benchmarks/small_disk.py [--exercise ex03_dataloader] [--size 300] [--jobs 2]

Needs root, to mount the folder. Every honest hand-in must earn all points, or `autograder grade` says that grading
failed, exits with 1, and gives all points when the same command is run again. Exits with 1 when one lost a point.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.simulation.mixed_hand_ins import DISK, make_mixed

HONEST = 20


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A mounted folder of this size; an `OSError` where it cannot be mounted."""
    with tempfile.TemporaryDirectory(prefix="small-disk-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"no tmpfs could be mounted: {done.stderr.strip()}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def hand_ins(exercise: str, folder: Path) -> Path:
    """A folder of a class: every third one fills the disk."""
    made = {job.student: job.path for job in make_mixed(exercise, folder / "made", DISK, wrong=0)}
    place = folder / "class"
    for n in range(HONEST):
        shutil.copytree(made["solved"], place / f"u{n:04}" / exercise)
        if n % 2:
            shutil.copytree(made[DISK[n // 2 % 2]], place / f"u{n:04}-hog" / exercise)
    return place


def grade(exercise: str, submissions: Path, out: Path, temporary: Path, jobs: int) -> tuple[int, dict[str, str]]:
    """The command's exit code, and each honest hand-in's score, or `failed`."""
    command = [sys.executable, "-m", "autograder", "grade", exercise, str(submissions), "--out", str(out), "--no-pages"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    code = subprocess.run([*command, "--jobs", str(jobs)], env=environment, check=False).returncode
    results = [json.loads(path.read_text()) for path in (out / exercise).glob("u*.json")]
    honest = {
        r["student"]: "failed" if r["failed"] else f"{r['score']:g}" for r in results if "hog" not in r["student"]
    }
    return code, honest


def main() -> int:
    """Grade twice at most; say what the honest ones got."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--exercise", default="ex03_dataloader")
    parser.add_argument("--size", type=int, default=300, help="MB of the temporary folder")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, small_disk(options.size) as temporary:
        submissions = hand_ins(options.exercise, Path(place))
        full = ""
        for attempt in (1, 2):
            code, honest = grade(options.exercise, submissions, Path(place) / "out", temporary, options.jobs)
            counts = {score: list(honest.values()).count(score) for score in sorted(set(honest.values()))}
            print(f"run {attempt}: exit code {code}, honest hand-ins by score: {counts}")
            full = max((s for s in honest.values() if s != "failed"), key=float, default=full)
            if "failed" in counts and code == 0:
                print("grading failed, and the exit code hides it")
                return 1
            if set(honest.values()) <= {full} and len(honest) == HONEST:
                return 0
            if set(honest.values()) - {full, "failed"}:
                break
    print("an honest hand-in lost points, or was not graded")
    return 1


if __name__ == "__main__":
    sys.exit(main())
