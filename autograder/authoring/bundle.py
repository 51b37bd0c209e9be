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
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from autograder.authoring.build import build
from autograder.sources.course import (
    BEGIN_GUIDE,
    BEGIN_SOLUTION,
    END_GUIDE,
    END_SOLUTION,
    ROOT,
    course_folder,
    course_ids,
    fault,
    notebook_sources,
    short,
    solution_sources,
    tests_in,
)
from exercise_code.common.exercise import Exercise, load_exercise
from exercise_code.common.handing_in.given import GIVEN, given_out
from exercise_code.common.zips import zip_bytes

from ..base.files import write_whole

__all__ = ["bundle", "collect", "find_leaks", "read_bundle"]

TEMPLATES = Path(__file__).parent / "templates"
# Kinds of files that given code and small given data may have; weights and archives are none of them.
PACKAGE_SUFFIXES = (".py", ".toml", ".json", ".csv", ".txt", ".md")
COPIED = ("LICENSE", "constraints.txt", "datasets/README.md", "datasets/registry.toml")
# Shorter lines, such as `return x`, stand in given code for reasons of their own.
TELLING = 25

_MARKERS = (BEGIN_SOLUTION, END_SOLUTION, BEGIN_GUIDE, END_GUIDE)


def bundle(
    exercise: str,
    out: Path,
    with_solutions_of: Collection[str] = (),
    *,
    course: Path | None = None,
    root: Path = ROOT,
) -> Path:
    """The zip it wrote: `out` itself where that ends in `.zip`, else `out/exNN_topic.zip`.

    `with_solutions_of` names earlier exercises that this one builds on and whose solutions are released.
    """
    course = course or course_folder()
    files = collect(exercise, with_solutions_of, course, root)
    if leaks := find_leaks(files, course, with_solutions_of):
        more = f" (and {len(leaks) - 1} more)" if len(leaks) > 1 else ""
        fault(f"the bundle of {exercise}", "no answers", leaks[0] + more, "remove it from what is given")
    target = out if out.suffix == ".zip" else out / f"{exercise}.zip"
    _write(target, zip_bytes(files, moment=_date(root)))
    return target


def collect(exercise: str, opened: Collection[str], course: Path, root: Path) -> dict[str, bytes]:
    """Every file of the bundle, by its path in the zip."""
    package = root / "exercise_code"
    if exercise not in course_ids(course):
        # Says which ids are known.
        notebook_sources(exercise, course)
    config = load_exercise(exercise, package)
    earlier = _earlier(config, package)
    if closed := sorted(set(opened) - set(earlier)):
        known = f"exercises that {exercise} builds on ({', '.join(earlier) or 'none'})"
        fault("--with-solutions-of", known, ", ".join(closed), "only those have had their solutions released")
    files: dict[str, bytes] = {}
    for folder in (package / "common", *(package / name for name in (*earlier, exercise))):
        files |= _given_files(folder, root)
    for name in ("__init__.py", "conftest.py"):
        files[f"exercise_code/{name}"] = _read(package / name)
    # Stubs and notebooks come from the sources, never from disk, where somebody may have tried a solution.
    for file in build(course, root, [*earlier, exercise], cache=root / ".cache" / "build"):
        if file.exercise == exercise or file.path.startswith("exercise_code/"):
            files[file.path] = file.content
    for name in opened:
        for path in solution_sources(name, course):
            files[f"exercise_code/{name}/{path.name}"] = _without_markers(path.read_text(encoding="utf-8"))
    for name in COPIED:
        files[name] = _read(root / name)
    files["environment.yml"] = _environment(_read(root / "environment.yml").decode())
    files["pyproject.toml"] = _pyproject(_read(root / "pyproject.toml").decode())
    for name in ("Makefile", "README.md"):
        files[name] = _fill_in((TEMPLATES / name).read_text(encoding="utf-8"), config, earlier)
    taken = [config, *(load_exercise(name, package) for name in earlier)]
    files[GIVEN] = given_out(files, taken, f"exercises/{exercise}/")
    return files


def _earlier(config: Exercise, package: Path) -> list[str]:
    """Ids of the exercises whose modules this one imports, and of those that these import in turn."""
    found: list[str] = []
    for name in config.earlier:
        found += [*_earlier(load_exercise(name, package), package), name]
    return list(dict.fromkeys(found))


def _given_files(folder: Path, root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in PACKAGE_SUFFIXES
        and path.is_file()
        and not path.is_symlink()
        and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(root).parts)
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fault("the bundle", f"the file {short(path)}", error.strerror or "an error", "restore it")


def _without_markers(text: str) -> bytes:
    return "".join(line for line in text.splitlines(keepends=True) if line.strip() not in _MARKERS).encode()


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
        f"\nThis exercise uses what you wrote before, in {names}. Copy your own modules\n"
        "from there over the ones in this folder.\n"
    )
    values = {
        "EXERCISE": config.id,
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
    """The files of a zip, by their paths."""
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}


def find_leaks(files: Mapping[str, bytes], course: Path, opened: Collection[str] = ()) -> list[str]:
    """What `files` hold and no student must get, a line each; `opened` exercises may show solutions."""
    ids = [name for name in course_ids(course) if name not in opened]
    lines, blocks = _solutions(ids, course)
    secrets = [(f"solution line {line!r}", line) for line in lines]
    secrets += [(f"solution block {block!r}", block) for block in blocks]
    secrets += [(f"marker '{marker}'", marker.removeprefix("### ")) for marker in _MARKERS]
    if secret := os.environ.get("AUTOGRADER_SECRET"):
        secrets.append(("the grading secret", secret))
    hidden = _hidden_names(course, files)
    leaks = []
    for name, content in sorted(files.items()):
        if "autograder" in Path(name).parts:
            leaks.append(f"{name}: a file of the grader's package")
        text = _text(name, content)
        leaks += [f"{name}: {what}" for what, needle in secrets if needle in text]
        leaks += [f"{name}: hidden test {word}" for word in sorted(hidden & set(re.findall(r"\w+", text)))]
        if re.search(r"^\s*(from|import) autograder\b", text, re.MULTILINE):
            leaks.append(f"{name}: an import of the grader's package")
    return leaks


def _text(name: str, content: bytes) -> str:
    """The file's text, without indentation."""
    text = content.decode("utf-8", "replace")
    if name.endswith(".ipynb"):
        # In a notebook's JSON a quote or a backslash would hide the line it stands in.
        text = "\n".join(_strings(json.loads(text)))
    return "\n".join(line.strip() for line in text.splitlines())


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        # The lines of a cell's source are one text.
        if all(isinstance(item, str) for item in value):
            yield "".join(value)
        else:
            for item in value:
                yield from _strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)


def _solutions(ids: Collection[str], course: Path) -> tuple[list[str], list[str]]:
    """Telling lines of answers that stand nowhere else in the sources, and answers of several lines as a whole."""
    answers: set[str] = set()
    public: set[str] = set()
    for exercise in course_ids(course):
        for path in (*notebook_sources(exercise, course), *solution_sources(exercise, course)):
            blocks, rest = _split(path.read_text(encoding="utf-8"))
            public |= rest
            if exercise in ids:
                answers |= blocks
    lines = {line for block in answers for line in block.split("\n") if len(line) >= TELLING}
    whole = {block for block in answers if "\n" in block.strip() and len(block) >= TELLING}
    return sorted(lines - public), sorted(whole)


def _split(text: str) -> tuple[set[str], set[str]]:
    """The texts between markers, and the lines outside, without indentation and the `# ` of Markdown cells."""
    blocks, rest, block, depth = set[str](), set[str](), list[str](), 0
    for line in text.splitlines():
        bare = line.strip()
        plain = bare.removeprefix("# ").strip()
        depth += (plain in _MARKERS[::2]) - (plain in _MARKERS[1::2])
        if plain in _MARKERS:
            blocks.add("\n".join(block))
            block = []
        elif depth:
            block.append(bare)
        else:
            rest |= {bare, plain}
    # A Markdown cell's answer, as it would stand in a notebook.
    blocks |= {"\n".join(line.removeprefix("# ").strip() for line in block.split("\n")) for block in blocks}
    return blocks - {""}, rest


def _hidden_names(course: Path, files: Mapping[str, bytes]) -> set[str]:
    """Names of hidden tests, less those that a visible test of another exercise has as well."""
    found: set[str] = set()
    for exercise in course_ids(course):
        names = {name for name, _, _ in tests_in(course / exercise / "test_hidden.py")}
        for path, content in files.items():
            if path.endswith("/test_visible.py") and exercise not in Path(path).parts:
                names -= set(re.findall(r"^def (test_\w+)", content.decode(), re.MULTILINE))
        found |= names
    return found
