"""Exercise 11: sentiment of film reviews."""
