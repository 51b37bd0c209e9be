"""What people gave in nbgrader's gradebook, and said: points and comments, cell by cell."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from ...base.errors import AutograderError
from ...classroom.class_file import Classroom
from ...grading.standing import Marking
from ..prepare import NO_RESPONSE
from .rows import connect

__all__ = ["DATABASE", "EARNED", "OF_SUBMISSIONS", "markings", "points_of", "written_points"]

DATABASE = "gradebook.db"
EARNED = """CASE WHEN g.manual_score IS NOT NULL THEN g.manual_score + COALESCE(g.extra_credit, 0.0)
 WHEN g.auto_score IS NOT NULL THEN g.auto_score + COALESCE(g.extra_credit, 0.0) ELSE 0.0 END"""
# nbgrader keeps a comment with the cell's other half, which has the same name.
_COMMENT = f"""(SELECT COALESCE(NULLIF(TRIM(m.manual_comment), ''), CASE m.auto_comment WHEN '{NO_RESPONSE}'
 THEN m.auto_comment END) FROM comment m JOIN base_cell o ON o.id = m.cell_id
 WHERE m.notebook_id = n.id AND o.name = b.name)"""
OF_SUBMISSIONS = """FROM submitted_assignment s JOIN assignment a ON a.id = s.assignment_id
 JOIN submitted_notebook n ON n.assignment_id = s.id"""


def written_points(classroom: Classroom, exercise_id: str) -> dict[str, float | None]:
    """The points that people gave in the gradebook, by student id; None while a written answer waits to be marked.

    Extra credit counts, and so does what a person's score adds to an automatic one or takes from it.
    """
    return {student: points_of(found) for student, found in markings(classroom, exercise_id).items()}


def points_of(found: Iterable[Marking]) -> float | None:
    """The sum of what people gave; None while one of the answers waits."""
    points = [marking.points for marking in found]
    # Sums of floats: what people give has a few digits.
    return None if None in points else round(sum(p for p in points if p is not None), 9)


def markings(classroom: Classroom, exercise_id: str) -> dict[str, tuple[Marking, ...]]:
    """What people gave and said in the gradebook, by student id: of written answers, and where they changed tests.

    What was said of an answer that waits may be about an earlier one, and is left out.
    """
    path = (classroom.folder or Path()) / DATABASE
    if classroom.folder is None or not path.is_file():
        return {}
    query = f"""SELECT s.student_id, b.name, c.cell_type = 'markdown', {EARNED}, COALESCE(g.auto_score, 0.0),
     g.needs_manual_grade, {_COMMENT}
     {OF_SUBMISSIONS} JOIN grade g ON g.notebook_id = n.id JOIN grade_cells c ON c.id = g.cell_id
     JOIN base_cell b ON b.id = c.id JOIN notebook o ON o.id = b.notebook_id
     WHERE a.name = ? ORDER BY s.student_id, o.name, b.rowid"""
    found: dict[str, list[Marking]] = {}
    try:
        with closing(connect(path, read_only=True)) as connection:
            for student, name, written, earned, auto, waits, comment in connection.execute(query, (exercise_id,)):
                of = found.setdefault(student, [])
                if written:
                    points = None if waits else round(earned, 9)
                    of.append(Marking(name, points, (comment or "") if points is not None else ""))
                elif (change := round(earned - auto, 9)) or comment:
                    of.append(Marking(name, change, comment or "", written=False))
    except sqlite3.Error as error:
        raise AutograderError(f"could not read {path}: {error}: expected nbgrader's gradebook") from None
    return {student: tuple(of) for student, of in found.items()}
