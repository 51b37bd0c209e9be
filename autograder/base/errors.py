"""The one exception class of the instructor's package."""

from exercise_code.common.errors import CourseError

__all__ = ["AutograderError"]


class AutograderError(CourseError):
    """An error of grading itself, with one clear line: what was expected, what came, what to do."""
