"""The runner, step by step: what it confirms, when, and what it does while the store has not answered yet."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from projections import runner
from projections.runner import Runner, StoreRestartedError
from tests.projections.test_runner import MemoryFeed, MemoryPositions, Seeing


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirms at every step."""
    monkeypatch.setattr(runner, "CONFIRM_EVERY_S", 0.0)


class Disk:
    """Answers in turn, but only once it is let go."""

    def __init__(self, *answers: bool) -> None:
        self._answers = iter(answers)
        self.go = threading.Event()
        self.asked = 0

    def confirm(self) -> bool:
        self.asked += 1
        assert self.go.wait(10)
        return next(self._answers)


def running(confirm: Callable[[], bool], batches: int = 5, **more: Any) -> tuple[Runner, Seeing, MemoryPositions]:
    seeing, positions = Seeing(), MemoryPositions()
    return Runner(MemoryFeed(batches), [("p", seeing)], positions, start=0, confirm=confirm, **more), seeing, positions


def stepping(one: Runner) -> Iterator[int]:
    """Steps until the store's answer has come; the position confirmed after each."""
    before = one.confirmed
    for _ in range(100_000):
        one.step(0)
        yield one.confirmed
        if one.confirmed != before:
            return


def test_folding_goes_on_while_the_store_has_not_answered_and_the_position_stays() -> None:
    disk = Disk(True, True)
    one, seeing, positions = running(disk.confirm)
    with one:
        for _ in range(5):
            one.step(0)
        assert (one.position, one.confirmed, positions.load("p"), seeing.seen) == (5, 0, 0, [1, 2, 3, 4, 5])
        disk.go.set()
        *_, confirmed = stepping(one)
        assert confirmed == 1 == positions.load("p"), "only what was written before it was asked"
    assert positions.load("p") == 5 and disk.asked == 2


def test_it_is_asked_about_one_position_at_a_time_and_only_about_news() -> None:
    disk = Disk(True)
    one, _, positions = running(disk.confirm, batches=1)
    disk.go.set()
    with one:
        *_, confirmed = stepping(one)
        assert confirmed == 1
        one.step(0)
        one.step(0)
    assert disk.asked == 1 and positions.load("p") == 1


def test_a_no_is_asked_again_and_moves_nothing() -> None:
    disk = Disk(False, False, True)
    one, _, positions = running(disk.confirm, batches=2)
    disk.go.set()
    with one:
        one.step(0)
        one.settle()
        assert one.confirmed == 0 and positions.load("p") == 0
        one.step(0)
        one.settle()
    assert positions.load("p") == 2


def test_what_another_run_of_the_store_says_is_not_believed() -> None:
    runs = iter(["first", "first", "second"])
    one, _, positions = running(lambda: True, identity=lambda: next(runs))
    one.step(0)
    one.settle()
    one.step(0)
    with pytest.raises(StoreRestartedError):
        one.settle()
    assert positions.load("p") == 1 == one.confirmed


def test_an_error_of_the_store_is_told_and_moves_nothing() -> None:
    def confirm() -> bool:
        raise ConnectionError

    one, _, positions = running(confirm)
    one.step(0)
    with pytest.raises(ConnectionError):
        one.settle()
    assert positions.load("p") == 0


def test_it_begins_where_it_is_told_and_counts_what_it_projects() -> None:
    seeing = Seeing()
    with Runner(MemoryFeed(1), [("p", seeing)], MemoryPositions(), start=7) as one:
        assert (one.position, one.confirmed) == (7, 7)
        assert [one.step(0), one.step(0)] == [1, 0]
        assert seeing.flushed == 1
