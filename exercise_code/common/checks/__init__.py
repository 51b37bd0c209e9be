"""Running and showing the visible checks."""
