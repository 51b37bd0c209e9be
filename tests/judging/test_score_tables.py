"""Tables that say more of a model than its score: from the judge to the student's page."""

from types import SimpleNamespace

import numpy as np
import pytest

from autograder.base.settings import Settings
from autograder.fleet.local import Fleet
from autograder.judging import judge
from autograder.judging.job import Job
from autograder.judging.result import read_result, write_result
from autograder.sources import variants
from exercise_code.common.checks.score_table import ScoreTable

EXERCISE = "ex11_sentiment"


def test_what_is_asked_beside_the_validation_set_becomes_a_table_and_not_a_score(tmp_path):
    from exercise_code.ex11_sentiment.behaviour import CASES

    path = variants.reference(EXERCISE, tmp_path / "u0042")
    with Fleet(EXERCISE, Settings(), 1) as fleet:
        ((_, result),) = fleet.grade([Job(path.name, path)])
    assert result.score == result.max_score
    (table,) = result.tables
    assert [row[0] for row in table.rows] == list(CASES)
    assert table.rows[0][1] == f"{len(CASES['plain'])} of {len(CASES['plain'])}"
    write_result(result, tmp_path / "result.json")
    assert read_result(tmp_path / "result.json").for_student().tables == [table]


def test_predictions_are_parted_only_if_none_is_missing():
    first, more = judge._parted([[1, 0], [0, 1], [1, 1]], 2, 1)
    assert first.tolist() == [[1, 0], [0, 1]] and more.tolist() == [[1, 1]]
    for answers in ([[1, 0], [0, 1]], [[0, 1]] * 4, None, 7.0):
        with pytest.raises(ValueError, match="expected 3 predictions, got an array of shape"):
            judge._parted(answers, 2, 1)


def test_predictions_that_fit_no_table_have_none():
    table = ScoreTable("a table", ("kind",), (("first",),))
    scoring = SimpleNamespace(score_tables=lambda _targets, _predictions, more: [table] * int(more[0, 1]))
    assert judge._tables(scoring, None, None, np.ones((1, 2))) == [table]
    assert judge._tables(scoring, None, None, np.ones(1)) == []
    assert judge._tables(scoring, None, None, np.full((1, 2), np.nan)) == []
    assert judge._tables(SimpleNamespace(), None, None, None) == []
