"""Exercise 4: linear and logistic regression, and a solver."""
