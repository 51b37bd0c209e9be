"""Exercise 8: an encoder, a decoder, and what can be built from them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

IMAGE_SIZE = 28
NUM_CLASSES = 10

# What your models are built from: a place to start. Change, add and remove entries as you like, but keep "latent_size".
# They are saved with the classifier, and it must be built from them alone.
HPARAMS: dict[str, Any] = {
    "channels": [16, 32],
    "latent_size": 32,
    "decoder_channels": [32, 16],
    "dropout": 0.2,
}


class Encoder(nn.Module):
    """A network from a picture to a short list of numbers, its code.

    Args:
        hparams: dict of plain values, such as `HPARAMS`. Which entries there are is up to you, except for
            "latent_size", the length of a code.
    """

    def __init__(self, hparams: dict[str, Any]) -> None:
        """Make the layers.

        Hints:
            - Convolutions with stride 2 make the picture smaller: 28 becomes 14, then 7. Batch normalisation and ReLU
              stand behind each of them. At the end, flatten and one linear layer to `hparams["latent_size"]`.
            - Nothing stands behind the last layer, no ReLU and no sigmoid: a code may have negative numbers.
            - Two blocks are enough. With two convolutions in each block the classifier becomes better.
        """
        super().__init__()
        self.hparams = hparams
        ### TASK encoder
        ### BEGIN SOLUTION
        layers: list[nn.Module] = []
        channels, side = 1, IMAGE_SIZE
        for out_channels in hparams["channels"]:
            for stride in (2, 1):
                layers += [
                    nn.Conv2d(channels, out_channels, 3, stride=stride, padding=1, bias=False),
                    nn.BatchNorm2d(out_channels),
                    nn.ReLU(),
                ]
                channels = out_channels
            side = (side + 1) // 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, hparams["latent_size"]))
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The codes of pictures, float32 (batch_size, latent_size).

        Args:
            images: float32 (batch_size, 1, 28, 28), values from 0 to 1. The batch size may be any, from 1 upwards, and
                in eval mode the code of one picture must not depend on the others in its batch.
        """
        ### TASK encoder
        ### BEGIN SOLUTION
        return self.layers(images)
        ### END SOLUTION


class Decoder(nn.Module):
    """A network from a code back to a picture.

    Args:
        hparams: as in `Encoder`.
    """

    def __init__(self, hparams: dict[str, Any]) -> None:
        """Make the layers. Which ones is up to you; what comes out has one channel, and pixels from 0 to 1."""
        super().__init__()
        ### TASK decoder
        ### BEGIN SOLUTION
        first, second = hparams["decoder_channels"]
        side = IMAGE_SIZE // 4
        self.layers = nn.Sequential(
            nn.Linear(hparams["latent_size"], first * side * side),
            nn.ReLU(),
            nn.Unflatten(1, (first, side, side)),
            nn.ConvTranspose2d(first, second, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(second, 1, 4, stride=2, padding=1),
            nn.Sigmoid(),
        )
        ### END SOLUTION

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """The pictures of codes, float32 (batch_size, 1, 28, 28), values from 0 to 1.

        Args:
            codes: float32 (batch_size, latent_size), any numbers.
        """
        ### TASK decoder
        ### BEGIN SOLUTION
        return self.layers(codes)
        ### END SOLUTION


class Autoencoder(nn.Module):
    """An encoder and a decoder that learn together: what comes out should be what went in.

    Args:
        hparams: as in `Encoder`.
    """

    def __init__(self, hparams: dict[str, Any]) -> None:
        """Make `self.encoder`, an `Encoder`, and `self.decoder`, a `Decoder`."""
        super().__init__()
        self.hparams = hparams
        ### TASK autoencoder
        ### BEGIN SOLUTION
        self.encoder = Encoder(hparams)
        self.decoder = Decoder(hparams)
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """What is left of pictures after they were encoded and decoded, a tensor of their shape."""
        ### TASK autoencoder
        ### BEGIN SOLUTION
        return self.decoder(self.encoder(images))
        ### END SOLUTION


def reconstruction_loss(outputs: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    r"""The mean squared difference over all pixels of all pictures, a tensor with a single number.

    Gradients must flow from it back to the outputs.

    Args:
        outputs, images: float tensors of the same shape (batch_size, 1, 28, 28).
    """
    ### TASK autoencoder
    ### BEGIN SOLUTION
    return ((outputs - images) ** 2).mean()
    ### END SOLUTION


class Classifier(nn.Module):
    """An encoder, and a head that says which digit a code belongs to.

    Args:
        hparams: as in `Encoder`. The saved weights must fit the model that `Classifier(hparams)` builds from the saved
            hyperparameters, so every size has to come from `hparams` or be written in this file.
        encoder: an `Encoder` of the same `hparams` that has learned something already, or None.
    """

    def __init__(self, hparams: dict[str, Any], encoder: Encoder | None = None) -> None:
        """Make `self.encoder`, an `Encoder`, and `self.head`, from codes to 10 logits.

        With `encoder`, the new encoder starts with a copy of all that the given one has learned. It is a copy: what the
        classifier learns must not change the encoder that was given.

        Hints:
            - A single linear layer cannot do much: a ReLU before it helps, and so may dropout.
            - `module.state_dict()` holds all numbers of a module, and `module.load_state_dict(...)` copies such numbers
              into it.
        """
        super().__init__()
        self.hparams = hparams
        ### TASK classifier
        ### BEGIN SOLUTION
        self.encoder = Encoder(hparams)
        if encoder is not None:
            self.encoder.load_state_dict(encoder.state_dict())
        self.head = nn.Sequential(
            nn.ReLU(), nn.Dropout(hparams["dropout"]), nn.Linear(hparams["latent_size"], NUM_CLASSES)
        )
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The logits of the ten digits, float32 (batch_size, 10): any numbers, no probabilities."""
        ### TASK classifier
        ### BEGIN SOLUTION
        return self.head(self.encoder(images))
        ### END SOLUTION
