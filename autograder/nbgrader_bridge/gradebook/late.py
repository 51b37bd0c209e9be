"""Late penalties and marks through nbgrader's own hooks, by the table in `class.toml`.

nbgrader asks for a penalty when it autogrades a notebook, of the points that the notebook has by then: points that
people give later cost nothing. So the penalties are computed again whenever marks leave the gradebook: before
feedback (nbgrader's own step once more), in `GradesCsv`, and in `fill_gradebook`.
"""

import csv
from pathlib import Path
from typing import Any

from nbgrader.plugins import ExportPlugin, LateSubmissionPlugin

from ...base.spreadsheets import disarmed
from ...classroom.class_file import FILE, Classroom, open_classroom
from .fill import refresh_penalties

__all__ = ["GradesCsv", "LatePenalty"]

COLUMNS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
)


class LatePenalty(LateSubmissionPlugin):  # type: ignore[misc]
    """The points that a late notebook loses: percent of its points, by the first row that covers the lateness."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:  # noqa: ARG002
        """The penalty in points; None without a table."""
        classroom = _classroom(self)
        if classroom is None or not classroom.late:
            return None
        return classroom.penalty(score, total_seconds_late)


class GradesCsv(ExportPlugin):  # type: ignore[misc]
    """nbgrader's CSV, with late penalties brought up to date, and text that no spreadsheet takes for a formula."""

    def export(self, gradebook: Any) -> None:
        """Write the columns of nbgrader's own exporter to `--to` (`grades.csv`)."""
        classroom = _classroom(self)
        database = gradebook.engine.url.database
        if classroom is not None and database:
            refresh_penalties(Path(database), classroom)
            gradebook.db.expire_all()
        with Path(self.to or "grades.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for assignment in gradebook.assignments:
                if not self.assignment or assignment.name in map(str, self.assignment):
                    writer.writerows(self._rows(gradebook, assignment))

    def _rows(self, gradebook: Any, assignment: Any) -> list[dict[str, Any]]:
        wanted = {str(name) for name in self.student}
        handed_in = {s["student"]: s for s in gradebook.submission_dicts(assignment.name)}
        penalties = {s.student_id: s.late_submission_penalty for s in gradebook.assignment_submissions(assignment.name)}
        rows = []
        for student in gradebook.students:
            if wanted and student.id not in wanted:
                continue
            found = handed_in.get(student.id, {"timestamp": None, "score": 0.0})
            penalty = penalties.get(student.id) or 0.0
            texts = {
                "assignment": assignment.name,
                "student_id": student.id,
                "last_name": student.last_name,
                "first_name": student.first_name,
                "email": student.email,
            }
            rows.append(
                {name: disarmed(text or "") for name, text in texts.items()}
                | {
                    "duedate": assignment.duedate or "",
                    "timestamp": found["timestamp"] or "",
                    "raw_score": found["score"],
                    "late_submission_penalty": penalty,
                    "score": max(0.0, found["score"] - penalty),
                    "max_score": assignment.max_score,
                }
            )
        return rows


def _classroom(plugin: Any) -> Classroom | None:
    """The class in nbgrader's course folder; None where that has no `class.toml`."""
    owner = plugin
    while owner is not None and getattr(owner, "coursedir", None) is None:
        owner = owner.parent
    folder = Path(owner.coursedir.root) if owner is not None else Path()
    return open_classroom(folder) if (folder / FILE).is_file() else None
