"""Proofs of erasure: the tree of erased streams, and signed bundles that anybody can verify without us."""
