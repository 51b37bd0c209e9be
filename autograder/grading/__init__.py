"""Grading a class: which hand-ins there are, what each earned, and what changed since the last run."""

from ..fleet.fleets import Fleets, default_jobs, local_fleets
from .aside import BEFORE, forget_told, set_aside, tell
from .keys import course_hash, file_name, result_key, result_path
from .run import Grading, grade_class, grade_folder, grade_found, with_penalty

__all__ = [
    "BEFORE",
    "Fleets",
    "Grading",
    "course_hash",
    "default_jobs",
    "file_name",
    "forget_told",
    "grade_class",
    "grade_folder",
    "grade_found",
    "local_fleets",
    "result_key",
    "result_path",
    "set_aside",
    "tell",
    "with_penalty",
]
