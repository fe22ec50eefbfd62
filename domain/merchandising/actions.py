"""What a rule does to the items that its condition holds for."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.merchandising.values import Lean
from domain.values import Sku

MOST_SLOTS = 50
MOST_PINNED = 20
Slot = Annotated[int, Field(ge=1, le=MOST_SLOTS)]


class Each(StrEnum):
    """What a cap counts apart."""

    CATEGORY = "category"
    BRAND = "brand"
    COLOUR = "colour"


class Filter(Lean):
    """They are not shown."""


class Pin(Lean):
    """One of them stands at ``slot``, 1 is the first: the first of ``skus`` that can be shown, else the best."""

    slot: Slot
    skus: Annotated[tuple[Sku, ...], Field(min_length=1, max_length=MOST_PINNED)] | None = None


class Boost(Lean):
    """Their scores are multiplied."""

    factor: Annotated[float, Field(gt=1, le=10, allow_inf_nan=False)]


class Bury(Lean):
    """Their scores are multiplied; without a factor they come after all others."""

    factor: Annotated[float, Field(ge=0.01, lt=1, allow_inf_nan=False)] | None = None


class Cap(Lean):
    """At most so many of them in an answer: in all, or of each category, brand or colour."""

    at_most: Annotated[int, Field(ge=1, le=MOST_SLOTS)]
    each: Each | None = None


class Action(Lean):
    """Exactly one of them."""

    filter: Filter | None = None
    pin: Pin | None = None
    boost: Boost | None = None
    bury: Bury | None = None
    cap: Cap | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in self.__dict__.values()) != 1:
            raise ValueError("give exactly one of filter, pin, boost, bury and cap")
        return self

    @property
    def kind(self) -> str:
        """The name of the one that is given."""
        return next(name for name, value in self.__dict__.items() if value is not None)

    @property
    def chooses(self) -> bool:
        """Whether it makes sense without a condition of items."""
        return bool((self.pin and self.pin.skus) or (self.cap and self.cap.each))
