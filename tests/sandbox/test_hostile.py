"""Hostile hand-ins, graded by the real judge: none earns what it should not, reaches out, or disturbs a neighbour."""

import hashlib
import json
import os
import pickle
import re
import resource
import shutil
import socket
import stat
import statistics
import struct
import threading
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_ins import zip_of
from safetensors.numpy import save

from autograder.base.settings import Settings
from autograder.fleet.local import Fleet
from autograder.judging.job import Job
from autograder.judging.result import Result
from autograder.sources.exercise import known_tests
from autograder.sources.variants import reference, untouched
from exercise_code.common.exercise import load_exercise

HERE = Path(__file__).resolve().parent
COURSE = HERE.parents[1] / "autograder" / "course"
EXERCISE = "ex03_dataloader"
MODELS = "ex09_keypoints"
SCORE_TESTS = ("test_the_model_passes", "test_the_model_passes_on_new_faces")
MARKER = "carried-out-6021"
SECRET = b"the secret of the hostile suite, of 128 bits and more"
# Three judges grade at the same time; CPU limits are these shares of the exercise's own.
FACTORS = {"normal": 0.12, "small": 0.05, "models": 0.06}
# An honest neighbour is graded after so many hostile hand-ins.
NEIGHBOUR_EVERY = {"normal": 8, "small": 3, "models": 8}

pytestmark = [pytest.mark.walls, pytest.mark.timeout(600)]


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
    every: int = 1
    """Which answers of each child the raw one replaces: the first of so many."""
    factor: str = "normal"
    exercise: str = EXERCISE
    fails: tuple[str, ...] = ()
    """Tests that must not pass."""
    model: Callable[[bytes], bytes] | None = None
    """Makes the hostile model file from the honest one."""
    pack: Callable[[Path, Path], Path] | None = None
    """Makes what is handed in, from the honest folder and the path of the canary."""
    machine: str = ""
    forbidden: str = ""
    """A pattern that stands nowhere in what the student may read."""
    notebook_text: str = ""
    fillers: int = 0
    files: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def group(self) -> str:
        """Which judge grades it."""
        return "models" if self.exercise == MODELS else self.factor

    @property
    def runs_here(self) -> bool:
        """False for machine code of another machine, and for an exercise that is not there."""
        return self.machine in ("", os.uname().machine) and (COURSE / self.exercise).is_dir()


# Answered to every probe, by a hand-in that has no other code: what `parrot.CONSTANTS` cannot say in every exercise's
# own tests, and some of what it says, to show that the sandbox changes nothing.
CONSTANTS = {
    "true": "True",
    "none": "None",
    "nan": "float('nan')",
    "zero_array": "numpy.zeros((3, 3))",
    "object": "object()",
    "its_inputs": "inputs()",
    "its_first_input": "inputs()[0] if inputs() else None",
}


def _forged(header: Any, body: bytes = bytes(16), length: int | None = None) -> Callable[[bytes], bytes]:
    """A safetensors file with this header, which may lie."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return lambda honest: struct.pack("<Q", len(text) if length is None else length) + text + body


def _tensor(dtype: str = "F32", shape: Any = (2, 2), offsets: Any = (0, 16)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def _honest_with(extra: str) -> Callable[[bytes], bytes]:
    """The honest file with one more entry in its header."""

    def make(honest: bytes) -> bytes:
        (length,) = struct.unpack("<Q", honest[:8])
        text = honest[8 : 8 + length].decode().rstrip()
        new = (text[:-1] + "," + extra + "}").encode()
        return struct.pack("<Q", len(new)) + new + honest[8 + length :]

    return make


class _Touch:
    """Unpickled, it would reach for the canary."""

    def __reduce__(self) -> Any:
        return (exec, ("import pathlib; pathlib.Path('@CANARY@').write_text('unpickled')",))


LARGE = 5_100_000
MODEL_FILES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a_pickle": ("not a readable", lambda honest: pickle.dumps({"weights": _Touch()})),
    "nothing": ("not a readable", lambda honest: b""),
    "a_cut_file": ("not a readable", lambda honest: honest[:-1000]),
    "hidden_bytes_at_the_end": ("not a readable", lambda honest: honest + bytes(1_000_000)),
    "header_of_an_exabyte": ("not a readable", _forged({}, length=2**60)),
    "header_longer_than_the_file": ("not a readable", _forged({}, length=10_000)),
    "header_that_is_no_json": ("not a readable", _forged(b"{" * 50_000)),
    "header_nested_deeply": ("not a readable", _forged(b'{"a":' * 50_000)),
    "negative_offsets": ("not a readable", _forged({"w": _tensor(offsets=(-16, 0))})),
    "overlapping_offsets": ("not a readable", _forged({"a": _tensor(), "b": _tensor()})),
    "offsets_beyond_the_file": ("not a readable", _forged({"w": _tensor(offsets=(0, 2**40), shape=(2**38,))})),
    "shapes_of_nan": ("not a readable", _forged(b'{"w":{"dtype":"F32","shape":[NaN],"data_offsets":[0,16]}}')),
    "shapes_that_overflow": ("not a readable", _forged({"w": _tensor(shape=(2**33, 2**33))})),
    "negative_shapes": ("not a readable", _forged({"w": _tensor(shape=(-2, -2))})),
    "unknown_dtype": ("not a readable", _forged({"w": _tensor(dtype="PICKLE")})),
    "wrong_dtype": ("not a readable", _forged({"w": _tensor(dtype="F64")})),
    "keys_twice": ("", _honest_with('"head.2.bias":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}')),
    "a_large_header": ("header|not a readable", _honest_with(f'"__metadata__":{{"x":"{"y" * 2_000_000}"}}')),
    "a_hundred_thousand_tensors": (
        "header|not a readable",
        _honest_with(",".join(f'"t{n}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for n in range(100_000))),
    ),
    "weights_in_bytes": ("not floating", lambda honest: save({"w": np.zeros(2_000_000, np.uint8)})),
    "too_many_parameters": ("parameters", lambda honest: save({"w": np.zeros(LARGE, np.float16)})),
    "an_empty_state": ("no tensors", lambda honest: save({})),
    "other_shapes": ("do not fit the code", lambda honest: save({"head.2.weight": np.zeros((3, 3), np.float32)})),
}


def _zip(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> Callable[[Path, Path], Path]:
    """A zip of the honest hand-in and these entries."""

    def make(honest: Path, canary: Path) -> Path:
        path = zip_of(honest, honest.with_suffix(".zip"))
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, data in entries:
                if isinstance(name, str):
                    name = name.replace("@CANARY@", str(canary))
                archive.writestr(name, data.replace(b"@CANARY@", str(canary).encode()))
        return path

    return make


def _link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def _bomb(honest: Path, canary: Path) -> Path:
    return _zip(("exercise_code/ex03_dataloader/big.py", bytes(200_000_000)))(honest, canary)


def _lying_bomb(honest: Path, canary: Path) -> Path:
    """The sizes in the directory say that the bomb is small."""
    path = _zip(("exercise_code/ex03_dataloader/big.py", bytes(20_000_000)))(honest, canary)
    data = path.read_bytes()
    assert data.count(struct.pack("<I", 20_000_000)) == 2
    path.write_bytes(data.replace(struct.pack("<I", 20_000_000), struct.pack("<I", 1000)))
    return path


def _linked_folder(honest: Path, canary: Path) -> Path:
    """A folder whose modules are links: to the reference, to a pipe that never ends, hard ones to the canary."""
    package = honest / "exercise_code" / EXERCISE
    for module in ("dataloader.py", "image_folder.py"):
        (package / module).unlink()
        (package / module).symlink_to(COURSE / EXERCISE / "solution" / module)
    (honest / "models").mkdir(exist_ok=True)
    (honest / "models" / "loop").symlink_to(honest)
    (package / "helper.py").symlink_to("/dev/zero")
    os.mkfifo(package / "pipe.py")
    return honest


TWINS = "exercise_code/ex03_dataloader"
# What is refused as a whole, and why.
PACKED: dict[str, tuple[str, Callable[[Path, Path], Path]]] = {
    "holds_twenty_thousand_files": ("20,000", _zip(*((f"{TWINS}/m{n}.py", b"") for n in range(20_001)))),
    "is_a_bomb_that_lies": ("damaged", _lying_bomb),
    "is_a_folder_of_links": ("", _linked_folder),
}
# What is left out, with a note that says so, while the honest code beside it is graded.
PACKED_BESIDE: dict[str, tuple[str, Callable[[Path, Path], Path]]] = {
    "climbs_out": ("leads out of the hand-in", _zip((f"{TWINS}/../../../canary", b"x"))),
    "climbs_out_with_backslashes": ("canary was ignored", _zip(("..\\..\\canary", b"x"))),
    "is_absolute": ("not relative to the hand-in", _zip(("@CANARY@", b"overwritten"))),
    "holds_a_link": ("links are not followed", _zip((_link(f"{TWINS}/helper.py"), b"@CANARY@"))),
    "holds_a_link_to_a_folder": ("links are not followed", _zip((_link("models"), b"/"))),
    "holds_a_name_twice": ("is there, too, and differs", _zip((f"{TWINS}/DataLoader.py", b"raise SystemExit"))),
    "holds_a_file_that_is_a_folder": ("without subfolders", _zip((f"{TWINS}/dataloader.py/x.py", b""))),
    "holds_control_characters": ("cannot be shown", _zip((f"{TWINS}/a\x1b[2J.py", b""))),
    "is_a_bomb": ("zip bombs are not opened", _bomb),
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
    found += [
        Hostile(f"model_{name}", name, "anything", exercise=MODELS, fails=SCORE_TESTS, says=says, model=make)
        for name, (says, make) in MODEL_FILES.items()
    ]
    found += [Hostile(f"zip_{name}", name, "nothing", says=says, pack=make) for name, (says, make) in PACKED.items()]
    beside = PACKED_BESIDE.items()
    found += [Hostile(f"zip_{name}", name, "all", notes=notes, pack=make) for name, (notes, make) in beside]
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
        course = COURSE / EXERCISE
        seen: dict[str, Any] = {"folder": sorted(p.name for p in self.folder.iterdir())}
        for path in (self.canary, course / "test_hidden.py", course / "solution" / "dataloader.py"):
            found = path.stat()
            facts = (found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns, found.st_nlink, found.st_ino)
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

    def _processes(self) -> tuple[int, int]:
        """The process of the hand-ins' worker, and how many children it has."""
        parents: dict[int, tuple[int, int]] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(path.parent.name)] = int(fields[1]), int(fields[19])
        # It is started before the reference's worker, which is started when it is first needed. Numbers of
        # processes start again at 1 after the largest, times do not.
        _, worker = min((began, pid) for pid, (parent, began) in parents.items() if parent == self.judge)
        return worker, sum(parent == worker for parent, _ in parents.values())


class Run:
    """One judge that grades hostile hand-ins with honest neighbours between them."""

    def __init__(self, folder: Path, factor: str) -> None:
        self.exercise = load_exercise(MODELS if factor == "models" else EXERCISE)
        self.folder = folder
        self.factor = factor
        self.outside = Outside(folder / "outside")
        self.results: dict[str, Result] = {}
        self.neighbours: list[Result] = []
        self.disturbed: dict[str, list[str]] = {}
        self.left: dict[str, list[str]] = {}

    def grade(self, hostiles: list[Hostile]) -> "Run":
        """Grade the hand-ins one by one; what changed outside is noted with the hand-in that did it."""
        (self.folder / "scratch").mkdir(parents=True)
        self.outside.set_up()
        honest = reference(self.exercise, self.folder / "handins" / "reference")
        with Fleet(self.exercise.id, Settings(secret=SECRET, cpu_factor=FACTORS[self.factor])) as fleet:
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
                before = self.outside.before
                if changed := [f"{key}: {before[key]} became {now[key]}" for key in before if now[key] != before[key]]:
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
        into = self.folder / "handins" / hostile.name
        if hostile.pack is not None:
            return hostile.pack(reference(self.exercise, into), self.outside.canary)
        (reference if hostile.base == "reference" else untouched)(self.exercise, into)
        package = into / "exercise_code" / self.exercise.id
        lines = [(HERE / "hostile" / "prelude.txt").read_text(encoding="utf-8"), hostile.code]
        if hostile.answer:
            lines += ["import numpy", "from exercise_code.common.probing.wire import encode", INPUTS]
            lines += [f"answer_with(lambda: encode({hostile.answer}))"]
        if hostile.raw_answer:
            lines += ["import numpy, struct", "from exercise_code.common.probing.wire import encode"]
            lines += [
                f"answer_with(lambda: once(lambda: {hostile.raw_answer}), {hostile.kind.encode()!r}, {hostile.every})"
            ]
        (package / "hostile.py").write_text(self._fill("\n".join(lines)), encoding="utf-8")
        for module in (f"{name}.py" for name in self.exercise.modules):
            text = (package / module).read_text(encoding="utf-8")
            first = "from __future__ import annotations\n"
            assert text.count(first) == 1, f"{module} has no line to put the attack after"
            text = text.replace(first, first + f"from . import hostile  # {hostile.about}\n")
            if hostile.replace_all:
                text += f"\nhostile.replace_all(globals(), lambda: eval({hostile.replace_all!r}, vars(hostile)))\n"
            if hostile.append and module in ("dataloader.py", "model.py"):
                text += f"\nimport os\n{self._fill(hostile.append)}"
            (package / module).write_text(text, encoding="utf-8")
        if hostile.model is not None:
            weights = into / "models" / "keypoints.safetensors"
            made = hostile.model(weights.read_bytes())
            weights.write_bytes(made.replace(b"@CANARY@", str(self.outside.canary).encode()))
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
        known = known_tests(self.exercise).values()
        seeds = [Settings(secret=SECRET).seed(self.exercise.id, t.name) for t in known if not t.visible]
        secrets = [SECRET, SECRET[:16], *(str(seed).encode() for seed in seeds)]
        values = {
            "COURSE": COURSE / self.exercise.id,
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
    made = {group: Run(folder / group, group) for group in sorted({hostile.group for hostile in HOSTILE})}
    try:
        with ThreadPoolExecutor(len(made)) as pool:
            list(pool.map(lambda run: run.grade([h for h in HOSTILE if h.group == run.factor]), made.values()))
    finally:
        os.environ.pop("TMPDIR")
        if before is not None:
            os.environ["TMPDIR"] = before
    yield made
    for run in made.values():
        for opened in run.outside.sockets:
            opened.close()
    shutil.rmtree(folder, ignore_errors=True)


def _texts(result: Result) -> str:
    """All that a result says of failed tests, for the instructor too."""
    tests = sorted({f"{t.reason} | {t.log}"[:600] for t in result.lost})
    return "\n".join(filter(None, [result.refused, result.failed, *tests]))


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_hostile_hand_in(hostile: Hostile, runs: dict[str, Run]) -> None:
    run = runs[hostile.group]
    result = run.results[hostile.name]
    said = _texts(result)
    assert not result.failed, "grading itself failed"
    assert "got through" not in said
    if hostile.earns == "all":
        assert result.score == result.max_score, said[:3000]
    elif hostile.earns == "nothing":
        assert result.score == 0, [t.name for c in result.cells for t in c.tests if t.passed]
    passed = {t.name for cell in result.cells for t in cell.tests if t.passed}
    assert not passed & set(hostile.fails), said
    if hostile.says:
        assert re.search(hostile.says, said), sorted({t.reason for t in result.lost} | {t.log for t in result.lost})
    if hostile.notes:
        assert any(re.search(hostile.notes, note.text) for note in result.notes), result.notes
    assert all(t.reason for t in result.lost), "a failed test without words"
    assert hostile.name not in run.disturbed, run.disturbed[hostile.name]
    assert hostile.name not in run.left, run.left[hostile.name]
    shown = result.for_student().model_dump_json()
    assert MARKER not in shown
    assert not hostile.forbidden or not re.search(hostile.forbidden, shown)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]|\\\\u00[01]", shown.replace("\\n", "")), "control characters"
    assert len(shown) < 300_000, "the result is not small"


@pytest.mark.parametrize("group", sorted({hostile.group for hostile in HOSTILE}))
def test_neighbours_of_hostile_hand_ins_are_not_disturbed(group: str, runs: dict[str, Run]) -> None:
    neighbours = runs[group].neighbours
    assert len(neighbours) > 4
    for result in neighbours:
        assert result.score == result.max_score, _texts(result)[:2000]
    # The second one is the first without the start of the workers.
    usual = statistics.median(result.wall_seconds for result in neighbours)
    slow = [result.wall_seconds for result in neighbours[1:] if result.wall_seconds > 3 * usual + 1]
    assert not slow, f"usually {usual} s, after a hostile hand-in {slow} s"


def test_no_hostile_hand_in_takes_long(runs: dict[str, Run]) -> None:
    """CPU time is the hand-in's own; wall time, with room for a machine that has other work, shows that none hangs."""
    found = {name: r for run in runs.values() for name, r in run.results.items()}
    long = {
        name: (r.cpu_seconds, r.wall_seconds) for name, r in found.items() if r.cpu_seconds > 60 or r.wall_seconds > 240
    }
    assert not long
