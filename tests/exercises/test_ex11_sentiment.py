"""Exercise 11: raw texts on their way through a saved model, and the small reviews that say why one fails."""

import numpy as np
import pytest

from autograder.sources.exercise import sources
from exercise_code.common.checks.reloading import fresh_code
from exercise_code.common.exercise import load_exercise
from exercise_code.ex11_sentiment.behaviour import CASES, answers_of, table_of, word_effects
from exercise_code.ex11_sentiment.scoring import evaluation_set, predict

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


def test_the_reference_reads_all_small_reviews(code):
    table = table_of(answers_of(lambda texts: predict(code, "sentiment", texts)))
    assert {kind: right for kind, (right, _, _) in table.items()} == {kind: len(c) for kind, c in CASES.items()}


def test_a_word_moves_the_answer_by_what_is_missing_without_it():
    def count_good(rows):
        return [(0.0, float(row.count("good"))) for row in rows]

    assert word_effects(count_good, ["good", "film", "good"]) == (2.0, [1.0, 0.0, 1.0])
