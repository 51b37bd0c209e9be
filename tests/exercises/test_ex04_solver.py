"""Exercise 4: the given code does what its notebooks say, and the reference learns as well as they promise."""

import os
from pathlib import Path

import numpy as np
import pytest

from autograder.sources.layout import ROOT
from exercise_code import load_dataset
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.data import DATASETS
from exercise_code.common.exercise import load_exercise
from exercise_code.common.metrics import BinaryAccuracy
from exercise_code.ex04_solver.checking import numeric_gradient
from exercise_code.ex04_solver.houses import cheap_or_expensive, split

EXERCISE = load_exercise("ex04_solver")
SOLUTION = ROOT / "autograder" / "course" / EXERCISE.id / "solution"
REAL = Path(os.environ.get("DATASETS_MIRROR", "")) / "housing_train.csv"
COLUMNS = DATASETS["housing"].samples.columns


def known(features: np.ndarray, name: str) -> np.ndarray:
    return features[:, COLUMNS.index(name)].astype(float)


def test_made_up_houses_hang_together_as_real_ones_do():
    drawn = DATASETS["housing"].generate(1000, 5, 0)
    features, prices = drawn["features"], drawn["prices"].astype(float)
    area, quality = known(features, "GrLivArea"), known(features, "OverallQual")
    assert 0.6 < np.corrcoef(area, prices)[0, 1] < 0.85
    assert 0.6 < np.corrcoef(quality, prices)[0, 1] < 0.85
    # A long tail of dear houses, which scatter by more dollars than cheap ones.
    assert prices.mean() > np.median(prices) > 100_000
    large = area > np.median(area)
    assert prices[large].std() > 1.5 * prices[~large].std()
    missing = {name: float(np.isnan(known(features, name)).mean()) for name in COLUMNS}
    assert 0.1 < missing["LotFrontage"] < 0.25 and 0.02 < missing["GarageYrBlt"] < 0.1 and missing["GrLivArea"] == 0
    np.testing.assert_array_equal(np.isnan(known(features, "GarageYrBlt")), known(features, "GarageCars") == 0)


def test_cheap_and_dear_follow_from_the_training_prices():
    train, prices = np.arange(101.0), np.array([5.0, 29.0, 30.0, 50.0, 70.0, 71.0, 1000.0])
    keep, labels = cheap_or_expensive(prices, train)
    assert keep.tolist() == [True, True, False, False, False, True, True]
    assert labels.tolist() == [[0.0], [0.0], [1.0], [1.0]]


def test_a_split_has_each_sample_once():
    parts = split(1460, seed=3)
    assert [len(part) for part in parts] == [876, 292, 292]
    assert sorted(np.concatenate(parts)) == list(range(1460))
    assert not np.array_equal(parts[1], split(1460, seed=4)[1])


def test_a_numeric_gradient_is_right_and_leaves_its_input():
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    before = x.copy()
    np.testing.assert_allclose(numeric_gradient(lambda x: float((x**3).sum()), x), 3 * x**2, rtol=1e-6)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("source", ["embedded", "real"])
def test_the_classifier_is_right_about_more_than_85_per_cent(source):
    if source == "real" and not REAL.is_file():
        pytest.skip("DATASETS_MIRROR names no folder with housing_train.csv")
    splits = {name: load_dataset("housing", name, source) for name in ("train", "val", "test")}
    with fresh_code(EXERCISE, SOLUTION / "models", SOLUTION) as code:
        scale = code.preprocessing.Standardizer().fit(splits["train"].features.astype(float))
        data = {}
        for name, part in splits.items():
            keep, labels = cheap_or_expensive(part.prices, splits["train"].prices)
            data[name] = scale.transform(part.features.astype(float))[keep], labels
        model, loss, optimizer = code.classifier.Classifier(17), code.losses.BCELoss(), code.optimizer.SGD(0.1)
        solver = code.solver.Solver(model, loss, optimizer, data["train"], data["val"], batch_size=32, patience=10)
        history = solver.train(50)
        assert history.val_loss[history.best_epoch - 1] == min(history.val_loss) < 0.1
        assert BinaryAccuracy()(model.forward(data["test"][0]), data["test"][1]) > 0.95
