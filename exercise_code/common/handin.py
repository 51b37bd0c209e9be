"""The rules of a hand-in, for `submit` and for the grader: what is taken, what is ignored, what is refused.

Whoever hands in is trusted with nothing: only names that the exercise asks for, and plain names of modules
beside them, are ever written, and of each file at most its limit is read.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .archive import MEGABYTE, Entry, HandInError, open_entries, printable
from .errors import CourseError
from .exercise import Exercise
from .modelfile import ModelInfo, TensorInfo, inspect_model

__all__ = [
    "VERSIONS",
    "HandIn",
    "HandInError",
    "ModelInfo",
    "Place",
    "Rules",
    "TensorInfo",
    "inspect_model",
    "open_handin",
    "read_handin",
]

MAX_NOTEBOOK = 10 * MEGABYTE
MAX_MODULE = 256 * 1024
MAX_MODULES_TOTAL = 1024 * 1024
MAX_MODEL_JSON = 64 * 1024
# What `submit` says of the Python that a hand-in was written with; taken silently, and no hand-in needs it.
VERSIONS = "versions.json"
MAX_VERSIONS = 16 * 1024
MAX_ARCHIVE = 100 * MEGABYTE

_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".p", ".ckpt", ".joblib", ".bin", ".npy", ".npz")
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_LAYOUT = ("exercise_code", "models", "exercises")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\.py")
_ALWAYS_GIVEN = ("__init__.py", "conftest.py", "exercise.toml")
_GIVEN = "a given file: the grader uses its own copy"
_PICKLE = "pickles are never loaded: save the model with save_model as .safetensors"
_OTHER = "not part of a hand-in"


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
    ignored: tuple[tuple[str, str], ...]
    """Names that were not taken, each with the reason."""
    problems: tuple[str, ...]
    """What probably costs points, in words: a model over its limit, a broken notebook, a pickle."""
    missing: tuple[str, ...]
    digest: str
    """SHA-256 over names and contents of the taken files."""

    @property
    def package(self) -> Path:
        """The folder with the student's modules."""
        return self.folder / "exercise_code" / self.exercise_id


@dataclass(frozen=True)
class Place:
    """Where a file belongs: its name in the hand-in layout, its kind and its size limit."""

    target: str
    kind: str
    limit: int


def open_handin(path: Path, exercise: Exercise, into: Path, student_modules: Collection[str] | None = None) -> HandIn:
    """The hand-in in a zip or a folder, its accepted files written into the new or empty folder `into`.

    The grader names the `student_modules`; every other module of its own copy of the exercise is given then.
    On a student's computer both come from `exercise.toml`. A hostile or damaged zip raises `HandInError` and
    leaves `into` as it was; a path that is not there, or a full disk, raises a plain `CourseError`.
    """
    rules = Rules(exercise, student_modules)
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise CourseError(f"expected a new or empty folder to unpack into, got {into}: choose another")
    made = not into.exists()
    with open_entries(path, MAX_ARCHIVE + rules.model_limit) as entries:
        try:
            into.mkdir(parents=True, exist_ok=True)
            return _take(_from_project(_rooted(entries), exercise), rules, into)
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
) -> dict[str, bytes]:
    """Contents of the accepted files of these kinds, by name in the hand-in layout; nothing is written anywhere.

    The rules are those of `open_handin`, and so are the errors; a file that is too large is left out.
    """
    rules = Rules(exercise, student_modules)
    with open_entries(path, MAX_ARCHIVE + rules.model_limit) as entries:
        placed = [(rules.place(e.parts), e) for e in _from_project(_rooted(entries), exercise) if not e.refusal]
        wanted = [(place, e) for place, e in placed if isinstance(place, Place) and place.kind in kinds]
        _refuse_twins(wanted)
        found: dict[str, bytes] = {}
        sources = 0
        for place, entry in sorted(wanted, key=lambda p: (p[0].kind == "extra", p[0].target)):
            data = entry.read(place.limit)
            if _fault(place, data):
                continue
            sources += len(data) if place.kind in ("module", "extra") else 0
            if sources <= MAX_MODULES_TOTAL:
                found[place.target] = data
        return found


def _clear(folder: Path, remove: bool) -> None:
    for child in list(folder.iterdir()) if folder.is_dir() else []:
        shutil.rmtree(child, ignore_errors=True) if child.is_dir() else child.unlink(missing_ok=True)
    if remove:
        shutil.rmtree(folder, ignore_errors=True)


class Rules:
    """Which names an exercise takes, and why it does not take the others."""

    def __init__(self, exercise: Exercise, student_modules: Collection[str] | None = None) -> None:
        self.exercise = exercise
        self.modules = tuple(sorted(exercise.modules if student_modules is None else student_modules))
        given = set(exercise.given)
        if student_modules is not None:
            given |= {p.stem for p in exercise.folder.glob("*.py")}
        self.given = given - set(self.modules)
        self.models = exercise.model.files if exercise.model else ()
        self.model_limit = int((exercise.model.max_size_mb if exercise.model else 0) * MEGABYTE)

    def place(self, parts: tuple[str, ...]) -> Place | str:
        """The file's place, or the reason why it is not taken."""
        name, suffix = parts[-1], Path(parts[-1]).suffix.lower()
        if len(parts) == 1:
            return self._root(name, suffix)
        if parts[0] == "models":
            return self._model(name, suffix) if len(parts) == 2 else "models/ takes no folders"
        if parts[0] == "exercise_code":
            if len(parts) > 2 and parts[1] not in ("common", self.exercise.id):
                return f"belongs to another exercise than {self.exercise.id}"
            if len(parts) < 3 or parts[1] == "common":
                return _GIVEN
            return self._module(name) if len(parts) == 3 else "modules are taken without subfolders"
        return _OTHER

    def _root(self, name: str, suffix: str) -> Place | str:
        if suffix == ".ipynb":
            if name.removesuffix(".ipynb") in self.exercise.all_notebooks:
                return Place(name, "notebook", MAX_NOTEBOOK)
            return f"not a notebook of {self.exercise.id}"
        if name == VERSIONS:
            return Place(name, "versions", MAX_VERSIONS)
        if name.removesuffix(".py") in self.modules:
            return f"expected under exercise_code/{self.exercise.id}/"
        if suffix in _PICKLES:
            return self._model(name, suffix)
        return "an archive inside the hand-in is not opened" if suffix in _ARCHIVES else _OTHER

    def _module(self, name: str) -> Place | str:
        target = f"exercise_code/{self.exercise.id}/{name}"
        stem = name.removesuffix(".py")
        if stem in self.modules and name.endswith(".py"):
            return Place(target, "module", MAX_MODULE)
        if stem in self.given or stem.startswith("test_") or name in _ALWAYS_GIVEN:
            return _GIVEN
        if name.endswith(".py"):
            return Place(target, "extra", MAX_MODULE) if _MODULE.fullmatch(name) else "not a module's name"
        return "only .py modules are taken here"

    def _model(self, name: str, suffix: str) -> Place | str:
        if suffix in _PICKLES:
            return _PICKLE
        if not self.models:
            return f"{self.exercise.id} asks for no model"
        if Path(name).stem not in self.models or suffix not in (".safetensors", ".json"):
            return f"{self.exercise.id} asks for {', '.join(f'models/{m}.safetensors' for m in self.models)}"
        weights = suffix == ".safetensors"
        return Place(f"models/{name}", "model", self.model_limit if weights else MAX_MODEL_JSON)

    def missing(self, taken: Collection[str]) -> tuple[str, ...]:
        """Names that the exercise asks for and the hand-in lacks."""
        wanted = [f"{n}.ipynb" for n in self.exercise.notebooks]
        wanted += [f"exercise_code/{self.exercise.id}/{m}.py" for m in self.modules]
        wanted += [f"models/{m}{suffix}" for m in self.models for suffix in (".safetensors", ".json")]
        return tuple(name for name in wanted if name not in taken)


def _take(entries: list[Entry], rules: Rules, into: Path) -> HandIn:
    places: list[tuple[Place, Entry]] = []
    ignored: list[tuple[str, str]] = []
    problems: list[str] = []
    others: dict[str, int] = {}
    for entry in entries:
        place = rules.place(entry.parts)
        if isinstance(place, Place) and not entry.refusal:
            places.append((place, entry))
            continue
        reason = entry.refusal or str(place)
        if len(entry.parts) > 1 and entry.parts[0] not in _LAYOUT:
            others[entry.parts[0]] = others.get(entry.parts[0], 0) + 1
            continue
        ignored.append(("/".join(entry.parts), reason))
        if isinstance(place, Place) or entry.refusal or reason == _PICKLE or reason.startswith("expected"):
            problems.append(f"{'/'.join(entry.parts)} is not taken: {reason}")
    ignored += [(f"{name}/", f"{_OTHER} ({n} file{'s' * (n > 1)})") for name, n in others.items()]
    _refuse_twins(places)
    if all(place.kind == "versions" for place, _ in places):
        raise HandInError(_nothing_here(rules, ignored))

    taken: dict[str, int] = {}
    kinds: dict[str, list[str]] = {"notebook": [], "module": [], "extra": [], "model": [], "versions": []}
    contents: dict[str, str] = {}
    sources = 0
    # Modules that are graded come before extra ones, which then get what is left of the common limit.
    for place, entry in sorted(places, key=lambda p: (p[0].kind == "extra", p[0].target)):
        data = entry.read(place.limit)
        fault = _fault(place, data)
        if not fault and place.kind in ("module", "extra"):
            sources += len(data)
            if sources > MAX_MODULES_TOTAL:
                fault = f"the modules are over {MAX_MODULES_TOTAL // 1024} KB in all: weights belong into models/"
        if fault:
            ignored.append((place.target, fault))
            problems.append(f"{place.target} is not taken: {fault}")
            continue
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
        ignored=tuple(sorted(ignored)),
        problems=tuple(problems),
        missing=rules.missing(taken),
        digest=digest,
    )


def _refuse_twins(places: Iterable[tuple[Place, Entry]]) -> None:
    seen: dict[str, str] = {}
    for place, entry in places:
        if place.target in seen:
            both = f"{seen[place.target]} and as {entry.name}"
            raise HandInError(f"expected {place.target} once, got it as {both}: keep one of them")
        seen[place.target] = entry.name


def _nothing_here(rules: Rules, ignored: list[tuple[str, str]]) -> str:
    first = f"{rules.exercise.notebooks[0]}.ipynb" if rules.exercise.notebooks else "notebooks"
    names = ", ".join(name for name, _ in ignored[:3]) + (", ..." if len(ignored) > 3 else "")
    inner = any(name.lower().endswith(_ARCHIVES) for name, _ in ignored)
    name = rules.exercise.id
    advice = "hand in the inner archive itself" if inner else f'make the zip with submit("{name}")'
    wanted = f"{first} or exercise_code/{name}/"
    return f"expected a hand-in of {name} with {wanted}, got {names or 'nothing in it'}: {advice}"


def _fault(place: Place, data: bytes) -> str:
    if len(data) > place.limit:
        limit = f"{place.limit / MEGABYTE:g} MB" if place.limit >= MEGABYTE else f"{place.limit // 1024} KB"
        return f"it is larger than {limit}"
    if place.kind == "notebook":
        return _notebook_fault(data)
    if place.target.endswith(".json"):
        value = _parse_json(data)
        what = "versions" if place.kind == "versions" else "hyperparameters"
        return "" if isinstance(value, dict) else f"expected a JSON object of {what}"
    return ""


def _notebook_fault(data: bytes) -> str:
    notebook = _parse_json(data)
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        return "it is not a readable notebook: open it in JupyterLab and save it again"
    if notebook.get("nbformat") != 4:
        return f"expected a notebook of nbformat 4, got {str(notebook.get('nbformat'))[:20]}: save it again"
    if not all(isinstance(cell, dict) for cell in notebook["cells"]):
        return "its cells are damaged: open it in JupyterLab and save it again"
    return ""


def _parse_json(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _rooted(entries: list[Entry]) -> list[Entry]:
    """The entries seen from the folder that holds the hand-in: a lone top folder is stepped into."""
    for _ in range(3):
        tops = {entry.parts[0] for entry in entries}
        if len(tops) != 1 or tops & set(_LAYOUT) or any(len(entry.parts) == 1 for entry in entries):
            break
        entries = [replace(entry, parts=entry.parts[1:]) for entry in entries]
    return entries


def _from_project(entries: list[Entry], exercise: Exercise) -> list[Entry]:
    """The entries with `exercises/exNN_topic/` taken for the root, as in a zip of the whole course folder."""
    prefix = ("exercises", exercise.id)
    return [
        replace(entry, parts=entry.parts[2:]) if entry.parts[:2] == prefix and len(entry.parts) > 2 else entry
        for entry in entries
    ]
