"""Does what requests still lack, step by step: each step for all of them at once, recorded before the next one begins.

Every step can be done again, so whoever dies leaves no more than a step that somebody else does once more. Two who do
the same request at once do nothing twice that counts: the ledger takes each step once.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from app.erasing.close import close
from app.erasing.directory import directory
from app.erasing.jobs import jobs
from app.erasing.keys import keys
from app.erasing.letters import letters
from app.erasing.people import people
from app.erasing.receipts import receipts
from app.erasing.records import records
from app.erasing.redis import redis
from app.erasing.work import Step as Do
from app.wiring import Wiring
from commands.ports import ConflictError
from domain.privacy import NOW, ErasureRequest, Step

STEPS: Mapping[Step, Do] = {
    Step.CLOSE: close,
    Step.KEYS: keys,
    Step.DIRECTORY: directory,
    Step.RECORDS: records,
    Step.REDIS: redis,
    Step.RECEIPTS: receipts,
    Step.LETTERS: letters,
    Step.JOBS: jobs,
}
#: So many requests go through the steps together.
BATCH = 500
ATTEMPTS = 100


def erase(wiring: Wiring, requests: Sequence[UUID], steps: Mapping[Step, Do] = STEPS) -> int:
    """How many of the requests are unreadable now. Those that may not begin yet are left. Raises UnavailableError,
    ConflictError."""
    done = 0
    for start in range(0, len(requests), BATCH):
        done += _again(wiring, requests[start : start + BATCH], steps)
    return done


def _again(wiring: Wiring, requests: Sequence[UUID], steps: Mapping[Step, Do]) -> int:
    for _ in range(ATTEMPTS):
        try:
            return _erase(wiring, requests, steps)
        except ConflictError:  # somebody else does the same: what they have done is not done again
            continue
    raise ConflictError("others work on the same requests all the time")


def _erase(wiring: Wiring, requests: Sequence[UUID], steps: Mapping[Step, Do]) -> int:
    found = wiring.erasures.load(requests)
    begin(wiring, list(found.values()))
    begun = [request for request in found.values() if request.begun]
    for step in NOW:
        left = {request.id: request for request in begun if step not in request.steps}
        if left:
            counts = steps[step](wiring, {number: request.streams for number, request in left.items()})
            for number, request in left.items():
                request.finish(step, counts[number], occurred_at=datetime.now(UTC))
            wiring.erasures.save(left.values())
    return sum(request.unreadable for request in begun)


def begin(wiring: Wiring, requests: Sequence[ErasureRequest]) -> None:
    """Those that may: with the streams that are the person's now. Raises UnavailableError, ConflictError."""
    now = datetime.now(UTC)
    ready = [request for request in requests if not request.begun and request.waits_for(now) is None]
    if not ready:
        return
    members = people(wiring.kept, [request.subject for request in ready])
    for request in ready:
        request.begin(members.get(request.subject, request.streams), occurred_at=now)
    wiring.erasures.save(ready)
