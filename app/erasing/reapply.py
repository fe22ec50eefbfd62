"""An older copy of the databases has persons again who were erased since. The ledger is not in those copies: whoever
provisions or starts to project looks whether somebody is readable who may not be, and sweeps them again."""

import logging
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from app.erasing.erase import STEPS
from app.erasing.work import streams_of
from app.wiring import Wiring
from domain.privacy import NOW, Step
from readmodels.erasure import BEGUN, DONE, UNREADABLE, ErasureStatus

LOGGER = logging.getLogger("bespoke.erasing")
BATCH = 500


def reapply(wiring: Wiring) -> int:
    """How many requests had to be done again. Raises UnavailableError."""
    statuses, count = wiring.erasures.in_state(BEGUN, UNREADABLE, DONE), 0
    while batch := list(islice(statuses, BATCH)):
        back = _readable(wiring, batch)
        if back:
            _again(wiring, back)
            count += len(back)
    if count:
        LOGGER.warning("%d erasures were done again: the databases are of before them", count)
    return count


def _readable(wiring: Wiring, batch: list[ErasureStatus]) -> dict[UUID, tuple[UUID, ...]]:
    """Requests whose keys were destroyed by the ledger's word, and of whose streams a key or an identifier is there."""
    told = {s.request: s.streams for s in batch if Step.KEYS in s.steps}
    wanted = streams_of(told)
    there = wiring.keyring.living(wanted) | wiring.directory.claimed(wanted)
    unknown = set(wanted) - wiring.keyring.destroyed(wanted).keys()
    return {request: streams for request, streams in told.items() if (there | unknown).intersection(streams)}


def _again(wiring: Wiring, todo: dict[UUID, tuple[UUID, ...]]) -> None:
    counts: dict[UUID, dict[str, int]] = {request: {} for request in todo}
    for step in NOW:
        for request, found in STEPS[step](wiring, todo).items():
            counts[request] |= {f"{step.value}.{name}": count for name, count in found.items()}
    requests = wiring.erasures.load(list(todo))
    for number, found_again in requests.items():
        found_again.reapply(counts[number], occurred_at=datetime.now(UTC))
    wiring.erasures.save(requests.values())
