"""What students wrote, as HTML that runs nothing, loads nothing and looks like nothing but text.

Markdown is cleaned after it has become HTML: before that, nobody can tell `a < b` from a tag.

The libraries that do the work take quadratic time, or worse, on texts that are made for it. So each has a bound that
does not depend on a clock: the same notebook gives the same page on every machine.
"""

import builtins
import html
import keyword
import re
from dataclasses import dataclass
from typing import Any

from ...analysis.tokens import limited_tokens

__all__ = ["MarkdownBudget", "as_it_stands", "clean", "code_to_html", "markdown_to_html", "short_output"]

# Beyond this length text is shown as it stands: some Markdown takes quadratic time, and no answer is that long.
LONGEST_MARKDOWN = 20_000
# What all cells of a notebook may cost together: some of it grows as the square of a cell's length, the rest with it.
# At most two or three seconds; a long honest notebook takes half of it.
MARKDOWN_BUDGET = LONGEST_MARKDOWN**2
LINEAR_COST = 2_000
# Elements in one another; plain writing has ten. A parser of HTML takes quadratic time on very many.
DEEPEST = 100
LONGEST_OUTPUT = 20_000

_TAGS = (
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "span", "br", "hr", "blockquote", "pre", "code", "kbd", "samp"),
    *("a", "img", "b", "strong", "i", "em", "u", "s", "del", "ins", "strike", "mark", "small", "sub", "sup", "q"),
    *("abbr", "var", "tt", "ul", "ol", "li", "dl", "dt", "dd", "details", "summary"),
    *("table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "th", "td"),
)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_DECLARATION = re.compile(r"<(?=[!?])")
_TAG = re.compile(r"</?([A-Za-z][^\s/>]*)")
_REMOVED_WITH_CONTENT = (
    *("script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "math"),
    *("textarea", "title", "xmp", "noembed", "noframes", "plaintext"),
)
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"class", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "details": {"open"},
}
# Pictures are in the page or they are not shown: a request would tell somebody who reads the answer, and when.
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+")
# nbgrader's pages act on classes (a click on `.full-credit` gives points): only those of looks are left.
_CLASSES = {
    "span": re.compile(r"[a-z][a-z0-9]{0,2}"),
    "div": re.compile(r"highlight"),
    "table": re.compile(r"table|table-condensed"),
    "td": re.compile(r"text-(?:success|danger)"),
}


# They need no end tag, and end each other.
_ENDED_BY_THE_NEXT = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"),
    *("p", "li", "dt", "dd", "tr", "td", "th"),
}
_ANY_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*+)")


@dataclass
class MarkdownBudget:
    """What is left of the time for the Markdown of one notebook."""

    left: int = MARKDOWN_BUDGET

    def allows(self, source: str) -> bool:
        """True while a cell of this length can be afforded; it is paid for then."""
        cost = len(source) * (len(source) + LINEAR_COST)
        if cost > self.left:
            return False
        self.left -= cost
        return True


def clean(text: str) -> str:
    """HTML with the tags and attributes of plain writing; links lead to web pages and mail, pictures are embedded.

    What is nested deeper than anybody writes is shown as it stands.
    """
    import nh3

    if _is_too_deep(text):
        return as_it_stands(text)
    return nh3.clean(
        text,
        tags=set(_TAGS),
        clean_content_tags=set(_REMOVED_WITH_CONTENT),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def _is_too_deep(text: str) -> bool:
    depth = 0
    for end, name in _ANY_TAG.findall(text):
        if name.lower() not in _ENDED_BY_THE_NEXT:
            depth = max(0, depth + (-1 if end else 1))
            if depth > DEEPEST:
                return True
    return False


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        allowed = _CLASSES.get(tag)
        return " ".join(word for word in value.split() if allowed and allowed.fullmatch(word)) or None
    if name == "src":
        return value if tag == "img" and _PICTURE.fullmatch(value) else None
    if name == "href":
        # Of one page, or of another one by its full address: a relative address acts on the server of the page.
        return value if re.match(r"(?:https?://|mailto:|#)", value.strip(), re.IGNORECASE) else None
    return value


def markdown_to_html(source: str, attachments: Any = None) -> str:
    """The Markdown of a cell as clean HTML, with LaTeX left for MathJax; as plain text where it cannot be read."""
    if len(source) > LONGEST_MARKDOWN:
        return as_it_stands(source)
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        """Shows tags that are none of plain writing as text: `List<int>` and `<script>` are what somebody wrote."""

        def inline_html(self, html: str) -> str:
            return _strange_tags_as_text(html)

        def block_html(self, html: str) -> str:
            return _strange_tags_as_text(html) + "\n"

    pictures = _Pictures(attachments if isinstance(attachments, dict) else {})
    renderer = Renderer(escape=False, attachments=pictures, exclude_anchor_links=True)
    try:
        shown = clean(MarkdownWithMath(renderer=renderer).render(source))
    except Exception:  # noqa: BLE001 - a parser that fails on hostile text must not cost the class its pages
        return as_it_stands(source)
    return shown.replace("<table>", '<table class="table table-condensed">')


def _strange_tags_as_text(text: str) -> str:
    # What nobody sees may go; a comment that never ends would take the rest of the answer with it.
    text = _DECLARATION.sub("&lt;", _COMMENT.sub("", text))
    return _TAG.sub(lambda tag: tag[0] if tag[1].lower() in _TAGS else "&lt;" + tag[0][1:], text)


def as_it_stands(text: str) -> str:
    """The text itself, as HTML."""
    return f"<pre>{html.escape(text)}</pre>"


_KEYWORDS = frozenset(keyword.kwlist)
_BUILTINS = frozenset(dir(builtins))
# The classes that nbgrader's style sheet colours, by kind of token.
_LOOKS = {"comment": "c1", "string": "s2", "number": "mi", "op": "o"}


def code_to_html(source: str) -> str:
    """Python code as HTML, coloured in linear time (the usual lexer takes minutes on 20 kB that are made for it)."""
    parts = []
    end = 0
    for match in limited_tokens(source):
        if match.start() >= len(source):
            break
        kind, text = str(match.lastgroup), match.group()[: len(source) - match.start()]
        look = _LOOKS.get(kind, "")
        if kind in ("name", "word"):
            look = "k" if text in _KEYWORDS else "nb" if text in _BUILTINS else "n"
        parts.append(f'<span class="{look}">{html.escape(text)}</span>' if look else html.escape(text))
        end = match.end()
    parts.append(html.escape(source[end:]))
    return f'<div class="highlight hl-ipython3"><pre><span></span>{"".join(parts)}</pre></div>\n'


def short_output(text: str) -> str:
    """What code printed, cut where nobody would read on."""
    if len(text) <= LONGEST_OUTPUT:
        return text
    return f"{text[:LONGEST_OUTPUT]}\n... and {len(text) - LONGEST_OUTPUT:,} more characters"


class _Pictures(dict[str, dict[str, str]]):
    """A cell's attachments; one that is missing is no picture, and no error."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> dict[str, str]:
        return {"image/png": ""}
