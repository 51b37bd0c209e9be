"""`--cluster slurm` on a real Slurm of one machine: equal results, no secret in a job, nothing left when it ends."""

import os
import shutil
import stat
import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.base.errors import AutograderError
from autograder.base.settings import Settings
from autograder.fleet.cluster import dask_fleet as module
from autograder.fleet.cluster import slurm as slurm_module
from autograder.fleet.cluster.dask_fleet import DaskFleet
from autograder.fleet.cluster.on_worker import hold
from autograder.fleet.cluster.settings import ClusterSettings
from autograder.fleet.local import Fleet
from autograder.judging.job import Job
from autograder.sources import variants
from autograder.sources.known_answers import apply, wrong_answers

ROOT = Path(__file__).resolve().parents[2]
EXERCISE = "ex03_dataloader"
SECRET = "a-secret-that-no-job-may-ever-see"
COMMANDS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "sinfo")


def _missing() -> str:
    """Why Slurm cannot be tested here; empty where it can."""
    for name in COMMANDS:
        if not (shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")):
            return f"Slurm is not installed: no {name}"
    if not (_folder() / "up.sh").is_file():
        return f"no set-up of Slurm in {_folder()}: name its folder, with up.sh and down.sh, in SLURM_SETUP"
    if os.geteuid():
        return "only root can start Slurm's daemons"
    return ""


def _folder() -> Path:
    return Path(os.environ.get("SLURM_SETUP") or ROOT.parent / "shared" / "slurm")


pytest.importorskip("dask_jobqueue", reason="the extra `cluster` is not installed")
pytestmark = [pytest.mark.skipif(bool(_missing()), reason=_missing()), pytest.mark.slow]


@pytest.fixture(scope="module")
def slurm():
    """A Slurm that runs; started here, it is stopped again."""
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(_folder() / "slurm.conf")
    ours = bool(subprocess.run(["sinfo"], capture_output=True, timeout=60).returncode)
    try:
        if ours:
            # Not through pipes: the daemons would hold them open.
            done = subprocess.run(["bash", str(_folder() / "up.sh")], stdout=subprocess.DEVNULL, timeout=120)
            assert done.returncode == 0, "up.sh did not start Slurm"
        yield
    finally:
        if ours:
            # Without the controller, what is about to end would wait for it for ever.
            with suppress(AssertionError, subprocess.SubprocessError):
                wait_until_no_job_is_left()
            subprocess.run(["bash", str(_folder() / "down.sh")], stdout=subprocess.DEVNULL, timeout=60)
        if before is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = before


@pytest.fixture
def cluster(tmp_path):
    return ClusterSettings("slurm", workers=2, folder=tmp_path / "shared", host="127.0.0.1", walltime="00:10:00")


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    paths = [variants.reference(EXERCISE, folder / "u0000"), variants.untouched(EXERCISE, folder / "u0001")]
    paths += [apply(wrong, folder / wrong.name) for wrong in wrong_answers(EXERCISE)[:3]]
    return [Job(path.name, path) for path in paths]


def our_jobs() -> list[str]:
    command = ["squeue", "--noheader", "--format=%i %T", "--states=PENDING,RUNNING,CONFIGURING,COMPLETING"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return listed.stdout.splitlines()


def wait_until_no_job_is_left() -> None:
    end = time.monotonic() + 60
    while our_jobs():
        assert time.monotonic() < end, f"jobs are left: {our_jobs()}"
        time.sleep(0.5)


def environments_of_workers() -> list[bytes]:
    """What the processes of Dask workers and of judges on this machine have in their environments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if b"dask_worker" in command or b"remote_judge" in command or b"slurm_script" in command:
                found.append((process / "environ").read_bytes())
        except OSError:
            continue
    return found


def test_results_equal_those_of_local_judges(slurm, cluster, jobs, monkeypatch):
    monkeypatch.setenv("AUTOGRADER_SECRET", SECRET)
    settings, said, seen = Settings(secret=SECRET.encode()), [], []
    results = {}
    with DaskFleet(EXERCISE, settings, cluster, said.append) as fleet:
        [folder] = cluster.folder.iterdir()
        modes = {stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.glob(".dask*key*")]}
        for job, result in fleet.grade(jobs):
            results[job.student] = result.for_student()
            seen = seen or environments_of_workers()
    assert len(our_jobs()) == 0 or all("COMPLETING" in line for line in our_jobs())
    assert list(cluster.folder.iterdir()) == [], "logs and certificates are removed"
    assert any("Slurm's jobs: " in text for text in said)
    assert modes == {0o700, 0o600}
    assert len(seen) >= 2 and not [1 for environment in seen if SECRET.encode() in environment]

    with Fleet(EXERCISE, settings, 2) as local:
        assert results == {job.student: result.for_student() for job, result in local.grade(jobs)}
    wait_until_no_job_is_left()


def test_a_controller_that_does_not_answer_is_said_and_ends_nothing(monkeypatch):
    """`squeue` fails while slurmctld is started again; the jobs run on."""
    workers = slurm_module.SlurmWorkers.__new__(slurm_module.SlurmWorkers)
    workers.name, workers._start = "autograder-x", -1e9
    answer = subprocess.CompletedProcess([], 1, "", "slurm_load_jobs error: Unable to contact slurm controller\n")
    monkeypatch.setattr(slurm_module.subprocess, "run", lambda *_, **__: answer)
    assert workers.waiting() == "not known, squeue says: slurm_load_jobs error: Unable to contact slurm controller"

    def silent(*_, **__):
        raise subprocess.TimeoutExpired("squeue", 60)

    monkeypatch.setattr(slurm_module.subprocess, "run", silent)
    assert "squeue gave no answer" in workers.waiting()


def test_what_a_killed_run_left_is_removed_by_the_next_on_its_machine(tmp_path):
    left, other, living = (slurm_module._shared_folder(tmp_path) for _ in range(3))
    for folder in (left, other):
        hold(folder).close()
    (other / slurm_module.NODE).write_text("another-machine")
    with hold(living):
        new = slurm_module._shared_folder(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([other, living, new])


def test_the_folder_goes_though_slurm_does_not_answer(tmp_path, monkeypatch):
    workers = slurm_module.SlurmWorkers.__new__(slurm_module.SlurmWorkers)
    workers.name, workers._cluster, workers.folder = "autograder-x", None, tmp_path / "keys"
    workers.folder.mkdir()
    workers._owner = hold(workers.folder)

    def silent(*_, **__):
        raise subprocess.TimeoutExpired("scancel", 60)

    monkeypatch.setattr(slurm_module.subprocess, "run", silent)
    workers.close()
    assert not workers.folder.exists()


def test_an_error_ends_the_jobs(slurm, cluster, jobs):
    def interrupted() -> None:
        with DaskFleet(EXERCISE, Settings(), cluster, lambda _: None) as fleet:
            next(iter(fleet.grade(jobs)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    wait_until_no_job_is_left()
    assert list(cluster.folder.iterdir()) == []


def test_a_job_that_slurm_refuses_is_one_clear_error(slurm, cluster):
    asked = replace(cluster, slurm_options=("--partition=none-such",))
    with (
        pytest.raises(AutograderError, match=r"Slurm refuses such a job: .*invalid partition"),
        DaskFleet(EXERCISE, Settings(), asked),
    ):
        pass
    assert list(cluster.folder.iterdir()) == []


def test_a_job_that_ends_at_once_is_one_clear_error(slurm, cluster, monkeypatch):
    """Its worker cannot start: the log's end tells why, instead of hours in a queue that is empty."""
    monkeypatch.setattr(slurm_module.sys, "executable", "/bin/false-python")
    monkeypatch.setattr(slurm_module, "COMMAND_SECONDS", 5)
    monkeypatch.setattr(module, "SAY_EVERY", 1.0)
    with (
        pytest.raises(AutograderError, match=r"no job of this run any more: .*false-python"),
        DaskFleet(EXERCISE, Settings(), replace(cluster, workers=1), lambda _: None),
    ):
        pass
    wait_until_no_job_is_left()
