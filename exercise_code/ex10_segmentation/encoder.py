"""Given: the weights of a MobileNetV2 that has learned from ImageNet, from a folder or from torchvision's host.

The model itself never asks for them: it is built empty, and only a notebook or a recipe fills its encoder.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from exercise_code.common.data import resolve_source
from exercise_code.common.datasets.places import data_folder, mirror

__all__ = ["fill_encoder", "find_weights"]

FOLDER = "weights"
# As the course's mirror calls it, then as torchvision does.
NAMES = ("mobilenet_v2_imagenet.pth", "mobilenet_v2-b0353104.pth", "mobilenet_v2-7ebf99e0.pth")
PREFIX = "features."


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

    print("downloading mobilenet_v2 (14 MB) from download.pytorch.org", flush=True)
    try:
        return MobileNet_V2_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True, weights_only=True)
    # No network, a cut connection, a wrong hash: the course goes on without.
    except (OSError, RuntimeError):
        return {}


def _without(reason: str) -> str:
    return f"no pretrained weights ({reason}): the encoder starts from random ones"
