"""What a judge sends to a child: the same call as cloudpickle's, with each probe pickled once."""

import io
import math
import pickle
import sys
from dataclasses import dataclass
from fractions import Fraction
from types import FunctionType, ModuleType

import cloudpickle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from autograder.judging.probes import ProbePickler

SCALE = 3


@dataclass
class Point:
    """An input of a kind that only this file knows."""

    x: int


def scaled(_code, value):
    """A probe with a global and a helper."""
    return SCALE * _identity(value)


def _identity(value):
    return value


def is_point(_code, value):
    """True where the class that came with the input is the one that the probe names."""
    return isinstance(value, Point)


@pytest.fixture(autouse=True)
def _by_value():
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    yield
    cloudpickle.unregister_pickle_by_value(module)


def received(data: bytes):
    """Probe and inputs as a child reads them."""
    stream = io.BytesIO(data)
    call = pickle.load(stream)
    probe, inputs = call if isinstance(call, tuple) else (call, pickle.load(stream))
    assert stream.read() == b""
    return probe, inputs


def modules_looked_up(data: bytes) -> set[str]:
    """Modules that somebody who unpickles these bytes takes something from."""
    found = set()

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            found.add(module)
            return super().find_class(module, name)

    stream = io.BytesIO(data)
    while stream.tell() < len(data):
        Reader(stream).load()
    return found


def ask(pickler: ProbePickler, probe, *inputs):
    """What the probe answers where it arrives."""
    probe, inputs = received(pickler.dumps(probe, inputs))
    return probe(None, *inputs)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.fractions()
    | st_numpy.arrays(st_numpy.scalar_dtypes(), st_numpy.array_shapes(max_dims=3, max_side=4), fill=st.nothing()),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(plain)
def test_inputs_arrive_as_cloudpickle_would_send_them(value):
    _, (got,) = received(ProbePickler().dumps(scaled, (value,)))
    # Bytes tell more than ==: types, signs of zero, NaN's.
    assert cloudpickle.dumps(got) == cloudpickle.dumps(cloudpickle.loads(cloudpickle.dumps(value)))


def test_a_probe_is_pickled_once_and_works_each_time(monkeypatch):
    pickler, calls = ProbePickler(), []
    dumps = cloudpickle.dumps
    monkeypatch.setattr("autograder.judging.probes.cloudpickle.dumps", lambda what: calls.append(what) or dumps(what))
    assert [ask(pickler, scaled, value) for value in (1, 2.5, 7)] == [3, 7.5, 21]
    assert calls == [scaled]


def test_a_class_of_the_tests_is_one_class_in_probe_and_inputs():
    pickler = ProbePickler()
    assert ask(pickler, is_point, Point(1)) is True
    assert ask(pickler, is_point, 1) is False
    # And nothing of it is looked up in a module, which in a child may be the hand-in's.
    for inputs in ((Point(1),), (Point,), (_identity,), ([{"deep": (Point(2),)}],)):
        assert __name__ not in modules_looked_up(pickler.dumps(scaled, inputs))
    assert __name__ in modules_looked_up(pickle.dumps(Point(1)))


def test_a_probe_with_values_of_its_own_is_told_from_its_twins():
    pickler = ProbePickler()

    def adds(number):
        return lambda _code, value: value + number

    def defaults(number):
        def probe(_code, value, more=number):
            return value + more

        return probe

    assert [ask(pickler, adds(n), 1) for n in (1, 10)] == [2, 11]
    assert [ask(pickler, defaults(n), 1) for n in (1, 10)] == [2, 11]


def test_equal_code_in_two_files_keeps_its_own_globals():
    pickler = ProbePickler()
    asked = []
    for scale in (2, 5):
        module = ModuleType("elsewhere")
        module.SCALE, module._identity = scale, _identity
        asked.append(ask(pickler, FunctionType(scaled.__code__, vars(module)), 1))
    assert asked == [2, 5]


@pytest.mark.parametrize("value", [math.sqrt, np.mean, np.float64, Fraction(1, 3), math, print, int])
def test_what_has_a_name_of_its_own_arrives_as_itself(value):
    assert received(ProbePickler().dumps(scaled, (value,)))[1] == (value,)
