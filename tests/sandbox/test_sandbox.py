"""The sandbox: one worker, its walled children, their limits, and what is left when they are gone."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from demo_course import copy_of_the_package

from autograder.base import hostile_folders as disk
from autograder.base.errors import AutograderError
from autograder.sandbox import client, handle, mounts
from autograder.sandbox.client import Worker
from autograder.sandbox.handle import Answer, Child, ChildDied
from exercise_code.common.exercise import PACKAGE
from exercise_code.common.probing.wire import Opaque

pytestmark = pytest.mark.walls
ROOT = PACKAGE.parent
EXERCISE = "ex00_walls"
cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the given code that every child may read."""
    return copy_of_the_package(tmp_path_factory.mktemp("base").resolve())


@pytest.fixture(scope="module", params=["private", "watched"])
def worker(base: Path, request: pytest.FixtureRequest) -> Iterator[Worker]:
    """A warm worker without torch, with namespaces and without."""
    # A judge has the course's secret in its environment; no child may find it.
    os.environ["AUTOGRADER_SECRET"] = "s" * 40
    try:
        with Worker(EXERCISE, base, ["numpy"], namespaces=request.param == "private") as started:
            started.start()
            if request.param == "private" and not started.is_private:
                pytest.skip(f"no namespaces here: {started.why_not_private}")
            yield started
    finally:
        del os.environ["AUTOGRADER_SECRET"]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A hand-in with one module, a model folder and a notebook."""
    package = tmp_path.resolve() / "workspace" / "exercise_code" / EXERCISE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "adding.py").write_text("def add(a, b):\n    return a + b\n\n\nCOUNT = []\n")
    workspace = package.parent.parent
    (workspace / "models").mkdir()
    (workspace / "models" / "small.json").write_text("{}")
    (workspace / "1_walls.ipynb").write_text("{}")
    return workspace


@pytest.fixture
def child(worker: Worker, workspace: Path) -> Iterator[Child]:
    """A child of the worker."""
    made = worker.fork(workspace, memory_mb=500, cpu_seconds=20)
    yield made
    made.end()


def ask(child: Child, probe: Callable[..., Any], *inputs: Any, seed: int = 0, cpu: float = 3.0, **kw: Any) -> Answer:
    return child.ask(seed, cloudpickle.dumps((probe, inputs)), cpu_seconds=cpu, **kw)


# Answers


def add(code: Any, a: Any, b: Any) -> Any:
    return code.adding.add(a, b)


def test_a_child_answers_one_probe_after_the_other(child: Child) -> None:
    assert [ask(child, add, n, 1).value for n in range(3)] == [1, 2, 3]


def count_imports(code: Any) -> int:
    code.adding.COUNT.append(1)
    return len(code.adding.COUNT)


def test_each_probe_imports_the_code_afresh(child: Child) -> None:
    assert [ask(child, count_imports).value for _ in range(3)] == [1, 1, 1]


def draw(code: Any) -> list[Any]:
    import random

    import numpy as np

    return [random.random(), np.random.rand()]


def test_the_seed_decides_the_global_generators(child: Child) -> None:
    first, again, other = (ask(child, draw, seed=seed).value for seed in (2**62 + 1, 2**62 + 1, 5))
    assert first == again
    assert first[0] != other[0] and first[1] != other[1]


def test_what_is_not_plain_arrives_as_opaque(child: Child) -> None:
    got = ask(child, lambda code: [object(), {1}]).value
    assert [type(item) for item in got] == [Opaque, Opaque]


def fail(code: Any, text: str) -> None:
    code.adding.add(text, 1)


def test_an_exception_arrives_with_type_text_and_place(child: Child) -> None:
    report = ask(child, fail, "one").exception
    assert report is not None and report["type"] == "TypeError"
    assert "concatenate" in report["text"]
    assert report["place"] == "adding.py, line 2: return a + b"


def fail_at_length(code: Any) -> None:
    raise type("N" * 500, (Exception,), {})("x\x1b[31m\u202e\0" * 5000)


def test_the_report_of_an_exception_is_cut_and_cleaned(child: Child) -> None:
    report = ask(child, fail_at_length).exception
    assert report is not None and report["type"] == "N" * 80
    assert len(report["text"]) <= 2000
    assert report["text"].startswith("x[31mx[31m")


def test_an_answer_over_the_size_that_is_left_ends_the_child(child: Child) -> None:
    with pytest.raises(ChildDied, match="more bytes than the grader takes"):
        ask(child, lambda code: bytes(5000), max_bytes=4000)
    assert child.ended is not None


# Ends


def loop(code: Any) -> None:
    while True:
        pass


def test_cpu_time_is_limited(child: Child) -> None:
    start = time.monotonic()
    with pytest.raises(ChildDied, match=r"more than 0\.2 s of CPU time") as caught:
        ask(child, loop, cpu=0.2)
    assert caught.value.late
    assert time.monotonic() - start < 5
    assert child.cpu() < 1.5


def sleep(code: Any) -> None:
    time.sleep(100)


def test_sleep_is_limited(child: Child) -> None:
    with pytest.raises(ChildDied, match=r"did not answer within 0\.2 s") as caught:
        ask(child, sleep, cpu=0.1)
    assert caught.value.late


def leave(code: Any, how: str) -> Any:
    import ctypes

    if how == "exit":
        os._exit(7)
    if how == "close":
        os.closerange(3, 100)
        time.sleep(100)
    if how == "signal":
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        time.sleep(100)
    return ctypes.string_at(0)


@pytest.mark.parametrize(
    ("how", "reason", "detail"),
    [
        ("exit", "ended its process before it answered", "exit code 7"),
        ("close", "closed its answer pipe", ""),
        ("signal", "crashed", "signal 14"),
        ("crash", "crashed", "signal 11"),
    ],
)
def test_each_end_has_its_words(child: Child, how: str, reason: str, detail: str) -> None:
    with pytest.raises(ChildDied) as caught:
        ask(child, leave, how)
    assert reason in caught.value.reason and detail in caught.value.detail
    # Whoever chooses the exit code must not choose the words that students read.
    assert "7" not in caught.value.reason


def start_threads(code: Any) -> None:
    import threading

    threading.stack_size(32768)
    for _ in range(300):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    time.sleep(60)


@pytest.mark.parametrize("name", ["python", "Threads: 1", "x\nThreads:\t1", "Threads:\t1"])
def test_threads_are_limited_whatever_the_process_is_called(child: Child, name: str) -> None:
    ask(child, rename, name)
    # The kernel's limit, where there is one, comes before the look of the judge, or after it.
    with contextlib.suppress(ChildDied):
        report = ask(child, start_threads).exception
        assert report is not None and report["type"] == "RuntimeError" and "start new thread" in report["text"]
    assert handle._threads_and_memory(child.pid)[0] <= 1 + 3 * 64


def rename(code: Any, name: str) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(15, name.encode(), 0, 0, 0)


def start_and_stay(code: Any, number: int) -> None:
    import threading

    threading.stack_size(32768)
    for _ in range(number):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def test_threads_of_quick_answers_are_counted_too(child: Child) -> None:
    def many_quick_ones() -> None:
        for _ in range(30):
            ask(child, start_and_stay, 4)
            time.sleep(0.01)

    with pytest.raises(ChildDied, match="more than 64 threads"):
        many_quick_ones()


def test_threads_and_memory_are_read_from_their_lines() -> None:
    threads, megabytes = handle._threads_and_memory(os.getpid())
    assert threads >= 1 and megabytes > 10
    assert handle._threads_and_memory(2**22 + 1) == (0, 0.0)


def take_memory(code: Any, megabytes: int) -> int:
    return len(bytes(megabytes << 20))


def test_memory_is_limited_relative_to_the_worker(child: Child) -> None:
    assert ask(child, take_memory, 300).value == 300 << 20
    report = ask(child, take_memory, 700).exception
    assert report is not None and report["type"] == "MemoryError"


def count_in_background(code: Any) -> None:
    import threading

    def run() -> None:
        while True:
            sys.counted = getattr(sys, "counted", 0) + 1  # type: ignore[attr-defined]

    threading.Thread(target=run, daemon=True).start()


def test_a_child_stands_still_between_probes(child: Child) -> None:
    ask(child, count_in_background)
    time.sleep(0.1)
    before = child.cpu()
    time.sleep(0.4)
    assert child.cpu() - before < 0.01
    assert ask(child, lambda code: sys.counted).value > 0


def test_children_leave_no_descriptors_and_no_zombies(worker: Worker, workspace: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    pids = []
    for how in ("exit", "none", "close"):
        made = worker.fork(workspace, memory_mb=100, cpu_seconds=5)
        pids.append(made.pid)
        if how == "none":
            assert ask(made, add, 1, 1).value == 2
        else:
            with pytest.raises(ChildDied):
                ask(made, leave, how)
        made.end()
        made.end()
    assert len(os.listdir("/proc/self/fd")) == before
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_worker_that_was_killed_is_started_again(base: Path, workspace: Path) -> None:
    with Worker(EXERCISE, base, ["numpy"]) as mortal:
        first = mortal.fork(workspace, memory_mb=100, cpu_seconds=5)
        assert mortal.pid is not None
        os.kill(mortal.pid, signal.SIGKILL)
        with pytest.raises(AutograderError, match="worker"):
            first.end()
        second = mortal.fork(workspace, memory_mb=100, cpu_seconds=5)
        assert ask(second, add, 1, 2).value == 3
        second.end()


# Walls


@pytest.mark.parametrize("what", ["fork", "end"])
def test_a_request_that_was_cut_short_does_not_leave_its_reply_to_the_next(
    base: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    read = Worker._read_reply

    def interrupted(self: Worker, of: str) -> dict[str, Any]:
        if of == what:
            raise MemoryError
        return read(self, of)

    before = len(os.listdir("/proc/self/fd"))
    with Worker(EXERCISE, base, ["numpy"]) as mortal:
        with monkeypatch.context() as patched:
            patched.setattr(Worker, "_read_reply", interrupted)
            with pytest.raises(MemoryError):
                mortal.fork(workspace, memory_mb=100, cpu_seconds=5).end()
        child = mortal.fork(workspace, memory_mb=100, cpu_seconds=5)
        assert ask(child, add, 2, 3).value == 5
        child.end()
        assert child.ended and child.ended["cpu"] > 0
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_kernel_confirms_the_walls(child: Child) -> None:
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{child.pid}/status").read_text().splitlines())
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    size = f"{mounts.SCRATCH_BYTES:<10}" if child.is_private else "0 "
    for line in ("Max core file size        0", f"Max file size             {size}", "Max open files            64"):
        assert line in limits
    assert Path(f"/proc/{child.pid}/oom_score_adj").read_text().strip() == "1000"


def look_around(code: Any) -> dict[str, Any]:
    descriptors = []
    for number in range(256):
        try:
            os.fstat(number)
            descriptors.append(number)
        except OSError:
            continue
    return {"environment": dict(os.environ), "descriptors": len(descriptors), "argv": " ".join(sys.argv)}


def test_a_child_has_a_clean_environment_and_two_pipes(child: Child) -> None:
    seen = ask(child, look_around).value
    assert "AUTOGRADER_SECRET" not in seen["environment"]
    place = mounts.SCRATCH if child.is_private else str(child.worker._home)
    for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCH_HOME"):
        assert seen["environment"][name].startswith(place)
    # Standard streams, a stdin of Python's own (all of them /dev/null), and the two pipes.
    assert seen["descriptors"] == 6


def try_each(code: Any, outside: str, project: str) -> dict[str, str]:
    """What each attempt ended with: the name of an error, or "done"."""
    import socket

    workspace = os.path.dirname(os.path.dirname(os.path.dirname(code.adding.__file__)))
    attempts = {
        "module": lambda: open(code.adding.__file__).close(),
        "model": lambda: open(f"{workspace}/models/small.json").close(),
        "notebook": lambda: open(f"{workspace}/1_walls.ipynb").close(),
        "project": lambda: open(f"{project}/pyproject.toml").close(),
        "root": lambda: os.listdir("/"),
        "neighbour": lambda: os.listdir(os.path.dirname(outside)),
        "empty a readable file": lambda: os.open(f"{workspace}/models/small.json", os.O_RDONLY | os.O_TRUNC),
        "truncate": lambda: os.truncate(f"{workspace}/models/small.json", 0),
        "write": lambda: open(f"{workspace}/models/new.json", "w").close(),
        "fork": lambda: os._exit(0) if os.fork() == 0 else os.wait(),
        "socket": lambda: socket.socket().close(),
        "signal": lambda: os.kill(os.getppid(), 0),
        "priority": lambda: os.nice(0),
        "mode": lambda: os.chmod(f"{workspace}/models/small.json", 0o644),
        "affinity": lambda: os.sched_setaffinity(os.getppid(), os.sched_getaffinity(os.getppid())),
    }
    ends = {}
    for name, attempt in attempts.items():
        try:
            attempt()
            ends[name] = "done"
        except OSError as error:
            ends[name] = type(error).__name__
    return ends


def test_only_code_and_models_can_be_reached(child: Child, workspace: Path) -> None:
    ends = ask(child, try_each, str(workspace), str(ROOT)).value
    done = {name for name, end in ends.items() if end == "done"}
    assert done == {"module", "model"}
    for name, end in ends.items():
        assert end in ("done", "PermissionError") or child.is_private, name
    assert (workspace / "models" / "small.json").read_text() == "{}"


def test_without_walls_everything_can_be_reached(base: Path, workspace: Path) -> None:
    """What the walls refuse is possible where they do not stand: the attempts are real ones."""
    with Worker(EXERCISE, base, ["numpy"], unsafe=True) as open_worker:
        made = open_worker.fork(workspace, memory_mb=500, cpu_seconds=20)
        ends = ask(made, try_each, str(workspace), str(ROOT)).value
        made.end()
    assert set(ends.values()) == {"done"}, ends


def bind_worker(code: Any) -> None:
    os.sched_setaffinity(os.getppid(), {0})


def touch_memory(code: Any, megabytes: int) -> None:
    kept = bytearray(megabytes << 20)
    time.sleep(60)
    del kept


def talk_to_others(code: Any) -> dict[str, str]:
    import socket

    def name_of(action: Callable[[], object]) -> str:
        try:
            action()
        except OSError as error:
            return type(error).__name__
        return "made"

    own = socket.socket(socket.AF_UNIX)
    return {
        "unix": "made",
        "connect": name_of(lambda: own.connect("/run/somebody")),
        "bind": name_of(lambda: own.bind("socket")),
        "internet": name_of(lambda: socket.socket(socket.AF_INET)),
    }


def name_a_thread(code: Any) -> str:
    import threading

    place = Path(f"/proc/self/task/{threading.get_native_id()}/comm")
    place.write_text("a thread")
    return place.read_text().strip()


def test_walls_for_a_gpu_reach_no_further(base: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU more calls are allowed and address space is not limited: the judge watches what is really used."""
    monkeypatch.setattr(handle, "GPU_BASE_MB", 200)
    with Worker(EXERCISE, base, ["numpy"], device="cuda") as gpu_worker:
        made = gpu_worker.fork(workspace, memory_mb=100, cpu_seconds=20)
        assert gpu_worker.pid is not None
        before = os.sched_getaffinity(gpu_worker.pid)
        assert ask(made, bind_worker).exception is None, "the driver must not stumble over it"
        assert os.sched_getaffinity(gpu_worker.pid) == before
        talks = ask(made, talk_to_others).value
        assert talks == {
            "unix": "made",
            "connect": "FileNotFoundError",
            "bind": "PermissionError",
            "internet": "PermissionError",
        }
        assert ask(made, name_a_thread).value == "a thread"
        ends = ask(made, try_each, str(workspace), str(ROOT)).value
        assert {name for name, end in ends.items() if end == "done"} == {"module", "model", "affinity"}
        with pytest.raises(ChildDied, match="more memory than allowed"):
            ask(made, touch_memory, 600)
        made.end()


def write_and_list(code: Any, size: int) -> list[str]:
    Path("out").write_bytes(bytes(size))
    return [os.getcwd(), *os.listdir(".")]


@pytest.fixture
def writer(worker: Worker, workspace: Path, tmp_path: Path) -> Iterator[Child]:
    """A child that may write: to its own scratch folder, or to a watched one."""
    folder = tmp_path.resolve() / "writable"
    folder.mkdir()
    made = worker.fork(workspace, memory_mb=500, cpu_seconds=20, writable=folder)
    yield made
    made.end()
    disk.remove(folder)
    assert not folder.exists()


def test_a_folder_to_write_to_is_fresh_for_each_probe(writer: Child) -> None:
    first, second = (ask(writer, write_and_list, 10).value for _ in range(2))
    place = f"{mounts.SCRATCH}/work" if writer.is_private else str(writer.writable)
    assert first == [f"{place}/1", "out"] and second == [f"{place}/2", "out"]
    report = ask(writer, write_and_list, 65 << 20).exception
    assert report is not None and report["type"] == "OSError", "one file is limited by the kernel"
    assert ask(writer, write_and_list, 10).value[1:] == ["out"]


def fill(code: Any) -> None:
    for number in range(100_000):
        Path(str(number)).write_bytes(b"x")


def fill_without_names(code: Any) -> int:
    """Files that no folder shows; what is left of each is one mapped page."""
    import mmap

    kept = []
    for number in range(100):
        descriptor = os.open(f"file{number}", os.O_CREAT | os.O_RDWR)
        os.posix_fallocate(descriptor, 0, 15 << 20)
        kept.append(mmap.mmap(descriptor, 4096))
        os.unlink(f"file{number}")
        os.close(descriptor)
    return len(kept)


@pytest.mark.parametrize("probe", [fill, fill_without_names])
def test_a_scratch_folder_is_limited_in_bytes_and_files(writer: Child, probe: Callable[[Any], Any]) -> None:
    if not writer.is_private:
        pytest.skip("a watched folder is limited by looking at it")
    report = ask(writer, probe, cpu=20).exception
    assert report is not None and report["type"] == "OSError" and "[Errno 28]" in report["text"]
    # What is left over is gone with the next probe.
    assert ask(writer, write_and_list, 10).value[1:] == ["out"]


def test_a_watched_folder_is_limited(writer: Child) -> None:
    if writer.is_private:
        pytest.skip("a private folder limits itself")
    with pytest.raises(ChildDied, match="files"):
        ask(writer, fill, cpu=20)


def test_walls_that_do_not_stand_stop_the_child(base: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A path that cannot be opened, although it exists, leaves Landlock's rules incomplete.
    monkeypatch.setattr(client, "SYSTEM_PATHS", [*client.SYSTEM_PATHS, "/dev/null/nothing"])
    with (
        Worker(EXERCISE, base, ["numpy"]) as worker,
        pytest.raises(AutograderError, match="walls do not stand"),
    ):
        worker.fork(workspace, memory_mb=500, cpu_seconds=20)


def test_workers_and_children_end_with_their_judge(base: Path, workspace: Path) -> None:
    code = f"""
        import os, signal
        from pathlib import Path
        from autograder.sandbox.client import Worker
        worker = Worker({EXERCISE!r}, Path({str(base)!r}), ["numpy"])
        child = worker.fork(Path({str(workspace)!r}), memory_mb=500, cpu_seconds=20)
        print(worker.pid, child.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, env=environment, check=False
    )
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while any(map(_runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_runs, pids))


def _runs(pid: int) -> bool:
    try:
        # Without an init that reaps orphans they stay as zombies.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_the_worker_computes_nothing_and_holds_no_more_than_it_needs(worker: Worker) -> None:
    status = Path(f"/proc/{worker.pid}/status").read_text()
    assert "Threads:\t1\n" in status, "a fork after threads were started may hang"
    maps = Path(f"/proc/{worker.pid}/maps").read_text().splitlines()
    shared = [line for line in maps if line.split()[1].startswith("rw") and line.split()[1].endswith("s")]
    assert not shared, "memory shared with children is a way from one hand-in to the next"
    # Standard streams and the control socket: none of another worker, none of a neighbour's pipes.
    assert len(os.listdir(f"/proc/{worker.pid}/fd")) == 4


# The writable folder, measured and removed


def test_deep_and_closed_folders_are_found_too_large_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    assert disk.is_small(folder)
    (folder / "link").symlink_to(outside)
    closed = folder / "closed"
    closed.mkdir()
    (closed / "file").write_text("x")
    closed.chmod(0o300)
    assert disk.is_small(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(60):
            os.mkdir("d" * 100)
            os.chdir("d" * 100)
            Path("file").write_text("x")
    finally:
        os.chdir(before)
    assert not disk.is_small(folder)
    disk.remove(folder)
    assert not folder.exists()
    assert (outside / "kept").read_text() == "kept"


def test_files_and_bytes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large").write_bytes(bytes(200_000))
    assert disk.is_small(tmp_path)
    monkeypatch.setattr(disk, "MAX_DISK", 100_000)
    assert not disk.is_small(tmp_path)
    monkeypatch.setattr(disk, "MAX_DISK", 1_000_000)
    monkeypatch.setattr(disk, "MAX_FILES", 5)
    for number in range(5):
        (tmp_path / str(number)).touch()
    assert not disk.is_small(tmp_path)
