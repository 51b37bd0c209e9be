"""What leaves a graded class: the gradebook, the pages for students, the instructor's report, the exports."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..classroom.class_file import Classroom
from ..grading import with_penalty
from ..grading.standing import GradedClass
from ..sources.cells import graded_cells
from ..sources.exercise import sources

__all__ = ["Part", "publish", "with_written_points"]


@dataclass(frozen=True)
class Part:
    """One product: what was made, how many pieces of it are new, and how long it took."""

    name: str
    place: str
    changed: int
    seconds: float


def publish(
    graded: GradedClass,
    out: Path,
    classroom: Classroom,
    *,
    worksheet: Path | None = None,
    final: bool = False,
    demo_secret: bool = False,
    gradebook: bool = True,
    begin: Callable[[str], None] = lambda _: None,
) -> tuple[GradedClass, list[Part]]:
    """The class with its written points, and the products; what has not changed is not made again.

    Without `gradebook` the class's own is only read. `out` is the folder of results; `begin` is called with the name of
    each product before it is made. With the public demo secret, whose hidden inputs everybody can make, there are no
    exports unless `demo_secret` insists.
    """
    from ..exports.lms import write_moodle_feedback
    from ..exports.tables import write_exports
    from ..pages.class_report import write_report
    from ..pages.feedback import write_feedback
    from ..pages.leaderboard import write_leaderboard

    folder = out / graded.exercise.id
    students, instructor = folder / "students", folder / "instructor"
    exports = instructor / "exports"
    parts: list[Part] = []

    def make(name: str, place: Path | str, work: Callable[[], int]) -> None:
        begin(name)
        start = time.perf_counter()
        changed = work()
        parts.append(Part(name, str(place), changed, time.perf_counter() - start))

    if classroom.folder is not None:
        if gradebook:
            from ..nbgrader_bridge.gradebook.fill import fill_gradebook

            make("gradebook", classroom.folder / "gradebook.db", lambda: fill_gradebook(graded, classroom))
        graded = with_written_points(graded, classroom)
    feedback, board, report = students / "feedback", students / "leaderboard.html", instructor / "report.html"
    make("feedback", feedback, lambda: write_feedback(graded, feedback, folder / "cache"))
    make("leaderboard", board, lambda: int(write_leaderboard(graded, board, final)))
    make("report", report, lambda: int(write_report(graded, report, folder / "cache")))
    if graded.demo_secret and not demo_secret:
        return graded, parts
    make("exports", exports, lambda: len(write_exports(graded, exports, worksheet)))
    if worksheet is not None:
        pages = exports / "moodle_feedback.zip"
        make(
            "feedback for Moodle",
            pages,
            lambda: len([p for p in [write_moodle_feedback(graded, feedback, pages, worksheet)] if p]),
        )
    return graded, parts


def with_written_points(graded: GradedClass, classroom: Classroom) -> GradedClass:
    """The class with what people gave and said in the gradebook, and penalties that count them in."""
    from ..nbgrader_bridge.gradebook.markings import markings, points_of

    found = markings(classroom, graded.exercise.id)
    course = sources(graded.exercise).course.parent
    cells = {cell.grade_id: cell for cell in graded_cells(graded.exercise.id, course)}
    standings = []
    for standing in graded.standings:
        of = found.get(standing.student.id)
        named = tuple(
            replace(one, max_points=float(cells[one.grade_id].points), heading=cells[one.grade_id].heading)
            for one in of or ()
            if one.grade_id in cells
        )
        given = replace(standing, written=None if of is None else points_of(of), markings=named)
        standings.append(with_penalty(given, classroom))
    return replace(graded, standings=tuple(standings))
