"""Dead letters of the person: what could not be taken from the topic was kept with its content."""

from collections.abc import Mapping
from uuid import UUID

from app.erasing.work import Counts, Todo, counted, streams_of, tally
from app.wiring import Wiring


def letters(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
    """Raises UnavailableError."""
    pseudonyms = wiring.directory.pseudonyms(streams_of(todo))
    return counted(todo, tally(wiring.dead_letters.forget(pseudonyms, wiring.envelope)), "letters")
