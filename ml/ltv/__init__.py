"""Customer lifetime value: how often somebody will buy again, and for how much."""
