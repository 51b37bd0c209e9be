"""A student's feedback page: what it says, what it must not say, and that it is made only once."""

import re
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest
from browser_pages import open_page
from markupsafe import escape
from sample_class import HOSTILE_NAMES, sample_class

from autograder.classroom.roster import Student
from autograder.grading import file_name
from autograder.grading.standing import Marking, Standing
from autograder.judging.result import pack_samples, read_result, write_result
from autograder.pages import feedback
from autograder.pages.feedback import feedback_page, write_feedback
from autograder.pages.pictures import Gallery, as_svg
from exercise_code.common.checks.drawn_sample import DrawnSample
from exercise_code.common.checks.score_table import ScoreTable
from exercise_code.common.exercise import load_exercise
from exercise_code.common.hand_ins.notes import Note
from exercise_code.common.reasons import Reason

KEYPOINTS, CODE = "ex09_keypoints", "ex03_dataloader"
LONG = "x" * 900
EVIL = "</pre><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u202ef.exe\x1b[31m"


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    return sample_class(tmp_path_factory.mktemp("class"), KEYPOINTS, students=18)


@pytest.fixture(scope="module")
def code_class(tmp_path_factory):
    return sample_class(tmp_path_factory.mktemp("code"), CODE, students=18)


def _with_result(standing, folder, **changes):
    """The standing with another result as its last one."""
    result = standing.marked.read().model_copy(update=changes)
    path = folder / "changed.json"
    write_result(result, path)
    last = replace(standing.marked, result=path, **{k: v for k, v in changes.items() if k in ("refused", "failed")})
    return replace(standing, attempts=(*standing.attempts[:-1], last))


def _good(graded):
    """A student whose hand-in was graded, with something lost."""
    return next(s for s in graded.standings if s.marked and not s.marked.refused and s.known and s.marked.failed_tests)


def _text(page):
    """What a reader sees, in one line."""
    page = re.sub(r"<style>.*?</style>|<svg.*?</svg>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def _with_tests(standing, folder, **changes):
    """The standing with a first cell whose tests all fail with these texts."""
    result = standing.marked.read()
    cell = result.cells[0]
    tests = [t.model_copy(update={"passed": False, "want": "", "got": "", "hint": "", **changes}) for t in cell.tests]
    cells = [cell.model_copy(update={"points": 0.0, "tests": tests}), *result.cells[1:]]
    return _with_result(standing, folder, cells=cells)


def test_everybody_gets_a_page(graded, tmp_path):
    assert write_feedback(graded, tmp_path) == len(graded.standings)
    assert {p.name for p in tmp_path.glob("*.html")} == {f"{s.student.id}.html" for s in graded.standings}


def test_a_page_says_what_was_earned_and_what_to_fix(graded):
    standing = replace(_good(graded), written=7.0, markings=(), penalty=2.5)
    page = _text(feedback_page(graded, standing))
    assert standing.student.alias in page and standing.student.id in page
    assert f"{standing.points:.2f}".rstrip("0").rstrip(".") + " of 100 points" in page
    for name, points in standing.marked.points.items():
        most = graded_points(graded, standing, name)
        assert f"{name} {points:.2f}".rstrip("0").rstrip(".") + f" of {most:g}" in page
    result = standing.marked.read()
    for test in result.lost:
        assert test.title in page, "every lost test is named"
    first = next(c for c in result.cells if c.points < c.max_points)
    assert f"Start here: {first.grade_id}" in page
    assert f'check("{first.grade_id}")' in page
    assert "7 of 10" in page and "−2.5" in page
    if any(t.visible for t in result.lost):
        assert "[0.0, 0.5, 1.0]" in page and "look at the axis of the mean" in page
    assert "Not met" in page or all(t.visible for t in result.lost)


def graded_points(graded, standing, name):
    return next(c.max_points for c in standing.marked.read().cells if c.grade_id == name)


def test_written_answers_wait_or_count(graded):
    waiting = _text(feedback_page(graded, replace(_good(graded), written=None, markings=())))
    assert "of 90 points so far" in waiting and "not marked yet" in waiting
    marked = _text(feedback_page(graded, replace(_good(graded), written=0.0, markings=())))
    assert "of 100 points" in marked and "not marked yet" not in marked


def test_each_question_has_its_points_and_what_the_marker_said(graded):
    one, two = _good(graded).markings
    said = "<script>alert(1)</script>\nLook at \u202e page 3."
    markings = (
        replace(one, points=3.5, comment=said),
        replace(two, points=None, comment=""),
        Marking("train_step", -1.5, "two tests were too kind", written=False, max_points=15.0),
    )
    page = feedback_page(graded, replace(_good(graded), written=None, markings=markings))
    assert "<script" not in page and "\u202e" not in page
    text = _text(page)
    assert f"{one.heading} 3.5 of 5" in text and f"{two.heading} not marked yet" in text
    assert "train_step (changed by a person) −1.5" in text
    assert "<script>alert(1)</script> Look at \ufffd page 3." in text and "two tests were too kind" in text
    assert "count once all of them are marked" in text


def test_a_comment_that_is_changed_or_removed_makes_a_new_page(graded, tmp_path):
    standing = _good(graded)
    page = tmp_path / f"{standing.student.id}.html"

    def write(comment):
        marked = replace(standing, markings=(replace(standing.markings[0], comment=comment), standing.markings[1]))
        return write_feedback(replace(graded, standings=(marked,)), tmp_path)

    assert [write("Say why."), write("Say why.")] == [1, 0]
    assert write("Say it in numbers.") == 1
    assert "Say it in numbers." in page.read_text("utf-8")
    assert write("") == 1
    assert "Say" not in page.read_text("utf-8")


def test_nothing_hidden_is_on_any_page(graded, code_class, tmp_path):
    for group in (graded, code_class):
        folder = tmp_path / group.exercise.id
        write_feedback(group, folder)
        pages = {s.student.id: (folder / f"{s.student.id}.html").read_text("utf-8") for s in group.standings}
        for standing in group.standings:
            page = pages[standing.student.id]
            assert "SECRETLOG" not in page and "full log" not in page
            for other in (s.student for s in group.standings if s is not standing):
                known = [other.id, other.alias, other.email]
                # The first one's name is what wrong answers of the sample class say, too.
                if other.name != HOSTILE_NAMES[0]:
                    known += [other.name, str(escape(other.name))]
                assert not [k for k in known if k in page]
            for attempt in standing.attempts:
                # The public metric, rounded, is the only one a student sees.
                for values in (attempt.metrics, attempt.private_metrics, attempt.public_metrics):
                    assert not any(f"{v:.5f}"[:7] in page for v in values.values() if v > 1)


def test_the_public_metric_stands_on_a_number_line(graded):
    standing = _good(graded)
    value = standing.marked.read().for_student().public_metrics["keypoint_score"]
    page = feedback_page(graded, standing)
    assert f"keypoint score: {value:g}" in _text(page)
    assert f'aria-label="keypoint_score {value:g}; 100 passes"' in page
    assert "rounded" in page and "the final ranking uses the other part" in page
    assert f"{standing.marked.parameters:,} of 5,000,000" in page


def test_a_model_passes_on_the_page_as_it_does_in_the_grading(graded, tmp_path):
    """The score is rounded to the digits that the passing score is stated with."""
    model = replace(graded.exercise.model, digits=0)
    whole = replace(graded, exercise=replace(graded.exercise, model=model))
    for value, tone in ((100.4, "good"), (99.6, "good"), (99.4, "bad")):
        page = feedback_page(whole, _with_result(_good(graded), tmp_path, public_metrics={"keypoint_score": value}))
        meter = re.search(r'aria-label="keypoint_score [^"]*"><i class="(\w+)"', page)
        assert meter and meter[1] == tone


@pytest.mark.parametrize(
    ("reached", "words"),
    [
        (0, "the next one is “beats the mean face”, at 30"),
        (1, "the next one is “half way”, at 60"),
        (2, "the next one is “passes”, at 100"),
        (3, "the next one is “excellent”, at 250"),
    ],
)
def test_the_steps_of_the_score_are_those_that_points_were_given_for(graded, tmp_path, reached, words):
    """The public half may lie on another step than the whole hidden set: what its tests decided is what is told."""
    standing, spec = _good(graded), graded.exercise.model
    names = [step.name for step in spec.earning_steps]
    cells = [
        cell.model_copy(
            update={"tests": [t.model_copy(update={"passed": t.step in names[:reached]}) for t in cell.tests]}
        )
        if cell.grade_id == spec.grade_id
        else cell
        for cell in standing.marked.read().cells
    ]
    changes = {"cells": cells, "public_metrics": {"keypoint_score": 61.0}}
    page = _text(feedback_page(graded, _with_result(standing, tmp_path, **changes)))
    assert words in page
    for name, start, points in zip(names, (30, 60, 100), (10, 20, 40), strict=True):
        state = "reached:" if name in names[:reached] else "not reached:"
        assert f" {state} {name} from {start} {points} points" in page


def test_a_score_beyond_the_pass_is_an_honour_without_points(graded, tmp_path):
    page = _text(feedback_page(graded, _with_result(_good(graded), tmp_path, public_metrics={"keypoint_score": 251.0})))
    assert "reached: excellent from 250 no points, a badge" in page


def test_points_are_compared_as_they_are_shown(graded):
    standing = _good(graded)
    needed = graded.exercise.pass_points - standing.marked.score
    just = _text(feedback_page(graded, replace(standing, written=needed, penalty=0.001)))
    assert f"{graded.exercise.pass_points:g} of 100 points" in just and "Enough to pass" in just
    one = _text(feedback_page(graded, replace(standing, written=needed, penalty=1.0)))
    assert "1 point short of passing" in one and "1 points" not in one
    waiting = replace(graded, max_written=1.0)
    page = _text(feedback_page(waiting, replace(standing, written=None, markings=())))
    assert "Written answers (1 point) are not marked yet" in page


def test_what_costs_nothing_is_not_said_to(graded, tmp_path):
    standing = _good(graded)
    result = standing.marked.read()
    cells = []
    for cell in result.cells:
        tests = [t.model_copy(update={"passed": bool(t.weight)}) for t in cell.tests]
        cells.append(cell.model_copy(update={"points": cell.max_points, "tests": tests}))
    page = feedback_page(graded, _with_result(standing, tmp_path, cells=cells))
    box = page[page.index('<div class="box start">') :]
    assert "costs no points" in box[: box.index("</div>")]


def test_nobody_else_on_the_machine_reads_a_page(graded, tmp_path):
    write_feedback(graded, tmp_path / "pages", tmp_path / "cache")
    modes = {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.glob("*/*")}
    assert modes == {0o600}


def test_predictions_are_drawn_on_the_validation_pictures(graded):
    page = feedback_page(graded, _good(graded))
    pictures = re.findall(r'<figure><svg[^>]*role="img" aria-label="([^"]*)">(.*?)</svg>', page)
    assert len(pictures) == 6
    for label, svg in pictures:
        assert "pixels off" in label
        assert 'class="truth"' in svg and 'class="predicted"' in svg and "data:image/jpeg;base64," in svg
    assert len(page) < 70_000


def test_tables_of_a_model_stand_on_the_page_as_text(graded, tmp_path):
    table = ScoreTable("Kinds <of> it", ("kind", "right", "misread"), (("plain", "3 of 4", EVIL),), wide=("misread",))
    page = feedback_page(graded, _with_result(_good(graded), tmp_path, tables=[table]))
    assert "<h3>Kinds &lt;of&gt; it</h3>" in page
    assert '<th scope="col" class="n">right</th><th scope="col">misread</th>' in page
    assert '<th scope="row">plain</th><td class="n">3 of 4</td><td>' in page
    assert "<script>document" not in page and "<img" not in page
    assert "Kinds" not in feedback_page(graded, _good(graded))


@pytest.mark.parametrize(
    "samples",
    [
        pack_samples(np.zeros((6, 31), np.float32)),
        pack_samples(np.zeros((), np.float32)),
        pack_samples(np.array([["a"] * 30] * 6)),
        "no base64!",
        "AAAA",
    ],
)
def test_misshapen_predictions_cost_the_picture_and_nothing_else(graded, tmp_path, samples):
    page = feedback_page(graded, _with_result(_good(graded), tmp_path, samples=samples))
    assert "<figure>" not in page
    assert "do not have the form" in page
    assert "Your model" in page


def test_wild_predictions_are_drawn_as_far_as_they_go(graded, tmp_path):
    wild = np.zeros((6, 30), np.float32)
    wild[0], wild[1, 0], wild[2] = 1e30, np.nan, 3.0
    page = feedback_page(graded, _with_result(_good(graded), tmp_path, samples=pack_samples(wild)))
    assert page.count("<figure>") == 6
    assert "15 of 15 points lie outside" in page
    assert "nan nan" not in page and "e+" not in "".join(re.findall(r' d="([^"]*)"', page))


def test_a_picture_of_a_mask_keeps_its_colours_and_a_strange_one_is_refused():
    mask = np.zeros((4, 6, 3), np.uint8)
    assert "data:image/png" in as_svg(DrawnSample(mask, "a <b>mask</b>"))
    assert "<b>" not in as_svg(DrawnSample(mask, "a <b>mask</b>"))
    with pytest.raises(ValueError, match="uint8 picture"):
        as_svg(DrawnSample(mask.astype(np.float32), "floats"))


def test_an_exercise_without_pictures_has_none():
    assert Gallery(load_exercise(CODE), "embedded").pictures(pack_samples(np.zeros(3))) == []


def test_pictures_without_points_have_no_key_to_points(graded, monkeypatch):
    assert "where your model puts them" in feedback_page(graded, _good(graded))
    plain = as_svg(DrawnSample(np.zeros((4, 4, 3), np.uint8), "a vehicle"))
    monkeypatch.setattr(Gallery, "pictures", lambda *_: [plain])
    page = feedback_page(graded, _good(graded))
    assert "a vehicle" in page and "where your model puts them" not in page


def test_without_a_hand_in_the_page_says_so(graded):
    missing = next(s for s in graded.standings if not s.attempts)
    page = _text(feedback_page(graded, missing))
    assert "No hand-in arrived" in page and f'submit("{KEYPOINTS}")' in page
    assert "Start here" not in page and "Points" not in page


def test_a_refused_hand_in_says_why_and_what_to_do(graded):
    refused = next(s for s in graded.standings if s.marked and s.marked.refused)
    page = _text(feedback_page(graded, refused))
    assert "The hand-in could not be graded" in page and "the zip is damaged" in page
    assert "Run submit(" in page and "What to fix" not in page


def test_a_failure_of_the_grader_is_not_the_students(graded, tmp_path):
    page = feedback_page(graded, _with_result(_good(graded), tmp_path, failed="the reference said [1, 2] SECRETLOG"))
    assert "Not graded yet" in page and "costs you nothing" in page
    assert "SECRETLOG" not in page and "the reference said" not in page


def test_somebody_whom_the_list_lacks_is_told(graded):
    stranger = replace(_good(graded), known=False, student=Student(id="zip of <b>nobody</b>"))
    page = feedback_page(graded, stranger)
    assert "You are not on the class list" in page
    assert "zip of &lt;b&gt;nobody&lt;/b&gt;" in page and "<b>nobody" not in page


def test_lateness_is_said_in_words_and_in_the_zone_of_the_due_date(graded):
    zone = timezone(timedelta(hours=1))
    due = datetime(2026, 11, 20, 23, 59, tzinfo=zone)
    standing = _good(graded)
    last = replace(standing.marked, submitted=datetime(2026, 11, 21, 1, 12, 30, tzinfo=UTC), seconds_late=8010)
    late = replace(standing, attempts=(last,), penalty=4.0, deadline=due)
    page = _text(feedback_page(replace(graded, due=due), late))
    assert "Sat 21 Nov 2026, 02:12" in page and "All times are UTC+01:00" in page
    assert "2 h 14 min late" in page and "which costs 4 points" in page
    assert "in time" in _text(feedback_page(graded, replace(late, attempts=(replace(last, seconds_late=0.0),))))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, ""), (1, "1 min"), (3600, "1 h"), (3661, "1 h 2 min"), (90_061, "1 d 1 h"), (86_400, "1 d")],
)
def test_time_spans_in_words(seconds, words):
    assert feedback._duration(seconds) == words


def test_all_hand_ins_are_listed_and_the_last_counts(graded):
    standing = next(s for s in graded.standings if len(s.attempts) > 1 and not s.marked.refused)
    page = feedback_page(graded, standing)
    rows = re.findall(r"<tr><td><bdi>(.*?)</td>", page, re.DOTALL)
    assert len(rows) == 2
    assert ["counts" in row for row in rows] == [False, True]


def test_notes_are_told_by_their_kind_and_hostile_names_do_no_harm(graded, tmp_path):
    notes = [
        Note(Reason.NOT_TAKEN, "models/keypoints.safetensors is not taken: it is larger than 20 MB"),
        Note(Reason.IGNORED, f"{EVIL} was ignored: not part of a hand-in"),
        Note(Reason.MISSING, "1_keypoints.ipynb is missing"),
    ]
    page = feedback_page(graded, _with_result(_good(graded), tmp_path, notes=notes))
    assert page.count("keypoints.safetensors") == 1 and "is not taken: it is larger than 20 MB" in page
    box, folded = page.index("About your files"), page.index("on files that were ignored")
    assert box < page.index("1_keypoints.ipynb is missing") < folded < page.index("was ignored: not part")
    assert "<script>document" not in page and "<img src=x" not in page and "\u202e" not in page and "\x1b" not in page


def test_tests_that_say_the_same_are_said_once(code_class, tmp_path):
    place = "image_folder.py, line 43: raise NotImplementedError()"
    written = _with_tests(_good(code_class), tmp_path, code=Reason.NOT_WRITTEN, reason="to do", got=place)
    page = feedback_page(code_class, written)
    cell = page[page.index('<section class="cell"') :]
    cell = cell[: cell.index("</section>")]
    assert cell.count("</span> to do<") == 1 and cell.count(place) == 1
    for test in written.marked.read().cells[0].tests:
        assert test.title in unescape(cell)


def test_long_texts_are_folded(code_class, tmp_path):
    page = feedback_page(code_class, _with_tests(_good(code_class), tmp_path, reason="no", want="1", got=LONG))
    assert "all 900 characters" in page and LONG in page
    assert f"<pre>{'x' * 280} …</pre>" in page


def test_a_hand_in_that_is_late_by_nobody_knows_how_much_says_so_on_its_page(code_class, tmp_path):
    standing = _good(code_class)
    last = replace(standing.attempts[-1], late_mark=True, submitted=None, seconds_late=0.0)
    late = replace(standing, attempts=(*standing.attempts[:-1], last), penalty=0.0)
    assert "nobody knows yet by how much" in feedback_page(code_class, late)
    assert "nobody knows" not in feedback_page(code_class, replace(late, attempts=standing.attempts))
    twice = replace(late, attempts=(standing.attempts[-1], last))
    assert '<td>unknown, <span class="warn">late</span></td>' in feedback_page(code_class, twice)
    # It was in time as far as anybody knew, and the page is another one now.
    told = replace(late, attempts=(replace(last, late_mark=False),))
    write_feedback(replace(code_class, standings=(told,)), tmp_path)
    assert write_feedback(replace(code_class, standings=(replace(late, attempts=(last,)),)), tmp_path) == 1


def test_a_second_run_writes_and_reads_nothing(graded, tmp_path, monkeypatch):
    write_feedback(graded, tmp_path)
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.iterdir()}
    monkeypatch.setattr(feedback._Maker, "page", lambda *_: pytest.fail("a page was made again"))
    assert write_feedback(graded, tmp_path) == 0
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.iterdir()} == before


def test_only_what_changed_is_written_again(graded, tmp_path):
    folder, cache = tmp_path / "feedback", tmp_path / "cache"
    write_feedback(graded, folder, cache)
    assert [p.name for p in folder.iterdir() if p.suffix != ".html"] == []
    first, *rest = graded.standings
    marked = replace(graded, standings=(replace(first, written=(first.written or 0) + 1), *rest))
    assert write_feedback(marked, folder, cache) == 1
    (folder / f"{rest[0].student.id}.html").unlink()
    assert write_feedback(marked, folder, cache) == 1
    (cache / feedback.STAMPS).write_text("[1, 2", encoding="utf-8")
    assert write_feedback(marked, folder, cache) == 0, "made anew, and found to be the same"


def test_the_page_of_an_id_that_the_class_no_longer_has_goes_and_what_a_person_wrote_stays(graded, tmp_path):
    """An id was fixed in the roster: under the old one there is nothing that looks as if it counted."""
    folder, cache = tmp_path / "feedback", tmp_path / "cache"
    write_feedback(graded, folder, cache)
    first, second, *rest = graded.standings
    (folder / "index.html").write_text("the instructor's own")
    noted = folder / f"{file_name(second.student.id)}.html"
    noted.write_text(noted.read_text() + "<!-- seen by a person -->")
    fixed = replace(first, student=replace(first.student, id="fixed"))
    changed = replace(graded, standings=(fixed, *rest))
    assert write_feedback(changed, folder, cache) == 1
    there = {p.name for p in folder.iterdir()}
    assert there == {"index.html", noted.name, "fixed.html", *(f"{file_name(s.student.id)}.html" for s in rest)}


def test_a_run_that_is_cut_off_removes_no_page_and_the_next_one_does(graded, tmp_path, monkeypatch):
    write_feedback(graded, tmp_path)
    first, *rest = graded.standings
    changed = replace(graded, standings=tuple(replace(s, written=(s.written or 0) + 1) for s in rest))
    with monkeypatch.context() as patched:
        patched.setattr(feedback._Maker, "page", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            write_feedback(changed, tmp_path)
    page = tmp_path / f"{file_name(first.student.id)}.html"
    assert page.exists()
    write_feedback(changed, tmp_path)
    assert not page.exists()


def test_a_result_that_changed_on_disk_makes_a_new_page(graded, tmp_path):
    write_feedback(graded, tmp_path)
    standing = _good(graded)
    path = standing.marked.result
    before = path.read_bytes()
    try:
        write_result(
            read_result(path).model_copy(update={"notes": [Note(Reason.MISSING, "1_keypoints.ipynb is missing")]}), path
        )
        assert write_feedback(graded, tmp_path) == 1
    finally:
        path.write_bytes(before)
    assert "is missing" in (tmp_path / f"{standing.student.id}.html").read_text("utf-8")


def test_equal_classes_give_equal_bytes(graded, tmp_path):
    write_feedback(graded, tmp_path / "a")
    write_feedback(graded, tmp_path / "b")
    for page in (tmp_path / "a").glob("*.html"):
        assert page.read_bytes() == (tmp_path / "b" / page.name).read_bytes()


def test_ids_that_are_no_file_names_are_quoted(graded, tmp_path):
    evil = Standing(Student(id="../../evil"), known=False)
    write_feedback(replace(graded, standings=(evil,)), tmp_path / "pages")
    assert [p.name for p in (tmp_path / "pages").glob("*.html")] == [f"{file_name('../../evil')}.html"]
    assert not list(tmp_path.glob("*evil*"))


def test_a_page_carries_no_script_and_asks_for_nothing(graded):
    page = feedback_page(graded, _good(graded))
    assert "<script" not in page and "default-src &#39;none&#39;" in page.replace("'", "&#39;")
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)


@pytest.fixture(scope="module")
def hostile_pages(graded, code_class, tmp_path_factory):
    """All pages of both classes, and one of a student who is called after markup and answers it."""
    folder = tmp_path_factory.mktemp("pages")
    for group in (graded, code_class):
        write_feedback(group, folder / group.exercise.id)
    evil = _with_tests(_good(graded), folder, reason=EVIL, want=EVIL, got=EVIL + LONG, hint=EVIL)
    last = replace(evil.marked, file=EVIL)
    evil = replace(evil, attempts=(last, last), student=Student(id=EVIL + "/" + "w" * 200, alias=HOSTILE_NAMES[1]))
    write_feedback(replace(graded, standings=(evil,)), folder / "evil")
    pages = sorted(folder.glob("*/*.html"))
    return SimpleNamespace(all=pages, evil=next((folder / "evil").glob("*.html")))


@pytest.mark.browser
def test_pages_are_quiet_and_fit_a_phone(browser, hostile_pages):
    assert len(hostile_pages.all) == 37
    with open_page(browser, hostile_pages.evil, width=360) as opened:
        for path in hostile_pages.all:
            opened.goto(path)
            opened.expect_quiet()
            opened.expect_no_sideways_scroll()


@pytest.mark.browser
def test_folded_parts_open_by_keyboard(browser, hostile_pages):
    with open_page(browser, hostile_pages.evil, width=360) as opened:
        page = opened.page
        folded = page.locator("details")
        assert folded.count() > 2
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.tagName") == "SUMMARY":
                break
        assert page.evaluate("document.activeElement.parentElement.open") is False
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.parentElement.open") is True
        for summary in page.locator("summary").all():
            if not summary.evaluate("e => e.parentElement.open"):
                summary.press("Space")
        assert page.locator("details:not([open])").count() == 0
        opened.expect_no_sideways_scroll()
        opened.expect_quiet()


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground(browser, hostile_pages, dark):
    with open_page(browser, hostile_pages.evil, dark=dark) as opened:
        for path in (hostile_pages.evil, *hostile_pages.all[::12]):
            opened.goto(path)
            assert opened.contrast("main *") >= 4.5


@pytest.mark.browser
def test_links_lead_to_their_part(browser, hostile_pages):
    with open_page(browser, hostile_pages.evil) as opened:
        targets = opened.page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href').slice(1))")
        assert len(targets) > 5
        missing = [t for t in targets if opened.page.locator(f"[id='{t}']").count() != 1]
        assert not missing
