"""Files of interactions in the formats that recommender research exchanges, and the shop's own."""
