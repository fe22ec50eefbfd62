"""The requests of an installation, as routes and commands see them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from app.erasing import asking
from app.erasing.asking import Asked
from app.erasing.erase import erase
from app.jobs.erasing import Erasing
from app.wiring import Wiring
from domain.identity import Identifier
from domain.privacy import (
    ErasureRefusedError,
    ErasureRequest,
    Ground,
    Method,
    NobodyError,
    Source,
    UnknownRequestError,
)
from queries.erasure import Told, told
from readmodels.erasure import READY, ErasureStatus


class Desk:
    """Raises UnavailableError; NobodyError, UnknownRequestError (LookupError); ErasureRefusedError (ValueError)."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._erasing = Erasing(wiring)

    @property
    def immediate(self) -> bool:
        """Whether whoever asks may approve, and nothing is waited for then."""
        return not self._wiring.settings.erasure_four_eyes and not self._wiring.settings.erasure_window_h

    def ask(
        self,
        who: UUID | Identifier,
        *,
        by: str,
        source: Source,
        method: Method | None = None,
        approve: bool = False,
    ) -> Told:
        """A request, or the open one there is. ``approve``: at once, where four eyes are not asked for; what may begin
        is done when this returns."""
        status = asking.ask(self._wiring, Asked(who, by, source, method, approve))
        return self._told(self._begun(status) if approve else status)

    def redact(self, identifiers: Sequence[Identifier], by: str) -> int:
        """Requests of a platform, which vouches for them, for everybody whom these name; how many. Nobody is fine."""
        found: set[UUID] = set()
        for identifier in identifiers:
            try:
                asked = Asked(identifier, by, Source.SHOPIFY, Method.PLATFORM)
                found.add(asking.ask(self._wiring, asked).request)
            except NobodyError:
                continue
        return len(found)

    def one(self, request: UUID) -> Told:
        """What became of a request."""
        return self._told(asking.status(self._wiring, request))

    def latest(self, limit: int) -> list[Told]:
        """The latest requests first."""
        return [self._told(status) for status in self._wiring.erasures.latest(limit)]

    def confirm(self, request: UUID, *, by: str, method: Method) -> Told:
        """Identity was verified."""
        return self._decided(request, lambda r, now: r.verify(by=by, method=method, occurred_at=now))

    def approve(self, request: UUID, *, by: str) -> Told:
        """Lets it begin: now, where the cancel window is over."""
        return self._decided(request, lambda r, now: r.approve(by=by, occurred_at=now))

    def cancel(self, request: UUID, *, by: str) -> Told:
        """Takes the request back."""
        return self._decided(request, lambda r, now: r.cancel(by=by, occurred_at=now))

    def hold(self, request: UUID, *, by: str, ground: Ground) -> Told:
        """Nothing is erased for now."""
        return self._decided(request, lambda r, now: r.hold(by=by, ground=ground, occurred_at=now))

    def release(self, request: UUID, *, by: str) -> Told:
        """Ends a hold."""
        return self._decided(request, lambda r, now: r.release(by=by, occurred_at=now))

    def _decided(self, request: UUID, decision: Callable[[ErasureRequest, datetime], None]) -> Told:
        return self._told(self._begun(asking.decide(self._wiring, request, decision)))

    def _begun(self, status: ErasureStatus) -> ErasureStatus:
        """What may begin goes into the queue, and is done here and now; whoever is cut short, a worker goes on."""
        if status.state != READY or status.cancel_until_ms > datetime.now(UTC).timestamp() * 1000:
            return status
        self._erasing.send([status.request])
        erase(self._wiring, [status.request])
        return asking.status(self._wiring, status.request)

    def _told(self, status: ErasureStatus) -> Told:
        return told(status, datetime.now(UTC))


#: What a desk may raise that is whoever asks to be told of.
REFUSALS: tuple[type[Exception], ...] = (NobodyError, UnknownRequestError, ErasureRefusedError)
