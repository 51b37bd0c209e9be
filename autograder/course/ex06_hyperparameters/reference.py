"""How the reference classifier of exercise 6 is trained: `autograder train ex06_hyperparameters`.

For photographs it learns from whitened images, and is asked about an image and its mirror image. Both are linear in the
image, so they end in the weights of a plain classifier: nothing is left to do when it is graded.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from exercise_code.common.data import load_dataset
from exercise_code.ex06_hyperparameters.images import cosine, prepare

NAME = "classifier"
HPARAMS: dict[str, Any] = {"sizes": [3072, 128, 64, 10], "activation": "leaky_relu", "dropout": 0.2, "seed": 0}
# On a slow or busy machine the run is cut here, and the learning rate falls accordingly.
MAX_SECONDS = 18 * 60


@dataclass(frozen=True)
class Settings:
    """What training goes by; `hparams` are those of the classifier that learns."""

    hparams: dict[str, Any]
    learning_rate: float
    weight_decay: float
    batch_size: int
    most_pixels: int
    num_epochs: int
    whitened: bool


SETTINGS = {
    "embedded": Settings(HPARAMS, 2e-3, 0.3, 100, 3, 150, whitened=False),
    "real": Settings(HPARAMS | {"sizes": [3072, 704, 176, 10], "dropout": 0.05}, 1e-3, 0.01, 128, 4, 70, whitened=True),
}


def fit(code: Any, source: str, _device: Any, seed: int, max_seconds: float | None) -> tuple[Any, Any]:
    """The trained reference and its history; `code` is the solved package. It computes in numpy, on the CPU."""
    # Here, not above: the exercise before is solved while this runs, and a stub otherwise.
    from exercise_code.ex05_neural_networks.losses import SoftmaxCrossEntropy

    settings = SETTINGS[source]
    train, val = (load_dataset("cifar10", split=split, source=source) for split in ("train", "val"))
    start, seconds = time.perf_counter(), MAX_SECONDS if max_seconds is None else max_seconds

    def augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return code.augmentation.shift_images(code.augmentation.flip_images(images, rng), rng, settings.most_pixels)

    def schedule(share: float) -> float:
        used = (time.perf_counter() - start) / seconds
        if used >= 1:
            trainer.patience = 0
        return cosine(min(max(share, used), 1))

    classifier = code.network.Classifier(settings.hparams | {"seed": seed})
    model = Whitened(classifier, prepare(train.images)) if settings.whitened else classifier
    trainer = code.training.Trainer(
        model,
        SoftmaxCrossEntropy(),
        code.regularisation.AdamW(settings.learning_rate, settings.weight_decay),
        (train.images, train.labels),
        (val.images, val.labels),
        batch_size=settings.batch_size,
        seed=seed,
        augment=augment,
        schedule=schedule,
    )
    history = trainer.train(settings.num_epochs)
    if trainer.patience == 0:
        history.stopped = f"{seconds:g} seconds are over"
    trained = model.twin(code.network.Classifier, mirrored(32, 32, 3)) if settings.whitened else classifier
    trained.eval()
    return trained, history


# Added to the variance along each direction: where it is far smaller, there is little but noise.
NOISE = 0.1


class Whitened:
    """A classifier that learns from whitened images: their pixels are uncorrelated, which shortens the descent.

    Args:
        classifier: an untrained `Classifier`; it holds the weights for whitened images.
        X: float array of shape (N, D), the training images as rows.
    """

    def __init__(self, classifier: Any, X: np.ndarray) -> None:
        self.classifier, self.params = classifier, classifier.params
        self.mean = X.mean(axis=0)
        variances, directions = np.linalg.eigh(np.cov((X - self.mean).T.astype(np.float64)))
        scaled = directions / np.sqrt(np.maximum(variances, 0) + NOISE)
        self.whiten = (scaled @ directions.T).astype(np.float32)

    def forward(self, X: np.ndarray) -> np.ndarray:
        """The scores of images, as `Classifier.forward`."""
        return self.classifier.forward((X - self.mean) @ self.whiten)

    def backward(self, dout: np.ndarray) -> dict[str, np.ndarray]:
        """The gradients, as `Classifier.backward`."""
        return self.classifier.backward(dout)

    def train(self) -> None:
        """As `Classifier.train`."""
        self.classifier.train()

    def eval(self) -> None:
        """As `Classifier.eval`."""
        self.classifier.eval()

    def twin(self, build: Any, mirror: np.ndarray) -> Any:
        """A plain classifier, made by `build(hparams)`, that gives the mean of the scores of X and of X[:, mirror].

        It has each hidden layer twice, one for the image and one for its mirror image, and no weight between the two.
        """
        hparams = self.classifier.hparams
        first, *inner, last = hparams["sizes"]
        twice = build(hparams | {"sizes": [first, *(2 * size for size in inner), last], "dropout": 0.0})
        names = [name for name in self.params if name.endswith(".weight")]
        for name in names:
            bias = name.replace("weight", "bias")
            weight, offset = self.params[name], self.params[bias]
            if name == names[0]:
                offset = offset - self.mean @ self.whiten @ weight
                weight = self.whiten @ weight
                weight, offset = np.hstack([weight, weight[mirror]]), np.hstack([offset, offset])
            elif name == names[-1]:
                weight = np.vstack([weight, weight]) / 2
            else:
                empty = np.zeros_like(weight)
                weight, offset = np.block([[weight, empty], [empty, weight]]), np.hstack([offset, offset])
            twice.params[name][...], twice.params[bias][...] = weight, offset
        return twice


def mirrored(height: int, width: int, channels: int) -> np.ndarray:
    """Where each number of a row of pixels stands in the row of the mirror image, int (height * width * channels,).

    Mirroring twice changes nothing, so it says where each number comes from, too.
    """
    places = np.arange(height * width * channels).reshape(height, width, channels)
    return places[:, ::-1].ravel()
