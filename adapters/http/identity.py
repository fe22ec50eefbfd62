"""The routes of the review queue: streams that may be one person, and what is decided about them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.channels.channel import RejectedError
from adapters.http import bodies, docs
from adapters.http.audited import PURPOSE_REASON, Audited, Purpose
from adapters.http.auth import Access, require
from adapters.http.erasures import actor
from adapters.http.keys import ApiKey, Scope
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from domain.identity import Pair
from domain.values import Text
from queries.review import NoReviewError, NotAskedError, Question, UnknownPairError, Verdict, pair_of

T = TypeVar("T")
PATH = "/v1/identity/review"
LIMIT, MOST = 4 * 1024, 200
_REASONS = {
    "pair_id": "must be the ids of two streams with _ between them",
    "limit": f"must be a whole number from 1 to {MOST}",
    "details": "must be true or false",
    **PURPOSE_REASON,
}


class Reviews(Protocol):
    """The queue. Raises NoReviewError, UnavailableError."""

    def questions(self, limit: int) -> Sequence[Question]:
        """The likeliest first."""

    def waits(self, one: UUID, other: UUID) -> None:
        """Raises UnknownPairError, NotAskedError where they wait for no decision."""

    def decide(self, one: UUID, other: UUID, verdict: Verdict, *, by: str, reason: str) -> bool:
        """Whether that was news. Raises UnknownPairError, NotAskedError."""


class Compared(msgspec.Struct, frozen=True):
    """What one comparison told: its level, and the bits that it adds."""

    comparison: str
    level: str
    weight: float


class ReviewPair(msgspec.Struct, frozen=True):
    """Two streams that may be one person. ``told``: what is known of each, where details were asked for."""

    id: str
    one: UUID
    other: UUID
    weight: float
    probability: float
    evidence: tuple[Compared, ...]
    told: tuple[dict[str, str], ...] = ()


class ReviewPairs(msgspec.Struct, frozen=True):
    """The likeliest first."""

    pairs: tuple[ReviewPair, ...]


class Decided(msgspec.Struct, frozen=True):
    """``recorded``: whether it was news."""

    id: str
    decision: str
    recorded: bool


class _Decision(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    decision: Verdict
    reason: Annotated[Text, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class IdentityDesk:
    """What the routes do: in threads, each told to the audit log before it is answered."""

    reviews: Reviews
    audited: Audited

    async def pairs(self, key: ApiKey, limit: int, *, details: bool, purpose: str | None) -> ReviewPairs:
        """Raises RejectedError."""
        if details:
            require(key, Scope.IDENTITY_REVIEW)
        found = await in_thread(lambda: self.reviews.questions(limit))
        for stream in named(found) if details else ():
            await self.audited.read(key, "identity.review", stream, purpose)
        return ReviewPairs(tuple(_told(each, details) for each in found))

    async def decide(self, key: ApiKey, pair: Pair, said: _Decision, purpose: str | None) -> bool:
        """Raises RejectedError."""
        await in_thread(lambda: self.reviews.waits(*pair))
        for stream in pair:
            await self.audited.read(key, "identity.decide", stream, purpose)
        return await in_thread(
            lambda: self.reviews.decide(*pair, said.decision, by=actor(key), reason=said.reason),
        )


def identity_routes(desk: IdentityDesk, access: Access) -> Sequence[HTTPRouteHandler]:
    """Both."""
    shared: dict[str, Any] = {"tags": ["identity"], "security": docs.KEY_SECURITY, "opt": {"reasons": _REASONS}}

    @get(
        PATH,
        operation_id="reviewPairs",
        guards=[access.needs(Scope.IDENTITY_READ)],
        responses=docs.problems(409, *docs.READ_ERRORS),
        **shared,
    )
    async def pairs(
        request: AnyRequest,
        limit: Annotated[int, Parameter(ge=1, le=MOST)] = 20,
        details: bool = False,
        purpose: Purpose = None,
    ) -> ReviewPairs:
        """Pairs of streams that may be one person, the likeliest first, and what tells for and against it. ``details``:
        with what the two told of themselves, which needs identity:review besides."""
        only(request, ("limit", "details"))
        return await desk.pairs(request.auth, limit, details=details, purpose=purpose)

    @post(
        f"{PATH}/{{pair_id:str}}",
        operation_id="reviewDecision",
        status_code=200,
        request_max_body_size=LIMIT,
        guards=[access.needs(Scope.IDENTITY_REVIEW, secret=True)],
        operation_class=docs.body_of("decision: link or keep-apart; reason", bodies.JSON),
        responses=docs.problems(404, *docs.WRITE_ERRORS),
        **shared,
    )
    async def decision(request: AnyRequest, pair_id: str, purpose: Purpose = None) -> Decided:
        """A pair that waits for a decision is one person, or two from now on and whatever comes."""
        only(request, ())
        try:
            pair = pair_of(pair_id)
        except ValueError as error:
            raise RejectedError("pair_id", str(error), 400) from None
        said = await _read(request)
        new = await desk.decide(request.auth, pair, said, purpose)
        return Decided("_".join(map(str, pair)), said.decision, new)

    return [pairs, decision]


def named(questions: Sequence[Question]) -> Sequence[UUID]:
    """The streams that these are about, once each."""
    return list(dict.fromkeys(stream for each in questions for stream in (each.one, each.other)))


def _told(question: Question, details: bool) -> ReviewPair:
    return ReviewPair(
        question.id,
        question.one,
        question.other,
        round(question.weight, 3),
        round(question.probability, 6),
        tuple(Compared(each.comparison, each.level, round(each.weight, 3)) for each in question.evidence),
        question.told if details else (),
    )


async def _read(request: AnyRequest) -> _Decision:
    body = await bodies.read(request, bodies.JSON)
    try:
        return _Decision.model_validate_json(body or b"{}")
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        raise RejectedError(".".join(map(str, wrong["loc"])) or "body", str(wrong["msg"])) from None


async def in_thread(work: Callable[[], T]) -> T:
    """Raises RejectedError."""
    try:
        return await asyncio.to_thread(work)
    except NoReviewError as none:
        raise RejectedError("model", str(none), 409) from None
    except UnknownPairError as unknown:
        raise RejectedError("pair_id", str(unknown), 404) from None
    except NotAskedError as settled:
        raise RejectedError("pair_id", str(settled), 409) from None
