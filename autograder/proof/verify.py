"""Does an exercise grade as it should? Its reference, stubs, right and wrong answers and mutants, all graded."""

from __future__ import annotations

import itertools
import math
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table

from exercise_code.common.exercise import Exercise

from ..base.errors import AutograderError
from ..base.progress import progress_bar
from ..base.settings import Settings
from ..fleet.local import Fleet
from ..judging.job import Job
from ..judging.result import Result
from ..sources import variants
from ..sources.exercise import Sources, known_tests, sources
from ..sources.known_answers import RightAnswer, WrongAnswer, apply, right_answers, wrong_answers
from .mutants import Mutant, Pool, pool
from .stand_ins import Trials, try_given_code

__all__ = [
    "Finding",
    "Judge",
    "MutationScore",
    "SandboxJudge",
    "Verdict",
    "VerifyReport",
    "print_report",
    "verify",
]

KILLED_SHARE = 0.95
# A mutant may loop for ever: it is given this part of the exercise's CPU time for a test.
MUTANT_CPU_FACTOR = 0.4
CHUNK = 16

T = TypeVar("T")
Part = Literal["reference", "untouched", "right answer", "wrong answer", "given code", "mutants"]


@dataclass(frozen=True)
class Verdict:
    """What a hand-in earned: points and maximum of every graded cell, and why its failed tests failed."""

    cells: dict[str, tuple[float, float]]
    failed: dict[str, str]


class Judge(Protocol):
    """Grades hand-in folders; `first_failure` allows it to stop a hand-in at the first test that fails."""

    def __call__(self, handins: Iterable[Path], *, first_failure: bool) -> Iterator[tuple[Path, Verdict]]: ...


@dataclass(frozen=True)
class Finding:
    """One thing that was verified; `detail` says in words what is wrong, or what was seen."""

    part: Part
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class MutationScore:
    """Which mutants the tests noticed; `lost` are listed equivalents that lose points after all."""

    killed: tuple[Mutant, ...]
    survivors: tuple[Mutant, ...]
    equivalents: tuple[tuple[Mutant, str], ...]
    lost: tuple[tuple[Mutant, str], ...] = ()

    @property
    def share(self) -> float:
        """The part of the mutants without the equivalents that lost points."""
        total = len(self.killed) + len(self.survivors)
        return len(self.killed) / total if total else 0.0


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` found of an exercise; `ok` when it grades as it should."""

    exercise: str
    findings: tuple[Finding, ...]
    mutation: MutationScore | None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self.findings)


def verify(
    exercise: str | Exercise | Sources,
    *,
    judge: Judge | None = None,
    settings: Settings | None = None,
    mutants: bool = True,
    given: bool = True,
    most_answers: int | None = None,
    most_mutants: int | None = None,
    jobs: int = 1,
    console: Console | None = None,
) -> VerifyReport:
    """A report on an exercise: every hand-in that can be made from its own sources, graded as students' are.

    The reference and each right answer must earn every automatic point and the untouched stubs none in any cell;
    each wrong answer must fail exactly the tests it names; of the mutants, listed equivalents aside, 95 % must lose
    points. No given function may pass a task's checks in the place of one that students write. `most_answers` and
    `most_mutants` take no more than so many, drawn by the exercise's id: the same each time.
    """
    src = sources(exercise)
    answers: list[RightAnswer | WrongAnswer] = _some([*right_answers(src), *wrong_answers(src)], most_answers, src.id)
    mutant_pool = pool(src.solution, src.course / "equivalent.toml") if mutants else None
    if mutant_pool is not None:
        mutant_pool = replace(mutant_pool, mutants=tuple(_some(mutant_pool.mutants, most_mutants, src.id)))
    run = _Run(src, judge or SandboxJudge(src.id, settings or Settings(), jobs), console or Console(stderr=True))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        findings = run.own_handins(Path(folder) / "handins", answers)
        seconds = {"hand-ins": time.perf_counter() - start}
        if given:
            start = time.perf_counter()
            findings.append(_judge_given(try_given_code(src)))
            seconds["given code"] = time.perf_counter() - start
        mutation = None
        if mutant_pool is not None:
            start = time.perf_counter()
            if findings[0].ok:
                mutation = run.mutation(Path(folder), mutant_pool)
                findings.append(_judge_mutation(mutation))
            else:
                detail = "not tried: a mutant shows nothing while the reference itself loses points"
                findings.append(Finding("mutants", "mutants", False, detail))
            seconds["mutants"] = time.perf_counter() - start
    return VerifyReport(src.id, tuple(findings), mutation, seconds)


def _some(everything: Sequence[T], most: int | None, exercise: str) -> list[T]:
    """All of them, or so many drawn at random, in their order."""
    if most is None or most >= len(everything):
        return list(everything)
    taken = set(random.Random(exercise).sample(range(len(everything)), most))
    return [each for number, each in enumerate(everything) if number in taken]


def print_report(report: VerifyReport, console: Console, *, diffs: bool = True) -> None:
    """Print the findings as a table, then every survivor with its diff."""
    table = Table(title=f"{report.exercise}: does it grade as it should?", title_justify="left")
    for heading in ("hand-in", "", "found"):
        table.add_column(heading, overflow="fold")
    for finding in report.findings:
        mark = "[green]ok[/]" if finding.ok else "[red]wrong[/]"
        name = finding.name if finding.name == finding.part else f"{finding.part} {finding.name}"
        table.add_row(escape(name), mark, escape(finding.detail))
    console.print(table)
    mutation = report.mutation
    if mutation is not None and diffs:
        for mutant in mutation.survivors:
            console.print(f"\n[yellow]survivor[/] {escape(mutant.id)}", highlight=False)
            console.print(Syntax(mutant.diff(), "diff", background_color="default"))
        for mutant, test in mutation.lost:
            console.print(f"\n[red]listed as equivalent, but fails {escape(test)}[/] {escape(mutant.id)}")
    spent = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in report.seconds.items())
    console.print(f"{report.exercise}: {'ok' if report.ok else 'not ok'} ({spent})", highlight=False)


@dataclass(frozen=True)
class _Run:
    src: Sources
    judge: Judge
    console: Console

    def own_handins(self, folder: Path, answers: list[RightAnswer | WrongAnswer]) -> list[Finding]:
        """Findings on the reference, the untouched stubs and each right and wrong answer, in this order."""
        known = set(known_tests(self.src))
        makers: dict[str, Callable[[Path], object]] = {
            "reference": partial(variants.reference, self.src),
            "untouched": partial(variants.untouched, self.src),
            **{f"{each.kind}-{each.name}": partial(apply, each, exercise=self.src) for each in answers},
        }
        others = variants.STUDENTS[1:] if self.src.exercise.personal else ()
        makers |= {f"of-{name}": partial(variants.reference, self.src, student=name) for name in others}
        verdicts = self._grade("hand-ins", folder, makers, first_failure=False)
        findings = [
            _judge_full("reference", "reference", verdicts["reference"]),
            *(_judge_full("reference", f"of {name}", verdicts[f"of-{name}"]) for name in others),
            _judge_untouched(verdicts["untouched"]),
        ]
        for answer in answers:
            verdict = verdicts[f"{answer.kind}-{answer.name}"]
            if isinstance(answer, WrongAnswer):
                findings.append(_judge_wrong(answer, verdict, known))
            else:
                findings.append(_judge_full("right answer", answer.name, verdict))
        return findings

    def mutation(self, folder: Path, mutants: Pool) -> MutationScore:
        """Which of the mutants lose points, and whether the listed equivalents really lose none."""
        base = variants.reference(self.src, folder / "base")
        everything = [*mutants.mutants, *(mutant for mutant, _ in mutants.equivalents)]
        makers: dict[str, Callable[[Path], object]] = {}
        for number, mutant in enumerate(everything):
            make = partial(variants.with_module, base, self.src, mutant.file, mutant.source)
            makers[f"mutant-{number:04}"] = make
        makers["control"] = partial(shutil.copytree, base)
        verdicts = self._grade("mutants", folder / "mutants", makers, first_failure=True)
        if control := verdicts["control"].failed:
            raise AutograderError(
                "expected the unchanged reference to pass among the mutants, it fails "
                f"{_reasons(control, set(control))}: a test needs more than {MUTANT_CPU_FACTOR:.0%} of its CPU limit, "
                "or is not deterministic"
            )
        failed = {
            mutant.id: next(iter(verdicts[name].failed), "") for name, mutant in zip(makers, everything, strict=False)
        }
        return MutationScore(
            killed=tuple(mutant for mutant in mutants.mutants if failed[mutant.id]),
            survivors=tuple(mutant for mutant in mutants.mutants if not failed[mutant.id]),
            equivalents=mutants.equivalents,
            lost=tuple((mutant, failed[mutant.id]) for mutant, _ in mutants.equivalents if failed[mutant.id]),
        )

    def _grade(
        self, what: str, folder: Path, makers: dict[str, Callable[[Path], object]], *, first_failure: bool
    ) -> dict[str, Verdict]:
        def handins() -> Iterator[Path]:
            for name, make in makers.items():
                make(folder / name)
                yield folder / name

        verdicts = {}
        with progress_bar(self.console, transient=True) as progress:
            task = progress.add_task(f"{self.src.id}: {what}", total=len(makers))
            for path, verdict in self.judge(handins(), first_failure=first_failure):
                verdicts[path.name] = verdict
                # Hundreds of copies of a model are gigabytes.
                shutil.rmtree(path, ignore_errors=True)
                progress.advance(task)
        if missing := [name for name in makers if name not in verdicts]:
            raise AutograderError(f"expected a result for every hand-in, got none for {', '.join(missing[:5])}")
        return verdicts


def _judge_full(part: Part, name: str, verdict: Verdict) -> Finding:
    """A finding on a hand-in that must earn everything."""
    lost = [cell for cell, (points, maximum) in verdict.cells.items() if not math.isclose(points, maximum)]
    total = sum(points for points, _ in verdict.cells.values())
    if verdict.failed:
        return Finding(part, name, False, f"loses points: {_reasons(verdict.failed, set(verdict.failed))}")
    if lost or not total:
        detail = f"earns not all points: no test counts for {', '.join(lost) or 'any cell'}"
        return Finding(part, name, False, detail)
    return Finding(part, name, True, f"earns all {total:g} automatic points")


def _judge_untouched(verdict: Verdict) -> Finding:
    earned = {cell: points for cell, (points, _) in verdict.cells.items() if points}
    if earned:
        cells = ", ".join(f"{cell} ({points:g})" for cell, points in earned.items())
        detail = f"earns points for nothing: {cells}: each of their tests must assert something positive"
        return Finding("untouched", "untouched", False, detail)
    return Finding("untouched", "untouched", True, f"earns nothing in {len(verdict.cells)} graded cells")


def _judge_wrong(wrong: WrongAnswer, verdict: Verdict, known: set[str]) -> Finding:
    expected, failed = set(wrong.fails), set(verdict.failed)
    problems = []
    if expected - failed:
        problems.append(f"passes {', '.join(sorted(expected - failed))}, which it should fail")
    if failed - expected:
        problems.append(f"fails also {_reasons(verdict.failed, failed - expected)}")
    if failed - known:
        problems.append("fails tests that no test file declares")
    detail = "; ".join(problems) or f"fails exactly the tests it names ({len(expected)} of {len(known)})"
    return Finding("wrong answer", wrong.name, not problems, detail)


def _judge_given(trials: Trials) -> Finding:
    if trials.found:
        return Finding("given code", "given code", False, "; ".join(map(str, trials.found)))
    detail = f"none of {trials.functions} given functions passes the checks of a task ({len(trials.tasks)} tried)"
    return Finding("given code", "given code", True, detail)


def _judge_mutation(score: MutationScore) -> Finding:
    total = len(score.killed) + len(score.survivors)
    detail = (
        f"{len(score.killed)} of {total} lose points ({score.share:.1%}, {KILLED_SHARE:.0%} wanted); "
        f"{len(score.equivalents)} listed as equivalent"
    )
    if score.lost:
        names = ", ".join(mutant.id for mutant, _ in score.lost)
        detail += f", of which {len(score.lost)} lose points after all: remove {names}"
    return Finding("mutants", "mutants", score.share >= KILLED_SHARE and not score.lost, detail)


def _reasons(failed: dict[str, str], names: set[str]) -> str:
    return "; ".join(f"{name} ({failed[name]})" for name in sorted(names)) or "no test failed"


@dataclass(frozen=True)
class SandboxJudge:
    """The judge that grades students, asked for verdicts; mutants that loop are stopped early."""

    exercise: str
    settings: Settings
    jobs: int = 1

    def __call__(self, handins: Iterable[Path], *, first_failure: bool) -> Iterator[tuple[Path, Verdict]]:
        """Path and verdict of each hand-in, as they are done."""
        factor = self.settings.cpu_factor * (MUTANT_CPU_FACTOR if first_failure else 1.0)
        settings = replace(self.settings, stop_at_first_failure=first_failure, cpu_factor=factor)
        todo = iter(handins)
        with Fleet(self.exercise, settings, self.jobs) as fleet:
            # The fleet takes whole lists, and all mutants at once would fill a disk.
            while chunk := [Job(path.name, path) for path in itertools.islice(todo, CHUNK * self.jobs)]:
                for job, result in fleet.grade(chunk):
                    yield job.path, _verdict(result)


def _verdict(result: Result) -> Verdict:
    if result.failed:
        raise AutograderError(f"grading {result.hand_in} itself failed: {result.failed}")
    cells = {cell.grade_id: (cell.points, cell.max_points) for cell in result.cells}
    return Verdict(cells, {test.name: result.refused or test.log or test.reason for test in result.lost})
