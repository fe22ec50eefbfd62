"""The fields of the streams in all generations of the read models; L1 of every process follows by what Redis tells it.

The projector takes them away too when it comes to the streams' last event. What it had in hand when this swept may come
after it, and goes then.
"""

from collections.abc import Mapping
from uuid import UUID

from app.erasing.work import Counts, Todo, streams_of
from app.wiring import Wiring


def redis(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
    """Raises UnavailableError."""
    wanted, swept = streams_of(todo), dict[UUID, int]()
    generations = wiring.generations.all()
    for number in generations:
        for stream, count in wiring.people(number).forget(wanted).items():
            swept[stream] = swept.get(stream, 0) + count
    return {
        request: {"fields": sum(swept.get(s, 0) for s in streams), "generations": len(generations)}
        for request, streams in todo.items()
    }
