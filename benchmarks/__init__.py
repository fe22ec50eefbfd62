"""Measurements. Each prints one JSON object as its last line; figures in the docs come from there."""
