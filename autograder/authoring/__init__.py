"""Sources become notebooks, stubs and zips; reference models are trained."""
