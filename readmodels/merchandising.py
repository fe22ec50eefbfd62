"""The rules that are live, as serving needs them."""

import msgspec

from domain.merchandising import RuleSet, digest_of, read_json


class PublishedRules(msgspec.Struct, frozen=True, array_like=True):
    """``digest`` names the set by its content, "" where there is none; ``rules`` is the set as canonical JSON.
    ``since`` is when it went live, in milliseconds."""

    version: int = 0
    digest: str = ""
    since: int = 0
    rules: bytes = b'{"rules":[]}'


class DamagedRulesError(Exception):
    """What is stored is not the set that its hash names."""


def encode(record: PublishedRules) -> bytes:
    """4 bytes of version, big endian, then the record."""
    return record.version.to_bytes(4, "big") + _ENCODER.encode(record)


def decode(stored: bytes) -> PublishedRules:
    """The record of ``encode``. Raises msgspec.DecodeError."""
    return _DECODER.decode(stored[4:])


def rules_of(record: PublishedRules) -> RuleSet:
    """The set itself. Raises RulesError, DamagedRulesError."""
    rules = read_json(record.rules)
    if digest_of(rules.rules) != record.digest:
        raise DamagedRulesError(record.digest)
    return rules


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(PublishedRules)
