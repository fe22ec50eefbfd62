"""What the analysts' routes answer with: pages under a strict policy, redirects, and words when something is wrong."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from adapters.channels.channel import RejectedError
from adapters.http.analyst.people import Analyst
from adapters.http.limits import LimitedError
from adapters.http.problems import RETRY_AFTER_S
from adapters.reports import experiment, words
from commands.ports import UnavailableError

AnyRequest = Request[Any, Any, Any]
STATIC = Path(__file__).with_name("static")
FILES = {
    "report.css": (experiment.CSS, "text/css"),
    "analyst.css": (STATIC / "analyst.css", "text/css"),
    "analyst.js": (STATIC / "analyst.js", "text/javascript"),
}
SAFE = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LONG = {"Cache-Control": "public, max-age=86400"}
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.globals |= {
    "edition": sha256(b"".join(path.read_bytes() for path, _ in FILES.values())).hexdigest()[:8],
    "metric": words.metric,
    "moment": words.moment,
}


def page(
    template: str,
    *,
    who: Analyst | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response[bytes]:
    """HTML that no cache keeps. ``who``: whose session it is."""
    session = {"who": who.who.id, "may": sorted(who.who.scopes), "csrf": who.csrf} if who else {"who": None}
    html = _PAGES.get_template(template).render(**session | values)
    return Response(html.encode(), status_code=status, media_type="text/html", headers={**SAFE, **(headers or {})})


def see(path: str) -> Response[bytes]:
    """303: the browser shows ``path`` next."""
    return Response(b"", status_code=303, media_type="text/plain", headers={**SAFE, "Location": path})


def oops(words: str, status: int, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """A page that says what is wrong."""
    return page("oops.html", status=status, headers=headers, words=words)


async def static(name: str) -> Response[bytes]:
    """One of the pages' files."""
    if name not in FILES:
        return Response(b"", status_code=404, media_type="text/plain", headers=SAFE)
    path, media_type = FILES[name]
    return Response(path.read_bytes(), media_type=media_type, headers=LONG)


def _rejected(request: AnyRequest, error: RejectedError) -> Response[bytes]:
    if error.field in ("key", "csrf"):
        return oops(f"{error.reason[:1].upper()}{error.reason[1:]}.", error.status)
    return oops(f"{error.field}: {error.reason}", error.status if 400 <= error.status < 500 else 400)


def _limited(request: AnyRequest, error: LimitedError) -> Response[bytes]:
    return oops("Too many requests with your key.", 429, {"Retry-After": str(error.retry_after_s)})


def _down(request: AnyRequest, _: Exception) -> Response[bytes]:
    retry = {"Retry-After": str(RETRY_AFTER_S)}
    return oops("A server that is needed does not answer. Try again in a few seconds.", 503, retry)


def _odd(request: AnyRequest, _: Exception) -> Response[bytes]:
    return oops("This request cannot be understood.", 400)


#: Analysts read words where programs get problem+json.
HANDLERS: ExceptionHandlersMap = {
    LimitedError: _limited,
    RejectedError: _rejected,
    UnavailableError: _down,
    ValidationException: _odd,
    HTTPException: _odd,
}
