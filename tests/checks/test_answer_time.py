"""The time of an answer: computing and sleeping are the code's own, waiting for a processor is not."""

import os
from types import SimpleNamespace

import pytest

from autograder.base.errors import AutograderError
from autograder.sandbox import clock as clock_module
from autograder.sandbox.clock import SLEEP_FACTOR, STARVED_FACTOR, WALL_FACTOR, Clock


class Machine:
    """A child of which a test says how long it computed and waited, and a clock that goes as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, device: str = "cpu") -> None:
        self.now = self.used = 0.0
        self.waited = 0.0
        self.says: float | None = 0.0
        self.state = "S"
        self.pid, self.worker = os.getpid(), SimpleNamespace(device=device)
        monkeypatch.setattr(clock_module, "_waited", lambda _: self.says)
        monkeypatch.setattr(clock_module, "_state", lambda _: self.state)
        monkeypatch.setattr(clock_module.time, "monotonic", lambda: self.now)

    def cpu(self) -> float:
        """As a child says it."""
        return self.used


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_computing_and_sleeping_have_limits(machine: Machine) -> None:
    clock = Clock(machine, 5.0)
    machine.now, machine.used = 5.0, 4.9
    assert clock.look() == ""
    machine.now, machine.used = 5.2, 5.1
    assert "more than 5 s of CPU time" in clock.look()
    machine.used = machine.now = 0.0
    clock = Clock(machine, 5.0)
    machine.now = 5.0 * SLEEP_FACTOR
    assert clock.look() == ""
    machine.now += 0.1
    assert "did not answer within 10 s" in clock.look()
    assert clock.slept == pytest.approx(10.1)


def test_waiting_for_a_processor_is_neither(machine: Machine) -> None:
    clock = Clock(machine, 5.0)
    machine.now, machine.used, machine.says = 60.0, 1.0, 58.0
    assert clock.look() == "" and clock.slept == pytest.approx(1.0)
    machine.now = machine.says = 5.0 * STARVED_FACTOR + 1
    with pytest.raises(AutograderError, match="too busy"):
        clock.look()


@pytest.mark.parametrize("state", ["D", "T"])
def test_a_child_that_the_machine_holds_is_no_late_answer(machine: Machine, state: str) -> None:
    clock = Clock(machine, 5.0)
    machine.now, machine.state = 11.0, state
    with pytest.raises(AutograderError, match="disk"):
        clock.look()


def test_where_nobody_knows_the_wall_clock_decides(machine: Machine) -> None:
    machine.says = None
    clock = Clock(machine, 5.0)
    machine.now = 5.0 * WALL_FACTOR
    assert clock.look() == ""
    machine.now += 0.1
    assert "did not answer within 25 s" in clock.look()
    assert clock.slept == pytest.approx(10.04), "charged as before: as slowly as the limit is wider"


def test_a_gpu_is_waited_for_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, "cuda")
    clock = Clock(machine, 5.0)
    machine.now = 5.0 * WALL_FACTOR
    assert clock.look() == ""


def test_a_process_says_how_long_it_waited_and_what_it_does() -> None:
    waited = clock_module._waited(os.getpid())
    assert waited is None or waited >= 0
    assert clock_module._state(os.getpid()) in "RS"
    assert clock_module._waited(2**31 - 1) is None
