"""Erasure: from a request to nothing that anybody can read."""
