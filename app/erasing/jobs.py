"""Jobs that wait and name one of the streams are not done any more."""

from collections.abc import Mapping
from uuid import UUID

from adapters.jobs.forgetting import forget
from app.erasing.work import Counts, Todo, counted, streams_of, tally
from app.wiring import Wiring


def jobs(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
    """Raises UnavailableError."""
    return counted(todo, tally(forget(wiring.redis, wiring.settings.namespace, streams_of(todo))), "jobs")
