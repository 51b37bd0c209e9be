"""A class's rules: due dates, extensions, the late table, and clear words for a class.toml that is wrong."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.base.errors import AutograderError
from autograder.classroom.class_file import Classroom, open_classroom
from autograder.classroom.lateness import LateRow, parse_extension
from autograder.classroom.roster import Student

DUE = datetime(2026, 11, 27, 22, 59, tzinfo=UTC)
TABLE = (LateRow(hours=1, lose=0), LateRow(hours=24, lose=10), LateRow(hours=48, lose=50))
CLASS = Classroom(late=TABLE, due={"ex03_dataloader": DUE})


@pytest.mark.parametrize(
    ("hours", "lost"), [(-5, 0), (0, 0), (0.5, 0), (1, 0), (1.01, 8), (24, 8), (24.1, 40), (48, 40), (48.1, 80)]
)
def test_the_first_row_that_covers_the_lateness_decides_and_past_the_last_all_is_lost(hours, lost):
    late = CLASS.seconds_late("ex03_dataloader", Student("u0001"), DUE + timedelta(hours=hours))
    assert CLASS.penalty(80, late) == pytest.approx(lost)


def test_without_a_table_or_a_due_date_nothing_is_lost():
    late = DUE + timedelta(days=9)
    assert Classroom(due=CLASS.due).penalty(80, 9 * 86400) == 0
    assert CLASS.seconds_late("ex09_keypoints", Student("u0001"), late) == 0
    assert CLASS.seconds_late("ex03_dataloader", Student("u0001"), None) == 0


@given(
    hours=st.lists(st.floats(0.01, 1000), min_size=1, max_size=5, unique=True).map(sorted),
    lose=st.lists(st.floats(0, 100), min_size=5, max_size=5).map(sorted),
    points=st.floats(0, 100),
    late=st.floats(0, 1e8),
)
def test_a_penalty_is_never_negative_nor_more_than_the_points_and_rises_with_lateness(hours, lose, points, late):
    rows = tuple(LateRow(hours=h, lose=p) for h, p in zip(hours, lose, strict=False))
    lost = Classroom(late=rows).penalty(points, late)
    assert 0 <= lost <= points
    assert Classroom(late=rows).penalty(points, late / 2) <= lost


@pytest.mark.parametrize(
    ("text", "deadline"),
    [
        ("", DUE),
        ("48h", DUE + timedelta(hours=48)),
        ("2d", DUE + timedelta(days=2)),
        ("2026-12-01T12:00+01:00", datetime(2026, 12, 1, 11, tzinfo=UTC)),
        # A date of one's own that has passed takes nothing away from anybody.
        ("2026-01-01T00:00+00:00", DUE),
    ],
)
def test_an_extension_moves_the_deadline(text, deadline):
    assert CLASS.deadline("ex03_dataloader", Student("u0001", extension=text)) == deadline


@pytest.mark.parametrize(
    "text", ["soon", "h", "1e999d", "2026-12-01", "2026-12-01T12:00", "nan", "-", "-2h", "9999999d"]
)
def test_an_extension_that_cannot_be_read_is_one_clear_error(text):
    with pytest.raises(AutograderError, match="expected an extension such as 48h"):
        parse_extension(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("late = 3", "late"),
        ("[[late]]\nhours = 5\nlose = 120", r"late.1.lose: expected a number that is at most 100, got 120"),
        ("[[late]]\nhours = 0\nlose = 1", r"late.1.hours: expected a number that is over 0, got 0"),
        ("[[late]]\nhours = '5h'\nlose = 1", r"late.1.hours: expected a number, got '5h'"),
        ("[[late]]\nhour = 5\nlose = 1", r"late.1.hours: expected a value, got none"),
        ("[[late]]\nhours = 5\nlose = 1\nloose = 1", r"expected a known name, got loose: did you mean lose"),
        ("data = 'fake'", r"data: expected embedded or real, got 'fake'"),
        ("roster = 5", r"roster: expected text in quotes, got 5"),
        ("[exercises]\nex03_dataloader = 2026-11-27", r"exercises.ex03_dataloader: expected a table, got 2026-11-27"),
        ("[exercises.ex03_dataloader]\ndue = 'Friday'", r"due: expected a date and time such as .*, got 'Friday'"),
        ("[[late]]\nhours = 5\nlose = 1\n[[late]]\nhours = 5\nlose = 2", "rising hours"),
        ("[exercises.ex03_dataloader]\ndue = 2026-11-27T23:59:00", "time with its zone, .*, got 2026-11-27"),
        ("[exercises.ex03_dataloader]\ndeadline = 5", "due"),
        ("colour = 'red'", "colour"),
        ("= broken", "expected TOML"),
        ("[exercises.ex03_dataloadr]\ndue = 2026-11-27T23:59:00Z", "did you mean ex03_dataloader"),
        ("[exercises.homework]\ndue = 2026-11-27T23:59:00Z", "expected the id of an exercise: known are ex01"),
    ],
)
def test_a_class_toml_that_is_wrong_is_one_clear_error(text, says, tmp_path):
    (tmp_path / "class.toml").write_text(text)
    with pytest.raises(AutograderError, match=says) as caught:
        open_classroom(tmp_path)
    assert "class.toml" in str(caught.value) and "\n" not in str(caught.value)
    assert not re.search(r"[Ii]nput should|[Ff]ield required|Extra inputs|Value error|pydantic", str(caught.value))


def test_a_class_toml_says_who_when_and_how_late(tmp_path):
    (tmp_path / "roster.csv").write_text("id,name,alias\ns1,One,u0042\n")
    (tmp_path / "class.toml").write_text(
        "[[late]]\nhours = 24\nlose = 10\n[exercises.ex03_dataloader]\ndue = 2026-11-27T23:59:00+01:00\n"
    )
    found = open_classroom(tmp_path)
    assert found.due == {"ex03_dataloader": DUE} and found.late == (LateRow(hours=24, lose=10),)
    assert found.roster is not None and [s.alias for s in found.roster.students] == ["u0042"]
    (tmp_path / "roster.csv").unlink()
    assert open_classroom(tmp_path).roster is None
    (tmp_path / "class.toml").write_text('\ufeffroster = "students.csv"\n', encoding="utf-8")
    with pytest.raises(AutograderError, match=r"could not read .*students.csv: .* check the path of the roster"):
        open_classroom(tmp_path)
    with pytest.raises(AutograderError, match="make course"):
        open_classroom(tmp_path / "elsewhere")
