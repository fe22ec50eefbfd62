"""Names of events and fields as people say them. Shared by the export and the compliance page."""

from collections.abc import Mapping

EVENTS: Mapping[str, str] = {
    "customer.opened": "First met",
    "customer.identifier_linked": "Recognised as the same person",
    "customer.identifier_unlinked": "Found to be another person",
    "customer.details_given": "Details given",
    "customer.details_corrected": "Details corrected",
    "customer.loyalty_joined": "Loyalty programme joined",
    "customer.seen": "Visit",
    "customer.product_viewed": "Product viewed",
    "customer.category_browsed": "Category browsed",
    "customer.searched": "Search",
    "customer.added_to_cart": "Put into the cart",
    "customer.removed_from_cart": "Taken out of the cart",
    "customer.cart_replaced": "Cart",
    "customer.checkout_started": "Checkout started",
    "customer.order_placed": "Order",
    "customer.lines_returned": "Return",
    "customer.ledger_refunded": "Refund, after the erasure",
    "customer.customer_erased": "Erased",
    "customer.consent_given": "Consent given",
    "customer.consent_withdrawn": "Consent withdrawn",
    "customer.consent_string_received": "Consent string received",
    "customer.access_requested": "Access requested",
    "customer.access_granted": "Export handed out",
    "customer.recommendation_shown": "Recommendations shown",
    "customer.recommendation_clicked": "Recommendation clicked",
    "customer.experiment_exposed": "Took part in an experiment",
}
PLACEMENTS: Mapping[str, str] = {
    "home": "Home page",
    "home_hero": "Top of the home page",
    "category": "Category page",
    "search": "Search results",
    "product": "Product page",
    "complete_the_look": "Complete the look",
    "cart": "Cart",
    "checkout": "Checkout",
    "post_purchase": "After the purchase",
}
_TITLES: Mapping[str, str] = {"sku": "SKU", "skus": "SKUs", "url": "URL", "by": "By"}


def title_of(name: str) -> str:
    """A field's name as people read it."""
    if len(name) == 3 and name.isupper():  # a currency
        return name
    return _TITLES.get(name) or name.removesuffix("_cents").replace("_", " ").capitalize()


def event_name(topic: str) -> str:
    """An event's name as people read it; a new one's own name in words."""
    return EVENTS.get(topic) or title_of(topic.rpartition(".")[2])
