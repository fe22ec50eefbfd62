"""Exploration: some places of an answer are filled by Thompson sampling, and the chance of each choice is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import numpy as np

from ml.bandit.context import Context
from ml.bandit.philox import normals, words
from ml.bandit.propensity import chance, others
from ml.bandit.score import moments_of_some
from ml.sequences import Rows
from queries.customer import intent
from queries.recommend.ask import Ask
from queries.recommend.serving import Explorer, Serving
from readmodels.customer import CustomerRecord

#: Among so many arms a choice is made: the chance of it is an integral over all of them.
ARMS = 24
DRAW = b"arms"


@dataclass(frozen=True, slots=True)
class Explored:
    """``row`` of the assortment for the place ``slot``; ``propensity``: the chance that it had of standing there."""

    slot: int
    row: int
    propensity: float


def context_of(ask: Ask, record: CustomerRecord) -> Context:
    """The moment as the bandit knows it: UTC, the request's device or the one seen last, what the session is for."""
    at = datetime.fromtimestamp(ask.at_ms / 1000, UTC)
    said = {name: latest.value for name, latest in record.context.items()}
    device, location = ask.device or said.get("device"), ask.store or said.get("location")
    return Context.of(at.hour, at.weekday(), device, location, intent(record))


def drawn(explorer: Explorer, decision_id: UUID) -> Rows:
    """Rows of the assortment of at most ``ARMS`` arms that are on sale, drawn for this decision: any of them may be
    tried, whatever their number."""
    arms = explorer.sold
    if len(arms) > ARMS:
        lots = words(str(decision_id), len(explorer.rows), DRAW)[arms]
        arms = np.sort(arms[np.argpartition(lots, ARMS)[:ARMS]])
    return np.asarray(explorer.rows[arms], np.int32)


def explore(serving: Serving, ask: Ask, record: CustomerRecord, allowed: Rows, slots: Sequence[int]) -> list[Explored]:
    """Thompson sampling for each slot, among the arms that are ``allowed`` (rows of the assortment, in any order) and
    not chosen yet; none without a bandit. An arm's draw depends on the decision, the slot and its place among them."""
    explorer = serving.explorer
    slots = [slot for slot in slots if slot < ask.limit]
    if explorer is None or not slots or not len(allowed):
        return []
    arms = np.sort(explorer.arm_of[allowed])
    means, deviations = moments_of_some(explorer.scorer, arms, context_of(ask, record).vector)
    found, free = list[Explored](), arms
    for slot in slots[: len(arms)]:
        draws = means + deviations * normals(f"{ask.decision_id}/{slot}", len(free))
        best = int(draws.argmax())
        found.append(Explored(slot, int(explorer.rows[free[best]]), chance(means, deviations, best)))
        left = others(len(free), best)
        free, means, deviations = free[left], means[left], deviations[left]
    return found
