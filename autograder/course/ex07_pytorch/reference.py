"""How the reference model of exercise 7 is trained: `autograder train ex07_pytorch`.

For photographs its first layer makes the most telling directions of the pixels, each with the same spread (whitened
principal components), and is not trained. It is linear, so the model stays fully connected.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.data import TensorDataset

from exercise_code.common.training import History, cosine, train
from exercise_code.ex07_pytorch.augmentation import flip_and_shift
from exercise_code.ex07_pytorch.scoring import evaluation_set

NAME = "cifar"
# On a slow or busy machine the run is cut here, and the learning rate falls accordingly.
MAX_SECONDS = 18 * 60
# Added to the variance along each direction: where it is far smaller, there is little but noise.
NOISE = 0.1


@dataclass(frozen=True)
class Settings:
    """What training goes by."""

    hparams: dict[str, Any] = field(default_factory=dict)
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    batch_size: int = 128
    most_pixels: int = 4
    num_epochs: int = 100
    label_smoothing: float = 0.1


SETTINGS = {
    "embedded": Settings({"hidden_sizes": [128, 64], "dropout": 0.2}, weight_decay=0.3, most_pixels=3, num_epochs=100),
    "real": Settings(
        {"components": 600, "input_dropout": 0.1, "hidden_sizes": [1536, 1024], "dropout": 0.3}, num_epochs=70
    ),
}


def fit(code: Any, source: str, device: torch.device, seed: int, max_seconds: float | None) -> tuple[Any, History]:
    """The trained reference model and its history; `code` is the solved package."""
    settings = SETTINGS[source]
    train_data, val_data = (samples(code, split, source) for split in ("train", "val"))
    model = code.model.CifarModel(settings.hparams)
    if settings.hparams.get("components"):
        whiten(model, train_data.tensors[0])
    model.to(device)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    loss = partial(nn.functional.cross_entropy, label_smoothing=settings.label_smoothing)
    history = train(
        model,
        train_data,
        val_data,
        loss=loss,
        step=partial(code.training.train_step, loss=loss),
        optimizer=torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay),
        metric="accuracy",
        num_epochs=settings.num_epochs,
        batch_size=settings.batch_size,
        schedule=cosine,
        augment=partial(flip_and_shift, most_pixels=settings.most_pixels),
        keep="average",
        max_seconds=MAX_SECONDS if max_seconds is None else max_seconds,
        seed=seed,
    )
    return model, history


def samples(code: Any, split: str, source: str) -> TensorDataset:
    """The pictures and labels of one split."""
    images, labels = evaluation_set(source, split)
    return TensorDataset(code.tensors.images_to_tensor(images), torch.from_numpy(labels))


@torch.no_grad()
def whiten(model: nn.Module, images: torch.Tensor) -> None:
    """Nothing; the first layer becomes the whitened principal components of the pixels, and is trained no more.

    Mirror images are counted in, as the model sees them, too.
    """
    first: Any = model.get_submodule("layers.0")
    pixels = ((torch.cat([images, images.flip(3)]) - 0.5) / 0.25).flatten(1)
    mean = pixels.mean(dim=0)
    variances, directions = torch.linalg.eigh(torch.cov((pixels - mean).T))
    chosen = variances.argsort(descending=True)[: len(first.weight)]
    weight = directions[:, chosen] / (variances[chosen].clamp(min=0) + NOISE).sqrt()
    first.weight.copy_(weight.T)
    first.bias.copy_(-mean @ weight)
    first.requires_grad_(False)
