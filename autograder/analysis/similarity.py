"""Hand-ins whose unusual code is alike, once layout, comments, names and the spelling of literals are gone.

A fingerprint that d of n students have weighs log((n + 10) / d), and is no evidence where more than a tenth have it: a
short exercise has few ways to be right. Two hand-ins are worth a look where what they share is most of what is unusual
in one of them, and more than chance would bring about in any pair of the class.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exercise_code.common.errors import CourseError

from ..classroom.roster import Student
from ..grading.standing import Attempt, GradedClass
from ..sources.exercise import Sources, sources
from .fingerprints import Given, Hashes, Print, grams_of, modules_of, prints_of, what_is_given
from .tokens import read_source

__all__ = ["Document", "Likeness", "Match", "Passage", "Similarities", "find_similar", "likenesses"]

# As if ten more students had written it otherwise: in a class of two nothing would be rare.
PRIOR = 10
COMMON = 0.1
FEW = 6
# A fingerprint that more hand-ins have finds no candidates; it counts where another one has found them.
MOST_HOLDERS = 60
MOST_PAIRS = 2000
LEAST_SIMILARITY = 0.6
MARGIN = 5.0
FURTHER = 0.1
SHOWN_PAIRS = 30
SHOWN_ROWS = 40


@dataclass(frozen=True)
class Document:
    """One hand-in's fingerprints and whose it is."""

    owner: str
    prints: Print


@dataclass(frozen=True)
class Likeness:
    """Two documents, by index, and what they share; `evidence` is its weight."""

    first: int
    second: int
    similarity: float
    evidence: float
    code: Hashes
    surface: Hashes

    @property
    def rank(self) -> tuple[float, float]:
        """What pairs are sorted by: percent as they are shown, then the weight behind them."""
        return round(self.similarity, 2), self.evidence


@dataclass(frozen=True)
class Passage:
    """Statements of two hand-ins that belong together: file, number of the first line, text."""

    left: tuple[str, int, str]
    right: tuple[str, int, str]


@dataclass(frozen=True)
class Match:
    """Two hand-ins that are worth a look; `same` are further students whose code equals one of the two."""

    students: tuple[Student, Student]
    files: tuple[str, str]
    similarity: float
    evidence: float
    shared: int
    surface: int
    passages: tuple[Passage, ...]
    same: tuple[Student, ...] = ()


@dataclass(frozen=True)
class Similarities:
    """What comparing a class gives: the `matches` that are shown, of how many `pairs`, the most alike first.

    `models` are groups of students who handed in the same weights, `cut` those whose code is too long to be read whole.
    """

    matches: tuple[Match, ...] = ()
    pairs: int = 0
    models: tuple[tuple[Student, ...], ...] = ()
    cut: tuple[Student, ...] = ()
    compared: int = 0
    unread: int = 0


def find_similar(graded: GradedClass, cache: Path, limit: int = SHOWN_PAIRS) -> Similarities:
    """The pairs of students whose hand-ins are worth a look, the most alike first.

    What was read of a hand-in is kept in the folder `cache` under the hand-in's own fingerprint.
    """
    src = sources(graded.exercise)
    given = what_is_given(src)
    attempts = [(student, attempt) for student, attempt in graded.attempts if not attempt.refused]
    prints = prints_of(src, given, [attempt for _, attempt in attempts], cache)
    read = [(s, a, p) for s, a in attempts if (p := prints[a.fingerprint]).readable]
    documents = [Document(s.id, p) for s, _, p in read]
    same: dict[bytes, dict[str, Student]] = {}
    for student, _, found in read:
        if len(found.code):
            same.setdefault(found.code.tobytes(), {})[student.id] = student
    likely = likenesses(documents)
    matches = []
    for like in likely[:limit]:
        pair = (read[like.first], read[like.second])
        students = (pair[0][0], pair[1][0])
        others = same.get(pair[0][2].code.tobytes(), {}) | same.get(pair[1][2].code.tobytes(), {})
        matches.append(
            Match(
                students=students,
                files=(pair[0][1].file, pair[1][1].file),
                similarity=like.similarity,
                evidence=like.evidence,
                shared=len(like.code),
                surface=len(like.surface),
                passages=_passages(pair[0][1], pair[1][1], like.code, src, given),
                same=tuple(s for k, s in sorted(others.items()) if k not in (students[0].id, students[1].id)),
            )
        )
    models: dict[str, dict[str, Student]] = {}
    for student, _, found in read:
        if found.model:
            models.setdefault(found.model, {})[student.id] = student
    groups = [tuple(s for _, s in sorted(owners.items())) for owners in models.values() if len(owners) > 1]
    return Similarities(
        matches=tuple(matches),
        pairs=len(likely),
        models=tuple(sorted(groups, key=lambda g: (-len(g), g[0].id))),
        cut=tuple({s.id: s for s, _, p in read if p.cut}.values()),
        compared=len(read),
        unread=len(attempts) - len(read),
    )


def likenesses(documents: Sequence[Document]) -> list[Likeness]:
    """The pairs of documents of two owners that are worth a look, the most alike first.

    Of documents with equal code one pair stands for all. The similarity is the weight of the fingerprints that both
    have over the weight of what the one with less has: 1 where all that is unusual in it is in the other too.
    """
    table = _Table(documents)
    groups = _equal(documents)
    pairs = [pair for members in groups if (pair := _two_owners(documents, members, members)) is not None]
    for a, b in _candidates(documents, [members[0] for members in groups], table):
        if (pair := _two_owners(documents, groups[a], groups[b])) is not None:
            pairs.append(pair)
    best: dict[tuple[str, str], Likeness] = {}
    for a, b in pairs:
        found = _compare(documents, a, b, table)
        owners = (min(documents[a].owner, documents[b].owner), max(documents[a].owner, documents[b].owner))
        if found is not None and (owners not in best or found.rank > best[owners].rank):
            best[owners] = found
    return sorted(best.values(), key=lambda found: (*(-r for r in found.rank), found.first, found.second))


class _Table:
    """The weight of each fingerprint, from the number of owners who have it; 0 for what is common."""

    def __init__(self, documents: Sequence[Document]) -> None:
        owners = {owner: i for i, owner in enumerate(dict.fromkeys(d.owner for d in documents))}
        every = [d.prints.every for d in documents]
        values = np.concatenate([*every, np.empty(0, np.uint64)])
        holders = np.repeat([owners[d.owner] for d in documents], [len(e) for e in every]).astype(np.int64)
        order = np.lexsort((holders, values))
        values, holders = values[order], holders[order]
        fresh = np.ones(len(values), bool)
        fresh[1:] = (values[1:] != values[:-1]) | (holders[1:] != holders[:-1])
        self.values, counts = np.unique(values[fresh], return_counts=True)
        common = counts > max(FEW, COMMON * len(owners))
        self.weights = np.log((len(owners) + PRIOR) / counts)
        self.common = common
        # Of so many pairs the likeliest accident has the logarithm of their number.
        self.needed = 2 * float(np.log(max(2, len(owners)))) + MARGIN

    def of(self, prints: Hashes) -> npt.NDArray[np.float64]:
        found: npt.NDArray[np.float64] = self.weights[np.searchsorted(self.values, prints)]
        return found

    def rare(self, prints: Hashes) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = ~self.common[np.searchsorted(self.values, prints)]
        return found


def _equal(documents: Sequence[Document]) -> list[list[int]]:
    """Indices of the documents, those with the same code together; one without unusual code is like no other."""
    groups: dict[bytes | int, list[int]] = {}
    for i, document in enumerate(documents):
        code = document.prints.code
        groups.setdefault(code.tobytes() if len(code) else i, []).append(i)
    return list(groups.values())


def _two_owners(documents: Sequence[Document], first: list[int], second: list[int]) -> tuple[int, int] | None:
    a = first[0]
    for b in second:
        if documents[a].owner != documents[b].owner:
            return min(a, b), max(a, b)
    for a in first[1:]:
        if documents[a].owner != documents[second[0]].owner:
            return min(a, second[0]), max(a, second[0])
    return None


def _candidates(documents: Sequence[Document], heads: Sequence[int], table: _Table) -> Iterator[tuple[int, int]]:
    """Pairs of heads that share the most weight, found through an index from fingerprints to their holders."""
    every = [documents[i].prints.every for i in heads]
    values = np.concatenate([*every, np.empty(0, np.uint64)])
    holders = np.repeat(np.arange(len(heads)), [len(e) for e in every])
    order = np.lexsort((holders, values))
    values, holders = values[order], holders[order]
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])) if len(values) else np.empty(0, int)
    counts = np.diff(np.append(starts, len(values)))
    weights = np.where(table.rare(values[starts]), table.of(values[starts]), 0.0)
    codes: list[npt.NDArray[np.int64]] = [np.empty(0, np.int64)]
    amounts: list[npt.NDArray[np.float64]] = [np.empty(0)]
    for count in range(2, MOST_HOLDERS + 1):
        chosen = (counts == count) & (weights > 0)
        if not chosen.any():
            continue
        rows = holders[starts[chosen][:, None] + np.arange(count)]
        left, right = np.triu_indices(count, 1)
        code = rows[:, left] * len(heads) + rows[:, right]
        unique, where = np.unique(code, return_inverse=True)
        codes.append(unique)
        sums = np.bincount(where.ravel(), np.repeat(weights[chosen], len(left)))
        amounts.append(sums.astype(np.float64))
    unique, where = np.unique(np.concatenate(codes), return_inverse=True)
    total = np.bincount(where.ravel(), np.concatenate(amounts), minlength=len(unique))
    for i in np.argsort(-total, kind="stable")[:MOST_PAIRS]:
        if total[i] >= table.needed:
            yield int(unique[i] // len(heads)), int(unique[i] % len(heads))


def _compare(documents: Sequence[Document], a: int, b: int, table: _Table) -> Likeness | None:
    one, two = documents[a].prints, documents[b].prints
    shared, left, right = np.intersect1d(one.code, two.code, assume_unique=True, return_indices=True)
    weights = table.of(shared)
    rare = table.rare(shared)
    surface = np.intersect1d(one.surface, two.surface, assume_unique=True)
    words, odd = table.of(surface), table.rare(surface)
    code = min(_evidence(weights[rare], d.places[i][rare]) for d, i in ((one, left), (two, right)))
    evidence = code + _evidence(words[odd], np.arange(odd.sum()))
    # Who copies well changes names and comments: they can add to the likeness, never take from it. Nor can what
    # somebody puts beside a copy: of two hand-ins the one with less unusual code decides.
    by_code = _share(weights.sum(), table.of(one.code).sum(), table.of(two.code).sum())
    by_all = _share(weights.sum() + words.sum(), table.of(one.every).sum(), table.of(two.every).sum())
    similarity = max(by_code, by_all)
    if evidence < table.needed or similarity < LEAST_SIMILARITY:
        return None
    return Likeness(a, b, similarity, evidence, shared[rare], surface[odd])


def _evidence(weights: npt.NDArray[np.float64], places: npt.NDArray[np.int64]) -> float:
    """The weight of what is shared, when statements of one function hang together.

    Were all independent, it would be the logarithm of how much likelier a copy makes them than chance. But who has
    the same idea for a function writes several statements alike: the rarest one counts in full, the others less.
    """
    statements: dict[int, float] = {}
    for weight, place in zip(weights.tolist(), places.tolist(), strict=True):
        statements[place] = max(statements.get(place, 0.0), weight)
    functions: dict[int, float] = {}
    for place, weight in statements.items():
        functions[place >> 32] = max(functions.get(place >> 32, 0.0), weight)
    first = sum(functions.values())
    return first + FURTHER * (sum(statements.values()) - first)


def _share(shared: float, one: float, two: float) -> float:
    least = min(one, two)
    return min(1.0, float(shared / least)) if least > 0 else 0.0


def _passages(left: Attempt, right: Attempt, shared: Hashes, src: Sources, given: Given) -> tuple[Passage, ...]:
    """The statements in which the shared fingerprints lie, each of the left with the one it shares most with."""
    try:
        one, two = _places(left, shared, src, given), _places(right, shared, src, given)
    except (CourseError, OSError):
        return ()
    votes: dict[tuple[str, int], Counter[tuple[str, int]]] = {}
    for value in sorted(one[0].keys() & two[0].keys()):
        for place, other in zip(one[0][value], two[0][value], strict=False):
            votes.setdefault(place, Counter())[other] += 1
    passages = []
    for place in sorted(votes):
        other = min(votes[place], key=lambda k: (-votes[place][k], k))
        passages.append(Passage((*place, one[1][place]), (*other, two[1][other])))
    return tuple(passages[:SHOWN_ROWS])


def _places(
    attempt: Attempt, shared: Hashes, src: Sources, given: Given
) -> tuple[dict[int, list[tuple[str, int]]], dict[tuple[str, int], str]]:
    """Where the tokens of each shared fingerprint stand (file and line), and the text of those statements."""
    found: dict[int, list[tuple[str, int]]] = {}
    texts: dict[tuple[str, int], str] = {}
    for name, text in sorted(modules_of(attempt, src).items()):
        source = read_source(text, given.vocabulary)
        grams = grams_of(source, given)
        rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for i in np.flatnonzero(np.isin(grams.values, shared)):
            where = []
            for statement in grams.statements[grams.starts[i] : grams.starts[i] + grams.lengths[i]]:
                line = source.lines[statement]
                where.append((name, line.number))
                shown = "\n".join(row[:200] for row in rows[line.number - 1 : line.last][:8])
                texts.setdefault(where[-1], shown)
            found.setdefault(int(grams.values[i]), where)
    # What all statements are indented by says nothing, and a phone has no room for it.
    margin = min((len(text) - len(text.lstrip()) for text in texts.values()), default=0)
    return found, {place: text.replace("\n" + " " * margin, "\n")[margin:] for place, text in texts.items()}
