"""Recommendations: one small step a file, each a pure function over arrays. ``decide`` puts them in order."""
