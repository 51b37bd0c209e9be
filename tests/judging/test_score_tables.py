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
from exercise_code.common.exercise import exercise_ids, load_exercise
from exercise_code.common.probing.scores import load_scoring

WITH_MODEL = [name for name in exercise_ids() if load_exercise(name).model is not None]


def scoring_of(exercise):
    return load_scoring(load_exercise(exercise))


@pytest.mark.parametrize("exercise", [name for name in WITH_MODEL if hasattr(scoring_of(name), "score_tables")])
def test_the_reference_has_tables_that_a_page_can_show(exercise, tmp_path):
    path = variants.reference(exercise, tmp_path / "u0042")
    with Fleet(exercise, Settings(), 1) as fleet:
        ((_, result),) = fleet.grade([Job(path.name, path)])
    assert result.score == result.max_score
    # A mistake in `score_tables` costs a student the table alone, so it would be seen nowhere but here.
    assert result.tables
    for table in result.tables:
        assert set(table.wide) <= set(table.columns)
        assert table.rows and all(len(row) == len(table.columns) for row in table.rows)
    write_result(result, tmp_path / "result.json")
    assert read_result(tmp_path / "result.json").for_student().tables == result.tables


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
