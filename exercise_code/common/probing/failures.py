"""A test that failed, in words: what was expected, what came, and which call was made."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from ..reasons import Reason

__all__ = ["Failure", "Kind", "OddAnswer", "call", "call_of", "each_call"]

Kind = Literal["value", "exception", "sandbox"]
_CODES: dict[Kind, Reason] = {"value": Reason.DIFFERENT, "exception": Reason.RAISED, "sandbox": Reason.DIED}


class Failure(AssertionError):
    """A test that failed: the reason in words and, where there are any, the call, `want`, `got` and a hint.

    `kind` is "value" for a wrong answer, "exception" for code that raised, and "sandbox" for code that
    died, hung, overdrew or answered garbage: it decides what may be read of a hidden test. `code` says why.
    """

    def __init__(
        self,
        reason: str,
        *,
        want: str = "",
        got: str = "",
        hint: str = "",
        kind: Kind = "value",
        exception_type: str = "",
        code: Reason | None = None,
        made_call: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason, self.want, self.got, self.hint = reason, want, got, hint
        self.kind, self.exception_type = kind, exception_type
        self.code = code or _CODES[kind]
        self.made_call = made_call


class OddAnswer(Exception):
    """Raised by a probe that cannot go on with what the student's code returned: it is of another type.

    `reason` says what was expected and what came, `got` shows it.
    """

    def __init__(self, reason: str, got: str = "") -> None:
        super().__init__(reason)
        self.reason, self.got = reason, got


@contextmanager
def call(text: str) -> Iterator[None]:
    """Name the call that is made inside, such as `len(DataLoader(7 samples, batch_size=1))`.

    A student reads it with whatever fails inside: a wrong answer, an exception, a time-out. Put it around `observe`
    and `assert_same` in a test, or around one of several calls in a probe; the innermost name counts.
    """
    try:
        yield
    except Exception as error:
        if not call_of(error):
            # A student's own exception may refuse attributes.
            with contextlib.suppress(Exception):
                error.made_call = text  # type: ignore[attr-defined]
        raise


def call_of(error: BaseException) -> str:
    """The call that an exception came out of, "" where nobody named it."""
    text = getattr(error, "made_call", "")
    return text if type(text) is str else ""


def each_call(function: Callable[..., Any], calls: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """What `function` returns for each of several calls, for a probe: label -> arguments becomes label -> answer.

    The labels are what a student reads. `assert_calls` compares such answers:

        LENGTHS = {
            "len(DataLoader(7 samples, batch_size=1))": (7, 1),
            "len(DataLoader(9 samples, batch_size=2))": (9, 2),
        }

        def lengths(code, calls):
            return each_call(lambda n, size: code.dataloader.DataLoader(Recorder(n), size).__len__(), calls)

        got = observe(lengths, LENGTHS)
        assert_calls(got, dict(zip(LENGTHS, [7, 5])))
    """
    answers = {}
    for text, arguments in calls.items():
        with call(text):
            answers[text] = function(*arguments)
    return answers
