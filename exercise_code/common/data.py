"""The course's data sets: `load_dataset` gives real or embedded samples as numpy arrays.

Embedded samples are drawn on this computer from a seed, in the shapes, types and splits of the real set. They make
everything run without a network; they never pose as the real set.

    python -m exercise_code.common.data                       what is there; prepares what needs no download
    python -m exercise_code.common.data cifar10 --source real

This module is the door for notebooks, exercises and students; the code is in `exercise_code.common.datasets`.
"""

from .datasets.cifar10 import ImageSet
from .datasets.dataset import SPLITS
from .datasets.facial_keypoints import KeypointSet
from .datasets.housing import HousingSet
from .datasets.imdb import ReviewSet
from .datasets.known import DATASETS
from .datasets.load import dataset_info, load_dataset, resolve_source
from .datasets.mnist import DigitSet
from .datasets.prepare import main
from .datasets.segmentation import SceneSet

__all__ = [
    "DATASETS",
    "SPLITS",
    "DigitSet",
    "HousingSet",
    "ImageSet",
    "KeypointSet",
    "ReviewSet",
    "SceneSet",
    "dataset_info",
    "load_dataset",
    "main",
    "resolve_source",
]

if __name__ == "__main__":
    raise SystemExit(main())
