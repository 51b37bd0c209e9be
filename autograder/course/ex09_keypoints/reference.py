"""How the reference model of exercise 9 is trained: `autograder train ex09_keypoints`."""

from functools import partial
from typing import Any

import torch
from torch.utils.data import TensorDataset

from exercise_code.common.training import History, cosine, train
from exercise_code.ex09_keypoints.scoring import evaluation_set

NAME = "keypoints"
HPARAMS: dict[str, Any] = {"channels": [24, 48, 96, 128, 128], "hidden_size": 128, "dropout": 0.1}
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2
BATCH_SIZE = 32
NUM_EPOCHS = {"embedded": 60, "real": 100}
# On a slow or busy machine the run is cut here, and the learning rate falls accordingly.
MAX_SECONDS = 13 * 60


def samples(split: str, source: str) -> TensorDataset:
    """The pictures and scaled keypoints of one split."""
    images, keypoints = evaluation_set(source, split)
    return TensorDataset(torch.from_numpy(images), torch.from_numpy(keypoints))


def fit(code: Any, source: str, device: torch.device, seed: int, max_seconds: float | None) -> tuple[Any, History]:
    """The trained reference model and its history; `code` is the solved package."""
    model = code.model.KeypointModel(HPARAMS).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    history = train(
        model,
        samples("train", source),
        samples("val", source),
        loss=code.training.keypoint_loss,
        step=code.training.train_step,
        optimizer=optimizer,
        metric="keypoint_score",
        num_epochs=NUM_EPOCHS[source],
        batch_size=BATCH_SIZE,
        schedule=cosine,
        augment=partial(augment, code),
        max_seconds=MAX_SECONDS if max_seconds is None else max_seconds,
        seed=seed,
    )
    return model, history


def augment(
    code: Any, images: torch.Tensor, keypoints: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of faces that were mirrored (every second time), moved, turned, resized and lit differently."""
    if torch.rand((), generator=generator) < 0.5:
        images, keypoints = code.training.flip_faces(images, keypoints)
    images, keypoints = code.augmentation.move_faces(images, keypoints, generator)
    return code.augmentation.change_light(images, generator), keypoints
