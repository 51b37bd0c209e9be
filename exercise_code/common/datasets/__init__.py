"""Data sets: one file each (class, parsers, generator, sizes), and what loads, caches and downloads any of them.

Students find what they need in `exercise_code.common.data`.
"""
