"""Drawn faces with 15 keypoints, in the form of the Kaggle set: grey 96x96 pictures, 30 coordinates in pixels."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from .heads import FACE_SIZE, KEYPOINT_COLUMNS, LEFT, RIGHT, Look, Pose
from .people import OVERSAMPLING, Drawing, Painter
from .sampling import chance, normal, sample_generator, uniform

__all__ = ["draw_face", "make_faces"]

_CANVAS = FACE_SIZE * OVERSAMPLING
_PIXELS = np.arange(FACE_SIZE, dtype=np.float32)


def make_faces(n: int, seed: int, start: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Images uint8 (n, 1, 96, 96) and keypoints float32 (n, 30) in pixels: the samples from `start` on of a seed.

    The columns are those of `KEYPOINT_COLUMNS` (x before y). Every keypoint lies inside its picture. Sample i of a
    seed is the same whatever n is.

    >>> images, keypoints = make_faces(2, seed=0)
    >>> images.shape, keypoints.shape
    ((2, 1, 96, 96), (2, 30))
    """
    images = np.empty((n, 1, FACE_SIZE, FACE_SIZE), dtype=np.uint8)
    keypoints = np.empty((n, len(KEYPOINT_COLUMNS)), dtype=np.float32)
    for i in range(n):
        images[i, 0], keypoints[i] = draw_face(sample_generator(seed, start + i))
    return images, keypoints


def draw_face(rng: np.random.Generator) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """One picture uint8 (96, 96) and its keypoints float32 (30,)."""
    look = Look.sample(rng)
    pose, keypoints = Pose.sample(rng, look)
    drawing = Drawing(look, pose)
    Painter(rng, look, pose, drawing).paint()
    flat, head = drawing.render(_background(rng))
    return _develop(rng, look, pose, flat, head), keypoints.astype(np.float32).ravel()


def _background(rng: np.random.Generator) -> Image.Image:
    """A canvas with a gradient and clutter, half of the time out of focus."""
    base = uniform(rng, 20, 235)
    ramp = np.linspace(0, 1, 16)
    gradient = base + uniform(rng, -60, 60) * ramp[:, None] + uniform(rng, -60, 60) * ramp[None, :]
    size = _CANVAS if chance(rng, 0.5) else 48
    image = Image.fromarray(np.clip(gradient, 0, 255).astype(np.uint8)).resize((size, size), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 9))):
        x, y = uniform(rng, -0.1, 1.1) * size, uniform(rng, -0.1, 1.1) * size
        width, height = uniform(rng, 0.04, 0.5) * size, uniform(rng, 0.04, 0.5) * size
        tone = min(max(round(base + normal(rng, 55, 150)), 0), 255)
        left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        match int(rng.integers(0, 4)):
            case 0:
                draw.rectangle((left, top, right, bottom), fill=tone)
            case 1:
                draw.ellipse((left, top, right, bottom), fill=tone)
            case 2:
                draw.line((left, top, right, y + 4 * height), fill=tone, width=max(1, size // 40))
            case _:
                for shelf in range(5):
                    level = top + shelf * size * 0.11
                    draw.line((left, level, right, level), fill=tone, width=max(1, size // 48))
    return image if size == _CANVAS else image.resize((_CANVAS, _CANVAS), Image.Resampling.BILINEAR)


def _develop(
    rng: np.random.Generator, look: Look, pose: Pose, flat: npt.NDArray[np.float32], head: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """The finished picture uint8 (96, 96): light and soft shadows over the flat tones, then lens, sensor, exposure."""
    side, above = normal(rng, 0.5, 0.95), normal(rng, 0.35, 0.8) - 0.25
    strength = uniform(rng, 0.25, 0.8)
    centre = pose.project(np.array([[0, 0.1, -0.1]]))[0].astype(np.float32)
    offset_x = ((_PIXELS - centre[0]) / np.float32(1.25 * pose.scale))[None, :]
    offset_y = ((_PIXELS - centre[1]) / np.float32(1.7 * pose.scale))[:, None]
    towards = np.sqrt(np.maximum(1 - offset_x * offset_x - offset_y * offset_y, 0.04))
    # Light that comes from (side, above, 1) on a ball in the head's place, relative to its front.
    lit = np.maximum(np.float32(side) * offset_x + np.float32(above) * offset_y + towards, 0)
    shade = 1 + head * (np.float32(strength) * (lit - 1)) + _soft_shadows(look, pose, side, strength)

    contrast, exposure = uniform(rng, 0.75, 1.25), uniform(rng, -25, 25)
    picture = (flat * np.maximum(shade, 0.05) - 115) * np.float32(contrast) + np.float32(115 + exposure)
    if chance(rng, 0.35):
        sharp = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
        picture = np.asarray(sharp.filter(ImageFilter.GaussianBlur(uniform(rng, 0.4, 1.3))), dtype=np.float32)
    noise = np.float32(uniform(rng, 0, 9)) * rng.standard_normal(picture.shape, dtype=np.float32)
    finished: npt.NDArray[np.uint8] = np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)
    return finished


def _soft_shadows(look: Look, pose: Pose, side: float, strength: float) -> npt.NDArray[np.float32]:
    """Additive shade float32 (96, 96) of sockets, nose, cheeks, lips and chin: a sum of round blurs."""
    lee = -1.0 if side > 0 else 1.0
    ridge = 0.1 + 0.9 * min(abs(side), 1.0)
    bridge = [look.eye_y + 0.05 + (look.nose_y - look.eye_y - 0.1) * k / 3 for k in range(4)]
    blurs = []
    for s in (LEFT, RIGHT):
        blurs += [
            (s * 0.2, look.eye_y - 0.03, 0.1, 0.12, -0.2),
            (s * look.eye_x, look.eye_y - 0.12, 0.0, 0.15, -0.1),
            (s * look.eye_x, look.eye_y + 0.19, 0.0, 0.11, -0.07),
            (s * 0.52, look.nose_y - 0.12, 0.0, 0.2, 0.09),
        ]
    for k, y in enumerate(bridge):
        blurs.append((-lee * 0.03, y, look.nose_depth * k / 3, 0.06, 0.13))
        blurs.append((lee * (0.07 + 0.025 * k), y, look.nose_depth * k / 5, 0.075, -0.16 * ridge))
    blurs += [
        (0.0, look.nose_y - 0.02, look.nose_depth, 0.07, 0.14),
        (0.0, look.nose_y + 0.14, 0.1, 0.11, -0.18),
        (0.0, look.hairline + 0.32, 0.0, 0.3, 0.1),
        (0.0, look.mouth_y + look.mouth_open + 0.22, 0.0, 0.11, -0.15),
        (0.0, look.chin - 0.14, 0.05, 0.13, 0.1),
    ]
    table = np.array(blurs)
    centres = pose.project(look.lift(table[:, :2], table[:, 2])).astype(np.float32)
    narrowness = (1 / (table[:, 3:4] * pose.scale)).astype(np.float32)
    weights = (table[:, 4:] * (0.5 + strength)).astype(np.float32)
    columns = np.exp(-0.5 * ((_PIXELS - centres[:, :1]) * narrowness) ** 2)
    rows = np.exp(-0.5 * ((_PIXELS - centres[:, 1:]) * narrowness) ** 2)
    shadow: npt.NDArray[np.float32] = (rows * weights).T @ columns
    return shadow
