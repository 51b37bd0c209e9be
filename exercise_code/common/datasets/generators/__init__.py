"""The code that draws embedded data, from numpy and PIL alone; it knows nothing of splits, files or caches."""
