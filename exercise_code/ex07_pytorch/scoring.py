"""Given: how a handed-in model is scored, and drawn. Its score is the accuracy of what `predict` answers."""

import contextlib
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from exercise_code.common.checks.drawn_sample import DrawnSample
from exercise_code.common.data import load_dataset
from exercise_code.common.datasets.generators.classes import OBJECT_CLASSES

__all__ = ["FORBIDDEN", "draw_samples", "evaluation_set", "predict"]

FRESH_IMAGES = 1000
# Parts of operators' names: a convolution, and pictures cut into windows for one.
FORBIDDEN = ("convolution", "conv_tbc", "im2col")

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
    """The saved model's logits for all pictures, float32 (N, 10), in eval mode; `code` is the student's package.

    An `OddAnswer` names an operator that a fully connected network does not need. This is evidence only, as the
    student's own code runs here; what counts is what the judge sees in the file, weights of two axes at most.
    """
    from exercise_code.common.evaluation import predict_saved
    from exercise_code.common.probing.failures import OddAnswer
    from exercise_code.common.tracing import OperatorTrace

    # Here, not before: bytes are sent to the student's process four times as fast as floats.
    rows = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)
    with OperatorTrace() as trace:
        answer: Floats = predict_saved(code.model.CifarModel, code.models / f"{name}.safetensors", rows)
    if found := trace.named(FORBIDDEN):
        raise OddAnswer(f"expected fully connected layers only, got the operator {found[0]}: no convolutions here")
    return answer
