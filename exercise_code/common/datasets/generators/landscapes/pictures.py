"""Drawn scenes with a class for each pixel, in the form of MSRC v2: colour pictures of 240x240, 23 classes and void.

Colours are drawn anew for each scene and each region, so that a colour says nothing of the class. A texture belongs to
several classes, too: shape, place and company have to decide.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from ..sampling import chance, normal, sample_generator, uniform
from .classes import SCENE_CLASSES, SCENE_SIZE, VOID
from .textures import TEXTURES
from .things import DARK, LIGHT, MAIN, SECOND, THINGS, Figure

__all__ = ["TEXTURES_OF", "draw_landscape", "make_landscapes"]

_CODES = {name: code for code, name in enumerate(SCENE_CLASSES)}
_X = np.arange(SCENE_SIZE, dtype=np.float32)
_ROWS = _X[:, None]
TEXTURES_OF: dict[str, tuple[str, ...]] = {
    "building": ("bricks", "checks"),
    "grass": ("blades", "speckle"),
    "tree": ("speckle", "dots", "patches"),
    "sky": ("plain", "clouds"),
    "mountain": ("zigzag", "clouds", "lattice"),
    "water": ("waves", "zigzag"),
    "road": ("plain", "speckle"),
    "cow": ("patches", "plain", "clouds"),
    "horse": ("plain", "speckle", "stripes"),
    "sheep": ("curls", "speckle", "plain"),
    "cat": ("stripes", "patches", "plain"),
    "dog": ("patches", "curls", "plain"),
    "bird": ("plain", "dots", "zigzag"),
    "airplane": ("plain", "stripes"),
    "car": ("plain", "checks", "stripes"),
    "bicycle": ("plain", "stripes"),
    "flower": ("plain", "dots", "blades"),
    "sign": ("stripes", "checks", "plain"),
    "book": ("stripes", "lattice", "plain"),
    "chair": ("lattice", "bricks", "stripes"),
    "boat": ("stripes", "bricks", "plain"),
    "body": ("checks", "dots", "waves", "plain"),
    "face": ("plain", "speckle"),
}


@dataclass(frozen=True)
class _Setting:
    """What lies behind, from the top down, and what stands before it. None is a background that has no class."""

    layers: tuple[tuple[str | None, ...], ...]
    things: tuple[str, ...]


_SETTINGS = (
    _Setting((("sky",), ("mountain", "tree", "sky"), ("grass",)), ("cow", "horse", "sheep", "dog", "flower")),
    _Setting((("sky", "building"), ("building",), ("road",)), ("car", "bicycle", "sign", "person", "dog", "cat")),
    _Setting((("sky",), ("mountain", "tree", "building"), ("water",)), ("boat", "bird", "person", "face")),
    _Setting(((None,), (None,)), ("book", "chair", "cat", "dog", "face", "sign")),
    _Setting((("sky",), ("sky", "mountain"), ("grass", "road", "tree")), ("airplane", "bird", "tree", "sign")),
    _Setting((("tree", "building"), ("grass",)), ("flower", "horse", "chair", "sheep", "cat", "bicycle", "cow")),
)
_ANYTHING = tuple(name for name in THINGS if name != "body")


def make_landscapes(n: int, seed: int, start: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Images uint8 (n, 240, 240, 3) and labels int8 (n, 240, 240): the samples from `start` on of a seed.

    Labels index `SCENE_CLASSES`; -1, void, is what has no class: seams, clutter and some backgrounds. Sample i of a
    seed is the same whatever n is.

    >>> images, labels = make_landscapes(1, seed=0)
    >>> images.shape, labels.shape, labels.min() >= -1, labels.max() <= 22
    ((1, 240, 240, 3), (1, 240, 240), np.True_, np.True_)
    """
    images = np.empty((n, SCENE_SIZE, SCENE_SIZE, 3), dtype=np.uint8)
    labels = np.empty((n, SCENE_SIZE, SCENE_SIZE), dtype=np.int8)
    for i in range(n):
        images[i], labels[i] = draw_landscape(sample_generator(seed, start + i))
    return images, labels


def draw_landscape(rng: np.random.Generator) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """One picture uint8 (240, 240, 3) and its labels int8 (240, 240), of which some are not void."""
    while True:
        image, labels = _draw_once(rng)
        # Clutter may hide the only thing before a background without a class.
        if np.count_nonzero(labels != VOID) > labels.size / 50:
            return image, labels


def _draw_once(rng: np.random.Generator) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    canvas = _Canvas(rng)
    setting = _SETTINGS[int(rng.integers(len(_SETTINGS)))]
    floor = canvas.background(setting)
    for _ in range(int(rng.integers(0, 3))):
        canvas.clutter()
    things = setting.things
    count = int(rng.integers(1, 5))
    # Most scenes hold one thing several times: a herd, a row of cars.
    favourite = things[int(rng.integers(len(things)))]
    chosen = []
    for _ in range(count):
        stray = _ANYTHING[int(rng.integers(len(_ANYTHING)))]
        other = things[int(rng.integers(len(things)))]
        chosen.append(favourite if chance(rng, 0.5) else stray if chance(rng, 0.3) else other)
    largest = uniform(rng, 95, 145) / count**0.38
    places = rng.permutation(count)
    # From the back to the front, where things are larger.
    for k, name in enumerate(chosen):
        depth = (k + uniform(rng, 0, 1)) / count
        x = (places[k] + uniform(rng, 0.1, 0.9)) / count * SCENE_SIZE
        canvas.put(name, x, floor, depth, largest * uniform(rng, 0.75, 1.0) * (0.7 + 0.4 * depth))
    for _ in range(int(rng.integers(0, 2))):
        canvas.clutter()
    return canvas.finish()


class _Canvas:
    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.picture = np.zeros((SCENE_SIZE, SCENE_SIZE, 3), dtype=np.float32)
        self.labels = np.full((SCENE_SIZE, SCENE_SIZE), VOID, dtype=np.int8)
        strong = rng.uniform(10, 245, size=(7, 3)).astype(np.float32)
        # Muted, each as far as the scene is: colours of a photograph, not of a poster.
        self.palette = strong + np.float32(uniform(rng, 0.15, 0.6)) * (strong.mean(axis=1, keepdims=True) - strong)

    def _colours(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Two colours of the scene that can be told apart."""
        first, second = self.palette[self.rng.permutation(len(self.palette))[:2]]
        first = first + self.rng.uniform(-18, 18, size=3).astype(np.float32)
        gap = float((second - first).mean())
        # A pattern of equally light colours would hardly be seen.
        lift = np.float32(max(0.0, 45 - abs(gap)) * (1 if gap >= 0 else -1))
        return first, second + lift

    def _paint(self, mask: npt.NDArray[np.bool_], name: str, top: int, left: int) -> None:
        """Fill a mask, whose corner is at (top, left), with a texture of the class."""
        textures = TEXTURES_OF[name]
        pattern = TEXTURES[textures[int(self.rng.integers(len(textures)))]](self.rng, mask.shape)
        first, second = self._colours()
        shade = np.linspace(uniform(self.rng, 0.85, 1.15), uniform(self.rng, 0.85, 1.15), mask.shape[0])
        filled = (first + pattern[..., None] * (second - first)) * shade.astype(np.float32)[:, None, None]
        target = self.picture[top : top + mask.shape[0], left : left + mask.shape[1]]
        np.copyto(target, filled, where=mask[..., None])

    def background(self, setting: _Setting) -> float:
        """Paint the layers from the top down; gives the height where the lowest one begins."""
        rng = self.rng
        count = len(setting.layers)
        chosen = [layer[int(rng.integers(len(layer)))] for layer in setting.layers]
        edge = 0.0
        floor = 0.0
        for k, name in enumerate(chosen):
            if k:
                edge += SCENE_SIZE * uniform(rng, 0.45, 1.0) / count
                floor = edge
            line = self._skyline(name, edge) if k else np.full(SCENE_SIZE, -1, dtype=np.float32)
            top = max(0, int(line.min()))
            if top >= SCENE_SIZE or (k and name == chosen[k - 1]):
                continue
            mask = _ROWS[top:] >= line[None, :]
            # Backgrounds without a class look like any other.
            self._paint(mask, name or _ANYTHING[int(rng.integers(len(_ANYTHING)))], top, 0)
            self.labels[top:][mask] = VOID if name is None else _CODES[name]
        return floor

    def _skyline(self, name: str | None, edge: float) -> npt.NDArray[np.float32]:
        """The upper edge of a layer: the height for each column."""
        rng = self.rng
        match name:
            case "mountain":
                peaks = rng.uniform(-45, 15, size=int(rng.integers(4, 8)))
                bumps = np.interp(_X, np.linspace(0, SCENE_SIZE, len(peaks)), peaks)
            case "building":
                steps = rng.uniform(-50, 5, size=int(rng.integers(3, 8)))
                bumps = np.repeat(steps, -(-SCENE_SIZE // len(steps)))[:SCENE_SIZE]
            case "tree":
                wave = uniform(rng, 0.06, 0.12)
                bumps = -14 * np.abs(np.sin(wave * _X + uniform(rng, 0, 6))) - 9 * np.abs(np.sin(0.41 * wave * _X))
            case _:
                bumps = normal(rng, 0.06, 0.15) * (_X - SCENE_SIZE / 2) + 2 * np.sin(0.05 * _X + uniform(rng, 0, 6))
        return (edge + bumps).astype(np.float32)

    def put(self, name: str, x: float, floor: float, depth: float, size: float) -> None:
        """Put a thing on the ground, or into the air if it flies."""
        rng = self.rng
        # It stands on y = 1 of its sheet.
        y = min(floor + (SCENE_SIZE + 15 - floor) * (0.15 + 0.85 * depth), SCENE_SIZE + 10) - size
        if name in ("airplane", "bird") and chance(rng, 0.7):
            y = uniform(rng, 0.1, 0.75) * SCENE_SIZE
        if name == "person":
            # The head is a class of its own.
            head = size * uniform(rng, 0.26, 0.32)
            self._draw("body", (x, y), size)
            self._draw("face", (x, y - 0.47 * size - 0.9 * head), head)
        elif name == "face":
            self._draw("body", (x, SCENE_SIZE - 5), size * 1.6)
            self._draw("face", (x, SCENE_SIZE - 5 - 1.4 * size), size * 0.8)
        else:
            self._draw(name, (x, y), size)

    def _draw(self, name: str, centre: tuple[float, float], size: float) -> None:
        figure = Figure(self.rng, centre, size)
        THINGS[name](figure, self.rng)
        parts = figure.parts
        rows, columns = np.flatnonzero(parts.any(axis=1)), np.flatnonzero(parts.any(axis=0))
        if not len(rows):
            return
        top, left = int(rows[0]), int(columns[0])
        box = parts[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
        self._paint(box == MAIN, name, top, left)
        target = self.picture[top : top + box.shape[0], left : left + box.shape[1]]
        first, second = self._colours()
        for part, colour in ((SECOND, first), (DARK, np.minimum(second, 70)), (LIGHT, np.maximum(second, 185))):
            target[box == part] = colour
        self.labels[top : top + box.shape[0], left : left + box.shape[1]][box > 0] = _CODES[name]

    def clutter(self) -> None:
        """Something that has no class: a patch, a beam or a heap, in textures that classes have, too."""
        rng = self.rng
        image = Image.new("L", (SCENE_SIZE, SCENE_SIZE))
        draw = ImageDraw.Draw(image)
        x, y = uniform(rng, 0, SCENE_SIZE), uniform(rng, 0, SCENE_SIZE)
        size = uniform(rng, 8, 32)
        if chance(rng, 0.4):
            lean = normal(rng, 25, 60)
            draw.line((x - lean, y - 3 * size, x + lean, y + 3 * size), fill=MAIN, width=int(rng.integers(4, 12)))
        else:
            angles = np.sort(rng.uniform(0, 2 * np.pi, size=int(rng.integers(3, 9))))
            reach = size * rng.uniform(0.5, 1.2, size=len(angles))
            corners = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], axis=1)
            draw.polygon(corners.ravel().tolist(), fill=MAIN)
        mask = np.asarray(image) == MAIN
        self._paint(mask, SCENE_CLASSES[int(rng.integers(len(SCENE_CLASSES)))], 0, 0)
        self.labels[mask] = VOID

    def finish(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
        """The picture under its light, as a camera takes it; the labels without the seams between regions."""
        rng = self.rng
        across, down = (np.float32(normal(rng, 0.1, 0.2)) for _ in range(2))
        middle = (_X - SCENE_SIZE / 2) / SCENE_SIZE
        picture = self.picture * (1 + across * middle[None, :, None] + down * middle[:, None, None])
        noise = rng.standard_normal((SCENE_SIZE, SCENE_SIZE, 1), dtype=np.float32)
        picture += np.float32(uniform(rng, 2, 9)) * noise
        image = Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
        if chance(rng, 0.6):
            image = image.filter(ImageFilter.BoxBlur(uniform(rng, 0.3, 0.8)))
        labels = self.labels.copy()
        reach = int(rng.integers(1, 4))
        for step_x, step_y in ((reach, 0), (0, reach), (reach - 1, reach - 1), (reach - 1, 1 - reach)):
            _void_seams(self.labels, labels, step_x, step_y)
        return np.asarray(image), labels


def _void_seams(drawn: npt.NDArray[np.int8], labels: npt.NDArray[np.int8], step_x: int, step_y: int) -> None:
    """Make void the pixels from which a step to either side leads into another region."""
    for dx, dy in ((step_x, step_y), (-step_x, -step_y)):
        here = (slice(max(0, dy), SCENE_SIZE + min(0, dy)), slice(max(0, dx), SCENE_SIZE + min(0, dx)))
        there = (slice(max(0, -dy), SCENE_SIZE + min(0, -dy)), slice(max(0, -dx), SCENE_SIZE + min(0, -dx)))
        labels[here][drawn[here] != drawn[there]] = VOID
