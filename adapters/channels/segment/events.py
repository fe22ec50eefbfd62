"""Track calls: which events are known, and which command each asks for."""

from collections.abc import Callable

from adapters.channels.items import BadItemError
from adapters.channels.segment import ours, shop, visits
from adapters.channels.segment.messages import Item
from commands.command import Command

Handler = Callable[[Item], list[Command]]

_HANDLERS: dict[str, Handler] = {
    "Products Searched": shop.searched,
    "Product List Viewed": shop.browsed,
    "Product List Filtered": shop.browsed,
    "Product Viewed": shop.viewed,
    "Product Clicked": ours.product_clicked,
    "Product Added": shop.added,
    "Wishlist Product Added to Cart": shop.added,
    "Product Removed": shop.removed,
    "Cart Viewed": shop.cart_viewed,
    "Checkout Started": shop.checkout_started,
    "Order Completed": shop.ordered,
    "Order Refunded": shop.refunded,
    "Order Cancelled": shop.cancelled,
    "Application Opened": visits.visit,
    "Deep Link Opened": visits.visit,
    "Recommendation Shown": ours.shown,
    "Recommendation Clicked": ours.clicked,
    "Loyalty Joined": ours.loyalty_joined,
    "Consent Given": ours.consent_given,
    "Consent Withdrawn": ours.consent_withdrawn,
    "Consent String Received": ours.consent_string,
    "Unsubscribed": ours.unsubscribed,
}
#: Events of the Segment spec from which nothing is recorded.
_OF_NO_INTEREST = """
    Promotion Viewed, Promotion Clicked, Checkout Step Viewed, Checkout Step Completed, Payment Info Entered,
    Order Updated, Coupon Entered, Coupon Applied, Coupon Denied, Coupon Removed, Product Added to Wishlist,
    Product Removed from Wishlist, Product Shared, Cart Shared, Product Reviewed, Application Installed,
    Application Backgrounded, Application Foregrounded, Application Updated, Application Uninstalled,
    Application Crashed, Install Attributed, Push Notification Received, Push Notification Tapped,
    Push Notification Bounced, Deep Link Clicked, Email Bounced, Email Delivered, Email Link Clicked,
    Email Marked as Spam, Email Opened
"""
_BY_NAME: dict[str, Handler | None] = {name.casefold(): handler for name, handler in _HANDLERS.items()}
_BY_NAME |= {" ".join(name.split()).casefold(): None for name in _OF_NO_INTEREST.split(",")}


def handler(event: str | None) -> Handler | None:
    """What takes this event; None if it is known and of no interest. Raises BadItemError if unknown."""
    if event is None:
        raise BadItemError("event", "is needed")
    try:
        return _BY_NAME[event.strip().casefold()]
    except KeyError:
        raise BadItemError("event", "unknown event name") from None
