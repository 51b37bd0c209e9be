"""Exercise 2: the mathematics behind deep learning, by hand."""
