"""What applies to a request before anything is scored: how far the person may be known, arms, recipe and model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from domain.values import Channel, Purpose
from ml.sequences import Rows
from queries.recommend.ask import Ask
from queries.recommend.candidates import given
from queries.recommend.changes import NO_CHANGES, Changes
from queries.recommend.history import Past, past, shown
from queries.recommend.placements import RECIPES, Recipe
from queries.recommend.serving import Learned, Serving
from queries.recommend.situation import Situation, situation_of
from queries.recommend.subject import STRANGER, Subject
from queries.recommend.weights import Weights
from readmodels.consent import may, objected
from readmodels.customer import CustomerRecord

T = TypeVar("T", Recipe, Weights)


@dataclass(frozen=True, slots=True)
class Plan:
    """``record``: the person's, or a stranger's where personalisation was withdrawn. ``past``: what counts of it, with
    what the page shows as the latest; ``seeds``: rows that the page shows. ``situation``: what rules ask of the request
    and the person; None where there are no rules. ``changes``: what arms change."""

    record: CustomerRecord
    past: Past
    seeds: Rows
    situation: Situation | None
    recipe: Recipe
    weights: Weights
    learned: Learned | None
    arms: Mapping[str, str]
    changes: Changes = NO_CHANGES


def plan(serving: Serving, ask: Ask, subject: Subject, arms: Mapping[str, str] | None = None) -> Plan:
    """``arms``: as a receipt has them, None to assign them now. Raises KeyError for a placement there is none of."""
    if ask.opted_out:
        subject = replace(subject, record=objected(subject.record, ask.at_ms))
    free = may(subject.record, Purpose.PERSONALISATION, medium_of(ask), ask.at_ms)
    record = subject.record if free else STRANGER
    if arms is None:
        arms = serving.experiments.arms(subject, ask) if serving.experiments else {}
    changes = serving.experiments.changes(arms) if serving.experiments else NO_CHANGES
    shipped = serving.experiments.shipped if serving.experiments else {}
    learned = serving.others.get(changes.model, serving.learned) if changes.model else serving.learned
    recipe = changed(RECIPES[ask.placement], changes.placements.get(ask.placement))
    seeds = given(serving.assortment, seeds_of(ask, recipe))
    return Plan(
        record,
        shown(past(record, subject.record, serving.assortment), seeds, in_cart=recipe.cart),
        seeds,
        situation_of(ask, subject.record, {**shipped, **arms}) if serving.rules and serving.rules.ready else None,
        recipe,
        changed(serving.weights, changes.weights),
        learned,
        arms,
        heeded(changes, learned),
    )


def medium_of(ask: Ask) -> Channel | None:
    """Where the answer will stand; None where it was not said, so that what holds anywhere counts."""
    return Channel(ask.channel) if ask.channel in set(Channel) else None


def heeded(changes: Changes, learned: Learned | None) -> Changes:
    """Without weights of members that this model has none of: it would have nobody to listen to."""
    if not changes.members or (learned and any(changes.members.get(name) for name in learned.scorer.names)):
        return changes
    return replace(changes, members={})


def seeds_of(ask: Ask, recipe: Recipe) -> list[str]:
    """SKUs that the page shows: those in the cart, and the item whose page it is, as the latest."""
    return [*(ask.skus if recipe.seed else ()), *((ask.item,) if ask.item else ())]


def changed(value: T, changes: Mapping[str, object] | None) -> T:
    """The same with some fields changed; as it was where they cannot be."""
    if not changes:
        return value
    try:
        return msgspec.convert(msgspec.structs.asdict(value) | dict(changes), type(value))
    except msgspec.ValidationError:
        return value
