"""What the page does: each reading is told to the audit log before anything of it is shown."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec

from adapters.channels.channel import RejectedError
from adapters.http.compliance.officers import Officer, Officers, Role
from adapters.http.erasures import Erasures
from adapters.http.identity import Reviews, named
from adapters.http.identity import in_thread as pairs_in_thread
from adapters.http.ports import Reader
from adapters.http.rights import Correction, RightsDesk
from domain.identity import Identifier, Pair
from domain.privacy import ErasureRefusedError, Ground, Method, Source
from queries.audit import Access, Audit, Entry
from queries.cases import Case, Cases
from queries.erasure import Told
from queries.export import Dossier
from queries.moment import Moment
from queries.review import Question, Verdict
from queries.timeline import LATEST, Page

T = TypeVar("T")
LISTED, READINGS, PAIRS = 50, 12, 20
_ALLOWED = {"approve": Role.APPROVER, "hold": Role.APPROVER, "release": Role.APPROVER}


class AccessAsked(Protocol):
    """Somebody who asked for what is known about them."""

    @property
    def stream(self) -> UUID:
        """Any of their streams."""

    @property
    def request_id(self) -> str:
        """The request's."""

    @property
    def asked(self) -> datetime:
        """When."""

    @property
    def due(self) -> datetime:
        """By when an answer must be given."""

    @property
    def granted(self) -> datetime | None:
        """When it was."""


class Checked(msgspec.Struct, frozen=True):
    """What came of checking a proof. ``facts`` are of the signed statement, in words."""

    holds: bool
    wrong: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()


class Proofs(Protocol):
    """Bundles. They raise UnavailableError."""

    def bundle(self, request: UUID) -> bytes:
        """The signed proof as it can be given now. Raises LookupError where nothing is erased yet."""

    def check(self, bundle: bytes) -> Checked:
        """With the public key alone."""

    def public_key(self) -> bytes:
        """In PEM."""


@dataclass(frozen=True, slots=True)
class ComplianceDesk:
    """Its parts; ``asked`` lists requests for access."""

    officers: Officers
    reader: Reader
    cases: Cases
    rights: RightsDesk
    erasures: Erasures
    proofs: Proofs
    asked: Callable[[], Sequence[AccessAsked]]
    audit: Audit
    reviews: Reviews
    now: Callable[[], datetime]

    async def requests(self) -> tuple[Sequence[Told], Sequence[AccessAsked]]:
        """Requests to erase, and requests for access."""
        erasures = await asyncio.to_thread(self.erasures.latest, LISTED)
        return erasures, await asyncio.to_thread(self.asked)

    async def find(self, officer: Officer, who: UUID | Identifier, purpose: str | None) -> UUID:
        """The stream of an id or identifier. Raises RejectedError (404) for nobody."""
        stream = who if isinstance(who, UUID) else await self.reader.find(who)
        if stream is None or not await asyncio.to_thread(self.rights.exports.members, stream):
            raise RejectedError("value", "nobody is known by that", 404)
        await self._told(officer, "search", stream, purpose)
        return stream

    async def case(self, officer: Officer, stream: UUID, moment: Moment, page: Page = LATEST) -> Case:
        """Raises RejectedError (404)."""
        found = await asyncio.to_thread(self.cases.case, stream, moment, page)
        if found is None:
            raise RejectedError("person", "nobody is known by that, or not yet at that time", 404)
        await self._told(officer, "case", found.person_id)
        return found

    async def readings(self, case: Case) -> list[Entry]:
        """Who read of this person, the latest first."""
        return await asyncio.to_thread(lambda: self.audit.latest(READINGS, streams=case.profile.streams))

    async def export(self, officer: Officer, stream: UUID, request: str | None) -> Dossier:
        """Raises RejectedError (404)."""
        found = await self.rights.dossier(stream)
        if found is None:
            raise RejectedError("person", "nobody is known by that", 404)
        await self._told(officer, "export", found.person_id)
        if request:
            await self.rights.grant(found.person_id, request, officer.actor)
        return found

    async def correct(self, officer: Officer, stream: UUID, told: Correction) -> None:
        """Raises RejectedError, ValidationError."""
        await self._told(officer, "correct", stream)
        done = await self.rights.correct(stream, told, officer.actor)
        await self.reader.wait_for(stream, done.version, timeout_ms=1_000)

    async def erase(self, officer: Officer, stream: UUID, method: Method) -> Told:
        """A request, for somebody else to approve. Raises RejectedError."""
        require(officer, Role.REQUESTER)
        await self._told(officer, "erase", stream)
        return await _in_thread(lambda: self.erasures.ask(stream, by=officer.actor, source=Source.PAGE, method=method))

    async def one(self, request: UUID) -> Told:
        """Raises RejectedError (404)."""
        return await _in_thread(lambda: self.erasures.one(request))

    async def decide(self, officer: Officer, request: UUID, action: str, ground: Ground | None) -> Told:
        """approve, cancel, hold or release. Whoever requested it never approves. Raises RejectedError."""
        if action in _ALLOWED:
            require(officer, _ALLOWED[action])
        found = await self.one(request)
        if action == "approve" and found.requested_by == officer.actor:
            raise RejectedError("officer", "whoever requested it may not approve it", 403)
        if found.subject is not None:
            await self._told(officer, action, found.subject)
        return await _in_thread(lambda: self._decided(officer.actor, request, action, ground))

    def _decided(self, by: str, request: UUID, action: str, ground: Ground | None) -> Told:
        match action:
            case "approve":
                return self.erasures.approve(request, by=by)
            case "cancel":
                return self.erasures.cancel(request, by=by)
            case "release":
                return self.erasures.release(request, by=by)
        return self.erasures.hold(request, by=by, ground=ground or Ground.LEGAL_CLAIM)

    async def bundle(self, officer: Officer, request: UUID) -> bytes:
        """Raises RejectedError."""
        found = await self.one(request)
        if found.subject is not None:
            await self._told(officer, "bundle", found.subject)
        return await _in_thread(lambda: self.proofs.bundle(request))

    async def pairs(self, officer: Officer) -> Sequence[Question]:
        """The likeliest pairs that wait for a decision. Raises RejectedError (409) where there is no model."""
        found = await pairs_in_thread(lambda: self.reviews.questions(PAIRS))
        for stream in named(found):
            await self._told(officer, "review", stream)
        return found

    async def review(self, officer: Officer, pair: Pair, verdict: Verdict, reason: str) -> None:
        """Raises RejectedError."""
        await pairs_in_thread(lambda: self.reviews.waits(*pair))
        for stream in pair:
            await self._told(officer, "decide", stream)
        await pairs_in_thread(lambda: self.reviews.decide(*pair, verdict, by=officer.actor, reason=reason))

    async def _told(self, officer: Officer, action: str, stream: UUID, purpose: str | None = None) -> None:
        access = Access(officer.actor, f"compliance.{action}", stream, purpose)
        await asyncio.to_thread(self.audit.record, access)


def require(officer: Officer, role: Role) -> None:
    """Raises RejectedError (403)."""
    if role not in officer.roles:
        raise RejectedError("officer", f"this needs the role {role}", 403)


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except LookupError as nobody:
        raise RejectedError("request", str(nobody), 404) from None
    except ErasureRefusedError as refusal:
        raise RejectedError("request", str(refusal), 409) from None
