"""A student's own modules of the exercises that one builds on: from the hand-in of theirs that gave the mark there."""

from functools import lru_cache
from pathlib import Path

from exercise_code.common.exercise import Exercise

from ..base.settings import Settings
from ..intake.digest import fingerprint
from ..judging.job import Earlier
from .collection import last_hand_ins
from .register import REGISTER, read_register

__all__ = ["EarlierHandIns"]


class EarlierHandIns:
    """Where a class's earlier hand-ins are: in the results `out`, else in those of the class in `course`.

    A class that uses nbgrader alone has no such results; its hand-ins are in `submitted` in the course folder.
    """

    def __init__(self, exercise: Exercise, settings: Settings, out: Path, course: Path | None = None) -> None:
        self.names = exercise.earlier if settings.earlier == "student" else ()
        self.results = [out] if course is None else [out, course / "results"]
        self.submitted = course / "submitted" if course is not None else None

    def of(self, student: str) -> tuple[Earlier, ...]:
        """The student's work for each earlier exercise; one without a path where there is none to be had."""
        return tuple(self._one(name, student) for name in self.names)

    def _one(self, name: str, student: str) -> Earlier:
        for folder in self.results:
            path = folder / name / REGISTER
            known = _marked(path.parent, path.stat().st_mtime_ns) if path.is_file() else {}
            if student in known:
                return known[student]
        if self.submitted is not None and (place := self.submitted / student / name).is_dir():
            return Earlier(name, place, fingerprint(place))
        return Earlier(name)


@lru_cache(maxsize=16)
def _marked(home: Path, _mtime_ns: int) -> dict[str, Earlier]:
    """The hand-ins that gave the marks, by student; nbgrader asks for one student at a time."""
    found = last_hand_ins(read_register(home))
    return {one.found.student: Earlier(home.name, one.found.path, one.digest) for one in found}
