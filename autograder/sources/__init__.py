"""The private course, read: where its files lie, graded cells, tests, the reference, wrong answers."""
