"""Fingerprints of the code in hand-ins: winnowed k-grams of normalised tokens, and a cache that keeps them.

The method is that of Schleimer, Wilkerson, Aiken: "Winnowing: local algorithms for document fingerprinting", SIGMOD
2003. What everybody was given leaves no fingerprint: the stub's statements, and the k-grams of the solution and of the
known wrong answers.
"""

import contextlib
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from exercise_code.common.errors import CourseError
from exercise_code.common.hand_ins.hand_in import read_handin

from ..base.files import write_whole
from ..base.stamps import code_hash, hash_of
from ..grading.standing import Attempt
from ..sources.exercise import Sources
from ..sources.known_answers import wrong_answers
from ..sources.variants import strip_markers
from .known_mistakes import edited_modules, given_texts
from .tokens import Source, Vocabulary, decode, is_cut, read_source, vocabulary_of

__all__ = ["Given", "Grams", "Hashes", "Print", "grams_of", "modules_of", "print_of", "prints_of", "what_is_given"]

Hashes: TypeAlias = npt.NDArray[np.uint64]
Integers: TypeAlias = npt.NDArray[np.int64]

# A shared run of GRAM + WINDOW - 1 tokens is always found, one shorter than GRAM never.
GRAM = 6
WINDOW = 3
# Statements of fewer tokens that stand alone (`return _`) are no fingerprint.
SHORTEST = 4
MAX_CHARACTERS = 300_000
MAX_FINGERPRINTS = 5000
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Given:
    """What does not count: statements, comments and names of the given files, k-grams of known answers."""

    vocabulary: Vocabulary
    lines: frozenset[tuple[str, ...]]
    comments: frozenset[str]
    names: frozenset[str]
    grams: Hashes


@dataclass(frozen=True)
class Grams:
    """All k-grams of a module (hash, first token, length, function); and the statement of each token."""

    values: Hashes
    starts: Integers
    lengths: Integers
    functions: Integers
    chosen: npt.NDArray[np.bool_]
    statements: Integers


@dataclass(frozen=True)
class Print:
    """A hand-in's fingerprints, sorted: of its code, and of what a copy may keep but need not (comments, names).

    `places` has for each fingerprint of the code the number of its function times 2**32 plus that of its statement.
    `model` is a digest of the weights. `readable` is False where the hand-in could not be read, `cut` is True where
    it is too long to be read whole.
    """

    code: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))
    surface: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))
    places: Integers = field(default_factory=lambda: np.empty(0, np.int64))
    model: str = ""
    readable: bool = True
    cut: bool = False

    @property
    def every(self) -> Hashes:
        """Fingerprints of both kinds."""
        return np.concatenate([self.code, self.surface])


def what_is_given(src: Sources) -> Given:
    """What the exercise hands out, and what its course knows of answers to it."""
    texts = given_texts(src)
    vocabulary = vocabulary_of(*texts)
    # Students read the visible tests too; what they call things says nothing of the exercise's own names.
    read = [read_source(text, vocabulary) for text in [*texts, src.exercise.visible_tests.read_text(encoding="utf-8")]]
    bare = Given(
        vocabulary,
        lines=frozenset(line.tokens for source in read for line in source.lines),
        comments=frozenset(comment for source in read for comment in source.comments),
        names=frozenset(name for source in read for name in source.names),
        grams=np.empty(0, np.uint64),
    )
    known = [path.read_text(encoding="utf-8") for path in sorted(src.solution.glob("*.py"))]
    known += [text for wrong in wrong_answers(src) for text in edited_modules(src, wrong).values()]
    sources_ = [read_source(strip_markers(text), vocabulary) for text in known]
    grams = np.concatenate([np.empty(0, np.uint64), *(grams_of(source, bare).values for source in sources_)])
    comments = bare.comments.union(*(source.comments for source in sources_))
    names = bare.names.union(*(source.names for source in sources_))
    return replace(bare, grams=np.unique(grams), comments=comments, names=names)


def print_of(texts: Mapping[str, str], given: Given) -> Print:
    """The fingerprints of a hand-in's modules."""
    code, places = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    words: set[str] = set()
    for number, text in enumerate(texts.values()):
        source = read_source(text, given.vocabulary)
        grams = grams_of(source, given)
        own = grams.chosen & ~np.isin(grams.values, given.grams)
        code.append(grams.values[own])
        places.append((grams.functions[own] + number * 2**16) * 2**32 + grams.statements[grams.starts[own]])
        words |= (source.comments - given.comments) | (source.names - given.names)
    values, first = np.unique(np.concatenate(code), return_index=True)
    surface = np.array(sorted({_token_hash(f"surface {word}") for word in words}), np.uint64)
    where = np.concatenate(places)[first]
    too_long = len(values) > MAX_FINGERPRINTS or sum(map(len, texts.values())) >= MAX_CHARACTERS
    cut = too_long or any(map(is_cut, texts.values()))
    return Print(values[:MAX_FINGERPRINTS], surface[:MAX_FINGERPRINTS], where[:MAX_FINGERPRINTS], cut=cut)


def grams_of(source: Source, given: Given) -> Grams:
    tokens: list[int] = []
    statements: list[int] = []
    runs: list[tuple[int, int, int]] = []
    start = function = 0
    for i, line in enumerate(source.lines):
        if line.head or line.tokens in given.lines:
            runs.append((start, len(tokens), function))
            start = len(tokens)
            function += line.head
            continue
        tokens += [_token_hash(token) for token in line.tokens]
        statements += [i] * len(line.tokens)
    runs.append((start, len(tokens), function))
    array = np.array(tokens, np.uint64)
    parts: list[tuple[Any, ...]] = []
    for first, last, function in runs:
        size = min(GRAM, last - first)
        if size < SHORTEST:
            continue
        count = last - first - size + 1
        hashes = np.zeros(count, np.uint64)
        for offset in range(size):
            hashes = hashes * _MULTIPLIER + array[first + offset : first + offset + count]
        hashes = _mixed(hashes)
        where = np.arange(first, first + count)
        parts.append((hashes, where, np.full(count, size), np.full(count, function), _winnow(hashes)))
    parts = parts or [(np.empty(0, np.uint64), *[np.empty(0, np.int64)] * 3, np.empty(0, bool))]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    values, starts, lengths, functions, chosen = columns
    return Grams(values, starts, lengths, functions, chosen, np.array(statements, np.int64))


def _winnow(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Which hashes are the smallest of a window, the last one where several are."""
    chosen = np.zeros(len(hashes), bool)
    width = min(WINDOW, len(hashes))
    windows = np.lib.stride_tricks.sliding_window_view(hashes, width)[:, ::-1]
    chosen[np.arange(len(windows)) + width - 1 - windows.argmin(axis=1)] = True
    return chosen


def _mixed(values: Hashes) -> Hashes:
    # Without it the smallest hash of a window would depend on its last token alone.
    values = (values ^ (values >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed: Hashes = values ^ (values >> np.uint64(27))
    return mixed


@lru_cache(maxsize=50_000)
def _token_hash(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def modules_of(attempt: Attempt, src: Sources) -> dict[str, str]:
    stems = [name.removesuffix(".py") for name in src.twins]
    left = MAX_CHARACTERS
    texts = {}
    for name, data in read_handin(attempt.path, src.exercise, stems).files.items():
        texts[Path(name).name] = decode(data)[:left]
        left -= len(texts[Path(name).name])
    return texts


def _weights(attempt: Attempt, src: Sources) -> str:
    if src.exercise.model is None:
        return ""
    stems = [name.removesuffix(".py") for name in src.twins]
    files = read_handin(attempt.path, src.exercise, stems, kinds=("model",)).files
    weights = [data for name, data in sorted(files.items()) if name.endswith(".safetensors")]
    return " ".join(hashlib.sha256(data).hexdigest() for data in weights)


def prints_of(src: Sources, given: Given, attempts: Sequence[Attempt], cache: Path) -> dict[str, Print]:
    """The fingerprints of each hand-in by its own one; a hand-in that `cache` has is not read again."""
    path = cache / f"similarity-{src.id}.npz"
    grams = hashlib.sha256(given.grams.tobytes()).hexdigest()
    stamp = hash_of(grams, sorted(given.lines), sorted(given.comments), sorted(given.names), code_hash(__name__))
    known = _load(path, stamp)
    found: dict[str, Print] = {}
    for attempt in attempts:
        if attempt.fingerprint not in found:
            found[attempt.fingerprint] = known.get(attempt.fingerprint) or _read(attempt, src, given)
    if found.keys() - known.keys():
        _save(path, stamp, found)
    return found


def _read(attempt: Attempt, src: Sources, given: Given) -> Print:
    try:
        return replace(print_of(modules_of(attempt, src), given), model=_weights(attempt, src))
    except (CourseError, OSError):
        return Print(readable=False)


_COLUMNS = {"code": np.uint64, "surface": np.uint64, "places": np.int64}


def _save(path: Path, stamp: str, prints: Mapping[str, Print]) -> None:
    """Keep what was read; where the folder cannot be written the next run takes longer, no more."""
    readable = {key: p for key, p in sorted(prints.items()) if p.readable}
    arrays: dict[str, Any] = {}
    for name, kind in _COLUMNS.items():
        parts = [getattr(p, name) for p in readable.values()]
        arrays[name] = np.concatenate([np.empty(0, kind), *parts])
        arrays[f"{name}_ends"] = np.cumsum([len(part) for part in parts], dtype=np.int64)
    index = {
        "stamp": stamp,
        "keys": list(readable),
        "models": [p.model for p in readable.values()],
        "cut": [p.cut for p in readable.values()],
    }
    arrays["index"] = np.frombuffer(json.dumps(index).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    # Without it the next run reads the hand-ins again, no more.
    with contextlib.suppress(OSError):
        write_whole(buffer.getvalue(), path)


def _load(path: Path, stamp: str) -> dict[str, Print]:
    """What an earlier run read; nothing where the file is missing, damaged or of other rules."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            index = json.loads(file["index"].tobytes())
            if index["stamp"] != stamp:
                return {}
            parts = [np.split(file[name], file[f"{name}_ends"][:-1]) for name in _COLUMNS]
            rows = zip(index["keys"], *parts, index["models"], index["cut"], strict=True)
            return {
                key: Print(code, surface, places, model, cut=cut) for key, code, surface, places, model, cut in rows
            }
    except (OSError, ValueError, KeyError, TypeError, EOFError, zlib.error, zipfile.BadZipFile):
        return {}
