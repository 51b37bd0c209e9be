"""`assert_same`, `run_case` and the in-process `observe`: the one test format."""

import random
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import Exercise, load_exercise
from exercise_code.common.testing import (
    Case,
    Code,
    Failure,
    InProcess,
    assert_same,
    cases_of,
    grade,
    load_cases,
    run_case,
    show,
)
from exercise_code.common.wire import Opaque

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | hnp.arrays(np.float32, hnp.array_shapes(max_dims=2, max_side=3), elements=st.floats(-5, 5, width=32)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(plain)
def test_a_value_is_the_same_as_itself(value):
    assert_same(value, value)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (True, 1),
        (1, True),
        (1, 1.0),
        (1.0, 1),
        ([1], (1,)),
        ([1, 2], [1]),
        (None, 0),
        ("1", 1),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": 2}),
        (float("nan"), 1.0),
        (float("nan"), float("nan")),
        (float("inf"), float("inf")),
        (1.001, 1.0),
        ([1.0], np.array([1.0])),
        (np.array([1.0]), [1.0]),
        (np.ones((3, 1)), np.ones(3)),
        (np.ones(1), np.ones(3)),
        (np.ones(3, int), np.ones(3)),
        (np.ones(3), np.ones(3, bool)),
        (np.ones(3, np.uint8), np.ones(3, np.int8)),
        (np.array([1.0, np.nan]), np.array([1.0, np.nan])),
        (np.array([1, 2]), np.array([1, 3])),
        (np.float32(1), 1.0),
        (1.0, np.float32(1)),
        (np.float32(1), np.ones(())),
        (Opaque("x"), Opaque("x")),
        (Opaque("Yes"), 1),
    ],
)
def test_what_is_not_the_same_fails(got, want):
    with pytest.raises(Failure):
        assert_same(got, want)


def test_floats_may_differ_by_the_tolerance_and_by_no_more():
    assert_same(1.0 + 0.9e-5, 1.0)
    assert_same(np.float32([1, 2]), np.array([1.0, 2.0]))
    with pytest.raises(Failure):
        assert_same(1.0 + 2e-5, 1.0)
    assert_same(1.1, 1.0, rtol=0.2)


def test_the_failure_names_the_first_difference():
    with pytest.raises(Failure) as caught:
        assert_same({"x": [np.zeros((2, 2)), 1]}, {"x": [np.eye(2), 1]}, hint="look there")
    failure = caught.value
    assert failure.reason == "at ['x'][0]: 2 of 4 values differ, the first at [0, 0]"
    assert "0.0" in failure.got and "1.0" in failure.want and failure.hint == "look there"


def test_show_keeps_long_values_short():
    assert len(show(list(range(10_000)))) <= 200
    assert show(np.zeros((3, 4))).startswith("array of shape (3, 4), float64")


@pytest.fixture
def exercise(tmp_path, monkeypatch):
    folder = tmp_path / "demo_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "code.py").write_text(
        textwrap.dedent(
            """
            import random
            import numpy as np
            def double(x): return 2 * x
            def fail(x): raise ValueError("no")
            def todo(x): raise NotImplementedError()
            def mutate(x): x.append(1); return x
            def draw(x): return [random.random(), float(np.random.rand())]
            """
        )
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n.split(".")[0] == "demo_package"]:
        monkeypatch.delitem(sys.modules, name)
    return Exercise("demo_package", folder, "Demo", 1, ("code",))


def _case(function) -> Case:
    return Case(function.__name__, function.__grade__, "title", function)


def _run(function, exercise):
    return run_case(_case(function), Code("demo_package"), exercise)


def test_a_right_answer_passes_and_a_wrong_one_says_want_and_got(exercise):
    @grade("x")
    def test_right(observe):
        assert_same(observe(lambda code, x: code.code.double(x), 3), 6)

    @grade("x")
    def test_wrong(observe):
        assert_same(observe(lambda code, x: code.code.double(x), 3), 7)

    assert _run(test_right, exercise).passed
    outcome = _run(test_wrong, exercise)
    assert not outcome.passed and (outcome.want, outcome.got) == ("7", "6")


def test_an_exception_is_a_failure_with_its_place(exercise):
    @grade("x")
    def test_it(observe):
        observe(lambda code: code.code.fail(1))

    outcome = _run(test_it, exercise)
    assert not outcome.passed
    assert outcome.reason == "the code raised ValueError: no"
    assert outcome.got.startswith("code.py, line 5")


def test_an_unwritten_part_says_so(exercise):
    @grade("x")
    def test_it(observe):
        observe(lambda code: code.code.todo(1))

    assert _run(test_it, exercise).reason == "this part is not written yet"


def test_an_answer_that_the_test_cannot_use_is_a_failure(exercise):
    @grade("x")
    def test_it(observe):
        assert observe(lambda code: None)["key"] == 1

    assert "not of the expected form" in _run(test_it, exercise).reason


def test_student_code_cannot_change_the_tests_inputs(exercise):
    inputs = [0]
    observe = InProcess(Code("demo_package"), exercise.folder)
    assert observe(lambda code, x: code.code.mutate(x), inputs) == [0, 1]
    assert inputs == [0]


def test_probes_are_seeded_and_the_callers_random_state_is_kept(exercise):
    observe = InProcess(Code("demo_package"), exercise.folder, seed=5)
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.rand()
    random.seed(1)
    np.random.seed(1)
    first = observe(lambda code: code.code.draw(0))
    assert observe(lambda code: code.code.draw(0)) == first
    assert (random.random(), np.random.rand()) == expected


def test_a_test_without_a_docstring_or_a_file_without_tests_is_refused(tmp_path):
    path = tmp_path / "test_visible.py"
    path.write_text("from exercise_code.common.testing import grade\n@grade('x')\ndef test_a(observe):\n    pass\n")
    with pytest.raises(CourseError, match="no docstring"):
        load_cases(path, "some_tests")
    with pytest.raises(CourseError, match="expected a file of tests"):
        load_cases(tmp_path / "none.py", "none")


def test_cases_come_in_order_and_only_graded_ones(tmp_path):
    path = tmp_path / "test_visible.py"
    path.write_text(
        "from exercise_code.common.testing import grade\n"
        "@grade('b', cpu_seconds=3)\ndef test_b(observe):\n    'B.'\n"
        "def test_helper():\n    'Not graded.'\n"
        "@grade('a')\ndef test_a(observe, rng):\n    'A,\\n    really.'\n"
    )
    cases = load_cases(path, "ordered_tests")
    assert [c.name for c in cases] == ["test_b", "test_a"]
    assert cases[0].grade.cpu_seconds == 3
    assert cases[1].title == "A, really." and cases[1].fixtures == ("observe", "rng")
    assert cases_of.__doc__


def test_an_unknown_exercise_is_one_clear_line():
    with pytest.raises(CourseError, match="expected the id of an exercise"):
        load_exercise("ex99_nothing")
