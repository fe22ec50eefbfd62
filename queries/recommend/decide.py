"""From what was asked, a record and a snapshot to a decision: all steps in their order. Pure: no clock, no server; the
same input gives the same bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

import numpy as np

from ml.sequences import Floats, Rows
from queries.recommend.ask import Ask
from queries.recommend.candidates import SOURCES, among
from queries.recommend.decision import Decision, Reason, Shown
from queries.recommend.diversity import pick
from queries.recommend.encodings import Encodings
from queries.recommend.exploring import Explored, drawn, explore
from queries.recommend.finding import find, find_popular, hidden
from queries.recommend.heard import Heard
from queries.recommend.inventory import damping
from queries.recommend.matching import matching
from queries.recommend.numerics import NUMERICS
from queries.recommend.objectives import worth
from queries.recommend.placements import Scope, Source
from queries.recommend.plan import Plan, plan
from queries.recommend.reasons import Explainer, Told, strongest
from queries.recommend.ruling import Ruling, rule
from queries.recommend.scoring import Relevance, counted, learned
from queries.recommend.serving import Serving
from queries.recommend.subject import Subject
from queries.recommend.trace import Trace


class Rung(StrEnum):
    """How much of the work is done: all; no objectives, exploration or diversity; an earlier answer again; what is
    popular."""

    FULL = "full"
    PLAIN = "plain"
    CACHED = "cached"
    POPULAR = "popular"


@dataclass(frozen=True, slots=True)
class Without:
    """What a counterfactual leaves out: a rule by its key, a member of the blend by its name, exploration."""

    rule: str | None = None
    model: str | None = None
    exploration: bool = False


EVERYTHING = Without()


def float32(number: float) -> bytes:
    """As a receipt has it: 4 bytes, little endian."""
    return np.asarray(number, "<f4").tobytes()


CERTAIN = float32(1.0)
NO_ROWS: Rows = np.zeros(0, np.int32)
#: An enumeration's own ``value`` is looked up slowly.
_WORDS: Mapping[str, str] = {each: each.value for kind in (Source, Reason) for each in kind}
_EXPLORE = SOURCES.index(Source.EXPLORE)


def decide(
    serving: Serving,
    ask: Ask,
    subject: Subject,
    *,
    rung: Rung = Rung.FULL,
    arms: Mapping[str, str] | None = None,
    without: Without = EVERYTHING,
    encodings: Encodings | None = None,
    trace: Trace | None = None,
    degraded: tuple[str, ...] = (),
) -> Decision:
    """``arms``: as a receipt has them, to make its decision again; None assigns them now. Raises KeyError for a
    placement that there is none of."""
    planned = plan(serving, ask, subject, arms)
    tried = _tried(serving, ask, planned, rung, without)
    heard = None if rung is Rung.POPULAR else (encodings or Encodings()).of(planned, subject)
    found = find_popular(serving, ask, planned) if rung is Rung.POPULAR else find(serving, ask, planned, heard, tried)
    said = _relevance(serving, planned, heard, found.rows, without)
    value = _value(serving, ask, planned, found.rows, said.probability, rung, trace)
    ruled = rule(serving, planned, found, value, frozenset(hidden(planned)), without.rule, trace)
    explored = _explored(serving, ask, planned, ruled, tried)
    places = _picked(serving, ask, planned, ruled, explored, rung)
    if trace is not None:
        _traced(serving, trace, found.rows, found.sources, said, ruled)
    return Decision(
        ask.decision_id,
        ask.placement,
        ask.at_ms,
        ask.limit,
        subject.person_id,
        subject.streams,
        serving.generations,
        rung.value,
        dict(planned.arms),
        _items(serving, planned, said, ruled, places, explored),
        ask.item,
        ask.skus,
        ask.category,
        ask.store,
        ask.device,
        ask.channel,
        degraded,
        _digest(serving, ruled.found.rows, ruled.value),
        NUMERICS,
        opted_out=ask.opted_out,
    )


def _tried(serving: Serving, ask: Ask, planned: Plan, rung: Rung, without: Without) -> Rows:
    """Rows of the arms that this decision may try."""
    if serving.explorer is None or rung is not Rung.FULL or without.exploration or not planned.recipe.explore:
        return NO_ROWS
    return drawn(serving.explorer, ask.decision_id)


def _relevance(serving: Serving, planned: Plan, heard: Heard | None, rows: Rows, without: Without) -> Relevance:
    if planned.learned is None or heard is None:
        return counted(serving, planned.past, rows)
    return learned(planned.learned, heard.encoded, rows, planned.changes.members or None, without.model)


def _value(
    serving: Serving,
    ask: Ask,
    planned: Plan,
    rows: Rows,
    probability: Floats,
    rung: Rung,
    trace: Trace | None,
) -> Floats:
    """(K,) what to order by: what each is worth, more where it goes with what is shown, damped where few are left."""
    shelf, weights = serving.assortment, planned.weights
    value = worth(shelf, rows, probability, weights) if rung is Rung.FULL else probability
    if trace is not None:
        trace.layer("probability", rows, probability)
        trace.layer("objectives", rows, value)
    if planned.recipe.match and len(planned.seeds):
        value = value * (1 + np.float32(weights.match) * matching(shelf, rows, planned.seeds))
    value = np.asarray(value * damping(shelf, rows, ask.store, weights.low_stock), np.float32)
    if trace is not None:
        trace.layer("inventory", rows, value)
    return value


def _explored(serving: Serving, ask: Ask, planned: Plan, ruled: Ruling, tried: Rows) -> dict[int, Explored]:
    """Place among the candidates → what the bandit chose for a slot; what rules pin, and where, is theirs."""
    if not len(tried):
        return {}
    slots = [slot for slot in planned.recipe.explore if slot not in ruled.pins]
    rows = ruled.found.rows
    free = np.delete(rows, list(ruled.pins.values())) if ruled.pins else rows
    chosen = explore(serving, ask, planned.record, tried[among(tried, free)], slots)
    return {int(np.flatnonzero(rows == one.row)[0]): one for one in chosen}


def _picked(
    serving: Serving, ask: Ask, planned: Plan, ruled: Ruling, explored: Mapping[int, Explored], rung: Rung
) -> list[int]:
    full = rung is Rung.FULL and planned.recipe.scope is not Scope.HITS
    value = ruled.value
    if explored:  # what was found to be tried and is not stands last
        tried = ruled.found.sources == _EXPLORE
        value = np.where(tried, np.float32(0), value)
    return pick(
        serving.assortment,
        ruled.found.rows,
        value,
        limit=ask.limit,
        weight=planned.weights.diversity if full else 0.0,
        cap=planned.recipe.cap if full else 0,
        caps=ruled.caps,
        pins={one.slot: place for place, one in explored.items()} | ruled.pins,
    )


def _items(
    serving: Serving,
    planned: Plan,
    said: Relevance,
    ruled: Ruling,
    places: list[int],
    explored: Mapping[int, Explored],
) -> tuple[Shown, ...]:
    at_ = np.array(places, np.intp)
    skus, rows = serving.assortment.skus, ruled.found.rows.take(at_).tolist()
    sources = [SOURCES[code] for code in ruled.found.sources.take(at_).tolist()]
    members = strongest(said.names, said.parts, ruled.origin.take(at_))
    explainer = Explainer(serving, planned.past.latest(), frozenset(planned.seeds.tolist()), rows)
    scores, pinned = ruled.value.take(at_).astype("<f4").tobytes(), set(ruled.pins.values())
    items = []
    for at, (place, row, source, member) in enumerate(zip(places, rows, sources, members, strict=True)):
        propensity, among = CERTAIN, 0
        if place in explored:
            source, told, among = Source.EXPLORE, Told(Reason.EXPLORE), explored[place].among
            propensity = float32(explored[place].propensity)
        elif place in pinned:
            told = Told(Reason.FEATURED)
        else:
            source = Source.POPULAR if source is Source.EXPLORE else source
            told = explainer.told(at, row, source, member)
        because = skus[told.because] if told.because >= 0 else None
        score = scores[4 * at : 4 * at + 4]
        items.append(Shown(skus[row], score, propensity, _WORDS[source], _WORDS[told.reason], because, among))
    return tuple(items)


def _traced(serving: Serving, trace: Trace, rows: Rows, sources: np.ndarray, said: Relevance, ruled: Ruling) -> None:
    for row, source in zip(rows.tolist(), sources.tolist(), strict=True):
        trace.say(row, "candidates", f"found by {SOURCES[source].value}")
    for name, part in zip(said.names, said.parts, strict=False):
        trace.layer(f"model {name}", rows, part)
    trace.layer("rules", ruled.found.rows, ruled.value)


def _digest(serving: Serving, rows: Rows, value: Floats) -> bytes:
    """Of all candidates and what each is worth, in canonical order."""
    ties = serving.assortment.tie[rows].astype("<u8").tobytes()
    return blake2b(ties + value.astype("<f4").tobytes(), digest_size=16).digest()
