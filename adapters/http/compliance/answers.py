"""Pages, redirects and kind words, under a policy that lets nothing in from elsewhere."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.exceptions import ClientException, HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from adapters.channels.channel import RejectedError
from adapters.http.problems import RETRY_AFTER_S
from adapters.rights.as_html import plain, told_time
from adapters.rights.in_words import PLACEMENTS, event_name, title_of
from commands.ports import ConflictError, UnavailableError

STATIC = Path(__file__).with_name("static")
SAFE = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HOME = "/compliance"
AnyRequest = Request[Any, Any, Any]
#: The parts of an export whose words are shown here too.
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters |= {"time": told_time, "plain": plain, "title": title_of, "event": event_name}
_PAGES.globals |= {
    "edition": sha256(b"".join(f.read_bytes() for f in sorted(STATIC.iterdir()))).hexdigest()[:8],
    "placements": PLACEMENTS,
    "days": lambda until, now: _days(until, now),
}


def page(
    template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response[bytes]:
    """HTML that no cache keeps."""
    html = _PAGES.get_template(template).render(**{"officer": None, "csrf": "", "at": "", **values})
    return Response(html.encode(), status_code=status, media_type="text/html", headers={**SAFE, **(headers or {})})


def see(path: str) -> Response[bytes]:
    """303: a reload sends no form again."""
    return Response(b"", status_code=303, media_type="text/plain", headers={**SAFE, "Location": path})


def file(content: bytes, name: str, kind: str = "application/octet-stream") -> Response[bytes]:
    """To be kept, not shown."""
    headers = {**SAFE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)


def _days(until: datetime | None, now: datetime) -> int:
    """Whole days that are left, negative when it is over."""
    return (until.astimezone(UTC) - now).days if until else 0


def _refused(_: AnyRequest, error: RejectedError) -> Response[bytes]:
    words = f"{error.reason[:1].upper()}{error.reason[1:]}."
    return page("oops.html", status=error.status, title=_TITLES.get(error.status, "That is not possible"), words=words)


def _down(_: AnyRequest, __: Exception) -> Response[bytes]:
    retry = {"Retry-After": str(RETRY_AFTER_S)}
    words = "A server that is needed does not answer. Nothing was changed; try again in a few seconds."
    return page("oops.html", status=503, headers=retry, title="One moment, please", words=words)


def _odd(_: AnyRequest, error: Exception) -> Response[bytes]:
    status = error.status_code if isinstance(error, HTTPException) and error.status_code < 500 else 400
    words = "What was sent cannot be understood. Nothing was changed."
    return page("oops.html", status=status, title="That cannot be read", words=words)


_TITLES = {
    403: "This is not yours to do",
    404: "Nobody and nothing is here",
    409: "Not as things stand",
    429: "Too many attempts",
}
HANDLERS: ExceptionHandlersMap = {
    UnavailableError: _down,
    ConflictError: _down,
    RejectedError: _refused,
    ValidationException: _odd,
    ClientException: _odd,
}
