"""The package of exercise ex07_pytorch."""
