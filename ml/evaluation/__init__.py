"""Measuring models: full ranking, metrics, slices and confidence intervals."""
