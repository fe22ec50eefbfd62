"""What arms of experiments change for a request, and who assigns them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from queries.recommend.ask import Ask
from queries.recommend.subject import Subject


@dataclass(frozen=True, slots=True)
class Changes:
    """``weights``: fields of ``Weights``. ``members``: weights of the blend's members. ``placements``: placement →
    fields of its ``Recipe``. ``rules_off``: keys of rules. ``model``: digest of an artefact. ``price``: factor on
    list prices, 1 for none."""

    weights: Mapping[str, object] = field(default_factory=dict)
    members: Mapping[str, float] = field(default_factory=dict)
    placements: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    rules_off: frozenset[str] = frozenset()
    model: str | None = None
    price: float = 1.0


NO_CHANGES = Changes()


class Experiments(Protocol):
    """All that count for answers now."""

    @property
    def shipped(self) -> Mapping[str, str]:
        """Experiment → the variant that is for everybody."""

    def arms(self, subject: Subject, ask: Ask) -> Mapping[str, str]:
        """Experiment → variant, of all that the person is in."""

    def changes(self, arms: Mapping[str, str]) -> Changes:
        """What these arms change, and what is shipped, all of it together."""
