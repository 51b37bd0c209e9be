"""The metric that docs/new_metric.md writes is found by its name, and does what the page says."""

import re
from pathlib import Path

import pytest
from demo_course import ROOT, copy_of_the_package
from page_example import blocks_of_steps, run_python

PAGE = ROOT / "docs" / "new_metric.md"
NAME = "mae"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what students have of the course, with the page's example in it."""
    root = copy_of_the_package(tmp_path_factory.mktemp("course"))
    file, line = blocks_of_steps("new_metric.md", 2)
    room = root / "exercise_code" / "common" / "metrics"
    (room / f"{NAME}.py").write_text(file, encoding="utf-8")
    known = (room / "known.py").read_text(encoding="utf-8")
    table = "_CLASSES = {\n"
    assert known.count(table) == 1 and line.count("\n") == 1
    (room / "known.py").write_text(known.replace(table, f"{table}    {line}"), encoding="utf-8")
    return root


def run(course: Path, *arguments: str) -> str:
    done = run_python(course, *arguments)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    return done.stdout


def test_the_example_is_found_by_name_and_adds_up_batches(course: Path) -> None:
    said = run(
        course,
        "-c",
        f"""if True:
        import sys
        import numpy as np
        from exercise_code.common.errors import CourseError
        from exercise_code.common.metrics import get_metric, metric_names
        metric = get_metric("{NAME}")
        metric.update([1.0, 2.0], [1.0, 5.0])
        metric.update([0.0], [6.0])
        print(metric.compute(), metric([1.0], [3.0]), metric.compute())
        print("{NAME}" in metric_names(), "torch" in sys.modules)
        for predictions, targets in (np.zeros((2, 1)), np.zeros(2)), (np.zeros(2, int), np.zeros(2)):
            try:
                metric(predictions, targets)
            except CourseError as error:
                print(error)
        """,
    ).splitlines()
    assert said[:2] == ["3.0 2.0 3.0", "True False"]
    assert said[2].startswith(f"{NAME} expected predictions of the targets' shape (2,), got (2, 1)")
    assert said[3] == f"{NAME} expected predictions of a float type, got int64"


def test_the_examples_doctest_runs(course: Path) -> None:
    module = f"exercise_code.common.metrics.{NAME}"
    run(
        course,
        "-c",
        f"import doctest, {module} as m; found = doctest.testmod(m); assert found == (0, 1), found",
    )


def test_the_page_names_what_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    named = re.findall(r"`((?:exercise_code|tests)/[\w./]+)`", page)
    assert [name for name in named if not (ROOT / name).exists()] == [f"exercise_code/common/metrics/{NAME}.py"]
    tests = Path(__file__).with_name("test_metrics.py").read_text(encoding="utf-8")
    assert "def test_batches_give_what_one_batch_gives" in tests and "MALFORMED = " in tests
