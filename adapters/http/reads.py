"""The routes that answer: recommendations, and a customer's profile and events."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from pydantic import ValidationError

from adapters.channels.channel import RejectedError
from adapters.http import docs
from adapters.http.auth import needs
from adapters.http.keys import ApiKeys, Scope
from adapters.http.ports import Reader
from adapters.http.problems import AnyRequest
from domain.identity import Identifier, IdentifierKind
from queries.answers import LoggedEvent, Profile, Recommendations
from queries.moment import Moment, read_time


class Placement(StrEnum):
    """Where on a page a recommendation stands."""

    HOME = "home"
    CATEGORY = "category"
    PRODUCT = "product"
    CART = "cart"
    CHECKOUT = "checkout"
    SEARCH = "search"


class Events(msgspec.Struct, frozen=True):
    """A person's latest events, newest first."""

    person_id: UUID
    events: tuple[LoggedEvent, ...]


_REASONS = {
    "placement": f"must be one of {', '.join(Placement)}",
    "person_id": "must be a UUID",
    "user_id": "must have 1 to 254 characters",
    "anonymous_id": "must have 1 to 254 characters",
    "item": "must have 1 to 80 characters",
    "limit": "must be a whole number from 1 to 50",
}
_EVENT_REASONS = {"person_id": "must be a UUID", "limit": "must be a whole number from 1 to 200"}
_TIMES = ("as_of", "known_at")
_ONE_ID = "give at most one of person_id, user_id and anonymous_id"
_ID = Parameter(min_length=1, max_length=254, required=False)
_Id = Annotated[str | None, _ID]
_When = Annotated[
    str | None,
    Parameter(required=False, schema_extra={"format": "date-time"}, description="ISO 8601, with an offset"),
]


def read_routes(reader: Reader, keys: ApiKeys) -> Sequence[HTTPRouteHandler]:
    """All of them."""
    return [_recommendations(reader, keys), _profile(reader, keys), _events(reader, keys)]


def _recommendations(reader: Reader, keys: ApiKeys) -> HTTPRouteHandler:
    @get(
        "/v1/recommendations",
        operation_id="recommendations",
        tags=["recommendations"],
        guards=[needs(keys, Scope.RECOMMEND_READ)],
        security=docs.KEY_SECURITY,
        responses=docs.problems(*docs.READ_ERRORS),
        opt={"reasons": _REASONS},
    )
    async def recommendations(
        request: AnyRequest,
        placement: Placement = Placement.HOME,
        person_id: UUID | None = None,
        user_id: _Id = None,
        anonymous_id: _Id = None,
        item: Annotated[str | None, Parameter(min_length=1, max_length=80, required=False)] = None,
        limit: Annotated[int, Parameter(ge=1, le=50)] = 20,
    ) -> Recommendations:
        """What to show a person, or a stranger where none is named. No e-mail address is taken in a URL."""
        _only(request, _REASONS)
        if sum(one is not None for one in (person_id, user_id, anonymous_id)) > 1:
            raise RejectedError("anonymous_id" if anonymous_id is not None else "user_id", _ONE_ID, 400)
        stream = person_id
        if user_id is not None:
            stream = await reader.find(_identifier(IdentifierKind.USER, user_id, "user_id"))
        if anonymous_id is not None:
            stream = await reader.find(_identifier(IdentifierKind.ANONYMOUS, anonymous_id, "anonymous_id"))
        return await reader.recommend(placement.value, stream, limit=limit, item=item)

    return recommendations


def _profile(reader: Reader, keys: ApiKeys) -> HTTPRouteHandler:
    @get(
        "/v1/customers/{person_id:str}",
        operation_id="customer",
        tags=["customers"],
        guards=[needs(keys, Scope.CUSTOMER_READ)],
        security=docs.KEY_SECURITY,
        responses=docs.problems(404, *docs.READ_ERRORS),
        opt={"reasons": _EVENT_REASONS},
    )
    async def customer(request: AnyRequest, person_id: UUID, as_of: _When = None, known_at: _When = None) -> Profile:
        """The unified profile: now, or as it was true at ``as_of`` and known at ``known_at``."""
        _only(request, _TIMES)
        moment = _moment(as_of, known_at)
        profile = await reader.profile(person_id, moment)
        if profile is None:
            raise _nobody(moment)
        return profile

    return customer


def _events(reader: Reader, keys: ApiKeys) -> HTTPRouteHandler:
    @get(
        "/v1/customers/{person_id:str}/events",
        operation_id="customerEvents",
        tags=["customers"],
        guards=[needs(keys, Scope.CUSTOMER_READ)],
        security=docs.KEY_SECURITY,
        responses=docs.problems(404, *docs.READ_ERRORS),
        opt={"reasons": _EVENT_REASONS},
    )
    async def customer_events(
        request: AnyRequest,
        person_id: UUID,
        limit: Annotated[int, Parameter(ge=1, le=200)] = 50,
        as_of: _When = None,
        known_at: _When = None,
    ) -> Events:
        """The latest events, decrypted from the log: of all, or of those that make the profile at a moment."""
        _only(request, ("limit", *_TIMES))
        moment = _moment(as_of, known_at)
        events = await reader.events(person_id, limit, moment)
        if not events:
            raise _nobody(moment)
        return Events(person_id, events)

    return customer_events


def _nobody(moment: Moment | None) -> RejectedError:
    when = " at that time" if moment else ""
    return RejectedError("person_id", f"there is no such person{when}", 404)


def _moment(as_of: str | None, known_at: str | None) -> Moment | None:
    """None where neither is given. Raises RejectedError."""
    if as_of is None and known_at is None:
        return None
    return Moment(_time(as_of, "as_of"), _time(known_at, "known_at"))


def _time(text: str | None, field: str) -> datetime | None:
    try:
        return None if text is None else read_time(text)
    except ValueError as error:
        raise RejectedError(field, f"{error}; write + as %2B", 400) from None


def _only(request: AnyRequest, names: Collection[str]) -> None:
    """An unknown parameter is refused: a mistyped name must not silently make a stranger of somebody."""
    given = [name for name, _ in request.query_params.multi_items()]
    if not set(given) <= set(names):
        raise RejectedError("query", f"unknown parameter; known are: {', '.join(names) or 'none'}", 400)
    twice = next((name for name in names if given.count(name) > 1), None)
    if twice:
        raise RejectedError(twice, "must be given once", 400)


def _identifier(kind: IdentifierKind, value: str, field: str) -> Identifier:
    if "@" in value or "%40" in value:
        raise RejectedError(field, "must not be an e-mail address: URLs are logged on their way", 400)
    try:
        value.encode()
        return Identifier(kind=kind, value=value)
    except (ValidationError, UnicodeEncodeError):
        raise RejectedError(field, _REASONS[field], 400) from None
