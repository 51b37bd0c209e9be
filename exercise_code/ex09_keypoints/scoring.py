"""Given: how a handed-in model is scored, and drawn. Its score is `keypoint_score` of what `predict` answers."""

import contextlib
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from exercise_code.common.checks.drawn_sample import DrawnSample
from exercise_code.common.data import load_dataset

__all__ = ["draw_samples", "evaluation_set", "predict"]

FRESH_FACES = 400

Floats = npt.NDArray[np.float32]


def evaluation_set(source: str, split: str, seed: int | None = None) -> tuple[Floats, Floats]:
    """Pictures float32 (N, 1, 96, 96) from 0 to 1 and keypoints float32 (N, 30) from -1 to 1.

    A seed asks for 400 new embedded faces; real faces cannot be made anew, so there it changes nothing.
    """
    if seed is not None and source == "embedded":
        from exercise_code.common.datasets.generators.faces import make_faces

        images, keypoints = make_faces(FRESH_FACES, seed)
    else:
        with contextlib.redirect_stdout(io.StringIO()):
            faces = load_dataset("facial_keypoints", split=split, source=source)
        images, keypoints = faces.images, faces.keypoints
    # No function that could be imported for that, here or in the data set: writing one is the first task.
    half = np.float32(images.shape[-1] / 2)
    return images.astype(np.float32) / np.float32(255), (keypoints.astype(np.float32) - half) / half


def draw_samples(inputs: Floats, targets: Floats, predictions: Floats) -> list[DrawnSample]:
    """Each face with its true and its predicted points, and how far these are apart on average."""
    faces = np.rint(inputs[:, 0] * 255).astype(np.uint8)
    half = faces.shape[-1] / 2
    truth, predicted = (points.reshape(len(faces), 15, 2) for points in (targets, predictions))
    apart = half * np.linalg.norm(predicted - truth, axis=2).mean(axis=1)
    return [
        DrawnSample(face, f"{distance:.1f} pixels off", true, guess)
        for face, distance, true, guess in zip(faces, apart, truth, predicted, strict=True)
    ]


def predict(code: Any, name: str, inputs: Floats) -> Floats:
    """The saved model's predictions for all inputs, in eval mode; `code` is the student's package.

    A model that answers 15 points (N, 15, 2) has them in the order of the 30 numbers that are asked for.
    """
    from exercise_code.common.evaluation import predict_saved

    answer: Floats = predict_saved(code.model.KeypointModel, code.models / f"{name}.safetensors", inputs)
    return answer.reshape(len(answer), -1) if answer.shape[1:] == (15, 2) else answer
