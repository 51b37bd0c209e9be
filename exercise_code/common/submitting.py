"""`submit`: writes the zip to hand in, and looks at it as the grader will."""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from .archive import MEGABYTE
from .checking import check_exercise
from .course_tree import assignment_folder, exercise_here
from .errors import CourseError
from .exercise import Exercise, exercise_ids, load_exercise
from .handin import HandIn, Place, Rules, inspect_model, open_handin
from .places import data_folder, mirror, registry_file
from .reporting import Display, Shown, count, escape, outcome_lines, outcome_table, page, shell
from .testing import Outcome

__all__ = ["SubmitReport", "submit"]

# A test that takes longer is stopped by the child itself; this ends a child that cannot stop itself.
SILENCE = 90.0


@dataclass(frozen=True)
class SubmitReport(Shown):
    """What `submit` wrote and found; it shows itself in a notebook and in a terminal."""

    path: Path
    handin: HandIn
    outcomes: tuple[Outcome, ...]
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    size: int = 0
    _shown: list[Any] = field(default_factory=list, repr=False, compare=False)

    @property
    def complete(self) -> bool:
        """True when nothing that the exercise asks for is missing or was left out."""
        return not self.missing and not self.problems

    @property
    def _headline(self) -> str:
        if self.complete:
            return f"{self.path.name} is complete ({_bytes(self.size)})"
        return f"{self.path.name} is written ({_bytes(self.size)}), but not complete"

    def _groups(self) -> dict[str, list[Outcome]]:
        groups: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            groups.setdefault(outcome.grade_id, []).append(outcome)
        return groups

    def __repr__(self) -> str:
        lines = [self._headline, "  inside:"]
        lines += [f"    {_bytes(size):>8}  {name}" for name, size in self.handin.sizes.items()]
        for title, texts in (("missing", self.missing), ("problem", self.problems), ("note", self.warnings)):
            lines += [f"  {title}: {text}" for text in texts]
        for name, outcomes in self._groups().items():
            lines.append(f"  {name}: {count(outcomes)}")
            lines += [f"  {line}" for line in outcome_lines([o for o in outcomes if not o.passed])]
        return "\n".join([*lines, f"Hand in this file: {self.path}"])

    def _repr_html_(self) -> str:
        tone, icon = ("dlc-ok", "✓") if self.complete else ("dlc-bad", "✗")
        parts = [
            f'<div class="dlc-head"><span class="dlc-name"><span class="{tone}">{icon}</span> '
            f"{escape(self._headline)}</span></div>"
        ]
        for title, texts in (("Missing", self.missing), ("Problem", self.problems)):
            parts += [f'<div class="dlc-note dlc-warn"><b>{title}:</b> {escape(text)}</div>' for text in texts]
        parts += [f'<div class="dlc-note">{escape(text)}</div>' for text in self.warnings]
        rows = [_check_row(name, outcomes) for name, outcomes in self._groups().items()]
        parts.append(f'<table class="dlc-table"><tbody>{"".join(rows)}</tbody></table>')
        files = "".join(
            f'<tr class="dlc-row"><td class="dlc-dim">{_bytes(size)}</td><td>{escape(name, marks=False)}</td></tr>'
            for name, size in self.handin.sizes.items()
        )
        number = len(self.handin.sizes)
        parts.append(
            f"<details><summary>{number} file{'s' * (number != 1)} inside</summary>"
            f'<table class="dlc-table"><tbody>{files}</tbody></table></details>'
        )
        parts.append(
            f'<div class="dlc-foot">Hand in <code>{escape(str(self.path), marks=False)}</code>. '
            f"The checks ran on the unpacked zip; the grader also runs hidden checks.</div>"
        )
        return page(parts)


def _check_row(name: str, outcomes: list[Outcome]) -> str:
    good = all(outcome.passed for outcome in outcomes)
    tone, state = ("ok", "✓ passed") if good else ("bad", "✗ failed")
    body = f"<code>{escape(name, marks=False)}</code> {escape(count(outcomes))}"
    if not good:
        failed = outcome_table([outcome for outcome in outcomes if not outcome.passed])
        body = f"<details><summary>{body}</summary>{failed}</details>"
    return f'<tr class="dlc-row"><td class="dlc-state dlc-{tone}">{state}</td><td>{body}</td></tr>'


def submit(exercise: str | None = None) -> SubmitReport:
    """A report on the zip to hand in, which is written beside the notebooks.

    The zip is unpacked by the grader's rules into a clean folder and the visible checks run there in a fresh
    Python, so nothing that only this notebook's memory knows can count. An incomplete hand-in is written too,
    and the report says what is missing.
    """
    found = _find(exercise)
    folder = assignment_folder(found)
    rules = Rules(found)
    sources, problems = _collect(found, folder, rules)
    if not sources:
        raise CourseError(
            f"expected notebooks of {found.id} in {folder} and modules in {found.folder}, found neither: "
            f"run submit from the exercise's notebook"
        )
    path = folder / f"{found.id}.zip"
    _write_zip(path, sources)
    display = Display(f"Checking {path.name}")
    with tempfile.TemporaryDirectory(prefix="submit-", ignore_cleanup_errors=True) as name:
        room = Path(name).resolve()
        handin = open_handin(path, found, room / "handin")
        outcomes = _check_clean(found, handin, room / "clean", display)
        faults, notes = _judge_models(found, handin)
        warnings = [*_unsaved(handin, folder), *notes]
    report = SubmitReport(
        path=path,
        handin=handin,
        outcomes=tuple(outcomes),
        missing=tuple(_advice(name, folder) for name in handin.missing if not _told(name, problems)),
        problems=(*problems, *handin.problems, *faults),
        warnings=tuple(warnings),
        size=path.stat().st_size,
    )
    display.finish(report)
    return report


def _find(exercise: object) -> Exercise:
    if isinstance(exercise, str):
        return load_exercise(exercise)
    here = exercise_here() if exercise is None else None
    if here is None:
        known = ", ".join(exercise_ids()) or "none"
        raise CourseError(f"expected the id of an exercise, got {exercise!r}: known are {known}")
    return here


def _collect(exercise: Exercise, folder: Path, rules: Rules) -> tuple[dict[str, Path], list[str]]:
    """The files to hand in, by their names in the zip, and what had to be left out."""
    candidates = {path.name: path for path in sorted(folder.glob("*.ipynb"))}
    candidates |= {f"models/{path.name}": path for path in sorted(folder.glob("models/*"))}
    package = f"exercise_code/{exercise.id}"
    candidates |= {f"{package}/{path.name}": path for path in sorted(exercise.folder.glob("*.py"))}
    sources: dict[str, Path] = {}
    problems: list[str] = []
    for name, path in candidates.items():
        place = rules.place(tuple(name.split("/")))
        if isinstance(place, str):
            if "pickle" in place:
                problems.append(f"{name} is left out: {place}")
        elif path.is_file():
            size = path.stat().st_size
            if size > place.limit:
                problems.append(_too_large(name, size, place))
            else:
                sources[name] = path
    return sources, problems


def _too_large(name: str, size: int, place: Place) -> str:
    advice = {
        "model": "make the model smaller",
        "notebook": "clear the outputs of large cells and save it",
    }.get(place.kind, "weights belong into models/")
    return f"{name} is left out: it has {_bytes(size)}, at most {_bytes(place.limit)} are allowed: {advice}"


def _told(name: str, problems: list[str]) -> bool:
    return any(problem.startswith(f"{name} is left out") for problem in problems)


def _write_zip(path: Path, sources: dict[str, Path]) -> None:
    part = path.with_suffix(".part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(sources):
                # The same files give the same bytes, whatever the clock and the system say.
                info = zipfile.ZipInfo(name)
                info.create_system, info.external_attr = 3, 0o100644 << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, sources[name].read_bytes())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CourseError(
            f"could not write {path}: {error.strerror or error}; close what has it open, or make room on the disk"
        ) from None


def _check_clean(exercise: Exercise, handin: HandIn, room: Path, display: Display) -> list[Outcome]:
    """The outcomes of the visible tests on the unpacked hand-in, in a Python of its own."""
    _furnish(exercise, handin, room)
    code = "from exercise_code.common.submitting import run_child; run_child()"
    environment = _environment(room)
    outcomes: list[Outcome] = []
    # A file, not a pipe: nobody empties a pipe while the child works.
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-c", code, exercise.id],
            cwd=room / "exercises" / exercise.id,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        )
        for line in _lines(child):
            message = json.loads(line)
            if "total" in message:
                display.total = message["total"]
                continue
            outcomes.append(Outcome(**message))
            display.step(len(outcomes))
        if child.returncode:
            errors.seek(0)
            said = errors.read()[-5000:].decode("utf-8", "replace").strip().splitlines()
            reason = said[-1].strip() if said else f"exit status {child.returncode}"
            raise CourseError(f"the checks on the unpacked zip stopped early: {reason}")
    return outcomes


def _furnish(exercise: Exercise, handin: HandIn, room: Path) -> None:
    """Lay out a course folder with the given files and, of the student's, only what the hand-in holds."""
    package = exercise.folder.parent
    wanted = {"__init__.py", "conftest.py", "common", exercise.id, *exercise.earlier}

    def skip(folder: str, names: list[str]) -> set[str]:
        left_out = {name for name in names if name == "__pycache__" or name.endswith(".pyc")}
        return left_out | (set(names) - wanted if Path(folder) == package else set())

    shutil.copytree(package, room / "exercise_code", ignore=skip)
    rules = Rules(exercise)
    for path in (room / "exercise_code" / exercise.id).glob("*.py"):
        if isinstance(rules.place(("exercise_code", exercise.id, path.name)), Place):
            path.unlink()
    if handin.package.is_dir():
        shutil.copytree(handin.package, room / "exercise_code" / exercise.id, dirs_exist_ok=True)
    if registry := registry_file():
        (room / "datasets").mkdir()
        shutil.copy(registry, room / "datasets")
    notebooks = room / "exercises" / exercise.id
    shutil.copytree(handin.folder, notebooks, ignore=shutil.ignore_patterns("exercise_code"))


def _environment(room: Path) -> dict[str, str]:
    """The child's environment: the clean folder's package, the course's own data, no notebook's plots."""
    with suppress(CourseError):
        # Made absolute by being asked for; what is wrong with it, the data loader will say.
        mirror()
    environment = {**os.environ, "DATASETS_DIR": str(data_folder()), "MPLBACKEND": "Agg"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(room), os.environ.get("PYTHONPATH")]))
    return environment


def _lines(child: "subprocess.Popen[str]") -> Iterator[str]:
    """The child's lines; a child that says nothing for long is ended, and so is one that nobody listens to."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read(stdout: IO[str]) -> None:
        with stdout:
            for line in stdout:
                lines.put(line)
        lines.put(None)

    assert child.stdout is not None
    reader = threading.Thread(target=read, args=(child.stdout,), daemon=True)
    reader.start()
    try:
        while (line := lines.get(timeout=SILENCE)) is not None:
            yield line
        child.wait()
    except queue.Empty:
        raise CourseError(
            f"a check on the unpacked zip gave no answer within {SILENCE:g} seconds: "
            f"run check on each cell to find the loop that never ends"
        ) from None
    finally:
        child.kill()
        child.wait()
        reader.join(timeout=5)


def run_child() -> None:
    """Run the visible tests of the exercise named on the command line; print one JSON line for each."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What the student's code prints, from C too, must not mix with the answers.
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
    exercise = load_exercise(sys.argv[1])

    def tell(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=channel, flush=True)

    from .testing import discover

    tell({"total": len(discover(exercise))})
    check_exercise(exercise, lambda outcome: tell(asdict(outcome)))


def _advice(name: str, folder: Path) -> str:
    if name.startswith("models/"):
        place = _saving_cell(Path(name).stem, folder)
        return f"{name}: train the model, then run {place or 'the cell that saves it'}"
    if name.endswith(".ipynb"):
        return f"{name}: expected in {folder}"
    return f"{name}: restore the file from the course and fill it in"


def _saving_cell(model: str, folder: Path) -> str:
    """Where the notebooks save the model, in words; empty when no cell does."""
    for path in sorted(folder.glob("*.ipynb")):
        heading = ""
        for kind, source in _cells(path):
            if kind == "markdown":
                titles = [line.lstrip("# ") for line in source.splitlines() if line.startswith("#")]
                heading = titles[-1] if titles else heading
            elif kind == "code" and "save_model(" in source and model in source:
                below = f" below “{heading}”" if heading else ""
                return f"the cell with `save_model`{below} in {path.name}"
    return ""


def _cells(path: Path) -> Iterator[tuple[str, str]]:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            yield str(cell["cell_type"]), "".join(cell["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return


def _unsaved(handin: HandIn, folder: Path) -> Iterator[str]:
    """A warning when the running cell is not in the saved notebook: then other changes may be unsaved too."""
    name = Path(os.environ.get("JPY_SESSION_NAME", "")).name
    history = getattr(shell(), "user_ns", {}).get("In") or [""]
    running = str(history[-1]).strip()
    if not running or name.removesuffix(".ipynb") not in handin.notebooks:
        return
    if all(source.strip() != running for _, source in _cells(folder / name)):
        yield f"{name} has changes that are not saved: save it (Ctrl+S), then submit again"


def _judge_models(exercise: Exercise, handin: HandIn) -> tuple[list[str], list[str]]:
    """What is wrong with the models, and what there is to know about them."""
    problems: list[str] = []
    notes: list[str] = []
    for name in handin.models:
        path = handin.folder / "models" / name
        if path.suffix == ".safetensors":
            info = inspect_model(path, exercise.model)
            problems += info.problems
            trained = f", trained on {info.data_source} data" if info.data_source else ""
            notes.append(f"models/{name}: {info.parameters:,} parameters, {info.size_mb:.1f} MB{trained}")
            now = _source_now(exercise)
            if info.data_source and now not in ("", info.data_source):
                notes.append(
                    f"models/{name} was trained on {info.data_source} data, but {now} data is loaded here now: "
                    f"train again if the course grades on {now} data"
                )
    return problems, notes


def _source_now(exercise: Exercise) -> str:
    """What `load_dataset` gives for the exercise's data set as things are: "real" or "embedded"."""
    from .data import resolve_source

    with suppress(CourseError):
        return resolve_source(exercise.model.dataset) if exercise.model else ""
    return ""


def _bytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB" if size >= MEGABYTE else f"{max(size / 1000, 0.1):.1f} kB"
