"""An index that is made at once is the one that came of one event after another."""

import random
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.identity import IdentifierKind
from ml.identity import blocking, filling
from ml.identity.filling import Filling
from ml.identity.online import Linker, Touched
from projections.identity import fold
from readmodels.identity import Entry
from tests.ml.identity.index import MemoryIndex
from tests.ml.identity.test_online import ACTS, KINDS, LIMITS, OneByOne, World, act, scorer


def filled(world: World, chance: random.Random) -> tuple[MemoryIndex, Linker, Filling]:
    """In batches that cut streams anywhere."""
    index = MemoryIndex()
    linker = Linker(scorer(), index, LIMITS)
    making, left = Filling(linker, index), list(world.order)
    while left:
        some, left = left[: (size := chance.randint(1, 9))], left[size:]
        events: dict[UUID, list[Any]] = {}
        for event in some:
            events.setdefault(event.originator_id, []).append(event)
        before = index.entries(events)
        making.enter({stream: fold(before.get(stream, Entry()), new) for stream, new in events.items()})
    for streams in making.chunks():
        making.block(streams)
    for pairs in making.candidates():
        making.pair(pairs)
    return index, linker, making


def known(index: MemoryIndex) -> Mapping[UUID, tuple[Any, ...]]:
    """All but marks of what told it, and of streams that name nobody."""
    return {
        s: (e.node.version, e.node.kind, e.secret.compared, set(e.keys))
        for s, e in index.kept.items()
        if not e.node.gone
    }


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from(KINDS), min_size=2, max_size=9), ACTS, st.integers(0, 2**32), st.integers(1, 4))
def test_at_once_is_one_by_one(
    kinds: list[IdentifierKind], acts: list[tuple[str, int, int]], seed: int, together: int
) -> None:
    chance, world = random.Random(seed), World(kinds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocking, "MOST", 3)
        patch.setattr(filling, "TOGETHER", together)
        patch.setattr(filling, "PAIRS", together)
        linking = OneByOne(world)
        for each in acts:
            act(world, *each, chance)
            if chance.random() < 0.5:
                linking.follow(chance)
        linking.follow(chance)
        index, linker, making = filled(world, chance)
        assert known(index) == known(linking.index)
        for which in ("blocks", "pairs"):
            mine, theirs = ({k: v for k, v in getattr(i, which).items() if v} for i in (index, linking.index))
            assert mine == theirs
        streams = list(making.touched)
        acts_left = [a for s in streams for a in linker.settle(Touched({s}, set()))]
        assert acts_left == [], "what is recorded is not recorded again"
        assert index.queue == linking.index.queue
