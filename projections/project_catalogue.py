"""The catalogue projection: products' records, written together with the position in the log that they stand for.

Whoever reads the position and the records at one moment thus holds exactly the fold of the log up to there.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from domain.event import Event
from domain.product import Product
from projections.catalogue import apply
from projections.ports import History, Recorded
from projections.runner import StoreRestartedError
from projections.versions import GapError
from readmodels.catalogue import ProductRecord, decode, encode
from readmodels.stores import CatalogueStore, Shelved


class CatalogueProjection:
    """The catalogue is small: every batch reads the products that it changes. It is to be fed from ``position`` on, or
    from before it."""

    def __init__(self, store: CatalogueStore, history: History) -> None:
        self._store = store
        self._history = history
        self._at: int | None = None

    @property
    def position(self) -> int:
        """Up to where the store has the log."""
        if self._at is None:
            self._at = self._store.position()
        return self._at

    def apply(self, batch: Sequence[Recorded]) -> None:
        """Folds and writes what is beyond the position. Raises StoreRestartedError where the store has lost some."""
        while batch and (at := self.position) < batch[-1].position:
            new = [each for each in batch if each.position > at]
            found = self._store.write(at, new[-1].position, self._shelved(new))
            if found < at:
                raise StoreRestartedError
            self._at = found

    def flush(self, *, idle: bool) -> None:
        """Nothing is held back."""

    def stored(self, position: int) -> int:
        """All: nothing is held back."""
        return position

    def restart(self) -> None:
        """Looks again how far the store is."""
        self._at = None

    def _shelved(self, batch: Iterable[Recorded]) -> list[Shelved]:
        facts: dict[UUID, list[Event]] = {}
        positions: dict[UUID, int] = {}
        for each in batch:
            if isinstance(each.event, Product.Event):
                facts.setdefault(each.event.originator_id, []).append(each.event)
                positions[each.event.originator_id] = each.position
        stored = self._store.read(list(facts))
        return [Shelved(s, positions[s], encode(self._fold(s, stored.get(s), new))) for s, new in facts.items()]

    def _fold(self, stream: UUID, stored: bytes | None, events: Sequence[Event]) -> ProductRecord:
        """A record that is not there, though it should be, is folded from the log: up to the last of ``events``."""
        try:
            return _fold_all(decode(stored) if stored else ProductRecord(), events)
        except GapError:
            ((_, history),) = self._history.streams([stream])
            last = events[-1].originator_version
            return _fold_all(ProductRecord(), [event for event in history if event.originator_version <= last])


def _fold_all(record: ProductRecord, events: Iterable[Event]) -> ProductRecord:
    for event in events:
        record = apply(record, event)
    return record
