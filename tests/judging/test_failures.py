"""What fails around a hand-in is a failure of grading, said in words, and never a wrong answer."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from demo_course import EXERCISE, POINTS
from hand_ins import zip_of

from autograder.base import locks
from autograder.base.errors import AutograderError
from autograder.base.locks import Scratch, lock_results, remove_left_scratch
from autograder.base.settings import Settings
from autograder.fleet.local import Fleet
from autograder.judging.hand_in_sandbox import HandInSandbox
from autograder.judging.job import Job
from autograder.judging.judge import Judge
from autograder.judging.result import Result
from autograder.sandbox import client
from autograder.sources import variants
from exercise_code.common.archives import entries as archives
from exercise_code.common.archives.entries import HandInError
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import load_exercise
from exercise_code.common.hand_ins.hand_in import open_handin

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.walls, pytest.mark.usefixtures("small_course")]


@pytest.fixture(scope="module")
def reference(small_course: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return variants.reference(EXERCISE, tmp_path_factory.mktemp("hand-ins") / "u0000")


def graded(reference: Path, break_it, before: bool = False) -> list[Result]:
    """Results of the reference, twice; `break_it` gets judge and workspace at the third probe of the first."""
    results: list[Result] = []
    ask, asked = HandInSandbox.ask, []

    def counted(self, *arguments):
        if self.worker is self.judge.worker:
            asked.append(1)
            if len(asked) == 3:
                break_it(self.judge, self)
        return ask(self, *arguments)

    with pytest.MonkeyPatch.context() as patch, Judge(EXERCISE, Settings()) as judge:
        patch.setattr(HandInSandbox, "ask", counted)
        judge.serve([Job("u0001", reference), Job("u0002", reference)], lambda _, result: results.append(result))
    return results


def _in_process(code: str, *arguments: str, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess":
    command = [sys.executable, *arguments, "-c", code]
    variables = {**os.environ, **(environment or {})}
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


# A judge in a process of its own: pytest runs in this one.
JUDGE = """
import sys
sys.path += {paths!r}
from pathlib import Path
from test_failures import BREAKS, graded
for result in graded(Path({reference!r}), BREAKS[{name!r}]):
    print(repr((result.failed, result.score)))
"""


def _remove(path: Path) -> None:
    path.unlink()


def _full(number: int):
    def break_it(judge, sandbox) -> None:
        # So that the next probe that writes asks for a folder on the judge's disk, as without namespaces.
        sandbox.close()
        judge.worker.close()
        judge.worker.namespaces = False
        real = Path.mkdir

        def mkdir(path, *arguments, **options):
            if path.name.startswith("writable"):
                raise OSError(number, os.strerror(number), str(path))
            return real(path, *arguments, **options)

        Path.mkdir = mkdir  # the process ends with this judge

    return break_it


def _no_pipes(judge, sandbox) -> None:
    sandbox.close()

    def pipe():
        raise OSError(errno.EMFILE, "Too many open files")

    client.os.pipe = pipe


def _no_data(judge, sandbox) -> None:
    def ask(*arguments):
        raise CourseError("expected the data set in /data, found nothing")

    HandInSandbox.ask = ask


def _kill_worker(judge, sandbox) -> None:
    os.kill(judge.worker.pid, signal.SIGKILL)


def _kill_worker_and_fork(judge, sandbox) -> None:
    """Between two children: the next one would come from a fresh worker, and the old one be found dead."""
    _kill_worker(judge, sandbox)
    judge.worker._process.wait()
    sandbox.children.clear()


def _kill_child(judge, sandbox) -> None:
    """As the kernel does when memory is used up."""
    for child in sandbox.children.values():
        os.kill(child.pid, signal.SIGKILL)


BREAKS = {
    "module gone": lambda judge, sandbox: _remove(sandbox.workspace / "exercise_code" / EXERCISE / "multiplying.py"),
    "given file gone": lambda judge, sandbox: _remove(sandbox.workspace / "exercise_code" / EXERCISE / "exercise.toml"),
    "base gone": lambda judge, sandbox: _remove(judge.scratch / "base" / "exercise_code" / "common" / "plotting.py"),
    "disk full": _full(errno.ENOSPC),
    "quota used up": _full(errno.EDQUOT),
    "no pipes": _no_pipes,
    "no data": _no_data,
    "worker killed": _kill_worker,
    "worker killed between children": _kill_worker_and_fork,
    "child killed": _kill_child,
}


@pytest.mark.parametrize("name", list(BREAKS))
def test_what_breaks_in_the_midst_of_a_hand_in_fails_its_grading(name: str, reference: Path) -> None:
    code = JUDGE.format(
        paths=[str(Path(__file__).parent), str(ROOT / "tests" / "support")], reference=str(reference), name=name
    )
    done = _in_process(code)
    assert done.returncode == 0, done.stderr[-2000:]
    (failed, score), *others = map(eval, done.stdout.splitlines())
    assert failed and score == 0, failed
    assert all(other[0] or other[1] == POINTS for other in others), "right, or a failure of grading again"
    if name == "module gone":
        assert "multiplying.py is gone or changed" in failed and "TMPDIR" in failed
    if name in ("disk full", "quota used up"):
        assert "is full" in failed and "TMPDIR" in failed


@pytest.mark.parametrize("flags", [["-O"], ["-OO"], []])
def test_judges_workers_and_checks_want_a_python_that_runs_asserts(flags: list[str]) -> None:
    environment = {} if flags else {"PYTHONOPTIMIZE": "1"}
    judge = (
        "from autograder.base.settings import Settings; from autograder.judging.judge import Judge; "
        f"Judge({EXERCISE!r}, Settings())"
    )
    check = "from exercise_code import check; check('demo_add')"
    trusted = "from autograder.simulation.trusted_check import points; points(None, None)"
    worker = (
        "import runpy, socket, sys; a, b = socket.socketpair(); sys.argv[1:] = ['{\"control\": %d}' % b.fileno()]; "
    )
    worker += f"runpy.run_path({str(ROOT / 'autograder' / 'sandbox' / 'worker.py')!r}, run_name='__main__')"
    for code in (judge, check, trusted, worker):
        done = _in_process(code, *flags, environment=environment)
        assert done.returncode != 0
        assert "assert" in done.stderr.splitlines()[-1] and "without -O" in done.stderr.splitlines()[-1], done.stderr


def test_a_command_without_asserts_is_one_clear_line(reference: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-O", "-m", "autograder", "grade", EXERCISE, str(reference.parent), "--no-pages"]
    done = subprocess.run([*command, "--out", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: expected a Python that runs asserts" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_worker_of_other_versions_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "versions", lambda: {"python": "3.0.0", "numpy": "1.0"})
    with (
        Judge(EXERCISE, Settings()) as judge,
        pytest.raises(AutograderError, match=r"worker has .*numpy .*, not 1\.0.* the environment has changed"),
    ):
        judge.worker.start()


def test_a_result_of_other_versions_is_a_failure_of_grading(reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autograder.fleet import local as fleet

    monkeypatch.setattr(fleet, "versions", lambda: {"python": "3.0.0"})
    with Fleet(EXERCISE, Settings(), 1) as judges:
        [(_, result)] = judges.grade([Job("u0001", reference)])
    assert "the environment has changed" in result.failed


# Locks


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch):
    """A file system as some networks have it."""

    def refuse(number: int) -> None:
        def flock(*_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", flock)

    return refuse


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_without_locks_nothing_of_another_run_is_removed(number, tmp_path, monkeypatch, no_locks) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    no_locks(number)
    living = Scratch("judge-")
    half = tmp_path / "results" / ".half.tmp"
    half.parent.mkdir()
    half.write_text("another run writes it")
    remove_left_scratch("judge-")
    other = Scratch("judge-")
    with lock_results(tmp_path / "results"):
        assert half.exists()
    assert living.folder.is_dir() and other.folder.is_dir()
    living.close()
    other.close()
    assert not living.folder.exists() and not other.folder.exists()


def test_a_scratch_folder_of_another_machine_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    theirs = Scratch("judge-")
    theirs._owner.close()  # its lock is not seen here
    monkeypatch.setattr(locks.platform, "node", lambda: "another-machine")
    remove_left_scratch("judge-")
    assert theirs.folder.is_dir()
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    remove_left_scratch("judge-")
    assert not theirs.folder.exists()


# Unpacking


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE, errno.EACCES])
@pytest.mark.parametrize("form", ["zip", "folder"])
def test_a_disk_that_cannot_be_read_refuses_no_hand_in(
    number: int, form: str, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = reference
    if form == "zip":
        path = zip_of(reference, tmp_path / "hand-in.zip")

    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(archives.zipfile.ZipFile if form == "zip" else archives.os, "open", fail)
    with pytest.raises(CourseError, match="could not read") as caught:
        open_handin(path, load_exercise(EXERCISE), tmp_path / "into")
    assert not isinstance(caught.value, HandInError)


# Judges that do not start


def test_a_judge_that_cannot_start_again_waits_for_the_disk(reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autograder.fleet import local as fleet

    jobs = [Job("u0001", reference), Job("u0002", reference)]
    monkeypatch.setattr(fleet, "START_PAUSE", 0.0)
    with Fleet(EXERCISE, Settings(), 1) as judges:
        start, failures = judges._start, []

        def start_badly(gpu: str):
            # The replacement for one that was killed does not find room, once.
            member = start(gpu)
            if len(failures) == 0:
                failures.append(1)
                member.connection.close()
                ours, theirs = judges._context.Pipe()
                theirs.send("a judge could not start (No space left on device)")
                member.connection, member.theirs = ours, theirs
            return member

        results = []
        for job, result in judges.grade(jobs):
            results.append((job.student, result.score))
            if len(results) == 1:
                monkeypatch.setattr(judges, "_start", start_badly)
                judges._members[0].process.kill()
    assert failures and results == [("u0001", POINTS), ("u0002", POINTS)]
