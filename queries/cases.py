"""A person as those see them who answer for it: what was known at a moment, every event and every answer until then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.identity import person_id
from domain.product import product_id
from projections.details import details
from projections.moment import millis
from queries.answers import LoggedEvent, Profile
from queries.decisions import Gone, Told, told
from queries.export import CONSENTS, Exports, topic_of
from queries.moment import Moment, happened_at
from queries.ports import History
from queries.profile import kept, skus_of, unified
from queries.recommend.decision import Decision
from queries.timeline import timeline
from queries.travel import DESCRIPTION, Snapshot, described, travel
from readmodels.catalogue import Product
from readmodels.customer import Consent

ENTRIES, DECISIONS = 200, 100


class Receipts(Protocol):
    """Where receipts are kept."""

    def of_person(self, streams: Sequence[UUID], limit: int) -> Sequence[Decision | Gone]:
        """The latest first. Raises UnavailableError."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event or an answer, at a moment (milliseconds since 1970)."""

    at_ms: int
    event: LoggedEvent | None = None
    decision: Told | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """``entries``: the latest first, ``of`` so many in all. ``consents``: every word, the latest first; ``standing``:
    the last on each purpose and medium. ``first_ms``: when the person was first met, whatever the moment."""

    person_id: UUID
    profile: Profile
    details: dict[str, object]
    entries: tuple[Entry, ...]
    of: int
    consents: tuple[LoggedEvent, ...]
    standing: tuple[Consent, ...]
    products: dict[str, Product]
    first_ms: int

    @property
    def erased(self) -> bool:
        """Whether the person is."""
        return self.profile.status == "erased"


class Cases:
    """Raises UnavailableError."""

    def __init__(self, exports: Exports, catalogue: History, receipts: Receipts) -> None:
        self._exports, self._catalogue, self._receipts = exports, catalogue, receipts

    def case(self, stream: UUID, moment: Moment) -> Case | None:
        """Of whoever the stream belonged to at the moment; None for nobody, or nobody yet."""
        past = travel(self._exports.read, stream, moment)
        if past is None or not past.streams:
            return None
        if past.erased:
            return self._erased(past, moment)
        answers = self._answers(past, moment)
        record = past.record()
        named = skus_of(record) | {sku for answer in answers for sku in _named(answer)}
        found = self._catalogue.streams([product_id(sku) for sku in sorted(named)], DESCRIPTION)
        products = described((events for _, events in found), Moment())
        events = timeline(past.streams.items(), ENTRIES)
        entries = [Entry(each.occurred_at_ms, event=each) for each in events]
        entries += [Entry(each.at_ms, decision=each) for each in answers]
        consents = [(s, [e for e in events if topic_of(e) in CONSENTS]) for s, events in past.streams.items()]
        return Case(
            past.person_id,
            unified(past.person_id, past.streams, record, products, moment),
            details(event for events in past.streams.values() for event in events),
            tuple(sorted(entries, key=lambda entry: -entry.at_ms)[:ENTRIES]),
            past.version + len(answers),
            timeline(consents, ENTRIES),
            record.consent,
            dict(products),
            _first(past),
        )

    def _erased(self, past: Snapshot, moment: Moment) -> Case:
        profile = kept(past, moment)
        entries = tuple(Entry(each.occurred_at_ms, event=each) for each in profile.ledger[:ENTRIES])
        first = _first(past)
        return Case(person_id(past.streams), profile, {}, entries, len(profile.ledger), (), (), {}, first)

    def _answers(self, past: Snapshot, moment: Moment) -> list[Told]:
        until = millis(moment.as_of) if moment.as_of else None
        found = self._receipts.of_person(sorted(past.streams), DECISIONS)
        answers = (told(each) for each in found if not isinstance(each, Gone))
        return [each for each in answers if until is None or each.at_ms <= until]


def _named(answer: Told) -> set[str]:
    return {sku for item in answer.items for sku in (item.sku, item.because) if sku}


def _first(past: Snapshot) -> int:
    return min((millis(happened_at(event)) for events in past.streams.values() for event in events), default=0)
