"""What of a student's folder goes into the hand-in, and what stays behind, each with its reason."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..archives.entries import MEGABYTE
from ..course_tree import course_root
from ..exercise import Exercise
from ..hand_ins.hand_in import VERSIONS, NotTaken, Place, Rules
from ..hand_ins.rules import PICKLES
from .given import Given, earlier_exercises, is_record, unix_lines

__all__ = ["Collection", "collect", "size_text"]

# What a course folder holds beside a student's work, where its notebooks lie at the top.
_COURSE = frozenset(("exercise_code", "exercises", "datasets", "models", "LICENSE", "Makefile", "README.md"))
_COURSE |= {"constraints.txt", "environment.yml", "pyproject.toml", VERSIONS}
# Kinds of files that given code has; a clone of the course keeps no list of names.
_GIVEN_SUFFIXES = (".py", ".toml", ".json", ".csv", ".txt", ".md")
_NAMED = 8


@dataclass
class Collection:
    """Files to hand in by their names in the zip, what is wrong, and what stays behind without harm."""

    sources: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def collect(exercise: Exercise, folder: Path, given: Given | None) -> Collection:
    """The hand-in of the notebooks in `folder` and of the exercise's package.

    Every file that differs from what was given out and is not handed in is named.
    """
    rules, found = Rules(exercise), Collection()
    for path in sorted([*folder.glob("*.ipynb"), *folder.glob("models/*")]):
        _add(found, path.relative_to(folder).as_posix(), path, rules)
    root = course_root(exercise)
    for path in _files(exercise.folder):
        name = path.relative_to(root).as_posix()
        if isinstance(rules.place(tuple(name.split("/"))), Place):
            _add(found, name, path, rules)
    found.left_out += _changed(exercise, given, found.sources)
    if others := _others(folder, exercise):
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        found.left_out.append(
            f"not handed in: {', '.join(others[:_NAMED])}{more}: a hand-in holds the exercise's notebooks, its "
            f"modules in exercise_code/{exercise.id} and its models"
        )
    return found


def _add(found: Collection, name: str, path: Path, rules: Rules) -> None:
    place = rules.place(tuple(name.split("/")))
    if isinstance(place, NotTaken):
        told = found.problems if path.suffix.lower() in PICKLES else found.left_out
        told.append(f"{name} is left out: {place.reason}")
    elif path.is_file():
        size = path.stat().st_size
        if size > place.limit:
            found.problems.append(_too_large(name, size, place))
        else:
            found.sources[name] = path


def _too_large(name: str, size: int, place: Place) -> str:
    advice = {
        "model": "make the model smaller",
        "notebook": "clear the outputs of large cells and save it",
    }.get(place.kind, "weights belong into models/")
    return f"{name} is left out: it has {size_text(size)}, at most {size_text(place.limit)} are allowed: {advice}"


def size_text(size: int) -> str:
    """A number of bytes in kB or MB."""
    return f"{size / MEGABYTE:.1f} MB" if size >= MEGABYTE else f"{max(size / 1000, 0.1):.1f} kB"


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield path


def _changed(exercise: Exercise, given: Given | None, taken: dict[str, Path]) -> Iterator[str]:
    """A line for each file of the package that is not as it was given out, and is not handed in."""
    root = course_root(exercise)
    earlier = earlier_exercises(exercise)
    theirs = {f"exercise_code/{one.id}/{module}.py" for one in earlier for module in one.modules}
    folders = [exercise.folder] if given is None else [exercise.folder.parent]
    known = {exercise.id, "common", *(one.id for one in earlier)}
    seen: set[str] = set()
    for path in (path for folder in folders for path in _files(folder)):
        name = path.relative_to(root).as_posix()
        seen.add(name)
        inside = name.split("/")
        if name in taken or name in theirs or is_record(name) or (len(inside) > 2 and inside[1] not in known):
            continue
        original = _original(exercise, path, given, name)
        if original is None:
            yield _stays(name, exercise)
        elif unix_lines(path.read_bytes()) != unix_lines(original):
            yield f"the grader uses its own copy of {name}; your change there does not count"
    for name in sorted(set(given.files if given else ()) - seen):
        yield f"{name} is missing in your folder; the grader uses its own copy"


def _original(exercise: Exercise, path: Path, given: Given | None, name: str) -> bytes | None:
    """The file as it was given out; None where it was not."""
    if given is not None:
        return given.files.get(name)
    rules = Rules(exercise)
    ours = path.stem in (*rules.given, "__init__", "conftest", "test_visible") or path.suffix != ".py"
    flat = path.parent == exercise.folder
    return path.read_bytes() if flat and ours and path.suffix in _GIVEN_SUFFIXES else None


def _stays(name: str, exercise: Exercise) -> str:
    if Path(name).name.startswith("test_"):
        return f"{name} is left out: modules whose names begin with test_ are the course's"
    place = Rules(exercise).place(tuple(name.split("/")))
    reason = "the grader has its own copy of this folder"
    if isinstance(place, NotTaken) and not name.startswith("exercise_code/common/"):
        reason = place.reason
    return f"{name} is left out: {reason}"


def _others(folder: Path, exercise: Exercise) -> list[str]:
    """Names of what else lies beside the notebooks."""
    names: list[str] = []
    for path in sorted(folder.iterdir()):
        own = path.name == f"{exercise.id}.zip" or path.name in _COURSE or path.suffix == ".ipynb"
        if not own and not path.name.startswith((".", "__pycache__")) and path.suffix != ".part":
            names.append(f"{path.name}/" if path.is_dir() else path.name)
    return names
