"""What a result depends on, and where it lies."""

import hashlib
import json
import urllib.parse
from pathlib import Path

from exercise_code.common.exercise import PACKAGE, Exercise

from ..base.settings import Settings, versions
from ..base.stamps import code_files
from ..sources.exercise import sources

__all__ = ["course_hash", "file_name", "result_key", "result_path"]


def course_hash(exercise: Exercise) -> str:
    """A hash of everything a score depends on besides the hand-in: tests, solution, given code, this grader."""
    digest = hashlib.sha256()
    source = sources(exercise)
    here, names = Path(__file__).parent.parent, (exercise.id, *exercise.earlier)
    # By their names below these folders: a course that was moved is the same course.
    course = source.course.parent
    files = {f"course/{p.relative_to(course)}": p for e in names for p in _below(course / e)}
    files |= {f"package/{p.relative_to(PACKAGE)}": p for e in ("common", *names) for p in _below(PACKAGE / e)}
    files["package/__init__.py"] = PACKAGE / "__init__.py"
    files |= {f"autograder/{path.relative_to(here)}": path for path in (here / "sandbox").glob("*.py")}
    files |= {f"grader/{path.relative_to(here.parent)}": path for path in code_files("autograder.judging.judge")}
    for name, path in sorted(files.items()):
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _below(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]


def result_path(out: Path, exercise_id: str, student: str, fingerprint_: str) -> Path:
    """Where the result of a hand-in lies."""
    return out / exercise_id / f"{file_name(student)}--{fingerprint_[:12]}.json"


def result_key(student: str, fingerprint_: str, course: str, settings: Settings) -> str:
    """What a result depends on, hashed: another key means that it must be made again."""
    parts = [student, fingerprint_, course, settings.secret_hash, settings.data, settings.device, settings.unsafe]
    if settings.hand_in_seconds is not None:
        parts.append(settings.hand_in_seconds)
    return hashlib.sha256(json.dumps([*parts, versions()]).encode()).hexdigest()


def file_name(student: str) -> str:
    """A file name made of a student's id or name: plain characters, short, one to one."""
    # Names come from file names that students choose: whatever is not plain is quoted, and "." never leads.
    name = urllib.parse.quote(student, safe="", errors="backslashreplace").replace(".", "%2E") or "unnamed"
    if len(name) > 80:
        name = f"{name[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return name
