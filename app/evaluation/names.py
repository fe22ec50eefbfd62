"""What ``bespoke evaluate next-item`` lets choose from; apart, so that the command line starts without the models."""

BLEND = "blend"
MODELS = (BLEND, "popularity", "itemknn", "ease", "ials", "transitions", "vstan", "content", "session", "ncf")
FORMATS = ("eshop", "sessions", "sequences", "ratings")
SPLITS = ("random", "temporal")
