"""API keys: what is kept of them is an id, a digest and what they may do; never the key."""

import hmac
import secrets
from collections.abc import Iterable, Iterator
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
    CUSTOMER_WRITE = "customer:write"
    CUSTOMER_EXPORT = "customer:export"
    BACKFILL = "backfill"
    DECISION_READ = "decision:read"
    RULES_READ = "rules:read"
    RULES_WRITE = "rules:write"
    EXPERIMENTS_READ = "experiments:read"
    REPORTS_READ = "reports:read"
    ATTRIBUTION_READ = "attribution:read"
    IDENTITY_READ = "identity:read"
    IDENTITY_REVIEW = "identity:review"
    PRIVACY_READ = "privacy:read"
    PRIVACY_REQUEST = "privacy:request"
    PRIVACY_APPROVE = "privacy:approve"
    PRIVACY_ERASE = "privacy:erase"


PUBLIC_SCOPES = frozenset({Scope.CHANNEL_WRITE})
ID = r"^[\w.-]{1,60}$"
MOST_RATE = 1_000_000
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a second on average, and so many at once after a rest."""

    per_s: int
    burst: int

    def __post_init__(self) -> None:
        if not (1 <= self.per_s <= MOST_RATE and 1 <= self.burst <= MOST_RATE):
            raise ValueError(f"per_s, burst: whole numbers from 1 to {MOST_RATE}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``digest`` is the key's SHA-256. A ``public`` key is in every browser: anonymous events alone. ``rate``: its
    limit, where it has one of its own."""

    id: str
    digest: bytes
    scopes: frozenset[Scope]
    public: bool = False
    rate: "Rate | None" = None

    def __post_init__(self) -> None:
        if len(self.digest) != sha256().digest_size:
            raise ValueError("sha256: not a SHA-256 digest")
        if self.public and not self.scopes <= PUBLIC_SCOPES:
            raise ValueError("scopes: a public key may have channel:write alone")


class _Record(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"^[\w.-]+$")]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1)]
    public: bool = False
    per_s: Annotated[int, msgspec.Meta(ge=1, le=MOST_RATE)] | None = None
    burst: Annotated[int, msgspec.Meta(ge=1, le=MOST_RATE)] | None = None


class ApiKeys:
    """All keys of an installation: those of its settings, and those that were made since. Ids are unique."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._keys = tuple(keys)
        if len({key.id for key in self._keys}) != len(self._keys):
            raise ValueError("id: two keys have the same")
        self._all = self._keys

    def find(self, text: str) -> ApiKey | None:
        """The key that this text is. Compares with every key, so the time tells nothing."""
        digest = sha256(text[:_LONGEST_KEY].encode("utf-8", "replace")).digest()
        found = None
        for key in self._all:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found if len(text) <= _LONGEST_KEY else None

    def named(self, id_: str) -> ApiKey | None:
        """The key with this id."""
        return next((key for key in self._all if key.id == id_), None)

    def __iter__(self) -> Iterator[ApiKey]:
        """Those of the settings."""
        return iter(self._keys)

    def has(self, id_: str) -> bool:
        """Whether the settings name a key with this id."""
        return any(key.id == id_ for key in self._keys)

    def add(self, made: Iterable[ApiKey]) -> None:
        """From now on these count, and no others besides the settings' own, which win where ids are the same."""
        own = {key.id for key in self._keys}
        self._all = (*self._keys, *(key for key in made if key.id not in own))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """From ``[{"id", "sha256" (hex), "scopes", "public", "per_s", "burst"}]``. Raises ValueError that repeats no
        value."""
        try:
            records = msgspec.json.decode(text, type=list[_Record])
        except (msgspec.MsgspecError, RecursionError):
            raise ValueError('API keys: not a list of {"id", "sha256", "scopes", "public", "per_s", "burst"}') from None
        return cls(_key(record) for record in records)

    def to_json(self) -> str:
        """What ``from_json`` reads."""
        records = [_Record(k.id, k.digest.hex(), sorted(k.scopes), k.public, *_numbers(k.rate)) for k in self._keys]
        return msgspec.json.encode(records).decode()


def rate_of(per_s: int | None, burst: int | None) -> Rate | None:
    """None where no rate is given; the burst of two seconds where that is not. Raises ValueError."""
    if per_s is None:
        return None
    return Rate(per_s, burst if burst is not None else min(2 * per_s, MOST_RATE))


def _key(record: _Record) -> ApiKey:
    rate = rate_of(record.per_s, record.burst)
    return ApiKey(record.id, bytes.fromhex(record.sha256), frozenset(record.scopes), record.public, rate)


def _numbers(rate: Rate | None) -> tuple[int | None, int | None]:
    return (None, None) if rate is None else (rate.per_s, rate.burst)


def generate(
    scopes: Iterable[Scope], public: bool = False, *, id: str | None = None, rate: Rate | None = None
) -> tuple[str, ApiKey]:
    """A new key's text, ``bsk_…`` (secret) or ``bpk_…`` (public), 256 random bits; and what is kept of it."""
    text = f"{'bpk' if public else 'bsk'}_{secrets.token_urlsafe(32)}"
    name = id or secrets.token_hex(4)
    return text, ApiKey(name, sha256(text.encode()).digest(), frozenset(scopes), public, rate)
