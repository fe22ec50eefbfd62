"""Reports of experiments and attribution, folded from the log up to positions that they name."""
