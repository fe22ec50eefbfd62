"""The routes for persons' rights: everything known as a file, and corrections."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from litestar.response import Stream
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.channels.channel import RejectedError
from adapters.http import bodies, docs
from adapters.http.audited import PURPOSE_REASON, Audited, Purpose
from adapters.http.auth import Access
from adapters.http.idempotency import once
from adapters.http.keys import Scope
from adapters.http.ports import Writer
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from adapters.rights.as_html import as_html
from adapters.rights.as_json import as_json
from commands.command import StreamCommand
from commands.ports import ConflictError
from commands.rights import CorrectDetails, GrantAccess
from domain.values import Details, Name
from queries.export import Dossier, Exports

PIECE = 64 * 1024
_REASONS = {
    "person_id": "must be a UUID",
    "format": "must be json or html",
    "request": "must have 1 to 200 characters",
    **PURPOSE_REASON,
}


class Format(StrEnum):
    """For machines, or to read and to print."""

    JSON = "json"
    HTML = "html"


class Correction(BaseModel):
    """``details`` are right; of the fields that ``cleared`` names nothing right is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    details: Details = Details()
    cleared: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class Corrected(msgspec.Struct, frozen=True):
    """``recorded``: events; 0 where this correction was recorded before."""

    stream: UUID
    version: int
    recorded: int


@dataclass(frozen=True, slots=True)
class RightsDesk:
    """``writer`` goes straight to the log, not through Kafka: it answers when it is stored."""

    exports: Exports
    writer: Writer
    now: Callable[[], datetime]

    async def dossier(self, person: UUID) -> Dossier | None:
        """Everything about whoever has this stream. Raises UnavailableError."""
        return await asyncio.to_thread(self.exports.dossier, person, self.now())

    async def grant(self, person: UUID, request: str | None, by: str) -> None:
        """Records that a request of theirs was answered. Raises RejectedError, UnavailableError."""
        source = f"access:{request}" if request else f"access:{uuid4()}"
        await self._send(
            GrantAccess(source_id=source, occurred_at=self.now(), stream=person, request_id=request, by=by)
        )

    async def correct(self, person: UUID, told: Correction, by: str, source: str | None = None) -> Corrected:
        """Raises RejectedError, UnavailableError, ValidationError."""
        command = CorrectDetails(
            source_id=source or f"correction:{uuid4()}",
            occurred_at=self.now(),
            stream=person,
            details=told.details,
            cleared=told.cleared,
            by=by,
            reason=told.reason,
        )
        return await self._send(command)

    async def _send(self, command: StreamCommand) -> Corrected:
        try:
            (outcome,) = await self.writer.submit([command])
        except ConflictError:
            raise RejectedError("person_id", "changes all the time; try again", 409) from None
        if outcome.refused:
            raise RejectedError("person_id", "there is no such person, or they were erased", 404)
        return Corrected(command.stream, outcome.version, outcome.events)


def rights_routes(desk: RightsDesk, access: Access, audited: Audited) -> Sequence[HTTPRouteHandler]:
    """Both."""
    return [_export(desk, access, audited), _correct(desk, access, audited)]


def _export(desk: RightsDesk, access: Access, audited: Audited) -> HTTPRouteHandler:
    @get(
        "/v1/customers/{person_id:str}/export",
        operation_id="customerExport",
        tags=["customers"],
        guards=[access.needs(Scope.CUSTOMER_EXPORT, secret=True)],
        security=docs.KEY_SECURITY,
        operation_class=docs.forms_of("application/json", "text/html; charset=utf-8"),
        responses=docs.problems(404, *docs.READ_ERRORS),
        opt={"reasons": _REASONS},
    )
    async def export(
        request: AnyRequest,
        person_id: UUID,
        format_: Annotated[Format, Parameter(query="format")] = Format.JSON,
        request_id: Annotated[str | None, Parameter(query="request", min_length=1, max_length=200)] = None,
        purpose: Purpose = None,
    ) -> Stream:
        """Everything about a person: events, links, consents, profile, decisions with their reasons. ``request``: the
        id of a request for access that this answers."""
        only(request, ("format", "request"))
        found = await desk.dossier(person_id)
        if found is None:
            raise RejectedError("person_id", "there is no such person", 404)
        await audited.read(request.auth, "customer.export", found.person_id, purpose)
        if request_id is not None:
            await desk.grant(found.person_id, request_id, f"key:{request.auth.id}")
        return download(found, format_)

    return export


def download(found: Dossier, format_: Format) -> Stream:
    """As a file to keep, piece by piece."""
    pieces = as_html(found) if format_ is Format.HTML else as_json(found)
    return Stream(
        gathered(pieces),
        media_type="text/html; charset=utf-8" if format_ is Format.HTML else "application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{found.person_id}.{format_}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same in larger pieces."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _correct(desk: RightsDesk, access: Access, audited: Audited) -> HTTPRouteHandler:
    @post(
        "/v1/customers/{person_id:str}/corrections",
        operation_id="customerCorrection",
        tags=["customers"],
        status_code=200,
        guards=[access.needs(Scope.CUSTOMER_WRITE, secret=True)],
        security=docs.KEY_SECURITY,
        responses=docs.problems(404, *docs.WRITE_ERRORS),
        operation_class=docs.body_of("What is right, and why it is corrected", frozenset({"application/json"})),
        opt={"reasons": _REASONS},
    )
    async def correction(request: AnyRequest, person_id: UUID, purpose: Purpose = None) -> Corrected:
        """Details are put right, or cleared: what is corrected counts before whatever channels tell. With an
        Idempotency-Key it is recorded once."""
        only(request, ())
        body = await bodies.read(request, frozenset({"application/json"}))
        source = once(request, "correction")
        await audited.read(request.auth, "customer.correct", person_id, purpose)
        try:
            told = Correction.model_validate_json(body)
            return await desk.correct(person_id, told, f"key:{request.auth.id}", source)
        except ValidationError as error:
            raise wrong(error) from None

    return correction


def wrong(error: ValidationError) -> RejectedError:
    """Names the field, and no value."""
    first: Any = error.errors(include_input=False, include_url=False, include_context=False)[0]
    known = {*Correction.model_fields, *Details.model_fields}
    field = ".".join(str(part) for part in first["loc"] if part in known) or "body"
    return RejectedError(field, first["msg"].removeprefix("Value error, "))
