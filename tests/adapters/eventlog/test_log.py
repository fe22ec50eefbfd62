"""The log on a real server: conflicts, many streams at once, following, and a server that goes away."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from adapters.directory import new_stream_id
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.process import wait_until
from adapters.embedded.sockets import socket_folder
from adapters.eventlog.feed import LiveFeed, PostgresPositions, ReplayFeed
from adapters.eventlog.log import PostgresLog
from adapters.eventlog.mapper import SealingMapper
from adapters.keys import Keyring
from adapters.keys.wrapping import WrappingKeys
from adapters.postgres import Database
from app.wiring import Wiring
from commands.browse import RecordSearch
from commands.ports import ConflictError, UnavailableError
from domain.customer import Customer
from domain.identity import Identifier, IdentifierKind
from domain.product import Product
from domain.values import Channel

AT = datetime(2025, 6, 6, tzinfo=UTC)
WHO = Identifier(kind=IdentifierKind.USER, value="u1")
WRITERS, EACH, AT_ONCE = 4, 2_000, 50


def opened(stream: UUID, searches: int = 0) -> Customer:
    customer = Customer.open(stream, WHO, occurred_at=AT, channel=Channel.WEB)
    search(customer, searches)
    return customer


def search(customer: Customer, times: int = 1) -> None:
    for n in range(times):
        source = f"{customer.version}-{n}"
        customer.record(Customer.Searched, source_id=source, occurred_at=AT, channel=Channel.WEB, query="q")


def test_many_streams_are_saved_at_once_and_loaded_at_once(wiring: Wiring) -> None:
    log = wiring.customers[0]
    made = {s: opened(s, searches=n % 3) for n, s in enumerate(new_stream_id() for _ in range(300))}
    assert log.save(made.values()) == 300 + 300
    assert log.head() == 600
    found = log.load([*made, new_stream_id()])
    assert {s: c.version for s, c in found.items()} == {s: c.version for s, c in made.items()}
    assert all(found[s].sources == made[s].sources for s in made)
    assert log.load([]) == {}


def test_of_two_writers_of_one_version_one_wins(wiring: Wiring) -> None:
    log, stream = wiring.customers[0], new_stream_id()
    log.save([opened(stream)])
    one, other = log.load([stream])[stream], log.load([stream])[stream]
    search(one)
    search(other)
    bystander = opened(new_stream_id())
    log.save([one])
    with pytest.raises(ConflictError):
        log.save([bystander, other])
    assert log.head() == 2  # the whole of the other's save is refused
    assert log.load([bystander.id]) == {}


def test_a_stream_is_opened_once(wiring: Wiring) -> None:
    log, stream = wiring.customers[0], new_stream_id()
    both = [opened(stream), opened(stream)]
    log.save(both[:1])
    with pytest.raises(ConflictError):
        log.save(both[1:])


def test_a_thousand_conflicts_lose_nothing_and_double_nothing(wiring: Wiring) -> None:
    """Two buses that know nothing of each other race for every version of one stream."""
    together = threading.Barrier(2)

    def write(name: str) -> int:
        bus, recorded = wiring.bus(), 0
        for n in range(500):
            together.wait(30)
            command = RecordSearch(
                identifiers=(WHO,), source_id=f"{name}{n}", occurred_at=AT, channel=Channel.WEB, query="q"
            )
            recorded += bus.dispatch([command])[0].events
        return recorded

    with ThreadPoolExecutor(2) as threads:
        recorded = list(threads.map(write, "ab"))
    ((_, events),) = wiring.customers[0].streams(wiring.directory.claim([WHO]).values())
    assert sum(recorded) == 1000
    sources = [e.source_id for e in events if isinstance(e, Customer.Searched)]
    assert sorted(sources) == sorted(f"{name}{n}" for name in "ab" for n in range(500))
    assert [e.originator_version for e in events] == list(range(1, 1002))


def test_products_live_in_a_log_of_their_own(wiring: Wiring) -> None:
    product = Product.open("A", occurred_at=AT)
    wiring.catalogue.save([product])
    assert (wiring.catalogue.head(), wiring.customers[0].head()) == (1, 0)
    assert wiring.catalogue.load([product.id])[product.id].sku == "A"


def test_following_misses_nothing_of_many_writers(wiring: Wiring) -> None:
    log = wiring.customers[0]
    with ThreadPoolExecutor(WRITERS) as threads, LiveFeed(log, 0) as feed:
        writing = [threads.submit(_write_many, log) for _ in range(WRITERS)]
        positions, facts = _follow(feed, until=WRITERS * EACH)
        saved = {fact for writer in writing for fact in writer.result()}
    assert len(positions) == WRITERS * EACH
    assert all(a < b for a, b in pairwise(positions))
    assert set(facts) == saved


def test_following_begins_after_the_position_given(wiring: Wiring) -> None:
    log = wiring.customers[0]
    log.save([opened(new_stream_id(), searches=9)])
    with LiveFeed(log, 7) as feed:
        assert _follow(feed, until=3)[0] == [8, 9, 10]


def test_what_was_recorded_before_listening_began_arrives_too(wiring: Wiring) -> None:
    """Nobody gives notice of it: so it is here, where the feed listens to another channel than is notified."""
    log = wiring.customers[0]
    given, log.recorder.channel_name = log.recorder.channel_name, "elsewhere"
    try:
        with LiveFeed(log, 0) as feed:
            assert feed.next_batch(0.05) == []
            log.recorder.channel_name = given
            log.save([opened(new_stream_id(), searches=2)])
            assert _follow(feed, until=3)[0] == [1, 2, 3]
    finally:
        log.recorder.channel_name = given


def test_replay_ends_where_it_is_told_to(wiring: Wiring) -> None:
    log = wiring.customers[0]
    log.save([opened(new_stream_id(), searches=19)])
    feed = ReplayFeed(log, 3, 17, limit=5)
    batches = [[r.position for r in batch] for batch in iter(lambda: feed.next_batch(0), [])]
    assert batches == [[4, 5, 6, 7, 8], [9, 10, 11, 12, 13], [14, 15, 16, 17]]


def test_positions_only_rise(wiring: Wiring) -> None:
    positions = PostgresPositions(wiring.customers[0])
    assert positions.load("g1:1") == 0
    for position in (5, 9, 9, 7):
        positions.save("g1:1", position)
    positions.save("g2:1", 3)
    assert (positions.load("g1:1"), positions.load("g2:1")) == (9, 3)
    assert sorted(positions.projections()) == ["g1:1", "g2:1"]


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that the test may stop. Its socket's path has to be short."""
    sockets = socket_folder(tmp_path)
    sockets.mkdir(mode=0o700)
    server = EmbeddedPostgres(tmp_path / "postgres", sockets)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        sockets.rmdir()


def test_a_server_that_is_down_is_told_soon_and_works_again_when_it_is_back(
    own_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    database = Database(own_server.url)
    keyring = Keyring(database, WrappingKeys(tmp_path / "keys", bytes(32)))
    keyring.create_tables()
    mapper = SealingMapper(keyring, bytes(32))
    PostgresLog(own_server.url, mapper, keyring, schema="public", create=True).close()
    log = PostgresLog(own_server.url, mapper, keyring, schema="public")
    stream = new_stream_id()
    log.save([opened(stream)])
    known = log.load([stream])[stream]
    with LiveFeed(log, 1) as feed:
        own_server.stop()
        acts = (
            lambda: log.save([opened(new_stream_id())]),
            lambda: log.save([_searched(known)]),
            lambda: log.load([stream]),
            lambda: log.read(0, 10),
            log.head,
            lambda: wait_until(lambda: bool(feed.next_batch(0.05)), 9),
        )
        with ThreadPoolExecutor(len(acts)) as threads:
            list(threads.map(_refused_soon, acts))
    own_server.start()
    assert wait_until(lambda: _works(lambda: log.save([_searched(log.load([stream])[stream])])), 5)
    assert log.load([stream])[stream].version >= 2
    log.close()
    database.close()


def test_a_connection_that_the_server_dropped_costs_no_save(wiring: Wiring) -> None:
    log = wiring.customers[0]
    log.save([opened(new_stream_id())])
    with psycopg.connect(wiring.postgres_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE %s",
            (f"%{wiring.settings.namespace}%",),
        )
    log.save([opened(new_stream_id())])
    assert len(log.read(0, 10)) == 2


def _searched(customer: Customer) -> Customer:
    search(customer)
    return customer


def _works(act: Callable[[], object]) -> bool:
    try:
        act()
    except UnavailableError:
        return False
    return True


def _refused_soon(act: Callable[[], object]) -> None:
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        act()
    assert time.monotonic() - began < 10


def _write_many(log: PostgresLog) -> list[tuple[UUID, int]]:
    written: list[tuple[UUID, int]] = []
    for _ in range(EACH // AT_ONCE):
        customer = opened(new_stream_id(), searches=AT_ONCE - 1)
        log.save([customer])
        written += [(customer.id, version) for version in range(1, AT_ONCE + 1)]
    return written


def _follow(feed: LiveFeed, until: int) -> tuple[list[int], list[tuple[UUID, int]]]:
    """Positions, and (stream, version) of the events, until there are so many."""
    positions: list[int] = []
    facts: list[tuple[UUID, int]] = []

    def enough() -> bool:
        for recorded in feed.next_batch(0.1):
            positions.append(recorded.position)
            facts.append((recorded.event.originator_id, recorded.event.originator_version))
        return len(positions) >= until

    assert wait_until(enough, 60)
    return positions, facts
