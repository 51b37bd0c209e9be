"""Notebooks in any state, and text that would like to be code: nobody gains, nobody loses, nothing runs."""

import copy
import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from browser_pages import open_page
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbgrader_course import (
    EXERCISE,
    cell_of,
    edit_notebook,
    grades,
    hand_in,
    nbgrader,
    read_notebook,
    released_course,
)

from autograder.nbgrader_bridge.notebooks.fixed import MAX_CELLS, NOTES_ID, add_notes, fix, read_template
from autograder.nbgrader_bridge.notebooks.handed_in import read_hand_in, read_raw
from autograder.nbgrader_bridge.notebooks.safe_html import LONGEST_MARKDOWN, markdown_to_html
from autograder.sources import variants
from autograder.sources.cells import points_of
from exercise_code.common.exercise import load_exercise

ROOT = Path(__file__).resolve().parents[2]
FIRST, SECOND = (ROOT / "exercises" / EXERCISE / name for name in ("1_dataset.ipynb", "2_dataloader.ipynb"))
TEMPLATE = read_template(FIRST)
CHECKS = ["dataset_len", "dataset_getitem", "transform_rescale", "image_mean_std", "transform_normalize"]
ANSWER = "### Task 6\n\nFrom the **training** images only, because $\\mu_{test}$ is unknown and 1 < 2."


def _role(cell):
    return cell["metadata"].get("nbgrader", {})


def _released():
    return read_notebook(FIRST)


def _fixed(notebook, template=TEMPLATE):
    data = notebook if isinstance(notebook, bytes | str) else json.dumps(notebook).encode()
    return fix(data, template)


def _notes(notebook):
    first = notebook["cells"][0]
    return first["source"].replace("\\", "") if first["id"] == NOTES_ID else ""


def _index(notebook, grade_id):
    return next(i for i, c in enumerate(notebook["cells"]) if _role(c).get("grade_id") == grade_id)


def _expect_whole(notebook, template=TEMPLATE):
    """Every graded cell once, as it was released, in its order; a notebook that nbformat and nbgrader take."""
    nbformat.validate(nbformat.from_dict(notebook))
    found = [_role(c)["grade_id"] for c in notebook["cells"] if _role(c).get("grade")]
    assert found == [_role(c)["grade_id"] for c in template.graded]
    for cell in template.graded:
        mine = cell_of(notebook, _role(cell)["grade_id"])
        assert _role(mine) == _role(cell)
        assert mine["cell_type"] == cell["cell_type"]
        if not _role(cell)["solution"]:
            assert mine["source"] == cell["source"]
            assert mine["outputs"] == []
    assert notebook["metadata"] == template.metadata
    assert len({c["id"] for c in notebook["cells"]}) == len(notebook["cells"])


def test_an_honest_notebook_stays_as_it_is():
    notebook = _released()
    cell_of(notebook, "written_statistics")["source"] = ANSWER
    notebook["cells"].insert(3, {"cell_type": "code", "id": "mine", "metadata": {"x": 1}, "source": "1 + 1",
                                 "outputs": [{"output_type": "stream", "name": "stdout", "text": "2"}],
                                 "execution_count": 4})  # fmt: skip
    fixed = _fixed(notebook)
    _expect_whole(fixed)
    assert [c["source"] for c in fixed["cells"]] == [c["source"] for c in notebook["cells"]]
    assert fixed["cells"][3]["outputs"] == []
    assert fixed["cells"][3]["metadata"] == {}


@pytest.mark.parametrize("grade_id", CHECKS)
def test_a_deleted_check_is_put_back_in_its_place(grade_id):
    notebook = _released()
    place = _index(notebook, grade_id)
    del notebook["cells"][place]
    fixed = _fixed(notebook)
    _expect_whole(fixed)
    # The notes stand on top.
    assert _index(fixed, grade_id) == place + 1
    assert f"The cell {grade_id} was missing; it was put back." in _notes(fixed)


def test_all_graded_cells_deleted():
    notebook = _released()
    notebook["cells"] = [c for c in notebook["cells"] if not _role(c)]
    fixed = _fixed(notebook)
    _expect_whole(fixed)
    order = [c["id"] for c in fixed["cells"] if c["id"] != NOTES_ID]
    assert order == [c["id"] for c in TEMPLATE.cells]


def test_a_deleted_answer_is_put_back_and_a_person_decides():
    """The answer may stand in another cell: what is marked by a person is not 0 by a program."""
    from nbgrader.utils import determine_grade

    notebook = _released()
    del notebook["cells"][_index(notebook, "written_statistics")]
    notebook["cells"].append({"cell_type": "markdown", "id": "x", "metadata": {}, "source": "my answer"})
    fixed = _fixed(notebook)
    _expect_whole(fixed)
    assert "the grader put it back" in cell_of(fixed, "written_statistics")["source"]
    assert determine_grade(nbformat.from_dict(cell_of(fixed, "written_statistics"))) == (None, 5)


def test_an_untouched_answer_earns_nothing_and_waits_for_nobody():
    from nbgrader.utils import determine_grade

    for handed_in in (_released(), "was not handed in"):
        assert determine_grade(nbformat.from_dict(cell_of(_fixed(handed_in), "written_statistics"))) == (0, 5)


def test_a_copied_check_counts_once():
    notebook = _released()
    place = _index(notebook, "dataset_len")
    notebook["cells"] += [copy.deepcopy(notebook["cells"][place]) for _ in range(3)]
    fixed = _fixed(notebook)
    assert sum(c["source"] == 'check("dataset_len")' for c in fixed["cells"]) == 4
    assert "The cell dataset_len is there 4 times; it counts once." in _notes(fixed)
    assert len([c for c in fixed["cells"] if _role(c).get("grade_id") == "dataset_len"]) == 1


@pytest.mark.parametrize("written_in", ["first", "second"])
def test_of_a_copied_answer_the_one_that_was_written_in_counts(written_in):
    notebook = _released()
    cell = cell_of(notebook, "written_statistics")
    other = copy.deepcopy(cell)
    notebook["cells"].append(other)
    (cell if written_in == "first" else other)["source"] = ANSWER
    fixed = _fixed(notebook)
    assert cell_of(fixed, "written_statistics")["source"] == ANSWER
    assert "written_statistics is there 2 times; the last one that was written in counts" in _notes(fixed)


@pytest.mark.parametrize("known_by", ["cell id", "first line"])
def test_a_renamed_answer_is_found(known_by):
    notebook = _released()
    cell = cell_of(notebook, "written_statistics")
    cell["source"] += "\n\nBecause."
    _role(cell)["grade_id"] = "mine"
    if known_by == "first line":
        cell["id"] = "another"
    fixed = _fixed(notebook)
    _expect_whole(fixed)
    assert cell_of(fixed, "written_statistics")["source"].endswith("Because.")
    assert "The cell written_statistics had another name" in _notes(fixed)


def test_a_renamed_check_takes_the_place_of_no_other():
    notebook = _released()
    _role(cell_of(notebook, "dataset_len"))["grade_id"] = "dataset_getitem"
    fixed = _fixed(notebook)
    _expect_whole(fixed)
    notebook = _released()
    cell = cell_of(notebook, "dataset_len")
    _role(cell)["grade_id"], cell["id"] = "free_points", "y"
    fixed = _fixed(notebook)
    _expect_whole(fixed)
    assert "A cell is named free_points" in _notes(fixed)


def test_points_types_and_text_of_graded_cells_are_put_right():
    notebook = _released()
    cell = cell_of(notebook, "dataset_len")
    _role(cell).update(points=5000, solution=True, locked=False, schema_version=99)
    cell["source"] = "99999"
    cell["cell_type"] = "raw"
    written = cell_of(notebook, "written_statistics")
    written.update(cell_type="code", source="print('because')", outputs=[], execution_count=1)
    fixed = _fixed(notebook)
    _expect_whole(fixed)
    assert cell_of(fixed, "written_statistics")["source"] == "print('because')"
    notes = _notes(fixed)
    assert "The points of the cell dataset_len had been changed; they are 5." in notes
    assert "The cell dataset_len had been changed; it was put back as it was." in notes
    assert "The cell written_statistics had been made another kind of cell" in notes


@pytest.mark.parametrize("kernel", [{"name": "ir", "language": "R"}, {"name": "ju<b>lia", "language": "julia"}, 7, {}])
def test_a_foreign_kernel_is_no_matter(kernel):
    notebook = _released()
    notebook["metadata"]["kernelspec"] = kernel
    notebook["metadata"]["language_info"] = {"name": "R", "pygments_lexer": "no-such-lexer"}
    fixed = _fixed(notebook)
    _expect_whole(fixed)
    if isinstance(kernel, dict) and kernel:
        assert f"written for the kernel {kernel['name']}" in _notes(fixed)


BROKEN = {
    "not JSON": b"{'cells': []}",
    "empty": b"",
    "cut off": FIRST.read_bytes()[:5000],
    "a list": b"[]",
    "null": b"null",
    "no cells": b"{}",
    "cells is text": b'{"cells": "many"}',
    "binary": bytes(range(256)),
    "UTF-16": "{}".encode("utf-16"),
    "deep": b'{"cells":' + b"[" * 100_000,
    "long number": b'{"cells": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_a_notebook_that_nobody_can_read(data):
    fixed = _fixed(data)
    _expect_whole(fixed)
    assert "1_dataset.ipynb is not a readable notebook" in _notes(fixed)
    assert "put it back" in cell_of(fixed, "written_statistics")["source"]


ODD = {
    "no metadata": lambda nb: nb.pop("metadata"),
    "metadata is a list": lambda nb: nb.update(metadata=[1]),
    "cells without metadata": lambda nb: [c.pop("metadata") for c in nb["cells"]],
    "metadata of cells is text": lambda nb: [c.update(metadata="x") for c in nb["cells"]],
    "nbgrader is text": lambda nb: [c["metadata"].update(nbgrader="x") for c in nb["cells"]],
    "grade ids are lists": lambda nb: [_role(c).update(grade_id=["x"]) for c in nb["cells"] if _role(c)],
    "sources are numbers": lambda nb: [c.update(source=3) for c in nb["cells"][::2]],
    "sources hold numbers": lambda nb: [c.update(source=["x", 3]) for c in nb["cells"][::2]],
    "no ids": lambda nb: [c.pop("id") for c in nb["cells"]],
    "one id for all": lambda nb: [c.update(id="same") for c in nb["cells"]],
    "ids of markup": lambda nb: [c.update(id='"><script>alert(1)</script>') for c in nb["cells"]],
    "cells are numbers": lambda nb: nb["cells"].extend([1, None, "x", []]),
    "unknown cell types": lambda nb: [c.update(cell_type="video") for c in nb["cells"][::3]],
    "version 99": lambda nb: nb.update(nbformat=99, nbformat_minor="x"),
    "outputs of nonsense": lambda nb: [c.update(outputs=[1, {"output_type": "x"}]) for c in nb["cells"]],
    "surrogates": lambda nb: cell_of(nb, "written_statistics").update(source="\ud800 because"),
    "attachments of nonsense": lambda nb: [c.update(attachments={"a": 1, "b": {"x/y": "x"}}) for c in nb["cells"]],
    "reversed": lambda nb: nb["cells"].reverse() or nb["cells"].sort(key=lambda c: bool(_role(c).get("grade"))),
}  # fmt: skip


@pytest.mark.parametrize("edit", ODD.values(), ids=ODD.keys())
def test_a_notebook_with_odd_parts(edit):
    notebook = _released()
    edit(notebook)
    fixed = _fixed(notebook)
    nbformat.validate(nbformat.from_dict(fixed))
    found = sorted(_role(c)["grade_id"] for c in fixed["cells"] if _role(c).get("grade"))
    assert found == sorted(_role(c)["grade_id"] for c in TEMPLATE.graded)
    assert len({c["id"] for c in fixed["cells"]}) == len(fixed["cells"])
    assert "not a readable" not in _notes(fixed)
    json.dumps(fixed).encode("utf-8")
    "".join(c["source"] for c in fixed["cells"]).encode("utf-8")


def test_a_notebook_of_the_old_format():
    """Before nbformat 4: worksheets, and code under `input`."""
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Title", "metadata": {}},
        {"cell_type": "code", "input": ["x = 1\n", "x"], "metadata": {}, "outputs": [], "language": "python"},
        {"cell_type": "markdown", "source": ANSWER, "metadata": {"nbgrader": {"grade_id": "written_statistics"}}},
    ]
    fixed = _fixed({"nbformat": 3, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]})
    _expect_whole(fixed)
    sources = [c["source"] for c in fixed["cells"]]
    assert "## Title" in sources
    assert "x = 1\nx" in sources
    assert cell_of(fixed, "written_statistics")["source"] == ANSWER


def test_a_huge_notebook(tmp_path):
    path = tmp_path / "1_dataset.ipynb"
    path.write_bytes(b'{"cells": []}' + b" " * 11 * 2**20)
    assert read_raw(tmp_path, path.stem) == "is over 10 MB"
    many = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": "x"}] * (MAX_CELLS * 3)}
    fixed = _fixed(many)
    assert len(fixed["cells"]) < MAX_CELLS + 20
    assert f"has {MAX_CELLS * 3} cells" in _notes(fixed)
    long = _released()
    cell_of(long, "written_statistics")["source"] = "a" * 2_000_000
    assert len(json.dumps(_fixed(long))) < 200_000


def test_what_is_no_plain_file_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    for name in ("link", "pipe", "folder"):
        assert read_raw(tmp_path, name) == "is not a plain file"
    assert read_raw(tmp_path, "none") == "was not handed in"


def _waits(fixed, name="written_statistics"):
    """True where nbgrader's own step would ask a person, False where it would give 0."""
    from nbgrader.utils import determine_grade

    score, _ = determine_grade(nbformat.from_dict(cell_of(fixed, name)))
    assert score in (None, 0)
    return score is None


def _grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def _with_cells(*cells, notebook=None):
    """A notebook with new cells below the answer."""
    notebook = notebook or _released()
    place = 1 + [_grade_id(cell) for cell in notebook["cells"]].index("written_statistics")
    notebook["cells"][place:place] = [{"metadata": {}, "id": f"new-{i}", **cell} for i, cell in enumerate(cells)]
    return notebook


MARKDOWN, CODE = {"cell_type": "markdown"}, {"cell_type": "code", "outputs": [], "execution_count": None}


@pytest.mark.parametrize(
    "cell",
    [
        {**MARKDOWN, "source": ANSWER},
        {"cell_type": "raw", "source": ANSWER},
        {**CODE, "source": "# " + ANSWER},
        {**CODE, "source": "print('the mean is 0.5')"},
        {**MARKDOWN, "source": "", "attachments": {"a.png": {"image/png": "iVBORw0KGgo="}}},
    ],
    ids=["markdown", "raw", "comment", "code", "picture"],
)
def test_an_answer_in_a_new_cell_below_the_answer_cell_waits_for_a_person(cell):
    fixed = _fixed(_with_cells(cell))
    _expect_whole(fixed)
    assert _waits(fixed)
    assert "new text in this notebook" in cell_of(fixed, "written_statistics")["source"]


def test_new_prose_anywhere_and_new_code_beside_it_let_an_answer_wait():
    far = _released()
    assert not _waits(_fixed(far))
    far["cells"].append({**MARKDOWN, "metadata": {}, "id": "end", "source": ANSWER})
    assert _waits(_fixed(far))
    far["cells"][-1] = {**CODE, "metadata": {}, "id": "end", "source": "x = 1"}
    first = _released()
    first["cells"].insert(0, far["cells"][-1])
    assert not _waits(_fixed(first))
    empty = _with_cells({**MARKDOWN, "source": " \n"}, {**CODE, "source": ""})
    assert not _waits(_fixed(empty))


@pytest.mark.parametrize("kind", ["markdown", "code"])
def test_an_answer_written_into_a_cell_of_the_course_waits_and_is_kept(kind):
    notebook = _released()
    index = [_grade_id(cell) for cell in notebook["cells"]].index("written_statistics")
    above = [c for c in notebook["cells"][:index] if c["cell_type"] == kind]
    above[-1]["source"] = f"{''.join(above[-1]['source'])}\n# {ANSWER}"
    fixed = _fixed(notebook)
    _expect_whole(fixed)
    assert any(ANSWER in c["source"] for c in fixed["cells"])
    # Code is looked at where it stands next to the answer.
    assert _waits(fixed) or kind == "code"
    check = next(
        c for c in notebook["cells"] if c["cell_type"] == "code" and c["metadata"].get("nbgrader", {}).get("grade")
    )
    check["source"] = f"# {ANSWER}"
    assert any(c["source"] == f"# {ANSWER}" for c in _fixed(notebook)["cells"])


def test_a_copied_question_is_no_new_text():
    notebook = _released()
    question = next(c for c in notebook["cells"] if c["cell_type"] == "markdown")
    assert not _waits(_fixed(_with_cells({**MARKDOWN, "source": question["source"]}, notebook=notebook)))


@pytest.mark.parametrize(
    "name", ["1_dataset (1).ipynb", "Copy of 1_dataset.ipynb", "1_dataset.ipynb.txt", "mine.ipynb"]
)
def test_a_notebook_of_another_name_is_read(tmp_path, name):
    exercise = load_exercise("ex03_dataloader")
    (tmp_path / name).write_bytes(FIRST.read_bytes())
    found = read_hand_in(tmp_path, exercise)
    assert found.notebooks[FIRST.stem] == FIRST.read_bytes() and found.unread == ""
    assert found.notebooks[SECOND.stem] == "was not handed in"


@pytest.mark.parametrize("name", ["answers.pdf", "1_dataset.html", "essay.docx", "1_dataset.py", "x.ipynb", "a.rar"])
def test_what_nobody_could_read_lets_untouched_answers_wait(tmp_path, name):
    exercise = load_exercise("ex03_dataloader")
    for path in (FIRST, SECOND):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert read_hand_in(tmp_path, exercise).unread == ""
    (tmp_path / name).write_bytes(b"<b>mine</b>")
    found = read_hand_in(tmp_path, exercise, ["b*eside*.pdf"])
    assert found.unread == ", ".join(sorted([name, "b*eside*.pdf"]))
    fixed = fix(found.notebooks[FIRST.stem], read_template(FIRST), found.unread)
    _expect_whole(fixed)
    assert _waits(fixed)
    assert "b\\*eside\\*\\.pdf" in cell_of(fixed, "written_statistics")["source"]
    written = _released()
    cell_of(written, "written_statistics")["source"] = ANSWER
    fixed = fix(json.dumps(written).encode(), read_template(FIRST), found.unread)
    assert cell_of(fixed, "written_statistics")["source"] == ANSWER


def test_a_hand_in_that_is_refused_lets_answers_wait(tmp_path):
    for top in ("a", "b"):
        package = tmp_path / top / "exercise_code" / "ex03_dataloader"
        package.mkdir(parents=True)
        (package / "dataloader.py").write_text(top)
    assert read_hand_in(tmp_path, load_exercise("ex03_dataloader")).unread == "the hand-in that was refused"


def test_notes_are_text():
    notebook = {"cells": []}
    add_notes(notebook, ["<script>alert(1)</script> [x](javascript:y) `a` $x$ **b** \u202e\n# c", ""])
    page = markdown_to_html(notebook["cells"][0]["source"])
    assert "&lt;script&gt;alert(1)&lt;/script&gt; [x](javascript:y) `a` $x$ **b** \ufffd # c" in page


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
_GRADE_IDS = st.sampled_from([*CHECKS, "written_statistics", "no_such_cell", "", 3, None])
_CELLS = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "heading", 3]) | _JSON,
        "source": st.text() | st.lists(st.text() | _JSON, max_size=3) | _JSON,
        "id": st.sampled_from([*CHECKS, "cell-1"]) | _JSON,
        "metadata": st.fixed_dictionaries(
            {"nbgrader": st.fixed_dictionaries({"grade_id": _GRADE_IDS, "points": _JSON})}
        )
        | _JSON,
        "attachments": _JSON,
        "outputs": _JSON,
    },
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({"cells": st.lists(_CELLS | _JSON, max_size=8)}, optional={"metadata": _JSON}) | _JSON)
def test_any_notebook_is_put_right(notebook):
    fixed = fix(json.dumps(notebook).encode(), TEMPLATE)
    nbformat.validate(nbformat.from_dict(fixed))
    found = sorted(_role(c)["grade_id"] for c in fixed["cells"] if _role(c).get("grade"))
    assert found == sorted(_role(c)["grade_id"] for c in TEMPLATE.graded)
    json.dumps(fixed, ensure_ascii=False).encode("utf-8")


READS = {
    "a < b and c > d": "a &lt; b and c &gt; d",
    "$a<b$": "$a&lt;b$",
    "$$\\frac{a}{b} & c$$": "$$\\frac{a}{b} &amp; c$$",
    "`<script>`": "<code>&lt;script&gt;</code>",
    "List<int>": "List&lt;int&gt;",
    "a <!-- b": "a &lt;!-- b",
    "a <!-- b --> c": "a  c",
    "**bold** and *italic*": "<strong>bold</strong> and <em>italic</em>",
    "<b>x</b>": "<b>x</b>",
    "[x](https://example.org/a)": 'href="https://example.org/a"',
    "![p](attachment:p.png)": 'src="data:image/png;base64,aGk="',
    "![p](attachment:none.png)": "<img",
    "```python\nif a < b:\n    pass\n```": "&lt;",
    "| a | b |\n|---|---|\n| 1 | 2 |": "<td>1</td>",
}


@pytest.mark.parametrize(("source", "shown"), READS.items())
def test_an_honest_answer_reads_as_it_was_meant(source, shown):
    assert shown in markdown_to_html(source, {"p.png": {"image/png": "aGk="}})


EVIL = (
    "<script>document.title = 'evil'</script>",
    "<scr<script>ipt>document.title = 'evil'</scr</script>ipt>",
    "<img src=x onerror=\"document.title='evil'\">",
    "<img src=x onerror=\"document.title='evil'\"//",
    "<b onmouseover=\"document.title='evil'\">move</b>",
    "<a href=\"javascript:document.title='evil'\">click</a>",
    "<a href=\"&#106;ava&#9;script:document.title='evil'\">click</a>",
    "[click](javascript:document.title='evil')",
    "[click](<JaVaScRiPt:document.title='evil'>)",
    "[click]( \u0001javascript:document.title='evil')",
    "[click](data:text/html,<script>document.title='evil'</script>)",
    "[leave](/logout) ![pixel](https://example.org/pixel.png) ![act](/formgrader/api/status)",
    "<iframe src=\"javascript:parent.document.title='evil'\"></iframe>",
    "<iframe srcdoc=\"<script>parent.document.title='evil'</script>\"></iframe>",
    "<svg onload=\"document.title='evil'\"><script>document.title='evil'</script></svg>",
    "<svg><a xlink:href=\"javascript:document.title='evil'\"><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=\"document.title='evil'\"></style></mglyph></math>",
    "<style>body { display: none } @import url(https://example.org/x.css);</style>",
    '<div style="position:fixed;inset:0;background:url(https://example.org/x)">cover</div>',
    "<form action=https://example.org><input name=x><button class='full-credit'>x</button></form>",
    "<object data=\"data:text/html,<script>parent.document.title='evil'</script>\"></object>",
    "<meta http-equiv=refresh content='0;url=https://example.org'><base href=https://example.org>",
    "<noscript><p title=\"</noscript><img src=x onerror=document.title='evil'>\"></noscript>",
    "<!--><img src=x onerror=\"document.title='evil'\">-->",
    "```mermaid\n<img src=x onerror=\"document.title='evil'\">\n```",
    "<details open ontoggle=\"document.title='evil'\"><summary>x</summary></details>",
    "$\\href{javascript:document.title='evil'}{x}$ $</script><script>document.title='evil'</script>$",
    "<title>evil</title></div></div></body></html>",
    "<div class='nbgrader_cell score' id='written_statistics'>x</div>",
)
SELECTORS = "iframe, object, embed, form, base, svg, math, noscript, [onerror], [onload], [onmouseover], [ontoggle]"


@pytest.mark.parametrize("source", EVIL)
def test_markup_in_an_answer_is_text_or_harmless(source):
    from bs4 import BeautifulSoup

    page = BeautifulSoup(markdown_to_html(f"before\n\n{source}\n\nafter"), "html.parser")
    assert not page.select(f"script, style, link, meta, title, input, button, [style], [id], {SELECTORS}")
    assert all(a["href"].startswith(("https://", "#")) for a in page.select("[href]"))
    assert all(i["src"].startswith("data:image/") for i in page.select("[src]"))
    assert "before" in page.text
    # Nobody's answer ends where somebody wrote a strange tag.
    assert "after" in page.text


SLOW = ("[", "![", "[a](", "*a ", "`a", "<a ", ">", "- ", "<!--", "$a ", "|a", "[]:", "http://", "&#", "_a_")


@pytest.mark.parametrize("piece", SLOW)
def test_markdown_that_keeps_a_parser_busy_ends(piece):
    import time

    start = time.process_time()
    assert markdown_to_html(piece * (LONGEST_MARKDOWN // len(piece)))
    assert markdown_to_html(piece * 1_000_000).startswith("<pre>")
    assert time.process_time() - start < 5


def _evil_notebook(notebook):
    answer = cell_of(notebook, "written_statistics")
    answer["source"] = "my answer\n\n" + "\n\n".join(EVIL) + "\n\n![p](attachment:p.png)"
    answer["attachments"] = {"p.png": {"image/svg+xml": "<svg onload=\"document.title='evil'\"/>", "text/html": "x"}}
    output = {
        "text/html": "<script>document.title='evil'</script>",
        "application/javascript": "document.title='evil'",
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
        "image/svg+xml": "<svg onload=\"document.title='evil'\"/>",
        "text/markdown": "<script>document.title='evil'</script>",
        "text/latex": "$\\href{javascript:alert(1)}{x}$",
    }
    made = [{"output_type": "display_data", "data": {k: v}, "metadata": {"text/html": {"isolated": True}}}
            for k, v in output.items()]  # fmt: skip
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["metadata"]["tags"] = (
                copy.deepcopy(made),
                ['"><script>document.title="evil"</script>'],
            )
    raw = "\n".join(EVIL)
    for metadata in ({}, {"raw_mimetype": "text/html"}, {"raw_mimetype": "text/html", "format": "text/html"}):
        notebook["cells"].append({"cell_type": "raw", "id": "r", "metadata": metadata, "source": raw})
    for text in EVIL:
        notebook["cells"].append({"cell_type": "markdown", "id": text, "metadata": {"tags": [text]}, "source": text})
        notebook["cells"].append({"cell_type": "code", "id": text, "metadata": {}, "source": text, "outputs": made})
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"</script><script>document.title='evil'": {}}}}
    notebook["metadata"] |= {"title": "</title><script>document.title='evil'</script>", "widgets": state}


def _two(course, student, tree, first=lambda nb: None, second=lambda nb: None):
    target = hand_in(course, student, tree)
    edit_notebook(target / FIRST.name, first)
    edit_notebook(target / SECOND.name, second)
    return target


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A class with good modules and notebooks in all states, autograded, with nbgrader's feedback for some."""
    folder = released_course(tmp_path_factory.mktemp("hostile") / "class")
    good = variants.reference(EXERCISE, tmp_path_factory.mktemp("trees") / "good")
    _two(folder, "u0001", good, _evil_notebook)
    _two(folder, "u0002", good, lambda nb: nb.update(cells=[c for c in nb["cells"] if not _role(c)]))
    _two(folder, "u0003", good, lambda nb: nb["cells"].extend(copy.deepcopy([c for c in nb["cells"] if _role(c)])))
    _two(folder, "u0004", good, ODD["nbgrader is text"], ODD["one id for all"])
    _two(
        folder,
        "u0005",
        good,
        ODD["no metadata"],
        lambda nb: nb["metadata"].update(kernelspec={"name": "ir", "language": "R"}),
    )
    target = hand_in(folder, "u0006", good)
    (target / FIRST.name).write_bytes(b"\xff not a notebook")
    (target / SECOND.name).unlink()
    (target / "copy of 1_dataset.ipynb").write_text("{}")
    target = hand_in(folder, "u0007", good)
    for path in target.glob("*.ipynb"):
        path.unlink()
    target = hand_in(folder, "u0008", good)
    (target / FIRST.name).unlink()
    (target / FIRST.name).symlink_to(folder / "secret")
    (target / "notes.txt").symlink_to(folder / "secret")
    (target / "gone.txt").symlink_to("nowhere")
    (target / "up").symlink_to(folder)
    os.mkfifo(target / "pipe")
    (target / "timestamp.txt").write_bytes(b"\xff tomorrow")
    target = hand_in(folder, "many_links", good)
    for i in range(100):
        (target / f"{i}.txt").symlink_to(folder / "secret")
    target = hand_in(folder, "u0009", good)
    (target / FIRST.name).rename(target / "1_dataset (1).ipynb")
    _files_in_the_way(hand_in(folder, "u0010", good))
    shutil.make_archive(str(folder / "submitted" / "zipped" / EXERCISE / "work"), "zip", good)
    shutil.copytree(good, folder / "submitted" / "nested" / EXERCISE / "work")
    (folder / "submitted" / "empty" / EXERCISE).mkdir(parents=True)
    hand_in(folder, "<img src=x onerror=alert(1)>", good)
    hand_in(folder, "u\u202e9\n", good)
    nbgrader(folder, "autograde", EXERCISE)
    for student in ("u0001", "u0006", "u0008", "u0010"):
        nbgrader(folder, "generate_feedback", EXERCISE, f"--student={student}")
    return folder


STUDENTS = [f"u{i:04}" for i in range(1, 11)]


def _files_in_the_way(target: Path) -> None:
    """Folders where nbgrader writes files, and files where it makes folders."""
    package = target / "exercise_code"
    (package / EXERCISE / "test_visible.py").unlink(missing_ok=True)
    for folder in (package / EXERCISE / "test_visible.py", target / "1_dataset.html", target / "timestamp.txt"):
        folder.mkdir()
        (folder / "mine.txt").write_text("mine")
    (target / "2_dataloader.html").write_text("mine")
    (target / "2_dataloader.html").chmod(0o444)
    (package / "common").write_text("mine")


@pytest.mark.parametrize("student", STUDENTS)
def test_whatever_became_of_a_notebook_the_modules_earn_what_they_earn(course, student):
    found = grades(course, student)
    assert {name: grade.max for name, grade in found.items()} == points_of(EXERCISE)
    assert {name: grade.auto for name, grade in found.items() if not name.startswith("written")} == {
        name: points for name, points in points_of(EXERCISE).items() if not name.startswith("written")
    }


def test_who_waits_for_a_marker(course):
    """Answers, and cells whose answer may stand elsewhere; not those of notebooks that were not handed in."""
    waits = {s: [grades(course, s)[name].waits for name in ("written_statistics", "written_shuffle")] for s in STUDENTS}
    assert waits == {
        "u0001": [True, False],
        "u0002": [True, False],
        "u0003": [False, False],
        "u0004": [False, False],
        "u0005": [False, False],
        # Of this one a notebook lacks, and there is another one that may hold its answers.
        "u0006": [True, True],
        "u0007": [False, False],
        # A link in the place of a text is not followed, and nobody knows what it was.
        "u0008": [True, True],
        # Under its other name it was read.
        "u0009": [False, False],
        # Among what is in the way is a page that may be an answer.
        "u0010": [True, True],
    }


def test_names_of_markup_and_folders_of_links_are_passed_over(course):
    assert sorted(p.name for p in (course / "autograded").iterdir()) == STUDENTS


@pytest.mark.parametrize(("student", "name"), [("zipped", "work.zip"), ("nested", "work")])
def test_a_folder_that_is_not_the_hand_in_gets_no_zero(course, student, name):
    """`autograder grade` finds the hand-in within; nbgrader would give nothing for what it does not find."""
    from autograder.intake.search import find_hand_ins
    from exercise_code.common.exercise import load_exercise

    place = course / "submitted" / student / EXERCISE
    # Without any notebook nbgrader itself would not begin.
    (place / "scratch.ipynb").write_text("{}")
    log = nbgrader(course, "autograde", EXERCISE, f"--student={student}", fails=True)
    assert f"the hand-in that counts is {student}/{EXERCISE}/{name}: use `autograder grade`" in log
    assert "expected a hand-in" in log
    assert not (course / "autograded" / student).exists()
    found = find_hand_ins(course / "submitted", load_exercise(EXERCISE)).found
    assert [one.path for one in found if one.student == student] == [place / name]


def test_files_in_nbgraders_way_are_left_out(course):
    graded, feedback = (course / name / "u0010" / EXERCISE for name in ("autograded", "feedback"))
    assert (graded / "exercise_code" / "common" / "testing.py").is_file()
    assert (graded / "exercise_code" / EXERCISE / "test_visible.py").is_file()
    assert not (graded / "timestamp.txt").exists()
    for name in ("1_dataset.html", "2_dataloader.html"):
        assert "From the grader" in (feedback / name).read_text() or "Score" in (feedback / name).read_text()


def test_the_secret_is_in_nobodys_folder(course):
    secret = (course / "secret").read_text().strip().encode()
    for name in ("autograded", "feedback", "release"):
        assert not [p for p in (course / name).rglob("*") if p.is_file() and secret in p.read_bytes()]


def test_what_was_put_right_is_said(course):
    def notes(student, name):
        return _notes(read_notebook(course / "autograded" / student / EXERCISE / name))

    assert "The cell dataset_len was missing" in notes("u0002", FIRST.name)
    assert "dataset_len is there 2 times" in notes("u0003", FIRST.name)
    assert "written for the kernel ir" in notes("u0005", SECOND.name)
    assert "1_dataset.ipynb is not a readable notebook" in notes("u0006", FIRST.name)
    assert "1_dataset.ipynb is there, too, and differs" in notes("u0006", FIRST.name)
    assert "2_dataloader.ipynb was not handed in" in notes("u0006", SECOND.name)
    assert "1_dataset.ipynb is not a plain file" in notes("u0008", FIRST.name)


@pytest.mark.browser
def test_nothing_of_a_student_runs_in_nbgraders_feedback(course, browser):
    path = course / "feedback" / "u0001" / EXERCISE / FIRST.name.replace(".ipynb", ".html")
    with open_page(browser, path) as opened:
        expect_harmless(opened)
        assert "my answer" in opened.page.inner_text("body")
        # Where MathJax would come from is nbgrader's choice; nobody else is asked.
        assert not [url for url in opened.blocked if "cdnjs.cloudflare.com" not in url]


def expect_harmless(opened):
    """Fail when the page has anything of `_evil_notebook` in it that is more than text."""
    page = opened.page
    for link in page.query_selector_all("a"):
        if link.inner_text() in ("click", "leave", "x"):
            assert (link.get_attribute("href") or "#").startswith("#")
    for element in page.query_selector_all("b"):
        if element.inner_text() == "move":
            element.hover()
    assert page.title() == "1_dataset"
    assert not opened.dialogs
    scripts = page.evaluate("[...document.scripts].map(s => s.textContent + s.src)")
    assert not [text for text in scripts if "evil" in text]
    container = "#notebook-container"
    found = page.evaluate(f"[...document.querySelectorAll('{container} :is({SELECTORS})')].map(e => e.outerHTML)")
    assert not found
    assert page.is_visible(container)


def test_other_students_pages_are_made_when_one_notebook_is_broken(course):
    page = (course / "feedback" / "u0006" / EXERCISE / "1_dataset.html").read_text()
    assert "is not a readable notebook" in page
    assert "put it back" in page


def test_pages_are_clean_whoever_wrote_the_notebook(course):
    """A notebook in `autograded` that was made elsewhere: the page has its own guard."""
    target = course / "autograded" / "u0002" / EXERCISE / FIRST.name
    before = target.read_bytes()
    notebook = read_notebook(target)
    evil = "<script>document.title='evil'</script>"
    cell_of(notebook, "dataset_len")["outputs"] = [
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": evil + "<b onclick=evil()>kept</b>"}},
        {"output_type": "display_data", "metadata": {}, "data": {"application/javascript": "evil()"}},
    ]
    notebook["cells"].append(
        {"cell_type": "raw", "id": "raw", "metadata": {"raw_mimetype": "text/html"}, "source": evil}
    )
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"evil": 1}}
    target.chmod(0o644)
    target.write_text(json.dumps(notebook))
    nbgrader(course, "generate_feedback", EXERCISE, "--student=u0002", "--force")
    page = (course / "feedback" / "u0002" / EXERCISE / "1_dataset.html").read_text()
    assert "kept" in page
    assert evil not in page
    assert "evil()" not in page
    # A formula may have a link: it is MathJax that must not make one that runs.
    assert "config=TeX-AMS_CHTML-full,Safe" in page
    assert "&lt;script&gt;document.title='evil'" in page
    assert '"evil"' not in page
    target.write_bytes(before)
    shutil.rmtree(course / "feedback" / "u0002")
