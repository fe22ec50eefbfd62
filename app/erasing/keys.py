"""Destroys the streams' data keys: from here on nobody reads what is in the log, in L3, in receipts or in the audit."""

from collections.abc import Mapping
from uuid import UUID

from app.erasing.proof import enter
from app.erasing.work import Counts, Todo, streams_of
from app.wiring import Wiring


def keys(wiring: Wiring, todo: Todo) -> Mapping[UUID, Counts]:
    """``epoch``: the last one that a key was wrapped for; while its wrapping key lives, a backup may open. Raises
    UnavailableError."""
    wanted = streams_of(todo)
    wiring.keyring.destroy(wanted)
    enter(wiring, wanted)
    epochs = wiring.keyring.destroyed(wanted)
    return {
        request: {"keys": len(streams), "epoch": max((epochs[s] for s in streams), default=0)}
        for request, streams in todo.items()
    }
