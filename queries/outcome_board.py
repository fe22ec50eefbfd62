"""The outcome board: conversion, order value, repeat rate, cart abandonment and lifetime value by arm. Measured from
the persons who were exposed, never claimed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.ltv import bgnbd, gamma_gamma, value
from ml.ltv.summary import summarise
from projections.experiments import exposed
from projections.experiments.analysis import MEAN, Metric, Options, Report, analyse
from projections.experiments.exposed import ORDER, Person, Rules
from projections.experiments.moments import of_values

LTV = "ltv"
BOARD = ("conversion", "order_value", "repeat_rate", "cart_abandonment", LTV)
WEEK = 7.0


@dataclass(frozen=True, slots=True)
class Board:
    """``crossed``: arms → persons left out, for they were exposed to all of them. ``notes``: what could not be
    measured, and why."""

    report: Report
    crossed: Mapping[tuple[str, ...], int]
    notes: tuple[str, ...]


def board(persons: Sequence[Person], rules: Rules, options: Options, today: int, ahead_weeks: float = 52.0) -> Board:
    """As of the day ``today`` (days since 1970). Lifetime value: what a person who was exposed will buy for within
    ``ahead_weeks``, in cents, 0 for who never bought, so that no arm is judged by its buyers alone. One model is learnt
    from the buyers of all arms; its own uncertainty is not in the interval. Raises ValueError as ``analyse`` does."""
    totals = exposed.fold(persons, rules)
    known = [metric for metric in exposed.metrics(totals) if metric.name in BOARD]
    notes: tuple[str, ...] = ()
    try:
        known.append(_ltv(persons, rules, today, ahead_weeks))
    except ValueError as error:
        notes = (f"no lifetime value: {error}",)
    return Board(analyse(known, exposed.counts(totals), options), totals.crossed, notes)


def _ltv(persons: Iterable[Person], rules: Rules, today: int, ahead_weeks: float) -> Metric:
    arms: list[str] = []
    rows: list[tuple[int, int, int]] = []
    for person in persons:
        seen = {arm for at, arm in person.exposures if rules.until_ms is None or at < rules.until_ms}
        if len(seen) == 1:
            rows += [(len(arms), day, cents) for day, cents in _bought(person, today)]
            arms += seen
    if not rows:
        raise ValueError("nobody bought")
    customers, days, cents = (np.array(column) for column in zip(*rows, strict=True))
    summary = summarise(customers, days, cents.astype(np.float64), today, WEEK)
    worth = np.zeros(len(arms))
    worth[np.unique(customers)] = value.residual(bgnbd.fit(summary), gamma_gamma.fit(summary), summary, ahead_weeks)
    of = np.array(arms)
    return Metric(LTV, {arm: of_values(worth[of == arm]) for arm in sorted(set(arms))}, kind=MEAN)


def _bought(person: Person, today: int) -> list[tuple[int, int]]:
    """(day, cents) of the orders up to today."""
    orders = ((each.at_ms // exposed.DAY_MS, each.cents) for each in person.outcomes if each.kind == ORDER)
    return [each for each in orders if each[0] <= today]
