"""On random logs with refunds, merges, unmerges, erasures and late events: what is folded as it comes is what is folded
anew, the books balance, and every restatement is explained to the cent. ``BESPOKE_LOGS``: how many logs."""

import os
from random import Random
from uuid import UUID

import pytest

from domain.customer import Customer
from projections.attribution.models import MODELS
from projections.attribution.rules import Rules
from projections.attribution.stages import ORDER, trails
from projections.attribution.trail import Trail
from projections.moment import millis
from queries.attribution_report import Asked, AttributionReport, report
from queries.attribution_restatement import CREDIT, Caused, difference, figures, restated, summed
from tests.projections.attribution.random_logs import START, Log, Writer, cut, net

LOGS = int(os.environ.get("BESPOKE_LOGS", "40"))
DAY_MS = 86_400_000


def _asked(seed: int) -> tuple[Asked, tuple[int, int]]:
    chance = Random(seed)
    begin, end = sorted(chance.sample(range(45), 2))
    models = ("last-non-direct", *chance.sample(MODELS, 3))
    rules = Rules(lookback_ms=chance.choice((2, 30)) * DAY_MS, once=chance.random() < 0.7, shown=chance.random() < 0.7)
    from_ms = millis(START)
    return Asked(tuple(dict.fromkeys(models)), from_ms + begin * DAY_MS, from_ms + end * DAY_MS, rules), (begin, end)


def _balanced(log: Log, until: int, made: AttributionReport, period: tuple[int, int]) -> None:
    for each in made.currencies:
        money = each.money
        assert money.net == net(log, until, each.currency, period)
        assert money.credited + money.unattributed + money.erased == money.net
        for model in each.models:
            assert sum(channel.cents for channel in model.channels) == money.credited


def _erased_by(log: Log, until: int) -> set[UUID]:
    return {event.originator_id for event in log.events[:until] if isinstance(event, Customer.CustomerErased)}


def drill(seed: int) -> list[str]:
    """One log; which causes changed a figure."""
    changed: list[str] = []
    log = Writer(seed).write(60)
    asked, period = _asked(seed)
    growing: dict[UUID, Trail] = {}
    so_far, published, was = 0, None, None
    for until in cut(log, Random(seed), 3):
        # as it comes: each event as it was recorded, long before a later erasure
        for event in log.events[so_far:until]:
            growing.setdefault(event.originator_id, Trail()).take([event, event])
        by_now = _erased_by(log, until)
        anew = report(trails(log.streams(until, by_now)), (until,), asked)
        assert report(growing, (until,), asked) == anew
        _balanced(log, until, anew, period)
        if published is not None and was is not None:
            before = log.streams(so_far, by_now)
            later = {s: events[len(before.get(s, ())) :] for s, events in log.streams(until, by_now).items()}
            later = {stream: events for stream, events in later.items() if events}
            made, told = restated(figures(published), (was,), trails(before), before, later, (until,), asked)
            assert made == anew
            whole = difference(figures(published), figures(made))
            assert told.total() == {(c.currency, c.model, c.heading): c.cents for c in whole}
            assert sum(each.events for each in told.causes) == until - so_far
            _complete(told.causes)
            changed += [str(each.cause) for each in told.causes if each.changes]
        published, was, so_far = anew, until, until
    return changed


def _complete(causes: tuple[Caused, ...]) -> None:
    """Each cause's amounts balance too: what a model credits, unattributed and erased make up the net revenue."""
    for cause in causes:
        found = summed([cause.changes])
        for currency in {key[0] for key in found}:
            fixed = {heading: cents for (c, model, heading), cents in found.items() if c == currency and not model}
            rest = fixed.get("net revenue", 0) - fixed.get("unattributed", 0) - fixed.get("erased revenue", 0)
            for model in {key[1] for key in found if key[0] == currency and key[1]}:
                credited = [v for (c, m, h), v in found.items() if (c, m) == (currency, model) and h.startswith(CREDIT)]
                assert sum(credited) == rest


@pytest.mark.parametrize("seed", range(LOGS))
def test_random_logs(seed: int) -> None:
    drill(seed)


def test_every_cause_is_met() -> None:
    assert {cause for seed in range(12) for cause in drill(seed)} == {str(each) for each in ORDER}
