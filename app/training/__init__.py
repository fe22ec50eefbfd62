"""Training on the log: sets, what learns from them, and what puts it into use."""
