"""`submit`: what goes into the zip, what the grader will make of it, and what is said about it."""
