"""Exercise 8: draws of labels, what a saved classifier is scored on, and the table of what helps."""

import gzip
import struct

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from autograder.sources.exercise import sources
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.datasets.mnist import redraw
from exercise_code.common.exercise import load_exercise
from exercise_code.common.testing import Failure
from exercise_code.ex08_autoencoder import pictures
from exercise_code.ex08_autoencoder.pictures import WAYS, few_labels
from exercise_code.ex08_autoencoder.scoring import draw_samples, evaluation_set, predict
from exercise_code.ex08_autoencoder.test_visible import draws_hint, explain_sizes, sizes_explained

SPEC = load_exercise("ex08_autoencoder")


@pytest.fixture(scope="module")
def code():
    src = sources(SPEC)
    with fresh_code(SPEC, src.solution / "models", src.solution, src.earlier_solutions) as solved:
        yield solved


@pytest.fixture
def digit_files(tmp_path):
    """Files in the form of MNIST's: 30 pictures of each digit, each with its number in its first pixels."""
    labels = np.repeat(np.arange(10, dtype=np.uint8), 30)
    images = np.zeros((300, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(300) // 30, np.arange(300) % 30
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(struct.pack(">4I", 0x803, 300, 28, 28) + images.tobytes()))
    other = tmp_path / "train-labels-idx1-ubyte.gz"
    other.write_bytes(gzip.compress(struct.pack(">2I", 0x801, 300) + labels.tobytes()))
    return path


def test_another_seed_labels_other_pictures(digit_files):
    draws = [redraw(digit_files, seed) for seed in (8, 9, 8)]
    for draw in draws:
        labelled = draw["labels"] >= 0
        assert labelled.sum() == 100 and len(draw["labels"]) == 200
        assert (draw["images"][labelled, 0, 0] == draw["labels"][labelled]).all()
        assert (np.bincount(draw["labels"][labelled]) == 10).all()
    first, second, again = (draw["images"][:100, 0, 1].tolist() for draw in draws)
    assert first == again != second


def test_a_seed_asks_for_new_digits():
    (images, labels), (others, _) = (evaluation_set("embedded", "val", seed) for seed in (1, 2))
    assert images.shape == (1000, 1, 28, 28) and images.dtype == np.float32 and 0.9 < images.max() <= 1
    assert (np.bincount(labels) == 100).all()
    assert not np.array_equal(images, others)


def test_logits_follow_the_order_of_the_pictures(code):
    images, labels = evaluation_set("embedded", "val", 3)
    order = np.random.default_rng(0).permutation(len(images))
    together = predict(code, "digits", images)
    np.testing.assert_allclose(predict(code, "digits", images[order]), together[order], atol=1e-4)
    assert (together.argmax(axis=1) == labels).mean() > 0.94
    drawn = draw_samples(images, labels, together)
    assert len(drawn) == 1000 and drawn[0].image.dtype == np.uint8
    assert [each.caption.split(",")[0] for each in drawn] == [str(digit) for digit in together.argmax(axis=1)]


def test_a_changed_digit_moves_where_its_shift_says(code):
    image = torch.zeros(1, 1, 28, 28)
    image[..., 13:15, 13:15] = 1
    none = torch.zeros(1)
    matrix = code.augmentation.affine_matrices(none, none + 1, none, torch.tensor([[0.5, 0.25]]))
    grid = torch.nn.functional.affine_grid(matrix, [1, 1, 28, 28], align_corners=False)
    moved = torch.nn.functional.grid_sample(image, grid, align_corners=False)[0, 0]
    rows, columns = (moved > 0.2).nonzero().float().mean(dim=0).tolist()
    assert abs(columns - 20.5) < 0.6 and abs(rows - 17) < 0.6


def test_the_table_has_each_way_for_drawn_digits_and_for_real_ones():
    for source in ("embedded", "real"):
        found = few_labels(source)
        assert list(found) == [way for way in WAYS if way in found]
        assert all(0.5 < mean < 1 and reach < 0.5 for mean, reach, _ in found.values())
    assert set(few_labels("embedded")) == set(WAYS)
    assert few_labels("real")["reference"][0] > 0.95


def test_sizes_that_do_not_fit_are_told_as_channels_and_sides():
    for came, text in ((1152, "1152 = 32 · 6 · 6"), (25088, "25088 = 32 · 28 · 28")):
        assert explain_sizes(came, 1568).startswith(f"{text} and 1568 = 32 · 7 · 7: is padding")
    assert "made for 32 numbers and gets 5" in explain_sizes(5, 32)
    with pytest.raises(Failure) as caught, sizes_explained():
        raise Failure("the code raised RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x1152 and 1568x32)")
    assert "32 · 6 · 6" in caught.value.hint


def test_draws_that_do_not_fill_their_limits_are_told_apart():
    draws = np.linspace(-1, 1, 64)
    for name, values, words in (
        ("angles", np.full(64, 0.3), "all pictures have the same angle: draw one for each picture"),
        ("shifts to the right", np.full(64, 0.3), "the same shift to the right:"),
        ("angles", np.abs(draws), "only positive angles: draw from -1 to 1"),
        ("angles", 40 * draws, "those look like degrees"),
        ("angles", 2 * draws, "draw from -1 to 1, and multiply"),
        ("shears", 2 * draws, "draw from -1 to 1, and multiply"),
    ):
        assert words in draws_hint(name, values, 0.0, 0.7, 40.0), (name, words)
    for values, words in ((0.3 * draws, "a scale lies around 1"), (1 + 0.3 * np.abs(draws), "only scales above 1")):
        assert words in draws_hint("scales", values, 1.0, 0.3, 40.0)


def test_no_digit_is_drawn_outside_of_the_map(monkeypatch):
    drawn = []
    monkeypatch.setattr(pictures, "show_figure", lambda figure, alt: drawn.append(figure))
    codes, labels = np.random.default_rng(0).normal(size=(500, 2)), np.full(500, -1)
    codes[:2], labels[:2] = [[9, 0], [0, -9]], [7, 1]
    pictures.show_map(codes, labels)
    (axis,) = drawn[0].axes
    assert len(axis.texts) == 2
    plt.close(drawn[0])
    for text in axis.texts:
        (x, y), (left, right), (low, high) = text.get_position(), axis.get_xlim(), axis.get_ylim()
        assert left < x < right and low < y < high
