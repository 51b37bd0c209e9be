"""Why a test failed or a file was not graded, as data beside the English sentence: code decides by these alone."""

from enum import StrEnum

__all__ = ["PLACES", "UNREADABLE_ERRORS", "Reason"]


class Reason(StrEnum):
    """The kind of a failure or a note; its sentence stands beside it and may change at any time."""

    DIFFERENT = "different"
    """The answer has another value, type or shape than expected; the sentence says which."""
    WRONG_TYPE = "wrong_type"
    """The answer has another type than expected; the sentence says which."""
    GENERIC = "generic"
    """The answer is wrong, and the sentence says no more than that."""
    MALFORMED = "malformed"
    """The answer is not of a form that could be compared."""
    NOT_WRITTEN = "not_written"
    """The stub is still there."""
    RAISED = "raised"
    """The code raised an exception."""
    UNREADABLE = "unreadable"
    """Python cannot read or import a module."""
    DIED = "died"
    """The code ended its process, or answered what cannot travel."""
    TIMED_OUT = "timed_out"
    """The code used more time than a test has."""
    OVERDREW = "overdrew"
    """The code used more memory, disk, threads or bytes than a hand-in has."""
    NOT_RUN = "not_run"
    """The test was not run: an earlier one of its task or module had shown that it would not end."""
    NO_MODEL = "no_model"
    """The model's file is not in the hand-in."""
    REFUSED = "refused"
    """The hand-in as a whole was refused."""
    MISSING = "missing"
    """A file that belongs to the exercise is not in the hand-in."""
    NOT_TAKEN = "not_taken"
    """A file would have been graded, but for what the sentence says: somebody should look at it."""
    MOVED = "moved"
    """A file was taken though it lay elsewhere or had another name."""
    IGNORED = "ignored"
    """A file is no part of the exercise."""
    LEFT_OUT = "left_out"
    """A file of the student's own that the hand-in leaves out."""


UNREADABLE_ERRORS = frozenset(("SyntaxError", "IndentationError", "TabError", "ImportError", "ModuleNotFoundError"))

# After these a test's `got` is a place in the student's file, not a value.
PLACES = frozenset((Reason.RAISED, Reason.UNREADABLE, Reason.NOT_WRITTEN, Reason.TIMED_OUT))
