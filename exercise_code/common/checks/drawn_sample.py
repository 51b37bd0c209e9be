"""What a model made of a sample, said in plain values, for pages and plots to draw.

An exercise in which a model is handed in may have `draw_samples(inputs, targets, predictions) -> list[DrawnSample]`
in its `scoring.py`; a student's feedback page then shows these pictures.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DrawnSample"]


@dataclass(frozen=True)
class DrawnSample:
    """A picture, uint8 (H, W) or (H, W, 3), and a caption; where there are points, (K, 2), x before y.

    Points count from the middle of the picture, in halves of its width and height: its corners are -1 and 1.
    """

    image: npt.NDArray[np.uint8]
    caption: str
    truth: npt.NDArray[Any] | None = None
    predicted: npt.NDArray[Any] | None = None
