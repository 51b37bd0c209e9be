"""Hostile hand-ins, graded by the real judge: none earns a point it should not, reaches out, or disturbs a neighbour."""

import dataclasses
import hashlib
import json
import os
import re
import resource
import shutil
import socket
import statistics
import sys
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autograder.fleet import Fleet
from autograder.judge import Job
from autograder.results import Result
from autograder.sandbox.walls import landlock_abi
from autograder.settings import Settings
from autograder.variants import known_tests, reference, sources, untouched
from exercise_code.common.exercise import load_exercise

if sys.platform != "linux" or landlock_abi() < 1:
    pytest.skip("the sandbox needs Linux with Landlock", allow_module_level=True)

HERE = Path(__file__).resolve().parent
EXERCISE = "ex03_dataloader"
MARKER = "carried-out-6021"
SECRET = b"the secret of the hostile suite, of 128 bits and more"
FACTORS = {"normal": 0.2, "small": 0.04}
# A neighbour is graded after so many hostile hand-ins: right after each one that burns, reaches or crashes.
NEIGHBOUR_EVERY = {"normal": 5, "small": 2}

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Hostile:
    """One hostile hand-in and what is expected of its result."""

    name: str
    about: str
    earns: str
    """"all" (the attack is refused, the honest code beside it is scored), "nothing" or "anything"."""
    says: str = ""
    """A pattern that the reason or the log of a failed test has."""
    notes: str = ""
    """A pattern that one of the result's notes has."""
    base: str = "reference"
    code: str = ""
    append: str = ""
    replace_all: str = ""
    answer: str = ""
    raw_answer: str = ""
    kind: str = "V"
    factor: str = "normal"
    machine: str = ""
    forbidden: str = ""
    """A pattern that stands nowhere in what the student may read."""
    notebook_text: str = ""
    fillers: int = 0
    files: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def runs_here(self) -> bool:
        """False for machine code of another machine."""
        return self.machine in ("", os.uname().machine)


# Answered to every probe, by a hand-in that has no other code.
CONSTANTS = {
    "true": "True",
    "false": "False",
    "zero": "0",
    "one": "1",
    "zero_float": "0.0",
    "none": "None",
    "nan": "float('nan')",
    "infinity": "float('inf')",
    "empty_text": "''",
    "empty_list": "[]",
    "empty_tuple": "()",
    "empty_dict": "{}",
    "list_of_lists": "[[]]",
    "deep_lists": "[[[], []], [[], []]]",
    "empty_array": "numpy.zeros(0)",
    "zero_array": "numpy.zeros((3, 3))",
    "ones_array": "numpy.ones((2, 2), int)",
    "nan_array": "numpy.full((2, 2), numpy.nan)",
    "many_zeros": "[0] * 100",
    "many_nans": "[[float('nan')] * 10] * 10",
    "numpy_true": "numpy.bool_(True)",
    "zero_sample": "{'image': numpy.zeros((2, 2, 3), numpy.uint8), 'label': 0}",
    "zero_batches": "[{'image': numpy.zeros((1, 2, 3, 3), numpy.float32), 'label': numpy.zeros(1, int)}]",
    "object": "object()",
    "its_inputs": "inputs()",
    "its_first_input": "inputs()[0] if inputs() else None",
}


def _all() -> list[Hostile]:
    found = [
        Hostile(**entry)
        for path in sorted((HERE / "hostile").glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["hostile"]
    ]
    found += [
        Hostile(f"answers_{name}", f"answers {value} to everything", "nothing", base="untouched", answer=value)
        for name, value in CONSTANTS.items()
    ]
    return [h for h in found if h.runs_here]


HOSTILE = _all()


# What a payload may use to answer a probe with its own inputs.
INPUTS = """
def inputs():
    frame = sys._getframe()
    while "inputs" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["inputs"]
"""
_LOCK = threading.Lock()


@dataclass
class Outside:
    """What hostile hand-ins must not reach: a folder, ports, the judge's process, the course, the list of processes."""

    folder: Path
    judge: int = 0
    before: dict[str, Any] = field(default_factory=dict)
    sockets: list[socket.socket] = field(default_factory=list)

    @property
    def canary(self) -> Path:
        """A file that anybody could write to, if only the modes of files decided."""
        return self.folder / "canary"

    @property
    def port(self) -> int:
        """The TCP and UDP port that nobody may talk to."""
        return int(self.sockets[0].getsockname()[1])

    def set_up(self) -> None:
        """Make the canary, open the ports."""
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.canary.write_text("untouched")
        self.canary.chmod(0o666)
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        for opened in (tcp, udp):
            opened.setblocking(False)
            self.sockets.append(opened)

    def look(self) -> dict[str, Any]:
        """Everything that has to stay as it is, by name."""
        course = sources(EXERCISE).course
        seen: dict[str, Any] = {"folder": sorted(p.name for p in self.folder.iterdir())}
        for path in (self.canary, course / "test_hidden.py", course / "solution" / "dataloader.py"):
            stat = path.stat()
            facts = (stat.st_mode, stat.st_uid, stat.st_gid, stat.st_mtime_ns, stat.st_nlink, stat.st_ino)
            seen[path.name] = (*facts, hashlib.sha256(path.read_bytes()).hexdigest(), os.listxattr(path))
        seen["packets"] = [self._received(opened) for opened in self.sockets]
        if self.judge:
            limits = {which: resource.prlimit(self.judge, which) for which in range(16)}
            priority = os.getpriority(os.PRIO_PROCESS, self.judge), os.sched_getscheduler(self.judge)
            seen["judge"] = (limits, priority, os.sched_getaffinity(self.judge), self._oom(), self._processes())
        return seen

    def _received(self, opened: socket.socket) -> str:
        try:
            opened.recv(1) if opened.type == socket.SOCK_DGRAM else opened.accept()
        except BlockingIOError:
            return "nothing"
        return "something"

    def _oom(self) -> str:
        return Path(f"/proc/{self.judge}/oom_score_adj").read_text()

    def _processes(self) -> int:
        """How many processes descend from the judge: its two workers, and the children of the reference."""
        parents: dict[int, int] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
        return sum(self.judge in _ancestors(pid, parents) for pid in parents)


def _ancestors(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while pid := parents.get(pid, 0):
        yield pid


class Run:
    """One judge that grades hostile hand-ins with honest neighbours between them."""

    def __init__(self, folder: Path, factor: str) -> None:
        self.folder = folder
        self.factor = factor
        self.outside = Outside(folder / "outside")
        self.results: dict[str, Result] = {}
        self.neighbours: list[Result] = []
        self.disturbed: dict[str, list[str]] = {}
        self.left: dict[str, list[str]] = {}

    def grade(self, hostiles: list[Hostile]) -> "Run":
        """Grade the hand-ins one by one; what changed outside is noted with the hand-in that did it."""
        exercise = load_exercise(EXERCISE)
        (self.folder / "scratch").mkdir(parents=True)
        self.outside.set_up()
        honest = reference(exercise, self.folder / "handins" / "reference")
        with Fleet(EXERCISE, Settings(secret=SECRET, cpu_factor=FACTORS[self.factor])) as fleet:
            # Twice: the reference's own answers are computed the first time.
            with _LOCK:
                os.environ["TMPDIR"] = str(self.folder / "scratch")
                self.neighbours = [self._one(fleet, Job("neighbour", honest))]
            self.neighbours.append(self._one(fleet, Job("neighbour", honest)))
            self.outside.judge = fleet._members[0].process.pid
            self.outside.before = self.outside.look()
            for count, hostile in enumerate(hostiles, 1):
                path = self.make(hostile)
                self.results[hostile.name] = self._one(fleet, Job(hostile.name, path))
                now = self.outside.look()
                if changed := [key for key, value in self.outside.before.items() if now[key] != value]:
                    self.disturbed[hostile.name] = changed
                    self.outside.before = now
                if left := [str(p) for p in (self.folder / "scratch").glob("judge-*/handin-*")]:
                    self.left[hostile.name] = left
                if count % NEIGHBOUR_EVERY[self.factor] == 0 or count == len(hostiles):
                    self.neighbours.append(self._one(fleet, Job("neighbour", honest)))
        return self

    def _one(self, fleet: Fleet, job: Job) -> Result:
        ((_, result),) = fleet.grade([job])
        return result

    def make(self, hostile: Hostile) -> Path:
        """The hand-in's folder."""
        exercise = load_exercise(EXERCISE)
        into = self.folder / "handins" / hostile.name
        (reference if hostile.base == "reference" else untouched)(exercise, into)
        package = into / "exercise_code" / EXERCISE
        lines = [(HERE / "hostile" / "prelude.txt").read_text(encoding="utf-8"), hostile.code]
        if hostile.answer:
            lines += ["import numpy", "from exercise_code.common.wire import encode", INPUTS]
            lines += [f"answer_with(lambda: encode({hostile.answer}))"]
        if hostile.raw_answer:
            lines += ["import numpy, struct", "from exercise_code.common.wire import encode"]
            lines += [f"answer_with(lambda: once(lambda: {hostile.raw_answer}), {hostile.kind.encode()!r})"]
        (package / "hostile.py").write_text(self._fill("\n".join(lines)), encoding="utf-8")
        for module in ("dataloader.py", "image_folder.py"):
            text = (package / module).read_text(encoding="utf-8")
            first = "from __future__ import annotations\n"
            assert text.count(first) == 1, f"{module} has no line to put the attack after"
            text = text.replace(first, first + f"from . import hostile  # {hostile.about}\n")
            if hostile.replace_all:
                text += f"\nhostile.replace_all(globals(), lambda: eval({hostile.replace_all!r}, vars(hostile)))\n"
            if hostile.append and module == "dataloader.py":
                text += f"\nimport os\n{self._fill(hostile.append)}"
            (package / module).write_text(text, encoding="utf-8")
        for name, content in hostile.files.items():
            path = into / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        if hostile.notebook_text:
            cells = [{"cell_type": "raw", "metadata": {}, "source": hostile.notebook_text}]
            notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
            (into / "1_dataset.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        for number in range(hostile.fillers):
            size = 300_000 if number == 0 else 200_000
            (package / f"z_filler{number}.py").write_text(f"WEIGHTS = '{'x' * size}'\n")
        return into

    def _fill(self, code: str) -> str:
        seeds = [Settings(secret=SECRET).seed(EXERCISE, t.name) for t in known_tests(EXERCISE).values() if not t.visible]
        secrets = [SECRET, SECRET[:16], *(str(seed).encode() for seed in seeds)]
        values = {
            "COURSE": sources(EXERCISE).course,
            "PROJECT": HERE.parent,
            "HANDINS": self.folder / "handins",
            "CANARY": self.outside.canary,
            "PORT": self.outside.port,
            "JUDGE": self.outside.judge,
            "MARKER": MARKER,
            "SEED_HASHES": " ".join(hashlib.sha256(secret).hexdigest() for secret in secrets),
        }
        for name, value in values.items():
            code = code.replace(f"@{name}@", str(value))
        return code


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """All hostile hand-ins, graded: by one judge with ordinary limits, and by one with small ones at the same time."""
    folder = tmp_path_factory.mktemp("hostile").resolve()
    before = os.environ.get("TMPDIR")
    made = {factor: Run(folder / factor, factor) for factor in FACTORS}
    try:
        with ThreadPoolExecutor(len(made)) as pool:
            list(pool.map(lambda run: run.grade([h for h in HOSTILE if h.factor == run.factor]), made.values()))
    finally:
        os.environ.pop("TMPDIR")
        if before is not None:
            os.environ["TMPDIR"] = before
    yield made
    shutil.rmtree(folder, ignore_errors=True)


def _texts(result: Result) -> str:
    """All that a result says of failed tests, for the instructor too."""
    return "\n".join(filter(None, [result.refused, result.failed, *sorted({f"{t.reason} | {t.log}"[:600] for t in result.lost})]))


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_hostile_hand_in(hostile: Hostile, runs: dict[str, Run]) -> None:
    run = runs[hostile.factor]
    result = run.results[hostile.name]
    said = _texts(result)
    assert not result.failed, "grading itself failed"
    assert "got through" not in said
    if hostile.earns == "all":
        assert result.score == result.max_score, said[:3000]
    elif hostile.earns == "nothing":
        assert result.score == 0, [t.name for c in result.cells for t in c.tests if t.passed]
    if hostile.says:
        assert re.search(hostile.says, said), sorted({t.reason for t in result.lost} | {t.log for t in result.lost})
    if hostile.notes:
        assert any(re.search(hostile.notes, note) for note in result.notes), result.notes
    assert all(t.reason for t in result.lost), "a failed test without words"
    assert hostile.name not in run.disturbed, run.disturbed[hostile.name]
    assert hostile.name not in run.left, run.left[hostile.name]
    shown = result.for_student().model_dump_json()
    assert MARKER not in shown
    assert not hostile.forbidden or not re.search(hostile.forbidden, shown)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]|\\\\u00[01]", shown.replace("\\n", "")), "control characters in the result"
    assert len(shown) < 300_000, "the result is not small"


@pytest.mark.parametrize("factor", FACTORS)
def test_neighbours_of_hostile_hand_ins_are_not_disturbed(factor: str, runs: dict[str, Run]) -> None:
    neighbours = runs[factor].neighbours
    assert len(neighbours) > 4
    for result in neighbours:
        assert result.score == result.max_score, _texts(result)[:2000]
    # The second one is the first without the start of the workers.
    usual = statistics.median(result.wall_seconds for result in neighbours)
    slow = [result.wall_seconds for result in neighbours[1:] if result.wall_seconds > 3 * usual + 1]
    assert not slow, f"usually {usual} s, after a hostile hand-in {slow} s"


def test_no_hostile_hand_in_takes_long(runs: dict[str, Run]) -> None:
    long = {name: r.wall_seconds for run in runs.values() for name, r in run.results.items() if r.wall_seconds > 30}
    assert not long
