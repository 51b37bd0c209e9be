"""A sheet to draw objects on, and colours."""

import numpy as np
from PIL import Image, ImageDraw

from .classes import OBJECT_SIZE
from .sampling import chance, normal, uniform

__all__ = ["CANVAS", "OVERSAMPLING", "Colour", "Point", "Sketch", "jitter", "rgb", "tint"]

OVERSAMPLING = 4
CANVAS = OBJECT_SIZE * OVERSAMPLING
_ANGLES = np.linspace(0, 2 * np.pi, 18, endpoint=False)
_CIRCLE = list(zip(np.cos(_ANGLES).tolist(), np.sin(_ANGLES).tolist(), strict=True))

Colour = tuple[float, float, float]
Point = tuple[float, float]


def tint(colour: Colour, factor: float) -> Colour:
    """A lighter colour, or below 1 a darker one."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def rgb(colour: Colour) -> tuple[int, int, int]:
    """A colour as PIL takes it."""
    r, g, b = (min(max(int(c), 0), 255) for c in colour)
    return r, g, b


def jitter(rng: np.random.Generator, colour: Colour, amount: float) -> Colour:
    """A colour near by."""
    r, g, b = rng.uniform(-amount, amount, size=3).tolist()
    return colour[0] + r, colour[1] + g, colour[2] + b


class Sketch:
    """Draws in coordinates of the object: about -1 to 1, x to its front, y down; turned, sheared and scaled."""

    def __init__(self, rng: np.random.Generator, image: Image.Image, ground: float) -> None:
        self._draw = ImageDraw.Draw(image)
        scale = CANVAS / 2 * uniform(rng, 0.75, 1.0)
        flip = -1.0 if chance(rng, 0.5) else 1.0
        angle, shear, stretch = normal(rng, 0.14, 0.45), normal(rng, 0.12, 0.3), uniform(rng, 0.78, 1.2)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        self._xx, self._xy = float(flip * cos * stretch), float(shear * cos - sin)
        self._yx, self._yy = float(flip * sin * stretch), float(shear * sin + cos)
        free = 0.4 * (CANVAS / 2 - 0.62 * scale)
        self._x = CANVAS / 2 + uniform(rng, -1, 1) * free
        level = CANVAS / 2 + uniform(rng, -1, 1) * free
        self._y = 0.5 * (level + min(ground * CANVAS + uniform(rng, -6, 26), CANVAS * 0.7))
        self._scale = scale

    def _place(self, points: list[Point]) -> list[float]:
        return [
            c for x, y in points for c in (self._x + self._xx * x + self._xy * y, self._y + self._yx * x + self._yy * y)
        ]

    def fill(self, colour: Colour, *points: Point) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._place(list(points)), fill=rgb(colour))

    def oval(self, colour: Colour, x: float, y: float, rx: float, ry: float, tilt: float = 0.0) -> None:
        """Fill an ellipse; `tilt` in radians."""
        c, s = float(np.cos(tilt)), float(np.sin(tilt))
        outline = [(x + rx * a * c - ry * b * s, y + rx * a * s + ry * b * c) for a, b in _CIRCLE]
        self._draw.polygon(self._place(outline), fill=rgb(colour))

    def limb(self, colour: Colour, width: float, *points: Point) -> None:
        """Draw a thick line."""
        pixels = max(1, round(width * self._scale))
        self._draw.line(self._place(list(points)), fill=rgb(colour), width=pixels, joint="curve")
