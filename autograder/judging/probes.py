"""What is sent to a child: a probe and its inputs, pickled, with what stays the same pickled once."""

import io
import pickle
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType
from typing import Any

import cloudpickle

__all__ = ["ProbePickler"]


class _NotPlain(Exception):
    """Inputs hold a function or a class of the tests', which only cloudpickle sends by value."""


class _PlainPickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """Leave arrays to pickle, and refuse what it would send as the name of something in the tests."""
        if isinstance(value, type | FunctionType | BuiltinFunctionType):
            module = getattr(value, "__module__", None) or ""
            if module.partition(".")[0] not in ("numpy", "builtins"):
                raise _NotPlain
        return NotImplemented


class ProbePickler:
    """Calls of probes, pickled for children; a probe without values of its own once, with the globals it has then."""

    def __init__(self) -> None:
        # With the function itself, so that nothing else comes to have its id.
        self._known: dict[tuple[int, int], tuple[FunctionType, bytes]] = {}

    def dumps(self, probe: Callable[..., Any], inputs: tuple[Any, ...]) -> bytes:
        """A pickle of the probe and one of its inputs where nothing ties them together, else one of both as a pair."""
        pickled = self._probe(probe)
        if pickled is not None:
            plain = io.BytesIO()
            try:
                _PlainPickler(plain, protocol=5).dump(inputs)
                return pickled + plain.getvalue()
            except (_NotPlain, pickle.PicklingError, TypeError, AttributeError):
                pass
        both: bytes = cloudpickle.dumps((probe, inputs))
        return both

    def _probe(self, probe: Callable[..., Any]) -> bytes | None:
        if not isinstance(probe, FunctionType) or any(
            (probe.__closure__, probe.__defaults__, probe.__kwdefaults__, vars(probe))
        ):
            return None
        # A lambda in a test is a new function each time, of the same code.
        key = id(probe.__code__), id(probe.__globals__)
        if key not in self._known:
            self._known[key] = probe, cloudpickle.dumps(probe)
        return self._known[key][1]
