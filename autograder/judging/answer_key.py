"""What is right: probes on the reference solution, in a worker of its own."""

import copy
import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from exercise_code.common.probing.cases import Grade
from exercise_code.common.probing.failures import Failure

from ..base.errors import AutograderError
from ..sandbox.client import Worker
from .budget import Budget
from .hand_in_sandbox import ANSWER_BYTES, Examination, HandInSandbox
from .workspace import Inventory, reference_submission

__all__ = ["AnswerKey"]

# CPU time for known mistakes on a student's examples: these are small.
BANK_SECONDS = 1.0


class Owner(Examination, Protocol):
    """What is asked of the judge."""

    def expect_whole(self) -> None:
        """Nothing; an `AutograderError` when files are gone without which right answers would be wrong ones."""


class AnswerKey:
    """Answers of the reference solution, each computed once, and those of known mistakes on a student's examples."""

    def __init__(self, judge: Owner, twins: tuple[str, ...], worker: Worker) -> None:
        self.judge, self.twins, self.worker = judge, twins, worker
        self.kept: list[Inventory] = []
        self._workspace: Path | None = None
        self._reference: HandInSandbox | None = None
        self._bank: HandInSandbox | None = None
        self._answers: dict[bytes, Any] = {}

    def ask(self, probe: Callable[..., Any], inputs: tuple[Any, ...], seed: int, name: str, mark: Grade) -> Any:
        """The reference's answer; an `AutograderError` where it has none."""
        key = hashlib.sha256(b"%d:" % seed + self.judge.pickler.dumps(probe, inputs)).digest()
        if key not in self._answers:
            if self._reference is None:
                seconds = self.judge.exercise.limits.cpu_seconds * 20
                self._reference = self._sandbox(seconds, sys.maxsize)
            try:
                self._answers[key] = self._reference.ask(probe, inputs, seed, name, mark)
            except Failure as failure:
                self.judge.expect_whole()
                raise AutograderError(
                    f"the reference solution failed in {name}: {failure.reason} {failure.got}: "
                    f"run `autograder verify {self.judge.exercise.id}`"
                ) from None
            self._reference.end_test(name)
        # A test may change what it got; the next hand-in must not see that.
        return copy.deepcopy(self._answers[key])

    def ask_bank(self, probe: Callable[..., Any], inputs: tuple[Any, ...], seed: int, name: str, mark: Grade) -> Any:
        """What a probe answers beside the reference, or the `Failure` that it ends in: a student chose the inputs."""
        if self._bank is None:
            self._bank = self._sandbox(BANK_SECONDS, ANSWER_BYTES)
        # A mistake that never ends takes nothing from the next one, nor from the reference.
        self._bank.budget, self._bank.answer_bytes = Budget(BANK_SECONDS), ANSWER_BYTES
        try:
            return self._bank.ask(probe, inputs, seed, name, replace(mark, cpu_seconds=BANK_SECONDS))
        except Failure as failure:
            self.judge.expect_whole()
            return failure

    def _sandbox(self, seconds: float, answer_bytes: int) -> HandInSandbox:
        if self._workspace is None:
            self._workspace = reference_submission(self.judge.exercise, self.twins, self.judge.scratch).folder
            self.kept.append(Inventory.of(self._workspace))
        return HandInSandbox(self.judge, self._workspace, Budget(seconds), self.worker, answer_bytes=answer_bytes)

    def close(self) -> None:
        """End the worker."""
        self.worker.close()
