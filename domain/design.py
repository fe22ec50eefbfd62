"""The design of an experiment: what is tested, on whom, and what would count as an effect."""

from typing import Annotated, Any, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from domain.arm import Arm
from domain.assignment.conditions import JOINS, OPERATORS
from domain.assignment.hashing import BUCKETS, HashVersion
from domain.merchandising.values import Lean
from domain.values import Name, Text, Value

Buckets = Annotated[int, Field(ge=0, le=BUCKETS)]
DEEPEST, MOST_PARTS, LONGEST = 6, 60, 200
#: There are no saved groups here; segments take their place.
TARGETING = frozenset(OPERATORS) - {"$inGroup", "$notInGroup"}
#: What may be asked of a request or a person.
OF_REQUEST = frozenset({"placement", "channel", "store"})
ATTRIBUTES = OF_REQUEST | {"device", "segments", "consents", "known"}


class Variant(Lean):
    """An arm and its share of ``BUCKETS``. ``changes`` None: as everybody else has it, the control."""

    name: Name
    buckets: Buckets
    changes: Arm | None = None


class Namespace(Value):
    """Experiments of one namespace with ranges that do not overlap have nobody in common. ``until`` is not in it."""

    name: Name
    since: Annotated[int, Field(ge=0, lt=BUCKETS)]
    until: Annotated[int, Field(gt=0, le=BUCKETS)]

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.until <= self.since:
            raise ValueError("until must be > since")
        return self


class Holdout(Value):
    """So many buckets of people are kept out of all experiments that name this holdout."""

    name: Name
    buckets: Annotated[int, Field(ge=1, le=BUCKETS // 2)]


class Design(Lean):
    """Fixed from the start on, but for shares and coverage. The first variant is the control. ``minimum_effect``:
    relative; ``power`` to see it. ``targeting``: a condition on ``ATTRIBUTES``. Raises ValueError on an impossible
    allocation."""

    hypothesis: Text
    primary_metric: Name
    guardrail_metrics: tuple[Name, ...] = ()
    variants: Annotated[tuple[Variant, ...], Field(min_length=2, max_length=20)]
    minimum_effect: Annotated[float, Field(gt=0, lt=10)] | None = None
    power: Annotated[float, Field(gt=0, lt=1)] = 0.8
    hash_version: HashVersion = HashVersion.BLAKE
    targeting: dict[str, JsonValue] | None = None
    namespace: Namespace | None = None
    holdout: Holdout | None = None

    @field_validator("targeting")
    @classmethod
    def _bounded(cls, targeting: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        parts = list(_parts(targeting or {}, 1))
        if len(parts) > MOST_PARTS:
            raise ValueError(f"says more than {MOST_PARTS} things")
        if _names(targeting or {}) - ATTRIBUTES:
            raise ValueError(f"asks for what is not known; known are {', '.join(sorted(ATTRIBUTES))}")
        return targeting

    @model_validator(mode="after")
    def _allocation(self) -> Self:
        possible([v.buckets for v in self.variants])
        if len({v.name for v in self.variants}) != len(self.variants):
            raise ValueError("two variants have one name")
        if any(v.changes and v.changes.price_percent for v in self.variants):
            other = sorted(_names(self.targeting or {}) - OF_REQUEST)
            if other:
                raise ValueError(f"prices may not depend on {', '.join(other)}")
        return self

    def reweighted(self, buckets: dict[str, int]) -> Self:
        """The same with other shares, one for each variant. Raises ValueError."""
        if set(buckets) != {v.name for v in self.variants}:
            raise ValueError("give a share for each variant, and no other")
        possible(list(buckets.values()))
        variants = tuple(v.model_copy(update={"buckets": buckets[v.name]}) for v in self.variants)
        return self.model_copy(update={"variants": variants})


def possible(buckets: list[int]) -> None:
    """Raises ValueError where shares are less than none, or more than all there is."""
    if min(buckets) < 0 or sum(buckets) > BUCKETS:
        raise ValueError(f"variants take more than {BUCKETS} buckets")


def _parts(condition: Any, depth: int) -> Any:
    """Each name and plain value of a condition. Raises ValueError for what is not supported; names what it is."""
    if depth > DEEPEST * 2:
        raise ValueError(f"is nested deeper than {DEEPEST}")
    if isinstance(condition, dict):
        for name, part in condition.items():
            if name.startswith("$") and name not in TARGETING and name not in JOINS:
                raise ValueError("has an operator that is not supported")
            if name in LISTS and not isinstance(part, list):
                raise ValueError(f"{name} takes a list")
            if name in CONDITIONS and not all(isinstance(each, dict) for each in part):
                raise ValueError(f"{name} takes a list of conditions")
            yield name
            yield from _parts(part, depth + 1)
    elif isinstance(condition, list):
        for part in condition:
            yield from _parts(part, depth + 1)
    else:
        if isinstance(condition, str) and len(condition) > LONGEST:
            raise ValueError(f"has a text longer than {LONGEST}")
        yield condition


CONDITIONS = ("$and", "$or", "$nor")
LISTS = (*CONDITIONS, "$in", "$nin", "$ini", "$nini", "$all", "$alli")


def _names(condition: dict[str, Any]) -> set[str]:
    """The attributes that a condition asks for."""
    found: set[str] = set()
    for name, part in condition.items():
        if name in CONDITIONS:
            found |= {each for one in part for each in _names(one)}
        elif name == "$not":
            found |= _names(part)
        else:
            found.add(name)
    return found
