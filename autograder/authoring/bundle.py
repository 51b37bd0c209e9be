"""The students' zip of an exercise: an allow-list of files, searched for leaks before anybody gets it.

Unzipped anywhere it is a small project of its own: notebooks, the `exercise_code` package with stubs, an
environment, a Makefile. Nothing in it needs `autograder`.
"""

import json
import os
import re
import subprocess
import time
import tomllib
import zipfile
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from exercise_code.common.archives.zips import zip_bytes
from exercise_code.common.exercise import Exercise, load_exercise
from exercise_code.common.hand_ins.earlier import FOLDER as EARLIER
from exercise_code.common.hand_ins.student_id import ID_FILE
from exercise_code.common.submitting.given import given_out, is_record

from ..base.files import write_whole
from ..sources.layout import ROOT, course_folder, course_ids, fault, notebook_sources, short, solution_sources
from .build import build
from .leaks import MARKERS, find_leaks

__all__ = ["bundle", "collect", "read_bundle"]

# The folder that the zips of all exercises share.
TOP = "deep-learning-course"
TEMPLATES = Path(__file__).parent / "templates"
# Kinds of files that given code and small given data may have; weights and archives are none of them.
PACKAGE_SUFFIXES = (".py", ".toml", ".json", ".csv", ".txt", ".md")
COPIED = ("LICENSE", "constraints.txt", "datasets/README.md", "datasets/registry.toml")


def bundle(
    exercise: str,
    out: Path,
    earlier: Literal["stubs", "solution"] = "stubs",
    *,
    course: Path | None = None,
    root: Path = ROOT,
) -> Path:
    """The zip it wrote: `out` itself where that ends in `.zip`, else `out/exNN_topic.zip`.

    `earlier` says how the modules of the exercises that this one builds on come: as stubs, or solved. They lie in
    `exercise_code/exNN_topic/earlier/`, where they overwrite nothing that a student wrote.
    """
    course = course or course_folder()
    files = collect(exercise, earlier, course, root)
    opened = load_exercise(exercise, root / "exercise_code").earlier if earlier == "solution" else ()
    # A record repeats the files beside it: the file itself is what is to be changed.
    leaks = sorted(find_leaks(files, course, opened), key=lambda line: is_record(line.partition(":")[0]))
    if leaks:
        more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
        fault(f"the bundle of {exercise}", "no answers", leaks[0] + more, "remove it from what is given")
    target = out if out.suffix == ".zip" else out / f"{exercise}.zip"
    _write(target, zip_bytes({f"{TOP}/{name}": data for name, data in files.items()}, moment=_date(root)))
    return target


def collect(exercise: str, how: Literal["stubs", "solution"], course: Path, root: Path) -> dict[str, bytes]:
    """Every file of the bundle, by its path in the zip."""
    package = root / "exercise_code"
    if exercise not in course_ids(course):
        # Says which ids are known.
        notebook_sources(exercise, course)
    config = load_exercise(exercise, package)
    earlier = config.earlier
    files: dict[str, bytes] = {}
    for folder in (package / "common", *(package / name for name in (*earlier, exercise))):
        files |= _given_files(folder, root)
    # A student may have written these: they come beside.
    for name in earlier:
        for module in load_exercise(name, package).modules:
            files.pop(f"exercise_code/{name}/{module}.py", None)
    for name in ("__init__.py", "conftest.py"):
        files[f"exercise_code/{name}"] = _read(package / name)
    # Stubs and notebooks come from the sources, never from disk, where somebody may have tried a solution.
    for file in build(course, root, [*earlier, exercise], cache=root / ".cache" / "build"):
        if file.exercise == exercise:
            files[file.path] = file.content
        elif file.path.startswith("exercise_code/") and how == "stubs":
            files[f"exercise_code/{exercise}/{EARLIER}/{file.exercise}/{Path(file.path).name}"] = file.content
    for name in earlier if how == "solution" else ():
        for path in solution_sources(name, course):
            text = _without_markers(path.read_text(encoding="utf-8"))
            files[f"exercise_code/{exercise}/{EARLIER}/{name}/{path.name}"] = text
    for name in COPIED:
        files[name] = _read(root / name)
    files["environment.yml"] = _environment(_read(root / "environment.yml").decode())
    files["pyproject.toml"] = _pyproject(_read(root / "pyproject.toml").decode())
    for name in ("Makefile", "README.md"):
        files[name] = _read(TEMPLATES / name)
    own = (TEMPLATES / "EXERCISE.md").read_text(encoding="utf-8")
    files[f"exercises/{exercise}/README.md"] = _fill_in(own, config, earlier)
    taken = [config, *(load_exercise(name, package) for name in earlier)]
    files |= given_out(files, taken, f"exercises/{exercise}/")
    return files


def _given_files(folder: Path, root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in PACKAGE_SUFFIXES
        and path.is_file()
        and not path.is_symlink()
        and path.name != ID_FILE
        and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(root).parts)
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fault("the bundle", f"the file {short(path)}", error.strerror or "an error", "restore it")


def _without_markers(text: str) -> bytes:
    def is_marker(line: str) -> bool:
        return line.strip() in MARKERS or line.lstrip().startswith("### TASK ")

    return "".join(line for line in text.splitlines(keepends=True) if not is_marker(line)).encode()


def _environment(text: str) -> bytes:
    """The environment without what only grading needs."""
    plain, count = re.subn(r"--editable \.\[[^\]]*\]", "--editable .", text)
    if count != 1:
        fault("environment.yml", "one line '--editable .[...]'", f"{count} of them", "restore it")
    return plain.encode()


def _pyproject(text: str) -> bytes:
    """A project with the students' package and its requirements alone."""
    project = tomllib.loads(text)["project"]
    requirements = "".join(f"    {json.dumps(line)},\n" for line in project["dependencies"])
    return (
        '[build-system]\nrequires = ["hatchling>=1.26"]\nbuild-backend = "hatchling.build"\n\n'
        f"[project]\nname = {json.dumps(project['name'])}\nversion = {json.dumps(project['version'])}\n"
        'description = "Exercises of a deep-learning course: notebooks, and the package they use."\n'
        f"requires-python = {json.dumps(project['requires-python'])}\ndependencies = [\n{requirements}]\n\n"
        '[tool.hatch.build.targets.wheel]\npackages = ["exercise_code"]\n'
    ).encode()


def _fill_in(template: str, config: Exercise, earlier: Collection[str]) -> bytes:
    notebooks = [f"- `exercises/{config.id}/{name}.ipynb`" for name in config.notebooks]
    notebooks += [f"- `exercises/{config.id}/{name}.ipynb` (optional)" for name in config.optional]
    modules = [f"- `exercise_code/{config.id}/{name}.py`" for name in config.modules]
    files = config.model.files if config.model else ()
    models = [f"- `exercises/{config.id}/models/{name}.safetensors`" for name in files]
    names = ", ".join(f"`exercise_code/{name}`" for name in earlier)
    before = (
        f"\nThis exercise uses what you wrote before, in {names}. Unzip it into the folder\n"
        "that you have worked in so far: your modules stay as they are. Where one is missing, the course's is\n"
        "put there.\n"
    )
    values = {
        "EXERCISE": config.id,
        "LAST": config.notebooks[-1],
        "TITLE": config.title,
        "MINUTES": f"about {config.minutes} minutes",
        "PASS_POINTS": f"{config.pass_points:g}",
        "NOTEBOOKS": "\n".join(notebooks),
        "MODULES": "\n".join(modules + models),
        "EARLIER": before if earlier else "",
    }
    for name, value in values.items():
        template = template.replace(f"@{name}@", value)
    return template.encode()


def _date(root: Path) -> datetime:
    """When the course was last changed, in UTC: so the same commit gives the same bytes at any time.

    `SOURCE_DATE_EPOCH` names another moment; where neither it nor git knows one, it is now.
    """
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or _last_commit(root) or str(time.time())
    try:
        moment = datetime.fromtimestamp(int(float(seconds)), UTC)
    except (ValueError, OverflowError, OSError):
        fault("SOURCE_DATE_EPOCH", "seconds since 1970", repr(seconds), "correct or unset it")
    # A zip's dates begin in 1980.
    return max(moment, datetime(1980, 1, 1, tzinfo=UTC))


def _last_commit(root: Path) -> str:
    if not (root / ".git").exists():
        return ""
    try:
        log = ["git", "-C", str(root), "log", "-1", "--format=%ct"]
        return subprocess.run(log, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _write(target: Path, content: bytes) -> None:
    try:
        write_whole(content, target, 0o644)
    except OSError as error:
        reason = error.strerror or str(error)
        fault("the bundle", "a folder that can be written", f"{target.parent} ({reason})", "name another one")


def read_bundle(path: Path) -> dict[str, bytes]:
    """The files of a bundle, by their paths in the course's folder."""
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        return {entry.filename.removeprefix(f"{TOP}/"): archive.read(entry) for entry in entries}
