"""Which hand-ins came, whose they are, and when they came."""
