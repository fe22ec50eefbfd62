"""The fold of linking: what a stream's events tell of who its person is. Pure, and by event time."""

from collections.abc import Iterable
from typing import Any

import msgspec

from domain.customer import BEGUN, Customer
from domain.erased import Erased
from domain.event import Event
from domain.identity import SHARED_KINDS
from domain.ties import TIE_TOPICS, TIES
from projections.moment import millis, tag
from readmodels.customer import CORRECTED
from readmodels.identity import Entry, Node, Said

#: The events that tell of it.
TOPICS = (
    *(each.TOPIC for each in BEGUN),
    Customer.DetailsGiven.TOPIC,
    Customer.DetailsCorrected.TOPIC,
    Customer.CustomerErased.TOPIC,
    *TIE_TOPICS,
)
#: What of the details is compared, and what files call it.
FIELDS = {
    "name": "name",
    "birth_date": "born",
    "gender": "gender",
    "city": "city",
    "region": "state",
    "postcode": "postcode",
    "street": "street",
}


def fold(entry: Entry, events: Iterable[Event]) -> Entry:
    """With more events of the stream, in the order of versions; what is in it already changes nothing."""
    for event in events:
        if event.originator_version > entry.node.version:
            entry = _with(entry, event)
    return entry


def _with(entry: Entry, event: Any) -> Entry:
    node = msgspec.structs.replace(entry.node, version=event.originator_version)
    secret = entry.secret
    if isinstance(event, Erased):
        return Entry(msgspec.structs.replace(node, gone=True)) if event.originator_version == 1 else Entry(node, secret)
    if isinstance(event, Customer.CustomerErased):
        return Entry(msgspec.structs.replace(node, gone=True), keys=entry.keys)
    if isinstance(event, BEGUN):
        node = msgspec.structs.replace(node, kind=event.kind.value, gone=False)
        secret = msgspec.structs.replace(secret, own=event.value)
    elif isinstance(event, Customer.DetailsGiven):
        secret = msgspec.structs.replace(secret, told=_told(secret.told, event))
    elif isinstance(event, Customer.DetailsCorrected):
        secret = msgspec.structs.replace(secret, told=_corrected(secret.told, event))
    elif isinstance(event, TIES):
        node = _tied(node, event)
    return Entry(node, secret, entry.keys)


def _corrected(known: dict[str, Said], event: Customer.DetailsCorrected) -> dict[str, Said]:
    """Beside what was told, which it outlasts; "" where nothing right is known."""
    at, mark = millis(event.occurred_at), tag(event.source_id)
    found = dict(known)
    for name, field in FIELDS.items():
        value = getattr(event.details, name)
        if value or name in event.cleared:
            said = Said(at, mark, str(value or ""))
            found[CORRECTED + field] = max(said, found.get(CORRECTED + field, said))
    return found


def _told(known: dict[str, Said], event: Customer.DetailsGiven) -> dict[str, Said]:
    at, mark = millis(event.occurred_at), tag(event.source_id)
    found = dict(known)
    for name, field in FIELDS.items():
        if value := getattr(event.details, name):
            said = Said(at, mark, str(value))
            found[field] = max(said, found.get(field, said))
    return found


def _tied(node: Node, event: Any) -> Node:
    sets = {name: set(getattr(node, name)) for name in ("linked", "confirmed", "likely", "vetoed", "cut")}
    other = event.other
    if isinstance(event, Customer.IdentifierLinked):
        if event.other_kind not in SHARED_KINDS:
            sets["linked"].add(other)
    elif isinstance(event, Customer.IdentifierUnlinked):
        sets["linked"].discard(other)
        sets["confirmed"].discard(other)
    elif isinstance(event, Customer.ProbablyLinked):
        sets["likely"].add(other)
    elif isinstance(event, Customer.ProbablyUnlinked):
        sets["likely"].discard(other)
    elif isinstance(event, Customer.ConfirmedSame):
        for name in ("linked", "confirmed"):
            sets[name].add(other)
        for name in ("vetoed", "cut"):
            sets[name].discard(other)
    else:
        for name in ("vetoed", "cut"):
            sets[name].discard(other)
        if isinstance(event, Customer.KeptApart):
            sets["vetoed" if event.officer is not None else "cut"].add(other)
            sets["confirmed"].discard(other)
    return msgspec.structs.replace(node, **{name: tuple(sorted(found)) for name, found in sets.items()})
