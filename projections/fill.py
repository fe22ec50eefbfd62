"""Filling a generation from the records that are kept outside Redis, while it is read and written already."""

from collections.abc import Callable
from uuid import UUID

from projections.settle import Settler
from readmodels.customer import encode
from readmodels.stores import CustomerStore, RecordStore, Write

PAGE = 1_000
NOBODY = UUID(int=0)


def fill(
    store: CustomerStore,
    records: RecordStore,
    settler: Settler,
    progress: Callable[[int], None] = lambda n: None,
) -> int:
    """Puts every record where none is, and together who is one person; how many were put. ``progress`` may raise to
    end it; it may be done again."""
    filled, after = 0, NOBODY
    while True:
        found, further = records.page(after, PAGE)
        writes = [Write(stream, stream, 0, encode(record)) for stream, record in found.items()]
        filled += sum(refused is None for refused in store.write(writes))
        settler.settle(stream for stream, record in found.items() if record.ties)
        progress(len(found))
        if further is None:
            return filled
        after = further
