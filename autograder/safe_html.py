"""What students wrote, as HTML that runs nothing, loads nothing and looks like nothing but text.

Markdown is cleaned after it has become HTML: before that, nobody can tell `a < b` from a tag.
"""

import html
import re
from typing import Any

__all__ = ["clean", "markdown_to_html"]

# Beyond this length text is shown as it stands: some Markdown takes quadratic time, and no answer is that long.
LONGEST_MARKDOWN = 20_000

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


def clean(text: str) -> str:
    """HTML with the tags and attributes of plain writing; links lead to web pages and mail, pictures are embedded."""
    import nh3

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
        return _as_it_stands(source)
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
        return _as_it_stands(source)
    return shown.replace("<table>", '<table class="table table-condensed">')


def _strange_tags_as_text(text: str) -> str:
    # What nobody sees may go; a comment that never ends would take the rest of the answer with it.
    text = _DECLARATION.sub("&lt;", _COMMENT.sub("", text))
    return _TAG.sub(lambda tag: tag[0] if tag[1].lower() in _TAGS else "&lt;" + tag[0][1:], text)


def _as_it_stands(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"


class _Pictures(dict[str, dict[str, str]]):
    """A cell's attachments; one that is missing is no picture, and no error."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> dict[str, str]:
        return {"image/png": ""}
