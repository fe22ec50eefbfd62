"""Whether a webhook was signed by the shop: base64 of HMAC-SHA256 over the raw body."""

import binascii
import hmac
from base64 import b64decode
from collections.abc import Sequence

from adapters.channels.channel import Delivery, RejectedError

HEADER = "X-Shopify-Hmac-Sha256"


def header(delivery: Delivery, name: str) -> str | None:
    """A header in either spelling: ``X-Shopify-…``, or without the ``X-`` in newer deliveries."""
    found = delivery.headers.get(name.lower()) or delivery.headers.get(name.lower().removeprefix("x-"))
    return (found or "").strip() or None


def verify(delivery: Delivery, secrets: Sequence[bytes]) -> None:
    """Raises RejectedError (401) unless one of the secrets signed the body; all are tried, in equal time."""
    if not delivery.body:
        raise RejectedError("body", "is empty", 401)
    said = header(delivery, HEADER)
    if said is None:
        raise RejectedError(HEADER, "is needed", 401)
    digest = _decoded(said)
    right = (hmac.digest(secret, delivery.body, "sha256") for secret in secrets)
    matches = [hmac.compare_digest(one, digest) for one in right]
    if not any(matches):
        raise RejectedError(HEADER, "wrong signature", 401)


def _decoded(said: str) -> bytes:
    try:
        return b64decode(said, validate=True)
    except (binascii.Error, ValueError):
        return b""
