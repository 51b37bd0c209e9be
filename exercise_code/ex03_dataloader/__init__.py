"""Exercise 3: datasets and data loaders."""
