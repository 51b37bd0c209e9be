"""Exercise 1: notebooks, numpy, checks and handing in."""
