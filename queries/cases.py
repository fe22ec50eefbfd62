"""A person as those see them who answer for it: what was known at a moment, every event and every answer until then,
a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from domain.identity import person_id
from domain.product import product_id
from projections.details import details
from projections.moment import millis
from queries.answers import LoggedEvent, Profile
from queries.decisions import FIRST, LAST, Gone, Told, told
from queries.export import CONSENTS, Exports, topic_of
from queries.moment import Moment, happened_at
from queries.ports import History
from queries.profile import kept, skus_of, unified
from queries.recommend.decision import Decision
from queries.timeline import LATEST, Page, Place, place_of, timeline
from queries.travel import DESCRIPTION, Snapshot, described, travel
from readmodels.catalogue import Product
from readmodels.customer import Consent

#: Of a page.
ENTRIES = 200


class Receipts(Protocol):
    """Where receipts are kept. Raises UnavailableError."""

    def between(
        self, streams: Sequence[UUID], after: UUID, before: UUID, limit: int, *, oldest: bool
    ) -> Sequence[tuple[UUID, Decision | Gone]]:
        """Those after one id and before another: the ``oldest`` or the latest, in that order."""

    def count(self, streams: Sequence[UUID], before: UUID) -> int:
        """How many came before an id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event or an answer; neither: an answer that cannot be read any more."""

    place: Place
    event: LoggedEvent | None = None
    decision: Told | None = None

    @property
    def at_ms(self) -> int:
        """When (milliseconds since 1970)."""
        return self.place.at_ms


@dataclass(frozen=True, slots=True)
class Case:
    """``entries``: a page, the latest first, ``of`` so many in all; ``older`` and ``newer``: where others begin.
    ``consents``: the latest words of ``words`` in all; ``standing``: the last on each purpose and medium.
    ``first_ms``: when the person was first met, whatever the moment."""

    person_id: UUID
    profile: Profile
    details: dict[str, object]
    entries: tuple[Entry, ...]
    of: int
    consents: tuple[LoggedEvent, ...]
    words: int
    standing: tuple[Consent, ...]
    products: dict[str, Product]
    first_ms: int
    older: Place | None = None
    newer: Place | None = None

    @property
    def erased(self) -> bool:
        """Whether the person is."""
        return self.profile.status == "erased"


class Cases:
    """Raises UnavailableError."""

    def __init__(self, exports: Exports, catalogue: History, receipts: Receipts) -> None:
        self._exports, self._catalogue, self._receipts = exports, catalogue, receipts

    def case(self, stream: UUID, moment: Moment, page: Page = LATEST) -> Case | None:
        """Of whoever the stream belonged to at the moment; None for nobody, or nobody yet."""
        past = travel(self._exports.read, stream, moment)
        if past is None or not past.streams:
            return None
        case = self._of_erased(past, moment, page) if past.erased else self._of_known(past, moment, page)
        return _paged(case, page)

    def _of_known(self, past: Snapshot, moment: Moment, page: Page) -> Case:
        until = LAST if moment.as_of is None else _id_at(millis(moment.as_of) + 1)
        answers = self._answers(past, page, until)
        events = timeline(past.streams.items(), ENTRIES + 1, page)
        record = past.record()
        named = skus_of(record) | {sku for each in answers if each.decision for sku in _named(each.decision)}
        found = self._catalogue.streams([product_id(sku) for sku in sorted(named)], DESCRIPTION)
        products = described((events for _, events in found), Moment())
        consents = [(s, [e for e in all_ if topic_of(e) in CONSENTS]) for s, all_ in past.streams.items()]
        return Case(
            past.person_id,
            unified(past.person_id, past.streams, record, products, moment),
            details(event for events in past.streams.values() for event in events),
            (*(Entry(place_of(each), event=each) for each in events), *answers),
            past.version + self._receipts.count(sorted(past.streams), until),
            timeline(consents, ENTRIES),
            sum(len(words) for _, words in consents),
            record.consent,
            dict(products),
            _first(past),
        )

    def _of_erased(self, past: Snapshot, moment: Moment, page: Page) -> Case:
        profile = kept(past, moment)
        entries = tuple(Entry(place, event=each) for each in profile.ledger if page.has(place := place_of(each)))
        first, of = _first(past), len(profile.ledger)
        return Case(person_id(past.streams), profile, {}, entries, of, (), 0, (), {}, first)

    def _answers(self, past: Snapshot, page: Page, until: UUID) -> list[Entry]:
        """By their ids, which begin with the time at which they were given."""
        after = _id_at(page.after.at_ms) if page.after else FIRST
        before = min(until, _id_at(page.before.at_ms + 1)) if page.before else until
        oldest, found = page.after is not None, list[Entry]()
        while len(found) <= ENTRIES:
            rows = self._receipts.between(sorted(past.streams), after, before, ENTRIES + 1, oldest=oldest)
            entries = (Entry(_place(id_), decision=None if isinstance(d, Gone) else told(d)) for id_, d in rows)
            found += [entry for entry in entries if page.has(entry.place)]
            if len(rows) <= ENTRIES:
                break
            after, before = (rows[-1][0], before) if oldest else (after, rows[-1][0])
        return found


def _paged(case: Case, page: Page) -> Case:
    """The page of all that was found, and where others begin."""
    found = sorted(case.entries, key=lambda entry: entry.place, reverse=True)
    more = len(found) > ENTRIES
    if page.after is None:
        entries, older, newer = found[:ENTRIES], more, page.before is not None
    else:
        entries, older, newer = found[-ENTRIES:], True, more
    return replace(
        case,
        entries=tuple(entries),
        older=entries[-1].place if older and entries else None,
        newer=entries[0].place if newer and entries else None,
    )


def _place(decision: UUID) -> Place:
    at_ms = decision.int >> 80
    return Place(at_ms, at_ms, 0, decision)


def _id_at(at_ms: int) -> UUID:
    """The least id of those that are made from then on (UUID version 7)."""
    return UUID(int=min(max(at_ms, 0) << 80, LAST.int))


def _named(answer: Told) -> set[str]:
    return {sku for item in answer.items for sku in (item.sku, item.because) if sku}


def _first(past: Snapshot) -> int:
    return min((millis(happened_at(event)) for events in past.streams.values() for event in events), default=0)
