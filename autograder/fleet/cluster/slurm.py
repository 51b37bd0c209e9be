"""Dask workers as Slurm jobs, through dask-jobqueue, with TLS between them and a scheduler in this process."""

import platform
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base.errors import AutograderError
from .certificates import cluster_error, open_certificates
from .on_worker import hold, is_left

if TYPE_CHECKING:
    from .settings import ClusterSettings

__all__ = ["SlurmWorkers"]

# A judge, its worker and its reference worker; and the Dask worker itself.
JUDGE_MB, WORKER_MB = 2048, 512
DEFAULT_JOBS = 4
COMMAND_SECONDS = 60
NODE = "node"
LOOPBACK = ("127.0.0.1", "localhost")
# Slurm keeps the environment of a job on its own disk, and the secret must not get there.
_NOT_PASSED_ON = ("AUTOGRADER_SECRET", "AUTOGRADER_COURSE")


class SlurmWorkers:
    """Slurm jobs with a Dask worker each, and their scheduler; `close` ends them all."""

    def __init__(self, cluster: "ClusterSettings", device: str) -> None:
        try:
            import dask_jobqueue.slurm  # noqa: F401 - a look whether it is there
        except ImportError as error:
            raise cluster_error(error) from None
        for command in ("sbatch", "squeue", "scancel"):
            if shutil.which(command) is None:
                raise AutograderError(
                    f"expected Slurm's commands for --cluster slurm, found no {command}: run this on a machine from "
                    "which you submit jobs, or name a Dask scheduler with --cluster tls://host:8786"
                )
        self.name = f"autograder-{secrets.token_hex(4)}"
        self.jobs = cluster.workers or DEFAULT_JOBS
        self.security = _security(cluster)
        # After all that may be refused: nothing is to be left.
        self.folder = _shared_folder(cluster.folder)
        # Says that the folder's run lives, to the next one on this machine.
        self._owner = hold(self.folder)
        self._cluster: Any = None
        try:
            self._cluster = self._scheduler(cluster, device)
            self._try_job()
            self._start = time.monotonic()
            self._cluster.scale(jobs=self.jobs)
        except BaseException:
            self.close()
            raise

    def _scheduler(self, cluster: "ClusterSettings", device: str) -> Any:
        """A scheduler in this process, which submits jobs as soon as it is scaled."""
        from dask_jobqueue.slurm import SLURMCluster, SLURMJob

        class Job(SLURMJob):
            submit_command = f"env {' '.join(f'-u {name}' for name in _NOT_PASSED_ON)} {SLURMJob.submit_command}"

        job: Any = Job
        judges = cluster.judges or 1
        options = list(cluster.slurm_options)
        if device == "cuda" and not any("gres" in option or "gpu" in option for option in options):
            options.append("--gres=gpu:1")
        where = {"host": cluster.host} if cluster.host else {"interface": cluster.interface}
        extra = ["--no-dashboard"]
        if cluster.host in LOOPBACK:
            # Then the nodes are this machine, and nothing needs to be seen from outside.
            extra += ["--host", cluster.host]
        return SLURMCluster(
            job_cls=job,
            cores=judges,
            processes=1,
            memory=f"{judges * JUDGE_MB + WORKER_MB} MiB",
            walltime=cluster.walltime,
            job_name=self.name,
            job_extra_directives=options,
            python=shlex.quote(sys.executable),
            local_directory="${TMPDIR:-/tmp}",
            log_directory=str(self.folder),
            worker_extra_args=extra,
            security=self.security,
            protocol="tls://" if self.security is not None else "tcp://",
            shared_temp_directory=str(self.folder),
            # Its pages, which ask nobody who they are, stay on this machine.
            scheduler_options={**where, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
            interface=cluster.interface,
        )

    @property
    def address(self) -> str:
        """Where the scheduler listens."""
        return str(self._cluster.scheduler_address)

    def waiting(self) -> str:
        """What Slurm says of the jobs, in words; an `AutograderError` when none of them is left."""
        try:
            done = self._run("squeue", "--noheader", f"--name={self.name}", "--format=%T %r")
        except AutograderError as error:
            return f"not known, {error}"
        if done.returncode:
            # A controller that is started again knows its jobs, and they run on meanwhile.
            return f"not known, squeue says: {' '.join(done.stderr.split())[:200]}"
        listed = done.stdout.splitlines()
        if not listed and time.monotonic() - self._start < COMMAND_SECONDS:
            return "about to be submitted"
        if not listed:
            raise AutograderError(f"Slurm has no job of this run any more: {self._last_words()}")
        states = Counter(line.split(" ", 1)[0].lower() for line in listed)
        reasons = sorted({line.split(" ", 1)[1] for line in listed if line.startswith("PENDING ")} - {"None"})
        said = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        return f"{said}{f' ({chr(44).join(reasons)})' if reasons else ''}"

    def close(self) -> None:
        """End the jobs and the scheduler, and remove the shared folder."""
        try:
            if self._cluster is not None:
                self._cluster.close(timeout=COMMAND_SECONDS)
        finally:
            self._cluster = None
            # Also those that Slurm took a moment ago, whose numbers nobody has read yet.
            with suppress(AutograderError):
                self._run("scancel", f"--name={self.name}")
            shutil.rmtree(self.folder, ignore_errors=True)
            self._owner.close()

    def _try_job(self) -> None:
        """Ask Slurm whether it would take such a job: what is wrong shows here, in its words."""
        script = self.folder / "try.sh"
        script.write_text(self._cluster.job_script(), encoding="utf-8")
        done = self._run("sbatch", "--test-only", str(script))
        if done.returncode:
            raise AutograderError(
                f"Slurm refuses such a job: {' '.join(done.stderr.split())[:400]} (partition, account and the like "
                "go into --slurm-option, or into dask-jobqueue's configuration)"
            )

    def _run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AutograderError(f"{command[0]} gave no answer ({error}): see with sinfo whether Slurm runs") from None

    def _last_words(self) -> str:
        """The end of the jobs' logs."""
        lines = [
            line
            for path in sorted(self.folder.glob("*.err"))
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        ]
        if not lines:
            return "they left no log; is the folder of --cluster's logs shared with the nodes?"
        return " | ".join(lines[-6:])[:800]


def _shared_folder(named: Path | None) -> Path:
    """A new private folder for logs and certificates, where the nodes of the cluster see it: the home by default."""
    parent = named if named is not None else Path.home() / ".cache" / "autograder"
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_left(parent)
        folder = Path(tempfile.mkdtemp(prefix="slurm-", dir=parent)).resolve()
    except OSError as error:
        raise AutograderError(f"could not make a folder for Slurm's logs in {parent}: {error.strerror}") from None
    if any(c.isspace() for c in str(folder)):
        folder.rmdir()
        raise AutograderError(f"expected a folder without spaces in its path for Slurm's logs, got {parent}")
    (folder / NODE).write_text(platform.node(), encoding="utf-8")
    return folder


def _remove_left(parent: Path) -> None:
    """Remove the keys and logs of runs of this machine that were killed."""
    for folder in parent.glob("slurm-*"):
        with suppress(OSError):
            # A shared file system may keep locks to one machine: those of others would seem free.
            if (folder / NODE).read_text(encoding="utf-8") == platform.node() and is_left(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _security(cluster: "ClusterSettings") -> Any:
    """With what machines know each other: the class's certificates, else some made for this run; None if insecure."""
    from distributed.security import Security

    if cluster.certificates is not None:
        return open_certificates(cluster.certificates).security()
    if cluster.insecure:
        return None
    # The workers' part lies in the shared folder until the run ends.
    temporary: Any = Security.temporary
    return temporary()
