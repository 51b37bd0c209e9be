"""House prices: sales of houses with what is known of each, in the form of Kaggle's set; embedded, made-up houses."""

import csv
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import CourseError
from ..progress import Report
from .dataset import Arrays, Dataset, SampleSet
from .generators.sampling import sample_generator

__all__ = ["DATASET", "HousingSet"]

_COLUMNS = (
    *("LotFrontage", "LotArea", "OverallQual", "OverallCond", "YearBuilt", "YearRemodAdd", "MasVnrArea"),
    *("TotalBsmtSF", "1stFlrSF", "GrLivArea", "FullBath", "BedroomAbvGr", "TotRmsAbvGrd", "Fireplaces"),
    *("GarageYrBlt", "GarageCars", "GarageArea"),
)
_PRICE = "SalePrice"
# What Kaggle's file has where nothing is known.
_MISSING = ("NA", "")
_LONGEST_LINE = 10_000
_LAST_YEAR = 2010


@dataclass(frozen=True, eq=False)
class HousingSet(SampleSet):
    """Houses: `features` float32 (N, 17), NaN where nothing is known, and `prices` float32 (N,) in dollars.

    `columns` names the features: areas in square feet, years, and counts. `dataset[i]` is (features, price).
    """

    features: npt.NDArray[np.float32] = field(repr=False)
    prices: npt.NDArray[np.float32] = field(repr=False)
    columns: ClassVar[tuple[str, ...]] = _COLUMNS

    def __len__(self) -> int:
        return len(self.prices)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float32], float]:
        return self.features[index], float(self.prices[index])


def _generate(n: int, seed: int, start: int) -> Arrays:
    """Houses whose columns hang together as those of real sales do: newer is better, better is larger and dearer."""
    normal, share = np.empty((n, 14)), np.empty((n, 7))
    for i in range(n):
        rng = sample_generator(seed, start + i)
        normal[i], share[i] = rng.standard_normal(14), rng.random(7)
    z, u = np.clip(normal, -3.2, 3.2).T, share.T

    # Most houses come from two booms, after the war and around 2000.
    built = np.select(
        [u[0] < 0.2, u[0] < 0.6],
        [1925 + 12 * z[0], 1962 + 9 * z[0]],
        1999 + 7 * z[0],
    ).clip(1872, _LAST_YEAR)  # fmt: skip
    age = (1972 - built) / 30
    taste = -0.57 * age + 0.8 * z[1]
    quality = np.rint(6.1 + 1.35 * taste).clip(1, 10)
    better = (quality - 6.1) / 1.35
    condition = np.rint(5.4 + 0.35 * age + 1.0 * z[2]).clip(1, 9)
    renewed = np.where(u[1] < 0.5, built, built + (_LAST_YEAR - built) * (1 - u[1] ** 2)).clip(1950, _LAST_YEAR)

    living = np.exp(7.27 + 0.19 * better + 0.26 * z[3])
    two_floors = u[2] < 0.25 + 0.35 * (living > 1500)
    ground = living * np.where(two_floors, 0.56 + 0.04 * z[4].clip(-2, 2), 1)
    basement = np.where(u[3] < 0.025, 0, ground * np.exp(-0.06 + 0.05 * better + 0.12 * z[5]))
    size = (living - 1515) / 525
    baths = np.rint(1.55 + 0.3 * size + 0.12 * better + 0.25 * z[6]).clip(1, 3)
    bedrooms = np.rint(2.85 + 0.52 * size - 0.15 * better + 0.62 * z[7]).clip(1, 6)
    rooms = np.rint(6.5 + 1.3 * size + 0.9 * z[7]).clip(3, 14)
    fireplaces = np.rint(0.45 + 0.26 * better + 0.22 * size + 0.5 * z[8]).clip(0, 3)
    masonry = np.where(u[4] < 0.58 - 0.12 * better, 0, np.exp(5.1 + 0.25 * better + 0.6 * z[9]))
    masonry = np.where(u[4] > 0.994, np.nan, masonry)
    cars = np.where(u[5] < 0.055, 0, np.rint(1.8 + 0.4 * better + 0.16 * size + 0.35 * z[10]).clip(1, 3))
    garage = cars * 250 * np.exp(0.12 * z[11]) + 20 * (cars > 0)
    garage_built = np.where(cars > 0, np.maximum(built, 1900), np.nan)
    lot = np.exp(9.1 + 0.15 * size + 0.34 * z[12])
    front = np.where(u[6] < 0.18, np.nan, 70 * np.exp(0.5 * (np.log(lot) - 9.1) + 0.18 * z[4]))

    # Each thing multiplies the price, so that dear houses scatter by more dollars than cheap ones.
    worth = 0.38 * np.log(living) + 0.115 * quality + 0.042 * condition + 0.11 * np.log(lot) - 0.085 * age
    worth += 1.6e-4 * basement + 0.042 * cars + 0.035 * fireplaces + 0.03 * baths
    price = np.exp(7.02 + worth + 0.0018 * (renewed - 1985) + 0.16 * z[13])

    whole = np.rint([lot, built, renewed, masonry, basement, ground, living, garage_built, garage])
    lot, built, renewed, masonry, basement, ground, living, garage_built, garage = whole
    columns = [np.rint(front), lot, quality, condition, built, renewed, masonry, basement, ground, living]
    columns += [baths, bedrooms, rooms, fireplaces, garage_built, cars, garage]
    return {
        "features": np.stack(columns, axis=1).astype(np.float32) + 0,
        "prices": (np.rint(price / 100) * 100).astype(np.float32),
    }


def _housing_csv(path: Path, split: str, report: Report) -> Arrays:
    """Kaggle's train.csv: of each five rows one is for validation, one for the test, three for training."""
    features: list[list[float]] = []
    prices: list[float] = []
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        header = next(csv.reader([stream.readline(_LONGEST_LINE)]), [])
        missing = [name for name in (*_COLUMNS, _PRICE) if name not in header]
        if missing:
            raise CourseError(
                f"expected 17 columns of numbers and {_PRICE} in {path.name}, did not find {', '.join(missing[:3])}: "
                "use train.csv of the competition as it came"
            )
        order = [header.index(name) for name in (*_COLUMNS, _PRICE)]
        for number, line in enumerate(iter(lambda: stream.readline(_LONGEST_LINE), ""), start=2):
            report(len(line))
            if not line.strip():
                continue
            fields = next(csv.reader([line]), [])
            if len(fields) != len(header):
                raise CourseError(_bad_row(path.name, number, f"{len(header)} fields", str(len(fields))))
            *known, price = (_number(fields[k], path.name, number) for k in order)
            if not price > 0:
                raise CourseError(_bad_row(path.name, number, "a price", repr(fields[order[-1]][:40])))
            features.append(known)
            prices.append(price)
    if len(prices) < 5:
        raise CourseError(f"expected at least 5 houses in {path.name}, found {len(prices)}: is the file complete?")
    places = np.arange(len(prices)) % 5
    chosen = {"train": places > 1, "val": places == 0, "test": places == 1}[split]
    arrays = {"features": np.array(features, dtype=np.float32), "prices": np.array(prices, dtype=np.float32)}
    return {name: values[chosen] for name, values in arrays.items()}


def _number(text: str, name: str, row: int) -> float:
    """The number in a field, NaN where nothing is known."""
    if text.strip() in _MISSING:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    # float("nan") is no number of a house, and numbers beyond float32 would become infinite.
    if not abs(value) < 1e9:
        raise CourseError(_bad_row(name, row, "numbers", repr(text[:40])))
    return value


def _bad_row(name: str, number: int, expected: str, got: str) -> str:
    return f"expected {expected} in line {number} of {name}, got {got}: the file is damaged, get it again"


DATASET = Dataset(
    name="housing",
    splits={"train": 876, "val": 292, "test": 292},
    samples=HousingSet,
    generate=_generate,
    parsers={"housing_csv": _housing_csv},
)
