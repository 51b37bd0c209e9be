"""Given: a network on a MobileNetV2, and the weights that this has learned from ImageNet.

The network itself never asks for weights: it is built empty, and only a notebook or a recipe fills its encoder, from a
folder or from torchvision's host.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from exercise_code.common.data import resolve_source
from exercise_code.common.datasets.places import data_folder, mirror

from .layers import LRASPPHead, UpBlock
from .transfer import features_at

__all__ = ["EncoderNet", "fill_encoder", "find_weights"]

# The last layers of a MobileNetV2 at a half, a quarter, ... of the image's size, and their channels.
CHANNELS = {1: 16, 3: 24, 6: 32, 13: 96, 18: 1280}

FOLDER = "weights"
# As the course's mirror calls it, then as torchvision does.
NAMES = ("mobilenet_v2_imagenet.pth", "mobilenet_v2-b0353104.pth", "mobilenet_v2-7ebf99e0.pth")
PREFIX = "features."


class EncoderNet(nn.Module):
    """A MobileNetV2 as the way down, made of your `features_at`, and your `LRASPPHead` or your `UpBlock`s behind it.

    Its logits have the size of the finest features, as those of a head do: a quarter of the image's for layer 3.

    Args:
        hparams: "places", the layers whose features are used, some of `CHANNELS`. "decoder", an empty list for the
            light head, which takes the first and the last of them; or the channels of a way up: one number for the
            neck behind the last place, and one more for each other place. May be left out: "dropout", a share; and
            "mirror", true where the finished model answers with the mean for an image and its mirror image.
        num_classes: how many logits each pixel gets.
    """

    def __init__(self, hparams: dict[str, Any], num_classes: int) -> None:
        super().__init__()
        # Importing torchvision takes seconds, and a U-Net needs none.
        from torchvision.models import mobilenet_v2

        self.places = list(hparams["places"])
        self.mirror = bool(hparams.get("mirror", False))
        self.encoder = mobilenet_v2(weights=None).features
        sizes = [CHANNELS[place] for place in self.places]
        widths = hparams["decoder"]
        if not widths:
            self.head = LRASPPHead(sizes[0], sizes[-1], num_classes)
            return
        self.neck = nn.Sequential(nn.Conv2d(sizes[-1], widths[0], 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        steps = zip(widths[:-1], reversed(sizes[:-1]), widths[1:], strict=True)
        self.up = nn.ModuleList(UpBlock(before, skip, after) for before, skip, after in steps)
        self.dropout = nn.Dropout2d(hparams.get("dropout", 0.0))
        self.classifier = nn.Conv2d(widths[-1], num_classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, float32 (B, num_classes, h, w), for normalised images, float32 (B, 3, H, W)."""
        if self.training or not self.mirror:
            return self._logits(images)
        return (self._logits(images) + self._logits(images.flip(-1)).flip(-1)) / 2

    def _logits(self, images: Tensor) -> Tensor:
        *skips, x = features_at(self.encoder, images, self.places)
        logits: Tensor
        if hasattr(self, "head"):
            logits = self.head(skips[0], x)
            return logits
        x = self.neck(x)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            x = up(x, skip)
        logits = self.classifier(self.dropout(x))
        return logits


def find_weights() -> Path | None:
    """The file in the folder `weights` of `DATASETS_DIR` or `DATASETS_MIRROR`; None where it is in neither."""
    for place in (data_folder(), mirror()):
        if isinstance(place, Path):
            for name in NAMES:
                if (place / FOLDER / name).is_file():
                    return place / FOLDER / name
    return None


def fill_encoder(encoder: nn.Module, download: bool = True) -> bool:
    """True where the encoder, `mobilenet_v2().features`, has pretrained weights now; prints where they come from.

    They are taken from the disk; else, unless the course uses embedded data, torchvision downloads them (14 MB). Where
    both fail, the encoder keeps the weights that it has.
    """
    path = find_weights()
    if path is not None:
        # Tensors only: a pickle may run code when it is loaded.
        state = torch.load(path, map_location="cpu", weights_only=True)
        origin = f"from {path}"
    elif not download or resolve_source("segmentation") == "embedded":
        print(_without("no file in a folder weights, and embedded data are used without a network"))
        return False
    else:
        state = _downloaded()
        origin = "from torchvision's host"
    wanted = encoder.state_dict()
    found = _features(state)
    shapes = [{name: tensor.shape for name, tensor in each.items()} for each in (found, wanted)]
    if shapes[0] != shapes[1]:
        print(_without("the file does not fit" if state else "the download failed"))
        return False
    encoder.load_state_dict(found)
    print(f"pretrained encoder: MobileNetV2, ImageNet weights {origin}", flush=True)
    return True


def _features(state: object) -> dict[str, Tensor]:
    items = state.items() if isinstance(state, dict) else ()
    return {name.removeprefix(PREFIX): tensor for name, tensor in items if str(name).startswith(PREFIX)}


def _downloaded() -> object:
    """The state_dict that torchvision's host gives, an empty one where it cannot be reached."""
    from torchvision.models import MobileNet_V2_Weights

    print("downloading mobilenet_v2 (14 MB) from torchvision's host", flush=True)
    try:
        return MobileNet_V2_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True, weights_only=True)
    # No network, a cut connection, a wrong hash: the course goes on without.
    except (OSError, RuntimeError):
        return {}


def _without(reason: str) -> str:
    return f"no pretrained weights ({reason}): the encoder starts from random ones"
