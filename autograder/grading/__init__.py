"""Grading a class: which hand-ins there are, what each earned, and what changed since the last run."""

from .aside import BEFORE, forget_told, set_aside, tell
from .keys import course_hash, file_name, result_key, result_path
from .run import Fleets, Grading, default_jobs, grade_class, grade_folder, grade_found, local_fleets, with_penalty

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
