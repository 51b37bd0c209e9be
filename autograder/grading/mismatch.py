"""Hand-ins of another exercise, noticed before they are graded by the tests of this one."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from exercise_code.common.archives.entries import Limits, open_entries
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import Exercise, exercise_ids, load_exercise
from exercise_code.common.hand_ins.hand_in import MAX_ARCHIVE

from ..base.errors import AutograderError
from ..intake.search import Found

__all__ = ["expect_exercise", "looks_like"]


def expect_exercise(exercise: Exercise, found: Sequence[Found]) -> list[tuple[str, str]]:
    """A note for each hand-in that looks like another exercise's; an `AutograderError` where most of them do."""
    others = {one: other for one in found if (other := looks_like(one.path, exercise)) is not None}
    if not others:
        return []
    (likely, count), *_ = Counter(others.values()).most_common(1)
    if 2 * count > len(found):
        example = next(one.file for one, other in others.items() if other == likely)
        raise AutograderError(
            f"expected hand-ins of {exercise.id}, got {count} of {len(found)} that hold files of {likely} and none of "
            f"{exercise.id}, such as {example}: nothing was graded. Use `autograder grade {likely}`, or name "
            "another folder"
        )
    return [(one.file, f"holds files of {other} and none of {exercise.id}") for one, other in others.items()]


def looks_like(path: Path, exercise: Exercise) -> str | None:
    """The exercise whose files a hand-in holds, where it has none of `exercise`; None where nothing speaks for that."""
    try:
        with open_entries(path, Limits(MAX_ARCHIVE)) as entries:
            names = [entry.parts for entry in entries]
    except CourseError:
        return None
    own, package = _files(exercise), exercise.folder.parent
    if any(exercise.id in parts or parts[-1] in own for parts in names):
        return None
    counted = Counter(
        other
        for other in exercise_ids(package)
        if other != exercise.id
        for parts in names
        if other in parts or parts[-1] in _files(load_exercise(other, package))
    )
    return counted.most_common(1)[0][0] if counted else None


def _files(exercise: Exercise) -> frozenset[str]:
    """The names of what students hand in of an exercise."""
    notebooks = [f"{name}.ipynb" for name in exercise.all_notebooks]
    models = [f"{name}.safetensors" for name in exercise.model.files] if exercise.model else []
    return frozenset([*notebooks, *models, *(f"{name}.py" for name in exercise.modules)])
