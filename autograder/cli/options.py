"""What the commands that grade are asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..base.settings import Settings, settings_from_environment
from ..grading import Fleets, local_fleets

__all__ = ["GradeOptions"]


@dataclass(frozen=True)
class GradeOptions:
    """What `autograder grade` is asked for."""

    exercise: str
    submissions: Path | None = None
    out: Path | None = None
    course: Path | None = None
    worksheet: Path | None = None
    jobs: int | None = None
    data: Literal["embedded", "real"] | None = None
    device: str = "auto"
    unsafe: bool = False
    pages: bool = True
    final: bool = False
    cluster: str = ""
    certificates: Path | None = None
    insecure: bool = False
    slurm_options: tuple[str, ...] = ()
    table: bool = True
    demo_secret: bool = False
    replace: bool = False
    times: Path | None = None
    earlier: Literal["reference", "student"] | None = None

    def settings(self, folder: Path | None) -> Settings:
        """The run's settings; the secret may lie in the course folder."""
        data = self.data or "embedded"
        return settings_from_environment(
            data=data,
            device=self.device,
            unsafe=self.unsafe,
            folder=folder,
            here=not self.cluster,
            demo=self.demo_secret,
        )

    def fleets(self, settings: Settings, say: Callable[[str], None]) -> Fleets:
        """Judges on this machine, or on the cluster that was named."""
        if not self.cluster:
            return local_fleets(self.exercise, settings, self.jobs)
        from ..fleet.cluster.dask_fleet import DaskFleet
        from ..fleet.cluster.settings import ClusterSettings

        cluster = ClusterSettings(
            self.cluster,
            self.certificates,
            insecure=self.insecure,
            workers=self.jobs,
            slurm_options=self.slurm_options,
        )
        cluster.check()
        return lambda _: DaskFleet(self.exercise, settings, cluster, say)
