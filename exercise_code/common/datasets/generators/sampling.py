"""Random numbers of the generators: one stream a sample, so that sample i never depends on how many are drawn."""

import numpy as np
import numpy.typing as npt

__all__ = ["Points", "chance", "normal", "points", "sample_generator", "uniform"]

Points = npt.NDArray[np.float64]


def sample_generator(seed: int, index: int) -> np.random.Generator:
    """A generator of its own for sample `index` of `seed`.

    The index travels as a spawn key: put into the entropy beside the seed, (5, 7) and (5 + 7 * 2**32, 0) would
    give the same stream.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(index,))))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A float between low and high."""
    return float(low + (high - low) * rng.random())


def normal(rng: np.random.Generator, std: float, limit: float) -> float:
    """A normal deviate around zero, cut off at +-limit."""
    return float(min(max(std * rng.standard_normal(), -limit), limit))


def points(x: npt.ArrayLike, y: npt.ArrayLike) -> Points:
    """Points (k, 2) from their coordinates (k,); several times faster than `np.stack`."""
    columns = np.asarray(x, dtype=np.float64)
    joined = np.empty((columns.shape[0], 2))
    joined[:, 0] = columns
    joined[:, 1] = y
    return joined
