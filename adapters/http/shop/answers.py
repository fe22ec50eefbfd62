"""What the shop's routes answer with: pages, redirects, files, and kind words when something is wrong."""

import re
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.exceptions import ValidationException
from litestar.types import ExceptionHandlersMap

from adapters.channels.channel import RejectedError
from adapters.http.problems import RETRY_AFTER_S
from adapters.http.shop.words import render
from commands.ports import ConflictError, UnavailableError

COOKIE = "visitor"
SAFE = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LONG = {"Cache-Control": "public, max-age=86400"}
AnyRequest = Request[Any, Any, Any]
_OURS = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TYPES = {
    ".css": "text/css",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def page(
    template: str, visitor: str | None, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response[bytes]:
    """HTML that no cache keeps; the browser remembers ``visitor``."""
    html = render(template, me=visitor, **values)
    response = Response(html.encode(), status_code=status, media_type="text/html", headers={**SAFE, **(headers or {})})
    if visitor is not None:
        response.set_cookie(cookie(visitor))
    return response


def missing(words: str) -> Response[bytes]:
    """404."""
    return page("oops.html", None, status=404, words=words)


def see(path: str) -> Response[bytes]:
    """303: the browser shows ``path`` next, so that a reload sends no form again."""
    return Response(b"", status_code=303, media_type="text/plain", headers={**SAFE, "Location": path})


def cookie(visitor: str) -> Cookie:
    """Keeps the visitor for a month."""
    return Cookie(COOKIE, value=visitor, httponly=True, samesite="lax", max_age=30 * 86_400)


def known_visitor(request: AnyRequest) -> str | None:
    """Whom the cookie names: a secret that this shop made, or one it offers. None for anything else."""
    said = request.cookies.get(COOKIE, "")
    return said if _OURS.fullmatch(said) else None


def new_visitor() -> str:
    """An anonymous id: a secret of 128 bits."""
    return token_hex(16)


def files(folder: Path, suffix: str = "") -> Any:
    """A route that serves the files of one folder by name, and nothing else."""
    found = folder.iterdir() if folder.is_dir() else ()
    known = {path.name: path for path in found if path.is_file() and path.suffix in _TYPES}

    async def file(name: str) -> Response[bytes]:
        path = known.get(name) if name.endswith(suffix) else None
        if path is None:
            return Response(b"", status_code=404, media_type="text/plain", headers=SAFE)
        return Response(path.read_bytes(), media_type=_TYPES[path.suffix], headers=LONG)

    return file


def _down(request: AnyRequest, _: Exception) -> Response[bytes]:
    retry = {"Retry-After": str(RETRY_AFTER_S)}
    return page("oops.html", None, status=503, headers=retry, words="One moment, please: try again in a few seconds.")


def _odd(request: AnyRequest, _: Exception) -> Response[bytes]:
    return page("oops.html", None, status=400, words="The shop cannot make sense of this. Nothing was changed.")


#: Shoppers read words where programs get problem+json.
HANDLERS: ExceptionHandlersMap = {
    UnavailableError: _down,
    ConflictError: _down,
    RejectedError: _odd,
    ValidationException: _odd,
}
