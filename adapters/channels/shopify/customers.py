"""Customers: who they are, and whether they may be written to."""

import msgspec

from adapters.channels.clock import Clock
from adapters.channels.items import text
from adapters.channels.shopify import who
from adapters.channels.shopify.payloads import Address, Customer, Facts, Webhook
from commands.command import Command
from commands.consent import GiveConsent, WithdrawConsent
from commands.identify import Identify
from domain.values import Channel, Purpose

DECODER = msgspec.json.Decoder(Customer)
_YES = frozenset({"subscribed"})
_NO = frozenset({"unsubscribed", "not_subscribed", "redacted"})


def commands(customer: Customer, webhook: Webhook, clock: Clock) -> list[Command]:
    """Identify, and consent to e-mail where the shop says since when. Raises BadItemError."""
    base: Facts = {
        "source_id": webhook.source(),
        "occurred_at": clock.read(text(customer.updated_at) or text(customer.created_at), "updated_at"),
        "identifiers": who.of_customer(customer),
        "channel": Channel.WEB,
    }
    return [Identify.model_validate(base | {"details": _details(customer)}), *_consent(customer, base, clock)]


def _details(customer: Customer) -> Facts:
    address = customer.default_address or Address()
    names = (text(customer.first_name), text(customer.last_name))
    return {
        "name": " ".join(name for name in names if name) or None,
        "street": text(address.address1),
        "city": text(address.city),
        "region": text(address.province),
        "country": text(address.country_code) or text(address.country),
        "postcode": text(address.zip),
    }


def _consent(customer: Customer, base: Facts, clock: Clock) -> list[Command]:
    """Named by customer and time: webhooks that repeat it ask for the same fact."""
    state, since, field = _state(customer)
    if since is None or state not in _YES | _NO:
        return []
    when = clock.read(since, field, history=True)
    facts = {
        "source_id": f"shopify:customer:{customer.id}/email/{when.isoformat()}",
        "occurred_at": when,
        "purpose": Purpose.EMAIL,
        "medium": Channel.EMAIL,
        "policy_version": "shopify",
    }
    return [(GiveConsent if state in _YES else WithdrawConsent).model_validate(base | facts)]


def _state(customer: Customer) -> tuple[str | None, str | None, str]:
    """State, since when, and the field that says so; older shops have one flag."""
    consent = customer.email_marketing_consent
    if consent is not None:
        return consent.state, text(consent.consent_updated_at), "email_marketing_consent.consent_updated_at"
    flag, since = customer.accepts_marketing, text(customer.accepts_marketing_updated_at)
    state = None if flag is None else "subscribed" if flag else "unsubscribed"
    return state, since, "accepts_marketing_updated_at"
