"""The metrics against formulas by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sklearn_metrics

from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import ModelSpec, Step
from exercise_code.common.metrics import MEAN_SQUARED_FLOOR, MeanIoU, get_metric, metric_names
from exercise_code.common.probing.scores import Score

floats = st.floats(-2, 2, allow_nan=False, width=32)
sizes = st.integers(1, 12)


def keypoints(seed, n=7):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (n, 30)).astype(np.float32), rng.uniform(-1, 1, (n, 30)).astype(np.float32)


def test_keypoint_score_is_100_at_a_loss_of_0_005():
    targets = np.zeros((4, 30))
    assert get_metric("keypoint_score")(targets + np.sqrt(0.005), targets) == pytest.approx(100)


def test_keypoint_score_follows_the_loop_with_batches_of_one():
    predictions, targets = keypoints(0)
    losses = [np.mean((p - t) ** 2) for p, t in zip(predictions, targets, strict=True)]
    assert get_metric("keypoint_score")(predictions, targets) == pytest.approx(1 / (2 * np.mean(losses)), rel=1e-6)


def test_keypoint_score_takes_pairs_of_coordinates():
    predictions, targets = keypoints(1)
    flat = get_metric("keypoint_score")(predictions, targets)
    assert get_metric("keypoint_score")(predictions.reshape(-1, 15, 2), targets.reshape(-1, 15, 2)) == flat


def test_a_perfect_keypoint_score_is_finite():
    _, targets = keypoints(2)
    assert get_metric("keypoint_score")(targets, targets) == 1 / (2 * MEAN_SQUARED_FLOOR)


@given(hnp.arrays(np.float32, st.tuples(sizes, st.just(30)), elements=floats), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_a_worse_prediction_scores_less(targets, seed):
    noise = np.random.default_rng(seed).normal(size=targets.shape) + 0.1
    near, far = (get_metric("keypoint_score")(targets + scale * noise, targets) for scale in (0.1, 0.3))
    assert far < near


@pytest.mark.parametrize("name", metric_names())
def test_batches_give_what_one_batch_gives(name):
    rng = np.random.default_rng(3)
    n = 11
    predictions, targets = {
        "keypoint_score": keypoints(4, n),
        "accuracy": (rng.normal(size=(n, 5)), rng.integers(0, 5, n)),
        "binary_accuracy": (rng.uniform(size=n), rng.integers(0, 2, n)),
        "mse": (rng.normal(size=n), rng.normal(size=n)),
        "r2": (rng.normal(size=n) + 1e6, rng.normal(size=n) + 1e6),
    }.get(name, (rng.normal(size=(n, 4, 6, 6)), rng.integers(-1, 4, (n, 6, 6))))
    metric = get_metric(name)
    for start, stop in ((0, 1), (1, 4), (4, n)):
        metric.update(predictions[start:stop], targets[start:stop])
    whole = get_metric(name)(predictions, targets)
    assert metric.compute() == pytest.approx(whole, rel=1e-9)
    metric(predictions[:2], targets[:2])
    assert metric.compute() == pytest.approx(whole, rel=1e-9), "calling a metric must not add to it"
    metric.reset()
    metric.update(predictions[4:], targets[4:])
    assert metric.compute() == get_metric(name)(predictions[4:], targets[4:])


@given(st.integers(0, 2**31), sizes)
@settings(max_examples=30, deadline=None)
def test_accuracy_is_scikit_learns(seed, n):
    rng = np.random.default_rng(seed)
    logits, targets = rng.normal(size=(n, 4)), rng.integers(0, 4, n)
    expected = pytest.approx(sklearn_metrics.accuracy_score(targets, logits.argmax(1)))
    assert get_metric("accuracy")(logits, targets) == expected
    assert get_metric("accuracy")(logits.argmax(1), targets) == expected


def test_binary_accuracy_counts_one_half_as_yes():
    assert get_metric("binary_accuracy")(np.array([0.5, 0.49, 0.7, 0.9]), np.array([1, 0, 0, 1])) == 0.75


@given(st.integers(0, 2**31), sizes)
@settings(max_examples=30, deadline=None)
def test_regression_is_scikit_learns(seed, n):
    rng = np.random.default_rng(seed)
    predictions, targets = rng.normal(size=n + 1), rng.normal(size=n + 1)
    assert get_metric("mse")(predictions, targets) == pytest.approx(
        sklearn_metrics.mean_squared_error(targets, predictions)
    )
    assert get_metric("r2")(predictions, targets) == pytest.approx(sklearn_metrics.r2_score(targets, predictions))


@given(st.integers(0, 2**31), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_segmentation_is_scikit_learns(seed, n):
    rng = np.random.default_rng(seed)
    logits, targets = rng.normal(size=(n, 5, 4, 6)), rng.integers(-1, 5, (n, 4, 6))
    targets[:, 0, 0] = 0
    labels, known = logits.argmax(1), targets != -1
    per_image = [sklearn_metrics.accuracy_score(t[k], p[k]) for t, p, k in zip(targets, labels, known, strict=True)]
    assert get_metric("segmentation_accuracy")(logits, targets) == pytest.approx(np.mean(per_image))
    assert get_metric("segmentation_accuracy")(labels, targets) == pytest.approx(np.mean(per_image))
    pooled = sklearn_metrics.accuracy_score(targets[known], labels[known])
    assert get_metric("pixel_accuracy")(labels, targets) == pytest.approx(pooled)
    iou = sklearn_metrics.jaccard_score(targets[known], labels[known], average="macro")
    assert MeanIoU(num_classes=5)(labels, targets) == pytest.approx(iou)


def test_images_weigh_the_same_however_much_of_them_is_labelled():
    targets = np.full((2, 1, 4), -1)
    targets[0, 0, :] = 1
    targets[1, 0, 0] = 1
    predictions = np.array([[[1, 1, 1, 1]], [[0, 1, 1, 1]]])
    assert get_metric("segmentation_accuracy")(predictions, targets) == pytest.approx(0.5)
    assert get_metric("pixel_accuracy")(predictions, targets) == pytest.approx(0.8)


def test_a_void_image_does_not_count():
    targets = np.array([[[1, 1]], [[-1, -1]]])
    predictions = np.array([[[1, 0]], [[1, 0]]])
    assert get_metric("segmentation_accuracy")(predictions, targets) == pytest.approx(0.5)


good = np.zeros((3, 30)) + 0.1
labels = np.zeros(3, dtype=int)
masks = np.zeros((2, 3, 3), dtype=int)
MALFORMED = {
    "nan": ("keypoint_score", np.where(np.eye(3, 30), np.nan, good), good, "finite"),
    "infinity": ("keypoint_score", good + np.inf, good, "finite"),
    "one sample for all": ("keypoint_score", good[:1], good, "nothing is broadcast"),
    "transposed": ("keypoint_score", good.T, good, "shape"),
    "other columns": ("keypoint_score", good[:, :28], good[:, :28], r"\(N, 30\)"),
    "integers": ("keypoint_score", good.astype(int), good, "float type"),
    "booleans": ("keypoint_score", good > 0, good, "float type"),
    "complex": ("keypoint_score", good + 1j, good, "float type"),
    "objects": ("keypoint_score", good.astype(object), good, "float type"),
    "a scalar": ("keypoint_score", np.float64(0.0), np.float64(0.0), "sample"),
    "nothing": ("keypoint_score", good[:0], good[:0], "sample"),
    "nan logits": ("accuracy", np.full((3, 2), np.nan), labels, "finite"),
    "floats for labels": ("accuracy", labels.astype(float), labels, "logits"),
    "float targets": ("accuracy", labels, labels.astype(float), "integer type"),
    "negative labels": ("accuracy", labels - 1, labels, "at least 0"),
    "too many labels": ("accuracy", np.zeros(4, int), labels, "shape"),
    "columns of probabilities": ("binary_accuracy", np.zeros((3, 2)), np.zeros((3, 2)), r"\(N, 1\)"),
    "targets beyond 0 and 1": ("binary_accuracy", np.zeros(3), np.full(3, 2), "0 and 1"),
    "void predicted": ("segmentation_accuracy", masks - 1, masks, "at least 0"),
    "all void": ("segmentation_accuracy", masks, masks - 1, "labelled pixel"),
    "wrong size of mask": ("pixel_accuracy", np.zeros((2, 4, 3, 2)), masks, "num_classes, 3, 3"),
    "class beyond": ("mean_iou", masks + 23, masks, "below 23"),
    "columns and rows": ("mse", np.zeros((3, 1)), np.zeros(3), "nothing is broadcast"),
    "constant targets": ("r2", np.arange(3.0), np.ones(3), "differ"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_malformed_is_never_scored(case):
    name, predictions, targets, words = MALFORMED[case]
    with pytest.raises(CourseError, match=words):
        get_metric(name)(predictions, targets)


def test_an_empty_metric_has_no_value():
    with pytest.raises(CourseError, match="update"):
        get_metric("accuracy").compute()


def test_an_unknown_metric_is_refused_with_advice():
    with pytest.raises(CourseError, match="did you mean 'keypoint_score'"):
        get_metric("keypoints_score")
    with pytest.raises(CourseError, match="known are accuracy"):
        get_metric("?")


@pytest.mark.parametrize(
    ("metric", "reached", "missed"),
    [("accuracy", (0.5, 0.7, 0.4951), (0.49, 0.4949)), ("mse", (0.5, 0.1, 0.5049), (0.51, 0.7))],
)
def test_a_score_passes_in_its_metrics_direction_after_rounding(metric, reached, missed):
    model = ModelSpec(("net",), 1000, 1.0, metric, "net_score", (Step("passes", {"embedded": 0.5}, 1.0),), 2, "cifar10")
    assert all(model.passes(score, "embedded") and Score(score, model, "embedded").passed for score in reached)
    assert not any(model.passes(score, "embedded") or Score(score, model, "embedded").passed for score in missed)


@settings(deadline=None)
@given(
    labels=hnp.arrays(np.int64, (2, 3, 4), elements=st.integers(-1, 22)),
    predictions=hnp.arrays(np.int64, (2, 3, 4), elements=st.integers(0, 22)),
    kinds=st.tuples(st.sampled_from("bhiq"), st.sampled_from("BHIQbhiq")),
)
@pytest.mark.parametrize("name", ["mean_iou", "pixel_accuracy", "segmentation_accuracy"])
def test_labels_count_alike_in_any_type_of_integer(name, labels, predictions, kinds):
    labels[0, 0, 0] = 3
    metric = get_metric(name)
    assert metric(predictions.astype(kinds[1]), labels.astype(kinds[0])) == metric(predictions, labels)
