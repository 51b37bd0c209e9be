"""Archives: other people's are read with care, ours are written the same way each time."""
