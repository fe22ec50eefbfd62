"""A customer stream: what one identifier did, in every channel. Keeps no profile (a projection does)."""

from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from eventsourcing.domain import event

from domain.assignment.hashing import HashVersion
from domain.erased import Erased
from domain.event import Aggregate, Created, Ledger, Retention, Sealed
from domain.identity import Identifier, IdentifierKind
from domain.processing import uses
from domain.values import (
    Campaign,
    Cents,
    Channel,
    Compared,
    ConsentFramework,
    ConsentString,
    Currency,
    Details,
    LawfulBasis,
    Line,
    Name,
    Purpose,
    Quantity,
    Sku,
    Text,
    Url,
)


class CustomerErasedError(Exception):
    """The person was erased: nothing more is recorded on this stream, and whoever comes now is a stranger."""

    def __init__(self, stream: UUID) -> None:
        super().__init__(f"stream {stream} is erased")
        self.stream = stream


class Customer(Aggregate):
    """Decides what may be recorded on one stream: no fact, link, order or return twice."""

    TOPIC = "customer"

    class Event(Aggregate.Event):
        """``source_id`` names the delivery and its part, the same again if it is delivered again."""

        USES: ClassVar = uses(ordering="occurred_at source_id channel")
        occurred_at: Sealed[datetime]
        source_id: Sealed[str]
        channel: Sealed[Channel]

        def mutate(self, aggregate: Any) -> Any:
            """Evolves the customer, who also remembers the source, so that nothing is recorded twice."""
            customer: Any = super().mutate(aggregate)
            customer.sources.add(self.source_id)
            return customer

    class Opened(Event, Created):
        """The stream belongs to this identifier."""

        TOPIC = "customer.opened"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(identity="kind value")
        kind: Sealed[IdentifierKind]
        value: Sealed[str]

    class Reopened(Event):
        """The stream's beginning has expired, and somebody came with its identifier: what it belongs to, again."""

        TOPIC = "customer.reopened"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(identity="kind value")
        kind: Sealed[IdentifierKind]
        value: Sealed[str]

    class IdentifierLinked(Event):
        """This stream and ``other`` are the same person; ``other`` records the same."""

        TOPIC = "customer.identifier_linked"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(links="other other_kind evidence")
        other: Sealed[UUID]
        other_kind: Sealed[IdentifierKind]
        evidence: Sealed[str]

    class IdentifierUnlinked(Event):
        """The link to ``other`` was wrong or has ended."""

        TOPIC = "customer.identifier_unlinked"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(links="other reason")
        other: Sealed[UUID]
        reason: Sealed[Text]

    class ProbablyLinked(Event):
        """What is told of this stream and ``other`` makes them one person: ``weight`` bits by that ``model``, against
        the threshold of its time. ``compared``: what each comparison told; no value of anybody's."""

        TOPIC = "customer.probably_linked"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(links="other other_kind weight model compared")
        other: Sealed[UUID]
        other_kind: Sealed[IdentifierKind]
        weight: Sealed[float]
        model: Sealed[Name]
        compared: Sealed[tuple[Compared, ...]]

    class ProbablyUnlinked(Event):
        """The evidence for ``other`` does not carry the link any more."""

        TOPIC = "customer.probably_unlinked"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(links="other model reason")
        other: Sealed[UUID]
        model: Sealed[Name]
        reason: Sealed[Text]

    class ConfirmedSame(Event):
        """Somebody of the staff (``officer``) decided that ``other`` is the same person."""

        TOPIC = "customer.confirmed_same"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(links="other other_kind officer reason")
        other: Sealed[UUID]
        other_kind: Sealed[IdentifierKind]
        officer: Sealed[Name]
        reason: Sealed[Text]

    class KeptApart(Event):
        """A veto: ``other`` is another person, whatever links say. None for ``officer``: a rule found it."""

        TOPIC = "customer.kept_apart"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(links="other officer reason")
        other: Sealed[UUID]
        officer: Sealed[Name | None] = None
        reason: Sealed[Text]

    class ApartEnded(Event):
        """The veto is lifted. A rule lifts none that an officer spoke."""

        TOPIC = "customer.apart_ended"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(links="other officer reason")
        other: Sealed[UUID]
        officer: Sealed[Name | None] = None
        reason: Sealed[Text]

    class DetailsGiven(Event):
        """What the person, or a shop system on their behalf, told about them."""

        TOPIC = "customer.details_given"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(details="details")
        details: Sealed[Details]

    class DetailsCorrected(Event):
        """Rectification (Art. 16 GDPR): ``details`` are right, whatever channels tell before or after. Of ``cleared``
        nothing right is known. ``by``: who corrected it, as an id that says nothing to outsiders."""

        TOPIC = "customer.details_corrected"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(details="details cleared", rights="by reason")
        details: Sealed[Details]
        cleared: Sealed[tuple[Name, ...]] = ()
        by: Sealed[Name]
        reason: Sealed[Text]

    class LoyaltyJoined(Event):
        """The person became a member of the loyalty programme."""

        TOPIC = "customer.loyalty_joined"
        RETENTION: ClassVar = Retention.IDENTITY
        USES: ClassVar = uses(loyalty="tier")
        tier: Sealed[Name | None] = None

    class Seen(Event):
        """A visit: a page, screen or app opened, and how the visitor came."""

        TOPIC = "customer.seen"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(visits="page url referrer campaign device location")
        page: Sealed[Text | None] = None
        url: Sealed[Url | None] = None
        referrer: Sealed[Url | None] = None
        campaign: Sealed[Campaign | None] = None
        device: Sealed[Name | None] = None
        location: Sealed[Name | None] = None

    class ProductViewed(Event):
        TOPIC = "customer.product_viewed"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(interests="sku category brand price_cents currency", visits="device location")
        sku: Sealed[Sku]
        category: Sealed[Name | None] = None
        brand: Sealed[Name | None] = None
        price_cents: Sealed[Cents | None] = None
        currency: Sealed[Currency | None] = None
        device: Sealed[Name | None] = None
        location: Sealed[Name | None] = None

    class CategoryBrowsed(Event):
        TOPIC = "customer.category_browsed"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(interests="category")
        category: Sealed[Name]

    class Searched(Event):
        TOPIC = "customer.searched"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(interests="query")
        query: Sealed[Text]

    class AddedToCart(Event):
        TOPIC = "customer.added_to_cart"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(carts="line currency")
        line: Sealed[Line]
        currency: Sealed[Currency | None] = None

    class RemovedFromCart(Event):
        TOPIC = "customer.removed_from_cart"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(carts="sku quantity")
        sku: Sealed[Sku]
        quantity: Sealed[Quantity]

    class CartReplaced(Event):
        """The whole cart as the channel reports it; what was in it before is gone."""

        TOPIC = "customer.cart_replaced"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(carts="lines currency")
        lines: Sealed[tuple[Line, ...]]
        currency: Sealed[Currency | None] = None

    class CheckoutStarted(Event):
        TOPIC = "customer.checkout_started"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(carts="checkout_id lines total_cents currency")
        checkout_id: Sealed[Name | None] = None
        lines: Sealed[tuple[Line, ...]] = ()
        total_cents: Sealed[Cents | None] = None
        currency: Sealed[Currency | None] = None

    class OrderPlaced(Event):
        """A sale, online or at a till. Amounts, date and channel stay readable after erasure; SKUs do not."""

        TOPIC = "customer.order_placed"
        RETENTION: ClassVar = Retention.TRANSACTION
        USES: ClassVar = uses(
            books="occurred_at channel order_id total_cents currency tax_cents shipping_cents discount_cents",
            goods="lines store",
        )
        occurred_at: Ledger[datetime]
        channel: Ledger[Channel]
        order_id: Ledger[Name]
        total_cents: Ledger[Cents]
        currency: Ledger[Currency]
        tax_cents: Ledger[Cents] = 0
        shipping_cents: Ledger[Cents] = 0
        discount_cents: Ledger[Cents] = 0
        lines: Sealed[tuple[Line, ...]]
        store: Sealed[Name | None] = None

    class LinesReturned(Event):
        """Goods came back or an order was cancelled. No lines means that only money was returned."""

        TOPIC = "customer.lines_returned"
        RETENTION: ClassVar = Retention.TRANSACTION
        USES: ClassVar = uses(
            books="occurred_at channel order_id return_id refund_cents currency", goods="lines reason"
        )
        occurred_at: Ledger[datetime]
        channel: Ledger[Channel]
        order_id: Ledger[Name]
        return_id: Ledger[Name]
        refund_cents: Ledger[Cents]
        currency: Ledger[Currency]
        lines: Sealed[tuple[Line, ...]] = ()
        reason: Sealed[Text | None] = None

    class ConsentGiven(Event):
        """``medium`` is where the purpose may be pursued (None: everywhere)."""

        TOPIC = "customer.consent_given"
        RETENTION: ClassVar = Retention.CONSENT
        USES: ClassVar = uses(choices="purpose medium basis policy_version")
        purpose: Sealed[Purpose]
        medium: Sealed[Channel | None] = None
        basis: Sealed[LawfulBasis]
        policy_version: Sealed[Name]

    class ConsentWithdrawn(Event):
        TOPIC = "customer.consent_withdrawn"
        RETENTION: ClassVar = Retention.CONSENT
        USES: ClassVar = uses(choices="purpose medium basis policy_version")
        purpose: Sealed[Purpose]
        medium: Sealed[Channel | None] = None
        basis: Sealed[LawfulBasis]
        policy_version: Sealed[Name]

    class ConsentStringReceived(Event):
        """What a consent platform passes on, as it is: a TCF, GPP or US Privacy string of the IAB."""

        TOPIC = "customer.consent_string_received"
        RETENTION: ClassVar = Retention.CONSENT
        USES: ClassVar = uses(choices="framework text")
        framework: Sealed[ConsentFramework]
        text: Sealed[ConsentString]

    class AccessRequested(Event):
        """The person, or a shop system on their behalf, asks for what is known about them (Art. 15 GDPR)."""

        TOPIC = "customer.access_requested"
        RETENTION: ClassVar = Retention.CONSENT
        USES: ClassVar = uses(rights="request_id")
        request_id: Sealed[Name]

    class AccessGranted(Event):
        """It was handed out. ``request_id`` None: nobody had asked in a way that is recorded."""

        TOPIC = "customer.access_granted"
        RETENTION: ClassVar = Retention.CONSENT
        USES: ClassVar = uses(rights="request_id by")
        request_id: Sealed[Name | None] = None
        by: Sealed[Name]

    class RecommendationShown(Event):
        """An impression, as the channel reports it: SKUs in the order of their positions."""

        TOPIC = "customer.recommendation_shown"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(exposure="placement skus decision_id")
        placement: Sealed[Name]
        skus: Sealed[tuple[Sku, ...]]
        decision_id: Sealed[Name | None] = None

    class RecommendationClicked(Event):
        TOPIC = "customer.recommendation_clicked"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(exposure="placement sku position decision_id")
        placement: Sealed[Name]
        sku: Sealed[Sku]
        position: Sealed[Quantity | None] = None
        decision_id: Sealed[Name | None] = None

    class ExperimentExposed(Event):
        """An arm of an experiment was used for an answer, the first time for this stream."""

        TOPIC = "customer.experiment_exposed"
        RETENTION: ClassVar = Retention.BEHAVIOUR
        USES: ClassVar = uses(exposure="experiment variant hash_version decision_id")
        experiment: Sealed[Name]
        variant: Sealed[Name]
        hash_version: Sealed[HashVersion]
        decision_id: Sealed[Name | None] = None

    class CustomerErased(Event):
        """The person's keys are destroyed next. From here on the stream takes nothing but what the law wants kept."""

        TOPIC = "customer.customer_erased"
        RETENTION: ClassVar = Retention.TRANSACTION
        USES: ClassVar = uses(rights="occurred_at source_id channel request")
        occurred_at: Ledger[datetime]
        source_id: Ledger[str]
        channel: Ledger[Channel]
        request: Ledger[UUID]

    class LedgerRefunded(Event):
        """Money that went back for an order of somebody who was erased: for the books, and of nobody."""

        TOPIC = "customer.ledger_refunded"
        RETENTION: ClassVar = Retention.TRANSACTION
        USES: ClassVar = uses(books="occurred_at source_id channel order_id return_id refund_cents currency")
        occurred_at: Ledger[datetime]
        source_id: Ledger[str]
        channel: Ledger[Channel]
        order_id: Ledger[Name]
        return_id: Ledger[Name]
        refund_cents: Ledger[Cents]
        currency: Ledger[Currency]

    #: False until ``CustomerErased``, or where the stream's key is gone.
    erased = False
    #: Whether sharing was refused by the last word recorded on it.
    opted_out = False

    @event(Opened)
    def __init__(self, kind: IdentifierKind) -> None:
        self.kind = kind
        self.sources: set[str] = set()
        self.linked: set[UUID] = set()
        self.likely: set[UUID] = set()
        self.apart: dict[UUID, bool] = {}  # whether an officer said so
        self.orders: set[str] = set()
        self.returns: set[str] = set()
        self.exposed: set[str] = set()

    @classmethod
    def open(cls, stream: UUID, identifier: Identifier, *, occurred_at: datetime, channel: Channel) -> Self:
        """A new stream for an identifier not seen before."""
        return cls._create(
            cls.Opened,
            id=stream,
            kind=identifier.kind,
            value=identifier.value,
            occurred_at=occurred_at,
            source_id="open",
            channel=channel,
        )

    @classmethod
    def forgotten(cls, first: Erased, *, erased: bool = True) -> Self:
        """A stream whose beginning cannot be read any more: the person is erased, or that month's facts have expired
        and the stream goes on. Of what cannot be read, orders and returns are known by the ledger alone."""
        customer = cls.__new__(cls)
        customer.__base_init__(first.originator_id, first.originator_version, first.timestamp)
        customer.sources, customer.linked, customer.exposed = set(), set(), set()
        customer.likely, customer.apart = set(), {}
        customer.orders, customer.returns = set(), set()
        customer.erased = erased
        return customer

    def known_by(self, identifier: Identifier, *, occurred_at: datetime, channel: Channel) -> None:
        """Says again what a stream belongs to whose beginning has expired; others know."""
        if not self.erased and not hasattr(self, "kind"):
            self.trigger_event(
                self.Reopened,
                kind=identifier.kind,
                value=identifier.value,
                occurred_at=occurred_at,
                source_id=f"reopen:{self.version}",
                channel=channel,
            )

    def erase(self, request: UUID, *, occurred_at: datetime) -> None:
        """Says once that the person is erased."""
        if not self.erased:
            self.trigger_event(
                self.CustomerErased,
                request=request,
                occurred_at=occurred_at,
                source_id=f"erasure:{request.hex}",
                channel=Channel.SERVICE,
            )

    def record(self, fact: type[Event], *, source_id: str, **fields: Any) -> None:
        """Records a fact that needs no decision but one: it is not recorded yet. Raises CustomerErasedError."""
        if self.erased:
            raise CustomerErasedError(self.id)
        if source_id not in self.sources:
            self.trigger_event(fact, source_id=source_id, **fields)

    def link(self, other: UUID, **fields: Any) -> None:
        """Says once that this stream and ``other`` are one person."""
        if other != self.id and other not in self.linked:
            self.record(self.IdentifierLinked, other=other, **fields)

    def unlink(self, other: UUID, **fields: Any) -> None:
        """Takes a link back; unknown links are none to take back."""
        if other in self.linked:
            self.record(self.IdentifierUnlinked, other=other, **fields)

    def link_probably(self, other: UUID, **fields: Any) -> None:
        """Says once what scores say; nothing where they are linked already, or kept apart."""
        if other != self.id and other not in (self.linked | self.likely | self.apart.keys()):
            self.record(self.ProbablyLinked, other=other, **fields)

    def unlink_probably(self, other: UUID, **fields: Any) -> None:
        """Takes back what scores said."""
        if other in self.likely:
            self.record(self.ProbablyUnlinked, other=other, **fields)

    def confirm_same(self, other: UUID, **fields: Any) -> None:
        """An officer's word; it lifts a veto."""
        if other != self.id and (other in self.apart or other not in self.linked):
            self.record(self.ConfirmedSame, other=other, **fields)

    def keep_apart(self, other: UUID, *, officer: str | None, **fields: Any) -> None:
        """A veto. An officer's word takes the place of a rule's, never the other way round."""
        known = self.apart.get(other)
        if other != self.id and (known is None or (officer is not None and not known)):
            self.record(self.KeptApart, other=other, officer=officer, **fields)

    def end_apart(self, other: UUID, *, officer: str | None, **fields: Any) -> None:
        """Lifts a veto; a rule only one that no officer spoke."""
        known = self.apart.get(other)
        if known is not None and (officer is not None or not known):
            self.record(self.ApartEnded, other=other, officer=officer, **fields)

    @property
    def tied(self) -> set[UUID]:
        """All streams that this one says something of: linked, likely, or kept apart."""
        return self.linked | self.likely | self.apart.keys()

    def untie(self, other: UUID, *, source_id: str, reason: str, **fields: Any) -> None:
        """Ends all that is said of ``other``, who was erased."""
        self.unlink(other, source_id=source_id, reason=reason, **fields)
        self.unlink_probably(other, source_id=f"{source_id}:likely", model="none", reason=reason, **fields)
        self.end_apart(other, source_id=f"{source_id}:apart", officer=reason, reason=reason, **fields)

    def place_order(self, order_id: str, **fields: Any) -> None:
        """An order is placed once, however many systems report it."""
        if order_id not in self.orders:
            self.record(self.OrderPlaced, order_id=order_id, **fields)

    def return_lines(self, return_id: str, **fields: Any) -> None:
        """A return is recorded once. It may come before its order does: deliveries are in no order. Of somebody who
        was erased only money and order are recorded. Raises CustomerErasedError where the order is not theirs."""
        if return_id in self.returns:
            return
        if self.erased and fields["order_id"] in self.orders:
            self._refund(return_id, **fields)
        else:
            self.record(self.LinesReturned, return_id=return_id, **fields)

    def _refund(self, return_id: str, **fields: Any) -> None:
        kept = ("order_id", "refund_cents", "currency", "occurred_at", "channel")
        told = {name: fields[name] for name in kept}
        self.trigger_event(self.LedgerRefunded, return_id=return_id, source_id=f"return:{return_id}", **told)

    def recall(self, ledger: dict[str, Any]) -> None:
        """An order or a return of which only the ledger tells is not recorded again."""
        if "return_id" in ledger:
            self.returns.add(ledger["return_id"])
        elif "order_id" in ledger:
            self.orders.add(ledger["order_id"])

    def expose(self, experiment: str, **fields: Any) -> None:
        """Exposed once to each experiment: the first arm is the one that counts, whatever is said later."""
        if experiment not in self.exposed:
            self.record(self.ExperimentExposed, experiment=experiment, **fields)

    @event(Reopened)
    def _reopened(self, kind: IdentifierKind) -> None:
        self.kind = kind

    def opt_out(self, *, source_id: str, **fields: Any) -> None:
        """Objects to sharing, once: as long as it stands, saying it again records nothing."""
        if not self.opted_out:
            self.record(self.ConsentWithdrawn, source_id=source_id, purpose=Purpose.SHARING, **fields)

    @event(ConsentGiven)
    def _consent_given(self, purpose: Purpose) -> None:
        self.opted_out = self.opted_out and purpose != Purpose.SHARING

    @event(ConsentWithdrawn)
    def _consent_withdrawn(self, purpose: Purpose) -> None:
        self.opted_out = self.opted_out or purpose == Purpose.SHARING

    @event(IdentifierLinked)
    def _linked(self, other: UUID) -> None:
        self.linked.add(other)

    @event(IdentifierUnlinked)
    def _unlinked(self, other: UUID) -> None:
        self.linked.discard(other)

    @event(ProbablyLinked)
    def _probably_linked(self, other: UUID) -> None:
        self.likely.add(other)

    @event(ProbablyUnlinked)
    def _probably_unlinked(self, other: UUID) -> None:
        self.likely.discard(other)

    @event(ConfirmedSame)
    def _confirmed(self, other: UUID) -> None:
        self.linked.add(other)
        self.apart.pop(other, None)

    @event(KeptApart)
    def _kept_apart(self, other: UUID, officer: str | None) -> None:
        self.apart[other] = officer is not None

    @event(ApartEnded)
    def _apart_ended(self, other: UUID) -> None:
        self.apart.pop(other, None)

    @event(OrderPlaced)
    def _order_placed(self, order_id: str) -> None:
        self.orders.add(order_id)

    @event(LinesReturned)
    def _lines_returned(self, return_id: str) -> None:
        self.returns.add(return_id)

    @event(CustomerErased)
    def _erased(self) -> None:
        self.erased = True

    @event(LedgerRefunded)
    def _ledger_refunded(self, return_id: str) -> None:
        self.returns.add(return_id)

    @event(ExperimentExposed)
    def _exposed(self, experiment: str) -> None:
        self.exposed.add(experiment)


#: What tells which identifier a stream belongs to.
BEGUN = (Customer.Opened, Customer.Reopened)
