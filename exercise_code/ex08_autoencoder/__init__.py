"""Exercise 8: an autoencoder, and a classifier with a hundred labels."""
