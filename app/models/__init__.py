"""Model artefacts as an operator sees them, and those that answers are made of."""
