"""Makes the README's pictures: `python docs/pictures.py`. Needs Chromium (`make browser`)."""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from rich.console import Console

from autograder.authoring.run_notebooks import make_tree
from autograder.base.settings import Settings
from autograder.classroom.class_file import Classroom, open_classroom
from autograder.cli.demo import demo_command
from autograder.cli.publish import publish
from autograder.grading import grade_class
from autograder.pages.leaderboard import write_leaderboard
from autograder.simulation.made_class import make_class
from autograder.sources.exercise import sources
from autograder.sources.known_answers import apply, wrong_answers

IMAGES = Path(__file__).resolve().parent / "images"
EXERCISE = "ex03_dataloader"
SETTINGS = Settings(secret=b"a secret for pictures, known to all who read this")


def main() -> int:
    """Make the pictures; 1 where there is no browser."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("expected Chromium on the PATH, found none: run `make browser`", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as name:
        _check(Path(name), browser)
        _leaderboard(Path(name), browser)
        _feedback(Path(name), browser)
        _report(Path(name), browser)
        _demo(Path(name))
    return 0


def _check(folder: Path, browser: str) -> None:
    """A notebook with a check that a known wrong answer does not pass."""
    tree = make_tree(folder / "tree", [EXERCISE])
    wrong = {w.name: w for w in wrong_answers(EXERCISE)}["empty_last_batch"]
    edited = apply(wrong, folder / "wrong", sources(EXERCISE))
    shutil.copytree(edited / "exercise_code", tree / "exercise_code", dirs_exist_ok=True)
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell("from exercise_code import check"),
        nbformat.v4.new_code_cell('check("dataloader_batches")'),
    ]
    here = tree / "exercises" / EXERCISE
    os.environ["PYTHONPATH"] = str(tree)
    NotebookClient(notebook, resources={"metadata": {"path": str(here)}}).execute()
    notebook.cells = notebook.cells[1:]
    page, _ = HTMLExporter(template_name="lab").from_notebook_node(notebook)
    (folder / "check.html").write_text(page, encoding="utf-8")
    _shoot(browser, folder / "check.html", "check.png", 900, 660)


def _leaderboard(folder: Path, browser: str) -> None:
    """A class whose scores are dice, so that it is large without hours of training."""
    sys.path.insert(0, str(IMAGES.parent.parent / "tests"))
    from sample_class import sample_class

    graded = replace(sample_class(folder / "dice", "ex09_keypoints", 400, hostile=False), demo_secret=False)
    page = folder / "leaderboard.html"
    write_leaderboard(graded, page)
    _shoot(browser, page, "leaderboard.png", 1100, 1000)


def _feedback(folder: Path, browser: str) -> None:
    """What a student reads whose model answers with the mean face, on a phone."""
    wrong = {w.name: w for w in wrong_answers("ex09_keypoints")}["mean_face"]
    apply(wrong, folder / "faces" / "u0042")
    graded = grade_class("ex09_keypoints", folder / "faces", folder / "faces-results", SETTINGS)
    graded, _ = publish(graded, folder / "faces-results", Classroom())
    page = folder / "faces-results" / "ex09_keypoints" / "students" / "feedback" / "u0042.html"
    _shoot(browser, page, "feedback.png", 500, 1990)


def _report(folder: Path, browser: str) -> None:
    """A made class of 150, really graded, as its instructor sees it."""
    made = make_class(EXERCISE, folder / "class", students=150)
    (folder / "class" / "class.toml").touch()
    classroom = replace(open_classroom(folder / "class", SETTINGS.secret), folder=None, due={EXERCISE: made.due})
    graded = grade_class(EXERCISE, made.submissions, folder / "results", SETTINGS, classroom=classroom)
    publish(graded, folder / "results", classroom)
    _shoot(browser, folder / "results" / EXERCISE / "instructor" / "report.html", "report.png", 1100, 1250)


def _shoot(browser: str, page: Path, name: str, width: int, height: int) -> None:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking"]
    flags += ["--force-device-scale-factor=1.5", f"--window-size={width},{height}"]
    flags += [f"--screenshot={IMAGES / name}", f"--user-data-dir={page.parent / 'profile'}"]
    subprocess.run([browser, *flags, f"file://{page}"], check=True, capture_output=True, timeout=120)


def _demo(folder: Path) -> None:
    """The demo's tables, as a person sees them."""
    # No terminal, whose moving bars would be caught in all their states; yet with its colours.
    console = Console(record=True, width=130, file=io.StringIO(), color_system="truecolor")
    # A relative folder, because the picture shows it.
    os.chdir(folder)
    demo_command(Path("results/demo"), None, "cpu", console)
    text = console.export_svg(title="make demo")
    # Fonts from the network are not loaded: who has none of them sees the system's own.
    text = re.sub(r"\s*@font-face \{.*?\}", "", text, flags=re.DOTALL)
    (IMAGES / "demo.svg").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
