"""The judge: fails by default, tells students nothing that is hidden, scores the same again, and stays small."""

import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from autograder.base.errors import AutograderError
from autograder.base.settings import DEMO_SECRET, Settings
from autograder.fleet import local as fleet_module
from autograder.fleet.local import Fleet
from autograder.fleet.machine import Machine
from autograder.judging.job import Job
from autograder.judging.result import Result
from autograder.sources.exercise import known_tests, sources
from autograder.sources.variants import reference, untouched
from exercise_code.common.exercise import exercise_ids, load_exercise

pytestmark = pytest.mark.walls
ROOT = Path(__file__).resolve().parents[2]
EXERCISE = "ex03_dataloader"
MODEL_EXERCISE = "ex09_keypoints"
SECRETS = ("one secret of more than 128 bits of length", "two secrets of more than 128 bits of length")

# Grades hand-ins in this process, which must not have imported torch; prints results and what else is asked.
SCRIPT = """
import json, os, sys
from pathlib import Path
from autograder.judging import hand_in_sandbox as plugin, judge as module
from autograder.judging.job import Job
from autograder.judging.judge import Judge
from autograder.base.settings import Settings

secret, exercise, *paths = sys.argv[1:]
extra = {{"asked": [], "reference": 0}}
real_ask = plugin.HandInSandbox.ask
def ask(self, probe, inputs, seed, name, mark):
    if self.worker is self.judge.worker:
        extra["asked"].append([name, seed])
    else:
        extra["reference"] += 1
    return real_ask(self, probe, inputs, seed, name, mark)
plugin.HandInSandbox.ask = ask

def pids(parent):
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if path.read_text().rsplit(")", 1)[1].split()[1] == str(parent):
                yield from (int(path.parent.name), *pids(int(path.parent.name)))
        except OSError:
            pass

def memory():
    kilobytes = 0
    for pid in (os.getpid(), *pids(os.getpid())):
        for line in Path(f"/proc/{{pid}}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024

{setup}
results = []
with Judge(exercise, Settings(secret=secret.encode())) as judge:
    def emit(job, result):
        results.append(json.loads(result.model_dump_json()))
        extra["memory"] = memory()
    judge.serve([Job(f"u{{n:04}}", Path(path)) for n, path in enumerate(paths)], emit)
    extra["scratch"] = sorted(p.name.split("-")[0] for p in judge.scratch.iterdir())
extra["torch"] = "torch" in sys.modules
extra["left"] = [judge.scratch.exists(), list(pids(os.getpid()))]
print(json.dumps([results, extra]))
"""


def grade(
    *paths: Path, secret: str = SECRETS[0], exercise: str = EXERCISE, setup: str = "", course: Path | None = None
) -> tuple[list[Result], dict[str, Any]]:
    """The results of hand-ins, graded by one judge in a process of its own, and what the script saw."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if course is not None:
        environment["AUTOGRADER_COURSE"] = str(course)
    script = SCRIPT.format(setup=textwrap.dedent(setup))
    arguments = [sys.executable, "-c", script, secret, exercise, *map(str, paths)]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    results, extra = json.loads(done.stdout.splitlines()[-1])
    return [Result.model_validate(result) for result in results], extra


@pytest.fixture(scope="module")
def handins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders: the reference, the untouched stubs, and a hand-in whose transforms are wrong by one."""
    folder = tmp_path_factory.mktemp("handins")
    exercise = load_exercise(EXERCISE)
    found = {"reference": reference(exercise, folder / "reference"), "untouched": untouched(exercise, folder / "stub")}
    wrong = reference(exercise, folder / "wrong")
    module = wrong / "exercise_code" / EXERCISE / "image_folder.py"
    text = module.read_text()
    assert text.count("+ out_min") == 1
    module.write_text(text.replace("+ out_min", "+ out_min + 1"))
    return {**found, "wrong": wrong}


@pytest.fixture(scope="module")
def graded(handins: dict[str, Path]) -> dict[str, tuple[list[Result], dict[str, Any]]]:
    """Wrong, untouched, reference, wrong: once with one secret, once with another."""
    paths = [handins[name] for name in ("wrong", "untouched", "reference", "wrong")]
    return {secret: grade(*paths, secret=secret) for secret in SECRETS}


def _without_times(result: Result) -> dict[str, Any]:
    kept = result.model_dump(exclude={"cpu_seconds", "wall_seconds", "memory_mb", "student", "cells"})
    cells = [cell.model_dump(exclude={"tests": {"__all__": {"seconds"}}}) for cell in result.cells]
    return {**kept, "cells": cells}


def test_reference_earns_all_and_stub_nothing(graded: dict[str, Any]) -> None:
    for results, _ in graded.values():
        wrong, stub, honest, _ = results
        assert honest.score == honest.max_score > 0 and not honest.lost
        assert stub.score == 0 and len(stub.lost) == sum(len(cell.tests) for cell in stub.cells)
        assert 0 < wrong.score < wrong.max_score


def test_the_same_secret_gives_the_same_result_to_the_letter(graded: dict[str, Any]) -> None:
    for results, _ in graded.values():
        assert _without_times(results[0]) == _without_times(results[3])


def test_another_secret_gives_other_hidden_inputs_and_the_same_visible_ones(graded: dict[str, Any]) -> None:
    one, two = ({t.name: t for t in graded[secret][0][0].lost} for secret in SECRETS)
    assert set(one) == set(two)
    name = "test_rescale_random_floats"
    assert one[name].log != two[name].log
    for name, test in one.items():
        if test.visible:
            assert test.log == two[name].log


def test_hidden_tests_seed_probes_with_another_seed_than_their_inputs(graded: dict[str, Any]) -> None:
    """The sandbox gets a seed, and must not get the one from which the judge draws a test's inputs."""
    visible = {t.name for t in known_tests(EXERCISE).values() if t.visible}
    sent = {}
    for secret in SECRETS:
        sent[secret] = {name: seed for name, seed in graded[secret][1]["asked"] if name not in visible}
        settings = Settings(secret=secret.encode())
        own = {settings.seed(EXERCISE, name) for name in known_tests(EXERCISE)}
        assert sent[secret] and not own & set(sent[secret].values())
    assert all(sent[SECRETS[0]][name] != sent[SECRETS[1]][name] for name in sent[SECRETS[0]])


def test_seeds_cannot_be_derived_from_what_results_publish(graded: dict[str, Any]) -> None:
    results, extra = graded[SECRETS[0]]
    published = json.loads(results[2].for_student().model_dump_json())
    words = [published[key] for key in ("secret_hash", "digest", "hand_in", "student", "key", "data", "device")]
    words += [*published["versions"].values(), json.dumps(published["versions"]), DEMO_SECRET.decode(), ""]
    keys = [word.encode() for word in words] + [bytes.fromhex(published["secret_hash"])]
    settings = Settings(secret=SECRETS[0].encode())
    hidden = [t.name for t in known_tests(EXERCISE).values() if not t.visible]
    true = {settings.seed(EXERCISE, name) for name in [*hidden, "hidden set", "order"]}
    true |= {seed for name, seed in extra["asked"] if name in hidden}
    candidates: set[int] = set()
    for key in keys:
        guess = Settings(secret=key)
        for name in [*hidden, "hidden set", "order", ""]:
            candidates |= {guess.seed(EXERCISE, name), guess.seed(EXERCISE, f"probe of {name}")}
        for text in (key, *(key + name.encode() for name in hidden), *(key + b":" + name.encode() for name in hidden)):
            digest = hashlib.sha256(text).digest()
            for size, order in itertools.product((4, 8), ("little", "big")):
                candidates.add(int.from_bytes(digest[:size], order) >> (size == 8))  # type: ignore[arg-type]
    assert len(candidates) > 1000
    assert not candidates & true
    assert all(seed > 2**32 for seed in sorted(true)[3:]), "seeds of 32 bits can be tried out"


def test_results_hold_no_seed_and_no_secret(graded: dict[str, Any]) -> None:
    settings = Settings(secret=SECRETS[0].encode())
    for result in graded[SECRETS[0]][0]:
        text = result.model_dump_json()
        assert SECRETS[0] not in text
        for name in [*known_tests(EXERCISE), "hidden set", "order"]:
            assert str(settings.seed(EXERCISE, name)) not in text


def test_students_see_no_logs_no_times_and_no_hidden_values(graded: dict[str, Any]) -> None:
    for result in graded[SECRETS[0]][0]:
        shown = result.for_student()
        assert (shown.cpu_seconds, shown.wall_seconds, shown.memory_mb) == (0, 0, 0)
        for test in (t for cell in shown.cells for t in cell.tests):
            assert (test.log, test.seconds) == ("", 0)
            if not test.visible:
                assert (test.want, test.got, test.hint) == ("", "", "")
                assert test.reason in ("", "the result is not as expected", "this part is not written yet")


def test_visible_tests_come_before_hidden_ones(graded: dict[str, Any]) -> None:
    """A child that has seen hidden inputs is never asked again by a test that shows what it got."""
    visible = {t.name for t in known_tests(EXERCISE).values() if t.visible}
    _, extra = graded[SECRETS[0]]
    order = [name in visible for name, _ in extra["asked"]]
    starts = sum(now and not before for before, now in itertools.pairwise([False, *order]))
    assert starts == 4, "one run of visible tests a hand-in"
    assert order[0]


def test_the_reference_is_asked_once_a_judge(graded: dict[str, Any]) -> None:
    _, extra = graded[SECRETS[0]]
    names = {name for name, _ in extra["asked"]}
    assert 0 < extra["reference"] < len(extra["asked"]) / 4
    assert names == set(known_tests(EXERCISE))


def test_the_judge_never_imports_torch_and_cleans_up(graded: dict[str, Any]) -> None:
    for _, extra in graded.values():
        assert extra["torch"] is False
        assert extra["left"] == [False, []]
        assert "handin" not in extra["scratch"]


def test_memory_of_judge_and_workers_together(graded: dict[str, Any]) -> None:
    for _, extra in graded.values():
        assert 0 < extra["memory"] < 600


@pytest.mark.skipif(
    MODEL_EXERCISE not in exercise_ids() or not (ROOT / "autograder" / "course" / MODEL_EXERCISE).is_dir(),
    reason="the exercise with a model is not there",
)
def test_memory_with_torch_in_two_workers(tmp_path: Path) -> None:
    path = reference(load_exercise(MODEL_EXERCISE), tmp_path / "reference")
    (result,), extra = grade(path, exercise=MODEL_EXERCISE)
    assert result.score == result.max_score, [t.log for t in result.lost]
    assert extra["torch"] is False
    assert 100 < extra["memory"] < 2000


# Fail by default: a private copy of the course, with hidden tests that go wrong in every way


BROKEN_TESTS = """
import pytest
from exercise_code.common.testing import assert_same, grade

def length(code, n):
    return len(code.dataloader.DataLoader(list(range(n)), batch_size=5))

@grade("dataloader_len")
def test_asserts_with_words(observe):
    \"\"\"A.\"\"\"
    assert observe(length, 6021) == 1, "the secret number is 6021"

@grade("dataloader_len")
def test_asserts_without_words(observe):
    \"\"\"B.\"\"\"
    assert observe(length, 6021) == 6021

@grade("dataloader_len")
def test_raises(observe):
    \"\"\"C.\"\"\"
    raise KeyError("6021")

@grade("dataloader_len")
def test_skips(observe):
    \"\"\"D.\"\"\"
    pytest.skip("6021")

@grade("dataloader_len")
@pytest.mark.xfail(reason="6021")
def test_expects_to_fail(observe):
    \"\"\"E.\"\"\"
    assert False

@grade("dataloader_len")
def test_exits(observe):
    \"\"\"F.\"\"\"
    raise SystemExit(0)

@pytest.fixture
def broken():
    raise ValueError("6021")

@grade("dataloader_len")
def test_has_a_broken_fixture(observe, broken):
    \"\"\"G.\"\"\"

@pytest.fixture
def broken_afterwards():
    yield
    raise ValueError("6021")

@grade("dataloader_len")
def test_has_a_fixture_that_breaks_afterwards(observe, broken_afterwards):
    \"\"\"H.\"\"\"
    assert observe(length, 5) == 1

@grade("dataloader_len")
def test_compares_for_ever(observe):
    \"\"\"I.\"\"\"
    while observe(length, 5) == 1:
        for _ in range(10**9):
            pass

@grade("dataloader_len")
def test_is_right(observe):
    \"\"\"J.\"\"\"
    assert_same(observe(length, 5), 1)
"""


def _course(folder: Path, hidden: str) -> Path:
    course = folder / "course"
    shutil.copytree(sources(EXERCISE).course, course / EXERCISE)
    (course / EXERCISE / "test_hidden.py").write_text(hidden)
    return course


def test_whatever_goes_wrong_in_a_test_fails_it(handins: dict[str, Path], tmp_path: Path) -> None:
    setup = "module.HandInSandbox = lambda *a, **k: plugin.HandInSandbox(*a, stopwatch=plugin.Stopwatch(0.5), **k)"
    course = _course(tmp_path, BROKEN_TESTS)
    (result,), _ = grade(handins["reference"], course=course, setup=setup)
    hidden = {t.name: t for cell in result.cells for t in cell.tests if not t.visible}
    assert len(hidden) == 10 and [name for name, t in hidden.items() if t.passed] == ["test_is_right"]
    del hidden["test_is_right"]
    assert "take too long to check" in hidden["test_compares_for_ever"].reason
    for test in hidden.values():
        assert test.reason and "6021" not in test.reason, test
    assert "6021" in hidden["test_asserts_with_words"].log
    assert "6021" not in result.for_student().model_dump_json()
    visible = [t for cell in result.cells for t in cell.tests if t.visible]
    assert visible and all(t.passed for t in visible)


def test_a_stopwatch_that_rings_while_the_judge_talks_to_the_worker_leaves_the_next_hand_in_alone(
    handins: dict[str, Path],
) -> None:
    setup = """
    import time
    from autograder.sandbox import client
    module.HandInSandbox = lambda *a, **k: plugin.HandInSandbox(*a, stopwatch=plugin.Stopwatch(0.4), **k)
    # So that the first child is asked for while a test runs.
    plugin.HandInSandbox.import_modules = lambda *_: None
    read, extra["replies"] = client.Worker._read_reply, []
    def slow(self, what):
        # The judge's time runs out between a request and its reply, once.
        end = time.process_time() + (0.6 if what == "fork" and "fork" not in extra["replies"] else 0)
        while time.process_time() < end:
            pass
        extra["replies"].append(what)
        return read(self, what)
    client.Worker._read_reply = slow
    """
    (first, second), extra = grade(handins["reference"], handins["reference"], setup=setup)
    assert not first.failed, first.failed
    late = [t.reason for t in first.lost]
    assert late and set(late) == {"the code's answers take too long to check"}
    assert len(late) < 5, "only the test in which the time ran out"
    assert not second.lost and not second.failed
    forks, ends = (extra["replies"].count(what) for what in ("fork", "end"))
    assert forks == ends + 1, "the reference's child alone lives on"


def test_a_test_of_an_unknown_cell_is_an_error_of_grading(handins: dict[str, Path], tmp_path: Path) -> None:
    course = _course(tmp_path, BROKEN_TESTS.replace('@grade("dataloader_len")', '@grade("no_such_cell")', 1))
    with pytest.raises(AssertionError, match=r"AutograderError: .*no_such_cell"):
        grade(handins["reference"], course=course)


def test_a_hidden_test_may_not_import_torch_in_the_judge(handins: dict[str, Path], tmp_path: Path) -> None:
    course = _course(tmp_path, "import torch\n" + BROKEN_TESTS)
    with pytest.raises(AssertionError, match=r"AutograderError: .*imports torch"):
        grade(handins["reference"], course=course)


def test_a_broken_test_file_is_an_error_of_grading(handins: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="AutograderError"):
        grade(handins["reference"], course=_course(tmp_path, "def broken(:"))


def test_what_cannot_be_graded_does_not_stop_the_next(handins: dict[str, Path], tmp_path: Path) -> None:
    text = tmp_path / "text.zip"
    text.write_text("no zip")
    (missing, refused, honest), _ = grade(tmp_path / "nothing.zip", text, handins["reference"])
    assert missing.failed and not missing.complete and missing.score == 0
    assert "not a readable zip" in refused.refused and refused.score == 0
    assert {t.reason for t in refused.lost} == {"the hand-in was refused"}
    assert honest.score == honest.max_score


def test_a_course_that_children_could_read_is_refused(handins: dict[str, Path], tmp_path: Path) -> None:
    setup = f"""
        from autograder.sandbox import client
        client.SYSTEM_PATHS.append({str(tmp_path)!r})
    """
    with pytest.raises(AssertionError, match=re.compile(r"AutograderError: the course in .* lies inside", re.DOTALL)):
        grade(handins["reference"], course=_course(tmp_path, BROKEN_TESTS), setup=setup)


def test_a_gpu_that_children_cannot_reach_fails_the_grading_and_costs_nobody_points(tmp_path, monkeypatch):
    """A judge told to use a GPU on a machine without one: so looks a driver that the walls shut out."""
    monkeypatch.setattr(fleet_module, "this_machine", lambda gpus=False: Machine(1, 0))
    hand_in = untouched(MODEL_EXERCISE, tmp_path / "hand-in")
    with (
        Fleet(MODEL_EXERCISE, Settings(device="cuda"), 1) as judges,
        pytest.raises(AutograderError, match=r"cannot compute on the GPU .* grade with --device cpu"),
    ):
        list(judges.grade([Job("u0042", hand_in)]))
