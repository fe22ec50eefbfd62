"""A decision as the bytes of a receipt: codes for words, bytes for hexadecimal, each SKU once."""

from uuid import UUID

import msgspec

from queries.recommend.decision import Decision, Generations, Reason, Shown
from queries.recommend.placements import Source

FORMAT = 1
#: Numbers are stored: a new word goes to the end.
SOURCES = tuple(source.value for source in Source)
REASONS = tuple(reason.value for reason in Reason)
_SOURCE, _REASON = ({word: number for number, word in enumerate(words)} for words in (SOURCES, REASONS))
CERTAIN = b"\x00\x00\x80?"
#: Bytes of a propensity; one more, if any, is ``among``.
CHANCE = 4
_HASHES = ("statistics", "model", "bandit", "rules", "experiments")


class Item(msgspec.Struct, frozen=True, array_like=True):
    """``because``: place of the SKU in ``Receipt.named``, -1 for none. ``propensity``: 4 bytes, and a byte of ``among``
    where that is told; empty: 1, among none."""

    sku: str
    score: bytes
    propensity: bytes
    source: int
    reason: int
    because: int


class Receipt(msgspec.Struct, frozen=True, array_like=True):
    """See ``Decision``."""

    decision: bytes
    placement: str
    at_ms: int
    limit: int
    person: bytes
    streams: list[tuple[bytes, int]]
    catalogue: int
    hashes: list[bytes]
    weights: str
    config: str
    rung: str
    arms: dict[str, str]
    items: list[Item]
    named: list[str]
    item: str | None
    skus: list[str]
    category: str | None
    store: str | None
    device: str | None
    channel: str | None
    degraded: list[str]
    rest: bytes
    numerics: str
    repeats: bytes
    opted_out: bool = False


class Head(msgspec.Struct, frozen=True, array_like=True):
    """How a ``Receipt`` begins: all but what was shown."""

    decision: bytes
    placement: str
    at_ms: int
    limit: int
    person: bytes
    streams: list[tuple[bytes, int]]
    catalogue: int
    hashes: list[bytes]
    weights: str
    config: str
    rung: str
    arms: dict[str, str]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER, _HEAD = msgspec.msgpack.Decoder(Receipt), msgspec.msgpack.Decoder(Head)


def encode(decision: Decision) -> bytes:
    """A byte of format, then the receipt."""
    of, named = decision.generations, dict[str, int]()
    items = [_item(shown, named) for shown in decision.items]
    receipt = Receipt(
        decision.decision_id.bytes,
        decision.placement,
        decision.at_ms,
        decision.limit,
        _bytes(decision.person_id),
        [(stream.bytes, version) for stream, version in decision.streams],
        of.catalogue,
        [bytes.fromhex(getattr(of, name)) for name in _HASHES],
        of.weights,
        of.statistics_config,
        decision.rung,
        decision.arms,
        items,
        list(named),
        decision.item,
        list(decision.skus),
        decision.category,
        decision.store,
        decision.device,
        decision.channel,
        list(decision.degraded),
        decision.rest,
        decision.numerics,
        _bytes(decision.repeats),
        decision.opted_out,
    )
    return bytes((FORMAT,)) + _ENCODER.encode(receipt)


def decode(stored: bytes) -> Decision:
    """The decision of ``encode``. Raises ValueError for anything else."""
    if not stored or stored[0] != FORMAT:
        raise ValueError("a receipt of another format")
    try:
        return _decision(_DECODER.decode(stored[1:]))
    except (msgspec.DecodeError, IndexError) as error:
        raise ValueError("not a receipt") from error


def head(stored: bytes) -> Head:
    """How it begins. Raises ValueError for what is no receipt."""
    if not stored or stored[0] != FORMAT:
        raise ValueError("a receipt of another format")
    try:
        begins = _HEAD.decode(memoryview(stored)[1:])
    except msgspec.DecodeError as error:
        raise ValueError("not a receipt") from error
    if len(begins.decision) != 16 or len(begins.person) not in (0, 16):
        raise ValueError("not a receipt")
    return begins


def _decision(of: Receipt) -> Decision:
    hashes = {name: value.hex() for name, value in zip(_HASHES, of.hashes, strict=True)}
    generations = Generations(of.catalogue, **hashes, weights=of.weights, statistics_config=of.config)
    items = tuple(_shown(item, of.named) for item in of.items)
    return Decision(
        UUID(bytes=of.decision),
        of.placement,
        of.at_ms,
        of.limit,
        _uuid(of.person),
        tuple((UUID(bytes=stream), version) for stream, version in of.streams),
        generations,
        of.rung,
        of.arms,
        items,
        of.item,
        tuple(of.skus),
        of.category,
        of.store,
        of.device,
        of.channel,
        tuple(of.degraded),
        of.rest,
        of.numerics,
        _uuid(of.repeats),
        of.opted_out,
    )


def _item(shown: Shown, named: dict[str, int]) -> Item:
    because = -1 if shown.because is None else named.setdefault(shown.because, len(named))
    among = bytes((shown.among,)) if shown.among else b""
    propensity = b"" if shown.propensity == CERTAIN and not among else shown.propensity + among
    return Item(shown.sku, shown.score, propensity, _SOURCE[shown.source], _REASON[shown.reason], because)


def _shown(item: Item, named: list[str]) -> Shown:
    because = None if item.because < 0 else named[item.because]
    source, reason, told = SOURCES[item.source], REASONS[item.reason], item.propensity
    return Shown(item.sku, item.score, told[:CHANCE] or CERTAIN, source, reason, because, sum(told[CHANCE:]))


def _bytes(given: UUID | None) -> bytes:
    return given.bytes if given else b""


def _uuid(stored: bytes) -> UUID | None:
    return UUID(bytes=stored) if stored else None
