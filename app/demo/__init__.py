"""Real data sets as the payloads that a shop's channels would send."""
