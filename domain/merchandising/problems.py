"""What is wrong with rules: the rule and the field by name, never a value."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_OURS = "Value error, "
_SAID = {"extra_forbidden": "is not known here", "missing": "is needed", "recursion_loop": "is nested too deeply"}


class Problem(NamedTuple):
    """``field`` as in ``rules[winter-sale].when.price.max_cents``."""

    field: str
    reason: str


class RulesError(ValueError):
    """These rules cannot be saved."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in problems))
        self.problems = problems


def told(error: ValidationError, given: object) -> RulesError:
    """The validation's errors by rule and field. ``given``: what was validated."""
    keys = _keys(given)
    wrong = error.errors(include_url=False, include_input=False)
    # What is left of a list without its wrong items may be too short; that is not told as well.
    inner = {one["loc"][:end] for one in wrong for end in range(len(one["loc"]))}
    first = [one for one in wrong if one["type"] != "too_short" or one["loc"] not in inner]
    return RulesError(*dict.fromkeys(Problem(_field(one["loc"], keys), _reason(one)) for one in first))


def _keys(given: object) -> list[str | None]:
    """Each rule's key, where it is one of which there is no other."""
    rules = given.get("rules") if isinstance(given, Mapping) else None
    if not isinstance(rules, Sequence):
        return []
    found = [rule.get("key") if isinstance(rule, Mapping) else None for rule in rules]
    good = [key if isinstance(key, str) and _KEY.fullmatch(key) else None for key in found]
    return [key if good.count(key) == 1 else None for key in good]


def _field(loc: tuple[int | str, ...], keys: list[str | None]) -> str:
    text = ""
    for place, part in enumerate(loc):
        if isinstance(part, int):
            rule = place == 1 and loc[0] == "rules" and part < len(keys)
            text += f"[{(keys[part] if rule else None) or part}]"
        else:
            text += "." * bool(text) + (part if _NAME.fullmatch(part) else "?")
    return text or "rules"


def _reason(wrong: Any) -> str:
    said = _SAID.get(wrong["type"], wrong["msg"]).removeprefix(_OURS)
    return f"{said[:1].lower()}{said[1:]}"
