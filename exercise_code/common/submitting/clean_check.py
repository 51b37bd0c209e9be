"""The visible checks on an unpacked hand-in, in a clean folder and a Python of their own, as the grader will see it."""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from ..checks.check import check_exercise, import_what_is_named
from ..checks.report import Display
from ..datasets.places import data_folder, mirror, registry_file
from ..errors import CourseError
from ..exercise import Exercise, load_exercise
from ..hand_ins.hand_in import HandIn, Place, Rules
from ..probing.cases import Case, Outcome, discover
from ..reasons import Reason
from .given import Given, earlier_exercises

__all__ = ["CleanCheck", "check_clean", "run_child"]

# A test that takes longer is stopped by the child itself; this ends a child that cannot stop itself.
SILENCE = 90.0
# Before its first word a child imports what the exercise names, from a slow disk perhaps.
BEGINNING = 600.0


@dataclass(frozen=True)
class CleanCheck:
    """Outcomes of the visible tests, and by their names the weights with which a cell's points are divided."""

    outcomes: tuple[Outcome, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)


def check_clean(exercise: Exercise, handin: HandIn, given: Given | None, room: Path, display: Display) -> CleanCheck:
    """What the visible tests give on the unpacked hand-in, in the new folder `room`."""
    _furnish(exercise, handin, given, room)
    code = f"from {__name__} import run_child; run_child()"
    outcomes: list[Outcome] = []
    weights: dict[str, float] = {}
    # A file, not a pipe: nobody empties a pipe while the child works.
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            [sys.executable, "-X", "utf8", "-c", code, exercise.id],
            cwd=room / "exercises" / exercise.id,
            env=_environment(room),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        )
        for line in _lines(child):
            message = json.loads(line)
            if "weights" in message:
                weights = message["weights"]
                display.total = len(weights)
                continue
            reason = message.pop("code")
            outcomes.append(Outcome(**message, code=Reason(reason) if reason else None))
            display.step(len(outcomes))
        if child.returncode:
            errors.seek(0)
            said = errors.read()[-5000:].decode("utf-8", "replace").strip().splitlines()
            reason = said[-1].strip() if said else f"exit status {child.returncode}"
            raise CourseError(f"the checks on the unpacked zip stopped early: {reason}")
    return CleanCheck(tuple(outcomes), weights)


def _furnish(exercise: Exercise, handin: HandIn, given: Given | None, room: Path) -> None:
    """Lay out a course folder with the given files and, of the student's, only what the hand-in holds."""
    package = room / "exercise_code"
    if given is None:
        _copy_package(exercise, package)
    else:
        for name, data in given.files.items():
            target = room / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    for earlier in earlier_exercises(exercise):
        # The grader has the course's own solution of it, which a student has not.
        for path in earlier.folder.glob("*.py"):
            if not (package / earlier.id / path.name).exists():
                shutil.copy(path, package / earlier.id)
    if handin.package.is_dir():
        shutil.copytree(handin.package, package / exercise.id, dirs_exist_ok=True)
    if registry := registry_file():
        (room / "datasets").mkdir()
        shutil.copy(registry, room / "datasets")
    notebooks = room / "exercises" / exercise.id
    shutil.copytree(handin.folder, notebooks, ignore=shutil.ignore_patterns("exercise_code"))


def _copy_package(exercise: Exercise, into: Path) -> None:
    """In a clone of the course, whose given files are those on disk."""
    package = exercise.folder.parent
    wanted = {"__init__.py", "conftest.py", "common", exercise.id, *(one.id for one in earlier_exercises(exercise))}

    def skip(folder: str, names: list[str]) -> set[str]:
        left_out = {name for name in names if name == "__pycache__" or name.endswith(".pyc")}
        return left_out | (set(names) - wanted if Path(folder) == package else set())

    shutil.copytree(package, into, ignore=skip)
    rules = Rules(exercise)
    for path in (into / exercise.id).rglob("*.py"):
        flat = path.parent == into / exercise.id
        taken = isinstance(rules.place(("exercise_code", exercise.id, path.name)), Place)
        ours = path.stem in (*rules.given, "__init__", "conftest", exercise.visible_tests.stem)
        if not flat or taken or not ours:
            path.unlink()


def _environment(room: Path) -> dict[str, str]:
    """The child's environment: the clean folder's package, the course's own data, no notebook and its plots."""
    with suppress(CourseError):
        # Made absolute by being asked for; what is wrong with it, the data loader will say.
        mirror()
    environment = {**os.environ, "DATASETS_DIR": str(data_folder()), "MPLBACKEND": "Agg"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(room), os.environ.get("PYTHONPATH")]))
    environment.pop("JPY_SESSION_NAME", None)
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
    patience = BEGINNING
    try:
        while (line := lines.get(timeout=patience)) is not None:
            patience = SILENCE
            yield line
        child.wait()
    except queue.Empty:
        raise CourseError(
            f"a check on the unpacked zip gave no answer within {patience:g} seconds: "
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
    _leave_other_copies()
    exercise = load_exercise(sys.argv[1])

    def tell(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=channel, flush=True)

    import_what_is_named(exercise)
    tell({"weights": {case.name: _weight(case, exercise) for case in discover(exercise)}})
    check_exercise(exercise, lambda outcome: tell(asdict(outcome)))


def _weight(case: Case, exercise: Exercise) -> float:
    """What the test stands for; a step that only informs here stands for what its hidden twin brings."""
    step = case.grade.step
    return case.grade.weight or (exercise.model.added_share(step) if step and exercise.model else 0.0)


def _leave_other_copies() -> None:
    """Take the student's own course folder from the search path: a module of theirs there is not handed in."""
    room = Path(__file__).resolve().parents[3]
    sys.path[:] = [
        name
        for name in sys.path
        if Path(name).name in ("site-packages", "dist-packages")
        or Path(name).resolve() == room
        or not (Path(name) / "exercise_code").is_dir()
    ]
