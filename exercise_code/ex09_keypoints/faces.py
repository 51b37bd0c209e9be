"""Given: sizes and names of what the network sees and finds."""

__all__ = ["FLIP_ORDER", "IMAGE_SIZE", "KEYPOINT_NAMES", "NUM_COORDINATES"]

IMAGE_SIZE = 96

# The left eye is the left eye of the person in the picture: it is seen on the right.
KEYPOINT_NAMES = (
    "left eye center",
    "right eye center",
    "left eye inner corner",
    "left eye outer corner",
    "right eye inner corner",
    "right eye outer corner",
    "left eyebrow inner end",
    "left eyebrow outer end",
    "right eyebrow inner end",
    "right eyebrow outer end",
    "nose tip",
    "mouth left corner",
    "mouth right corner",
    "mouth center of top lip",
    "mouth center of bottom lip",
)

NUM_COORDINATES = 2 * len(KEYPOINT_NAMES)

# In a mirror, the keypoint at place FLIP_ORDER[i] moves to place i: number 1, the right eye, moves to place 0, which
# is the left eye's.
FLIP_ORDER = (1, 0, 4, 5, 2, 3, 8, 9, 6, 7, 10, 12, 11, 13, 14)
