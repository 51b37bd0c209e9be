"""Hidden tests: the visible ones on fresh inputs."""

import numpy as np

from exercise_code.common.testing import Failure, assert_calls, assert_same, grade, items
from exercise_code.ex11_sentiment.test_visible import (
    a_sequence,
    batches_of,
    built,
    cell_gradients,
    draw_parameters,
    draw_tokens,
    embedded,
    encoded,
    expect_embedded,
    expect_gradients,
    expect_independent,
    expect_learning,
    expect_logits,
    expect_no_probabilities,
    expect_owned,
    expect_padded,
    expect_reviews,
    logits_after_learning,
    logits_alone_and_together,
    logits_of_sizes,
    losses_on_one_batch,
    lstm_steps,
    padded,
    pairs_of,
    read_reviews,
    rnn_steps,
    some_reviews,
    tensors_in_the_graph,
    words_of,
)

PIECES = ["Film", "was", "NOT", "10", "naïve", "didn't", "o'clock's", "Ünder"]
BETWEEN = [" ", ", ", "... ", "<br /><br />", "<br/>", "<BR>", " - ", "!", "_", ' "', "' ", " '", "\n"]


def draw_texts(rng, n):
    texts = []
    for _ in range(n):
        count = int(rng.integers(3, 8))
        parts = [str(rng.choice(PIECES if i % 2 else BETWEEN)) for i in range(2 * count)]
        texts.append("".join(parts))
    return texts


@grade("text_tokens")
def test_random_texts_become_words(observe, reference, rng):
    """Random texts with punctuation, apostrophes and line breaks are cut into the right words."""
    texts = draw_texts(rng, 12)
    want = reference(words_of, texts)
    assert_calls(observe(words_of, texts), want)


@grade("text_tokens")
def test_apostrophes_and_line_breaks_beside_each_other(observe, reference):
    """Apostrophes at the edge of a word, two in a row, tags with a space: as in the docstring."""
    texts = ["''tis 'don''t' it's", "a<br>b<br />c< br>d<brr>", "x'1'y'", "", "  ", "<3 <i>so</i>"]
    assert_calls(observe(words_of, texts), reference(words_of, texts))


def draw_reviews(rng, n=12):
    words = [f"{letter}{i}" for i, letter in enumerate("zyxwvutsrqponm")]
    weights = rng.permutation(np.arange(1, len(words) + 1)) ** 2.0
    return [list(map(str, rng.choice(words, int(rng.integers(0, 9)), p=weights / weights.sum()))) for _ in range(n)]


@grade("text_vocabulary")
def test_random_reviews_have_their_vocabulary(observe, reference, rng):
    """The vocabulary of random reviews has the right words in the right order."""
    reviews = draw_reviews(rng)
    calls = {f"settings {settings}": settings for settings in ((), (2,), (3, 5), (1, 4), (1, 0), (2, None))}
    assert_calls(observe(built, reviews, calls), reference(built, reviews, calls))


@grade("text_vocabulary")
def test_random_words_have_their_numbers(observe, reference, rng):
    """Random words, known and unknown ones, get their numbers."""
    words = [f"w{i}" for i in rng.permutation(9).tolist()]
    rows = [[f"w{i}" for i in rng.integers(0, 14, n).tolist()] for n in (5, 1, 8)]
    assert_calls(observe(encoded, words, rows), reference(encoded, words, rows))


def draw_sequences(rng, n):
    return [rng.integers(1, 99, int(rng.integers(0, 7))).tolist() for _ in range(n - 1)] + [[2]]


@grade("batches_padding")
def test_random_sequences_are_filled_up(observe, rng):
    """Random sequences, one or many, some of them empty, are filled up on the right; their lengths come along."""
    for n in (1, 4, 9):
        sequences = draw_sequences(rng, n)
        expect_padded(observe(padded, sequences), sequences)


@grade("batches_lengths")
def test_random_lengths_are_grouped(observe, reference, rng):
    """Random lengths are grouped for batches of several sizes, equal ones in their order."""
    calls = {}
    for n, size in ((9, 4), (8, 4), (3, 1), (5, 7), (6, 5)):
        calls[f"{n} lengths, batches of {size}"] = (rng.integers(1, 6, n).tolist(), size)
    assert_calls(observe(batches_of, calls), reference(batches_of, calls))


@grade("embedding")
def test_vectors_for_tokens_of_any_shape(observe, rng):
    """Tokens of any shape get their vectors."""
    weight = rng.normal(size=(9, 4)).astype(np.float32)
    for shape in ((7,), (2, 3), (2, 2, 3)):
        tokens = rng.integers(0, 9, shape)
        expect_embedded(observe(embedded, weight, tokens), weight, tokens, "vectors")


@grade("embedding")
def test_repeated_words_add_their_gradients(observe, rng):
    """A word that occurs often gets the sum of its gradients, and padding gets none."""
    weight = rng.normal(size=(5, 2)).astype(np.float32)
    tokens = rng.integers(0, 5, (4, 6))
    expect_embedded(observe(embedded, weight, tokens), weight, tokens, "gradient")


@grade("rnn_cell")
def test_rnn_cells_of_any_size(observe, reference, rng):
    """With random weights and sizes the hidden states are right, word after word."""
    for input_size, hidden_size, rows in ((2, 5, 3), (4, 1, 1)):
        parameters = draw_parameters(rng, 1, input_size, hidden_size)
        problem = a_sequence(rng, 3, rows, input_size, hidden_size)
        assert_same(observe(rnn_steps, parameters, *problem), reference(rnn_steps, parameters, *problem), atol=1e-5)


@grade("rnn_cell")
def test_the_rnn_cell_can_be_trained(observe, rng):
    """Gradients reach all four parameters."""
    parameters = draw_parameters(rng, 1, 2, 3)
    expect_gradients(observe(cell_gradients, "RNNCell", parameters, a_sequence(rng, 2, 3, 2, 3)[0]), parameters)


@grade("lstm_cell")
def test_lstm_cells_of_any_size(observe, reference, rng):
    """With random weights and sizes hidden states and memories are right, word after word."""
    for input_size, hidden_size, rows in ((2, 5, 3), (4, 1, 1)):
        parameters = draw_parameters(rng, 4, input_size, hidden_size)
        problem = a_sequence(rng, 3, rows, input_size, hidden_size, states=2)
        want = items(reference(lstm_steps, parameters, *problem), 2)
        assert_same(observe(lstm_steps, parameters, *problem), want, rtol=1e-4, atol=1e-5)


@grade("lstm_cell")
def test_the_lstm_cell_can_be_trained(observe, rng):
    """Gradients reach all four parameters."""
    parameters = draw_parameters(rng, 4, 2, 3)
    expect_gradients(observe(cell_gradients, "LSTMCell", parameters, a_sequence(rng, 2, 3, 2, 3)[0]), parameters)


@grade("lstm_layer")
def test_random_reviews_read_like_unpadded_ones(observe, reference, rng):
    """For reviews of random lengths outputs and states are right, whatever the padding holds."""
    for lengths in ([2, 6, 4], [1], [3, 3], [1, 1, 2]):
        problem = some_reviews(rng, lengths, input_size=2, hidden_size=3)
        expect_reviews(observe(read_reviews, *problem), reference(read_reviews, *problem), problem[2])


@grade("sentiment_pairs")
def test_random_pairs_have_their_numbers(observe, reference, rng):
    """Random reviews have the right numbers of pairs, for several numbers of buckets; padding has 0."""
    for num_buckets in (2, 13, 5000):
        tokens = draw_tokens(rng, [7, 1, 4, 3])
        got, want = observe(pairs_of, tokens, num_buckets), reference(pairs_of, tokens, num_buckets)
        if not isinstance(got, np.ndarray) or not got.size:
            raise Failure("expected numbers of pairs")
        assert_same(got, want)


@grade("sentiment_model")
def test_the_model_takes_random_batches(observe, rng):
    """Batches of random sizes and lengths get two finite logits a review."""
    batches = [draw_tokens(rng, rng.integers(1, 12, n).tolist()) for n in (1, 3, 7)]
    expect_logits(observe(logits_of_sizes, batches), batches)


@grade("sentiment_model")
def test_random_reviews_do_not_depend_on_padding(observe, rng):
    """The logits of random reviews do not depend on padding, nor on the other reviews."""
    tokens = draw_tokens(rng, [1, 8, 3, 5, 2])
    expect_independent(observe(logits_alone_and_together, tokens, np.array([1, 0, 1, 1, 0]), 5))


@grade("sentiment_model")
def test_random_reviews_have_logits(observe, rng):
    """The model answers logits of random reviews, no probabilities that add up to 1."""
    tokens = draw_tokens(rng, [3, 7, 5, 1])
    expect_no_probabilities(observe(logits_after_learning, tokens, np.array([0, 1, 1, 0])), len(tokens))


@grade("sentiment_model")
def test_gradients_reach_every_parameter(observe, rng):
    """The logits are made from all of the model's parameters, and no others."""
    expect_owned(observe(tensors_in_the_graph, draw_tokens(rng, [4, 6])))


@grade("sentiment_model")
def test_the_loss_falls_on_a_random_batch(observe, rng):
    """Twenty steps on one batch at least halve the loss."""
    tokens, labels = draw_tokens(rng, [5, 4, 7, 6]), np.array([1, 1, 0, 0])
    expect_learning(observe(losses_on_one_batch, tokens, labels))


@grade("sentiment_score", step="beats single words")
def test_the_model_beats_single_words_on_new_reviews(evaluation, model_info):
    """The saved model is within the limits and beats single words on reviews it has never seen."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats single words")


@grade("sentiment_score", step="half way")
def test_the_model_is_half_way_on_new_reviews(evaluation, model_info):
    """On reviews it has never seen it is half way to the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("half way")


@grade("sentiment_score", step="passes")
def test_the_model_passes_on_new_reviews(evaluation, model_info):
    """On reviews it has never seen it reaches the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
