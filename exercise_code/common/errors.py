"""The one exception class of the students' package."""

__all__ = ["CourseError"]


class CourseError(Exception):
    """An error with one clear line: what was expected, what came, what to do."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: a notebook shows the one line, not the way through our code.
        return [f"{type(self).__name__}: {self}"]
