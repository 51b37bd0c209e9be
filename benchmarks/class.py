"""A whole class in one command: seconds, hand-ins a second, peak memory, and the same again with nothing changed.

    python benchmarks/class.py [--exercise ex03_dataloader] [--students 1500] [--sizes 100,500,1500] [--jobs N]

Makes classes of these sizes (`autograder.simulation.made_class`), each in a course folder, and grades each with one
command, `autograder grade EXERCISE FOLDER/submissions --course FOLDER`, which ends with gradebook, feedback,
leaderboard, report and exports. Memory is the sum of proportional set sizes (PSS) of the command, its judges and
their workers, sampled from /proc four times a second; the children in which hand-ins run, whose memory the exercise
limits, are counted apart.
With `--kills 5` the largest class is graded once more, in a course folder of its own, by a command that is ended with
`kill -9` at five random moments: results, students' pages and the gradebook's scores must be those of the first run;
of hand-ins that used up their CPU time, the points.
Exits with 1 when the largest class takes more than 15 minutes, or 30 seconds when nothing changed; when memory
grows with the class; when a hand-in lost other tests than it should; or when a product is missing.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from autograder.grading import result_path
from autograder.intake.digest import fingerprint
from autograder.judging.result import read_result
from autograder.nbgrader_bridge.class_folder import make_course
from autograder.simulation.made_class import MadeClass, make_class
from autograder.sources.exercise import known_tests

MOST_SECONDS, MOST_AGAIN = 15 * 60, 30
# Peak memory of the largest class against that of the smallest: a list of small summaries may grow, no more.
GROWTH = 1.25
EVERY = 0.25
USED_UP = "s of CPU time is used up"
TIMES = {"cpu_seconds", "wall_seconds", "memory_mb", "seconds"}
SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class Peak:
    """The largest sums seen so far, in MB."""

    grading: float = 0.0
    children: float = 0.0
    together: float = 0.0


@dataclass
class Run:
    """One run of the command: how long it took, what it printed, and how much memory it had."""

    seconds: float
    cpu_seconds: float
    code: int
    output: str
    peak: Peak


@dataclass
class Measured:
    """A class of one size."""

    students: int
    made: MadeClass
    first: Run
    again: Run
    faults: list[str] = field(default_factory=list)


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exercise", default="ex03_dataloader")
    parser.add_argument("--students", type=int, help="one class of this size")
    parser.add_argument("--sizes", default="100,500,1500", help="several classes, separated by commas")
    parser.add_argument("--jobs", type=int, help="judges at a time")
    parser.add_argument("--kills", type=int, default=0, help="end the largest class's command that often, and compare")
    parser.add_argument("--no-pages", action="store_true", help="only grade: no gradebook, no pages, no exports")
    parser.add_argument("--show", action="store_true", help="show what the command prints")
    arguments = parser.parse_args()
    sizes = [arguments.students] if arguments.students else sorted(int(n) for n in arguments.sizes.split(","))
    options = ["--jobs", str(arguments.jobs)] if arguments.jobs else []
    options += ["--no-pages"] if arguments.no_pages else []
    console = Console()
    # The table needs the room, also where nobody looks on.
    console.width = max(console.width, 110)
    measured = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        for size in sizes:
            folder = Path(name).resolve() / f"class-{size}"
            made = make_class(arguments.exercise, folder, size)
            (folder / "secret").write_text(SECRET + "\n", encoding="ascii")
            make_course(folder, [arguments.exercise])
            kinds = ", ".join(f"{count} {kind}" for kind, count in made.kinds.items())
            console.print(f"{size} students, {len(made.hand_ins)} hand-ins: {kinds}", highlight=False)
            first, again = (_grade(arguments.exercise, folder, options) for _ in range(2))
            if arguments.show:
                console.print(first.output, again.output, markup=False, highlight=False, soft_wrap=True)
            faults = [_last_words(run) for run in (first, again) if run.code]
            faults += _wrong_scores(arguments.exercise, made)
            faults += [] if arguments.no_pages else _missing(arguments.exercise, folder)
            measured.append(Measured(size, made, first, again, faults))
        code = _report(console, measured)
        if arguments.kills:
            code |= _killed(console, arguments.exercise, made, arguments.kills, options)
    return code


def _start(
    exercise: str, submissions: Path, course: Path, options: list[str], output: int = subprocess.PIPE
) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "autograder", "grade", exercise, str(submissions), "--course", str(course)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTOGRADER_")} | {"COLUMNS": "160"}
    return subprocess.Popen([*command, *options], env=environment, stdout=output, stderr=subprocess.STDOUT, text=True)


def _killed(console: Console, exercise: str, made: MadeClass, kills: int, options: list[str]) -> int:
    """0 when a class whose command is killed again and again ends as it did undisturbed."""
    course = made.folder.with_name(f"{made.folder.name}-killed")
    course.mkdir()
    for name in ("class.toml", "roster.csv", "secret"):
        shutil.copy(made.folder / name, course / name)
    make_course(course, [exercise])
    dice = random.Random(kills)
    count = sum(1 for _ in (made.folder / "results" / exercise).glob("*.json"))
    # After so many results; the last one falls into the making of gradebook and pages.
    moments = [*sorted(dice.sample(range(1, count), kills - 1)), count]
    done = 0
    finished: dict[Path, tuple[int, int]] = {}
    faults: list[str] = []
    results = course / "results" / exercise
    for n in range(kills + 1):
        process = _start(exercise, made.submissions, course, options, output=subprocess.DEVNULL)
        if n < kills:
            while process.poll() is None and sum(1 for _ in results.glob("*.json")) < moments[n]:
                time.sleep(EVERY)
            time.sleep(dice.uniform(0, 0.5 if n < kills - 1 else count / 200))
            done += process.poll() is None
            process.kill()
        process.communicate()
        now = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in results.glob("*.json")}
        faults += [f"{p.name} was graded twice" for p, made_at in finished.items() if now.get(p) != made_at]
        console.print(f"  run {n + 1}: exit code {process.returncode}, {len(now)} results", highlight=False)
        finished = now
    first, second = _outcome(made.folder, exercise), _outcome(course, exercise)
    different = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    faults += [f"{name} differs" for name in sorted(different)]
    if done < kills:
        faults.append(f"{kills - done} runs came to their end before they could be killed")
    held = not faults and len(first) > len(made.hand_ins)
    text = f"after {done} kills {len(first)} results, pages and scores are those of the undisturbed run"
    console.print(f"{'held' if held else 'MISSED'}: {text}", highlight=False)
    for fault in faults[:5]:
        console.print(fault, markup=False, highlight=False)
    return 0 if held else 1


def _outcome(course: Path, exercise: str) -> dict[str, Any]:
    """What a run leaves: results without their times, students' pages, the gradebook's scores."""
    results = course / "results" / exercise
    found: dict[str, Any] = {p.name: _timeless(json.loads(p.read_bytes())) for p in results.glob("*.json")}
    pages = {p.name: p.read_bytes() for p in (results / "students").rglob("*.html")}
    for name, result in found.items():
        # How far a hand-in got before its CPU time was used up is a matter of time: its points are compared.
        if any(test["reason"].endswith(USED_UP) for cell in result["cells"] for test in cell["tests"]):
            found[name] = [result["student"], result["score"], [cell["points"] for cell in result["cells"]]]
            pages.pop(f"{name.partition('--')[0]}.html", None)
    found |= pages
    if (course / "gradebook.db").is_file():
        with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as database:
            found["gradebook"] = database.execute(
                "SELECT a.student_id, n.name, c.name, g.auto_score, g.needs_manual_grade FROM grade g"
                " JOIN submitted_notebook s ON g.notebook_id = s.id"
                " JOIN submitted_assignment a ON s.assignment_id = a.id"
                " JOIN notebook n ON s.notebook_id = n.id JOIN base_cell c ON g.cell_id = c.id ORDER BY 1, 2, 3"
            ).fetchall()
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in TIMES}
    return [_timeless(v) for v in value] if isinstance(value, list) else value


def _grade(exercise: str, folder: Path, options: list[str]) -> Run:
    before = os.times()
    start = time.monotonic()
    process = _start(exercise, folder / "submissions", folder, options)
    peak, done = Peak(), threading.Event()
    sampler = threading.Thread(target=_watch, args=(process.pid, peak, done))
    sampler.start()
    output, _ = process.communicate()
    done.set()
    sampler.join()
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(time.monotonic() - start, cpu, process.returncode, output, peak)


def _watch(root: int, peak: Peak, done: threading.Event) -> None:
    while not done.wait(EVERY):
        grading = children = 0.0
        for pid, is_child in _tree(root):
            if is_child:
                children += _megabytes(pid)
            else:
                grading += _megabytes(pid)
        peak.grading = max(peak.grading, grading)
        peak.children = max(peak.children, children)
        peak.together = max(peak.together, grading + children)


def _tree(root: int) -> list[tuple[int, bool]]:
    """The processes below `root` and itself; True for a worker's forks, in which hand-ins run."""
    below: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        below.setdefault(parent, []).append(int(path.parent.name))
    found, pending = [], [(root, False)]
    while pending:
        pid, is_child = pending.pop()
        found.append((pid, is_child))
        try:
            is_worker = b"worker.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            is_worker = False
        pending += [(child, is_worker) for child in below.get(pid, [])]
    return found


def _megabytes(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def _wrong_scores(exercise: str, made: MadeClass) -> list[str]:
    """Hand-ins that lost other tests than those that are known to fail."""
    tests = set(known_tests(exercise))
    faults = []
    for hand_in in made.hand_ins:
        if hand_in.fails is None or not hand_in.student.removeprefix("s").isdigit():
            continue
        path = result_path(made.folder / "results", exercise, hand_in.student, fingerprint(hand_in.path))
        result = read_result(path)
        lost = {t.name for t in result.lost} if result is not None else tests
        if lost != set(hand_in.fails):
            faults.append(f"{hand_in.student} ({hand_in.about}): {sorted(lost ^ set(hand_in.fails))}")
    return faults[:5]


def _missing(exercise: str, folder: Path) -> list[str]:
    results = folder / "results" / exercise
    wanted = {
        "gradebook": folder / "gradebook.db",
        "feedback": results / "students" / "feedback",
        "leaderboard": results / "students" / "leaderboard.html",
        "report": results / "instructor" / "report.html",
        "exports": results / "instructor" / "exports",
    }
    return [f"no {name} in {path}" for name, path in wanted.items() if not path.exists()]


def _last_words(run: Run) -> str:
    return f"exit code {run.code}: {run.output.strip().splitlines()[-1] if run.output.strip() else 'nothing printed'}"


def _report(console: Console, measured: list[Measured]) -> int:
    table = Table(pad_edge=False)
    columns = ("students", "hand-ins", "seconds", "hand-ins/s", "CPU s", "again s", "MB", "children MB", "all MB")
    for name in columns:
        table.add_column(name, justify="right")
    for m in measured:
        first, count = m.first, len(m.made.hand_ins)
        sizes = (first.peak.grading, first.peak.children, first.peak.together)
        seconds = (
            f"{first.seconds:.0f}",
            f"{count / first.seconds:.1f}",
            f"{first.cpu_seconds:.0f}",
            f"{m.again.seconds:.1f}",
        )
        table.add_row(str(m.students), str(count), *seconds, *(f"{size:.0f}" for size in sizes))
    console.print(table)
    for line in measured[-1].first.output.strip().splitlines()[-12:]:
        console.print(f"  {line.rstrip()}", markup=False, highlight=False, soft_wrap=True)
    largest, smallest = measured[-1], measured[0]
    bars = [
        (f"at most {MOST_SECONDS} s", largest.first.seconds <= MOST_SECONDS),
        (f"again at most {MOST_AGAIN} s", largest.again.seconds <= MOST_AGAIN),
        (
            f"memory of the largest class at most {GROWTH:g} times that of the smallest",
            largest.first.peak.grading <= GROWTH * smallest.first.peak.grading,
        ),
        ("every hand-in lost what it should, every product is there", not any(m.faults for m in measured)),
    ]
    for text, held in bars:
        console.print(f"{'held' if held else 'MISSED'}: {text}", highlight=False)
    for fault in (fault for m in measured for fault in m.faults):
        console.print(fault, markup=False, highlight=False)
    return 0 if all(held for _, held in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
