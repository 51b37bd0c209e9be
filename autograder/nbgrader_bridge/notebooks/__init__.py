"""Notebooks for nbgrader: handed in, put right, scored, and safe to show."""
