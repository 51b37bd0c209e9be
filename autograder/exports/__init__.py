"""Marks as tables, and as files for Moodle, Canvas and Gradescope."""
