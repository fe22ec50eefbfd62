"""The assortment as it was at a position of the catalogue's log, for answers that are made again."""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from uuid import UUID

from domain.event import Event
from domain.product import Product
from projections.catalogue import apply
from projections.ports import Feed, Recorded
from queries.recommend.assortment import Assortment
from readmodels.catalogue import ProductRecord, decode, encode

#: Records that are decoded at a time.
AT_ONCE = 10_000


class PositionError(ValueError):
    """The catalogue's log ends before that position."""


class Past:
    """Folds the log once, from position to position; going back begins anew. ``open_feed``: the log after a position,
    up to its present end; nothing more when all of that was given."""

    def __init__(self, open_feed: Callable[[int], Feed]) -> None:
        self._open = open_feed
        self._begin()

    def at(self, position: int) -> Assortment:
        """The assortment that every reader had at this position. Raises PositionError, UnavailableError."""
        if position < self._folded:
            self._begin()
        if position > self._now.position:
            self._advance(position)
        return self._now

    def _begin(self) -> None:
        self._now = Assortment.empty()
        self._records: dict[UUID, bytes] = {}
        self._changed: dict[UUID, None] = {}
        self._waiting: deque[Recorded] = deque()
        self._read = self._folded = 0

    def _advance(self, position: int) -> None:
        for recorded in self._until(position):
            self._fold(recorded.event)
            self._folded = recorded.position
        streams, made = iter(self._changed), self._now
        while some := list(islice(streams, AT_ONCE)):
            made = made.with_changes((decode(self._records[stream]) for stream in some), made.position)
        self._now, self._changed = made.with_changes((), position), {}
        self._folded = position

    def _fold(self, event: Event) -> None:
        if isinstance(event, Product.Event):
            before = self._records.get(event.originator_id)
            self._records[event.originator_id] = encode(apply(decode(before) if before else ProductRecord(), event))
            self._changed[event.originator_id] = None

    def _until(self, position: int) -> Iterator[Recorded]:
        """What was recorded up to the position and not taken yet."""
        feed: Feed | None = None
        while True:
            while self._waiting and self._waiting[0].position <= position:
                yield self._waiting.popleft()
            if self._waiting or self._read >= position:
                return
            feed = feed or self._open(self._read)
            batch = feed.next_batch(0)
            if not batch:
                raise PositionError(f"the catalogue's log ends at {self._read}")
            self._waiting.extend(batch)
            self._read = batch[-1].position
