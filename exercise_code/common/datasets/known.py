"""The data sets that can be loaded: a new one is a file beside this one, and its name here."""

from collections.abc import Mapping

from . import cifar10, facial_keypoints, housing, imdb, mnist, segmentation
from .dataset import Dataset

__all__ = ["DATASETS"]

_FILES = (cifar10, facial_keypoints, housing, imdb, mnist, segmentation)
DATASETS: Mapping[str, Dataset] = {file.DATASET.name: file.DATASET for file in _FILES}
