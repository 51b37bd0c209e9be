"""nbgrader's exchange with our step in the middle: what students submit there comes back to them as feedback."""

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from hand_ins import zip_of
from nbgrader_course import EXERCISE, grades, nbgrader, read_notebook, released_course

from autograder.cli.grade import grade_command
from autograder.cli.options import GradeOptions
from autograder.nbgrader_bridge.prepare import SECRET
from autograder.sources import variants

COURSE = "dl-2026"


@dataclass(frozen=True)
class Hub:
    """A machine with an exchange folder, a course on it, and students with homes of their own."""

    folder: Path
    course: Path
    monkeypatch: pytest.MonkeyPatch

    def as_instructor(self, command: str, *arguments: str, fails: bool = False) -> str:
        return nbgrader(self.course, command, EXERCISE, f"--Exchange.root={self.exchange}", *arguments, fails=fails)

    def as_student(self, student: str, command: str) -> str:
        home = self.home(student)
        with self.monkeypatch.context() as patch:
            patch.setenv("HOME", str(home))
            patch.setenv("JUPYTER_DATA_DIR", str(home / ".local" / "share" / "jupyter"))
            return nbgrader(home, command, EXERCISE, f"--student={student}")

    def home(self, student: str) -> Path:
        home = self.folder / "home" / student
        home.mkdir(parents=True, exist_ok=True)
        # What an administrator writes once into /etc/jupyter, and all that students' nbgrader knows of the course.
        (home / "nbgrader_config.py").write_text(
            f"c = get_config()\nc.CourseDirectory.course_id = {COURSE!r}\nc.Exchange.root = {str(self.exchange)!r}\n"
        )
        return home

    @property
    def exchange(self) -> Path:
        return self.folder / "exchange"

    def grade(self, *hand_ins: Path) -> None:
        with contextlib.chdir(self.course):
            assert grade_command(GradeOptions(EXERCISE, *hand_ins, jobs=1)) == 0

    def scores(self, student: str) -> list[list[str]]:
        """The scores of the notebooks' pages that a student has fetched, for each submission in the order they came."""
        folders = sorted((self.home(student) / EXERCISE / "feedback").iterdir())
        texts = [[page.read_text() for page in sorted(folder.glob("*.html"))] for folder in folders]
        return [[re.findall(r"\(Score: ([0-9.]+ / [0-9.]+)\)", text)[0] for text in pages] for pages in texts]


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A released exercise in an exchange that everybody may write into, fetched by the first student."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "exchange").mkdir()
    (folder / "exchange").chmod(0o777)
    course = released_course(folder / COURSE)
    (course / "roster.csv").write_text("id,name\nu0001,\nu0002,\nu0003,\n")
    with pytest.MonkeyPatch.context() as patch:
        hub = Hub(folder, course, patch)
        hub.as_instructor("release_assignment")
        hub.as_student("u0001", "fetch_assignment")
    return folder


@pytest.fixture
def hub(released, tmp_path, monkeypatch):
    folder = shutil.copytree(released, tmp_path / "hub")
    return Hub(folder, folder / COURSE, monkeypatch)


def test_the_exchange_works_from_release_to_feedback(hub, tmp_path):
    good = variants.reference(EXERCISE, tmp_path / "good")
    modules = Path("exercise_code") / EXERCISE
    hub.as_student("u0001", "submit")
    hub.as_student("u0002", "fetch_assignment")
    hub.as_student("u0002", "submit")
    # The first one submits again what is right; the other's submission stays as it was given out.
    shutil.copytree(good / modules, hub.home("u0001") / EXERCISE / modules, dirs_exist_ok=True)
    hub.as_student("u0001", "submit")
    assert "Collecting submission: u0001" in hub.as_instructor("collect")
    hub.grade()
    points = {
        student: sum(g.auto or 0.0 for g in grades(hub.course, student).values()) for student in ("u0001", "u0002")
    }
    assert points == {"u0001": 90.0, "u0002": 0.0}
    hub.as_instructor("generate_feedback")
    hub.as_instructor("release_feedback")
    # A page a notebook and student lies in the exchange, under names that only their submissions tell.
    assert len(list((hub.exchange / COURSE / "feedback").glob("*.html"))) == 2 * len(list(good.glob("*.ipynb")))
    for student in points:
        hub.as_student(student, "fetch_feedback")
    # Of two submissions the one that was collected has feedback.
    assert hub.scores("u0001") == [["50.0 / 55.0", "40.0 / 45.0", "0.0 / 0.0"]]
    assert hub.scores("u0002") == [["0.0 / 55.0", "0.0 / 45.0", "0.0 / 0.0"]]

    # A later submission is collected, graded and answered in its turn; nothing of it is the student's to look after.
    shutil.copytree(good / modules, hub.home("u0002") / EXERCISE / modules, dirs_exist_ok=True)
    hub.as_student("u0002", "submit")
    hub.as_instructor("collect", "--update")
    hub.grade()
    hub.as_instructor("generate_feedback")
    hub.as_instructor("release_feedback")
    hub.as_student("u0002", "fetch_feedback")
    assert [pages[0] for pages in hub.scores("u0002")] == ["0.0 / 55.0", "50.0 / 55.0"]
    notes = read_notebook(hub.course / "autograded" / "u0001" / EXERCISE / "1_dataset.ipynb")["cells"]
    assert not any(SECRET in cell["source"] for cell in notes)


def test_who_did_not_submit_in_the_exchange_keeps_nobody_from_feedback(hub, tmp_path):
    """A zip that came by mail, a secret that is none: nbgrader's own command ended there."""
    good = variants.reference(EXERCISE, tmp_path / "good")
    hub.as_student("u0001", "submit")
    hub.as_instructor("collect")
    zip_of(good, hub.course / "submitted" / "u0002.zip")
    forged = hub.course / "submitted" / "u0003" / EXERCISE
    shutil.copytree(good, forged)
    (forged / SECRET).write_bytes(b"\xff\xfe" * 50)
    hub.grade()
    hub.as_instructor("generate_feedback")
    log = hub.as_instructor("release_feedback")
    assert "no feedback went out to u0002, u0003" in log
    hub.as_student("u0001", "fetch_feedback")
    assert len(hub.scores("u0001")) == 1
    # One step of nbgrader's in the place of ours copies whatever a student called a secret.
    shutil.copy(forged / SECRET, hub.course / "feedback" / "u0003" / EXERCISE / SECRET)
    assert "no feedback went out to u0002, u0003" in hub.as_instructor("release_feedback")


def test_nbgraders_own_grading_keeps_the_way_back_too(hub):
    hub.as_student("u0001", "submit")
    hub.as_instructor("collect")
    nbgrader(hub.course, "autograde", EXERCISE)
    hub.as_instructor("generate_feedback")
    assert "no feedback went out" not in hub.as_instructor("release_feedback")
    hub.as_student("u0001", "fetch_feedback")
    assert len(hub.scores("u0001")) == 1
    assert os.listdir(hub.exchange / COURSE / "feedback")
