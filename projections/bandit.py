"""The fold from a stream's events to what a bandit learns from: showings with their context, and their clicks.

The context of a showing is what the stream said before it. Events come in any order; they are taken in that of
(occurred at, source id), so the same log gives the same trials whatever arrived first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from domain.customer import Customer
from domain.event import Event
from projections.examples import Rules
from projections.moment import millis, tag
from projections.permission import Permission, child, words
from readmodels.bandit import Trial

#: A click later than that is of no showing; a showing younger than that is not counted yet.
CLICK_WINDOW_MS = 30 * 60_000
#: An intent lasts so long.
SESSION_MS = 30 * 60_000
_INTENTS: dict[type[Event], str] = {
    Customer.ProductViewed: "browsing",
    Customer.CategoryBrowsed: "browsing",
    Customer.Searched: "searching",
    Customer.AddedToCart: "buying",
    Customer.CheckoutStarted: "checking_out",
    Customer.OrderPlaced: "none",
}


@dataclass
class _Before:
    """What the stream has said so far."""

    device: str | None = None
    location: str | None = None
    intent: str = "none"
    since: int = 0

    def heard(self, fact: Event, at: int) -> None:
        """One more event."""
        if isinstance(fact, Customer.Seen | Customer.ProductViewed):
            self.device, self.location = fact.device or self.device, fact.location or self.location
        if type(fact) in _INTENTS:
            self.intent, self.since = _INTENTS[type(fact)], at


@dataclass
class _Showing:
    """One that counts, its context, and the SKUs clicked on it."""

    fact: Customer.RecommendationShown
    at: int
    device: str | None
    location: str | None
    intent: str
    clicked: set[str] = field(default_factory=set)

    def answered(self, click: Customer.RecommendationClicked, at: int) -> bool:
        """Whether the click may be on it: of its decision, or of its placement where either names none."""
        if click.sku not in self.fact.skus or not 0 <= at - self.at <= CLICK_WINDOW_MS:
            return False
        if click.decision_id and self.fact.decision_id:
            return click.decision_id == self.fact.decision_id
        return click.placement == self.fact.placement


def trials(events: Iterable[Event], until: int, permission: Permission | None = None) -> Iterator[Trial]:
    """The trials of one stream, in the order of time. ``until``: milliseconds; showings whose clicks may still come by
    then are left out, and those at which the person did not let their events train (``permission`` None: by what this
    stream alone says). A click counts for one showing, the latest that it may be on."""
    events = list(events)
    if permission is None and child([events]):
        return
    permission = permission or Permission(words([events]), Rules().purposes, assumed=Rules().assumed)
    if not permission.stands:
        return
    own = (fact for fact in events if isinstance(fact, Customer.Event))
    facts = sorted(own, key=lambda fact: (fact.occurred_at, fact.source_id))
    showings = list(_showings(facts, until, permission))
    for fact in facts:
        if isinstance(fact, Customer.RecommendationClicked):
            at = millis(fact.occurred_at)
            if latest := next((one for one in reversed(showings) if one.answered(fact, at)), None):
                latest.clicked.add(fact.sku)
    for showing in showings:
        yield from _trials(showing)


def _showings(facts: Sequence[Customer.Event], until: int, permission: Permission) -> Iterator[_Showing]:
    before = _Before()
    for fact in facts:
        at = millis(fact.occurred_at)
        if not isinstance(fact, Customer.RecommendationShown):
            before.heard(fact, at)
        elif permission.at(at) and at + CLICK_WINDOW_MS <= until:
            intent = before.intent if at - before.since <= SESSION_MS else "none"
            yield _Showing(fact, at, before.device, before.location, intent)


def _trials(one: _Showing) -> Iterator[Trial]:
    for place, sku in enumerate(dict.fromkeys(one.fact.skus)):
        yield Trial(
            one.at,
            tag(one.fact.source_id),
            place,
            sku,
            sku in one.clicked,
            one.device,
            one.location,
            one.intent,
            one.fact.decision_id,
        )
