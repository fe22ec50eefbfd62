"""Shopify webhooks: orders, carts, checkouts, customers, products, stock."""

from adapters.channels.shopify.shopify import Shopify

__all__ = ["Shopify"]
