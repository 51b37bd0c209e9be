"""`autograder grade` from end to end, on real zips: results, resuming, and one clear line for bad input."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from demo_course import EXERCISE
from hand_ins import zip_of

from autograder.__main__ import main
from autograder.base.settings import Settings
from autograder.grading import grade_folder
from autograder.judging.result import Result, read_result
from autograder.sources import variants

pytestmark = pytest.mark.usefixtures("small_course")


@pytest.fixture(scope="module")
def trees(small_course, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trees")
    return {
        "reference": variants.reference(EXERCISE, folder / "reference"),
        "untouched": variants.untouched(EXERCISE, folder / "untouched"),
    }


@pytest.fixture
def class_(tmp_path, trees):
    folder = tmp_path / "class"
    folder.mkdir()
    zip_of(trees["reference"], folder / "u0001.zip")
    zip_of(trees["untouched"], folder / "u0002.zip")
    (folder / "u0003.zip").write_bytes(b"PK\x03\x04 not a zip")
    return folder


def _grade(class_: Path, out: Path, settings: Settings | None = None) -> dict[str, tuple[Result, bool]]:
    steps = grade_folder(EXERCISE, class_, out, settings or Settings(), jobs=1)
    return {g.job.student: (g.result, g.fresh) for g in steps}


def test_a_class_is_graded_and_a_re_run_grades_only_what_changed(class_, tmp_path, trees):
    out = tmp_path / "results"
    first = _grade(class_, out)
    assert {student: fresh for student, (_, fresh) in first.items()} == dict.fromkeys(first, True)
    assert first["u0001"][0].score == first["u0001"][0].max_score > 0
    assert first["u0002"][0].score == 0
    assert first["u0003"][0].refused and first["u0003"][0].score == 0
    files = sorted(out.rglob("*.json"))
    assert [read_result(p) for p in files] == [first[s][0] for s in ("u0001", "u0002", "u0003")]

    again = _grade(class_, out)
    assert not any(fresh for _, fresh in again.values())
    assert {s: r for s, (r, _) in again.items()} == {s: r for s, (r, _) in first.items()}

    zip_of(trees["reference"], class_ / "u0002.zip")
    files[0].write_text("{ damaged")
    third = _grade(class_, out)
    assert {s for s, (_, fresh) in third.items() if fresh} == {"u0001", "u0002"}
    assert third["u0002"][0].score == third["u0002"][0].max_score


def test_another_secret_grades_anew_with_the_same_scores(class_, tmp_path):
    out = tmp_path / "results"
    first = _grade(class_, out)
    other = _grade(class_, out, Settings(secret=b"0123456789abcdef" * 2))
    assert all(fresh for _, fresh in other.values())
    assert {s: r.score for s, (r, _) in other.items()} == {s: r.score for s, (r, _) in first.items()}
    assert other["u0001"][0].secret_hash != first["u0001"][0].secret_hash
    assert first["u0001"][0].demo_secret and not other["u0001"][0].demo_secret


def test_the_command_prints_a_table_and_exits_with_0_though_hand_ins_fail(small_course, class_, tmp_path):
    done = small_course.autograder("grade", EXERCISE, class_, "--out", tmp_path / "results", "--jobs", 1)
    assert done.returncode == 0, done.stderr
    for text in ("u0001", "this part is not written yet", "refused", "3 graded now", "demo secret"):
        assert text in done.stdout
    result = json.loads(next((tmp_path / "results").rglob("u0001*.json")).read_text())
    assert result["score"] == result["max_score"]


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        (["grade", EXERCISE, "class", "--data", "fake"], ("embedded", "real")),
        (["grade", EXERCISE, "class", "--earlier", "mine"], ("reference", "student")),
        (["bundle", EXERCISE, "--earlier", "solved"], ("stubs", "solution")),
    ],
)
def test_an_option_of_a_few_words_names_them(arguments, choices, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["autograder", *arguments])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capfd.readouterr().err
    assert arguments[-1] in said and all(choice in said for choice in choices)


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["grade", "ex99", "CLASS"], {}, "expected the id of an exercise, got 'ex99'"),
        (["grade", EXERCISE[:-1], "CLASS"], {}, f"did you mean {EXERCISE}?"),
        (["grade", EXERCISE, "EMPTY"], {}, f"found none of {EXERCISE}"),
        (["grade", EXERCISE, "NOWHERE"], {}, "found nothing there"),
        (["grade", EXERCISE, "CLASS", "--out", "FILE"], {}, "expected a writable folder for results"),
        (["grade", EXERCISE, "CLASS", "--jobs", "0"], {}, "expected one judge or more"),
        (["grade", EXERCISE, "CLASS", "--device", "tpu"], {}, "expected --device auto, cpu, cuda or mps"),
        (["grade", EXERCISE, "CLASS"], {"AUTOGRADER_SECRET": "short"}, "expected AUTOGRADER_SECRET to have 32"),
        (["grade", EXERCISE, "CLASS"], {"AUTOGRADER_COURSE": "/nowhere"}, "expected a folder, got /nowhere"),
        (["verify", "ex99"], {}, "expected the id of an exercise"),
        (["train", EXERCISE], {}, "none is handed in there"),
        (["train", "ex99"], {}, "expected the id of an exercise"),
        (["bundle", "ex99"], {}, "expected the id of an exercise"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, environment, says, class_, tmp_path, monkeypatch, capfd):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    places = {"CLASS": class_, "EMPTY": tmp_path / "empty", "NOWHERE": tmp_path / "no", "FILE": tmp_path / "file"}
    given = [places.get(a, a) for a in arguments]
    if arguments[0] == "grade" and "--out" not in arguments:
        given += ["--out", tmp_path / "results"]
    # In this process, which has imported already what a command imports.
    monkeypatch.setattr(sys, "argv", ["autograder", *map(str, given)])
    for name, value in {"COLUMNS": "200", **environment}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capfd.readouterr()
    assert ended.value.code not in (0, None)
    assert says in said.err
    assert "Traceback" not in said.err + said.out
    assert len(said.err.strip().splitlines()) == 1


@pytest.mark.skipif(Path("/proc/driver/nvidia/version").exists(), reason="this machine has an NVIDIA GPU")
def test_no_gpu_is_one_clear_line(small_course, class_, tmp_path):
    done = small_course.autograder("grade", EXERCISE, class_, "--device", "cuda", "--out", tmp_path / "results")
    assert done.returncode == 1
    assert "expected an NVIDIA GPU" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c_leaves_finished_results_and_the_next_run_goes_on(class_, tmp_path, trees):
    for i in range(20, 60):
        zip_of(trees["untouched"], class_ / f"u00{i}.zip")
    out = tmp_path / "results"
    command = [sys.executable, "-m", "autograder", "grade", EXERCISE, str(class_), "--out", str(out), "--jobs", "1"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 120
    while len(list(out.rglob("*.json"))) < 3 and time.monotonic() < end:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "the same command goes on from here" in printed
    assert "Traceback" not in printed + errors
    kept = {p: p.stat().st_mtime_ns for p in out.rglob("*.json")}
    assert 3 <= len(kept) < 43
    assert not list(out.rglob("*.tmp"))
    results = _grade(class_, out)
    assert len(results) == 43
    assert sum(fresh for _, fresh in results.values()) == 43 - len(kept)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept


def test_a_full_disk_is_one_clear_line_and_a_re_run_continues(small_course, class_, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(small)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    command = ("grade", EXERCISE, class_, "--out", small / "results", "--jobs", 1)
    try:
        done = small_course.autograder(*command)
        assert done.returncode == 1
        assert "No space left on device" in done.stderr and "make room" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list(small.rglob("*.tmp"))
        subprocess.run(["mount", "-o", "remount,size=10m", str(small)], check=True)
        assert small_course.autograder(*command).returncode == 0
    finally:
        subprocess.run(["umount", str(small)], check=True)
