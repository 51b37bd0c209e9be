"""One score for one hand-in, whoever grades it, in whatever order, on whatever machine."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from demo_course import EXERCISE, POINTS

from autograder.simulation.mixed_hand_ins import make_mixed

pytestmark = pytest.mark.walls
ROOT = Path(__file__).resolve().parents[2]
# Those that take no time limit to end; all forty, ten times over: `benchmarks/determinism.py`.
KINDS = ("temporary_folder", "home", "crash", "writes_home", "many_threads")


def test_mixed_hand_ins_have_one_score_each_on_every_machine(small_course: object, tmp_path: Path) -> None:
    names = [job.student for job in make_mixed(EXERCISE, tmp_path / "hand-ins", KINDS, wrong=1)]
    assert set(KINDS) < set(names)
    (tmp_path / "tmp").mkdir()
    found = []
    for judges, home in ((1, tmp_path), (2, tmp_path / "is-not-there")):
        random.Random(judges).shuffle(names)
        command = [sys.executable, str(ROOT / "benchmarks" / "determinism.py"), "--exercise", EXERCISE]
        done = subprocess.run(
            [*command, "--one", str(tmp_path / "hand-ins"), str(judges)],
            input=json.dumps(names),
            env={**os.environ, "HOME": str(home), "TMPDIR": str(tmp_path / "tmp")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads(done.stdout.splitlines()[-1]))
    assert found[0] == found[1]
    assert found[0]["solved"] == POINTS and found[0]["untouched"] == 0
    # Harm in one module leaves the other's points, half of them.
    assert found[0]["crash"] == found[0]["many_threads"] == POINTS / 2
