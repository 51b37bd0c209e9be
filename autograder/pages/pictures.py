"""Pictures of a model's predictions as inline SVG: sharp at any size, a few kilobytes each."""

import base64
import io
import math
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from exercise_code.common.checks.drawn_sample import DrawnSample
from exercise_code.common.errors import CourseError
from exercise_code.common.exercise import Exercise
from exercise_code.common.probing.scores import load_scoring

from ..base.text import clean_text
from ..judging.result import unpack_samples

__all__ = ["Gallery", "as_svg"]

JPEG_QUALITY = 85
# Below this a picture is a drawing or a mask, and JPEG would smear its edges.
FEW_COLOURS = 64
RING, CROSS = 1.7, 1.5
# What a model answered may have any form; a page without a picture is still a page.
_MISSHAPEN = (
    *(ArithmeticError, AssertionError, AttributeError, CourseError, EOFError),
    *(LookupError, TypeError, ValueError, zlib.error),
)


class Gallery:
    """The samples that an exercise's pages show, loaded when the first page asks for them."""

    def __init__(self, exercise: Exercise, data: str) -> None:
        self.exercise, self.data = exercise, data
        self._draw: Any = None
        self._samples: tuple[Any, Any] | None = None
        self._opened = False

    def pictures(self, packed: str) -> list[Markup] | None:
        """A picture for each sample whose prediction was kept; none without any, None where they fit no picture."""
        if not packed or not self._open():
            return []
        try:
            predictions = unpack_samples(packed)
            assert predictions is not None and self._samples is not None
            inputs, targets = (part[: len(predictions)] for part in self._samples)
            with np.errstate(all="ignore"):
                drawn: list[DrawnSample] = self._draw(inputs, targets, predictions)
            return [as_svg(sample) for sample in drawn]
        except _MISSHAPEN:
            return None

    def _open(self) -> bool:
        if not self._opened and self.exercise.model is not None:
            self._opened = True
            scoring = load_scoring(self.exercise)
            self._draw = getattr(scoring, "draw_samples", None)
            if self._draw is not None:
                try:
                    self._samples = scoring.evaluation_set(self.data, "val")
                except CourseError:
                    self._samples = None
        return self._draw is not None and self._samples is not None


def as_svg(sample: DrawnSample) -> Markup:
    """A picture with its points: rings where they are, crosses where the model sees them, a line between the two."""
    height, width = sample.image.shape[:2]
    shapes = [f'<image href="{_data_uri(sample.image)}" width="{width}" height="{height}"/>']
    unit = max(height, width) / 96
    truth, predicted = (_points(points, width, height) for points in (sample.truth, sample.predicted))
    outside = sum(1 for x, y in predicted if not (0 <= x <= width and 0 <= y <= height))
    if truth and len(truth) == len(predicted):
        pairs = [(a, b) for a, b in zip(truth, predicted, strict=True) if _shown(a, width) and _shown(b, width)]
        shapes.append(_path("apart", [f"M{_at(a)}L{_at(b)}" for a, b in pairs], unit))
    if truth:
        shapes.append(_path("truth", [_ring(p, unit) for p in truth if _shown(p, width)], unit))
    if predicted:
        shapes.append(_path("predicted", [_cross(p, unit) for p in predicted if _shown(p, width)], unit))
    caption = sample.caption + (f"; {outside} of {len(predicted)} points lie outside" if outside else "")
    label = escape(clean_text(caption))
    box = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return Markup(
        f'<figure><svg {box} role="img" aria-label="{label}">{"".join(shapes)}</svg>'
        f"<figcaption>{label}</figcaption></figure>"
    )


def _points(points: npt.NDArray[Any] | None, width: int, height: int) -> list[tuple[float, float]]:
    """Points in pixels; none where there are none."""
    if points is None:
        return []
    middle = np.array([width, height]) / 2
    return [(float(x), float(y)) for x, y in middle + middle * np.asarray(points, dtype=np.float64)]


def _shown(point: tuple[float, float], width: int) -> bool:
    # A browser need not draw what lies kilometres away, nor what is no number.
    return all(math.isfinite(c) and abs(c) < 10 * width for c in point)


def _at(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _ring(point: tuple[float, float], unit: float) -> str:
    r = RING * unit
    return f"M{_at((point[0] - r, point[1]))}a{r:.2g} {r:.2g} 0 1 0 {2 * r:.2g} 0a{r:.2g} {r:.2g} 0 1 0-{2 * r:.2g} 0"


def _cross(point: tuple[float, float], unit: float) -> str:
    r = CROSS * unit
    return f"M{_at((point[0] - r, point[1] - r))}l{2 * r:.2g} {2 * r:.2g}m0-{2 * r:.2g}l-{2 * r:.2g} {2 * r:.2g}"


def _path(name: str, parts: list[str], unit: float) -> str:
    return f'<path class="{name}" stroke-width="{unit * (0.6 if name == "apart" else 0.9):.2g}" d="{"".join(parts)}"/>'


def _data_uri(image: npt.NDArray[np.uint8]) -> str:
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or not image.size:
        raise ValueError(f"expected a uint8 picture (H, W) or (H, W, 3), got {image.dtype} {image.shape}")
    return _encoded(image.tobytes(), image.shape)


@lru_cache(maxsize=64)
def _encoded(pixels: bytes, shape: tuple[int, ...]) -> str:
    from PIL import Image

    array = np.frombuffer(pixels, dtype=np.uint8).reshape(shape)
    buffer = io.BytesIO()
    colours = len(np.unique(array.reshape(-1, shape[2] if len(shape) == 3 else 1), axis=0))
    kind = "png" if colours <= FEW_COLOURS else "jpeg"
    options: dict[str, Any] = {"quality": JPEG_QUALITY} if kind == "jpeg" else {}
    Image.fromarray(array).save(buffer, kind, optimize=True, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
