"""Exercise 5: layers, networks, and optimizers with a memory."""
