"""Persons, what they were exposed to and what they did, folded into an arm's sufficient statistics. Pure.

The unit is a person at their first exposure: what they did from then on is the outcome, what they did in the time
before is the covariate. Who was exposed to two arms (two devices that turned out to be one person) is counted, and left
out.

All sums are whole numbers, so that parts of shards can be added in any order without a rounding.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from projections.experiments.analysis import MEAN, PROPORTION, RATIO, Metric
from projections.experiments.moments import Joint, Sample, of_product_sums, proportion, ratio
from projections.experiments.places import Showing
from projections.moment import millis

DAY_MS = 86_400_000
ORDER, REFUND, VIEW, CART, SHOWN, CLICK = "order", "refund", "view", "cart", "shown", "click"
#: Metrics of 0 or 1 a person.
FLAGS = ("conversion", "repeat", "carted", "abandoned")
AMOUNTS = ("orders", "revenue", "refunds", "net_revenue", "views", "clicks", "impressions")
#: Ratio → above, below.
RATIOS = {
    "order_value": ("revenue", "orders"),
    "repeat_rate": ("repeat", "conversion"),
    "cart_abandonment": ("abandoned", "carted"),
    "click_rate": ("clicks", "impressions"),
}
NAMES = FLAGS + AMOUNTS


@dataclass(frozen=True, slots=True)
class Outcome:
    """Something a person did. ``cents``: of orders and refunds."""

    at_ms: int
    kind: str
    cents: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """``exposures``: (when, arm), of one experiment, by time. ``outcomes`` of all the person's streams, none twice.
    ``channel``: that of the first exposure. ``showings``: of answers, from the first exposure on. ``streams``: all
    that the person has."""

    exposures: tuple[tuple[int, str], ...]
    outcomes: tuple[Outcome, ...]
    channel: str = ""
    showings: tuple[Showing, ...] = ()
    streams: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """``before_ms``: how far back covariates reach. ``within_ms``: outcomes count so long after the exposure (None:
    until ``until_ms``). ``until_ms``: nothing at or after it is known. ``cap_cents``: on a person's revenue, as the
    design fixes it."""

    before_ms: int = 28 * DAY_MS
    within_ms: int | None = None
    until_ms: int | None = None
    cap_cents: int | None = None


@dataclass(slots=True)
class ArmTotals:
    """``sums``: metric → (Σ y, Σ y², Σ x, Σ x², Σ x y), x being the same metric before exposure. ``products``:
    ratio → Σ above · below."""

    n: int = 0
    sums: dict[str, list[int]] = field(default_factory=lambda: {name: [0] * 5 for name in NAMES})
    products: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RATIOS, 0))

    def take(self, after: Mapping[str, int], before: Mapping[str, int]) -> None:
        """One more person."""
        self.n += 1
        for name, sums in self.sums.items():
            y, x = after[name], before[name]
            for i, each in enumerate((y, y * y, x, x * x, x * y)):
                sums[i] += each
        for name, (above, below) in RATIOS.items():
            self.products[name] += after[above] * after[below]

    def add(self, other: "ArmTotals") -> None:
        """The persons of both."""
        self.n += other.n
        for name, sums in other.sums.items():
            self.sums[name] = [a + b for a, b in zip(self.sums[name], sums, strict=True)]
        for name, product in other.products.items():
            self.products[name] += product


@dataclass(slots=True)
class Totals:
    """``crossed``: arms, in the order of their names → persons exposed to all of them, who are in no arm."""

    arms: dict[str, ArmTotals] = field(default_factory=dict)
    crossed: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, other: "Totals") -> None:
        """Of another shard."""
        for name, arm in other.arms.items():
            self.arms.setdefault(name, ArmTotals()).add(arm)
        self.crossed.update(other.crossed)


def fold(persons: Iterable[Person], rules: Rules) -> Totals:
    """All persons who were exposed."""
    totals = Totals()
    for person in persons:
        seen = [each for each in person.exposures if rules.until_ms is None or each[0] < rules.until_ms]
        arms = sorted({arm for _, arm in seen})
        if len(arms) > 1:
            totals.crossed[tuple(arms)] += 1
        elif arms:
            start = min(seen)[0]
            after, before = measured(person.outcomes, start, rules)
            totals.arms.setdefault(arms[0], ArmTotals()).take(after, before)
    return totals


def measured(outcomes: Sequence[Outcome], start: int, rules: Rules) -> tuple[dict[str, int], dict[str, int]]:
    """What was done after and before a first exposure, by metric."""
    ends = [end for end in (rules.until_ms, rules.within_ms and start + rules.within_ms) if end]
    end = min(ends) if ends else None
    after = [each for each in outcomes if each.at_ms >= start and (end is None or each.at_ms < end)]
    before = [each for each in outcomes if start - rules.before_ms <= each.at_ms < start]
    return _metrics(after, rules.cap_cents), _metrics(before, rules.cap_cents)


def metrics(totals: Totals) -> list[Metric]:
    """Each metric of each arm, with its covariate where that says anything; ratios where their denominator is not 0."""
    arms = {name: arm for name, arm in sorted(totals.arms.items()) if arm.n}
    found = [Metric(name, {a: _flag(t, name) for a, t in arms.items()}, kind=PROPORTION) for name in FLAGS]
    for name in AMOUNTS:
        joint = {a: _joint(t, name) for a, t in arms.items()}
        useful = joint if any(each.x.variance > 0 for each in joint.values()) else {}
        found.append(Metric(name, {a: each.y for a, each in joint.items()}, useful, MEAN))
    for name in RATIOS:
        found.append(Metric(name, {a: r for a, t in arms.items() if (r := _ratio(t, name))}, kind=RATIO))
    return found


def counts(totals: Totals) -> dict[str, int]:
    """Arm → persons, as the test of the sample ratio needs them."""
    return {name: arm.n for name, arm in sorted(totals.arms.items())}


def outcomes(streams: Mapping[UUID, Sequence[Event]], currency: str) -> tuple[Outcome, ...]:
    """What one person did, from all their streams, by time. An order or return that two systems report counts once, at
    its first moment; money in another currency counts as an order without revenue."""
    found: dict[tuple[str, object], Outcome] = {}
    for stream, events in streams.items():
        for event in events:
            key = _key(event, stream)
            if key and (outcome := _outcome(event, key[0], currency)):
                known = found.get(key)
                found[key] = outcome if known is None or outcome.at_ms < known.at_ms else known
    return tuple(sorted(found.values(), key=lambda each: (each.at_ms, each.kind, each.cents)))


def _key(event: Event, stream: UUID) -> tuple[str, object] | None:
    if isinstance(event, Customer.OrderPlaced):
        return ORDER, event.order_id
    if isinstance(event, Customer.LinesReturned):
        return REFUND, event.return_id
    kind = _KINDS.get(type(event))
    return (kind, (stream, event.originator_version)) if kind else None


_KINDS: dict[type[Event], str] = {
    Customer.ProductViewed: VIEW,
    Customer.AddedToCart: CART,
    Customer.CartReplaced: CART,
    Customer.RecommendationShown: SHOWN,
    Customer.RecommendationClicked: CLICK,
}


def _outcome(event: Event, kind: str, currency: str) -> Outcome | None:
    if not isinstance(event, Customer.Event):
        return None
    if isinstance(event, Customer.CartReplaced) and not event.lines:
        return None
    cents = 0
    if isinstance(event, Customer.OrderPlaced) and event.currency == currency:
        cents = event.total_cents
    elif isinstance(event, Customer.LinesReturned) and event.currency == currency:
        cents = event.refund_cents
    return Outcome(millis(event.occurred_at), kind, cents)


def _metrics(done: Sequence[Outcome], cap: int | None) -> dict[str, int]:
    count = Counter(each.kind for each in done)
    revenue = sum(each.cents for each in done if each.kind == ORDER)
    refunds = sum(each.cents for each in done if each.kind == REFUND)
    net, orders = revenue - refunds, count[ORDER]
    if cap is not None:
        revenue, net = min(revenue, cap), min(net, cap)
    # an order says that there was a cart, whether or not it was reported
    carted = int(bool(count[CART] or orders))
    return {
        "conversion": int(orders > 0),
        "repeat": int(orders > 1),
        "carted": carted,
        "abandoned": int(carted and not orders),
        "orders": orders,
        "revenue": revenue,
        "refunds": refunds,
        "net_revenue": net,
        "views": count[VIEW],
        "clicks": count[CLICK],
        "impressions": count[SHOWN],
    }


def _flag(arm: ArmTotals, name: str) -> Sample:
    return proportion(arm.n, arm.sums[name][0])


def _joint(arm: ArmTotals, name: str) -> Joint:
    y, yy, x, xx, xy = arm.sums[name]
    return of_product_sums((y, yy), (x, xx), xy, arm.n)


def _ratio(arm: ArmTotals, name: str) -> Sample | None:
    above, below = (arm.sums[each][:2] for each in RATIOS[name])
    if not below[0]:
        return None
    return ratio(of_product_sums((above[0], above[1]), (below[0], below[1]), arm.products[name], arm.n))
