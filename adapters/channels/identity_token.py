"""Identity tokens: the shop's server vouches for a user id that a browser or an app sends.

``v1.<expiry, unix seconds>.<base64url of HMAC-SHA256 over "v1|user id|expiry">``, without padding. For an anonymous id
the HMAC is over "v1-anonymous|anonymous id|expiry": neither token serves for the other.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from datetime import datetime

_FORM = re.compile(r"v1\.([1-9]\d{0,14})\.([A-Za-z0-9_-]{43})")
_NOTHING = "v1.1." + "A" * 43


USER, ANONYMOUS = b"v1", b"v1-anonymous"


def sign(secret: bytes, user_id: str, expires_at: datetime, kind: bytes = USER) -> str:
    """A token for ``user_id``, good until ``expires_at`` (its fraction of a second is dropped). ``kind``: of the id."""
    expiry = int(expires_at.timestamp())
    return f"v1.{expiry}.{_mac(secret, user_id, expiry, kind)}"


def check(secret: bytes, user_id: str, token: str | None, now: datetime, kind: bytes = USER) -> bool:
    """Whether the token was signed for this user and has not expired. Equal time whatever is wrong."""
    form = _FORM.fullmatch(token or "")
    parts = form or _FORM.fullmatch(_NOTHING)
    assert parts is not None
    right = hmac.compare_digest(_mac(secret, user_id, int(parts[1]), kind).encode(), parts[2].encode())
    return right and form is not None and now.timestamp() < int(parts[1])


def _mac(secret: bytes, user_id: str, expiry: int, kind: bytes) -> str:
    digest = hmac.digest(secret, b"%b|%b|%d" % (kind, user_id.encode(), expiry), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
