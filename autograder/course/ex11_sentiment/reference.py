"""How the reference model of exercise 11 is trained: `autograder train ex11_sentiment`.

For real reviews it is trained in two halves that are added in the end. The bags are a logistic regression, whose best
weights are found on all reviews at once. The reader learns alone: bags that know all reviews leave it nothing to learn.
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
    "real": {"num_buckets": 560_000, "words_read": 200, "dropout": 0.5},
}
MIN_COUNT = {"embedded": 2, "real": 10}
MAX_WORDS = 8000
HIDDEN_SHARE = {"embedded": 0.02, "real": 0.1}
LEARNING_RATE = {"embedded": 1e-2, "real": 3e-3}
WEIGHT_DECAY = 1e-2
BATCH_SIZE = 64
NUM_EPOCHS = {"embedded": 8, "real": 4}
# On a slow or busy machine the run is cut here, and the learning rate falls accordingly.
MAX_SECONDS = 15 * 60

# Of the bags for real reviews: how many reviews a bucket must be in, what is added to each count, how much weights may
# grow (the C of logistic regression, for features of the size SIZE / sqrt(length)), and the share of their logits.
MIN_REVIEWS, PRIOR, FREEDOM, SIZE = 3, 1.0, 1.0, 10.0
NUM_ROUNDS = 60
SHARE_OF_BAGS = 1.0


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
    numbers = [vocabulary.encode(words) for words in reviews]
    val_numbers = [vocabulary.encode(code.text.tokenize(text)) for text in val_texts]
    # The reader of real reviews alone reads, so its batches need not be longer.
    longest = hparams["words_read"] if source == "real" else None
    loaders = [
        code.training.ReviewLoader(rows, truth, BATCH_SIZE, longest, seed=loader_seed)
        for rows, truth, loader_seed in ((numbers, labels, seed), (val_numbers, val_labels, None))
    ]
    model = code.model.SentimentModel(hparams).to(device)
    bags = [model.word_scores, model.pair_scores, model.gap_scores, model.triple_scores]
    if source == "real":
        for scores in bags:
            scores.weight.requires_grad_(False)
    history = train(
        model,
        *loaders,
        loss=nn.functional.cross_entropy,
        step=train_step,
        optimizer=torch.optim.AdamW(
            [parameter for parameter in model.parameters() if parameter.requires_grad],
            lr=LEARNING_RATE[source],
            weight_decay=WEIGHT_DECAY,
        ),
        metric="accuracy",
        num_epochs=NUM_EPOCHS[source],
        schedule=cosine,
        augment=partial(code.training.hide_words, share=HIDDEN_SHARE[source]),
        max_seconds=MAX_SECONDS if max_seconds is None else max_seconds,
        seed=seed,
    )
    if source == "real":
        fill_bags(code, model, bags, numbers, torch.as_tensor(labels))
    return model, history


def fill_bags(code: Any, model: Any, bags: list[nn.Embedding], rows: list[list[int]], labels: Tensor) -> None:
    """Give the bags the weights of a logistic regression on how often naive Bayes finds a word, pair or triple praises."""
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
    weights = SIZE * ratio * _logistic_regression(review, column, values.float(), labels, sum(sizes))
    with torch.no_grad():
        for scores, part in zip(bags, weights.split(sizes), strict=True):
            # Half is added to praise, half is taken from blame.
            scores.weight.copy_(SHARE_OF_BAGS / 2 * part[:, None])


def _asked_for(code: Any, model: Any, bags: list[nn.Embedding], rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Which review asks for which weight of the bags, in pairs; the weights of all bags are numbered through."""
    noted: list[Tensor] = []
    starts = [0]
    for scores in bags:
        starts.append(starts[-1] + scores.num_embeddings)

    def note(start: int, _module: nn.Module, asked: tuple[Tensor]) -> None:
        noted.append(asked[0].where(asked[0] == 0, asked[0] + start))

    hooks = [scores.register_forward_pre_hook(partial(note, start)) for scores, start in zip(bags, starts)]
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


def _logistic_regression(review: Tensor, column: Tensor, values: Tensor, labels: Tensor, size: int) -> Tensor:
    """The weights that are best for all reviews at once, short ones preferred."""
    order = review.argsort(stable=True)
    column, values = column[order], values[order]
    starts = torch.bincount(review, minlength=len(labels)).cumsum(0).roll(1)
    starts[0] = 0
    weights = torch.zeros(size, 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=NUM_ROUNDS, line_search_fn="strong_wolfe")
    signs = 2.0 * labels - 1

    def closure() -> Tensor:
        optimizer.zero_grad()
        sums = nn.functional.embedding_bag(column, weights, starts, mode="sum", per_sample_weights=values)
        loss = FREEDOM * nn.functional.softplus(-signs * sums[:, 0]).sum() + 0.5 * weights.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach()[:, 0]
