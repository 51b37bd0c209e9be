"""What a graded class says of the exercise and of hand-ins that look alike: numbers only."""
