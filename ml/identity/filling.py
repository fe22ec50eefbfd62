"""Making an index at once, of all that is recorded: entries, then blocks, then pairs, many streams to a round trip.

The end is that of taking them one by one. The index must be empty; each step needs the one before to be done for all.
Which streams share a block is found out in memory, from 12 bytes a key: at a million streams some 200 MB.
"""

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from domain.identity import Pair
from ml.identity import blocking
from ml.identity.decide import MOST_NEAR, known
from ml.identity.online import Linker, compared_in, named_keys
from readmodels.identity import Edges, Entry, IdentityIndex

TOGETHER, PAIRS = 1_000, 20_000
Numbers = npt.NDArray[np.uint64]


class Filling:
    """Of one linker's index. ``streams`` name a person; ``touched`` are those of them about which something is to be
    decided; ``pairs`` counts those that may be one person."""

    def __init__(self, linker: Linker, index: IdentityIndex) -> None:
        self._linker, self._index = linker, index
        self.streams: dict[UUID, None] = {}
        self.touched: dict[UUID, None] = {}
        self.pairs = 0
        self._blocked: list[UUID] = []
        self._keys, self._whose = array("q"), array("I")

    @property
    def compared(self) -> int:
        """Of how many streams something is known to compare."""
        return len(self._blocked)

    def chunks(self) -> Iterator[list[UUID]]:
        """The streams, so many at a time as go well together."""
        streams = list(self.streams)
        for at in range(0, len(streams), TOGETHER):
            yield streams[at : at + TOGETHER]

    def enter(self, folded: Mapping[UUID, Entry]) -> None:
        """Streams are as in ``folded`` now. Raises UnavailableError."""
        living = {stream: entry for stream, entry in folded.items() if not entry.node.gone}
        if gone := folded.keys() - living.keys():
            self._index.forget(gone)
        self._index.write(living)
        self.streams |= dict.fromkeys(known({stream: entry.node for stream, entry in living.items()}))
        for stream in gone:
            self.streams.pop(stream, None)

    def block(self, streams: Collection[UUID]) -> None:
        """Into their blocks, by what is compared of them. Raises UnavailableError."""
        entries = self._index.entries(streams)
        around = {other for each in entries.values() for other in each.node.linked[:MOST_NEAR]} - entries.keys()
        contacts = entries | (self._index.entries(around) if around else {})
        found, joined = dict[UUID, Entry](), dict[UUID, tuple[bytes, ...]]()
        for stream, entry in entries.items():
            node = entry.node
            if node.linked or node.likely or node.cut or node.vetoed:
                self.touched[stream] = None
            now = compared_in(entry, contacts)
            if now.secret.compared is not None:
                names = joined[stream] = self._index.names(named_keys(now.secret.compared))
                found[stream] = msgspec.structs.replace(now, keys=names)
        self._index.write(found)
        self._index.join(joined)
        for stream, names in joined.items():
            self._keys.extend(map(hash, names))
            self._whose.extend([len(self._blocked)] * len(names))
            self._blocked.append(stream)

    def candidates(self) -> Iterator[list[Pair]]:
        """Pairs that share a block which is small enough to tell something, each once, some at a time."""
        found = pairs_in(np.frombuffer(self._keys, np.int64), np.frombuffer(self._whose, np.uint32), blocking.MOST)
        for at in range(0, len(found), PAIRS):
            some = found[at : at + PAIRS]
            ones, others = (some >> np.uint64(32)).tolist(), (some & np.uint64(0xFFFFFFFF)).tolist()
            yield [(self._blocked[a], self._blocked[b]) for a, b in zip(ones, others, strict=True)]

    def pair(self, pairs: Sequence[Pair]) -> None:
        """Scores them; those that may be one person go into the index. Raises UnavailableError."""
        records = self._index.compared({stream for each in pairs for stream in each})
        found = dict[UUID, Edges]()
        for one, other in pairs:
            if one in records and other in records:
                weight = self._linker.weight(one, records[one], other, records[other])
                if weight is not None:
                    found.setdefault(one, {})[other] = weight
                    self.touched |= {one: None, other: None}
        self._index.link_all(found)
        self.pairs += sum(map(len, found.values()))


def pairs_in(keys: npt.NDArray[np.int64], whose: npt.NDArray[np.uint32], most: int) -> Numbers:
    """Pairs of numbers in ``whose`` that have a key in common which 2 to ``most`` have: the lesser one in the upper 32
    bits, sorted, each once. ``keys`` (N,), ``whose`` (N,): who has which key."""
    order = np.argsort(keys, kind="stable")
    keys, members = keys[order], whose[order].astype(np.uint64)
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, len(keys)))
    found: list[Any] = [np.zeros(0, np.uint64)]
    for size in range(2, most + 1):
        block = members[starts[sizes == size][:, None] + np.arange(size)]
        left, right = np.triu_indices(size, 1)
        one, other = block[:, left].ravel(), block[:, right].ravel()
        found.append(np.unique(np.minimum(one, other) << np.uint64(32) | np.maximum(one, other)))
    return np.unique(np.concatenate(found))
