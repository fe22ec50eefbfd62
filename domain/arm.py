"""What an arm of an experiment changes: typed and bounded, so that nothing that cannot be served can be designed."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.merchandising.values import Lean, RuleKey

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Quota = Annotated[int, Field(ge=0, le=500)]
Factor = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=-30, le=30, allow_inf_nan=False)]
#: A model: an artefact's hash, or the name of given weights.
ModelName = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64}|blend-70-20-10)$")]
MemberName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class PlacementName(StrEnum):
    """Placements that a recipe may be changed of."""

    HOME = "home"
    HOME_HERO = "home_hero"
    CATEGORY = "category"
    SEARCH = "search"
    PRODUCT = "product"
    COMPLETE_THE_LOOK = "complete_the_look"
    CART = "cart"
    CHECKOUT = "checkout"
    POST_PURCHASE = "post_purchase"


class SourceName(StrEnum):
    """Steps that find candidates."""

    GIVEN = "given"
    SESSION = "session"
    PEOPLE = "people"
    TOGETHER = "co-occurrence"
    CONTENT = "content"
    TRENDING = "trending"
    NEW = "new"
    EXPLORE = "exploration"
    POPULAR = "popularity"


class Objectives(Lean):
    """What answers are ordered by; what is not said stays as it is configured."""

    relevance: Share | None = None
    revenue: Share | None = None
    margin: Share | None = None
    clearance: Share | None = None
    diversity: Share | None = None
    low_stock: Annotated[int, Field(ge=0, le=1000)] | None = None
    match: Factor | None = None


class RecipeChange(Lean):
    """What is different about a placement. ``quotas`` replaces all of them; ``explore``: places, from 0."""

    quotas: dict[SourceName, Quota] | None = None
    cap: Annotated[int, Field(ge=0, le=100)] | None = None
    explore: Annotated[tuple[Annotated[int, Field(ge=0, le=49)], ...], Field(max_length=20)] | None = None
    other_category: bool | None = None
    match: bool | None = None
    hide_bought: bool | None = None


class Arm(Lean):
    """Any of these together; nothing at all is what everybody has. ``weights``: of the objectives; ``members``: of the
    blend's members. ``rules_off``: keys of rules that do not hold (a rule that holds in an arm alone has the condition
    ``arm``). ``price_percent``: more or less than the list price."""

    weights: Objectives | None = None
    members: Annotated[dict[MemberName, Factor], Field(min_length=1, max_length=20)] | None = None
    rules_off: Annotated[tuple[RuleKey, ...], Field(min_length=1, max_length=200)] | None = None
    placements: Annotated[dict[PlacementName, RecipeChange], Field(min_length=1)] | None = None
    model: ModelName | None = None
    price_percent: Percent | None = None
