"""All hand-ins of a class: those that lie where they were found, and those that are in the register alone."""

import shutil
from collections.abc import Collection as Collection_
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from exercise_code.common.exercise import Exercise

from ..base.errors import AutograderError
from ..base.files import write_if_changed
from ..classroom.class_file import Classroom
from ..intake.digest import fingerprint
from ..intake.search import Found, Intake, find_hand_ins
from ..intake.times import modified
from ..intake.worksheet import read_worksheet
from .keys import file_name
from .mismatch import expect_exercise
from .register import KEPT, REGISTER, Clock, Entry, Register, keep, kept_copy, read_register, write_register
from .told_times import apply_times

__all__ = ["Collection", "HandIn", "collect", "collect_anew", "last_hand_ins"]

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_RANK: dict[Clock, int] = {"": 0, "file": 1, "system": 2, "person": 3}
# Where what `--replace` takes out of a class waits, in the folder of an exercise's results.
REPLACED = "replaced"
# A copy of the worksheet that was given last, beside the register.
WORKSHEET = ".worksheet.csv"


@dataclass(frozen=True)
class HandIn:
    """One hand-in of one student: the same bytes are one, wherever they were found.

    `found` says what it is called and when it came; `found.path` is where it can be read, or where it lay when `gone`.
    """

    found: Found
    digest: str
    gone: bool = False


@dataclass(frozen=True)
class Collection:
    """The hand-ins of each student in the order in which they came, and the files that are nobody's."""

    exercise: Exercise
    hand_ins: tuple[HandIn, ...]
    problems: tuple[tuple[str, str], ...]
    register: Register
    new: tuple[Found, ...] = ()
    replaced: Register | None = None

    def expect_exercise(self) -> "Collection":
        """The same with a note for each new hand-in of another exercise; an error where most of them are."""
        notes = expect_exercise(self.exercise, self.new)
        return replace(self, problems=tuple(sorted({*self.problems, *notes})))

    def save(self) -> Path | None:
        """Keep copies of what is new, and write the register; the folder in which `--replace` sets things aside."""
        home = self.register.home
        aside = _set_aside(self.replaced, self.hand_ins, home) if self.replaced is not None else None
        keep(home, ((one.digest, one.found.path) for one in self.hand_ins if not one.gone))
        if (sheet := self.register.worksheet) is not None and sheet != home / WORKSHEET:
            write_if_changed(sheet.read_bytes(), home / WORKSHEET)
        write_register(self.register)
        return aside


def collect(
    exercise: Exercise,
    out: Path,
    classroom: Classroom,
    named: Path | None,
    *,
    worksheet: Path | None = None,
    times: Path | None = None,
    begin: Register | None = None,
) -> Collection:
    """The class's hand-ins: what `named` holds is added to all that was found before.

    Every source that is still there is read again. What is gone from it stays, by its copy. `begin` is the register
    to begin with, that of `out` where none is given. `times` is a file of times that a person knows.
    """
    home = out / exercise.id
    register = begin if begin is not None else read_register(home)
    worksheet = worksheet or _worksheet(register)
    if worksheet is not None:
        read_worksheet(worksheet)
    sources = [*register.sources]
    if named is not None and not any(_same(named, source) for source in sources):
        sources.append(named)
    walked: set[Path] = set()
    merged: list[Entry] = []
    present: dict[Entry, Found] = {}
    problems: dict[Path, tuple[tuple[str, str], ...]] = {}
    new: list[Found] = []
    for source in sources:
        before = [entry for entry in register.entries if entry.source == source]
        is_named = named is not None and _same(named, source)
        intake = _read(source, exercise, classroom, worksheet, out, must=is_named or not register.entries)
        if intake is None:
            merged += before
            problems[source] = register.problems.get(source, ())
            continue
        walked.add(source)
        entries, found = _merge(source, before, intake)
        merged += entries
        present |= found
        new += [one for entry, one in found.items() if is_named and not _is_known(register, entry)]
        problems[source] = intake.problems
    if times is not None:
        told = apply_times(times, merged, classroom.roster)
        present = {told[entry]: found for entry, found in present.items()}
        merged = [told[entry] for entry in merged]
    merged = [_renamed(entry, classroom) if entry not in present else entry for entry in merged]
    after = Register(home, tuple(sources), tuple(merged), problems, worksheet, register.data)
    numbered = {entry for entry in merged if entry in present or entry.source not in walked}
    hand_ins = tuple(_hand_ins(merged, present, numbered, register.home))
    gone = [(one.found.file, "is gone, and there is no copy of it: put it back") for one in hand_ins if one.gone]
    listed = sorted({*(problem for of in problems.values() for problem in of), *gone})
    return Collection(exercise, hand_ins, tuple(listed), after, tuple(new))


def collect_anew(
    exercise: Exercise,
    out: Path,
    classroom: Classroom,
    named: Path,
    *,
    worksheet: Path | None = None,
    times: Path | None = None,
) -> Collection:
    """The hand-ins that `named` holds and no others; what was there before is set aside when this is saved."""
    home = out / exercise.id
    try:
        before = read_register(home)
    except AutograderError:
        # A register that is damaged is set aside as a file.
        before = Register(home)
    begin = Register(home, worksheet=before.worksheet, data=before.data)
    found = collect(exercise, out, classroom, named, worksheet=worksheet, times=times, begin=begin)
    return replace(found, replaced=before)


def _worksheet(register: Register) -> Path | None:
    """The last run's worksheet."""
    copy = register.home / WORKSHEET
    if register.worksheet is not None and not register.worksheet.is_file():
        if copy.is_file():
            return copy
        raise AutograderError(
            f"expected the worksheet of the last run in {register.worksheet}, found nothing there, and no copy: "
            "put it back, or name another with --worksheet"
        )
    return register.worksheet


def _same(path: Path, other: Path) -> bool:
    return path.absolute() == other.absolute() or (path.exists() and other.exists() and path.samefile(other))


def _read(
    source: Path, exercise: Exercise, classroom: Classroom, worksheet: Path | None, out: Path, *, must: bool
) -> Intake | None:
    """What a source holds now; None for one of earlier runs that is gone."""
    due = classroom.due.get(exercise.id)
    try:
        return find_hand_ins(
            source,
            exercise,
            roster=classroom.roster,
            worksheet=worksheet,
            # A download that is still one zip is unpacked there.
            scratch=out / exercise.id / "cache",
            # Moodle's worksheet names no time zone; the due date has one.
            zone=due.tzinfo if due is not None else None,
            out=out,
        )
    except AutograderError:
        if must or _holds_something(source):
            raise
        return None


def _holds_something(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


def _merge(source: Path, before: list[Entry], intake: Intake) -> tuple[list[Entry], dict[Entry, Found]]:
    """A source's entries in the order in which they came, and those of them that are there now."""
    known = {(entry.file, entry.digest): entry for entry in before}
    present: dict[Entry, Found] = {}
    new: set[str] = set()
    for found in intake.found:
        digest = fingerprint(found.path)
        clock: Clock = ""
        if found.submitted is not None:
            clock = "file" if found.submitted == modified(found.path) else "system"
        entry = Entry(
            found.student, found.known, found.file, digest, found.path.absolute(), source, found.submitted, clock,
            found.late_mark, found.beside,
        )  # fmt: skip
        earlier = known.pop((found.file, digest), None)
        new |= {digest} if earlier is None else set()
        present[entry if earlier is None else _again(earlier, entry)] = found
    # What was only given another name, such as that of the student whose it is, is not there twice.
    gone = [entry for entry in known.values() if entry.digest not in new]
    return [*gone, *present], present


def _again(earlier: Entry, now: Entry) -> Entry:
    """The entry as it is found now. A file's own date can only become later than it was by being copied."""
    if _RANK[earlier.clock] > _RANK[now.clock]:
        return replace(now, submitted=earlier.submitted, clock=earlier.clock)
    if now.clock == earlier.clock == "file" and earlier.submitted and now.submitted:
        return replace(now, submitted=min(earlier.submitted, now.submitted))
    return now


def _renamed(entry: Entry, classroom: Classroom) -> Entry:
    """The entry of a hand-in that is gone, given to the student whom the roster knows by this name now."""
    roster = classroom.roster
    if roster is None or roster.get(entry.student) is not None:
        return replace(entry, known=True)
    student = roster.by_label(entry.student) or roster.by_name(entry.student)
    return replace(entry, student=student.id, known=True) if student else replace(entry, known=False)


def _is_known(register: Register, entry: Entry) -> bool:
    return any(e.digest == entry.digest and e.student == entry.student for e in register.entries)


def last_hand_ins(register: Register) -> Iterator[HandIn]:
    """Of each student in the register the hand-in that gives the mark, where its copy is there to be read."""
    last = {one.found.student: one for one in _hand_ins(register.entries, {}, register.entries, register.home)}
    return (one for one in last.values() if not one.gone)


def _hand_ins(
    entries: Iterable[Entry], present: Mapping[Entry, Found], numbered: Collection_[Entry], home: Path
) -> Iterator[HandIn]:
    """The hand-ins student by student, each student's in the order in which they came."""
    students: dict[str, list[Entry]] = {}
    for entry in entries:
        students.setdefault(entry.student, []).append(entry)
    for _, of in sorted(students.items()):
        same: dict[str, list[Entry]] = {}
        ordered = _in_order(of, numbered)
        for entry in ordered:
            same.setdefault(entry.digest, []).append(entry)
        # In one folder the last place counts, in another one the first: an old file may turn up again.
        places = {digest: _place(group) for digest, group in same.items()}
        for _, digest in sorted((ordered.index(place), digest) for digest, place in places.items()):
            yield _hand_in(digest, same[digest], present, home)


def _place(group: list[Entry]) -> Entry:
    return [entry for entry in group if entry.source == group[0].source][-1]


def _in_order(entries: list[Entry], numbered: Collection_[Entry]) -> list[Entry]:
    """One student's entries as they came: by time, and within a folder as they are `numbered` there."""
    latest = _EARLIEST
    last: dict[Path, datetime] = {}
    keyed: list[tuple[datetime, Entry]] = []
    for entry in entries:
        key = entry.submitted or latest
        if entry in numbered and entry.clock != "person":
            key = last[entry.source] = max(key, last.get(entry.source, _EARLIEST))
        latest = max(latest, key)
        keyed.append((key, entry))
    return [entry for _, entry in sorted(keyed, key=lambda pair: pair[0])]


def _hand_in(digest: str, group: list[Entry], present: Mapping[Entry, Found], home: Path) -> HandIn:
    first = next((entry for entry in group if entry in present), group[0])
    best = max(_RANK[entry.clock] for entry in group)
    times = [entry.submitted for entry in group if entry.submitted and _RANK[entry.clock] == best]
    submitted = min(times, default=None)
    copy = None if first in present else kept_copy(home, digest)
    return HandIn(
        Found(
            first.student,
            copy or first.place,
            first.file,
            submitted,
            first.known,
            any(entry.late_mark for entry in group),
            tuple(sorted({name for entry in group for name in entry.beside})),
        ),
        digest,
        gone=copy is None and first not in present,
    )


def _set_aside(before: Register, hand_ins: Iterable[HandIn], home: Path) -> Path | None:
    """Move results and copies of hand-ins that are no longer in the class, and the register, out of the way."""
    staying = {(one.found.student, one.digest) for one in hand_ins}
    leaving = {(entry.student, entry.digest) for entry in before.entries} - staying
    if not (home / REGISTER).is_file() or (before.entries and not leaving):
        return None
    aside = home / REPLACED
    number = 1 + max((int(p.name) for p in aside.glob("*") if p.name.isdigit()), default=0)
    folder = aside / str(number)
    try:
        folder.mkdir(parents=True)
        for student, digest in sorted(leaving):
            result = home / f"{file_name(student)}--{digest[:12]}.json"
            if result.is_file():
                result.rename(folder / result.name)
        for digest in sorted({d for _, d in leaving} - {d for _, d in staying}):
            if (kept := home / KEPT / digest[:32]).is_dir():
                (folder / KEPT).mkdir(exist_ok=True)
                kept.rename(folder / KEPT / kept.name)
        shutil.copyfile(home / REGISTER, folder / REGISTER)
    except OSError as error:
        raise AutograderError(
            f"could not set results aside in {folder}: {error.strerror}: make room; nothing was graded"
        ) from None
    return folder
