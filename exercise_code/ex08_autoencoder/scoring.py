"""Given: how a handed-in model is scored, and drawn. Its score is the accuracy of what `predict` answers."""

import contextlib
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from exercise_code.common.checks.drawn_sample import DrawnSample
from exercise_code.common.data import load_dataset

__all__ = ["draw_samples", "evaluation_set", "predict"]

FRESH_DIGITS = 1000

Floats = npt.NDArray[np.float32]


def evaluation_set(source: str, split: str, seed: int | None = None) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Pictures float32 (N, 1, 28, 28) from 0 to 1 and labels int64 (N,); in "train" -1 where there is none.

    A seed asks for digits that a grader scores: 1,000 new embedded ones, or, as real ones cannot be made anew and 100
    for validation say little, the whole real test set.
    """
    if seed is not None and source == "embedded":
        from exercise_code.common.datasets.generators.handwriting.digits import make_digits

        images, labels = make_digits(FRESH_DIGITS, seed)
    else:
        with contextlib.redirect_stdout(io.StringIO()):
            digits = load_dataset("mnist", split="test" if seed is not None else split, source=source)
        images, labels = digits.images, digits.labels
    return images[:, None].astype(np.float32) / np.float32(255), np.array(labels)


def draw_samples(
    inputs: Floats, targets: npt.NDArray[np.int64], predictions: npt.NDArray[np.floating]
) -> list[DrawnSample]:
    """Each digit with what the model takes it for."""
    images = np.rint(inputs[:, 0] * 255).astype(np.uint8)
    return [
        DrawnSample(image, f"{found}" if found == label else f"{found}, is {label}")
        for image, label, found in zip(images, targets, predictions.argmax(axis=1), strict=True)
    ]


def predict(code: Any, name: str, inputs: Floats) -> Floats:
    """The saved model's logits for all pictures, float32 (N, 10), in eval mode; `code` is the student's package."""
    from exercise_code.common.evaluation import predict_saved

    answer: Floats = predict_saved(code.model.Classifier, code.models / f"{name}.safetensors", inputs)
    return answer
