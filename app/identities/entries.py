"""What linking knows of all streams, from the log: for training and for a replay."""

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from adapters.eventlog.feed import ReplayFeed
from app.wiring import Wiring
from domain.event import Event
from projections.identity import TOPICS, fold
from readmodels.identity import Entry

Read = Callable[[int], None]


def all_entries(wiring: Wiring, read: Read = lambda n: None) -> dict[UUID, Entry]:
    """Of every stream that can be read, up to the present ends of the logs. Raises UnavailableError."""
    found: dict[UUID, Entry] = {}
    for log in wiring.shards.now.logs:
        feed = ReplayFeed(log, 0, log.head(), topics=TOPICS)
        while batch := feed.next_batch(0):
            for stream, events in by_stream(each.event for each in batch).items():
                found[stream] = fold(found.get(stream, Entry()), events)
            read(len(batch))
    return {stream: entry for stream, entry in found.items() if not entry.node.gone}


def by_stream(events: Iterable[Event]) -> Mapping[UUID, list[Event]]:
    """In the order in which they came."""
    found: dict[UUID, list[Event]] = {}
    for event in events:
        found.setdefault(event.originator_id, []).append(event)
    return found
