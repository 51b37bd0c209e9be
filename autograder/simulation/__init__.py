"""Made-up hand-ins, for benchmarks and tests only."""
