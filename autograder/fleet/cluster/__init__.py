"""Judges on other machines: Dask, Slurm, and what travels to them."""
