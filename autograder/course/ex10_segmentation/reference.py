"""How the reference model of exercise 10 is trained: `autograder train ex10_segmentation`."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from exercise_code.common.training import History, cosine, train
from exercise_code.ex10_segmentation.encoder import fill_encoder
from exercise_code.ex10_segmentation.scoring import evaluation_set

NAME = "segmentation"
# On photographs: a pretrained encoder where its weights are found, else a U-Net. `DATASETS_MIRROR` has a folder
# `weights` or not.
ENCODER: dict[str, Any] = {
    "kind": "mobilenet",
    "places": [3, 6, 13, 18],
    "decoder": [128, 96, 64, 48],
    "dropout": 0.1,
    "mirror": True,
}
# So many layers of the encoder keep what they have learned from ImageNet, and all of its normalisations do: with 276
# images to learn from, training all of it ended lower (0.86).
FROZEN = 7
UNET: dict[str, Any] = {"kind": "unet", "stem": [16, 24], "channels": [32, 64, 128, 192]}
# A U-Net on drawn scenes may stay at sky and grass for twenty epochs with 4e-3.
LEARNING_RATE = {"embedded": 2e-3, "encoder": 1e-3, "unet": 4e-3}
ENCODER_RATE = 2e-4
WEIGHT_DECAY = {"embedded": 0.05, "encoder": 0.02, "unet": 0.05}
BATCH_SIZE = 8
NUM_EPOCHS = {"embedded": 40, "encoder": 45, "unet": 200}
# A smaller window than the image takes less time, and is another one each time.
AUGMENTATION: dict[str, dict[str, Any]] = {
    "embedded": {"smallest": 0.8, "largest": 1.25, "window": 192},
    "encoder": {"smallest": 0.6, "largest": 1.5, "window": 208},
    "unet": {"smallest": 0.6, "largest": 1.5, "window": 192},
}
SMOOTHING = 0.1
# On a slow or busy machine the run is cut here, and the learning rate falls accordingly.
MAX_SECONDS = 29 * 60


def fit(code: Any, source: str, device: torch.device, seed: int, max_seconds: float | None) -> tuple[Any, History]:
    """The trained reference model and its history; `code` is the solved package.

    The last weights are kept, and nothing is measured on the way: no epoch is picked by its score.
    """
    model, kind = new_model(code, source)
    model.to(device)
    encoder = model.net.encoder if kind == "encoder" else nn.Identity()
    loss = partial(nn.functional.cross_entropy, ignore_index=-1, label_smoothing=SMOOTHING if source == "real" else 0.0)
    history = train(
        model,
        samples(code, source),
        loss=loss,
        step=partial(step, loss=loss),
        optimizer=torch.optim.AdamW(
            code.transfer.parameter_groups(model, encoder, ENCODER_RATE, LEARNING_RATE[kind]),
            weight_decay=WEIGHT_DECAY[kind],
        ),
        num_epochs=NUM_EPOCHS[kind],
        batch_size=BATCH_SIZE,
        schedule=cosine,
        augment=partial(code.augmentation.augment_scenes, **AUGMENTATION[kind]),
        keep="last",
        max_seconds=MAX_SECONDS if max_seconds is None else max_seconds,
        seed=seed,
    )
    return model, history


def new_model(code: Any, source: str) -> tuple[Any, str]:
    """A new model, and which number of epochs is its own."""
    if source == "embedded":
        return code.model.SegmentationModel(code.model.HPARAMS), "embedded"
    model = code.model.SegmentationModel(ENCODER)
    if fill_encoder(model.net.encoder):
        layers = model.net.encoder
        for part in (*layers[:FROZEN], *(each for each in layers.modules() if isinstance(each, nn.BatchNorm2d))):
            code.transfer.freeze(part)
        # Channels beside each other in memory: a tenth faster on a CPU.
        return model.to(memory_format=torch.channels_last), "encoder"
    return code.model.SegmentationModel(UNET), "unet"


def samples(code: Any, source: str) -> TensorDataset:
    """The training images and their labels."""
    images, labels = evaluation_set(source, "train")
    return TensorDataset(code.scenes.normalize_images(images), torch.from_numpy(labels.astype("int64")))


def step(model: Any, images: Tensor, labels: Tensor, optimizer: Any, loss: Any) -> float:
    """The step that students write in exercise 7."""
    from exercise_code.ex07_pytorch.training import train_step

    return train_step(model, images, labels, optimizer, loss=loss)
