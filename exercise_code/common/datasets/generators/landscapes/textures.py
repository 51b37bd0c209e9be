"""Textures of drawn scenes: patterns of two colours. Several classes share each of them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..sampling import uniform

__all__ = ["TEXTURES", "Pattern"]

# Values from 0 to 1, how much of the second colour a pixel has: (height, width).
Pattern = npt.NDArray[np.float32]


def _coordinates(
    rng: np.random.Generator, shape: tuple[int, int], turn: float, wave: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Two axes at right angles, turned by up to `turn`, in radians of a wave of about `wave` pixels."""
    angle, scale = uniform(rng, -turn, turn), 2 * np.pi / (wave * uniform(rng, 0.75, 1.4))
    y = np.arange(shape[0], dtype=np.float32)[:, None] + np.float32(uniform(rng, 0, 99))
    x = np.arange(shape[1], dtype=np.float32)[None, :] + np.float32(uniform(rng, 0, 99))
    cos, sin = np.float32(scale * np.cos(angle)), np.float32(scale * np.sin(angle))
    return cos * x - sin * y, sin * x + cos * y


def _noise(rng: np.random.Generator, shape: tuple[int, int], across: float, down: float) -> Pattern:
    """Smooth noise whose spots are `across` pixels wide and `down` high."""
    small = rng.random((max(2, round(shape[0] / down)), max(2, round(shape[1] / across))), dtype=np.float32)
    grown = Image.fromarray(small).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    noise: Pattern = np.asarray(grown, dtype=np.float32)
    return noise


def _steep(values: npt.NDArray[np.floating], slope: float) -> Pattern:
    """Values around 0 made a pattern of soft edges."""
    pattern: Pattern = np.clip(0.5 + np.float32(slope) * values, 0, 1)
    return pattern


def _plain(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    return 0.35 * _noise(rng, shape, 60, 60)


def _clouds(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    return _steep(_noise(rng, shape, 42, 18) + 0.35 * _noise(rng, shape, 12, 6) - 0.68, 2.2)


def _patches(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    return _steep(_noise(rng, shape, 14, 14) - 0.5, 9)


def _speckle(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    return _steep(_noise(rng, shape, 2.5, 2.5) - 0.5, 1.4)


def _blades(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    return _steep(_noise(rng, shape, 2, 11) - 0.5, 1.7)


def _stripes(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    u, v = _coordinates(rng, shape, 0.35, 11)
    return _steep(np.sin(u + 0.6 * np.sin(v / 3)), 1.5)


def _waves(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    u, v = _coordinates(rng, shape, 0.12, 12)
    return _steep(np.sin(v + 1.1 * np.sin(0.45 * u)) * _noise(rng, shape, 25, 12), 1.6)


def _checks(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    u, v = _coordinates(rng, shape, 0.1, 22)
    return _steep(np.minimum(np.sin(u), np.sin(0.8 * v)) + 0.1, 5)


def _lattice(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    u, v = _coordinates(rng, shape, 0.9, 15)
    return _steep(np.maximum(np.cos(u), np.cos(v)) - 0.75, 5)


def _bricks(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    u, v = _coordinates(rng, shape, 0.06, 22)
    row = np.floor(v / np.pi)
    return _steep(np.maximum(np.cos(u + np.pi * (row % 2)), np.cos(2 * v)) - 0.82, 6)


def _zigzag(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    u, v = _coordinates(rng, shape, 0.3, 13)
    return _steep(np.sin(v + 2 * np.arcsin(np.sin(0.6 * u))), 1.2)


def _dots(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    u, v = _coordinates(rng, shape, 0.8, 11)
    return _steep(np.cos(u) + np.cos(v) - 0.9, 3)


def _curls(rng: np.random.Generator, shape: tuple[int, int]) -> Pattern:
    u, v = _coordinates(rng, shape, 0.8, 12)
    return _steep(np.sin(3.2 * (np.cos(u) + np.cos(v))), 1.0)


TEXTURES: dict[str, Callable[[np.random.Generator, tuple[int, int]], Pattern]] = {
    "plain": _plain,
    "clouds": _clouds,
    "patches": _patches,
    "speckle": _speckle,
    "blades": _blades,
    "stripes": _stripes,
    "waves": _waves,
    "checks": _checks,
    "lattice": _lattice,
    "bricks": _bricks,
    "zigzag": _zigzag,
    "dots": _dots,
    "curls": _curls,
}
