"""Conditions on attributes, in the form of MongoDB's queries that GrowthBook uses: who an experiment is for.

Regular expressions are not supported: one that is written badly or with bad intent would hold a request for seconds.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from domain.assignment.versions import sortable

Attributes = Mapping[str, Any]
Groups = Mapping[str, Sequence[Any]]
Operator = Callable[[Any, Any, Groups], bool]

NO_GROUPS: Groups = {}
TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", tuple: "array"}


def holds(condition: Mapping[str, Any], attributes: Attributes, groups: Groups = NO_GROUPS) -> bool:
    """Whether all of it holds. An operator that is not known never does. ``groups``: saved lists by name."""
    for name, wanted in condition.items():
        joined = JOINS.get(name)
        if joined is not None:
            if not joined(wanted, attributes, groups):
                return False
        elif not fits(wanted, at_path(attributes, name), groups):
            return False
    return True


def at_path(attributes: Attributes, path: str) -> Any:
    """The attribute, inside others where the path has dots; None where there is none."""
    found: Any = attributes
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def fits(wanted: Any, value: Any, groups: Groups = NO_GROUPS, *, fold: bool = False) -> bool:
    """Whether a value is what is wanted: a plain value, or an object of operators. ``fold``: regardless of case."""
    if isinstance(wanted, Mapping) and wanted and all(name.startswith("$") for name in wanted):
        return all(name in OPERATORS and OPERATORS[name](value, part, groups) for name, part in wanted.items())
    if isinstance(wanted, bool):
        return value is not None and bool(value) is wanted
    if isinstance(wanted, str):
        said = _as_text(value)
        return said.casefold() == wanted.casefold() if fold else said == wanted
    if isinstance(wanted, int | float):
        return _number(value) == wanted
    return value is None if wanted is None else same(value, wanted)


def same(one: Any, other: Any) -> bool:
    """Equal, and of one kind: true is not 1, and "2" is not 2."""
    if isinstance(one, Mapping | list | tuple) or isinstance(other, Mapping | list | tuple):
        return json.dumps(one) == json.dumps(other)
    return _type(one) == _type(other) and one == other


def _within(value: Any, some: Any, *, fold: bool = False) -> bool:
    """Whether the value, or one of its parts where it is a list, is among some."""
    if not isinstance(some, list | tuple):
        return False
    wanted = [_folded(each) for each in some] if fold else some
    parts = value if isinstance(value, list | tuple) else (value,)
    return any(same(_folded(part) if fold else part, each) for part in parts for each in wanted)


def _all(value: Any, wanted: Any, *, fold: bool = False) -> bool:
    """Whether the value is a list with everything wanted in it."""
    if not isinstance(value, list | tuple) or not isinstance(wanted, list | tuple):
        return False
    return all(any(fits(each, part, fold=fold) for part in value) for each in wanted)


def _matches(value: Any, wanted: Any, groups: Groups) -> bool:
    if not isinstance(value, list | tuple):
        return False
    if isinstance(wanted, Mapping) and wanted and all(name.startswith("$") for name in wanted):
        return any(fits(wanted, part, groups) for part in value)
    return any(isinstance(part, Mapping) and holds(wanted, part, groups) for part in value)


def _ordered(value: Any, wanted: Any, good: Callable[[Any, Any], bool]) -> bool:
    """Texts by their letters, all else as numbers, as JavaScript has it: what is missing counts as 0."""
    if isinstance(value, str) and isinstance(wanted, str):
        return good(value, wanted)
    return good(_number(value), _number(wanted))


def _type(value: Any) -> str:
    return "null" if value is None else TYPES.get(type(value), "object")


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _number(value: Any) -> float:
    if value is None or value == "":
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _compared(good: Callable[[Any, Any], bool]) -> Operator:
    return lambda value, wanted, _: _ordered(value, wanted, good)


def _versioned(good: Callable[[str, str], bool]) -> Operator:
    return lambda value, wanted, _: good(sortable(value), sortable(wanted))


JOINS: dict[str, Operator] = {
    "$and": lambda parts, attributes, groups: all(holds(part, attributes, groups) for part in parts),
    "$or": lambda parts, attributes, groups: not parts or any(holds(part, attributes, groups) for part in parts),
    "$nor": lambda parts, attributes, groups: not any(holds(part, attributes, groups) for part in parts),
    "$not": lambda part, attributes, groups: not holds(part, attributes, groups),
}
OPERATORS: dict[str, Operator] = {
    "$eq": lambda value, wanted, _: same(value, wanted),
    "$ne": lambda value, wanted, _: not same(value, wanted),
    "$lt": _compared(lambda value, wanted: value < wanted),
    "$lte": _compared(lambda value, wanted: value <= wanted),
    "$gt": _compared(lambda value, wanted: value > wanted),
    "$gte": _compared(lambda value, wanted: value >= wanted),
    "$veq": _versioned(lambda value, wanted: value == wanted),
    "$vne": _versioned(lambda value, wanted: value != wanted),
    "$vlt": _versioned(lambda value, wanted: value < wanted),
    "$vlte": _versioned(lambda value, wanted: value <= wanted),
    "$vgt": _versioned(lambda value, wanted: value > wanted),
    "$vgte": _versioned(lambda value, wanted: value >= wanted),
    "$in": lambda value, wanted, _: _within(value, wanted),
    "$nin": lambda value, wanted, _: isinstance(wanted, list | tuple) and not _within(value, wanted),
    "$ini": lambda value, wanted, _: _within(value, wanted, fold=True),
    "$nini": lambda value, wanted, _: isinstance(wanted, list | tuple) and not _within(value, wanted, fold=True),
    "$inGroup": lambda value, wanted, groups: _within(value, groups.get(wanted, ())),
    "$notInGroup": lambda value, wanted, groups: not _within(value, groups.get(wanted, ())),
    "$all": lambda value, wanted, _: _all(value, wanted),
    "$alli": lambda value, wanted, _: _all(value, wanted, fold=True),
    "$exists": lambda value, wanted, _: (value is not None) is bool(wanted),
    "$type": lambda value, wanted, _: _type(value) == wanted,
    "$size": lambda value, wanted, groups: isinstance(value, list | tuple) and fits(wanted, len(value), groups),
    "$elemMatch": _matches,
    "$not": lambda value, wanted, groups: not fits(wanted, value, groups),
}
