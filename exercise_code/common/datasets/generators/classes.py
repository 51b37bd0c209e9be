"""The ten classes of drawn objects and the size of their pictures, for those who draw nothing."""

__all__ = ["OBJECT_CLASSES", "OBJECT_SIZE"]

OBJECT_SIZE = 32
OBJECT_CLASSES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
