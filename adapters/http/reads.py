"""The routes that tell of a customer: the profile and events."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

from adapters.channels.channel import RejectedError
from adapters.http import docs
from adapters.http.audited import PURPOSE_REASON, Audited, Purpose
from adapters.http.auth import Access
from adapters.http.keys import Scope
from adapters.http.ports import Reader
from adapters.http.problems import AnyRequest
from queries.answers import LoggedEvent, Profile
from queries.moment import Moment, read_time
from queries.timeline import LONGEST_PLACE, Page, Place, place_of


class Events(msgspec.Struct, frozen=True):
    """A page of a person's events, newest first. ``older``: what ``before`` is for the next page; none on the last."""

    person_id: UUID
    events: tuple[LoggedEvent, ...]
    older: str | None = None


_NO_PLACE = "must be what an earlier answer named as older"
_EVENT_REASONS = {
    "person_id": "must be a UUID",
    "limit": "must be a whole number from 1 to 200",
    "before": _NO_PLACE,
    **PURPOSE_REASON,
}
_TIMES = ("as_of", "known_at")
_When = Annotated[
    str | None,
    Parameter(required=False, schema_extra={"format": "date-time"}, description="ISO 8601, with an offset"),
]

_Before = Annotated[
    str | None,
    Parameter(required=False, max_length=LONGEST_PLACE, description="What an earlier answer named as older"),
]


def read_routes(reader: Reader, access: Access, audited: Audited) -> Sequence[HTTPRouteHandler]:
    """All of them."""
    return [_profile(reader, access, audited), _events(reader, access, audited)]


def _profile(reader: Reader, access: Access, audited: Audited) -> HTTPRouteHandler:
    @get(
        "/v1/customers/{person_id:str}",
        operation_id="customer",
        tags=["customers"],
        guards=[access.needs(Scope.CUSTOMER_READ)],
        security=docs.KEY_SECURITY,
        responses=docs.problems(404, *docs.READ_ERRORS),
        opt={"reasons": _EVENT_REASONS},
    )
    async def customer(
        request: AnyRequest, person_id: UUID, as_of: _When = None, known_at: _When = None, purpose: Purpose = None
    ) -> Profile:
        """The unified profile: now, or as it was true at ``as_of`` and known at ``known_at``."""
        only(request, _TIMES)
        moment = _moment(as_of, known_at)
        profile = await reader.profile(person_id, moment)
        if profile is None:
            raise _nobody(moment)
        await audited.read(request.auth, "customer", profile.person_id, purpose)
        return profile

    return customer


def _events(reader: Reader, access: Access, audited: Audited) -> HTTPRouteHandler:
    @get(
        "/v1/customers/{person_id:str}/events",
        operation_id="customerEvents",
        tags=["customers"],
        guards=[access.needs(Scope.CUSTOMER_READ)],
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
        before: _Before = None,
        purpose: Purpose = None,
    ) -> Events:
        """The latest events, decrypted from the log: of all, or of those that make the profile at a moment. ``before``:
        those older than the page that named it."""
        only(request, ("limit", "before", *_TIMES))
        moment, place = _moment(as_of, known_at), _place(before)
        events = await reader.events(person_id, limit + 1, moment, Page(before=place))
        if not events:
            raise _nobody(moment) if place is None else RejectedError("before", "nothing is older", 404)
        await audited.read(request.auth, "customer.events", events[0].stream, purpose)
        shown = events[:limit]
        return Events(person_id, shown, str(place_of(shown[-1])) if len(events) > limit else None)

    return customer_events


def _nobody(moment: Moment | None) -> RejectedError:
    when = " at that time" if moment else ""
    return RejectedError("person_id", f"there is no such person{when}", 404)


def _moment(as_of: str | None, known_at: str | None) -> Moment | None:
    """None where neither is given. Raises RejectedError."""
    if as_of is None and known_at is None:
        return None
    return Moment(_time(as_of, "as_of"), _time(known_at, "known_at"))


def _place(text: str | None) -> Place | None:
    try:
        return None if text is None else Place.read(text)
    except ValueError:
        raise RejectedError("before", _NO_PLACE, 400) from None


def _time(text: str | None, field: str) -> datetime | None:
    try:
        return None if text is None else read_time(text)
    except ValueError as error:
        raise RejectedError(field, f"{error}; write + as %2B", 400) from None


def only(request: AnyRequest, names: Collection[str]) -> None:
    """An unknown parameter is refused: a mistyped name must not silently make a stranger of somebody."""
    given = [name for name, _ in request.query_params.multi_items()]
    if not set(given) <= set(names):
        raise RejectedError("query", f"unknown parameter; known are: {', '.join(names) or 'none'}", 400)
    twice = next((name for name in names if given.count(name) > 1), None)
    if twice:
        raise RejectedError(twice, "must be given once", 400)
