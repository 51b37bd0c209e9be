"""The geometry of a drawn head: proportions, pose and the 15 keypoints.

A face lives in its own coordinates: the half-width of the head is 1, x points to the right of the picture, y down,
z to the viewer. Features are drawn flat, lifted onto the curved face, turned (yaw, pitch, roll) and projected. The
subject's left is on the right of the picture, as in the Kaggle set.
"""

from dataclasses import dataclass

import numpy as np

from .sampling import Points, chance, normal, points, uniform

__all__ = ["FACE_SIZE", "KEYPOINT_COLUMNS", "KEYPOINT_NAMES", "LEFT", "RIGHT", "Look", "Pose"]

FACE_SIZE = 96
KEYPOINT_NAMES = (
    "left_eye_center",
    "right_eye_center",
    "left_eye_inner_corner",
    "left_eye_outer_corner",
    "right_eye_inner_corner",
    "right_eye_outer_corner",
    "left_eyebrow_inner_end",
    "left_eyebrow_outer_end",
    "right_eyebrow_inner_end",
    "right_eyebrow_outer_end",
    "nose_tip",
    "mouth_left_corner",
    "mouth_right_corner",
    "mouth_center_top_lip",
    "mouth_center_bottom_lip",
)
KEYPOINT_COLUMNS = tuple(f"{name}_{axis}" for name in KEYPOINT_NAMES for axis in "xy")
LEFT, RIGHT = 1.0, -1.0

_NOSE_TIP = KEYPOINT_NAMES.index("nose_tip")
_MARGIN = 2.0
_ACROSS = np.linspace(-1, 1, 11)
_BOW = 1 - _ACROSS**2
_CUPID = _BOW**0.7 - 0.22 * np.exp(-((_ACROSS / 0.16) ** 2))
_ALONG = np.linspace(0, 1, 7)
_ARCH = 0.09 * np.sin(np.pi * _ALONG * 0.8 + 0.3)
_SWEEP = np.linspace(0, np.pi, 15)
_SIDEWAYS, _DOWN = np.cos(_SWEEP), np.sin(_SWEEP)


@dataclass(frozen=True)
class Look:
    """Who is drawn, with which expression: proportions in head half-widths, tones in grey values."""

    chin: float
    jaw: float
    squareness: float
    hairline: float
    eye_x: float
    eye_y: float
    eye_width: float
    eye_open: float
    eye_tilt: float
    brow_y: float
    brow_width: float
    brow_thickness: float
    brow_slope: float
    nose_y: float
    nose_width: float
    nose_depth: float
    mouth_y: float
    mouth_width: float
    lips: float
    smile: float
    mouth_open: float
    skin: float
    hair: float
    bald: bool

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Look":
        """A random person."""
        eye_y = uniform(rng, -0.16, -0.02)
        nose_y = eye_y + uniform(rng, 0.44, 0.58)
        smile = 0.04 + normal(rng, 0.07, 0.13)
        skin = uniform(rng, 70, 222)
        dark_hair = chance(rng, 0.6 if skin > 130 else 0.85)
        return cls(
            chin=uniform(rng, 1.22, 1.46),
            jaw=uniform(rng, 0.90, 1.03),
            squareness=uniform(rng, 0.62, 1.0),
            hairline=uniform(rng, -0.98, -0.72),
            eye_x=uniform(rng, 0.39, 0.47),
            eye_y=eye_y,
            eye_width=uniform(rng, 0.17, 0.225),
            eye_open=0.012 if chance(rng, 0.05) else uniform(rng, 0.06, 0.125),
            eye_tilt=uniform(rng, -0.03, 0.05),
            brow_y=eye_y - uniform(rng, 0.21, 0.34),
            brow_width=uniform(rng, 0.44, 0.56),
            brow_thickness=uniform(rng, 0.028, 0.075),
            brow_slope=normal(rng, 0.05, 0.1),
            nose_y=nose_y,
            nose_width=uniform(rng, 0.14, 0.22),
            nose_depth=uniform(rng, 0.2, 0.34),
            mouth_y=nose_y + uniform(rng, 0.29, 0.4),
            mouth_width=uniform(rng, 0.27, 0.38) + max(smile, 0) * 0.6,
            lips=uniform(rng, 0.05, 0.1),
            smile=smile,
            mouth_open=max(0.0, uniform(rng, -0.16, 0.16)),
            skin=skin,
            hair=uniform(rng, 15, 50) if dark_hair else uniform(rng, 50, 215),
            bald=chance(rng, 0.1),
        )

    def lift(self, flat: Points, height: float | Points = 0.0) -> Points:
        """Points (k, 2) of the flat face as points (k, 3) on its curved surface, `height` above it."""
        x, y = flat[:, 0], flat[:, 1]
        inside = 1 - (x / 1.06) ** 2 - ((y - 0.1) / 1.5) ** 2
        lifted = np.empty((len(flat), 3))
        lifted[:, :2] = flat
        lifted[:, 2] = 0.95 * np.sqrt(np.maximum(inside, 0.03)) + height
        return lifted

    def lids(self, side: float) -> tuple[Points, Points]:
        """Upper and lower lid of one eye, (11, 2) each, from the inner to the outer corner."""
        x = side * (self.eye_x + _ACROSS * self.eye_width)
        middle = self.eye_y - self.eye_tilt * _ACROSS
        return points(x, middle - self.eye_open * _BOW), points(x, middle + 0.7 * self.eye_open * _BOW)

    def brow(self, side: float) -> Points:
        """The middle line of one brow, (7, 2), from the inner to the outer end."""
        x = side * (self.eye_x - 0.26 + self.brow_width * _ALONG)
        return points(x, self.brow_y + 0.06 - _ARCH + self.brow_slope * (_ALONG - 0.5))

    def lip(self, level: float) -> Points:
        """A line (11, 2) across the mouth: -1 and 1 are the lips' outer edges, 0 and 0.5 bound the opening."""
        bow, offset = _BOW, 1.25 * self.lips + self.mouth_open
        if level < 0:
            bow, offset = _CUPID, -self.lips - 0.3 * self.mouth_open
        elif level < 1:
            offset = self.mouth_open * (1.0 if level > 0 else -0.3)
        corners = self.mouth_y - self.smile * (0.6 - _BOW)
        return points(_ACROSS * self.mouth_width, corners + offset * bow)

    def jawline(self, start: float = 0.1) -> Points:
        """The lower rim of the face (15, 2), from the left temple over the chin to the right."""
        x = self.jaw * np.copysign(np.abs(_SIDEWAYS) ** self.squareness, _SIDEWAYS)
        return points(x, start + (self.chin - start) * _DOWN**0.9)

    def forehead(self) -> Points:
        """The upper rim of the face (15, 2), along the hairline."""
        return points(0.99 * _SIDEWAYS, 0.1 + (self.hairline - 0.1) * _DOWN**0.75)

    def keypoints(self, pose: "Pose") -> Points:
        """The 15 keypoints (15, 2) in pixels, in the order of `KEYPOINT_NAMES`."""
        mouth_top, mouth_bottom = self.lip(-1), self.lip(1)
        flat = np.empty((len(KEYPOINT_NAMES), 2))
        for k, side in enumerate((LEFT, RIGHT)):
            flat[k] = side * self.eye_x, self.eye_y
            flat[2 + 2 * k : 4 + 2 * k] = self.lids(side)[0][[0, -1]]
            flat[6 + 2 * k : 8 + 2 * k] = self.brow(side)[[0, -1]]
        flat[_NOSE_TIP] = 0.0, self.nose_y
        flat[11], flat[12], flat[13], flat[14] = mouth_top[-1], mouth_top[0], mouth_top[5], mouth_bottom[5]
        height = np.zeros(len(flat))
        height[_NOSE_TIP] = self.nose_depth
        return pose.project(self.lift(flat, height))


@dataclass(frozen=True)
class Pose:
    """Where the head is and how it is turned; `scale` is the head's half-width in pixels."""

    rotation: Points
    roll: Points
    scale: float
    centre: Points

    @classmethod
    def sample(cls, rng: np.random.Generator, look: Look) -> tuple["Pose", Points]:
        """A random pose that keeps every keypoint inside the picture, and the keypoints (15, 2) in pixels."""
        yaw, pitch, roll = normal(rng, 0.22, 0.55), normal(rng, 0.11, 0.28), normal(rng, 0.16, 0.45)
        (cy, cp, cr), (sy, sp, sr) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
        turn_yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        turn_pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
        turn_roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        centre = np.array([48 + normal(rng, 4.0, 12), 45 + normal(rng, 4.0, 12)])
        pose = cls(turn_roll @ turn_pitch @ turn_yaw, turn_roll[:2, :2], uniform(rng, 25.5, 38.5), centre)
        keypoints = look.keypoints(pose)
        low, high = keypoints.min(axis=0), keypoints.max(axis=0)
        shift = np.maximum(_MARGIN - low, 0) - np.maximum(high - (FACE_SIZE - 1 - _MARGIN), 0)
        return cls(pose.rotation, pose.roll, pose.scale, centre + shift), keypoints + shift

    def project(self, solid: Points) -> Points:
        """Points (k, 3) of the head in pixels (k, 2), with a slight perspective."""
        turned = solid @ self.rotation.T
        return self.centre + turned[:, :2] * (self.scale * (1 + 0.07 * turned[:, 2:]))

    def around(self, anchor: tuple[float, float, float], flat: Points) -> Points:
        """Points (k, 2) that only roll with the head, placed about a point of the head; in pixels."""
        return self.project(np.array([anchor])) + self.scale * flat @ self.roll.T
