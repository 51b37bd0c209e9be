"""Which names an exercise takes, and why it does not take the others."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..archives.entries import MEGABYTE
from ..exercise import Exercise
from ..reasons import Reason
from .names import plain_name
from .student_id import ID_FILE, MAX_ID

__all__ = [
    "LAYOUT",
    "MAX_MODEL_JSON",
    "MAX_MODULE",
    "MAX_MODULES_TOTAL",
    "MAX_NOTEBOOK",
    "PICKLES",
    "VERSIONS",
    "NotTaken",
    "Place",
    "Rules",
]

MAX_NOTEBOOK = 10 * MEGABYTE
MAX_MODULE = 256 * 1024
MAX_MODULES_TOTAL = 1024 * 1024
MAX_MODEL_JSON = 64 * 1024
# What `submit` says of the Python that a hand-in was written with; taken silently, and no hand-in needs it.
VERSIONS = "versions.json"
MAX_VERSIONS = 16 * 1024

LAYOUT = ("exercise_code", "models", "exercises")
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".p", ".ckpt", ".joblib", ".bin", ".npy", ".npz")
# In these people write answers and code; what else lies in a hand-in was written by programs.
_WRITTEN = (
    *(".ipynb", ".py", ".pdf", ".html", ".htm", ".md", ".txt", ".rtf", ".tex", ".doc", ".docx", ".odt", ".pages"),
    *(".ppt", ".pptx", ".odp", ".key", ".xls", ".xlsx", ".png", ".jpg", ".jpeg", ".heic", ".webp", ".tif"),
    *(".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"),
)
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\.py")
_ALWAYS_GIVEN = ("__init__.py", "conftest.py", "exercise.toml", "given.json")
# What students get beside the package, and what nbgrader puts into a hand-in.
_SHIPPED = {"README.md", "LICENSE", "Makefile", "pyproject.toml", "environment.yml", "constraints.txt", "conftest.py"}
_SHIPPED |= {"requirements.txt", ".gitignore", "timestamp.txt", "submission_secret.txt"}
_NOT_OURS = {"common", "datasets", "solution", "solutions", "tests", "embedded"}
_EXERCISE = re.compile(r"ex[0-9]{1,4}_\w+", re.I)

_GIVEN = "a given file: the grader uses its own copy"
_PICKLE = "pickles are never loaded: save the model with save_model as .safetensors"
_OTHER = "not part of a hand-in"
_PERSON = "; somebody will look at it"


@dataclass(frozen=True)
class Place:
    """Where a file belongs: its name in the hand-in layout, its kind and its size limit."""

    target: str
    kind: str
    limit: int


@dataclass(frozen=True)
class NotTaken:
    """Why a file has no place; `code` is NOT_TAKEN where somebody may have written in it, else IGNORED."""

    reason: str
    code: Reason = Reason.IGNORED


class Rules:
    """The files of an exercise. `grade_ids` are those of its notebooks, where they are known: in the grader."""

    def __init__(
        self,
        exercise: Exercise,
        student_modules: Collection[str] | None = None,
        grade_ids: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.exercise = exercise
        self.modules = tuple(sorted(exercise.modules if student_modules is None else student_modules))
        given = set(exercise.given)
        if student_modules is not None:
            given |= {p.stem for p in exercise.folder.glob("*.py")}
        self.given = given - set(self.modules)
        self.models = exercise.model.files if exercise.model else ()
        self.model_limit = int((exercise.model.max_size_mb if exercise.model else 0) * MEGABYTE)
        self.grade_ids = {name: frozenset(ids) for name, ids in (grade_ids or {}).items()}
        self.package = ("exercise_code", exercise.id)
        self._exact = {name.casefold(): place for name, place in self._asked_for()}

    def _asked_for(self) -> list[tuple[str, Place]]:
        """The plain names of the files that the exercise asks for, with their places."""
        found = [(f"{m}.py", Place("/".join((*self.package, f"{m}.py")), "module", MAX_MODULE)) for m in self.modules]
        found += [(f"{n}.ipynb", self.notebook(n)) for n in self.exercise.all_notebooks]
        if self.exercise.personal:
            found.append((ID_FILE, self._id()))
        found += [(f"{m}.json", Place(f"models/{m}.json", "model", MAX_MODEL_JSON)) for m in self.models]
        weights = [f"{m}.safetensors" for m in self.models]
        return found + [(name, Place(f"models/{name}", "model", self.model_limit)) for name in weights]

    def _id(self) -> Place:
        return Place("/".join((*self.package, ID_FILE)), "id", MAX_ID)

    def notebook(self, name: str) -> Place:
        """The place of one of the exercise's notebooks."""
        return Place(f"{name}.ipynb", "notebook", MAX_NOTEBOOK)

    def place(self, parts: tuple[str, ...]) -> Place | NotTaken:
        """The place of a file by its name in the hand-in layout."""
        found = self._place(parts)
        return found if not isinstance(found, str) else self.verdict(parts, found)

    def verdict(self, parts: tuple[str, ...], reason: str = _OTHER) -> NotTaken:
        """Why a file is not taken, and whether somebody may have written in it."""
        name = parts[-1]
        if reason == _PICKLE or (name.endswith(".safetensors") and self.models):
            return NotTaken(reason, Reason.NOT_TAKEN)
        shipped = name in _SHIPPED and len(parts) == 1
        given = reason == _GIVEN or (name.endswith(".py") and self._module(name) == _GIVEN)
        if given or shipped or self._is_foreign(parts) or not name.lower().endswith(_WRITTEN):
            return NotTaken(reason)
        return NotTaken(reason + (_PERSON if reason == _OTHER else ""), Reason.NOT_TAKEN)

    def guess(self, parts: tuple[str, ...]) -> tuple[Place, int] | None:
        """The place of a file that lies elsewhere or is named a little otherwise, and how much later a copy it is."""
        if self._is_foreign(parts):
            return None
        for name, rank in ((parts[-1], 0), plain_name(parts[-1])):
            place = self._exact.get(name.casefold())
            if place is not None:
                # A name in other letters is another name to Python.
                return place, rank or int(name != PurePosixPath(place.target).name)
        return None

    def extra(self, name: str) -> Place | None:
        """The place of a student's further module beside the modules that are asked for."""
        found = self._module(name)
        return found if isinstance(found, Place) and found.kind == "extra" else None

    def _is_foreign(self, parts: tuple[str, ...]) -> bool:
        """True for what lies in a folder of another exercise, of given code or of data."""
        own = self.exercise.id
        return any(
            part in _NOT_OURS or ((found := _EXERCISE.match(part)) and not found[0].casefold().startswith(own))
            for part in parts[:-1]
        )

    def _place(self, parts: tuple[str, ...]) -> Place | str:
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
                return self.notebook(name.removesuffix(".ipynb"))
            return f"not a notebook of {self.exercise.id}"
        if name == VERSIONS:
            return Place(name, "versions", MAX_VERSIONS)
        if suffix in PICKLES:
            return self._model(name, suffix)
        return _OTHER

    def _module(self, name: str) -> Place | str:
        if name == ID_FILE and self.exercise.personal:
            return self._id()
        target = "/".join((*self.package, name))
        stem = name.removesuffix(".py")
        if stem in self.modules and name.endswith(".py"):
            return Place(target, "module", MAX_MODULE)
        if stem in self.given or stem.startswith("test_") or name in _ALWAYS_GIVEN:
            return _GIVEN
        if not name.lower().endswith(".py"):
            return "only .py modules are taken here"
        if not _MODULE.fullmatch(name) or name.casefold() in self._exact:
            return "not a module's name"
        return Place(target, "extra", MAX_MODULE)

    def _model(self, name: str, suffix: str) -> Place | str:
        if suffix in PICKLES:
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
        wanted += ["/".join((*self.package, f"{m}.py")) for m in self.modules]
        wanted += ["/".join((*self.package, ID_FILE))] * self.exercise.personal
        wanted += [f"models/{m}{suffix}" for m in self.models for suffix in (".safetensors", ".json")]
        return tuple(name for name in wanted if name not in taken)
