"""Segments: worked out from a record, and from none without consent."""

from uuid import UUID

import pytest

from domain.merchandising import Segment
from domain.values import Purpose
from projections.customer.who import AGE_BANDS
from queries.recommend.ask import Ask
from queries.recommend.segments import AGES, consents_of, segments_of
from queries.recommend.situation import situation_of
from readmodels.customer import Consent, CustomerRecord, Latest, Purchase, Spend, View
from tests.queries.columns import DAY_MS, NOW_MS

DAY = DAY_MS


def bought(orders: int, total: int, currency: str = "USD", **more: object) -> CustomerRecord:
    spend = (Spend(currency, orders, total, 0, total, 0),)
    return CustomerRecord(first_at=NOW_MS - DAY, last_at=NOW_MS - DAY, spend=spend, **more)  # type: ignore[arg-type]


def consent(purpose: Purpose, given: bool, medium: str = "") -> Consent:
    return Consent(str(purpose), medium, 1, 0, given, "consent", "1")


CASES: list[tuple[CustomerRecord, set[str]]] = [
    (CustomerRecord(), {"new"}),
    (CustomerRecord(first_at=NOW_MS - 29 * DAY, last_at=NOW_MS), {"new"}),
    (CustomerRecord(first_at=NOW_MS - 31 * DAY, last_at=NOW_MS), {"returning"}),
    (bought(1, 5_000), {"customer"}),
    (bought(3, 5_000), {"customer", "loyal"}),
    (bought(1, 100_000), {"customer", "vip"}),
    (bought(1, 99_999), {"customer"}),
    (bought(1, 100_000, "JPY"), {"customer", "vip"}),
    (bought(1, 10_000, "JPY"), {"customer"}),
    (bought(10, 5_000), {"customer", "loyal", "vip"}),
    (bought(1, 5_000, loyalty_at=1), {"customer", "member"}),
    (
        CustomerRecord(first_at=1, last_at=NOW_MS - 181 * DAY, spend=(Spend("USD", 1, 5, 0, 5, 0),)),
        {"customer", "lapsed"},
    ),
    (
        CustomerRecord(
            context={"gender": Latest(1, 0, "F"), "age_range": Latest(1, 0, "25-34"), "channel": Latest(1, 0, "store")}
        ),
        {"new", "women", "age-25-34", "in-stores"},
    ),
    (CustomerRecord(context={"gender": Latest(1, 0, "other"), "channel": Latest(1, 0, "web")}), {"new", "online"}),
    (
        CustomerRecord(views=(View(1, 0, "A", cents=1000),), purchases=(Purchase(1, 0, 0, "B", 1, cents=500),)),
        {"new", "price-sensitive"},
    ),
    (CustomerRecord(spend=(Spend("USD", 1, 80, 0, 100, 20),), last_at=NOW_MS), {"customer", "discount-seeker"}),
]


@pytest.mark.parametrize(("record", "expected"), CASES)
def test_segments(record: CustomerRecord, expected: set[str]) -> None:
    assert segments_of(record, NOW_MS) == expected


@pytest.mark.parametrize("purpose", [Purpose.PERSONALISATION, Purpose.PROFILING])
def test_nobody_is_profiled_who_does_not_want_it(purpose: Purpose) -> None:
    assert segments_of(bought(10, 500_000, consent=(consent(purpose, False),)), NOW_MS) == frozenset()


def test_only_what_was_agreed_to_and_not_withdrawn_is_consent() -> None:
    record = CustomerRecord(
        consent=(
            consent(Purpose.EMAIL, True),
            consent(Purpose.PUSH, True),
            consent(Purpose.PUSH, False, "mobile"),
            consent(Purpose.TRAINING, False),
        )
    )
    assert consents_of(record) == {"email"}


def test_every_band_of_age_has_its_segment() -> None:
    assert set(AGES) == {name for _, name in AGE_BANDS} | {"65+"}
    assert {*AGES.values()} == {segment for segment in Segment if segment.startswith("age-")}


def test_a_situation_has_the_request_and_the_person() -> None:
    ask = Ask(UUID(int=1), "cart", NOW_MS, store="Rome", device="phone", channel="store")
    found = situation_of(ask, bought(1, 5), {"hero": "b"})
    assert (found.placement, found.store, found.device, found.channel) == ("cart", "Rome", "phone", "store")
    assert (found.segments, found.arms) == ({"customer"}, {"hero:b"})
