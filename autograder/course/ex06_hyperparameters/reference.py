"""How the reference classifier of exercise 6 is trained: `autograder train ex06_hyperparameters`."""

import time
from typing import Any

import numpy as np

from exercise_code.common.data import load_dataset
from exercise_code.ex06_hyperparameters.images import cosine

NAME = "classifier"
HPARAMS: dict[str, Any] = {"sizes": [3072, 128, 64, 10], "activation": "leaky_relu", "dropout": 0.2, "seed": 0}
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.3
BATCH_SIZE = 100
MOST_PIXELS = 3
NUM_EPOCHS = {"embedded": 150, "real": 100}
# On a slow or busy machine the run is cut here, and the learning rate falls accordingly.
MAX_SECONDS = 13 * 60


def fit(code: Any, source: str, _device: Any, seed: int, max_seconds: float | None) -> tuple[Any, Any]:
    """The trained reference and its history; `code` is the solved package. It computes in numpy, on the CPU."""
    # Here, not above: the exercise before is solved while this runs, and a stub otherwise.
    from exercise_code.ex05_neural_networks.losses import SoftmaxCrossEntropy

    train, val = (load_dataset("cifar10", split=split, source=source) for split in ("train", "val"))
    start, seconds = time.perf_counter(), MAX_SECONDS if max_seconds is None else max_seconds

    def augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return code.augmentation.shift_images(code.augmentation.flip_images(images, rng), rng, MOST_PIXELS)

    def schedule(share: float) -> float:
        used = (time.perf_counter() - start) / seconds
        if used >= 1:
            trainer.patience = 0
        return cosine(min(max(share, used), 1))

    classifier = code.network.Classifier(HPARAMS | {"seed": seed})
    trainer = code.training.Trainer(
        classifier,
        SoftmaxCrossEntropy(),
        code.regularisation.AdamW(LEARNING_RATE, WEIGHT_DECAY),
        (train.images, train.labels),
        (val.images, val.labels),
        batch_size=BATCH_SIZE,
        seed=seed,
        augment=augment,
        schedule=schedule,
    )
    history = trainer.train(NUM_EPOCHS[source])
    if trainer.patience == 0:
        history.stopped = f"{seconds:g} seconds are over"
    classifier.eval()
    return classifier, history
