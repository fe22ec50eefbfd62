"""What is planted: a person's words, each a string that is nowhere else, by the channel that they come through."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.identity import Identifier, IdentifierKind

N = "q7canary"
AT = (datetime.now(UTC) - timedelta(hours=2)).isoformat(timespec="seconds")
EMAIL, PHONE, USER = f"ann.{N}@hunt.example", "+4915799123477", f"user-{N}"
WHO = Identifier(kind=IdentifierKind.USER, value=USER)
SHOP = Identifier(kind=IdentifierKind.USER, value="shopify:770077")
CARD = Identifier(kind=IdentifierKind.LOYALTY, value=f"{N}-loyalty-9x")
#: Whom scores make one with her, and whom an officer does.
TWIN, LIKE = (Identifier(kind=IdentifierKind.USER, value=f"{N}-{name}-9x") for name in ("twin", "like"))


def mark(what: str) -> str:
    """A string that is nowhere else."""
    return f"{N}-{what}-9x"


SAID = {"anonymousId": mark("visitor"), "userId": USER, "timestamp": AT}
ADDRESS = {"street": mark("street"), "city": mark("city"), "state": mark("state"), "postalCode": mark("zip")}
TRAITS: dict[str, Any] = {
    "email": EMAIL,
    "phone": PHONE,
    "name": f"{N}ine {mark('name')}",
    "loyalty_id": CARD.value,
    "gender": mark("gender")[:20],
    "birthday": "1931-12-24",
    "address": ADDRESS,
}
UTM = {"source": mark("utm-source"), "medium": mark("utm-medium"), "name": mark("utm-name"), "term": mark("utm-term")}
PAGE = {"url": f"https://shop.example/{mark('url')}", "referrer": f"https://r.example/{mark('ref')}"}
PRODUCT = {"sku": mark("bought"), "category": mark("kind"), "brand": mark("maker"), "size": mark("size"), "price": 30}
MAILED = "https://shop.example/sale?utm_source=news&utm_medium=email&utm_content={}&gclid={}"


def _track(event: str, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "properties": properties}


SEGMENT: list[dict[str, Any]] = [
    {"type": "identify", "traits": TRAITS},
    {"type": "alias", "previousId": mark("previous")},
    _track("Products Searched", query=mark("query")),
    _track("Product Viewed", sku=mark("sku"), category=mark("category"), brand=mark("brand"), price=10),
    _track("Product List Viewed", category=mark("list")),
    _track("Product Added", sku=mark("cart-sku"), quantity=1),
    _track("Product Removed", sku=mark("removed"), quantity=1),
    _track("Cart Viewed", products=[{"sku": mark("in-cart"), "quantity": 1}]),
    _track("Checkout Started", checkout_id=mark("checkout")),
    _track("Order Completed", order_id="H-1", total=30, currency="EUR", affiliation=mark("store"), products=[PRODUCT]),
    _track("Loyalty Joined", loyalty_id=CARD.value, tier=mark("tier")),
    {"type": "page", "name": mark("page"), "properties": PAGE, "context": {"campaign": UTM}},
    {
        "type": "screen",
        "name": mark("screen"),
        "context": {"device": {"type": "ios"}, "location": {"city": mark("at")}},
    },
]
CONSENT = [
    _track("Consent Given", purpose="email", policy_version=mark("policy")),
    _track("Consent String Received", framework="tcf", text=mark("tcf")),
    _track("Consent String Received", framework="gpp", text=mark("gpp")),
]
MAIL: list[dict[str, Any]] = [
    {"type": "page", "name": "sale", "properties": {"url": MAILED.format(mark("letter"), mark("click"))}}
]
SHOWN = {"placement": "home", "decision_id": mark("decision")}
FEEDBACK = [
    _track("Recommendation Shown", skus=[mark("shown"), mark("shown-too")], **SHOWN),
    _track("Recommendation Clicked", sku=mark("shown"), position=1, **SHOWN),
]
BUYER = {"id": 770077, "email": EMAIL, "phone": PHONE}
LINE = {"id": 1, "sku": mark("order-sku"), "quantity": 1, "price": "19.99", "vendor": mark("vendor")}
REFUND = {
    "id": 7700770078,
    "created_at": AT,
    "note": mark("refund-note"),
    "transactions": [{"kind": "refund", "status": "success", "amount": "19.99"}],
    "refund_line_items": [{"line_item_id": 1, "quantity": 1}],
}
ORDER: dict[str, Any] = {
    "id": 7700770077,
    "email": EMAIL,
    "created_at": AT,
    "updated_at": AT,
    "currency": "EUR",
    "total_price": "19.99",
    "landing_site": f"/?utm_source={mark('landing')}",
    "customer": BUYER,
    "line_items": [LINE],
}
CUSTOMER = {
    "id": 770077,
    "email": EMAIL,
    "updated_at": AT,
    "first_name": mark("given"),
    "last_name": mark("family"),
    "default_address": {"address1": mark("road"), "city": mark("town"), "zip": mark("post"), "province": mark("land")},
}
CHECKOUT = {"token": mark("token"), "email": EMAIL, "updated_at": AT, "customer": BUYER, "line_items": [LINE]}
DATA_REQUEST = {"shop_id": 1, "customer": BUYER, "orders_requested": [1], "data_request": {"id": mark("request")}}
SHOPIFY: dict[str, dict[str, Any]] = {
    "orders/create": ORDER,
    "orders/updated": ORDER | {"refunds": [REFUND]},
    "customers/update": CUSTOMER,
    "checkouts/create": CHECKOUT,
}
TILL = f"""<POSLog><Transaction>
  <RetailStoreID>9</RetailStoreID><WorkstationID>34</WorkstationID><SequenceNumber>77</SequenceNumber>
  <BusinessDayDate>{AT[:10]}</BusinessDayDate><EndDateTime>{AT}</EndDateTime><CurrencyCode>EUR</CurrencyCode>
  <RetailTransaction>
   <LineItem><Sale><ItemID>{mark("till-sku")}</ItemID><Brand>{mark("till-brand")}</Brand>
    <MerchandiseHierarchy Level="Department">{mark("till-kind")}</MerchandiseHierarchy>
    <RegularSalesUnitPrice>20.00</RegularSalesUnitPrice><ExtendedAmount>20.00</ExtendedAmount></Sale></LineItem>
   <LineItem><Return><ItemID>{mark("till-back")}</ItemID><ExtendedAmount>5.00</ExtendedAmount>
    <ReturnReason>{mark("till-reason")}</ReturnReason></Return></LineItem>
   <LineItem><LoyaltyAccount><LoyaltyID>{CARD.value}</LoyaltyID></LoyaltyAccount></LineItem>
   <Total TotalType="TransactionGrandAmount">15.00</Total>
  </RetailTransaction></Transaction></POSLog>"""
#: Asked for with a recommendation: in a URL, in a body, in GraphQL.
ASKED = {"placement": "product", "item": mark("asked"), "store": mark("asked-store"), "device": mark("asked-device")}
HITS = {"placement": "search", "skus": [mark("hit"), mark("hit-too")], "category": mark("hits-of")}
GRAPHQL = {"item": mark("graphql"), "category": mark("graphql-kind")}
LIVE = {"placement": "product", "item": mark("live")}
CORRECTED = {"details": {"region": mark("right")}, "reason": mark("rectified")}
AT_THE_DESK = {"field": "country", "value": mark("desk"), "reason": mark("desk-reason")}
PURPOSES = [mark("purpose"), mark("desk-purpose"), mark("export-for")]
WORDS = {
    "till": [TILL.replace("<", " ").replace(">", " ")],
    "segment": [SAID, SEGMENT],
    "consent": CONSENT,
    "e-mail": MAIL,
    "feedback": FEEDBACK,
    "shopify": list(SHOPIFY.values()),
    "request for access": [DATA_REQUEST],
    "recommendations": [ASKED, HITS],
    "graphql": [GRAPHQL],
    "live socket": [LIVE],
    "correction": [CORRECTED],
    "compliance": [AT_THE_DESK],
    "audit": PURPOSES,
    "experiment": [mark("variant"), mark("exposed")],
    "identity": [TWIN.value, LIKE.value, mark("review")],
    "dead letter": [mark("letter-left")],
    "topic": [mark("waits"), mark("poison")],
}


def canaries() -> dict[str, set[str]]:
    """Channel → every string planted through it."""
    return {channel: set(_strings(words)) for channel, words in WORDS.items()}


def _strings(words: Any) -> list[str]:
    found, todo = list[str](), [words]
    while todo:
        each = todo.pop()
        if isinstance(each, dict | list):
            todo += each.values() if isinstance(each, dict) else each
        elif isinstance(each, str) and (N in each or each == PHONE):
            found += [part for part in _bare(each) if N in part or part == PHONE]
    return found


def _bare(text: str) -> list[str]:
    """What is kept of URLs and of names of several words."""
    for mark_ in "?&=/":
        text = text.replace(mark_, " ")
    return text.split()


def body(said: Any) -> bytes:
    """As channels send it."""
    return json.dumps(said).encode()
