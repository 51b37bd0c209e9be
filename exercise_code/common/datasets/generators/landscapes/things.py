"""Things of drawn scenes, from airplanes to trees: what each looks like, whatever its colours and its texture."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from ..sampling import chance, normal, uniform
from .classes import SCENE_SIZE

__all__ = ["AIR", "DARK", "LIGHT", "MAIN", "SECOND", "THINGS", "Figure"]

# What a pixel of a figure is: its texture, a second plain colour, dark, light, or air that belongs to it.
MAIN, SECOND, DARK, LIGHT, AIR = 1, 2, 3, 4, 5
_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_CIRCLE = tuple(zip(np.cos(_ANGLES).tolist(), np.sin(_ANGLES).tolist(), strict=True))

Point = tuple[float, float]


class Figure:
    """A sheet for one thing. It is drawn from -1 to 1, x to its front, y down; it stands on y = 1."""

    def __init__(self, rng: np.random.Generator, centre: Point, size: float) -> None:
        self._image = Image.new("L", (SCENE_SIZE, SCENE_SIZE))
        self._draw = ImageDraw.Draw(self._image)
        flip = -1.0 if chance(rng, 0.5) else 1.0
        angle, shear = normal(rng, 0.1, 0.3), normal(rng, 0.08, 0.2)
        across, down = size * uniform(rng, 0.85, 1.2), size * uniform(rng, 0.85, 1.15)
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        self._xx, self._xy = flip * across * cos, down * (shear * cos - sin)
        self._yx, self._yy = flip * across * sin, down * (shear * sin + cos)
        (self._x, self._y), self._size = centre, size

    @property
    def parts(self) -> npt.NDArray[np.uint8]:
        """What each pixel is, 0 outside: uint8 (240, 240)."""
        return np.asarray(self._image)

    def _place(self, points: Sequence[Point]) -> list[float]:
        return [
            c for x, y in points for c in (self._x + self._xx * x + self._xy * y, self._y + self._yx * x + self._yy * y)
        ]

    def fill(self, part: int, *points: Point) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._place(points), fill=part)

    def oval(self, part: int, x: float, y: float, rx: float, ry: float, tilt: float = 0.0) -> None:
        """Fill an ellipse; `tilt` in radians."""
        c, s = float(np.cos(tilt)), float(np.sin(tilt))
        self.fill(part, *((x + rx * a * c - ry * b * s, y + rx * a * s + ry * b * c) for a, b in _CIRCLE))

    def box(self, part: int, left: float, top: float, right: float, bottom: float) -> None:
        """Fill a rectangle."""
        self.fill(part, (left, top), (right, top), (right, bottom), (left, bottom))

    def limb(self, part: int, width: float, *points: Point) -> None:
        """Draw a thick line."""
        self._draw.line(self._place(points), fill=part, width=max(2, round(width * self._size)), joint="curve")


def _legs(f: Figure, rng: np.random.Generator, top: float, width: float, *places: float) -> None:
    for x in places:
        f.limb(MAIN, width, (x, top), (x + normal(rng, 0.05, 0.12), 0.65), (x + normal(rng, 0.08, 0.16), 1))


def _cow(f: Figure, rng: np.random.Generator) -> None:
    head = uniform(rng, -0.35, 0.45)
    _legs(f, rng, 0.2, 0.15, -0.62, -0.45, 0.3, 0.46)
    f.fill(MAIN, (-0.75, -0.35), (0.55, -0.35), (0.6, 0.25), (0.3, 0.4), (-0.5, 0.42), (-0.75, 0.2))
    f.limb(MAIN, 0.06, (-0.74, -0.3), (-0.9, 0.1), (-0.85, 0.5))
    f.limb(MAIN, 0.3, (0.5, -0.15), (0.75, head))
    f.fill(MAIN, (0.6, head - 0.2), (0.9, head - 0.12), (1.02, head + 0.2), (0.85, head + 0.25), (0.62, head + 0.05))
    f.limb(LIGHT, 0.05, (0.62, head - 0.18), (0.55, head - 0.4))
    f.limb(LIGHT, 0.05, (0.78, head - 0.18), (0.84, head - 0.4))
    f.oval(SECOND, -0.3, 0.42, 0.14, 0.1)


def _horse(f: Figure, rng: np.random.Generator) -> None:
    head = uniform(rng, -0.95, -0.5)
    _legs(f, rng, 0.1, 0.1, -0.55, -0.42, 0.28, 0.42)
    f.oval(MAIN, -0.08, -0.02, 0.6, 0.27)
    f.fill(MAIN, (0.2, -0.2), (0.5, head), (0.75, head + 0.1), (0.5, 0.15))
    f.fill(MAIN, (0.46, head - 0.05), (0.68, head - 0.02), (1, head + 0.32), (0.88, head + 0.42), (0.52, head + 0.22))
    f.limb(DARK, 0.09, (0.2, -0.25), (0.45, head))
    f.limb(DARK, 0.1, (-0.62, -0.1), (-0.85, 0.1), (-0.85, 0.6))


def _sheep(f: Figure, rng: np.random.Generator) -> None:
    for x in (-0.4, -0.25, 0.2, 0.35):
        f.limb(DARK, 0.09, (x, 0.4), (x + normal(rng, 0.04, 0.1), 1))
    f.oval(MAIN, -0.05, 0.1, 0.66, 0.5)
    for angle in range(0, 360, 30):
        x, y = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        f.oval(MAIN, -0.05 + 0.6 * x, 0.1 + 0.44 * y, 0.17, 0.15)
    drop = uniform(rng, -0.2, 0.25)
    f.oval(SECOND, 0.72, drop, 0.17, 0.26, -0.5)
    f.oval(DARK, 0.56, drop - 0.14, 0.12, 0.06, 0.4)


def _cat(f: Figure, rng: np.random.Generator) -> None:
    x = uniform(rng, -0.15, 0.15)
    f.limb(MAIN, 0.12, (-0.4, 0.85), (-0.85, 0.75), (-0.9, 0.2), (-0.7, uniform(rng, -0.3, 0)))
    f.oval(MAIN, -0.05, 0.5, 0.45, 0.52)
    f.oval(MAIN, x, -0.3, 0.4, 0.34)
    f.fill(MAIN, (x - 0.38, -0.4), (x - 0.34, -0.88), (x - 0.06, -0.58))
    f.fill(MAIN, (x + 0.38, -0.4), (x + 0.34, -0.88), (x + 0.06, -0.58))
    for side in (-1, 1):
        f.oval(LIGHT, x + 0.16 * side, -0.33, 0.09, 0.08)
        f.oval(DARK, x + 0.16 * side, -0.33, 0.03, 0.08)
        f.limb(LIGHT, 0.02, (x + 0.12 * side, -0.14), (x + 0.5 * side, -0.2))


def _dog(f: Figure, rng: np.random.Generator) -> None:
    head = uniform(rng, -0.65, -0.35)
    _legs(f, rng, 0.2, 0.13, -0.5, -0.36, 0.2, 0.36)
    f.oval(MAIN, -0.1, 0.15, 0.52, 0.24)
    f.limb(MAIN, 0.09, (-0.55, 0.05), (-0.8, -0.3), (-0.75, uniform(rng, -0.6, -0.35)))
    f.limb(MAIN, 0.26, (0.25, 0.05), (0.5, head))
    f.oval(MAIN, 0.52, head, 0.27, 0.22)
    f.box(MAIN, 0.55, head - 0.05, 0.95, head + 0.15)
    f.oval(DARK, 0.95, head - 0.02, 0.07, 0.07)
    f.oval(SECOND, 0.36, head + 0.12, 0.11, 0.28, 0.2)
    f.oval(DARK, 0.6, head - 0.08, 0.04, 0.04)


def _bird(f: Figure, rng: np.random.Generator) -> None:
    if chance(rng, 0.4):
        lift = uniform(rng, -0.8, -0.2)
        f.fill(MAIN, (-0.1, 0), (-0.9, lift), (-0.5, 0.1))
        f.fill(MAIN, (0.1, 0), (0.7, lift - 0.1), (0.35, 0.15))
        f.oval(MAIN, 0, 0.05, 0.5, 0.17)
        f.fill(MAIN, (-0.4, 0), (-0.85, 0.05), (-0.8, 0.25), (-0.35, 0.15))
    else:
        for x in (-0.05, 0.1):
            f.limb(DARK, 0.05, (x, 0.4), (x, 1), (x + 0.14, 1))
        f.fill(MAIN, (-0.4, 0), (-1, 0.5), (-0.85, 0.65), (-0.2, 0.45))
        f.oval(MAIN, -0.05, 0.1, 0.52, 0.38, -0.4)
        f.oval(SECOND, -0.15, 0.12, 0.34, 0.17, 0.4)
    f.oval(MAIN, 0.42, -0.15, 0.22, 0.2)
    f.fill(LIGHT, (0.6, -0.22), (0.95, -0.1), (0.6, -0.05))
    f.oval(DARK, 0.47, -0.2, 0.05, 0.05)


def _airplane(f: Figure, rng: np.random.Generator) -> None:
    f.fill(MAIN, (-1, -0.1), (-0.85, -0.55), (-0.65, -0.55), (-0.5, -0.1))
    f.limb(MAIN, 0.26, (-0.85, 0), (0.75, 0.02))
    f.oval(MAIN, 0.78, 0.02, 0.2, 0.13)
    f.fill(SECOND, (0.25, 0.05), (-0.05, 0.05), (-0.5, uniform(rng, 0.45, 0.75)), (-0.3, 0.6))
    f.fill(SECOND, (0.2, -0.08), (0, -0.08), (-0.25, -0.4), (-0.12, -0.4))
    for x in np.linspace(-0.5, 0.55, 7).tolist():
        f.oval(DARK, x, -0.03, 0.035, 0.035)


def _car(f: Figure, rng: np.random.Generator) -> None:
    roof = uniform(rng, -0.25, -0.05)
    f.fill(MAIN, (-0.6, 0.3), (-0.42, roof), (0.2, roof), (0.5, 0.3))
    f.fill(MAIN, (-0.95, 0.3), (-0.6, 0.22), (0.5, 0.22), (0.95, 0.38), (0.98, 0.8), (-0.98, 0.8))
    f.fill(LIGHT, (-0.5, 0.26), (-0.37, roof + 0.08), (-0.12, roof + 0.08), (-0.12, 0.26))
    f.fill(LIGHT, (-0.05, 0.26), (-0.05, roof + 0.08), (0.16, roof + 0.08), (0.38, 0.26))
    for x in (-0.55, 0.55):
        f.oval(DARK, x, 0.8, 0.21, 0.21)
        f.oval(LIGHT, x, 0.8, 0.08, 0.08)


def _bicycle(f: Figure, rng: np.random.Generator) -> None:
    wheel = uniform(rng, 0.38, 0.46)
    width = uniform(rng, 0.05, 0.09)
    f.fill(AIR, (-0.55, 1 - wheel), (-0.3, -0.1), (0.4, -0.2), (0.55, 1 - wheel), (0, 0.7))
    for x in (-0.55, 0.55):
        f.oval(AIR, x, 1 - wheel, wheel, wheel)
        f.limb(MAIN, width, *((x + wheel * a, 1 - wheel + wheel * b) for a, b in (*_CIRCLE, _CIRCLE[0])))
    f.limb(MAIN, width, (-0.55, 1 - wheel), (-0.25, 0), (0.35, 0), (0, 0.6), (-0.55, 1 - wheel))
    f.limb(MAIN, width, (-0.3, -0.2), (0, 0.6))
    f.limb(MAIN, width, (0.55, 1 - wheel), (0.33, -0.3), (0.5, -0.4))
    f.limb(SECOND, 0.1, (-0.45, -0.22), (-0.15, -0.22))


def _flower(f: Figure, rng: np.random.Generator) -> None:
    petals, length = int(rng.integers(5, 9)), uniform(rng, 0.3, 0.42)
    f.limb(DARK, 0.06, (0, 0), (0.05, 1))
    f.oval(DARK, 0.2, 0.7, 0.2, 0.09, -0.5)
    for angle in np.linspace(0, 2 * np.pi, petals, endpoint=False).tolist():
        x, y = float(np.cos(angle)), float(np.sin(angle))
        f.oval(MAIN, length * x, -0.3 + length * y, length * 0.85, length * 0.42, angle)
    f.oval(SECOND, 0, -0.3, 0.2, 0.2)


def _sign(f: Figure, rng: np.random.Generator) -> None:
    f.limb(DARK, 0.09, (0, 0), (0, 1))
    match int(rng.integers(3)):
        case 0:
            f.fill(LIGHT, *((0.62 * a, -0.4 + 0.62 * b) for a, b in _CIRCLE[::3]))
            f.fill(MAIN, *((0.52 * a, -0.4 + 0.52 * b) for a, b in _CIRCLE[::3]))
        case 1:
            f.fill(LIGHT, (0, -1), (0.7, 0.15), (-0.7, 0.15))
            f.fill(MAIN, (0, -0.78), (0.52, 0.06), (-0.52, 0.06))
        case _:
            f.box(LIGHT, -0.75, -0.9, 0.75, 0)
            f.box(MAIN, -0.67, -0.82, 0.67, -0.08)
    f.limb(LIGHT, 0.09, (-0.22, -0.32), (0.22, -0.32))


def _book(f: Figure, rng: np.random.Generator) -> None:
    """A row of books."""
    x = -1.0
    while x < 0.9:
        width, top = uniform(rng, 0.14, 0.32), uniform(rng, -0.95, -0.55)
        f.box(MAIN if chance(rng, 0.6) else SECOND, x, top, x + width - 0.03, 1)
        f.box(LIGHT, x + 0.03, top + 0.25, x + width - 0.06, top + 0.38)
        f.box(DARK, x + width - 0.03, top, x + width, 1)
        x += width


def _chair(f: Figure, rng: np.random.Generator) -> None:
    seat = uniform(rng, 0.05, 0.25)
    for x, y in ((-0.5, 1), (-0.25, 0.85), (0.55, 1), (0.4, 0.85)):
        f.limb(SECOND, 0.09, (x, seat), (x, y))
    f.fill(MAIN, (-0.6, seat), (0.45, seat - 0.12), (0.7, seat + 0.1), (-0.5, seat + 0.2))
    f.fill(MAIN, (-0.62, seat), (-0.75, -0.95), (-0.5, -1), (-0.35, seat))
    f.fill(MAIN, (-0.7, -0.95), (0.1, -1), (0.2, -0.3), (-0.6, -0.2))


def _boat(f: Figure, rng: np.random.Generator) -> None:
    f.fill(MAIN, (-0.95, 0.45), (1, 0.4), (0.7, 0.95), (-0.7, 0.98))
    f.limb(LIGHT, 0.06, (-0.92, 0.52), (0.95, 0.48))
    if chance(rng, 0.65):
        f.limb(DARK, 0.05, (0, 0.45), (0, -1))
        f.fill(SECOND, (0.06, -0.95), (0.06, 0.3), (uniform(rng, 0.5, 0.85), 0.3))
        f.fill(SECOND, (-0.06, -0.7), (-0.06, 0.3), (-0.5, 0.3))
    else:
        f.box(SECOND, -0.45, 0, 0.3, 0.45)
        for x in (-0.3, 0, 0.2):
            f.box(DARK, x - 0.05, 0.1, x + 0.05, 0.25)
        f.box(DARK, -0.1, -0.4, 0.08, 0)


def _tree(f: Figure, rng: np.random.Generator) -> None:
    f.limb(DARK, 0.16, (0, 0.2), (normal(rng, 0.04, 0.1), 1))
    for _ in range(9):
        f.oval(
            MAIN, normal(rng, 0.3, 0.5), -0.3 + normal(rng, 0.25, 0.4), uniform(rng, 0.2, 0.4), uniform(rng, 0.2, 0.35)
        )


def _body(f: Figure, rng: np.random.Generator) -> None:
    """Shoulders, arms and legs, below a face."""
    reach = uniform(rng, 0.45, 0.8)
    f.fill(MAIN, (-0.34, -0.45), (0.34, -0.45), (0.28, 0.3), (-0.28, 0.3))
    f.limb(MAIN, 0.14, (-0.32, -0.38), (-reach, 0), (-0.5, uniform(rng, -0.1, 0.35)))
    f.limb(MAIN, 0.14, (0.32, -0.38), (reach, 0), (0.5, uniform(rng, -0.1, 0.35)))
    f.limb(SECOND, 0.2, (-0.15, 0.25), (-0.2, 1))
    f.limb(SECOND, 0.2, (0.15, 0.25), (0.2, 1))


def _face(f: Figure, rng: np.random.Generator) -> None:
    hair = uniform(rng, -0.75, -0.35)
    f.oval(DARK, 0, -0.15, 0.75, 0.85)
    f.oval(MAIN, 0, 0.12, 0.64, 0.85)
    f.fill(DARK, (-0.62, hair + 0.2), (-0.5, -0.85), (0.5, -0.85), (0.62, hair + 0.2), (0.1, hair))
    for x in (-0.26, 0.26):
        f.oval(LIGHT, x, -0.05, 0.13, 0.08)
        f.oval(DARK, x, -0.05, 0.06, 0.07)
    f.limb(SECOND, 0.08, (0, 0), (0.08, 0.3), (-0.02, 0.32))
    f.oval(SECOND, 0, 0.58, 0.26, uniform(rng, 0.05, 0.14))


THINGS: dict[str, Callable[[Figure, np.random.Generator], None]] = {
    "cow": _cow,
    "horse": _horse,
    "sheep": _sheep,
    "cat": _cat,
    "dog": _dog,
    "bird": _bird,
    "airplane": _airplane,
    "car": _car,
    "bicycle": _bicycle,
    "flower": _flower,
    "sign": _sign,
    "book": _book,
    "chair": _chair,
    "boat": _boat,
    "tree": _tree,
    "body": _body,
    "face": _face,
}
