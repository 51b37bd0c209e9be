"""Weights that stand in source code count as parameters, and counting them takes time that grows with their size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proportion import assert_in_proportion

from autograder.sources import variants
from autograder.sources.exercise import sources
from autograder.sources.layout import course_ids
from exercise_code.common.hand_ins.source_data import (
    DATA_BYTES,
    SOURCE_BYTES,
    data_bytes,
    hidden_parameters,
    sources_of,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("x = 1", 1),
        ("x = 'abc'", 5),
        ("x = 'it\\'s' + \"y\"", 10),
        ("# a comment\nx", 11),
        ("def f():\n    '''a\n'b'\n'''", 12),
        ('"""never ends', 13),
        ("'never ends\nx = y", 11),
        ("x = 0x_ff + 1.5e3", 10),
        ("for row in rows: total(row)", 0),
        ("b = b'\\x00\\xff'", 10),
        ("z" * 64, 0),
        ("z" * 65, 65),
        ("'\\", 1),
        ("", 0),
    ],
)
def test_strings_comments_numbers_and_endless_names_are_data(text, size):
    assert data_bytes(text.encode()) == size


@given(st.binary(max_size=400))
def test_any_bytes_can_be_counted(text):
    assert 0 <= data_bytes(text) <= len(text)


@given(st.text("'\"\\#\nx1 ", max_size=60))
def test_what_is_put_around_a_string_hides_none_of_it(around):
    lonely = around.replace("'", "").replace('"', "").replace("#", "").replace("\\", "")
    assert data_bytes((lonely + "\n'" + "y" * 500 + "'").encode()) >= 502


def test_data_beyond_its_share_counts_wherever_it_stands():
    table = b"TABLE = b'" + b"w" * 30_000 + b"'"
    assert hidden_parameters([table]) == 30_002 - DATA_BYTES
    assert hidden_parameters([table[:15_000]]) == 0
    assert hidden_parameters([table, table]) == 60_004 - DATA_BYTES
    assert hidden_parameters([b"# " + b"w" * 30_000]) == 30_002 - DATA_BYTES
    assert hidden_parameters([b"[" + b"1, 2, 3, " * 10_000 + b"]"]) == 90_002 - SOURCE_BYTES
    # Spaces and short names can carry numbers too.
    assert hidden_parameters([b" \t" * 50_000]) == 100_000 - SOURCE_BYTES


@pytest.mark.parametrize("exercise", course_ids())
def test_the_reference_is_far_from_hiding_anything(exercise, tmp_path):
    src = sources(exercise)
    package = variants.reference(src, tmp_path / "reference") / "exercise_code" / exercise
    texts = sources_of(package, src.exercise.given)
    assert set(texts) == set(src.exercise.modules)
    assert hidden_parameters(texts.values()) == 0
    # Elsewhere nothing is counted, however many docstrings there are.
    if src.exercise.model is not None:
        assert sum(map(data_bytes, texts.values())) < DATA_BYTES / 1.25


@pytest.mark.parametrize(
    "piece", [b"'", b'"', b"'''", b"\\", b"'\\", b"#", b"1.", b"a", b"\\'", b"'''\\", b"\n'", b"\xff"]
)
def test_twice_the_text_takes_about_twice_the_time(piece):
    once = piece * (400_000 // len(piece))
    assert_in_proportion(data_bytes, once, once + once, repr(piece), blink=0.05)
