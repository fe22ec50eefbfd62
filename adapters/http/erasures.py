"""The routes of requests to erase: asked for, approved, held, cancelled, and what became of them."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol, TypeVar
from uuid import UUID

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.channels.channel import RejectedError
from adapters.http import bodies, docs
from adapters.http.audited import PURPOSE_REASON, Audited, Purpose
from adapters.http.auth import Access, require
from adapters.http.keys import ApiKey, Scope
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from domain.identity import Identifier, IdentifierKind
from domain.privacy import ErasureRefusedError, Ground, Method, NobodyError, Source, UnknownRequestError
from queries.erasure import Told

T = TypeVar("T")
LIMIT = 4 * 1024
_REASONS = {"request_id": "must be a UUID", "limit": "must be a whole number from 1 to 500", **PURPOSE_REASON}
_FORBID = ConfigDict(frozen=True, extra="forbid")


class Erasures(Protocol):
    """Requests to erase. Raises UnavailableError, NobodyError, UnknownRequestError, ErasureRefusedError."""

    @property
    def immediate(self) -> bool:
        """Whether whoever asks may approve, and nothing is waited for then."""

    def ask(
        self,
        who: UUID | Identifier,
        *,
        by: str,
        source: Source,
        method: Method | None = None,
        approve: bool = False,
    ) -> Told:
        """A request, or the open one there is."""

    def redact(self, identifiers: Sequence[Identifier], by: str) -> int:
        """Requests of a platform, which vouches for them, for everybody whom these name; how many."""

    def one(self, request: UUID) -> Told:
        """What became of it."""

    def latest(self, limit: int) -> Sequence[Told]:
        """The latest requests first."""

    def confirm(self, request: UUID, *, by: str, method: Method) -> Told:
        """Identity was verified."""

    def approve(self, request: UUID, *, by: str) -> Told:
        """Lets it begin."""

    def cancel(self, request: UUID, *, by: str) -> Told:
        """Takes it back."""

    def hold(self, request: UUID, *, by: str, ground: Ground) -> Told:
        """Nothing is erased for now."""

    def release(self, request: UUID, *, by: str) -> Told:
        """Ends a hold."""


class _Who(BaseModel):
    """Exactly one of ``person_id`` and ``kind`` with ``value``. ``verified``: how identity was; ``approve`` at once."""

    model_config = _FORBID
    person_id: UUID | None = None
    kind: IdentifierKind | None = None
    value: str | None = None
    verified: Method | None = None
    approve: bool = False


class _Confirm(BaseModel):
    model_config = _FORBID
    verified: Method


class _Hold(BaseModel):
    model_config = _FORBID
    ground: Ground


class _Nothing(BaseModel):
    model_config = _FORBID


Body = TypeVar("Body", bound=BaseModel)


class ErasureDesk:
    """What the routes do: in threads, each told to the audit log before it is answered."""

    def __init__(self, erasures: Erasures, audited: Audited) -> None:
        self._erasures, self._audited = erasures, audited

    async def ask(self, request: AnyRequest, purpose: str | None) -> Told:
        """Raises RejectedError."""
        asked = await _read(request, _Who)
        who = _who(asked)
        if asked.approve:
            require(request.auth, Scope.PRIVACY_ERASE)
            if not self._erasures.immediate:
                raise RejectedError("approve", "the settings ask for a second person, or for time to cancel", 409)
        found = await _in_thread(
            lambda: self._erasures.ask(
                who, by=actor(request.auth), source=Source.API, method=asked.verified, approve=asked.approve
            )
        )
        return await self._audit(request.auth, "erasure.request", found, purpose)

    async def one(self, request: AnyRequest, number: UUID, purpose: str | None) -> Told:
        """Raises RejectedError."""
        found = await _in_thread(lambda: self._erasures.one(number))
        return await self._audit(request.auth, "erasure.read", found, purpose)

    async def latest(self, limit: int) -> list[Told]:
        """The latest first."""
        return list(await _in_thread(lambda: self._erasures.latest(limit)))

    async def decide(
        self, request: AnyRequest, action: str, decide: Callable[[Erasures, str], Told], purpose: str | None
    ) -> Told:
        """Raises RejectedError."""
        found = await _in_thread(lambda: decide(self._erasures, actor(request.auth)))
        return await self._audit(request.auth, f"erasure.{action}", found, purpose)

    async def _audit(self, key: ApiKey, action: str, found: Told, purpose: str | None) -> Told:
        if found.subject is not None:
            await self._audited.read(key, action, found.subject, purpose)
        return found


def erasure_routes(desk: ErasureDesk, access: Access) -> Sequence[HTTPRouteHandler]:
    """All of them."""
    shared: dict[str, Any] = {"tags": ["privacy"], "security": docs.KEY_SECURITY, "opt": {"reasons": _REASONS}}
    writes: dict[str, Any] = {"status_code": 200, "request_max_body_size": LIMIT, **shared}

    @get(
        "/v1/privacy/erasures",
        operation_id="erasures",
        guards=[access.needs(Scope.PRIVACY_READ)],
        responses=docs.problems(*docs.READ_ERRORS),
        **shared,
    )
    async def all_of_them(request: AnyRequest, limit: Annotated[int, Parameter(ge=1, le=500)] = 50) -> list[Told]:
        """Requests to erase, the latest first: ids, times and counts."""
        only(request, ("limit",))
        return await desk.latest(limit)

    @get(
        "/v1/privacy/erasures/{request_id:str}",
        operation_id="erasure",
        guards=[access.needs(Scope.PRIVACY_READ)],
        responses=docs.problems(404, *docs.READ_ERRORS),
        **shared,
    )
    async def one(request: AnyRequest, request_id: UUID, purpose: Purpose = None) -> Told:
        """A request: what was done, and what is left or pending."""
        only(request, ())
        return await desk.one(request, request_id, purpose)

    @post(
        "/v1/privacy/erasures",
        operation_id="requestErasure",
        guards=[access.needs(Scope.PRIVACY_REQUEST, secret=True)],
        operation_class=docs.body_of("person_id, or kind and value; verified; approve", bodies.JSON),
        responses=docs.problems(404, *docs.WRITE_ERRORS),
        **writes,
    )
    async def ask(request: AnyRequest, purpose: Purpose = None) -> Told:
        """Asks for a person to be erased, with all their streams; or gives the open request that there is."""
        return await desk.ask(request, purpose)

    return [all_of_them, one, ask, *(_decision(desk, access, writes, *each) for each in _DECISIONS)]


Decide = Callable[[Erasures, UUID, str, Any], Told]
_DECISIONS: tuple[tuple[str, type[BaseModel], str, Decide], ...] = (
    ("confirm", _Confirm, "Identity was verified", lambda e, n, by, b: e.confirm(n, by=by, method=b.verified)),
    ("approve", _Nothing, "Lets it begin; not by whoever asked", lambda e, n, by, b: e.approve(n, by=by)),
    ("cancel", _Nothing, "Takes it back before it begins", lambda e, n, by, b: e.cancel(n, by=by)),
    ("hold", _Hold, "The law wants the data kept for now", lambda e, n, by, b: e.hold(n, by=by, ground=b.ground)),
    ("release", _Nothing, "Ends a hold", lambda e, n, by, b: e.release(n, by=by)),
)


def _decision(
    desk: ErasureDesk,
    access: Access,
    writes: dict[str, Any],
    name: str,
    shape: type[BaseModel],
    what: str,
    decide: Decide,
) -> HTTPRouteHandler:
    async def handle(request: AnyRequest, request_id: UUID, purpose: Purpose = None) -> Told:
        body = await _read(request, shape)
        return await desk.decide(request, name, lambda erasures, by: decide(erasures, request_id, by, body), purpose)

    return post(
        f"/v1/privacy/erasures/{{request_id:str}}/{name}",
        name=f"erasure_{name}",
        operation_id=f"{name}Erasure",
        summary=what,
        guards=[access.needs(Scope.PRIVACY_APPROVE, secret=True)],
        operation_class=docs.body_of(what, bodies.JSON),
        responses=docs.problems(404, *docs.WRITE_ERRORS),
        **writes,
    )(handle)


def actor(key: ApiKey) -> str:
    """Who asks is told by the id of the key alone."""
    return "key:" + re.sub(r"[^A-Za-z0-9._-]", "-", key.id)[:60]


async def _read(request: AnyRequest, shape: type[Body]) -> Body:
    body = await bodies.read(request, bodies.JSON)
    try:
        return shape.model_validate_json(body or b"{}")
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, wrong["loc"])) or "body"
        raise RejectedError(field, str(wrong["msg"])) from None


def _who(asked: _Who) -> UUID | Identifier:
    if asked.person_id is not None:
        if asked.kind is not None or asked.value is not None:
            raise RejectedError("person_id", "give either person_id, or kind and value")
        return asked.person_id
    if asked.kind is None or asked.value is None:
        raise RejectedError("kind" if asked.kind is None else "value", "give either person_id, or kind and value")
    try:
        return Identifier(kind=asked.kind, value=asked.value)
    except ValidationError:
        raise RejectedError("value", f"is no valid {asked.kind.value}") from None


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except NobodyError as nobody:
        raise RejectedError("value", str(nobody), 404) from None
    except UnknownRequestError as unknown:
        raise RejectedError("request_id", str(unknown), 404) from None
    except ErasureRefusedError as refusal:
        raise RejectedError("request_id", str(refusal), 409) from None
