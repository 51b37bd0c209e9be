"""What leaves a graded class as files: in its documented form, with nothing in it that harms or tells too much."""

import csv
import html
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sample_class import sample_class

from autograder.base.errors import AutograderError
from autograder.base.spreadsheets import disarmed
from autograder.base.text import number
from autograder.exports.gradescope import gradescope_json
from autograder.exports.lms import moodle_lacks, write_moodle_feedback
from autograder.exports.tables import write_exports
from autograder.grading import file_name
from autograder.grading.marks import mark_of
from autograder.grading.standing import GradedClass, Marking, Standing
from autograder.judging.result import write_result
from exercise_code.common.hand_ins.notes import Note
from exercise_code.common.reasons import Reason

# What Moodle 4 writes in mod/assign/gradingtable.php (define_headers, downloading), with feedback comments enabled;
# https://docs.moodle.org/en/Assignment_settings, "Offline grading worksheet".
MOODLE = [
    "Identifier", "Full name", "Email address", "Status", "Grade", "Maximum grade", "Grade can be changed",
    "Last modified (submission)", "Last modified (grade)", "Feedback comments",
]  # fmt: skip
# https://community.canvaslms.com, "How do I import grades in the Gradebook?": these five in this order, then one
# column for each assignment; Canvas's lib/gradebook_importer.rb refuses another first, second or last of the five.
CANVAS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
# https://gradescope-autograders.readthedocs.io/en/latest/specs/, "Output format".
GRADESCOPE = {
    "score": (int, float), "execution_time": (int, float), "output": str, "output_format": str,
    "test_output_format": str, "test_name_format": str, "visibility": str, "stdout_visibility": str,
    "extra_data": dict, "tests": list, "leaderboard": list,
}  # fmt: skip
GRADESCOPE_TEST = {
    "score": (int, float), "max_score": (int, float), "status": str, "name": str, "name_format": str, "number": str,
    "output": str, "output_format": str, "tags": list, "visibility": str, "extra_data": dict,
}  # fmt: skip
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}
FORMATS = {"text", "html", "simple_format", "md", "ansi"}

MOODLE_FILE = "moodle.csv"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@pytest.fixture(scope="module")
def class_(tmp_path_factory) -> GradedClass:
    """Forty students, one of whom a fault of grading met."""
    graded = sample_class(tmp_path_factory.mktemp("results"), students=40)
    standings = list(graded.standings)
    i = next(i for i, s in enumerate(standings) if s.known and s.marked and not s.marked.refused)
    last = standings[i].attempts[-1]
    failed = replace(last, failed="the worker died", points={}, metrics={}, public_metrics={}, private_metrics={})
    write_result(last.read().model_copy(update={"failed": "the worker died", "cells": []}), last.result)
    standings[i] = replace(standings[i], attempts=(*standings[i].attempts[:-1], failed))
    return replace(graded, standings=tuple(standings))


@pytest.fixture(scope="module")
def exports(class_, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    written = write_exports(class_, folder)
    assert {p.relative_to(folder).as_posix() for p in written} == {
        p.relative_to(folder).as_posix() for p in folder.rglob("[!.]*") if p.is_file()
    }
    return folder


def _rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def _dicts(path: Path) -> list[dict[str, str]]:
    head, *rows = _rows(path)
    return [dict(zip(head, row, strict=True)) for row in rows]


def _of(class_: GradedClass, status: str) -> list[Standing]:
    found = [s for s in class_.standings if mark_of(class_, s).status == status]
    assert found, f"the sample has nobody with the status {status}"
    return found


def test_every_student_has_one_line_with_a_status_and_a_total_where_it_is_known(class_, exports):
    grades = pd.read_csv(exports / "grades.csv").set_index("id")
    assert list(grades.index) == [s.student.id for s in class_.standings]
    for status in ("graded", "missing", "refused", "unknown", "grading failed", "written answers not marked"):
        for standing in _of(class_, status):
            line = grades.loc[standing.student.id]
            assert line["status"] == status
            assert line["max"] == 100 and line["hand_ins"] == len(standing.attempts)
            if status in ("missing", "grading failed", "written answers not marked"):
                assert pd.isna(line["total"])
            elif status in ("graded", "refused"):
                assert line["total"] == pytest.approx(standing.points, abs=1e-6)
    for standing in _of(class_, "graded"):
        line = grades.loc[standing.student.id]
        assert line["total"] == pytest.approx(max(0, line["automatic"] + line["written"] - line["penalty"]), abs=2e-6)
        assert line["keypoint_score"] == pytest.approx(standing.marked.metrics["keypoint_score"], abs=1e-6)
        assert line["parameters"] == standing.marked.parameters
        assert pd.Timestamp(line["submitted"]) == pd.Timestamp(standing.marked.submitted).floor("s")
    assert grades.loc[_of(class_, "grading failed")[0].student.id, "note"] == "the worker died"
    assert "damaged" in grades.loc[_of(class_, "refused")[0].student.id, "note"]


def test_an_exercise_without_written_answers_waits_for_nobody(class_):
    alone = replace(class_, max_written=0.0, max_score=100.0)
    assert all(mark_of(alone, s).status != "written answers not marked" for s in alone.standings)
    for standing in _of(class_, "written answers not marked"):
        assert mark_of(alone, standing).total == standing.points


@pytest.mark.parametrize("name", ["grades", "hand_ins", "cells"])
def test_parquet_holds_what_the_table_holds_with_types(exports, name):
    table, typed = pd.read_csv(exports / f"{name}.csv"), pd.read_parquet(exports / f"{name}.parquet")
    assert list(table.columns) == list(typed.columns) and len(table) == len(typed) > 0
    for column in typed.columns:
        kind = typed[column].dtype
        if column == "submitted":
            assert str(kind).endswith("UTC]")
            assert (pd.to_datetime(table[column]).dropna() == typed[column].dropna().dt.floor("s")).all()
        elif pd.api.types.is_bool_dtype(kind):
            assert ((table[column] == "yes") == typed[column]).all()
        elif pd.api.types.is_numeric_dtype(kind):
            pd.testing.assert_series_equal(table[column], typed[column], check_dtype=False, rtol=1e-9)
        else:
            texts = table[column].astype(object).fillna("").astype(str)
            assert list(texts) == [disarmed(text) for text in typed[column].fillna("").astype(str)]


def test_hand_ins_and_cells_hold_every_attempt(class_, exports):
    hand_ins, cells = pd.read_parquet(exports / "hand_ins.parquet"), pd.read_parquet(exports / "cells.parquet")
    assert len(hand_ins) == len(class_.attempts)
    assert hand_ins[hand_ins["counts"]].groupby("id").size().eq(1).all()
    by_tests = cells[cells["by"] == "tests"]
    sums = by_tests.groupby(["id", "hand_in"])["points"].sum()
    for standing in class_.standings:
        for i, attempt in enumerate(standing.attempts, start=1):
            if attempt.points:
                assert sums[(standing.student.id, i)] == pytest.approx(attempt.score, abs=1e-4)
    assert (cells["points"].dropna() <= cells["max"][cells["points"].notna()] + 1e-6).all()


def test_points_by_question_and_comments_reach_each_export_that_has_room_for_them(class_, tmp_path):
    standing = next(s for s in _of(class_, "graded") if s.student.moodle)
    one, two = standing.markings
    name = next(iter(standing.marked.points))
    loss = Marking(name, -1.5, "asked for too much", written=False, max_points=15.0)
    found = replace(standing, markings=(replace(one, comment="=1+1 <b>good</b>\nsecond line"), two, loss))
    graded = replace(class_, standings=(found,))
    write_exports(graded, tmp_path)
    table = pd.read_parquet(tmp_path / "grades.parquet").iloc[0]
    assert (table[f"points_{one.grade_id}"], table[f"points_{two.grade_id}"]) == (one.points, two.points)
    assert table[f"points_{name}"] == pytest.approx(standing.marked.points[name] - 1.5, abs=1e-6)
    assert table[f"comment_{one.grade_id}"] == "=1+1 <b>good</b> second line"
    [line] = pd.read_csv(tmp_path / "grades.csv").to_dict("records")
    assert line[f"comment_{one.grade_id}"] == "'=1+1 <b>good</b> second line"
    cells = pd.read_parquet(tmp_path / "cells.parquet")
    by_hand = cells[cells["by"] != "tests"].set_index("cell")
    assert by_hand["points"].to_dict() == {one.grade_id: one.points, two.grade_id: two.points, name: -1.5}
    assert by_hand.loc[name, "comment"] == "asked for too much"
    [row] = [dict(zip(MOODLE, cells, strict=True)) for cells in _rows(tmp_path / MOODLE_FILE)[1:]]
    points = f"{html.escape(one.heading)}: {number(one.points, 2)} of 5"
    assert f"<br>{points}. =1+1 &lt;b&gt;good&lt;/b&gt; second line<br>" in row["Feedback comments"]
    assert f"<br>{name}: −1.5. asked for too much" in row["Feedback comments"]
    [path] = (tmp_path / "gradescope").glob("s*.json")
    tests = {t["name"]: t for t in json.loads(path.read_text())["tests"] if t["tags"] != ["keypoints_score"]}
    assert (tests[one.heading]["score"], tests[one.heading]["max_score"]) == (one.points, 5.0)
    assert tests[one.heading]["output"] == "=1+1 <b>good</b>\nsecond line"
    assert tests[f"{name}, changed by a person"]["score"] == -1.5


def test_an_exercise_without_a_model_has_no_columns_for_one(tmp_path):
    graded = sample_class(tmp_path, "ex03_dataloader", 15)
    write_exports(graded, tmp_path / "exports")
    names = set(_rows(tmp_path / "exports" / "grades.csv")[0]) | set(_rows(tmp_path / "exports" / "hand_ins.csv")[0])
    assert "parameters" not in names and not any("score" in name for name in names)
    for path in (tmp_path / "exports" / "gradescope").glob("s*.json"):
        assert "leaderboard" not in json.loads(path.read_text())


def test_moodle_gets_its_documented_columns(class_, exports):
    table = pd.read_csv(exports / "moodle.csv", keep_default_na=False)
    assert list(table.columns) == MOODLE
    known = [s for s in class_.standings if s.known]
    assert list(table["Identifier"]) == [f"Participant {s.student.moodle}" for s in known]
    for standing, (_, line) in zip(known, table.iterrows(), strict=True):
        mark = mark_of(class_, standing)
        assert line["Grade"] == number(mark.total) and float(line["Maximum grade"]) == 100
        assert bool(line["Feedback comments"]) == (mark.total is not None)
    refused = next(s for s in _of(class_, "refused") if s.known)
    told = table.set_index("Identifier").loc[f"Participant {refused.student.moodle}", "Feedback comments"]
    assert "The hand-in was refused: the zip is damaged" in told


def test_without_a_worksheet_moodle_gets_those_whose_number_is_known(class_, tmp_path):
    """A worksheet without numbers cannot be uploaded; one of an earlier run would be taken for this one."""

    def numbered(of, path=""):
        standings = []
        for i, s in enumerate(class_.standings):
            student = replace(s.student, moodle=s.student.moodle if i in of else "")
            attempts = tuple(replace(a, path=a.path / path) for a in s.attempts)
            standings.append(replace(s, student=student, attempts=attempts))
        return replace(class_, standings=tuple(standings))

    write_exports(numbered(range(40)), tmp_path)
    assert moodle_lacks(numbered(range(40)), None) == ""
    some = numbered((0, 1, 2))
    write_exports(some, tmp_path)
    wanted = [f"Participant {s.student.moodle}" for s in some.standings[:3] if s.known]
    assert [row[0] for row in _rows(tmp_path / MOODLE_FILE)[1:]] == wanted
    missing = sum(s.known for s in some.standings) - len(wanted)
    assert f"{missing} students missing in moodle.csv" in moodle_lacks(some, None)
    none = numbered(())
    write_exports(none, tmp_path)
    assert not (tmp_path / MOODLE_FILE).exists()
    assert moodle_lacks(none, None) == "", "a class that does not use Moodle hears nothing of it"
    theirs = numbered((), "Ada_70001_assignsubmission_file_")
    assert "there is no moodle.csv" in moodle_lacks(theirs, None) and "--worksheet" in moodle_lacks(theirs, None)
    assert moodle_lacks(theirs, tmp_path / "sheet.csv") == ""


SHEET = (
    '\ufeffIdentifier,"Full name","ID number",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\r\n'
)


def test_moodles_own_worksheet_keeps_every_other_byte(class_, tmp_path):
    (one, two, *_), waiting = _of(class_, "graded"), _of(class_, "written answers not marked")[0]
    missing = _of(class_, "missing")[0]
    lines = [
        f'"Participant 11","=1+1, ""Q""",{one.student.id},"Submitted\nfor grading",{{}},100.00,Yes,-,"-",{{}}\r\n',
        f"Participant 12,X  ,{two.student.id},,3.00,100.00,No,-,-,locked\r\n",
        f'Participant 13,"",{waiting.student.id},,"5,00","100,00",Yes,-,-,earlier\r\n',
        f"Participant 14,,{missing.student.id},,,100.00,Yes,-,-,\r\n",
        "Participant 15,Some Body,nobody,,7.00,100.00,Yes,-,-,theirs\r\n",
        "\r\n",
        "a line that is none",
    ]
    sheet = tmp_path / "Grades-DL-ex09.csv"
    sheet.write_bytes((SHEET + "".join(lines)).format("1.00", '"old ""one"""').encode())
    write_exports(class_, tmp_path / "exports", sheet)
    filled = (tmp_path / "exports" / "moodle.csv").read_bytes().decode()
    grade = number(one.points)
    row = next(csv.DictReader(io.StringIO(filled.removeprefix("\ufeff"), newline="")))
    assert row["Grade"] == grade and row["Full name"] == '=1+1, "Q"'
    told = row["Feedback comments"]
    assert told.startswith(f"{number(one.points, 2)} of 100 points: tests ")
    assert filled == (SHEET + "".join(lines)).format(grade, f'"{told}"')


@pytest.mark.parametrize("title", ["Maximum Grade", "Maximum grade"])
def test_a_worksheet_with_another_maximum_is_refused(class_, tmp_path, title):
    """Moodle changed the column's name, and passes over grades above its maximum."""
    sheet = tmp_path / "Grades.csv"
    head = SHEET.replace("Maximum Grade", title)
    sheet.write_text(f"{head}Participant 1,,{class_.standings[0].student.id},,,10.00,Yes,-,-,\r\n")
    with pytest.raises(AutograderError, match=r"expected the maximum grade 100 in row 2 .*, got '10.00'"):
        write_exports(class_, tmp_path / "exports", sheet)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_comment_stays_in_its_cell_whatever_separates_cells(class_, tmp_path, separator):
    refused = next(s for s in _of(class_, "refused") if s.known)
    last = replace(refused.marked, refused="it isn't a zip")
    graded = replace(class_, standings=(replace(refused, attempts=(last,)),))
    sheet = tmp_path / "Grades.csv"
    titles = ("Identifier", "ID number", "Grade", "Feedback comments", "Last modified (grade)")
    rows = [titles, ("Participant 7", refused.student.id, "", "", "the end")]
    sheet.write_text("".join(separator.join(row) + "\r\n" for row in rows))
    write_exports(graded, tmp_path / "exports", sheet)
    text = (tmp_path / "exports" / "moodle.csv").read_bytes().decode()
    found = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))[1]
    assert "The hand-in was refused: it isn&#x27;t a zip" in found[3] and found[4] == "the end"


def test_canvas_gets_its_documented_columns(class_, exports):
    rows = _rows(exports / "canvas.csv")
    assert rows[0] == [*CANVAS, "ex09_keypoints"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "100"]
    table = pd.read_csv(exports / "canvas.csv", dtype={"ID": str}, skiprows=[1]).set_index("SIS User ID")
    known = [s for s in class_.standings if s.known]
    assert list(table.index) == [s.student.id for s in known]
    assert table["ex09_keypoints"].dtype == float
    for standing in known:
        total = mark_of(class_, standing).total
        found = table.loc[standing.student.id]
        assert found["ID"] == standing.student.canvas
        assert (
            pd.isna(found["ex09_keypoints"])
            if total is None
            else found["ex09_keypoints"] == round(total, 5)
            or (found["ex09_keypoints"] == pytest.approx(total, abs=1e-5))
        )


def _gradescope(class_, exports):
    for standing in class_.standings:
        if standing.attempts:
            path = exports / "gradescope" / f"{file_name(standing.student.id)}.json"
            yield standing, json.loads(path.read_text(encoding="utf-8"))


def _expect_schema(found, schema):
    assert set(found) <= set(schema)
    for key, value in found.items():
        assert isinstance(value, schema[key]) and not isinstance(value, bool), key
        if key.endswith("visibility"):
            assert value in VISIBILITIES
        if key.endswith("_format"):
            assert value in FORMATS


def test_gradescope_gets_its_documented_form(class_, exports):
    names = {p.name for p in (exports / "gradescope").glob("[!.]*")}
    assert names == {f"{file_name(s.student.id)}.json" for s in class_.standings if s.attempts}
    for standing, found in _gradescope(class_, exports):
        _expect_schema(found, GRADESCOPE)
        assert "score" in found and found["score"] >= 0
        for test in found["tests"]:
            _expect_schema(test, GRADESCOPE_TEST)
            assert test.get("status", "passed") in ("passed", "failed")
            assert ("score" in test) == ("max_score" in test)
            assert test["name_format"] == test["output_format"] == "text"
        for entry in found.get("leaderboard", []):
            assert set(entry) <= {"name", "value", "order"} and entry.get("order", "desc") in ("asc", "desc")
        mark = mark_of(class_, standing)
        if mark.status == "graded":
            assert found["score"] == pytest.approx(standing.points, abs=1e-5)
            parts = sum(t.get("score", 0) for t in found["tests"])
            assert parts == pytest.approx(standing.marked.score + standing.written, abs=1e-3)
            assert sum(t.get("max_score", 0) for t in found["tests"]) == pytest.approx(100, abs=1e-3)
        if mark.status == "written answers not marked":
            assert "not marked yet" in found["output"]


def test_gradescope_says_what_keeps_a_mark_from_being_known(class_, exports):
    said = {mark_of(class_, s).status: found["output"] for s, found in _gradescope(class_, exports)}
    assert said["grading failed"] == "Grading failed; it will be repeated."
    for standing, found in _gradescope(class_, exports):
        if not standing.marked.failed:
            assert "Grading failed" not in found["output"], standing.student.id
    assert not any(s.marked.failed for s in _of(class_, "unknown"))


def test_a_test_that_only_informs_has_no_points(class_):
    standing = next(s for s in _of(class_, "graded"))
    result = standing.marked.read()
    cells = [
        cell.model_copy(update={
            "points": cell.max_points,
            "tests": [t.model_copy(update={"passed": t.weight > 0, "title": t.name}) for t in cell.tests],
        })
        for cell in result.cells
    ]  # fmt: skip
    whole = result.model_copy(update={"cells": cells})
    found = json.loads(gradescope_json(class_, standing, standing.marked, whole))
    tests = {t["name"]: t for t in found["tests"] if t["tags"] == ["keypoints_score"]}
    informing = [t.name for c in cells if c.grade_id == "keypoints_score" for t in c.tests if not t.weight]
    assert informing and all(tests[name]["max_score"] == 0 for name in informing)
    assert sum(t["score"] for t in tests.values()) == next(
        c.max_points for c in cells if c.grade_id == "keypoints_score"
    )


def test_of_a_hidden_test_students_read_its_title_and_the_reason(class_):
    standing = _of(class_, "graded")[0]
    result = standing.marked.read()
    told = {"passed": False, "reason": "REASON", "want": "WANT", "got": "GOT", "hint": "HINT", "log": "LOG"}
    cells = [
        cell.model_copy(update={"tests": [t.model_copy(update=told) for t in cell.tests]}) for cell in result.cells
    ]
    text = gradescope_json(class_, standing, standing.marked, result.model_copy(update={"cells": cells}))
    outputs = {t["visibility"]: t["output"] for t in json.loads(text)["tests"] if "status" in t}
    assert outputs == {"visible": "REASON\nwanted: WANT\ngot: GOT\nhint: HINT", "after_published": "REASON"}


def test_what_students_may_see_tells_no_log_and_no_hidden_metric(class_, exports):
    public = ""
    for standing, found in _gradescope(class_, exports):
        text = json.dumps(found)
        public += text
        last = standing.marked
        for secret in (*last.metrics.values(), *last.private_metrics.values()):
            assert f"{secret:.6f}"[:7] not in text and str(secret) not in text
        if last.public_metrics:
            assert found["leaderboard"][0]["value"] == float(f"{last.public_metrics['keypoint_score']:.3g}")
        titles = {t.title: t for c in last.read().cells for t in c.tests}
        for test in found["tests"]:
            original = titles.get(test["name"])
            if original is not None and not original.visible:
                assert test["visibility"] == "after_published"
                assert test["output"] == ("" if original.passed else original.reason)
    for name in ("moodle.csv", "canvas.csv"):
        public += (exports / name).read_text()
    assert "SECRETLOG" not in public and "full log" not in public


FORMULAS = (
    "=1+1",
    "@SUM(A1)",
    "-2+3",
    "＝1",
    "x;=1+1;y",
    'x; "=1+1',
    "\u202e=1",
    "\ufeff+1",
    "a,b",
    'a"b',
    "a\nb",
    "a;b",
)


@pytest.fixture(scope="module")
def without_roster(class_, tmp_path_factory) -> Path:
    """Exports of a class that has no roster: ids, names and files are what students wrote."""
    standings = tuple(
        replace(
            standing,
            student=replace(standing.student, id=text, name=text, group=text, email=text, canvas=text),
            attempts=tuple(replace(a, file=text, refused=a.refused and text) for a in standing.attempts),
            known=True,
        )
        for standing, text in zip(class_.standings, FORMULAS, strict=False)
    )
    folder = tmp_path_factory.mktemp("without_roster")
    write_exports(replace(class_, standings=standings), folder)
    return folder


@pytest.mark.parametrize("which", ["exports", "without_roster"])
def test_no_cell_is_a_formula(which, request):
    exports = request.getfixturevalue(which)
    hostile = 0
    for path in exports.glob("*.csv"):
        for row in _rows(path):
            # A spreadsheet with decimal commas begins a cell at each semicolon, and splits quoted cells too.
            for cell in ";".join(row).split(";"):
                try:
                    float(cell)
                except ValueError:
                    shown = cell.lstrip(" \"'") if not cell.startswith("'") else ""
                    assert cell == "-" or not shown.startswith(FORMULA), (path.name, cell)
                    hostile += cell.startswith("'")
    assert hostile > 5


@given(
    st.text() | st.tuples(st.text(" \t\r\n\"'\ufeff\u200b\x00\u202e"), st.sampled_from(FORMULA), st.text()).map("".join)
)
@example("\u202e=1+1")
@example(" \"'=1+1")
@example("\x00-1")
def test_a_disarmed_text_is_no_formula_in_any_spreadsheet(text):
    shown = disarmed(text)
    assert "\n" not in shown and "\r" not in shown and "\t" not in shown
    if not shown.startswith("'"):
        assert not shown.replace("\ufffd", "").lstrip(" \"'").startswith(FORMULA)
    if text.isalnum():
        assert shown == text


def test_a_second_run_writes_nothing_and_a_change_writes_what_it_concerns(class_, exports, tmp_path):
    folder = tmp_path / "exports"
    write_exports(class_, folder)
    assert {p.name: p.read_bytes() for p in folder.rglob("*.*") if p.name[0] != "."} == {
        p.name: p.read_bytes() for p in exports.rglob("*.*") if p.name[0] != "."
    }
    assert write_exports(class_, folder) == []
    waiting = _of(class_, "written answers not marked")[0]
    marked = tuple(replace(s, written=5.0) if s is waiting else s for s in class_.standings)
    changed = write_exports(replace(class_, standings=marked), folder)
    own = f"{file_name(waiting.student.id)}.json"
    assert {p.name for p in changed} == {"grades.csv", "grades.parquet", "moodle.csv", "canvas.csv", own}
    # A file that somebody spoilt is made again.
    (folder / "gradescope" / own).write_text("{}")
    again = write_exports(replace(class_, standings=marked), folder)
    assert [p.name for p in again] == [own]
    # The file of somebody who left goes, and what a person put there stays.
    (folder / "gradescope" / "notes.json").write_text("{}")
    write_exports(replace(class_, standings=tuple(s for s in marked if s.student != waiting.student)), folder)
    assert not (folder / "gradescope" / own).exists() and (folder / "gradescope" / "notes.json").exists()


def test_a_result_that_was_made_again_is_read_again(class_, tmp_path):
    write_exports(class_, tmp_path)
    standing = _of(class_, "graded")[0]
    result = standing.marked.read()
    write_result(result.model_copy(update={"notes": [Note(Reason.MISSING, "another note")]}), standing.marked.result)
    try:
        changed = write_exports(class_, tmp_path)
    finally:
        write_result(result, standing.marked.result)
    assert [p.name for p in changed] == [f"{file_name(standing.student.id)}.json"]
    assert "another note" in changed[0].read_text()


def test_no_semicolon_and_no_line_breaks_a_table_apart(without_roster):
    """LibreOffice takes commas and semicolons for separators at once; only a quoted cell is one cell there."""
    for path in without_roster.glob("*.csv"):
        text = path.read_text(encoding="utf-8-sig")
        as_libreoffice = text.translate({ord(";"): ","})
        rows, cells = _rows(path), list(csv.reader(io.StringIO(as_libreoffice, newline="")))
        assert [len(row) for row in rows] == [len(row) for row in cells]
        assert len({len(row) for row in rows}) == 1 and len(text.splitlines()) == len(rows)
    names = pd.read_csv(without_roster / "grades.csv")["name"]
    assert list(names[-4:]) == ["a,b", 'a"b', "a b", "a;b"]


def test_names_that_are_no_text_survive(class_, tmp_path):
    odd = replace(
        class_.standings[0],
        student=replace(class_.standings[0].student, id="\udcff/../x", name="\udcff\x00\n=1", email="\ud800"),
        attempts=tuple(replace(a, file="\udcff.zip") for a in class_.standings[0].attempts),
    )
    write_exports(replace(class_, standings=(odd,)), tmp_path / "exports")
    assert {p.parent.name for p in tmp_path.rglob("*.json")} == {"gradescope"}
    pd.read_csv(tmp_path / "exports" / "grades.csv")


def test_an_empty_class_has_tables_without_lines(class_, tmp_path):
    write_exports(replace(class_, standings=()), tmp_path)
    assert len(pd.read_parquet(tmp_path / "grades.parquet")) == len(pd.read_csv(tmp_path / "hand_ins.csv")) == 0


def test_feedback_pages_go_into_moodles_zip(class_, tmp_path):
    pages = tmp_path / "feedback"
    pages.mkdir()
    graded = [s for s in _of(class_, "graded") if s.known]
    for standing in graded:
        (pages / f"{file_name(standing.student.id)}.html").write_text(f"page of {standing.student.id}")
    path = tmp_path / "moodle_feedback.zip"
    assert write_moodle_feedback(class_, pages, path) == path
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    assert len(found) == len(graded)
    for name, text in found.items():
        # Moodle's mod/assign/feedback/file/importziplib.php: the part before the "/" is split at "_" into the full
        # name, the participant's number, and the type and name of the plugin.
        folder, file = name.split("/")
        who, participant, kind, plugin, rest = folder.split("_", 4)
        assert (kind, plugin, rest, file) == ("assignsubmission", "file", "", "feedback.html") and who
        (owner,) = [s for s in graded if s.student.moodle == participant]
        assert text == f"page of {owner.student.id}"
    write_moodle_feedback(class_, pages, path)
    assert path.read_bytes() == data
    sheet = tmp_path / "Grades.csv"
    sheet.write_text(f"{SHEET}Participant 77,A_B,{graded[0].student.id},,,100,Yes,-,-,\r\n")
    write_moodle_feedback(class_, pages, path, sheet)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["A B_77_assignsubmission_file_/feedback.html"]
    nobody = tuple(replace(s, student=replace(s.student, moodle="")) for s in class_.standings)
    assert write_moodle_feedback(replace(class_, standings=nobody), pages, path) is None
    assert not path.exists(), "pages of an earlier run are left as if they were this one's"


def test_times_are_utc(class_, exports):
    submitted = pd.read_parquet(exports / "grades.parquet")["submitted"].dropna()
    assert submitted.min() > pd.Timestamp(datetime(2026, 11, 1, tzinfo=UTC))


def test_a_mark_whose_lateness_nobody_knows_says_so_wherever_it_goes(class_, tmp_path):
    """Canvas calls it late and does not say by how much: a total like any other would be taken for the last word."""
    standings = list(class_.standings)
    for status in ("graded", "refused", "written answers not marked"):
        i = standings.index(_of(class_, status)[0])
        last = replace(standings[i].attempts[-1], late_mark=True, submitted=None, seconds_late=0.0)
        attempts = (*standings[i].attempts[:-1], last)
        standings[i] = replace(standings[i], attempts=attempts, penalty=0.0)
    late = [s for s in standings if s.late_unknown]
    assert len(late) == 3
    graded = replace(class_, standings=tuple(standings))
    write_exports(graded, tmp_path)
    unknown = "late, nobody knows by how much"
    rows = {row["id"]: row for row in _dicts(tmp_path / "grades.csv")}
    assert {id_ for id_, row in rows.items() if unknown in row["note"]} == {s.student.id for s in late}
    assert all(rows[s.student.id]["seconds_late"] == "" for s in late)
    refused = next(s for s in late if s.marked.refused)
    assert refused.marked.refused in rows[refused.student.id]["note"], "the other reason stands beside it"
    hand_ins = [row for row in _dicts(tmp_path / "hand_ins.csv") if unknown in row["note"]]
    assert sorted((row["id"], row["counts"], row["seconds_late"]) for row in hand_ins) == sorted(
        (s.student.id, "yes", "") for s in late
    )
    for standing in late:
        one = json.loads((tmp_path / "gradescope" / f"{file_name(standing.student.id)}.json").read_text())
        assert one["extra_data"]["seconds_late"] is None and "nobody knows yet by how much" in one["output"]
    whole = next(s for s in late if mark_of(graded, s).status == "graded")
    comments = {row["Identifier"]: row["Feedback comments"] for row in _dicts(tmp_path / MOODLE_FILE)}
    assert "nobody knows yet by how much" in comments[f"Participant {whole.student.moodle}"]
