"""What a student may import works in the sandbox of every exercise; what does not is on a list."""

import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from demo_course import copy_of_the_package
from hypothesis import given, strategies

from autograder.sandbox.client import Worker
from autograder.sandbox.handle import Answer, Child
from autograder.sandbox.workers import Workers
from exercise_code.common.checks.environment import NOT_IN_SANDBOX, PACKAGES, SANDBOX_LIBRARIES, WARM, beyond
from exercise_code.common.exercise import PACKAGE, exercise_ids, load_exercise

pytestmark = pytest.mark.walls
ROOT = PACKAGE.parent
EXERCISE = "ex00_imports"
cloudpickle.register_pickle_by_value(sys.modules[__name__])

WORKS: dict[str, str] = tomllib.loads(Path(__file__).with_name("student_imports.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the given code."""
    return copy_of_the_package(tmp_path_factory.mktemp("base").resolve())


def _first_with_each_imports() -> list[str]:
    """An exercise for each list of imports: its workers import nothing else, and are those of all that share it."""
    first: dict[tuple[str, ...], str] = {}
    for exercise in exercise_ids():
        first.setdefault(tuple(load_exercise(exercise).imports), exercise)
    return list(first.values())


@pytest.fixture(scope="module", params=_first_with_each_imports())
def workers(base: Path, request: pytest.FixtureRequest) -> Iterator[Workers]:
    """Workers with an exercise's own imports."""
    made = Workers(EXERCISE, base, load_exercise(request.param).imports)
    made.usual.start()
    if not made.usual.is_private:
        pytest.skip(f"no namespaces here: {made.usual.why_not_private}")
    yield made
    made.close()


def value_of(code: Any) -> float:
    return float(code.module.VALUE)


def run(worker: Worker, folder: Path, memory_mb: int = 2000, cpu: float = 10.0) -> tuple[Answer, Child]:
    child = worker.fork(folder, memory_mb=memory_mb, cpu_seconds=30)
    try:
        return child.ask(0, cloudpickle.dumps((value_of, ())), cpu_seconds=cpu), child
    finally:
        child.end()


def hand_in(folder: Path, text: str) -> Path:
    package = folder.resolve() / "workspace" / "exercise_code" / EXERCISE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "module.py").write_text(text)
    return package.parent.parent


def choose(workers: Workers, folder: Path) -> Worker:
    return workers.for_hand_in(folder / "exercise_code" / EXERCISE, {"module"})


@pytest.mark.slow
@pytest.mark.parametrize("what", WORKS)
def test_what_a_student_may_use_works_in_each_exercise(what: str, workers: Workers, tmp_path: Path) -> None:
    folder = hand_in(tmp_path, WORKS[what])
    answer, child = run(choose(workers, folder), folder)
    assert answer.exception is None, answer.exception
    assert answer.value == 2.0
    assert bool(child.notes) is any(word in what for word in ("with workers", "compile"))
    # No import of a known library is paid for: torch alone takes seconds.
    assert child.cpu() < 1.5


def test_every_package_of_a_students_computer_is_known() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = {re.split(r"[<>=!~ ;\[]", name)[0] for name in table["project"]["dependencies"]}
    assert named == set(PACKAGES), "add it to PACKAGES, and to WARM or NOT_IN_SANDBOX"
    warm = {name.partition(".")[0] for name in WARM}
    assert set(SANDBOX_LIBRARIES) <= warm and not warm & set(NOT_IN_SANDBOX)


@pytest.mark.slow
@pytest.mark.parametrize("name", SANDBOX_LIBRARIES)
def test_every_package_imports_where_its_exercise_does_not_name_it(name: str, workers: Workers, tmp_path: Path) -> None:
    folder = hand_in(tmp_path, f"import {name}\nVALUE = 2.0")
    answer, child = run(choose(workers, folder), folder, memory_mb=500)
    assert answer.value == 2.0, answer.exception
    assert child.cpu() < 1.0


@pytest.mark.slow
def test_the_limit_on_memory_is_about_what_the_code_takes(workers: Workers, tmp_path: Path) -> None:
    folder = hand_in(
        tmp_path, "import torch, torchvision\nimport matplotlib.pyplot\nVALUE = len(bytes(400 << 20)) / (200 << 20)"
    )
    assert run(choose(workers, folder), folder, memory_mb=500)[0].value == 2.0
    folder = hand_in(tmp_path / "more", "import torch\nVALUE = len(bytes(700 << 20))")
    report = run(choose(workers, folder), folder, memory_mb=500)[0].exception
    assert report is not None and report["type"] == "MemoryError"


# The choice of the worker


@pytest.mark.parametrize(
    ("text", "imports", "expected"),
    [
        ("import numpy as np", ["numpy"], False),
        ("import numpy as np", [], False),
        ("import torch", ["numpy"], True),
        ("from torch.utils.data import Dataset", ["numpy", "torch"], False),
        ("import torchvision", ["numpy", "torch"], True),
        ("from PIL import Image", ["PIL.Image"], False),
        ("from exercise_code.common.plotting import show_images", ["exercise_code.common.evaluation"], True),
        ("from ..common import plotting", [], True),
        ("from exercise_code.ex04_solver.optimizer import Optimizer", [], False),
        ("from exercise_code.common.hand_ins.student_id import numbers_of", [], False),
        ("from exercise_code.ex04_solver.pictures import show_line", [], True),
        ("from exercise_code.ex04_solver import pictures", [], True),
        ("# the most common mistake", [], False),
        ("from .pictures import draw", [], True),
        ("from . import (\n    pictures,\n)", [], True),
        ("from .plain import helper", [], False),
        ('"""Two pictures."""', [], False),
    ],
)
def test_the_text_of_a_hand_in_decides_which_worker_it_gets(text: str, imports: list[str], expected: bool) -> None:
    given = {"pictures": b"import matplotlib.pyplot as plt", "plain": b"import math"}
    assert beyond([b"x = 1", text.encode()], imports, given) is expected


@given(strategies.lists(strategies.binary(max_size=200), max_size=4))
def test_any_bytes_are_a_text(texts: list[bytes]) -> None:
    assert beyond(texts, ["numpy"], {}) in (True, False)


def test_only_a_students_own_modules_decide(base: Path, tmp_path: Path) -> None:
    folder = hand_in(tmp_path, "x = 1")
    (folder / "exercise_code" / EXERCISE / "given.py").write_text("import torch")
    workers = Workers(EXERCISE, base, ["numpy"])
    assert choose(workers, folder) is workers.usual
    (folder / "exercise_code" / EXERCISE / "module.py").write_text("from .given import x")
    assert choose(workers, folder) is workers.everything


# Nothing outside decides


def look(code: Any) -> dict[str, Any]:
    import tempfile

    import matplotlib as mpl

    return {"config": mpl.get_configdir(), "cache": mpl.get_cachedir(), "temporary": tempfile.gettempdir()}


@pytest.mark.parametrize("state", ["missing", "there"])
def test_no_folder_of_the_machine_is_asked_for(
    state: str, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a home, a temporary folder or somebody's cache is there and may be written to changes nothing."""
    made = tmp_path / "home"
    if state == "there":
        (made / ".config" / "matplotlib").mkdir(parents=True)
        made.chmod(0o777)
    for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(made))
    folder = hand_in(tmp_path, "VALUE = 2.0")
    with Worker(EXERCISE, base, ["numpy"]) as worker:
        child = worker.fork(folder, memory_mb=2000, cpu_seconds=30)
        seen = child.ask(0, cloudpickle.dumps((look, ())), cpu_seconds=20).value
        child.end()
        assert worker.is_private
    assert all(path.startswith("/scratch/") for path in seen.values()), seen
    assert os.listdir(tmp_path) == ["workspace"] if state == "missing" else made.is_dir()


def ask(child: Child, probe: Callable[..., Any], *inputs: Any) -> Answer:
    return child.ask(0, cloudpickle.dumps((probe, inputs)), cpu_seconds=20)


@pytest.mark.slow
def test_without_namespaces_libraries_find_what_was_prepared(base: Path, tmp_path: Path) -> None:
    """There a hand-in may write nothing at all, and imports work all the same."""
    folder = hand_in(tmp_path, WORKS["plotting"])
    workers = Workers(EXERCISE, base, ["numpy"], namespaces=False)
    for what in ("matplotlib", "plotting", "torch", "torchvision", "a loader with workers", "torch.compile"):
        text = WORKS[what].replace("figure.savefig('plot.png')", "figure.canvas.draw()")
        (folder / "exercise_code" / EXERCISE / "module.py").write_text(
            re.sub(r"\nimport os\nVALUE = .*", "\nVALUE = 2.0", text)
        )
        worker = choose(workers, folder)
        answer, _ = run(worker, folder)
        assert answer.value == 2.0, answer.exception
        assert worker.why_not_private and not worker.is_private
    workers.close()


def could_use_cuda(code: Any) -> list[bool]:
    import torch

    return [bool(torch._C._cuda_isInBadFork()), bool(torch.cuda.is_initialized())]


@pytest.mark.parametrize("which", ["usual", "everything"])
def test_a_worker_leaves_cuda_to_its_children(which: str, base: Path, tmp_path: Path) -> None:
    """CUDA refuses to work in a process whose parent has touched it: as little as counting GPUs is too much."""
    workers = Workers("ex09_keypoints", base, load_exercise("ex09_keypoints").imports)
    try:
        child = getattr(workers, which).fork(hand_in(tmp_path, ""), memory_mb=2000, cpu_seconds=20)
        assert ask(child, could_use_cuda).value == [False, False]
        child.end()
    finally:
        workers.close()
