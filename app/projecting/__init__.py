"""The project process, rebuilding, and the generations of read models."""
