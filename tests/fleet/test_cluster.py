"""Judges on a Dask cluster of real processes: results equal to local ones, lost workers, certificates, what travels."""

import contextlib
import hashlib
import io
import json
import os
import pickle
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from demo_course import EXERCISE, ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processes import descendants, wait_until_gone

from autograder.base.errors import AutograderError
from autograder.base.settings import Settings
from autograder.fleet.cluster import certificates
from autograder.fleet.cluster import dask_fleet as cluster
from autograder.fleet.cluster import on_worker as worker_kit
from autograder.fleet.cluster import settings as cluster_settings
from autograder.fleet.cluster.certificates import Certificates, make_certificates, open_certificates
from autograder.fleet.cluster.course_archive import CourseArchive, make_archive
from autograder.fleet.cluster.dask_fleet import DaskFleet
from autograder.fleet.cluster.hand_in_bytes import pack, unpack
from autograder.fleet.cluster.remote_judge import make_order
from autograder.fleet.cluster.settings import ClusterSettings
from autograder.fleet.local import Fleet, failed_result
from autograder.judging.job import Job
from autograder.judging.result import Result
from autograder.sources import variants
from autograder.sources.exercise import sources
from autograder.sources.known_answers import apply, wrong_answers
from exercise_code.common import exercise as exercises
from exercise_code.common.exercise import load_exercise
from exercise_code.common.hand_ins.hand_in import HandInError, open_handin

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
pytest.importorskip("cryptography", reason="the extra `cluster` is not installed")

pytestmark = pytest.mark.usefixtures("small_course")
SETTINGS = Settings(secret=b"a-secret-that-must-never-be-seen")
NAME = "Zoe-Quillfeather"


@dataclass
class Cluster:
    """A scheduler and workers, each a process of its own on 127.0.0.1, that talk over TLS."""

    folder: Path
    address: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def certificates(self) -> Path:
        return self.folder / "certificates"

    def start(self) -> None:
        make_certificates(self.certificates, ["127.0.0.1"])
        port = free_port()
        self.address = f"tls://127.0.0.1:{port}"
        self._run("scheduler", "--port", str(port), "--dashboard-address", "127.0.0.1:0")

    def add_worker(self, name: str, *options: str) -> None:
        temporary = self.folder / name
        temporary.mkdir()
        self._run(name, self.address, "--name", name, "--nthreads", "1", "--no-dashboard", *options)

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()

    def settings(self, **values) -> ClusterSettings:
        return ClusterSettings(**{"address": self.address, "certificates": self.certificates, **values})

    def log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        for name in reversed(list(self.processes)):
            # A stopped process would never see the other signal.
            self.processes[name].send_signal(signal.SIGCONT)
            self.processes[name].terminate()
        for process in reversed(list(self.processes.values())):
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run(self, name: str, *arguments: str) -> None:
        module = "dask_scheduler" if name == "scheduler" else "dask_worker"
        environment = {k: v for k, v in os.environ.items() if k != "DATASETS_MIRROR"}
        if name != "scheduler":
            environment["TMPDIR"] = str(self.folder / name)
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--host", "127.0.0.1"]
                + ["--protocol", "tls", *Certificates(self.certificates).arguments()],
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.folder,
            )


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path, workers: dict[str, tuple[str, ...]]):
    found = Cluster(folder)
    try:
        found.start()
        for name, options in workers.items():
            found.add_worker(name, *options)
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """One worker under a nanny, whose processes may have no children of multiprocessing, and one without."""
    workers = {"nanny": ("--nanny", "--worker-port", str(free_port())), "bare": ("--no-nanny",)}
    with running(tmp_path_factory.mktemp("cluster"), workers) as found:
        yield found


@pytest.fixture(scope="module")
def jobs(small_course, tmp_path_factory):
    """A small class, hand-ins of every form: folders, zips, damaged, hostile, with a name that must not be seen."""
    folder = tmp_path_factory.mktemp("class")
    reference = variants.reference(EXERCISE, folder / f"{NAME}_reference")
    untouched = variants.untouched(EXERCISE, folder / "untouched")
    paths = [reference, untouched]
    paths += [apply(wrong, folder / wrong.name) for wrong in wrong_answers(EXERCISE)[:2]]
    exits = shutil.copytree(reference, folder / "exits")
    (exits / "exercise_code" / EXERCISE / "adding.py").write_text("import os\nos._exit(0)\n")
    odd = shutil.copytree(reference, folder / "odd\u202enames")
    (odd / "link.ipynb").symlink_to("/etc/passwd")
    (odd / "models").mkdir()
    (odd / "models" / "m.pt").write_bytes(b"pickle")
    (odd / "exercise_code" / EXERCISE / "big.py").write_bytes(b"#" * 300_000)
    packed = Path(shutil.make_archive(str(folder / "packed"), "zip", reference))
    broken = folder / "broken.zip"
    broken.write_bytes(packed.read_bytes()[:500])
    huge = folder / "huge.zip"
    with huge.open("wb") as file:
        file.truncate(200_000_000)
    # Not every file system's names are text.
    unnamed, damaged = (folder / os.fsdecode(name) for name in (b"un\xffnamed", b"dam\xffaged.zip"))
    shutil.copytree(reference, unnamed)
    damaged.write_bytes(b"no zip")
    paths += [exits, odd, packed, broken, huge, unnamed, damaged]
    return [Job(f"{NAME}-{i}", path, f"{NAME} hand-in {i}" if i % 2 else "") for i, path in enumerate(paths)]


def without_times(results: list[tuple[Job, Result]]) -> dict[str, Result]:
    """Results by student, whole, but for times and memory, which differ from run to run."""
    assert len({job.student for job, _ in results}) == len(results)
    zero = {"cpu_seconds": 0.0, "wall_seconds": 0.0, "memory_mb": 0.0}
    found = {}
    for job, result in results:
        cells = [
            cell.model_copy(update={"tests": [t.model_copy(update={"seconds": 0.0}) for t in cell.tests]})
            for cell in result.cells
        ]
        found[job.student] = result.model_copy(update={"cells": cells, **zero})
    return found


@pytest.fixture(scope="module")
def expected(jobs):
    with Fleet(EXERCISE, SETTINGS, 2) as fleet:
        results = list(fleet.grade(jobs))
    found = without_times(results)
    assert sum(r.score == r.max_score for r in found.values()) == 4
    assert [bool(r.refused) for r in found.values()].count(True) == 3
    assert all(r.model_copy(update={"hand_in": ""}).model_dump_json() for r in found.values())
    assert not any(r.failed for r in found.values())
    return found


def kits(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/autograder-kit-*"))


def test_results_equal_those_of_local_judges(two_workers, jobs, expected):
    with DaskFleet(EXERCISE, SETTINGS, two_workers.settings()) as fleet:
        gone = Job("u0099", jobs[0].path / "gone.zip")
        found = without_times(list(fleet.grade([*jobs, gone])))
    assert "found nothing: check the path" in found.pop("u0099").failed
    assert found == expected
    wait_for(lambda: kits(two_workers.folder) == [])


def test_no_name_and_no_secret_is_seen_by_dask_or_lies_on_a_disk(two_workers, jobs):
    from distributed import Client

    def look(dask_scheduler):
        tasks = dask_scheduler.tasks.values()
        return [(str(t.key), repr(t.run_spec), str(t.prefix), str(t.annotations)) for t in tasks]

    seen, files, modes = [], [], set()
    security = open_certificates(two_workers.certificates).security()
    with (
        Client(two_workers.address, security=security, set_as_default=False) as client,
        DaskFleet(EXERCISE, SETTINGS, two_workers.settings()) as fleet,
    ):
        for number, _ in enumerate(fleet.grade(jobs[:6])):
            if number == 1:
                seen = client.run_on_scheduler(look)
                for folder in kits(two_workers.folder):
                    modes.add(stat.S_IMODE(folder.stat().st_mode))
                    # `rglob` fails where a folder goes meanwhile.
                    files += [Path(root) / name for root, _, names in os.walk(folder) for name in names]
                texts = b"".join(path.read_bytes() for path in files if path.exists())
    assert [key for key, *_ in seen if key.startswith("autograder-")]
    assert modes == {0o700} and len(files) > 50
    for text in (str(seen).encode(), two_workers.log().encode()):
        assert NAME.encode() not in text
    for secret in (SETTINGS.secret, SETTINGS.secret.hex().encode()):
        assert secret not in str(seen).encode() + two_workers.log().encode() + texts


def test_workers_judge_with_the_course_from_here(two_workers, jobs, tmp_path, monkeypatch):
    private = tmp_path / "course"
    shutil.copytree(sources(EXERCISE).course, private / EXERCISE)
    hidden = private / EXERCISE / "test_hidden.py"
    always = '@grade("demo_add")\ndef test_that_fails(observe):\n    """Fails."""\n    raise AssertionError\n\n\n'
    hidden.write_text(hidden.read_text().replace("@grade(", always + "@grade(", 1))
    monkeypatch.setenv("AUTOGRADER_COURSE", str(private))
    with DaskFleet(EXERCISE, SETTINGS, two_workers.settings()) as fleet:
        results = [result for _, result in fleet.grade(jobs[:1])]
    assert [test.name for test in results[0].lost] == ["test_that_fails"]


def test_other_versions_are_refused_and_both_are_named(two_workers, monkeypatch):
    here = {**cluster_settings.versions(), "numpy": "0.0.1"}
    monkeypatch.setattr(cluster_settings, "versions", lambda: here)
    said = []
    with (
        pytest.raises(AutograderError, match=r"no worker .*numpy [1-9][0-9.]*, here 0\.0\.1.*pip install"),
        DaskFleet(EXERCISE, SETTINGS, two_workers.settings(), said.append),
    ):
        pass
    assert "is not used" in said[-1]


def test_a_judge_that_cannot_start_says_why(two_workers):
    fleet = DaskFleet(EXERCISE, SETTINGS, two_workers.settings(), lambda _: None)
    fleet._archive = without(fleet._archive, "autograder/base/errors.py")
    with (
        pytest.raises(AutograderError, match=r"judge did not start: ModuleNotFoundError: .*autograder\.base\.errors"),
        fleet,
    ):
        pass
    wait_for(lambda: kits(two_workers.folder) == [])


def without(archive: CourseArchive, name: str) -> CourseArchive:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive.content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            if info.filename != name:
                new.writestr(info, old.read(info))
    return CourseArchive(buffer.getvalue(), hashlib.sha256(buffer.getvalue()).hexdigest())


def test_another_python_is_refused_before_any_code_goes_there(two_workers, monkeypatch):
    monkeypatch.setattr(cluster_settings, "versions", lambda: {"python": "3.99.0"})
    with (
        pytest.raises(AutograderError, match=r"scheduler .* has Python 3\.\d+\.\d+, here it is 3\.99\.0"),
        DaskFleet(EXERCISE, SETTINGS, two_workers.settings()),
    ):
        pass


def test_real_data_must_be_on_the_workers(two_workers, monkeypatch):
    # The small exercise has no data.
    monkeypatch.setattr(exercises, "PACKAGE", ROOT / "exercise_code")
    monkeypatch.delenv("AUTOGRADER_COURSE")
    settings = replace(SETTINGS, data="real")
    with (
        pytest.raises(AutograderError, match="DATASETS_DIR or DATASETS_MIRROR where `dask worker` is started"),
        DaskFleet("ex09_keypoints", settings, two_workers.settings()),
    ):
        pass


def test_a_client_with_other_certificates_or_none_is_refused(two_workers, tmp_path):
    make_certificates(tmp_path / "others")
    with (
        pytest.raises(AutograderError, match="could not connect"),
        DaskFleet(EXERCISE, SETTINGS, two_workers.settings(certificates=tmp_path / "others")),
    ):
        pass
    host, port = two_workers.address.removeprefix("tls://").split(":")
    plain = ssl.create_default_context(cafile=str(two_workers.certificates / "ca.pem"))
    plain.check_hostname = False
    with (
        pytest.raises((ssl.SSLError, OSError)),
        socket.create_connection((host, int(port)), timeout=10) as raw,
        plain.wrap_socket(raw) as connection,
    ):
        # With TLS 1.3 the refusal comes with the first answer.
        connection.recv(1)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_a_retry_and_nothing_else(tmp_path, jobs, expected):
    with running(tmp_path, {"one": ("--no-nanny",), "two": ("--no-nanny",)}) as found:
        results = []
        with DaskFleet(EXERCISE, SETTINGS, found.settings()) as fleet:
            wait_for(lambda: sum(m.ready for m in fleet._members.values()) == 2, fleet)
            for step in fleet.grade(jobs):
                results.append(step)
                if len(results) == 1:
                    found.kill("one")
        assert without_times(results) == expected

        with DaskFleet(EXERCISE, SETTINGS, found.settings(patience=1)) as fleet:
            kit = kits(tmp_path)[-1]
            grading = fleet.grade(jobs)
            next(grading)
            found.kill("two")
            started = time.monotonic()
            with pytest.raises(AutograderError, match="run the same command again"):
                list(grading)
        assert time.monotonic() - started < 60, "without any worker there is no endless wait"
        # The judge is no child of the test: it ends by itself, and takes the course with it.
        wait_for(lambda: not kit.exists())


@pytest.mark.slow
def test_a_scheduler_that_is_killed_is_one_clear_error(tmp_path, jobs, monkeypatch):
    with running(tmp_path, {"one": ("--no-nanny",)}) as found:
        with DaskFleet(EXERCISE, SETTINGS, found.settings()) as fleet:
            grading = fleet.grade(jobs)
            next(grading)
            monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
            found.kill("scheduler")
            with pytest.raises(AutograderError, match=r"lost the scheduler .* results so far are kept"):
                list(grading)
        wait_for(lambda: kits(tmp_path) == [])


def test_what_a_killed_worker_left_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("left", "held", "young"):
        (tmp_path / f"autograder-kit-{name}").mkdir()
    worker_kit.hold(tmp_path / "autograder-kit-left").close()
    (tmp_path / "autograder-kit-young" / ".owner.new").touch()
    with worker_kit.hold(tmp_path / "autograder-kit-held"):
        worker_kit._sweep()
    assert {p.name for p in tmp_path.iterdir()} == {"autograder-kit-held", "autograder-kit-young"}


def test_an_interrupted_run_leaves_nothing_on_the_workers(two_workers, jobs):
    with DaskFleet(EXERCISE, SETTINGS, two_workers.settings()) as fleet:
        next(fleet.grade(jobs))
        assert kits(two_workers.folder) != []
    # One that was about to be opened goes a moment later.
    wait_for(lambda: kits(two_workers.folder) == [])


def wait_for(condition, fleet: DaskFleet | None = None, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        if fleet is not None:
            assert list(fleet._look()) == []
            fleet._todo.extend(job for job, _ in fleet._collect())
        time.sleep(0.1)


@pytest.mark.slow
def test_a_worker_that_hangs_is_dropped_and_its_hand_ins_are_graded_elsewhere(two_workers, jobs, expected):
    said, results = [], []
    with DaskFleet(EXERCISE, SETTINGS, two_workers.settings(), said.append) as fleet:
        wait_for(lambda: sum(m.ready for m in fleet._members.values()) == 2, fleet)
        fleet._seconds = 4
        try:
            for step in fleet.grade(jobs[:5]):
                results.append(step)
                two_workers.processes["bare"].send_signal(signal.SIGSTOP)
        finally:
            two_workers.processes["bare"].send_signal(signal.SIGCONT)
    assert any("does not answer" in text for text in said)
    assert without_times(results) == {job.student: expected[job.student] for job in jobs[:5]}


def test_a_worker_that_its_nanny_starts_again_at_its_old_address_gets_the_course_again(two_workers, jobs, expected):
    results = []
    with DaskFleet(EXERCISE, SETTINGS, two_workers.settings()) as fleet:
        wait_for(lambda: sum(m.ready for m in fleet._members.values()) == 2, fleet)
        address = next(a for a, w in fleet._workers().items() if w["name"] == "nanny")
        pid = fleet._client.run(os.getpid, workers=[address])[address]
        for step in fleet.grade(jobs):
            results.append(step)
            if len(results) == 2:
                os.kill(pid, signal.SIGKILL)
    assert without_times(results) == expected
    wait_for(lambda: kits(two_workers.folder) == [])


def test_a_hand_in_that_costs_a_worker_each_time_gets_a_result_that_says_so(two_workers, jobs, monkeypatch):
    monkeypatch.setattr(DaskFleet, "_answer", lambda self, task: task_answer(self, task))
    killer = jobs[1]
    asked = []

    def task_answer(self, task):
        task.future = None
        if task.job is None:
            return cluster.READY, json.dumps(cluster_settings.versions())
        asked.append((task.job, task.member.address))
        if task.job == killer:
            return cluster.ENDED, "the judge's process ended while it graded this hand-in"
        good = failed_result(task.job, EXERCISE, SETTINGS, "").model_copy(
            update={"versions": cluster_settings.versions()}
        )
        return cluster.RESULT, good.model_dump_json()

    with DaskFleet(EXERCISE, SETTINGS, two_workers.settings()) as fleet:
        wait_for(lambda: sum(m.ready for m in fleet._members.values()) == 2, fleet)
        results = dict(fleet.grade(jobs[:4]))
    assert "ended while it graded" in results[killer].failed
    assert [job for job, result in results.items() if result.failed] == [killer]
    assert len({where for job, where in asked if job == killer}) == 2, "the second try is on another worker"


@pytest.mark.parametrize("field_", ["exercise", "secret_hash", "data", "device"])
def test_an_answer_that_is_no_result_of_this_run_is_not_believed(jobs, field_):
    fleet = DaskFleet(EXERCISE, SETTINGS, ClusterSettings("tcp://127.0.0.1:1"))
    good = failed_result(jobs[0], EXERCISE, SETTINGS, "").model_copy(update={"student": "", "score": 7.0})
    assert fleet._read(jobs[0], good.model_dump_json()).student == jobs[0].student
    assert fleet._read(jobs[0], good.model_copy(update={field_: "other"}).model_dump_json()) is None
    assert fleet._read(jobs[0], "no JSON") is None


def test_a_worker_that_was_started_again_costs_its_hand_ins_no_try_however_many_it_had(jobs, monkeypatch):
    fleet = DaskFleet(EXERCISE, SETTINGS, ClusterSettings("tcp://127.0.0.1:1"), lambda _: None)
    opened = []
    monkeypatch.setattr(fleet, "_open", opened.append)
    member = cluster._Member("tls://a", judges=4, ready=True)
    for times in range(1, cluster.STRIKES):
        member.ready = True
        for job in jobs[:8]:
            assert list(fleet._graded(member, job, cluster.MISSING, "")) == []
        assert len(opened) == times and not member.dropped
    assert fleet._tries == {} and len(fleet._todo) == 8 * (cluster.STRIKES - 1)
    member.ready = True
    assert list(fleet._graded(member, jobs[0], cluster.MISSING, "")) == []
    assert "started again" in member.dropped and len(opened) == cluster.STRIKES - 1


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """The course and a judge, as a Dask worker has them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = worker_kit._Kit({}, **kit_content(seconds=60.0))
    assert found.begin().startswith(worker_kit.READY)
    yield found
    found.close()
    assert list(tmp_path.iterdir()) == []


def kit_content(seconds: float) -> dict[str, object]:
    archive = make_archive(load_exercise(EXERCISE))
    return {
        "run": "a",
        "archive": archive.content,
        "digest": archive.digest,
        "order": make_order(EXERCISE, SETTINGS),
        "judges": 1,
        "start_seconds": 60.0,
        "seconds": seconds,
        "idle_seconds": 600.0,
        "grown": 2**40,
    }


def test_a_hand_in_that_cannot_be_unpacked_on_a_worker_costs_nobody_else_anything(kit, jobs):
    def parcel(**header: object) -> bytes:
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "big") + text

    good = pack(jobs[0].path, load_exercise(EXERCISE))
    too_long = kit.grade(parcel(name="n" * 300, kind="zip", size=1))
    assert too_long.startswith(worker_kit.FAILED) and b"unpacked on the worker: File name too long" in too_long
    assert kit.grade(good).startswith(worker_kit.RESULT)
    damaged = kit.grade(parcel(name="x", kind="zip"))
    assert damaged.startswith(worker_kit.FAILED) and b"did not arrive whole" in damaged
    assert kit.grade(good).startswith(worker_kit.RESULT)


def test_a_judge_that_fails_over_a_hand_in_is_no_fault_of_the_worker(kit, monkeypatch):
    monkeypatch.setattr(worker_kit._Judge, "ask", lambda *_: worker_kit.ERROR + b"an internal error")
    assert kit.grade(b"") == worker_kit.ENDED + b"an internal error"


def test_a_judge_that_hangs_before_it_takes_a_hand_in_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kit = worker_kit._Kit({}, **kit_content(seconds=1.0))
    try:
        assert kit.begin().startswith(worker_kit.READY)
        os.kill(kit._started[0]._process.pid, signal.SIGSTOP)
        assert kit.grade(bytes(10**7)) == worker_kit.LATE + b"the judge's process did not take this hand-in in time"
        assert kit._started == []
    finally:
        kit.close()


@pytest.mark.parametrize("moment", ["zipfile.ZipFile.extractall", "_Judge.wait"])
def test_nothing_is_left_of_a_worker_that_is_killed_while_it_starts(tmp_path, moment):
    """Neither the hidden tests on its disk, nor the judge that knows the secret."""
    (tmp_path / "content").write_bytes(pickle.dumps(kit_content(seconds=60.0)))
    (tmp_path / "tmp").mkdir()
    script = (
        "import pickle, sys, time, pathlib\n"
        "from autograder.fleet.cluster import on_worker as worker_kit\n"
        "content = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        f"before = worker_kit.{moment}\n"
        "def reached(*arguments):\n"
        f"    {'before(*arguments)' if 'zip' in moment else 'pass'}\n"
        "    print('reached', flush=True)\n"
        "    time.sleep(60)\n"
        f"worker_kit.{moment} = reached\n"
        "worker_kit._Kit({}, **content).begin()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "content")]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as worker:
        assert worker.stdout.readline() == "reached\n"
        assert list((tmp_path / "tmp").rglob("test_hidden.py"))
        below = descendants(worker.pid)
        worker.kill()
    assert below and not wait_until_gone(below, 30)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_course_that_cannot_be_unpacked_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def full(archive, folder):
        (folder / "test_hidden.py").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extractall", full)
    with pytest.raises(OSError, match="No space left"):
        worker_kit._Kit({}, **kit_content(seconds=1.0))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_hand_in_locked_is_removed_and_no_link_is_followed(tmp_path):
    (tmp_path / "kit" / "closed" / "inner").mkdir(parents=True)
    (tmp_path / "kit" / "closed").chmod(0)
    (tmp_path / "outside").mkdir(mode=0o555)
    (tmp_path / "kit" / "link").symlink_to(tmp_path / "outside")
    worker_kit._end_warden(worker_kit._start_warden(tmp_path / "kit"))
    assert [p.name for p in tmp_path.iterdir()] == ["outside"]
    assert stat.S_IMODE((tmp_path / "outside").stat().st_mode) == 0o555


def test_a_lost_worker_costs_a_try_only_what_it_had_in_work(jobs):
    fleet = DaskFleet(EXERCISE, SETTINGS, ClusterSettings("tcp://127.0.0.1:1"))
    member = cluster._Member("tls://a", judges=1, ready=True)
    for number in range(2):
        task = cluster._Task(str(number), member, jobs[number], 0)
        member.tasks.append(task)
        fleet._tasks[task.key] = task
    assert list(fleet._lose(member, "lost")) == []
    assert set(fleet._todo) == {jobs[0], jobs[1]} and fleet._tries == {jobs[0]: 1}


def test_no_worker_is_a_clear_error(tmp_path):
    said = []
    with running(tmp_path, {}) as found:
        wait_for(lambda: "Scheduler at" in found.log())
        with (
            pytest.raises(AutograderError, match=r"no worker came to tls://.* within 1 s: start some"),
            DaskFleet(EXERCISE, SETTINGS, found.settings(patience=1), said.append),
        ):
            pass
    assert "waiting for workers" in said[0]


def test_what_takes_connections_and_is_no_scheduler_is_a_clear_error(monkeypatch):
    """Such as the port of the scheduler's pages."""
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with (
            pytest.raises(AutograderError, match=r"could not connect .* does not answer: is this the scheduler's own"),
            DaskFleet(EXERCISE, SETTINGS, ClusterSettings(address)),
        ):
            pass


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"address": "tcp://192.0.2.7:8786"}, "expected tls://.*runs code as you.*--no-tls"),
        ({"address": "tcp://example.org:8786"}, "expected tls://"),
        ({"address": "tcp://127.0.0.1.example.org:8786"}, "expected tls://"),
        ({"address": "tls://h:8786", "insecure": True}, "--no-tls with a tcp:// address"),
        ({"address": "http://h:8786"}, "got 'http://h:8786'"),
        ({"address": "tls://h"}, "expected --cluster"),
        ({"address": "tls://h:port"}, "expected --cluster"),
        ({"address": "slurm", "workers": 0}, "expected --jobs to be 1 or more"),
    ],
)
def test_addresses_that_are_refused(values, match):
    with pytest.raises(AutograderError, match=match):
        DaskFleet(EXERCISE, SETTINGS, ClusterSettings(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"address": "tcp://127.0.0.1:8786"},
        {"address": "tcp://localhost:8786"},
        {"address": "tcp://[::1]:8786"},
        {"address": "tcp://192.0.2.7:8786", "insecure": True},
        {"address": "tls://example.org:8786"},
        {"address": "slurm"},
    ],
)
def test_addresses_that_are_taken(values):
    ClusterSettings(**values).check()


def test_without_the_extra_one_error_says_what_to_install(tmp_path):
    script = (
        "import sys\n"
        "for name in ('dask', 'distributed', 'dask_jobqueue', 'cryptography'): sys.modules[name] = None\n"
        "from pathlib import Path\n"
        "from autograder.fleet.cluster.dask_fleet import DaskFleet\n"
        "from autograder.fleet.cluster.settings import ClusterSettings\n"
        "from autograder.fleet.cluster.certificates import make_certificates\n"
        "from autograder.base.errors import AutograderError\n"
        "from autograder.base.settings import Settings\n"
        "def slurm():\n"
        f"    DaskFleet('{EXERCISE}', Settings(), ClusterSettings('slurm')).__enter__()\n"
        "for call in (slurm, lambda: make_certificates(Path(sys.argv[1]))):\n"
        "    try: call()\n"
        "    except AutograderError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.count("run `pip install '.[cluster]'`") == 2
    assert list(tmp_path.iterdir()) == []


def test_certificates_are_private_and_never_overwritten(tmp_path):
    files = make_certificates(tmp_path / "c", ["grader.example.org", "192.0.2.7"])
    assert {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o700
    assert (tmp_path / "c" / ".gitignore").read_text() == "*\n"
    before = [p.read_bytes() for p in files]
    with pytest.raises(AutograderError, match="without certificates"):
        make_certificates(tmp_path / "c")
    assert [p.read_bytes() for p in files] == before

    both = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(files[0]))
    for context in both:
        context.load_cert_chain(files[1], files[2])
        context.load_verify_locations(files[0])
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    a, b = socket.socketpair()
    import threading

    serving = threading.Thread(target=lambda: both[0].wrap_socket(a, server_side=True).close())
    serving.start()
    with both[1].wrap_socket(b, server_hostname="grader.example.org") as connection:
        assert connection.getpeercert() is not None
        connection.recv(1)
    serving.join()


def test_certificates_keep_what_a_folder_ignores_already(tmp_path):
    (tmp_path / ".gitignore").write_text("/dist\n")
    make_certificates(tmp_path)
    assert (tmp_path / ".gitignore").read_text().split() == ["/dist", "/key.pem"]


def test_certificates_that_cannot_be_used_are_refused(tmp_path, monkeypatch):
    with pytest.raises(AutograderError, match=r"found no ca.pem: make them with `autograder certificates"):
        open_certificates(tmp_path / "none")
    make_certificates(tmp_path / "open")
    (tmp_path / "open" / "key.pem").chmod(0o644)
    with pytest.raises(AutograderError, match="chmod 600"):
        open_certificates(tmp_path / "open")
    monkeypatch.setattr(certificates, "DAYS", 0)
    make_certificates(tmp_path / "old")
    with pytest.raises(AutograderError, match=r"expired on \d{4}-\d\d-\d\d: make new ones"):
        open_certificates(tmp_path / "old")


def test_the_command_prints_commands_that_run(tmp_path, capsys):
    assert certificates.certificates_command(tmp_path / "my certificates", ["192.0.2.7"]) == 0
    said = capsys.readouterr().out
    for line in ("dask scheduler --protocol tls", "dask worker tls://192.0.2.7:8786", "--cluster tls://192.0.2.7:8786"):
        assert line in said
    assert f"--tls-key '{tmp_path}/my certificates/key.pem'" in said


def test_the_archive_holds_what_judging_takes_and_no_other_answers(tmp_path, monkeypatch):
    archive = make_archive(load_exercise(EXERCISE))
    assert archive == make_archive(load_exercise(EXERCISE)), "the same files give the same bytes"
    assert archive.digest == hashlib.sha256(archive.content).hexdigest()
    names = zipfile.ZipFile(io.BytesIO(archive.content)).namelist()
    assert f"autograder/course/{EXERCISE}/test_hidden.py" in names
    assert not [n for n in names if "ex09" in n or "__pycache__" in n or n.startswith("tests/")]


@st.composite
def trees(draw):
    """Names and contents of a folder, odd ones among them: bytes that are no text, markup, right-to-left marks."""
    part = st.one_of(
        st.sampled_from(
            ["1_dataset.ipynb", "exercise_code", EXERCISE, "dataloader.py", "x.py", "models", "m.pt", "a\\b"]
        ),
        st.binary(min_size=1, max_size=12).map(os.fsdecode),
        st.text(min_size=1, max_size=8),
    ).filter(lambda name: not set(name) & {"/", "\0"} and name not in (".", ".."))
    names = st.lists(part, min_size=1, max_size=4)
    kinds = st.sampled_from(["file", "file", "file", "link", "pipe"])
    content = st.one_of(st.binary(max_size=40), st.just(b'{"cells": [], "nbformat": 4}'), st.just(b"#" * 300_000))
    return draw(st.lists(st.tuples(names, kinds, content), max_size=8))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trees())
def test_a_folder_is_judged_alike_after_its_journey(tmp_path_factory, tree):
    exercise = load_exercise(EXERCISE)
    folder = tmp_path_factory.mktemp("journey")
    root = folder / "root"
    root.mkdir()
    for parts, kind, content in tree:
        # Some names are too long once encoded, some are taken already.
        with contextlib.suppress(OSError, UnicodeEncodeError):
            target = root.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            if kind == "file" and not os.path.lexists(target):
                target.write_bytes(content)
            elif kind == "link":
                target.symlink_to("/etc/passwd")
            elif kind == "pipe":
                os.mkfifo(target)

    def judged(path, into):
        try:
            hand_in = open_handin(path, exercise, into)
        except HandInError as error:
            return str(error)
        files = {p.relative_to(into): p.read_bytes() for p in into.rglob("*") if p.is_file()}
        return replace(hand_in, folder=Path()), files

    arrived = unpack(pack(root, exercise), folder / "arrived")
    assert arrived.name == root.name
    assert judged(arrived, folder / "b") == judged(root, folder / "a")
    assert {p.name for p in folder.iterdir()} <= {"root", "arrived", "a", "b"}


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "a\0"])
def test_a_parcel_writes_nowhere_else(tmp_path, name):
    header = json.dumps({"name": "x", "kind": "folder", "files": [["file", [name], 1]]}).encode()
    with pytest.raises(AutograderError, match="plain file name"):
        unpack(len(header).to_bytes(8, "big") + header + b"!", tmp_path / "into")


def test_a_folder_that_is_too_large_to_travel_says_so(tmp_path):
    root = tmp_path / "root"
    for number in range(12):
        (root / str(number)).mkdir(parents=True)
        with (root / str(number) / "1_dataset.ipynb").open("wb") as file:
            file.truncate(20_000_000)
    with pytest.raises(AutograderError, match="at most 100 MB"):
        pack(root, load_exercise(EXERCISE))
