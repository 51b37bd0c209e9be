"""Handwritten digits, drawn: grey pictures of 28x28 in the form of MNIST, white on black."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ..sampling import Points, normal, sample_generator, uniform
from .strokes import STYLES

__all__ = ["DIGIT_SIZE", "draw_digit", "make_digits"]

DIGIT_SIZE = 28
_OVERSAMPLING = 4
_CANVAS = DIGIT_SIZE * _OVERSAMPLING


def make_digits(n: int, seed: int, start: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Images uint8 (n, 28, 28) and labels int64 (n,), 0 to 9: the samples from `start` on of a seed.

    Each ten samples in a row hold every digit once, in random order. Sample i of a seed is the same whatever n is.

    >>> images, labels = make_digits(10, seed=0)
    >>> images.shape, sorted(labels.tolist())
    ((10, 28, 28), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    images = np.empty((n, DIGIT_SIZE, DIGIT_SIZE), dtype=np.uint8)
    labels = np.empty(n, dtype=np.int64)
    order = np.empty(0, dtype=np.int64)
    for i in range(n):
        block, place = divmod(start + i, len(STYLES))
        if i == 0 or place == 0:
            # Blocks draw from a stream that no sample uses.
            order = sample_generator(seed, 2**32 + block).permutation(len(STYLES))
        labels[i] = order[place]
        images[i] = draw_digit(int(labels[i]), sample_generator(seed, start + i))
    return images, labels


def draw_digit(digit: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """One picture uint8 (28, 28) of a digit."""
    styles = STYLES[digit]
    style = styles[int(rng.integers(len(styles)))]
    strokes = _place(rng, [_shaken(rng, stroke) for stroke in style])
    image = Image.new("L", (_CANVAS, _CANVAS))
    draw = ImageDraw.Draw(image)
    width = _OVERSAMPLING * uniform(rng, 1.3, 3.6)
    swell, phase = uniform(rng, 0, 0.3), uniform(rng, 0, 6)
    for stroke in strokes:
        # A pen that is pressed harder here than there.
        radii = width / 2 * (1 + swell * np.sin(phase + np.linspace(0, 5, len(stroke))))
        corners = np.concatenate([stroke - radii[:, None], stroke + radii[:, None]], axis=1).tolist()
        path = stroke.ravel().tolist()
        for k, corner in enumerate(corners):
            draw.ellipse(corner, fill=255)
            if k:
                draw.line(path[2 * k - 2 : 2 * k + 2], fill=255, width=round(2 * radii[k]))
    return _develop(rng, image)


def _shaken(rng: np.random.Generator, stroke: Points) -> Points:
    """The stroke as a hand writes it: shifted, turned and stretched a little against the others."""
    middle = stroke.mean(axis=0)
    turn = normal(rng, 0.1, 0.25)
    cos, sin = np.cos(turn), np.sin(turn)
    stretch = np.array([[uniform(rng, 0.85, 1.15), 0], [0, uniform(rng, 0.85, 1.15)]])
    moved = (stroke - middle) @ stretch @ np.array([[cos, sin], [-sin, cos]])
    shift: Points = np.array([normal(rng, 0.05, 0.12), normal(rng, 0.05, 0.12)])
    shaken: Points = middle + moved + shift
    return shaken


def _place(rng: np.random.Generator, strokes: list[Points]) -> list[Points]:
    """The strokes on the canvas: wavy, slanted, turned, and as large as MNIST's, whose box has 20 pixels."""
    joined = np.concatenate(strokes)
    x, y = joined.T
    amount = uniform(rng, 0, 0.16)
    joined = joined + amount * np.stack(
        [np.sin(uniform(rng, 1, 3) * y + uniform(rng, 0, 6)), np.sin(uniform(rng, 1, 3) * x + uniform(rng, 0, 6))],
        axis=1,
    )
    turn, slant, aspect = normal(rng, 0.15, 0.4), normal(rng, 0.2, 0.5), uniform(rng, 0.75, 1.3)
    cos, sin = np.cos(turn), np.sin(turn)
    joined = joined @ np.array([[aspect, 0], [-slant, 1]]) @ np.array([[cos, sin], [-sin, cos]])
    low, high = joined.min(axis=0), joined.max(axis=0)
    size = uniform(rng, 15, 20) * _OVERSAMPLING / max(float((high - low).max()), 0.1)
    shift = np.array([normal(rng, 0.8, 1.8), normal(rng, 0.8, 1.8)]) * _OVERSAMPLING
    joined = (joined - (low + high) / 2) * size + _CANVAS / 2 + shift
    return np.split(joined, np.cumsum([len(stroke) for stroke in strokes])[:-1])


def _develop(rng: np.random.Generator, image: Image.Image) -> npt.NDArray[np.uint8]:
    """The finished picture uint8 (28, 28): ink of uneven strength, a little blur, paper not quite clean."""
    ink: npt.NDArray[np.floating] = np.asarray(image.reduce(_OVERSAMPLING), dtype=np.float32)
    blur = np.float32(uniform(rng, 0, 0.3))
    for axis in (0, 1):
        ink = (1 - blur) * ink + blur / 2 * (np.roll(ink, 1, axis) + np.roll(ink, -1, axis))
    noise = rng.standard_normal(ink.shape, dtype=np.float32)
    ink = ink * np.float32(uniform(rng, 0.75, 1.1)) * (1 + np.float32(0.08) * noise)
    ink = ink + np.float32(uniform(rng, 0, 10)) * np.abs(np.roll(noise, 1, 0))
    finished: npt.NDArray[np.uint8] = np.clip(np.rint(ink), 0, 255).astype(np.uint8)
    return finished
