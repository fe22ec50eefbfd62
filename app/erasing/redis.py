"""The fields of the streams in all generations of the read models and in linking's indexes; L1 of every process
follows by what Redis tells it.

Those who were linked with the person may be somebody else's now, such as a tablet that two people used: they settle
anew. The projector takes the fields away too when it comes to the streams' last event. What it had in hand when this
swept may come after it, and goes then.
"""

from collections.abc import Mapping
from uuid import UUID

from app.erasing.work import Counts, Todo, streams_of
from app.identities import index as identity_index
from app.wiring import Wiring


def redis(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
    """Raises UnavailableError, UnsettledError."""
    wanted, swept = streams_of(todo), dict[UUID, int]()
    identity_index.forget(wiring, wanted)
    generations, neighbours = wiring.generations.all(), wiring.erasures.neighbours(todo)
    for number in generations:
        for stream, count in wiring.people(number).forget(wanted).items():
            swept[stream] = swept.get(stream, 0) + count
        wiring.settler(number).settle(neighbours)
    wiring.erasures.drop_neighbours(todo)
    return {
        request: {"fields": sum(swept.get(s, 0) for s in streams), "generations": len(generations)}
        for request, streams in todo.items()
    }
