"""Experiments as their log tells of them: what each is now, and how it came to that."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from msgspec import to_builtins

from domain.event import Event
from domain.experiment import Design, Experiment
from projections.experiment import STATES
from projections.moment import millis

TOLD = ("coverage", "buckets", "variant", "reason", "counts", "p_value")


@dataclass(frozen=True, slots=True)
class Change:
    """``does``: designed, started, ramped, reweighted, paused, resumed, shipped, stopped or mismatch_found; ``to``: its
    fields; ``by``: who asked for it, "" where that was not told."""

    at_ms: int
    does: str
    to: dict[str, Any]
    by: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """``coverage`` in 10,000ths; ``design`` with the shares that hold now; ``history``: the first change first."""

    key: str
    state: str
    coverage: int
    shipped: str | None
    design: Design
    history: tuple[Change, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "key": self.key,
            "state": self.state,
            "coverage": self.coverage,
            "shipped": self.shipped,
            "design": self.design.model_dump(mode="json"),
            "history": to_builtins(self.history),
        }


def experiments_of(events: Iterable[Event]) -> list[Told]:
    """All that there ever were, by key, from their events in order."""
    found: dict[Any, Told] = {}
    for fact in events:
        if isinstance(fact, Experiment.Event):
            found[fact.originator_id] = _after(found.get(fact.originator_id), fact)
    return sorted(found.values(), key=lambda each: each.key)


def _after(before: Told | None, fact: Any) -> Told:
    if before is None:
        to = {"seed": fact.seed, "buckets": {variant.name: variant.buckets for variant in fact.design.variants}}
        return Told(fact.key, STATES[type(fact)], 0, None, fact.design, (_change(fact, to),))
    design = before.design
    if isinstance(fact, Experiment.Reweighted):
        design = design.reweighted(fact.buckets)
    to = {name: getattr(fact, name) for name in TOLD if hasattr(fact, name)}
    return Told(
        before.key,
        STATES.get(type(fact), before.state),
        to.get("coverage", before.coverage),
        to.get("variant", before.shipped),
        design,
        (*before.history, _change(fact, to)),
    )


def _change(fact: Any, to: dict[str, Any]) -> Change:
    return Change(millis(fact.occurred_at), fact.TOPIC.partition(".")[2], to, fact.actor)
