"""What a result depends on, and where it lies."""

import hashlib
import json
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from exercise_code.common.exercise import Exercise

from ..base.settings import Settings, versions
from ..base.stamps import PROJECT, code_files
from ..judging.job import Earlier
from ..sources.cells import graded_cells
from ..sources.exercise import sources

__all__ = ["course_hash", "file_name", "result_key", "result_path"]


def course_hash(exercise: Exercise) -> str:
    """A hash of what a score depends on besides the hand-in, and of nothing else.

    That is: the exercise's tests, solution, points, limits and given code, the reference solutions of the exercises
    that it builds on, and the modules of this project that judge and sandbox are made of or that any of those files
    import. A notebook's text, known answers and what only notebooks use change nothing.
    """
    source = sources(exercise)
    course = source.course.parent
    names = (exercise.id, *exercise.earlier)
    # By their names below these folders: a course that was moved is the same course.
    own = {f"course/{path.relative_to(course)}": path for e in names for path in _below(course / e / "solution")}
    own[f"course/{exercise.id}/test_hidden.py"] = source.course / "test_hidden.py"
    package = exercise.folder.parent
    own |= {f"package/{path.relative_to(package)}": path for e in names for path in _below(package / e)}
    own["package/__init__.py"] = package / "__init__.py"
    # Given code that only a notebook uses counts itself, and not with all that it imports.
    graded = {"test_hidden", "test_visible", "scoring"}
    read = [(n, p) for n, p in own.items() if p.suffix == ".py" and ("/solution/" in n or p.stem in graded)]
    packages = {path: f"exercise_code.{_exercise_of(name, names)}" for name, path in read}
    # What a worker runs is imported by nobody.
    sandbox = [f"autograder.sandbox.{path.stem}" for path in (PROJECT / "autograder" / "sandbox").glob("*.py")]
    code = code_files("autograder.judging.judge", *sandbox, also=packages)
    files = own | {f"project/{path.relative_to(PROJECT)}": path for path in code}
    cells = [(c.grade_id, c.kind, c.points) for c in graded_cells(exercise.id, course)]
    digest = hashlib.sha256(json.dumps(cells).encode())
    for name, path in sorted(files.items()):
        content = path.read_bytes() if path.is_file() else b""
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()


def _exercise_of(name: str, names: tuple[str, ...]) -> str:
    return next((e for e in names if f"/{e}/" in name), names[0])


def _below(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]


def result_path(out: Path, exercise_id: str, student: str, fingerprint_: str) -> Path:
    """Where the result of a hand-in lies."""
    return out / exercise_id / f"{file_name(student)}--{fingerprint_[:12]}.json"


def result_key(
    student: str, fingerprint_: str, course: str, settings: Settings, earlier: Sequence[Earlier] = ()
) -> str:
    """What a result depends on, hashed: another key means that it must be made again."""
    parts: list[object] = [
        student,
        fingerprint_,
        course,
        settings.secret_hash,
        settings.data,
        settings.device,
        settings.unsafe,
    ]
    if settings.hand_in_seconds is not None:
        parts.append(settings.hand_in_seconds)
    if earlier:
        parts.append([[one.exercise, one.digest] for one in earlier])
    return hashlib.sha256(json.dumps([*parts, versions()]).encode()).hexdigest()


def file_name(student: str) -> str:
    """A file name made of a student's id or name: plain characters, short, one to one."""
    # Names come from file names that students choose: whatever is not plain is quoted, and "." never leads.
    name = urllib.parse.quote(student, safe="", errors="backslashreplace").replace(".", "%2E") or "unnamed"
    if len(name) > 80:
        name = f"{name[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return name
