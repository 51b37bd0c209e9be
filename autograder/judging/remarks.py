"""What is said of a hand-in beside its tests, and of what failed while it was graded."""

import errno

from exercise_code.common.hand_ins.hand_in import HandIn, Note
from exercise_code.common.reasons import Reason

__all__ = ["remarks_on", "trouble"]

# A disk that is full, or a share of it.
FULL = (errno.ENOSPC, errno.EDQUOT)
# Of each kind; a hand-in may hold thousands of files.
MOST_NOTES = 20
# What nbgrader puts beside what it collects is not the student's.
_NBGRADERS = ("timestamp.txt", "submission_secret.txt")


def trouble(error: Exception) -> str:
    """What failed while a hand-in was graded, in words."""
    if not isinstance(error, OSError):
        return str(error)
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in FULL:
        return f"the folder for temporary files is full ({reason}): make room, or name another one in TMPDIR"
    return f"the judge could not go on ({reason}): run the command again"


def remarks_on(hand_in: HandIn) -> list[Note]:
    # A file that was not taken is missing as well, and is named once.
    told = {note.name for note in hand_in.notes if note.code is Reason.NOT_TAKEN}
    notes = [Note(Reason.MISSING, f"{name} is missing", name) for name in hand_in.missing if name not in told]
    for code, what in (
        (Reason.NOT_TAKEN, "files are not taken"),
        (Reason.MOVED, "files were taken from another place"),
        (Reason.IGNORED, "files were ignored"),
    ):
        of = [note for note in hand_in.notes if note.code is code and note.name not in _NBGRADERS]
        notes += of[:MOST_NOTES]
        if len(of) > MOST_NOTES:
            notes.append(Note(code, f"{len(of) - MOST_NOTES} more {what}"))
    return notes
