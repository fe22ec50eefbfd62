"""Redis is wiped: known people are answered fully at once, from PostgreSQL; and everything comes back as a rebuild
would make it, whoever is killed meanwhile."""

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from adapters.redis import keys_like, wipe
from adapters.redis.reader import RedisReader
from app.children import Children
from app.demo import eshop
from app.load import wait_until_projected
from app.projecting import folding, refilling, runners
from app.projecting.bulk import fold_shards
from app.settings import Settings
from app.wiring import Wiring
from domain.identity import Identifier, IdentifierKind
from projections.runner import StoreRestartedError
from queries.ports import Person
from queries.recommend.ask import Wanted
from readmodels import keys
from readmodels.keys import Keys
from tests.app.looking import everything, wait_for
from tests.app.test_rebuild import assert_as_rebuilt, segment, shop
from tests.app.test_shards import CUSTOMERS, messages
from tests.namespaces import namespace

SHARDS = 2
ANSWER_S = 1.0


@pytest.fixture
def sharded(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    with namespace(settings, shards=SHARDS) as built:
        yield built


@pytest.fixture
def projectors(sharded: Wiring) -> Iterator[Children]:
    with Children(sharded.settings) as children:
        yield children


def bodies() -> list[bytes]:
    return list(eshop.batches(messages(), 25))


def wiped(wiring: Wiring) -> None:
    wipe(wiring.redis, f"{wiring.settings.namespace}:*")


def signed_in(wiring: Wiring) -> list[UUID]:
    """The streams of customers who are known, in the order of their numbers."""
    found = (wiring.directory.find(Identifier(kind=IdentifierKind.USER, value=f"u{n}")) for n in range(CUSTOMERS))
    return [stream for stream in found if stream]


def known(wiring: Wiring) -> UUID:
    """Somebody who has signed in."""
    return signed_in(wiring)[0]


def asked(wiring: Wiring, *streams: UUID) -> list[Person]:
    """What a web process that has just started hears of each stream, one after the other."""

    async def ask() -> list[Person]:
        reader = wiring.reader()
        try:
            return [(await reader.person(stream, patient=True))[0] for stream in streams]
        finally:
            await reader.close()

    return asyncio.run(ask())


def settled(wiring: Wiring) -> bool:
    return bool(wiring.generations.live()) and runners.lag(wiring) == 0


def kept(wiring: Wiring) -> bool:
    """Whether records are complete outside Redis."""
    return all(records.covered() == log.head() for records, log in zip(wiring.records, wiring.customers, strict=True))


def test_a_wiped_redis_answers_at_once_and_comes_back_as_a_rebuild(sharded: Wiring, projectors: Children) -> None:
    shop(sharded)
    projectors.start("project", "--follow")
    segment(sharded, iter(bodies()))
    wait_until_projected(sharded)
    wait_for(lambda: kept(sharded))
    before, stream = everything(sharded), known(sharded)
    (person,) = asked(sharded, stream)
    assert len(person.streams) > 1
    wiped(sharded)
    began = time.monotonic()
    (answer,) = asked(sharded, stream)
    assert time.monotonic() - began < ANSWER_S
    assert answer == person
    wait_for(lambda: settled(sharded))
    assert everything(sharded) == before
    projectors.stop()
    assert_as_rebuilt(sharded)


def test_without_a_projector_people_are_put_back_by_those_who_ask(sharded: Wiring) -> None:
    live = folding.start_generation(sharded)
    segment(sharded, islice(bodies(), 20))
    runners.catch_up(sharded, live)
    streams = signed_in(sharded)
    before, content = asked(sharded, *streams), everything(sharded)
    for key in keys_like(
        sharded.redis, Keys(sharded.settings.namespace, live.customers).person(UUID(int=0))[:-38] + "*"
    ):
        sharded.redis.delete(key)
    assert asked(sharded, *streams) == before
    again = everything(sharded)
    assert len([key for key in again if "person:" in key]) > len(streams)
    assert {key: content[key] for key in again} == again


def test_a_running_web_process_goes_on_recommending(sharded: Wiring) -> None:
    shop(sharded)
    segment(sharded, islice(bodies(), 20))
    runners.catch_up(sharded, folding.start_generation(sharded))

    async def ask() -> None:
        reader = sharded.reader()
        queries = sharded.queries(reader)
        first = await queries.recommend(Wanted("home", 5, deadline_ms=10_000), known(sharded))
        wiped(sharded)
        second = await queries.recommend(Wanted("home", 5, deadline_ms=10_000), known(sharded))
        assert (second.items, second.person_id, second.version) == (first.items, first.person_id, first.version)
        await reader.close()

    asyncio.run(ask())


def test_filling_that_is_killed_goes_on(sharded: Wiring, projectors: Children) -> None:
    segment(sharded, iter(bodies()))
    follow_and_stop(sharded, projectors)
    before = everything(sharded)
    wiped(sharded)
    new = folding.start_generation(sharded).customers
    assert [refilling.is_filling(sharded, new, shard) for shard in range(SHARDS)] == [True, True]

    def die(records: int) -> None:
        raise StoreRestartedError

    for shard in range(SHARDS):
        with pytest.raises(StoreRestartedError):
            refilling.fill_shard(sharded, new, shard, die)
    assert runners.lag(sharded) >= SHARDS
    assert any("person:" in key for key in everything(sharded))
    projectors.start("project", "--follow")
    wait_for(lambda: settled(sharded))
    projectors.stop()
    assert sharded.generations.live() == new
    assert everything(sharded) == before
    assert_as_rebuilt(sharded)


def follow_and_stop(wiring: Wiring, projectors: Children) -> None:
    projectors.start("project", "--follow")
    wait_for(wiring.generations.live)
    wait_until_projected(wiring)
    projectors.stop()
    assert kept(wiring)


def test_what_is_recorded_after_the_records_comes_from_the_log(sharded: Wiring, projectors: Children) -> None:
    first, second = bodies()[:30], bodies()[30:]
    segment(sharded, iter(first))
    follow_and_stop(sharded, projectors)
    segment(sharded, iter(second))
    wiped(sharded)
    live = folding.start_generation(sharded)
    covered = [records.covered() for records in sharded.records]
    events = runners.catch_up(sharded, live)
    assert 0 < events < sum(log.head() for log in sharded.customers)
    assert events == sum(log.head() - at for log, at in zip(sharded.customers, covered, strict=True))
    assert_as_rebuilt(sharded)


def test_where_nothing_is_kept_everything_comes_from_the_log(sharded: Wiring) -> None:
    segment(sharded, islice(bodies(), 10))
    heads = sum(log.head() for log in sharded.customers)
    assert runners.catch_up(sharded, folding.start_generation(sharded)) == heads
    wiped(sharded)
    assert runners.catch_up(sharded, folding.start_generation(sharded)) == heads
    assert_as_rebuilt(sharded)


def test_a_bulk_fold_keeps_records_where_they_are_not_complete(sharded: Wiring) -> None:
    segment(sharded, islice(bodies(), 20))
    runners.catch_up(sharded, folding.start_generation(sharded))
    expected, streams = everything(sharded), signed_in(sharded)
    assert [records.covered() for records in sharded.records] == [0, 0]
    new = sharded.generations.begin(0)
    heads = fold_shards(sharded, customers=new, statistics=new)
    assert [records.covered() for records in sharded.records] == list(heads.values())
    wiped(sharded)
    live = folding.start_generation(sharded)
    assert runners.catch_up(sharded, live) == 0
    assert everything(sharded) == expected
    assert all(person.streams for person in asked(sharded, *streams))


def test_who_was_erased_is_nobody(sharded: Wiring, projectors: Children) -> None:
    segment(sharded, islice(bodies(), 20))
    follow_and_stop(sharded, projectors)
    stream = known(sharded)
    others = [s for s in asked(sharded, stream)[0].streams if s != stream]
    with psycopg.connect(sharded._url("keys"), autocommit=True) as connection:
        connection.execute("DELETE FROM stream_key WHERE stream = %s", (stream,))
    wiped(sharded)
    with Wiring(sharded.settings) as elsewhere:
        erased, *left = asked(elsewhere, stream, *others)
    assert erased == Person(stream, {})
    assert all(stream not in person.streams and person.streams for person in left)


def test_the_tables_tell_of_nobody(sharded: Wiring, projectors: Children, tmp_path: Path) -> None:
    segment(sharded, islice(bodies(), 4))
    follow_and_stop(sharded, projectors)
    with psycopg.connect(sharded._url("log"), autocommit=True) as connection:
        text = ""
        for shard in range(SHARDS):
            for table in ("record", "statistics_part", "record_position"):
                rows: Any = connection.execute(f"SELECT * FROM shard_{shard}.{table}")  # type: ignore[call-overload]
                text += "".join(str(row) for row in rows.fetchall())
    assert text.count("UUID(") > 20
    assert "shop.example" not in text
    assert "user" not in text


def test_a_reader_without_rescue_knows_only_redis(sharded: Wiring) -> None:
    segment(sharded, islice(bodies(), 4))

    async def ask() -> None:
        reader = RedisReader(sharded.redis_url, sharded.settings.namespace)
        person, _ = await reader.person(UUID(int=5))
        assert person == Person(UUID(int=5), {})
        await reader.close()

    asyncio.run(ask())
    assert not sharded.redis.exists(keys.generations(sharded.settings.namespace))
