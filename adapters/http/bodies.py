"""Request bodies: which media types, how large, how slow; and what a Segment route adds to its message."""

import asyncio
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException
from msgspec import Raw

from adapters.channels.channel import RejectedError

JSON = frozenset({"application/json", "text/plain"})  # browsers' sendBeacon can only send text
XML = frozenset({"application/xml", "text/xml"})
SLOWEST_S = 30.0
_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii"})
_BOM = b"\xef\xbb\xbf"
_FIELDS = msgspec.json.Decoder(dict[str, Raw])


class _Probe(msgspec.Struct):
    batch: Raw | None = None


async def read(request: Request[Any, Any, Any], media_types: frozenset[str]) -> bytes:
    """The raw body. Raises RejectedError: 415 for another or a compressed type, 408, 400 if broken off."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RejectedError("content-encoding", "compressed bodies are not taken", 415)
    _check_type(request.headers.get("content-type", ""), media_types)
    try:
        async with asyncio.timeout(SLOWEST_S):
            return await request.body()
    except TimeoutError:
        raise RejectedError("body", f"took more than {SLOWEST_S:.0f} s", 408) from None
    except InternalServerException:
        raise RejectedError("body", "broke off", 400) from None


def _check_type(content_type: str, media_types: frozenset[str]) -> None:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if kind and kind not in media_types:
        raise RejectedError("content-type", f"must be one of {', '.join(sorted(media_types))}", 415)
    charset = next((p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")), "")
    if charset not in _UTF8 and media_types is JSON:
        raise RejectedError("content-type", "the charset must be utf-8", 415)


def as_call(body: bytes, call: str) -> bytes:
    """The message of a single call, with ``type`` as the route says. The channel judges what cannot be read.

    Raises RejectedError if it says another type, or is a batch.
    """
    try:
        fields = _FIELDS.decode(body.removeprefix(_BOM))
        said = msgspec.json.decode(fields["type"]) if "type" in fields else None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return body
    if "batch" in fields:
        raise RejectedError("batch", "belongs to the batch route")
    if said is not None and said != call:
        raise RejectedError("type", "is another than the route's")
    return body if said else msgspec.json.encode({**fields, "type": call})


def checked_batch(body: bytes) -> bytes:
    """The body itself. Raises RejectedError if it can be read and has no ``batch``."""
    try:
        probe = msgspec.json.decode(body.removeprefix(_BOM), type=_Probe)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return body
    if probe.batch is None:
        raise RejectedError("batch", "is needed")
    return body
