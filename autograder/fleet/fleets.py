"""What grades hand-ins: judges here, or on a cluster."""

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Protocol

from ..base.errors import AutograderError
from ..base.settings import Settings
from ..judging.job import Job
from ..judging.result import Result
from .local import Fleet
from .machine import plan_judges, this_machine

__all__ = ["Fleets", "default_jobs", "local_fleets"]


class FleetLike(Protocol):
    """Judges, wherever they are: a context manager that grades jobs and gives each with its result."""

    def __enter__(self) -> "FleetLike": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def grade(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Each job with its result, as they are done."""
        ...


# Makes judges for so many hand-ins.
Fleets = Callable[[int], FleetLike]


def default_jobs(device: str = "cpu") -> int:
    """As many judges as this machine has cores, memory and GPUs for."""
    return len(plan_judges(device, None, this_machine(gpus=device == "cuda")))


def local_fleets(exercise_id: str, settings: Settings, jobs: int | None) -> Fleets:
    """A function that makes a fleet for so many hand-ins, of processes on this machine."""
    size = default_jobs(settings.device) if jobs is None else jobs
    if size < 1:
        raise AutograderError(f"expected one judge or more, got --jobs {size}")
    return lambda todo: Fleet(exercise_id, settings, min(size, max(1, todo)))
