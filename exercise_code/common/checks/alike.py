"""Failed tests that say the same: one mistake is told once, however many tests it fails."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from ..reasons import PLACES, Reason

__all__ = ["alike"]


class _Told(Protocol):
    """What both an outcome of `check` and a result of the grader have."""

    @property
    def visible(self) -> bool: ...
    @property
    def code(self) -> Reason | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def made_call(self) -> str: ...
    @property
    def want(self) -> str: ...
    @property
    def got(self) -> str: ...
    @property
    def hint(self) -> str: ...


T = TypeVar("T", bound=_Told)


def alike(tests: Iterable[T]) -> list[list[T]]:
    """The failed tests in groups that one sentence tells, each in the place of its first test.

    An error on one line of the student's is one mistake whichever call met it, and so is an answer of a wrong type;
    a wrong value is another mistake where it is another value.
    """
    groups: dict[tuple[object, ...], list[T]] = {}
    for test in tests:
        groups.setdefault(_mistake(test), []).append(test)
    return list(groups.values())


def _mistake(test: _Told) -> tuple[object, ...]:
    if test.code is Reason.WRONG_TYPE:
        return test.visible, test.code, test.reason, test.hint
    if test.code in PLACES and test.got:
        return test.visible, test.code, test.reason, test.got, test.hint
    return test.visible, test.code, test.reason, test.made_call, test.want, test.got, test.hint
