"""The instructor's report: all that needs somebody is on it, nothing on it does harm, and nothing is done twice."""

import dataclasses
import itertools
import re
import stat
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from known_class import UNHEARD_OF, KnownClass, a_class
from sample_class import HOSTILE_NAMES, sample_class

from autograder.base.settings import Settings
from autograder.base.text import clean_text, short, signed
from autograder.grading import file_name, grade_folder
from autograder.grading.marks import mark_of
from autograder.grading.standing import GradedClass, Standing, attempt_from
from autograder.pages import class_report as instructor
from autograder.pages.class_report import render_report, write_report
from autograder.pages.students import student_rows
from autograder.sources import variants
from autograder.sources.known_answers import apply, wrong_answers
from exercise_code.common.hand_ins.notes import Note
from exercise_code.common.reasons import Reason


def _text(page: str) -> str:
    """What a reader sees, folded parts too."""
    body = re.sub(r"<(style|title)>.*?</\1>", " ", page, flags=re.DOTALL)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


@pytest.fixture(scope="module")
def class_(tmp_path_factory) -> GradedClass:
    return a_class(tmp_path_factory.mktemp("class"), 60)


@pytest.fixture(scope="module")
def page(class_, tmp_path_factory) -> str:
    return render_report(class_, tmp_path_factory.mktemp("cache"))


def test_hand_ins_with_data_in_their_source_are_named(tmp_path):
    graded = sample_class(tmp_path / "results", "ex09_keypoints", 5, hostile=False)
    first, *others = graded.standings
    stuffed = dataclasses.replace(
        first, attempts=tuple(dataclasses.replace(a, hidden_parameters=464_000) for a in first.attempts)
    )
    text = render_report(dataclasses.replace(graded, standings=(stuffed, *others)), tmp_path)
    part = text[text.index("data in the source code") :]
    assert f"{first.attempts[0].file}: 464,000 bytes" in part and "may be weights, or a table of answers" in part


def test_everything_that_needs_somebody_is_named(tmp_path):
    graded = sample_class(tmp_path, "ex03_dataloader", 40, hostile=False)
    text = _text(render_report(graded, tmp_path / "cache"))
    late = [s for s in graded.standings if s.marked and s.marked.seconds_late]
    refused = [s for s in graded.standings if s.marked and s.marked.refused]
    strange = [s for s in graded.standings if not s.known]
    missing = [s for s in graded.standings if s.known and not s.attempts]
    waiting = [s for s in graded.standings if s.marked and not s.marked.refused and s.written is None]
    for group, title in (
        (late, "late"),
        (refused, "refused"),
        (strange, "unknown to the roster"),
        (missing, "missing"),
        (waiting, "written answers to mark"),
    ):
        part = text[text.index(f"{len(group)} {title} ") :]
        assert group and all(f"{s.student.name} ({s.student.id})" in part for s in group), title
    assert "the zip is damaged (Bad CRC-32)" in text
    assert "2 files to look at" in text and "notes.txt – expected a zip, got a text file" in text
    assert "Graded with the public demo secret" in text
    assert "None: grading failed, " in text


def test_each_student_has_a_row_with_points_state_and_links(tmp_path):
    graded = sample_class(tmp_path / "results", "ex03_dataloader", 40)
    folder = tmp_path / "results" / "ex03_dataloader" / "instructor"
    assert write_report(graded, folder / "report.html", tmp_path / "cache")
    page = (folder / "report.html").read_text()
    soup = BeautifulSoup(page, "html.parser")
    rows = soup.select("table.students tbody tr")
    assert len(rows) == len(graded.standings) == 40
    by_page = {row.find("a")["href"]: row for row in rows}
    for standing in graded.standings:
        row = by_page[f"./../students/feedback/{file_name(standing.student.id)}.html"]
        mark = mark_of(graded, standing)
        assert row.select_one("[data-of=total]").text == ("" if mark.total is None else short(mark.total))
        links = [(folder / unquote(a["href"])).resolve() for a in row.find_all("a")]
        assert [link.name for link in links[1:]] == ([standing.marked.path.name] if standing.marked else [])
        if standing.marked:
            assert row.select_one("[data-of=tests]").text == short(standing.marked.score)
            assert links[1] == standing.marked.path.resolve()
        if standing.penalty:
            assert row.select_one("[data-of=late]").text == signed(-standing.penalty)
    states = [row.find("td").text for row in rows]
    order = ["on no list", "refused", "waits for marking", "late", "missing", "graded"]
    assert [state for state, _ in itertools.groupby(states)] == order
    assert all(re.match(r"\./|#|data:", a["href"]) for a in soup.find_all(href=True))


def test_a_file_that_could_not_be_taken_is_something_to_look_at(tmp_path):
    graded = sample_class(tmp_path, "ex03_dataloader", 4, hostile=False)
    standing = next(s for s in graded.standings if s.marked and not s.marked.refused)
    told = "1_dataset.ipynb is not taken: it is not a readable notebook"
    result = standing.marked.read().model_copy(update={"notes": [Note(Reason.NOT_TAKEN, told)]})
    last = standing.marked
    known = {"file": last.file, "path": last.path, "fingerprint": last.fingerprint, "where": last.result}
    again = attempt_from(result, **known, submitted=last.submitted, late=0.0)
    others = tuple(s for s in graded.standings if s is not standing)
    unread = dataclasses.replace(standing, attempts=(again,), written=None)
    text = _text(render_report(dataclasses.replace(graded, standings=(unread, *others)), tmp_path / "cache"))
    who = f"{standing.student.name} ({standing.student.id})"
    part = text[text.index("1 with files that could not be taken") :]
    assert f"{who} – {told}" in part
    assert "to look at" in text[text.index("those who need you first") :]


def test_a_class_of_thousands_has_its_table_at_once(tmp_path):
    graded = sample_class(tmp_path, "ex03_dataloader", 20)
    many = tuple(
        dataclasses.replace(s, student=dataclasses.replace(s.student, id=f"{s.student.id}-{i}"))
        for i in range(100)
        for s in graded.standings
    )
    rows = student_rows(dataclasses.replace(graded, standings=many), tmp_path)
    assert len(rows) == 2000 and [row.need for row in rows] == sorted(row.need for row in rows)
    page = render_report(dataclasses.replace(graded, standings=many[:100]), tmp_path / "cache")
    assert re.search(r"<details>\s*<summary>100 students, those who need you first", page), "long tables are folded"


def test_failed_gradings_come_first(tmp_path, class_):
    first = class_.standings[0]
    broken = dataclasses.replace(first.attempts[0], failed="the judge's process ended")
    graded = dataclasses.replace(
        class_, standings=(dataclasses.replace(first, attempts=(broken,)), *class_.standings[1:])
    )
    text = _text(render_report(graded, tmp_path))
    assert "What needs you 1 grading failed" in text and "the judge's process ended" in text
    assert "demo secret" not in text


def test_scores_are_those_of_the_marked_hand_ins(page, class_):
    text = _text(page)
    scores = [s.marked.score for s in class_.standings if s.marked and not s.marked.refused]
    passing = sum(score >= 75 for score in scores)
    assert f"{round(100 * passing / len(scores))} % reach 75 points" in text
    assert f"{len(scores)} students, from 0 to 90" in text


def test_the_most_common_mistakes_are_in_words_with_who_made_them(page, class_):
    text = _text(page)
    made = text.index("The dataset's length is the number of classes")
    students = text[made : text.index("In wrong.toml", made) + 4000]
    assert "len_counts_classes" in students
    assert "Nothing is written yet 3" in text
    assert "The code cannot be imported: a syntax error, or a module that is not there 1" in text
    assert text.index("Mistakes that nobody anticipated") < text.index("3 students fail 3 tests")
    entry = unescape(page[page.index("[[wrong]]") :])
    assert all(f'"{name}"' in entry for name in UNHEARD_OF)


def test_copies_are_listed_with_what_the_number_means(page):
    text = _text(page)
    assert "Worth a look, no more" in text
    assert re.search(r"\d+ % Student 0004 \(u0004\) and Student 0008 \(u0008\)", text)
    assert re.search(r"\d+ % Student 0001 \(u0001\) and Student 0009 \(u0009\)", text)
    assert text.count("fingerprints in common") == 2
    assert "plagiar" not in text.lower() and "cheat" not in text.lower()


def test_equal_models_and_the_metric_are_shown(tmp_path):
    graded = sample_class(tmp_path, "ex09_keypoints", 12)
    text = _text(render_report(graded, tmp_path / "cache"))
    assert "Keypoint score on the hidden set" in text and "pass: 100" in text


def test_time_and_memory_with_the_slowest(page, class_):
    text = _text(page)
    assert "The last run that graded anything took 42.0 s" in text
    slowest = max((a for _, a in class_.attempts if not a.refused), key=lambda a: a.cpu_seconds)
    part = text[text.index("The slowest 10") :]
    assert part.index(f"{slowest.cpu_seconds:.2f} s") < 200


def test_nothing_is_computed_when_nothing_changed(tmp_path, class_, monkeypatch):
    path, cache = tmp_path / "instructor" / "report.html", tmp_path / "cache"
    assert write_report(class_, path, cache)
    first = path.read_bytes()
    monkeypatch.setattr(instructor, "render_report", lambda *_: pytest.fail("nothing changed"))
    assert not write_report(dataclasses.replace(class_, wall_seconds=0.5), path, cache)
    assert path.read_bytes() == first


def test_the_time_stays_that_of_the_run_that_graded_anything(tmp_path, class_):
    """Marks by hand have changed, the class is graded once more: a new page, and nothing was graded."""
    path, cache = tmp_path / "report.html", tmp_path / "cache"
    write_report(class_, path, cache)
    marked = tuple(dataclasses.replace(s, written=None) for s in class_.standings)
    assert write_report(dataclasses.replace(class_, standings=marked, wall_seconds=0.5), path, cache)
    assert "The last run that graded anything took 42.0 s" in _text(path.read_text("utf-8"))
    first = next(s for s in marked if s.marked)
    new = dataclasses.replace(first, attempts=(dataclasses.replace(first.attempts[0], cpu_seconds=0.123),))
    regraded = tuple(new if s is first else s for s in marked)
    assert write_report(dataclasses.replace(class_, standings=regraded, wall_seconds=7.5), path, cache)
    assert "The last run that graded anything took 7.5 s" in _text(path.read_text("utf-8"))


def test_other_users_of_the_machine_cannot_read_the_report(tmp_path, class_):
    path, cache = tmp_path / "report.html", tmp_path / "cache"
    write_report(class_, path, cache)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in [path, *cache.iterdir()]}
    assert set(modes.values()) == {0o600}, modes


def test_a_refused_hand_in_after_a_graded_one_is_pointed_out(tmp_path):
    known = KnownClass(tmp_path)
    known.add(known.solution)
    known.add(known.solution, refused="the zip is damaged")
    first, second = (s.attempts[0] for s in known.standings)
    known.standings[0] = dataclasses.replace(known.standings[0], attempts=(first, second))
    text = _text(render_report(known.graded(), tmp_path / "cache"))
    assert text.count("the zip is damaged (an earlier one earned 90 points)") == 1
    assert text.count("the zip is damaged") == 2


def test_every_group_of_unheard_mistakes_is_counted_as_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(instructor, "SHOWN_CLUSTERS", 1)
    known = KnownClass(tmp_path)
    for failed in (UNHEARD_OF, UNHEARD_OF[:2], UNHEARD_OF[1:]):
        for _ in range(2):
            known.add(known.solution, failed)
    known.add(known.solution, UNHEARD_OF[:1])
    text = _text(render_report(known.graded(), tmp_path / "cache"))
    assert "7 students fail tests that no known wrong answer explains" in text
    assert text.count("2 students fail ") == 1
    assert "4 students in further groups" in text
    assert "1 student, each with a set of failed tests that nobody else has" in text


def test_pairs_that_are_not_shown_and_code_that_was_not_read_are_said(tmp_path, monkeypatch):
    from functools import partial

    monkeypatch.setattr(instructor, "find_similar", partial(instructor.find_similar, limit=1))
    graded = a_class(tmp_path / "class", 60)
    long = graded.standings[0].attempts[0]
    (next(long.path.rglob("*.py")).parent / "more.py").write_text("a = 1\n" * 12_000)
    text = _text(render_report(graded, tmp_path / "cache"))
    assert "Shown are the most alike, 1 of 2 pairs." in text
    assert "Too long to compare" in text
    monkeypatch.undo()
    (long.path / "exercise_code" / graded.exercise.id / "more.py").unlink()
    text = _text(render_report(graded, tmp_path / "other"))
    assert "Shown are" not in text and "Too long" not in text


def test_a_change_makes_a_new_page(tmp_path, class_):
    path, cache = tmp_path / "report.html", tmp_path / "cache"
    write_report(class_, path, cache)
    first = path.read_bytes()
    moved = dataclasses.replace(class_, standings=class_.standings[1:])
    assert write_report(moved, path, cache)
    assert path.read_bytes() != first
    path.write_text("somebody's own")
    assert write_report(moved, path, cache)
    path.unlink()
    assert write_report(moved, path, cache)
    (cache / f"report-{class_.exercise.id}.json").write_text("{ damaged")
    assert not write_report(moved, path, cache)


def test_the_same_class_gives_the_same_bytes(tmp_path, class_, page):
    assert render_report(class_, tmp_path / "other") == page


def test_classes_without_hand_ins_have_a_page(tmp_path):
    known = KnownClass(tmp_path)
    assert "handed in" in _text(render_report(known.graded(), tmp_path / "cache"))
    known.add(None)
    known.add(known.solution, refused="damaged")
    text = _text(render_report(known.graded(), tmp_path / "cache"))
    assert "1 of 2 students handed in" in text and "Nobody lost a test." in text


@pytest.mark.parametrize("exercise", ["ex03_dataloader", "ex09_keypoints"])
def test_hostile_names_are_text(exercise, tmp_path):
    graded = sample_class(tmp_path, exercise, 30)
    page = render_report(graded, tmp_path / "cache")
    for marker in ("<script", "<img", "\u202e", "</style></script>", "<i>x</i>", "<b>x</b>"):
        assert marker not in page, marker
    text = _text(page)
    assert sum(clean_text(name) in text for name in HOSTILE_NAMES) > len(HOSTILE_NAMES) // 2


def test_hostile_code_in_a_pair_is_text(tmp_path):
    known = KnownClass(tmp_path)
    odd = "".join(
        f"def part{i}(a):\n    b = a[{i}] * {i} + len('</pre><script>document.title=1</script>\u202e')\n"
        f"    c = sorted(b)[{i}:] + [{i} ** {i} - min(b)]\n    return max(c) - {i}\n"
        for i in range(12)
    )
    for _ in range(12):
        known.add(known.solution)
    for _ in range(2):
        known.add({**known.solution, "dataloader.py": odd})
    page = render_report(known.graded(), tmp_path / "cache")
    assert "<script" not in page and "\u202e" not in page
    assert "&lt;/pre&gt;&lt;script&gt;" in page


def test_real_results_give_the_same_answer_as_known_ones(tmp_path):
    """Two wrong answers and the untouched stubs, graded for real."""
    submissions = tmp_path / "class"
    answers = {w.name: w for w in wrong_answers("ex03_dataloader")}
    for name in ("variance_for_std", "drop_last_ignored"):
        apply(answers[name], submissions / name)
    variants.untouched("ex03_dataloader", submissions / "untouched")
    known = KnownClass(tmp_path)
    known.add(None)
    template = known.standings[0]
    standings = []
    for step in grade_folder("ex03_dataloader", submissions, tmp_path / "out", Settings(), jobs=1):
        student = dataclasses.replace(template.student, id=step.job.student, name=step.job.student)
        attempt = attempt_from(
            step.result,
            file=step.job.path.name,
            path=step.job.path,
            fingerprint=step.job.student,
            where=step.path,
            submitted=None,
            late=0.0,
        )
        standings.append(Standing(student, (attempt,)))
    graded = dataclasses.replace(known.graded(), standings=tuple(sorted(standings, key=lambda s: s.student.id)))
    found = {f.student.id: f.resemblance for f in instructor.resemblances(graded)}
    assert found["variance_for_std"].answers == (("variance_for_std",),)
    assert found["drop_last_ignored"].answers == (("drop_last_ignored",),)
    assert found["untouched"].kind == "untouched"


@pytest.mark.browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_the_page_is_quiet_in_a_browser(browser, tmp_path, width, dark):
    from browser_pages import open_page

    graded = sample_class(tmp_path, "ex03_dataloader", 60)
    path = tmp_path / "report.html"
    write_report(graded, path, tmp_path / "cache")
    with open_page(browser, path, width=width, dark=dark) as opened:
        opened.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        opened.expect_quiet()
        opened.expect_no_sideways_scroll()
        assert opened.contrast("main p, main td, main summary, main li") >= 4.5


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 360])
def test_pairs_and_mistakes_fit_their_window(browser, tmp_path, class_, width):
    from browser_pages import open_page

    path: Path = tmp_path / "report.html"
    write_report(class_, path, tmp_path / "cache")
    with open_page(browser, path, width=width) as opened:
        opened.page.click("text=The dataset's length is the number of classes")
        assert (
            opened.page.is_visible("text=Student 0011 (u0011)") or opened.page.locator(".mistakes li:visible").count()
        )
        opened.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        opened.expect_quiet()
        opened.expect_no_sideways_scroll()
