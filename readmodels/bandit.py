"""What a bandit learns from: one item shown once, in the context of that moment, and whether it was clicked."""

import msgspec


class Trial(msgspec.Struct, frozen=True, array_like=True, order=True):
    """``at``: milliseconds since 1970; ``place`` from 0; ``decision``: whose receipt has the propensity, where known.

    ``device``, ``location`` and ``intent`` are as they stood before the showing. No identifier of a person is in it.
    """

    at: int
    tag: int
    place: int
    sku: str
    clicked: bool
    device: str | None = None
    location: str | None = None
    intent: str = "none"
    decision: str | None = None
