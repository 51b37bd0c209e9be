"""`autograder grade`: a folder of hand-ins becomes a folder of results, where it was left off."""

import hashlib
import json
import os
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from exercise_code.common.exercise import PACKAGE, Exercise, load_exercise

from .errors import AutograderError
from .fleet import Fleet
from .intake import find_hand_ins, fingerprint
from .judge import Job
from .results import Result, read_result, write_result
from .settings import Settings, versions
from .variants import sources

__all__ = ["Grading", "default_jobs", "grade_folder"]

MEMORY_OF_A_JUDGE = 2 * 2**30


@dataclass(frozen=True)
class Grading:
    """One step of a run: a hand-in's result, and whether it was graded now or found from an earlier run."""

    job: Job
    result: Result
    path: Path
    fresh: bool


def default_jobs() -> int:
    """As many judges as the machine has cores for, and memory for (2 GB each)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return cores
    return max(1, min(cores, memory // MEMORY_OF_A_JUDGE))


def course_hash(exercise: Exercise) -> str:
    """A hash of everything a score depends on besides the hand-in: tests, solution, given code, this grader."""
    digest = hashlib.sha256()
    source = sources(exercise)
    folders = [source.course, *(source.course.parent / e for e in exercise.earlier)]
    folders += [PACKAGE / "common", PACKAGE / exercise.id, *(PACKAGE / e for e in exercise.earlier)]
    files = [p for folder in folders for p in folder.rglob("*")]
    files += [*Path(__file__).parent.glob("*.py"), *(Path(__file__).parent / "sandbox").glob("*.py")]
    for path in sorted(set(files)):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def grade_folder(
    exercise_id: str,
    submissions: Path,
    out: Path,
    settings: Settings,
    jobs: int | None = None,
    begin: Callable[[int, int], None] | None = None,
) -> Iterator[Grading]:
    """Each hand-in's result, written to `out` as it is done; results that are there already are not made again.

    `begin` is called once with the number of hand-ins and of those still to grade.
    """
    exercise = load_exercise(exercise_id)
    size = default_jobs() if jobs is None else jobs
    if size < 1:
        raise AutograderError(f"expected one judge or more, got --jobs {size}")
    found = find_hand_ins(submissions, exercise)
    _expect_writable(out)
    course = course_hash(exercise)
    todo: list[Job] = []
    places: dict[Job, tuple[Path, str]] = {}
    done: list[Grading] = []
    for job in found:
        print_ = fingerprint(job.path)
        key = _key(job, print_, course, settings)
        path = out / exercise.id / f"{_file_name(job.student)}--{print_[:12]}.json"
        places[job] = path, key
        known = read_result(path)
        if known is not None and known.key == key and not known.failed:
            done.append(Grading(job, known, path, fresh=False))
        else:
            todo.append(job)
    if begin is not None:
        begin(len(found), len(todo))
    yield from done
    with Fleet(exercise.id, settings, min(size, max(1, len(todo)))) as fleet:
        for job, result in fleet.grade(todo):
            path, key = places[job]
            result = result.model_copy(update={"key": key})
            write_result(result, path)
            yield Grading(job, result, path, fresh=True)


def _key(job: Job, hand_in: str, course: str, settings: Settings) -> str:
    parts = [
        job.student,
        job.path.name,
        hand_in,
        course,
        settings.secret_hash,
        settings.data,
        settings.device,
    ]
    return hashlib.sha256(json.dumps([*parts, settings.unsafe, versions()]).encode()).hexdigest()


def _file_name(student: str) -> str:
    # Names come from file names that students choose: whatever is not plain is quoted, and "." never leads.
    name = urllib.parse.quote(student, safe="", errors="backslashreplace").replace(".", "%2E") or "unnamed"
    if len(name) > 80:
        name = f"{name[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return name


def _expect_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise AutograderError(
            f"expected a writable folder for results at {out}: {error.strerror}: name another --out"
        ) from None
