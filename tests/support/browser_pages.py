"""A page in a real browser, cut off from every network: for the tests of all pages.

```python
@pytest.mark.browser
def test_the_page_loads(browser, tmp_path):
    with open_page(browser, tmp_path / "page.html", width=360, dark=True) as opened:
        opened.page.click("summary")
        opened.expect_quiet()
        opened.expect_no_sideways_scroll()
```

One Chromium serves all pages of a run; each page gets a profile of its own.
"""

import asyncio
import atexit
import html
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

__all__ = ["Opened", "contrast", "open_page"]

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage"),
]
# Of the machine itself: a page under test may be served from here, and may not reach further.
LOCAL = ("127.0.0.1", "localhost")
_CHROMIUM: list[Any] = []


@dataclass
class Opened:
    """An open page and what it did: `blocked` requests, `errors` of scripts and the console, `dialogs`."""

    page: Page
    context: BrowserContext
    title: str = ""
    blocked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def goto(self, place: Path | str) -> None:
        """Load another page in the same window; what the one before did is still held against it."""
        self.page.goto(place.resolve().as_uri() if isinstance(place, Path) else place, wait_until="load")
        # Of the file, not of the document: a script may have changed the title before anybody looks.
        self.title = _written_title(place) if isinstance(place, Path) else self.page.title()

    def expect_quiet(self) -> None:
        """Fail when the page complained, asked for something from outside, opened a dialog or changed its title."""
        assert not self.blocked, f"expected no requests to other machines, got {self.blocked}"
        assert not self.dialogs, f"expected no dialogs, got {self.dialogs}"
        assert not self.errors, f"expected no errors, got {self.errors}"
        assert self.page.title() == self.title, f"expected the title {self.title!r}, got {self.page.title()!r}"
        assert len(self.context.pages) == 1, "expected no other window"

    def expect_no_sideways_scroll(self) -> None:
        """Fail when the page is wider than the window; names the elements that stick out."""
        wide = self.page.evaluate(_STICKING_OUT)
        assert not wide, f"expected nothing wider than the window, got {wide}"

    def contrast(self, selector: str) -> float:
        """The lowest WCAG ratio between text and ground among the elements that match and hold text."""
        found = self.page.evaluate(_COLOURS, selector)
        assert found, f"expected elements that match {selector!r}, got none"
        return min(contrast(text, ground) for text, ground in found)


@contextmanager
def open_page(
    browser: Path, place: Path | str, *, width: int = 1100, height: int = 800, dark: bool = False, **options: Any
) -> Iterator[Opened]:
    """The page at a path or an address, loaded; `options` go to Playwright's `new_context`."""
    with _running(browser) as chromium:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            service_workers="block",
            **options,
        )
        page = context.new_page()
        opened = Opened(page, context)
        try:
            context.route("**/*", lambda route: _allow_or_block(route, opened))
            page.on("console", lambda message: _note(opened, message))
            page.on("pageerror", lambda error: opened.errors.append(str(error)))
            page.on("dialog", lambda dialog: _dismiss(opened, dialog))
            opened.goto(place)
            yield opened
        finally:
            context.close()


def contrast(text: tuple[float, float, float], ground: tuple[float, float, float]) -> float:
    """The WCAG contrast ratio of two colours with channels from 0 to 255: from 1 to 21, 4.5 for readable text."""
    light, dark = sorted((_luminance(text), _luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[float, float, float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _allow_or_block(route: Any, opened: Opened) -> None:
    parts = urlsplit(route.request.url)
    if parts.scheme in ("file", "data", "blob", "about") or parts.hostname in LOCAL:
        route.continue_()
    else:
        opened.blocked.append(route.request.url)
        route.abort()


def _dismiss(opened: Opened, dialog: Any) -> None:
    opened.dialogs.append(dialog.message)
    dialog.dismiss()


def _note(opened: Opened, message: Any) -> None:
    if message.type in ("error", "warning"):
        opened.errors.append(message.text)


def _written_title(path: Path) -> str:
    found = re.search(r"<title>(.*?)</title>", path.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"expected a title in {path}"
    return " ".join(html.unescape(found[1]).split())


@contextmanager
def _running(browser: Path) -> Iterator[Browser]:
    if not _CHROMIUM:
        _CHROMIUM.append(_Chromium(browser))
        atexit.register(_CHROMIUM[0].close, os.getpid())
    # Playwright leaves its own loop marked as running; every other test's `asyncio.run` would refuse to start.
    asyncio._set_running_loop(_CHROMIUM[0].loop)
    try:
        yield _CHROMIUM[0].browser
    finally:
        asyncio._set_running_loop(None)


class _Chromium:
    """A browser with Playwright's driver, for as long as the tests run."""

    def __init__(self, path: Path) -> None:
        self.driver = sync_playwright().start()
        self.browser: Browser = self.driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        self.loop = asyncio.get_running_loop()

    def close(self, pid: int) -> None:
        if os.getpid() != pid:
            return
        asyncio._set_running_loop(self.loop)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.browser.close()
            self.driver.stop()


_STICKING_OUT = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll("body *")]
    .filter(e => e.getBoundingClientRect().right > wide + 1)
    .slice(0, 5).map(e => `${e.tagName.toLowerCase()}.${e.className} ${(e.textContent || "").slice(0, 40)}`)
    .concat([`page ${document.documentElement.scrollWidth}px`]);
}"""

# Text colours with the ground they stand on; a half transparent ground is mixed with what lies below.
_COLOURS = """selector => {
  const parse = c => { const n = c.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const ground = e => {
    const chain = [];
    for (let n = e; n; n = n.parentElement) chain.unshift(parse(getComputedStyle(n).backgroundColor));
    return chain.reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  return [...document.querySelectorAll(selector)]
    .filter(e => e.getClientRects().length && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .map(e => { const g = ground(e); return [over(parse(getComputedStyle(e).color), g), g]; });
}"""
