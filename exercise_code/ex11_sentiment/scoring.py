"""Given: how a handed-in model is scored. Its score is the accuracy of what `predict` answers for raw texts."""

import contextlib
import io
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from exercise_code.common.checks.score_table import ScoreTable
from exercise_code.common.data import load_dataset

from .behaviour import CASES, table_of

__all__ = ["evaluation_set", "more_inputs", "predict", "predict_reviews", "score_tables"]

FRESH_REVIEWS = 1000
# Words of a batch, padding included.
BATCH_WORDS = 20_000

Texts = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float32]


def evaluation_set(source: str, split: str, seed: int | None = None) -> tuple[Texts, npt.NDArray[np.int64]]:
    """Texts, an array of N strings, and labels int64 (N,), 0 for blame and 1 for praise.

    A seed asks for 1,000 new embedded reviews, whose names and nouns are not those of training; real ones cannot be
    made anew, so there it changes nothing.
    """
    if seed is not None and source == "embedded":
        from exercise_code.common.datasets.generators.film_reviews.writer import make_reviews

        texts, labels = make_reviews(FRESH_REVIEWS, seed, training=False)
    else:
        with contextlib.redirect_stdout(io.StringIO()):
            reviews = load_dataset("imdb", split=split, source=source)
        texts, labels = list(reviews.texts), reviews.labels
    # Of objects: in an array of numpy's own texts each takes the room of the longest.
    return np.array(texts, dtype=object), labels


def predict(code: Any, name: str, inputs: Texts) -> Floats:
    """The saved model's logits for all texts, float32 (N, 2), in eval mode; `code` is the student's package.

    The vocabulary is made of "words" in the saved hyperparameters, and the student's own functions cut the texts.
    """
    from exercise_code.common.evaluation import load_saved
    from exercise_code.common.probing.failures import OddAnswer

    path = code.models / f"{name}.safetensors"
    words = json.loads(path.with_suffix(".json").read_text(encoding="utf-8")).get("words")
    if not isinstance(words, str):
        raise OddAnswer('expected the text "words" in the hyperparameters, got none: save as the notebook does')
    vocabulary = code.text.Vocabulary(words.split())
    return predict_reviews(code.text.tokenize, vocabulary, load_saved(code.model.SentimentModel, path), inputs)


def predict_reviews(tokenize: Any, vocabulary: Any, model: Any, texts: Any) -> Floats:
    """A model's logits for all texts, float32 (N, 2), in eval mode; reviews of similar lengths go together."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    from exercise_code.common.evaluation import predict as predict_batch

    # A text without a single word is one unknown word.
    rows = [torch.tensor(vocabulary.encode(tokenize(text)) or [1]) for text in texts]
    order = np.argsort([len(row) for row in rows], kind="stable")
    logits = np.empty((len(rows), 2), dtype=np.float32)
    start = 0
    while start < len(order):
        size = max(1, min(256, BATCH_WORDS // len(rows[order[min(start + 255, len(order) - 1)]])))
        chosen = order[start : start + size]
        tokens = pad_sequence([rows[place] for place in chosen], batch_first=True)
        logits[chosen] = predict_batch(model, tokens, batch_size=size)
        start += size
    return logits


def more_inputs() -> Texts:
    """The small reviews of behaviour.py, kind after kind."""
    return np.array([text for cases in CASES.values() for text, _ in cases], dtype=object)


def score_tables(_targets: npt.NDArray[np.int64], _predictions: Floats, more: Floats) -> list[ScoreTable]:
    """How many small reviews of each kind are read correctly, from the logits (N, 2) for `more_inputs()`."""
    said = iter(more[:, 1] > more[:, 0])
    answers = {kind: [int(next(said)) for _ in cases] for kind, cases in CASES.items()}
    rows = [(kind, f"{right} of {of}", misread) for kind, (right, of, misread) in table_of(answers).items()]
    columns = ("kind of review", "read correctly", "one that is misread")
    # With nothing misread there is no example to show.
    shown = 3 if any(row[2] for row in rows) else 2
    title = "What it understands, in small reviews made for one question each"
    return [ScoreTable(title, columns[:shown], tuple(row[:shown] for row in rows), wide=columns[2:shown])]
