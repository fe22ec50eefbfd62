"""``Idempotency-Key``: what is sent again with the same one is recorded once."""

from adapters.channels.channel import RejectedError
from adapters.http.problems import AnyRequest

LONGEST = 100


def once(request: AnyRequest, what: str) -> str | None:
    """A source id of the caller's key and the header; None without one. ``what``: is asked for. Raises RejectedError
    (400)."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not 1 <= len(given) <= LONGEST or not given.isprintable():
        raise RejectedError("idempotency-key", f"must have 1 to {LONGEST} characters", 400)
    return f"{what}:{request.auth.id}:{given}"
