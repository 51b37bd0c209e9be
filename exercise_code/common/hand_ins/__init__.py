"""What a hand-in may hold, and how one is read: the same rules for `submit` and for the grader."""
