"""Recommendations of recorded people while Redis, PostgreSQL or both are away, over real logs and records."""

import asyncio
from itertools import islice
from typing import Any

import pytest

from adapters.directory import PostgresDirectory
from adapters.directory.finding import Finding, Waits
from adapters.keys.wrapping import derive
from adapters.postgres import Database
from adapters.redis.persons import Limits
from adapters.redis.reader import RedisReader
from adapters.redis.rescue import Rescue
from app.projecting import folding, runners
from app.wiring import Wiring
from domain.identity import Identifier, IdentifierKind
from queries.answers import Recommendations
from queries.reader import Queries
from queries.recommend.ask import Wanted
from tests.app.looking import wait_for
from tests.app.test_refill import bodies, segment, signed_in
from tests.queries.serving import recommender

NO_REDIS, NO_POSTGRES = "redis://127.0.0.1:1/0", "host=127.0.0.1 port=1 dbname=none connect_timeout=1"
LIMITS = Limits(redis_s=2.0, rescue_s=10.0)


def recommended(wiring: Wiring, who: Any, *, redis: bool = True, postgres: bool = True) -> Recommendations:
    """What a process answers that has just started, and for which these servers are away."""
    down = Database(NO_POSTGRES, timeout=0.2)
    directory = wiring.directory if postgres else PostgresDirectory(down, derive(wiring.master, "bespoke directory"))

    async def ask() -> Recommendations:
        rescue = Rescue(wiring.kept, wiring.settler) if postgres else None
        reader = RedisReader(wiring.redis_url if redis else NO_REDIS, wiring.settings.namespace, rescue, limits=LIMITS)
        try:
            finding = Finding(directory, reader.tracked, wiring.settings.namespace, Waits(2.0, 10.0))
            queries = Queries(reader, finding, wiring.customers, wiring.catalogue, recommender())
            return await queries.recommend(Wanted("home", 5, deadline_ms=10_000), who)
        finally:
            await reader.close()
            down.close()

    return asyncio.run(ask())


@pytest.fixture
def projected(wiring: Wiring) -> Wiring:
    live = folding.start_generation(wiring)
    segment(wiring, islice(bodies(), 20))
    runners.catch_up(wiring, live)
    return wiring


def test_each_server_may_be_away(projected: Wiring) -> None:
    stream = signed_in(projected)[0]
    user = next(
        Identifier(kind=IdentifierKind.USER, value=f"u{n}")
        for n in range(100)
        if projected.directory.find(Identifier(kind=IdentifierKind.USER, value=f"u{n}")) == stream
    )
    all_there = recommended(projected, user)
    assert (all_there.degraded, all_there.served) == ((), "full") and all_there.version > 0
    same = all_there.person_id, all_there.version

    without_redis = recommended(projected, user, redis=False)
    assert (without_redis.degraded, without_redis.served) == (("redis",), "cached")
    assert (without_redis.person_id, without_redis.version) == same

    wait_for(lambda: list(projected.redis.scan_iter(match=f"{projected.settings.namespace}:identifier:*")))
    without_postgres = recommended(projected, user, postgres=False)
    assert (without_postgres.degraded, without_postgres.served) == ((), "full")
    assert (without_postgres.person_id, without_postgres.version) == same

    alone = recommended(projected, user, redis=False, postgres=False)
    assert (alone.degraded, alone.served, alone.person_id) == (("directory", "redis"), "popular", None)
