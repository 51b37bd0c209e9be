"""nbgrader's formgrader in a course folder: its Autograde button, its pages, and marks given there."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser_pages import open_page
from nbgrader_course import EXERCISE, cell_of, edit_notebook, grades, hand_in, released_course
from test_nbgrader_hostile import _evil_notebook, expect_harmless

from autograder.sources import variants
from autograder.sources.known_answers import apply, wrong_answers

pytestmark = pytest.mark.slow
SECONDS = 90


@dataclass
class Server:
    """A running Jupyter server: its address, its token, its course folder, what it logs."""

    address: str
    token: str
    course: Path
    log: Path

    def ask(self, path, data=None):
        """The answer of the server to a GET, or a POST with `data`."""
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(f"{self.address}/{path}", body, headers)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read().decode()

    def open(self, browser, path):
        """A page of the server, opened in a browser that has the token."""
        headers = {"Authorization": f"token {self.token}"}
        return open_page(browser, f"{self.address}/{path}", extra_http_headers=headers)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab's server, started in the folder of a class with three hand-ins that nobody has graded."""
    course = released_course(tmp_path_factory.mktemp("formgrader") / "class")
    trees = tmp_path_factory.mktemp("trees")
    good = variants.reference(EXERCISE, trees / "good")
    partial = apply(wrong_answers(EXERCISE)[0], trees / "partial")
    hand_in(course, "u0001", good)
    for student, tree in (("u0001", None), ("u0002", partial), ("u0003", good)):
        target = course / "submitted" / student / EXERCISE if tree is None else hand_in(course, student, tree)
        edit_notebook(
            target / "1_dataset.ipynb",
            _evil_notebook
            if student == "u0001"
            else lambda nb: cell_of(nb, "written_statistics").update(source="Mine."),
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    token, log = secrets.token_hex(8), home / "log.txt"
    environment = {**os.environ, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home), "IPYTHONDIR": str(home)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], cwd=course, env=environment, stdout=file, stderr=file
        )
    found = Server(f"http://127.0.0.1:{port}", token, course, log)
    try:
        _wait(found, process)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(server, process):
    end = time.monotonic() + SECONDS
    while True:
        try:
            server.ask("formgrader/api/status")
            return
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, server.log.read_text()[-2000:]
            assert time.monotonic() < end, server.log.read_text()[-2000:]
            time.sleep(0.3)


def test_the_autograde_button_grades_with_our_scores(server, browser):
    """A click in the page; then again by what the button calls: the judge is warm, the result is known."""
    with server.open(browser, f"formgrader/manage_submissions/{EXERCISE}") as opened:
        page = opened.page
        row = page.locator("tr", has=page.locator("td.student-id", has_text="u0002"))
        row.locator(".status", has_text="needs autograding").wait_for(timeout=SECONDS * 1000)
        row.locator(".autograde a").click()
        page.locator(".modal-title", has_text="Success").wait_for(timeout=SECONDS * 1000)
        row.locator(".status", has_text="needs manual grading").wait_for(timeout=SECONDS * 1000)
        shown = row.locator(".score").inner_text()
    [path] = (server.course / "results" / EXERCISE).glob("u0002--*.json")
    result = json.loads(path.read_text())
    found = grades(server.course, "u0002")
    assert {c["grade_id"]: c["points"] for c in result["cells"]} == {
        name: grade.auto for name, grade in found.items() if not name.startswith("written")
    }
    assert shown == f"{round(result['score'], 2):g} / 100"
    before = path.stat().st_mtime_ns
    answer = json.loads(server.ask(f"formgrader/api/submission/{EXERCISE}/u0002/autograde", {}))
    assert answer["success"], answer
    assert path.stat().st_mtime_ns == before
    assert not list((server.course / "results" / EXERCISE).glob("u0001--*"))
    log = server.log.read_text()
    assert "Starting kernel" not in log
    assert "Kernel started" not in log


def test_a_mark_given_in_formgrader_stays(server, browser):
    """Typed into the page of an answer that waits, kept when the hand-in is graded again."""
    assert json.loads(server.ask(f"formgrader/api/submission/{EXERCISE}/u0003/autograde", {}))["success"]
    assert grades(server.course, "u0003")["written_statistics"].waits
    listed = json.loads(server.ask(f"formgrader/api/submitted_notebooks/{EXERCISE}/1_dataset"))
    submission = next(s["id"] for s in listed if s["student"] == "u0003")
    with server.open(browser, f"formgrader/submissions/{submission}/") as opened:
        page = opened.page
        # What helps to mark stands below the answer.
        summary = page.locator("summary", has_text="For markers").first
        summary.click()
        assert "2 points: statistics from the training images only" in page.inner_text("#notebook-container")
        points = page.locator("input#written_statistics")
        points.fill("3.5")
        points.press("Tab")
        page.locator("input#written_statistics.needs_manual_grade").wait_for(state="detached", timeout=SECONDS * 1000)
        deadline = time.monotonic() + 30
        while grades(server.course, "u0003")["written_statistics"].manual != 3.5:
            assert time.monotonic() < deadline
            page.wait_for_timeout(200)
    assert json.loads(server.ask(f"formgrader/api/submission/{EXERCISE}/u0003/autograde", {}))["success"]
    assert grades(server.course, "u0003")["written_statistics"].manual == 3.5


def test_nothing_of_a_student_runs_in_formgrader(server, browser):
    assert json.loads(server.ask(f"formgrader/api/submission/{EXERCISE}/u0001/autograde", {}))["success"]
    assert json.loads(server.ask(f"formgrader/api/assignment/{EXERCISE}/u0001/generate_feedback", {}))["success"]
    listed = json.loads(server.ask(f"formgrader/api/submitted_notebooks/{EXERCISE}/1_dataset"))
    submission = next(s["id"] for s in listed if s["student"] == "u0001")
    with server.open(browser, f"formgrader/submissions/{submission}/") as opened:
        expect_harmless(opened)
        assert "my answer" in opened.page.inner_text("body")
        assert not [url for url in opened.blocked if "cdnjs.cloudflare.com" not in url]
    # What is for markers is on their page alone.
    feedback = (server.course / "feedback" / "u0001" / EXERCISE / "1_dataset.html").read_text()
    assert "For markers" not in feedback
    assert "statistics from the training images only" not in feedback


def test_the_list_of_assignments_shows_the_class(server, browser):
    with server.open(browser, "formgrader/manage_assignments") as opened:
        opened.page.locator("td.name", has_text=EXERCISE).wait_for(timeout=SECONDS * 1000)
        assert opened.page.locator("td.num-submissions", has_text="3").count() == 1
