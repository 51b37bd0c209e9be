"""One hand-in becomes one result: what its code may cost."""
