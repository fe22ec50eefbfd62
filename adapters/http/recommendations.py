"""The route that recommends. One question in two ways: in a URL, and as JSON where hits or a cart go along."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from msgspec import Meta
from pydantic import ValidationError

from adapters.channels.channel import RejectedError
from adapters.http import bodies, docs
from adapters.http.auth import Access
from adapters.http.keys import Scope
from adapters.http.ports import Reader
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from adapters.http.signal import Signals
from adapters.http.signal import given as signalled
from domain.identity import Identifier, IdentifierKind
from queries.answers import Recommendations
from queries.recommend.ask import DEADLINE_MS, Wanted
from queries.recommend.placements import RECIPES
from queries.recommend.words import LANGUAGES, language_of


class Placement(StrEnum):
    """Where on a page, in a mail or in a shop a recommendation stands."""

    HOME = "home"
    HOME_HERO = "home_hero"
    CATEGORY = "category"
    SEARCH = "search"
    PRODUCT = "product"
    COMPLETE_THE_LOOK = "complete_the_look"
    CART = "cart"
    CHECKOUT = "checkout"
    POST_PURCHASE = "post_purchase"


MOST_VERSION = 2**31 - 1
MOST_SKUS, MOST_LIMIT, LONGEST_DEADLINE_MS = 500, 50, 10_000
_REASONS = {
    "placement": f"must be one of {', '.join(RECIPES)}",
    "person_id": "must be a UUID",
    "user_id": "must have 1 to 254 characters",
    "anonymous_id": "must have 1 to 254 characters",
    "item": "must have 1 to 80 characters",
    "skus": f"must be a list of at most {MOST_SKUS} SKUs of 1 to 80 characters",
    "category": "must have 1 to 200 characters",
    "store": "must have 1 to 200 characters",
    "device": "must have 1 to 60 characters",
    "channel": "must have 1 to 20 characters",
    "language": f"must be one of {', '.join(LANGUAGES)}",
    "limit": f"must be a whole number from 1 to {MOST_LIMIT}",
    "deadline_ms": f"must be a whole number from 1 to {LONGEST_DEADLINE_MS}",
    "min_version": f"must be a whole number from 0 to {MOST_VERSION}",
}
PATH = "/v1/recommendations"
_ONE_ID = "give at most one of person_id, user_id and anonymous_id"
_IN_URL = tuple(name for name in _REASONS if name != "skus")
_NAMES_IN_URL = frozenset(_IN_URL)
#: In a message of msgspec: the path of what is wrong, or the name of what is not known.
_FIELD = re.compile(r"`\$\.(\w+)|unknown field `(\w+)`")
_ID = Parameter(min_length=1, max_length=254, required=False)
_NAMED = Parameter(min_length=1, max_length=200, required=False)
_BODY = 64 * 1024
_Text = Annotated[str, Meta(min_length=1, max_length=254)]
_Sku = Annotated[str, Meta(min_length=1, max_length=80)]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom for, at most one of the three ids, a stranger without; where; and what the page, the search or the cart
    shows. ``limit``: as many as is usual for the placement where it is left out."""

    placement: Placement = Placement.HOME
    person_id: UUID | None = None
    user_id: _Text | None = None
    anonymous_id: _Text | None = None
    item: _Sku | None = None
    skus: Annotated[tuple[_Sku, ...], Meta(max_length=MOST_SKUS)] = ()
    category: _Name | None = None
    store: _Name | None = None
    device: Annotated[str, Meta(min_length=1, max_length=60)] | None = None
    channel: Annotated[str, Meta(min_length=1, max_length=20)] | None = None
    language: Annotated[str, Meta(min_length=2, max_length=20)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_LIMIT)] | None = None
    deadline_ms: Annotated[int, Meta(ge=1, le=LONGEST_DEADLINE_MS)] = DEADLINE_MS
    min_version: Annotated[int, Meta(ge=0, le=MOST_VERSION)] | None = None


_QUESTION = msgspec.json.Decoder(Question)


@dataclass(frozen=True, slots=True)
class Caller:
    """What headers say. ``languages``: Accept-Language. ``opted_out``: by Sec-GPC, which ``signals`` records."""

    languages: str | None = None
    opted_out: bool = False
    signals: Signals | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str], signals: Signals | None) -> Self:
        """Of a request."""
        return cls(headers.get("accept-language"), signalled(headers), signals)


def recommendation_routes(reader: Reader, access: Access, signals: Signals | None = None) -> Sequence[HTTPRouteHandler]:
    """Both of them."""
    return [_in_url(reader, access, signals), _in_body(reader, access, signals)]


async def answer(reader: Reader, question: Question, caller: Caller) -> Recommendations:
    """The language is the caller's where the question names none. Raises RejectedError."""
    given = [name for name in ("person_id", "user_id", "anonymous_id") if getattr(question, name) is not None]
    if len(given) > 1:
        raise RejectedError(given[-1], _ONE_ID, 400)
    wanted = Wanted(
        question.placement.value,
        question.limit,
        question.item,
        question.skus,
        question.category,
        question.store,
        question.device,
        question.channel,
        question.deadline_ms,
        caller.opted_out,
    )
    language = language_of(question.language or caller.languages)
    found = await reader.recommend(wanted, _who(question), min_version=question.min_version, language=language)
    if caller.opted_out and caller.signals is not None and found.person_id is not None:
        caller.signals.heard(found.person_id)
    return found


def _in_url(reader: Reader, access: Access, signals: Signals | None) -> HTTPRouteHandler:
    @get(
        PATH,
        operation_id="recommendations",
        tags=["recommendations"],
        guards=[access.needs(Scope.RECOMMEND_READ)],
        security=docs.KEY_SECURITY,
        responses=docs.problems(*docs.READ_ERRORS),
        opt={"reasons": _REASONS},
    )
    async def recommendations(
        request: AnyRequest,
        placement: Placement = Placement.HOME,
        person_id: UUID | None = None,
        user_id: Annotated[str | None, _ID] = None,
        anonymous_id: Annotated[str | None, _ID] = None,
        item: Annotated[str | None, Parameter(min_length=1, max_length=80, required=False)] = None,
        category: Annotated[str | None, _NAMED] = None,
        store: Annotated[str | None, _NAMED] = None,
        device: Annotated[str | None, Parameter(min_length=1, max_length=60, required=False)] = None,
        channel: Annotated[str | None, Parameter(min_length=1, max_length=20, required=False)] = None,
        language: Annotated[str | None, Parameter(min_length=2, max_length=20, required=False)] = None,
        limit: Annotated[int | None, Parameter(ge=1, le=MOST_LIMIT, required=False)] = None,
        deadline_ms: Annotated[int, Parameter(ge=1, le=LONGEST_DEADLINE_MS)] = DEADLINE_MS,
        min_version: Annotated[int | None, Parameter(ge=0, le=MOST_VERSION, required=False)] = None,
    ) -> Recommendations:
        """What to show a person, or a stranger where none is named. No e-mail address is taken in a URL. An answer that
        reflects ``min_version`` of the person's events is waited for, 20 ms at most."""
        only(request, _IN_URL)
        question = Question(
            placement,
            person_id,
            user_id,
            anonymous_id,
            item,
            (),
            category,
            store,
            device,
            channel,
            language,
            limit,
            deadline_ms,
            min_version,
        )
        return await answer(reader, question, Caller.of(request.headers, signals))

    return recommendations


def _in_body(reader: Reader, access: Access, signals: Signals | None) -> HTTPRouteHandler:
    @post(
        PATH,
        operation_id="recommendationsFor",
        tags=["recommendations"],
        status_code=200,
        guards=[access.needs(Scope.RECOMMEND_READ)],
        security=docs.KEY_SECURITY,
        responses=docs.problems(*docs.READ_ERRORS, 408, 413, 415, 422),
        operation_class=docs.body_of("What to recommend, to whom and where", bodies.JSON),
        request_max_body_size=_BODY,
    )
    async def recommendations_for(request: AnyRequest) -> Recommendations:
        """The same question as JSON: the hits of a search in their order, or the SKUs in a cart, go along as
        ``skus``."""
        body = await bodies.read(request, bodies.JSON)
        return await answer(reader, _decoded(body), Caller.of(request.headers, signals))

    return recommendations_for


def asked_in_url(given: Mapping[str, str]) -> Question | None:
    """The question of a URL's parameters; None where one is unknown. Raises msgspec.ValidationError."""
    if not given.keys() <= _NAMES_IN_URL:
        return None
    return msgspec.convert(given, Question, strict=False)


def question_of(given: Mapping[str, object]) -> Question:
    """The question that these fields ask. Raises RejectedError that names the field."""
    try:
        return msgspec.convert(given, Question)
    except msgspec.ValidationError as error:
        raise _wrong(error) from None


def _wrong(error: msgspec.ValidationError) -> RejectedError:
    field = _FIELD.search(str(error))
    name = next((part for part in field.groups() if part), "body") if field else "body"
    return RejectedError(name, _REASONS.get(name, "is not known here"))


def _decoded(body: bytes) -> Question:
    """Raises RejectedError that names the field."""
    try:
        return _QUESTION.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong(error) from None
    except (msgspec.DecodeError, RecursionError):
        raise RejectedError("body", "must be JSON", 400) from None


def _who(question: Question) -> UUID | Identifier | None:
    if question.user_id is not None:
        return _identifier(IdentifierKind.USER, question.user_id, "user_id")
    if question.anonymous_id is not None:
        return _identifier(IdentifierKind.ANONYMOUS, question.anonymous_id, "anonymous_id")
    return question.person_id


def _identifier(kind: IdentifierKind, value: str, field: str) -> Identifier:
    if "@" in value or "%40" in value:
        raise RejectedError(field, "must not be an e-mail address: URLs are logged on their way", 400)
    try:
        value.encode()
        return Identifier(kind=kind, value=value)
    except (ValidationError, UnicodeEncodeError):
        raise RejectedError(field, _REASONS[field], 400) from None
