"""The form of a task in the notebooks, for every exercise there is: heading, number, points, minutes, file and hints.

    ## Task 3: rescale (10 points)

    ●●○ · about 8 minutes · [layers.py](../../exercise_code/ex90_relu/layers.py)

Tasks are numbered from 1 through all notebooks of an exercise; those that earn nothing are `(not graded)`.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from autograder.authoring.notebooks import solved_notebook
from autograder.sources.cells import BEGIN_GUIDE, BEGIN_SOLUTION, graded_cells
from autograder.sources.layout import ROOT, course_folder, course_ids, notebook_sources, solution_sources
from exercise_code.common import plotting

COURSE = course_folder()
EXERCISES = course_ids(COURSE)
HEADING = re.compile(r"## Task (?P<number>\d+): (?P<title>\S.*?) \((?:(?P<points>[\d.]+) points?|not graded)\)")
FACTS = re.compile(r"(?P<dots>●○○|●●○|●●●) · about (?P<minutes>\d+) minutes? · (?P<place>.+)")
LINK = re.compile(r"\[(?P<name>[^\]]+)\]\((?P<target>[^)]+)\)")
# Where a task without a file is done; what is done in the notebook as a whole (a model is trained) has no in and out.
IN_NOTEBOOK = "in this notebook"
PLACES = ("in the cell below", "answer in this cell", IN_NOTEBOOK)
SUMMARY = re.compile(r"<summary>(Hint \d: [^<]+)</summary>")
HINTS = ["Hint 1: where to look", "Hint 2: the idea", "Hint 3: almost the line"]
# A task's heading in any form, so that one in another form does not go unseen.
ANY_TASK = re.compile(r"#+ *Task\b.*|\*\*Task\b.*", re.IGNORECASE)


@dataclass
class Task:
    """A heading, what stands below it up to the next heading of its level, and the cells that it covers."""

    notebook: str
    heading: str
    text: str
    cells: list[tuple[str, str, float]]  # grade id, kind ("checks" or "written"), points

    @property
    def points(self) -> float | None:
        match = HEADING.fullmatch(self.heading)
        return float(match["points"]) if match and match["points"] else None


@cache
def tasks_of(exercise: str) -> tuple[list[Task], list[str]]:
    """The tasks of an exercise in order, and the grade ids that stand below no task."""
    graded = {cell.grade_id: cell for cell in graded_cells(exercise, COURSE)}
    tasks: list[Task] = []
    strays: list[str] = []
    for path in notebook_sources(exercise, COURSE):
        task = None
        for cell in solved_notebook(exercise, path.stem, COURSE).cells:
            if cell.cell_type == "markdown":
                for line in _lines(cell.source):
                    if ANY_TASK.match(line):
                        task = Task(path.stem, line, "", [])
                        tasks.append(task)
                    elif re.match(r"#{1,2} ", line):
                        task = None
                    elif task is not None:
                        task.text += line + "\n"
            known = graded.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
            if known is not None and task is None:
                strays.append(known.grade_id)
            elif known is not None and task is not None:
                task.cells.append((known.grade_id, known.kind, known.points))
    return tasks, strays


def _lines(source: str) -> list[str]:
    """The lines of a Markdown cell that a student sees, outside of fenced code."""
    lines, fenced = [], False
    for line in source.split("\n"):
        if line.strip() in (BEGIN_SOLUTION, BEGIN_GUIDE):
            break
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            lines.append(line)
    return lines


def facts_of(task: Task) -> re.Match[str] | None:
    lines = [line for line in task.text.split("\n") if line.strip()]
    return FACTS.fullmatch(lines[0]) if lines else None


@pytest.mark.parametrize("exercise", EXERCISES)
def test_each_graded_cell_stands_below_its_task_with_its_points(exercise):
    tasks, strays = tasks_of(exercise)
    problems = [f"{grade_id}: below no task" for grade_id in strays]
    for task in tasks:
        have = sum(points for _, _, points in task.cells)
        if (task.points or 0) != have:
            problems.append(f"{task.notebook}, {task.heading!r}: its cells earn {have:g}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_task_headings_have_one_form_and_are_numbered_through_the_exercise(exercise):
    tasks, _ = tasks_of(exercise)
    assert tasks, "an exercise without a task"
    odd = [f"{task.notebook}: {task.heading}" for task in tasks if not HEADING.fullmatch(task.heading)]
    assert not odd, "expected '## Task N: title (P points)', got\n" + "\n".join(odd)
    numbers = [int(HEADING.fullmatch(task.heading)["number"]) for task in tasks]
    assert numbers == list(range(1, len(tasks) + 1))


@pytest.mark.parametrize("exercise", EXERCISES)
def test_each_task_says_how_hard_and_how_long_it_is_and_where_the_code_goes(exercise):
    problems = []
    for task in tasks_of(exercise)[0]:
        facts, where = facts_of(task), f"{task.notebook}, {task.heading}"
        if facts is None:
            problems.append(f"{where}: no line '●●○ · about 15 minutes · [file.py](...)' below it")
            continue
        links = LINK.findall(facts["place"])
        if not links and facts["place"] not in PLACES:
            problems.append(f"{where}: expected a link to a file or one of {PLACES}, got {facts['place']!r}")
        for name, target in links:
            path = (ROOT / "exercises" / exercise / target).resolve()
            if not path.is_file() or path.name != Path(name).name:
                problems.append(f"{where}: no file {name} at {target}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_tasks_in_code_say_what_goes_in_and_out_and_harder_ones_have_three_hints(exercise):
    problems = []
    for task in tasks_of(exercise)[0]:
        facts, where = facts_of(task), f"{task.notebook}, {task.heading}"
        written = any(kind == "written" for _, kind, _ in task.cells)
        if written or (facts is not None and facts["place"] == IN_NOTEBOOK):
            continue
        sides = [side for side in ("in", "out") if f"\n- **{side}:** " not in task.text]
        problems += [f"{where}: no line '- **{side}:** ...'" for side in sides]
        hints = SUMMARY.findall(task.text)
        if hints != HINTS and (hints or (facts is not None and facts["dots"] != "●○○")):
            problems.append(f"{where}: expected the hints {HINTS}, got {hints}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_what_is_folded_is_closed_and_has_blank_lines_inside(exercise):
    """Without the blank lines JupyterLab shows Markdown inside of a fold as plain text."""
    problems = []
    for path in notebook_sources(exercise, COURSE):
        for cell in solved_notebook(exercise, path.stem, COURSE).cells:
            if cell.cell_type != "markdown":
                continue
            if cell.source.count("<details>") != cell.source.count("</details>"):
                problems.append(f"{path.stem}: a fold that is not closed: {cell.source[:60]!r}")
            for inside in re.findall(r"</summary>(.*?)</details>", cell.source, re.DOTALL):
                if not (inside.startswith("\n\n") and inside.endswith("\n\n")):
                    problems.append(f"{path.stem}: no blank line around {inside.strip()[:60]!r}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_links_to_files_and_notebooks_lead_somewhere(exercise):
    problems = []
    for path in notebook_sources(exercise, COURSE):
        for cell in solved_notebook(exercise, path.stem, COURSE).cells:
            for name, target in LINK.findall(cell.source) if cell.cell_type == "markdown" else ():
                local = not re.match(r"https://|#", target)
                if local and not (ROOT / "exercises" / exercise / target.partition("#")[0]).exists():
                    problems.append(f"{path.stem}: [{name}]({target})")
    assert not problems, "\n".join(problems)


def test_pictures_in_notebooks_have_a_text_for_those_who_cannot_see_them(monkeypatch):
    shown, open_before = [], plt.get_fignums()
    monkeypatch.setattr(plotting, "in_notebook", lambda: True)
    monkeypatch.setattr(mpl, "get_backend", lambda: "module://matplotlib_inline.backend_inline")
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append((data, raw)))
    plotting.show_images(np.zeros((2, 8, 8)), ["a <cat>", "a\ndog"])
    plotting.show_images(np.zeros((1, 8, 8)), alt='a "dark" square')
    texts = [
        re.fullmatch(r'<img src="data:image/png;base64,[^"]+" alt="([^"]*)">', d["text/html"])[1] for d, _ in shown
    ]
    assert texts == ["2 images: a &lt;cat&gt;, a dog", "a &quot;dark&quot; square"]
    assert all(raw for _, raw in shown)
    assert plt.get_fignums() == open_before, "the inline backend would show the figure once more"


def test_every_picture_of_an_exercise_is_shown_with_its_text():
    places = [
        path for path in (ROOT / "exercise_code").rglob("*.py") if "plt.show(" in path.read_text(encoding="utf-8")
    ]
    assert places == [Path(plotting.__file__)], "show_figure(figure, alt) shows a figure with a text"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_each_stub_says_which_task_it_is(exercise: str) -> None:
    for path in solution_sources(exercise, COURSE):
        blocks = re.findall(r"(.*)\n *### BEGIN SOLUTION", path.read_text(encoding="utf-8"))
        unsaid = [line.strip() for line in blocks if not re.fullmatch(r" *### TASK \S+", line)]
        assert not unsaid, f"{path.name}: write `### TASK grade_id` above `### BEGIN SOLUTION`, not {unsaid}"
