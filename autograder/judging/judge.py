"""The judge: one hand-in in, one `Result` out. It never runs student code and never imports torch."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exercise_code.common.checks.score_table import ScoreTable
from exercise_code.common.checks.shares import share_of
from exercise_code.common.errors import CourseError, expect_asserts
from exercise_code.common.exercise import Exercise, load_exercise
from exercise_code.common.hand_ins.hand_in import HandIn, HandInError, ModelInfo, Note, inspect_model
from exercise_code.common.metrics import get_metric
from exercise_code.common.probing.cases import Grade, test_seed
from exercise_code.common.probing.failures import Failure
from exercise_code.common.probing.scores import Score, load_scoring
from exercise_code.common.probing.trial import RIGHT, compute_on
from exercise_code.common.reasons import Reason

from ..base.errors import AutograderError
from ..base.locks import Scratch
from ..base.settings import Settings, versions
from ..sandbox.client import Worker, readable_paths
from ..sandbox.workers import Workers
from ..sources.cells import grade_ids, graded_cells
from ..sources.exercise import sources
from .answer_key import AnswerKey
from .budget import SLEEP_FACTOR, Budget
from .collecting import run_pytest
from .hand_in_sandbox import HandInSandbox, import_of
from .job import Job
from .probes import ProbePickler
from .pytest_plugin import JudgePlugin
from .remarks import remarks_on, trouble, version_gap
from .result import CellResult, Result, TestResult, pack_samples
from .workspace import Inventory, lay_out_earlier, make_base, open_submission

__all__ = ["Judge"]
# Validation samples whose predictions a result keeps, for the pictures of the feedback page.
SAMPLES = 6


class Judge:
    """Grades hand-ins of one exercise; a context manager that owns the worker and the reference worker."""

    def __init__(self, exercise_id: str, settings: Settings) -> None:
        expect_asserts()
        self.exercise: Exercise = load_exercise(exercise_id)
        self.settings = settings
        self.source = sources(self.exercise)
        self.cells = [c for c in graded_cells(self.exercise.id, self.source.course.parent) if c.kind == "checks"]
        self.grade_ids = grade_ids(self.exercise.id, self.source.course.parent)
        self.twins = tuple(sorted(p.stem for p in self.source.solution.glob("*.py")))
        self._scratch = Scratch("judge-")
        self.scratch = self._scratch.folder
        self.base = base = make_base(self.exercise, self.source.course.parent, self.scratch / "base")
        self._guard(base)
        # What answers depend on and no hand-in may change.
        self._kept = [Inventory.of(base)]
        shared: dict[str, Any] = {
            "exercise": self.exercise.id,
            "base": base,
            "imports": self.exercise.imports,
            "unsafe": settings.unsafe,
        }
        self.workers = Workers(device=settings.device, **shared)
        self.worker = self.workers.usual
        self.answer_key = AnswerKey(self, self.twins, Worker(device=settings.device, **shared))
        self.pickler = ProbePickler()
        self._hidden: dict[bool, tuple[Any, Any]] = {}
        self._scores: dict[bool, Score | Failure] = {}
        self._halves: tuple[dict[str, float], ...] = ({}, {})
        self._samples = ""
        self._tables: list[ScoreTable] = []
        self._notes: tuple[Note, ...] = ()
        self._texts: list[bytes] = []

    def __enter__(self) -> "Judge":
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers and remove the scratch folder."""
        self.workers.close()
        self.answer_key.close()
        self._scratch.close()

    def _guard(self, base: Path) -> None:
        # Children may read the Python installation. Were the course inside it, they could read the answers.
        for folder in (self.source.course, self.source.exercise.folder):
            for readable in readable_paths(base):
                if folder.resolve().is_relative_to(Path(readable).resolve()):
                    raise AutograderError(
                        f"the course in {folder} lies inside {readable}, which the sandbox may read: "
                        "move the course elsewhere, or the Python environment out of it"
                    )

    def is_visible(self, item: Any) -> bool:
        """True for tests of the public file."""
        return bool(item.path.name == "test_visible.py")

    def seed(self, item: Any) -> int:
        """The test's seed: public for a visible test, an HMAC of the secret for a hidden one."""
        return test_seed(item.name) if self.is_visible(item) else self.settings.seed(self.exercise.id, item.name)

    def probe_seed(self, item: Any) -> int:
        """The seed that goes into the sandbox. A hidden test's own one stays here: it tells all inputs to come."""
        if self.is_visible(item):
            return self.seed(item)
        return self.settings.seed(self.exercise.id, f"probe of {item.name}")

    def ask_reference(
        self, probe: Callable[..., Any], inputs: tuple[Any, ...], seed: int, name: str, mark: Grade
    ) -> Any:
        """The reference's answer, computed once a grading process."""
        return self.answer_key.ask(probe, inputs, seed, name, mark)

    def ask_bank(self, probe: Callable[..., Any], inputs: tuple[Any, ...], seed: int, name: str, mark: Grade) -> Any:
        """What a probe answers beside the reference, or the `Failure` that it ends in."""
        return self.answer_key.ask_bank(probe, inputs, seed, name, mark)

    def expect_whole(self, *more: Inventory) -> None:
        """Nothing; an `AutograderError` when files are gone without which right answers would be wrong ones."""
        for inventory in (*self._kept, *self.answer_key.kept, *more):
            inventory.check()
        if not Path(sys.executable).exists():
            raise AutograderError(f"the Python installation in {sys.prefix} is gone: bring it back, or install anew")

    def inspect(self, workspace: Path) -> ModelInfo:
        """What the model's file says of itself; a `Failure` when there is no file."""
        model = self._model()
        path = workspace / "models" / f"{model.files[0]}.safetensors"
        if not path.is_file():
            # A file that was handed in but not taken, over its size limit say, has its reason here.
            name = f"models/{path.name}"
            told = [n.text for n in self._notes if n.code is Reason.NOT_TAKEN and n.name == name]
            reason = told[0] if told else f"{name} is not in the hand-in"
            raise Failure(reason, hint="train the model and save it with save_model", code=Reason.NO_MODEL)
        return inspect_model(path, model, self._texts)

    def evaluate(self, sandbox: HandInSandbox, observe: Callable[..., Any], visible: bool) -> Score:
        """The handed-in model's score; the tests of all its steps share one, and one failure."""
        if visible not in self._scores:
            try:
                self._scores[visible] = self._evaluate(sandbox, observe, visible)
            except Failure as failure:
                self._scores[visible] = failure
        found = self._scores[visible]
        if isinstance(found, Failure):
            raise found
        return found

    def _evaluate(self, sandbox: HandInSandbox, observe: Callable[..., Any], visible: bool) -> Score:
        """A score: inputs go in, in a secret order; predictions come out."""
        model = self._model()
        self.inspect(sandbox.workspace)
        scoring = load_scoring(self.exercise)
        if visible not in self._hidden:
            # Generated, where it may be: a public test set can be looked up by the hash of its pictures.
            fresh = not visible and self.settings.data == "embedded"
            seed = self.settings.seed(self.exercise.id, "hidden set") if fresh else None
            self._hidden[visible] = scoring.evaluation_set(self.settings.data, "val", seed=seed)
        inputs, targets = self._hidden[visible]
        more = scoring.more_inputs() if visible and hasattr(scoring, "more_inputs") else None
        order = np.random.default_rng(self.settings.seed(self.exercise.id, "order")).permutation(len(inputs))
        asked = inputs[order] if more is None else np.concatenate([inputs[order], more])
        predictions = observe(scoring.predict, model.files[0], asked)
        metric = get_metric(model.metric)
        half = len(order) // 2
        try:
            beside = None
            if more is not None:
                predictions, beside = _parted(predictions, len(order), len(more))
            score = Score(float(metric(predictions, targets[order])), model, self.settings.data)
            if visible:
                # The first samples of the set, in its own order: what a feedback page draws for everybody.
                first = np.argsort(order)[:SAMPLES]
                self._samples = pack_samples(np.asarray(predictions)[first])
                self._tables = _tables(scoring, targets[order], np.asarray(predictions), beside)
            else:
                self._halves = tuple(
                    {model.metric: float(metric(predictions[part], targets[order[part]]))}
                    for part in (slice(None, half), slice(half, None))
                )
        except (CourseError, ValueError, TypeError) as error:
            raise Failure(f"the predictions are not as expected: {error}", code=Reason.MALFORMED) from None
        return score

    def _model(self) -> Any:
        if self.exercise.model is None:
            raise AutograderError(f"{self.exercise.id} has no [model] in its exercise.toml, and a test asks for one")
        return self.exercise.model

    def serve(self, jobs: Iterable[Job], emit: Callable[[Job, Result], None]) -> None:
        """Grade one job after the other with tests collected once."""
        self._expect_device()

        def loop(items: list[pytest.Item]) -> None:
            self._expect_tests(items)
            for job in jobs:
                emit(job, self._grade(job, items, plugin))

        plugin = JudgePlugin(self, loop)
        files = [self.exercise.visible_tests, self.source.course / "test_hidden.py"]
        code = run_pytest(files, self.scratch, plugin)
        if plugin.fault is not None:
            raise plugin.fault
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise AutograderError(
                f"the tests of {self.exercise.id} could not be run (pytest's exit code {code}): "
                f"run `python -m pytest {files[0]}` to see why"
            )

    def _expect_device(self) -> None:
        """Nothing; an error where children cannot compute on the GPU that hand-ins would be scored on."""
        if self.settings.device != "cuda" or self.exercise.model is None:
            return
        try:
            found = self.ask_reference(compute_on, ("cuda",), 0, "a trial of the GPU", Grade("", cpu_seconds=60))
        except AutograderError as error:
            raise AutograderError(f"the sandbox cannot compute on the GPU ({error}): grade with --device cpu") from None
        if found != RIGHT:
            raise AutograderError(f"expected {RIGHT} of a trial of the GPU, got {found}: grade with --device cpu")

    def _expect_tests(self, items: list[pytest.Item]) -> None:
        if "torch" in sys.modules:
            raise AutograderError(
                "a test file imports torch at its top, and the judge must not: import it in the probe"
            )
        ids = {c.grade_id for c in self.cells}
        for item in items:
            grade_id = item.function.__grade__.grade_id  # type: ignore[attr-defined]
            if grade_id not in ids:
                raise AutograderError(
                    f"{item.name} counts for {grade_id!r}, which no graded cell has: known are {sorted(ids)}"
                )
        if not items:
            raise AutograderError(f"{self.exercise.id} has no graded tests")

    def _grade(self, job: Job, items: list[pytest.Item], plugin: JudgePlugin) -> Result:
        start = time.perf_counter()
        known: dict[str, Any] = {
            "student": job.student,
            "exercise": self.exercise.id,
            "hand_in": job.hand_in or job.path.name,
            "data": self.settings.data,
            "device": self.settings.device,
            "secret_hash": self.settings.secret_hash,
            "demo_secret": self.settings.demo_secret,
            "versions": versions(),
        }
        scratch = None
        self._scores, self._halves, self._samples, self._tables = {}, ({}, {}), "", []
        try:
            scratch = Path(tempfile.mkdtemp(prefix="handin-", dir=self.scratch))
            hand_in = open_submission(job.path, self.exercise, self.twins, scratch / "workspace", self.grade_ids)
            told = lay_out_earlier(job.earlier, self.exercise, self.base, hand_in.folder)
            results, sandbox = self._run(hand_in, items, plugin)
            cells = self._cells(items, {r.name: r for r in results})
            hidden = self._scores.get(False)
            return Result(
                digest=hand_in.digest,
                named=(hand_in.student_id or "") if self.exercise.personal else "",
                score=round(sum(c.points for c in cells), 6),
                max_score=self.max_score,
                cells=cells,
                metrics={self._model().metric: float(hidden)} if isinstance(hidden, Score) else {},
                public_metrics=self._halves[0],
                private_metrics=self._halves[1],
                samples=self._samples,
                tables=self._tables,
                model=self._describe_model(hand_in),
                notes=[
                    *remarks_on(hand_in),
                    *told,
                    *(Note(None, text) for text in sorted(sandbox.notes)),
                    *(Note(None, text) for text in version_gap(hand_in.folder, results, versions())),
                ],
                complete=len(results) == len(items),
                cpu_seconds=round(sandbox.used, 3),
                wall_seconds=round(time.perf_counter() - start, 3),
                memory_mb=round(sandbox.memory_mb, 1),
                **known,
            )
        except HandInError as error:
            refused = {i.name: self._refused(i) for i in items}
            return Result(refused=str(error), max_score=self.max_score, cells=self._cells(items, refused), **known)
        except (CourseError, OSError) as error:
            # Never a wrong answer: the machine failed, or the course did.
            return Result(failed=trouble(error), max_score=self.max_score, complete=False, **known)
        finally:
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)

    def _run(
        self, hand_in: HandIn, items: list[pytest.Item], plugin: JudgePlugin
    ) -> tuple[list[TestResult], HandInSandbox]:
        """The tests' results on an unpacked hand-in, and the sandbox, closed, which knows what its code used."""
        self._notes = hand_in.notes
        # What is data in a hand-in's own modules counts as parameters of its model.
        own = (*hand_in.modules, *hand_in.extra_modules) if self.exercise.model else ()
        self._texts = [(hand_in.package / f"{name}.py").read_bytes() for name in own]
        if self.exercise.model:
            theirs = hand_in.folder / "exercise_code"
            self._texts += [p.read_bytes() for name in self.exercise.earlier for p in (theirs / name).glob("*.py")]
        workspace = Inventory.of(hand_in.folder)
        seconds = self.exercise.limits.cpu_seconds * self.settings.cpu_factor
        if self.settings.hand_in_seconds is not None:
            # Asleep it takes longest.
            seconds = min(seconds, self.settings.hand_in_seconds / SLEEP_FACTOR)
        modules = sorted(set(hand_in.modules) & set(self.twins))
        budget = Budget(seconds, [*(c.grade_id for c in self.cells), *map(import_of, modules)])
        sandbox = HandInSandbox(self, hand_in.folder, budget, self._worker_for(hand_in))
        try:
            sandbox.import_modules(modules)
            results = list(plugin.run(items, sandbox, self.settings.stop_at_first_failure))
        finally:
            sandbox.close()
        # Code that could not be imported, or a file that was not there, may have been taken away by somebody else.
        self.expect_whole(workspace)
        return results, sandbox

    def _worker_for(self, hand_in: HandIn) -> Worker:
        own = {Path(name).stem for name in (*hand_in.modules, *hand_in.extra_modules)}
        return self.workers.for_hand_in(hand_in.package, own)

    @property
    def max_score(self) -> float:
        """The points that tests decide; written answers are marked by people."""
        return float(sum(c.points for c in self.cells))

    def _refused(self, item: Any) -> TestResult:
        title = " ".join((item.function.__doc__ or "").split())
        return TestResult(
            name=item.name,
            title=title,
            visible=self.is_visible(item),
            passed=False,
            weight=item.function.__grade__.weight,
            code=Reason.REFUSED,
            reason="the hand-in was refused",
        )

    def _cells(self, items: list[pytest.Item], results: dict[str, TestResult]) -> list[CellResult]:
        weights: dict[str, dict[str, float]] = {}
        for item in items:
            mark: Grade = item.function.__grade__  # type: ignore[attr-defined]
            weights.setdefault(mark.grade_id, {})[item.name] = mark.weight
        cells = []
        for cell in self.cells:
            of = weights.get(cell.grade_id, {})
            tests = [results[n] for n in of if n in results]
            points = cell.points * share_of((of[t.name] for t in tests if t.passed), of.values())
            cells.append(CellResult(grade_id=cell.grade_id, points=points, max_points=cell.points, tests=tests))
        return cells

    def _describe_model(self, hand_in: HandIn) -> dict[str, Any]:
        if self.exercise.model is None:
            return {}
        path = hand_in.folder / "models" / f"{self.exercise.model.files[0]}.safetensors"
        if not path.is_file():
            return {}
        info = inspect_model(path, self.exercise.model, self._texts)
        return {
            "parameters": info.parameters,
            "hidden": info.hidden,
            "size_mb": info.size_mb,
            "problems": list(info.problems),
        }


def _parted(predictions: Any, first: int, more: int) -> tuple[Any, Any]:
    """The predictions of the set, and those of what was asked beside it."""
    found = np.asarray(predictions)
    if found.shape[:1] != (first + more,):
        raise ValueError(f"expected {first + more} predictions, got an array of shape {found.shape}")
    return found[:first], found[first:]


def _tables(scoring: Any, targets: Any, predictions: Any, more: Any) -> list[ScoreTable]:
    """What the exercise's tables say; none where the predictions have a score, but not the form for a table."""
    if not hasattr(scoring, "score_tables"):
        return []
    try:
        return list(scoring.score_tables(targets, predictions, more))
    except (CourseError, ArithmeticError, LookupError, TypeError, ValueError):
        return []
