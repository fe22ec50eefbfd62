"""Who gets which arm: hashes, ranges, conditions, and experiments in GrowthBook's form. Pure."""
