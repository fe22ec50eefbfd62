"""What linking keeps of a stream: its ties, what is compared of it (sealed), its blocking keys and scored pairs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

#: What a person told is compared in this form: a value a column, None where nothing is known.
Compared = tuple[bytes | None, ...]


class Said(msgspec.Struct, frozen=True, array_like=True, order=True):
    """The latest value of a field, by event time."""

    at: int
    tag: int
    value: str


class Node(msgspec.Struct, frozen=True, array_like=True):
    """Of a stream, nothing that its person told. ``version`` is that of the last event that is in it. Streams of
    ``linked``, no devices among them, are tied to it by identifiers or an officer's word, ``confirmed`` by the latter,
    ``likely`` by scores; ``vetoed`` are kept apart from it by an officer, ``cut`` by a rule. ``gone``: it was erased.
    """

    version: int = 0
    kind: str = ""
    linked: tuple[UUID, ...] = ()
    confirmed: tuple[UUID, ...] = ()
    likely: tuple[UUID, ...] = ()
    vetoed: tuple[UUID, ...] = ()
    cut: tuple[UUID, ...] = ()
    gone: bool = False


class Secret(msgspec.Struct, frozen=True, array_like=True):
    """What its person told, by field; ``own`` is the stream's identifier; ``compared`` what is compared of it, with
    that of the contacts it is linked to."""

    own: str = ""
    told: dict[str, Said] = {}
    compared: Compared | None = None


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """All that is kept of a stream. ``keys``: its blocking keys, as HMACs."""

    node: Node = Node()
    secret: Secret = Secret()
    keys: tuple[bytes, ...] = ()


Edges = dict[UUID, float]


class IdentityIndex(Protocol):
    """Where linking keeps it. One process writes. Each raises UnavailableError."""

    def names(self, keys: Sequence[bytes]) -> tuple[bytes, ...]:
        """The keys as the index knows them: HMACs, from which nobody finds a name."""

    def nodes(self, streams: Collection[UUID]) -> dict[UUID, Node]:
        """Those that there are."""

    def entries(self, streams: Collection[UUID]) -> dict[UUID, Entry]:
        """Those that there are and can be opened."""

    def write(self, entries: Mapping[UUID, Entry]) -> None:
        """Replaces these; not the members of blocks."""

    def compared(self, streams: Collection[UUID]) -> dict[UUID, Compared]:
        """What is compared, of those that have something and can be opened."""

    def around(self, streams: Collection[UUID]) -> dict[UUID, tuple[Node, Edges]]:
        """Node and scored pairs of those that there are."""

    def move(
        self, stream: UUID, leave: Collection[bytes], join: Collection[bytes], most: int
    ) -> dict[bytes, set[UUID]]:
        """Takes the stream out of blocks and puts it into others; their ``members`` then."""

    def members(self, keys: Collection[bytes], most: int) -> dict[bytes, set[UUID]]:
        """Of each key the streams, ``most`` at most: more of them are as many as ``most``, whichever."""

    def keys_of(self, streams: Collection[UUID]) -> dict[UUID, tuple[bytes, ...]]:
        """The blocking keys of those that there are."""

    def edges(self, streams: Collection[UUID]) -> dict[UUID, Edges]:
        """The scored pairs of each, none where there are none."""

    def link(self, stream: UUID, gone: Collection[UUID], edges: Mapping[UUID, float]) -> None:
        """Takes pairs of a stream away and puts others in, on both sides."""

    def join(self, names: Mapping[UUID, Collection[bytes]]) -> None:
        """Puts streams into blocks."""

    def link_all(self, edges: Mapping[UUID, Edges]) -> None:
        """Puts pairs of many streams in, on both sides."""

    def ask(self, pairs: Mapping[tuple[UUID, UUID], float], settled: Collection[tuple[UUID, UUID]]) -> None:
        """Puts pairs into the queue that people decide, and takes others out."""

    def asked(self, limit: int) -> list[tuple[tuple[UUID, UUID], float]]:
        """The queue, the likeliest pairs first."""

    def forget(self, streams: Iterable[UUID]) -> None:
        """Takes streams out of everything, at once, without their keys. For erased ones."""
