"""A class cut off by `kill -9` again and again ends as one that was left alone: the same results, nothing lost."""

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from demo_course import EXERCISE
from processes import descendants, wait_until_gone

from autograder.simulation.made_class import make_class

pytestmark = pytest.mark.usefixtures("small_course")
STUDENTS = 22
SEED = 6
TIMES = {"cpu_seconds", "wall_seconds", "memory_mb", "seconds"}
PAGES = importlib.util.find_spec("autograder.pages.class_report") is not None


@pytest.fixture(scope="module")
def class_(small_course, tmp_path_factory):
    return make_class(EXERCISE, tmp_path_factory.mktemp("class"), STUDENTS)


class Command:
    """`autograder grade` on the class, in a process group, a course and a temporary folder of its own."""

    def __init__(self, class_, folder: Path) -> None:
        self.class_ = class_
        self.out = folder / "results"
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.seen: set[tuple[int, str]] = set()

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "autograder", "grade", EXERCISE, self.class_.submissions, "--jobs", "2"]
        return subprocess.Popen(
            [*map(str, command), "--out", str(self.out), *([] if PAGES else ["--no-pages"])],
            cwd=self.temporary,
            env={**os.environ, "TMPDIR": str(self.temporary), "COLUMNS": "200"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def finish(self) -> None:
        process = self.start()
        self._follow(process, lambda: False)
        assert process.returncode == 0, process.stderr.read().decode()
        process.stderr.close()

    def cut_off(self, when, *, group: bool, delay: float) -> bool:
        """Kill the run a moment after `when()` has become true; False when it came to its end before."""
        process = self.start()
        self._follow(process, when)
        time.sleep(delay)
        self.seen |= descendants(process.pid)
        ended = process.poll() is not None
        # A judge must end with the command though nobody kills it: mostly it is the command alone.
        os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
        process.communicate()
        left = wait_until_gone(self.seen)
        assert not left, f"still running: {[Path(f'/proc/{pid}/cmdline').read_bytes() for pid in left]}"
        return not ended

    def _follow(self, process: subprocess.Popen[bytes], until) -> None:
        while process.poll() is None and not until():
            self.seen |= descendants(process.pid)
            time.sleep(0.05)

    def files(self) -> dict[str, tuple[int, int]]:
        """What tells one writing of a result from another."""
        found = {}
        for path in (self.out / EXERCISE).glob("*.json"):
            facts = path.stat()
            found[path.name] = (facts.st_ino, facts.st_mtime_ns)
        return found

    def results(self) -> dict[str, Any]:
        """Results by file, without times."""
        return {p.name: _timeless(json.loads(p.read_text())) for p in (self.out / EXERCISE).glob("*.json")}

    def everything(self) -> set[str]:
        """The names of all files that a run leaves."""
        return {str(p.relative_to(self.out)) for p in self.out.rglob("*") if p.is_file()}


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(part) for key, part in value.items() if key not in TIMES}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_a_class_cut_off_at_five_random_moments_ends_like_one_that_was_not(class_, tmp_path):
    calm, cut = Command(class_, tmp_path / "calm"), Command(class_, tmp_path / "cut")
    calm.finish()
    count = len(calm.files())
    assert count >= STUDENTS

    dice = random.Random(SEED)
    moments = sorted(dice.sample(range(count - 1), 4)) + [count]
    kept: dict[str, tuple[int, int]] = {}
    cuts = 0
    for number, moment in enumerate(moments):
        # The last one falls into the making of the pages, or right behind it.
        delay = dice.uniform(0, 0.3 if moment < count else 3)
        cuts += cut.cut_off(lambda moment=moment: len(cut.files()) >= moment, group=number == 2, delay=delay)
        now = cut.files()
        assert {name: now[name] for name in kept} == kept, "a result was made again"
        kept = now
    assert cuts >= 4, "the run was through before it could be cut off"
    cut.finish()

    now = cut.files()
    assert {name: now[name] for name in kept} == kept, "a result was made again"
    assert cut.results() == calm.results()
    assert cut.everything() == calm.everything()
    assert not [name for name in cut.everything() if name.endswith(".tmp")]
    # A judge's scratch folder outlives it until the next judge starts, and the last run may have needed none.
    assert {p.name.split("-")[0] for p in cut.temporary.iterdir()} <= {"judge"}
    assert not list(calm.temporary.iterdir())
    for page in cut.out.rglob("*.html"):
        assert page.read_text(encoding="utf-8").rstrip().endswith("</html>"), page
    for name in (n for n in calm.everything() if "/students/" in n):
        assert (cut.out / name).read_bytes() == (calm.out / name).read_bytes(), name
