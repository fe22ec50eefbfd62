"""What somebody does: comes, looks, puts into the cart, buys, returns, is shown and clicks."""

from collections.abc import Iterable, Iterator

from domain.customer import Customer
from domain.values import Channel, Line
from projections.customer.draft import Draft, rule
from projections.moment import digest
from readmodels.customer import (
    ORDERS_KEPT,
    RECENT,
    CartEntry,
    Exposure,
    Latest,
    Order,
    Purchase,
    Return,
    View,
    exposures,
    latest,
)


@rule(Customer.Seen)
def _visited(fact: Customer.Seen, draft: Draft, at: int, tag_: int) -> None:
    draft.seen(fact, at, tag_)
    draft.tell("device", fact.device, at, tag_)
    draft.tell("location", fact.location, at, tag_)


@rule(Customer.ProductViewed)
def _viewed(fact: Customer.ProductViewed, draft: Draft, at: int, tag_: int) -> None:
    draft.view(View(at, tag_, fact.sku, fact.category, fact.brand, fact.price_cents))
    draft.seen(fact, at, tag_)
    draft.tell("device", fact.device, at, tag_)
    draft.tell("location", fact.location, at, tag_)


@rule(Customer.CategoryBrowsed)
def _browsed(fact: Customer.CategoryBrowsed, draft: Draft, at: int, tag_: int) -> None:
    browsed = Latest(at, tag_, fact.category)
    draft.browsed = max(browsed, draft.browsed or browsed)
    draft.seen(fact, at, tag_)


@rule(Customer.Searched)
def _searched(fact: Customer.Searched, draft: Draft, at: int, tag_: int) -> None:
    draft.searched_at = max(draft.searched_at, at)
    draft.seen(fact, at, tag_)


@rule(Customer.AddedToCart)
def _added(fact: Customer.AddedToCart, draft: Draft, at: int, tag_: int) -> None:
    line = fact.line
    draft.change_cart(CartEntry(at, tag_, 0, line.sku, line.quantity, line.price_cents))
    draft.seen(fact, at, tag_)


@rule(Customer.RemovedFromCart)
def _removed(fact: Customer.RemovedFromCart, draft: Draft, at: int, tag_: int) -> None:
    draft.change_cart(CartEntry(at, tag_, 0, fact.sku, -fact.quantity))
    draft.seen(fact, at, tag_)


@rule(Customer.CartReplaced)
def _replaced(fact: Customer.CartReplaced, draft: Draft, at: int, tag_: int) -> None:
    draft.clear_cart(at, tag_)
    draft.change_cart(*(CartEntry(at, tag_, i, s.sku, s.quantity, s.price_cents) for i, s in enumerate(fact.lines)))
    draft.seen(fact, at, tag_)


@rule(Customer.CheckoutStarted)
def _checkout(fact: Customer.CheckoutStarted, draft: Draft, at: int, tag_: int) -> None:
    draft.checkout_at = max(draft.checkout_at, at)
    draft.seen(fact, at, tag_)


@rule(Customer.OrderPlaced)
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


@rule(Customer.LinesReturned)
def _returned(fact: Customer.LinesReturned, draft: Draft, at: int, tag_: int) -> None:
    draft.spent(fact.currency, 0, 0, fact.refund_cents)
    back = Return(at, digest(fact.return_id), fact.currency, fact.refund_cents)
    draft.returns = latest((*draft.returns, back), ORDERS_KEPT)
    draft.seen(fact, at, tag_)


@rule(Customer.RecommendationShown)
def _shown(fact: Customer.RecommendationShown, draft: Draft, at: int, tag_: int) -> None:
    draft.impressions += 1
    draft.seen(fact, at, tag_)


@rule(Customer.RecommendationClicked)
def _clicked(fact: Customer.RecommendationClicked, draft: Draft, at: int, tag_: int) -> None:
    draft.clicks += 1
    draft.seen(fact, at, tag_)


@rule(Customer.ExperimentExposed)
def _exposed(fact: Customer.ExperimentExposed, draft: Draft, at: int, tag_: int) -> None:
    """No act of the person: it tells nothing of when they were last there, or where."""
    said = Exposure(at, tag_, fact.experiment, fact.variant, fact.hash_version.value)
    draft.exposures = exposures((*draft.exposures, said))


def _purchases(at: int, tag_: int, lines: Iterable[Line]) -> Iterator[Purchase]:
    for part, line in enumerate(lines):
        yield Purchase(at, tag_, part, line.sku, line.quantity, line.category, line.brand, line.size, line.price_cents)
