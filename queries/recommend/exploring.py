"""Exploration: some places of an answer are filled by Thompson sampling, and the chance of each choice is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from ml.bandit.context import Context
from ml.bandit.philox import normals, words
from ml.bandit.propensity import Race, chances, others
from ml.sequences import Rows
from queries.customer import intent
from queries.recommend.ask import Ask
from queries.recommend.serving import Explorer, Serving
from readmodels.customer import CustomerRecord
from readmodels.features import DAY_MS, HOUR_MS

#: Among so many arms a choice is made: the chance of it is an integral over all of them.
ARMS = 24
DRAW = b"arms"
#: The weekday of the first day of 1970, Monday being 0.
THURSDAY = 3


@dataclass(frozen=True, slots=True)
class Explored:
    """``row`` of the assortment for the place ``slot``; ``propensity``: the chance that it had of standing there, where
    ``among`` could have."""

    slot: int
    row: int
    propensity: float
    among: int


def context_of(ask: Ask, record: CustomerRecord) -> Context:
    """The moment as the bandit knows it: UTC, the request's device or the one seen last, what the session is for."""
    hour, weekday = ask.at_ms // HOUR_MS % 24, (ask.at_ms // DAY_MS + THURSDAY) % 7
    device, location = ask.device or _said(record, "device"), ask.store or _said(record, "location")
    return Context.of(hour, weekday, device, location, intent(record))


def _said(record: CustomerRecord, name: str) -> str | None:
    latest = record.context.get(name)
    return None if latest is None else latest.value


def drawn(explorer: Explorer, decision_id: UUID) -> Rows:
    """Rows of the assortment of at most ``ARMS`` arms that are on sale, drawn for this decision: any of them may be
    tried, whatever their number."""
    arms = explorer.sold
    if len(arms) > ARMS:
        lots = words(str(decision_id), len(explorer.rows), DRAW).take(arms)
        arms = np.sort(arms[np.argpartition(lots, ARMS)[:ARMS]])
    return np.asarray(explorer.rows.take(arms), np.int32)


def explore(serving: Serving, ask: Ask, record: CustomerRecord, allowed: Rows, slots: Sequence[int]) -> list[Explored]:
    """Thompson sampling for each slot, among the arms that are ``allowed`` (rows of the assortment, in any order) and
    not chosen yet; none without a bandit. An arm's draw depends on the decision, the slot and its place among them."""
    explorer = serving.explorer
    slots = [slot for slot in slots if slot < ask.limit]
    if explorer is None or not slots or not len(allowed):
        return []
    free = np.sort(explorer.arm_of.take(allowed))
    means, deviations = (moments.take(free) for moments in explorer.moments(context_of(ask, record)))
    rows, races = list[int](), list[Race]()
    for slot in slots[: len(free)]:
        draws = means + deviations * normals(f"{ask.decision_id}/{slot}", len(free))
        best = int(draws.argmax())
        rows.append(int(explorer.rows[free[best]]))
        races.append(Race(means, deviations, best))
        left = others(len(free), best)
        free, means, deviations = free.take(left), means.take(left), deviations.take(left)
    rivals = (len(race.means) for race in races)
    return [Explored(*one) for one in zip(slots, rows, chances(races), rivals, strict=False)]
