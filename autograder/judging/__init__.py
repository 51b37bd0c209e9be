"""One hand-in becomes one result."""
