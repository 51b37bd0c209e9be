"""Whatever our own processes do with a student's bytes takes time in proportion to them.

Twice the size takes at most three times the CPU time, best of five: what is quadratic takes four times. CPU time, so
that a busy machine does not matter; and what is over in a blink passes, for there is nothing to measure.
"""

import io
import re
import tokenize
from collections.abc import Callable

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbconvert.filters.ansi import ansi2html
from proportion import assert_in_proportion, cpu_seconds

from autograder.analysis.tokens import Vocabulary, is_cut, read_source
from autograder.nbgrader_bridge.notebooks.safe_html import as_it_stands, clean, code_to_html, markdown_to_html
from autograder.nbgrader_bridge.notebooks.safe_pages import SafePages
from exercise_code.common.probing.wire import decode, encode

SIZE = 60_000


def _assert_reads(function: Callable[[str], object], unit: str, end: str = "", size: int = SIZE) -> None:
    count = max(1, size // max(1, len(unit)))
    assert_in_proportion(function, unit * count + end, unit * (2 * count) + end, repr(unit))


def _page(markdown: str) -> None:
    """A notebook of many cells, as a page for markers or students would be made of it."""
    cells = [nbformat.v4.new_markdown_cell(markdown[i : i + 2_000]) for i in range(0, len(markdown), 2_000)]
    SafePages().preprocess(nbformat.v4.new_notebook(cells=cells), {})
    for cell in cells:
        (as_it_stands if cell.metadata.get("as_it_stands") else markdown_to_html)(cell.source)


def _printed(text: str) -> None:
    cell = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("stream", text=text)])
    SafePages().preprocess(nbformat.v4.new_notebook(cells=[cell]), {})
    ansi2html(cell.outputs[0].text)


def _source(text: str) -> None:
    read_source(text, Vocabulary())
    is_cut(text)


READERS = {"code": _source, "colours": code_to_html, "html": clean, "printed": _printed}
# What made one of them slow, here or in the libraries that they stand on, and what is like it.
PIECES = {
    "code": (
        "'",
        "\\'",
        "'\\",
        '"""',
        "'''a",
        "f'{",
        "(",
        "{",
        "a.",
        "\\\n",
        "# ",
        "0_",
        "1e",
        "\t\n",
        "é",
        "rb'",
        "x:",
        "x=[",
        ";",
    ),
    "html": (
        "<div>",
        "<b>",
        "<a ",
        "<p>",
        "<li>",
        "<table><td>",
        "<!--",
        "<svg>",
        "</",
        "&#",
        "<img src='",
        "<b></p>",
        "<i><p>",
    ),
    "printed": ("\x1b[1m", "\x1b[31ma", "\x1b[", "a\x1b[0m", "\r", "\b"),
}
PIECES["colours"] = PIECES["code"]


@pytest.mark.parametrize(("reader", "unit"), [(r, unit) for r in READERS for unit in PIECES[r]])
def test_time_is_in_proportion_to_the_text(reader, unit):
    _assert_reads(READERS[reader], unit, "\\")


@pytest.mark.parametrize(
    "unit",
    [
        "\\begin{a}",
        "\\begin{a}x\n\n",
        "[",
        "![a](",
        "*a",
        "**a _b",
        "<!--",
        "<div>",
        "a|b\n-|-\n",
        "-\n",
        ":\n",
        "> ",
        "`",
        "$a",
    ],
)
def test_a_page_of_markdown_takes_time_in_proportion(unit):
    """Cells of any number: Markdown itself is quadratic, so a notebook has a budget."""
    _assert_reads(_page, unit, size=200_000)


@given(st.lists(st.sampled_from(sorted({p for pieces in PIECES.values() for p in pieces})), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_mixture_takes_time_in_proportion(pieces):
    unit = "".join(pieces)
    for reader in READERS.values():
        _assert_reads(reader, unit, "\\", size=20_000)


def test_a_string_that_never_ends_is_one_token():
    """A quote, many escaped quotes, a backslash: each of them was tried as the beginning of a string."""
    text = "'" + "\\'" * 128_000 + "\\"
    assert cpu_seconds(_source, text) < 1.0
    assert cpu_seconds(code_to_html, text) < 1.0


@pytest.mark.parametrize("make", [lambda n: [0] * n, lambda n: "a" * n, lambda n: {str(i): i for i in range(n)}])
def test_answers_are_decoded_in_proportion(make):
    assert_in_proportion(decode, encode(make(20_000)), encode(make(40_000)))


@pytest.mark.parametrize(
    "text", ["x = 1\n", "def f(a, *, b=2):\n    return f'{a}' + 'é' # why\n", "", "a\r\nb", "'''open\n"]
)
def test_coloured_code_reads_as_it_was_written(text):
    from bs4 import BeautifulSoup

    shown = BeautifulSoup(code_to_html(text), "html.parser").find("pre").get_text()
    assert shown.replace("\r\n", "\n") == text.replace("\r\n", "\n")


def test_code_has_colours():
    page = code_to_html("def f():\n    return len('<b>')  # no tag\n")
    assert '<span class="k">def</span>' in page and '<span class="nb">len</span>' in page
    assert '<span class="s2">&#x27;&lt;b&gt;&#x27;</span>' in page and '<span class="c1"># no tag</span>' in page
    assert "<b>" not in page


def test_deep_html_is_shown_as_it_stands_and_plain_writing_is_not():
    deep = "<div>" * 101 + "deep"
    assert clean(deep).startswith("<pre>&lt;div&gt;")
    table = "<table>" + "<tr><td>1<td>2" * 500 + "</table>"
    assert "<td>1</td>" in clean(table)
    lists = "<ul>" + "<li>one" * 500 + "</ul>"
    assert "<li>one</li>" in clean(lists)


def test_honest_notebooks_are_set_as_markdown():
    """A hundred cells of a page each are within the budget; one cell too many is text, and none is lost."""
    cells = [nbformat.v4.new_markdown_cell("**" + "word " * 240 + "**") for _ in range(100)]
    SafePages().preprocess(nbformat.v4.new_notebook(cells=cells), {})
    assert not any(cell.metadata.get("as_it_stands") for cell in cells)
    cells = [nbformat.v4.new_markdown_cell("word " * 2_000) for _ in range(10)]
    SafePages().preprocess(nbformat.v4.new_notebook(cells=cells), {})
    plain = [bool(cell.metadata.get("as_it_stands")) for cell in cells]
    assert plain == [False] * 3 + [True] * 7


def test_python_reads_what_the_tokens_read():
    """The names of a module are those that Python's own tokenizer finds."""
    text = "def f(xs):\n    total = sum(xs)  # all of them\n    return 'f' + str(total)\n"
    names = {t.string for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.NAME}
    found = set(
        re.findall(r"[A-Za-z_]+", " ".join(" ".join(line.tokens) for line in read_source(text, Vocabulary()).lines))
    )
    assert found - {"_", "f"} <= names
