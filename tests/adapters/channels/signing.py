"""Signing Shopify deliveries as the shop does."""

import hmac
from base64 import b64encode


def signed(body: bytes, secret: bytes) -> dict[str, str]:
    """The signature in both spellings of its header."""
    value = b64encode(hmac.digest(secret, body, "sha256")).decode()
    return {"x-shopify-hmac-sha256": value, "shopify-hmac-sha256": value}
