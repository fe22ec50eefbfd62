"""Ways to orders by worked examples: visits, lookback, orders that share touches, merged streams, refunds."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.identity import IdentifierKind
from domain.values import Purpose
from projections.attribution.channels import SHOWN
from projections.attribution.journeys import kept, walked
from projections.attribution.ledger import sales
from projections.attribution.rules import DAY_MS, HOUR_MS, MINUTE_MS, Rules
from projections.attribution.trail import Order, Refund, Touch, Trail
from readmodels.features import CHILD

RULES = Rules(lookback_ms=10 * DAY_MS, session_ms=30 * MINUTE_MS)
A, B = UUID(int=1), UUID(int=2)


def touches(*told: tuple[int, str]) -> list[Touch]:
    return [Touch(at, number, channel) for number, (at, channel) in enumerate(told)]


def ways(trails: dict[UUID, Trail], rules: Rules = RULES) -> list[tuple[str | None, tuple[str, ...]]]:
    found = walked(trails, rules).journeys
    return [(each.sale and each.sale.order_id, tuple(t.channel for t in each.touches)) for each in found]


def test_in_a_visit_a_channel_counts_once_and_direct_only_first() -> None:
    told = touches((0, "direct"), (1, "ads"), (2, "ads"), (3, "direct"), (40 * MINUTE_MS, "direct"), (HOUR_MS, "mail"))
    assert [touch.channel for touch in kept(told, RULES)] == ["direct", "ads", "direct", "mail"]


def test_a_visit_goes_on_as_long_as_something_is_done() -> None:
    told = touches(*((n * 20 * MINUTE_MS, "ads") for n in range(5)))
    assert len(kept(told, RULES)) == 1
    assert len(kept(told, replace(RULES, session_ms=10 * MINUTE_MS))) == 5


def test_recommendations_shown_may_be_left_out() -> None:
    told = touches((0, SHOWN), (HOUR_MS, "mail"))
    assert [touch.channel for touch in kept(told, replace(RULES, shown=False))] == ["mail"]


def test_the_lookback_reaches_to_its_very_end() -> None:
    order = Order(20 * DAY_MS, "o", "EUR", 100)
    trail = Trail(
        touches=touches((10 * DAY_MS - 1, "old"), (10 * DAY_MS, "ads"), (20 * DAY_MS, "mail")), orders=[order]
    )
    assert ways({A: trail}) == [("o", ("ads", "mail")), (None, ("old",))]


def test_a_touch_counts_for_the_next_order_or_for_each() -> None:
    orders = [Order(2 * DAY_MS, "one", "EUR", 100), Order(4 * DAY_MS, "two", "EUR", 100)]
    trail = Trail(touches=touches((DAY_MS, "ads"), (3 * DAY_MS, "mail")), orders=orders)
    assert ways({A: trail}) == [("one", ("ads",)), ("two", ("mail",))]
    assert ways({A: trail}, replace(RULES, once=False)) == [("one", ("ads",)), ("two", ("ads", "mail"))]


def test_ways_to_nothing_end_where_a_rest_is_longer_than_the_lookback() -> None:
    trail = Trail(touches=touches((0, "ads"), (5 * DAY_MS, "mail"), (16 * DAY_MS, "push")))
    assert ways({A: trail}) == [(None, ("ads", "mail")), (None, ("push",))]


def test_streams_of_one_person_go_one_way() -> None:
    device = Trail(touches=touches((0, "ads")), kind=IdentifierKind.ANONYMOUS)
    member = Trail(
        touches=touches((2 * HOUR_MS, "mail")), orders=[Order(3 * HOUR_MS, "o", "EUR", 100)], kind=IdentifierKind.EMAIL
    )
    assert ways({A: device, B: member}) == [(None, ("ads",)), ("o", ("mail",))]
    member.others[A] = IdentifierKind.ANONYMOUS
    assert ways({A: device, B: member}) == [("o", ("ads", "mail"))]


def test_an_order_that_two_systems_report_is_sold_once_and_a_refund_finds_it() -> None:
    first = Trail(orders=[Order(5, "o", "EUR", 100)])
    second = Trail(orders=[Order(9, "o", "EUR", 100)], refunds=[Refund(20, "r", "o", "EUR", 30)])
    (sale,) = sales({A: first, B: second})
    assert (sale.stream, sale.at_ms, sale.net_cents) == (A, 5, 70)


def test_a_refund_of_an_unknown_order_or_in_another_currency_is_nobodys() -> None:
    trail = Trail(
        orders=[Order(5, "o", "EUR", 100)], refunds=[Refund(6, "r", "o", "JPY", 7), Refund(7, "s", "x", "EUR", 8)]
    )
    told = [(sale.order_id, sale.currency, sale.net_cents) for sale in sales({A: trail})]
    assert told == [("o", "EUR", 100), (None, "JPY", -7), (None, "EUR", -8)]


def test_an_order_that_went_back_whole_is_a_way_to_nothing() -> None:
    trail = Trail(
        touches=touches((0, "ads")), orders=[Order(5, "o", "EUR", 100)], refunds=[Refund(6, "r", "o", "EUR", 100)]
    )
    (journey,) = walked({A: trail}, RULES).journeys
    path = journey.path()
    assert (path.conversions, path.value, path.nulls) == (0, 0, 1)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"lookback_ms": 1}, "lookback"),
        ({"session_ms": -1}, "session"),
        ({"half_life_hours": 0}, "half-life"),
        ({"seed": -1}, "seed"),
    ],
)
def test_rules_are_bounded(fields: dict[str, int], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Rules(**fields)  # type: ignore[arg-type]


def said(at: int, given: bool, purpose: Purpose = Purpose.PROFILING) -> tuple[int, int, bool, str, str]:
    return at, 0, given, purpose.value, ""


def test_whoever_said_no_has_no_way_and_an_order_that_nobody_is_credited_with() -> None:
    told = touches((0, "ads"), (2 * DAY_MS, "mail"))
    trail = Trail(touches=told, orders=[Order(3 * DAY_MS, "o", "EUR", 100)], words=[said(DAY_MS, False)])
    assert ways({A: trail}) == [("o", ())]
    trail.words.append(said(DAY_MS + 1, True))  # the last word counts, and so does that of each moment
    assert ways({A: trail}) == [("o", ("ads", "mail"))]
    trail.words = [said(DAY_MS, False, Purpose.EMAIL)]
    assert ways({A: trail}) == [("o", ("ads", "mail"))]


def test_words_of_all_streams_count_for_the_person_and_a_child_has_no_way() -> None:
    device = Trail(touches=touches((0, "ads")), kind=IdentifierKind.ANONYMOUS, others={B: IdentifierKind.EMAIL})
    member = Trail(words=[said(DAY_MS, False, Purpose.SHARING)], kind=IdentifierKind.EMAIL)
    assert ways({A: device, B: member}) == []
    assert ways({A: device, B: Trail(kind=IdentifierKind.EMAIL)}) == [(None, ("ads",))]
    assert ways({A: device, B: Trail(ages=[(False, 5, 0, CHILD)], kind=IdentifierKind.EMAIL)}) == []
