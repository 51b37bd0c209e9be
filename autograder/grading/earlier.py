"""A student's own modules of the exercises that one builds on: from the hand-in of theirs that gave the mark there."""

from dataclasses import dataclass
from pathlib import Path

from exercise_code.common.exercise import Exercise, load_exercise

from ..base.settings import Settings
from ..intake.digest import fingerprint
from ..intake.search import find_hand_ins
from ..judging.job import Earlier
from .collection import last_hand_ins
from .register import read_register

__all__ = ["EarlierHandIns"]


@dataclass(frozen=True)
class _Known:
    path: Path
    digest: str


class EarlierHandIns:
    """The earlier hand-ins of a class, looked up once an exercise.

    `out` holds the class's results. Where an exercise was never graded there, as in a class that uses nbgrader alone,
    its hand-ins are those in `submitted` beside it.
    """

    def __init__(self, exercise: Exercise, out: Path, settings: Settings) -> None:
        self.names = exercise.earlier if settings.earlier == "student" else ()
        self.package = exercise.folder.parent
        self.out = out
        self._found: dict[str, dict[str, _Known]] = {}

    def of(self, student: str) -> tuple[Earlier, ...]:
        """The student's work for each earlier exercise; one without a path where there is none to be had."""
        return tuple(self._one(name, student) for name in self.names)

    def _one(self, name: str, student: str) -> Earlier:
        if name not in self._found:
            self._found[name] = self._look_up(name)
        known = self._found[name].get(student)
        return Earlier(name, known.path, known.digest) if known else Earlier(name)

    def _look_up(self, name: str) -> dict[str, _Known]:
        register = read_register(self.out / name)
        if register.entries:
            return {one.found.student: _Known(one.found.path, one.digest) for one in last_hand_ins(register)}
        submitted = self.out.parent / "submitted"
        if not any(submitted.glob(f"*/{name}")):
            return {}
        found = find_hand_ins(submitted, load_exercise(name, self.package)).found
        return {one.student: _Known(one.path, fingerprint(one.path)) for one in found}
