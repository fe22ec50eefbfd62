"""A period's money in one currency: what came in, who is credited with it by each model, and what nobody can be."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from projections.attribution.journeys import Journey, Walked
from projections.attribution.models import FINE, Credited, Options, credit
from projections.attribution.paths import Path, merged
from projections.attribution.rules import Rules


@dataclass(frozen=True, slots=True)
class Money:
    """Cents of one currency. ``credited`` + ``unattributed`` + ``erased`` = ``net`` = ``revenue`` - ``refunds``.
    ``orders`` placed in the period, less ``erased_orders`` and ``unattributed_orders`` have a touch. ``refunds`` are of
    these orders, whenever they came; ``unknown_refunds``, a part of them, are of orders that are not known."""

    orders: int
    revenue: int
    refunds: int
    unknown_refunds: int
    unattributed: int
    unattributed_orders: int
    erased: int
    erased_orders: int
    credited: int

    @property
    def net(self) -> int:
        """What the ledger has left."""
        return self.revenue - self.refunds


@dataclass(frozen=True, slots=True)
class Period:
    """``journeys`` of orders in this currency, then those to nothing, of whatever they might have been paid in."""

    currency: str
    money: Money
    journeys: tuple[Journey, ...]
    paths: tuple[Path, ...]


def currencies(walked: Walked, from_ms: int, to_ms: int) -> list[str]:
    """All that anything was paid in."""
    return sorted({sale.currency for sale in walked.sales if from_ms <= sale.at_ms < to_ms})


def period(walked: Walked, currency: str, from_ms: int, to_ms: int) -> Period:
    """What ended at ``from_ms`` or after, and before ``to_ms``."""
    sold = [sale for sale in walked.sales if sale.currency == currency and from_ms <= sale.at_ms < to_ms]
    ended = [each for each in walked.journeys if from_ms <= each.at_ms < to_ms]
    bought = [each for each in ended if each.sale is not None and each.sale.currency == currency]
    nothing = [each for each in ended if each.sale is None]
    bare = [each.sale for each in bought if each.sale is not None and not each.touches]
    orphans = [sale for sale in sold if sale.order_id is None and not sale.erased]
    erased = [sale for sale in sold if sale.erased]
    money = Money(
        sum(sale.order_id is not None for sale in sold),
        sum(sale.revenue_cents for sale in sold),
        sum(sale.refund_cents for sale in sold),
        sum(sale.refund_cents for sale in sold if sale.order_id is None),
        sum(sale.net_cents for sale in (*bare, *orphans)),
        len(bare),
        sum(sale.net_cents for sale in erased),
        sum(sale.order_id is not None for sale in erased),
        sum(each.sale.net_cents for each in bought if each.sale is not None and each.touches),
    )
    journeys = (*bought, *nothing)
    return Period(currency, money, journeys, tuple(each.path() for each in journeys if each.touches))


def credits(found: Period, models: Sequence[str], rules: Rules) -> tuple[Credited, ...]:
    """Each model's. Raises ValueError. Time decay is cut for each order by itself, as it is in bulk."""
    options, together = Options(rules.half_life_hours, seed=rules.seed), merged(found.paths)
    return tuple(credit(each, found.paths if each == FINE else together, options) for each in models)


def common(journeys: Iterable[Journey], fewest: int, most: int) -> list[tuple[tuple[str, ...], int, int, int]]:
    """The ways that ``fewest`` persons or more went, ``most`` of them: channels, persons, orders, their net cents."""
    persons: dict[tuple[str, ...], set[object]] = {}
    orders: Counter[tuple[str, ...]] = Counter()
    cents: Counter[tuple[str, ...]] = Counter()
    for each in journeys:
        if each.sale is not None and each.touches:
            way = tuple(touch.channel for touch in each.touches)
            persons.setdefault(way, set()).add(each.person)
            orders[way] += 1
            cents[way] += each.sale.net_cents
    found = [(way, len(who), orders[way], cents[way]) for way, who in persons.items() if len(who) >= fewest]
    return sorted(found, key=lambda each: (-each[2], each[0]))[:most]
