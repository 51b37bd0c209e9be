"""Where objects stand: sky, road, room and five more."""

import numpy as np
from PIL import Image, ImageDraw

from .sampling import chance, uniform
from .sketch import CANVAS, Colour, jitter, rgb, tint

__all__ = ["draw_scene"]

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


def draw_scene(rng: np.random.Generator, name: str) -> tuple[Image.Image, float]:
    """A canvas with a landscape or a room, and the height of its horizon as a share of the picture."""
    scene = _SCENES[name][int(rng.integers(4))] if chance(rng, 0.8) else _ALL_SCENES[int(rng.integers(8))]
    sky = jitter(rng, [(130, 170, 220), (200, 205, 212), (225, 180, 150), (90, 110, 150)][int(rng.integers(4))], 28)
    if scene == "room":
        sky = jitter(rng, (185, 170, 150), 60)
    ground = tint(jitter(rng, _GROUNDS[scene], 24), uniform(rng, 0.6, 1.25))
    horizon = uniform(rng, 0.85, 1.2) if scene == "sky" else uniform(rng, 0.25, 0.75)
    rows = np.linspace(0, 1, 16)[:, None]
    above = np.array(sky) * (1.12 - 0.25 * rows)
    below = np.array(ground) * (0.85 + 0.3 * rows)
    column = np.where(rows < horizon, above, below)
    pixels = np.clip(np.repeat(column[:, None, :], 2, axis=1), 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels).resize((CANVAS, CANVAS), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    level = horizon * CANVAS
    for _ in range(int(rng.integers(2, 9))):
        x, size = uniform(rng, 0, CANVAS), uniform(rng, 6, 42)
        dark = uniform(rng, 0.55, 1.3)
        match scene:
            case "forest" | "grass" if chance(rng, 0.7 if scene == "forest" else 0.25):
                crown = rgb(tint(jitter(rng, (58, 88, 44), 22), dark))
                draw.rectangle((x - size / 10, level - size, x + size / 10, level + 3), fill=(74, 56, 42))
                draw.ellipse((x - size / 2, level - 1.8 * size, x + size / 2, level - size / 2), fill=crown)
            case "city" | "room":
                wall = rgb(jitter(rng, tint((150, 140, 130), dark), 45))
                draw.rectangle((x - size / 2, level - 1.6 * size, x + size / 2, level), fill=wall)
            case "sky" | "water" | "snow" if chance(rng, 0.5):
                y = uniform(rng, 0, level)
                cloud = rgb(tint(sky, uniform(rng, 1.02, 1.3)))
                draw.ellipse((x - size, y - size / 4, x + size, y + size / 4), fill=cloud)
            case _:
                y = uniform(rng, level, CANVAS + 20)
                patch = rgb(tint(ground, dark))
                draw.ellipse((x - size, y - size / 7, x + size, y + size / 7), fill=patch)
    return image, horizon
