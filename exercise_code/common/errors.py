"""The one exception class of the students' package."""

__all__ = ["CourseError", "expect_asserts"]


class CourseError(Exception):
    """An error with one clear line: what was expected, what came, what to do."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: a notebook shows the one line, not the way through our code.
        return [f"{type(self).__name__}: {self}"]


def expect_asserts() -> None:
    """Nothing; a `CourseError` when Python leaves `assert` out, and tests would pass that check nothing."""
    if not __debug__:
        raise CourseError(
            "expected a Python that runs asserts, got one without: start it without -O and without PYTHONOPTIMIZE"
        )
