"""The customer fold: event by event, what a stream's record becomes.

Pure, and by event time only: the same events in any order of arrival make the same record. Inside, the rules write
into a draft, which is made from a record once for all the events that are folded together, not once an event.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from domain.values import Channel, Details, Line
from projections.moment import digest, millis, tag
from projections.versions import GapError
from readmodels.customer import (
    CART_ENTRIES,
    CORRECTED,
    ORDERS_KEPT,
    RECENT,
    CartEntry,
    Consent,
    CustomerRecord,
    Exposure,
    Latest,
    Order,
    Purchase,
    Return,
    View,
    add,
    consents,
    exposures,
    latest,
    spends,
)
from readmodels.features import CHILD

Rule = Callable[[Any, "Draft", int, int], None]
#: An event's class, something with its fields, when it happened (ms), and its tag.
Told = tuple[type[Event], Any, int, int]

AGE_BANDS = ((16, CHILD), (18, "16-17"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (55, "45-54"), (65, "55-64"))
_RULES: dict[type[Event], Rule] = {}


def apply(record: CustomerRecord, fact: Event) -> CustomerRecord:
    """The record with one more event in it; an event that it has already changes nothing. Raises GapError."""
    return fold_all(record, (fact,))


def fold_all(record: CustomerRecord, facts: Iterable[Event]) -> CustomerRecord:
    """The record with all the events of its stream in it, in the order of their versions; those that it has already
    change nothing. Raises GapError."""
    draft: Draft | None = None
    version = record.version
    for fact in facts:
        if fact.originator_version <= version:
            continue
        if fact.originator_version > version + 1:
            raise GapError(fact.originator_id, version)
        draft = draft or Draft(record)
        fold(fact, draft)
        version += 1
    return draft.finish(version) if draft else record


def fold_some(facts: Iterable[Event]) -> CustomerRecord:
    """What these events of a stream say, though others may be missing; ``version`` is how many they are."""
    draft, count = Draft(CustomerRecord()), 0
    for fact in facts:
        fold(fact, draft)
        count += 1
    return draft.finish(count)


def fold_told(told: Iterable[Told], version: int) -> CustomerRecord:
    """A whole stream's record, by what its ``version`` events tell."""
    draft = Draft(CustomerRecord())
    for kind, fact, at, tag_ in told:
        (_RULES.get(kind) or _find(kind))(fact, draft, at, tag_)
    return draft.finish(version)


def fold(fact: Event, draft: "Draft") -> None:
    """Writes what one event says into the draft. Facts of no interest here change nothing."""
    rule = _RULES.get(type(fact)) or _find(type(fact))
    if rule is not _ignore:
        occurred: Any = fact
        rule(fact, draft, millis(occurred.occurred_at), tag(occurred.source_id))


class Draft:
    """A record while events are folded into it. Bounded lists are cut to their size at the end, or when they have
    grown far beyond it."""

    def __init__(self, record: CustomerRecord) -> None:
        self.kind = record.kind
        self.first_at, self.last_at = record.first_at, record.last_at
        self.views = record.views
        self.cart, self.cart_cleared = record.cart, record.cart_cleared
        self.purchases, self.orders, self.returns = record.purchases, record.orders, record.returns
        self.spend, self.links, self.consent = record.spend, record.links, record.consent
        self.context = {name: (known.at, known.tag, known.value) for name, known in record.context.items()}
        self.searched_at, self.browsed, self.checkout_at = record.searched_at, record.browsed, record.checkout_at
        self.impressions, self.clicks, self.loyalty_at = record.impressions, record.clicks, record.loyalty_at
        self.exposures = record.exposures
        self.likely, self.apart = record.likely, record.apart
        self.new_views: list[View] = []
        self.linked: set[UUID] | None = None

    def finish(self, version: int) -> CustomerRecord:
        """The record that it has become."""
        self._take_views()
        return CustomerRecord(
            version,
            self.kind,
            self.first_at,
            self.last_at,
            self.views,
            self.cart,
            self.cart_cleared,
            self.purchases,
            self.orders,
            self.returns,
            self.spend,
            self.links if self.linked is None else tuple(sorted(self.linked)),
            self.consent,
            {name: Latest(at, tag_, str(value)) for name, (at, tag_, value) in self.context.items()},
            self.searched_at,
            self.browsed,
            self.checkout_at,
            self.impressions,
            self.clicks,
            self.loyalty_at,
            self.exposures,
            self.likely,
            self.apart,
        )

    def view(self, view: View) -> None:
        """The commonest fact: views are sorted once for many."""
        self.new_views.append(view)
        if len(self.new_views) > 10 * RECENT:
            self._take_views()

    def seen(self, fact: Customer.Event, at: int, tag_: int) -> None:
        """What every fact tells: when something happened, and in which channel."""
        if not self.first_at or at < self.first_at:
            self.first_at = at
        if at > self.last_at:
            self.last_at = at
        self.tell("channel", fact.channel, at, tag_)

    def tell(self, name: str, value: str | None, at: int, tag_: int) -> None:
        """The latest value of something, by event time; None tells nothing."""
        if value:
            said, known = (at, tag_, value), self.context.get(name)
            if known is None or said > known:
                self.context[name] = said

    def correct(self, name: str, value: str, at: int, tag_: int) -> None:
        """The latest correction of something; "" says that nothing right is known."""
        key, said = CORRECTED + name, (at, tag_, value)
        self.context[key] = max(said, self.context.get(key, said))

    def neighbours(self) -> set[UUID]:
        """To change: sorted once for many, as a device in a shop may be linked to thousands."""
        if self.linked is None:
            self.linked = set(self.links)
        return self.linked

    def change_cart(self, *entries: CartEntry) -> None:
        """More or fewer pieces; what is older than the last clearing does not come back."""
        kept = (e for e in (*self.cart, *entries) if (e.at, e.tag) >= self.cart_cleared)
        self.cart = latest(kept, CART_ENTRIES)

    def clear_cart(self, at: int, tag_: int) -> None:
        """Forgets what was in the cart before."""
        self.cart_cleared = max((at, tag_), self.cart_cleared)
        self.change_cart()

    def spent(self, currency: str, *amounts: int) -> None:
        """Adds orders, total, refunded, listed and discount."""
        sums = {s.currency: [s.orders, s.total, s.refunded, s.listed, s.discount] for s in self.spend}
        add(sums, currency, *amounts)
        self.spend = spends(sums)

    def _take_views(self) -> None:
        if self.new_views:
            self.views = latest((*self.views, *self.new_views), RECENT)
            self.new_views = []


def _rule(*kinds: type[Event]) -> Callable[[Rule], Rule]:
    """Registers a rule: one look into a dict an event, where functools.singledispatch takes five times as long."""

    def register(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


def _find(kind: type[Event]) -> Rule:
    """The rule of the nearest ancestor, remembered."""
    found = next((_RULES[base] for base in kind.__mro__ if base in _RULES), _ignore)
    _RULES[kind] = found
    return found


def _ignore(fact: Event, draft: Draft, at: int, tag_: int) -> None:
    """Facts of no interest here."""


@_rule(Customer.Opened, Customer.Reopened)
def _opened(fact: Customer.Opened | Customer.Reopened, draft: Draft, at: int, tag_: int) -> None:
    draft.kind = fact.kind.value


@_rule(Customer.CustomerErased)
def _erased(fact: Customer.CustomerErased, draft: Draft, at: int, tag_: int) -> None:
    """Nothing is left, whether or not what was before can still be read."""
    draft.__init__(CustomerRecord())  # type: ignore[misc]


@_rule(Customer.IdentifierLinked)
def _linked(fact: Customer.IdentifierLinked, draft: Draft, at: int, tag_: int) -> None:
    draft.neighbours().add(fact.other)


@_rule(Customer.IdentifierUnlinked)
def _unlinked(fact: Customer.IdentifierUnlinked, draft: Draft, at: int, tag_: int) -> None:
    draft.neighbours().discard(fact.other)


@_rule(Customer.ProbablyLinked)
def _likely(fact: Customer.ProbablyLinked, draft: Draft, at: int, tag_: int) -> None:
    draft.likely = _with(draft.likely, fact.other)


@_rule(Customer.ProbablyUnlinked)
def _unlikely(fact: Customer.ProbablyUnlinked, draft: Draft, at: int, tag_: int) -> None:
    draft.likely = _without(draft.likely, fact.other)


@_rule(Customer.ConfirmedSame)
def _confirmed(fact: Customer.ConfirmedSame, draft: Draft, at: int, tag_: int) -> None:
    draft.neighbours().add(fact.other)
    draft.apart = _without(draft.apart, fact.other)


@_rule(Customer.KeptApart)
def _kept_apart(fact: Customer.KeptApart, draft: Draft, at: int, tag_: int) -> None:
    draft.apart = _with(draft.apart, fact.other)


@_rule(Customer.ApartEnded)
def _apart_ended(fact: Customer.ApartEnded, draft: Draft, at: int, tag_: int) -> None:
    draft.apart = _without(draft.apart, fact.other)


@_rule(Customer.DetailsGiven)
def _details(fact: Customer.DetailsGiven, draft: Draft, at: int, tag_: int) -> None:
    draft.seen(fact, at, tag_)
    for name, value in _bands(fact.details, fact.occurred_at).items():
        draft.tell(name, value, at, tag_)


@_rule(Customer.DetailsCorrected)
def _corrected(fact: Customer.DetailsCorrected, draft: Draft, at: int, tag_: int) -> None:
    """Beside what was told, which it outlasts. Staff corrected it: that tells nothing of when the person was there."""
    bands: dict[str, str | None] = dict.fromkeys(bands_of(fact.cleared), "")
    bands |= {name: value for name, value in _bands(fact.details, fact.occurred_at).items() if value}
    for name, value in bands.items():
        draft.correct(name, value or "", at, tag_)


@_rule(Customer.LoyaltyJoined)
def _joined(fact: Customer.LoyaltyJoined, draft: Draft, at: int, tag_: int) -> None:
    draft.loyalty_at = min(at, draft.loyalty_at or at)
    draft.seen(fact, at, tag_)


@_rule(Customer.Seen)
def _visited(fact: Customer.Seen, draft: Draft, at: int, tag_: int) -> None:
    draft.seen(fact, at, tag_)
    draft.tell("device", fact.device, at, tag_)
    draft.tell("location", fact.location, at, tag_)


@_rule(Customer.ProductViewed)
def _viewed(fact: Customer.ProductViewed, draft: Draft, at: int, tag_: int) -> None:
    draft.view(View(at, tag_, fact.sku, fact.category, fact.brand, fact.price_cents))
    draft.seen(fact, at, tag_)
    draft.tell("device", fact.device, at, tag_)
    draft.tell("location", fact.location, at, tag_)


@_rule(Customer.CategoryBrowsed)
def _browsed(fact: Customer.CategoryBrowsed, draft: Draft, at: int, tag_: int) -> None:
    browsed = Latest(at, tag_, fact.category)
    draft.browsed = max(browsed, draft.browsed or browsed)
    draft.seen(fact, at, tag_)


@_rule(Customer.Searched)
def _searched(fact: Customer.Searched, draft: Draft, at: int, tag_: int) -> None:
    draft.searched_at = max(draft.searched_at, at)
    draft.seen(fact, at, tag_)


@_rule(Customer.AddedToCart)
def _added(fact: Customer.AddedToCart, draft: Draft, at: int, tag_: int) -> None:
    line = fact.line
    draft.change_cart(CartEntry(at, tag_, 0, line.sku, line.quantity, line.price_cents))
    draft.seen(fact, at, tag_)


@_rule(Customer.RemovedFromCart)
def _removed(fact: Customer.RemovedFromCart, draft: Draft, at: int, tag_: int) -> None:
    draft.change_cart(CartEntry(at, tag_, 0, fact.sku, -fact.quantity))
    draft.seen(fact, at, tag_)


@_rule(Customer.CartReplaced)
def _replaced(fact: Customer.CartReplaced, draft: Draft, at: int, tag_: int) -> None:
    draft.clear_cart(at, tag_)
    draft.change_cart(*(CartEntry(at, tag_, i, s.sku, s.quantity, s.price_cents) for i, s in enumerate(fact.lines)))
    draft.seen(fact, at, tag_)


@_rule(Customer.CheckoutStarted)
def _checkout(fact: Customer.CheckoutStarted, draft: Draft, at: int, tag_: int) -> None:
    draft.checkout_at = max(draft.checkout_at, at)
    draft.seen(fact, at, tag_)


@_rule(Customer.OrderPlaced)
def _ordered(fact: Customer.OrderPlaced, draft: Draft, at: int, tag_: int) -> None:
    """An online order empties the cart; a sale at a till does not."""
    listed = sum((s.price_cents or 0) * s.quantity for s in fact.lines)
    discount = fact.discount_cents or sum(s.discount_cents for s in fact.lines)
    order = Order(at, digest(fact.order_id), fact.currency, fact.total_cents, listed, discount)
    draft.spent(fact.currency, 1, fact.total_cents, 0, listed, discount)
    draft.orders = latest((*draft.orders, order), ORDERS_KEPT)
    draft.purchases = latest((*draft.purchases, *_purchases(at, tag_, fact.lines)), RECENT)
    if fact.channel is not Channel.STORE:
        draft.clear_cart(at, tag_)
    draft.seen(fact, at, tag_)
    draft.tell("location", fact.store, at, tag_)


@_rule(Customer.LinesReturned)
def _returned(fact: Customer.LinesReturned, draft: Draft, at: int, tag_: int) -> None:
    draft.spent(fact.currency, 0, 0, fact.refund_cents)
    back = Return(at, digest(fact.return_id), fact.currency, fact.refund_cents)
    draft.returns = latest((*draft.returns, back), ORDERS_KEPT)
    draft.seen(fact, at, tag_)


@_rule(Customer.ConsentGiven, Customer.ConsentWithdrawn)
def _consented(fact: Customer.ConsentGiven | Customer.ConsentWithdrawn, draft: Draft, at: int, tag_: int) -> None:
    given, medium = isinstance(fact, Customer.ConsentGiven), fact.medium.value if fact.medium else ""
    said = Consent(fact.purpose.value, medium, at, tag_, given, fact.basis.value, fact.policy_version)
    draft.consent = consents((*draft.consent, said))
    draft.seen(fact, at, tag_)


@_rule(Customer.RecommendationShown)
def _shown(fact: Customer.RecommendationShown, draft: Draft, at: int, tag_: int) -> None:
    draft.impressions += 1
    draft.seen(fact, at, tag_)


@_rule(Customer.RecommendationClicked)
def _clicked(fact: Customer.RecommendationClicked, draft: Draft, at: int, tag_: int) -> None:
    draft.clicks += 1
    draft.seen(fact, at, tag_)


@_rule(Customer.ExperimentExposed)
def _exposed(fact: Customer.ExperimentExposed, draft: Draft, at: int, tag_: int) -> None:
    """No act of the person: it tells nothing of when they were last there, or where."""
    said = Exposure(at, tag_, fact.experiment, fact.variant, fact.hash_version.value)
    draft.exposures = exposures((*draft.exposures, said))


def _with(streams: tuple[UUID, ...], other: UUID) -> tuple[UUID, ...]:
    return tuple(sorted({*streams, other}))


def _without(streams: tuple[UUID, ...], other: UUID) -> tuple[UUID, ...]:
    return tuple(stream for stream in streams if stream != other)


def _purchases(at: int, tag_: int, lines: Iterable[Line]) -> Iterator[Purchase]:
    for part, line in enumerate(lines):
        yield Purchase(at, tag_, part, line.sku, line.quantity, line.category, line.brand, line.size, line.price_cents)


def age_band(details: Details, when: datetime) -> str | None:
    """As it was then; None where no age was told."""
    age = details.age
    if details.birth_date is not None:
        born = tuple(int(part) for part in details.birth_date.split("-"))
        age = when.year - born[0] - ((when.month, when.day) < born[1:])
    return None if age is None else next((name for limit, name in AGE_BANDS if age < limit), "65+")


def bands_of(cleared: Iterable[str]) -> set[str]:
    """The bands that are made of these fields of ``Details``."""
    made_of = {"birth_date": "age_range", "age": "age_range", "gender": "gender"}
    made_of |= dict.fromkeys(("city", "region", "country"), "home")
    return {made_of[name] for name in cleared if name in made_of}


def _bands(details: Details, when: datetime) -> dict[str, str | None]:
    """Age band, gender and town: no name, street or date of birth."""
    band = age_band(details, when)
    home = ", ".join(part for part in (details.city, details.region or details.country) if part)
    return {"age_range": band, "gender": details.gender, "home": home or None}
