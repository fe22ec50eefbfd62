"""An experiment in the form that GrowthBook's SDKs take, assigned as they assign it (specification version 5).

For a shop that moves with running experiments: everybody stays in their arm, and what it gets can be compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from domain.assignment.conditions import Groups, holds
from domain.assignment.hashing import growthbook
from domain.assignment.ranges import bucket_ranges, chosen, equal_weights

Namespace = tuple[str, float, float]
NEVER, OUT = -1, 0


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Filter(_Given):
    """Only units whose hash is in one of the ranges."""

    seed: str
    ranges: tuple[tuple[float, float], ...]
    attribute: str = "id"
    hash_version: int = 2


class Parent(_Given):
    """Only where a feature has a value that meets the condition."""

    id: str
    condition: dict[str, Any]


class Meta(_Given):
    """How a variation is called."""

    key: str | None = None


class Definition(_Given):
    """As GrowthBook's ``Experiment``; what concerns pages, redirects and tracking is left out."""

    key: str
    variations: Annotated[tuple[Any, ...], Field(max_length=100)]
    weights: tuple[float, ...] | None = None
    coverage: float = 1.0
    ranges: tuple[tuple[float, float], ...] | None = None
    meta: tuple[Meta, ...] = ()
    filters: tuple[Filter, ...] | None = None
    namespace: Namespace | None = None
    seed: str | None = None
    hash_version: int = 1
    hash_attribute: str = "id"
    fallback_attribute: str | None = None
    active: bool = True
    force: int | None = None
    condition: dict[str, Any] | None = None
    parent_conditions: tuple[Parent, ...] = ()
    bucket_version: int = 0
    min_bucket_version: int = 0
    disable_sticky_bucketing: bool = False

    def name(self, variation: int) -> str:
        """A variation's key: its own, or its number."""
        own = self.meta[variation].key if variation < len(self.meta) else None
        return str(variation) if own is None else own


@dataclass(frozen=True, slots=True)
class Visitor:
    """``features``: values of features that others depend on. ``sticky``: attribute and value (``id||1``) → experiment
    and bucket version (``test__0``) → variation's key; None: nothing is remembered."""

    attributes: Mapping[str, Any]
    enabled: bool = True
    url: str = ""
    qa_mode: bool = False
    forced: Mapping[str, int] = field(default_factory=dict)
    groups: Groups = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    sticky: Mapping[str, Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """``variation``: the first one where the visitor is not ``inside``. ``remembered``: document → entries that are to
    be kept so that the visitor stays in this arm."""

    variation: int
    inside: bool
    hashed: bool
    attribute: str
    unit: str
    bucket: float | None = None
    from_sticky: bool = False
    remembered: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def run(test: Definition, visitor: Visitor) -> Result:
    """Steps in the order of the specification: overrides, unit, filters, targeting, memory, hash, force."""
    attribute, unit = _unit(test, visitor)
    outside = Result(OUT, False, False, attribute, unit)
    if len(test.variations) < 2 or not visitor.enabled:
        return outside
    override = overridden(test.key, visitor.url, len(test.variations))
    if override is None:
        override = visitor.forced.get(test.key)
    if override is not None:
        return _at(outside, override, test)
    if not test.active or not unit:
        return outside
    remembered, blocked = _remembered(test, visitor)
    if remembered < 0 and not _meant(test, visitor, unit):
        return outside
    if remembered >= 0 and not _still_meant(test, visitor):
        return outside
    n = growthbook(test.seed or test.key, unit, test.hash_version)
    if n is None or blocked:
        return outside
    found = remembered if remembered >= 0 else chosen(n, _ranges(test))
    if found < 0:
        return outside
    if test.force is not None:
        return _at(outside, test.force, test)
    if visitor.qa_mode:
        return outside
    kept = {} if visitor.sticky is None or test.disable_sticky_bucketing else _kept(test, attribute, unit, found)
    return Result(found, True, True, attribute, unit, n, remembered >= 0, kept)


def in_namespace(unit: str, namespace: Namespace) -> bool:
    """Whether the unit's place in the namespace is this experiment's."""
    name, start, end = namespace
    n = growthbook(f"__{name}", unit, 1)
    return n is not None and start <= n < end


def overridden(key: str, url: str, variations: int) -> int | None:
    """The variation that a page's address asks for (``?test=1``), for trials; None where it asks for none."""
    found = parse_qs(urlsplit(url).query).get(key, [""])[0]
    return int(found) if found.isascii() and found.isdigit() and int(found) < variations else None


def _at(outside: Result, variation: int, test: Definition) -> Result:
    inside = 0 <= variation < len(test.variations)
    return Result(variation if inside else OUT, inside, False, outside.attribute, outside.unit)


def _unit(test: Definition, visitor: Visitor) -> tuple[str, str]:
    """The attribute that is hashed and its value; the fallback where that is missing and memory is on."""
    value = _value(visitor.attributes, test.hash_attribute)
    if not value and test.fallback_attribute and visitor.sticky is not None and not test.disable_sticky_bucketing:
        fallback = _value(visitor.attributes, test.fallback_attribute)
        if fallback:
            return test.fallback_attribute, fallback
    return test.hash_attribute, value


def _value(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    return "" if value is None else str(value)


def _meant(test: Definition, visitor: Visitor, unit: str) -> bool:
    if test.filters is not None:
        if not all(_passes(each, visitor) for each in test.filters):
            return False
    elif test.namespace is not None and not in_namespace(unit, test.namespace):
        return False
    return _still_meant(test, visitor)


def _still_meant(test: Definition, visitor: Visitor) -> bool:
    """Targeting holds for those too who were in before; filters and namespaces do not."""
    if test.condition is not None and not holds(test.condition, visitor.attributes, visitor.groups):
        return False
    return all(
        holds(parent.condition, {"value": visitor.features.get(parent.id)}, visitor.groups)
        for parent in test.parent_conditions
    )


def _passes(one: Filter, visitor: Visitor) -> bool:
    unit = _value(visitor.attributes, one.attribute)
    n = growthbook(one.seed, unit, one.hash_version) if unit else None
    return n is not None and chosen(n, one.ranges) >= 0


def _ranges(test: Definition) -> Sequence[tuple[float, float]]:
    if test.ranges is not None:
        return test.ranges
    return bucket_ranges(len(test.variations), test.coverage, test.weights or equal_weights(len(test.variations)))


def _remembered(test: Definition, visitor: Visitor) -> tuple[int, bool]:
    """The variation that is remembered, or -1; and whether an older memory shuts the visitor out."""
    if visitor.sticky is None or test.disable_sticky_bucketing:
        return NEVER, False
    known: dict[str, str] = {}
    for name in (test.fallback_attribute, test.hash_attribute):  # the latter wins
        if name and (value := _value(visitor.attributes, name)):
            known |= visitor.sticky.get(f"{name}||{value}", {})
    if any(f"{test.key}__{version}" in known for version in range(test.min_bucket_version)):
        return NEVER, True
    key = known.get(f"{test.key}__{test.bucket_version}")
    names = [test.name(at) for at in range(len(test.variations))]
    return (names.index(key) if key in names else NEVER), False


def _kept(test: Definition, attribute: str, unit: str, variation: int) -> dict[str, dict[str, str]]:
    return {f"{attribute}||{unit}": {f"{test.key}__{test.bucket_version}": test.name(variation)}}
