"""`autograder demo`: a small class of hand-ins, made from the course's own sources, graded from end to end."""

import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from exercise_code.common.archives.zips import zip_bytes

from ..base.settings import settings_from_environment
from ..classroom.class_file import Classroom
from ..grading import local_fleets
from ..judging.result import Result
from ..simulation.snippets import ENDLESS, HOSTILE
from ..sources import variants
from ..sources.exercise import Sources, sources
from ..sources.known_answers import apply, wrong_answers
from .console import grade_with_progress
from .publish import publish
from .results_table import results_table

__all__ = ["demo_command"]

EXERCISES = {"ex03_dataloader": 8, "ex09_keypoints": 6}


def demo_command(out: Path, jobs: int | None, device: str, console: Console | None = None) -> int:
    """Make the hand-ins, grade them, print a table for each exercise; 1 when grading itself failed."""
    console = console or Console()
    settings = settings_from_environment(device=device)
    start = time.perf_counter()
    failed = graded = 0
    for exercise, wrong in EXERCISES.items():
        folder = out / "submissions" / exercise
        made = _make_class(exercise, wrong, folder)
        results: list[Result] = []
        fleets = local_fleets(exercise, settings, jobs)
        graded_class, _ = grade_with_progress(
            console,
            exercise,
            folder,
            out / "results",
            settings,
            fleets,
            anew=True,
            keep=lambda g: results.append(g.result),  # noqa: B023
        )
        publish(graded_class, out / "results", Classroom(), demo_secret=True)
        results.sort(key=lambda r: r.student)
        console.print(results_table(results, exercise, made))
        failed += sum(bool(r.failed) for r in results)
        graded += len(results)
    seconds = time.perf_counter() - start
    console.print(
        f"{graded} hand-ins graded in {seconds:.0f} s; the hand-ins are in {out / 'submissions'}, "
        f"the results in {out / 'results'}.\nLook at the pages: students/feedback, students/leaderboard.html and "
        "instructor/report.html of each exercise",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return 1 if failed else 0


def _make_class(exercise: str, wrong: int, folder: Path) -> dict[str, str]:
    """What each alias hands in, its zip written into `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = sources(exercise)

    def hostile(text: str) -> Callable[[Path], object]:
        return lambda into: _with_text(variants.reference(source, into), source, text)

    makers: list[tuple[str, Callable[[Path], object]]] = [
        ("the reference solution", lambda into: variants.reference(source, into)),
        ("untouched stubs", lambda into: variants.untouched(source, into)),
    ]
    known = wrong_answers(source)
    # Spread over the list, which goes through an exercise's tasks in their order.
    for entry in known[:: max(1, len(known) // wrong)][:wrong]:
        makers.append((entry.about, lambda into, entry=entry: apply(entry, into, source)))  # type: ignore[misc]
    shown = ["ends its process, exit code 0", "looks for the hidden tests"]
    if exercise == "ex03_dataloader":
        shown += ["loops for ever", "opens a connection", "is equal to everything"]
    texts = {**HOSTILE, "loops for ever": ENDLESS}
    makers += [(f"hostile: {about}", hostile(texts[about])) for about in shown]
    made: dict[str, str] = {}
    for i, (about, make) in enumerate(makers):
        alias = _alias(exercise, i)
        made[alias] = about
        with tempfile.TemporaryDirectory(prefix="demo-") as scratch:
            tree = Path(scratch) / "tree"
            make(tree)
            _zip(tree, folder / f"{alias}.zip")
    alias = _alias(exercise, len(makers))
    made[alias] = "hostile: a zip with ../ in a name"
    with zipfile.ZipFile(folder / f"{alias}.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("../../outside.py"), "print('outside')\n")
    return made


def _alias(exercise: str, i: int) -> str:
    return f"u{(i + 1) * 37 + int(exercise[2:4]) * 101:04}"


def _with_text(tree: Path, source: Sources, text: str) -> None:
    for module in source.twins:
        (tree / "exercise_code" / source.id / module).write_text(text, encoding="utf-8")


def _zip(tree: Path, path: Path) -> None:
    files = {p.relative_to(tree).as_posix(): p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    path.write_bytes(zip_bytes(files))
