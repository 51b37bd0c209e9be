"""Drawn objects of ten classes, in the form of CIFAR-10: colour pictures of 32x32."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from exercise_code.common.embedded.sampling import chance, normal, sample_generator, uniform

__all__ = ["OBJECT_CLASSES", "OBJECT_SIZE", "draw_object", "make_objects"]

OBJECT_SIZE = 32
OBJECT_CLASSES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_OVERSAMPLING = 4
_CANVAS = OBJECT_SIZE * _OVERSAMPLING
_ANGLES = np.linspace(0, 2 * np.pi, 18, endpoint=False)
_CIRCLE = list(zip(np.cos(_ANGLES).tolist(), np.sin(_ANGLES).tolist(), strict=True))
_CORNERS = (np.arange(OBJECT_SIZE, dtype=np.float32) - 15.5) / 16

Colour = tuple[float, float, float]
Point = tuple[float, float]


def make_objects(n: int, seed: int, start: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Images uint8 (n, 32, 32, 3) and labels int64 (n,): the samples from `start` on of a seed.

    Labels index `OBJECT_CLASSES`; each ten samples in a row hold every class once, in random order. Sample i of a
    seed is the same whatever n is.

    >>> images, labels = make_objects(10, seed=0)
    >>> images.shape, sorted(labels.tolist())
    ((10, 32, 32, 3), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    images = np.empty((n, OBJECT_SIZE, OBJECT_SIZE, 3), dtype=np.uint8)
    labels = np.empty(n, dtype=np.int64)
    num_classes = len(OBJECT_CLASSES)
    order = np.empty(0, dtype=np.int64)
    for i in range(n):
        block, place = divmod(start + i, num_classes)
        if i == 0 or place == 0:
            # Blocks draw from a stream that no sample uses.
            order = sample_generator(seed, 2**32 + block).permutation(num_classes)
        labels[i] = order[place]
        images[i] = draw_object(OBJECT_CLASSES[order[place]], sample_generator(seed, start + i))
    return images, labels


def draw_object(name: str, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """One picture uint8 (32, 32, 3) of the class `name`."""
    image, ground = _scene(rng, name)
    sketch = _Sketch(rng, image, ground)
    _PAINTERS[name](sketch, rng)
    if chance(rng, 0.35):
        _occlude(rng, image)
    return _develop(rng, image)


def _tint(colour: Colour, factor: float) -> Colour:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _rgb(colour: Colour) -> tuple[int, int, int]:
    r, g, b = (min(max(int(c), 0), 255) for c in colour)
    return r, g, b


def _jitter(rng: np.random.Generator, colour: Colour, amount: float) -> Colour:
    r, g, b = rng.uniform(-amount, amount, size=3).tolist()
    return colour[0] + r, colour[1] + g, colour[2] + b


class _Sketch:
    """Draws in coordinates of the object: about -1 to 1, x to its front, y down; turned, sheared and scaled."""

    def __init__(self, rng: np.random.Generator, image: Image.Image, ground: float) -> None:
        self._draw = ImageDraw.Draw(image)
        scale = _CANVAS / 2 * uniform(rng, 0.48, 1.0)
        flip = -1.0 if chance(rng, 0.5) else 1.0
        angle, shear, stretch = normal(rng, 0.14, 0.45), normal(rng, 0.12, 0.3), uniform(rng, 0.78, 1.2)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        self._xx, self._xy = float(flip * cos * stretch), float(shear * cos - sin)
        self._yx, self._yy = float(flip * sin * stretch), float(shear * sin + cos)
        free = _CANVAS / 2 - 0.62 * scale
        self._x = _CANVAS / 2 + uniform(rng, -1, 1) * free
        level = _CANVAS / 2 + uniform(rng, -1, 1) * free
        self._y = 0.5 * (level + min(ground * _CANVAS + uniform(rng, -6, 26), _CANVAS * 0.7))
        self._scale = scale

    def _place(self, points: list[Point]) -> list[float]:
        return [
            c for x, y in points for c in (self._x + self._xx * x + self._xy * y, self._y + self._yx * x + self._yy * y)
        ]

    def fill(self, colour: Colour, *points: Point) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._place(list(points)), fill=_rgb(colour))

    def oval(self, colour: Colour, x: float, y: float, rx: float, ry: float, tilt: float = 0.0) -> None:
        """Fill an ellipse; `tilt` in radians."""
        c, s = float(np.cos(tilt)), float(np.sin(tilt))
        outline = [(x + rx * a * c - ry * b * s, y + rx * a * s + ry * b * c) for a, b in _CIRCLE]
        self._draw.polygon(self._place(outline), fill=_rgb(colour))

    def limb(self, colour: Colour, width: float, *points: Point) -> None:
        """Draw a thick line."""
        pixels = max(1, round(width * self._scale))
        self._draw.line(self._place(list(points)), fill=_rgb(colour), width=pixels, joint="curve")


_SCENES: dict[str, tuple[str, ...]] = {
    "plane": ("sky", "sky", "sky", "road"),
    "car": ("road", "road", "city", "grass"),
    "bird": ("sky", "forest", "grass", "water"),
    "cat": ("room", "room", "grass", "city"),
    "deer": ("grass", "forest", "forest", "snow"),
    "dog": ("room", "grass", "grass", "snow"),
    "frog": ("grass", "forest", "water", "room"),
    "horse": ("grass", "grass", "forest", "snow"),
    "ship": ("water", "water", "water", "sky"),
    "truck": ("road", "road", "city", "grass"),
}
_ALL_SCENES = ("sky", "road", "city", "grass", "forest", "water", "room", "snow")
_GROUNDS: dict[str, Colour] = {
    "road": (105, 102, 100),
    "city": (140, 132, 125),
    "grass": (92, 128, 62),
    "forest": (70, 84, 48),
    "water": (62, 104, 138),
    "room": (150, 112, 82),
    "snow": (222, 224, 230),
    "sky": (170, 195, 220),
}


def _scene(rng: np.random.Generator, name: str) -> tuple[Image.Image, float]:
    """A canvas with a landscape or a room, and the height of its horizon as a share of the picture."""
    scene = _SCENES[name][int(rng.integers(4))] if chance(rng, 0.6) else _ALL_SCENES[int(rng.integers(8))]
    sky = _jitter(rng, [(130, 170, 220), (200, 205, 212), (225, 180, 150), (90, 110, 150)][int(rng.integers(4))], 28)
    if scene == "room":
        sky = _jitter(rng, (185, 170, 150), 60)
    ground = _tint(_jitter(rng, _GROUNDS[scene], 24), uniform(rng, 0.6, 1.25))
    horizon = uniform(rng, 0.85, 1.2) if scene == "sky" else uniform(rng, 0.25, 0.75)
    rows = np.linspace(0, 1, 16)[:, None]
    above = np.array(sky) * (1.12 - 0.25 * rows)
    below = np.array(ground) * (0.85 + 0.3 * rows)
    column = np.where(rows < horizon, above, below)
    pixels = np.clip(np.repeat(column[:, None, :], 2, axis=1), 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels).resize((_CANVAS, _CANVAS), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    level = horizon * _CANVAS
    for _ in range(int(rng.integers(2, 9))):
        x, size = uniform(rng, 0, _CANVAS), uniform(rng, 6, 42)
        dark = uniform(rng, 0.55, 1.3)
        match scene:
            case "forest" | "grass" if chance(rng, 0.7 if scene == "forest" else 0.25):
                crown = _rgb(_tint(_jitter(rng, (58, 88, 44), 22), dark))
                draw.rectangle((x - size / 10, level - size, x + size / 10, level + 3), fill=(74, 56, 42))
                draw.ellipse((x - size / 2, level - 1.8 * size, x + size / 2, level - size / 2), fill=crown)
            case "city" | "room":
                wall = _rgb(_jitter(rng, _tint((150, 140, 130), dark), 45))
                draw.rectangle((x - size / 2, level - 1.6 * size, x + size / 2, level), fill=wall)
            case "sky" | "water" | "snow" if chance(rng, 0.5):
                y = uniform(rng, 0, level)
                cloud = _rgb(_tint(sky, uniform(rng, 1.02, 1.3)))
                draw.ellipse((x - size, y - size / 4, x + size, y + size / 4), fill=cloud)
            case _:
                y = uniform(rng, level, _CANVAS + 20)
                patch = _rgb(_tint(ground, dark))
                draw.ellipse((x - size, y - size / 7, x + size, y + size / 7), fill=patch)
    return image, horizon


_BROWN, _DARK, _BLACK, _SAND, _CREAM, _GREY = (
    (120.0, 84.0, 52.0),
    (62.0, 48.0, 40.0),
    (38.0, 36.0, 38.0),
    (165.0, 130.0, 90.0),
    (205.0, 195.0, 180.0),
    (128.0, 124.0, 122.0),
)
_BLUE, _RED, _YELLOW = (60.0, 90.0, 150.0), (180.0, 60.0, 45.0), (190.0, 165.0, 60.0)
_FURS = (_BROWN, _DARK, _BLACK, _SAND, _CREAM, _GREY)
_FEATHERS = (_BROWN, _BLACK, _CREAM, _BLUE, _RED, _YELLOW)


def _paint(rng: np.random.Generator) -> Colour:
    """A colour of something made by people: white, grey, black or bright."""
    if chance(rng, 0.5):
        grey = uniform(rng, 25, 240)
        return _jitter(rng, (grey, grey, grey), 10)
    r, g, b = rng.uniform(20, 225, size=3).tolist()
    return r, g, b


def _pick(rng: np.random.Generator, colours: Sequence[Colour]) -> Colour:
    return _tint(_jitter(rng, colours[int(rng.integers(len(colours)))], 14), uniform(rng, 0.75, 1.15))


def _plane(s: _Sketch, rng: np.random.Generator) -> None:
    body, wing = _paint(rng), _paint(rng)
    if chance(rng, 0.5):
        body = wing = _jitter(rng, (215, 217, 222), 20)
    nose, thick = uniform(rng, 0.8, 1.0), uniform(rng, 0.1, 0.16)
    if chance(rng, 0.6):
        sweep = uniform(rng, 0.15, 0.5)
        s.fill(_tint(wing, 0.75), (0.2, -0.02), (0.2 - sweep, -0.34), (0.05 - sweep, -0.34), (-0.15, -0.02))
        s.fill(_tint(body, 0.85), (-0.62, -0.05), (-0.95, -0.42), (-0.8, -0.42), (-0.4, -0.08))
        s.oval(body, 0, 0, nose, thick)
        s.oval(_tint(body, 0.78), 0, thick * 0.5, nose * 0.9, thick * 0.5)
        s.fill((50, 60, 75), (nose * 0.8, -0.07), (nose * 0.93, -0.01), (nose * 0.74, -0.01))
        for k in range(6):
            s.oval((60, 70, 85), -0.45 + 0.18 * k, -0.03, 0.035, 0.03)
        s.fill(wing, (0.25, 0.03), (0.0 - sweep, 0.42), (-0.18 - sweep, 0.42), (-0.15, 0.05))
        s.fill(_tint(wing, 0.9), (-0.6, 0.0), (-0.95, 0.14), (-0.85, 0.14), (-0.45, 0.03))
        if chance(rng, 0.6):
            s.oval(_tint(body, 0.55), 0.05 - sweep / 2, 0.24, 0.12, 0.06)
    else:
        span, sweep = uniform(rng, 0.7, 0.95), uniform(rng, 0.1, 0.5)
        for side in (-1, 1):
            s.fill(wing, (0.25, side * 0.05), (-sweep, side * span), (-sweep - 0.16, side * span), (-0.15, side * 0.05))
            s.fill(_tint(wing, 0.85), (-0.65, 0.0), (-0.9, side * 0.32), (-1.0, side * 0.32), (-0.85, 0.0))
            s.oval(_tint(body, 0.5), 0.02 - sweep / 3, side * span * 0.45, 0.1, 0.05)
        s.oval(body, 0, 0, nose, thick * 0.85)
        s.oval((60, 70, 85), nose * 0.75, 0, 0.06, 0.05)


def _wheels(s: _Sketch, y: float, radius: float, *places: float) -> None:
    for x in places:
        s.oval((24, 24, 26), x, y, radius, radius)
        s.oval((150, 150, 155), x, y, radius * 0.5, radius * 0.5)


def _car(s: _Sketch, rng: np.random.Generator) -> None:
    body, glass = _paint(rng), _jitter(rng, (75, 92, 108), 22)
    s.oval((40, 40, 42), 0, 0.44, 0.95, 0.08)
    if chance(rng, 0.7):
        roof, front, back = uniform(rng, -0.46, -0.3), uniform(rng, 0.2, 0.42), uniform(rng, -0.85, -0.45)
        s.fill(body, (-0.92, -0.02), (0.45, -0.06), (0.9, 0.06), (0.96, 0.32), (-0.95, 0.32))
        s.fill(_tint(body, 0.92), (back, -0.02), (back + 0.22, roof), (front - 0.25, roof), (front + 0.15, -0.04))
        s.fill(glass, (back + 0.1, -0.04), (back + 0.25, roof + 0.06), (-0.16, roof + 0.06), (-0.16, -0.04))
        s.fill(glass, (-0.08, -0.04), (-0.08, roof + 0.06), (front - 0.27, roof + 0.06), (front + 0.05, -0.05))
        s.fill(_tint(body, 0.7), (-0.95, 0.22), (0.95, 0.22), (0.95, 0.32), (-0.95, 0.32))
        s.oval((240, 235, 190), 0.88, 0.1, 0.06, 0.05)
        s.oval((170, 30, 30), -0.9, 0.08, 0.04, 0.06)
        _wheels(s, 0.32, uniform(rng, 0.16, 0.22), -0.55, 0.56)
    else:
        s.fill((26, 26, 28), (-0.62, 0.2), (-0.38, 0.2), (-0.38, 0.5), (-0.62, 0.5))
        s.fill((26, 26, 28), (0.38, 0.2), (0.62, 0.2), (0.62, 0.5), (0.38, 0.5))
        s.fill(_tint(body, 0.9), (-0.5, -0.05), (-0.36, -0.48), (0.36, -0.48), (0.5, -0.05))
        s.fill(glass, (-0.43, -0.06), (-0.32, -0.41), (0.32, -0.41), (0.43, -0.06))
        s.fill(body, (-0.66, 0.0), (-0.5, -0.08), (0.5, -0.08), (0.66, 0.0), (0.66, 0.36), (-0.66, 0.36))
        s.fill((45, 45, 48), (-0.3, 0.12), (0.3, 0.12), (0.26, 0.26), (-0.26, 0.26))
        for side in (-1, 1):
            s.oval((245, 240, 205), side * 0.5, 0.12, 0.1, 0.07)


def _truck(s: _Sketch, rng: np.random.Generator) -> None:
    cab, cargo, glass = _paint(rng), _paint(rng), _jitter(rng, (75, 92, 108), 22)
    s.oval((40, 40, 42), 0, 0.52, 1.0, 0.08)
    if chance(rng, 0.75):
        top = uniform(rng, -0.62, -0.3)
        rear = uniform(rng, -1.0, -0.85)
        s.fill((50, 48, 48), (rear, 0.24), (0.9, 0.24), (0.9, 0.36), (rear, 0.36))
        kind = uniform(rng, 0, 1)
        if kind < 0.6:
            s.fill(cargo, (rear, top), (0.3, top), (0.3, 0.26), (rear, 0.26))
            s.fill(_tint(cargo, 0.8), (rear, 0.12), (0.3, 0.12), (0.3, 0.26), (rear, 0.26))
            for k in range(1, 5):
                x = rear + k * (0.3 - rear) / 5
                s.limb(_tint(cargo, 0.86), 0.02, (x, top), (x, 0.24))
        elif kind < 0.8:
            s.oval(cargo, (rear + 0.3) / 2, -0.05, (0.3 - rear) / 2, 0.3)
            s.oval(_tint(cargo, 1.25), (rear + 0.3) / 2, -0.15, (0.3 - rear) / 2.4, 0.1)
        else:
            s.fill(cargo, (rear, -0.1), (0.28, -0.1), (0.2, 0.26), (rear + 0.1, 0.26))
            s.fill((120, 95, 70), (rear + 0.1, -0.1), (-0.4, -0.34), (0.1, -0.1))
        s.fill(cab, (0.34, -0.34), (0.68, -0.34), (0.86, 0.0), (0.95, 0.06), (0.95, 0.34), (0.34, 0.34))
        s.fill(glass, (0.5, -0.27), (0.66, -0.27), (0.8, 0.0), (0.5, 0.0))
        s.oval((240, 235, 190), 0.9, 0.2, 0.05, 0.05)
        _wheels(s, 0.38, uniform(rng, 0.14, 0.19), -0.72, -0.4, 0.64)
    else:
        s.fill(cargo, (-0.55, -0.8), (0.55, -0.8), (0.55, 0.2), (-0.55, 0.2))
        s.fill((26, 26, 28), (-0.55, 0.3), (-0.34, 0.3), (-0.34, 0.58), (-0.55, 0.58))
        s.fill((26, 26, 28), (0.34, 0.3), (0.55, 0.3), (0.55, 0.58), (0.34, 0.58))
        s.fill(cab, (-0.55, -0.5), (0.55, -0.5), (0.58, 0.44), (-0.58, 0.44))
        s.fill(glass, (-0.46, -0.42), (0.46, -0.42), (0.48, -0.08), (-0.48, -0.08))
        s.fill(_tint(cab, 0.55), (-0.34, 0.04), (0.34, 0.04), (0.34, 0.28), (-0.34, 0.28))
        for side in (-1, 1):
            s.oval((245, 240, 205), side * 0.46, 0.26, 0.08, 0.07)


def _ship(s: _Sketch, rng: np.random.Generator) -> None:
    hull, house = _paint(rng), _jitter(rng, (215, 212, 205), 35)
    bow, deck = uniform(rng, 0.85, 1.0), uniform(rng, 0.0, 0.14)
    s.oval((205, 220, 230), -0.05, 0.44, 1.0, 0.07)
    if chance(rng, 0.7):
        stern = uniform(rng, -0.75, -0.2)
        height = uniform(rng, 0.3, 0.6)
        s.limb((70, 66, 62), 0.035, (stern + 0.35, deck), (stern + 0.35, deck - height - 0.35))
        s.fill(house, (stern, deck), (stern, deck - height), (stern + 0.5, deck - height), (stern + 0.6, deck))
        x, top = stern - 0.1, deck - 0.2
        s.fill(_tint(house, 0.85), (x, deck), (x, top), (x + 1.0, top), (x + 1.05, deck))
        for k in range(4):
            s.oval((70, 85, 105), stern + 0.08 + 0.12 * k, deck - height + 0.1, 0.04, 0.04)
        if chance(rng, 0.6):
            top = deck - height
            s.fill(
                _paint(rng),
                (stern + 0.1, top),
                (stern + 0.13, top - 0.28),
                (stern + 0.3, top - 0.28),
                (stern + 0.3, top),
            )
        if chance(rng, 0.4):
            for k in range(3):
                x = 0.3 + 0.18 * k
                s.fill(_paint(rng), (x, deck), (x, deck - 0.2), (x + 0.16, deck - 0.2), (x + 0.16, deck))
    else:
        sail = _jitter(rng, (232, 228, 218), 22)
        s.limb((84, 66, 50), 0.04, (0.0, deck), (0.0, -0.98))
        s.fill(sail, (0.05, -0.95), (0.05, deck - 0.1), (0.62, deck - 0.1))
        s.fill(_tint(sail, 0.85), (-0.05, -0.85), (-0.05, deck - 0.1), (-0.6, deck - 0.06))
    s.fill(hull, (-0.92, deck), (bow, deck - 0.08), (bow - 0.24, 0.44), (-0.8, 0.44))
    s.fill(_tint(hull, 0.6), (-0.85, 0.28), (bow - 0.14, 0.28), (bow - 0.24, 0.44), (-0.8, 0.44))
    s.limb(_tint(hull, 1.4), 0.03, (-0.9, deck + 0.05), (bow - 0.04, deck - 0.02))


def _bird(s: _Sketch, rng: np.random.Generator) -> None:
    body, wing = _pick(rng, _FEATHERS), _pick(rng, _FEATHERS)
    beak = _jitter(rng, (205, 150, 50), 25)
    if chance(rng, 0.5):
        wing = _tint(body, 0.75)
    if chance(rng, 0.35):
        lift, spread = uniform(rng, -0.75, 0.3), uniform(rng, 0.1, 0.35)
        far = [(-0.15 - spread, lift * 0.9 - 0.1), (-0.4 - spread, lift * 0.8)]
        s.fill(_tint(wing, 0.85), (0.15, 0.0), *far, (-0.2, 0.08))
        s.fill(_tint(body, 0.85), (-0.4, -0.05), (-0.85, -0.12), (-0.85, 0.14), (-0.4, 0.1))
        s.oval(body, 0, 0.02, 0.5, 0.17, 0.05)
        s.oval(body, 0.5, -0.06, 0.16, 0.14)
        s.fill(beak, (0.62, -0.1), (0.84, -0.03), (0.62, 0.0))
        s.fill(wing, (0.22, 0.0), (0.2 + spread, lift - 0.05), (-0.1, lift - 0.2), (-0.25, 0.05))
        s.oval((15, 15, 18), 0.55, -0.09, 0.035, 0.035)
    else:
        tall, fat = uniform(rng, 0.25, 0.6), uniform(rng, 0.24, 0.36)
        lean = uniform(rng, -0.7, -0.1)
        neck = uniform(rng, 0.3, 0.62)
        for x in (-0.06, 0.08):
            s.limb(_tint(beak, 0.8), 0.035, (x, 0.2), (x, 0.25 + tall), (x + 0.12, 0.27 + tall))
        s.fill(_tint(wing, 0.8), (-0.3, 0.1), (-0.9, 0.38), (-0.78, 0.5), (-0.2, 0.26))
        s.limb(body, 0.2, (0.18, 0.0), (0.34, -neck))
        s.oval(body, 0, 0.08, 0.48, fat, lean * 0.5)
        s.oval(body, 0.36, -neck, 0.19, 0.17)
        s.oval(_tint(body, 1.25), 0.14, 0.18, 0.22, fat * 0.6, lean * 0.5)
        s.oval(wing, -0.14, 0.06, 0.36, fat * 0.6, 0.3)
        s.fill(beak, (0.5, -neck - 0.05), (0.5 + uniform(rng, 0.12, 0.32), -neck + 0.03), (0.5, -neck + 0.06))
        s.oval((15, 15, 18), 0.41, -neck - 0.03, 0.04, 0.04)


def _legs(s: _Sketch, rng: np.random.Generator, fur: Colour, length: float, width: float, *places: float) -> None:
    for k, x in enumerate(places):
        knee, foot = normal(rng, 0.07, 0.16), normal(rng, 0.1, 0.22)
        tone = _tint(fur, 0.78 if k % 2 else 0.95)
        s.limb(tone, width, (x, 0.1), (x + knee, 0.15 + length * 0.5), (x + foot, 0.15 + length))


def _horse(s: _Sketch, rng: np.random.Generator) -> None:
    fur, mane = _pick(rng, _FURS), _pick(rng, (_DARK, _BLACK, _SAND))
    nod = uniform(rng, -0.15, 0.5)
    _legs(s, rng, fur, uniform(rng, 0.55, 0.7), 0.1, -0.5, -0.38, 0.32, 0.44)
    s.limb(mane, 0.12, (-0.58, -0.1), (-0.78, 0.05), (-0.8, 0.45))
    s.oval(fur, -0.05, -0.02, 0.6, 0.24)
    s.oval(_tint(fur, 1.15), -0.1, -0.1, 0.42, 0.11)
    s.fill(fur, (0.22, -0.16), (0.5, -0.68 + nod), (0.74, -0.6 + nod), (0.56, 0.06))
    s.limb(mane, 0.12, (0.24, -0.2), (0.46, -0.66 + nod), (0.58, -0.74 + nod))
    s.oval(_tint(fur, 1.05), 0.74, -0.52 + nod, 0.27, 0.12, 0.65)
    s.fill(fur, (0.52, -0.66 + nod), (0.54, -0.86 + nod), (0.63, -0.68 + nod))
    s.oval((14, 12, 12), 0.68, -0.6 + nod, 0.035, 0.035)
    if chance(rng, 0.3):
        s.fill((110, 60, 45), (-0.2, -0.26), (0.12, -0.26), (0.1, -0.02), (-0.16, -0.02))


def _deer(s: _Sketch, rng: np.random.Generator) -> None:
    fur = _tint(_jitter(rng, (148, 104, 64), 22), uniform(rng, 0.65, 1.15))
    nod = uniform(rng, -0.1, 0.45)
    _legs(s, rng, fur, uniform(rng, 0.6, 0.75), 0.07, -0.44, -0.34, 0.28, 0.38)
    s.oval(fur, -0.04, -0.02, 0.52, 0.2)
    s.oval(_tint(fur, 1.3), -0.04, 0.1, 0.36, 0.07)
    s.oval((225, 215, 200), -0.55, -0.08, 0.08, 0.1)
    if chance(rng, 0.35):
        for x, y in rng.uniform((-0.4, -0.15), (0.3, 0.05), size=(8, 2)).tolist():
            s.oval((215, 195, 165), x, y, 0.035, 0.03)
    s.fill(fur, (0.26, -0.12), (0.44, -0.6 + nod), (0.58, -0.54 + nod), (0.46, 0.04))
    s.oval(fur, 0.62, -0.56 + nod, 0.19, 0.1, 0.45)
    s.oval(_tint(fur, 0.8), 0.42, -0.68 + nod, 0.13, 0.05, 0.5)
    s.oval((14, 12, 12), 0.58, -0.6 + nod, 0.035, 0.035)
    if chance(rng, 0.6):
        bone, tall = _jitter(rng, (150, 125, 95), 20), uniform(rng, 0.25, 0.42)
        for lean in (-0.25, 0.12):
            x, y = 0.5, -0.66 + nod
            s.limb(bone, 0.045, (x, y), (x + lean * 0.6, y - tall * 0.6), (x + lean, y - tall))
            s.limb(bone, 0.035, (x + lean * 0.5, y - tall * 0.5), (x + lean * 0.5 + 0.14, y - tall * 0.85))
            s.limb(bone, 0.035, (x + lean * 0.8, y - tall * 0.75), (x + lean * 0.8 - 0.12, y - tall * 1.05))


def _dog(s: _Sketch, rng: np.random.Generator) -> None:
    fur, dark = _pick(rng, _FURS), _pick(rng, (_BROWN, _DARK, _BLACK, _SAND))
    floppy = chance(rng, 0.65)
    if chance(rng, 0.5):
        _legs(s, rng, fur, uniform(rng, 0.3, 0.5), 0.13, -0.46, -0.34, 0.3, 0.42)
        curl = uniform(rng, -0.4, 0.1)
        s.limb(fur, 0.1, (-0.52, -0.08), (-0.75, -0.2), (-0.82, -0.2 + curl))
        s.oval(fur, -0.05, 0.0, 0.55, 0.24)
        s.oval(_tint(fur, 1.2), 0.2, 0.08, 0.25, 0.14)
        s.limb(fur, 0.26, (0.34, -0.08), (0.5, -0.34))
        s.oval(fur, 0.54, -0.38, 0.22, 0.2)
        s.oval(_tint(fur, 1.1), 0.76, -0.3, 0.2, 0.11, 0.1)
        s.oval((20, 18, 18), 0.93, -0.34, 0.055, 0.05)
        s.oval((14, 12, 12), 0.6, -0.42, 0.035, 0.035)
        if floppy:
            s.oval(dark, 0.42, -0.32, 0.1, 0.2, 0.2)
        else:
            s.fill(dark, (0.36, -0.48), (0.4, -0.74), (0.54, -0.54))
        return
    long = uniform(rng, 0.4, 0.6)
    s.oval(_tint(fur, 0.85), 0, 0.75, 0.55, 0.4)
    s.oval(fur, 0, -0.1, 0.46, 0.5)
    for side in (-1, 1):
        if floppy:
            s.oval(dark, side * 0.46, -0.02, 0.15, 0.38, -side * 0.2)
        else:
            s.fill(dark, (side * 0.42, -0.3), (side * 0.45, -0.84), (side * 0.12, -0.52))
        s.oval((16, 14, 14), side * 0.19, -0.2, 0.07, 0.07)
    s.oval(_tint(fur, 1.22), 0, 0.2, 0.26, long * 0.7)
    s.oval((20, 18, 18), 0, 0.08, 0.13, 0.09)
    s.limb((40, 26, 26), 0.04, (-0.16, 0.36), (0, 0.3), (0.16, 0.36))
    if chance(rng, 0.35):
        s.oval((205, 95, 100), 0, 0.46, 0.08, 0.14)


def _cat(s: _Sketch, rng: np.random.Generator) -> None:
    fur, dark = _pick(rng, _FURS), _pick(rng, (_BROWN, _DARK, _BLACK, _SAND))
    eye = _jitter(rng, (150, 175, 70), 35)
    if chance(rng, 0.4):
        lift = uniform(rng, -0.65, 0.3)
        _legs(s, rng, fur, uniform(rng, 0.26, 0.4), 0.1, -0.44, -0.34, 0.28, 0.38)
        s.limb(dark, 0.075, (-0.5, -0.02), (-0.78, -0.06), (-0.86, lift))
        s.oval(fur, -0.06, 0.0, 0.52, 0.2)
        for k in range(4):
            s.limb(dark, 0.045, (-0.36 + 0.18 * k, -0.18), (-0.32 + 0.18 * k, 0.02))
        s.oval(fur, 0.52, -0.22, 0.22, 0.2)
        for x in (0.4, 0.6):
            s.fill(fur, (x - 0.1, -0.32), (x - 0.02, -0.58), (x + 0.1, -0.36))
        s.oval(eye, 0.58, -0.25, 0.045, 0.045)
        s.oval((190, 120, 115), 0.72, -0.18, 0.035, 0.03)
        return
    s.oval(_tint(fur, 0.85), 0, 0.75, 0.5, 0.42)
    for side in (-1, 1):
        s.fill(fur, (side * 0.5, -0.1), (side * 0.46, -0.74), (side * 0.08, -0.4))
        s.fill((190, 140, 130), (side * 0.42, -0.24), (side * 0.41, -0.56), (side * 0.2, -0.38))
    s.oval(fur, 0, 0, 0.54, 0.45)
    for x in (-0.14, 0, 0.14):
        s.limb(dark, 0.05, (x, -0.42), (x * 0.8, -0.2))
    for side in (-1, 1):
        s.limb(dark, 0.045, (side * 0.5, 0.06), (side * 0.3, 0.08))
        s.oval(eye, side * 0.22, -0.06, 0.11, 0.09)
        s.oval((12, 12, 12), side * 0.22, -0.06, 0.035, 0.085)
        s.oval(_tint(fur, 1.2), side * 0.1, 0.22, 0.14, 0.12)
        for fan in (0.1, 0.22):
            s.limb((225, 222, 215), 0.015, (side * 0.16, 0.2), (side * 0.7, fan + 0.06))
    s.fill((185, 105, 105), (-0.07, 0.1), (0.07, 0.1), (0, 0.18))


def _frog(s: _Sketch, rng: np.random.Generator) -> None:
    skin = _pick(rng, ((86, 128, 54), (70, 100, 52), (112, 132, 60), (118, 96, 62)))
    belly = _tint(skin, uniform(rng, 1.25, 1.6))
    if chance(rng, 0.55):
        s.limb(_tint(skin, 0.75), 0.16, (-0.3, 0.2), (-0.75, 0.1), (-0.4, 0.45), (-0.75, 0.5))
        s.oval(skin, -0.08, 0.1, 0.56, 0.3, -0.3)
        s.oval(belly, 0.2, 0.24, 0.3, 0.14, -0.2)
        s.oval(skin, 0.42, -0.14, 0.36, 0.24, -0.1)
        s.limb(_tint(skin, 0.85), 0.12, (0.28, 0.2), (0.36, 0.42), (0.56, 0.5))
        s.limb(_tint(skin, 0.55), 0.03, (0.3, -0.04), (0.76, -0.08))
        s.oval(_tint(skin, 1.1), 0.36, -0.36, 0.14, 0.13)
        s.oval((215, 180, 60), 0.39, -0.37, 0.085, 0.085)
        s.oval((10, 10, 10), 0.4, -0.37, 0.06, 0.035)
    else:
        for side in (-1, 1):
            thigh = [(side * 0.3, 0.3), (side * 0.8, 0.12), (side * 0.55, 0.5), (side * 0.9, 0.54)]
            s.limb(_tint(skin, 0.75), 0.18, *thigh)
            s.limb(_tint(skin, 0.9), 0.13, (side * 0.24, 0.3), (side * 0.3, 0.58), (side * 0.42, 0.62))
        s.oval(skin, 0, 0.16, 0.52, 0.38)
        s.oval(belly, 0, 0.32, 0.34, 0.2)
        s.oval(skin, 0, -0.1, 0.48, 0.26)
        s.limb(_tint(skin, 0.5), 0.035, (-0.4, -0.04), (0, 0.04), (0.4, -0.04))
        for side in (-1, 1):
            s.oval(_tint(skin, 1.1), side * 0.29, -0.34, 0.16, 0.16)
            s.oval((215, 180, 60), side * 0.29, -0.35, 0.1, 0.1)
            s.oval((10, 10, 10), side * 0.29, -0.35, 0.075, 0.04)
    for x, y in rng.uniform((-0.45, -0.1), (0.3, 0.3), size=(int(rng.integers(0, 7)), 2)).tolist():
        s.oval(_tint(skin, 0.68), x, y, 0.06, 0.05)


_PAINTERS: dict[str, Callable[[_Sketch, np.random.Generator], None]] = {
    "plane": _plane,
    "car": _car,
    "bird": _bird,
    "cat": _cat,
    "deer": _deer,
    "dog": _dog,
    "frog": _frog,
    "horse": _horse,
    "ship": _ship,
    "truck": _truck,
}


def _occlude(rng: np.random.Generator, image: Image.Image) -> None:
    """Put a branch, a post, a blade of grass or a border in front."""
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 4))):
        colour = _rgb(_tint(_jitter(rng, (95, 100, 75), 70), uniform(rng, 0.4, 1.3)))
        x, y = uniform(rng, 0, _CANVAS), uniform(rng, 0, _CANVAS)
        if chance(rng, 0.7):
            lean = normal(rng, 40, 110)
            draw.line((x - lean, -5, x + lean, _CANVAS + 5), fill=colour, width=int(rng.integers(3, 15)))
        else:
            size = uniform(rng, 12, 34)
            draw.ellipse((x - size, y - size, x + size, y + size * 0.6), fill=colour)


def _develop(rng: np.random.Generator, image: Image.Image) -> npt.NDArray[np.uint8]:
    """The finished picture uint8 (32, 32, 3): light from one side, lens, colour cast, contrast, noise."""
    small = image.reduce(_OVERSAMPLING)
    if chance(rng, 0.4):
        small = small.filter(ImageFilter.GaussianBlur(uniform(rng, 0.3, 0.9)))
    picture: npt.NDArray[np.floating] = np.asarray(small, dtype=np.float32)
    across, down = np.float32(normal(rng, 0.18, 0.4)), np.float32(normal(rng, 0.15, 0.35))
    light = 1 + across * _CORNERS[None, :] + down * _CORNERS[:, None]
    cast = np.array([1 + normal(rng, 0.08, 0.2) for _ in range(3)], dtype=np.float32)
    contrast, exposure = np.float32(uniform(rng, 0.5, 1.15)), np.float32(118 + normal(rng, 22, 55))
    picture = (picture * light[:, :, None] * cast - 118) * contrast + exposure
    picture = picture + np.float32(uniform(rng, 0, 16)) * rng.standard_normal(picture.shape, dtype=np.float32)
    finished: npt.NDArray[np.uint8] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return finished
