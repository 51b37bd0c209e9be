"""One task's fault costs that task: loops, hogs and crashes, in a function or while a module is imported."""

import re
from collections.abc import Iterator

import pytest

from autograder.base.settings import Settings
from autograder.fleet.local import Fleet
from autograder.judging.budget import MOST_LATE, SLEEP_FACTOR, Budget
from autograder.judging.job import Job
from autograder.judging.result import Result
from autograder.sources.exercise import sources
from autograder.sources.variants import reference
from exercise_code.common.reasons import Reason

pytestmark = pytest.mark.walls
EXERCISE = "ex03_dataloader"
# The limits of the exercise on CPU time, made this much smaller: a loop is a loop.
FACTOR = 0.12
LOOP = "while True:\n    pass\n"
SLEEP = "import time\ntime.sleep(10_000)\n"
THREAD = (
    "import threading\ndef _spin():\n    while True:\n        pass\nthreading.Thread(target=_spin, daemon=True).start()"
)
CRASH = "import ctypes\nctypes.string_at(1)\n"
EXIT = "import os\nos._exit(0)\n"
MEMORY = "held = []\nwhile True:\n    held.append(bytearray(2**26))\n"
FOLDER = ("dataset_len", "dataset_getitem", "transform_rescale", "image_mean_std", "transform_normalize")
LOADER = ("dataloader_combine", "dataloader_len", "dataloader_batches", "dataloader_shuffle")


# Each: the module, its text changed, and the tasks whose points go.
CASES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "loop in __iter__": ("dataloader", "    def __iter__(self)", "while", ("dataloader_batches", "dataloader_shuffle")),
    "loop in a transform": ("image_folder", "class NormalizeTransform", "call", ("transform_normalize",)),
    "loop at import": ("image_folder", "", LOOP, FOLDER),
    "loop at import of the other": ("dataloader", "", LOOP, LOADER),
    "sleep at import": ("dataloader", "", SLEEP, LOADER),
    "crash at import": ("image_folder", "", CRASH, FOLDER),
    "exit at import": ("dataloader", "", EXIT, LOADER),
    # It would cost the probes to come, the more the less the machine has to do.
    "loop in a thread": ("dataloader", "", THREAD, ()),
    "memory at import": ("dataloader", "", MEMORY, LOADER),
}
LOOPED = "        while True:\n            pass\n"


def _change(text: str, after: str, how: str) -> str:
    """The module with a loop as the first line of a method, or with more code to run when it is imported."""
    if not after:
        return f"{text}\n\n{how}"
    start = text.index(after)
    if how == "call":
        start = text.index("    def __call__", start)
    # After the head of the function and its docstring.
    head = re.match(r'.*?:\n(?: +""".*?"""\n)?', text[start:], re.DOTALL)
    assert head is not None
    return text[: start + head.end()] + LOOPED + text[start + head.end() :]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    folder = tmp_path_factory.mktemp("hand-ins")
    jobs = []
    for name, (module, after, how, _) in CASES.items():
        path = reference(EXERCISE, folder / name.replace(" ", "-"))
        file = path / "exercise_code" / EXERCISE / f"{module}.py"
        file.write_text(_change(file.read_text(), after, how))
        jobs.append(Job(name, path))
    with Fleet(EXERCISE, Settings(cpu_factor=FACTOR), 2) as fleet:
        yield {job.student: result for job, result in fleet.grade(jobs)}


@pytest.mark.parametrize("name", list(CASES))
def test_a_fault_costs_exactly_its_tasks(name: str, graded: dict[str, Result]) -> None:
    result, lost = graded[name], CASES[name][3]
    assert not result.failed
    points = {cell.grade_id: cell.points for cell in result.cells}
    full = {cell.grade_id: cell.max_points for cell in result.cells}
    assert points == pytest.approx({task: 0.0 if task in lost else full[task] for task in full}), result.lost


@pytest.mark.parametrize("name", [name for name in CASES if "import" in name])
def test_a_bad_import_is_met_once(name: str, graded: dict[str, Result]) -> None:
    """All tests of the module say the same, and none but the import took its time."""
    [reason] = {test.reason for test in graded[name].lost}
    assert reason.startswith(f"while {CASES[name][0]}.py was imported, the code ")


@pytest.mark.parametrize("name", ["loop in __iter__", "loop in a transform"])
def test_two_late_tests_end_a_task(name: str, graded: dict[str, Result]) -> None:
    for cell in graded[name].cells:
        codes = [test.code for test in cell.tests if not test.passed]
        if codes:
            # Whichever comes first ends the task: two late tests, or its share of the time. The rest is not run.
            late = codes.count(Reason.TIMED_OUT)
            assert 1 <= late <= MOST_LATE
            assert codes == [Reason.TIMED_OUT] * late + [Reason.NOT_RUN] * (len(codes) - late)
            assert sum(test.seconds for test in cell.tests if test.code is Reason.NOT_RUN) < 1


def test_what_a_hand_in_may_cost_is_bounded_here_too(graded: dict[str, Result]) -> None:
    limits = sources(EXERCISE).exercise.limits
    for result in graded.values():
        assert result.cpu_seconds <= limits.cpu_seconds * FACTOR + 0.5


# The budget by itself


def test_a_task_that_never_ends_leaves_each_other_its_share() -> None:
    budget = Budget(30.0, ["a", "b", "c"])
    assert budget.left("a") == 20.0
    budget.charge("a", 1000.0, late=True)
    assert budget.left("a") == 0.0 and budget.left("b") == budget.left("c") == 5.0
    budget.charge("b", 1.0)
    assert budget.left("b") == 4.0 and budget.left("c") == 5.0


def test_sleep_costs_less_than_computing_and_is_bounded_too() -> None:
    budget = Budget(30.0, ["a"])
    budget.charge("a", 0.0, slept=30.0 * SLEEP_FACTOR)
    assert budget.left("a") == 0.0


def test_all_tasks_together_cost_no_more_than_the_budget() -> None:
    names = [f"task {n}" for n in range(10)]
    budget, used = Budget(30.0, names), 0.0
    for name in names * 3:
        took = min(5.0, budget.left(name))
        budget.charge(name, took, late=True)
        used += took
    assert used <= 30.0 + 1e-9 and all(budget.left(name) < 1e-9 for name in names)
    assert all(budget.has_ended(name) for name in names)
