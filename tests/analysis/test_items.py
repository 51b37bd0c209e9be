"""Item analysis: difficulty and discrimination as statistics packages compute them, and the tests that stand out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from known_class import KnownClass
from sample_class import sample_class
from sklearn.feature_selection import r_regression

from autograder.analysis.items import FEW, discrimination, graded_attempts, item_analysis


def test_discrimination_is_the_correlation_with_the_rest_as_pandas_and_scikit_learn_compute_it():
    rng = np.random.default_rng(1)
    passed = (rng.uniform(size=(60, 9)) < rng.uniform(0.1, 0.9, 9)).astype(float)
    frame = pd.DataFrame(passed)
    for i in frame:
        rest = frame.drop(columns=i).sum(axis=1)
        found = discrimination(passed[:, i], passed.sum(axis=1))
        assert found == pytest.approx(frame[i].corr(rest), abs=1e-12)
        assert found == pytest.approx(r_regression(passed[:, [i]], rest)[0], abs=1e-12)


@given(hnp.arrays(np.int8, st.tuples(st.integers(0, 12), st.integers(1, 5)), elements=st.integers(0, 1)))
def test_discrimination_is_a_correlation_or_nothing(passed):
    passed = passed.astype(float)
    found = discrimination(passed[:, 0], passed.sum(axis=1))
    rest = passed[:, 1:].sum(axis=1)
    if len(passed) < 2 or np.ptp(passed[:, 0]) == 0 or np.ptp(rest) == 0:
        assert found is None
    else:
        assert found is not None and found == pytest.approx(np.corrcoef(passed[:, 0], rest)[0, 1], abs=1e-9)


def test_difficulty_is_the_share_of_the_graded_marked_hand_ins(tmp_path):
    known = KnownClass(tmp_path)
    for _ in range(3):
        known.add(known.solution)
    known.add_wrong("len_counts_classes")
    known.add(known.solution, refused="damaged")
    known.add(None)
    cells, tests = item_analysis(known.graded())
    by_name = {item.name: item for item in tests}
    assert len(graded_attempts(known.graded())) == 4
    assert by_name["test_len_of_a_random_folder"].difficulty == 0.75
    assert by_name["test_combine_random_samples"].difficulty == 1.0
    assert [item.name for item in tests][:2] == sorted(
        ["test_len_of_a_random_folder", "test_len_counts_the_images_of_all_classes"]
    )
    assert cells[0].name == "dataset_len" and cells[0].difficulty == 0.75
    assert by_name["test_len_of_a_random_folder"].title == "Len of a random folder."


def test_the_points_of_cells_sum_to_the_scores(tmp_path):
    graded = sample_class(tmp_path, "ex03_dataloader", 40)
    cells, _ = item_analysis(graded)
    attempts = graded_attempts(graded)
    points = {c.grade_id: c.max_points for c in attempts[0].read().cells}
    mean = sum(item.difficulty * points[item.name] for item in cells)
    assert mean == pytest.approx(np.mean([a.score for a in attempts]))


def test_tests_that_stand_out_are_flagged(tmp_path):
    known = KnownClass(tmp_path)
    odd, easy = "test_combine_random_samples", "test_len_reads_no_sample"
    weak = [name for name in known.tests if name not in (odd, easy, "test_shuffle_takes_each_sample_once")]
    for _ in range(FEW // 2):
        known.add(known.solution, [odd, "test_shuffle_takes_each_sample_once"])
        known.add(known.solution, [*weak, "test_shuffle_takes_each_sample_once"])
    flags = {item.name: item.flag for item in item_analysis(known.graded())[1]}
    assert flags[odd] == "negative"
    assert flags[easy] == "everybody"
    assert flags["test_shuffle_takes_each_sample_once"] == "nobody"
    assert flags[weak[0]] == ""


def test_of_a_few_hand_ins_no_test_is_suspected(tmp_path):
    known = KnownClass(tmp_path)
    odd = "test_combine_random_samples"
    for _ in range(3):
        known.add(known.solution, [odd])
        known.add(known.solution, [name for name in known.tests if name != odd][:40])
    found = {item.name: item for item in item_analysis(known.graded())[1]}
    assert found[odd].discrimination is not None and found[odd].discrimination < 0
    assert found[odd].flag == ""


def test_a_class_without_hand_ins_has_items_without_numbers(tmp_path):
    known = KnownClass(tmp_path)
    known.add(None)
    cells, tests = item_analysis(known.graded())
    assert cells and tests
    assert {(item.count, item.discrimination, item.flag) for item in cells + tests} == {(0, None, "")}
