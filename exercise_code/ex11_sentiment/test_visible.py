"""The checks that students see.

What these tests expect can be read here, so they earn little: their hidden twins, on fresh inputs, earn the points. A
later task calls what an earlier one wrote. So that a slip there costs points there alone, the probe of `LSTM` puts
torch's own cell into it, and those of `SentimentModel` put a function with one bucket in the place of `pair_numbers`.
"""

from contextlib import contextmanager

import numpy as np

from exercise_code.common.testing import (
    Failure,
    OddAnswer,
    as_array,
    assert_calls,
    assert_same,
    call,
    each_call,
    grade,
    items,
    resembles,
    show,
)

SEEN = 0.1
MORE_THAN_HALF = 0.6
WORDS = [f"word{i}" for i in range(40)]


@contextmanager
def swapped(module, **functions):
    """The module with other functions under these names, until the end of the block."""
    kept = {name: getattr(module, name, None) for name in functions}
    vars(module).update(functions)
    try:
        yield
    finally:
        vars(module).update(kept)


# Words


def words_of(code, texts):
    """The words of each text."""
    return each_call(code.text.tokenize, {f"tokenize({text!r})": (text,) for text in texts})


def form_of(answer):
    """The form of an answer, such as `(Tensor, (Tensor, Tensor))`."""
    if not isinstance(answer, tuple | list):
        return type(answer).__name__
    return f"({', '.join(map(form_of, answer))})" if len(answer) < 5 else f"a {type(answer).__name__} of {len(answer)}"


def whole_texts(got):
    """True where one word has a space in it."""
    return any(" " in word for words in got.values() for word in words)


def groups_only(got):
    """True where all words are what a group for apostrophes holds: nothing, or an apostrophe and what follows."""
    words = [word for words in got.values() for word in words]
    return bool(words) and all(type(word) is not str or word[:1] in ("", "'") for word in words)


def expect_words(got, want):
    """Fail unless these are the words of each text; `want` has a list for each one."""
    hints = {
        'your answer keeps spaces inside a word: in a raw string, r"...", write each backslash once': whole_texts,
        "your answer has groups only: with a group (...), findall gives just that group; write (?:...)": groups_only,
        "your answer has upper-case letters: make the text lower case first": lambda got: any(
            w != w.lower() for ws in got.values() for w in ws
        ),
        "your answer cuts words at an apostrophe: keep it inside the word": lambda got: any(
            "t" in ws for ws in got.values()
        ),
        "your answer has line breaks as words: replace them by a space": lambda got: any(
            "br" in ws for ws in got.values()
        ),
        "your answer has an empty word: ask for at least one letter or digit": lambda got: any(
            "" in ws for ws in got.values()
        ),
    }
    wanted = {f"tokenize({text!r})": words for text, words in want.items()}
    assert_calls(got, wanted, hints=hints)


@grade("text_tokens", weight=SEEN)
def test_words_are_cut_at_spaces_and_punctuation(observe):
    """tokenize gives the words in lower case and in their order, without punctuation."""
    want = {
        "The plot was NOT dull.": ["the", "plot", "was", "not", "dull"],
        "Well-made... 10/10, a gem!": ["well", "made", "10", "10", "a", "gem"],
        "snake_case": ["snake", "case"],
    }
    expect_words(observe(words_of, list(want)), want)


@grade("text_tokens", weight=SEEN)
def test_a_text_may_have_no_words(observe):
    """A text without letters and digits, also an empty one, has no words: an empty list."""
    want = {"": [], "?!": [], " '' ": [], "a": ["a"]}
    expect_words(observe(words_of, list(want)), want)


@grade("text_tokens", weight=SEEN)
def test_apostrophes_stay_inside_words(observe):
    """An apostrophe inside a word belongs to it; quotation marks around a word do not."""
    want = {
        "It didn't work": ["it", "didn't", "work"],
        "a 'good' film, they said, 'good'": ["a", "good", "film", "they", "said", "good"],
        "rock'n'roll, the actors' names": ["rock'n'roll", "the", "actors", "names"],
    }
    expect_words(observe(words_of, list(want)), want)


@grade("text_tokens", weight=SEEN)
def test_line_breaks_stand_between_words(observe):
    """<br />, <br/> and <br> stand between words and are no words; letters other than a to z are letters too."""
    want = {
        "dull.<br /><br />Bad": ["dull", "bad"],
        "one<BR>two<br/>three": ["one", "two", "three"],
        "Amélie, très bien": ["amélie", "très", "bien"],
        "I <3 it, 2 > 1": ["i", "3", "it", "2", "1"],
    }
    expect_words(observe(words_of, list(want)), want)


# The vocabulary


def built(code, reviews, calls):
    """The words of the vocabularies that each of some settings gives."""

    def words(*settings):
        return list(code.text.Vocabulary.build([list(words) for words in reviews], *settings).words)

    return each_call(words, calls)


def encoded(code, words, rows):
    """The numbers of several lists of words, in a vocabulary."""
    vocabulary = code.text.Vocabulary(words)
    return each_call(vocabulary.encode, {f"Vocabulary({words}).encode({row})": (row,) for row in rows})


REVIEWS = (["a", "dull", "plot"], ["a", "great", "plot"], ["a", "great", "cast", "great"], [])


@grade("text_vocabulary", weight=SEEN)
def test_frequent_words_come_first(observe):
    """Vocabulary.build puts the most frequent word first, and words of equal count in alphabetical order."""
    text = "Vocabulary.build([['a', 'dull', 'plot'], ['a', 'great', 'plot'], ['a', 'great', 'cast', 'great'], []])"
    want = ["a", "great", "plot", "cast", "dull"]
    hints = {
        "your answer is in alphabetical order only: sort by count first": {text: sorted(want)},
        "your answer has the rarest word first: sort by -count": {text: ["cast", "dull", "plot", "a", "great"]},
        "your answer keeps words of equal count in the order in which they came: sort these alphabetically": {
            text: ["a", "great", "plot", "dull", "cast"]
        },
    }
    assert_calls(observe(built, REVIEWS, {text: ()}), {text: want}, hints=hints)


@grade("text_vocabulary", weight=SEEN)
def test_rare_words_are_left_out(observe):
    """min_count leaves out what is rarer, max_words keeps at most this many words, the most frequent ones."""
    calls = {
        "Vocabulary.build(reviews, min_count=2)": (2,),
        "Vocabulary.build(reviews, min_count=3)": (3,),
        "Vocabulary.build(reviews, max_words=1)": (1, 1),
        "Vocabulary.build(reviews, min_count=2, max_words=4)": (2, 4),
    }
    words = (["a", "great", "plot"], ["a", "great"], ["a"], ["a", "great", "plot"])
    want = dict(zip(calls, words, strict=True))
    hints = {
        "your answer leaves out words that occur exactly min_count times: keep these": dict(
            zip(calls, (["a", "great"], [], ["a"], ["a", "great"]), strict=True)
        )
    }
    assert_calls(observe(built, REVIEWS, calls), want, hints=hints)


@grade("text_vocabulary", weight=SEEN)
def test_known_words_have_their_numbers(observe):
    """encode gives 2 for the first word of the list, 3 for the second one, and nothing for no words."""
    expect_numbers(observe, [["great", "plot", "a"], ["a"], []], [[3, 4, 2], [2], []])


@grade("text_vocabulary", weight=SEEN)
def test_unknown_words_are_number_one(observe):
    """encode gives 1 for each word that is not in the list."""
    expect_numbers(observe, [["a", "dull", "plot", "a"], ["Great"]], [[2, 1, 4, 2], [1]])


def expect_numbers(observe, rows, numbers):
    """Fail unless the words of each row get their numbers, in a vocabulary of three words."""
    words = ["a", "great", "plot"]
    want = {f"Vocabulary({words}).encode({row})": found for row, found in zip(rows, numbers, strict=True)}
    hints = {
        "your answer has a 0, which is for padding: give 2 to the first word of the list": lambda got: any(
            0 in row for row in got.values()
        ),
        "your answer leaves out unknown words: give them the number 1": lambda got: any(
            len(got[text]) < len(found) for text, found in want.items()
        ),
    }
    assert_calls(observe(encoded, words, rows), want, hints=hints)


# Batches


def padded(code, sequences):
    """Tokens and lengths of several lists of ints."""
    answer = code.batches.pad_sequences([list(sequence) for sequence in sequences])
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise OddAnswer(f"expected tokens and lengths, got {form_of(answer)}")
    return [as_array(part) for part in answer]


def expect_padded(got, sequences):
    """Fail unless these are the sequences, padded, and their lengths."""
    longest = max(len(sequence) for sequence in sequences)
    rows = [list(sequence) + [0] * (longest - len(sequence)) for sequence in sequences]
    left = [[0] * (longest - len(sequence)) + list(sequence) for sequence in sequences]
    lengths = np.array([len(sequence) for sequence in sequences])
    with call(f"pad_sequences({sequences})"):
        tokens, found = items(got, 2, "tokens and lengths")
        hints = {
            "your answer has floats: say dtype=torch.int64 as you make tensors": lambda got: got.dtype.kind == "f",
            "your answer has the padding on the left: write each sequence to the beginning of its row": lambda got: (
                left != rows and resembles(got, np.array(left))
            ),
            "your answer pads with 1: fill up with PADDING, which is 0": np.where(
                np.array(rows) == 0, 1, np.array(rows)
            ),
        }
        assert_same(tokens, np.array(rows, dtype=np.int64), hints=hints)
        hint = "your answer has the length after padding for each row: give the lengths from before"
        assert_same(found, lengths, hints={hint: np.full_like(lengths, longest)})


@grade("batches_padding", weight=SEEN)
def test_short_sequences_are_filled_up(observe):
    """pad_sequences fills up on the right with 0, to the length of the longest, and tells the lengths from before."""
    for sequences in ([[5, 6, 7], [8], [9, 2]], [[4]]):
        expect_padded(observe(padded, sequences), sequences)


@grade("batches_padding", weight=SEEN)
def test_a_review_may_be_empty(observe):
    """A list without a number becomes a row of padding of length 0."""
    sequences = [[3, 4], []]
    expect_padded(observe(padded, sequences), sequences)


def batches_of(code, calls):
    """The batches of several lists of lengths."""
    return each_call(lambda lengths, size: code.batches.batches_by_length(list(lengths), size), calls)


@grade("batches_lengths", weight=SEEN)
def test_similar_lengths_go_together(observe):
    """batches_by_length answers indices into lengths, the shortest first; the last batch may be smaller."""
    calls = {
        "batches_by_length([5, 1, 3, 2, 4], 2)": ([5, 1, 3, 2, 4], 2),
        "batches_by_length([7, 6], 5)": ([7, 6], 5),
        "batches_by_length([3], 1)": ([3], 1),
    }
    want = dict(zip(calls, ([[1, 3], [2, 4], [0]], [[1, 0]], [[0]]), strict=True))
    first = next(iter(calls))
    hints = {
        "your answer has the lengths themselves: give their indices in the list": {first: [[1, 2], [3, 4], [5]]},
        "your answer leaves out the last batch, because it is smaller: keep it": {first: [[1, 3], [2, 4]]},
        "your answer has the longest first: begin with the shortest": {first: [[0, 4], [2, 3], [1]]},
        "your answer has the indices as they come: sort them by length": {first: [[0, 1], [2, 3], [4]]},
    }
    assert_calls(observe(batches_of, calls), want, hints=hints)


@grade("batches_lengths", weight=SEEN)
def test_equal_lengths_stay_in_their_order(observe):
    """Of sequences of equal length, the one that stands first in the list comes first."""
    calls = {
        "batches_by_length([2, 2, 2, 2], 2)": ([2, 2, 2, 2], 2),
        "batches_by_length([4, 1, 4, 1, 1], 3)": ([4, 1, 4, 1, 1], 3),
    }
    want = dict(zip(calls, ([[0, 1], [2, 3]], [[1, 3, 4], [0, 2]]), strict=True))
    assert_calls(observe(batches_of, calls), want)


# The embedding


def embedded(code, weight, tokens):
    """The vectors of tokens, and the gradient of their sum of squares with respect to the weight."""
    import torch

    layer = code.layers.Embedding(*weight.shape)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
    vectors = layer(torch.from_numpy(tokens))
    answer = as_array(vectors)
    if not vectors.requires_grad:
        return [answer, None]
    vectors.square().sum().backward()
    gradient = layer.weight.grad
    return [answer, None if gradient is None else gradient.to_dense().numpy()]


def expect_embedded(got, weight, tokens, part):
    """Fail unless the vectors ("vectors") or the gradient ("gradient") are right."""
    vectors, gradient = items(got, 2)
    known = (tokens != 0)[..., None]
    with call(f"Embedding{weight.shape}(tokens of shape {tokens.shape})"):
        if part == "vectors":
            hint = "padding must give zeros, whatever the first row of the weight holds"
            assert_same(vectors, weight[tokens] * known, hints={hint: weight[tokens]})
            return
        want = np.zeros_like(weight)
        np.add.at(want, tokens[tokens != 0], 2 * weight[tokens[tokens != 0]])
        if gradient is None:
            raise Failure("no gradient reaches the weight", hint="index self.weight itself, without detach or .data")
        assert_same(
            gradient,
            want,
            rtol=1e-4,
            hints={
                "your answer gives padding a gradient: multiply its vectors by 0": lambda got: bool(
                    np.abs(got[0]).max() > 0
                )
            },
        )


@grade("embedding", weight=SEEN)
def test_each_word_has_its_vector(observe, rng):
    """Embedding answers the row of the weight for each word, and zeros for padding."""
    weight = rng.normal(size=(6, 3)).astype(np.float32)
    tokens = np.array([[2, 5, 2, 1], [3, 1, 0, 0]])
    expect_embedded(observe(embedded, weight, tokens), weight, tokens, "vectors")


@grade("embedding", weight=SEEN)
def test_gradients_reach_the_words(observe, rng):
    """Each time a word occurs, its row gets a gradient; the row of padding gets none."""
    weight = rng.normal(size=(6, 3)).astype(np.float32)
    tokens = np.array([[2, 5, 2, 1], [3, 1, 0, 0]])
    expect_embedded(observe(embedded, weight, tokens), weight, tokens, "gradient")


# Cells


def draw_parameters(rng, gates, input_size, hidden_size):
    """Random parameters of a cell, no two of them alike: equal ones would hide swapped gates."""
    shapes = {
        "weight_ih": (gates * hidden_size, input_size),
        "weight_hh": (gates * hidden_size, hidden_size),
        "bias_ih": (gates * hidden_size,),
        "bias_hh": (gates * hidden_size,),
    }
    return {name: rng.normal(0, 0.7, shape).astype(np.float32) for name, shape in shapes.items()}


def filled(cell, parameters):
    """The cell with these parameters."""
    import torch

    with torch.no_grad():
        for name, values in parameters.items():
            getattr(cell, name).copy_(torch.from_numpy(values))
    return cell


def rnn_steps(code, parameters, inputs, hidden):
    """The hidden states after each of some words (T, B, H)."""
    import torch

    cell = filled(code.layers.RNNCell(inputs.shape[-1], hidden.shape[-1]), parameters)
    return states_of(cell, inputs, torch.from_numpy(hidden))


def rnn_steps_of_torch(code, parameters, inputs, hidden):
    """The same from torch's cell."""
    import torch

    cell = filled(torch.nn.RNNCell(inputs.shape[-1], hidden.shape[-1]), parameters)
    return states_of(cell, inputs, torch.from_numpy(hidden))


def states_of(cell, inputs, hidden):
    """The hidden states after each word, for a cell of an RNN."""
    import torch

    found = []
    for words in torch.from_numpy(inputs):
        hidden = cell(words, hidden)
        found.append(as_array(hidden))
    return np.stack(found)


def lstm_steps(code, parameters, inputs, hidden, memory):
    """Hidden states and memories after each of some words, two arrays (T, B, H)."""
    cell = filled(code.layers.LSTMCell(inputs.shape[-1], hidden.shape[-1]), parameters)
    return lstm_states(cell, inputs, hidden, memory)


def lstm_steps_of_torch(code, parameters, inputs, hidden, memory):
    """The same from torch's cell."""
    import torch

    return lstm_states(
        filled(torch.nn.LSTMCell(inputs.shape[-1], hidden.shape[-1]), parameters), inputs, hidden, memory
    )


def lstm_states(cell, inputs, hidden, memory):
    """Hidden states and memories after each word, for a cell of an LSTM."""
    import torch

    state, found = (torch.from_numpy(hidden), torch.from_numpy(memory)), []
    for words in torch.from_numpy(inputs):
        state = cell(words, state)
        if not isinstance(state, tuple | list) or len(state) != 2:
            raise OddAnswer(f"expected a hidden state and a memory, got {form_of(state)}")
        found.append([as_array(part) for part in state])
    return [np.stack(part) for part in zip(*found, strict=True)]


def cell_gradients(code, kind, parameters, inputs):
    """The largest gradient of each parameter of a cell after two words."""
    import torch

    hidden_size = parameters["weight_hh"].shape[1]
    cell = filled(getattr(code.layers, kind)(inputs.shape[-1], hidden_size), parameters)
    zeros = torch.zeros(inputs.shape[1], hidden_size)
    state = (zeros, zeros) if kind == "LSTMCell" else zeros
    for words in torch.from_numpy(inputs):
        state = cell(words, state)
    total = (state[0] if kind == "LSTMCell" else state).square().sum()
    if not total.requires_grad:
        return dict.fromkeys(parameters, 0.0)
    total.backward()
    return {name: 0.0 if (g := getattr(cell, name).grad) is None else float(g.abs().max()) for name in parameters}


def expect_gradients(got, parameters):
    """Fail unless every parameter got a gradient."""
    if type(got) is not dict or set(got) != set(parameters):
        raise Failure("expected the gradients of the cell's parameters")
    if missing := [name for name in parameters if not got[name] > 0]:
        raise Failure(f"no gradient reaches {', '.join(missing)}", hint="is each parameter part of the formula?")


def a_sequence(rng, steps, rows, input_size, hidden_size, states=1):
    """Inputs (T, B, D) and random states (B, H)."""
    inputs = rng.normal(size=(steps, rows, input_size)).astype(np.float32)
    return inputs, *(rng.normal(size=(rows, hidden_size)).astype(np.float32) for _ in range(states))


@grade("rnn_cell", weight=SEEN)
def test_the_rnn_cell_agrees_with_torch(observe, rng):
    """With unequal random weights RNNCell gives what torch.nn.RNNCell gives, word after word."""
    parameters = draw_parameters(rng, 1, 3, 4)
    inputs, hidden = a_sequence(rng, 3, 2, 3, 4)
    with call("RNNCell(3, 4), three words after each other"):
        want = observe(rnn_steps_of_torch, parameters, inputs, hidden)
        got = observe(rnn_steps, parameters, inputs, hidden)
        expect_movement(want)
        assert_same(got, want, rtol=1e-4, atol=1e-5, hints=rnn_hints(parameters, inputs, hidden))


def rnn_hints(parameters, inputs, hidden):
    """What known mistakes answer after the first word."""
    p = {name: values.astype(np.float64) for name, values in parameters.items()}
    x, h = inputs[0] @ p["weight_ih"].T, hidden @ p["weight_hh"].T
    wrong = {
        "tanh is missing": x + h + p["bias_ih"] + p["bias_hh"],
        "bias_ih is missing": np.tanh(x + h + p["bias_hh"]),
        "bias_hh is missing": np.tanh(x + h + p["bias_ih"]),
        "your answer leaves out the hidden state: add W_hh h": np.tanh(x + p["bias_ih"] + p["bias_hh"]),
        "weight_hh must be transposed": np.tanh(x + hidden @ p["weight_hh"] + p["bias_ih"] + p["bias_hh"]),
    }
    return {text: (lambda got, first=first: resembles(got[0], first)) for text, first in wrong.items()}


def expect_movement(want):
    """Fail where the states that were to be compared with are no states."""
    if not isinstance(want, np.ndarray) or not np.ptp(want) > 1e-3:
        raise Failure("expected states of torch's cell")


@grade("rnn_cell", weight=SEEN)
def test_gradients_reach_the_parameters_of_the_rnn_cell(observe, rng):
    """From the state after two words gradients flow back to all four parameters."""
    parameters = draw_parameters(rng, 1, 3, 4)
    expect_gradients(observe(cell_gradients, "RNNCell", parameters, a_sequence(rng, 2, 2, 3, 4)[0]), parameters)


@grade("lstm_cell", weight=SEEN)
def test_the_lstm_cell_agrees_with_torch(observe, rng):
    """With unequal random weights LSTMCell gives what torch.nn.LSTMCell gives: new hidden state first, then memory."""
    parameters = draw_parameters(rng, 4, 3, 5)
    problem = a_sequence(rng, 3, 2, 3, 5, states=2)
    with call("LSTMCell(3, 5), three words after each other"):
        inputs, hidden, memory = problem
        want = items(observe(lstm_steps_of_torch, parameters, *problem), 2)
        swapped_state = items(observe(lstm_steps_of_torch, parameters, inputs, memory, hidden), 2)
        got = items(observe(lstm_steps, parameters, *problem), 2, "hidden state and memory")
        for part in want:
            expect_movement(part)
        hints = {
            "your answer has the memory first: return h' and then c'": lambda got: resembles(got[0][0], want[1][0]),
            "your answer has the right memory and a wrong hidden state: h' = o * tanh(c')": lambda got: resembles(
                got[1][0], want[1][0]
            ),
            "your answer takes the old memory for the old hidden state: state is (h, c)": lambda got: resembles(
                got[1][0], swapped_state[1][0]
            ),
            "your answer has the gates in another order: cut the sum into i, f, g, o": lambda got: any(
                resembles(got[1][0], other[1][0]) for other in orders
            ),
        }
        orders = [
            items(observe(lstm_steps_of_torch, in_order(parameters, order), *problem), 2)
            for order in ((0, 1, 3, 2), (1, 0, 2, 3), (0, 2, 1, 3))
        ]
        assert_same(got, want, rtol=1e-4, atol=1e-5, hints=hints)


def in_order(parameters, order):
    """The parameters with the rows of their four gates in another order."""
    return {
        name: np.ascontiguousarray(np.concatenate([np.split(values, 4)[place] for place in order]))
        for name, values in parameters.items()
    }


@grade("lstm_cell", weight=SEEN)
def test_gradients_reach_the_parameters_of_the_lstm_cell(observe, rng):
    """From the state after two words gradients flow back to all four parameters."""
    parameters = draw_parameters(rng, 4, 3, 5)
    expect_gradients(observe(cell_gradients, "LSTMCell", parameters, a_sequence(rng, 2, 2, 3, 5)[0]), parameters)


# Whole reviews


def read_reviews(code, parameters, inputs, lengths):
    """Outputs and last states of an LSTM whose cell is torch's, which earlier tasks do not change."""
    import torch

    rows = len(parameters["bias_ih"]) // 4
    layer = code.layers.LSTM(inputs.shape[-1], rows)
    layer.cell = filled(torch.nn.LSTMCell(inputs.shape[-1], rows), parameters)
    answer = layer(torch.from_numpy(inputs), torch.from_numpy(lengths))
    try:
        outputs, states = answer
        hidden, memory = states if isinstance(states, tuple | list) else ()
    except (TypeError, ValueError):
        raise OddAnswer(f"expected (outputs, (h, c)), got {form_of(answer)}") from None
    return [as_array(part) for part in (outputs, hidden, memory)]


def read_reviews_one_by_one(code, parameters, inputs, lengths):
    """The same for each review alone, cut at its length, with torch's own LSTM."""
    import torch

    rows = len(parameters["bias_ih"]) // 4
    layer = torch.nn.LSTM(inputs.shape[-1], rows, batch_first=True)
    filled(layer, {f"{name}_l0": values for name, values in parameters.items()})
    outputs = np.zeros((*inputs.shape[:2], rows), dtype=np.float32)
    states = []
    for row, length in enumerate(lengths.tolist()):
        found, last = layer(torch.from_numpy(inputs[row : row + 1, :length]))
        outputs[row, :length] = as_array(found)[0]
        states.append([as_array(part)[0, 0] for part in last])
    return [outputs, *(np.stack(part) for part in zip(*states, strict=True))]


def expect_reviews(got, want, lengths):
    """Fail unless outputs and states are those of reviews without padding."""
    outputs, hidden, memory = items(got, 3, "outputs, h and c")
    right, right_hidden, right_memory = items(want, 3)
    expect_movement(right)
    steps = right.shape[1]
    inside = (np.arange(steps)[None, :] < lengths[:, None])[..., None]
    by_length = np.argsort(lengths)
    hints = {
        "your answer goes on after the end of a review: set the outputs there to zero": lambda got: (
            got.shape == right.shape and resembles(got * inside, right)
        ),
        "your answer has time as its first axis: stack along dim 1, for (B, T, H)": lambda got: (
            got.shape == (steps, len(lengths), right.shape[2])
        ),
        "your answer has the reviews sorted by length: put them back in the order in which they came": lambda got: any(
            len(set(lengths.tolist())) > 1 and resembles(got * inside[order], right[order])
            for order in (by_length, by_length[::-1])
        ),
        "your answer is right after the first word only: hand both new states on to the next word, h before c": (
            lambda got: (
                got.shape == right.shape
                and resembles(got[:, 0], right[:, 0])
                and not resembles(got[longest, 1], right[longest, 1])
            )
        ),
    }
    longest = lengths == steps
    with call("LSTM(...)(inputs, lengths), outputs"):
        assert_same(outputs, right, rtol=1e-4, atol=1e-5, hints=hints)
    hint = "your answer goes on changing {} over padding: keep the old one after the end, as torch.where does"
    with call("LSTM(...)(inputs, lengths), the last hidden state"):
        hints = {
            "your answer takes the state at the last index for all reviews: take that after each one's last word": (
                lambda got: not longest.all() and resembles(got, right[:, -1])
            ),
            hint.format("h"): lambda got: (
                got.shape == right_hidden.shape and resembles(got[longest], right_hidden[longest])
            ),
            "your answer has the memory where the hidden state belongs: return h before c": right_memory,
        }
        assert_same(hidden, right_hidden, rtol=1e-4, atol=1e-5, hints=hints)
    with call("LSTM(...)(inputs, lengths), the last memory"):
        hints = {
            hint.format("c"): lambda got: (
                got.shape == right_memory.shape and resembles(got[longest], right_memory[longest])
            ),
        }
        assert_same(memory, right_memory, rtol=1e-4, atol=1e-5, hints=hints)


def some_reviews(rng, lengths, input_size=3, hidden_size=4):
    """Parameters, inputs with random numbers as padding, lengths."""
    inputs = rng.normal(size=(len(lengths), max(lengths), input_size)).astype(np.float32)
    return draw_parameters(rng, 4, input_size, hidden_size), inputs, np.array(lengths)


@grade("lstm_layer", weight=SEEN)
def test_the_state_is_carried_from_word_to_word(observe, rng):
    """Without padding LSTM gives what torch.nn.LSTM gives."""
    problem = some_reviews(rng, [4, 4])
    expect_reviews(observe(read_reviews, *problem), observe(read_reviews_one_by_one, *problem), problem[2])


@grade("lstm_layer", weight=SEEN)
def test_padded_reviews_read_like_unpadded_ones(observe, rng):
    """Outputs and states are those of each review alone, whatever the padding holds; outputs after the end are 0."""
    problem = some_reviews(rng, [3, 1, 5, 2])
    expect_reviews(observe(read_reviews, *problem), observe(read_reviews_one_by_one, *problem), problem[2])


# Pairs


def pairs_of(code, tokens, num_buckets):
    """The numbers of the pairs."""
    import torch

    return as_array(code.model.pair_numbers(torch.from_numpy(tokens), num_buckets))


# The six pairs of the test below, with the remainder by K (with and without the 1), and with their words swapped.
BY_ALL_BUCKETS = np.array([[20, 29, 36, 27, 24, 58], [19, 28, 35, 26, 23, 57]])
OTHER_WAY_ROUND = np.array([24, 32, 26, 18, 52, 15])


@grade("sentiment_pairs", weight=SEEN)
def test_pairs_have_numbers(observe):
    """pair_numbers gives each pair of neighbours its bucket, and 0 where there is padding."""
    tokens = np.array([[2, 3, 4, 0, 0], [4, 3, 2, 7, 1], [5, 0, 0, 0, 0]])
    want = np.array([[18, 26, 0, 0], [32, 24, 22, 51], [0, 0, 0, 0]])
    with call("pair_numbers(tensor([[2, 3, 4, 0, 0], [4, 3, 2, 7, 1], [5, 0, 0, 0, 0]]), 101)"):
        hints = {
            "your answer makes a pair of a word and its padding: give it 0": lambda got: bool(
                (got[want > 0] == want[want > 0]).all()
            ),
            "your answer may give a pair the number 0, which is for padding: add 1": lambda got: bool(
                (got[want > 0] == want[want > 0] - 1).all()
            ),
            "your answer takes the remainder by K: take it by K − 1, and add 1": lambda got: any(
                bool((got[want > 0] == other).all()) for other in BY_ALL_BUCKETS
            ),
            "your answer has the two words swapped: the left one is a, the right one is b": lambda got: bool(
                (got[want > 0] == OTHER_WAY_ROUND).all()
            ),
        }
        assert_same(observe(pairs_of, tokens, 101), want, hints=hints)


@grade("sentiment_pairs", weight=SEEN)
def test_a_single_word_has_no_pair(observe):
    """For reviews of one word the answer has no column, for two words one."""
    with call("pair_numbers(tensor([[2], [3]]), 10), then with [[2, 3], [3, 2]]"):
        assert_same(observe(pairs_of, np.array([[2], [3]]), 10), np.empty((2, 0), dtype=np.int64))
        assert_same(observe(pairs_of, np.array([[2, 3], [3, 2]]), 10), np.array([[2], [9]]))


# The model


def new_model(code):
    """A new model for the words of these tests."""
    import torch

    torch.manual_seed(0)
    return code.model.SentimentModel({**code.model.HPARAMS, "words": " ".join(WORDS)})


def in_one_bucket(tokens, num_buckets):
    """In the place of pair_numbers: a slip in Task 6 costs points there alone."""
    return (tokens[:, 1:] > 0).long()


def logits_of_sizes(code, batches):
    """The logits of a new model in eval mode, for batches of several shapes."""
    import torch

    with swapped(code.model, pair_numbers=in_one_bucket), torch.no_grad():
        model = new_model(code).eval()
        return each_call(
            lambda tokens: as_array(model(torch.from_numpy(tokens))),
            {f"SentimentModel(hparams)(tokens of shape {tokens.shape})": (tokens,) for tokens in batches},
        )


def taught(code, tokens, labels, steps):
    """A model after some steps on one batch, and its loss before each of them; dropout is off."""
    import torch

    with swapped(code.model, pair_numbers=in_one_bucket):
        model = new_model(code).eval()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            logits = model(torch.from_numpy(tokens))
            as_array(logits)
            loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
            losses.append(loss.item())
            if loss.requires_grad:
                loss.backward()
                optimizer.step()
    return model, losses


def losses_on_one_batch(code, tokens, labels):
    """The losses of twenty steps."""
    return taught(code, tokens, labels, 20)[1]


def logits_alone_and_together(code, tokens, labels, more):
    """Logits of a model that has learned a little: all reviews together, each alone and unpadded, with more padding."""
    import torch

    model, _ = taught(code, tokens, labels, 5)
    with swapped(code.model, pair_numbers=in_one_bucket), torch.no_grad():
        model.eval()
        rows = [torch.from_numpy(row[row != 0]) for row in tokens]
        wide = np.pad(tokens, ((0, 0), (0, more)))
        return [
            as_array(model(torch.from_numpy(tokens))),
            np.concatenate([as_array(model(row[None])).reshape(1, -1) for row in rows]),
            as_array(model(torch.from_numpy(wide))),
        ]


def tensors_in_the_graph(code, tokens):
    """How many tensors that can be trained the logits are made from, and how many of these the model does not own."""
    import torch

    from exercise_code.common.tracing import watched_leaves

    with swapped(code.model, pair_numbers=in_one_bucket):
        model = new_model(code).train()
        logits = model(torch.from_numpy(tokens))
        as_array(logits)
    found = {id(leaf) for leaf in watched_leaves(logits)}
    owned = {id(parameter) for parameter in model.parameters()}
    return [len(found), len(found - owned), len(owned - found)]


def draw_tokens(rng, lengths):
    """Random reviews of these lengths, padded."""
    tokens = np.zeros((len(lengths), max(lengths)), dtype=np.int64)
    for row, length in enumerate(lengths):
        tokens[row, :length] = rng.permutation(len(WORDS))[:length] + 2
    return tokens


@grade("sentiment_model", weight=SEEN)
def test_the_model_takes_batches_of_any_shape(observe, rng):
    """For batches of any size and length the model answers float32 of the shape (B, 2)."""
    batches = [draw_tokens(rng, lengths) for lengths in ([6, 2, 4], [1], [5, 5])]
    got = observe(logits_of_sizes, batches)
    expect_logits(got, batches)


def expect_logits(got, batches):
    """Fail unless there are two finite logits for each review."""
    for (text, logits), tokens in zip(got.items(), batches, strict=True):
        with call(text):
            if np.shape(logits) != (len(tokens), 2) or logits.dtype != np.float32:
                raise Failure(f"expected float32 of the shape ({len(tokens)}, 2), got {logits.dtype} {logits.shape}")
            if not np.isfinite(logits).all():
                raise Failure("expected finite logits, got NaN or infinity")


@grade("sentiment_model", weight=SEEN)
def test_neither_padding_nor_neighbours_matter(observe, rng):
    """In eval mode the logits of a review are the same alone, beside others, and with more padding after it."""
    tokens = draw_tokens(rng, [6, 2, 4, 1])
    expect_independent(observe(logits_alone_and_together, tokens, np.array([0, 1, 1, 0]), 3))


def expect_independent(got):
    """Fail unless logits are the same alone, together and with more padding."""
    together, alone, wide = items(got, 3)
    with call("model(tokens), with more padding"):
        hint = (
            "padding counts: is something divided by T, or a maximum taken over padding, or does the LSTM read padding "
            "(pack it), or do you take the output at the last index, or is dropout on in eval mode?"
        )
        assert_same(wide, together, rtol=1e-3, atol=1e-4, hint=hint)
    with call("model(tokens)[i], beside model of review i alone"):
        assert_same(alone, together, rtol=1e-3, atol=1e-4, hint="is something computed over the axis of the batch?")
    if not np.ptp(together, axis=0).max() > 1e-4:
        raise Failure("expected other logits for other reviews, got the same for all")


@grade("sentiment_model", weight=SEEN)
def test_the_model_answers_logits(observe, rng):
    """The model answers logits, not probabilities: the two numbers of a review need not add up to 1."""
    tokens = draw_tokens(rng, [4, 6, 2])
    expect_no_probabilities(observe(logits_after_learning, tokens, np.array([1, 0, 1])), len(tokens))


def logits_after_learning(code, tokens, labels):
    """The logits of a model that has learned a little."""
    import torch

    model, _ = taught(code, tokens, labels, 5)
    with swapped(code.model, pair_numbers=in_one_bucket), torch.no_grad():
        return as_array(model(torch.from_numpy(tokens)))


def expect_no_probabilities(logits, count):
    """Fail unless there are two numbers for each review, not alike for all, whose rows do not all sum to 1."""
    with call(f"model(tokens of {count} reviews), after five steps of training"):
        if np.shape(logits) != (count, 2):
            raise Failure(f"expected logits of the shape ({count}, 2)", got=show(logits))
        if np.allclose(logits.sum(axis=1), 1, atol=1e-4):
            raise Failure("each row of logits sums to 1", hint="return logits: cross_entropy has the softmax")
        if not np.ptp(logits, axis=0).max() > 1e-4:
            raise Failure("expected other logits for other reviews, got the same for all")


@grade("sentiment_model", weight=SEEN)
def test_all_layers_belong_to_the_model(observe, rng):
    """What the logits are made from is among model.parameters(), and each parameter takes part."""
    expect_owned(observe(tensors_in_the_graph, draw_tokens(rng, [5, 3])))


def expect_owned(got):
    """Fail unless the logits are made from all of the model's own parameters and no others."""
    used, strangers, idle = items(got, 3)
    if not used:
        raise Failure("the logits are made from nothing that can be trained", hint="do the layers come in forward?")
    if strangers:
        raise Failure(
            f"{strangers} of the {used} tensors that the logits are made from are not among model.parameters()",
            hint="a plain Python list hides layers, nn.ModuleList does not",
        )
    if idle:
        raise Failure(f"{idle} of the model's parameters take no part in the logits", hint="use them, or take them out")


@grade("sentiment_model", weight=SEEN)
def test_the_model_learns_one_batch(observe, rng):
    """Twenty steps on one batch of four reviews at least halve the loss."""
    tokens, labels = draw_tokens(rng, [6, 3, 5, 4]), np.array([0, 1, 1, 0])
    expect_learning(observe(losses_on_one_batch, tokens, labels))


def expect_learning(losses):
    """Fail unless the loss falls to half."""
    first, *_, last = items(losses, 20, "the losses of twenty steps")
    if not last < 0.5 * first:
        raise Failure(f"the loss was {first:.3f} and is {last:.3f} after twenty steps")


# The trained model


def behaviour(code):
    """The labels that the saved model answers for the small reviews of behaviour.py, kind by kind."""
    from exercise_code.ex11_sentiment.behaviour import answers_of
    from exercise_code.ex11_sentiment.scoring import predict

    path = code.models / "sentiment.safetensors"
    if not path.is_file():
        return None
    return answers_of(lambda texts: predict(code, "sentiment", texts))


def expect_behaviour(answers, kind):
    """Fail with a number and an example where too few reviews of a kind are read correctly."""
    from exercise_code.ex11_sentiment.behaviour import CASES, table_of

    if answers is None:
        raise Failure("models/sentiment.safetensors is not there", hint="run the cell that saves the model")
    if type(answers) is not dict or any(len(answers.get(each, ())) != len(cases) for each, cases in CASES.items()):
        raise Failure("expected a label for each review of behaviour.py")
    table = table_of(answers)
    right, count, example = table[kind]
    if right < MORE_THAN_HALF * count:
        others = ", ".join(f"{name} {n} of {m}" for name, (n, m, _) in table.items())
        raise Failure(f"{kind}: {right} of {count} are right ({others})", hint=f"it misreads {example!r}")


# These bring no points: they say what a model that misses a step does not see. Whoever guesses has half of each kind
# right, and so has a model that sees no word of opinion, whatever its weights are.
@grade("sentiment_score", weight=0)
def test_the_model_understands_negation(observe):
    """Of small reviews such as "The plot was not dull." it reads more than half correctly, 0.6 or more."""
    expect_behaviour(observe(behaviour), "negation")


@grade("sentiment_score", weight=0)
def test_the_model_understands_contrast(observe):
    """Of reviews such as "Although the plot was dull, the songs were great." it reads 0.6 or more correctly."""
    expect_behaviour(observe(behaviour), "contrast")


@grade("sentiment_score", weight=0)
def test_the_model_does_not_judge_by_names(observe):
    """Of reviews that differ in names alone, such as "Ada Stone was great.", it reads 0.6 or more correctly."""
    expect_behaviour(observe(behaviour), "names swapped")


# Who has the validation set has its labels too, so these bring no points either. Their hidden twins score new reviews.
@grade("sentiment_score", weight=0, step="beats single words")
def test_the_model_beats_single_words(evaluation, model_info):
    """The saved model is within the limits and beats single words on the validation set."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("beats single words")


@grade("sentiment_score", weight=0, step="half way")
def test_the_model_is_half_way(evaluation, model_info):
    """On the validation set it is half way to the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("half way")


@grade("sentiment_score", weight=0, step="passes")
def test_the_model_passes(evaluation, model_info):
    """On the validation set it reaches the score that passes."""
    assert not model_info.problems, "; ".join(model_info.problems)
    evaluation().expect("passes")
