"""The profile as it is answered: of a person's record, or of somebody who was erased."""

from collections.abc import Mapping
from uuid import UUID

from queries.answers import ERASED, Profile
from queries.customer import behaviour, context, demographics, enrich
from queries.moment import Moment
from queries.timeline import identity_graph, timeline
from queries.travel import Snapshot, Streams, ledger, net
from readmodels.catalogue import Product
from readmodels.customer import CustomerRecord


def unified(
    person_id: UUID, streams: Streams, record: CustomerRecord, products: Mapping[str, Product], moment: Moment
) -> Profile:
    """Of the person's record, their streams' events, and what the catalogue says of what is in the record."""
    record = enrich(record, products)
    return Profile(
        person_id=person_id,
        streams=tuple(sorted(streams)),
        version=record.version,
        identity_graph=identity_graph(streams.items()),
        demographics=demographics(record),
        behavior=behaviour(record),
        real_time_context=context(record, products),
        consent=tuple(
            {"purpose": c.purpose, "medium": c.medium or "all", "given": c.given, "basis": c.basis}
            for c in record.consent
        ),
        as_of=moment.as_of,
        known_at=moment.known_at,
    )


def kept(snapshot: Snapshot, moment: Moment) -> Profile:
    """Of an erased person: what law makes a retailer keep, newest first."""
    entries = ledger(snapshot.streams)
    return Profile(
        person_id=snapshot.person_id,
        streams=tuple(sorted(snapshot.streams)),
        version=snapshot.version,
        identity_graph={},
        demographics={},
        behavior={},
        real_time_context={},
        consent=(),
        status=ERASED,
        as_of=moment.as_of,
        known_at=moment.known_at,
        ledger=timeline([(snapshot.person_id, entries)], len(entries)),
        ledger_net=net(entries),
    )


def skus_of(record: CustomerRecord) -> set[str]:
    """All SKUs in it."""
    return {sku for part in (record.views, record.cart, record.purchases) for sku in (one.sku for one in part)}
