"""API keys: what is kept of them is an id, a digest and what they may do; never the key."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Self

import msgspec


class Scope(StrEnum):
    """What a key may do."""

    CHANNEL_WRITE = "channel:write"
    RECOMMEND_READ = "recommend:read"
    CUSTOMER_READ = "customer:read"
    BACKFILL = "backfill"


PUBLIC_SCOPES = frozenset({Scope.CHANNEL_WRITE})
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``digest`` is the key's SHA-256. A ``public`` key is in every browser: anonymous events alone."""

    id: str
    digest: bytes
    scopes: frozenset[Scope]
    public: bool = False

    def __post_init__(self) -> None:
        if len(self.digest) != sha256().digest_size:
            raise ValueError("sha256: not a SHA-256 digest")
        if self.public and not self.scopes <= PUBLIC_SCOPES:
            raise ValueError("scopes: a public key may have channel:write alone")


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"^[\w.-]+$")]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1)]
    public: bool = False


class ApiKeys:
    """All keys of an installation. Ids are unique."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._keys = tuple(keys)
        if len({key.id for key in self._keys}) != len(self._keys):
            raise ValueError("id: two keys have the same")

    def find(self, text: str) -> ApiKey | None:
        """The key that this text is. Compares with every key, so the time tells nothing."""
        digest = sha256(text[:_LONGEST_KEY].encode("utf-8", "replace")).digest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found if len(text) <= _LONGEST_KEY else None

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """From ``[{"id", "sha256" (hex), "scopes", "public"}]``. Raises ValueError that repeats no value."""
        try:
            records = msgspec.json.decode(text, type=list[_Record])
        except (msgspec.MsgspecError, RecursionError):
            raise ValueError('API keys: not a list of {"id", "sha256", "scopes", "public"}') from None
        return cls(ApiKey(r.id, bytes.fromhex(r.sha256), frozenset(r.scopes), r.public) for r in records)

    def to_json(self) -> str:
        """What ``from_json`` reads."""
        records = [_Record(k.id, k.digest.hex(), sorted(k.scopes), k.public) for k in self._keys]
        return msgspec.json.encode(records).decode()


def generate(scopes: Iterable[Scope], public: bool = False, *, id: str | None = None) -> tuple[str, ApiKey]:
    """A new key's text, ``bsk_…`` (secret) or ``bpk_…`` (public), 256 random bits; and what is kept of it."""
    text = f"{'bpk' if public else 'bsk'}_{secrets.token_urlsafe(32)}"
    name = id or secrets.token_hex(4)
    return text, ApiKey(name, sha256(text.encode()).digest(), frozenset(scopes), public)
