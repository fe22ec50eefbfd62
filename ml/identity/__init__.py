"""Probabilistic linking of person records: fields, blocking keys, comparison levels, weights, clusters."""
