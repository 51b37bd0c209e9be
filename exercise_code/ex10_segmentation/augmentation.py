"""Given: random changes of images and their labels, made of what you write in scenes.py."""

import torch
from torch import Tensor

from .scenes import crop_scenes, flip_scenes, resize_scenes

__all__ = ["augment_scenes", "change_light"]


def augment_scenes(
    images: Tensor,
    labels: Tensor,
    generator: torch.Generator,
    smallest: float = 0.8,
    largest: float = 1.6,
    window: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The batch, each scene mirrored every second time, resized by its own factor and moved, in new light.

    A scene that is smaller than its frame floats there, and void is around it. Of a larger one a part is cut out. The
    frame has the images' size, or is a smaller square `window`: less to compute, and another part each time.
    """

    def draw(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    height, width = images.shape[-2:]
    frame = (height, width) if window is None else (window, window)
    new = []
    for image, label in zip(images, labels, strict=True):
        scene = image[None], label[None]
        if draw(0, 1) < 0.5:
            scene = flip_scenes(*scene)
        factor = draw(smallest, largest)
        # Wider or narrower by a little.
        stretch = draw(0.9, 1.1)
        size = round(factor * stretch * height), round(factor / stretch * width)
        scene = resize_scenes(*scene, *size)
        top, left = (round(draw(min(0, free), max(0, free))) for free in (size[0] - frame[0], size[1] - frame[1]))
        new.append(crop_scenes(*scene, top, left, *frame))
    new_images, new_labels = (torch.cat(part) for part in zip(*new, strict=True))
    return change_light(new_images, generator), new_labels


def change_light(images: Tensor, generator: torch.Generator, strength: float = 0.25) -> Tensor:
    """The normalised images, each brighter or darker, with more or less contrast, and in a tint."""

    def draw(*shape: int) -> Tensor:
        return (2 * torch.rand(len(images), *shape, generator=generator) - 1).to(images.device) * strength

    contrast, tint = 1 + draw(1, 1, 1), draw(3, 1, 1) + draw(1, 1, 1)
    return images * contrast + tint
