"""What ``bespoke evaluate next-item`` lets choose from; apart, so that the command line starts without the models."""

BLEND = "blend"
#: A blend whose weights are given: 70 % collaborative, 20 % content; the other 10 % are the bandit's exploration, which
#: has no place in an offline ranking.
GIVEN = "blend-70-20-10"
SINGLE = ("popularity", "itemknn", "ease", "ials", "transitions", "vstan", "content", "session", "ncf", "ncf-classic")
MODELS = (BLEND, GIVEN, *SINGLE)
FORMATS = ("eshop", "sessions", "sequences", "ratings")
SPLITS = ("random", "temporal")
