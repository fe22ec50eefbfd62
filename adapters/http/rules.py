"""The routes of merchandising rules: the draft, its publication, and a preview for a real customer."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from litestar import get, post, put
from litestar.handlers import HTTPRouteHandler
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from adapters.channels.channel import RejectedError
from adapters.http import bodies, docs
from adapters.http.audited import PURPOSE_REASON, Audited, Purpose
from adapters.http.auth import Access
from adapters.http.keys import ApiKey, Scope
from adapters.http.ports import Reader, Rules, Writer
from adapters.http.problems import AnyRequest, FieldError
from commands.merchandising import PublishRules, RulesCommand, SaveRules
from domain.identity import Identifier, IdentifierKind
from domain.merchandising import Problem, RulesError, RuleSet, read, read_json
from domain.merchandising.problems import told
from domain.merchandising.rules import MOST_BYTES
from domain.merchandising.values import Code
from domain.values import Channel, Name, Sku
from queries.merchandising import Book
from queries.preview import Preview
from queries.recommend.ask import Ask

LIMIT = 2 * MOST_BYTES
ERRORS = docs.WRITE_ERRORS
_DIGEST = re.compile(r"(?:[0-9a-f]{32})?")
_ONE_ID = "give at most one of person_id, user_id and anonymous_id"
_Short = Annotated[str, Field(min_length=1, max_length=254)]


class Stored(msgspec.Struct, frozen=True):
    """``recorded`` counts events, 0: it was so already. ``digest`` and ``live_digest``: hashes of the draft and of what
    is live now. ``unknown``: what the rules name that no item has."""

    recorded: int
    digest: str
    live_digest: str
    unknown: tuple[FieldError, ...] = ()


class _Asked(BaseModel):
    """The body of a preview, but for its rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person_id: UUID | None = None
    user_id: _Short | None = None
    anonymous_id: _Short | None = None
    placement: Code = "home"
    channel: Channel | None = None
    store: Name | None = None
    device: Name | None = None
    item: Sku | None = None
    limit: Annotated[int, Field(ge=1, le=50)] = 20
    at: AwareDatetime | None = None


class RuleDesk:
    """What the routes do."""

    def __init__(
        self, writer: Writer, rules: Rules, reader: Reader, audited: Audited, now: Callable[[], datetime]
    ) -> None:
        self._audited = audited
        self._writer = writer
        self._rules = rules
        self._reader = reader
        self._now = now

    async def book(self) -> Book:
        """The draft and what is live."""
        return await self._rules.book()

    async def save(self, body: bytes, key: ApiKey, expected: str | None) -> Stored:
        """Raises RulesError, RejectedError."""
        rules = read_json(body)
        recorded = await self._send(SaveRules(rules=rules.rules, expected=expected, **self._facts(key)))
        unknown = tuple(FieldError(*problem) for problem in await self._rules.unknown(rules))
        return await self._stored(recorded, unknown)

    async def publish(self, key: ApiKey, expected: str | None) -> Stored:
        """Raises RejectedError."""
        return await self._stored(await self._send(PublishRules(expected=expected, **self._facts(key))))

    async def preview(self, body: bytes, key: ApiKey, purpose: str | None) -> Preview:
        """Raises RulesError, RejectedError."""
        asked, rules = _read_preview(body)
        stream = await self._who(asked)
        at = asked.at or self._now()
        ask = Ask(
            decision_id=uuid4(),
            placement=asked.placement,
            at_ms=int(at.timestamp() * 1000),
            limit=asked.limit,
            item=asked.item,
            store=asked.store,
            device=asked.device,
            channel=asked.channel,
        )
        found = await self._rules.preview(stream, ask, rules)
        if found is None:
            raise RejectedError("person_id", "there is no such person", 404)
        if stream is not None:
            await self._audited.read(key, "rules.preview", stream, purpose)
        return found

    async def _who(self, asked: _Asked) -> UUID | None:
        given = {"person_id": asked.person_id, "user_id": asked.user_id, "anonymous_id": asked.anonymous_id}
        named = [name for name, value in given.items() if value is not None]
        if len(named) > 1:
            raise RejectedError(named[-1], _ONE_ID)
        if not named or asked.person_id is not None:
            return asked.person_id
        kind = IdentifierKind.USER if asked.user_id is not None else IdentifierKind.ANONYMOUS
        try:
            identifier = Identifier(kind=kind, value=str(given[named[0]]))
        except ValidationError:
            raise RejectedError(named[0], "must have 1 to 254 characters") from None
        stream = await self._reader.find(identifier)
        if stream is None:
            raise RejectedError(named[0], "there is no such person", 404)
        return stream

    async def _send(self, command: RulesCommand) -> int:
        (outcome,) = await self._writer.submit([command])
        if outcome.refused:
            raise RejectedError("rules", outcome.refused, 409)
        return outcome.events

    async def _stored(self, recorded: int, unknown: tuple[FieldError, ...] = ()) -> Stored:
        book = await self._rules.book()
        return Stored(recorded, book.digest, book.live_digest, unknown)

    def _facts(self, key: ApiKey) -> dict[str, Any]:
        """Who asks is told by the id of the key alone."""
        actor = "key:" + re.sub(r"[^A-Za-z0-9._-]", "-", key.id)[:60]
        return {"source_id": f"http:{uuid4()}", "occurred_at": self._now(), "actor": actor}


def rule_routes(desk: RuleDesk, access: Access) -> Sequence[HTTPRouteHandler]:
    """All of them."""
    shared: dict[str, Any] = {"tags": ["rules"], "security": docs.KEY_SECURITY}
    writes: dict[str, Any] = {
        "guards": [access.needs(Scope.RULES_WRITE)],
        "status_code": 200,
        "request_max_body_size": LIMIT,
        **shared,
    }

    @get(
        "/v1/rules",
        operation_id="rules",
        guards=[access.needs(Scope.RULES_READ)],
        responses=docs.problems(*docs.READ_ERRORS),
        **shared,
    )
    async def rules(request: AnyRequest) -> Book:
        """The draft of the rules and what is live, each with its hash."""
        _expected(request, ())
        return await desk.book()

    @put(
        "/v1/rules",
        operation_id="saveRules",
        operation_class=docs.body_of("Rules, all of them, at most 256 KiB", bodies.JSON),
        responses=docs.problems(*ERRORS),
        **writes,
    )
    async def save_rules(request: AnyRequest) -> Stored:
        """Saves the draft as a whole. `expected`: the hash of the draft that was worked on; 409 if it has changed."""
        expected = _expected(request)
        return await desk.save(await bodies.read(request, bodies.JSON), request.auth, expected)

    @post(
        "/v1/rules/publish",
        operation_id="publishRules",
        responses=docs.problems(*ERRORS),
        **writes,
    )
    async def publish_rules(request: AnyRequest) -> Stored:
        """The draft goes live, all at once. `expected`: the hash of the draft that was looked at; 409 if it has
        changed."""
        return await desk.publish(request.auth, _expected(request))

    @post(
        "/v1/rules/preview",
        operation_id="previewRules",
        operation_class=docs.body_of("Who and where, and rules if not the draft", bodies.JSON),
        responses=docs.problems(404, *ERRORS),
        opt={"reasons": PURPOSE_REASON},
        **writes,
    )
    async def preview_rules(request: AnyRequest, purpose: Purpose = None) -> Preview:
        """A real customer's answer under the live rules and under the draft, or the rules given, and which rule did
        what. Nothing is recorded."""
        _expected(request, ())
        return await desk.preview(await bodies.read(request, bodies.JSON), request.auth, purpose)

    return [rules, save_rules, publish_rules, preview_rules]


def _expected(request: AnyRequest, known: Sequence[str] = ("expected",)) -> str | None:
    """The one query parameter. Raises RejectedError for others, or where it is no hash."""
    given = list(request.query_params.multi_items())
    if any(name not in known for name, _ in given) or len(given) > 1:
        raise RejectedError("query", f"known is, once: {', '.join(known) or 'nothing'}", 400)
    expected = given[0][1] if given else None
    if expected is not None and not _DIGEST.fullmatch(expected):
        raise RejectedError("expected", "must be a hash of 32 hexadecimal digits, or empty", 400)
    return expected


def _read_preview(body: bytes) -> tuple[_Asked, RuleSet | None]:
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise RulesError(Problem("body", "not a JSON object"))
    rules = given.pop("rules", None)
    try:
        asked = _Asked.model_validate(given)
    except ValidationError as error:
        raise told(error, given) from None
    return asked, None if rules is None else read(rules)
