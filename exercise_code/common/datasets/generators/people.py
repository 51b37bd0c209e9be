"""One drawn person, from the back to the front: polygons and lines on a turned head."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from .heads import FACE_SIZE, LEFT, RIGHT, Look, Pose
from .sampling import Points, chance, points, uniform

__all__ = ["OVERSAMPLING", "Drawing", "Painter"]

OVERSAMPLING = 3
_ANGLES = np.linspace(0, 2 * np.pi, 48, endpoint=False)
_CIRCLE = points(np.cos(_ANGLES), np.sin(_ANGLES))
_OVAL, _ROUND = _CIRCLE[::2], _CIRCLE[::3]
_ACROSS = np.linspace(-1, 1, 13)


class Drawing:
    """Polygons and lines from back to front, in coordinates of the flat face or in pixels.

    They are collected first and projected in one go: projecting forty small shapes costs more than drawing them.
    """

    def __init__(self, look: Look, pose: Pose) -> None:
        self._look, self._pose = look, pose
        self._flat: list[Points] = []
        self._heights: list[Points] = []
        self._shapes: list[tuple[Points | slice, float, float, bool]] = []
        self._size = 0

    def fill(self, flat: Points, tone: float, height: float | Points = 0.0, head: bool = False) -> None:
        """Add a polygon on the face, `height` above it; `head`: the light on the head falls on it."""
        self._add(flat, tone, 0.0, height, head)

    def line(self, flat: Points, tone: float, width: float, height: float | Points = 0.0) -> None:
        """Add an open line on the face, `width` pixels wide."""
        self._add(flat, tone, width, height, False)

    def fill_pixels(self, pixels: Points, tone: float, head: bool = False) -> None:
        """Add a polygon whose points are in pixels already."""
        self._shapes.append((pixels, tone, 0.0, head))

    def _add(self, flat: Points, tone: float, width: float, height: float | Points, head: bool) -> None:
        heights = np.empty(len(flat))
        heights[:] = height
        self._flat.append(flat)
        self._heights.append(heights)
        self._shapes.append((slice(self._size, self._size + len(flat)), tone, width, head))
        self._size += len(flat)

    def render(self, image: Image.Image) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """The flat tones (96, 96) in grey values, and how much of each pixel belongs to the head (96, 96)."""
        lifted = self._look.lift(np.concatenate(self._flat), np.concatenate(self._heights))
        surface = self._pose.project(lifted)
        mask = Image.new("L", (FACE_SIZE, FACE_SIZE))
        draw, draw_mask = ImageDraw.Draw(image), ImageDraw.Draw(mask)
        for where, tone, width, head in self._shapes:
            pixels = surface[where] if isinstance(where, slice) else where
            # The centre of pixel i of the result is the centre of pixel 3i + 1 of the canvas.
            outline = (pixels * OVERSAMPLING + 1).ravel().tolist()
            grey = min(max(round(tone), 0), 255)
            if width:
                draw.line(outline, fill=grey, width=max(1, round(width * OVERSAMPLING)), joint="curve")
            else:
                draw.polygon(outline, fill=grey)
            if head:
                draw_mask.polygon(pixels.ravel().tolist(), fill=255)
        flat = np.asarray(image.reduce(OVERSAMPLING), dtype=np.float32)
        return flat, np.asarray(mask.filter(ImageFilter.BoxBlur(1)), dtype=np.float32) / np.float32(255)


def _mix(a: float, b: float, share: float) -> float:
    return a + (b - a) * share


class Painter:
    """Draws one person, from the back to the front."""

    def __init__(self, rng: np.random.Generator, look: Look, pose: Pose, drawing: Drawing) -> None:
        self.rng, self.look, self.pose, self.drawing = rng, look, pose, drawing
        self.dark = look.skin * 0.45
        # Lines keep their width against the head, but never vanish in small faces.
        self.pen = max(pose.scale / 40, 0.65)

    def paint(self) -> None:
        """Draw body, head, features and whatever hides parts of them."""
        self._body()
        self._head()
        if chance(self.rng, 0.22):
            self._beard()
        self._creases()
        for side in (LEFT, RIGHT):
            self._eye(side)
            self._brow(side)
        self._nose()
        self._mouth()
        if not self.look.bald and chance(self.rng, 0.9):
            self._fringe()
        self._cover()

    def _body(self) -> None:
        look, rng, pose, drawing = self.look, self.rng, self.pose, self.drawing
        if not look.bald and chance(rng, 0.4):
            length, wide = uniform(rng, 0.9, 2.2), uniform(rng, 1.12, 1.35)
            hair = points(_CIRCLE[:, 0] * wide, -0.2 + _CIRCLE[:, 1] * np.where(_CIRCLE[:, 1] > 0, 0.2 + length, 1.0))
            drawing.fill_pixels(pose.around((0, 0, -0.4), hair), look.hair * 0.85)
        cloth = uniform(rng, 15, 235)
        # The body stays upright while the head rolls.
        foot = pose.project(np.array([[0, 1.2, -0.35]]))
        right = np.array([[0.0, 0.42], [0.7, 0.42], [1.6, 0.66], [2.2, 1.1], [2.5, 4.0]])
        shoulders = np.concatenate([right, right[::-1] * [-1, 1]])
        drawing.fill_pixels(foot + pose.scale * shoulders, cloth)
        neck = np.array([[-0.55, 0.5], [-0.6, 1.9], [-0.3, 2.1], [0.3, 2.1], [0.6, 1.9], [0.55, 0.5]])
        drawing.fill_pixels(pose.around((0, 0, -0.3), neck), look.skin * 0.8)
        shadow = np.array([[-0.58, 0.5], [-0.6, 1.4], [0.0, 1.66], [0.6, 1.4], [0.58, 0.5]])
        drawing.fill_pixels(pose.around((0, 0, -0.3), shadow), look.skin * 0.58)
        opening = uniform(rng, 0.5, 1.1)
        for side in (LEFT, RIGHT):
            collar = np.array([[side * 0.62, 0.25], [side * 0.85, 0.4], [side * 0.6, 0.95], [0.0, opening]])
            drawing.fill_pixels(foot + pose.scale * collar, cloth * 0.86)

    def _head(self) -> None:
        look, rng, pose, drawing = self.look, self.rng, self.pose, self.drawing
        volume = 1.0 if look.bald else uniform(rng, 1.04, 1.16)
        curls = np.ones(48) if look.bald or chance(rng, 0.6) else 1 + rng.uniform(-0.03, 0.07, size=48)
        crown = _CIRCLE * [volume, 1.06 * volume] * curls[:, None]
        drawing.fill_pixels(pose.around((0, -0.28, -0.2), crown), look.skin if look.bald else look.hair, head=True)
        for side in (LEFT, RIGHT):
            ear = _OVAL * [0.16, 0.27]
            drawing.fill_pixels(pose.around((side, look.eye_y + 0.22, -0.05), ear), look.skin * 0.82, head=True)
            drawing.fill_pixels(pose.around((side * 1.01, look.eye_y + 0.22, -0.05), ear * 0.55), look.skin * 0.62)
        rim = np.concatenate([look.jawline(), look.forehead()])
        # Turned sideways, the far cheek bulges beyond the rim: the outline is the hull of both.
        cheeks = (rim - [0, 0.1]) * 0.86 + [0, 0.1]
        solid = pose.project(look.lift(np.concatenate([rim, cheeks])))
        outline = solid[np.argmax(_CIRCLE @ solid.T, axis=1)]
        drawing.fill_pixels(outline, look.skin, head=True)

    def _fringe(self) -> None:
        """Hair over the forehead."""
        look, rng, drawing = self.look, self.rng, self.drawing
        depth, lean = uniform(rng, 0.0, 0.34), uniform(rng, -0.2, 0.2)
        ragged = rng.uniform(-0.045, 0.045, size=13)
        sides = 0.4 * np.abs(_ACROSS) ** 4
        edge = points(_ACROSS * 0.99, look.hairline + depth * (1 - 0.3 * _ACROSS**2) + lean * _ACROSS + ragged + sides)
        top = points(_ACROSS[::-1], -0.45 - 0.62 * np.sqrt(1 - 0.99 * _ACROSS**2))
        # The top of the hair is where the crown is, further back than the forehead's surface.
        back = 0.25 - look.lift(top)[:, 2]
        drawing.fill(np.concatenate([edge, top]), look.hair, np.concatenate([np.full(13, 0.04), back]), head=True)
        shine = look.hair + (28 if look.hair < 120 else -28)
        for k in rng.integers(1, 12, size=6):
            x, y = edge[k]
            strand = np.array([[x, y - 0.02], [x * 0.85, y - 0.25], [x * 0.6, y - 0.5]])
            drawing.line(strand, _mix(look.hair, shine, uniform(rng, 0.3, 1)), 0.8 * self.pen, 0.05)

    def _beard(self) -> None:
        look, rng, drawing = self.look, self.rng, self.drawing
        tone = _mix(look.skin, min(look.hair, look.skin * 0.7), uniform(rng, 0.25, 0.85))
        if chance(rng, 0.75):
            outer = look.jawline(start=0.12)
            sweep = np.linspace(np.pi, 0, 15)
            cheek = points(0.84 * np.cos(sweep), 0.12 + (look.mouth_y - 0.12) * np.sin(sweep) ** 0.8)
            drawing.fill(np.concatenate([outer, cheek]), tone)
        if chance(rng, 0.8):
            edge = look.lip(-1)
            roof = points(edge[::-1, 0] * 1.05, edge[::-1, 1] - 0.1)
            drawing.fill(np.concatenate([edge * [1.25, 1.0] + [0, 0.02], roof]), tone * 0.92)

    def _creases(self) -> None:
        """The lines from the nose to the corners of the mouth."""
        look = self.look
        depth = uniform(self.rng, 0.03, 0.16) + max(look.smile, 0)
        top, bottom = look.nose_y - 0.02, look.mouth_y - 0.02
        for side in (LEFT, RIGHT):
            start = [side * (look.nose_width + 0.06), top]
            middle = [side * (look.nose_width * 0.5 + look.mouth_width * 0.5 + 0.14), (top + bottom) / 2 - 0.03]
            end = [side * (look.mouth_width + 0.1), bottom]
            self.drawing.line(np.array([start, middle, end]), look.skin * (1 - depth), 1.1 * self.pen)

    def _eye(self, side: float) -> None:
        look, drawing = self.look, self.drawing
        upper, lower = look.lids(side)
        crease = upper[1:-1] - [0, 0.06 + 0.2 * look.eye_open]
        drawing.line(crease, look.skin * 0.72, 0.9 * self.pen)
        drawing.fill(np.concatenate([upper, lower[::-1]]), min(look.skin * 0.55 + 105, 235))
        gaze = side * look.eye_x + uniform(self.rng, -0.02, 0.02)
        order = slice(None, None, int(side))
        for radius, tone in ((0.105, 40 + 0.22 * look.skin), (0.048, 8.0)):
            x = gaze + radius * _ROUND[:, 0]
            top = np.interp(x, upper[order, 0], upper[order, 1])
            bottom = np.interp(x, lower[order, 0], lower[order, 1])
            drawing.fill(points(x, np.minimum(np.maximum(look.eye_y + radius * _ROUND[:, 1], top), bottom)), tone)
        if look.eye_open > 0.05:
            drawing.fill(_ROUND[::4] * 0.03 + [gaze - 0.03, look.eye_y - 0.03], 240)
        drawing.line(upper, min(self.dark * 0.5, 60), 1.25 * self.pen)
        drawing.line(lower, look.skin * 0.68, 0.7 * self.pen)

    def _brow(self, side: float) -> None:
        look = self.look
        middle = look.brow(side)
        half = points(np.zeros(7), look.brow_thickness * np.linspace(1.05, 0.2, 7))
        tone = min(look.hair * 0.8, look.skin * 0.7)
        self.drawing.fill(np.concatenate([middle - half, (middle + half)[::-1]]), tone)

    def _nose(self) -> None:
        look, drawing = self.look, self.drawing
        w, y, depth = look.nose_width, look.nose_y, look.nose_depth
        for side in (LEFT, RIGHT):
            wing = np.array([[side * w * 0.8, y - 0.14], [side * w * 1.08, y - 0.03], [side * w * 0.85, y + 0.07]])
            drawing.line(wing, look.skin * 0.66, self.pen, np.array([0.5, 0.35, 0.35]) * depth)
            nostril = _ROUND[::2] * [0.058, 0.026] + [side * w * 0.47, y + 0.07]
            drawing.fill(nostril, self.dark * 0.6, 0.55 * depth)
        base = np.array([[-w * 0.3, y + 0.085], [0, y + 0.105], [w * 0.3, y + 0.085]])
        drawing.line(base, look.skin * 0.62, self.pen, 0.55 * depth)

    def _mouth(self) -> None:
        look, drawing = self.look, self.drawing
        rouge = uniform(self.rng, 0.08, 0.4)
        upper, opening, floor, lower = (look.lip(level) for level in (-1, 0, 0.5, 1))
        drawing.fill(np.concatenate([upper, opening[::-1]]), look.skin * (0.86 - rouge))
        drawing.fill(np.concatenate([floor, lower[::-1]]), look.skin * (0.98 - rouge))
        if look.mouth_open > 0.01:
            drawing.fill(np.concatenate([opening, floor[::-1]]), 25)
        if look.mouth_open > 0.06:
            drawing.fill(np.concatenate([opening[1:-1], opening[-2:0:-1] + [0, 0.05]]), 215)
        drawing.line(opening, self.dark * 0.55, 0.9 * self.pen)

    def _cover(self) -> None:
        """Glasses, a hat, a scarf, fingers or a lock of hair, each some of the time."""
        rng = self.rng
        if chance(rng, 0.2):
            self._glasses()
        if chance(rng, 0.12):
            self._hat()
        if chance(rng, 0.05):
            self._scarf()
        elif chance(rng, 0.07):
            self._fingers()
        if not self.look.bald and chance(rng, 0.06):
            self._lock()

    def _glasses(self) -> None:
        look, rng, drawing = self.look, self.rng, self.drawing
        rounding = uniform(rng, 0.45, 1.0)
        width, height = uniform(rng, 0.27, 0.33), uniform(rng, 0.2, 0.27)
        tone = uniform(rng, 5, 60) if chance(rng, 0.8) else 200.0
        sunglasses = chance(rng, 0.25)
        shape = np.copysign(np.abs(_OVAL) ** rounding, _OVAL) * [width, height]
        for side in (LEFT, RIGHT):
            rim = shape + [side * (look.eye_x + 0.01), look.eye_y + 0.03]
            if sunglasses:
                drawing.fill(rim, min(tone, 40), 0.08)
                drawing.line(shape[13:17] * 0.75 + rim.mean(axis=0), 105, self.pen, 0.08)
            drawing.line(np.concatenate([rim, rim[:2]]), tone, 1.5 * self.pen, 0.08)
            temple = np.array([[side * (look.eye_x + width), look.eye_y - 0.02], [side * 1.02, look.eye_y - 0.05]])
            drawing.line(temple, tone, 1.3 * self.pen, np.array([0.08, 0.0]))
        inner = look.eye_x - width
        bridge = np.array([[-inner, look.eye_y], [0, look.eye_y - 0.05], [inner, look.eye_y]])
        drawing.line(bridge, tone, 1.3 * self.pen, 0.12)

    def _hat(self) -> None:
        look, rng, drawing = self.look, self.rng, self.drawing
        tone = uniform(rng, 15, 220)
        band = tone * 0.6 if tone > 90 else tone + 60
        low = max(look.hairline, -0.8) + uniform(rng, -0.05, 0.16)
        edge = points(_ACROSS * 1.06, low - 0.1 * _ACROSS**2)
        height = uniform(rng, 1.35, 1.75)
        sweep = np.linspace(0, np.pi, 15)
        dome = points(1.16 * np.cos(sweep), low - (height + low) * np.sin(sweep) ** 0.7)
        behind = np.zeros(15) - look.lift(dome)[:, 2]
        whole = np.concatenate([edge, dome])
        drawing.fill(whole, tone, np.concatenate([np.full(13, 0.1), behind]), head=True)
        if chance(rng, 0.5):
            brim = points(_ACROSS[::-1] * 0.98, low + 0.02 + 0.2 * (1 - _ACROSS**2))
            drawing.fill(np.concatenate([edge, brim]), band, np.concatenate([np.full(13, 0.1), np.full(13, 0.4)]))
        else:
            for k in range(2, 11, 2):
                rib = np.stack([edge[k], edge[k] * [0.8, 1.0] - [0, 0.3 * height]])
                drawing.line(rib, band, 0.8 * self.pen, 0.1)
            drawing.line(edge, band, 5 * self.pen, 0.1)

    def _scarf(self) -> None:
        look, rng, drawing = self.look, self.rng, self.drawing
        tone = uniform(rng, 20, 230)
        top = look.mouth_y + uniform(rng, -0.02, 0.3)
        edge = points(_ACROSS * 1.02, top - 0.12 * np.abs(_ACROSS) + 0.03 * np.sin(5 * _ACROSS))
        low = points(_ACROSS[::-1] * 1.3, np.full(13, 2.0))
        drawing.fill(np.concatenate([edge, low]), tone, 0.08)
        for fold in range(1, 4):
            drawing.line(edge * [1, 0.9] + [0, 0.1 + 0.17 * fold], tone * 0.75, 1.3 * self.pen, 0.08)

    def _fingers(self) -> None:
        """A hand from the side, in front of cheek or mouth."""
        look, rng, drawing, pose = self.look, self.rng, self.drawing, self.pose
        side = LEFT if chance(rng, 0.5) else RIGHT
        slope = uniform(rng, 0.3, 1.2)
        along = np.array([side, slope]) / np.hypot(1, slope)
        across = np.array([-along[1], along[0]])
        tip = np.array([side * uniform(rng, 0.25, 0.6), uniform(rng, 0.1, 0.9)])
        for k in range(int(rng.integers(2, 5))):
            start = tip + across * 0.22 * k + along * uniform(rng, 0, 0.12)
            for radius, tone in ((0.13, look.skin * 0.55), (0.1, look.skin * 0.92)):
                cap = start + radius * _ROUND
                finger = np.concatenate([cap, cap + 1.7 * along])
                outline = finger[np.argmax(_OVAL @ finger.T, axis=1)]
                drawing.fill_pixels(pose.around((0, 0, 1.0), outline), tone)
            nail = pose.around((0, 0, 1.0), start + 0.055 * _ROUND)
            drawing.fill_pixels(nail, min(look.skin * 1.08, 250))

    def _lock(self) -> None:
        """A lock of hair that falls over one eye."""
        look, rng = self.look, self.rng
        side = LEFT if chance(rng, 0.5) else RIGHT
        fall = np.linspace(0, 1, 7)
        y = look.hairline - 0.1 + fall * uniform(rng, 0.8, 1.4)
        x = side * (uniform(rng, 0.15, 0.4) + 0.35 * fall**2)
        width = uniform(rng, 0.12, 0.22) * (1 - fall) ** 0.6
        lock = np.concatenate([points(x - width, y), points(x + width, y)[::-1]])
        self.drawing.fill(lock, look.hair, 0.06)
