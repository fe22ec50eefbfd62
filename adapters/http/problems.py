"""Every error as application/problem+json (RFC 9457). It names the field and never repeats its value."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from adapters.channels.channel import RejectedError
from adapters.http import logs
from adapters.http.limits import LimitedError
from adapters.http.metrics import Metrics
from adapters.http.routing import (
    UNMATCHED,
    allowed_methods,
    body_limit,
    channel_of,
    request_id_of,
    template_of,
)
from commands.ports import ConflictError, UnavailableError
from domain.merchandising import RulesError
from queries.experiment_design import DesignError

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="bespoke"'
RETRY_AFTER_S = 2
MOST_ERRORS = 100
AnyRequest = Request[Any, Any, Any]

_WRONG: dict[int, tuple[str, str]] = {
    400: ("request", "cannot be understood"),
    404: ("path", "nothing is here"),
    405: ("method", "not allowed here; see Allow"),
    413: ("body", "too large"),
    415: ("content-type", "not taken here"),
}


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong. ``index`` is the item of a batch; ``status`` what it would have got alone."""

    field: str
    reason: str
    index: int | None = None
    status: int | None = None


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """``instance`` is the route's template. ``error_id`` finds the log lines of an error of ours."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    field: str | None = None
    reason: str | None = None
    errors: tuple[FieldError, ...] | None = None
    error_id: str | None = None


class Problems:
    """Turns errors into answers, and counts those that are the caller's."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def handlers(self) -> ExceptionHandlersMap:
        """For ``Litestar(exception_handlers=…)``."""
        return {
            LimitedError: self._limited,
            RejectedError: self._rejected,
            RulesError: self._rules,
            DesignError: self._rules,
            UnavailableError: self._unavailable,
            ConflictError: self._unavailable,
            ValidationException: self._invalid,
            HTTPException: self._http,
            Exception: self._unexpected,
        }

    def refuse(
        self,
        request: AnyRequest,
        status: int,
        errors: Sequence[FieldError],
        headers: Mapping[str, str] | None = None,
    ) -> Response[bytes]:
        """A 4xx answer for these errors (at least one)."""
        self._metrics.rejected(channel_of(request), status)
        return answer(request, status, errors, headers)

    def _rejected(self, request: AnyRequest, error: RejectedError) -> Response[bytes]:
        status = error.status if 400 <= error.status < 500 else 422
        headers = {"WWW-Authenticate": CHALLENGE} if status == 401 else None
        return self.refuse(request, status, [FieldError(error.field, error.reason)], headers)

    def _limited(self, request: AnyRequest, error: LimitedError) -> Response[bytes]:
        told = {name.decode(): value.decode() for name, value in error.standing.headers()}
        headers = {"Retry-After": str(error.retry_after_s), **told}
        return self.refuse(request, 429, [FieldError(error.field, error.reason)], headers)

    def _rules(self, request: AnyRequest, error: RulesError | DesignError) -> Response[bytes]:
        return self.refuse(request, 422, [FieldError(*problem) for problem in error.problems[:MOST_ERRORS]])

    def _invalid(self, request: AnyRequest, error: ValidationException) -> Response[bytes]:
        reasons: Mapping[str, str] = request.scope["route_handler"].opt.get("reasons", {})
        extra = error.extra if isinstance(error.extra, list) else []
        names = [str(e.get("key", "")) for e in extra if isinstance(e, dict)]
        known = [FieldError(name, reasons[name]) for name in dict.fromkeys(names) if name in reasons]
        return self.refuse(request, 400, known or [FieldError(*_WRONG[400])])

    def _http(self, request: AnyRequest, error: HTTPException) -> Response[bytes]:
        if error.status_code >= 500:
            return self._unexpected(request, error)
        field, reason = _WRONG.get(error.status_code, _WRONG[400])
        if error.status_code == 413:
            reason = f"larger than {body_limit(request)} bytes"
        headers = {"Allow": allowed_methods(request)} if error.status_code == 405 else None
        return self.refuse(request, error.status_code, [FieldError(field, reason)], headers)

    def _unavailable(self, request: AnyRequest, _: Exception) -> Response[bytes]:
        return unavailable(request, "a server that is needed is down; nothing was taken, so send it all again")

    def _unexpected(self, request: AnyRequest, error: Exception) -> Response[bytes]:
        error_id = request_id_of(request.scope)
        logs.logger().error("failed", error_id=error_id, error=type(error).__name__, where=logs.where(error))
        return _response(
            ProblemDetails(
                "about:blank",
                HTTPStatus(500).phrase,
                500,
                "an error of ours; the log has it under error_id",
                _instance(request),
                error_id=error_id,
            )
        )


def answer(
    request: AnyRequest, status: int, errors: Sequence[FieldError], headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """A problem whose first error is named in its own fields."""
    first = errors[0]
    details = ProblemDetails(
        "about:blank",
        _phrase(status),
        status,
        f"{first.field}: {first.reason}",
        _instance(request),
        first.field,
        first.reason,
        tuple(errors),
    )
    return _response(details, headers)


def unavailable(request: AnyRequest, detail: str, errors: Sequence[FieldError] = ()) -> Response[bytes]:
    """503, and when to try again."""
    details = ProblemDetails("about:blank", _phrase(503), 503, detail, _instance(request), errors=tuple(errors) or None)
    return _response(details, {"Retry-After": str(RETRY_AFTER_S)})


def _instance(request: AnyRequest) -> str | None:
    template = template_of(request.scope)
    return None if template == UNMATCHED else template


def _phrase(status: int) -> str:
    return next((known.phrase for known in HTTPStatus if known == status), "Refused")


def _response(details: ProblemDetails, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    return Response(
        msgspec.json.encode(details),
        status_code=details.status,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )
