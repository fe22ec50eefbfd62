"""The catalogue projection: products' records, kept in step with the catalogue's log by compare-and-set."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from uuid import UUID

from domain.event import Event
from domain.product import Product
from projections.catalogue import apply
from projections.ports import History, Recorded
from projections.versions import GapError
from readmodels.catalogue import ProductRecord, decode, encode
from readmodels.stores import CatalogueStore, Write


class CatalogueProjection:
    """The catalogue is small: every batch reads the products that it changes."""

    def __init__(self, store: CatalogueStore, history: History) -> None:
        self._store = store
        self._history = history

    def apply(self, batch: Sequence[Recorded]) -> None:
        """Folds and writes until nothing is refused."""
        facts = sorted((r.event for r in batch if isinstance(r.event, Product.Event)), key=lambda e: e.originator_id)
        pending = {s: list[Event](events) for s, events in groupby(facts, lambda e: e.originator_id)}
        while pending:
            pending = self._write(pending)

    def flush(self, *, idle: bool) -> None:
        """Nothing is held back."""

    def stored(self, position: int) -> int:
        """All: nothing is held back."""
        return position

    def restart(self) -> None:
        """Nothing is remembered."""

    def _write(self, facts: Mapping[UUID, list[Event]]) -> dict[UUID, list[Event]]:
        stored = self._store.read(list(facts))
        writes = []
        for stream, events in facts.items():
            value = stored.get(stream)
            before = decode(value) if value else ProductRecord()
            after = self._fold(stream, before, events)
            if after.version > before.version:
                writes.append(Write(stream, stream, before.version, encode(after)))
        answers = self._store.write(writes)
        return {w.stream: facts[w.stream] for w, no in zip(writes, answers, strict=True) if no is not None}

    def _fold(self, stream: UUID, record: ProductRecord, events: Sequence[Event]) -> ProductRecord:
        try:
            return _fold_all(record, events)
        except GapError:
            ((_, history),) = self._history.streams([stream])
            return _fold_all(ProductRecord(), history)


def _fold_all(record: ProductRecord, events: Sequence[Event]) -> ProductRecord:
    for event in events:
        record = apply(record, event)
    return record
