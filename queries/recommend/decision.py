"""A decision: what was answered to whom, of what it was made, and all that is needed to make it again."""

from enum import StrEnum
from uuid import UUID

import msgspec


class Generations(msgspec.Struct, frozen=True, array_like=True):
    """What an answer was made of. ``catalogue``: position in the catalogue's log. The others are hashes of immutable
    generations, as hexadecimal text; "" where there is none. ``weights`` and
    ``statistics_config``: configuration itself, as short JSON."""

    catalogue: int = 0
    statistics: str = ""
    model: str = ""
    bandit: str = ""
    rules: str = ""
    experiments: str = ""
    weights: str = ""
    statistics_config: str = ""


OF_NOTHING = Generations()


class Reason(StrEnum):
    """What an item is explained with."""

    VIEWED = "because_viewed"
    IN_CART = "goes_with_cart"
    BOUGHT = "because_bought"
    AFTER = "viewed_after"
    SIMILAR = "similar_to"
    NOW = "fits_now"
    TASTE = "your_taste"
    CATEGORY = "more_of_category"
    TRENDING = "trending"
    NEW = "new"
    EXPLORE = "something_new"
    FEATURED = "featured"
    POPULAR = "popular"
    MATCH = "matches_search"


class Shown(msgspec.Struct, frozen=True, array_like=True):
    """An item of an answer. ``score``: a float32 as its 4 bytes, little endian. ``propensity``: the chance that this
    item had of standing in the answer, a float32 as well. ``source``: which step found it; ``reason``: code of what it
    is explained with, and ``because``: the SKU that the reason names, if any. ``among``: of how many the bandit chose
    it; 0 where it did not, and in receipts of before this was told."""

    sku: str
    score: bytes
    propensity: bytes
    source: str
    reason: str
    because: str | None = None
    among: int = 0


class Decision(msgspec.Struct, frozen=True, array_like=True):
    """``streams``: of the person, each with the version that counted; empty for a stranger. ``rung`` of the ladder:
    full, plain, cached or popular. ``arms``: experiment → variant. ``degraded``: what was missing. ``rest``: digest of
    all scored candidates in their canonical order, 16 bytes. ``repeats``: the decision that a
    cached answer repeats; its ``at_ms`` and versions are those of that one. ``opted_out``: the request objected to
    profiles."""

    decision_id: UUID
    placement: str
    at_ms: int
    limit: int
    person_id: UUID | None
    streams: tuple[tuple[UUID, int], ...]
    generations: Generations
    rung: str
    arms: dict[str, str]
    items: tuple[Shown, ...]
    item: str | None = None
    skus: tuple[str, ...] = ()
    category: str | None = None
    store: str | None = None
    device: str | None = None
    channel: str | None = None
    degraded: tuple[str, ...] = ()
    rest: bytes = b""
    numerics: str = ""
    repeats: UUID | None = None
    opted_out: bool = False
