"""One page from a template: self-contained, closed to scripts that are not its own."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..base.files import write_if_changed
from ..base.text import clean_text, number

__all__ = ["render", "write_page"]

TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # What people wrote reaches a page through one door: printable, then escaped.
        finalize=lambda value: value if isinstance(value, Markup) else clean_text("" if value is None else value),
    )
    environment.filters["number"] = _number
    return environment


def _number(value: float | None, digits: int = 1) -> str:
    return number(value, digits)


def render(template: str, *, script: str = "", **context: Any) -> str:
    """The page as text. `script` names a file beside the template; no other script can run in the page."""
    code = (TEMPLATES / script).read_text(encoding="utf-8").replace("</", "<\\/") if script else ""
    code = f"\n{code}" if code else ""
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    if code:
        policy += f"; script-src 'sha256-{digest}'"
    return _environment().get_template(template).render(policy=Markup(policy), script=Markup(code), **context) + "\n"


def write_page(text: str, path: Path, *, public: bool = False) -> bool:
    """True when the file had to be written: atomically, and only where the text is another one.

    Other users of this machine may read it only where it is `public`: the folder may lie in a home that is open.
    """
    return write_if_changed(text.encode("utf-8", errors="replace"), path, mode=0o644 if public else 0o600)
