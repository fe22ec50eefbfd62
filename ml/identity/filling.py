"""Making an index at once, of all that is recorded: entries, then blocks, then pairs, many streams to a round trip.

The end is that of taking them one by one. The index must be empty; each step needs the one before to be done for all.
"""

from collections.abc import Collection, Iterator, Mapping
from uuid import UUID

import msgspec

from domain.identity import pair
from ml.identity import blocking
from ml.identity.decide import MOST_NEAR, known
from ml.identity.online import Linker, compared_in, named_keys
from readmodels.identity import Edges, Entry, IdentityIndex

TOGETHER = 1_000


class Filling:
    """Of one linker's index. ``streams`` name a person; ``touched`` are those of them about which something is to be
    decided; ``compared`` and ``pairs`` count."""

    def __init__(self, linker: Linker, index: IdentityIndex) -> None:
        self._linker, self._index = linker, index
        self.streams: dict[UUID, None] = {}
        self.touched: dict[UUID, None] = {}
        self.compared = self.pairs = 0

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
        self.compared += len(found)

    def pair(self, streams: Collection[UUID]) -> None:
        """Scores them with whoever shares a block and has a greater id. Raises UnavailableError."""
        names = self._index.keys_of(streams)
        blocks = self._index.members({name for each in names.values() for name in each}, blocking.MOST + 1)
        small = {name: block for name, block in blocks.items() if len(block) <= blocking.MOST}
        near = {s: {o for name in each if name in small for o in small[name] if o > s} for s, each in names.items()}
        paired = {stream: others for stream, others in near.items() if others}
        records = self._index.compared(paired.keys() | {other for others in paired.values() for other in others})
        found = dict[UUID, Edges]()
        for stream in paired.keys() & records.keys():
            for other in paired[stream] & records.keys():
                weight = self._linker.weight(stream, records[stream], other, records[other])
                if weight is not None:
                    found.setdefault(stream, {})[other] = weight
                    self.touched |= dict.fromkeys(pair(stream, other))
        self._index.link_all(found)
        self.pairs += sum(map(len, found.values()))
