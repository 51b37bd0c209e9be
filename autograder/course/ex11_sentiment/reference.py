"""How the reference model of exercise 11 is trained: `autograder train ex11_sentiment`."""

from functools import partial
from typing import Any

import torch

from exercise_code.common.training import History, cosine, train
from exercise_code.ex11_sentiment.scoring import evaluation_set

NAME = "sentiment"
# Beside those that students start from. On real reviews the bags are the better part. A reader that learns as fast
# as they do takes over before they have learned: 0.884, where bags that start from counts reach 0.909 without it.
HPARAMS: dict[str, dict[str, Any]] = {
    "embedded": {},
    "real": {"num_buckets": 750_000, "words_read": 100, "dropout": 0.5},
}
MIN_COUNT = {"embedded": 2, "real": 10}
MAX_WORDS = 8000
HIDDEN_SHARE = {"embedded": 0.02, "real": 0.1}
# That of the bags comes first. On real reviews they start from counts and need little more.
LEARNING_RATES = {"embedded": (1e-2, 1e-2), "real": (3e-3, 3e-4)}
WEIGHT_DECAY = 1e-2
# A share of what naive Bayes takes, whose counts are sure of too much.
START = 0.25
BATCH_SIZE = 64
NUM_EPOCHS = {"embedded": 8, "real": 3}
# On a slow or busy machine the run is cut here, and the learning rate falls accordingly.
MAX_SECONDS = 19 * 60


def fit(code: Any, source: str, device: torch.device, seed: int, max_seconds: float | None) -> tuple[Any, History]:
    """The trained reference model and its history; `code` is the solved package."""
    # Only now are the modules of exercise 7 the solved ones.
    from exercise_code.ex07_pytorch.training import train_step

    texts, labels = evaluation_set(source, "train")
    reviews = [code.text.tokenize(text) for text in texts]
    vocabulary = code.text.Vocabulary.build(reviews, MIN_COUNT[source], MAX_WORDS)
    # The words are saved with the rest.
    hparams = {**code.model.HPARAMS, **HPARAMS[source], "words": " ".join(vocabulary.words)}
    val_texts, val_labels = evaluation_set(source, "val")
    val_reviews = [code.text.tokenize(text) for text in val_texts]
    loaders = [
        code.training.ReviewLoader([vocabulary.encode(words) for words in each], truth, BATCH_SIZE, seed=loader_seed)
        for each, truth, loader_seed in ((reviews, labels, seed), (val_reviews, val_labels, None))
    ]
    model = code.model.SentimentModel(hparams)
    if source == "real":
        start_from_counts(code, model, [vocabulary.encode(words) for words in reviews], labels)
    model.to(device)
    bags = [model.word_scores.weight, model.pair_scores.weight]
    reader = [*model.embedding.parameters(), *model.lstm.parameters(), *model.head.parameters()]
    groups = [{"params": params, "lr": lr} for params, lr in zip((bags, reader), LEARNING_RATES[source], strict=True)]
    history = train(
        model,
        *loaders,
        loss=torch.nn.functional.cross_entropy,
        step=train_step,
        optimizer=torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY),
        metric="accuracy",
        num_epochs=NUM_EPOCHS[source],
        schedule=cosine,
        augment=partial(code.training.hide_words, share=HIDDEN_SHARE[source]),
        max_seconds=MAX_SECONDS if max_seconds is None else max_seconds,
        seed=seed,
    )
    return model, history


def start_from_counts(code: Any, model: Any, sequences: list[list[int]], labels: Any) -> None:
    """Start each word and pair from how much more often reviews with it praise than blame, as naive Bayes does."""
    for bag in (model.word_scores, model.pair_scores):
        counts = torch.ones(2, bag.num_embeddings)
        for sequence, label in zip(sequences, labels, strict=True):
            tokens = torch.tensor([sequence])
            found = tokens if bag is model.word_scores else code.model.pair_numbers(tokens, bag.num_embeddings)
            counts[label, found.unique()] += 1
        shares = (counts / counts.sum(dim=1, keepdim=True)).log()
        with torch.no_grad():
            bag.weight.copy_(torch.stack([shares[0] - shares[1], shares[1] - shares[0]], dim=1) * START)
            bag.weight[0] = 0
