"""What the person was answered: that there was an answer stays, so that it says what became of it; nothing else does.

Receipts that still wait on a machine for PostgreSQL are stored empty, since their key is gone by then.
"""

from collections.abc import Mapping
from uuid import UUID

from app.erasing.work import Counts, Todo, counted, streams_of
from app.wiring import Wiring


def receipts(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
    """Raises UnavailableError."""
    return counted(todo, wiring.receipts.forget(streams_of(todo)), "receipts")
