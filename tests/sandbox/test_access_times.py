"""Access times tell the next hand-in nothing of what the last one read."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from demo_course import copy_of_the_package

from autograder.sandbox import access_times
from autograder.sandbox.client import Worker

pytestmark = pytest.mark.walls
cloudpickle.register_pickle_by_value(sys.modules[__name__])
BITS = [number * number % 7 % 2 for number in range(256)]
LONG_AGO = time.time() - 40 * 24 * 3600


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Given code, and beside it 256 files that nobody has read for long."""
    folder = copy_of_the_package(tmp_path.resolve() / "judge" / "base")
    (folder / "headers").mkdir()
    for number in range(len(BITS)):
        path = folder / "headers" / f"{number}.h"
        path.write_text("x")
        os.utime(path, (LONG_AGO, LONG_AGO))
    return folder


def write_bits(code: Any, folder: str, bits: list[int]) -> None:
    """What a hidden probe does with its input."""
    for number, bit in enumerate(bits):
        if bit:
            with open(f"{folder}/{number}.h") as file:
                file.read()


def read_bits(code: Any, folder: str, number: int, since: float) -> list[int]:
    """What a visible probe of a later hand-in says."""
    return [int(os.stat(f"{folder}/{n}.h").st_atime > since) for n in range(number)]


def carried_over(base: Path, namespaces: bool) -> list[int]:
    workspace = base.parent / "workspace"
    (workspace / "exercise_code" / "ex00_times").mkdir(parents=True)
    folder = str(base / "headers")
    with Worker("ex00_times", base, ["numpy"], namespaces=namespaces) as worker:
        worker.start()
        if namespaces and not worker.is_private:
            pytest.skip(f"no namespaces here: {worker.why_not_private}")
        first = worker.fork(workspace, memory_mb=500, cpu_seconds=20)
        time.sleep(0.05)
        since = time.time()
        time.sleep(0.05)
        assert first.ask(0, cloudpickle.dumps((write_bits, (folder, BITS))), cpu_seconds=10).exception is None
        first.end()
        second = worker.fork(workspace, memory_mb=500, cpu_seconds=20)
        seen = second.ask(0, cloudpickle.dumps((read_bits, (folder, len(BITS), since))), cpu_seconds=10)
        second.end()
    assert seen.exception is None, seen.exception
    return list(seen.value)


@pytest.mark.parametrize("namespaces", [True, False])
def test_bits_do_not_travel_in_access_times(base: Path, namespaces: bool) -> None:
    if access_times.is_noted_always(str(base)):
        pytest.skip("this machine notes each reading, and the doctor says so")
    assert carried_over(base, namespaces) == [0] * len(BITS)


def test_the_attack_is_a_real_one(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is read beforehand, all bits arrive."""
    probe = base.parent / "probe"
    probe.write_text("x")
    os.utime(probe, (LONG_AGO, LONG_AGO))
    probe.read_text()
    if probe.stat().st_atime < LONG_AGO + 1:
        pytest.skip("this folder keeps no access times")
    monkeypatch.setattr(access_times, "settle", lambda paths: 0)
    assert carried_over(base, namespaces=False) == BITS


def test_what_was_settled_is_not_noted_again(base: Path) -> None:
    (base / "link").symlink_to(base / "headers" / "0.h")
    assert access_times.settle([str(base)]) >= len(BITS)
    if access_times.is_noted_always(str(base)):
        pytest.skip("this machine notes each reading")
    before = {path: os.lstat(path).st_atime_ns for path in base.rglob("*")}
    for path in before:
        path.is_dir() or path.read_bytes()
        path.is_symlink() and path.readlink()
        path.is_dir() and list(path.iterdir())
    assert {path: os.lstat(path).st_atime_ns for path in before} == before
    # A day later it is all read again, before the kernel would note a reading by somebody else.
    assert access_times.settle([str(base)], now=time.time() + access_times.STALE_SECONDS + 1) >= len(BITS)
    assert access_times.STALE_SECONDS + access_times.EVERY_SECONDS < 24 * 3600
    assert access_times.settle([str(base / "gone"), "/proc/cpuinfo"]) == 0
