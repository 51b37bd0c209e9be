"""Exercise 11: raw texts on their way through a saved model, and the small reviews that say why one fails."""

import numpy as np
import pytest
import torch

from autograder.authoring.recipe import load_recipe
from autograder.sources.exercise import sources
from autograder.sources.layout import ROOT
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.exercise import load_exercise
from exercise_code.common.submitting.notebooks import graded_cells
from exercise_code.common.testing import Failure
from exercise_code.ex11_sentiment.behaviour import CASES, answers_of, table_of, word_effects
from exercise_code.ex11_sentiment.scoring import evaluation_set, more_inputs, predict, score_tables
from exercise_code.ex11_sentiment.test_visible import expect_no_probabilities, expect_padded, expect_words

SPEC = load_exercise("ex11_sentiment")


@pytest.fixture(scope="module")
def code():
    src = sources(SPEC)
    with fresh_code(SPEC, src.solution / "models", src.solution) as solved:
        yield solved


def test_a_seed_gives_other_reviews():
    (texts, labels), (others, _) = (evaluation_set("embedded", "val", seed) for seed in (1, 2))
    assert len(texts) == len(labels) == 1000
    assert not set(texts) & set(others) or len(set(texts) & set(others)) < 20


def test_logits_follow_the_order_of_the_texts(code):
    texts, _ = evaluation_set("embedded", "val", 3)
    order = np.random.default_rng(0).permutation(len(texts))
    together = predict(code, "sentiment", texts)
    np.testing.assert_allclose(predict(code, "sentiment", texts[order]), together[order], atol=1e-4)
    np.testing.assert_allclose(predict(code, "sentiment", texts[:3]), together[:3], atol=1e-4)


def test_texts_without_words_have_logits(code):
    assert np.isfinite(predict(code, "sentiment", np.array(["", "?!", "<br />"], dtype=object))).all()


def test_the_reference_reads_nearly_all_small_reviews(code):
    table = table_of(answers_of(lambda texts: predict(code, "sentiment", texts)))
    assert all(right >= 0.9 * count for right, count, _ in table.values()), table


@pytest.mark.parametrize("label", [0, 1])
def test_whoever_guesses_has_half_of_each_kind_right(label):
    table = table_of(answers_of(lambda texts: [(1 - label, label)] * len(texts)))
    assert {right / count for right, count, _ in table.values()} == {0.5}


def test_the_table_of_a_page_counts_each_kind_and_shows_what_is_misread():
    labels = np.array([label for cases in CASES.values() for _, label in cases])
    right = np.eye(2, dtype=np.float32)[labels]
    (table,) = score_tables(labels, right, right)
    assert table.columns == ("kind of review", "read correctly")
    assert [row[1] for row in table.rows] == [f"{len(cases)} of {len(cases)}" for cases in CASES.values()]
    # One contrast is misread: the third kind alone has an example, and it is that one.
    first = len(CASES["plain"]) + len(CASES["negation"])
    wrong = right.copy()
    wrong[first] = wrong[first][::-1]
    (table,) = score_tables(labels, wrong, wrong)
    assert [row[2] for row in table.rows] == ["", "", more_inputs()[first], ""]
    assert table.rows[2][1] == f"{len(CASES['contrast']) - 1} of {len(CASES['contrast'])}"


def test_bags_of_real_reviews_get_the_weights_of_a_logistic_regression(code, monkeypatch):
    recipe = load_recipe(sources(SPEC))
    monkeypatch.setattr(recipe, "MIN_REVIEWS", 1)
    words = ["the", "plot", "was", "not", "dull", "great"]
    vocabulary = code.text.Vocabulary(words)
    rows = [
        vocabulary.encode(text.split()) for text in ("the plot was dull", "plot was great", "not dull", "not great")
    ]
    labels = torch.tensor([0, 1, 1, 0])
    torch.manual_seed(0)
    model = code.model.SentimentModel({**code.model.HPARAMS, "words": " ".join(words)}).eval()
    bags = [model.word_scores, model.pair_scores, model.gap_scores, model.triple_scores]
    recipe.fill_bags(code, model, bags, rows, labels)
    tokens, _ = code.batches.pad_sequences(rows)
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.zero_()
        logits = model(tokens)
    assert (logits.argmax(dim=1) == labels).all()
    assert torch.allclose(logits[:, 0], -logits[:, 1])
    # What no review asked for, padding included, has no weight.
    assert all(int((scores.weight != 0).sum()) <= sum(map(len, rows)) and scores.weight[0] == 0 for scores in bags)
    assert model.hparams["words_read"] == code.model.HPARAMS["words_read"]


def test_a_word_moves_the_answer_by_what_is_missing_without_it():
    def count_good(rows):
        return [(0.0, float(row.count("good"))) for row in rows]

    assert word_effects(count_good, ["good", "film", "good"]) == (2.0, [1.0, 0.0, 1.0])


def test_each_graded_cell_is_named_by_its_task():
    notebooks = [ROOT / "exercises" / SPEC.id / f"{name}.ipynb" for name in SPEC.notebooks]
    titles = [cell.title for path in notebooks for cell in graded_cells(path.stem, path.read_bytes())]
    assert [title.partition(":")[0] for title in titles] == [f"Task {n}" for n in range(1, 14)]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["it didn't work"], "write each backslash once"),
        (["", "'t", ""], "(?:...)"),
        (["it", "didn", "t", "work"], "apostrophe"),
    ],
)
def test_a_slip_in_a_pattern_has_its_hint(words, hint):
    with pytest.raises(Failure) as failed:
        expect_words({'tokenize("It didn\'t work")': words}, {"It didn't work": ["it", "didn't", "work"]})
    assert hint in failed.value.hint


def test_floats_are_not_called_padding_on_the_left():
    tokens = np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)
    with pytest.raises(Failure) as failed:
        expect_padded([tokens, np.array([2, 0])], [[3, 4], []])
    assert "dtype=torch.int64" in failed.value.hint


def test_logits_may_be_any_numbers_but_no_probabilities():
    logits = np.array([[0.5, -0.5], [1.0, 2.0]], dtype=np.float32)
    expect_no_probabilities(logits, 2)
    for wrong in (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), np.ones((2, 2)), logits[:, :1]):
        with pytest.raises(Failure):
            expect_no_probabilities(wrong, 2)
