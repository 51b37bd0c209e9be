"""From the course's sources to what students get: notebooks without solutions, and stub modules.

One direction, and deterministic: `autograder/course/exNN_topic/N_name.py` (jupytext's percent format) becomes
`exercises/exNN_topic/N_name.ipynb`, and each `solution/*.py` becomes the stub of the same name in
`exercise_code/exNN_topic/`. The committed files are refused by `check` when they are not byte for byte what
`build` gives.

nbgrader and jupytext are imported only where something is really built: they take seconds.
"""

import difflib
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from exercise_code.common.errors import CourseError

from ..base.files import write_whole
from ..base.stamps import code_hash, hash_of
from ..sources.hunt import HUNT
from ..sources.layout import (
    ROOT,
    STUB_MARK,
    course_folder,
    course_ids,
    given_modules,
    notebook_sources,
    solution_sources,
)
from ..sources.validation import validate
from .notebooks import read_script, release, serialise, stub_of

__all__ = ["BuiltFile", "build", "build_command", "check", "orphans", "write"]


@dataclass(frozen=True)
class BuiltFile:
    """A derived file: its path within the project, with forward slashes, and its content."""

    path: str
    content: bytes
    exercise: str


def build(
    course: Path, root: Path, exercises: Iterable[str] | None = None, *, cache: Path | None = None
) -> list[BuiltFile]:
    """The derived files of the exercises (all by default), in memory, sorted by path.

    `cache` names a folder that remembers what was built from which bytes: nbgrader's import alone takes
    longer than a person wants to wait for "nothing to do".
    """
    built: list[BuiltFile] = []
    for exercise in course_ids(course) if exercises is None else exercises:
        key = _key(exercise, course, root)
        files = _recall(cache, exercise, key)
        if files is None:
            files = _build_exercise(exercise, course, root)
            _remember(cache, exercise, key, files)
        built += files
    return sorted(built, key=lambda file: file.path)


def _build_exercise(exercise: str, course: Path, root: Path) -> list[BuiltFile]:
    validate(exercise, course, root)
    files = []
    for path in notebook_sources(exercise, course):
        content = serialise(release(read_script(path)))
        files.append(BuiltFile(f"exercises/{exercise}/{path.stem}.ipynb", content, exercise))
    for path in solution_sources(exercise, course):
        text = stub_of(path, exercise, course)
        files.append(BuiltFile(f"exercise_code/{exercise}/{path.name}", text.encode(), exercise))
    return files


def write(built: Iterable[BuiltFile], root: Path) -> list[str]:
    """Paths of the files that were new or changed; each is replaced in one step, no other is touched."""
    changed = []
    for file in built:
        path = root / file.path
        if path.is_file() and path.read_bytes() == file.content:
            continue
        write_whole(file.content, path, mode=None)
        changed.append(file.path)
    return changed


def check(built: Sequence[BuiltFile], root: Path, exercises: Iterable[str] | None = None) -> list[str]:
    """What is wrong with the committed files, a line each, then the difference of the first stale one.

    `exercises` are the ids that were built; without them, notebooks and stubs of all others are orphans too.
    """
    problems: list[str] = []
    difference: list[str] = []
    for file in built:
        path = root / file.path
        if not path.is_file():
            problems.append(f"missing: {file.path}: run make build")
            continue
        content = path.read_bytes()
        if content == file.content:
            continue
        problems.append(f"stale: {file.path}: not what its source gives; edit that, then run make build")
        difference = difference or _difference(content, file)
    return problems + orphans(built, root, exercises) + difference


def _difference(content: bytes, file: BuiltFile) -> list[str]:
    committed = content.decode("utf-8", "replace").splitlines(keepends=True)
    wanted = file.content.decode().splitlines(keepends=True)
    names = f"{file.path} (committed)", f"{file.path} (built)"
    return [line.rstrip("\n") for line in difflib.unified_diff(committed, wanted, *names, n=2)]


def orphans(built: Sequence[BuiltFile], root: Path, exercises: Iterable[str] | None = None) -> list[str]:
    """A line for each notebook and stub that no source gives; `exercises` limits the search to theirs."""
    known = {file.path for file in built}
    ids = set(exercises) if exercises is not None else None
    found = []
    for path in sorted([*root.glob("exercises/*/*.ipynb"), *root.glob("exercise_code/ex[0-9]*/*.py")]):
        name = path.relative_to(root).as_posix()
        if name in known or (ids is not None and path.parent.name not in ids):
            continue
        # A module without a twin is given code, unless students were once meant to fill it in.
        if path.suffix == ".ipynb" or STUB_MARK in path.read_text(encoding="utf-8", errors="replace"):
            found.append(f"orphaned: {name}: no source in autograder/course gives it; delete it")
    return found


def _key(exercise: str, course: Path, root: Path) -> str:
    """A hash of everything a build of the exercise depends on."""
    package = root / "exercise_code" / exercise
    inputs = [*notebook_sources(exercise, course), *solution_sources(exercise, course)]
    inputs += [course / exercise / "test_hidden.py", package / "exercise.toml", package / "test_visible.py"]
    inputs += given_modules(package, ())
    if (hunt := course / exercise / HUNT).is_file():
        inputs += [hunt, hunt.with_name("wrong.toml")]
    versions = [f"{name} {metadata.version(name)}" for name in ("nbformat", "nbgrader", "jupytext")]
    return hash_of(versions, code_hash(__name__), files=inputs)


def _recall(cache: Path | None, exercise: str, key: str) -> list[BuiltFile] | None:
    if cache is None:
        return None
    try:
        table = json.loads((cache / f"{exercise}.json").read_text(encoding="utf-8"))
        if table["key"] != key:
            return None
        return [BuiltFile(path, text.encode(), exercise) for path, text in table["files"].items()]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def _remember(cache: Path | None, exercise: str, key: str, files: Sequence[BuiltFile]) -> None:
    if cache is not None:
        table = {"key": key, "files": {file.path: file.content.decode() for file in files}}
        write_whole(json.dumps(table, ensure_ascii=False).encode(), cache / f"{exercise}.json")


def build_command(check_only: bool = False, exercises: Sequence[str] = (), *, root: Path = ROOT) -> int:
    """0 when all is in step: writes what changed (or only compares) and prints what it did."""
    course = course_folder()
    ids = list(exercises) or course_ids(course)
    built: list[BuiltFile] = []
    errors: list[str] = []
    for exercise in ids:
        try:
            built += build(course, root, [exercise], cache=root / ".cache" / "build")
        except CourseError as error:
            errors.append(f"error: {error}")
    scope = {file.exercise for file in built} if exercises or errors else None
    if check_only:
        problems = check(built, root, scope)
    else:
        for path in write(built, root):
            print(f"wrote {path}")
        problems = orphans(built, root, scope)
    for line in [*problems, *errors]:
        print(line, file=sys.stderr)
    if not problems and not errors:
        print(f"{len(built)} derived files of {len(ids)} exercises are in step with their sources")
    return 1 if problems or errors else 0
