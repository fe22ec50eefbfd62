"""A rule, a set of rules, and how a set is read, written and named by its content."""

import json
from collections import Counter
from hashlib import blake2b
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator

from domain.merchandising.actions import Action
from domain.merchandising.conditions import DEEPEST, MOST_PARTS, Condition
from domain.merchandising.problems import Problem, RulesError, told
from domain.merchandising.values import Lean, RuleKey
from domain.values import Text

MOST_RULES = 200
MOST_BYTES = 256 * 1024
#: How deeply what is read may be nested, as JSON: conditions, and what they and their actions are made of.
MOST_NESTED = 2 * DEEPEST + 8
_DIGEST_BYTES = 16


class Rule(Lean):
    """When ``when`` holds, ``then`` is done. ``priority``: the higher one wins a slot; of equal ones the first key."""

    key: RuleKey
    title: Text | None = None
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    then: Action
    when: Annotated[Condition, Field(validate_default=True)] = Condition()

    @field_validator("when")
    @classmethod
    def _bounded(cls, when: Condition, info: ValidationInfo) -> Condition:
        if when.depth > DEEPEST:
            raise ValueError(f"is nested deeper than {DEEPEST}")
        if when.parts > MOST_PARTS:
            raise ValueError(f"says more than {MOST_PARTS} things")
        then = info.data.get("then")
        if isinstance(then, Action) and not then.chooses and not when.of_items:
            raise ValueError("must say which items")
        return when


def _distinct(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    twice = sorted(key for key, times in Counter(rule.key for rule in rules).items() if times > 1)
    if twice:
        raise ValueError(f"have a key twice: {', '.join(twice)}")
    return rules


Rules = Annotated[tuple[Rule, ...], Field(max_length=MOST_RULES), AfterValidator(_distinct)]


class RuleSet(Lean):
    """Rules that are published together. Their order is of no matter."""

    rules: Rules = ()

    @property
    def digest(self) -> str:
        """What they are, as 32 hexadecimal digits; "" where there are none."""
        return digest_of(self.rules)

    def without(self, keys: frozenset[str]) -> Self:
        """The other rules."""
        return type(self)(rules=tuple(rule for rule in self.rules if rule.key not in keys))


def canonical(rules: tuple[Rule, ...]) -> bytes:
    """The rules as JSON, by key: the same bytes for the same rules in any order, whatever defaults a later version
    adds."""
    by_key = sorted(rules, key=lambda rule: rule.key)
    plain = [rule.model_dump(mode="json", exclude_defaults=True) for rule in by_key]
    return json.dumps({"rules": plain}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(rules: tuple[Rule, ...]) -> str:
    """The hash of ``canonical``; "" for no rules."""
    return blake2b(canonical(rules), digest_size=_DIGEST_BYTES).hexdigest() if rules else ""


def read(given: object) -> RuleSet:
    """Rules from plain data: ``{"rules": [...]}`` or the list alone. Raises RulesError."""
    given = {"rules": given} if isinstance(given, list) else given
    if _nesting(given) > MOST_NESTED:
        raise RulesError(Problem("rules", "nested too deeply"))
    try:
        return RuleSet.model_validate(given)
    except ValidationError as error:
        raise told(error, given) from None


def read_json(text: bytes) -> RuleSet:
    """Rules from JSON in UTF-8. Raises RulesError."""
    if len(text) > MOST_BYTES:
        raise RulesError(Problem("rules", f"larger than {MOST_BYTES} bytes"))
    try:
        given = json.loads(text, object_pairs_hook=_once)
    except RulesError:
        raise
    except (ValueError, RecursionError):
        raise RulesError(Problem("rules", "not JSON")) from None
    return read(given)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RulesError(Problem("rules", "an object has a name twice"))
    return found


def _nesting(given: object) -> int:
    """How many objects and lists are in one another, by layers, so that no depth is too deep to be told."""
    layer, depth = [given], 0
    while layer := [one for one in layer if isinstance(one, dict | list | tuple)]:
        depth += 1
        if depth > MOST_NESTED:
            break
        layer = [part for one in layer for part in (one.values() if isinstance(one, dict) else one)]
    return depth
