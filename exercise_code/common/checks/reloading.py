"""The student's code as it stands on disk now, imported afresh beside what the notebook has imported."""

import importlib
import importlib.util
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from ..exercise import Exercise, load_exercise
from ..probing.in_process import Code

__all__ = ["fresh_code"]


class _SourceLoader(SourceFileLoader):
    """Compiles from source at every import."""

    def get_code(self, fullname: str) -> CodeType | None:
        # A .pyc is matched by size and whole seconds: an edit within the same second would go unseen.
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _Finder:
    """Finds the modules of some packages in the given folders, the first folder that has one winning."""

    def __init__(self, folders: dict[str, Sequence[Path]]) -> None:
        self.folders = folders

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module in one of the packages, None for every other module."""
        package, _, stem = name, "", "__init__"
        if package not in self.folders:
            package, _, stem = name.rpartition(".")
        for folder in self.folders.get(package, ()):
            file = folder / f"{stem}.py"
            if file.is_file():
                search = [str(f) for f in self.folders[package]] if stem == "__init__" else None
                return importlib.util.spec_from_file_location(
                    name, file, loader=_SourceLoader(name, str(file)), submodule_search_locations=search
                )
        return None


@contextmanager
def fresh_code(
    exercise: Exercise,
    models: Path | None = None,
    solution: Path | None = None,
    earlier: Mapping[str, Path] | None = None,
) -> Iterator[Code]:
    """The exercise's package (and those of earlier exercises) as on disk, within the `with` block only.

    The notebook's own modules are set aside and put back untouched, so its classes and objects keep their
    identity and `%autoreload` goes on undisturbed. Modules in `solution` come before the student's, and so do those in
    `earlier`, a folder for each exercise that this one builds on.
    """
    solved = {**(earlier or {}), **({exercise.id: solution} if solution else {})}
    parts = [*(load_exercise(name, exercise.folder.parent) for name in exercise.earlier), exercise]
    folders: dict[str, Sequence[Path]] = {
        part.package: [solved[part.id], part.folder] if part.id in solved else [part.folder] for part in parts
    }
    parent = importlib.import_module(exercise.package.rpartition(".")[0])
    ids = [package.rpartition(".")[2] for package in folders]
    attributes = {name: vars(parent)[name] for name in ids if name in vars(parent)}
    finder = _Finder(folders)
    saved = _pop_modules(folders)
    sys.meta_path.insert(0, finder)
    linecache.checkcache()
    try:
        yield Code(exercise.package, models)
    finally:
        sys.meta_path.remove(finder)
        _pop_modules(folders)
        sys.modules.update(saved)
        for name in ids:
            vars(parent).pop(name, None)
        vars(parent).update(attributes)


def _pop_modules(packages: dict[str, Sequence[Path]]) -> dict[str, ModuleType]:
    prefixes = tuple(f"{package}." for package in packages)
    names = [name for name in sys.modules if name in packages or name.startswith(prefixes)]
    return {name: sys.modules.pop(name) for name in names}
