"""No identifier leads to the streams any more, here and in Redis; whoever comes with one is a stranger."""

from collections.abc import Mapping
from uuid import UUID

from app.erasing.work import Counts, Todo, counted, streams_of
from app.wiring import Wiring


def directory(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
    """Raises UnavailableError."""
    return counted(todo, wiring.directory.forget_streams(streams_of(todo)), "claims")
