"""Many hand-ins in judges of their own: equal results, and what happens when a judge or its parent dies."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from demo_course import EXERCISE
from processes import descendants, wait_until_gone

from autograder.base.errors import AutograderError
from autograder.base.locks import Scratch, lock_results, remove_left_scratch
from autograder.base.settings import Settings
from autograder.fleet import local as fleet_module
from autograder.fleet import machine as machine_module
from autograder.fleet.local import Fleet
from autograder.fleet.machine import Gpu, Machine, _gpus, plan_judges, this_machine
from autograder.judging.job import Job
from autograder.judging.result import Result
from autograder.sources import variants
from autograder.sources.exercise import sources

pytestmark = pytest.mark.usefixtures("small_course")


@pytest.fixture(scope="module")
def jobs(small_course, tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    reference = variants.reference(EXERCISE, folder / "u0000")
    paths = [reference, variants.untouched(EXERCISE, folder / "u0001")]
    for i in range(2, 6):
        paths.append(Path(shutil.copytree(reference, folder / f"u{i:04}")))
    return [Job(path.name, path) for path in paths]


def _kernel_of(results: list[tuple[Job, Result]]) -> dict[str, Result]:
    """Results by student, without what may differ from run to run."""
    assert len({job.student for job, _ in results}) == len(results)
    return {job.student: result.for_student() for job, result in results}


@pytest.fixture(scope="module")
def expected(jobs):
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        results = list(fleet.grade(jobs))
    assert {r.student: r.score == r.max_score for _, r in results} == {j.student: j.student != "u0001" for j in jobs}
    return _kernel_of(results)


def test_two_judges_give_what_one_gives(jobs, expected):
    with Fleet(EXERCISE, Settings(), 2) as fleet:
        assert _kernel_of(list(fleet.grade(jobs))) == expected


def test_a_judge_that_is_killed_costs_a_retry_and_nothing_else(jobs, expected):
    results = []
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        for step in fleet.grade(jobs):
            results.append(step)
            if len(results) in (1, 3):
                os.kill(fleet._members[0].process.pid, signal.SIGKILL)
    assert _kernel_of(results) == expected


def test_a_worker_that_is_killed_costs_a_retry_and_nothing_else(jobs):
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        results = []
        for step in fleet.grade(jobs):
            results.append(step[1])
            if len(results) == 1:
                for pid in _children(fleet._members[0].process.pid):
                    os.kill(pid, signal.SIGKILL)
    assert len(results) == len(jobs)
    for result in results:
        assert not result.failed
        assert result.score == (0 if result.student == "u0001" else result.max_score)


def test_a_hand_in_that_kills_its_judge_each_time_gets_a_result_that_says_so(jobs, monkeypatch):
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        give = fleet._give

        def give_and_kill(member, job):
            give(member, job)
            if job.student == "u0002":
                member.process.kill()

        monkeypatch.setattr(fleet, "_give", give_and_kill)
        results = {job.student: result for job, result in fleet.grade(jobs)}
    assert "ended while it graded" in results["u0002"].failed
    assert all(not r.failed for s, r in results.items() if s != "u0002")


def test_stopping_at_the_first_failure_leaves_the_next_hand_in_alone(jobs, tmp_path, monkeypatch):
    """Stopped among the hidden tests, pytest is in their module, and the next hand-in starts in the other one."""
    course = tmp_path / "course"
    shutil.copytree(sources(EXERCISE).course, course / EXERCISE)
    hidden = course / EXERCISE / "test_hidden.py"
    always = '@grade("demo_add")\ndef test_that_fails(observe):\n    """Fails."""\n    raise AssertionError\n\n\n'
    hidden.write_text(hidden.read_text().replace("@grade(", always + "@grade(", 1))
    monkeypatch.setenv("AUTOGRADER_COURSE", str(course))
    with Fleet(EXERCISE, Settings(stop_at_first_failure=True), 1) as fleet:
        results = [result for _, result in fleet.grade([jobs[0], jobs[2]])]
    assert [[t.name for t in r.lost] for r in results] == [["test_that_fails"]] * 2


def test_a_course_that_cannot_be_graded_is_one_error(jobs, tmp_path, monkeypatch, capfd):
    course = tmp_path / "course"
    shutil.copytree(sources(EXERCISE).course, course / EXERCISE)
    (course / EXERCISE / "test_hidden.py").write_text("import nothing_such\n")
    monkeypatch.setenv("AUTOGRADER_COURSE", str(course))
    said = r"test_hidden\.py, line 1: ModuleNotFoundError: No module named 'nothing_such'"
    with pytest.raises(AutograderError, match=said), Fleet(EXERCISE, Settings(), 1) as fleet:
        list(fleet.grade(jobs[:1]))
    assert "INTERNALERROR" not in capfd.readouterr().err


def test_no_process_is_left_behind(jobs):
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        list(fleet.grade(jobs[:1]))
        pids = [fleet._members[0].process.pid, *_children(fleet._members[0].process.pid)]
        assert len(pids) >= 2
    for pid in pids:
        status = Path(f"/proc/{pid}/status")
        assert not status.exists() or "State:\tZ" in status.read_text()


def test_a_judge_that_has_grown_makes_room_for_another(jobs, expected, monkeypatch):
    monkeypatch.setattr(fleet_module, "GROWN", 1)
    pids = set()
    results = []
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        for step in fleet.grade(jobs[:3]):
            results.append(step)
            pids.add(fleet._members[0].process.pid)
    # After the first a second one, then a third, which has nothing left to make room for.
    assert len(pids) == 2
    assert _kernel_of(results) == {s: r for s, r in expected.items() if s in ("u0000", "u0001", "u0002")}


def test_each_judge_sees_its_own_gpu(jobs, monkeypatch):
    with Fleet(EXERCISE, Settings(), 2) as fleet:
        monkeypatch.setattr(fleet, "_gpus", ("GPU-a", "GPU-b"))
        list(fleet.grade(jobs[:2]))
        seen = []
        for member in fleet._members:
            for pid in _children(member.process.pid):
                variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                seen += [v for v in variables if v.startswith(b"CUDA_VISIBLE_DEVICES=")]
    assert set(seen) <= {b"CUDA_VISIBLE_DEVICES=GPU-a", b"CUDA_VISIBLE_DEVICES=GPU-b"}
    assert len(set(seen)) == 2


def test_when_the_command_is_killed_judges_workers_and_children_end_in_the_middle_of_a_hand_in(tmp_path, monkeypatch):
    tree = variants.reference(EXERCISE, tmp_path / "class" / "u0042")
    module = tree / "exercise_code" / EXERCISE / "adding.py"
    module.write_text("while True:\n    pass\n")
    command = [sys.executable, "-m", "autograder", "grade", EXERCISE, str(tmp_path / "class"), "--jobs", "1"]
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out"), "--no-pages"],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        end = time.monotonic() + 60
        seen = descendants(process.pid)
        while not any(_cpu_seconds(pid) > 1 for pid in _workers_children(seen)) and time.monotonic() < end:
            time.sleep(0.05)
            seen |= descendants(process.pid)
        assert len(seen) >= 4, "no child ran"
    finally:
        process.kill()
        process.wait()
    assert not wait_until_gone(seen, 5)
    # What it left in the temporary folder goes when the next judge starts.
    assert list((tmp_path / "tmp").glob("judge-*"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    remove_left_scratch("judge-")
    assert not list((tmp_path / "tmp").iterdir())


def test_ctrl_c_is_held_back_while_the_first_judge_starts_too():
    """multiprocessing starts a process of its own before the first one, and lets SIGINT through after that."""
    code = (
        "import signal; from multiprocessing import resource_tracker; from autograder.fleet import local\n"
        "with local._uninterrupted():\n"
        "    resource_tracker.getfd()\n"
        "    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_judges_start_ends_all_at_once_in_words(tmp_path, ending):
    # Hand-ins that take long, so that none is graded before the signal comes, however late this process sees a judge.
    for name in ("u0001", "u0002"):
        hand_in = variants.reference(EXERCISE, tmp_path / "class" / name)
        for module in (hand_in / "exercise_code" / EXERCISE).glob("*.py"):
            module.write_text("while True:\n    pass\n")
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "autograder", "grade", EXERCISE, str(tmp_path / "class"), "--jobs", "2"]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path / "out"), "--no-pages"],
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp"), "COLUMNS": "300"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    ) as process:
        seen: set[tuple[int, str]] = set()
        while process.poll() is None and not any(b"spawn_main" in _command(pid) for pid, _ in seen):
            seen |= descendants(process.pid)
        # As a terminal does it: to the command and to all that it started.
        os.killpg(process.pid, ending)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: 0 results" in said and "Traceback" not in said
    assert not wait_until_gone(seen, 10)
    assert not list((tmp_path / "tmp").iterdir())


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


# The whole command may write no file, or its judges may write none.
_FULL = {
    "main()": "error: could not copy a hand-in into",
    "process = multiprocessing.process.BaseProcess\n"
    "    start = process.start\n"
    "    process.start = lambda self: (resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)), start(self))\n"
    "    main()": "error: a judge could not start (",
}


@pytest.mark.parametrize(("body", "says"), _FULL.items(), ids=["command", "judge"])
def test_no_room_on_the_disk_is_one_clear_error(body, says, tmp_path):
    variants.reference(EXERCISE, tmp_path / "class" / "u0001")
    full = "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); " if body == "main()" else ""
    code = (
        "import multiprocessing.process, resource, sys\nfrom autograder.__main__ import main\n"
        f"if __name__ == '__main__':\n    {full}{body}"
    )
    command = [sys.executable, "-c", code, "grade", EXERCISE, str(tmp_path / "class"), "--no-pages"]
    done = subprocess.run([*command, "--out", str(tmp_path / "out")], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert says in said and ("make room" in said) and ("TMPDIR" in said or "--out" in said), said
    assert "Traceback" not in done.stderr


def test_an_error_over_one_hand_in_is_its_own_and_does_not_end_the_run(jobs, monkeypatch):
    """Such as pytest's own, after the tests had been collected."""
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        collect = fleet._collect

        def collected():
            for member, outcome in collect():
                yield member, "an internal error" if member.job.student == "u0002" else outcome

        monkeypatch.setattr(fleet, "_collect", collected)
        results = {job.student: result.failed for job, result in fleet.grade(jobs[:4])}
    assert results == {"u0000": "", "u0001": "", "u0002": "an internal error", "u0003": ""}


def _workers_children(seen: set[tuple[int, str]]) -> list[int]:
    """The processes that workers forked."""
    found = []
    for pid, _ in seen:
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            if b"worker.py" in Path(f"/proc/{parent}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def test_scratch_of_the_living_and_of_others_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = Scratch("judge-")
    (own.folder / "file").write_text("x")
    # Folders that are none of ours: one without a lock, a link, a file.
    (tmp_path / "judge-other").mkdir()
    (tmp_path / "judge-link").symlink_to(own.folder)
    (tmp_path / "judge-file").write_text("x")
    left = _left_scratch(tmp_path)
    assert left.is_dir()
    remove_left_scratch("judge-")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [own.folder.name, "judge-other", "judge-link", "judge-file"]
    )
    assert (own.folder / "file").exists()
    own.close()
    assert not own.folder.exists()


def _left_scratch(folder: Path) -> Path:
    """The scratch folder of a process that was killed, with what a hostile hand-in left in it."""
    code = (
        "import os, signal, tempfile; from autograder.base.locks import Scratch\n"
        "tempfile.tempdir = os.environ['PLACE'];"
        "made = Scratch('judge-').folder; (made / 'a' / 'b').mkdir(parents=True); (made / 'a').chmod(0);"
        "print(made, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PLACE": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    return Path(done.stdout.strip())


def test_a_second_run_on_the_same_results_is_refused_in_words(tmp_path):
    folder = tmp_path / "results" / EXERCISE
    code = "import sys; from pathlib import Path; from autograder.base.locks import lock_results\n"
    code += "with lock_results(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()"
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        page = folder / "students" / "feedback" / ".half.tmp"
        page.parent.mkdir(parents=True)
        page.touch()
        (folder / ".half.tmp").write_text("x")
        with pytest.raises(AutograderError, match=rf"process {other.pid} on .* is grading into .*: wait"):
            lock_results(folder).__enter__()
        assert (folder / ".half.tmp").exists(), "the other run may be writing it"
        # The lock ends with the process, however it ends.
        other.kill()
        other.wait()
        with lock_results(folder):
            assert not (folder / ".half.tmp").exists() and not page.exists()
            with pytest.raises(AutograderError, match=f"process {os.getpid()} on"):
                lock_results(folder).__enter__()
    with lock_results(folder):
        pass


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AutograderError, match="expected a writable folder for results at"):
        lock_results(tmp_path / "file" / "results").__enter__()


@pytest.mark.parametrize(
    ("device", "jobs", "machine", "gpus"),
    [
        ("cpu", None, Machine(8, 64_000), [""] * 8),
        ("cpu", None, Machine(8, 5_000), [""] * 2),
        ("cpu", None, Machine(8, 500), [""]),
        ("cpu", 3, Machine(1, 500), [""] * 3),
        ("mps", None, Machine(8, 64_000), [""]),
        ("cuda", None, Machine(16, 128_000, (Gpu("a", 140_000),)), ["a"] * 4),
        ("cuda", None, Machine(16, 128_000, (Gpu("a", 9_000), Gpu("b", 16_000))), ["b", "a", "b", "a", "b", "b"]),
        ("cuda", None, Machine(2, 128_000, (Gpu("a", 16_000), Gpu("b", 16_000))), ["a", "b"]),
        ("cuda", None, Machine(16, 13_000, (Gpu("a", 16_000), Gpu("b", 16_000))), ["a", "b"]),
        ("cuda", None, Machine(16, 128_000, (Gpu("a"), Gpu("b"))), ["a", "b"]),
        ("cuda", None, Machine(16, 128_000, (Gpu("a", 100),)), ["a"]),
        ("cuda", None, Machine(16, 128_000), [""]),
        ("cuda", 5, Machine(2, 1_000, (Gpu("a", 4_000), Gpu("b", 4_000))), ["a", "b", "a", "b", "a"]),
    ],
)
def test_cores_memory_and_gpus_decide_how_many_judges(device, jobs, machine, gpus):
    assert list(plan_judges(device, jobs, machine)) == gpus


def test_gpus_are_found_without_torch_and_chosen_by_the_environment():
    listed = "0, GPU-aaaa-1, 81000\n1, GPU-bbbb-2, 9000\n2, GPU-cccc-3, [N/A]\n"
    everything = (Gpu("GPU-aaaa-1", 81_000), Gpu("GPU-bbbb-2", 9_000), Gpu("GPU-cccc-3"))
    assert _gpus(listed, (), {}) == everything
    assert _gpus(listed, (), {"CUDA_VISIBLE_DEVICES": "1, GPU-aaaa"}) == (Gpu("1", 9_000), Gpu("GPU-aaaa", 81_000))
    assert _gpus(listed, (), {"CUDA_VISIBLE_DEVICES": "MIG-1"}) == (Gpu("MIG-1"),)
    assert _gpus(listed, (), {"CUDA_VISIBLE_DEVICES": ""}) == ()
    assert _gpus("", ("GPU-x",), {}) == (Gpu("GPU-x"),)
    assert _gpus("no devices were found\n", (), {}) == ()


def test_this_machine_has_something():
    found = this_machine()
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert found.memory_mb > 100


@pytest.mark.parametrize(
    ("own", "files"),
    [
        ("0::/a/b\n", {"a/cpu.max": "250000 100000\n", "a/b/cpu.max": "max 100000\n", "a/memory.max": "3145728000\n"}),
        # As a container sees it, whose own group is the root.
        ("0::/\n", {"cpu.max": "299999 100000\n", "memory.max": "3145728000\n"}),
        (
            "4:cpu,cpuacct:/a\n3:memory:/a/b\n0::/\n",
            {
                "cpu/a/cpu.cfs_quota_us": "200000\n",
                "cpu/a/cpu.cfs_period_us": "100000\n",
                "memory/a/memory.limit_in_bytes": "3145728000\n",
                "memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
            },
        ),
    ],
)
def test_limits_of_control_groups_count_and_those_above(tmp_path, monkeypatch, own, files):
    for name, text in {**files, "self": own}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    groups = machine_module._control_groups
    monkeypatch.setattr(machine_module, "_control_groups", lambda of: groups(of, tmp_path, tmp_path / "self"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(os, "sysconf", lambda _: 2**20)
    meminfo = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path: "" if path.name == "meminfo" else meminfo(path))
    assert this_machine() == Machine(2, 3000)


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
