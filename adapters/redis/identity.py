"""Linking's index in Redis: blocks by HMAC, what is compared encrypted under each stream's own key, scored pairs."""

import hmac
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from struct import Struct
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.keys import KeyDestroyedError, Keyring
from adapters.redis import Client, keys_like
from adapters.redis.pipelines import run
from domain.identity import pair
from readmodels import keys
from readmodels.identity import Compared, Edges, Entry, Node, Secret

NONCE = 12
#: Of a block's name: two of ten thousand million blocks are alike by chance once in ten thousand million cases.
NAME = 16
WEIGHT = Struct(">d")
USE = "bespoke identity index"
NODE, KEYS, SECRET, COMPARED = b"node", b"keys", b"secret", b"compared"
#: What its one mark says: it is being made, or it is whole.
BEGUN, WHOLE = b"0", b"1"
_NOTHING: list[Compared | None] = [None]
T = TypeVar("T")


class RedisIdentityIndex:
    """Of one model. ``secret`` makes names of blocking keys."""

    def __init__(self, client: Client, keyring: Keyring, namespace: str, model: str, secret: bytes) -> None:
        self._client, self._keyring = client, keyring
        self._namespace, self._model, self._secret = namespace, model, secret
        self._node = msgspec.msgpack.Decoder(Node)
        self._told = msgspec.msgpack.Decoder(Secret)
        self._columns = msgspec.msgpack.Decoder(tuple[bytes | None, ...])

    def whole(self) -> bool:
        """Whether the index was made, and is not lost since. Raises UnavailableError."""
        (found,) = run(self._client, [("GET", self._whole)])
        return bool(found == WHOLE)

    def begin(self) -> None:
        """It is being made. Raises UnavailableError."""
        run(self._client, [("SET", self._whole, BEGUN)])

    def made(self) -> bool:
        """It is there from now on, as far as linking has come; False where it was lost or dropped since ``begin``.
        Raises UnavailableError."""
        (found,) = run(self._client, [("SET", self._whole, WHOLE, "XX")])
        return found is not None

    @property
    def _whole(self) -> str:
        return keys.identity(self._namespace, self._model)

    def names(self, keys_: Sequence[bytes]) -> tuple[bytes, ...]:
        """Their HMACs, cut to ``NAME`` bytes."""
        return tuple(hmac.digest(self._secret, key, "sha256")[:NAME] for key in keys_)

    def streams(self) -> Iterator[UUID]:
        """All that there are, some twice. Raises UnavailableError."""
        for key in keys_like(self._client, f"{self._namespace}:identity:{self._model}:stream:*"):
            yield UUID(key.decode().rpartition("{")[2].removesuffix("}"))

    def nodes(self, streams: Collection[UUID]) -> dict[UUID, Node]:
        """Those that there are. Raises UnavailableError."""
        found = self._each(streams, lambda s: ("HGET", self._stream(s), NODE))
        return {stream: self._node.decode(value) for stream, value in found if value}

    def entries(self, streams: Collection[UUID]) -> dict[UUID, Entry]:
        """Those that there are and can be opened. Raises UnavailableError."""
        found = list(self._each(streams, lambda s: ("HMGET", self._stream(s), NODE, KEYS, SECRET, COMPARED)))
        self._keyring.prefetch(stream for stream, (node, *_) in found if node)
        return {
            stream: Entry(self._node.decode(node), msgspec.structs.replace(told, compared=compared), tuple(_cut(names)))
            for stream, (node, names, secret, sealed) in found
            if node
            for told in self._open(stream, secret, self._told)
            for compared in self._open(stream, sealed, self._columns) or _NOTHING
        }

    def write(self, entries: Mapping[UUID, Entry]) -> None:
        """Replaces these; those whose key is gone are left out. Raises UnavailableError."""
        self._keyring.prefetch(entries)
        calls: list[tuple[Any, ...]] = []
        for stream, entry in entries.items():
            told = msgspec.structs.replace(entry.secret, compared=None)
            for secret in self._seal(stream, told):
                (sealed,) = self._seal(stream, entry.secret.compared) if entry.secret.compared else [b""]
                node, names = msgspec.msgpack.encode(entry.node), b"".join(entry.keys)
                calls.append(("HSET", self._stream(stream), NODE, node, KEYS, names, SECRET, secret, COMPARED, sealed))
        run(self._client, calls)

    def compared(self, streams: Collection[UUID]) -> dict[UUID, Compared]:
        """What is compared, of those that have something and can be opened. Raises UnavailableError."""
        found = [each for each in self._each(streams, lambda s: ("HGET", self._stream(s), COMPARED)) if each[1]]
        self._keyring.prefetch(stream for stream, _ in found)
        return {s: record for s, sealed in found for record in self._open(s, sealed, self._columns)}

    def around(self, streams: Collection[UUID]) -> dict[UUID, tuple[Node, Edges]]:
        """Node and scored pairs of those that there are, in one go. Raises UnavailableError."""
        wanted = list(streams)
        calls = [call for s in wanted for call in (("HGET", self._stream(s), NODE), ("HGETALL", self._pairs(s)))]
        answers = run(self._client, calls)
        found = zip(wanted, answers[::2], answers[1::2], strict=True)
        return {stream: (self._node.decode(node), _weights(pairs or {})) for stream, node, pairs in found if node}

    def move(
        self, stream: UUID, leave: Collection[bytes], join: Collection[bytes], most: int
    ) -> dict[bytes, set[UUID]]:
        """Out of blocks and into others, which are read in the same go. Raises UnavailableError."""
        calls: list[tuple[Any, ...]] = [("SREM", self._block(name), stream.bytes) for name in leave]
        calls += [("SADD", self._block(name), stream.bytes) for name in join]
        wanted = [*leave, *join]
        reads: list[tuple[Any, ...]] = [("SRANDMEMBER", self._block(name), most) for name in wanted]
        answers = run(self._client, calls + reads)[len(calls) :]
        return {n: {UUID(bytes=each) for each in found} for n, found in zip(wanted, answers, strict=True)}

    def members(self, names: Collection[bytes], most: int) -> dict[bytes, set[UUID]]:
        """Never more than ``most`` of a block are read. Raises UnavailableError."""
        wanted = list(names)
        answers = run(self._client, [("SRANDMEMBER", self._block(name), most) for name in wanted])
        return {n: {UUID(bytes=each) for each in found} for n, found in zip(wanted, answers, strict=True)}

    def keys_of(self, streams: Collection[UUID]) -> dict[UUID, tuple[bytes, ...]]:
        """The names of their blocks. Raises UnavailableError."""
        found = self._each(streams, lambda s: ("HGET", self._stream(s), KEYS))
        return {stream: tuple(_cut(names)) for stream, names in found if names}

    def edges(self, streams: Collection[UUID]) -> dict[UUID, Edges]:
        """The scored pairs of those that have any. Raises UnavailableError."""
        found = self._each(streams, lambda s: ("HGETALL", self._pairs(s)))
        return {stream: _weights(answer) for stream, answer in found if answer}

    def link(self, stream: UUID, gone: Collection[UUID], edges: Mapping[UUID, float]) -> None:
        """On both sides. Raises UnavailableError."""
        calls: list[tuple[Any, ...]] = []
        for other in gone:
            calls += [("HDEL", self._pairs(a), b.bytes) for a, b in ((stream, other), (other, stream))]
        for other, weight in edges.items():
            packed = WEIGHT.pack(weight)
            calls += [("HSET", self._pairs(a), b.bytes, packed) for a, b in ((stream, other), (other, stream))]
        run(self._client, calls)

    def join(self, names: Mapping[UUID, Collection[bytes]]) -> None:
        """Into blocks, many streams in one go, but for those whose key is gone. Raises UnavailableError."""
        self._keyring.prefetch(names)
        members: dict[bytes, list[bytes]] = {}
        for stream, each in names.items():
            for name in each if self._living(stream) else ():
                members.setdefault(name, []).append(stream.bytes)
        run(self._client, [("SADD", self._block(name), *streams) for name, streams in members.items()])

    def link_all(self, edges: Mapping[UUID, Edges]) -> None:
        """On both sides, many pairs in one go. Raises UnavailableError."""
        sides: dict[UUID, list[bytes]] = {}
        for stream, found in edges.items():
            for other, weight in found.items():
                packed = WEIGHT.pack(weight)
                sides.setdefault(stream, []).extend((other.bytes, packed))
                sides.setdefault(other, []).extend((stream.bytes, packed))
        run(self._client, [("HSET", self._pairs(stream), *fields) for stream, fields in sides.items()])

    def ask(self, pairs: Mapping[tuple[UUID, UUID], float], settled: Collection[tuple[UUID, UUID]]) -> None:
        """Into the queue, and out of it. Raises UnavailableError."""
        queue = keys.identity_review(self._namespace, self._model)
        calls: list[tuple[Any, ...]] = [("ZADD", queue, weight, _joined(pair)) for pair, weight in pairs.items()]
        run(self._client, calls + [("ZREM", queue, _joined(pair)) for pair in settled])

    def asked(self, limit: int) -> list[tuple[tuple[UUID, UUID], float]]:
        """The likeliest first. Raises UnavailableError."""
        queue = keys.identity_review(self._namespace, self._model)
        (found,) = run(self._client, [("ZRANGE", queue, 0, limit - 1, "REV", "WITHSCORES")])
        flat = (
            found if found and isinstance(found[0], (list, tuple)) else list(zip(found[::2], found[1::2], strict=True))
        )
        return [((UUID(bytes=name[:16]), UUID(bytes=name[16:])), float(weight)) for name, weight in flat]

    def asks(self, one: UUID, other: UUID) -> bool:
        """Whether a pair is in the queue. Raises UnavailableError."""
        queue = keys.identity_review(self._namespace, self._model)
        (found,) = run(self._client, [("ZSCORE", queue, _joined(pair(one, other)))])
        return found is not None

    def forget(self, streams: Iterable[UUID]) -> None:
        """Out of blocks, pairs and the queue, by what lies there in clear. Raises UnavailableError."""
        gone = list(streams)
        names, pairs = self.keys_of(gone), self.edges(gone)
        queue = keys.identity_review(self._namespace, self._model)
        for stream in gone:
            others = pairs.get(stream, {})
            calls: list[tuple[Any, ...]] = [("SREM", self._block(n), stream.bytes) for n in names.get(stream, ())]
            calls += [("HDEL", self._pairs(other), stream.bytes) for other in others]
            calls += [("ZREM", queue, _joined((min(stream, o), max(stream, o)))) for o in others]
            run(self._client, [*calls, ("DEL", self._stream(stream)), ("DEL", self._pairs(stream))])

    def _each(self, streams: Collection[UUID], call: Any) -> Iterator[tuple[UUID, Any]]:
        wanted = list(streams)
        return zip(wanted, run(self._client, [call(stream) for stream in wanted]), strict=True)

    def _living(self, stream: UUID) -> bool:
        try:
            return bool(self._keyring.key_for(stream, USE))
        except KeyDestroyedError:
            return False

    def _seal(self, stream: UUID, value: Any) -> list[bytes]:
        """None where the key is gone."""
        try:
            cipher, nonce = AESGCM(self._keyring.key_for(stream, USE)), os.urandom(NONCE)
        except KeyDestroyedError:
            return []
        return [nonce + cipher.encrypt(nonce, msgspec.msgpack.encode(value), stream.bytes)]

    def _open(self, stream: UUID, sealed: bytes | None, decoder: "msgspec.msgpack.Decoder[T]") -> list[T]:
        """Nothing where there is nothing, or the key is gone."""
        if not sealed:
            return []
        try:
            cipher = AESGCM(self._keyring.key_for(stream, USE))
            return [decoder.decode(cipher.decrypt(sealed[:NONCE], sealed[NONCE:], stream.bytes))]
        except (KeyDestroyedError, InvalidTag, msgspec.DecodeError):
            return []

    def _stream(self, stream: UUID) -> str:
        return keys.identity_stream(self._namespace, self._model, stream)

    def _pairs(self, stream: UUID) -> str:
        return keys.identity_pairs(self._namespace, self._model, stream)

    def _block(self, name: bytes) -> str:
        return keys.identity_block(self._namespace, self._model, name.hex())


def _cut(names: bytes | None) -> Iterator[bytes]:
    for at in range(0, len(names or b""), NAME):
        yield (names or b"")[at : at + NAME]


def _joined(pair: tuple[UUID, UUID]) -> bytes:
    return pair[0].bytes + pair[1].bytes


def _weights(answer: Any) -> Edges:
    pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
    return {UUID(bytes=other): WEIGHT.unpack(packed)[0] for other, packed in pairs}
