"""Events of our own that any Segment library can send: recommendations, loyalty, consent."""

from enum import StrEnum

import msgspec

from adapters.channels.items import BadItemError, text, whole
from adapters.channels.segment.messages import Consent, ConsentText, Item, Membership, Recommendation
from commands.browse import ClickRecommendation, ShowRecommendations
from commands.command import Command
from commands.consent import GiveConsent, OptOut, PassConsentString, WithdrawConsent
from commands.identify import JoinLoyalty
from domain.identity import IdentifierKind
from domain.values import Channel, ConsentFramework, LawfulBasis, Purpose

_RECOMMENDATION = msgspec.json.Decoder(Recommendation)
_MEMBERSHIP = msgspec.json.Decoder(Membership)
_CONSENT = msgspec.json.Decoder(Consent)
_CONSENT_TEXT = msgspec.json.Decoder(ConsentText)
#: Where a US Privacy string (version 1) says whether its user has opted out of sale.
_OPTED_OUT = 2


def shown(item: Item) -> list[Command]:
    """``Recommendation Shown``: placement, skus in the order of their positions, decision_id."""
    told = item.properties(_RECOMMENDATION)
    facts = {
        "placement": text(told.placement),
        "skus": [text(sku) for sku in told.skus or (told.sku,) if sku is not None],
        "decision_id": text(told.decision_id),
    }
    return [ShowRecommendations.model_validate(item.base | facts)]


def clicked(item: Item) -> list[Command]:
    """``Recommendation Clicked``: placement, sku, position from 1, decision_id."""
    told = item.properties(_RECOMMENDATION)
    facts = {
        "placement": text(told.placement),
        "sku": text(told.sku) or text(told.product_id),
        "position": None if told.position is None else whole(told.position, "properties.position"),
        "decision_id": text(told.decision_id),
    }
    return [ClickRecommendation.model_validate(item.base | facts)]


def product_clicked(item: Item) -> list[Command]:
    """A click on one of our recommendations; any other is skipped, since ``Product Viewed`` follows it."""
    told = item.properties(_RECOMMENDATION)
    return clicked(item) if text(told.placement) else []


def loyalty_joined(item: Item) -> list[Command]:
    """``Loyalty Joined``: loyalty_id, tier. Nobody joins by an anonymous word: that is skipped."""
    if not item.vouched:
        return []
    told, base = item.properties(_MEMBERSHIP), item.base
    if item.trusted and (card := text(told.loyalty_id)):
        named = {"kind": IdentifierKind.LOYALTY, "value": card}
        base = base | {"identifiers": (*base["identifiers"], named)}
    return [JoinLoyalty.model_validate(base | {"tier": text(told.tier)})]


def consent_given(item: Item) -> list[Command]:
    """``Consent Given``: purpose, medium, basis, policy_version."""
    return [GiveConsent.model_validate(item.base | _consent(item))]


def consent_withdrawn(item: Item) -> list[Command]:
    """``Consent Withdrawn``: purpose, medium, basis, policy_version."""
    return [WithdrawConsent.model_validate(item.base | _consent(item))]


def consent_string(item: Item) -> list[Command]:
    """``Consent String Received``: framework (tcf, gpp, usp) and text, kept as it is. A US Privacy string that opts out
    of sale opts out here."""
    told = item.properties(_CONSENT_TEXT)
    framework, said = _one_of(told.framework, ConsentFramework, "framework"), text(told.text)
    kept: list[Command] = [PassConsentString.model_validate(item.base | {"framework": framework, "text": said})]
    if framework == ConsentFramework.USP and said and said[_OPTED_OUT : _OPTED_OUT + 1].upper() == "Y":
        source = {"source_id": f"{item.base['source_id']}#usp", "policy_version": framework}
        kept.append(OptOut.model_validate(item.base | source))
    return kept


def unsubscribed(item: Item) -> list[Command]:
    """The spec's own e-mail event: consent to e-mail is withdrawn."""
    facts = {"purpose": Purpose.EMAIL, "medium": Channel.EMAIL, "policy_version": "segment"}
    return [WithdrawConsent.model_validate(item.base | facts)]


def _consent(item: Item) -> dict[str, object]:
    told = item.properties(_CONSENT)
    return {
        "purpose": _one_of(told.purpose, Purpose, "purpose"),
        "medium": told.medium and _one_of(told.medium, Channel, "medium"),
        "basis": _one_of(told.basis or LawfulBasis.CONSENT, LawfulBasis, "basis"),
        "policy_version": text(told.policy_version),
    }


def _one_of(said: str | None, kind: type[StrEnum], name: str) -> str:
    known = [member.value for member in kind]
    if said not in known:
        raise BadItemError(f"properties.{name}", f"must be one of {', '.join(known)}")
    return said
