"""Given: how a handed-in model is scored, and drawn. Its score is `keypoint_score` of what `predict` answers."""

import contextlib
import io
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from exercise_code.common.data import denormalize_keypoints, load_dataset, normalize_keypoints
from exercise_code.common.drawing import DrawnSample

__all__ = ["draw_samples", "evaluation_set", "predict"]

FRESH_FACES = 400

Floats = npt.NDArray[np.float32]


def evaluation_set(source: str, split: str, seed: int | None = None) -> tuple[Floats, Floats]:
    """Pictures float32 (N, 1, 96, 96) from 0 to 1 and keypoints float32 (N, 30) from -1 to 1.

    A seed asks for 400 new embedded faces; real faces cannot be made anew, so there it changes nothing.
    """
    if seed is not None and source == "embedded":
        from exercise_code.common.embedded.faces import make_faces

        images, keypoints = make_faces(FRESH_FACES, seed)
        return images.astype(np.float32) / np.float32(255), normalize_keypoints(keypoints)
    with contextlib.redirect_stdout(io.StringIO()):
        images, keypoints = load_dataset("facial_keypoints", split=split, source=source).scaled()
    return images, keypoints


def draw_samples(inputs: Floats, targets: Floats, predictions: Floats) -> list[DrawnSample]:
    """Each face with its true and its predicted points, and how far these are apart on average."""
    faces = np.rint(inputs[:, 0] * 255).astype(np.uint8)
    truth, predicted = (denormalize_keypoints(points).reshape(len(faces), 15, 2) for points in (targets, predictions))
    apart = np.linalg.norm(predicted - truth, axis=2).mean(axis=1)
    return [
        DrawnSample(face, f"{distance:.1f} pixels off", true, guess)
        for face, distance, true, guess in zip(faces, apart, truth, predicted, strict=True)
    ]


def predict(code: Any, name: str, inputs: Floats) -> Floats:
    """The saved model's predictions for all inputs, in eval mode; `code` is the student's package."""
    import json

    from safetensors.torch import load_file

    from exercise_code.common import devices, evaluation

    devices.full_float32()
    hparams = json.loads((code.models / f"{name}.json").read_text(encoding="utf-8"))
    model = code.model.KeypointModel(hparams)
    model.load_state_dict(load_file(code.models / f"{name}.safetensors"))
    # The grader says where models run; in a notebook nobody does, and the score is the same either way.
    model.to(os.environ.get("COURSE_DEVICE", "cpu"))
    answer: Floats = evaluation.predict(model, inputs)
    return answer
