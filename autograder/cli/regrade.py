"""`autograder regrade` and `autograder appeal`: hand-ins graded again, and what that changed.

A regrade grades every hand-in of the exercise whose result is older than its tests. It does not try to tell which
hand-ins a fixed test concerns: a test may use any helper, probe, given module or line of the solution, and the
seeds of all tests come from one place, so only running them tells; a class of 1,500 takes minutes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..base.errors import AutograderError
from ..base.files import write_if_changed
from ..base.locks import lock_results
from ..base.spreadsheets import csv_text, disarmed
from ..base.text import line, number
from ..fleet.local import Fleet
from ..grading import BEFORE, course_hash, file_name, forget_told, result_key, result_path, set_aside, tell
from ..grading.collection import HandIn
from ..grading.earlier import EarlierHandIns
from ..intake.search import Found
from ..judging.job import Job
from ..judging.result import CellResult, Result, TestResult, read_result, write_result
from ..sources.exercise import sources

if TYPE_CHECKING:
    from .options import GradeOptions
    from .run import Run
from ..grading.changes import LARGEST_TABLE, Change, changes, compare, tests_by_name

__all__ = ["appeal_command", "regrade_command", "report_changes"]


def report_changes(folder: Path, console: Console) -> list[Change]:
    """The hand-ins whose result changed, printed and written to `instructor/changes.csv`; then `before/` goes.

    Where grading itself failed, the result from before stays aside until it has been graded.
    """
    forget_told(folder)
    found: list[Change] = []
    unchanged = 0
    causes: Counter[str] = Counter()
    for change in changes(folder):
        if change is None:
            unchanged += 1
        else:
            # Logs are long, and a class is large: only what is printed is kept.
            found.append(replace(change, before=_light(change.before), after=_light(change.after)))
            causes.update(_causes(change.before, change.after))
    found.sort(key=lambda c: (-round(abs(c.difference), 3), c.after.student, c.after.hand_in))
    scores = [c for c in found if c.difference]
    if found:
        path = folder / "instructor" / "changes.csv"
        write_if_changed(_csv(found).encode("utf-8", "replace"), path)
        console.print(_by_test(found))
        if scores:
            console.print(_by_student(scores[:LARGEST_TABLE]))
        _say(console, f"all changes, with every reason, are in {path}")
    for cause, count in sorted(causes.items()):
        _say(console, f"{cause} ({count} of those with changes)")
    up = sum(c.difference > 0 for c in scores)
    text = f"{len(found) + unchanged} hand-ins graded again: {len(scores)} scores changed"
    if scores:
        text += f" ({up} up, {len(scores) - up} down)"
    if len(found) > len(scores):
        text += f", {len(found) - len(scores)} have the same score in another way"
    _say(console, f"{text}, {unchanged} results are as they were")
    told = ((path.name, read_result(folder / path.name)) for path in (folder / BEFORE).glob("*.json"))
    tell(folder, [name for name, after in told if after is None or not after.failed])
    return found


def _light(result: Result) -> Result:
    return result.model_copy(update={"cells": [], "samples": "", "notes": []})


def _causes(before: Result, after: Result) -> list[str]:
    """What besides the tests is not as it was."""
    found = []
    if before.secret_hash != after.secret_hash:
        found.append("the secret is another one, and with it all hidden inputs")
    for name, old, new in (("data", before.data, after.data), ("device", before.device, after.device)):
        if old != new:
            found.append(f"{name}: {old} before, {new} now")
    for name in sorted({*before.versions, *after.versions}):
        old, new = before.versions.get(name, "none"), after.versions.get(name, "none")
        if old != new:
            found.append(f"{name}: {old} before, {new} now")
    return found


def _csv(found: Sequence[Change]) -> str:
    rows: list[Sequence[object]] = [("student", "hand_in", "before", "after", "difference", "out_of", "why")]
    for c in found:
        who, file = disarmed(c.after.student), disarmed(c.after.hand_in)
        rows.append((who, file, c.before.score, c.after.score, c.difference, c.after.max_score, disarmed(c.why)))
    return csv_text(rows)


def _by_test(found: Sequence[Change]) -> Table:
    table = Table(title="what changed, test by test", title_justify="left", pad_edge=False)
    for name in ("test", "what", "hand-ins"):
        table.add_column(name, justify="right" if name == "hand-ins" else "left", overflow="fold")
    counted = Counter((test.name, test.what) for change in found for test in change.tests)
    for (name, what), count in sorted(counted.items()):
        table.add_row(name, what, str(count))
    others = Counter(text.split(":")[0] for change in found for text in change.other)
    for text, count in sorted(others.items()):
        table.add_row("", Text(line(text)), str(count))
    return table


def _by_student(scores: Sequence[Change]) -> Table:
    table = Table(title="whose score changed, most first", title_justify="left", pad_edge=False)
    for name in ("student", "hand-in", "before", "after", "why"):
        table.add_column(name, justify="right" if name in ("before", "after") else "left", overflow="fold")
    for c in scores:
        style = "green" if c.difference > 0 else "red"
        points = _points(c.before.score), Text(f"{_points(c.after.score)} of {_points(c.after.max_score)}", style=style)
        table.add_row(Text(line(c.after.student)), Text(line(c.after.hand_in)), *points, Text(line(c.why)))
    return table


def _points(value: float) -> str:
    """Points as people read them; the CSV has all digits."""
    return number(round(value, 2))


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def regrade_command(options: "GradeOptions") -> int:
    """Grade again what was graded with other tests, then list whose score changed and why.

    Stopped in the middle, it goes on where it was: the results from before stay aside until the list is written.
    """
    from .grade import grade_command
    from .run import open_run

    console = Console()
    folder = open_run(options).folder
    code = grade_command(replace(options, table=False))
    with lock_results(folder):
        forget_told(folder)
        if not (folder / BEFORE).is_dir():
            _say(console, "nothing was graded again: all results were made with these tests")
            if (list_ := folder / "instructor" / "changes.csv").is_file():
                _say(console, f"what the last regrade changed is in {list_}")
            return code
        report_changes(folder, console)
    return code


def appeal_command(options: "GradeOptions", student: str, keep: bool = False) -> int:
    """Grade one student's hand-ins again, whatever is known of them, and print all there is to say.

    The same text is written to `instructor/appeals/`. Stored results stay, unless `keep` puts the new ones in their
    place. 1 when grading itself failed.
    """
    from .run import open_run

    console = Console()
    run = open_run(options)
    own = _hand_ins_of(run, student)
    course = course_hash(run.exercise)
    failed = False
    works = EarlierHandIns(run.exercise, run.settings, run.out, run.classroom.folder)
    with Fleet(run.exercise.id, run.settings, 1) as fleet:
        for hand_in in own:
            one, print_ = hand_in.found, hand_in.digest
            earlier = works.of(one.student)
            ((_, result),) = fleet.grade([Job(one.student, one.path, one.file, earlier)])
            key = result_key(one.student, print_, course, run.settings, earlier)
            result = result.model_copy(update={"key": key})
            path = result_path(run.out, run.exercise.id, one.student, print_)
            text = _log(run, one, print_, result, read_result(path))
            log = run.folder / "instructor" / "appeals" / f"{path.stem}.txt"
            write_if_changed(text.encode("utf-8", "replace"), log)
            _say(console, text)
            _say(console, f"this text is in {log}")
            failed = failed or bool(result.failed)
            if keep and not result.failed:
                with lock_results(run.folder):
                    # Where it was made with other tests, `regrade` shall still list what changed.
                    set_aside(path, result.key)
                    write_result(result, path)
                _say(console, f"the new result is in {path}; `autograder grade {run.exercise.id}` renews the pages")
    return 1 if failed else 0


def _hand_ins_of(run: "Run", student: str) -> list[HandIn]:
    ids, on_roster = {student}, False
    for known in run.classroom.roster.students if run.classroom.roster else ():
        if student and student.casefold() in (known.id.casefold(), known.alias.casefold(), known.name.casefold()):
            ids.add(known.id)
            on_roster = True
    own = [one for one in run.hand_ins if one.found.student in ids]
    for one in own:
        if one.gone:
            raise AutograderError(
                f"expected {one.found.file} of {student} in {one.found.path}, found none there now: put the file back; "
                f"what was graded is in {result_path(run.out, run.exercise.id, one.found.student, one.digest)}"
            )
    if not own and (stored := _stored_of(run, ids)):
        raise AutograderError(
            f"expected a hand-in of {student} in {run.places}, found none there now: put the file back; what was "
            f"graded is in {stored[0]}" + (f" and {len(stored) - 1} more" if len(stored) > 1 else "")
        )
    if not own and on_roster:
        raise AutograderError(f"expected a hand-in of {student} in {run.places}, found none: check the path")
    if not own:
        names = sorted({one.found.student for one in run.hand_ins})
        shown = ", ".join(map(line, names[:5])) + (", ..." if len(names) > 5 else "")
        raise AutograderError(f"expected a student with a hand-in, got {student!r}: there are {shown}")
    return own


def _stored_of(run: "Run", ids: set[str]) -> list[Path]:
    """Results of a student that are there, though the register has no hand-in of them."""
    return sorted(path for id_ in ids for path in run.folder.glob(f"{file_name(id_)}--*.json"))


def _log(run: "Run", one: Found, print_: str, result: Result, stored: Result | None) -> str:
    """All that the instructor may know of a hand-in."""
    came = f", came {_time(one.submitted)}" if one.submitted else ""
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    lines = [
        f"{line(one.student)}: {line(one.file)}{came}",
        f"score {_points(result.score)} of {_points(result.max_score)}; {_against(stored, result)}",
        f"used {result.cpu_seconds:.2f} s of CPU, {result.wall_seconds:.2f} s in all, {result.memory_mb:.0f} MB",
        f"SHA-256 of the hand-in {print_}, of what was taken from it {result.digest or 'nothing'}",
        f"{result.data} data, {result.device}, secret {result.secret_hash}{' (demo)' if result.demo_secret else ''}",
        versions,
        f"tests: {run.exercise.visible_tests} and {sources(run.exercise).course / 'test_hidden.py'}",
    ]
    if result.failed:
        lines.append(f"grading itself failed: {result.failed}")
    if result.refused:
        lines.append(f"refused: {line(result.refused)}")
    lines += [f"{name}: {value:.6g}" for name, value in result.metrics.items()]
    lines += [f"model: {line(str(result.model))}"] if result.model else []
    lines += [f"note: {line(note.text)}" for note in result.notes]
    before = tests_by_name(stored) if stored is not None else {}
    for cell in result.cells:
        lines += ["", *_cell_lines(cell, before)]
    return "\n".join(lines) + "\n"


def _against(stored: Result | None, result: Result) -> str:
    """The new result against the stored one, in words."""
    if stored is None:
        return "no result is stored"
    change = compare(stored, result)
    if change is None:
        return "the stored result is the same"
    text = f"the stored result has {_points(stored.score)}: {line(change.why)}"
    if stored.key != result.key:
        return f"{text} (made with other tests or settings: `autograder regrade` grades all again)"
    return f"{text} (same hand-in, same tests: a test is near its time limit, or leaves something to chance)"


def _cell_lines(cell: CellResult, before: dict[str, TestResult]) -> Iterator[str]:
    yield f"{cell.grade_id}: {_points(cell.points)} of {_points(cell.max_points)}"
    for test in cell.tests:
        verdict = "passed" if test.passed else "FAILED"
        kind = "visible" if test.visible else "hidden"
        yield f"  {verdict}  {kind:7}  {test.name}  ({test.seconds:.3f} s)"
        old = before.get(test.name)
        if old is not None and old.passed != test.passed:
            yield f"      stored: {'passed' if old.passed else f'failed: {line(old.reason)}'}"
        if test.passed:
            continue
        yield f"      expected: {line(test.title)}"
        for name in ("reason", "want", "got", "hint", "log"):
            if text := getattr(test, name):
                first, *more = [line(part) for part in text.splitlines()] or [""]
                yield f"      {name}: {first}"
                yield from (f"          {part}" for part in more)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z")
