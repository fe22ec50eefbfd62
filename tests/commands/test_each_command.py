"""Each command records exactly what it was told, as the event of its name; nothing of it is lost or made up."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic_core import PydanticUndefined

from commands import browse, cart, consent, identify, order, rights, stock
from commands.command import Command, CustomerCommand, ProductCommand
from domain.customer import Customer
from domain.event import Event
from domain.product import Product, product_id
from domain.values import Campaign, Channel, ConsentFramework, Details, LawfulBasis, Line, Purpose
from tests.commands.test_bus import NOW, House, base, who

LINE = Line(sku="S", quantity=2, price_cents=900, discount_cents=50, category="Skirts", brand="Acme", size="M")
SALE: dict[str, Any] = {"tax_cents": 3, "shipping_cents": 4, "discount_cents": 5, "store": "9"}
SPOT: dict[str, Any] = {"device": "ios", "location": "Rome"}
OFFER: dict[str, Any] = {"category": "Skirts", "brand": "Acme", **SPOT}
ABOUT: dict[str, Any] = {"colour": "red", "size": "M", "tags": ("new",), "image": "/a.jpg", "active": False}
MORE: dict[str, Any] = {"style": "boho", "season": "summer", "introduced_at": datetime(2026, 1, 1, tzinfo=UTC)}
MEDIUM: dict[str, Any] = {"purpose": Purpose.EMAIL, "medium": Channel.EMAIL, "policy_version": "7"}
VISIT: dict[str, Any] = {"page": "Home", "url": "https://a.example/", "referrer": "https://b.example/"}

#: A command, the event that it records, what must be told and what may be told beside it.
CASES: list[tuple[type[Command], type[Event], dict[str, Any], dict[str, Any]]] = [
    (browse.RecordVisit, Customer.Seen, {}, {**VISIT, "campaign": Campaign(source="n"), **SPOT}),
    (browse.RecordView, Customer.ProductViewed, {"sku": "S"}, {**OFFER, "price_cents": 9, "currency": "EUR"}),
    (browse.BrowseCategory, Customer.CategoryBrowsed, {"category": "Skirts"}, {}),
    (browse.RecordSearch, Customer.Searched, {"query": "red"}, {}),
    (
        browse.ShowRecommendations,
        Customer.RecommendationShown,
        {"placement": "home", "skus": ("S", "T")},
        {"decision_id": "d"},
    ),
    (
        browse.ClickRecommendation,
        Customer.RecommendationClicked,
        {"placement": "home", "sku": "S"},
        {"position": 3, "decision_id": "d"},
    ),
    (cart.AddToCart, Customer.AddedToCart, {"line": LINE}, {"currency": "EUR"}),
    (cart.RemoveFromCart, Customer.RemovedFromCart, {"sku": "S", "quantity": 2}, {}),
    (cart.ReplaceCart, Customer.CartReplaced, {"lines": (LINE, LINE)}, {"currency": "EUR"}),
    (
        cart.StartCheckout,
        Customer.CheckoutStarted,
        {},
        {"checkout_id": "c", "lines": (LINE,), "total_cents": 9, "currency": "EUR"},
    ),
    (consent.GiveConsent, Customer.ConsentGiven, {**MEDIUM, "basis": LawfulBasis.CONTRACT}, {}),
    (consent.WithdrawConsent, Customer.ConsentWithdrawn, {**MEDIUM, "basis": LawfulBasis.CONSENT}, {}),
    (
        consent.PassConsentString,
        Customer.ConsentStringReceived,
        {"framework": ConsentFramework.TCF, "text": "CPXxRfA.YAAA"},
        {},
    ),
    (consent.RequestAccess, Customer.AccessRequested, {"request_id": "shopify:data_request:9"}, {}),
    (identify.Identify, Customer.DetailsGiven, {"details": Details(city="Rome")}, {}),
    (identify.JoinLoyalty, Customer.LoyaltyJoined, {}, {"tier": "gold"}),
    (
        order.PlaceOrder,
        Customer.OrderPlaced,
        {"order_id": "o", "total_cents": 9, "currency": "EUR", "lines": (LINE,)},
        SALE,
    ),
    (
        order.ReturnLines,
        Customer.LinesReturned,
        {"order_id": "o", "return_id": "r", "refund_cents": 9, "currency": "EUR"},
        {"lines": (LINE,), "reason": "small"},
    ),
    (
        stock.ListProduct,
        Product.Listed,
        {"title": "T"},
        {"category": "Skirts", "brand": "Acme", "product_ref": "p", "stock_ref": "i", **MORE, **ABOUT},
    ),
    (stock.TellCost, Product.Costed, {"cost_cents": 9, "currency": "EUR"}, {}),
    (stock.ChangePrice, Product.PriceChanged, {"price_cents": 9, "currency": "EUR"}, {"compare_at_cents": 12}),
    (stock.CountStock, Product.StockCounted, {"available": -1}, {"location": "Rome"}),
]


def kinds(of: type[Command]) -> set[type[Command]]:
    """All commands of a kind."""
    return {cls for kind in of.__subclasses__() for cls in (kind, *kinds(kind))}


def test_there_is_no_other_command() -> None:
    written = {cls for of in (CustomerCommand, ProductCommand) for cls in kinds(of)}
    own = {cls for cls in written if cls.__module__.startswith("commands.")}
    assert own == {cls for cls, *_ in CASES} | {identify.UnlinkIdentifier, consent.OptOut}


@pytest.mark.parametrize("more", [False, True], ids=["least", "most"])
@pytest.mark.parametrize(("cls", "event", "must", "may"), CASES, ids=[cls.__name__ for cls, *_ in CASES])
def test_it_records_what_it_was_told(
    cls: type[Command], event: type[Event], must: dict[str, Any], may: dict[str, Any], more: bool
) -> None:
    told = {**must, **(may if more else {})}
    ours = (
        {"source_id": "1", "occurred_at": NOW, "sku": "S"} if issubclass(cls, ProductCommand) else base("1", "user:4")
    )
    house = House()
    (outcome,) = house.bus.dispatch([cls(**{**ours, **told})])
    assert (outcome.version, outcome.events, outcome.refused) == (2, 1, None)
    found = _last(house, cls)
    assert type(found) is event
    facts = {name: getattr(found, name) for name in type(found).model_fields.keys() - {"timestamp"}}
    stream = product_id("S") if issubclass(cls, ProductCommand) else house.directory[who("user:4")]
    where = {} if issubclass(cls, ProductCommand) else {"channel": Channel.WEB}
    envelope = {"originator_id": stream, "originator_version": 2, "occurred_at": NOW, "source_id": "1", **where}
    unsaid = {name: field.default for name, field in cls.model_fields.items() if name in may and not more}
    assert facts == {**envelope, **unsaid, **told}
    assert all(event.model_fields[name].default in (default, PydanticUndefined) for name, default in unsaid.items())


def _last(house: House, cls: type[Command]) -> Event:
    log = house.catalogue if issubclass(cls, ProductCommand) else house.shards[0]
    ((*_, last),) = log.events.values()
    return last


def test_an_opt_out_is_recorded_once_as_long_as_it_stands() -> None:
    house = House()
    back = {"purpose": Purpose.SHARING, "policy_version": "7", "basis": LawfulBasis.CONSENT}
    for source in "ab":
        house.bus.dispatch([consent.OptOut(**base(source, "user:4"), policy_version="Sec-GPC")])
    house.bus.dispatch([consent.GiveConsent(**base("c", "user:4"), **back)])
    for source in "de":
        house.bus.dispatch([consent.OptOut(**base(source, "user:4"), policy_version="Sec-GPC")])
    assert house.told("user:4") == ["Opened", "ConsentWithdrawn", "ConsentGiven", "ConsentWithdrawn"]


def test_what_goes_to_a_stream_opens_none_and_is_recorded_once() -> None:
    house, known = House(), {"reason": "passport", "by": "key:desk", "occurred_at": NOW}
    (nobody,) = house.bus.dispatch(
        [rights.CorrectDetails(source_id="a", stream=uuid4(), details=Details(city="Rome"), **known)]
    )
    assert nobody.refused == "UnknownStream"
    house.bus.dispatch([browse.RecordSearch(**base("s", "user:4"), query="q")])
    stream = house.directory[who("user:4")]
    for _ in range(2):
        house.bus.dispatch([rights.CorrectDetails(source_id="a", stream=stream, cleared=("city", "city"), **known)])
        house.bus.dispatch([rights.GrantAccess(source_id="g", stream=stream, by="key:desk", occurred_at=NOW)])
        house.bus.dispatch([rights.Object(source_id="o", stream=stream, policy_version="Sec-GPC", occurred_at=NOW)])
    told = ["Opened", "Searched", "DetailsCorrected", "AccessGranted", "ConsentWithdrawn"]
    assert house.told("user:4") == told


@pytest.mark.parametrize("details", [None, Details()])
def test_who_tells_nothing_gives_no_details(details: Details | None) -> None:
    house = House()
    (outcome,) = house.bus.dispatch([identify.Identify(**base("1", "user:4"), details=details)])
    assert outcome.events == 0 and house.told("user:4") == ["Opened"]


def test_a_line_is_one_piece_at_no_discount_unless_it_says_so() -> None:
    assert Line(sku="S").model_dump(exclude_none=True) == {"sku": "S", "quantity": 1, "discount_cents": 0}
    assert cart.RemoveFromCart(**base("1", "user:4"), sku="S").quantity == 1


def test_hot_aggregates_are_not_loaded_again() -> None:
    house, asked = House(), []
    load = house.shards[0].load
    house.shards[0].load = lambda streams: asked.append(list(streams)) or load(streams)  # type: ignore[func-returns-value, method-assign]
    for source in "abc":
        house.bus.dispatch([browse.RecordSearch(**base(source, "user:4"), query="q")])
    assert asked == [[house.directory[who("user:4")]]]
