"""Makes the README's pictures: `python docs/pictures.py`. Needs Chromium (`make browser`)."""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from rich.console import Console

from autograder import variants
from autograder.demo import demo_command
from autograder.notebooks import make_tree

IMAGES = Path(__file__).resolve().parent / "images"
EXERCISE = "ex03_dataloader"


def main() -> int:
    """Make both pictures; 1 where there is no browser."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("expected Chromium on the PATH, found none: run `make browser`", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as name:
        _check(Path(name), browser)
        _demo(Path(name))
    return 0


def _check(folder: Path, browser: str) -> None:
    """A notebook with a check that a known wrong answer does not pass."""
    tree = make_tree(folder / "tree", [EXERCISE])
    wrong = {w.name: w for w in variants.wrong_answers(EXERCISE)}["small_batch_always_dropped"]
    edited = variants.apply(wrong, folder / "wrong", variants.sources(EXERCISE))
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
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking"]
    flags += ["--force-device-scale-factor=1.5", "--window-size=900,640"]
    target = f"--screenshot={IMAGES / 'check.png'}"
    profile = f"--user-data-dir={folder / 'profile'}"
    subprocess.run(
        [browser, *flags, profile, target, f"file://{folder / 'check.html'}"],
        check=True,
        capture_output=True,
        timeout=120,
    )


def _demo(folder: Path) -> None:
    """The demo's tables, as a person sees them."""
    console = Console(record=True, width=130, file=io.StringIO(), force_terminal=True)
    # A relative folder, because the picture shows it.
    os.chdir(folder)
    demo_command(Path("results/demo"), None, "cpu", console)
    text = console.export_svg(title="make demo")
    (IMAGES / "demo.svg").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
