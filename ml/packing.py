"""Examples of many persons, packed into arrays as they are folded: a part of a training set, small to send."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ml.sequences import Floats, Rows, Sequences
from readmodels.features import NAMES, Example

_ENCODER = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class Packed:
    """E examples of P persons, with names of its own for items and categories.

    ``person`` (E,) 0 … P-1, ``session`` (E,) over all persons; ``of_digest`` (P,) a number from each person's content;
    ``values`` (E, F). ``named``: SKU → what channels said last of it.
    """

    skus: tuple[str, ...]
    categories: tuple[str, ...]
    at: NDArray[np.int64]
    tag: NDArray[np.int64]
    part: Rows
    kind: NDArray[np.uint8]
    weight: Floats
    target: Rows
    person: Rows
    session: Rows
    position: Rows
    history: Sequences
    history_at: NDArray[np.int64]
    history_kind: NDArray[np.uint8]
    affinities: Sequences
    affinity: Floats
    values: Floats
    of_digest: NDArray[np.uint64]
    named: dict[str, tuple[int, int, str | None, str | None]]

    def __len__(self) -> int:
        return len(self.at)


class Packer:
    """Takes persons one by one; holds numbers alone, and each name once."""

    def __init__(self) -> None:
        self._items: dict[str, int] = {}
        self._codes: dict[str, int] = {}
        self._named: dict[str, tuple[int, int, str | None, str | None]] = {}
        self._rows, self._digests, self._sessions = array("q"), array("Q"), 0
        self._weights, self._values = array("f"), array("f")
        self._lengths, self._act_items, self._act_ats, self._act_kinds = array("q"), array("i"), array("q"), array("B")
        self._spreads, self._share_codes, self._shares = array("q"), array("i"), array("f")

    def add(self, examples: Sequence[Example]) -> None:
        """One person's examples, in order."""
        if not examples:
            return
        person = len(self._digests)
        self._digests.append(_digest(examples))
        for each in examples:
            self._add(each, person)
        self._sessions += examples[-1].session + 1

    def _add(self, each: Example, person: int) -> None:
        items, seen = self._items, each.features
        target, session = items.setdefault(each.sku, len(items)), self._sessions + each.session
        self._rows.extend((each.at, each.tag, each.part, each.kind, target, person, session, each.position))
        self._weights.append(each.weight)
        self._values.extend(seen.values)
        self._lengths.append(len(seen.acts))
        if seen.acts:
            ats, _, _, kinds, skus = zip(*seen.acts, strict=True)
            self._act_ats.extend(ats)
            self._act_kinds.extend(kinds)
            self._act_items.extend([items.setdefault(sku, len(items)) for sku in skus])
        self._spreads.append(len(seen.categories))
        names, codes = sorted(seen.categories), self._codes
        self._share_codes.extend([codes.setdefault(name, len(codes)) for name in names])
        self._shares.extend([seen.categories[name] for name in names])
        if each.category or each.brand:
            self._name(each)

    def _name(self, each: Example) -> None:
        said, known = (each.at, each.tag, each.category, each.brand), self._named.get(each.sku)
        if known is None or newness(said) > newness(known):
            self._named[each.sku] = said

    def pack(self) -> Packed:
        """What was added, as arrays."""
        rows = np.array(self._rows, np.int64).reshape(-1, 8)
        return Packed(
            skus=tuple(self._items),
            categories=tuple(self._codes),
            at=rows[:, 0].copy(),
            tag=rows[:, 1].copy(),
            part=rows[:, 2].astype(np.int32),
            kind=rows[:, 3].astype(np.uint8),
            weight=np.array(self._weights, np.float32),
            target=rows[:, 4].astype(np.int32),
            person=rows[:, 5].astype(np.int32),
            session=rows[:, 6].astype(np.int32),
            position=rows[:, 7].astype(np.int32),
            history=Sequences(_indptr(self._lengths), np.array(self._act_items, np.int32)),
            history_at=np.array(self._act_ats, np.int64),
            history_kind=np.array(self._act_kinds, np.uint8),
            affinities=Sequences(_indptr(self._spreads), np.array(self._share_codes, np.int32)),
            affinity=np.array(self._shares, np.float32),
            values=np.array(self._values, np.float32).reshape(-1, len(NAMES)),
            of_digest=np.array(self._digests, np.uint64),
            named=self._named,
        )


def newness(said: tuple[int, int, str | None, str | None]) -> tuple[int, int, str, str]:
    """What orders what was said of an item: the latest counts."""
    return said[0], said[1], said[2] or "", said[3] or ""


def packed(persons: Iterable[Sequence[Example]]) -> Packed:
    """The examples of many persons."""
    packer = Packer()
    for examples in persons:
        packer.add(examples)
    return packer.pack()


def _digest(examples: Sequence[Example]) -> int:
    """64 bits of what a person did, which order persons whose examples are alike."""
    told: list[Any] = [(e.at, e.tag, e.part, e.kind, e.sku, e.features.values) for e in examples]
    return int.from_bytes(blake2b(_ENCODER.encode(told), digest_size=8).digest(), "big")


def _indptr(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(np.array(lengths, np.int64)))).astype(np.int64)
