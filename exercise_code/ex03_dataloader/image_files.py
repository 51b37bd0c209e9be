"""Image folders on disk: which files there are, and what is in one. Given: nothing to fill in here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def list_images(root: Path) -> tuple[list[str], list[Path], list[int]]:
    """The classes, the files and the labels of an image folder, a tuple (classes, paths, labels).

    `classes` are the names of the sub-folders in alphabetical order, `paths` the PNG files in them, class after
    class and in each class in alphabetical order, and `labels` says for each file which class it belongs to:

        root/cat/01.png               classes  ["cat", "ship"]
        root/cat/02.png       gives   paths    [root/cat/01.png, root/cat/02.png, root/ship/01.png]
        root/ship/01.png              labels   [0, 0, 1]

    Anything else in the folder is left out.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"expected a folder of images at {root}, found none: check the path")
    # Operating systems list files in different orders; sorted, a label means the same class everywhere.
    classes = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        files = sorted((root / name).glob("*.png"))
        paths += files
        labels += [label] * len(files)
    return classes, paths, labels


def load_image(path: Path) -> np.ndarray:
    """The image in a file as an array of shape (height, width, 3): red, green and blue, dtype uint8, 0 to 255."""
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))
