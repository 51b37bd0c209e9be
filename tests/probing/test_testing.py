"""`assert_same`, `run_case` and the in-process `observe`: the one test format."""

import random
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from exercise_code.common.checks.alike import alike
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import Exercise, load_exercise
from exercise_code.common.probing.cases import Case, cases_of, grade, load_cases
from exercise_code.common.probing.in_process import Code, InProcess
from exercise_code.common.probing.running import run_case
from exercise_code.common.probing.wire import Opaque, decode, encode
from exercise_code.common.reasons import Reason
from exercise_code.common.testing import (
    Failure,
    OddAnswer,
    as_array,
    assert_calls,
    assert_same,
    call,
    each_call,
    resembles,
    show,
)

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


@pytest.mark.parametrize(
    ("got", "want", "reason", "hint"),
    [
        (("a", 1), {"image": "a"}, "expected a dict, got a tuple", ""),
        (np.float64(11), 11, "expected an int, got a numpy.float64", "int(...)"),
        (11.0, 11, "expected an int, got a float", "int(...)"),
        ([1.0], np.ones(1), "expected a numpy array, got a list", "np.stack"),
        (None, 3, "expected an int, got None", "return"),
        (0.125, np.float32(0.125), "expected a numpy.float32, got a float", ""),
        (np.zeros(2, np.uint8), np.zeros(2), "expected floats (float64), got unsigned integers (uint8)", ""),
        (
            decode(encode(np.array([np.zeros(1), np.zeros(2)], object))),
            np.ones(2),
            "expected a numpy array, got an array of objects (dtype object)",
            "one shape",
        ),
    ],
)
def test_a_mistake_of_type_is_told_as_one(got, want, reason, hint):
    with pytest.raises(Failure) as caught:
        assert_same(got, want)
    failure = caught.value
    assert failure.reason == reason and failure.code is Reason.WRONG_TYPE
    assert hint in failure.hint and bool(hint) == bool(failure.hint)


def test_a_hint_is_said_only_where_the_answer_looks_like_its_mistake():
    want = np.array([1.0, 0.5])
    hints = {"not squared": np.array([1, 2]), "not negative": lambda got: got.min() < 0, "broken": lambda got: 1 / 0}
    for got, said in [
        (np.array([1.0, 2.0]), "not squared"),
        (np.array([1, 2], np.uint8), "not squared"),
        (np.array([-1.0, 0.5]), "not negative"),
        (np.array([7.0, 7.0]), ""),
        ("no array at all", ""),
    ]:
        with pytest.raises(Failure) as caught:
            assert_same(got, want, hints=hints)
        assert caught.value.hint == said
    with pytest.raises(Failure) as caught:
        assert_same(np.array([7.0, 7.0]), want, hints=hints, hint="true of any wrong answer")
    assert caught.value.hint == "true of any wrong answer"


@given(plain)
def test_a_value_resembles_itself(value):
    assert resembles(value, value)


def test_what_resembles_has_the_same_numbers_whatever_their_type():
    assert resembles((1, 2.0), [1.0, 2]) and resembles(np.float32([1]), np.array([1]))
    assert resembles({"a": 1, "b": 2}, {"b": 2})
    assert not resembles([1], [1, 2]) and not resembles(np.ones((1, 2)), np.ones(2))
    assert not resembles(Opaque("x"), 1) and not resembles("1", 1) and not resembles(None, 0)
    assert not resembles({"b": 2}, {"a": 1})


LENGTHS = {"len(f(7))": (7, 1), "len(f(9))": (9, 2)}


def test_a_failure_names_the_call_that_was_made():
    got = each_call(lambda n, size: n // size, LENGTHS)
    assert got == {"len(f(7))": 7, "len(f(9))": 4}
    with pytest.raises(Failure) as caught:
        assert_calls(got, dict(zip(LENGTHS, [7, 5], strict=True)), hints={"round up": {"len(f(9))": 4}})
    failure = caught.value
    assert (failure.made_call, failure.want, failure.got) == ("len(f(9))", "5", "4")
    assert failure.hint == "round up" and "at [" not in failure.reason
    with pytest.raises(Failure, match="not all made"):
        assert_calls([7, 5], {"a": 7})


def test_the_innermost_call_is_named_and_a_closed_exception_does_no_harm():
    class Closed(Exception):
        def __setattr__(self, name, value):
            if name == "made_call":
                raise TypeError("closed")
            super().__setattr__(name, value)

    for error in (ValueError("no"), Closed()):
        with pytest.raises(type(error)) as caught, call("outer"), call("inner"):
            raise error
        assert getattr(caught.value, "made_call", "") == ("inner" if isinstance(error, ValueError) else "")


def test_as_array_says_what_came_in_place_of_a_tensor():
    with pytest.raises(OddAnswer, match=r"expected a torch tensor, got a float: leave out .item\(\)"):
        as_array(0.125)
    with pytest.raises(OddAnswer, match="expected a torch tensor, got a numpy array"):
        as_array(np.ones(2))


def _told(reason, code=Reason.DIFFERENT, **facts):
    known = {"visible": True, "made_call": "", "want": "", "got": "", "hint": ""}
    return SimpleNamespace(reason=reason, code=code, **(known | facts))


def test_tests_that_fail_by_one_mistake_are_told_together():
    line = "loader.py, line 3: return 1 / 0"
    raised = [_told("division by zero", Reason.RAISED, got=line, made_call=call) for call in ("a", "b")]
    typed = [_told("expected an int", Reason.WRONG_TYPE, got=got, want=want) for got, want in ("12", "34")]
    values = [_told("the values differ", got="1", made_call=call) for call in ("a", "b")]
    elsewhere = _told("division by zero", Reason.RAISED, got="loader.py, line 9: return 1 / 0")
    mixed = [raised[0], typed[0], values[0], elsewhere, raised[1], values[1], typed[1]]
    assert alike(mixed) == [raised, typed, values[:1], [elsewhere], values[1:]]
    assert alike([_told("x"), _told("x", visible=False)]) == [[_told("x")], [_told("x", visible=False)]]


def test_show_keeps_long_values_short():
    assert len(show(list(range(10_000)))) <= 200
    assert show(np.zeros((3, 4))).startswith("array of shape (3, 4), float64")


@pytest.fixture
def exercise(tmp_path, monkeypatch):
    folder = tmp_path / "ex90_demo"
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
            def pair(x): return (x, 1)
            def read(x):
                from .given import load
                return load(x)
            """
        )
    )
    (folder / "given.py").write_text("def load(path):\n    return open(path)\n")
    (folder / "exercise.toml").write_text("title = 'Demo'\nminutes = 1\nmodules = ['code']\ngiven = ['given']\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n.split(".")[0] == "ex90_demo"]:
        monkeypatch.delitem(sys.modules, name)
    return Exercise("ex90_demo", folder, "Demo", 1, ("code",))


def _case(function) -> Case:
    return Case(function.__name__, function.__grade__, "title", function)


def _run(function, exercise):
    return run_case(_case(function), Code("ex90_demo"), exercise)


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


def test_an_error_in_given_code_names_the_students_line(exercise):
    @grade("x")
    def test_it(observe):
        observe(lambda code: code.code.read("nowhere"))

    outcome = _run(test_it, exercise)
    assert outcome.reason.startswith("the code raised FileNotFoundError")
    assert outcome.got == "code.py, line 12: return load(x)"


def test_an_error_in_the_probe_says_what_the_probe_did(exercise):
    def label(code):
        with call("dataset[0]"):
            sample = code.code.pair(0)
            return sample["label"] + 1

    @grade("x")
    def test_it(observe):
        observe(label)

    outcome = _run(test_it, exercise)
    assert outcome.reason.startswith('`sample["label"]` ends in TypeError: tuple indices must be')
    assert (outcome.kind, outcome.code, outcome.made_call) == ("value", Reason.MALFORMED, "dataset[0]")
    assert "test_testing" not in repr(outcome) and "the code raised" not in repr(outcome)


def test_a_function_that_is_gone_is_named(exercise):
    @grade("x")
    def test_it(observe):
        observe(lambda code: code.code.Missing(3))

    reason = _run(test_it, exercise).reason
    assert reason == "`code.code.Missing` ends in AttributeError: there is no Missing in code.py"


def test_an_odd_answer_is_a_mistake_of_type(exercise):
    @grade("x")
    def test_it(observe):
        observe(lambda code: as_array(code.code.double(0.5)))

    outcome = _run(test_it, exercise)
    assert outcome.reason == "expected a torch tensor, got a float: leave out .item()"
    assert (outcome.code, outcome.got, outcome.kind) == (Reason.WRONG_TYPE, "1.0", "value")


def test_a_call_is_told_with_the_exception_that_came_out_of_it(exercise):
    @grade("x")
    def test_it(observe):
        observe(lambda code: each_call(code.code.fail, {"fail(1)": [1]}))

    outcome = _run(test_it, exercise)
    assert (outcome.made_call, outcome.reason) == ("fail(1)", "the code raised ValueError: no")


def test_an_unwritten_part_says_so(exercise):
    @grade("x")
    def test_it(observe):
        observe(lambda code: code.code.todo(1))

    assert _run(test_it, exercise).reason == "this part is not written yet"


def test_an_answer_that_the_test_cannot_use_is_a_failure(exercise):
    @grade("x")
    def test_it(observe):
        assert observe(lambda code: None)["key"] == 1

    reason = _run(test_it, exercise).reason
    assert reason.startswith('the answer is not of the expected form: `observe(lambda code: None)["key"]` ends in')


def test_student_code_cannot_change_the_tests_inputs(exercise):
    inputs = [0]
    observe = InProcess(Code("ex90_demo"), exercise.folder)
    assert observe(lambda code, x: code.code.mutate(x), inputs) == [0, 1]
    assert inputs == [0]


def test_probes_are_seeded_and_the_callers_random_state_is_kept(exercise):
    observe = InProcess(Code("ex90_demo"), exercise.folder, seed=5)
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
