"""Which known mistake a failing hand-in made: by the tests it fails and, where several fail the same, by its code."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Literal

from exercise_code.common.errors import CourseError
from exercise_code.common.hand_ins.hand_in import read_handin
from exercise_code.common.hand_ins.model_file import MAX_HEADER_BYTES
from exercise_code.common.reasons import Reason

from ..classroom.roster import Student
from ..grading.standing import Attempt, GradedClass
from ..judging.result import Result, TestResult
from ..sources.exercise import Sources, sources
from ..sources.known_answers import WrongAnswer, wrong_answers
from ..sources.variants import strip_markers
from .tokens import Vocabulary, decode, read_source, vocabulary_of

__all__ = [
    "Catalogue",
    "Finding",
    "HandInFiles",
    "Mistake",
    "Resemblance",
    "edited_modules",
    "given_texts",
    "mistakes",
    "resemblances",
]

Kind = Literal["untouched", "unfinished", "broken", "stopped", "known", "model", "unknown"]
_UNWRITTEN = (Reason.NOT_WRITTEN, Reason.NO_MODEL)
# After these no answer came: which tests fail says where the code stopped, and not what it computes wrongly.
_STOPPED = (Reason.RAISED, Reason.DIED, Reason.TIMED_OUT, Reason.OVERDREW, Reason.NOT_RUN)
_STOPS = {
    Reason.DIED: "the code ends its process, or answers what no test can read",
    Reason.TIMED_OUT: "the code does not end in time",
    Reason.OVERDREW: "the code takes more memory, disk or threads than it may",
}
_USUAL = {"EOFError": ": as `input()` does, where nobody is there to type"}
GRAM = 4
# The failed tests of a hand-in that is merely like a known one: how much of both sets is common.
LEAST_JACCARD = 0.75
LEAST_TRACE = 0.4
CLEAR = 0.1


@dataclass(frozen=True)
class Resemblance:
    """What a hand-in's failed tests look like.

    `answers` has one entry for each mistake: the names of the wrong answers that it may be, one where that is clear.
    `exact` says that the known mistakes fail these tests and no others. `unwritten` says that parts are missing, and
    `stop` what kept the code from answering, where it gave no answer that is wrong.
    """

    kind: Kind
    answers: tuple[tuple[str, ...], ...] = ()
    exact: bool = True
    unwritten: bool = False
    stop: str = ""


@dataclass(frozen=True)
class Finding:
    """A student's failing hand-in and what it resembles; `rest` are the failed tests of parts that were written."""

    student: Student
    attempt: Attempt
    resemblance: Resemblance
    rest: frozenset[str]


@dataclass(frozen=True)
class Mistake:
    """A mistake and who made it; `tests` are those it fails, where no known wrong answer explains them."""

    kind: Kind
    names: tuple[str, ...]
    about: str
    students: tuple[Student, ...]
    tests: tuple[str, ...] = ()
    example: Attempt | None = None


@dataclass(frozen=True)
class HandInFiles:
    """What a hand-in holds that may show its mistake: texts of modules, hyperparameters, and a reader of weights."""

    modules: Mapping[str, str]
    hparams: Callable[[], Mapping[str, object]] = dict
    weights: Callable[[], Mapping[str, object]] = dict


@dataclass(frozen=True)
class _Trace:
    """What a wrong answer leaves in the code: grams that it brings, and grams of the solution that it takes away."""

    added: frozenset[tuple[str, ...]]
    removed: frozenset[tuple[str, ...]]


class Catalogue:
    """The wrong answers of an exercise, ready to be recognised."""

    def __init__(self, src: Sources) -> None:
        self.answers = {wrong.name: wrong for wrong in wrong_answers(src)}
        self.vocabulary = vocabulary_of(*given_texts(src))
        solved = {p.name: strip_markers(p.read_text(encoding="utf-8")) for p in src.solution.glob("*.py")}
        self._solution = _grams(solved, self.vocabulary)
        self._traces = {name: self._trace(src, wrong, solved) for name, wrong in self.answers.items()}
        self._groups: dict[frozenset[str], list[str]] = {}
        for name, wrong in self.answers.items():
            self._groups.setdefault(frozenset(wrong.fails), []).append(name)

    def _trace(self, src: Sources, wrong: WrongAnswer, solved: Mapping[str, str]) -> _Trace:
        grams = _grams({**solved, **edited_modules(src, wrong)}, self.vocabulary)
        return _Trace(frozenset(grams - self._solution), frozenset(self._solution - grams))

    def recognise(
        self,
        failed: frozenset[str],
        unwritten: frozenset[str],
        files: Callable[[], HandInFiles | None],
        *,
        traced: bool = False,
    ) -> Resemblance | None:
        """The known mistakes that fail these tests, None where there are none; `traced` wants them in the code too.

        `unwritten` are failed tests of parts that are not written yet: a mistake may fail them too, or not. One
        known mistake goes before two together, and both before one that fails nearly the same tests.
        """
        rest = failed - unwritten
        if not rest:
            return None
        seen = {fails: fails - unwritten for fails in self._groups}
        ways: list[tuple[frozenset[str], ...]] = [(fails,) for fails, left in seen.items() if left == rest]
        if not ways:
            inside = [fails for fails, left in seen.items() if left and left < rest]
            ways = [(a, b) for a, b in combinations(inside, 2) if seen[a] | seen[b] == rest]
        exact = bool(ways)
        if not ways:
            best = max(seen, key=lambda f: (_jaccard(seen[f], rest), sorted(f)), default=None)
            if best is None or _jaccard(seen[best], rest) < LEAST_JACCARD:
                return None
            ways = [(best,)]
        # A mistake that also fails tests of unwritten parts is the less likely one.
        ways.sort(key=lambda way: (sum(len(f & unwritten) for f in way), sorted(map(sorted, way))))
        if not traced and len(ways) == 1 and all(len(self._groups[f]) == 1 for f in ways[0]):
            return Resemblance("known", tuple((self._groups[f][0],) for f in ways[0]), exact, bool(unwritten))
        found = files()
        marks = self._marks({name for way in ways for f in way for name in self._groups[f]}, found)
        least = {way: min(max(marks[n] for n in self._groups[f]) for f in way) for way in ways}
        chosen = max(ways, key=least.__getitem__)
        if traced and least[chosen] < LEAST_TRACE:
            return None
        answers = tuple(self._likeliest(self._groups[f], marks) for f in chosen)
        return Resemblance("known", answers, exact, bool(unwritten))

    def _likeliest(self, names: Sequence[str], marks: Mapping[str, float]) -> tuple[str, ...]:
        best = max(marks[name] for name in names)
        if best < LEAST_TRACE:
            return tuple(names)
        return tuple(name for name in names if marks[name] > best - CLEAR)

    def _marks(self, names: set[str], files: HandInFiles | None) -> dict[str, float]:
        """How much of each wrong answer's trace is in the hand-in, 0 to 1."""
        if files is None:
            return dict.fromkeys(names, 0.0)
        grams = _grams(files.modules, self.vocabulary)
        return {name: self._mark(self.answers[name], grams, files) for name in names}

    def _mark(self, wrong: WrongAnswer, grams: set[tuple[str, ...]], files: HandInFiles) -> float:
        marks = []
        if wrong.edit:
            trace = self._traces[wrong.name]
            gone = len(trace.removed - grams) / len(trace.removed) if trace.removed else 1.0
            if trace.added:
                marks.append(0.75 * len(trace.added & grams) / len(trace.added) + 0.25 * gone)
            else:
                # What is missing is missing from many answers that are written in another way.
                marks.append(0.5 * gone)
        if wrong.hparam_edit:
            hparams = files.hparams()
            marks.append(float(all(hparams.get(edit.key, edit) == edit.value for edit in wrong.hparam_edit)))
        if wrong.model_edit:
            marks.append(_mark_of_weights(wrong, files.weights()))
        return sum(marks) / len(marks)


def resemblances(graded: GradedClass) -> list[Finding]:
    """What the marked hand-in of each student who lost a test resembles; one result is in memory at a time."""
    src = sources(graded.exercise)
    catalogue = Catalogue(src)
    model = graded.exercise.model
    found = []
    for standing in graded.standings:
        attempt = standing.marked
        if attempt is None or attempt.refused or attempt.failed or not attempt.failed_tests:
            continue
        result = attempt.read()
        tests = [t for cell in result.cells for t in cell.tests]
        lost = frozenset(t.name for t in tests if not t.passed)
        unwritten = frozenset(t.name for t in tests if t.code in _UNWRITTEN)
        broken = frozenset(t.name for t in tests if t.code is Reason.UNREADABLE)
        rest = lost - unwritten
        about_model = {t.name for c in result.cells if model and c.grade_id == model.grade_id for t in c.tests}
        if not rest:
            kind: Kind = "untouched" if len(lost) == len(tests) else "unfinished"
            likeness = Resemblance(kind, unwritten=True)
        elif broken and broken == rest:
            likeness = Resemblance("broken", unwritten=bool(unwritten))
        else:
            stopped = [t for t in tests if t.name in rest and t.code in _STOPPED]
            silent = len(stopped) == len(rest)
            known = catalogue.recognise(lost, unwritten, partial(_files, attempt, src, result), traced=silent)
            unclear = known is None or any(len(names) > 1 for names in known.answers)
            if unclear and attempt.metrics and rest <= about_model:
                known = Resemblance("model", unwritten=bool(unwritten))
            if known is None and silent and (stop := _stop(stopped)):
                known = Resemblance("stopped", unwritten=bool(unwritten), stop=stop)
            likeness = known or Resemblance("unknown", exact=False, unwritten=bool(unwritten))
        found.append(Finding(standing.student, attempt, likeness, rest))
    return found


def mistakes(findings: Sequence[Finding], catalogue: Mapping[str, str]) -> tuple[list[Mistake], list[Mistake]]:
    """The known mistakes and those that nobody anticipated, each list with the most common first.

    `catalogue` says what each wrong answer is about. Unknown mistakes are grouped by the tests they fail.
    """
    known: dict[tuple[Kind, tuple[str, ...], str], list[Finding]] = {}
    unknown: dict[frozenset[str], list[Finding]] = {}
    for finding in findings:
        likeness = finding.resemblance
        if likeness.kind == "unknown":
            unknown.setdefault(finding.rest, []).append(finding)
        for names in likeness.answers if likeness.kind == "known" else [()] * (likeness.kind != "unknown"):
            known.setdefault((likeness.kind, names, likeness.stop), []).append(finding)
    first = [
        Mistake(kind, names, stop or " — or: ".join(catalogue[name] for name in names), tuple(f.student for f in of))
        for (kind, names, stop), of in known.items()
    ]
    second = [
        Mistake("unknown", (), "", tuple(f.student for f in of), tuple(sorted(tests)), of[0].attempt)
        for tests, of in unknown.items()
    ]
    return (
        sorted(first, key=lambda m: (-len(m.students), m.kind, m.names, m.about)),
        sorted(second, key=lambda m: (-len(m.students), m.tests)),
    )


def given_texts(src: Sources) -> list[str]:
    """The stubs and the given modules that students work with."""
    paths = sorted(src.exercise.folder.glob("*.py"))
    return [path.read_text(encoding="utf-8") for path in paths if not path.name.startswith("test_")]


def edited_modules(src: Sources, wrong: WrongAnswer) -> dict[str, str]:
    """The modules that a wrong answer changes, by file name, as it leaves them."""
    texts: dict[str, str] = {}
    for edit in wrong.edit:
        text = texts.get(edit.file) or (src.solution / edit.file).read_text(encoding="utf-8")
        texts[edit.file] = text.replace(edit.find, edit.replace)
    return {file: strip_markers(text) for file, text in texts.items()}


def _grams(modules: Mapping[str, str], vocabulary: Vocabulary) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for text in modules.values():
        for line in read_source(text, vocabulary).lines:
            tokens = line.tokens
            found.update(tokens[i : i + GRAM] for i in range(max(1, len(tokens) - GRAM + 1)))
    return found


def _jaccard(one: frozenset[str], two: frozenset[str]) -> float:
    return len(one & two) / len(one | two) if one or two else 0.0


def _stop(stopped: Sequence[TestResult]) -> str:
    """What kept the code from answering, in words; nothing where it was not one thing."""
    causes = {(t.code, t.raised) for t in stopped}
    # After a test that did not end others are not run: they are no cause of their own.
    causes = {cause for cause in causes if cause[0] is not Reason.NOT_RUN} or causes
    if len(causes) != 1:
        return ""
    ((code, name),) = causes
    if code is Reason.RAISED:
        return f"the code raises {name}{_USUAL.get(name, '')}" if name else ""
    return _STOPS.get(code, "") if code is not None else ""


def _files(attempt: Attempt, src: Sources, result: Result) -> HandInFiles | None:
    stems = [name.removesuffix(".py") for name in src.twins]
    try:
        modules = read_handin(attempt.path, src.exercise, stems).files
    except (CourseError, OSError):
        return None

    def model_file(suffix: str) -> bytes:
        files = read_handin(attempt.path, src.exercise, stems, kinds=("model",)).files
        return next((data for name, data in sorted(files.items()) if name.endswith(suffix)), b"")

    def hparams() -> Mapping[str, object]:
        try:
            found = json.loads(model_file(".json"))
        except (ValueError, RecursionError, CourseError, OSError):
            return {}
        return found if isinstance(found, dict) else {}

    def weights() -> Mapping[str, object]:
        from safetensors import SafetensorError
        from safetensors.numpy import load

        # What the judge refused is not opened: a header of tensors without end takes a minute to read.
        if "parameters" not in result.model or result.model.get("problems"):
            return {}
        try:
            data = model_file(".safetensors")
            if int.from_bytes(data[:8], "little") > MAX_HEADER_BYTES:
                return {}
            found: Mapping[str, object] = load(data)
        except (SafetensorError, KeyError, TypeError, ValueError, CourseError, OSError):
            return {}
        return found

    return HandInFiles({Path(name).name: decode(data) for name, data in modules.items()}, hparams, weights)


def _mark_of_weights(wrong: WrongAnswer, tensors: Mapping[str, object]) -> float:
    import numpy as np

    signs = []
    for edit in wrong.model_edit:
        tensor = tensors.get(edit.key)
        if edit.op == "rename":
            signs.append(tensor is None and edit.new_key in tensors)
        elif edit.op == "add":
            signs.append(tensor is not None)
        elif edit.op == "fill" and isinstance(tensor, np.ndarray):
            signs.append(bool((tensor == edit.value).all()))
        elif edit.op == "reshape" and isinstance(tensor, np.ndarray):
            signs.append(list(tensor.shape) == edit.shape)
        else:
            signs.append(False)
    return sum(signs) / len(signs)
