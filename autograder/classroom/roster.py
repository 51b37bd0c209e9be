"""Who is in the class: a CSV of students."""

import csv
import hashlib
import hmac
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from ..base.errors import AutograderError

__all__ = ["Roster", "Student", "make_aliases", "read_roster"]

COLUMNS = ("id", "name", "alias", "group", "extension", "email", "moodle", "canvas")
DELIMITERS = (",", ";", "\t")
SHORTEST_ALIAS = 4
# Shorter pieces of a name or an id turn up in aliases by chance.
TELLING = 3
# What nbgrader takes for a student's folder, and its pages show as it is.
_PLAIN_ID = re.compile(r"[^\W_][\w .@+,=()-]{0,99}")
# `1.23457E+11` and `12345.0`, with a comma in some countries.
_MANGLED = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[Ee][+-][0-9]+|[+-]?[0-9]+[.,]0+")
_Key = TypeVar("_Key", str, tuple[str, ...])
_FOLDED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})


@dataclass(frozen=True)
class Student:
    """One line of the roster; `id` is the university's, `alias` is what classmates may see.

    `extension` is empty, hours or days such as `48h` or `2d`, or a date and time of the student's own.
    `moodle` and `canvas` are the numbers that those systems write into file names, where they are known.
    """

    id: str
    name: str = ""
    alias: str = ""
    group: str = ""
    extension: str = ""
    email: str = ""
    moodle: str = ""
    canvas: str = ""


@dataclass(frozen=True)
class Roster:
    """The students of a class; whoever is asked for by something that two of them share is not found."""

    students: tuple[Student, ...] = ()

    def get(self, student: str) -> Student | None:
        """The student with this id, spelled as in the roster."""
        return self._by_id.get(student)

    def by_label(self, text: str) -> Student | None:
        """The student whose id, alias or e-mail address this is; capitals and small letters are the same."""
        key = _fold(text)
        return self.get(text) or self._labels.get(key) if key else None

    def by_moodle(self, number: str) -> Student | None:
        """The student with this Moodle number."""
        return self._moodle.get(number.strip())

    def by_canvas(self, number: str) -> Student | None:
        """The student with this Canvas number."""
        return self._canvas.get(number.strip())

    def by_name(self, text: str) -> Student | None:
        """The student of this name, whatever its capitals, accents, and order of first and last name.

        `Doe, Jané`, `jane doe` and Canvas's squashed `doejane` are one name. A name that fits two students is nobody's.
        """
        words = _words(text)
        found = self._names.get(tuple(sorted(words)), frozenset()) | self._squashed.get("".join(words), frozenset())
        return self.get(next(iter(found))) if len(found) == 1 else None

    @cached_property
    def _by_id(self) -> dict[str, Student]:
        return {student.id: student for student in self.students}

    @cached_property
    def _labels(self) -> dict[str, Student]:
        return self._unique(lambda s: {_fold(s.id), _fold(s.alias), _fold(s.email)} - {""})

    @cached_property
    def _moodle(self) -> dict[str, Student]:
        return self._unique(lambda s: {s.moodle} - {""})

    @cached_property
    def _canvas(self) -> dict[str, Student]:
        return self._unique(lambda s: {s.canvas} - {""})

    def _unique(self, keys: Callable[[Student], set[str]]) -> dict[str, Student]:
        owners: dict[str, list[Student]] = {}
        for student in self.students:
            for key in keys(student):
                owners.setdefault(key, []).append(student)
        return {key: of[0] for key, of in owners.items() if len(of) == 1}

    @cached_property
    def _names(self) -> dict[tuple[str, ...], frozenset[str]]:
        # Where groups hand in, Moodle writes the group before the name.
        return _gather(
            (tuple(sorted(words)), s.id)
            for s in self.students
            for words in (_words(s.name), [*_words(s.group), *_words(s.name)])
            if _words(s.name)
        )

    @cached_property
    def _squashed(self) -> dict[str, frozenset[str]]:
        # Nobody knows where in "Ana Maria de la Cruz" the last name begins, so every split counts.
        return _gather(
            ("".join(words[i:] + words[:i]), s.id)
            for s in self.students
            for words in [_words(s.name)]
            for i in range(len(words))
        )


def _gather(pairs: Iterable[tuple[_Key, str]]) -> dict[_Key, frozenset[str]]:
    found: dict[_Key, set[str]] = {}
    for key, id_ in pairs:
        found.setdefault(key, set()).add(id_)
    return {key: frozenset(ids) for key, ids in found.items()}


def _fold(label: str) -> str:
    """The label without capitals; macOS writes an accent as a character of its own."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", label).strip().casefold())


def _words(name: str) -> list[str]:
    """The words of a name, in its order, without capitals and accents."""
    text = unicodedata.normalize("NFKD", name.casefold().translate(_FOLDED))
    text = "".join(c for c in text if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", text.casefold())


def read_roster(path: Path, secret: bytes) -> Roster:
    """The roster in a CSV file; aliases that are empty are made from the secret.

    The columns are `id` and, where there are any, `name`, `alias`, `group`, `extension`, `email`, `moodle` and
    `canvas`, in any order, separated by commas, semicolons or tabs; others are not read. A made alias is `u` and
    four digits, more where two students would share one; it does not depend on the order of the lines, but a new
    student can lengthen the alias of another: write the aliases into the file when they are to stay for good.
    """
    lines = list(_lines(path))
    students = [student for _, student in lines]
    for line, student in lines:
        _expect_plain(path, line, student)
    _expect_unique(path, lines)
    for line, student in lines:
        if student.alias:
            _expect_veiled(path, line, student)
    aliases = make_aliases(students, secret)
    return Roster(tuple(replace(s, alias=s.alias or aliases[s.id]) for s in students))


def _lines(path: Path) -> Iterator[tuple[int, Student]]:
    """Each student with the number of the line in the file."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise AutograderError(f"could not read {path}: {error.strerror}: check the path of the roster") from None
    except UnicodeDecodeError as error:
        raise AutograderError(
            f"expected UTF-8 in {path}, got another encoding (byte {error.start}): save it as 'CSV UTF-8'"
        ) from None
    skipped = 0
    if text[:4].casefold() == "sep=":
        # Excel's way to name the delimiter.
        text = text.partition("\n")[2]
        skipped = 1
    delimiter = _delimiter(path, text)
    # Strict: a quote that is never closed would swallow all students after it.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: dict[str, int] | None = None
    width = end = 0
    try:
        for row in rows:
            line, end = end + 1 + skipped, rows.line_num
            if not any(cell.strip() for cell in row):
                continue
            if header is None:
                header, width = _header(path, row), len(row)
                continue
            if any(cell.strip() for cell in row[width:]):
                raise _error(path, line, "", f"expected {width} cells, got {len(row)}: put quotes around a cell that "
                             f"holds {delimiter!r}")  # fmt: skip
            cells = {name: row[i].strip() if i < len(row) else "" for name, i in header.items()}
            cells["moodle"] = re.sub(r"^participant\s+", "", cells.get("moodle", ""), flags=re.IGNORECASE)
            # macOS writes an accent as a character of its own, which nbgrader takes in no id.
            cells["id"] = unicodedata.normalize("NFC", cells["id"])
            yield line, Student(**cells)
    except csv.Error as error:
        raise AutograderError(f"expected CSV in {path}, got {error} in line {rows.line_num}: fix the file") from None
    if header is None:
        raise AutograderError(f"expected a line of column names in {path}, got an empty file: begin with 'id,name'")


def _delimiter(path: Path, text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in DELIMITERS:
        try:
            if "id" in map(_title, next(csv.reader([first], delimiter=delimiter), [])):
                return delimiter
        except csv.Error:
            continue
    if not first:
        return ","
    raise AutograderError(f"expected a column id in the first line of {path}, got {first[:80]!r}: add the column")


def _title(cell: str) -> str:
    return " ".join(cell.replace("\ufeff", "").split()).casefold()


def _header(path: Path, row: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for i, cell in enumerate(row):
        title = _title(cell)
        if title in found:
            raise AutograderError(f"expected the column {title} once in {path}, got it twice: remove one")
        if title in COLUMNS:
            found[title] = i
    return found


def _error(path: Path, line: int, column: str, text: str) -> AutograderError:
    return AutograderError(f"{path}, line {line}{f', column {column}' if column else ''}: {text}")


def _expect_unique(path: Path, lines: list[tuple[int, Student]]) -> None:
    for column in ("id", "alias", "moodle", "canvas"):
        first: dict[str, int] = {}
        for line, student in lines:
            value = getattr(student, column)
            if not value:
                continue
            earlier = first.setdefault(_fold(value), line)
            if earlier != line:
                raise _error(path, line, column, f"got {value!r} again, it stands in line {earlier}: make it unique")
    ids = {_fold(student.id): line for line, student in lines}
    for line, student in lines:
        other = ids.get(_fold(student.alias), line)
        if other != line:
            raise _error(path, line, "alias", f"got {student.alias!r}, the id in line {other}: take another alias")


def _expect_plain(path: Path, line: int, student: Student) -> None:
    from .lateness import parse_extension

    if not student.id:
        raise _error(path, line, "id", "expected the student's id, got nothing: fill it in")
    for column in ("id", "alias"):
        value = getattr(student, column)
        if any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in value):
            raise _error(path, line, column, f"got {value!a} with characters that cannot be shown: retype it")
    for column in ("id", "moodle", "canvas"):
        value = getattr(student, column)
        if _MANGLED.fullmatch(value):
            raise _error(
                path,
                line,
                column,
                f"got {value!r}: a spreadsheet took the {column} for a number and rounded it. Format the column as "
                "text in the spreadsheet, enter or import the values anew, and save as CSV",
            )
    if not _PLAIN_ID.fullmatch(student.id):
        raise _error(
            path,
            line,
            "id",
            f"expected letters, digits, blanks and .@+,=()-_ after a letter or a digit, at most 100, got "
            f"{student.id[:100]!r}: ids name folders, so write - for other signs, here and in the files' names",
        )
    if student.extension:
        try:
            parse_extension(student.extension)
        except AutograderError as error:
            raise _error(path, line, "extension", str(error)) from None


def _expect_veiled(path: Path, line: int, student: Student) -> None:
    alias = "".join(_words(student.alias))
    squashed = "".join(_words(student.id))
    if student.id == student.alias or (len(squashed) >= TELLING and squashed in alias):
        raise _error(path, line, "alias", f"got {student.alias!r}, which tells the id: take another alias")
    words = _words(student.name)
    for word in [*words, "".join(words)]:
        if len(word) >= TELLING and word in alias:
            raise _error(path, line, "alias", f"got {student.alias!r}, which tells the name: take another alias")


def make_aliases(students: Sequence[Student], secret: bytes) -> Mapping[str, str]:
    """An alias for each student who has none. All who would share one get a digit more, so no order matters."""
    digits = {
        s.id: str(int.from_bytes(hmac.digest(secret, b"alias " + s.id.encode("utf-8", "replace"), hashlib.sha256)))
        for s in students
        if not s.alias
    }
    length = dict.fromkeys(digits, SHORTEST_ALIAS)
    taken = {name.casefold() for s in students for name in (s.id, s.alias) if name}
    while True:
        made = {id_: f"u{digits[id_].zfill(80)[-length[id_] :]}" for id_ in digits}
        owners: dict[str, list[str]] = {}
        for id_, alias in made.items():
            owners.setdefault(alias, []).append(id_)
        shared = [id_ for alias, of in owners.items() if len(of) > 1 or alias in taken for id_ in of]
        if not shared:
            return made
        for id_ in shared:
            length[id_] += 1
