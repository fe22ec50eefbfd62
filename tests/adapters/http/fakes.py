"""In-memory stand-ins for the two ports of the HTTP adapter, and an app over them with the real channels."""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from litestar import Litestar
from litestar.types import ControllerRouterHandler
from msgspec.structs import replace

from adapters.channels.channel import Channel
from adapters.channels.poslog import Poslog
from adapters.channels.segment import Segment
from adapters.channels.shopify import Shopify
from adapters.http import Access as HttpAccess
from adapters.http import ApiKey, ApiKeys, Metrics, Scope, create_app, generate
from adapters.http.erasures import Erasures
from adapters.http.experiment_changes import ExperimentDesk
from adapters.http.experiments import Experiments
from adapters.http.live import Live
from commands.bus import Outcome
from commands.command import Command
from commands.merchandising import SaveRules
from domain.design import Design, Variant
from domain.identity import Identifier
from domain.merchandising import Problem, RuleSet
from domain.privacy import Ground, Method, NobodyError, UnknownRequestError
from ml.identity.score import Evidence
from queries.answers import Item, LoggedEvent, Profile, Recommendations
from queries.audit import Access, Entry
from queries.decisions import GONE, Gone
from queries.erasure import Told as Request
from queries.experiments import Change, Told
from queries.merchandising import Book
from queries.moment import Moment
from queries.preview import Preview
from queries.recommend.ask import Ask, Wanted
from queries.recommend.decision import Decision, Generations, Shown
from queries.reports import Document, ReportAsk
from queries.review import NoReviewError, NotAskedError, Question, UnknownPairError, Verdict
from queries.timeline import LATEST, Page, place_of
from readmodels.catalogue import Product
from tests.adapters.reports.simulated import drawn
from tests.adapters.reports.travelled import travelled

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERSON = UUID("0195a000-0000-7000-8000-000000000001")
VISITOR = "5f0c6f4e-7a7b-4b0e-9d43-0d6d3f5b8a11"
IDENTITY_SECRET = b"identity-secret-for-tests-only"
SHOPIFY_SECRET = b"shopify-secret-for-tests-only"


COAT = Product("sku-1", "Coat", "Coats", "North", "red", None, 4990, "USD", None, 3)


@dataclass
class MemoryWriter:
    """Keeps what it was given, one list a call. A source id seen before records nothing."""

    calls: list[list[Command]] = field(default_factory=list)
    refuses: str | None = None
    fails: Exception | None = None

    async def submit(self, commands: Sequence[Command]) -> list[Outcome]:
        if self.fails:
            raise self.fails
        seen = {command.source_id for call in self.calls for command in call}
        self.calls.append(list(commands))
        if self.refuses:
            return [Outcome(PERSON, refused=self.refuses) for _ in commands]
        return [Outcome(PERSON, 1, int(command.source_id not in seen)) for command in commands]


#: The one artefact that there is.
MODEL = "a" * 64
TWIN = UUID("01970000-0000-7000-8000-000000000002")
DECIDED, GONE_ID = UUID(int=77), UUID(int=78)
HERO = Told(
    "hero",
    "running",
    10_000,
    None,
    Design(
        hypothesis="it helps",
        primary_metric="conversion",
        variants=(Variant(name="control", buckets=5_000), Variant(name="bold", buckets=5_000)),
    ),
    (Change(5, "designed", {"seed": "hero"}), Change(6, "started", {"coverage": 10_000})),
)


@dataclass
class MemoryReports:
    """Has the one report of the one experiment, and remembers what it was asked."""

    asked: list[ReportAsk] = field(default_factory=list)
    forgotten: list[ReportAsk] = field(default_factory=list)
    fails: Exception | None = None

    async def get(self, ask: ReportAsk, *, wait_s: float) -> Document:
        self.asked.append(ask)
        if self.fails:
            raise self.fails
        return drawn() if ask.kind == "experiment" else Document(travelled(), {})

    def forget(self, ask: ReportAsk) -> None:
        self.forgotten.append(ask)


class MemoryReceipts:
    """Has one decision, and one whose person was erased."""

    def find(self, decision: UUID) -> Decision | Gone | None:
        item = Shown("sku-1", b"\x00\x00\x80?", b"\x00\x00\x80?", "session", "fits_now")
        known = Decision(DECIDED, "home", 5, 20, PERSON, ((PERSON, 7),), Generations(), "full", {}, (item,))
        return {DECIDED: known, GONE_ID: GONE}.get(decision)

    def of_person(self, streams: Sequence[UUID], limit: int) -> Sequence[Decision | Gone]:
        return []


@dataclass
class MemoryAudit:
    """Keeps what it was told."""

    told: list[Access] = field(default_factory=list)
    fails: Exception | None = None

    def record(self, access: Access) -> None:
        if self.fails:
            raise self.fails
        self.told.append(access)

    def latest(self, limit: int, **_: Any) -> list[Entry]:
        return []


class MemoryErasures:
    """Has no requests, and knows nobody."""

    immediate = False

    def ask(self, who: UUID | Identifier, **said: Any) -> Request:
        raise NobodyError("nobody is known by that")

    def redact(self, identifiers: Sequence[Identifier], by: str) -> int:
        return 0

    def one(self, request: UUID) -> Request:
        raise UnknownRequestError("there is no such request")

    def latest(self, limit: int) -> list[Request]:
        return []

    def confirm(self, request: UUID, *, by: str, method: Method) -> Request:
        return self.one(request)

    def approve(self, request: UUID, *, by: str) -> Request:
        return self.one(request)

    def cancel(self, request: UUID, *, by: str) -> Request:
        return self.one(request)

    def hold(self, request: UUID, *, by: str, ground: Ground) -> Request:
        return self.one(request)

    def release(self, request: UUID, *, by: str) -> Request:
        return self.one(request)


class MemoryReviews:
    """One pair waits."""

    def __init__(self) -> None:
        self.decided: list[tuple[UUID, UUID, Verdict, str, str]] = []
        self.model = True

    def questions(self, limit: int) -> list[Question]:
        if not self.model:
            raise NoReviewError("there is no identity model in use")
        told = {"given": "ann", "born": "1990-05-05"}, {"given": "anne"}
        return [Question(PERSON, TWIN, 5.0, (Evidence("given", "alike", 3.25),), told)]

    def waits(self, one: UUID, other: UUID) -> None:
        if {one, other} - {PERSON, TWIN}:
            raise UnknownPairError("there are no such two streams")
        if self.decided:
            raise NotAskedError("they do not wait for a decision")

    def decide(self, one: UUID, other: UUID, verdict: Verdict, *, by: str, reason: str) -> bool:
        self.waits(one, other)
        self.decided.append((one, other, verdict, by, reason))
        return True


@dataclass
class MemoryReader:
    """Knows one person under one user id, and remembers what it was asked."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)
    servers: dict[str, str] = field(default_factory=lambda: {"log": "ok", "redis": "ok"})
    fails: Exception | None = None

    async def find(self, identifier: Identifier) -> UUID | None:
        self.asked.append(("find", identifier.kind, identifier.value))
        self._fail()
        return PERSON if identifier.value == "known" else None

    async def recommend(
        self, wanted: Wanted, who: UUID | Identifier | None, *, min_version: int | None = None, language: str = "en"
    ) -> Recommendations:
        stream = await self.find(who) if isinstance(who, Identifier) else who
        if min_version is not None:
            self.asked.append(("min_version", min_version))
        self.asked.append(("recommend", wanted.placement, stream, wanted.limit, wanted.item))
        self._fail()
        shown = (Item("sku-1", 0.5, "others liked it", "popular", 1_250, "USD"),)
        return Recommendations(uuid4(), wanted.placement, shown, stream, 7, "full")

    async def profile(self, stream: UUID, moment: Moment | None = None) -> Profile | None:
        self._note("profile", moment)
        return Profile(PERSON, (PERSON,), 7, {}, {}, {}, {}, ()) if stream == PERSON else None

    async def events(
        self, stream: UUID, limit: int, moment: Moment | None = None, page: Page = LATEST
    ) -> tuple[LoggedEvent, ...]:
        self._note("events", moment)
        events = [LoggedEvent(PERSON, version, "seen", 0, 0, {}) for version in (3, 2, 1)]
        return tuple(e for e in events if page.has(place_of(e)))[:limit] if stream == PERSON else ()

    async def products(self, skus: Sequence[str]) -> list[Product | None]:
        self._fail()
        return [replace(COAT, sku=sku) if sku.startswith("sku") else None for sku in skus]

    async def changed(self, who: UUID | Identifier, version: int, *, within_s: float) -> bool:
        return False

    async def wait_for(self, stream: UUID, version: int, *, timeout_ms: int) -> bool:
        return True

    async def ready(self) -> dict[str, str]:
        self._fail()
        return self.servers

    def _note(self, what: str, moment: Moment | None) -> None:
        if moment:
            self.asked.append((what, moment))
        self._fail()

    def _fail(self) -> None:
        if self.fails:
            raise self.fails


@dataclass
class MemoryRules:
    """A rule book that keeps what the writer was given."""

    writer: MemoryWriter
    previewed: list[tuple[UUID | None, Ask, RuleSet | None]] = field(default_factory=list)

    async def book(self) -> Book:
        saved = [command for call in self.writer.calls for command in call if isinstance(command, SaveRules)]
        draft = RuleSet(rules=saved[-1].rules) if saved else RuleSet()
        return Book(len(saved), draft.digest, tuple(rule.model_dump(mode="json") for rule in draft.rules), "", ())

    async def unknown(self, rules: RuleSet) -> tuple[Problem, ...]:
        return (Problem("rules[a].when.brand[0]", "no item has this"),)

    async def preview(self, stream: UUID | None, ask: Ask, rules: RuleSet | None = None) -> Preview | None:
        self.previewed.append((stream, ask, rules))
        return Preview(ask.placement, "", "", (), (), (), ()) if stream in (None, PERSON) else None


def key(*scopes: Scope, public: bool = False) -> tuple[str, ApiKey]:
    return generate(scopes, public)


ADMIN, ADMIN_KEY = key(*Scope)
PUBLIC, PUBLIC_KEY = key(Scope.CHANNEL_WRITE, public=True)
ONE_SCOPE = {scope: key(scope) for scope in Scope}


def app(
    writer: MemoryWriter,
    reader: MemoryReader,
    metrics: Metrics,
    extra: Sequence[ControllerRouterHandler] = (),
    audit: MemoryAudit | None = None,
    access: HttpAccess | None = None,
    live: Live | None = None,
    erasures: Erasures | None = None,
    reviews: MemoryReviews | None = None,
    reports: MemoryReports | None = None,
    experiments: Experiments = lambda: [HERO],
    designing: ExperimentDesk | None = None,
    **more: Any,
) -> Litestar:
    channels: dict[str, Channel] = {
        "segment": Segment(IDENTITY_SECRET),
        "shopify": Shopify(SHOPIFY_SECRET),
        "poslog": Poslog(),
    }
    rules = writer, MemoryRules(writer)
    keys = ApiKeys([ADMIN_KEY, PUBLIC_KEY, *(kept for _, kept in ONE_SCOPE.values())])
    return create_app(
        writer,
        reader,
        channels,
        access or HttpAccess(keys),
        audit=audit or MemoryAudit(),
        rules=rules,
        receipts=MemoryReceipts(),
        experiments=experiments,
        designing=designing or ExperimentDesk(writer, lambda digest: digest == MODEL, lambda: NOW),
        erasures=erasures or MemoryErasures(),
        reviews=reviews or MemoryReviews(),
        reports=reports or MemoryReports(),
        published=lambda key: [{"key": key or "all", "version": 1}],
        live=live if live is not None else Live(reader, IDENTITY_SECRET, lambda: NOW),
        metrics=metrics,
        now=lambda: NOW,
        extra_routes=extra,
        **more,
    )


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def shopify_headers(body: bytes, topic: str = "products/update", secret: bytes = SHOPIFY_SECRET) -> dict[str, str]:
    return {
        "X-Shopify-Hmac-Sha256": b64encode(hmac.digest(secret, body, "sha256")).decode(),
        "X-Shopify-Topic": topic,
        "X-Shopify-Webhook-Id": "delivery-1",
        "Content-Type": "application/json",
    }


def viewed(**changes: Any) -> dict[str, Any]:
    """A good Product Viewed."""
    message = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": "m-1",
        "anonymousId": VISITOR,
        "timestamp": "2026-03-01T11:59:00Z",
        "properties": {"sku": "sku-1", "price": 19.99, "currency": "USD"},
    } | changes
    return {name: value for name, value in message.items() if value is not None}
