"""Exercise 3, notebook 1: image files become samples, and samples become good input for a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .image_files import list_images, load_image

Transform = Callable[[np.ndarray], np.ndarray]


class ImageFolderDataset:
    """A dataset of the images in `root`, a folder with one sub-folder of PNG files for each class.

    Args:
        root: the folder that holds the class folders.
        transform: a function that takes an image (an array) and returns a new one. It is applied each time
            a sample is taken out. None: the images stay as they are.
        in_memory: True reads all files now and keeps their images, False reads a file each time its sample
            is asked for.

    Attributes:
        classes: list of str, the names of the classes; the label 0 stands for `classes[0]`, and so on.
        paths: list of Path, the files of all classes, one after the other.
        labels: list of int, as long as `paths`: the label of each file.
        transform: the transform, or None.
        images: list of arrays, as long as `paths`: the images as they are in their files, without the
            transform. None where `in_memory` is False.
    """

    def __init__(self, root: Path | str, transform: Transform | None = None, in_memory: bool = False) -> None:
        self.classes, self.paths, self.labels = list_images(Path(root))
        self.transform = transform
        self.images = [load_image(path) for path in self.paths] if in_memory else None

    def __len__(self) -> int:
        """The number of samples in the dataset (over all classes), an int."""
        ### BEGIN SOLUTION
        return len(self.paths)
        ### END SOLUTION

    def __getitem__(self, index: int) -> dict[str, Any]:
        """The sample number `index`, a dict with two entries.

        "image": the image as an array. Without a transform this is what the file holds: shape
            (height, width, 3), dtype uint8. With a transform it is what the transform returns for that.
        "label": int, the label of the image's class.

        Args:
            index: int from 0 to `len(self) - 1`. A larger one raises IndexError; lists do that by
                themselves when you look something up in them.

        Leaves `self.images` as it is: the transform's result goes into the sample, not into the list.
        """
        ### BEGIN SOLUTION
        image = load_image(self.paths[index]) if self.images is None else self.images[index]
        if self.transform is not None:
            image = self.transform(image)
        return {"image": image, "label": self.labels[index]}
        ### END SOLUTION


class RescaleTransform:
    """A transform that maps the values of an image linearly from one range to another.

    Args:
        out_range: (min, max) of the new range.
        in_range: (min, max) of the range that the values come from.
    """

    def __init__(self, out_range: tuple[float, float] = (0, 1), in_range: tuple[float, float] = (0, 255)) -> None:
        self.out_range = out_range
        self.in_range = in_range

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The rescaled image, a new float array of the same shape.

        With a = in_range and b = out_range, each value x becomes

            y = (x - a_min) / (a_max - a_min) * (b_max - b_min) + b_min

        so a_min becomes b_min and a_max becomes b_max. A value outside `in_range` follows the same line and
        ends outside `out_range`; nothing is cut off.

        Args:
            image: array of any shape, dtype uint8 or float. It must not be changed. Compute in float: uint8
                knows whole numbers from 0 to 255 only (3 - 5 is 254 there).
        """
        ### BEGIN SOLUTION
        in_min, in_max = self.in_range
        out_min, out_max = self.out_range
        unit = (image.astype(float) - in_min) / (in_max - in_min)
        return unit * (out_max - out_min) + out_min
        ### END SOLUTION


def compute_image_mean_and_std(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation of each channel, a tuple (mean, std) of two float arrays (channels,).

    Each channel c has its own pair of numbers, taken over all M pixels of that channel in all images:

        mean_c = 1/M * sum of x_c           std_c = square root of (1/M * sum of (x_c - mean_c)^2)

    Args:
        images: array of shape (number of images, height, width, channels), dtype uint8 or float.
    """
    ### BEGIN SOLUTION
    return images.mean(axis=(0, 1, 2)), images.std(axis=(0, 1, 2))
    ### END SOLUTION


class NormalizeTransform:
    """A transform that subtracts a mean from an image and divides the result by a standard deviation.

    Args:
        mean: one number per channel.
        std: one number per channel.
    """

    def __init__(self, mean: Sequence[float] | np.ndarray, std: Sequence[float] | np.ndarray) -> None:
        self.mean = np.asarray(mean)
        self.std = np.asarray(std)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The normalised image, a new float array of the same shape.

        Each value x_c in channel c becomes (x_c - mean_c) / std_c.

        Args:
            image: array of shape (height, width, channels) or (number of images, height, width, channels),
                dtype uint8 or float. It must not be changed.

        No loop is needed: numpy lines an array of shape (channels,) up with the last axis.
        """
        ### BEGIN SOLUTION
        return (image - self.mean) / self.std
        ### END SOLUTION


class ComposeTransform:
    """A transform that applies several transforms, the first in the list first. Given: nothing to do here."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The image after all transforms."""
        for transform in self.transforms:
            image = transform(image)
        return image
