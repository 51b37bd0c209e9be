"""Drawn scenes with a class for each pixel, in the form of MSRC v2."""
