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
from xml.sax.saxutils import escape

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


# The way from source to gradebook: boxes (place, size, colour, heading, lines), arrows, and what is written on those.
_WIDTH, _HEIGHT = 900, 560
_PRIVATE, _OPEN, _GRADING, _WALLED = "#fdf1d6", "#e3effb", "#eeeeee", "#fbe3e0"
_WAY_IN_WORDS = (
    "From source to gradebook: the private course is built into notebooks and stubs; students fill them in and submit "
    "a zip; intake finds whose it is; the judge, which holds tests and answers, asks the sandbox, which runs the code; "
    "results become gradebook, feedback, leaderboard, report and exports."
)
_BOXES: tuple[tuple[int, int, int, int, str, str, tuple[str, ...]], ...] = (
    (40, 20, 230, 76, _PRIVATE, "autograder/course", ("notebook sources, solutions,", "hidden tests, known answers")),
    (40, 146, 230, 76, _OPEN, "exercises/, exercise_code/", ("notebooks, stubs,", "visible tests")),
    (400, 146, 230, 76, _OPEN, "student's computer or hub", ("fill in, train,", 'check("task")')),
    (400, 272, 230, 60, _OPEN, "hand-in", ("notebooks, modules, models",)),
    (40, 272, 230, 60, _GRADING, "intake", ("which, whose, when",)),
    (40, 382, 230, 60, _GRADING, "judge", ("tests, answers, scores",)),
    (400, 382, 230, 60, _WALLED, "sandbox", ("runs the code behind walls",)),
    (40, 492, 230, 48, _GRADING, "results/", ("one JSON file a hand-in",)),
    (400, 492, 460, 48, _GRADING, "for people", ("gradebook, feedback, leaderboard, report, exports",)),
)
_ARROWS = (
    ("M155 96V144", False),
    ("M270 184H398", False),
    ("M515 222V270", False),
    ("M400 302H272", False),
    ("M155 332V380", False),
    ("M270 412H398", True),
    ("M155 442V490", False),
    ("M270 516H398", False),
    ("M40 58H20V412H38", False),
)
_LABELS = (
    (165, 126, "start", "make build"),
    (334, 174, "middle", "make bundle,"),
    (334, 202, "middle", "nbgrader"),
    (525, 252, "start", 'submit("exercise")'),
    (334, 292, "middle", "autograder"),
    (334, 322, "middle", "grade"),
    (334, 402, "middle", "inputs"),
    (334, 432, "middle", "plain values"),
    (640, 418, "start", "sees no test and no answer"),
    (282, 62, "start", "no student gets it: its hidden tests go to the judge alone"),
)


def main() -> int:
    """Make the pictures; 1 where there is no browser."""
    IMAGES.mkdir(exist_ok=True)
    write_way(IMAGES / "way.svg")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("expected Chromium on the PATH, found none: run `make browser`", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="pictures-") as name:
        _check(Path(name), browser)
        _leaderboard(Path(name), browser)
        _feedback(Path(name), browser)
        _report(Path(name), browser)
        _demo(Path(name))
    return 0


def write_way(path: Path) -> None:
    """Draw the way from the private sources to the gradebook; needs no browser."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="14">',
        f'<title id="title">{_WAY_IN_WORDS}</title>',
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#444"/></marker></defs>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for x, y, width, height, fill, heading, lines in _BOXES:
        dashes = ' stroke-dasharray="5 4"' if heading == "sandbox" else ""
        parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="#444"{dashes}/>'
        )
        first = y + height / 2 - 9 * len(lines) + 5
        middle = f'x="{x + width / 2}" text-anchor="middle"'
        parts.append(f'<text {middle} y="{first:g}" font-weight="600">{escape(heading)}</text>')
        for number, line in enumerate(lines, 1):
            parts.append(f'<text {middle} y="{first + 18 * number:g}" fill="#444">{escape(line)}</text>')
    for way, both in _ARROWS:
        start = ' marker-start="url(#tip)"' if both else ""
        parts.append(f'<path d="{way}" fill="none" stroke="#444" stroke-width="1.5" marker-end="url(#tip)"{start}/>')
    for x, y, anchor, text in _LABELS:
        parts.append(
            f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="13" fill="#1b4f8a">{escape(text)}</text>'
        )
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


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
    sys.path.insert(0, str(IMAGES.parent.parent / "tests" / "support"))
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
