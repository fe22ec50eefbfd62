"""A record while events are folded into it, and which rule an event has."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from domain.customer import Customer
from domain.event import Event
from readmodels.customer import (
    CART_ENTRIES,
    CORRECTED,
    RECENT,
    CartEntry,
    CustomerRecord,
    Latest,
    View,
    add,
    latest,
    spends,
)

Rule = Callable[[Any, "Draft", int, int], None]
RULES: dict[type[Event], Rule] = {}


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


def rule(*kinds: type[Event]) -> Callable[[Rule], Rule]:
    """Registers a rule: one look into a dict an event, where functools.singledispatch takes five times as long."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


def find(kind: type[Event]) -> Rule:
    """The rule of the nearest ancestor, remembered."""
    found = next((RULES[base] for base in kind.__mro__ if base in RULES), ignore)
    RULES[kind] = found
    return found


def ignore(fact: Event, draft: Draft, at: int, tag_: int) -> None:
    """Facts of no interest here."""
