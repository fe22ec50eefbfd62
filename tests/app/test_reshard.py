"""Shards moved while the log is in use: everything acknowledged is there once, and the read models are as rebuilt."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from psycopg import connect

from adapters.eventlog import fence
from app.children import Children
from app.projecting import folding, runners
from app.sharding.reshard import abort, reshard
from app.wiring import Wiring
from commands.browse import RecordView
from commands.ports import MovedError, Progress, UnavailableError
from domain.customer import Customer
from domain.identity import Identifier, IdentifierKind
from domain.sharding import shard_of
from domain.values import Channel
from tests.app.looking import wait_for
from tests.app.test_rebuild import assert_as_rebuilt

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = 40
BATCH = 5


def view(number: int) -> RecordView:
    """A view by one of a few visitors, some of whom are signed in, so that links go from shard to shard."""
    visitor = number % PEOPLE
    who = [Identifier(kind=IdentifierKind.ANONYMOUS, value=f"a{visitor}")]
    if number % 7 == 0:
        who.append(Identifier(kind=IdentifierKind.USER, value=f"u{visitor // 2}"))
    return RecordView(
        identifiers=tuple(who), source_id=f"s{number}", occurred_at=NOW, channel=Channel.WEB, sku=f"S{number % 11}"
    )


class Writer:
    """Records views without end, each batch again until it is acknowledged."""

    def __init__(self, wiring: Wiring) -> None:
        self._bus, self._stop = wiring.bus(), threading.Event()
        self.acknowledged, self.refused = 0, 0

    def run(self) -> None:
        """Until stopped."""
        while not self._stop.is_set():
            batch = [view(self.acknowledged + n) for n in range(BATCH)]
            try:
                self._bus.dispatch(batch)
                self.acknowledged += BATCH
            except UnavailableError:
                self.refused += 1

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        """In a thread of its own; returns when something is acknowledged."""
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            wait_for(lambda: self.acknowledged)
            yield self
        finally:
            self._stop.set()
            thread.join()


def write(wiring: Wiring, numbers: Sequence[int]) -> None:
    """Records these views."""
    wiring.bus().dispatch([view(n) for n in numbers])


def sources(wiring: Wiring) -> Counter[str]:
    """How often each view is in the log; each stream is in its shard, whole, and positions have no gap."""
    found: Counter[str] = Counter()
    shards = tuple(wiring.customers)
    for number, log in enumerate(shards):
        events = log.read(0, 1_000_000)
        versions: Counter[object] = Counter()
        for stored in events:
            versions[stored.originator_id] += 1
            assert stored.originator_version == versions[stored.originator_id]
            assert shard_of(stored.originator_id, len(shards)) == number  # type: ignore[arg-type]
        found.update(e.source_id for e in log.decode_all(events) if isinstance(e, Customer.ProductViewed))
    return found


def assert_once(wiring: Wiring, acknowledged: int) -> None:
    """All that was acknowledged is there, nothing twice. What was not acknowledged may be there, once."""
    found = sources(wiring)
    assert {f"s{n}" for n in range(acknowledged)} <= found.keys()
    assert set(found.values()) == {1}


def test_one_four_three_shards_under_load(wiring: Wiring) -> None:
    with Children(wiring.settings) as children, wiring.shards.watched():
        children.start("project", "--follow")
        with Writer(wiring).writing() as writer:
            for to in (4, 3):
                before = writer.acknowledged
                with Wiring(wiring.settings) as elsewhere:
                    done = reshard(elsewhere, to)
                assert (done.moved, done.shards) == (True, to)
                wait_for(lambda: len(wiring.customers) == to and writer.acknowledged > before + 50 * BATCH)  # noqa: B023
        wait_for(lambda: runners.lag(wiring) == 0 and folding.is_of_these_shards(wiring))
    assert writer.refused
    assert len(wiring.customers) == 3
    assert_once(wiring, writer.acknowledged)
    assert_as_rebuilt(wiring)


def test_a_closed_shard_takes_nothing_and_opens_again(wiring: Wiring) -> None:
    write(wiring, range(10))
    log, place = wiring.customers[0], wiring.place(wiring.layout(), 0)
    head = log.head()
    log.save((), Progress("cluster/topic", {0: 10}))
    with connect(place.url, autocommit=True) as connection:
        fence.close(connection, place.schema, 2)
        with pytest.raises(MovedError):
            write(wiring, range(10, 20))
        with pytest.raises(MovedError):
            log.save((), Progress("cluster/topic", {0: 20}))
        assert (log.head(), log.consumed("cluster/topic")) == (head, {0: 10})
        assert abort(wiring) is False
    write(wiring, range(10, 20))
    assert_once(wiring, 20)


def test_offsets_are_carried_as_the_least_of_those_that_all_shards_know(wiring: Wiring) -> None:
    write(wiring, range(10))
    reshard(wiring, 2)
    for log, offsets in zip(wiring.customers, ({0: 10, 1: 7}, {0: 8, 1: 9, 2: 1}), strict=True):
        log.save((), Progress("cluster/topic", offsets))
    reshard(wiring, 3)
    assert [log.consumed("cluster/topic") for log in wiring.customers] == [{0: 8, 1: 7}] * 3


def test_an_empty_log_and_the_same_number_again(wiring: Wiring) -> None:
    assert reshard(wiring, 3).events == 0
    again = reshard(wiring, 3)
    assert (again.moved, again.shards, again.epoch) == (False, 3, wiring.layout().epoch)
    write(wiring, range(30))
    assert_once(wiring, 30)


def test_old_shards_stay_until_they_are_dropped(wiring: Wiring) -> None:
    write(wiring, range(50))
    reshard(wiring, 2)
    assert schemas(wiring) == {"shard_0", "e2_shard_0", "e2_shard_1"}
    assert reshard(wiring, 2, drop_old=True).dropped == 1
    assert schemas(wiring) == {"e2_shard_0", "e2_shard_1"}
    with Wiring(wiring.settings) as again:
        again.provision()
        assert_once(again, 50)
    assert schemas(wiring) == {"e2_shard_0", "e2_shard_1"}


def schemas(wiring: Wiring) -> set[str]:
    """All shards' schemas on the main server."""
    with connect(wiring.place(wiring.layout(), 0).url) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ 'shard_[0-9]+$'").fetchall()
    return {name for (name,) in found}
