"""How the reference model of exercise 8 is trained: `autograder train ex08_autoencoder`.

First on the hundred labels alone, each picture changed anew every time it is seen. Then in rounds: the model labels
the pictures that have no label, those that it is sure of join the training set, and it goes on learning from all of
them. At the end of each stage the model is the average of its last steps.
"""

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from exercise_code.common.evaluation import predict
from exercise_code.common.training import History, cosine, train
from exercise_code.ex08_autoencoder.scoring import evaluation_set

NAME = "digits"
# Beside those that students start from.
HPARAMS: dict[str, dict[str, Any]] = {"embedded": {}, "real": {"channels": [32, 64], "latent_size": 64}}
LEARNING_RATES = (3e-3, 2e-3)
WEIGHT_DECAY = 1e-2
BATCH_SIZE = 64
# Steps with labels alone, and in each round.
NUM_STEPS = {"embedded": (600, 300), "real": (800, 800)}
NUM_ROUNDS = 3
THRESHOLD = 0.95
# True labels count as much as so many of those that the model gave itself: a share of all that it learns from.
LABELLED_SHARE = 0.1
MAX_SECONDS = 28 * 60


def fit(code: Any, source: str, device: torch.device, seed: int, max_seconds: float | None) -> tuple[Any, History]:
    """The trained reference model and its history; `code` is the solved package."""
    images, labels = map(torch.from_numpy, evaluation_set(source, "train"))
    return fit_digits(code, source, images, labels, device, seed, MAX_SECONDS if max_seconds is None else max_seconds)


def fit_digits(
    code: Any, source: str, images: Tensor, labels: Tensor, device: torch.device, seed: int, max_seconds: float
) -> tuple[Any, History]:
    """The same for any pictures, of which those with the label -1 have none."""
    start = time.perf_counter()
    known = labels >= 0
    model = code.model.Classifier({**code.model.HPARAMS, **HPARAMS[source]}).to(device)
    chosen, told = images[known], labels[known]
    history = History()
    for stage in range(1 + NUM_ROUNDS):
        left = max_seconds - (time.perf_counter() - start)
        if stage:
            chosen, told = more_labels(code, model, images, labels)
        history = run_stage(
            code, source, model, TensorDataset(chosen, told), stage, seed, left / (1 + NUM_ROUNDS - stage)
        )
    return model, history


def run_stage(
    code: Any, source: str, model: Any, samples: TensorDataset, stage: int, seed: int, max_seconds: float
) -> History:
    """The history of one stage; afterwards the model is the average of its steps."""
    from exercise_code.ex07_pytorch.training import train_step

    num_steps = NUM_STEPS[source][min(stage, 1)]
    return train(
        model,
        samples,
        loss=code.labels.labelled_loss,
        step=train_step,
        optimizer=torch.optim.AdamW(model.parameters(), lr=LEARNING_RATES[min(stage, 1)], weight_decay=WEIGHT_DECAY),
        num_epochs=max(1, round(num_steps * BATCH_SIZE / len(samples))),
        batch_size=BATCH_SIZE,
        schedule=cosine,
        augment=lambda images, labels, generator: (code.augmentation.augment_digits(images, generator), labels),
        keep="average",
        max_seconds=max_seconds,
        seed=seed + 100 * stage,
    )


def more_labels(code: Any, model: Any, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """What a round learns from: the labelled pictures, several times, and those that the model is sure of."""
    known = labels >= 0
    unknown = images[~known]
    sure, found = code.labels.pseudo_labels(torch.from_numpy(predict(model, unknown)), THRESHOLD)
    times = max(1, int(LABELLED_SHARE * len(sure) / int(known.sum())))
    repeated = np.tile(np.flatnonzero(known.numpy()), times)
    return torch.cat([images[repeated], unknown[sure]]), torch.cat([labels[repeated], found])
