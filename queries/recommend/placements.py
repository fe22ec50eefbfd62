"""Placements: where on a page or in a mail an answer stands, each a declared recipe of the same steps."""

from enum import StrEnum

import msgspec

#: Candidates at most, and items of a category at most where a recipe does not say otherwise.
MOST_CANDIDATES = 500
CAP = 3


class Scope(StrEnum):
    """What an answer may be made of: anything on sale, the hits given by the caller, or one category."""

    SHOP = "shop"
    HITS = "hits"
    CATEGORY = "category"


class Source(StrEnum):
    """The steps that find candidates, the more personal first: an item belongs to the first that finds it."""

    GIVEN = "given"
    SESSION = "session"
    PEOPLE = "people"
    TOGETHER = "co-occurrence"
    CONTENT = "content"
    TRENDING = "trending"
    NEW = "new"
    EXPLORE = "exploration"
    POPULAR = "popularity"


_PERSONAL = {
    Source.SESSION: 140,
    Source.PEOPLE: 140,
    Source.TOGETHER: 120,
    Source.CONTENT: 60,
    Source.TRENDING: 60,
    Source.NEW: 30,
    Source.POPULAR: 60,
}


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``quotas``: how many candidates each source may give. ``cap``: of one category at most, 0 for no such limit.
    ``explore``: places (from 0) that the bandit fills. ``seed``: the SKUs given speak for other items;
    ``cart``: as they lie in a cart.
    ``other_category``: only items of other categories than the seeds'. ``match``: what goes with the seeds in colour,
    style and season counts more. ``hide_bought``: what was bought is not shown again."""

    quotas: dict[Source, int] = msgspec.field(default_factory=lambda: dict(_PERSONAL))
    scope: Scope = Scope.SHOP
    cap: int = CAP
    explore: tuple[int, ...] = ()
    seed: bool = False
    cart: bool = False
    other_category: bool = False
    match: bool = False
    hide_bought: bool = False
    limit: int = 20


_AROUND = {Source.TOGETHER: 220, Source.CONTENT: 140, Source.PEOPLE: 80, Source.TRENDING: 40, Source.POPULAR: 60}

RECIPES: dict[str, Recipe] = {
    "home": Recipe(explore=(5, 13)),
    "home_hero": Recipe(explore=(2,), cap=1, limit=5),
    "category": Recipe(scope=Scope.CATEGORY, cap=0, quotas={}),
    "search": Recipe(scope=Scope.HITS, cap=0, quotas={}),
    "product": Recipe(quotas=_AROUND, seed=True, cap=0),
    "complete_the_look": Recipe(quotas=_AROUND, seed=True, other_category=True, match=True, limit=8),
    "cart": Recipe(quotas=_AROUND, seed=True, cart=True, other_category=True, limit=8, explore=(7,)),
    "checkout": Recipe(quotas=_AROUND, seed=True, cart=True, other_category=True, limit=8),
    "post_purchase": Recipe(seed=True, hide_bought=True, explore=(5,)),
}
