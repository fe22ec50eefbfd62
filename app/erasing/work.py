"""What a step is given, and what it gives back."""

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from app.wiring import Wiring

#: Request → the streams that it erases.
Todo = Mapping[UUID, tuple[UUID, ...]]
Counts = dict[str, int]
Step = Callable[[Wiring, Todo], Mapping[UUID, Counts]]


def streams_of(todo: Todo) -> list[UUID]:
    """All of them, in order."""
    return sorted({stream for streams in todo.values() for stream in streams})


def counted(todo: Todo, found: Mapping[UUID, int], name: str) -> dict[UUID, Counts]:
    """Counts by stream as counts by request."""
    return {request: {name: sum(found.get(s, 0) for s in streams)} for request, streams in todo.items()}


def tally(streams: Iterable[UUID]) -> dict[UUID, int]:
    """How often each comes."""
    found: dict[UUID, int] = {}
    for stream in streams:
        found[stream] = found.get(stream, 0) + 1
    return found
