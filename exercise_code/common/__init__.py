"""Given code that every exercise shares. Import what you need from its modules, or from `exercise_code`."""
