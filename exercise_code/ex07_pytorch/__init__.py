"""Exercise 7: PyTorch."""
