"""Does given code solve a task? Each given function, put in the place of one that students write, before the checks.

The functions are the course's own, so this needs no sandbox; they run with arguments that they were not made for, in
a process of their own, in an empty folder, each for a few seconds.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import AutograderError
from ..base.text import line
from ..sources.exercise import Sources
from ..sources.layout import ROOT
from ..sources.variants import as_student

__all__ = ["StandIn", "Trials", "try_given_code"]

_START = "from autograder.proof.trials import main; main()"


@dataclass(frozen=True)
class StandIn:
    """A given function with which all checks of a task pass: what is for students to write is given to them."""

    task: str
    function: str
    given: str

    def __str__(self) -> str:
        return f"{self.given} passes the checks of {self.task} in the place of {self.function}"


@dataclass(frozen=True)
class Trials:
    """What came of it: the stand-ins, the tasks and the number of given functions that were tried."""

    found: tuple[StandIn, ...]
    tasks: tuple[str, ...]
    functions: int


def try_given_code(src: Sources) -> Trials:
    """Which given functions solve a task of the exercise, by its visible tests."""
    with tempfile.TemporaryDirectory(prefix="given-", ignore_cleanup_errors=True) as folder:
        answer = Path(folder) / "answer"
        work = Path(folder) / "work"
        work.mkdir()
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        # Nowhere to go for what downloads, or writes beside the user's own files.
        environment = {
            **os.environ,
            **dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR"), str(work)),
            **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            "DATASETS_SOURCE": "embedded",
            "MPLBACKEND": "agg",
        }
        done = subprocess.run(
            [sys.executable, "-c", _START, str(answer)],
            cwd=work,
            env=environment,
            input=pickle.dumps(as_student(src, Path(folder) / "given")),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode or not answer.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
            raise AutograderError(f"the given code of {src.id} could not be tried: {line(said[-1])[:300]}")
        trials: Trials = pickle.loads(answer.read_bytes())
        return trials
