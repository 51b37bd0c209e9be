"""How the reference model of exercise 11 is trained: `autograder train ex11_sentiment`.

For made-up reviews it learns like the students' models. For real ones its bags are a logistic regression, whose best
weights are found on all reviews at once, and its reader says nothing: a small one, trained in minutes on a processor,
took more from the bags than it gave.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from exercise_code.common.training import History, cosine, train
from exercise_code.ex11_sentiment.scoring import evaluation_set

NAME = "sentiment"
# Beside those that students start from.
HPARAMS: dict[str, dict[str, Any]] = {
    "embedded": {},
    "real": {"num_buckets": 650_000, "embedding_size": 1, "hidden_size": 1, "words_read": 1},
}
MIN_COUNT = {"embedded": 2, "real": 10}
MAX_WORDS = 8000

# For made-up reviews.
HIDDEN_SHARE = 0.02
LEARNING_RATE, WEIGHT_DECAY = 1e-2, 1e-2
BATCH_SIZE = 64
NUM_EPOCHS = 8
# On a slow or busy machine the run is cut here, and the learning rate falls accordingly.
MAX_SECONDS = 19 * 60

# For real ones: how many reviews a bucket must be in, what is added to each count, how much weights may grow (the C of
# logistic regression, for features of the size SIZE / sqrt(length)), and how many rounds it takes.
MIN_REVIEWS, PRIOR, FREEDOM, SIZE = 3, 1.0, 1.0, 10.0
NUM_ROUNDS = 60


def fit(code: Any, source: str, device: torch.device, seed: int, max_seconds: float | None) -> tuple[Any, History]:
    """The trained reference model and its history; `code` is the solved package."""
    texts, labels = evaluation_set(source, "train")
    reviews = [code.text.tokenize(text) for text in texts]
    vocabulary = code.text.Vocabulary.build(reviews, MIN_COUNT[source], MAX_WORDS)
    # The words are saved with the rest.
    hparams = {**code.model.HPARAMS, **HPARAMS[source], "words": " ".join(vocabulary.words)}
    model = code.model.SentimentModel(hparams)
    numbers = [vocabulary.encode(words) for words in reviews]
    if source == "real":
        nn.init.zeros_(model.head.weight)
        nn.init.zeros_(model.head.bias)
        bags = [model.word_scores, model.pair_scores, model.gap_scores, model.triple_scores]
        loss = fill_bags(code, model, bags, numbers, torch.as_tensor(labels))
        return model, History(train_loss=[loss], best_epoch=1)
    val_texts, val_labels = evaluation_set(source, "val")
    val_numbers = [vocabulary.encode(code.text.tokenize(text)) for text in val_texts]
    loaders = [
        code.training.ReviewLoader(rows, truth, BATCH_SIZE, seed=loader_seed)
        for rows, truth, loader_seed in ((numbers, labels, seed), (val_numbers, val_labels, None))
    ]
    return model, _train(code, model.to(device), loaders, MAX_SECONDS if max_seconds is None else max_seconds, seed)


def _train(code: Any, model: Any, loaders: list[Any], max_seconds: float, seed: int) -> History:
    """The history of a run in small batches."""
    # Only now are the modules of exercise 7 the solved ones.
    from exercise_code.ex07_pytorch.training import train_step

    return train(
        model,
        *loaders,
        loss=nn.functional.cross_entropy,
        step=train_step,
        optimizer=torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        metric="accuracy",
        num_epochs=NUM_EPOCHS,
        schedule=cosine,
        augment=partial(code.training.hide_words, share=HIDDEN_SHARE),
        max_seconds=max_seconds,
        seed=seed,
    )


def fill_bags(code: Any, model: Any, bags: list[nn.Embedding], rows: list[list[int]], labels: Tensor) -> float:
    """The mean loss, after the bags got the weights of a logistic regression.

    Its features are how much more often reviews with a word, pair or triple praise than blame, as naive Bayes counts.
    """
    review, column = _asked_for(code, model, bags, rows)
    sizes = [scores.num_embeddings for scores in bags]
    praised = labels[review].double()
    pro, con = torch.bincount(column, praised, sum(sizes)), torch.bincount(column, 1 - praised, sum(sizes))
    ratio = ((pro + PRIOR) / (pro + PRIOR).sum()).log() - ((con + PRIOR) / (con + PRIOR).sum()).log()
    ratio[pro + con < MIN_REVIEWS] = 0
    lengths = torch.tensor([max(1, len(row)) for row in rows])
    kept = ratio[column] != 0
    review, column = review[kept], column[kept]
    values = SIZE * ratio[column] / lengths[review].sqrt()
    found, loss = _logistic_regression(review, column, values.float(), labels, sum(sizes))
    weights = SIZE * ratio * found
    with torch.no_grad():
        for scores, part in zip(bags, weights.split(sizes), strict=True):
            # Half is added to praise, half is taken from blame.
            scores.weight.copy_(part[:, None] / 2)
    return loss


def _asked_for(code: Any, model: Any, bags: list[nn.Embedding], rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Which review asks for which weight of the bags, in pairs; the weights of all bags are numbered through."""
    noted: list[Tensor] = []
    hooks, start = [], 0

    def note(start: int, _module: nn.Module, asked: tuple[Tensor]) -> None:
        noted.append(asked[0].where(asked[0] == 0, asked[0] + start))

    for scores in bags:
        hooks.append(scores.register_forward_pre_hook(partial(note, start)))
        start += scores.num_embeddings
    # What the reader makes of them does not matter here.
    hparams, model.hparams = model.hparams, {**model.hparams, "words_read": 1}
    reviews, columns = [], []
    with torch.no_grad():
        for batch in code.batches.batches_by_length([len(row) for row in rows], 256):
            tokens, _ = code.batches.pad_sequences([rows[i] or [1] for i in batch])
            noted.clear()
            model(tokens.to(next(model.parameters()).device))
            numbers = torch.cat(noted, dim=1).cpu()
            place, _ = where = torch.nonzero(numbers, as_tuple=True)
            reviews.append(torch.tensor(batch)[place])
            columns.append(numbers[where])
    model.hparams = hparams
    for hook in hooks:
        hook.remove()
    return torch.cat(reviews), torch.cat(columns)


def _logistic_regression(
    review: Tensor, column: Tensor, values: Tensor, labels: Tensor, size: int
) -> tuple[Tensor, float]:
    """The weights that are best for all reviews at once, small ones preferred, and the mean loss with them."""
    order = review.argsort(stable=True)
    column, values = column[order], values[order]
    starts = torch.bincount(review, minlength=len(labels)).cumsum(0).roll(1)
    starts[0] = 0
    weights = torch.zeros(size, 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=NUM_ROUNDS, line_search_fn="strong_wolfe")
    signs = 2.0 * labels - 1

    def losses() -> Tensor:
        sums = nn.functional.embedding_bag(column, weights, starts, mode="sum", per_sample_weights=values)
        return nn.functional.softplus(-signs * sums[:, 0])

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = FREEDOM * losses().sum() + 0.5 * weights.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach()[:, 0], losses().mean().item()
