"""Requests: who asks for whom, and what is decided on them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from app.erasing.people import people
from app.wiring import Wiring
from commands.ports import ConflictError
from domain.identity import Identifier
from domain.privacy import ErasureRequest, Method, NobodyError, Source, UnknownRequestError
from readmodels.erasure import BEGUN, READY, WAITING, ErasureStatus

ATTEMPTS = 20
OPEN = (WAITING, READY, BEGUN)


@dataclass(frozen=True, slots=True)
class Asked:
    """``by``: an opaque id. ``method`` None: identity was not verified. ``approve``: by whoever asks, which four eyes
    forbid."""

    who: UUID | Identifier
    by: str
    source: Source
    method: Method | None = None
    approve: bool = False


def ask(wiring: Wiring, asked: Asked) -> ErasureStatus:
    """A request, or the one that there is already. Raises NobodyError, ErasureRefusedError, UnavailableError."""
    stream = asked.who if isinstance(asked.who, UUID) else wiring.directory.find(asked.who)
    if stream is None:
        raise NobodyError("nobody is known by that")
    streams = people(wiring.kept, [stream]).get(stream) or _expired(wiring, stream)
    before = [status for status in wiring.erasures.of_streams(streams or [stream]) if status.state in OPEN]
    if before:
        return before[-1]
    if streams is None:
        raise NobodyError("nobody is known by that")
    return _new(wiring, asked, stream, streams)


def _expired(wiring: Wiring, stream: UUID) -> tuple[UUID, ...] | None:
    """Of a stream whose beginning has expired nothing tells whose it is: it stands for itself."""
    return (stream,) if wiring.keyring.living([stream]) else None


def _new(wiring: Wiring, asked: Asked, stream: UUID, streams: tuple[UUID, ...]) -> ErasureStatus:
    now, settings = datetime.now(UTC), wiring.settings
    request = ErasureRequest.ask(
        uuid4(),
        subject=stream,
        streams=streams,
        by=asked.by,
        source=asked.source,
        cancel_until=now + timedelta(hours=settings.erasure_window_h),
        four_eyes=settings.erasure_four_eyes,
        occurred_at=now,
    )
    if asked.method is not None:
        request.verify(by=asked.by, method=asked.method, occurred_at=now)
    if asked.approve:
        request.approve(by=asked.by, occurred_at=now)
    wiring.erasures.save([request])
    return status(wiring, request.id)


def decide(wiring: Wiring, number: UUID, decision: Callable[[ErasureRequest, datetime], None]) -> ErasureStatus:
    """What a decision makes of a request. Raises UnknownRequestError, ErasureRefusedError, UnavailableError."""
    for _ in range(ATTEMPTS):
        request = wiring.erasures.load([number]).get(number)
        if request is None:
            raise UnknownRequestError("there is no such request")
        decision(request, datetime.now(UTC))
        try:
            wiring.erasures.save([request])
        except ConflictError:
            continue
        return status(wiring, number)
    raise ConflictError("others decide on the same request all the time")


def status(wiring: Wiring, number: UUID) -> ErasureStatus:
    """Raises UnknownRequestError, UnavailableError."""
    found = wiring.erasures.find(number)
    if found is None:
        raise UnknownRequestError("there is no such request")
    return found
