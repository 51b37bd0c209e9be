"""Generators of embedded data: drawn pictures in the shapes and types of the real sets, from numpy and PIL alone."""

from exercise_code.common.embedded.faces import make_faces
from exercise_code.common.embedded.objects import make_objects

__all__ = ["make_faces", "make_objects"]
