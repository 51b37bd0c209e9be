"""Pages with what students wrote, safe to open: nbgrader itself lets `<script>` in a written answer through."""

from pathlib import Path
from typing import Any

import nbformat
from jinja2 import pass_context
from nbconvert.preprocessors import Preprocessor
from traitlets import Bool

from ...sources.cells import BEGIN_GUIDE, BEGIN_SOLUTION, END_GUIDE, END_SOLUTION, regions
from .fixed import read_template
from .safe_html import MarkdownBudget, as_it_stands, clean, code_to_html, markdown_to_html, short_output

__all__ = ["SafePages", "safe_code", "safe_markdown"]


# In a cell's metadata, which SafePages clears first: the notebook's Markdown costs too much to be set.
_AS_IT_STANDS = "as_it_stands"


class SafePages(Preprocessor):
    """Before a notebook becomes a page of nbgrader's: no raw cells, no metadata, clean outputs.

    On the page where people mark answers, model answer and marking guide stand below each.
    """

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> Any:
        """The notebook and resources."""
        nb.metadata = {key: nb.metadata[key] for key in ("kernelspec", "language_info") if key in nb.metadata}
        guides = _guides(Path(self.config.CourseDirectory.root), resources) if _is_for_markers(self, resources) else {}
        cells = []
        budget = MarkdownBudget()
        for cell in nb.cells:
            cell.metadata = {key: cell.metadata[key] for key in ("nbgrader",) if key in cell.metadata}
            if cell.cell_type == "raw":
                cell.cell_type, cell.source = "markdown", "    " + cell.source.replace("\n", "\n    ")
            if cell.cell_type == "markdown" and not budget.allows(cell.source):
                cell.metadata[_AS_IT_STANDS] = True
            for output in cell.get("outputs", []):
                _clean_output(output)
            cells.append(cell)
            if guide := guides.get(cell.metadata.get("nbgrader", {}).get("grade_id", "")):
                cells.append(nbformat.v4.new_markdown_cell(guide))  # type: ignore[no-untyped-call]
        nb.cells = cells
        return nb, resources


def _is_for_markers(step: Any, resources: Any) -> bool:
    """True on formgrader's page of one hand-in, and never on a page for students."""
    return getattr(step.parent, "template_name", "") == "formgrade" and "submission_id" in resources


def _guides(folder: Path, resources: Any) -> dict[str, str]:
    """Model answer and marking guide of each written cell of the page's notebook, by grade id."""
    path = folder / "source" / resources["assignment_id"] / f"{resources['notebook_id']}.ipynb"
    found = {}
    for cell in read_template(path).graded if path.is_file() else ():
        text = cell["source"]
        parts = [
            (title, "\n\n".join(regions(text, begin, end, path)).strip())
            for title, begin, end in (
                ("Model answer", BEGIN_SOLUTION, END_SOLUTION),
                ("Marking guide", BEGIN_GUIDE, END_GUIDE),
            )
        ]
        if shown := "\n\n".join(f"**{title}**\n\n{part}" for title, part in parts if part):
            summary = "<details><summary>▸ <b>For markers</b>: model answer and marking guide</summary>\n<blockquote>"
            found[cell["metadata"]["nbgrader"]["grade_id"]] = f"{summary}\n\n{shown}\n\n</blockquote>\n</details>"
    return found


def _clean_output(output: Any) -> None:
    output.metadata = {}
    data = output.get("data", {})
    for kind in list(data):
        if kind == "text/html":
            data[kind] = clean("".join(data[kind]))
        elif kind == "text/plain":
            data[kind] = short_output("".join(data[kind]))
        elif kind not in ("image/png", "image/jpeg"):
            del data[kind]
    if "text" in output:
        output.text = short_output("".join(output.text))
    if "traceback" in output:
        output.traceback = [short_output("\n".join(output.traceback))]


@pass_context
def safe_markdown(context: Any, source: str) -> str:
    """Markdown as clean HTML, for nbgrader's templates."""
    cell = context.get("cell", {})
    if cell.get("metadata", {}).get(_AS_IT_STANDS):
        return as_it_stands(source)
    return markdown_to_html(source, cell.get("attachments"))


def safe_code(source: str, **_: object) -> str:
    """Code in colours, for nbgrader's templates."""
    return code_to_html(source)
