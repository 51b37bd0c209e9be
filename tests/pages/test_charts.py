"""Charts: what they count, what they say, and that no label is more than text."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browser_pages import contrast, open_page
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from autograder.base.text import how_many, number_text
from autograder.pages.axes import linear_axis, log_axis, time_axis
from autograder.pages.charts import MOST_DOTS, Mark, Point, histogram, scatter

TEMPLATES = Path(__file__).parents[2] / "autograder" / "pages" / "templates"
START = datetime(2026, 11, 18, 9, tzinfo=UTC)
HOSTILE = "</title><script>document.title='owned'</script>\u202e&\"'\x00"
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


def parse(chart: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(str(chart))


def words(chart: Markup) -> str:
    return " ".join("".join(parse(chart).itertext()).split())


def counts(chart: Markup) -> list[int]:
    titles = [t.text or "" for rect in parse(chart).iter("rect") for t in rect.iter("title")]
    return [int(re.sub(r"\D", "", title.rsplit(":", 1)[1])) for title in titles]


def all_kinds(n: int, label: str = "some words") -> list[Markup]:
    names = {"title": label, "summary": label}
    axes = {"x_label": label, "y_label": label}
    return [
        histogram(range(n), **names, **axes, marks=[Mark(n / 2, label)]),
        scatter([(START + timedelta(minutes=i), i * i) for i in range(n)], **names, **axes, marks=[Mark(3, label)]),
        scatter([Point(i + 1, i, label) for i in range(min(n, 50))], **names, **axes, log_x=True),
        scatter([(i, i % 7) for i in range(n)], **names, **axes, line=[(i, i) for i in range(n)], line_label=label),
    ]


@given(st.lists(numbers, max_size=50))
def test_a_histogram_counts_every_value_once(values):
    drawable = [v for v in values if abs(v) <= 1e15]
    chart = histogram(values, title="t", x_label="x", bins=20)
    assert sum(counts(chart)) == len(drawable)


def test_columns_begin_at_round_values_and_full_points_share_the_last():
    chart = histogram([0, 4.9, 5, 99, 100], title="t", x_label="points", limits=(0, 100))
    titles = [t.text for rect in parse(chart).iter("rect") for t in rect.iter("title")]
    assert titles == ["0 to 5: 2 students", "5 to 10: 1 student", "95 to 100: 2 students"]


@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
def test_a_linear_axis_holds_both_ends_and_has_few_ticks_in_order(a, b):
    low, high = min(a, b), max(a, b)
    axis = linear_axis(low, high)
    assert -1e-6 <= axis.share(low) <= axis.share(high) <= 1 + 1e-6
    values = [value for value, _ in axis.ticks]
    assert 2 <= len(values) <= 8
    assert values == sorted(set(values))


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 90, ["0", "20", "40", "60", "80", "100"]),
        (0.1, 0.9, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (-0.2, 0.3, ["−0.2", "−0.1", "0", "0.1", "0.2", "0.3"]),
        (0, 1.1, ["0", "0.25", "0.5", "0.75", "1", "1.25"]),
        (0, 5e6, ["0", "1 M", "2 M", "3 M", "4 M", "5 M"]),
    ],
)
def test_ticks_are_round(low, high, texts):
    assert [text for _, text in linear_axis(low, high).ticks] == texts


@given(st.floats(1e-6, 1e12), st.floats(1e-6, 1e12))
def test_a_logarithmic_axis_holds_both_ends(a, b):
    axis = log_axis(min(a, b), max(a, b))
    assert 0 < axis.share(min(a, b)) <= axis.share(max(a, b)) < 1
    assert 1 <= len(axis.ticks) <= 8


def test_a_logarithmic_axis_names_thousands_and_millions():
    assert [text for _, text in log_axis(9_000, 5e6).ticks] == ["10 k", "100 k", "1 M"]


@pytest.mark.parametrize(
    ("span", "some"),
    [
        (timedelta(0), "09:00"),
        (timedelta(hours=3), "10:00"),
        (timedelta(days=2), "19 Nov 12:00"),
        (timedelta(days=4), "20 Nov"),
        (timedelta(days=90), "13 Dec"),
        (timedelta(days=4000), "Mar 2030"),
    ],
)
def test_time_has_ticks_at_round_hours_days_and_years(span, some):
    texts = [text for _, text in time_axis(START, START + span).ticks]
    assert any(some in text for text in texts), texts
    assert 1 <= len(texts) <= 7


def test_numbers_read_well():
    assert [number_text(v) for v in (0, -0.01, 3.44, 1480, -2)] == ["0", "0", "3.4", "1,480", "−2"]
    assert [how_many(n, "hand-ins") for n in (0, 1, 1480)] == ["0 hand-ins", "1 hand-in", "1,480 hand-ins"]


@pytest.mark.parametrize("n", [0, 1, 2, 5000])
def test_every_chart_is_well_formed_named_and_small(n):
    for chart in all_kinds(n):
        root = parse(chart)
        assert root.tag == "figure"
        assert "some words" in words(chart)
        assert len(chart) < 300_000
        for svg in root.findall("svg"):
            assert svg.get("role") == "img"
            named = {e.get("id") for e in svg if e.tag in ("title", "desc")}
            assert set((svg.get("aria-labelledby") or "").split()) == named
            assert len(named) == 2


def test_nothing_to_draw_is_said():
    for chart in (
        histogram([], title="t", x_label="x"),
        scatter([], title="t", x_label="x", y_label="y"),
    ):
        assert "nothing to draw" in words(chart)
        assert "<svg" not in chart


def test_a_label_is_text_and_nothing_more():
    for chart in all_kinds(3, HOSTILE):
        assert "<script" not in chart
        assert "\u202e" not in chart
        assert "\x00" not in chart
        assert "document.title='owned'" in words(chart)


def test_what_cannot_be_drawn_is_left_out():
    odd = [float("nan"), float("inf"), -float("inf"), 1e300]
    assert counts(histogram([1.0, *odd], title="t", x_label="x")) == [1]
    chart = scatter(
        [(1, 1), *((v, 1) for v in odd), *((1, v) for v in odd), (0, 1)],
        log_x=True,
        title="t",
        x_label="x",
        y_label="y",
    )
    assert len(list(parse(chart).iter("circle"))) == 1


def test_thousands_of_dots_are_thinned_but_named_ones_stay():
    quiet = [(i * 37 % 5003, i * i % 4999) for i in range(5000)]
    named = [Point(i, i, f"name{i}", "good") for i in range(20)]
    root = parse(scatter([*quiet, *named], title="t", x_label="x", y_label="y"))
    classes = [c.get("class") for c in root.iter("circle")]
    assert classes.count("t-good") == 20
    assert 1000 < classes.count(None) <= MOST_DOTS


def test_marks_outside_are_not_drawn():
    chart = histogram([1, 2], title="t", x_label="x", limits=(0, 10), marks=[Mark(5, "inside"), Mark(50, "outside")])
    assert "inside" in words(chart)
    assert "outside" not in words(chart)


def test_the_same_data_gives_the_same_bytes():
    assert all_kinds(100) == all_kinds(100)


def test_a_summary_is_made_where_none_is_given():
    assert "3 students, from 1 to 9, median 5." in words(histogram([9, 1, 5], title="t", x_label="x"))
    chart = scatter([(0, 0.25), (1, 0.75)], title="t", x_label="x", y_label="share")
    assert "2 points, share from 0.25 to 0.75, median 0.5." in words(chart)
    assert "1 student, 7." in words(histogram([7], title="t", x_label="x"))


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_charts_fit_a_phone_with_letters_of_full_size(browser, tmp_path, dark):
    css = "".join((TEMPLATES / name).read_text() for name in ("base.css", "charts.css"))
    page = tmp_path / "page.html"
    body = "".join(all_kinds(40, "a label of some length"))
    page.write_text(f"<!doctype html><title>charts</title><style>{css}</style><main>{body}</main>", encoding="utf-8")
    with open_page(browser, page, width=360, dark=dark) as opened:
        opened.expect_quiet()
        opened.expect_no_sideways_scroll()
        heights = opened.page.evaluate(
            "() => [...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height)"
        )
        assert len(heights) > 30
        assert min(heights) > 10
        outside = opened.page.evaluate(
            """() => [...document.querySelectorAll('.chart circle, .chart rect')]
                .filter(e => { const b = e.getBoundingClientRect(), f = e.closest('figure').getBoundingClientRect();
                               return b.left < f.left || b.right > f.right || b.top < f.top || b.bottom > f.bottom; })
                .length"""
        )
        assert outside == 0
        fill = opened.page.evaluate("() => getComputedStyle(document.querySelector('svg text')).fill")
        ground = opened.page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
        assert contrast(_rgb(fill), _rgb(ground)) >= 4.5


def _rgb(text: str) -> tuple[float, float, float]:
    red, green, blue = (float(n) for n in re.findall(r"[\d.]+", text)[:3])
    return red, green, blue
