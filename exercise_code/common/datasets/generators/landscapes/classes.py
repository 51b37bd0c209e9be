"""The 23 classes of scenes, their colours in MSRC's targets and the size of pictures, for those who draw nothing."""

__all__ = ["SCENE_CLASSES", "SCENE_COLOURS", "SCENE_SIZE", "VOID"]

SCENE_SIZE = 240
VOID = -1
SCENE_COLOURS: dict[str, tuple[int, int, int]] = {
    "building": (128, 0, 0),
    "grass": (0, 128, 0),
    "tree": (128, 128, 0),
    "cow": (0, 0, 128),
    "horse": (128, 0, 128),
    "sheep": (0, 128, 128),
    "sky": (128, 128, 128),
    "mountain": (64, 0, 0),
    "airplane": (192, 0, 0),
    "water": (64, 128, 0),
    "face": (192, 128, 0),
    "car": (64, 0, 128),
    "bicycle": (192, 0, 128),
    "flower": (64, 128, 128),
    "sign": (192, 128, 128),
    "bird": (0, 64, 0),
    "book": (128, 64, 0),
    "chair": (0, 192, 0),
    "road": (128, 64, 128),
    "cat": (0, 192, 128),
    "dog": (128, 192, 128),
    "body": (64, 64, 0),
    "boat": (192, 64, 0),
}
SCENE_CLASSES = tuple(SCENE_COLOURS)
