"""When a rule holds: of the request, of the person, of the item. Parts that are given side by side must all hold."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from domain.merchandising.values import Arms, Codes, Lean, Names, Skus, at_least
from domain.values import Cents, Channel, Purpose

DEEPEST = 5
MOST_PARTS = 50
MOST_TOGETHER = 20
MOST_DAYS = 36_500


class Segment(StrEnum):
    """Groups of people, worked out from a record on request. A person is in several."""

    NEW = "new"
    RETURNING = "returning"
    CUSTOMER = "customer"
    LOYAL = "loyal"
    VIP = "vip"
    LAPSED = "lapsed"
    MEMBER = "member"
    WOMEN = "women"
    MEN = "men"
    AGE_UNDER_18 = "age-under-18"
    AGE_18_24 = "age-18-24"
    AGE_25_34 = "age-25-34"
    AGE_35_44 = "age-35-44"
    AGE_45_54 = "age-45-54"
    AGE_55_64 = "age-55-64"
    AGE_65 = "age-65"
    PRICE_HIGH = "price-sensitive"
    PRICE_LOW = "price-insensitive"
    DISCOUNT = "discount-seeker"
    IN_STORES = "in-stores"
    ONLINE = "online"


class Day(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


def _whole_minute(moment: datetime) -> datetime:
    if moment.second or moment.microsecond:
        raise ValueError("must be a whole minute")
    return moment


def _known_timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is no time zone of the IANA list, as Europe/Berlin is")
    return name


Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Minute = Annotated[AwareDatetime, AfterValidator(_whole_minute)]
Timezone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_known_timezone)]
Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]
Pieces = Annotated[int, Field(ge=0, le=10_000_000)]
Share = Annotated[float, Field(ge=-10, le=1, allow_inf_nan=False)]


class Hours(Lean):
    """From a minute of the day up to another, the latter left out. ``since`` after ``until``: over midnight."""

    since: Clock
    until: Clock

    @field_validator("until")
    @classmethod
    def _not_none(cls, until: str, info: ValidationInfo) -> str:
        if until == info.data.get("since"):
            raise ValueError("must differ from since")
        return until


class TimeWindow(Lean):
    """When: from ``since`` until before ``until``, on these days of the week, within these hours there."""

    since: Minute | None = None
    until: Minute | None = None
    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)] | None = None
    hours: Hours | None = None
    timezone: Timezone = "UTC"

    @field_validator("until")
    @classmethod
    def _later(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        since = info.data.get("since")
        if until is not None and since is not None and until <= since:
            raise ValueError("must be later than since")
        return until

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.since or self.until or self.days or self.hours) is None:
            raise ValueError("give since, until, days or hours")
        return self


class Price(Lean):
    """The price a shopper pays, in minor units. An item without a price has none of these."""

    min_cents: Cents | None = None
    max_cents: Cents | None = None

    @field_validator("max_cents")
    @classmethod
    def _ordered(cls, value: int | None, info: ValidationInfo) -> int | None:
        found: int | None = at_least(value, info, "min_cents")
        return found

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.min_cents is self.max_cents is None:
            raise ValueError("give min_cents or max_cents")
        return self


class Stock(Lean):
    """Pieces that can be sold: in all, or at the store that the answer is for (``here``). Uncounted items have none of
    these."""

    min: Pieces | None = None
    max: Pieces | None = None
    here: bool = False

    @field_validator("max")
    @classmethod
    def _ordered(cls, value: int | None, info: ValidationInfo) -> int | None:
        found: int | None = at_least(value, info, "min")
        return found

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.min is self.max is None:
            raise ValueError("give min or max")
        return self


class Margin(Lean):
    """Margin as a share of the price. An item whose margin is unknown has none of these."""

    min: Share | None = None
    max: Share | None = None

    @field_validator("max")
    @classmethod
    def _ordered(cls, value: float | None, info: ValidationInfo) -> float | None:
        found: float | None = at_least(value, info, "min")
        return found

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.min is self.max is None:
            raise ValueError("give min or max")
        return self


class Age(Lean):
    """Days since the item was new. An item of which that is unknown has none of these."""

    min_days: Days | None = None
    max_days: Days | None = None

    @field_validator("max_days")
    @classmethod
    def _ordered(cls, value: int | None, info: ValidationInfo) -> int | None:
        found: int | None = at_least(value, info, "min_days")
        return found

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.min_days is self.max_days is None:
            raise ValueError("give min_days or max_days")
        return self


Together = Annotated[tuple["Condition", ...], Field(min_length=1, max_length=MOST_TOGETHER)]


class Condition(Lean):
    """All parts that are given must hold. Of a list one must be so, of ``consent`` each. Names are compared without
    regard to case. Of the request: placement to arm. Of the item: sku to age."""

    model_config = ConfigDict(serialize_by_alias=True)

    placement: Codes | None = None
    channel: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=len(Channel))] | None = None
    store: Names | None = None
    device: Names | None = None
    segment: Annotated[tuple[Segment, ...], Field(min_length=1, max_length=len(Segment))] | None = None
    consent: Annotated[tuple[Purpose, ...], Field(min_length=1, max_length=len(Purpose))] | None = None
    time: TimeWindow | None = None
    arm: Arms | None = None
    sku: Skus | None = None
    category: Names | None = None
    brand: Names | None = None
    colour: Names | None = None
    style: Names | None = None
    season: Names | None = None
    tag: Names | None = None
    price: Price | None = None
    margin: Margin | None = None
    stock: Stock | None = None
    clearance: bool | None = None
    age: Age | None = None
    all: Together | None = None
    any: Together | None = None
    not_: "Condition | None" = Field(default=None, alias="not")

    @field_validator("all", "any", "not_")
    @classmethod
    def _says_something(cls, given: "tuple[Condition, ...] | Condition | None") -> object:
        inner = (given,) if isinstance(given, Condition) else given or ()
        if any(condition.empty for condition in inner):
            raise ValueError("holds a condition that says nothing")
        return given

    @property
    def empty(self) -> bool:
        """Whether it says nothing, and so holds always."""
        return all(value is None for value in self.__dict__.values())

    @property
    def inner(self) -> "tuple[Condition, ...]":
        """The conditions in all, any and not."""
        return (*(self.all or ()), *(self.any or ()), *((self.not_,) if self.not_ else ()))

    def walk(self) -> "Iterator[Condition]":
        """It, and all that are in it."""
        yield self
        for condition in self.inner:
            yield from condition.walk()

    @property
    def depth(self) -> int:
        """1 without any others in it."""
        return 1 + max((condition.depth for condition in self.inner), default=0)

    @property
    def parts(self) -> int:
        """How many things are said in all."""
        return sum(value is not None for each in self.walk() for value in each.__dict__.values())

    @property
    def of_items(self) -> bool:
        """Whether anything is said of the item."""
        return any(getattr(each, name) is not None for each in self.walk() for name in OF_ITEMS)


#: The parts of a condition that are said of the item.
OF_ITEMS = frozenset(
    ["sku", "category", "brand", "colour", "style", "season", "tag", "price", "margin", "stock", "clearance", "age"]
)
