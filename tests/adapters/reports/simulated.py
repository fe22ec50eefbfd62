"""Experiments whose persons are drawn, for tests of what reports look like."""

import random
from collections.abc import Sequence
from functools import cache
from uuid import UUID

from adapters.reports import plain
from adapters.reports.experiment import document
from domain.design import Design, Variant
from projections.experiments.exposed import CART, DAY_MS, ORDER, REFUND, SHOWN, VIEW, Outcome, Person
from projections.experiments.places import Showing
from queries.experiment_report import Asked, ExperimentReport, report
from queries.experiments import Change, Told
from queries.explored_places import Choice, Chosen
from queries.reports import Document

START = 20_570 * DAY_MS
UNTIL = START + 14 * DAY_MS
RATES = {"control": 0.2, "bold": 0.5, "<b>shy</b>": 0.2}


def persons(arms: Sequence[str], many: int = 600, seed: int = 5, control: float = 0.0) -> list[Person]:
    """In equal shares, but for ``control`` of all who come to the first arm besides."""
    chance = random.Random(seed)
    found = []
    for number in range(many):
        arm = arms[0] if chance.random() < control else arms[number % len(arms)]
        at = START + chance.randrange(10 * DAY_MS)
        done = [Outcome(at, SHOWN), Outcome(at + 1, VIEW)]
        if chance.random() < 0.5:
            done.append(Outcome(at - DAY_MS, VIEW))
        if chance.random() < 0.3:
            done.append(Outcome(at + 2, CART))
        if chance.random() < RATES[arm]:
            done.append(Outcome(at + 3, ORDER, chance.randrange(1_000, 9_000)))
            done += [Outcome(at + DAY_MS, REFUND, 900)] if chance.random() < 0.1 else []
        channel = ("web", "web", "app")[number % 3]
        shown = Showing(at + 1, UUID(int=number), "A", number % 4 == 1)
        found.append(Person(((at, arm),), tuple(sorted(done, key=lambda each: each.at_ms)), channel, (shown,)))
    return [*found, Person(((START, arms[0]), (START + 5, arms[1])), (), "web")]


def chosen(people: Sequence[Person]) -> Chosen:
    """By bandits of four items, and one receipt that cannot be read."""
    first = [(each.exposures[0][1], each.showings[0]) for each in people if each.showings]
    chances = {(shown.decision, shown.sku): Choice(arm, 0.2 + shown.at_ms % 5 / 10, 4) for arm, shown in first}
    return Chosen(chances, unread=1)


def told(arms: Sequence[str], state: str = "running") -> Told:
    """As its log would tell of it."""
    shares = tuple(Variant(name=arm, buckets=10_000 // len(arms)) for arm in arms)
    design = Design(
        hypothesis="A bolder hero <i>sells</i> more",
        primary_metric="conversion",
        guardrail_metrics=("refunds",),
        minimum_effect=0.05,
        variants=shares,
    )
    history = (
        Change(START - DAY_MS, "designed", {}),
        Change(START, "started", {"coverage": 5_000}),
        Change(START + DAY_MS, "ramped", {"coverage": 10_000}),
    )
    return Told("hero", state, 10_000, None, design, history)


@cache
def made(arms: tuple[str, ...] = ("control", "bold"), control: float = 0.0) -> ExperimentReport:
    """A report."""
    people = persons(arms, control=control)
    return report(told(arms), people, Asked(UNTIL), chosen(people))


@cache
def drawn(arms: tuple[str, ...] = ("control", "bold"), control: float = 0.0) -> Document:
    """With its charts."""
    return document(plain.experiment(made(arms, control), (812, 4), UNTIL, "EUR"))
