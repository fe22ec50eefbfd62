"""Models: arrays in, arrays out. Knows no server."""
