"""Which streams are one person: linking as the log grows, review, other thresholds."""
