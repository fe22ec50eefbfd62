"""One filled-in event of every class that the log stores, for tests of what becomes of them there."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.utils import get_topic

from domain.arm import Arm, Objectives
from domain.assignment.hashing import HashVersion
from domain.customer import Customer
from domain.design import Holdout, Namespace
from domain.event import Created, Event
from domain.experiment import Design, Experiment, Variant
from domain.identity import IdentifierKind
from domain.merchandising import Action, Condition, Filter, Rule, RuleBook
from domain.product import Product
from domain.values import Campaign, Channel, Compared, ConsentFramework, Details, LawfulBasis, Line, Purpose

OCCURRED_AT = datetime(2025, 5, 17, 13, 14, 15, 161_718, tzinfo=UTC)
RECORDED_AT = datetime(2025, 6, 1, 2, 3, 4, 567_891, tzinfo=UTC)
#: A person's own words and data: none may be readable anywhere.
EMAIL, NAME, STREET, QUERY = "ada.canary@example.org", "Ada Canary-Lovelace", "7 Canary Wharf", "size 44 canary"
SKU = "SKU-CANARY-1"
LINE = Line(sku=SKU, quantity=2, price_cents=1999, discount_cents=100, category="Shoes", brand="B", size="44")
PERSONAL = (EMAIL, NAME, STREET, QUERY, SKU)
DETAILS = Details(
    name=NAME,
    birth_date="1990-12-10",
    age=34,
    gender="f",
    city="C",
    region="R",
    country="GB",
    postcode="1",
    street=STREET,
)
CONSENT: dict[str, Any] = {
    "purpose": Purpose.PROFILING,
    "medium": Channel.EMAIL,
    "basis": LawfulBasis.LEGITIMATE_INTEREST,
    "policy_version": "2025-1",
}
CUSTOMER: dict[type[Customer.Event], dict[str, Any]] = {
    Customer.Opened: {"kind": IdentifierKind.EMAIL, "value": EMAIL},
    Customer.IdentifierLinked: {"other": uuid4(), "other_kind": IdentifierKind.DEVICE, "evidence": "Identify"},
    Customer.IdentifierUnlinked: {"other": uuid4(), "reason": "shared device"},
    Customer.DetailsGiven: {"details": DETAILS},
    Customer.LoyaltyJoined: {"tier": "gold"},
    Customer.Seen: {
        "page": "Home",
        "url": "https://shop.example/",
        "referrer": "https://search.example/",
        "campaign": Campaign(source="news", medium="m", name="n", term="t", content="c", click_ids={"gclid": "1"}),
        "device": "phone",
        "location": "GB",
    },
    Customer.ProductViewed: {
        "sku": SKU,
        "category": "Shoes",
        "brand": "B",
        "price_cents": 1999,
        "currency": "EUR",
        "device": "phone",
        "location": "GB",
    },
    Customer.CategoryBrowsed: {"category": "Shoes"},
    Customer.Searched: {"query": QUERY},
    Customer.AddedToCart: {"line": LINE, "currency": "EUR"},
    Customer.RemovedFromCart: {"sku": SKU, "quantity": 3},
    Customer.CartReplaced: {"lines": (LINE, LINE), "currency": "EUR"},
    Customer.CheckoutStarted: {"checkout_id": "c-1", "lines": (LINE,), "total_cents": 3898, "currency": "EUR"},
    Customer.OrderPlaced: {
        "order_id": "ORDER-77",
        "total_cents": 3898,
        "currency": "EUR",
        "tax_cents": 622,
        "shipping_cents": 5,
        "discount_cents": 100,
        "lines": (LINE,),
        "store": "S1",
    },
    Customer.LinesReturned: {
        "order_id": "ORDER-77",
        "return_id": "RETURN-8",
        "refund_cents": 1899,
        "currency": "EUR",
        "lines": (LINE,),
        "reason": "too small",
    },
    Customer.ConsentGiven: CONSENT,
    Customer.ConsentWithdrawn: CONSENT,
    Customer.RecommendationShown: {"placement": "home", "skus": (SKU, "B"), "decision_id": "d"},
    Customer.ExperimentExposed: {
        "experiment": "hero",
        "variant": "bold",
        "hash_version": HashVersion.BLAKE,
        "decision_id": "d",
    },
    Customer.RecommendationClicked: {"placement": "home", "sku": SKU, "position": 2, "decision_id": "d"},
    Customer.Reopened: {"kind": IdentifierKind.EMAIL, "value": EMAIL},
    Customer.DetailsCorrected: {"details": DETAILS, "cleared": ("street",), "by": "key:desk", "reason": "it was wrong"},
    Customer.ConsentStringReceived: {"framework": ConsentFramework.TCF, "text": "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYg"},
    Customer.AccessRequested: {"request_id": "shopify:data_request:42"},
    Customer.AccessGranted: {"request_id": "shopify:data_request:42", "by": "key:desk"},
    Customer.ProbablyLinked: {
        "other": uuid4(),
        "other_kind": IdentifierKind.USER,
        "weight": 14.25,
        "model": "0123456789abcdef",
        "compared": (Compared(comparison="born", level="equal", weight=14.1),),
    },
    Customer.ProbablyUnlinked: {"other": uuid4(), "model": "0123456789abcdef", "reason": "the scores fell"},
    Customer.ConfirmedSame: {
        "other": uuid4(),
        "other_kind": IdentifierKind.USER,
        "officer": "officer:ann",
        "reason": "same card",
    },
    Customer.KeptApart: {"other": uuid4(), "officer": "officer:ann", "reason": "two people"},
    Customer.ApartEnded: {"other": uuid4(), "officer": "officer:ann", "reason": "it was a mistake"},
    Customer.CustomerErased: {"request": uuid4()},
    Customer.LedgerRefunded: {
        "order_id": "ORDER-77",
        "return_id": "RETURN-9",
        "refund_cents": 1899,
        "currency": "EUR",
    },
}
DESIGN = Design(
    hypothesis="h",
    primary_metric="aov",
    guardrail_metrics=("returns",),
    variants=(
        Variant(name="a", buckets=5000),
        Variant(name="b", buckets=5000, changes=Arm(weights=Objectives(revenue=0.4), placements={"home": {"cap": 5}})),
    ),
    minimum_effect=0.02,
    targeting={"segments": {"$in": ["vip"]}, "$not": {"store": {"$exists": True}}},
    namespace=Namespace(name="home", since=0, until=5000),
    holdout=Holdout(name="2026", buckets=500),
)
RULES: dict[str, Any] = {
    "actor": "cli",
    "digest": "0" * 32,
    "rules": (Rule(key="no-fur", then=Action(filter=Filter()), when=Condition(tag=("fur",))),),
}
PUBLIC: dict[type[Product.Event] | type[Experiment.Event] | type[RuleBook.Event], dict[str, Any]] = {
    Product.Opened: {"sku": SKU},
    Product.Listed: {
        "title": "T",
        "category": "Shoes",
        "brand": "B",
        "colour": "red",
        "size": "44",
        "tags": ("x", "y"),
        "image": "/i.jpg",
        "active": False,
        "product_ref": "1",
        "stock_ref": "2",
        "style": "boho",
        "season": "SS25",
        "introduced_at": OCCURRED_AT,
    },
    Product.PriceChanged: {"price_cents": 100, "currency": "EUR", "compare_at_cents": 200},
    Product.Costed: {"cost_cents": 40, "currency": "EUR"},
    Product.StockCounted: {"location": "1", "available": -4},
    Experiment.Designed: {"key": "k", "seed": "k", "design": DESIGN},
    Experiment.Started: {"coverage": 2500},
    Experiment.Ramped: {"coverage": 5000},
    Experiment.Reweighted: {"buckets": {"a": 2500, "b": 7500}},
    Experiment.Paused: {"reason": "a doubt"},
    Experiment.MismatchFound: {"counts": {"control": 400, "bold": 600}, "p_value": "1e-9"},
    Experiment.Resumed: {},
    Experiment.Shipped: {"variant": "b", "reason": "it helps"},
    Experiment.Stopped: {"reason": "done"},
    RuleBook.Opened: {"key": "main", "actor": "cli"},
    RuleBook.DraftSaved: RULES,
    RuleBook.Published: RULES,
    RuleBook.Withdrawn: {**RULES, "keys": ("no-fur",)},
    RuleBook.RolledBack: RULES,
}


def stored_classes() -> set[type[Event]]:
    """Every event class that has a stored name."""
    return {c for a in (Customer, Product, Experiment, RuleBook) for c in vars(a).values() if _is_event(c)}


def example(cls: type[Event], stream: UUID, version: int = 1, **others: Any) -> Event:
    """An event of the class, filled in."""
    channel = {"channel": Channel.MOBILE} if issubclass(cls, Customer.Event) else {}
    created = {"originator_topic": get_topic(cls).partition(".")[0]} if issubclass(cls, Created) else {}
    facts: dict[Any, dict[str, Any]] = {**CUSTOMER, **PUBLIC}
    given: dict[str, Any] = {
        "originator_id": stream,
        "originator_version": version,
        "timestamp": RECORDED_AT,
        "occurred_at": OCCURRED_AT,
        "source_id": "segment:message-1",
        **channel,
        **created,
        **facts[cls],
        **others,
    }
    return cls(**given)


def examples(stream: UUID) -> Iterator[Event]:
    """One event of every class, all on one stream."""
    for cls in sorted(stored_classes(), key=get_topic):
        yield example(cls, stream)


def _is_event(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, Event) and hasattr(thing, "TOPIC")
