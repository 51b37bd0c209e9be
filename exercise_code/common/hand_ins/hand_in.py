"""The rules of a hand-in, for `submit` and for the grader: what is taken, what is ignored, what is refused.

Whoever hands in is trusted with nothing: only names that the exercise asks for, and plain names of modules
beside them, are ever written, and of each file at most its limit is read.
"""

import hashlib
import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..archives.entries import MEGABYTE, HandInError, Limits, open_entries, printable
from ..errors import CourseError
from ..exercise import Exercise
from ..reasons import Reason
from .model_file import ModelInfo, TensorInfo, inspect_model
from .notes import Note
from .placing import Survey, parse_json, survey
from .rules import MAX_MODEL_JSON, MAX_MODULE, MAX_MODULES_TOTAL, MAX_NOTEBOOK, VERSIONS, NotTaken, Place, Rules
from .student_id import fault_of, read_id

__all__ = [
    "MAX_ARCHIVE",
    "MAX_MODEL_JSON",
    "MAX_MODULE",
    "MAX_MODULES_TOTAL",
    "MAX_NOTEBOOK",
    "VERSIONS",
    "HandIn",
    "HandInError",
    "ModelInfo",
    "NotTaken",
    "Note",
    "Place",
    "ReadHandIn",
    "Rules",
    "TensorInfo",
    "archive_limits",
    "inspect_model",
    "open_handin",
    "read_handin",
]

MAX_ARCHIVE = 100 * MEGABYTE


@dataclass(frozen=True)
class HandIn:
    """A checked hand-in: `folder` holds the files that were taken, in the hand-in layout, and no others."""

    exercise_id: str
    folder: Path
    notebooks: tuple[str, ...]
    modules: tuple[str, ...]
    extra_modules: tuple[str, ...]
    models: tuple[str, ...]
    sizes: dict[str, int]
    """Bytes of each taken file by its name in the hand-in layout."""
    notes: tuple[Note, ...]
    """What is said of the files that were not taken, or not under their own names."""
    missing: tuple[str, ...]
    digest: str
    """SHA-256 over names and contents of the taken files."""

    @property
    def package(self) -> Path:
        """The folder with the student's modules."""
        return self.folder / "exercise_code" / self.exercise_id

    @property
    def student_id(self) -> str | None:
        """Whose numbers it answers, where the exercise's differ from student to student."""
        return read_id(self.package)

    @property
    def ignored(self) -> tuple[tuple[str, str], ...]:
        """Names that were not taken, each with the reason."""
        return tuple(sorted((n.name, n.reason) for n in self.notes if n.code in (Reason.IGNORED, Reason.NOT_TAKEN)))

    @property
    def problems(self) -> tuple[str, ...]:
        """What somebody should look at, in words: a model over its limit, a broken notebook, a page of answers."""
        return tuple(note.text for note in self.notes if note.code is Reason.NOT_TAKEN)


@dataclass(frozen=True)
class ReadHandIn:
    """Contents of a hand-in's files by their names in the hand-in layout, and what is said of the others."""

    files: dict[str, bytes]
    notes: tuple[Note, ...]


def archive_limits(rules: Rules) -> Limits:
    """What an archive with a hand-in may have."""
    return Limits(MAX_ARCHIVE + rules.model_limit)


def open_handin(
    path: Path,
    exercise: Exercise,
    into: Path,
    student_modules: Collection[str] | None = None,
    grade_ids: Mapping[str, Collection[str]] | None = None,
) -> HandIn:
    """The hand-in in a zip, a tar or a folder, its accepted files written into the new or empty folder `into`.

    The grader names the `student_modules`; every other module of its own copy of the exercise is given then. It knows
    the `grade_ids` of each notebook too, and finds notebooks by them. On a student's computer the modules come from
    `exercise.toml`. A damaged archive, or one in which nothing can be taken, raises `HandInError` and leaves `into` as
    it was; a path that is not there, or a full disk, raises a plain `CourseError`.
    """
    rules = Rules(exercise, student_modules, grade_ids)
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise CourseError(f"expected a new or empty folder to unpack into, got {into}: choose another")
    made = not into.exists()
    limits = archive_limits(rules)
    with open_entries(path, limits) as entries:
        try:
            into.mkdir(parents=True, exist_ok=True)
            return _take(survey(entries, rules, limits), rules, into)
        except BaseException as error:
            _clear(into, remove=made)
            if isinstance(error, OSError):
                reason = error.strerror or str(error)
                raise CourseError(f"could not unpack {printable(path.name)} into {into}: {reason}") from None
            raise


def read_handin(
    path: Path,
    exercise: Exercise,
    student_modules: Collection[str] | None = None,
    kinds: Collection[str] = ("module", "extra"),
    grade_ids: Mapping[str, Collection[str]] | None = None,
) -> ReadHandIn:
    """The contents of the accepted files of these kinds; nothing is written anywhere.

    The rules are those of `open_handin`, and so are the errors.
    """
    rules = Rules(exercise, student_modules, grade_ids)
    limits = archive_limits(rules)
    with open_entries(path, limits) as entries:
        found = survey(entries, rules, limits)
        files = {place.target: data for place, data in _accepted(found, kinds)}
        return ReadHandIn(files, tuple(found.notes))


def _clear(folder: Path, remove: bool) -> None:
    for child in list(folder.iterdir()) if folder.is_dir() else []:
        shutil.rmtree(child, ignore_errors=True) if child.is_dir() else child.unlink(missing_ok=True)
    if remove:
        shutil.rmtree(folder, ignore_errors=True)


def _accepted(found: Survey, kinds: Collection[str] | None = None) -> Iterator[tuple[Place, bytes]]:
    """Places and contents, one after the other; what is too large or broken becomes a note."""
    sources = 0
    # Modules that are graded come before extra ones, which then get what is left of the common limit.
    for target, (place, entry) in sorted(found.placed.items(), key=lambda p: (p[1][0].kind == "extra", p[0])):
        if kinds is not None and place.kind not in kinds:
            continue
        is_source = place.kind in ("module", "extra")
        # Of a thousand modules no more is read than they may have in all.
        data = entry.read(place.limit) if not is_source or sources <= MAX_MODULES_TOTAL else b""
        sources += len(data) if is_source else 0
        fault = _fault(place, data)
        if is_source and sources > MAX_MODULES_TOTAL and not fault:
            fault = f"the modules are over {MAX_MODULES_TOTAL // 1024} KB in all: weights belong into models/"
        if not fault:
            yield place, data
        elif place.kind != "versions":
            found.notes.append(Note(Reason.NOT_TAKEN, f"{target} is not taken: {fault}", target, fault))


def _take(found: Survey, rules: Rules, into: Path) -> HandIn:
    if all(place.kind in ("versions", "id") for place, _ in found.placed.values()):
        raise HandInError(_nothing_here(rules, found.notes))
    taken: dict[str, int] = {}
    kinds: dict[str, list[str]] = {"notebook": [], "module": [], "extra": [], "model": [], "versions": [], "id": []}
    contents: dict[str, str] = {}
    for place, data in _accepted(found):
        target = into / place.target
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(data)
        taken[place.target] = len(data)
        contents[place.target] = hashlib.sha256(data).hexdigest()
        kinds[place.kind].append(target.name if place.kind == "model" else target.stem)
    digest = hashlib.sha256(json.dumps(sorted(contents.items())).encode()).hexdigest()
    groups = {kind: tuple(sorted(names)) for kind, names in kinds.items()}
    return HandIn(
        exercise_id=rules.exercise.id,
        folder=into,
        notebooks=groups["notebook"],
        modules=groups["module"],
        extra_modules=groups["extra"],
        models=groups["model"],
        sizes=dict(sorted(taken.items())),
        notes=tuple(found.notes),
        missing=rules.missing(taken),
        digest=digest,
    )


def _nothing_here(rules: Rules, notes: list[Note]) -> str:
    first = f"{rules.exercise.notebooks[0]}.ipynb" if rules.exercise.notebooks else "notebooks"
    # What was meant to be taken comes first.
    notes = sorted(notes, key=lambda note: note.code is not Reason.NOT_TAKEN)
    names = ", ".join(note.name for note in notes[:3]) + (", ..." if len(notes) > 3 else "")
    name = rules.exercise.id
    told = f" ({notes[0].reason})" if notes and notes[0].code is Reason.NOT_TAKEN else ""
    wanted = f"{first} or exercise_code/{name}/"
    got = names or "nothing in it"
    return f'expected a hand-in of {name} with {wanted}, got {got}{told}: make the zip with submit("{name}")'


def _fault(place: Place, data: bytes) -> str:
    if len(data) > place.limit:
        limit = f"{place.limit / MEGABYTE:g} MB" if place.limit >= MEGABYTE else f"{place.limit // 1024} KB"
        return f"it is larger than {limit}"
    if place.kind == "notebook":
        return _notebook_fault(data)
    if place.kind == "id":
        return fault_of(data)
    if place.target.endswith(".json"):
        value = parse_json(data)
        what = "versions" if place.kind == "versions" else "hyperparameters"
        return "" if isinstance(value, dict) else f"expected a JSON object of {what}"
    return ""


def _notebook_fault(data: bytes) -> str:
    notebook = parse_json(data)
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        return "it is not a readable notebook: open it in JupyterLab and save it again"
    if notebook.get("nbformat") != 4:
        return f"expected a notebook of nbformat 4, got {str(notebook.get('nbformat'))[:20]}: save it again"
    if not all(isinstance(cell, dict) for cell in notebook["cells"]):
        return "its cells are damaged: open it in JupyterLab and save it again"
    return ""
