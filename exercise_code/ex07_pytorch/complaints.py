"""Given: cells that fail on purpose, and go on."""
