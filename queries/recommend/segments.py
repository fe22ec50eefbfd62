"""The segments of a person, worked out from their record on request; nothing of it is stored.

They are profiling: whoever withdrew consent to personalisation or to profiling is in none.
"""

from collections.abc import Iterator

from domain.merchandising import Segment
from domain.values import Channel, Purpose
from queries.customer import discount_affinity, price_sensitivity
from readmodels.consent import agreed, may
from readmodels.customer import CustomerRecord, told
from readmodels.features import CHILD, DAY_MS

#: Whoever was first seen so long ago at most and bought nothing is new.
NEW_DAYS = 30
LOYAL_ORDERS = 3
VIP_ORDERS = 10
#: Net spend that makes a VIP, in minor units of whatever currency: 1,000 dollars, 100,000 yen.
VIP_CENTS = 100_000
#: A customer of whom nothing was heard for so long has lapsed.
LAPSED_DAYS = 180
#: The share of list prices that was not paid, from which on somebody looks for discounts.
DISCOUNTED = 0.2
NEEDED = (Purpose.PERSONALISATION, Purpose.PROFILING)
GENDERS = {
    **dict.fromkeys(("f", "female", "w", "woman", "women"), Segment.WOMEN),
    **dict.fromkeys(("m", "male", "man", "men"), Segment.MEN),
}
AGES = {
    CHILD: Segment.AGE_UNDER_18,
    "16-17": Segment.AGE_UNDER_18,
    "18-24": Segment.AGE_18_24,
    "25-34": Segment.AGE_25_34,
    "35-44": Segment.AGE_35_44,
    "45-54": Segment.AGE_45_54,
    "55-64": Segment.AGE_55_64,
    "65+": Segment.AGE_65,
}


def segments_of(record: CustomerRecord, at_ms: int) -> frozenset[str]:
    """The segments at a moment (milliseconds since 1970): by orders and spend, what is known of gender and age, the
    price that is paid, and the latest channel. None without consent."""
    if not all(may(record, purpose, at_ms=at_ms) for purpose in NEEDED):
        return frozenset()
    return frozenset(str(segment) for part in (_standing, _known, _prices) for segment in part(record, at_ms))


def consents_of(record: CustomerRecord) -> frozenset[str]:
    """The purposes that the person has agreed to, and not withdrawn in any medium."""
    return agreed(record)


def _standing(record: CustomerRecord, at_ms: int) -> Iterator[Segment]:
    orders = sum(spend.orders for spend in record.spend)
    if orders < 1:
        known = record.first_at and at_ms - record.first_at > NEW_DAYS * DAY_MS
        yield Segment.RETURNING if known else Segment.NEW
    else:
        yield Segment.CUSTOMER
        if at_ms - record.last_at > LAPSED_DAYS * DAY_MS:
            yield Segment.LAPSED
    if orders >= LOYAL_ORDERS:
        yield Segment.LOYAL
    if orders >= VIP_ORDERS or _spent(record) >= VIP_CENTS:
        yield Segment.VIP
    if record.loyalty_at:
        yield Segment.MEMBER


def _spent(record: CustomerRecord) -> int:
    """Net, in minor units, of the currency in which it is most."""
    return max((spend.total - spend.refunded for spend in record.spend), default=0)


def _known(record: CustomerRecord, _: int) -> Iterator[Segment]:
    if gender := GENDERS.get((told(record, "gender") or "").casefold()):
        yield gender
    if age := AGES.get(told(record, "age_range") or ""):
        yield age
    if channel := told(record, "channel"):
        yield Segment.IN_STORES if channel == Channel.STORE else Segment.ONLINE


def _prices(record: CustomerRecord, _: int) -> Iterator[Segment]:
    sensitivity = price_sensitivity(record)
    if sensitivity == "high":
        yield Segment.PRICE_HIGH
    if sensitivity == "low":
        yield Segment.PRICE_LOW
    if (discount_affinity(record) or 0.0) >= DISCOUNTED:
        yield Segment.DISCOUNT
