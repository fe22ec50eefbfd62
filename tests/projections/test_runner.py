"""The runner: a position moves only after the store has confirmed."""

from collections.abc import Sequence

import pytest

from domain.customer import Customer
from domain.values import Channel
from projections.ports import Recorded
from projections.runner import Runner, StoreRestartedError
from tests.projections.facts import START, recorded

SEARCH = {
    "class": Customer.Searched,
    "occurred_at": START,
    "source_id": "s",
    "channel": Channel.WEB,
    "query": "skirt",
}


class MemoryFeed:
    def __init__(self, batches: int) -> None:
        self._left = [
            [Recorded(n, event) for event in recorded([])] or [Recorded(n, None)] for n in range(1, batches + 1)
        ]  # type: ignore[arg-type]

    def next_batch(self, timeout_s: float) -> Sequence[Recorded]:
        return self._left.pop(0) if self._left else ()


class MemoryPositions(dict[str, int]):
    def load(self, projection: str) -> int:
        return self.get(projection, 0)

    def save(self, projection: str, position: int) -> None:
        self[projection] = max(position, self.load(projection))


class Seeing:
    """A projection that remembers what it saw and when it was flushed."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.flushed = 0
        self.held: int | None = None

    def apply(self, batch: Sequence[Recorded]) -> None:
        self.seen += [each.position for each in batch]

    def flush(self, *, idle: bool) -> None:
        self.flushed = len(self.seen)

    def stored(self, position: int) -> int:
        return position if self.held is None else min(position, self.held)

    def restart(self) -> None:
        self.seen.clear()


def test_leaving_confirms_everything() -> None:
    positions, seeing = MemoryPositions(), Seeing()
    with Runner(MemoryFeed(3), [("p", seeing)], positions, start=0) as runner:
        assert sum(runner.step(0) for _ in range(4)) == 3
        assert positions.load("p") == 0
    assert positions.load("p") == 3
    assert seeing.flushed == 3


def test_what_is_not_on_disk_is_not_confirmed() -> None:
    positions = MemoryPositions()
    with Runner(MemoryFeed(2), [("p", Seeing())], positions, start=0, confirm=lambda: False) as runner:
        runner.step(0)
    assert positions.load("p") == 0


def test_a_store_that_came_back_as_another_run_stops_the_runner() -> None:
    positions, runs = MemoryPositions(), iter(["first", "second"])
    runner = Runner(MemoryFeed(2), [("p", Seeing())], positions, start=0, identity=lambda: next(runs))
    runner.step(0)
    with pytest.raises(StoreRestartedError):
        runner.settle()
    assert positions.load("p") == 0


def test_an_error_confirms_nothing() -> None:
    positions = MemoryPositions()
    with pytest.raises(RuntimeError), Runner(MemoryFeed(2), [("p", Seeing())], positions, start=0) as runner:
        runner.step(0)
        raise RuntimeError
    assert positions.load("p") == 0


def test_what_is_held_back_is_not_confirmed_and_the_others_are() -> None:
    positions, at_once, later = MemoryPositions(), Seeing(), Seeing()
    later.held = 2
    with Runner(MemoryFeed(3), [("a", at_once), ("b", later)], positions, start=0) as runner:
        while runner.step(0):
            pass
        runner.settle()
        assert (positions.load("a"), positions.load("b"), runner.confirmed) == (3, 2, 2)
        later.held = None
    assert (positions.load("b"), runner.confirmed) == (3, 3)


def test_of_several_with_one_position_the_least_counts() -> None:
    positions, one, other = MemoryPositions(), Seeing(), Seeing()
    one.held = 1
    with Runner(MemoryFeed(3), [("p", one), ("p", other)], positions, start=0) as runner:
        while runner.step(0):
            pass
    assert positions.load("p") == 1
