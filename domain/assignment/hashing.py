"""From a unit to a bucket. A stored experiment names its version, and what a version gives never changes."""

from enum import StrEnum
from hashlib import blake2b, md5

#: Shares, coverage and ranges of experiments are whole numbers of these.
BUCKETS = 10_000
_PRIME, _START, _WORD = 0x01000193, 0x811C9DC5, 0xFFFFFFFF


class HashVersion(StrEnum):
    """Ours; the case study's; and the two of GrowthBook's SDKs, so that whoever moves from there stays in their arm."""

    BLAKE = "blake2b-10000"
    MD5 = "md5-100"
    GROWTHBOOK_1 = "growthbook-1"
    GROWTHBOOK_2 = "growthbook-2"


def bucket(version: HashVersion, seed: str, unit: str) -> int:
    """0 … 9,999. Versions with fewer buckets of their own (100 or 1,000) use every hundredth or tenth."""
    if version is HashVersion.BLAKE:
        return blake_bucket(prefix(seed), unit.encode())
    if version is HashVersion.MD5:
        return md5_bucket(seed, unit) * 100
    if version is HashVersion.GROWTHBOOK_1:
        return fnv1a(unit + seed) % 1_000 * 10
    return fnv1a(str(fnv1a(seed + unit))) % BUCKETS


def prefix(seed: str) -> bytes:
    """What stands before the unit in our own hash: no seed is the beginning of another's text."""
    return len(seed.encode()).to_bytes(2, "big") + seed.encode()


def blake_bucket(before: bytes, unit: bytes) -> int:
    """Our own: BLAKE2b (RFC 7693) of 8 bytes, big endian, modulo 10,000. ``before``: ``prefix`` of the seed."""
    return int.from_bytes(blake2b(before + unit, digest_size=8).digest(), "big") % BUCKETS


def md5_bucket(seed: str, unit: str) -> int:
    """0 … 99, as the case study has it: MD5 of ``unit:experiment``, modulo 100."""
    return int.from_bytes(md5(f"{unit}:{seed}".encode(), usedforsecurity=False).digest(), "big") % 100


def fnv1a(text: str) -> int:
    """FNV-1a of 32 bits, over UTF-16 code units as GrowthBook's SDK in JavaScript has them."""
    found = _START
    for code in text.encode() if text.isascii() else memoryview(text.encode("utf-16-le")).cast("H"):
        found = (found ^ code) * _PRIME & _WORD
    return found


def growthbook(seed: str, unit: str, version: int) -> float | None:
    """0 ≤ n < 1 as GrowthBook's SDKs have it; None for a version that is not known."""
    if version == 1:
        return fnv1a(unit + seed) % 1_000 / 1_000
    if version == 2:
        return fnv1a(str(fnv1a(seed + unit))) % BUCKETS / BUCKETS
    return None
