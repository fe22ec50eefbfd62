"""Linking's index as a few dictionaries."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from readmodels.identity import Compared, Edges, Entry, Node

Pair = tuple[UUID, UUID]


class MemoryIndex:
    def __init__(self) -> None:
        self.kept: dict[UUID, Entry] = {}
        self.blocks: dict[bytes, set[UUID]] = defaultdict(set)
        self.pairs: dict[UUID, Edges] = defaultdict(dict)
        self.queue: dict[Pair, float] = {}

    def names(self, keys: Sequence[bytes]) -> tuple[bytes, ...]:
        return tuple(keys)

    def nodes(self, streams: Collection[UUID]) -> dict[UUID, Node]:
        return {s: self.kept[s].node for s in streams if s in self.kept}

    def entries(self, streams: Collection[UUID]) -> dict[UUID, Entry]:
        return {s: self.kept[s] for s in streams if s in self.kept}

    def write(self, entries: Mapping[UUID, Entry]) -> None:
        self.kept |= entries

    def compared(self, streams: Collection[UUID]) -> dict[UUID, Compared]:
        found = self.entries(streams).items()
        return {s: e.secret.compared for s, e in found if e.secret.compared is not None}

    def around(self, streams: Collection[UUID]) -> dict[UUID, tuple[Node, Edges]]:
        return {s: (self.kept[s].node, dict(self.pairs.get(s, {}))) for s in streams if s in self.kept}

    def move(
        self, stream: UUID, leave: Collection[bytes], join: Collection[bytes], most: int
    ) -> dict[bytes, set[UUID]]:
        for key in leave:
            self.blocks[key].discard(stream)
        for key in join:
            self.blocks[key].add(stream)
        return self.members([*leave, *join], most)

    def members(self, keys: Collection[bytes], most: int) -> dict[bytes, set[UUID]]:
        return {key: set(sorted(self.blocks[key])[:most]) for key in keys}

    def keys_of(self, streams: Collection[UUID]) -> dict[UUID, tuple[bytes, ...]]:
        return {s: e.keys for s, e in self.entries(streams).items()}

    def edges(self, streams: Collection[UUID]) -> dict[UUID, Edges]:
        return {s: dict(self.pairs[s]) for s in streams if self.pairs.get(s)}

    def link(self, stream: UUID, gone: Collection[UUID], edges: Mapping[UUID, float]) -> None:
        for other in gone:
            self.pairs[stream].pop(other, None)
            self.pairs[other].pop(stream, None)
        for other, weight in edges.items():
            self.pairs[stream][other] = self.pairs[other][stream] = weight

    def join(self, names: Mapping[UUID, Collection[bytes]]) -> None:
        for stream, keys in names.items():
            for key in keys:
                self.blocks[key].add(stream)

    def link_all(self, edges: Mapping[UUID, Edges]) -> None:
        for stream, found in edges.items():
            self.link(stream, (), found)

    def ask(self, pairs: Mapping[Pair, float], settled: Collection[Pair]) -> None:
        self.queue |= pairs
        for pair in settled:
            self.queue.pop(pair, None)

    def asked(self, limit: int) -> list[tuple[Pair, float]]:
        return sorted(self.queue.items(), key=lambda each: (-each[1], each[0]))[:limit]

    def forget(self, streams: Iterable[UUID]) -> None:
        for stream in streams:
            entry = self.kept.pop(stream, None)
            for key in entry.keys if entry else ():
                self.blocks[key].discard(stream)
            for other in list(self.pairs.pop(stream, {})):
                self.pairs[other].pop(stream, None)
            self.queue = {pair: w for pair, w in self.queue.items() if stream not in pair}
