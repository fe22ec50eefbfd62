"""``customers/data_request``: a customer asks the shop what is known about them."""

import msgspec

from adapters.channels.clock import Clock
from adapters.channels.items import BadItemError, Id, text
from adapters.channels.shopify import who
from adapters.channels.shopify.payloads import Customer, Webhook
from commands.command import Command
from commands.consent import RequestAccess
from domain.values import Channel


class Asked(msgspec.Struct):
    id: Id = None


class DataRequest(msgspec.Struct):
    customer: Customer | None = None
    data_request: Asked | None = None


DECODER = msgspec.json.Decoder(DataRequest)


def commands(request: DataRequest, webhook: Webhook, clock: Clock) -> list[Command]:
    """RequestAccess, once for a request of Shopify's, however often it is delivered. Raises BadItemError."""
    asked = text(request.data_request.id) if request.data_request else None
    if asked is None:
        raise BadItemError("data_request.id", "is needed")
    name = f"shopify:data_request:{asked}"
    facts = {
        "source_id": name,
        "occurred_at": clock.received_at,
        "identifiers": who.of_customer(request.customer or Customer()),
        "channel": Channel.SERVICE,
        "request_id": name,
    }
    return [RequestAccess.model_validate(facts)]
