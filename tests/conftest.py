"""Environment and fixtures of the project tests: embedded data, no secret, no display."""

import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SLOWEST_FIRST = (
    *("test_gates_verify", "test_hostile", "test_gates_notebooks", "test_cluster", "test_fleet", "test_nbgrader"),
    *("test_one_score", "test_resume", "test_failures", "test_judge", "test_grading", "test_environment"),
    *("test_regrade", "test_gradebook", "test_verify", "test_new", "test_gates_answers", "test_nbgrader_hostile"),
    *("test_determinism", "test_style", "test_growing_class", "test_exchange", "test_formgrader"),
)
KEPT_SECONDS = 3 * 24 * 3600


def _data_folder() -> Path:
    """A folder for generated data, kept between runs until the code that generates it changes."""
    digest = hashlib.sha256()
    for source in sorted((ROOT / "exercise_code" / "common" / "datasets").rglob("*.py")):
        digest.update(source.read_bytes())
    folder = ROOT / ".cache" / "test-data" / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    folder.touch()
    for other in folder.parent.iterdir():
        # Not at once: another run, on another branch of the code, may be using it.
        if time.time() - other.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def pytest_configure() -> None:
    # In the environment, not in a fixture: the tests start workers, kernels and commands that inherit it.
    os.environ["DATASETS_SOURCE"] = "embedded"
    os.environ["DATASETS_DIR"] = str(_data_folder())
    os.environ["MPLBACKEND"] = "Agg"
    os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each process has a core to itself: more threads than cores wait for each other, and burn as much again.
        os.environ["OMP_NUM_THREADS"] = "1"
    for name in ("AUTOGRADER_SECRET", "AUTOGRADER_COURSE", "COURSE_MAX_STEPS"):
        os.environ.pop(name, None)
    if mirror := os.environ.get("DATASETS_MIRROR"):
        folder = Path(mirror).expanduser()
        if folder.is_dir():
            os.environ["DATASETS_MIRROR"] = str(folder.resolve())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """A file's tests share what they set up, so they run in one process; the gates of two exercises share nothing."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFileAndExercise(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file, _, rest = nodeid.partition("::")
            by_exercise = "test_gates" in file or "test_one_score" in file
            exercise = re.search(r"ex\d\d_[a-z0-9_]+", rest) if by_exercise else None
            return f"{file} {exercise[0]}" if exercise else file

    return ByFileAndExercise(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Those that take minutes first: begun last, one of them would keep all others waiting.
    slow = {name: number for number, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: slow.get(item.path.stem, len(slow)))
    for name, (is_here, reason) in NEEDED.items():
        marked = [item for item in items if item.get_closest_marker(name)]
        if marked and not is_here():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason=reason))


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _has_walls() -> bool:
    from autograder.sandbox.walls import landlock_abi

    return sys.platform == "linux" and landlock_abi() >= 1


NEEDED = {
    "gpu": (_has_gpu, "no CUDA device on this machine"),
    "walls": (_has_walls, "the sandbox needs Linux with Landlock"),
}


@pytest.fixture(autouse=True)
def _no_trace_of_nbgrader() -> Iterator[None]:
    """Tests may run nbgrader's steps in their own process, and it leaves its mark there: `check` would see it."""
    yield
    os.environ.pop("NBGRADER_EXECUTION", None)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The repository's folder."""
    return ROOT


@pytest.fixture(scope="module")
def small_course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The small exercise of `demo_course` in place of the course's, for a file's tests and the processes they start."""
    from demo_course import in_place_of_the_course

    with in_place_of_the_course(tmp_path_factory.mktemp("small") / "project") as demo:
        yield demo


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data sets that DATASETS_MIRROR names; without one the test is skipped."""
    named = os.environ.get("DATASETS_MIRROR", "")
    if not named or not Path(named).is_dir():
        pytest.skip("DATASETS_MIRROR names no folder with the real data sets")
    return Path(named)


@pytest.fixture(scope="session")
def browser() -> Path:
    """The path of a Chromium; without one the test is skipped."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    pytest.skip("no Chromium on this machine: `make browser` installs it where it can")
