"""Which hand-ins a path holds, whose they are, and when they came."""

import os
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path

from exercise_code.common.archives.entries import printable
from exercise_code.common.exercise import Exercise
from exercise_code.common.hand_ins.hand_in import Rules

from ..base.errors import AutograderError
from ..classroom.roster import Roster
from .digest import fingerprint
from .downloads import (
    Upload,
    canvas_upload,
    is_junk,
    left_out_of,
    moodle_upload,
    system_of_zip,
    unpack_download,
    without_ending,
)
from .found import Found, Intake, Piece
from .gradescope_metadata import METADATA, Submitted, read_metadata
from .looks import (
    PARTS,
    children_of,
    folders_of,
    holds_no_code,
    is_hand_in,
    is_one_of,
    is_others,
    layout_of,
    parts_below,
)
from .loose import can_be_taken, gather
from .owners import Owners
from .times import modified, moodle_time, nbgrader_time
from .worksheet import Worksheet, read_worksheet

__all__ = ["Found", "Intake", "find_hand_ins"]
LINK = "a link, which is not followed: put the file itself there"
BESIDE = "lies beside a zip or a folder of {}, and only that is graded"


def find_hand_ins(
    path: Path,
    exercise: Exercise,
    roster: Roster | None = None,
    worksheet: Path | None = None,
    *,
    scratch: Path | None = None,
    zone: tzinfo | None = None,
    out: Path | None = None,
) -> Intake:
    """The hand-ins of an exercise at `path`.

    `path` is a zip or a hand-in's folder, or a folder of many in one of these layouts:

    - `zips`: zips named after students. The name is an id, alias, e-mail address or name of the roster, with or
      without the exercise's id. `u0042 (1).zip` and `u0042_attempt2.zip` are further hand-ins of u0042;
      `u0042_2.zip` and `u0042-2.zip` are only where the roster knows u0042 and nobody called u0042_2, or where
      `u0042.zip` lies beside them;
    - `students`: folders named after students, each with zips (each one hand-in) or with an unpacked hand-in;
    - `nbgrader`: nbgrader's `submitted/<student>/<exercise>`;
    - `moodle`, `canvas`, `gradescope`: their downloads of all submissions, unpacked, or the zip itself, which is then
      unpacked into `scratch`.

    A folder with `exercise_code` in it is an unpacked hand-in, and one with the exercise's notebooks, where nothing
    beside them has `exercise_code`. A file that is no archive, or whose name is that of another exercise, is a hand-in
    where a student has nothing better; files that a student uploaded one by one are put together in `scratch`, and
    are one. Beside an archive such a file is a problem, as is a zip without any code. So is what two people uploaded
    whom only the same student's name fits.

    Times are nbgrader's `timestamp.txt`, for Moodle those of its grading worksheet (in the time zone `zone`), and for
    zips and students' folders those of the files; Gradescope's export says whose its folders are and when they came.
    The files of Moodle's and Canvas's downloads carry the time of the download, so they have none. Several hand-ins of
    a student are in the order of their numbers, then of their times. `out`, the folder of results, may lie among the
    hand-ins.
    """
    if not path.exists():
        raise AutograderError(f"expected hand-ins at {path}, found nothing there: check the path")
    if path.is_symlink():
        path = path.resolve()
    if out is not None and is_one_of(out / exercise.id, [path]):
        raise AutograderError(f"expected hand-ins and results in two folders, got {path} for both: name another --out")
    sheet = read_worksheet(worksheet) if worksheet is not None else None
    none = [worksheet, out, out / exercise.id if out is not None else None]
    search = _Search(path, exercise, roster, sheet, zone, [p for p in none if p is not None])
    try:
        layout = search.run(scratch)
    except PermissionError as error:
        raise AutograderError(f"could not read {error.filename}: {error.strerror}: check its permissions") from None
    found = search.found()
    if not found and not search.problems:
        raise AutograderError(
            f"expected zips, or folders named after students, in {path}, found none of {exercise.id}: check the path"
        )
    there = {one.student for one in found}
    missing = tuple(s for s in roster.students if s.id not in there) if roster else ()
    return Intake(layout, found, missing, tuple(sorted(search.problems)))


class _Search:
    """One walk over a path, which fills `pieces` and `problems`."""

    def __init__(
        self,
        root: Path,
        exercise: Exercise,
        roster: Roster | None,
        sheet: Worksheet | None,
        zone: tzinfo | None,
        none: list[Path],
    ) -> None:
        self.root, self.exercise, self.roster, self.sheet, self.zone = root, exercise, roster, sheet, zone
        self.none = none
        self.owners = Owners(exercise.id, roster, sheet)
        self.rules = Rules(exercise)
        self.metadata: dict[str, Submitted] = {}
        self.scratch: Path | None = None
        self.pieces: list[Piece] = []
        self.problems: list[tuple[str, str]] = []
        self.beside: dict[str, set[str]] = {}

    def run(self, scratch: Path | None) -> str:
        """The name of the layout, after everything has been looked at."""
        self.scratch = scratch
        children: list[Path] = []
        if self.root.is_dir():
            children = [c for c in children_of(self.root) if not is_junk(c.name) and not is_one_of(c, self.none)]
        if self.root.is_file():
            system = system_of_zip(self.root)
            if not system:
                self._file(self.root, frozenset())
                return "zip"
            return self._within(self._unpacked(self.root, scratch))
        if not self.root.is_dir():
            raise AutograderError(f"expected a zip or a folder at {self.root}, found something else: check the path")
        if is_hand_in(self.root, self.exercise) and not self._is_class(children):
            student, known = self.owners.labelled(self.root.resolve().name)
            self._add(student, known, self.root, whole=True)
            return "folder"
        if len(children) == 1 and children[0].is_file() and system_of_zip(children[0]):
            return self._within(self._unpacked(children[0], scratch))
        if len(children) == 1 and (children[0] / METADATA).is_file():
            return self._within(children[0])
        return self._within(self.root, children)

    def _within(self, folder: Path, children: list[Path] | None = None) -> str:
        self.root = folder
        if children is None:
            children = [child for child in children_of(folder) if not is_junk(child.name)]
        layout = layout_of(children, self.exercise)
        if layout == "gradescope":
            self.metadata = read_metadata(folder / METADATA)
            children = [child for child in children if child.name != METADATA]
        stems = frozenset(self.owners.plain(without_ending(child.name)[0]) for child in children)
        uploads: dict[Path, Upload] = {}
        for child in children:
            upload = moodle_upload(child.name) if layout == "moodle" else None
            if layout == "canvas" and child.is_file():
                upload = canvas_upload(child.name)
            if upload is not None:
                uploads[child] = upload
        self.owners = self.owners.among(uploads.values(), layout)
        for child in children:
            if self._is_odd(child):
                continue
            before = len(self.pieces)
            try:
                if layout == "gradescope":
                    self._submitted(child, self.metadata.get(child.name, Submitted()))
                elif child in uploads:
                    self._uploaded(child, uploads[child], layout)
                elif child.is_dir() and child.name in PARTS:
                    self._problem(child, "a part of a hand-in that was unpacked here: nobody's name is on it")
                elif child.is_dir():
                    self._student(child)
                else:
                    self._file(child, stems)
            except OSError as error:
                del self.pieces[before:]
                self._problem(child, f"could not be read ({error.strerror}): check its permissions")
        return layout

    def _unpacked(self, path: Path, scratch: Path | None) -> Path:
        folder = unpack_download(path, f"unpacked-{fingerprint(path)[:16]}", scratch)
        self.problems += [(printable(name), f"could not be unpacked: {why}") for name, why in left_out_of(folder)]
        inner = [child for child in children_of(folder) if not is_junk(child.name)]
        return inner[0] if len(inner) == 1 and (inner[0] / METADATA).is_file() else folder

    def found(self) -> tuple[Found, ...]:
        """The hand-ins; what lies beside better ones becomes a problem."""
        self._put_together()
        whole: dict[str, list[Path]] = {}
        for piece in self.pieces:
            if piece.whole:
                whole.setdefault(piece.student, []).append(piece.path)
        # A zip of pictures is none of a student's hand-ins, and would be refused as the last of them.
        lesser = {path for of in whole.values() if len(of) > 1 for path in of if holds_no_code(path)}
        lesser -= {path for of in whole.values() if lesser.issuperset(of) for path in of}
        found = []
        for piece in sorted(self.pieces, key=lambda piece: piece.place):
            if (not piece.whole and piece.student in whole) or piece.path in lesser:
                self._beside(piece.path, piece.student)
                continue
            file = self._name(piece.path) if not piece.upload else piece.upload
            found.append(Found(piece.student, piece.path, file, piece.submitted, piece.known, piece.late))
        return tuple(replace(one, beside=tuple(sorted(self.beside.get(one.student, ())))) for one in found)

    def _put_together(self) -> None:
        """Make one hand-in of the files that a student uploaded one by one, where there is a place for it."""
        better = {piece.student for piece in self.pieces if piece.whole}
        loose: dict[str, list[Piece]] = {}
        for piece in sorted(self.pieces, key=lambda piece: piece.place):
            if piece.upload and piece.student not in better:
                loose.setdefault(piece.student, []).append(piece)
        for student, of in loose.items():
            if self.scratch is None or not any(can_be_taken(piece.upload, self.rules) for piece in of):
                continue
            folder, older = gather([(piece.upload, piece.path) for piece in of], self.scratch)
            for path in older:
                self._problem(path, f"{student} handed in a later file of this name")
                self.beside.setdefault(student, set()).add(self._name(path))
            self.pieces = [piece for piece in self.pieces if piece not in of]
            more = f" and {len(of) - 1} more" if len(of) > 1 else ""
            name = f"{self._name(of[0].path)}{more}"
            times = [piece.submitted for piece in of if piece.submitted is not None]
            late, last = any(piece.late for piece in of), max(times, default=None)
            self.pieces.append(Piece(student, of[0].known, folder, True, of[-1].order, last, late, name))

    def _beside(self, path: Path, student: str) -> None:
        self._problem(path, BESIDE.format(student))
        self.beside.setdefault(student, set()).add(self._name(path))

    def _file(self, path: Path, stems: frozenset[str]) -> None:
        stem, archive = without_ending(path.name)
        alone = not stems
        stem, order = self.owners.attempt(self.owners.plain(stem), stems)
        student, known = self.owners.labelled(stem)
        if not alone and (not stem.strip() or not (archive or (self.roster and known))):
            self._problem(path, "nobody's name is on it: expected a zip named after a student")
            return
        self._add(student, known, path, whole=archive or alone, order=order, submitted=modified(path))

    def _student(self, folder: Path) -> None:
        student, known = self.owners.labelled(self.owners.plain(folder.name))
        before = self._count
        inner = folder / self.exercise.id
        nested = inner.is_dir() and not inner.is_symlink()
        if nested:
            self._tree(inner, student, known, self._stamp(inner), file_times=True)
        if is_hand_in(folder, self.exercise):
            self._add(student, known, folder, whole=True)
        else:
            children = [c for c in children_of(folder) if not is_junk(c.name) and not (nested and c == inner)]
            # Beside it lie the hand-ins of the other exercises.
            children = [c for c in children if not (c.is_dir() and is_others(c.name, self.exercise))]
            self._gather(folder, children, student, known, file_times=True, more=self._count > before)
        # Who is on the roster and handed in nothing is among the missing.
        if self._count == before and not (self.roster and known):
            self._problem(folder, f"holds no hand-in of {self.exercise.id}")

    def _uploaded(self, path: Path, upload: Upload, layout: str) -> None:
        student, known, conflict = self.owners.whose(upload, layout)
        if conflict:
            self._problem(path, conflict)
            return
        time = self._time_of(upload.number) if layout == "moodle" else None
        if path.is_file():
            whole = without_ending(upload.file)[1] and not upload.typed and not is_others(upload.file, self.exercise)
            loose = "" if whole or upload.typed or upload.file in (".", "..") else upload.file
            self._add(
                student, known, path, whole=whole, order=upload.order, submitted=time, late=upload.late, upload=loose
            )
            return
        before = self._count
        if upload.typed:
            if any(not is_junk(child.name) for child in children_of(path)):
                self._add(student, known, path, whole=False, submitted=time)
        else:
            self._tree(path, student, known, time)
        if self._count == before:
            self._problem(path, "an empty folder: ask the student to hand in again")

    def _submitted(self, folder: Path, about: Submitted) -> None:
        """Take a folder of Gradescope's export as a hand-in of each of those who handed it in together."""
        before = self._count
        for name, number, email in about.submitters:
            known = [found for label in (number, email, name) if label and (found := self.owners.labelled(label))[1]]
            student, is_known = known[0] if known else self.owners.labelled(number or email or name)
            if folder.is_dir():
                self._tree(folder, student, is_known, about.time)
            else:
                self._add(student, is_known, folder, whole=True, submitted=about.time)
        if self._count == before:
            self._problem(folder, f"{METADATA} does not say whose it is")

    def _tree(
        self, folder: Path, student: str, known: bool, submitted: datetime | None, *, file_times: bool = False
    ) -> None:
        if is_hand_in(folder, self.exercise):
            self._add(student, known, folder, whole=True, submitted=submitted)
            return
        children = [child for child in children_of(folder) if not is_junk(child.name)]
        self._gather(folder, children, student, known, submitted, file_times=file_times)

    def _gather(
        self,
        folder: Path,
        children: list[Path],
        student: str,
        known: bool,
        submitted: datetime | None = None,
        *,
        file_times: bool = False,
        more: bool = False,
    ) -> None:
        """Take a folder's archives and unpacked hand-ins, or the folder as a whole where it has none of them.

        `file_times` says that a file's own time counts, `more` that the student has other hand-ins.
        """
        parts, rest = parts_below(children, self.exercise)
        rest = [path for path in rest if path.name not in ("timestamp.txt", "submission_secret.txt")]
        if rest and not parts and not more:
            whole = any(can_be_taken(path.name, self.rules) for path in rest) or (folder / "models").is_dir()
            self._add(student, known, folder, whole=whole, submitted=submitted)
            return
        for part in parts:
            own = modified(part) if file_times and part.is_file() else None
            # That of another exercise is one only where there is none of this exercise, and is refused then.
            whole = part.is_dir() or not is_others(part.name, self.exercise)
            self._add(student, known, part, whole=whole, submitted=submitted or own)
        for path in rest:
            if path.is_symlink():
                self._problem(path, LINK)
            else:
                self._beside(path, student)

    def _add(
        self,
        student: str,
        known: bool,
        path: Path,
        *,
        whole: bool,
        order: int = 1,
        submitted: datetime | None = None,
        late: bool = False,
        upload: str = "",
    ) -> None:
        if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
            self._problem(path, f"the hand-in of {student} could not be read: check its permissions")
            return
        self.pieces.append(Piece(student, known, path, whole, order, submitted, late, upload))

    @property
    def _count(self) -> int:
        return len(self.pieces) + len(self.problems)

    def _problem(self, path: Path, reason: str) -> None:
        self.problems.append((self._name(path), reason))

    def _name(self, path: Path) -> str:
        return printable(path.relative_to(self.root).as_posix() if path != self.root else path.resolve().name)

    def _is_odd(self, path: Path) -> bool:
        if path.is_symlink():
            self._problem(path, LINK)
        elif not (path.is_dir() or path.is_file()):
            self._problem(path, "neither a file nor a folder: remove it")
        elif path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
            self._problem(path, "could not be read: check its permissions")
        else:
            return False
        return True

    def _is_class(self, children: list[Path]) -> bool:
        """True for a folder of many into which somebody unpacked a hand-in."""
        zips = [without_ending(child.name)[0] for child in children if without_ending(child.name)[1]]
        zips = [stem for stem in map(self.owners.plain, zips) if stem.casefold() != self.exercise.id]
        names = [*zips, *(c.name for c in children if c.is_dir())]
        if len(zips) > 1 or any(moodle_upload(c.name) for c in children):
            return True
        if self.roster and any(self.owners.labelled(self.owners.attempt(name, frozenset())[0])[1] for name in names):
            return True
        return any((c / self.exercise.id).is_dir() or is_hand_in(c, self.exercise) for c in folders_of(children))

    def _time_of(self, number: str) -> datetime | None:
        row = self.sheet.by_number.get(number) if self.sheet else None
        if row is None or self.sheet is None:
            return None
        try:
            return moodle_time(row.modified, self.zone)
        except ValueError:
            raise AutograderError(
                f"expected a time such as 'Friday, 20 November 2026, 11:59 PM' in row {row.line} of {self.sheet.path}, "
                f"got {row.modified!r}: download the worksheet with Moodle's language set to English"
            ) from None

    def _stamp(self, folder: Path) -> datetime | None:
        """The time in nbgrader's `timestamp.txt`."""
        path = folder / "timestamp.txt"
        if path.is_symlink() or not path.is_file():
            return None
        try:
            with path.open("rb") as file:
                text = file.read(200).decode("utf-8").strip()
            return nbgrader_time(text)
        except (OSError, ValueError):
            self._problem(path, "expected a time such as 2026-11-20 22:59:00 UTC: nobody knows when this came")
            return None
