"""Exercise 6: hyperparameters, and ways against overfitting."""
