"""Read models that an erasure touches, compared with what the log without the person folds to.

Digests are made under a key that is thrown away: they tell whether two contents are equal, and nothing of either.
"""

import hmac
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from eventsourcing.utils import get_topic

from adapters.eventlog.scan import position_at
from app.wiring import Wiring
from domain.customer import Customer
from domain.event import Event
from domain.privacy import Step
from domain.proof import Difference
from projections.customer import fold_all
from projections.history import Sharded
from projections.moment import moment
from readmodels import customer
from readmodels.customer import CustomerRecord
from readmodels.erasure import ErasureStatus

ENDED = (Customer.IdentifierUnlinked, Customer.ProbablyUnlinked, Customer.ApartEnded)
UNLINKED = tuple(get_topic(each) for each in ENDED)
BATCH = 1_000
#: Clocks of machines differ, and a step is told as done after it was.
MARGIN = timedelta(seconds=5)


def differences(wiring: Wiring, status: ErasureStatus) -> Iterator[Difference]:
    """The person's own streams, of which nothing is to be there, and the records of those who were linked with them.
    Raises UnavailableError."""
    neighbours, secret = _neighbours(wiring, status), os.urandom(32)
    folded = dict(Sharded(wiring.customers).streams(sorted(neighbours)))
    for number in wiring.generations.all():
        held = wiring.people(number).read(sorted(status.streams))
        own = [(stream, field) for stream, (_, field) in sorted(held.items()) if field is not None]
        yield _difference(secret, f"customers, generation {number}", [], own)
    live = wiring.generations.all_live().customers
    if neighbours and live:
        found = wiring.people(live).read(sorted(neighbours))
        records = {s: customer.decode(f) if f else CustomerRecord() for s, (_, f) in found.items()}
        expected = [(s, _as_of(folded[s], max(records[s].version, neighbours[s]))) for s in sorted(neighbours)]
        present = [(s, customer.encode(records[s])) for s in sorted(neighbours)]
        yield _difference(secret, f"customers, generation {live}, who was linked", expected, present)


def _as_of(events: Sequence[Event], version: int) -> bytes:
    return customer.encode(fold_all(CustomerRecord(), events[:version]))


def _difference(secret: bytes, model: str, expected: object, found: object) -> Difference:
    def digest(content: object) -> str:
        return hmac.digest(secret, repr(content).encode(), "sha256").hex()

    return Difference(model=model, expected=digest(expected), found=digest(found))


def _neighbours(wiring: Wiring, status: ErasureStatus) -> dict[UUID, int]:
    """Who lost a link by this erasure, and the version at which they did: their record must have come so far. They are
    found by when that was, since nothing of the erased streams says it any more."""
    closed, found = status.steps.get(Step.CLOSE.value), dict[UUID, int]()
    if closed is None or not status.begun_ms:
        return found
    source = f"erasure:{status.request.hex}#"
    for log in tuple(wiring.customers):
        after = position_at(log, moment(status.begun_ms) - MARGIN)
        until = position_at(log, moment(closed.at_ms) + MARGIN)
        while after < until and (batch := log.read(after, BATCH, UNLINKED)):
            after = batch[-1].id
            for event in log.decode_all([each for each in batch if each.id <= until]):
                if isinstance(event, ENDED) and event.source_id.startswith(source):
                    found[event.originator_id] = event.originator_version
    return found
