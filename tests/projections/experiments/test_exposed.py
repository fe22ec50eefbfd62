"""Persons, exposures and outcomes become an experiment's statistics."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from domain.customer import Customer
from domain.event import Event
from domain.values import Channel, Line
from projections.experiments.analysis import Options, analyse
from projections.experiments.exposed import (
    CART,
    CLICK,
    DAY_MS,
    ORDER,
    REFUND,
    SHOWN,
    VIEW,
    Outcome,
    Person,
    Rules,
    Totals,
    counts,
    fold,
    measured,
    metrics,
    outcomes,
)
from projections.experiments.verdict import verdict
from projections.moment import millis
from queries.outcome_board import BOARD, board

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
KINDS = (ORDER, REFUND, VIEW, CART, SHOWN, CLICK)


def event(kind: type[Customer.Event], stream: UUID, version: int, hours: int, **fields: Any) -> Event:
    at = START + timedelta(hours=hours)
    return kind(
        originator_id=stream,
        originator_version=version,
        timestamp=at,
        occurred_at=at,
        source_id=f"{version}",
        channel=Channel.WEB,
        **fields,
    )


def crowd(n: int, seed: int, lift: float = 0.0) -> list[Person]:
    chance = random.Random(seed)
    people = []
    for _ in range(n):
        arm = chance.choice(["a", "b"])
        start = chance.randrange(40, 60) * DAY_MS
        likes = chance.random() * (1 + lift * (arm == "b"))
        done = [
            Outcome(
                chance.randrange(20, 90) * DAY_MS, kind, chance.randrange(1, 9999) if kind in (ORDER, REFUND) else 0
            )
            for kind in KINDS
            for _ in range(chance.randrange(4))
            if chance.random() < likes
        ]
        other = ((start + DAY_MS, "b" if arm == "a" else "a"),) if chance.random() < 0.05 else ()
        people.append(Person(((start, arm), *other), tuple(done)))
    return people


def test_what_a_person_did_from_all_streams_and_none_twice() -> None:
    web, till = uuid4(), uuid4()
    order: dict[str, Any] = {"order_id": "o1", "total_cents": 300, "currency": "EUR", "lines": ()}
    streams = {
        web: [
            event(Customer.ProductViewed, web, 2, 0, sku="A"),
            event(Customer.OrderPlaced, web, 3, 5, **order),
            event(Customer.Searched, web, 4, 6, query="q"),
            event(Customer.CartReplaced, web, 5, 7, lines=()),
            event(Customer.AddedToCart, web, 6, 8, line=Line(sku="A", quantity=1)),
        ],
        till: [
            event(Customer.OrderPlaced, till, 2, 4, **order),
            event(Customer.OrderPlaced, till, 3, 9, **{**order, "order_id": "o2", "currency": "USD"}),
            event(Customer.LinesReturned, till, 4, 9, order_id="o1", return_id="r", refund_cents=100, currency="EUR"),
        ],
    }
    found = outcomes(streams, "EUR")
    hours = [(round((each.at_ms - millis(START)) / 3_600_000), each.kind, each.cents) for each in found]
    assert hours == [(0, VIEW, 0), (4, ORDER, 300), (8, CART, 0), (9, ORDER, 0), (9, REFUND, 100)]
    turned = {stream: list(reversed(events)) for stream, events in reversed(streams.items())}
    assert outcomes(turned, "EUR") == found


def test_before_and_after_the_first_exposure() -> None:
    day = DAY_MS
    done = (
        Outcome(1 * day, ORDER, 700),  # too long ago
        Outcome(9 * day, ORDER, 500),
        Outcome(10 * day, CLICK),
        Outcome(11 * day, ORDER, 400),
        Outcome(12 * day, REFUND, 100),
        Outcome(30 * day, ORDER, 900),
    )
    after, before = measured(done, 10 * day, Rules(before_ms=5 * day))
    assert (before["orders"], before["revenue"], before["conversion"]) == (1, 500, 1)
    assert (after["orders"], after["revenue"], after["net_revenue"], after["repeat"]) == (2, 1300, 1200, 1)
    assert after["clicks"] == 1 and after["carted"] == 1 and after["abandoned"] == 0
    within, _ = measured(done, 10 * day, Rules(within_ms=5 * day))
    until, _ = measured(done, 10 * day, Rules(until_ms=12 * day))
    capped, _ = measured(done, 10 * day, Rules(cap_cents=1000))
    assert (within["revenue"], until["refunds"], capped["revenue"]) == (400, 0, 1000)
    cart, _ = measured((Outcome(11 * day, CART),), 10 * day, Rules())
    assert (cart["abandoned"], cart["conversion"]) == (1, 0)


def test_two_arms_are_left_out_and_counted_once_that_is_known() -> None:
    person = Person(((5, "b"), (9, "a")), (Outcome(6, ORDER, 100),))
    both = fold([person], Rules())
    assert both.crossed == {("a", "b"): 1} and both.arms == {}
    earlier = fold([person], Rules(until_ms=8))
    assert earlier.crossed == {} and counts(earlier) == {"b": 1}
    assert fold([person], Rules(until_ms=5)) == Totals()
    assert fold([Person((), ())], Rules()) == Totals()


def test_shards_in_any_order_are_the_whole_to_the_last_digit() -> None:
    people = crowd(400, 1)
    whole = fold(people, Rules())
    random.Random(2).shuffle(people)
    together = Totals()
    for part in (people[300:], people[:100], people[100:300]):
        together.add(fold(part, Rules()))
    assert together == whole and sum(whole.crossed.values()) > 5


def test_statistics_are_those_of_the_persons() -> None:
    people = [each for each in crowd(300, 3) if len(each.exposures) == 1]
    found = {metric.name: metric for metric in metrics(fold(people, Rules()))}
    rows = {
        arm: [measured(p.outcomes, p.exposures[0][0], Rules()) for p in people if p.exposures[0][1] == arm]
        for arm in "ab"
    }
    for arm, each in rows.items():
        revenue = np.array([after["revenue"] for after, _ in each], float)
        before = np.array([before["revenue"] for _, before in each], float)
        joint = found["revenue"].covariates[arm]
        assert (joint.y.mean, joint.y.variance) == pytest.approx((revenue.mean(), revenue.var(ddof=1)))
        assert joint.covariance == pytest.approx(np.cov(revenue, before)[0, 1])
        orders = sum(after["orders"] for after, _ in each)
        assert found["order_value"].arms[arm].mean == pytest.approx(revenue.sum() / orders)
        assert found["conversion"].arms[arm].mean == sum(after["conversion"] for after, _ in each) / len(each)


def test_a_planted_lift_is_found_and_a_mismatch_blocks_it() -> None:
    totals = fold(crowd(6000, 4, lift=0.5), Rules())
    found = analyse(metrics(totals), counts(totals), Options("a"))
    assert verdict(found, "orders").startswith("b is better than a in orders")
    skewed = Totals({**totals.arms}, totals.crossed)
    skewed.arms["b"] = fold(crowd(2000, 5), Rules()).arms["b"]
    blocked = analyse(metrics(skewed), counts(skewed), Options("a"))
    assert blocked.blocked and verdict(blocked, "orders").startswith("no verdict")


def buyers(n: int) -> list[Person]:
    """They buy at a rate of their own until they leave; in arm b they leave less often."""
    random_ = np.random.default_rng(6)
    people = []
    for i in range(n):
        arm = "ab"[i % 2]
        rate, leaves, worth = (
            random_.gamma(0.8, 1 / 40),
            random_.beta(1, 2 if arm == "a" else 4),
            random_.gamma(4, 2000),
        )
        day, done = float(random_.uniform(0, 200)), []
        while day < 400:
            done.append(Outcome(int(day * DAY_MS), ORDER, int(worth * random_.gamma(6, 1 / 6)) + 1))
            day = 400 if random_.random() < leaves else day + random_.exponential(1 / rate)
        people.append(Person(((0, arm),), tuple(done) if i % 3 else ()))
    return people


def test_the_outcome_board() -> None:
    people = [*buyers(3000), Person(((1, "a"), (2, "b")), ())]
    found = board(people, Rules(), Options("a"), today=400)
    assert {result.metric for result in found.report.results} == set(BOARD)
    assert found.notes == () and found.crossed == {("a", "b"): 1}
    (ltv,) = (result for result in found.report.results if result.metric == "ltv")
    assert (ltv.control.n, ltv.treatment.n) == (1500, 1500) and ltv.treatment.mean > ltv.control.mean > 0
    silent = [replace(each, outcomes=()) for each in people]
    nothing = board(silent, Rules(), Options("a"), today=400)
    assert nothing.notes == ("no lifetime value: nobody bought",)
    assert {result.metric for result in nothing.report.results} == {"conversion"}
