"""Drawn objects of ten classes, in the form of CIFAR-10: colour pictures of 32x32."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from .animals import ANIMALS
from .classes import OBJECT_CLASSES, OBJECT_SIZE
from .sampling import chance, normal, sample_generator, uniform
from .scenes import draw_scene
from .sketch import CANVAS, OVERSAMPLING, Sketch, jitter, rgb, tint
from .vehicles import VEHICLES

__all__ = ["draw_object", "make_objects"]

_PAINTERS = ANIMALS | VEHICLES
_CORNERS = (np.arange(OBJECT_SIZE, dtype=np.float32) - 15.5) / 16


def make_objects(n: int, seed: int, start: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Images uint8 (n, 32, 32, 3) and labels int64 (n,): the samples from `start` on of a seed.

    Labels index `OBJECT_CLASSES`; each ten samples in a row hold every class once, in random order. Sample i of a
    seed is the same whatever n is.

    >>> images, labels = make_objects(10, seed=0)
    >>> images.shape, sorted(labels.tolist())
    ((10, 32, 32, 3), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    images = np.empty((n, OBJECT_SIZE, OBJECT_SIZE, 3), dtype=np.uint8)
    labels = np.empty(n, dtype=np.int64)
    num_classes = len(OBJECT_CLASSES)
    order = np.empty(0, dtype=np.int64)
    for i in range(n):
        block, place = divmod(start + i, num_classes)
        if i == 0 or place == 0:
            # Blocks draw from a stream that no sample uses.
            order = sample_generator(seed, 2**32 + block).permutation(num_classes)
        labels[i] = order[place]
        images[i] = draw_object(OBJECT_CLASSES[order[place]], sample_generator(seed, start + i))
    return images, labels


def draw_object(name: str, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """One picture uint8 (32, 32, 3) of the class `name`."""
    image, ground = draw_scene(rng, name)
    sketch = Sketch(rng, image, ground)
    _PAINTERS[name](sketch, rng)
    if chance(rng, 0.15):
        _occlude(rng, image)
    return _develop(rng, image)


def _occlude(rng: np.random.Generator, image: Image.Image) -> None:
    """Put a branch, a post, a blade of grass or a border in front."""
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 4))):
        colour = rgb(tint(jitter(rng, (95, 100, 75), 70), uniform(rng, 0.4, 1.3)))
        x, y = uniform(rng, 0, CANVAS), uniform(rng, 0, CANVAS)
        if chance(rng, 0.7):
            lean = normal(rng, 40, 110)
            draw.line((x - lean, -5, x + lean, CANVAS + 5), fill=colour, width=int(rng.integers(3, 15)))
        else:
            size = uniform(rng, 12, 34)
            draw.ellipse((x - size, y - size, x + size, y + size * 0.6), fill=colour)


def _develop(rng: np.random.Generator, image: Image.Image) -> npt.NDArray[np.uint8]:
    """The finished picture uint8 (32, 32, 3): light from one side, lens, colour cast, contrast, noise."""
    small = image.reduce(OVERSAMPLING)
    if chance(rng, 0.4):
        small = small.filter(ImageFilter.GaussianBlur(uniform(rng, 0.3, 0.9)))
    picture: npt.NDArray[np.floating] = np.asarray(small, dtype=np.float32)
    across, down = np.float32(normal(rng, 0.11, 0.24)), np.float32(normal(rng, 0.09, 0.21))
    light = 1 + across * _CORNERS[None, :] + down * _CORNERS[:, None]
    cast = np.array([1 + normal(rng, 0.05, 0.12) for _ in range(3)], dtype=np.float32)
    contrast, exposure = np.float32(uniform(rng, 0.5, 1.15)), np.float32(118 + normal(rng, 13, 33))
    picture = (picture * light[:, :, None] * cast - 118) * contrast + exposure
    picture = picture + np.float32(uniform(rng, 0, 8)) * rng.standard_normal(picture.shape, dtype=np.float32)
    finished: npt.NDArray[np.uint8] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return finished
