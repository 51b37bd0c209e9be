"""The driver of page tests sees what a bad page does, and leaves other tests alone."""

import asyncio

import pytest
from browser_pages import contrast, open_page

pytestmark = pytest.mark.browser


def _page(folder, body, title="a &amp; b"):
    path = folder / "page.html"
    path.write_text(f"<!doctype html><title>{title}</title><link rel=icon href='data:,'>{body}", encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True])
def test_a_quiet_page_is_found_quiet(browser, tmp_path, dark):
    style = "<style>@media (prefers-color-scheme: dark) { body { background: #000; color: #fff } }</style>"
    with open_page(browser, _page(tmp_path, style + "<p>text</p>"), width=360, dark=dark) as opened:
        opened.expect_quiet()
        opened.expect_no_sideways_scroll()
        assert opened.contrast("p") == pytest.approx(21)
        assert opened.page.viewport_size["width"] == 360


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<img src='http://example.org/x.png'>", "no requests"),
        ("<link rel=stylesheet href='https://example.org/x.css'>", "no requests"),
        ("<script>throw Error('broken')</script>", "broken"),
        ("<script>console.error('complaint')</script>", "complaint"),
        ("<script>document.title = 'owned'</script>", "the title 'a & b'"),
        ("<script>alert(1)</script>", "no dialogs"),
        ("<script>open('about:blank')</script>", "no other window"),
    ],
)
def test_what_a_page_must_not_do_is_seen(browser, tmp_path, body, complaint):
    with open_page(browser, _page(tmp_path, body)) as opened:
        opened.page.wait_for_timeout(50)
        with pytest.raises(AssertionError, match=complaint):
            opened.expect_quiet()


def test_a_wide_page_and_pale_text_are_seen(browser, tmp_path):
    body = "<pre class=wide style='width: 500px'>x</pre><p style='color: #999'>pale</p>"
    with open_page(browser, _page(tmp_path, body), width=360) as opened:
        with pytest.raises(AssertionError, match=r"pre\.wide"):
            opened.expect_no_sideways_scroll()
        assert opened.contrast("p") < 4.5
        with pytest.raises(AssertionError, match="none"):
            opened.contrast("h6")


def test_other_tests_may_use_asyncio_afterwards(browser, tmp_path):
    with open_page(browser, _page(tmp_path, "<p>text</p>")) as opened:
        opened.expect_quiet()
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"
    with open_page(browser, _page(tmp_path, "<p>text</p>")) as opened:
        opened.expect_quiet()


def test_contrast_is_that_of_the_standard():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)
