"""The rules' part in a decision."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Floats
from queries.recommend.candidates import SOURCES, Found
from queries.recommend.diversity import Cap
from queries.recommend.placements import Source
from queries.recommend.plan import Plan
from queries.recommend.rules import Ruled, apply
from queries.recommend.serving import Serving
from queries.recommend.trace import Judged, Trace

_GIVEN = SOURCES.index(Source.GIVEN)
#: What comes after all others is worth so much less, in the order of its own.
_LAST = np.float32(1e-6)


@dataclass(frozen=True, slots=True)
class Ruling:
    """Candidates and what they are worth after the rules: without those that are filtered, with those that pins bring,
    which are worth 0. ``origin``:
    each one's place before, -1 for what pins bring. ``pins``: slot (from 0) → place."""

    found: Found
    value: Floats
    origin: NDArray[np.intp]
    pins: dict[int, int]
    caps: list[Cap]


def rule(
    serving: Serving,
    plan: Plan,
    found: Found,
    value: Floats,
    hidden: frozenset[int],
    without: str | None,
    trace: Trace | None,
) -> Ruling:
    """``hidden``: rows that no pin may bring. ``without``: a rule's key that is left out."""
    if serving.rules is None or not serving.rules.ready:
        if trace is not None:
            trace.judged += [
                Judged(row, float(score), ()) for row, score in zip(found.rows.tolist(), value, strict=True)
            ]
        return Ruling(found, value, np.arange(len(value)), {}, [])
    assert plan.situation is not None
    off = plan.changes.rules_off | ({without} if without else frozenset())
    ruled = apply(serving.rules, found.rows.astype(np.intp), value, plan.situation, without=off, hidden=hidden)
    if trace is not None:
        _told(trace, ruled, value)
    return settled(ruled, found.sources, value, serving.assortment.tie)


def settled(ruled: Ruled, sources: NDArray[np.int8], value: Floats, tie: NDArray[np.uint64]) -> Ruling:
    """What is left, in canonical order again. ``sources`` and ``value`` are of the candidates alone."""
    extra = len(ruled.rows) - len(value)
    worth = np.concatenate((value, np.zeros(extra, np.float32))) * ruled.factor
    worth = np.where(ruled.last, worth * _LAST, worth).astype(np.float32)
    sources = np.concatenate((sources, np.full(extra, _GIVEN, np.int8)))
    keep = np.flatnonzero(ruled.keep)
    if extra:
        keep = keep[np.argsort(tie[ruled.rows[keep]], kind="stable")]
    place = np.full(len(ruled.rows), -1)
    place[keep] = np.arange(len(keep))
    return Ruling(
        Found(ruled.rows[keep].astype(np.int32), sources[keep]),
        worth[keep],
        np.where(keep < len(value), keep, -1),
        {pin.slot - 1: int(place[pin.place]) for pin in ruled.pins},
        [Cap(cap.groups[keep], cap.at_most) for cap in ruled.caps],
    )


def _told(trace: Trace, ruled: Ruled, value: Floats) -> None:
    for place, row in enumerate(ruled.rows.tolist()):
        effects = ruled.effects(place)
        trace.judged.append(Judged(row, float(value[place]) if place < len(value) else 0.0, effects))
        for effect in effects:
            amount = "" if effect.amount is None else f" {effect.amount:g}"
            trace.say(row, f"rule {effect.rule}", f"{effect.does}{amount}")
