"""Given: how a handed-in model is scored, and drawn. Its score is the accuracy of what `predict` answers."""

import contextlib
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from exercise_code.common.checks.drawn_sample import DrawnSample
from exercise_code.common.data import load_dataset
from exercise_code.common.datasets.generators.classes import OBJECT_CLASSES

from .images import prepare

__all__ = ["draw_samples", "evaluation_set", "predict"]

FRESH_IMAGES = 1000

Floats = npt.NDArray[np.float32]
Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def evaluation_set(source: str, split: str, seed: int | None = None) -> tuple[Images, Labels]:
    """Pictures uint8 (N, 32, 32, 3) and labels int64 (N,).

    A seed asks for 1,000 new embedded pictures; photographs cannot be made anew, so there it changes nothing.
    """
    if seed is not None and source == "embedded":
        from exercise_code.common.datasets.generators.objects import make_objects

        images, labels = make_objects(FRESH_IMAGES, seed)
    else:
        with contextlib.redirect_stdout(io.StringIO()):
            pictures = load_dataset("cifar10", split=split, source=source)
        images, labels = pictures.images, pictures.labels
    return images, labels


def draw_samples(inputs: Images, targets: Labels, predictions: Floats) -> list[DrawnSample]:
    """Each picture with what was predicted, and what it shows."""
    found = predictions.argmax(axis=1)
    return [
        DrawnSample(image, f"{OBJECT_CLASSES[guess]}" + ("" if guess == true else f" ({OBJECT_CLASSES[true]})"))
        for image, guess, true in zip(inputs, found, targets, strict=True)
    ]


def predict(code: Any, name: str, inputs: Images) -> Floats:
    """The saved model's scores for all inputs, (N, 10), in eval mode; `code` is the student's package."""
    from exercise_code.common.models.numpy_library import predict_saved

    # Here, not before: bytes are sent to the student's process four times as fast as floats.
    rows = prepare(inputs)
    answer: Floats = predict_saved(code.network.Classifier, code.models / f"{name}.safetensors", rows)
    return answer
